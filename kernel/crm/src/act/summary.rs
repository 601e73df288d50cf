//! Counting and totalling: facts about many records without the records.

use std::collections::{BTreeMap, BTreeSet};

use super::read::conditions;
use super::{Action, Answers, Outcome, Plan, ToolResult, count};
use crate::arguments::Arguments;
use crate::{Code, Entity, Money, Query, Refusal, Row, Value};

/// Opportunities to count and total; the query says which.
#[derive(Debug)]
struct Summarize;

pub(super) fn summarize(arguments: &Arguments) -> Result<Plan, Refusal> {
    let conditions = conditions(arguments.criteria()?)?;
    Ok(Plan::new(
        vec![Query::all(Entity::Opportunity, conditions)],
        Summarize,
    ))
}

impl Action for Summarize {
    fn apply(self: Box<Self>, mut answers: Answers) -> Result<Outcome, Refusal> {
        let found = answers.rows();
        let rows: Vec<&Row> = found.iter().collect();
        let mut facts = figures(&rows, "")?.to_vec();
        for column in ["stage", "owner"] {
            for (name, group) in grouped(&rows, column) {
                facts.extend(figures(&group, &format!("{column}.{name}."))?);
            }
        }
        Ok(told(facts))
    }
}

/// How many rows there are and what their amounts come to.
fn figures(rows: &[&Row], prefix: &str) -> Result<[(String, Value); 2], Refusal> {
    let amounts = rows.iter().filter_map(|row| row.get("amount").as_money());
    let Some(total) = Money::total(amounts) else {
        let message = "The amounts add up to more than can be told exactly; narrow the filters.";
        return Err(Refusal::new(Code::TooMany, "", message));
    };
    Ok([
        (format!("{prefix}count"), count(rows.len())),
        (format!("{prefix}amount"), Value::Money(total)),
    ])
}

/// The rows by what they have in a column, in bytewise order of it.
fn grouped<'a>(rows: &[&'a Row], column: &str) -> BTreeMap<String, Vec<&'a Row>> {
    let mut groups: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let name = row.get(column).as_text().unwrap_or("(none)");
        groups.entry(name.to_owned()).or_default().push(row);
    }
    groups
}

/// Prefixes to list, of all quotes.
#[derive(Debug)]
struct Prefixes;

pub(super) fn prefixes() -> Plan {
    Plan::new(vec![Query::all(Entity::Quote, Vec::new())], Prefixes)
}

impl Action for Prefixes {
    fn apply(self: Box<Self>, mut answers: Answers) -> Result<Outcome, Refusal> {
        let rows = answers.rows();
        let distinct: BTreeSet<&str> = rows
            .iter()
            .filter_map(|row| row.get("quote_prefix").as_text())
            .collect();
        let listed = distinct.iter().map(|prefix| (*prefix).to_owned()).collect();
        Ok(told(vec![
            ("prefixes".into(), Value::Texts(listed)),
            ("count".into(), count(distinct.len())),
        ]))
    }
}

fn told(facts: Vec<(String, Value)>) -> Outcome {
    Outcome {
        changes: Vec::new(),
        result: ToolResult {
            rows: Vec::new(),
            facts,
        },
    }
}
