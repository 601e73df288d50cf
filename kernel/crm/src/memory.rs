//! The reference model: rows in memory that answer every query as each store must.

use std::collections::BTreeMap;

use crate::{Change, Entity, Found, Id, Query, Row, Value};

/// Rows held in memory, without indexes, transactions or anything else that could go wrong.
/// Stores are tested against it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    rows: BTreeMap<(Entity, Id), Row>,
}

impl Rows {
    /// No rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a row, in place of the one with the same key if there is one.
    pub fn put(&mut self, row: Row) {
        self.rows.insert((row.entity(), row.id()), row);
    }

    /// The row with this key.
    #[must_use]
    pub fn get(&self, entity: Entity, id: Id) -> Option<&Row> {
        self.rows.get(&(entity, id))
    }

    /// All rows, in order of entity and key.
    pub fn iter(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Answers a query.
    #[must_use]
    pub fn find(&self, query: &Query) -> Found {
        let matching: Vec<&Row> = self.matching(query).collect();
        let total = query.count.then_some(matching.len() as u64);
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        let rows = matching
            .into_iter()
            .skip(query.offset as usize)
            .take(limit)
            .cloned()
            .collect();
        Found { rows, total }
    }

    /// Makes changes, in their order.
    pub fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            match change.after() {
                Some(row) => self.put(row.clone()),
                None => {
                    self.rows.remove(&(change.entity(), change.id()));
                }
            }
        }
    }

    fn matching<'a>(&'a self, query: &'a Query) -> impl Iterator<Item = &'a Row> {
        let mut holds = |inner: &Query, column: &'static str, value: &Value| {
            self.matching_boxed(inner)
                .any(|row| row.get(column) == value)
        };
        self.rows
            .values()
            .filter(move |row| query.matches(row, &mut holds))
    }

    // Queries nest, so the iterator's type would contain itself.
    fn matching_boxed<'a>(&'a self, query: &'a Query) -> Box<dyn Iterator<Item = &'a Row> + 'a> {
        Box::new(self.matching(query))
    }
}

impl FromIterator<Row> for Rows {
    fn from_iter<T: IntoIterator<Item = Row>>(rows: T) -> Self {
        let mut all = Self::new();
        rows.into_iter().for_each(|row| all.put(row));
        all
    }
}
