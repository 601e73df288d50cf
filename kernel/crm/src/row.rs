//! Rows, changes of rows, and the net difference that a series of changes makes.

use std::collections::BTreeMap;

use serde_json::Map;

use crate::{Column, Entity, Id, Kind, Value};

/// One record: a value for every column of its entity, in declared order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    entity: Entity,
    values: Vec<Value>,
}

/// Values that do not make a row.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// Wrong number of values.
    #[error("a {} has {expected} columns, found {found}", entity.name())]
    Width {
        /// Entity of the row.
        entity: Entity,
        /// Number of its columns.
        expected: usize,
        /// Number of values given.
        found: usize,
    },
    /// No such column.
    #[error("a {} has no column `{column}`", entity.name())]
    Column {
        /// Entity of the row.
        entity: Entity,
        /// Name that no column has.
        column: String,
    },
    /// A value of another kind than the column's, or nothing where something is required.
    #[error("column `{column}` of a {} cannot hold {found}", entity.name())]
    Value {
        /// Entity of the row.
        entity: Entity,
        /// Column in question.
        column: &'static str,
        /// What was given.
        found: String,
    },
}

impl Row {
    /// A row with this key and nothing else recorded.
    #[must_use]
    pub fn new(entity: Entity, id: Id) -> Self {
        let mut values = vec![Value::Null; entity.columns().len()];
        values[0] = Value::Id(id);
        Self { entity, values }
    }

    /// A row from values in declared order, each of its column's kind.
    ///
    /// # Errors
    /// When the number of values or the kind of one is wrong, or a required one is missing.
    pub fn from_values(entity: Entity, values: Vec<Value>) -> Result<Self, RowError> {
        let columns = entity.columns();
        if values.len() != columns.len() {
            return Err(RowError::Width {
                entity,
                expected: columns.len(),
                found: values.len(),
            });
        }
        for (column, value) in columns.iter().zip(&values) {
            if !holds(column, value) || (column.required && value.is_null()) {
                let found = if value.is_null() {
                    "nothing".into()
                } else {
                    format!("{value:?}")
                };
                return Err(RowError::Value {
                    entity,
                    column: column.name,
                    found,
                });
            }
        }
        Ok(Self { entity, values })
    }

    /// What kind of record it is.
    #[must_use]
    pub fn entity(&self) -> Entity {
        self.entity
    }

    /// Its key.
    #[must_use]
    pub fn id(&self) -> Id {
        match self.values[0] {
            Value::Id(id) => id,
            // Both constructors put the key there and `set` refuses to touch it.
            _ => unreachable!("the first column of a row is its key"),
        }
    }

    /// The value of a column; nothing for a name that no column has.
    #[must_use]
    pub fn get(&self, column: &str) -> &Value {
        match self.entity.column(column) {
            Some((at, _)) => &self.values[at],
            None => &Value::Null,
        }
    }

    /// Records a value; the key cannot be changed.
    ///
    /// # Errors
    /// When there is no such column besides the key, or the value is not of its kind.
    pub fn set(&mut self, column: &str, value: Value) -> Result<(), RowError> {
        let entity = self.entity;
        match entity.column(column) {
            Some((at, declared)) if at > 0 => {
                if !holds(declared, &value) {
                    let found = format!("{value:?}");
                    return Err(RowError::Value {
                        entity,
                        column: declared.name,
                        found,
                    });
                }
                self.values[at] = value;
                Ok(())
            }
            _ => Err(RowError::Column {
                entity,
                column: column.to_owned(),
            }),
        }
    }

    /// Records a value that was read for this very column, or taken from it in another row.
    pub(crate) fn record(&mut self, column: &str, value: Value) {
        let recorded = self.set(column, value);
        debug_assert!(recorded.is_ok(), "{recorded:?}");
    }

    /// Values in declared order.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// Columns with their values, in declared order.
    pub fn cells(&self) -> impl Iterator<Item = (&'static Column, &Value)> {
        self.entity.columns().iter().zip(&self.values)
    }

    /// The row as agents see it: a JSON object with every column.
    #[must_use]
    pub fn to_json(&self) -> Map<String, serde_json::Value> {
        self.cells()
            .map(|(column, value)| (column.name.to_owned(), value.to_json()))
            .collect()
    }
}

