//! Queries as SQL: the text is made of names that the crm crate declares, everything else is a
//! bound parameter.

use std::marker::PhantomData;

use proctor_crm::{Column, Condition, Entity, Kind, Query, Value};

use crate::StoreError;
use crate::dialect::Dialect;

/// A query's SQL and what to bind to it.
pub(crate) struct Search<'q, D> {
    sql: String,
    parameters: Parameters<'q>,
    dialect: PhantomData<D>,
}

/// What to bind, in the order of its places.
pub(crate) type Parameters<'q> = Vec<Parameter<'q>>;

pub(crate) enum Parameter<'q> {
    Value(&'q Value),
    Text(&'q str),
    Owned(String),
    Number(i64),
}

impl<'q, D: Dialect> Search<'q, D> {
    /// The rows that a query finds. `sql` is room to write in.
    pub(crate) fn rows(query: &'q Query, sql: String) -> Result<Self, StoreError> {
        let mut search = Self::begin(sql);
        search.push("SELECT ");
        for (at, column) in query.entity.columns().iter().enumerate() {
            search.push(if at == 0 { "" } else { ", " });
            D::select(&mut search.sql, column);
        }
        search.from(query)?;
        search.push(" ORDER BY ");
        search.push(query.entity.key());
        if query.limit.is_some() || query.offset > 0 {
            search.push(" LIMIT ");
            search.number(query.limit.map_or(i64::MAX, i64::from));
            search.push(" OFFSET ");
            search.number(i64::from(query.offset));
        }
        Ok(search)
    }

    /// How many rows meet a query's conditions.
    pub(crate) fn total(query: &'q Query, sql: String) -> Result<Self, StoreError> {
        let mut search = Self::begin(sql);
        search.push("SELECT count(*)");
        search.from(query)?;
        Ok(search)
    }

    fn begin(mut sql: String) -> Self {
        sql.clear();
        Self {
            sql,
            parameters: Vec::new(),
            dialect: PhantomData,
        }
    }

    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    pub(crate) fn into_sql(self) -> String {
        self.sql
    }

    pub(crate) fn parameters(&self) -> &[Parameter<'q>] {
        &self.parameters
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
                        self.parameters.push(Parameter::Value(value));
                        D::place(&mut self.sql, self.parameters.len(), column.kind);
                    }
                    _ => self.never(),
                }
            }
            Condition::In(name, values) => self.one_of(column(entity, name)?, values),
            Condition::EqualsIgnoringCase(name, text) => {
                let column = column(entity, name)?;
                if is_text(column.kind) && can_be_held(text) {
                    self.parameters.push(Parameter::Text(text));
                    D::equals_ignoring_case(&mut self.sql, column, self.parameters.len());
                } else {
                    self.never();
                }
            }
            Condition::Contains(name, text) => {
                let column = column(entity, name)?;
                let searched = is_text(column.kind) || matches!(column.kind, Kind::Texts);
                if searched && can_be_held(text) {
                    self.parameters.push(Parameter::Owned(Query::fold(text)));
                    D::contains(&mut self.sql, column, self.parameters.len());
                } else {
                    self.never();
                }
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
        let fitting: Vec<&Value> = values
            .iter()
            .filter(|value| !value.is_null() && fits(column.kind, value))
            .collect();
        self.push("(");
        if fitting.is_empty() {
            self.never();
        } else {
            D::one_of(&mut self.sql, &mut self.parameters, column, fitting);
        }
        if values.iter().any(Value::is_null) {
            self.push(" OR ");
            self.test(column.name, " IS NULL");
        }
        self.push(")");
    }

    /// A condition that no row meets: a value that the column can't have. Without this, a
    /// database would convert one or the other and find them equal, or refuse to compare them.
    fn never(&mut self) {
        self.push("FALSE");
    }

    fn test(&mut self, left: &'static str, right: &'static str) {
        self.push(left);
        self.push(right);
    }

    fn number(&mut self, number: i64) {
        self.parameters.push(Parameter::Number(number));
        D::place(&mut self.sql, self.parameters.len(), Kind::Percent);
    }

    fn push(&mut self, sql: &'static str) {
        self.sql.push_str(sql);
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
        Value::Text(text) => match kind {
            Kind::Choice(choice) => choice.contains(&text.as_str()),
            kind => is_text(kind) && can_be_held(text),
        },
        Value::Integer(_) => matches!(kind, Kind::Percent),
        Value::Money(_) => matches!(kind, Kind::Money),
        Value::Date(_) => matches!(kind, Kind::Date),
        Value::Timestamp(_) => matches!(kind, Kind::Timestamp),
        Value::Id(_) => matches!(kind, Kind::Id | Kind::Reference(_) | Kind::Subject),
        Value::Texts(texts) => {
            matches!(kind, Kind::Texts) && texts.iter().all(|text| can_be_held(text))
        }
    }
}

/// Whether a column of this kind holds [`Value::Text`].
fn is_text(kind: Kind) -> bool {
    kind.is_text() || matches!(kind, Kind::Choice(_))
}

/// Whether any cell could hold this text or a part of it: PostgreSQL can't even be asked for one
/// with a NUL in it.
fn can_be_held(text: &str) -> bool {
    !text.as_bytes().contains(&0)
}
