//! Bundles by somebody who knows the format: all digests and chains fit, and still it shows that
//! something was changed.

use super::apart::{Apart, changed};
use super::{BUNDLE, Place, refused, refused_for};
use crate::records::SMALL;

/// A bundle that was changed so is refused, in one line, by what reads it.
#[track_caller]
fn is_refused(change: impl FnOnce(&mut Apart), reason: &str) {
    let place = Place::new();
    changed(&place, change);
    refused_for(&place.on_anyones("replay", "changed.bundle"), reason);
    refused_unless_replayed(&place, reason);
}

/// The same, where a replay compares what was changed with what comes out: it ends with this code
/// and says this.
#[track_caller]
fn is_found(change: impl FnOnce(&mut Apart), reason: &str, code: i32, said: &str) {
    let place = Place::new();
    changed(&place, change);
    let replay = place.on_anyones("replay", "changed.bundle");
    assert_eq!(replay.code, Some(code), "{}", replay.page());
    let shown = format!("{}{}", replay.stdout, replay.stderr);
    assert!(shown.contains(said), "{}", replay.page());
    refused_unless_replayed(&place, reason);
}

#[track_caller]
fn refused_unless_replayed(place: &Place, reason: &str) {
    refused_for(&place.on_anyones("verify", "changed.bundle"), reason);
    let run = ["run", "changed.bundle", "--anyone", "--policy", "noop"];
    refused_for(&place.bundle(&run), reason);
    let sample = ["replay", "changed.bundle", "--anyone", "--sample", "1"];
    refused_for(&place.bundle(&sample), reason);
}

#[test]
fn a_bundle_put_together_again_unchanged_is_the_same() {
    let place = Place::new();
    Apart::of(&place, BUNDLE).pack(&place, "again.bundle");
    assert!(place.bytes("again.bundle") == place.bytes(BUNDLE));
}

#[test]
fn an_outcome_that_was_changed_does_not_give_the_table() {
    is_found(
        |apart| {
            apart.edit_telemetry("noop", |line| {
                let failed = line["fields"]["outcome"] == "fail";
                failed.then(|| ["\"outcome\":\"fail\"".into(), "\"outcome\":\"pass\"".into()])
            });
        },
        "tables/small.json: the table doesn't follow from the telemetry: line ",
        4,
        "differs noop: episode ",
    );
}

#[test]
fn a_chain_that_was_not_done_anew_is_broken() {
    is_found(
        |apart| {
            let path = "runs/noop/telemetry.jsonl".parse().unwrap();
            apart.edit(&path, "\"outcome\":\"fail\"", "\"outcome\":\"pass\"");
        },
        "runs/noop/telemetry.jsonl: line ",
        1,
        "the recorded telemetry: line ",
    );
}

#[test]
fn a_table_that_was_changed_does_not_follow() {
    for ending in ["small.json", "small.txt"] {
        is_found(
            |apart| {
                let path = apart.named(&format!("tables/{ending}"));
                apart.edit(&path, "student-sim", "student-sum");
            },
            "the table doesn't follow from the telemetry",
            4,
            &format!("differs tables/{ending}: "),
        );
    }
}

#[test]
fn a_plugin_is_granted_no_more_than_the_program_grants() {
    for grant in ["gold", "model", "network"] {
        is_refused(
            |apart| {
                let policy = &mut apart.manifest.runs[0].inputs.policy;
                policy.grants = vec![grant.to_owned()];
            },
            &format!("the bundle grants it `{grant}`, which this program doesn't"),
        );
    }
}

#[test]
fn a_plugin_that_calls_itself_as_one_with_gold_does_not_get_it() {
    let place = Place::new();
    let oracle = place.bytes(&place.input("oracle", "plugins", "oracle.wasm"));
    changed(&place, |apart| {
        // Nearly the program's own oracle: one custom section more.
        let path = apart.named("oracle.wasm");
        let other = [oracle.as_slice(), &[0, 2, 1, b'x']].concat();
        let pin = |bytes: &[u8]| proctor_host::Digest::of(bytes).to_string();
        let (old, new) = (pin(&oracle), pin(&other));
        apart.replace(&path, other);
        apart.edit_telemetry("oracle", |line| {
            (line["event"] == "run.start").then(|| [old.clone(), new.clone()])
        });
    });
    let said = refused(&place.on_anyones("verify", "changed.bundle"));
    assert!(said.contains("oracle"), "{said}");
}

