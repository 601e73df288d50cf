//! SQL as SQLite spells it, and the search functions that it lacks.

use proctor_crm::{Column, Kind, Query, Value};
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use super::cell;
use crate::dialect::Dialect;
use crate::search::{Parameter, Parameters};

/// Most values of a list that get a place each in the SQL. Longer lists go in as one JSON text,
/// which costs more to begin with but has one SQL text for any length.
const PLACES_MAX: usize = 32;

const CONTAINS: &str = "folded_contains";
const ANY_CONTAINS: &str = "folded_any_contains";

/// SQLite's way of putting things.
pub(super) enum SqliteDialect {}

impl Dialect for SqliteDialect {
    fn select(sql: &mut String, column: &Column) {
        sql.push_str(column.name);
    }

    fn place(sql: &mut String, _number: usize, _kind: Kind) {
        sql.push('?');
    }

    fn equals_ignoring_case(sql: &mut String, column: &Column, _number: usize) {
        sql.push_str(column.name);
        sql.push_str(" = ? COLLATE NOCASE");
    }

    fn contains(sql: &mut String, column: &Column, _number: usize) {
        sql.push_str(match column.kind {
            Kind::Texts => ANY_CONTAINS,
            _ => CONTAINS,
        });
        sql.push('(');
        sql.push_str(column.name);
        sql.push_str(", ?)");
    }

    fn one_of<'q>(
        sql: &mut String,
        parameters: &mut Parameters<'q>,
        column: &Column,
        values: Vec<&'q Value>,
    ) {
        sql.push_str(column.name);
        if values.len() <= PLACES_MAX {
            sql.push_str(" IN (");
            for (at, value) in values.into_iter().enumerate() {
                sql.push_str(if at == 0 { "?" } else { ", ?" });
                parameters.push(Parameter::Value(value));
            }
            sql.push(')');
        } else {
            let list: Vec<serde_json::Value> = values.into_iter().map(json).collect();
            sql.push_str(" IN (SELECT value FROM json_each(?))");
            parameters.push(Parameter::Owned(serde_json::Value::from(list).to_string()));
        }
    }
}

/// A value as an element of a JSON list that SQLite reads back as the cell would be.
fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Integer(number) => (*number).into(),
        Value::Money(amount) => amount.cents().into(),
        Value::Texts(texts) => cell::json(texts).into(),
        other => other.to_string().into(),
    }
}

/// Makes the search functions known to a connection. SQLite's own `LIKE` knows wildcards and
/// folds ASCII only, so that every backend would find something else.
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8
        | FunctionFlags::SQLITE_DETERMINISTIC
        | FunctionFlags::SQLITE_DIRECTONLY;
    connection.create_scalar_function(CONTAINS, 2, flags, |arguments| {
        Ok(match (arguments.get_raw(0), arguments.get_raw(1)) {
            (ValueRef::Text(text), ValueRef::Text(folded)) => contains(text, folded),
            _ => false,
        })
    })?;
    connection.create_scalar_function(ANY_CONTAINS, 2, flags, |arguments| {
        Ok(match (arguments.get_raw(0), arguments.get_raw(1)) {
            (ValueRef::Text(list), ValueRef::Text(folded)) => {
                // A cell that isn't a list is found out when its row is read.
                let texts: Vec<String> = serde_json::from_slice(list).unwrap_or_default();
                texts.iter().any(|text| contains(text.as_bytes(), folded))
            }
            _ => false,
        })
    })
}

/// Whether a text, folded, contains one that is folded already.
fn contains(text: &[u8], folded: &[u8]) -> bool {
    let (Ok(text), Ok(folded)) = (str::from_utf8(text), str::from_utf8(folded)) else {
        return false;
    };
    // For ASCII, which most of it is, the fold is this one, at a tenth of the cost.
    if text.is_ascii() {
        text.to_ascii_lowercase().contains(folded)
    } else {
        Query::fold(text).contains(folded)
    }
}
