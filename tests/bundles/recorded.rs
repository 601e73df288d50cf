//! Runs that asked models are replayed with nobody to ask.

use proctor_bundle::Role;
use proctor_provider::{Answer, Asked, Reply};
use serde_json::json;

use super::apart::Apart;
use super::{Place, refused_for};
use crate::models;

/// A model that works, and judges what it is shown.
fn brain(asked: &Asked) -> Answer {
    if asked.model() != "judge-1" {
        return models::diligent(asked);
    }
    let ratings = ["faithfulness", "completeness", "clarity"]
        .map(|name| json!({"criterion": name, "score": 1.0, "rationale": "so"}));
    let judgment =
        json!({"ratings": ratings, "score": 1, "confidence": 0.8, "rationale": "All in all."});
    Reply::text(judgment.to_string()).into()
}

/// A run with a model and a judge, recorded; and the provider is gone.
pub fn told(name: &str) -> Place {
    let place = models::Place::with("", brain);
    let judged = ["--judge", "judge-answer", "--judge-model", "judge"];
    let out = format!("runs/{name}");
    let record = [
        "--cassette",
        "a.cassette",
        "--mode",
        "record",
        "--out",
        &out,
    ];
    place.run(&[&judged[..], &record].concat()).succeeded();
    let models::Place { sandbox, provider } = place;
    drop(provider);
    let place = Place { sandbox };
    place.bundle(&["keygen", "--out", "ada"]).succeeded();
    place
}

#[test]
fn a_recorded_run_is_replayed_with_nobody_to_ask() {
    let place = told("told");
    let seal = [
        "seal",
        "runs/told",
        "--key",
        "ada.key",
        "--out",
        "told.bundle",
    ];
    place.bundle(&seal).succeeded();
    std::fs::remove_file(place.sandbox.path("a.cassette")).unwrap();
    std::fs::remove_dir_all(place.sandbox.path("runs")).unwrap();
    place.on("verify", "told.bundle", &[]).succeeded();
    for jobs in ["1", "2"] {
        let options = ["--jobs", jobs, "--json"];
        let replayed = place.on("replay", "told.bundle", &options).json();
        assert_eq!(replayed["same"], true, "{replayed:#}");
        assert_eq!(replayed["runs"][0]["replayed"]["episodes"], 4);
    }
}

#[test]
fn runs_whose_names_differ_after_a_dot_have_recordings_of_their_own() {
    let place = told("gpt-4.1");
    let out = ["--key", "ada.key", "--out", "told.bundle"];
    let runs = ["seal", "runs/gpt-4.1", "gpt-4.2=runs/gpt-4.1"];
    place.bundle(&[&runs[..], &out].concat()).succeeded();
    let replayed = place.on("replay", "told.bundle", &["--json"]).json();
    assert_eq!(replayed["same"], true, "{replayed:#}");
}

#[test]
fn what_models_said_is_encrypted_with_the_gold() {
    let place = told("told");
    let gold = place
        .bundle(&["keygen", "--gold", "--out", "gold"])
        .succeeded();
    let seal = [
        "seal",
        "runs/told",
        "--key",
        "ada.key",
        "--gold-for",
        gold.stdout.trim(),
    ];
    place
        .bundle(&[&seal[..], &["--out", "told.bundle"]].concat())
        .succeeded();
    place.on("verify", "told.bundle", &[]).succeeded();
    let keyed = ["--identity", "gold.key", "--json"];
    assert_eq!(
        place.on("replay", "told.bundle", &keyed).json()["same"],
        true
    );
    place
        .on("extract", "told.bundle", &["--out", "out"])
        .succeeded();
    assert_eq!(
        place.sandbox.names("out/runs/told"),
        ["telemetry.jsonl.age", "told.cassette.age"]
    );
}

#[test]
fn a_price_or_a_text_that_was_exchanged_is_noticed() {
    let place = told("told");
    let seal = ["seal", "runs/told", "--out", "told.bundle"];
    place.bundle(&seal).succeeded();
    for (role, old, new, reason) in [
        (Role::Prices, "input = ", "input = 1", "prices_digest is "),
        (Role::Prompt, "the", "teh", "prompts is "),
    ] {
        let mut apart = Apart::of(&place, "told.bundle");
        let path = apart.last_of(&role);
        apart.edit(&path, old, new);
        let name = format!("{role}.bundle");
        apart.pack(&place, &name);
        for command in ["verify", "replay"] {
            refused_for(&place.on_anyones(command, &name), reason);
        }
    }
}

#[test]
fn a_recording_that_was_changed_is_noticed() {
    let place = told("told");
    let seal = [
        "seal",
        "runs/told",
        "--key",
        "ada.key",
        "--out",
        "told.bundle",
    ];
    place.bundle(&seal).succeeded();
    let mut apart = super::apart::Apart::of(&place, "told.bundle");
    let path = apart.named(".cassette");
    let mut bytes = apart.read(&path).to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    apart.replace(&path, bytes);
    apart.attachments = Default::default();
    apart.pack(&place, "changed.bundle");
    let ran = place.on_anyones("replay", "changed.bundle");
    assert!(matches!(ran.code, Some(1 | 4)), "{}", ran.page());
}
