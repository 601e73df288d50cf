//! What cannot be sealed: one line says why, and no file is left behind.

use std::fs;

use super::{Place, refused, refused_for};
use crate::models;
use crate::records::SMALL;

/// Sealing these runs is refused for this reason, and leaves everything as it was.
#[track_caller]
fn not_sealed(place: &Place, runs: &[&str], reason: &str) -> String {
    let before = place.sandbox.names(".");
    let ran = place.bundle(&[&["seal", "--out", "new.bundle"], runs].concat());
    refused_for(&ran, reason);
    assert_eq!(place.sandbox.names("."), before);
    ran.stderr
}

#[test]
fn a_run_that_is_not_complete_is_not_sealed() {
    let place = Place::new();
    let telemetry = place.sandbox.telemetry("runs/noop");
    let ended = telemetry.trim_end().rfind('\n').unwrap() + 1;
    place
        .sandbox
        .write("runs/noop/telemetry.jsonl", &telemetry[..ended]);
    not_sealed(
        &place,
        &["runs/noop"],
        "runs/noop: telemetry.jsonl: the run isn't complete",
    );
}

#[test]
fn a_folder_that_is_no_run_or_was_not_kept_is_not_sealed() {
    let place = Place::new();
    let said = not_sealed(&place, &["runs/none"], "runs/none/inputs/run.json");
    assert!(said.contains("hint: "), "{said}");
    fs::remove_dir_all(place.sandbox.path("runs/noop/inputs")).unwrap();
    not_sealed(&place, &["runs/noop"], "runs/noop/inputs/run.json");
    fs::remove_file(place.sandbox.path("runs/oracle/telemetry.jsonl")).unwrap();
    not_sealed(&place, &["runs/oracle"], "runs/oracle: telemetry.jsonl: ");
}

#[test]
fn two_versions_of_a_suite_are_not_sealed_in_one() {
    let place = Place::new();
    place.edit(&format!("{SMALL}/suite.toml"), "version = 1", "version = 2");
    let run = [
        "run",
        "--suite",
        SMALL,
        "--policy",
        "noop",
        "--out",
        "runs/later",
    ];
    place.proctor(&run).succeeded();
    let said = not_sealed(
        &place,
        &["runs/noop", "runs/later"],
        "suites/small/suite.toml: two runs depend on different files of this name",
    );
    assert!(said.contains("sealed apart"), "{said}");
}

#[test]
fn names_that_are_none_or_are_taken_are_refused() {
    let place = Place::new();
    not_sealed(&place, &["a/b=runs/noop"], "a/b");
    not_sealed(&place, &["../up=runs/noop"], "../up");
    not_sealed(&place, &["same=runs/noop", "same=runs/oracle"], "same");
    not_sealed(&place, &["runs/noop", "--name", "a;b"], "a;b");
    not_sealed(&place, &["runs/noop", "--name", "../a"], "../a");
    not_sealed(
        &place,
        &["runs/noop", "--title", "two\nlines"],
        "control characters",
    );
    not_sealed(
        &place,
        &["runs/noop", "--gold-for", "age1nobody"],
        "--gold-for: ",
    );
    not_sealed(
        &place,
        &["runs/noop", "--cassette", "a.cassette"],
        "expected RUN=FILE",
    );
    not_sealed(&place, &["runs/noop", "--document", "none.md"], "none.md");
    not_sealed(
        &place,
        &["runs/noop", "--with-runner", "ada.pub"],
        "ada.pub: is no whole program",
    );
}

#[test]
fn a_file_that_is_there_is_never_written_over() {
    let place = Place::new();
    place.sandbox.write("mine.txt", "mine");
    for command in [
        &["bundle", "seal", "runs/noop", "--out", "mine.txt"][..],
        &["bundle", "keygen", "--out", "ada"],
        &["bundle", "keygen", "--gold", "--out", "ada"],
    ] {
        refused(&place.proctor(command));
    }
    assert_eq!(place.sandbox.read("mine.txt"), "mine");
    place.sandbox.write("out/mine.txt", "mine");
    let extract = place.on("extract", super::BUNDLE, &["--out", "out"]);
    refused_for(&extract, "out");
    assert_eq!(place.sandbox.names("out"), ["mine.txt"]);
}

#[test]
fn inputs_that_were_meddled_with_after_the_run_are_not_sealed() {
    for (folder, name, old, new) in [
        (
            "suites",
            "tasks.toml",
            "stage = \"Negotiation\"",
            "stage = \"Qualification\"",
        ),
        (
            "suites",
            "tasks.toml",
            "stage = \"Negotiation\"",
            "stage = \"Closed\"",
        ),
        ("suites", "suite.toml", "version = 1", "version = 7"),
        ("records", "clients.toml", "Acme Rockets", "Acme Rackets"),
    ] {
        let place = Place::new();
        let file = place.input("noop", folder, name);
        let text = place.sandbox.read(&file);
        assert!(text.contains(old), "{file} has no {old:?}");
        place.sandbox.write(&file, text.replace(old, new));
        not_sealed(&place, &["runs/noop"], "runs/noop: ");
    }
    let place = Place::new();
    for plugin in ["noop.wasm", "answer.wasm"] {
        let file = place.input("noop", "plugins", plugin);
        let whole = place.bytes(&file);
        let other = place.bytes(&place.input("oracle", "plugins", "oracle.wasm"));
        place.sandbox.write(&file, other);
        not_sealed(
            &place,
            &["runs/noop"],
            "was not made from what is in the bundle",
        );
        place.sandbox.write(&file, whole);
    }
    place.edit("runs/noop/telemetry.jsonl", "client-find", "client-fine");
    not_sealed(&place, &["runs/noop"], "telemetry.jsonl: line 1");
    place.sandbox.write("runs/oracle/inputs/run.json", "{}");
    not_sealed(&place, &["runs/oracle"], "runs/oracle/inputs/run.json: ");
}

#[test]
fn a_prompt_that_was_changed_after_the_run_is_not_sealed() {
    let place = models::Place::diligent();
    place.record("runs/told").succeeded();
    let place = Place {
        sandbox: place.sandbox,
    };
    let prompt = place.input("told", "prompts", ".md");
    let text = place.sandbox.read(&prompt);
    place.sandbox.write(&prompt, text + "\nBe bold.\n");
    not_sealed(&place, &["runs/told"], "its telemetry says prompts");
}

#[test]
fn a_run_whose_models_were_not_recorded_is_not_sealed() {
    let place = models::Place::diligent();
    place
        .run(&["--mode", "live", "--out", "runs/live"])
        .succeeded();
    place.record("runs/lost").succeeded();
    let place = Place {
        sandbox: place.sandbox,
    };
    let said = not_sealed(
        &place,
        &["runs/live"],
        "the run live asked models, and what they said was not recorded",
    );
    assert!(said.contains("--cassette"), "{said}");
    fs::rename(
        place.sandbox.path("a.cassette"),
        place.sandbox.path("b.cassette"),
    )
    .unwrap();
    let said = not_sealed(&place, &["runs/lost"], "a.cassette");
    assert!(said.contains("--cassette lost=FILE"), "{said}");
    let found = [
        "seal",
        "runs/lost",
        "--cassette",
        "lost=b.cassette",
        "--out",
        "l.bundle",
    ];
    place.bundle(&found).succeeded();
}
