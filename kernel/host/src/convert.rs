//! Between the CRM's types and the wire types of `wit/`.

use proctor_crm::{Change, Entity, Money, Refusal, Row, ToolResult, Value};

use crate::bindings::proctor::plugin::{data as wire, trajectory};
use crate::exchange::{Action, Observation};

/// The wire's entity for the CRM's.
#[must_use]
pub fn entity_to_wire(of: Entity) -> wire::Entity {
    match of {
        Entity::Client => wire::Entity::Client,
        Entity::Company => wire::Entity::Company,
        Entity::Contact => wire::Entity::Contact,
        Entity::Opportunity => wire::Entity::Opportunity,
        Entity::Quote => wire::Entity::Quote,
        Entity::Contract => wire::Entity::Contract,
        Entity::Document => wire::Entity::Document,
        Entity::Note => wire::Entity::Note,
    }
}

/// The CRM's entity for the wire's.
#[must_use]
pub fn entity_from_wire(of: wire::Entity) -> Entity {
    match of {
        wire::Entity::Client => Entity::Client,
        wire::Entity::Company => Entity::Company,
        wire::Entity::Contact => Entity::Contact,
        wire::Entity::Opportunity => Entity::Opportunity,
        wire::Entity::Quote => Entity::Quote,
        wire::Entity::Contract => Entity::Contract,
        wire::Entity::Document => Entity::Document,
        wire::Entity::Note => Entity::Note,
    }
}

/// A value as plugins see it.
#[must_use]
pub fn value_to_wire(value: &Value) -> wire::Value {
    match value {
        Value::Null => wire::Value::Absent,
        Value::Text(text) => wire::Value::Text(text.clone()),
        Value::Integer(number) => wire::Value::Integer(*number),
        Value::Money(amount) => wire::Value::Money(amount.cents()),
        Value::Date(date) => wire::Value::Date(date.to_string()),
        Value::Timestamp(instant) => wire::Value::Timestamp(instant.to_string()),
        Value::Id(id) => wire::Value::Id(id.to_string()),
        Value::Texts(texts) => wire::Value::Texts(texts.clone()),
    }
}

/// A value that a plugin names, or nothing if no column could hold it.
pub(crate) fn value_from_wire(value: &wire::Value) -> Option<Value> {
    Some(match value {
        wire::Value::Absent => Value::Null,
        wire::Value::Text(text) => Value::Text(text.clone()),
        wire::Value::Integer(number) => Value::Integer(*number),
        wire::Value::Money(cents) => Value::Money(Money::from_cents(*cents)?),
        wire::Value::Date(date) => Value::Date(date.parse().ok()?),
        wire::Value::Timestamp(instant) => Value::Timestamp(instant.parse().ok()?),
        wire::Value::Id(id) => Value::Id(id.parse().ok()?),
        wire::Value::Texts(texts) => Value::Texts(texts.clone()),
    })
}

pub(crate) fn row(row: &Row) -> wire::Row {
    wire::Row {
        entity: entity_to_wire(row.entity()),
        id: row.id().to_string(),
        cells: row
            .cells()
            .skip(1)
            .filter(|(_, value)| !value.is_null())
            .map(|(column, value)| wire::Cell {
                name: column.name.to_owned(),
                value: value_to_wire(value),
            })
            .collect(),
    }
}

pub(crate) fn change(change: &Change) -> wire::Change {
    match change {
        Change::Insert(after) => wire::Change::Insert(row(after)),
        Change::Delete(before) => wire::Change::Delete(row(before)),
        Change::Update { after, .. } => wire::Change::Update(wire::Update {
            entity: entity_to_wire(after.entity()),
            id: after.id().to_string(),
            columns: change
                .columns()
                .iter()
                .map(|column| wire::ColumnChange {
                    name: column.column.to_owned(),
                    before: value_to_wire(column.before),
                    after: value_to_wire(column.after),
                })
                .collect(),
        }),
    }
}

pub(crate) fn refusal(refusal: &Refusal) -> trajectory::Refusal {
    trajectory::Refusal {
        code: refusal.code.name().to_owned(),
        field: refusal.field.clone(),
        message: refusal.message.clone(),
    }
}

pub(crate) fn tool_result(result: &ToolResult) -> trajectory::ToolResult {
    trajectory::ToolResult {
        rows: result.rows.iter().map(row).collect(),
        facts: result
            .facts
            .iter()
            .map(|(name, value)| wire::Cell {
                name: name.clone(),
                value: value_to_wire(value),
            })
            .collect(),
    }
}

pub(crate) fn observation(observation: &Observation) -> trajectory::Observation {
    match observation {
        Observation::Message(text) => trajectory::Observation::Message(text.clone()),
        Observation::Accepted(result) => trajectory::Observation::Accepted(tool_result(result)),
        Observation::Refused(refused) => trajectory::Observation::Refused(refusal(refused)),
    }
}

pub(crate) fn action(action: Action) -> trajectory::Action {
    match action {
        Action::Call(call) => trajectory::Action::Call(call),
        Action::Answer(text) => trajectory::Action::Answer(text),
        Action::Decline(text) => trajectory::Action::Decline(text),
    }
}

pub(crate) fn action_from_wire(action: trajectory::Action) -> Action {
    match action {
        trajectory::Action::Call(call) => Action::Call(call),
        trajectory::Action::Answer(text) => Action::Answer(text),
        trajectory::Action::Decline(text) => Action::Decline(text),
    }
}
