//! What is recorded, and that a replay of it is the same.

use std::sync::Arc;
use std::time::Duration;

use proctor_model::cassette::{Cassette, Header, Redactor};
use proctor_model::{
    CallRecord, ChatError, Gateway, GatewayError, Origin, ProviderFailure, Recording, Role, Spent,
};
use proctor_provider::{Answer, Fault, Provider, Reply, always, script};

use crate::{Shelf, Stand, Told, VARIABLE, ask, busy_run, episode, from_cassette, numbered};

#[test]
fn a_replay_has_the_same_records_and_needs_no_provider() {
    let shelf = Shelf::new();
    let server = Provider::start(numbered);
    let url = server.url();
    let gateway = Stand::at(&url).open(shelf.record());
    let recorded = busy_run(&gateway);
    gateway.finish().unwrap();
    drop(gateway);
    drop(server);
    let mut keyless = Stand::at(&url);
    keyless.key = None;
    let gateway = keyless.open(shelf.replay());
    assert_eq!(busy_run(&gateway), from_cassette(&recorded));
    assert_eq!(gateway.spent(), Spent::default());
    assert!(gateway.block_on(async {}).is_none());
    // What isn't recorded is an error that says where, and ends the episode.
    let mut calls = gateway.episode("b#0", 7);
    let replied = calls.chat(Role::Student, "gpt", 3, ask("three"));
    let error = replied.reply.unwrap_err();
    assert!(matches!(error, ChatError::Unrecorded(_)), "{error}");
    assert!(error.to_string().contains("b#0"), "{error}");
    assert_eq!(calls.failure(), Some(&error));
    assert_eq!(calls.take_records()[0].error, Some("unrecorded"));
}

#[test]
fn auto_sends_only_what_is_not_recorded() {
    let shelf = Shelf::new();
    let server = Provider::start(numbered);
    let gateway = Stand::at(&server.url()).open(shelf.record());
    let (first, _) = episode(&gateway, "a#0", &["one", "two"]);
    gateway.finish().unwrap();
    drop(gateway);
    let gateway = Stand::at(&server.url()).open(Recording::Auto(shelf.extended()));
    let (told, records) = episode(&gateway, "a#0", &["one", "two", "three", "one"]);
    assert_eq!(told[..2], first);
    let kept = |record: &CallRecord| record.origin == Origin::Cassette;
    let kept: Vec<bool> = records.iter().map(kept).collect();
    assert_eq!(kept, [true, true, false, false]);
    assert_eq!(server.request_count(), 4);
    assert_eq!(gateway.spent().calls, 2);
    gateway.finish().unwrap();
    drop(gateway);
    let gateway = Stand::at(&server.url()).open(shelf.replay());
    let (again, _) = episode(&gateway, "a#0", &["one", "two", "three", "one"]);
    assert_eq!(again, told);
}

#[test]
fn a_recording_that_was_interrupted_goes_on_where_it_was_and_counts_what_it_spent() {
    let shelf = Shelf::new();
    let server = Provider::start(numbered);
    let gateway = Stand::at(&server.url()).open(shelf.record());
    let (first, _) = episode(&gateway, "a#0", &["one", "two"]);
    let spent = gateway.spent();
    drop(gateway);
    let gateway = Stand::at(&server.url()).open(shelf.record());
    gateway.count_before(Spent::default()).unwrap();
    assert_eq!(gateway.spent(), spent);
    let (told, records) = episode(&gateway, "a#0", &["one", "two", "three"]);
    assert_eq!(told[..2], first);
    assert_eq!(records[2].origin, Origin::Live);
    assert_eq!(server.request_count(), 3);
    assert_eq!(gateway.spent().calls, 3);
}

