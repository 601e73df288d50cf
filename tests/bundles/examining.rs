//! Another agent on the sealed suite, marked by the sealed verifiers.

use super::{BUNDLE, Place, refused_for};
use crate::proctor::repository;

#[test]
fn another_agent_is_compared_with_the_sealed_runs() {
    let place = Place::new();
    let options = [
        "--policy",
        "student-sim",
        "--out",
        "runs/mine",
        "--param",
        "mistakes=0",
    ];
    let ran = place.on("run", BUNDLE, &options);
    assert_eq!(ran.code, Some(0), "{}", ran.page());
    for name in ["noop", "oracle", "student-sim (now)"] {
        assert!(ran.stdout.contains(name), "{name}: {}", ran.page());
    }
    assert_eq!(place.sandbox.outcomes("runs/mine").len(), 4);
    // As many trials as the run that it is to be like.
    let like = [
        "--policy",
        "noop",
        "--like",
        "student-sim",
        "--out",
        "runs/like",
    ];
    place.on("run", BUNDLE, &like).succeeded();
    assert_eq!(place.sandbox.outcomes("runs/like").len(), 8);
    let unknown = place.on("run", BUNDLE, &["--policy", "noop", "--like", "nobody"]);
    refused_for(&unknown, "the bundle has no run nobody");
}

#[test]
fn the_sealed_agent_run_so_gives_what_was_sealed() {
    let place = Place::new();
    let options = ["--policy", "noop", "--like", "noop", "--out", "runs/again"];
    place.on("run", BUNDLE, &options).succeeded();
    let facts = |run: &str| crate::telemetry::outside_wall(&place.sandbox.telemetry(run));
    assert!(facts("runs/again") == facts("runs/noop"));
    // And the run can be sealed in turn.
    let seal = [
        "seal",
        "runs/again",
        "--key",
        "ada.key",
        "--out",
        "again.bundle",
    ];
    place.bundle(&seal).succeeded();
    place.on("replay", "again.bundle", &[]).succeeded();
}

#[test]
fn an_agent_can_be_a_file_and_the_comparison_json() {
    let place = Place::new();
    let wasm = repository("plugins/dist/noop.wasm");
    let ran = place.on(
        "run",
        BUNDLE,
        &["--policy", wasm.to_str().unwrap(), "--json"],
    );
    let compared = ran.json().to_string();
    for name in ["noop", "oracle", "student-sim"] {
        assert!(compared.contains(name), "{compared}");
    }
    let none = place.on("run", BUNDLE, &["--policy", "none.wasm"]);
    refused_for(&none, "none.wasm");
    let ran = place.on("run", BUNDLE, &["--policy", "ada.pub"]);
    refused_for(&ran, "not a WebAssembly component");
}
