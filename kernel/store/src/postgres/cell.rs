//! How a value is kept in PostgreSQL, and read from it.

use proctor_crm::{Column, Entity, Id, Kind, Money, Row, Value};
use tokio_postgres::Statement;
use tokio_postgres::types::{FromSql, ToSql, Type};
use uuid::Uuid;

use crate::search::Parameter;
use crate::{StoreError, portable};

/// A parameter of a statement, in a form that the client can send.
#[derive(Debug)]
pub(super) enum Sent<'v> {
    Null,
    Number(i64),
    Text(&'v str),
    Id(Uuid),
    Date(&'v proctor_crm::Date),
    Timestamp(&'v proctor_crm::Timestamp),
    Texts(&'v [String]),
}

impl<'v> From<&'v Value> for Sent<'v> {
    fn from(value: &'v Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Text(text) => Self::Text(text),
            Value::Integer(number) => Self::Number(*number),
            Value::Money(amount) => Self::Number(amount.cents()),
            Value::Date(date) => Self::Date(date),
            Value::Timestamp(instant) => Self::Timestamp(instant),
            Value::Id(id) => Self::Id(Uuid::from_bytes(*id.as_bytes())),
            Value::Texts(texts) => Self::Texts(texts),
        }
    }
}

impl<'v> From<&'v Parameter<'_>> for Sent<'v> {
    fn from(parameter: &'v Parameter<'_>) -> Self {
        match parameter {
            Parameter::Value(value) => Self::from(*value),
            Parameter::Text(text) => Self::Text(text),
            Parameter::Owned(text) => Self::Text(text),
            Parameter::Number(number) => Self::Number(*number),
        }
    }
}

impl Sent<'_> {
    /// In the form that the client wants, for a parameter of this type.
    fn as_sql(&self, of: &Type) -> &(dyn ToSql + Sync) {
        match self {
            Self::Null => nothing(of),
            Self::Number(number) => number,
            Self::Text(text) => text,
            Self::Id(id) => id,
            Self::Date(date) => *date,
            Self::Timestamp(instant) => *instant,
            Self::Texts(texts) => texts,
        }
    }
}

/// What to send for a statement's parameters.
pub(super) fn parameters<'s>(
    statement: &Statement,
    sent: &'s [Sent<'_>],
) -> Vec<&'s (dyn ToSql + Sync)> {
    sent.iter()
        .zip(statement.params())
        .map(|(sent, of)| sent.as_sql(of))
        .collect()
}

/// Nothing recorded; the client wants to know of what type.
fn nothing(of: &Type) -> &'static (dyn ToSql + Sync) {
    match *of {
        Type::UUID => &None::<Uuid>,
        Type::INT8 => &None::<i64>,
        Type::DATE => &None::<proctor_crm::Date>,
        Type::TIMESTAMPTZ => &None::<proctor_crm::Timestamp>,
        Type::TEXT_ARRAY => &None::<Vec<String>>,
        _ => &None::<String>,
    }
}

/// A row from a result with all columns of its entity in declared order.
pub(super) fn row(entity: Entity, found: &tokio_postgres::Row) -> Result<Row, StoreError> {
    let key = || match found.try_get::<_, Uuid>(0) {
        Ok(id) => id.as_hyphenated().to_string(),
        Err(_) => "without a key".to_owned(),
    };
    portable::row(entity, key, |at, column| value(column, found, at))
}

fn value(column: &Column, row: &tokio_postgres::Row, at: usize) -> Result<Value, String> {
    Ok(match column.kind {
        Kind::Id | Kind::Reference(_) | Kind::Subject => {
            get::<Uuid>(row, at)?.map(|id| Value::Id(Id::from_bytes(*id.as_bytes())))
        }
        Kind::Money => match get::<i64>(row, at)? {
            None => None,
            Some(cents) => Some(
                Money::from_cents(cents)
                    .map(Value::Money)
                    .ok_or_else(|| format!("{cents} cents are more than an amount can be"))?,
            ),
        },
        Kind::Percent => get::<i64>(row, at)?.map(Value::Integer),
        Kind::Date => get(row, at)?.map(Value::Date),
        Kind::Timestamp => get(row, at)?.map(Value::Timestamp),
        Kind::Texts => match get::<Vec<Option<String>>>(row, at)? {
            None => None,
            Some(texts) => Some(Value::Texts(
                texts
                    .into_iter()
                    .collect::<Option<_>>()
                    .ok_or("one of its texts is nothing")?,
            )),
        },
        Kind::Line | Kind::Prose | Kind::Email | Kind::Url | Kind::FileName | Kind::Choice(_) => {
            get::<String>(row, at)?.map(Value::Text)
        }
    }
    .unwrap_or(Value::Null))
}

fn get<'r, T: FromSql<'r>>(row: &'r tokio_postgres::Row, at: usize) -> Result<Option<T>, String> {
    row.try_get(at).map_err(|error| {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        cause.unwrap_or_else(|| error.to_string())
    })
}