#[test]
fn the_same_request_is_recorded_anew_each_time_and_for_each_episode_and_role() {
    let shelf = Shelf::new();
    let server = Provider::start(numbered);
    let run = |gateway: &Arc<Gateway>| {
        let of = |name| episode(gateway, name, &["same", "same"]);
        let mut calls = gateway.episode("a#0", 7);
        let judge = calls.chat(Role::Judge, "gpt", 2, ask("same")).reply;
        let judged = calls.take_records();
        (of("a#0"), of("a#1"), judge.unwrap().text, judged)
    };
    let gateway = Stand::at(&server.url()).open(shelf.record());
    let (first, second, judge, judged) = run(&gateway);
    let texts = |told: &Told| -> Vec<String> {
        let each = told.0.iter();
        each.map(|text| text.clone().unwrap()).collect()
    };
    assert_eq!(judge, "reply 0");
    assert_eq!(texts(&first), ["reply 1", "reply 2"]);
    assert_eq!(texts(&second), ["reply 3", "reply 4"]);
    for (_, records) in [&first, &second] {
        let occurrences: Vec<u32> = records.iter().map(|one| one.occurrence).collect();
        assert_eq!(occurrences, [0, 1]);
        assert_eq!(records[0].request, records[1].request);
    }
    assert_eq!(judged[0].occurrence, 0);
    assert_eq!(judged[0].request, first.1[0].request);
    gateway.finish().unwrap();
    drop(gateway);
    let gateway = Stand::at(&server.url()).open(shelf.replay());
    let (again, anew, said, _) = run(&gateway);
    assert_eq!((again.0, anew.0, said), (first.0, second.0, judge));
    assert_eq!(server.request_count(), 5);
}

/// Records an episode with this provider, stops it, and replays the episode.
fn twice(stand: impl Fn(&str) -> Stand, server: Provider, texts: &[&str]) -> (Told, Told) {
    let shelf = Shelf::new();
    let url = server.url();
    let gateway = stand(&url).open(shelf.record());
    let recorded = episode(&gateway, "a#0", texts);
    gateway.finish().unwrap();
    drop(gateway);
    drop(server);
    let gateway = stand(&url).open(shelf.replay());
    (recorded, episode(&gateway, "a#0", texts))
}

#[test]
fn a_providers_failure_is_recorded_and_replayed_as_the_same_failure() {
    let busy = || Answer::from(Fault::status(503, "overloaded"));
    let server = Provider::start(script([
        Fault::status(400, "no such tool").into(),
        busy(),
        busy(),
        busy(),
        Reply::text("here again").into(),
        Fault::EmptyChoices.into(),
    ]));
    let texts = ["one", "two", "three", "four"];
    let ((told, records), (again, replayed)) = twice(Stand::at, server, &texts);
    assert_eq!(replayed, from_cassette(&records));
    let kinds: Vec<_> = records.iter().map(|record| record.error).collect();
    let reply = Some("reply");
    assert_eq!(kinds, [Some("rejected"), Some("server"), None, reply]);
    let attempts: Vec<_> = records.iter().map(|record| record.attempts).collect();
    assert_eq!(attempts[..3], [1, 3, 1]);
    for (first, second) in told.iter().zip(&again) {
        match (first, second) {
            (Err(ChatError::Provider(first)), Err(ChatError::Provider(second))) => {
                assert_eq!(first.kind, second.kind);
                assert_eq!(first.to_string(), second.to_string());
            }
            (first, second) => assert_eq!(first, second),
        }
    }
    let Err(ChatError::Provider(error)) = &again[0] else {
        panic!("{again:?}");
    };
    assert_eq!(error.kind, ProviderFailure::Rejected);
    assert!(error.message.contains("no such tool"), "{error}");
}

#[test]
fn a_replayed_call_takes_no_time_and_says_how_long_it_took() {
    const PAUSE: Duration = Duration::from_millis(60);
    let shelf = Shelf::new();
    let server = Provider::start(always(Answer::Delayed(PAUSE, Reply::text("hi"))));
    let run = |gateway: &Arc<Gateway>| {
        let mut calls = gateway.episode("a#0", 7);
        let replied = calls.chat(Role::Student, "gpt", 0, ask("hello"));
        (replied.waited, calls.take_records()[0].latency_us)
    };
    let gateway = Stand::at(&server.url()).open(shelf.record());
    let (waited, latency_us) = run(&gateway);
    assert!(waited >= PAUSE, "{waited:?}");
    assert!(latency_us >= 60_000, "{latency_us}");
    gateway.finish().unwrap();
    drop(gateway);
    let gateway = Stand::at(&server.url()).open(shelf.replay());
    assert_eq!(run(&gateway), (Duration::ZERO, latency_us));
}

