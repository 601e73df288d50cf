//! What the operator decides, whatever a plugin asks for.

use std::collections::BTreeSet;

use proctor_model::{ChatError, GatewayError, Recording, Role};
use proctor_provider::Provider;

use crate::{MODELS, Shelf, Stand, ask, episode, numbered};

#[test]
fn a_model_that_nobody_knows_is_refused_by_name() {
    let mut stand = Stand::at("http://127.0.0.1:9");
    stand.models = &["gtp"];
    let error = stand.refused(Recording::Live);
    assert!(matches!(error, GatewayError::UnknownModel(_)), "{error}");
    assert!(error.to_string().contains("gtp"), "{error}");
    assert!(error.to_string().contains("gpt"), "{error}");
}

#[test]
fn a_model_that_was_not_set_up_is_the_plugins_own_mistake() {
    let server = Provider::start(numbered);
    let gateway = Stand::at(&server.url()).open(Recording::Live);
    let mut calls = gateway.episode("a#0", 7);
    // It is in the models file, but not among those that are to be asked.
    let replied = calls.chat(Role::Student, "unpriced", 0, ask("hello"));
    let error = replied.reply.unwrap_err();
    assert!(matches!(error, ChatError::Invalid(_)), "{error}");
    assert_eq!(calls.failure(), None);
    assert_eq!(server.request_count(), 0);
}

/// The seeds that an episode with this seed sends: of two calls of the student, then of one of
/// the judge.
fn seeds(server: &Provider, seed: u64) -> Vec<u64> {
    let before = server.requests().len();
    let stand = Stand::at(&server.url()).tuned(|model| model.seeded = true);
    let mut calls = stand.open(Recording::Live).episode("a#0", seed);
    for role in [Role::Student, Role::Student, Role::Judge] {
        assert!(calls.chat(role, "gpt", 0, ask("same")).reply.is_ok());
    }
    let asked = &server.requests()[before..];
    asked
        .iter()
        .map(|one| one.body["seed"].as_u64().unwrap())
        .collect()
}

#[test]
fn seeds_differ_from_call_to_call_and_are_the_same_when_run_again() {
    let server = Provider::start(numbered);
    let (first, again, other) = (seeds(&server, 7), seeds(&server, 7), seeds(&server, 8));
    assert_eq!(first, again);
    let all: BTreeSet<u64> = first.into_iter().chain(other).collect();
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|seed| *seed <= 0x7fff_ffff));
}

#[test]
fn a_model_that_takes_no_seed_is_sent_none() {
    let server = Provider::start(numbered);
    let gateway = Stand::at(&server.url()).open(Recording::Live);
    episode(&gateway, "a#0", &["hello"]);
    assert!(server.requests()[0].body.get("seed").is_none());
}

#[test]
fn a_reply_is_never_longer_than_the_operator_allows() {
    let server = Provider::start(numbered);
    let gateway = Stand::at(&server.url()).open(Recording::Live);
    let mut calls = gateway.episode("a#0", 7);
    for model in MODELS {
        for (asked, sent) in [(5_000, 100), (20, 20), (0, 1)] {
            let mut ask = ask("hello");
            ask.tokens_max = asked;
            assert!(calls.chat(Role::Student, model, 0, ask).reply.is_ok());
            let requests = server.requests();
            let body = &requests.last().unwrap().body;
            assert_eq!(body["max_tokens"], sent, "{model}: {asked}");
        }
    }
}

#[test]
fn an_episode_has_only_so_many_calls_and_in_a_replay_just_as_many() {
    let shelf = Shelf::new();
    let server = Provider::start(numbered);
    let stand = || Stand::at(&server.url()).tuned(|model| model.calls_per_episode_max = 3);
    let texts = ["one", "two", "three", "four"];
    let gateway = stand().open(shelf.record());
    let (told, _) = episode(&gateway, "a#0", &texts);
    assert!(told[..3].iter().all(Result::is_ok));
    let error = told[3].as_ref().unwrap_err();
    assert!(matches!(error, ChatError::Allowance(_)), "{error}");
    assert!(error.to_string().contains("3 calls"), "{error}");
    assert_eq!(server.request_count(), 3);
    // Another episode has its own.
    assert!(
        episode(&gateway, "a#1", &texts[..3])
            .0
            .iter()
            .all(Result::is_ok)
    );
    gateway.finish().unwrap();
    drop(gateway);
    let gateway = stand().open(shelf.replay());
    assert_eq!(episode(&gateway, "a#0", &texts).0, told);
}

#[test]
fn the_calls_of_all_roles_count_together_and_the_first_failure_is_kept() {
    let server = Provider::start(numbered);
    let stand = Stand::at(&server.url()).tuned(|model| model.calls_per_episode_max = 2);
    let gateway = stand.open(Recording::Live);
    let mut calls = gateway.episode("a#0", 7);
    for (role, fine) in [
        (Role::Student, true),
        (Role::Teacher, true),
        (Role::Judge, false),
    ] {
        let reply = calls.chat(role, "gpt", 0, ask("hello")).reply;
        assert_eq!(reply.is_ok(), fine, "{}", role.name());
    }
    assert!(matches!(calls.failure(), Some(ChatError::Allowance(_))));
    assert_eq!(calls.take_records().len(), 2);
}
