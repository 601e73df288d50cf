//! What every backend and every snapshot can hold.
//!
//! A row that one database takes and another can't would make the state depend on the backend,
//! so each store asks here before it writes, whatever its own database would have said.

use std::fmt::{self, Write as _};

use proctor_crm::{Column, Entity, Id, Kind, Row, Timestamp, Value};

use crate::StoreError;

/// Longest text of a cell, in bytes; above what any rule allows.
pub const TEXT_BYTES_MAX: usize = 65_536;

/// A value that not every backend can hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {id}: column `{column}` {reason}", entity.name())]
pub struct Unportable {
    /// Entity of the row.
    pub entity: Entity,
    /// Its key.
    pub id: Id,
    /// Column in question.
    pub column: &'static str,
    /// What is wrong with the value.
    pub reason: &'static str,
}

/// Whether every backend can hold this row.
pub(crate) fn check(row: &Row) -> Result<(), Unportable> {
    for (column, value) in row.cells() {
        if let Err(reason) = check_value(value) {
            let (entity, id) = (row.entity(), row.id());
            return Err(Unportable {
                entity,
                id,
                column: column.name,
                reason,
            });
        }
    }
    Ok(())
}

fn check_value(value: &Value) -> Result<(), &'static str> {
    match value {
        Value::Text(text) => check_text(text),
        Value::Texts(texts) if texts.len() > Kind::TEXTS_MAX => Err("has too many entries"),
        Value::Texts(texts) => texts.iter().try_for_each(|text| check_text(text)),
        Value::Date(date) => check_year(date.year()),
        Value::Timestamp(instant) => check_instant(*instant),
        Value::Null | Value::Integer(_) | Value::Money(_) | Value::Id(_) => Ok(()),
    }
}

/// A row that a database holds, from what stands in each cell. A database is taken for what it is,
/// something that anyone may have written to: a cell that is no value of its column is an error
/// that says where, with the row's key as the database has it.
pub(crate) fn row(
    entity: Entity,
    key: impl Fn() -> String,
    mut cell: impl FnMut(usize, &'static Column) -> Result<Value, String>,
) -> Result<Row, StoreError> {
    let corrupt = |column: &'static str, reason: String| StoreError::Corrupt {
        table: entity.table(),
        id: key(),
        column,
        reason,
    };
    let mut values = Vec::with_capacity(entity.columns().len());
    for (at, column) in entity.columns().iter().enumerate() {
        let value = cell(at, column).and_then(|value| {
            if column.required && value.is_null() {
                return Err("it is required, and nothing is there".to_owned());
            }
            check_value(&value).map_err(str::to_owned)?;
            Ok(value)
        });
        values.push(value.map_err(|reason| corrupt(column.name, reason))?);
    }
    Row::from_values(entity, values).map_err(|error| corrupt(entity.key(), error.to_string()))
}

fn check_text(text: &str) -> Result<(), &'static str> {
    if text.len() > TEXT_BYTES_MAX {
        Err("is longer than 65,536 bytes")
    } else if text.as_bytes().contains(&0) {
        // PostgreSQL has no such texts, and SQLite's functions stop at it.
        Err("holds a NUL character")
    } else {
        Ok(())
    }
}

/// The years that dates with four digits and no sign can name.
fn check_year(year: i16) -> Result<(), &'static str> {
    if (1..=9999).contains(&year) {
        Ok(())
    } else {
        Err("is outside the years 1 to 9999")
    }
}

fn check_instant(instant: Timestamp) -> Result<(), &'static str> {
    // Microseconds from 1970 to 0001-01-01T00:00:00Z; the type ends before the year 10000.
    const YEAR_ONE: i64 = -62_135_596_800_000_000;
    if instant.as_microsecond() < YEAR_ONE {
        Err("is outside the years 1 to 9999")
    } else if instant.subsec_nanosecond() % 1_000 != 0 {
        Err("is finer than a microsecond")
    } else {
        Ok(())
    }
}

/// The value whose canonical text this is. A second spelling of the same value, such as an id
/// in capitals or a time with an offset, is none: one state must not have two digests.
pub(crate) fn parse_exact(kind: Kind, text: &str) -> Option<Value> {
    let value = Value::parse(kind, text).ok()?;
    let mut rest = Rest(text);
    write!(rest, "{value}").ok()?;
    rest.0.is_empty().then_some(value)
}

/// Compares with a text what is written to it, without keeping it.
struct Rest<'a>(&'a str);

impl fmt::Write for Rest<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.strip_prefix(text).ok_or(fmt::Error)?;
        Ok(())
    }
}
