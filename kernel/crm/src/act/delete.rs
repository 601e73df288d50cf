//! Removing a record with everything that would be orphaned without it.

use super::{Action, Answers, Outcome, Plan, ToolResult, attached, count, referring, required};
use crate::arguments::Arguments;
use crate::{Change, Code, Condition, Entity, Id, Query, Refusal, Row, Value};

/// A record to remove.
#[derive(Debug)]
struct Delete {
    entity: Entity,
    id: Id,
    /// Entities of the rows that the queries after the first find.
    dependents: Vec<Entity>,
}

pub(super) fn delete(arguments: &Arguments) -> Result<Plan, Refusal> {
    let entity = arguments.tool.entity;
    let id = arguments.key()?;
    let found = dependents(entity, id);
    let dependents = found.iter().map(|query| query.entity).collect();
    let mut queries = vec![Query::by_id(entity, id)];
    queries.extend(found);
    Ok(Plan::new(
        queries,
        Delete {
            entity,
            id,
            dependents,
        },
    ))
}

/// What hangs on the record, each before what it hangs on itself; and the contracts that keep an
/// opportunity from being deleted.
fn dependents(entity: Entity, id: Id) -> Vec<Query> {
    let on = |what| attached(what, entity, id);
    if entity != Entity::Opportunity {
        return vec![on(Entity::Note), on(Entity::Document)];
    }
    let quotes = referring(Entity::Quote, "opportunity_id", id);
    let on_quotes = |what| {
        let of_quotes = Condition::Equals("entity_type", Value::Text(Entity::Quote.name().into()));
        let those = Condition::Among("entity_id", Box::new(quotes.clone()));
        Query::all(what, vec![of_quotes, those])
    };
    vec![
        on(Entity::Note),
        on_quotes(Entity::Note),
        on(Entity::Document),
        on_quotes(Entity::Document),
        referring(Entity::Contract, "opportunity_id", id),
        quotes.clone(),
    ]
}

impl Action for Delete {
    fn apply(self: Box<Self>, mut answers: Answers) -> Result<Outcome, Refusal> {
        let row = required(answers.row(), self.entity, self.id)?;
        let mut rows = Vec::new();
        for entity in self.dependents {
            let found = answers.rows();
            match found.first() {
                Some(contract) if entity == Entity::Contract => return Err(in_use(contract)),
                _ => rows.extend(found),
            }
        }
        rows.push(row.clone());
        let facts = deleted(&rows);
        let changes = rows.into_iter().map(Change::Delete).collect();
        Ok(Outcome {
            changes,
            result: ToolResult {
                rows: vec![row],
                facts,
            },
        })
    }
}

fn in_use(contract: &Row) -> Refusal {
    let message = format!(
        "The contract {} refers to this opportunity, so it cannot be deleted.",
        contract.id()
    );
    Refusal::new(Code::InUse, "opportunity_id", message)
}

/// How many rows of each kind are removed.
fn deleted(rows: &[Row]) -> Vec<(String, Value)> {
    let of = |entity: Entity| rows.iter().filter(|row| row.entity() == entity).count();
    let some = Entity::ALL.into_iter().filter(|entity| of(*entity) > 0);
    some.map(|entity| (format!("deleted.{}", entity.table()), count(of(entity))))
        .collect()
}
