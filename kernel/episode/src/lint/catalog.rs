//! The records that a task starts with.

use std::collections::BTreeMap;

use proctor_crm::{Entity, Id, Row};

use crate::suite::{Suite, Task};

/// Records by id.
pub(super) struct Catalog<'a> {
    rows: BTreeMap<Id, &'a Row>,
}

impl<'a> Catalog<'a> {
    /// The canonical data and what the task adds to it.
    pub(super) fn of(suite: &'a Suite, task: &'a Task) -> Self {
        let rows = suite.data.rows().iter().chain(&task.setup);
        Self {
            rows: rows.map(|row| (row.id(), row)).collect(),
        }
    }

    pub(super) fn row(&self, id: &str) -> Option<&'a Row> {
        self.rows.get(&id.parse().ok()?).copied()
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.row(id).is_some()
    }

    /// Records of an entity, in order of id.
    pub(super) fn of_entity(&self, entity: Entity) -> impl Iterator<Item = &'a Row> {
        self.rows
            .values()
            .copied()
            .filter(move |row| row.entity() == entity)
    }

    /// The record after this one in order of id, beginning again after the last.
    pub(super) fn next(&self, entity: Entity, current: &str) -> Option<Id> {
        let current: Option<Id> = current.parse().ok();
        let mut others = self
            .of_entity(entity)
            .map(Row::id)
            .filter(|id| Some(*id) != current);
        let first = others.next()?;
        let after = |id: &Id| current.is_some_and(|current| *id > current);
        if after(&first) {
            Some(first)
        } else {
            others.find(after).or(Some(first))
        }
    }
}