#[test]
fn an_episode_that_waits_too_long_ends_there_in_a_replay_too() {
    let impatient = |url: &str| {
        Stand::at(url).tuned(|model| model.episode_time_max = Duration::from_millis(300))
    };
    let server = Provider::start(script(
        [Reply::text("hi").into(), Fault::Hang.into()] as [Answer; 2]
    ));
    let texts = ["one", "two", "three"];
    let ((told, records), (again, replayed)) = twice(impatient, server, &texts);
    assert!(told[0].is_ok());
    for late in &told[1..] {
        assert!(matches!(late, Err(ChatError::Allowance(_))), "{late:?}");
    }
    assert_eq!(again, told);
    assert_eq!(replayed, from_cassette(&records));
    // The third was never sent.
    assert_eq!(records.len(), 2);
}

#[test]
fn a_missing_key_is_named_before_anything_is_sent() {
    let shelf = Shelf::new();
    let server = Provider::start(numbered);
    let keyless = || {
        let mut stand = Stand::at(&server.url());
        stand.key = None;
        stand
    };
    for recording in [Recording::Live, Shelf::new().record()] {
        let name = recording.name();
        let error = keyless().refused(recording);
        assert!(matches!(error, GatewayError::MissingKey { .. }), "{name}");
        assert!(error.to_string().contains(VARIABLE), "{name}: {error}");
    }
    // What is recorded needs none.
    let gateway = Stand::at(&server.url()).open(shelf.record());
    let (told, _) = episode(&gateway, "a#0", &["one"]);
    gateway.finish().unwrap();
    drop(gateway);
    let gateway = keyless().open(Recording::Auto(shelf.extended()));
    let mut calls = gateway.episode("a#0", 7);
    let mut again = |text| calls.chat(Role::Student, "gpt", 0, ask(text)).reply;
    assert_eq!(again("one").map(|reply| reply.text), told[0]);
    let error = again("two").unwrap_err();
    assert!(matches!(error, ChatError::Closed(_)), "{error}");
    assert!(error.to_string().contains(VARIABLE), "{error}");
    assert_eq!(calls.failure(), Some(&error), "not the plugin's own doing");
    assert_eq!(calls.take_records()[1].error, Some("closed"));
    assert_eq!(server.request_count(), 1);
}

#[test]
fn nothing_is_paid_for_that_cannot_be_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let server = Provider::start(numbered);
    let header = Header {
        suite: "s".into(),
        suite_digest: "d".into(),
        proctor: "0".into(),
        note: None,
    };
    let cassette = Cassette::create(file.join("a.cassette"), &header, Redactor::default()).unwrap();
    let gateway = Stand::at(&server.url()).open(Recording::Record(cassette));
    let mut calls = gateway.episode("a#0", 7);
    let error = calls.chat(Role::Student, "gpt", 0, ask("one")).reply;
    assert!(matches!(error, Err(ChatError::Cassette(_))), "{error:?}");
    assert_eq!(server.request_count(), 0);
    assert_eq!(gateway.spent(), Spent::default());
}

#[test]
fn a_provider_that_names_no_model_is_on_record_with_none() {
    let server = Provider::start(numbered);
    let gateway = Stand::at(&server.url()).open(Recording::Live);
    let (_, named) = episode(&gateway, "a#0", &["one"]);
    assert_eq!(named[0].reply_model.as_deref(), Some("gpt-2025"));
    let nameless = Stand::at(&server.url()).tuned(|model| model.id.clear());
    let (told, records) = episode(&nameless.open(Recording::Live), "a#0", &["one"]);
    assert!(told[0].is_ok());
    assert_eq!(records[0].reply_model, None);
}
