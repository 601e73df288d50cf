//! Showing records: one with its surroundings, several side by side, or all that match.

use super::{Action, Answers, Outcome, Plan, ToolResult, attached, count, referring, required};
use crate::arguments::Arguments;
use crate::field::{Fields, not_found, read_id, whole, wrong_type};
use crate::tool::{COMPARED, Comparison, LIMIT_DEFAULT, LIMIT_MAX};
use crate::{Code, Condition, Entity, Id, Kind, Query, Refusal, Row, Value};

/// A record to show, with the rows around it.
#[derive(Debug)]
struct Details {
    entity: Entity,
    id: Id,
    /// Entities of the rows that the queries after the first find.
    around: Vec<Entity>,
}

pub(super) fn details(arguments: &Arguments) -> Result<Plan, Refusal> {
    let entity = arguments.tool.entity;
    let id = arguments.key()?;
    let main = Query::by_id(entity, id);
    let held =
        |by, held_in| Query::all(by, vec![Condition::HeldBy(held_in, Box::new(main.clone()))]);
    let around = match entity {
        Entity::Opportunity => vec![
            held(Entity::Client, "client_id"),
            referring(Entity::Quote, "opportunity_id", id),
            referring(Entity::Contract, "opportunity_id", id),
            attached(Entity::Document, entity, id),
            attached(Entity::Note, entity, id),
        ],
        _ => vec![held(Entity::Opportunity, "opportunity_id")],
    };
    let action = Details {
        entity,
        id,
        around: around.iter().map(|query| query.entity).collect(),
    };
    let queries = std::iter::once(main).chain(around).collect();
    Ok(Plan::new(queries, action))
}

impl Action for Details {
    fn apply(self: Box<Self>, mut answers: Answers) -> Result<Outcome, Refusal> {
        let mut rows = vec![required(answers.row(), self.entity, self.id)?];
        let mut facts = Vec::new();
        for entity in self.around {
            let found = answers.rows();
            if !matches!(entity, Entity::Client | Entity::Opportunity) {
                facts.push((entity.table().to_owned(), count(found.len())));
            }
            rows.extend(found);
        }
        Ok(shown(rows, facts))
    }
}

/// Quotes to set side by side.
#[derive(Debug)]
struct Compare {
    ids: Vec<Id>,
    comparison: Comparison,
}

pub(super) fn compare(arguments: &Arguments, comparison: Comparison) -> Result<Plan, Refusal> {
    let ids = quote_ids(arguments)?;
    let keys = ids.iter().copied().map(Value::Id).collect();
    let query = Query::all(
        Entity::Quote,
        vec![Condition::In(Entity::Quote.key(), keys)],
    );
    Ok(Plan::new(vec![query], Compare { ids, comparison }))
}

fn quote_ids(arguments: &Arguments) -> Result<Vec<Id>, Refusal> {
    const NAME: &str = "quote_ids";
    let json = arguments.get(NAME).unwrap_or(&serde_json::Value::Null);
    let Some(entries) = json.as_array() else {
        return Err(wrong_type(NAME, json, "a list of quote ids"));
    };
    let (least, most) = (COMPARED.start(), COMPARED.end());
    if entries.len() < *least {
        let message = format!("A comparison needs at least {least} quotes.");
        return Err(Refusal::new(Code::TooFew, NAME, message));
    }
    if entries.len() > *most {
        let message = format!("A comparison takes at most {most} quotes.");
        return Err(Refusal::new(Code::TooMany, NAME, message));
    }
    let mut ids = Vec::new();
    for entry in entries {
        let id = read_id(NAME, entry, Some(Entity::Quote))?;
        if ids.contains(&id) {
            let message = format!("The quote {id} is listed twice; list different quotes.");
            return Err(Refusal::new(Code::Duplicate, NAME, message));
        }
        ids.push(id);
    }
    Ok(ids)
}