#[test]
fn a_plugin_that_was_replaced_by_another_is_noticed() {
    let place = Place::new();
    let other = place.bytes(&place.input("oracle", "plugins", "oracle.wasm"));
    is_refused(
        |apart| {
            let path = apart.named("noop.wasm");
            apart.replace(&path, other);
        },
        "the run noop was not made from what is in the bundle: its telemetry says policy is",
    );
}

#[test]
fn a_snapshot_of_other_data_is_noticed() {
    let place = Place::new();
    place.edit("seeds/records/clients.toml", "Acme Rockets", "Acme Rackets");
    let run = [
        "run",
        "--suite",
        SMALL,
        "--policy",
        "noop",
        "--out",
        "runs/other",
    ];
    place.proctor(&run).succeeded();
    place
        .bundle(&["seal", "runs/other", "--out", "other.bundle"])
        .succeeded();
    let other = Apart::of(&place, "other.bundle");
    let snapshot = other.read(&other.named(".snapshot")).to_vec();
    is_refused(
        |apart| {
            let path = apart.named(".snapshot");
            apart.replace(&path, snapshot);
        },
        "it isn't the data of any run of the bundle",
    );
    is_refused(
        |apart| {
            let path = apart.named(".snapshot");
            apart.replace(&path, b"rows".to_vec());
        },
        ".snapshot: ",
    );
}

#[test]
fn a_run_without_a_snapshot_of_its_data_is_noticed() {
    is_refused(
        |apart| {
            let snapshot = apart.named(".snapshot");
            apart.remove(&snapshot);
        },
        "the bundle has no snapshot of its data",
    );
}

#[test]
fn a_suite_that_was_changed_is_another() {
    is_refused(
        |apart| {
            let path = apart.named("suites/small/tasks.toml");
            apart.edit(&path, "Negotiation", "Qualification");
        },
        "its telemetry says suite_digest is",
    );
    is_refused(
        |apart| {
            let path = apart.named("records/clients.toml");
            apart.edit(&path, "Acme Rockets", "Acme Rackets");
        },
        "its telemetry says suite_digest is",
    );
}

#[test]
fn a_statement_of_provenance_about_other_files_is_noticed() {
    is_refused(
        |apart| {
            let digest = apart.manifest.members[0].sha256.to_string();
            let path = apart.named("provenance.json");
            let sealed = apart.text(&path);
            let other = match sealed.contains(&digest) {
                true => digest,
                false => sealed
                    .split('"')
                    .find(|word| word.len() == 64)
                    .unwrap()
                    .to_owned(),
            };
            apart.edit(&path, &other, &"0".repeat(64));
        },
        "provenance.json: ",
    );
}

#[test]
fn an_episode_too_few_is_noticed() {
    is_refused(
        |apart| apart.manifest.runs[0].episodes = 3,
        "its telemetry says episodes is 4, and the members make it 3",
    );
}

#[test]
fn a_member_of_an_unknown_role_is_carried_and_reported() {
    let place = Place::new();
    changed(&place, |apart| {
        let role = proctor_bundle::Role::Other("memory".to_owned());
        apart.add("memory/learned.bin", role, b"what was learned");
    });
    let ran = place.on_anyones("verify", "changed.bundle").succeeded();
    let said = "memory/learned.bin: of the role memory, which this version doesn't know";
    assert!(ran.stdout.contains(said), "{}", ran.page());
    place.on_anyones("replay", "changed.bundle").succeeded();
    let extract = ["extract", "changed.bundle", "--anyone", "--out", "out"];
    place.bundle(&extract).succeeded();
    assert_eq!(
        place.sandbox.read("out/memory/learned.bin"),
        "what was learned"
    );
}
