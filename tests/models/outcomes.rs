//! What a model that says nonsense, says nothing, or judges makes of an episode.

use std::sync::atomic::{AtomicU64, Ordering};

use proctor_provider::{Answer, Asked, Fault, Reply, always};
use serde_json::{Value, json};

use super::{Place, costing, diligent};

fn outcome_of_all(place: &Place, folder: &str) -> Vec<String> {
    let outcomes = place.sandbox.outcomes(folder);
    let words = outcomes
        .iter()
        .map(|line| line.split(' ').next_back().unwrap());
    words.map(str::to_owned).collect()
}

#[test]
fn a_reply_that_is_malformed_twice_is_the_agents_error_and_scored() {
    let malformed = Reply::call("call-1", "client_search", "{name: Rockets");
    for answer in [
        Answer::from(costing(malformed)),
        Fault::ArgumentsNotJson.into(),
    ] {
        let place = Place::with("", always(answer));
        place.record("recorded").succeeded();
        assert_eq!(outcome_of_all(&place, "recorded"), ["agent_error"; 4]);
        assert_eq!(place.provider.request_count(), 8, "one repair each");
        place.replay("replayed", &[]).succeeded();
        place.same("replayed", "recorded");
    }
}

#[test]
fn a_malformed_reply_is_repaired_once_and_nobody_suffers() {
    let number = AtomicU64::new(0);
    let brain = move |asked: &Asked| -> Answer {
        match number.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::call("call-1", "client_search", "{name: Rockets").into(),
            _ => diligent(asked),
        }
    };
    let place = Place::with("", brain);
    let options = ["--limit", "1", "--out", "run"];
    place.run(&options).succeeded();
    assert_eq!(place.sandbox.outcomes("run"), ["client-find#0 pass"]);
    assert_eq!(place.provider.request_count(), 3);
    let asked = &place.provider.requests()[1];
    assert!(asked.last_text().contains("could not be used"));
}

#[test]
fn a_provider_that_always_fails_is_no_fault_of_the_agent_and_is_replayed() {
    let settings = "attempts_max = 2\npause_max_s = 0.01";
    let place = Place::with(settings, always(Fault::status(500, "out of order")));
    let recorded = place.record("recorded");
    assert_eq!(recorded.code, Some(3), "{}", recorded.page());
    assert_eq!(outcome_of_all(&place, "recorded"), ["infra_error"; 4]);
    assert_eq!(place.provider.request_count(), 8, "each is tried twice");
    for end in place.sandbox.events("recorded", "episode.end") {
        assert_eq!(end.get("reward"), None, "a missing score is not a zero");
    }
    for call in place.sandbox.events("recorded", "model.call") {
        assert_eq!(call["error.type"], "server");
    }
    let replayed = place.replay("replayed", &[]);
    assert_eq!(replayed.code, Some(3), "{}", replayed.page());
    place.same("replayed", "recorded");
    assert_eq!(place.provider.request_count(), 8);
}

/// A model that works, and judges with these words.
fn judging(words: String) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    move |asked| match asked.model() {
        "judge-1" => Reply::text(words.as_str()).into(),
        _ => diligent(asked),
    }
}

const JUDGED: [&str; 8] = [
    "--judge",
    "judge-answer",
    "--judge-model",
    "judge",
    "--limit",
    "1",
    "--cassette",
    "a.cassette",
];

fn judgment() -> Value {
    let rating = |criterion: &str, score: f64| json!({"criterion": criterion, "score": score, "rationale": "so"});
    json!({
        "ratings": [
            rating("faithfulness", 1.0),
            rating("completeness", 0.25),
            rating("clarity", 1.0),
        ],
        "score": 1,
        "confidence": 0.8,
        "rationale": "All in all.",
    })
}

#[test]
fn a_judgment_enters_the_reward() {
    let place = Place::with("", judging(judgment().to_string()));
    let judged = [&JUDGED[..], &["--out", "run", "--json"]].concat();
    let summary = place.run(&judged).json();
    assert_eq!(place.sandbox.outcomes("run"), ["client-find#0 pass"]);
    assert_eq!(
        place.sandbox.events("run", "episode.end")[0]["reward"],
        0.25
    );
    assert_eq!(summary["models"]["judge"]["calls"], 1);
    assert_eq!(summary["models"]["student"]["calls"], 2);
    let replay = [&JUDGED[..], &["--mode", "replay", "--out", "again"]].concat();
    place.run(&replay).succeeded();
    place.same("again", "run");
}

#[test]
fn a_judgment_that_nobody_can_read_is_the_graders_error_and_no_zero() {
    let place = Place::with("", judging("Perfect, 10/10!".to_owned()));
    let ran = place.run(&[&JUDGED[..], &["--out", "run"]].concat());
    assert_eq!(ran.code, Some(3), "{}", ran.page());
    assert_eq!(
        place.sandbox.outcomes("run"),
        ["client-find#0 grader_error"]
    );
    assert_eq!(
        place.sandbox.events("run", "episode.end")[0].get("reward"),
        None
    );
    assert_eq!(place.provider.request_count(), 4, "one repair");
    let replay = [&JUDGED[..], &["--mode", "replay", "--out", "again"]].concat();
    assert_eq!(place.run(&replay).code, Some(3));
    place.same("again", "run");
}

#[test]
fn a_judges_model_that_fails_fails_no_other_judge() {
    let asked = AtomicU64::new(0);
    let words = judgment().to_string();
    let brain = move |request: &Asked| match (request.model(), asked.load(Ordering::Relaxed)) {
        ("judge-1", 0) => {
            asked.fetch_add(1, Ordering::Relaxed);
            Fault::status(400, "out of order").into()
        }
        _ => judging(words.clone())(request),
    };
    let place = Place::with("", brain);
    let two = ["--judge", "judge-answer", "--out", "run"];
    let ran = place.run(&[&JUDGED[..], &two].concat());
    assert_eq!(ran.code, Some(3), "{}", ran.page());
    assert_eq!(outcome_of_all(&place, "run"), ["infra_error"]);
    assert_eq!(place.sandbox.events("run", "fault").len(), 1);
    let roles = place.sandbox.events("run", "model.call");
    let judged = roles.iter().filter(|call| call["role"] == "judge");
    assert_eq!(
        judged.count(),
        1,
        "nobody is asked for a score that is lost"
    );
    let replay = [
        &JUDGED[..],
        &two[..2],
        &["--mode", "replay"],
        &["--out", "again"],
    ]
    .concat();
    assert_eq!(place.run(&replay).code, Some(3));
    place.same("again", "run");
}
