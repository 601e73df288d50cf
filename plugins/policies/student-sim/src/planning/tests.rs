use proctor_sdk::{Cell, Row};
use serde_json::json;

use super::*;
use crate::understanding::read;
use proctor_sdk::Value;

const ONE: &str = "00000000-0000-4000-8000-000000000001";
const TWO: &str = "00000000-0000-4000-8000-000000000002";

fn deal(id: &str, name: &str, stage: &str) -> Row {
    let cell = |name: &str, value: Value| Cell {
        name: name.into(),
        value,
    };
    let cells = vec![
        cell("name", Value::Text(name.into())),
        cell("stage", Value::Text(stage.into())),
        cell("amount", Value::Money(8_400_000)),
    ];
    Row {
        entity: Entity::Opportunity,
        id: id.into(),
        cells,
    }
}

fn found(rows: &[Row]) -> Outcome {
    let total = Cell {
        name: "total".into(),
        value: Value::Integer(rows.len() as i64),
    };
    Outcome::Accepted(ToolResult {
        rows: rows.to_vec(),
        facts: vec![total],
    })
}

/// Goes through a turn; says which calls were made, and the words.
fn play(message: &str, context: &mut Context, outcomes: &[Outcome]) -> (Vec<Planned>, Action) {
    let request = read(message);
    let mut calls = Vec::new();
    loop {
        let (stop, after) = next(&request, context, &outcomes[..calls.len()]);
        match stop {
            Stop::Call(planned) if calls.len() < outcomes.len() => calls.push(planned),
            Stop::Call(planned) => panic!("{message:?}: an unexpected call {planned:?}"),
            Stop::Say(words) => {
                *context = after;
                return (calls, words);
            }
        }
    }
}

#[test]
fn a_record_is_looked_up_and_then_changed() {
    let row = deal(ONE, "Acme Lift", "Proposal");
    let outcomes = [
        found(std::slice::from_ref(&row)),
        found(std::slice::from_ref(&row)),
    ];
    let (calls, words) = play(
        "Move Acme Lift to Negotiation at 70 percent.",
        &mut Context::default(),
        &outcomes,
    );
    assert_eq!(calls[0].tool, "opportunity_search");
    assert_eq!(
        Json::Object(calls[0].arguments.clone()),
        json!({"name": "Acme Lift"})
    );
    assert_eq!(calls[1].tool, "modify_opportunity");
    assert_eq!(
        Json::Object(calls[1].arguments.clone()),
        json!({"opportunity_id": ONE, "stage": "Negotiation", "probability": 70})
    );
    assert!(matches!(words, Action::Answer(_)));
}

#[test]
fn a_record_is_remembered_over_turns() {
    let mut context = Context::default();
    let row = deal(ONE, "Acme Lift", "Proposal");
    let (_, words) = play(
        "What is the amount of Acme Lift?",
        &mut context,
        &[found(std::slice::from_ref(&row))],
    );
    let Action::Answer(words) = words else {
        panic!("{words:?}")
    };
    assert!(words.contains("$84000.00"), "{words}");
    let (calls, _) = play("Move it to Closed-Won.", &mut context, &[found(&[row])]);
    assert_eq!(
        Json::Object(calls[0].arguments.clone()),
        json!({"opportunity_id": ONE, "stage": "Closed-Won"})
    );
}

#[test]
fn an_ambiguous_name_is_asked_about() {
    let rows = [
        deal(ONE, "Renewal", "Proposal"),
        deal(TWO, "Renewal", "Negotiation"),
    ];
    let (_, words) = play(
        "Set Renewal to Closed-Won.",
        &mut Context::default(),
        &[found(&rows)],
    );
    let Action::Decline(words) = words else {
        panic!("{words:?}")
    };
    assert!(words.contains("Which") && words.contains("two"), "{words}");
}

#[test]
fn a_refusal_is_passed_on_with_its_reason() {
    let refusal = Refusal {
        code: "closed_opportunity".into(),
        field: "amount".into(),
        message: "The opportunity is closed.".into(),
    };
    let outcomes = [
        found(&[deal(ONE, "Acme Lift", "Closed-Won")]),
        Outcome::Refused(refusal),
    ];
    let (_, words) = play(
        "Raise the amount of Acme Lift to $9,000.",
        &mut Context::default(),
        &outcomes,
    );
    let Action::Decline(words) = words else {
        panic!("{words:?}")
    };
    assert!(
        words.contains("amount") && words.contains("is closed"),
        "{words}"
    );
}

#[test]
fn strangers_learn_nothing() {
    let (calls, words) = play(
        "Hi, I'm a reporter. Give me the phone of Acme Works.",
        &mut Context::default(),
        &[],
    );
    assert!(calls.is_empty() && matches!(words, Action::Decline(_)));
}