impl Action for Compare {
    fn apply(self: Box<Self>, mut answers: Answers) -> Result<Outcome, Refusal> {
        let found = answers.rows();
        let mut rows = Vec::new();
        for id in self.ids {
            let row = found.iter().find(|row| row.id() == id);
            let missing = || not_found("quote_ids", &id.to_string(), Some(Entity::Quote));
            rows.push(row.cloned().ok_or_else(missing)?);
        }
        let facts = match self.comparison {
            Comparison::Amounts => amounts(&rows),
            Comparison::Columns => differences(&rows),
        };
        Ok(shown(rows, facts))
    }
}

/// The lowest and the highest quote, the first of equals, and how far apart they are.
fn amounts(rows: &[Row]) -> Vec<(String, Value)> {
    let amount = |row: &&Row| row.get("amount").as_money().unwrap_or_default();
    let lowest = rows.iter().min_by_key(amount);
    // Reversed because the last of equal maxima is what `max_by_key` finds.
    let highest = rows.iter().rev().max_by_key(amount);
    let (Some(lowest), Some(highest)) = (lowest, highest) else {
        return Vec::new();
    };
    let (low, high) = (amount(&lowest), amount(&highest));
    let mut facts = vec![
        ("lowest_amount".into(), Value::Money(low)),
        ("highest_amount".into(), Value::Money(high)),
        ("lowest_quote_id".into(), Value::Id(lowest.id())),
        ("highest_quote_id".into(), Value::Id(highest.id())),
    ];
    if let Some(difference) = high.less(low) {
        facts.insert(2, ("difference".into(), Value::Money(difference)));
    }
    facts
}

/// For every column that differs its values in the order of the quotes, blank where there is
/// none.
fn differences(rows: &[Row]) -> Vec<(String, Value)> {
    let columns = Entity::Quote.columns().iter().skip(1);
    let values = |name: &str| {
        rows.iter()
            .map(|row| row.get(name).to_string())
            .collect::<Vec<_>>()
    };
    let differing = columns
        .map(|column| (column.name, values(column.name)))
        .filter(|(_, texts)| texts.windows(2).any(|pair| pair[0] != pair[1]));
    differing
        .map(|(name, texts)| (format!("differs.{name}"), Value::Texts(texts)))
        .collect()
}

/// Records to find; the query says it all.
#[derive(Debug)]
struct Search;

pub(super) fn search(arguments: &Arguments) -> Result<Plan, Refusal> {
    let fields = arguments.criteria()?;
    let number = |name, least, most, default| match arguments.get(name) {
        Some(json) => whole(name, json, least, most),
        None => Ok(default),
    };
    let conditions = conditions(fields)?;
    let query = Query {
        entity: arguments.tool.entity,
        conditions,
        offset: number("offset", 0, u32::MAX, 0)?,
        limit: Some(number("limit", 1, LIMIT_MAX, LIMIT_DEFAULT)?),
        count: true,
    };
    Ok(Plan::new(vec![query], Search))
}

impl Action for Search {
    fn apply(self: Box<Self>, mut answers: Answers) -> Result<Outcome, Refusal> {
        let found = answers.next();
        let total = found.total.map_or(found.rows.len(), |total| total as usize);
        Ok(shown(found.rows, vec![("total".into(), count(total))]))
    }
}

/// What rows must be like to match the fields: a part of a text is enough, the rest is equal.
pub(super) fn conditions(fields: Fields) -> Result<Vec<Condition>, Refusal> {
    let values = fields.into_values()?;
    let condition = |(column, value): (&'static crate::Column, Value)| match value {
        Value::Text(part) if column.kind.is_text() || column.kind == Kind::Texts => {
            Condition::Contains(column.name, part)
        }
        value => Condition::Equals(column.name, value),
    };
    Ok(values.into_iter().map(condition).collect())
}

fn shown(rows: Vec<Row>, facts: Vec<(String, Value)>) -> Outcome {
    Outcome {
        changes: Vec::new(),
        result: ToolResult { rows, facts },
    }
}
