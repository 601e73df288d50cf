//! What calls cost, and that no more is spent than there is.

use std::time::Duration;

use proctor_model::{Budget, ChatError, Cost, GatewayError, Recording, Role, Spent, Usage};
use proctor_provider::{self as fake, Answer, Fault, Provider, Reply, always};

use crate::{Stand, ask, busy_run, episode, numbered};

#[test]
fn sums_over_calls_are_what_the_provider_accounted_on_both_wires() {
    // Every fifth request fails, and is made again.
    let server = Provider::start(|asked| match asked.number % 5 {
        4 => Fault::status(500, "one moment").into(),
        _ => numbered(asked),
    });
    let gateway = Stand::at(&server.url()).open(Recording::Live);
    let records = busy_run(&gateway);
    let mut sum = Usage::default();
    for record in &records {
        sum += record.usage;
    }
    let accounted = server.accounted();
    assert_eq!(
        sum,
        Usage {
            input: accounted.input,
            output: accounted.output,
            cached: accounted.cached,
            cache_written: accounted.cache_written,
            reasoning: accounted.reasoning,
        }
    );
    assert!(sum.cache_written > 0 && sum.reasoning > 0 && sum.cached > 0);
    let attempts: u32 = records.iter().map(|record| record.attempts).sum();
    assert_eq!(u64::from(attempts), server.request_count());
    let cost = records.iter().map(|record| record.cost.unwrap());
    let spent = Spent {
        cost: cost.fold(Cost::ZERO, |sum, cost| sum + cost),
        tokens: sum.total(),
        calls: 3 * 6 * 2 * 3,
    };
    assert_eq!(gateway.spent(), spent);
}

#[test]
fn a_call_costs_what_its_tokens_do() {
    let usage = fake::Usage {
        input: 1_000,
        output: 100,
        cached: 400,
        ..fake::Usage::default()
    };
    let server = Provider::start(always(Reply::text("hi").costing(usage)));
    let gateway = Stand::at(&server.url()).open(Recording::Live);
    let (_, records) = episode(&gateway, "a#0", &["hello"]);
    // 600 tokens at 2, 400 at 0.5 and 100 at 8 millionths of a dollar.
    let cost = Cost::from_pico(2_200_000_000);
    assert_eq!(records[0].cost, Some(cost));
}

#[test]
fn two_hundred_episodes_at_once_never_spend_more_than_the_budget() {
    const LIMIT: u64 = 10_000;
    let reply = Reply::text("hi").costing(fake::Usage {
        input: 60,
        output: 50,
        ..fake::Usage::default()
    });
    let pause = Duration::from_millis(3);
    let server = Provider::start(always(Answer::Delayed(pause, reply)));
    let mut stand = Stand::at(&server.url());
    stand.budget = Budget::new(None, Some(LIMIT), Spent::default());
    let gateway = stand.open(Recording::Live);
    let one = |number: u32| {
        let mut calls = gateway.episode(&format!("a#{number}"), 7);
        let asked = calls.chat_async(Role::Student, "gpt", 0, ask("hello"));
        gateway.block_on(asked).unwrap().reply
    };
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..200).map(|n| scope.spawn(move || one(n))).collect();
        let joined = threads.into_iter().map(|thread| thread.join().unwrap());
        joined.collect()
    });
    let replies = outcomes.iter().filter(|reply| reply.is_ok()).count();
    let spent = gateway.spent();
    assert!(spent.tokens <= LIMIT, "{spent:?}");
    assert!(spent.tokens > LIMIT / 2, "{spent:?}");
    assert_eq!(spent.tokens, 110 * u64::try_from(replies).unwrap());
    let accounted = server.accounted();
    assert_eq!(spent.tokens, accounted.input + accounted.output);
    for error in outcomes.into_iter().filter_map(Result::err) {
        assert!(matches!(error, ChatError::Budget(_)), "{error}");
    }
    // It stays closed, whatever would fit.
    let asked = server.request_count();
    let mut calls = gateway.episode("b#0", 7);
    let replied = calls.chat(Role::Student, "gpt", 0, ask(""));
    let error = replied.reply.unwrap_err();
    assert!(error.to_string().contains("10000 tokens"), "{error}");
    assert_eq!(calls.failure(), Some(&error));
    assert_eq!(server.request_count(), asked);
}

#[test]
fn a_budget_in_dollars_holds_too_and_what_was_spent_before_counts() {
    let usage = fake::Usage {
        input: 60,
        output: 50,
        ..fake::Usage::default()
    };
    let server = Provider::start(always(Reply::text("hi").costing(usage)));
    let before = Spent {
        cost: Cost::from_pico(9_000_000_000),
        tokens: 1_000,
        calls: 3,
    };
    let mut stand = Stand::at(&server.url());
    stand.budget = Budget::new(Some(Cost::from_pico(10_000_000_000)), None, before);
    let gateway = stand.open(Recording::Live);
    // A reply costs 0.00052 dollars, and a tenth of a cent is left.
    let (told, records) = episode(&gateway, "a#0", &["one", "two", "three"]);
    assert!(told[0].is_ok());
    assert!(matches!(told[1], Err(ChatError::Budget(_))), "{told:?}");
    assert!(matches!(told[2], Err(ChatError::Budget(_))), "{told:?}");
    assert_eq!(server.request_count(), 1);
    assert_eq!(gateway.spent().cost, Cost::from_pico(9_520_000_000));
    assert_eq!(records[1].error, Some("budget"));
    assert_eq!(records[1].attempts, 0);
}

#[test]
fn a_model_without_a_price_is_refused_unless_told_otherwise() {
    let server = Provider::start(numbered);
    let stand = || {
        let mut stand = Stand::at(&server.url());
        stand.models = &["gpt", "unpriced"];
        stand
    };
    let error = stand().refused(Recording::Live);
    assert!(matches!(error, GatewayError::NoPrice { .. }), "{error}");
    assert!(error.to_string().contains("unpriced"), "{error}");
    let mut willing = stand();
    willing.unpriced = true;
    let gateway = willing.open(Recording::Live);
    let mut calls = gateway.episode("a#0", 7);
    let replied = calls.chat(Role::Student, "unpriced", 0, ask("hello"));
    assert!(replied.reply.is_ok());
    assert_eq!(calls.take_records()[0].cost, None);
    assert_eq!(gateway.spent().cost, Cost::ZERO);
    assert_eq!(gateway.spent().tokens, 110);
}
