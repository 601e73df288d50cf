//! Every episode again, from nothing but the bundle.

use proctor_cluster::Cluster;
use serde_json::{Value, json};

use super::apart::changed;
use super::{BUNDLE, Place, refused_for};

fn replayed(place: &Place, options: &[&str]) -> Value {
    let options = [&["--json"], options].concat();
    place.on("replay", BUNDLE, &options).json()
}

#[test]
fn the_number_of_workers_never_shows() {
    let place = Place::new();
    let one = replayed(&place, &["--jobs", "1"]);
    assert_eq!(one["same"], true);
    assert_eq!(one["tables"], 2);
    assert_eq!(one, replayed(&place, &["--jobs", "2"]));
}

#[test]
fn some_tasks_of_one_run_can_be_replayed() {
    let place = Place::new();
    let some = replayed(&place, &["--run", "student-sim", "--sample", "2"]);
    let runs = some["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    let replayed = &runs[0]["replayed"];
    assert_eq!(replayed["name"], "student-sim");
    assert_eq!(
        (&replayed["episodes"], &replayed["of"]),
        (&json!(4), &json!(8))
    );
    // Tables are of all runs.
    assert_eq!(some["tables"], Value::Null);
    let unknown = place.on("replay", BUNDLE, &["--run", "nobody"]);
    refused_for(
        &unknown,
        "the bundle has no run nobody; it has noop, oracle, student-sim",
    );
}

#[test]
fn a_replay_on_postgres_gives_what_sqlite_gave() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let place = Place::new();
    let address = cluster.address(&cluster.database());
    let init = ["db", "init", &address, "--data", "seeds/records"];
    place.proctor(&init).succeeded();
    for isolation in ["transaction", "database"] {
        let on_server = replayed(&place, &["--store", &address, "--isolation", isolation]);
        assert_eq!(on_server["store"], "postgres");
        assert_eq!(on_server["same"], true, "{on_server:#}");
        assert_eq!(on_server["tables"], 2);
    }
    let other = cluster.address(&cluster.database());
    place.proctor(&["db", "init", &other]).succeeded();
    let ran = place.on("replay", BUNDLE, &["--store", &other]);
    assert_eq!(ran.code, Some(1), "{}", ran.page());
}

#[test]
fn the_first_difference_is_shown_with_its_episode_and_step() {
    let place = Place::new();
    changed(&place, |apart| {
        apart.edit_telemetry("oracle", |line| {
            let here = line["fields"]["gen_ai.conversation.id"] == "client-find#0";
            let step = line["event"] == "step" && !line["fields"]["gen_ai.tool.name"].is_null();
            (here && step).then(|| ["office@acme.example".into(), "office@acne.example".into()])
        });
    });
    place.on_anyones("verify", "changed.bundle").succeeded();
    let ran = place.on_anyones("replay", "changed.bundle");
    assert_eq!(ran.code, Some(4), "{}", ran.page());
    for part in ["client-find#0", "step 0", "acne", "acme"] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.page());
    }
    let json = place.bundle(&["replay", "changed.bundle", "--anyone", "--json"]);
    assert_eq!(json.code, Some(4));
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(json["same"], false);
    let difference = &json["runs"][1]["difference"];
    assert_eq!(difference["episode"], "client-find#0");
    assert_eq!(difference["step"], 0);
    assert_eq!(difference["event"], "step");
    let field = &difference["fields"][0];
    assert!(field["recorded"].as_str().unwrap().contains("acne"));
    assert!(field["replayed"].as_str().unwrap().contains("acme"));
    // A sample shows it, too.
    let sample = [
        "replay",
        "changed.bundle",
        "--anyone",
        "--run",
        "oracle",
        "--sample",
        "1",
    ];
    assert_eq!(place.bundle(&sample).code, Some(4));

    let attest = [
        "attest",
        "changed.bundle",
        "--anyone",
        "--sign-with",
        "bob.key",
        "--out",
    ];
    let ran = place.bundle(&[&attest[..], &["attested.bundle"]].concat());
    assert_eq!(ran.code, Some(4), "{}", ran.page());
    assert!(ran.stderr.contains("not countersigned"), "{}", ran.page());
    assert!(!place.exists("attested.bundle"));
}

#[test]
fn what_is_no_bundle_is_refused_in_one_line() {
    let place = Place::new();
    for command in ["verify", "replay", "inspect"] {
        refused_for(&place.on_anyones(command, "none.bundle"), "none.bundle: ");
        refused_for(
            &place.on_anyones(command, "ada.pub"),
            "ada.pub: not a sealed bundle",
        );
    }
    let extract = place.bundle(&["extract", "ada.pub", "--anyone", "--out", "out"]);
    refused_for(&extract, "ada.pub: not a sealed bundle");
    assert!(!place.exists("out"));
}

#[test]
fn a_bundle_of_another_version_says_which_program_it_takes() {
    let place = Place::new();
    changed(&place, |apart| {
        apart.manifest.kernel = "9.9.9".to_owned();
    });
    let ran = place.on_anyones("verify", "changed.bundle");
    refused_for(&ran, "9.9.9");
    refused_for(&place.on_anyones("replay", "changed.bundle"), "9.9.9");
}
