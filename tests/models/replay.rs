//! What was recorded is replayed to the byte, and nobody is asked.

use std::fs;
use std::process::Command;

use super::{CALLS, Place, models};
use crate::proctor::repository;

const OUTCOMES: [&str; 4] = [
    "client-find#0 pass",
    "client-status-no#0 fail",
    "deal-advance#0 fail",
    "deal-create#0 fail",
];

#[test]
fn a_recorded_run_is_replayed_to_the_byte_and_nobody_is_asked() {
    let place = Place::diligent();
    let recorded = place.record("recorded").succeeded();
    assert_eq!(place.sandbox.outcomes("recorded"), OUTCOMES);
    assert_eq!(place.provider.request_count(), CALLS);
    for (folder, jobs) in [("one", "1"), ("two", "2")] {
        let replayed = place.replay(folder, &["--jobs", jobs]).succeeded();
        assert_eq!(replayed.stdout, recorded.stdout);
        place.same(folder, "recorded");
        let verified = place.sandbox.proctor(["trace", "verify", folder]);
        verified.succeeded();
    }
    assert_eq!(place.provider.request_count(), CALLS);
}

#[test]
fn a_recording_with_two_workers_is_as_one_with_one() {
    let place = Place::diligent();
    for (folder, jobs) in [("one", "1"), ("two", "2")] {
        let cassette = format!("{folder}.cassette");
        place
            .run(&["--cassette", &cassette, "--out", folder, "--jobs", jobs])
            .succeeded();
    }
    place.same("one", "two");
    let same = place
        .sandbox
        .proctor(["cassette", "diff", "one.cassette", "two.cassette"]);
    assert_eq!(same.succeeded().stdout, "no difference in 10 calls\n");
}

#[test]
fn a_second_run_on_a_recording_asks_only_for_what_is_new() {
    let place = Place::diligent();
    let auto = |folder: &str, limit: &str| {
        let options = [
            "--cassette",
            "a.cassette",
            "--out",
            folder,
            "--limit",
            limit,
        ];
        place.run(&options).succeeded();
        place.provider.request_count()
    };
    assert_eq!(auto("first", "1"), 2);
    assert_eq!(auto("again", "1"), 2);
    assert_eq!(auto("more", "4"), CALLS);
    place.same("first", "again");
}

#[test]
fn a_replay_needs_no_network_interface_no_key_and_no_provider() {
    let Some(unshare) = without_network() else {
        eprintln!("SKIPPED: `unshare` may not make a network namespace here");
        return;
    };
    let place = Place::diligent();
    place.record("recorded").succeeded();
    let alone = |options: &[&str]| {
        let mut command = place.sandbox.any_command("unshare");
        command.args([unshare, env!("CARGO_BIN_EXE_proctor")]);
        place.sandbox.run(command.args(Place::command(options)))
    };
    let keyed = models("http://127.0.0.1:1", "key_env = \"NOBODY_SET_THIS\"");
    place.sandbox.write("models.toml", keyed);
    let recording = ["--cassette", "a.cassette", "--mode", "replay"];
    alone(&[&recording[..], &["--out", "alone"]].concat()).succeeded();
    place.same("alone", "recorded");

    // Whoever asks there gets no answer, so that it is known to be a place without a network.
    let open = models(&place.provider.url(), "attempts_max = 1");
    place.sandbox.write("models.toml", open);
    let ran = alone(&["--out", "live", "--limit", "1"]);
    assert_eq!(ran.code, Some(3), "{}", ran.page());
    let call = &place.sandbox.events("live", "model.call")[0];
    assert_eq!(call["error.type"], "connection");
    assert_eq!(place.provider.request_count(), CALLS);
}

/// The option with which `unshare` takes the network away, if it may.
fn without_network() -> Option<&'static str> {
    ["-rn", "-n"].into_iter().find(|option| {
        let tried = Command::new("unshare").args([option, "true"]).output();
        tried.is_ok_and(|output| output.status.success())
    })
}

#[test]
fn a_miss_names_the_episode_and_the_step_and_shows_the_words_that_changed() {
    let place = Place::diligent();
    place.record("recorded").succeeded();
    let file = repository("seeds/prompts/model-agent/v1/system.md");
    let prompt = fs::read_to_string(file).unwrap();
    let other = prompt.replace("A user asks;", "A colleague asks;");
    assert_ne!(prompt, other);
    place.sandbox.write("other.md", other);
    let missed = place.replay("missed", &["--prompt", "system=other.md", "--jobs", "1"]);
    assert_eq!(missed.code, Some(1), "{}", missed.page());
    for part in [
        "error: no recording of this call: episode client-find#0, step 0, role student",
        "the nearest recording is of episode client-find#0, step 0",
        "A [-user-]{+colleague+} asks;",
        "hint: a run is replayed with the suite, plugins, prompts, models and seed",
    ] {
        assert!(missed.stderr.contains(part), "{part}\n{}", missed.page());
    }
    assert_eq!(place.provider.request_count(), CALLS);
}
