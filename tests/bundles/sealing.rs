//! The same runs give the same file, wherever and whenever they are sealed.

use std::fs::{self, File};
use std::time::Duration;

use super::{BUNDLE, Place, SEAL, collect};

#[test]
fn what_is_sealed_verifies_and_replays() {
    let place = Place::new();
    for command in ["verify", "replay"] {
        let ran = place.on(command, BUNDLE, &[]).succeeded();
        assert!(!ran.stdout.contains("differs"), "{}", ran.page());
    }
}

#[test]
fn a_second_seal_elsewhere_at_another_time_has_the_same_bytes() {
    let place = Place::new();
    // Files that were touched an hour later.
    let mut files = super::Files::new();
    collect(&place.sandbox.path("runs"), "runs", &mut files);
    for path in files.keys() {
        let file = File::options()
            .write(true)
            .open(place.sandbox.path(path))
            .unwrap();
        let made = file.metadata().unwrap().modified().unwrap();
        let later = made + Duration::from_secs(3_600);
        file.set_modified(later).unwrap();
    }
    let sealed = place.bytes(BUNDLE);
    fs::remove_file(place.sandbox.path(BUNDLE)).unwrap();
    let mut seal = place.sandbox.command(SEAL);
    seal.env("TZ", "Pacific/Kiritimati")
        .env("LANG", "tr_TR.UTF-8");
    place.sandbox.run(&mut seal).succeeded();
    assert!(place.bytes(BUNDLE) == sealed);
}

#[test]
fn the_time_of_a_seal_shows_in_the_zip_and_not_in_the_manifest() {
    let place = Place::new();
    let digest = |bundle: &str| {
        let inspect = ["inspect", bundle, "--json"];
        place.bundle(&inspect).json()["digest"].clone()
    };
    let (sealed, manifest) = (place.bytes(BUNDLE), digest(BUNDLE));
    fs::remove_file(place.sandbox.path(BUNDLE)).unwrap();
    let mut seal = place.sandbox.command(SEAL);
    seal.env("SOURCE_DATE_EPOCH", "1767225600");
    place.sandbox.run(&mut seal).succeeded();
    let dated = place.bytes(BUNDLE);
    assert_eq!(digest(BUNDLE), manifest);
    assert_eq!(dated.len(), sealed.len());
    // Time and date: four bytes in each entry's two headers.
    let differing = dated
        .iter()
        .zip(&sealed)
        .filter(|(one, other)| one != other);
    let members = place.on("verify", BUNDLE, &["--json"]).json()["members"].as_u64();
    let entries = members.unwrap() as usize + 2;
    assert!((1..=8 * entries).contains(&differing.count()));

    fs::remove_file(place.sandbox.path(BUNDLE)).unwrap();
    let mut seal = place.sandbox.command(SEAL);
    seal.env("SOURCE_DATE_EPOCH", "yesterday");
    let ran = place.sandbox.run(&mut seal);
    super::refused_for(&ran, "SOURCE_DATE_EPOCH is no number of seconds since 1970");
    assert!(!place.exists(BUNDLE));
}

#[test]
fn a_seal_says_the_same_to_a_script_as_to_a_person() {
    let place = Place::new();
    let seal = [
        "seal",
        "runs/noop",
        "--key",
        "ada.key",
        "--json",
        "--out",
        "noop.bundle",
    ];
    let said = place.bundle(&seal).json();
    assert_eq!(said["bytes"], place.bytes("noop.bundle").len());
    assert_eq!(said["runs"], serde_json::json!(["noop"]));
    let verified = place.on("verify", "noop.bundle", &["--json"]).json();
    assert_eq!(said["digest"], verified["digest"]);
    assert_eq!(said["members"], verified["members"]);
    assert_eq!(said["key"], verified["vouched"][0]["key"]);
}
