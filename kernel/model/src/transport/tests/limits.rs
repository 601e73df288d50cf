//! How many, how fast, how often, and how long a pause.

use fake::{Answer, Fault, Reply, always, by_last_message, script};

use super::*;
use crate::chat::Usage;

fn late(milliseconds: u64) -> Answer {
    Answer::Delayed(Duration::from_millis(milliseconds), Reply::text("late"))
}

#[test]
fn two_hundred_calls_at_once_never_exceed_the_slots_and_add_up() {
    let usage = fake::Usage {
        input: 100,
        output: 20,
        cached: 30,
        ..fake::Usage::default()
    };
    for wire in BOTH {
        let server = fake::Provider::start(by_last_message(move |text| {
            Answer::Delayed(Duration::from_millis(10), Reply::text(text).costing(usage))
        }));
        let settings = ProviderSettings {
            concurrency_max: 7,
            ..settings(&server, wire)
        };
        let mut sum = Usage::default();
        for (call, outcome) in ask_at_once(&settings, 200).into_iter().enumerate() {
            let reply = outcome.unwrap().reply;
            // Nobody gets what was meant for somebody else.
            assert_eq!(reply.text, format!("call {call}"));
            sum += reply.usage;
        }
        assert_eq!((server.most_at_once(), server.request_count()), (7, 200));
        let told = server.accounted();
        assert_eq!(
            (sum.input, sum.output, sum.cached),
            (told.input, told.output, told.cached)
        );
        assert_eq!(told.input, 20_000);
    }
}

#[test]
fn two_hundred_slow_calls_are_under_way_at_once_if_allowed() {
    let server = fake::Provider::start(always(late(1_000)));
    let settings = ProviderSettings {
        concurrency_max: 200,
        ..settings(&server, Wire::Anthropic)
    };
    let begun = Instant::now();
    let outcomes = ask_at_once(&settings, 200);
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
    assert!(server.most_at_once() > 100, "{}", server.most_at_once());
}

#[test]
fn requests_are_spread_over_the_minute() {
    let server = fake::Provider::start(always(Reply::text("x")));
    let settings = ProviderSettings {
        requests_per_minute_max: Some(600),
        ..settings(&server, Wire::OpenAi)
    };
    let begun = Instant::now();
    assert!(ask_at_once(&settings, 6).iter().all(Result::is_ok));
    // One at once, and each of the others a tenth of a second after the one before.
    assert!(
        begun.elapsed() >= Duration::from_millis(490),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn repeated_attempts_count_against_the_pace() {
    let server = fake::Provider::start(always(Fault::rate_limit(None)));
    let settings = ProviderSettings {
        requests_per_minute_max: Some(600),
        ..settings(&server, Wire::OpenAi)
    };
    let begun = Instant::now();
    ask(&settings).unwrap_err();
    assert!(
        begun.elapsed() >= Duration::from_millis(190),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn the_pause_that_a_provider_asks_for_is_kept() {
    let server = fake::Provider::start(script::<Answer>([
        Fault::rate_limit(Some("1")).into(),
        Reply::text("fine").into(),
    ]));
    let settings = ProviderSettings {
        pause_max: Duration::from_secs(5),
        ..settings(&server, Wire::OpenAi)
    };
    let begun = Instant::now();
    let delivered = ask(&settings).unwrap();
    assert!(
        begun.elapsed() >= Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
    // The pause isn't the model's time.
    assert!(delivered.latency < Duration::from_secs(1), "{delivered:?}");
    assert_eq!(delivered.attempts, 2);
}

#[test]
fn a_pause_longer_than_allowed_ends_the_call_at_once() {
    for asked in ["120", "Fri, 31 Dec 2100 23:59:59 GMT", "1e300"] {
        let server = fake::Provider::start(always(Fault::rate_limit(Some(asked))));
        let settings = ProviderSettings {
            pause_max: Duration::from_secs(1),
            ..settings(&server, Wire::OpenAi)
        };
        let begun = Instant::now();
        let error = ask(&settings).unwrap_err();
        assert_eq!(
            (error.kind, error.attempts),
            (ProviderFailure::RateLimited, 1)
        );
        assert!(
            error.message.contains("the longest allowed is 1 s"),
            "{error}"
        );
        assert!(
            asked != "120" || error.message.contains("a pause of 120 s"),
            "{error}"
        );
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[test]
fn a_pause_holds_no_slot() {
    let server = fake::Provider::start(script::<Answer>([
        Fault::rate_limit(Some("3")).into(),
        Reply::text("first to be answered").into(),
        Reply::text("who waited").into(),
    ]));
    let settings = ProviderSettings {
        concurrency_max: 1,
        pause_max: Duration::from_secs(5),
        ..settings(&server, Wire::OpenAi)
    };
    let mut texts = ask_at_once(&settings, 2)
        .into_iter()
        .map(|outcome| outcome.map(|it| (it.reply.text, it.attempts)).unwrap())
        .collect::<Vec<_>>();
    texts.sort();
    // Were the slot held, the one that waits would be answered first.
    assert_eq!(
        texts,
        [
            ("first to be answered".to_owned(), 1),
            ("who waited".to_owned(), 2)
        ]
    );
}

#[test]
fn one_attempt_is_one_attempt() {
    let server = fake::Provider::start(always(Fault::status(500, "busy")));
    for attempts_max in [0, 1] {
        let settings = ProviderSettings {
            attempts_max,
            ..settings(&server, Wire::OpenAi)
        };
        assert_eq!(ask(&settings).unwrap_err().attempts, 1);
    }
    assert_eq!(server.request_count(), 2);
}
