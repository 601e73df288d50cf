//! Fields of a call: JSON values read as values of columns, and the order in which what is wrong
//! with them is said.

mod number;
mod text;
mod time;

pub(crate) use number::whole;
pub(crate) use text::read_id;

use serde_json::Value as Json;

use crate::{Code, Column, Context, Entity, Kind, Refusal, Value, spelling};

/// What a value is given for; new values have limits that a search does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To record it in a new row.
    Create,
    /// To replace what a row has.
    Update,
    /// To find rows by.
    Search,
}

/// One field of a call, read: its value, or what is wrong with it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) column: &'static Column,
    pub(crate) value: Result<Value, Refusal>,
}

/// The fields of a call, in the order of their columns.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<Field>);

impl Fields {
    pub(crate) fn new(fields: Vec<Field>) -> Self {
        Self(fields)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.0.iter()
    }

    /// Whether the call has this field, be its value right or wrong.
    pub(crate) fn has(&self, column: &str) -> bool {
        self.0.iter().any(|field| field.column.name == column)
    }

    /// The value of a field that was given and can be read.
    pub(crate) fn value(&self, column: &str) -> Option<&Value> {
        let field = self.0.iter().find(|field| field.column.name == column)?;
        field.value.as_ref().ok()
    }

    /// All values, or the first thing wrong: references first, then text, amounts, choices,
    /// probabilities and dates; within one of these, in the order of columns.
    pub(crate) fn into_values(self) -> Result<Vec<(&'static Column, Value)>, Refusal> {
        let (mut values, mut wrong) = (Vec::new(), Vec::new());
        for field in self.0 {
            match field.value {
                Ok(value) => values.push((field.column, value)),
                Err(refusal) => wrong.push((rank(field.column.kind), refusal)),
            }
        }
        match wrong.into_iter().min_by_key(|(rank, _)| *rank) {
            Some((_, refusal)) => Err(refusal),
            None => Ok(values),
        }
    }
}

/// Place of a kind in the order of checks.
fn rank(kind: Kind) -> u8 {
    match kind {
        Kind::Id | Kind::Reference(_) | Kind::Subject => 0,
        Kind::Line | Kind::Prose | Kind::Email | Kind::Url | Kind::FileName | Kind::Texts => 1,
        Kind::Money => 2,
        Kind::Choice(_) => 3,
        Kind::Percent => 4,
        Kind::Date | Kind::Timestamp => 5,
    }
}

/// Reads the value of a field.
pub(crate) fn read(
    column: &'static Column,
    json: &Json,
    purpose: Purpose,
    context: &Context,
) -> Result<Value, Refusal> {
    let name = column.name;
    match column.kind {
        Kind::Id => read_id(name, json, None).map(Value::Id),
        Kind::Reference(entity) => read_id(name, json, Some(entity)).map(Value::Id),
        Kind::Subject => read_id(name, json, None).map(Value::Id),
        Kind::Money => number::money(name, json, purpose).map(Value::Money),
        Kind::Percent => number::percent(name, json).map(Value::Integer),
        Kind::Choice(legal) => text::choice(name, json, legal).map(Value::Text),
        Kind::Date => time::date(name, json, purpose, context).map(Value::Date),
        Kind::Timestamp => time::timestamp(name, json, purpose, context).map(Value::Timestamp),
        kind if purpose == Purpose::Search => text::pattern(name, json, kind).map(Value::Text),
        Kind::Texts => text::texts(name, json).map(Value::Texts),
        kind => text::text(name, json, kind).map(Value::Text),
    }
}

/// The text of a JSON string.
pub(crate) fn string<'a>(name: &str, json: &'a Json, expected: &str) -> Result<&'a str, Refusal> {
    json.as_str()
        .ok_or_else(|| wrong_type(name, json, expected))
}

/// Says that a value is of the wrong JSON type.
pub(crate) fn wrong_type(name: &str, json: &Json, expected: &str) -> Refusal {
    let found = match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "a list",
        Json::Object(_) => "an object",
    };
    let message = format!("`{name}` must be {expected}, not {found}.");
    Refusal::new(Code::WrongType, name, message)
}

/// Says that an id names nothing, and how to find one that does.
pub(crate) fn not_found(name: &str, id: &str, entity: Option<Entity>) -> Refusal {
    let what = entity.map_or_else(|| "record".to_owned(), |one| one.name().to_lowercase());
    let shown = spelling::quoted(id);
    let remedy = match entity.and_then(search_tool) {
        Some(tool) => format!("find the right id with {tool} first"),
        None => "search for the record first".to_owned(),
    };
    let message = format!("No {what} has the id {shown}; {remedy}.");
    Refusal::new(Code::NotFound, name, message)
}

fn search_tool(entity: Entity) -> Option<&'static str> {
    use crate::tool::Verb;
    let searches = |tool: &&crate::Tool| tool.entity == entity && tool.verb == Verb::Search;
    crate::Tool::all()
        .iter()
        .find(searches)
        .map(|tool| tool.name)
}
