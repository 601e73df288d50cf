//! What a tool needs to read, said in a form that every store can answer the same way.

use crate::{Entity, Id, Row, Value};

/// A test on one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The column has exactly this value.
    Equals(&'static str, Value),
    /// The column has one of these values.
    In(&'static str, Vec<Value>),
    /// The text equals this one, ASCII letters compared without case.
    EqualsIgnoringCase(&'static str, String),
    /// The text, or one of a list of texts, contains this one, both folded by [`Query::fold`].
    Contains(&'static str, String),
    /// The column holds a key that the inner query finds; the inner query has no limit.
    Among(&'static str, Box<Query>),
    /// The row's own key is what the named column holds in a row that the inner query finds;
    /// the inner query has no limit. The way from a record to the one it refers to.
    HeldBy(&'static str, Box<Query>),
}

/// A read of one table: rows that meet all conditions, ordered by key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// Table to read.
    pub entity: Entity,
    /// All must hold.
    pub conditions: Vec<Condition>,
    /// Rows to pass over, in order of key.
    pub offset: u32,
    /// Most rows to return; `None` for all.
    pub limit: Option<u32>,
    /// Whether the answer also says how many rows meet the conditions in all.
    pub count: bool,
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Rows in order of key.
    pub rows: Vec<Row>,
    /// How many meet the conditions, if the query asked.
    pub total: Option<u64>,
}

impl Query {
    /// All rows of an entity that meet the conditions.
    #[must_use]
    pub fn all(entity: Entity, conditions: Vec<Condition>) -> Self {
        Self {
            entity,
            conditions,
            offset: 0,
            limit: None,
            count: false,
        }
    }

    /// The row with this key.
    #[must_use]
    pub fn by_id(entity: Entity, id: Id) -> Self {
        Self::all(entity, vec![Condition::Equals(entity.key(), Value::Id(id))])
    }

    /// The one case folding that searches use, on every backend: Unicode lower case, character
    /// by character, whatever the locale.
    #[must_use]
    pub fn fold(text: &str) -> String {
        text.chars().flat_map(char::to_lowercase).collect()
    }

    /// Whether a row meets all conditions. [`Condition::Among`] and [`Condition::HeldBy`] are
    /// decided by `holds`, since they need other rows: whether a row that the query finds has
    /// this value in the named column.
    #[must_use]
    pub fn matches(
        &self,
        row: &Row,
        holds: &mut dyn FnMut(&Query, &'static str, &Value) -> bool,
    ) -> bool {
        row.entity() == self.entity
            && self.conditions.iter().all(|condition| match condition {
                Condition::Equals(column, value) => row.get(column) == value,
                Condition::In(column, values) => values.contains(row.get(column)),
                Condition::EqualsIgnoringCase(column, text) => row
                    .get(column)
                    .as_text()
                    .is_some_and(|found| found.eq_ignore_ascii_case(text)),
                Condition::Contains(column, text) => contains(row.get(column), &Self::fold(text)),
                Condition::Among(column, inner) => {
                    holds(inner, inner.entity.key(), row.get(column))
                }
                Condition::HeldBy(column, inner) => holds(inner, column, &Value::Id(row.id())),
            })
    }
}

fn contains(value: &Value, folded: &str) -> bool {
    match value {
        Value::Text(text) => Query::fold(text).contains(folded),
        Value::Texts(texts) => texts.iter().any(|text| Query::fold(text).contains(folded)),
        _ => false,
    }
}
