//! Queries as SQL: the text is made of names that the crm crate declares, everything else is a
//! bound parameter.

use proctor_crm::{Column, Condition, Entity, Kind, Query, Value};
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement};

use super::cell;
use crate::StoreError;

/// Most values of a list that get a place each in the SQL. Longer lists go in as one JSON text,
/// which costs more to begin with but has one SQL text for any length.
const PLACES_MAX: usize = 32;

/// A query's SQL and what to bind to it.
#[derive(Default)]
pub(super) struct Search<'q> {
    sql: String,
    parameters: Vec<Parameter<'q>>,
}

enum Parameter<'q> {
    Value(&'q Value),
    Text(&'q str),
    Owned(String),
    Number(i64),
}

impl<'q> Search<'q> {
    /// The rows that a query finds. `sql` is room to write in.
    pub(super) fn rows(query: &'q Query, sql: String) -> Result<Self, StoreError> {
        let mut search = Self {
            sql,
            parameters: Vec::new(),
        };
        search.sql.clear();
        search.push("SELECT ");
        for (at, column) in query.entity.columns().iter().enumerate() {
            search.push(if at == 0 { "" } else { ", " });
            search.push(column.name);
        }
        search.from(query)?;
        search.push(" ORDER BY ");
        search.push(query.entity.key());
        if query.limit.is_some() || query.offset > 0 {
            // No limit is -1.
            search.push(" LIMIT ");
            search.number(query.limit.map_or(-1, i64::from));
            search.push(" OFFSET ");
            search.number(i64::from(query.offset));
        }
        Ok(search)
    }

    /// How many rows meet a query's conditions.
    pub(super) fn total(query: &'q Query, sql: String) -> Result<Self, StoreError> {
        let mut search = Self {
            sql,
            parameters: Vec::new(),
        };
        search.sql.clear();
        search.push("SELECT count(*)");
        search.from(query)?;
        Ok(search)
    }

    pub(super) fn sql(&self) -> &str {
        &self.sql
    }

    pub(super) fn into_sql(self) -> String {
        self.sql
    }

    pub(super) fn bind(
        &self,
        statement: &mut Statement<'_>,
        text: &mut String,
    ) -> rusqlite::Result<()> {
        for (parameter, index) in self.parameters.iter().zip(1..) {
            match parameter {
                Parameter::Value(value) => cell::bind(statement, index, value, text)?,
                Parameter::Text(text) => statement.raw_bind_parameter(index, text)?,
                Parameter::Owned(text) => statement.raw_bind_parameter(index, text)?,
                Parameter::Number(number) => statement.raw_bind_parameter(index, number)?,
            }
        }
        Ok(())
    }

    fn from(&mut self, query: &'q Query) -> Result<(), StoreError> {
        self.push(" FROM ");
        self.push(query.entity.table());
        for (at, condition) in query.conditions.iter().enumerate() {
            self.push(if at == 0 { " WHERE " } else { " AND " });
            self.condition(query.entity, condition)?;
        }
        Ok(())
    }

    fn condition(&mut self, entity: Entity, condition: &'q Condition) -> Result<(), StoreError> {
        match condition {
            Condition::Equals(name, value) => {
                let column = column(entity, name)?;
                match value {
                    Value::Null => self.test(column.name, " IS NULL"),
                    value if fits(column.kind, value) => {
                        self.test(column.name, " = ");
                        self.parameter(Parameter::Value(value));
                    }
                    _ => self.never(),
                }
            }
            Condition::In(name, values) => self.one_of(column(entity, name)?, values),
            Condition::EqualsIgnoringCase(name, text) => {
                let column = column(entity, name)?;
                if is_text(column.kind) {
                    self.test(column.name, " = ");
                    self.parameter(Parameter::Text(text));
                    self.push(" COLLATE NOCASE");
                } else {
                    self.never();
                }
            }
            Condition::Contains(name, text) => {
                let column = column(entity, name)?;
                let function = match column.kind {
                    Kind::Texts => ANY_CONTAINS,
                    kind if is_text(kind) => CONTAINS,
                    _ => {
                        self.never();
                        return Ok(());
                    }
                };
                self.push(function);
                self.test("(", column.name);
                self.push(", ");
                self.parameter(Parameter::Owned(Query::fold(text)));
                self.push(")");
            }
            Condition::Among(name, inner) => {
                let column = column(entity, name)?;
                self.keys(column.name, column.kind, inner, inner.entity.key())?;
            }
            Condition::HeldBy(name, inner) => {
                let held = column(inner.entity, name)?;
                self.keys(entity.key(), held.kind, inner, held.name)?;
            }
        }
        Ok(())
    }

    /// `column` is one of the keys in `wanted` of the rows that the inner query finds; `kind` is
    /// that of the one of the two columns that may hold something else than keys.
    fn keys(
        &mut self,
        column: &'static str,
        kind: Kind,
        inner: &'q Query,
        wanted: &'static str,
    ) -> Result<(), StoreError> {
        if !matches!(kind, Kind::Id | Kind::Reference(_) | Kind::Subject) {
            self.never();
            return Ok(());
        }
        self.test(column, " IN (SELECT ");
        self.push(wanted);
        self.from(inner)?;
        self.push(")");
        Ok(())
    }

    fn one_of(&mut self, column: &'static Column, values: &'q [Value]) {
        let fitting = values
            .iter()
            .filter(|value| !value.is_null() && fits(column.kind, value));
        self.test("(", column.name);
        if values.len() <= PLACES_MAX {
            self.push(" IN (");
            for (at, value) in fitting.enumerate() {
                self.push(if at == 0 { "" } else { ", " });
                self.parameter(Parameter::Value(value));
            }
            self.push(")");
        } else {
            let list: Vec<serde_json::Value> = fitting.map(json).collect();
            self.push(" IN (SELECT value FROM json_each(");
            self.parameter(Parameter::Owned(serde_json::Value::from(list).to_string()));
            self.push("))");
        }
        if values.iter().any(Value::is_null) {
            self.push(" OR ");
            self.test(column.name, " IS NULL");
        }
        self.push(")");
    }

    /// A condition that no row meets: a value that the column can't have. Without this, SQLite
    /// would convert one or the other and find them equal.
    fn never(&mut self) {
        self.push("0");
    }

    fn test(&mut self, left: &'static str, right: &'static str) {
        self.push(left);
        self.push(right);
    }

    fn number(&mut self, number: i64) {
        self.parameter(Parameter::Number(number));
    }

    fn parameter(&mut self, parameter: Parameter<'q>) {
        self.parameters.push(parameter);
        self.push("?");
    }

    fn push(&mut self, sql: &'static str) {
        self.sql.push_str(sql);
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

fn column(entity: Entity, name: &str) -> Result<&'static Column, StoreError> {
    match entity.column(name) {
        Some((_, column)) => Ok(column),
        None => Err(StoreError::NoSuchColumn {
            entity,
            column: name.to_owned(),
        }),
    }
}

/// Whether a column of this kind can hold this value.
fn fits(kind: Kind, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Text(_) => is_text(kind),
        Value::Integer(_) => matches!(kind, Kind::Percent),
        Value::Money(_) => matches!(kind, Kind::Money),
        Value::Date(_) => matches!(kind, Kind::Date),
        Value::Timestamp(_) => matches!(kind, Kind::Timestamp),
        Value::Id(_) => matches!(kind, Kind::Id | Kind::Reference(_) | Kind::Subject),
        Value::Texts(_) => matches!(kind, Kind::Texts),
    }
}

/// Whether a column of this kind holds [`Value::Text`].
fn is_text(kind: Kind) -> bool {
    kind.is_text() || matches!(kind, Kind::Choice(_))
}

const CONTAINS: &str = "folded_contains";
const ANY_CONTAINS: &str = "folded_any_contains";

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
