//! The recorded baseline of a real model: replayed from what is committed, to the byte.

use std::fs;

use crate::proctor::{Sandbox, repository};

#[test]
fn the_recorded_baseline_of_a_real_model_is_replayed_to_the_byte() {
    let sandbox = Sandbox::new();
    let models = repository("models/local/baseline.toml");
    let cassettes = repository("models/local/cassettes");
    let ran = sandbox.proctor([
        "baseline",
        "--models",
        models.to_str().unwrap(),
        "--cassettes",
        cassettes.to_str().unwrap(),
        "--mode",
        "replay",
        "--out",
        "runs",
    ]);
    assert_eq!(ran.code, Some(0), "{}", ran.page());
    let published = fs::read_to_string(repository("models/local/comparison.txt")).unwrap();
    assert_eq!(ran.stdout, published);
    // What the model said is what it said then: every reply is from the recording.
    let telemetry = sandbox.read("runs/smollm2-135m/telemetry.jsonl");
    let calls = telemetry
        .lines()
        .filter(|line| line.contains("\"event\":\"model.call\""));
    let (mut asked, mut recorded) = (0, 0);
    for call in calls {
        asked += 1;
        recorded += usize::from(call.contains("\"origin\":\"cassette\""));
    }
    assert!(asked > 100, "{asked} calls");
    assert_eq!(asked, recorded);
}

#[test]
fn the_recording_of_a_real_model_is_whole() {
    let sandbox = Sandbox::new();
    let cassette = repository("models/local/cassettes/smollm2-135m.cassette");
    let ran = sandbox.proctor(["cassette", "verify", cassette.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{}", ran.page());
    assert!(ran.stdout.starts_with("whole: "), "{}", ran.stdout);
}