fn holds(column: &Column, value: &Value) -> bool {
    matches!(
        (column.kind, value),
        (_, Value::Null)
            | (Kind::Id | Kind::Reference(_) | Kind::Subject, Value::Id(_))
            | (
                Kind::Line
                    | Kind::Prose
                    | Kind::Email
                    | Kind::Url
                    | Kind::FileName
                    | Kind::Choice(_),
                Value::Text(_)
            )
            | (Kind::Money, Value::Money(_))
            | (Kind::Percent, Value::Integer(_))
            | (Kind::Date, Value::Date(_))
            | (Kind::Timestamp, Value::Timestamp(_))
            | (Kind::Texts, Value::Texts(_))
    )
}

/// What happened to one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A new row.
    Insert(Row),
    /// A row with other values than before.
    Update {
        /// As it was.
        before: Row,
        /// As it is; same entity and key.
        after: Row,
    },
    /// A row that is gone.
    Delete(Row),
}

/// A column that an update changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnChange<'a> {
    /// Name of the column.
    pub column: &'static str,
    /// As it was.
    pub before: &'a Value,
    /// As it is.
    pub after: &'a Value,
}

impl Change {
    /// The row before, if there was one.
    #[must_use]
    pub fn before(&self) -> Option<&Row> {
        match self {
            Self::Insert(_) => None,
            Self::Update { before, .. } | Self::Delete(before) => Some(before),
        }
    }

    /// The row after, if there is one.
    #[must_use]
    pub fn after(&self) -> Option<&Row> {
        match self {
            Self::Insert(after) | Self::Update { after, .. } => Some(after),
            Self::Delete(_) => None,
        }
    }

    /// Kind of the record.
    #[must_use]
    pub fn entity(&self) -> Entity {
        self.row().entity()
    }

    /// Key of the record.
    #[must_use]
    pub fn id(&self) -> Id {
        self.row().id()
    }

    fn row(&self) -> &Row {
        match self {
            Self::Insert(row) | Self::Update { after: row, .. } | Self::Delete(row) => row,
        }
    }

    /// The columns whose values differ; every recorded one for an insert or delete.
    #[must_use]
    pub fn columns(&self) -> Vec<ColumnChange<'_>> {
        let null = &Value::Null;
        self.entity()
            .columns()
            .iter()
            .enumerate()
            .filter_map(|(at, column)| {
                let before = self.before().map_or(null, |row| &row.values[at]);
                let after = self.after().map_or(null, |row| &row.values[at]);
                (before != after).then_some(ColumnChange {
                    column: column.name,
                    before,
                    after,
                })
            })
            .collect()
    }
}

/// The net difference that a series of changes makes: a row inserted and then deleted is not in
/// it, one updated twice is in it once.
#[derive(Clone, Debug, Default)]
pub struct Diff {
    rows: BTreeMap<(Entity, Id), (Option<Row>, Option<Row>)>,
}

impl Diff {
    /// Takes one more change into account.
    pub fn record(&mut self, change: &Change) {
        let key = (change.entity(), change.id());
        let after = change.after().cloned();
        match self.rows.get_mut(&key) {
            Some(net) => {
                net.1 = after;
                if net.0 == net.1 {
                    self.rows.remove(&key);
                }
            }
            None => {
                if change.before() != change.after() {
                    self.rows.insert(key, (change.before().cloned(), after));
                }
            }
        }
    }

    /// Whether nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Number of rows that differ.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// The net changes, in order of entity and key.
    #[must_use]
    pub fn changes(&self) -> Vec<Change> {
        self.rows
            .values()
            .filter_map(|net| match net {
                (None, Some(after)) => Some(Change::Insert(after.clone())),
                (Some(before), Some(after)) => Some(Change::Update {
                    before: before.clone(),
                    after: after.clone(),
                }),
                (Some(before), None) => Some(Change::Delete(before.clone())),
                (None, None) => None,
            })
            .collect()
    }

    /// The row as it was before the first change, if the diff knows: `Some(None)` is a row that
    /// did not exist, `None` one that no change touched.
    #[must_use]
    pub fn before(&self, entity: Entity, id: Id) -> Option<Option<&Row>> {
        self.rows
            .get(&(entity, id))
            .map(|(before, _)| before.as_ref())
    }

    /// Rows of an entity as they were before, of those that differ.
    pub fn rows_before(&self, entity: Entity) -> impl Iterator<Item = &Row> {
        self.rows
            .iter()
            .filter(move |((of, _), _)| *of == entity)
            .filter_map(|(_, (before, _))| before.as_ref())
    }
}
