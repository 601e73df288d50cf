//! How a value is kept in SQLite: ids, dates and instants as their canonical text, amounts as
//! cents, lists as JSON.

use std::fmt::Write as _;

use proctor_crm::{Entity, Kind, Money, Row, Value};
use rusqlite::Statement;
use rusqlite::types::{Null, ValueRef};

use crate::StoreError;
use crate::portable;

/// Binds a value to a statement's parameter. `text` is room to write in.
pub(super) fn bind(
    statement: &mut Statement<'_>,
    index: usize,
    value: &Value,
    text: &mut String,
) -> rusqlite::Result<()> {
    match value {
        Value::Null => statement.raw_bind_parameter(index, Null),
        Value::Text(text) => statement.raw_bind_parameter(index, text.as_str()),
        Value::Integer(number) => statement.raw_bind_parameter(index, number),
        Value::Money(amount) => statement.raw_bind_parameter(index, amount.cents()),
        Value::Texts(texts) => statement.raw_bind_parameter(index, json(texts)),
        Value::Date(_) | Value::Timestamp(_) | Value::Id(_) => {
            text.clear();
            // A `String` takes all that is written to it.
            let _ = write!(text, "{value}");
            statement.raw_bind_parameter(index, text.as_str())
        }
    }
}

/// The one JSON text of a list: no white space, as few escapes as JSON allows.
pub(super) fn json(texts: &[String]) -> String {
    serde_json::Value::from(texts).to_string()
}

/// A row from a result with all columns of its entity in declared order.
pub(super) fn row(entity: Entity, found: &rusqlite::Row<'_>) -> Result<Row, StoreError> {
    let key = || match found.get_ref(0) {
        Ok(ValueRef::Text(bytes)) => excerpt(bytes),
        _ => "without a key".to_owned(),
    };
    portable::row(entity, key, |at, column| {
        let cell = found.get_ref(at).map_err(|error| error.to_string())?;
        value(column.kind, cell)
    })
}

fn value(kind: Kind, cell: ValueRef<'_>) -> Result<Value, String> {
    let text = |bytes| str::from_utf8(bytes).map_err(|_| "it is not in UTF-8".to_owned());
    match (kind, cell) {
        (_, ValueRef::Null) => Ok(Value::Null),
        (Kind::Money, ValueRef::Integer(cents)) => Money::from_cents(cents)
            .map(Value::Money)
            .ok_or_else(|| format!("{cents} cents are more than an amount can be")),
        (Kind::Percent, ValueRef::Integer(number)) => Ok(Value::Integer(number)),
        (Kind::Texts, ValueRef::Text(bytes)) => serde_json::from_slice(bytes)
            .ok()
            .filter(|texts: &Vec<String>| json(texts).as_bytes() == bytes)
            .map(Value::Texts)
            .ok_or_else(|| {
                format!(
                    "{:?} is not a list of texts as canonical JSON",
                    excerpt(bytes)
                )
            }),
        (
            Kind::Id | Kind::Reference(_) | Kind::Subject | Kind::Date | Kind::Timestamp,
            ValueRef::Text(bytes),
        ) => portable::parse_exact(kind, text(bytes)?).ok_or_else(|| {
            format!(
                "{:?} is not a {kind:?} in its canonical form",
                excerpt(bytes)
            )
        }),
        (
            Kind::Line | Kind::Prose | Kind::Email | Kind::Url | Kind::FileName | Kind::Choice(_),
            ValueRef::Text(bytes),
        ) => Ok(Value::Text(text(bytes)?.to_owned())),
        (_, other) => Err(format!("its type is {}", other.data_type())),
    }
}

/// The beginning, since an error message is no place for a megabyte.
fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned()
}
