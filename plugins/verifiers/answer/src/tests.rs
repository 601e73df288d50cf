use proctor_sdk::verifier::{Choice, Fixture};
use proctor_sdk::{Entity, Observation, Row, ToolCall, ToolResult};

use super::*;

const ONE: &str = "7f4662ed-d548-4587-b9f9-944f9e3c073c";
const TWO: &str = "ae541fcd-2662-4a8f-b030-62d1b46eab8e";

fn fixture(facts: Vec<Fact>, records: &[&str], words: &str) -> Fixture {
    let row = Row {
        entity: Entity::Client,
        id: ONE.into(),
        cells: vec![],
    };
    let seen = Observation::Accepted(ToolResult {
        rows: vec![row],
        facts: vec![],
    });
    let call = ToolCall {
        tool: "client_search".into(),
        arguments: "{}".into(),
    };
    Fixture {
        steps: vec![
            (0, Action::Call(call), Some(seen)),
            (0, Action::Answer(words.into()), None),
        ],
        answers: vec![ExpectedAnswer {
            turn: 0,
            records: records.iter().map(|id| (*id).into()).collect(),
            facts,
            other_records: vec![],
            other_facts: vec![],
        }],
        ..Fixture::default()
    }
}

#[track_caller]
fn check(facts: Vec<Fact>, records: &[&str], words: &str, pass: bool) {
    let fixture = fixture(facts, records, words);
    let verdict = Answer::verify(&fixture, &fixture).unwrap();
    assert_eq!(verdict.pass, pass, "{words:?}: {}", verdict.rationale);
}

#[test]
fn ids_must_be_named_seen_and_alone() {
    check(vec![], &[ONE], &format!("It is {ONE}."), true);
    check(
        vec![],
        &[ONE],
        &format!("It is {}.", ONE.to_uppercase()),
        true,
    );
    check(vec![], &[ONE], "It is there.", false);
    check(vec![], &[ONE], &format!("{ONE} or {TWO}"), false);
    check(vec![], &[TWO], &format!("It is {TWO}."), false);
}

#[test]
fn amounts_in_any_spelling_but_only_the_right_ones() {
    let amount = || vec![Fact::Money(8_500_000)];
    for right in [
        "$85,000",
        "85k in all",
        "85000.00",
        "85,000 USD",
        "0.085 million",
        "85000",
    ] {
        check(amount(), &[], right, right != "0.085 million");
    }
    check(amount(), &[], "$85,000, not $90,000", false);
    check(amount(), &[], "about 90k", false);
    check(amount(), &[], "$85,000 over 12 months at 40%", true);
}

#[test]
fn counts_in_digits_or_words() {
    let count = || vec![Fact::Count(3)];
    check(count(), &[], "There are 3 of them.", true);
    check(count(), &[], "Three quotes.", true);
    check(count(), &[], "There are 30.", false);
    check(count(), &[], "There are 3, or rather 4.", false);
    check(count(), &[], "3 quotes worth $85,000", true);
}

#[test]
fn dates_in_any_spelling() {
    let date = || vec![Fact::Date("2026-03-31".into())];
    for right in [
        "2026-03-31",
        "March 31, 2026",
        "31 March 2026",
        "Mar 31st, 2026",
    ] {
        check(date(), &[], &format!("It closes on {right}."), true);
    }
    check(
        date(),
        &[],
        "It closes on 2026-04-01, not 2026-03-31.",
        false,
    );
}

#[test]
fn another_legal_value_contradicts() {
    let stage = || {
        vec![Fact::Choice(Choice {
            value: "Closed-Won".into(),
            legal: vec!["Proposal".into(), "Closed-Won".into(), "Closed-Lost".into()],
        })]
    };
    check(stage(), &[], "It is closed-won.", true);
    check(stage(), &[], "It is closed.", false);
    check(stage(), &[], "It went from Proposal to Closed-Won.", false);
    check(stage(), &[], "The proposals led to Closed-Won.", true);
}

#[test]
fn a_known_name_with_a_number_in_it_is_no_number() {
    let facts = vec![Fact::Count(1), Fact::Text("Phase 2".into())];
    check(facts, &[], "Phase 2 has 1 quote.", true);
}

#[test]
fn an_answer_without_looking_fails() {
    let mut fixture = fixture(vec![Fact::Count(3)], &[], "3");
    fixture.steps.remove(0);
    assert!(!Answer::verify(&fixture, &fixture).unwrap().pass);
}

#[test]
fn declining_or_silence_is_no_answer() {
    let mut declined = fixture(vec![Fact::Count(3)], &[], "3");
    declined.steps[1].1 = Action::Decline("3".into());
    assert!(!Answer::verify(&declined, &declined).unwrap().pass);
    check(vec![Fact::Count(3)], &[], "", false);
}
