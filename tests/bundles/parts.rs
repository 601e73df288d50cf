//! Bundles compared, and put together of parts.

use serde_json::Value;

use super::{BUNDLE, Place, SEAL, refused_for};
use crate::records::SMALL;
use crate::telemetry::outside_wall;

/// A run of one part of the tasks, sealed under one name for all parts.
fn shard(place: &Place, shard: &str, seed: &str) -> String {
    let part = shard.replace('/', "-");
    let (run, bundle) = (
        format!("parts/{seed}-{part}"),
        format!("{seed}-{part}.bundle"),
    );
    let mut options = vec![
        "run",
        "--suite",
        SMALL,
        "--policy",
        "student-sim",
        "--seed",
        seed,
    ];
    options.extend(["--param", "mistakes=0.5", "--trials", "2", "--out", &run]);
    if !shard.is_empty() {
        options.extend(["--shard", shard]);
    }
    place.proctor(&options).succeeded();
    let named = format!("student={run}");
    let seal = [
        "seal", &named, "--name", "parts", "--key", "ada.key", "--out", &bundle,
    ];
    place.bundle(&seal).succeeded();
    bundle
}

fn merge(place: &Place, bundles: &[&str], out: &str) -> crate::proctor::Ran {
    let options = [
        "merge",
        "--sealed-by",
        "ada.pub",
        "--key",
        "ada.key",
        "--out",
        out,
    ];
    place.bundle(&[&options, bundles].concat())
}

#[test]
fn equal_bundles_have_no_difference() {
    let place = Place::new();
    let mut again = SEAL;
    again[SEAL.len() - 1] = "again.bundle";
    place
        .proctor(&[&again[..], &["--name", "small"]].concat())
        .succeeded();
    let same = place.bundle(&["diff", BUNDLE, "again.bundle"]).succeeded();
    assert_eq!(same.stdout, "both hold the same\n");
    let json = place
        .bundle(&["diff", BUNDLE, "again.bundle", "--json"])
        .json();
    assert_eq!(json, Value::Array(Vec::new()));
}

#[test]
fn bundles_that_differ_say_in_what() {
    let place = Place::new();
    let run = [
        "run", "--suite", SMALL, "--policy", "oracle", "--seed", "2", "--out", "other",
    ];
    place.proctor(&run).succeeded();
    let seal = ["seal", "runs/noop", "oracle=other", "--out", "other.bundle"];
    place.bundle(&seal).succeeded();
    let ran = place.bundle(&["diff", BUNDLE, "other.bundle"]);
    assert_eq!(ran.code, Some(4), "{}", ran.page());
    for line in [
        "runs/student-sim/telemetry.jsonl only in the first (telemetry)",
        "tables/small.json table of ",
        "run oracle ",
    ] {
        assert!(ran.stdout.contains(line), "{line}: {}", ran.page());
    }
    assert!(!ran.stdout.contains("run noop"), "{}", ran.page());
    let json = place.bundle(&["diff", BUNDLE, "other.bundle", "--json"]);
    assert_eq!(json.code, Some(4));
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(json.as_array().unwrap().len() > 3);
}

#[test]
fn shards_in_any_order_are_the_run_that_they_are_parts_of() {
    let place = Place::new();
    let whole = shard(&place, "", "1");
    assert_eq!(whole, "1-.bundle");
    let parts = ["1/3", "2/3", "3/3"].map(|part| shard(&place, part, "1"));
    let [one, two, three] = parts.each_ref().map(String::as_str);
    merge(&place, &[one, two, three], "forward.bundle").succeeded();
    merge(&place, &[three, one, two], "other.bundle").succeeded();
    let expected = outside_wall(&place.sandbox.telemetry("parts/1-"));
    for merged in ["forward", "other"] {
        let bundle = format!("{merged}.bundle");
        place.on("verify", &bundle, &[]).succeeded();
        place.on("replay", &bundle, &[]).succeeded();
        place.on("extract", &bundle, &["--out", merged]).succeeded();
        let telemetry = outside_wall(&place.sandbox.telemetry(&format!("{merged}/runs/student")));
        assert!(telemetry == expected, "{merged}");
    }
}

#[test]
fn parts_of_different_runs_are_not_merged() {
    let place = Place::new();
    let one = shard(&place, "1/2", "1");
    let other = shard(&place, "2/2", "2");
    refused_for(
        &merge(&place, &[&one, &other], "out.bundle"),
        "of another run",
    );
    refused_for(&merge(&place, &[&one, &one], "out.bundle"), "client-find");
    let ran = merge(&place, &[&one, BUNDLE], "out.bundle");
    refused_for(&ran, "the bundle has no run student");
    let ran = place.bundle(&["merge", &one, &other, "--out", "out.bundle"]);
    refused_for(&ran, "whose seal counts isn't said");
    let by_bob = [
        "merge",
        &one,
        &other,
        "--sealed-by",
        "bob.pub",
        "--out",
        "out.bundle",
    ];
    refused_for(
        &place.bundle(&by_bob),
        "which the trust policy doesn't know",
    );
    assert!(!place.exists("out.bundle"));
}

#[test]
fn a_shard_is_one_of_so_many() {
    let place = Place::new();
    for shard in ["0/3", "4/3", "1", "1/0", "a/b"] {
        let run = [
            "run", "--suite", SMALL, "--policy", "noop", "--shard", shard,
        ];
        let ran = place.proctor(&run);
        assert!(matches!(ran.code, Some(1 | 2)), "{shard}: {}", ran.page());
        assert!(ran.stderr.starts_with("error: "), "{}", ran.page());
    }
}
