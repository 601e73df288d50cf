//! Changes as SQL statements, each of which must hit just one row.

use std::collections::HashMap;

use proctor_crm::{Change, Entity, Row};
use rusqlite::{Connection, ErrorCode, ffi};

use super::{backend, cell};
use crate::{ConstraintKind, StoreError, portable};

/// Makes changes of single rows; keeps the text of the statements and room to write in.
#[derive(Default)]
pub(super) struct RowWriter {
    inserts: HashMap<Entity, String>,
    deletes: HashMap<Entity, String>,
    /// By the set of columns that change, a bit for each.
    updates: HashMap<(Entity, u32), String>,
    text: String,
}

impl RowWriter {
    /// Makes one change, wholly or not at all.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        change: &Change,
    ) -> Result<(), StoreError> {
        match change {
            Change::Insert(row) => self.insert(connection, row),
            Change::Update { before, after } => self.update(connection, before, after),
            Change::Delete(row) => self.delete(connection, row),
        }
    }

    pub(super) fn insert(&mut self, connection: &Connection, row: &Row) -> Result<(), StoreError> {
        portable::check(row)?;
        let sql = self
            .inserts
            .entry(row.entity())
            .or_insert_with(|| insert_sql(row.entity()));
        execute(connection, sql, &mut self.text, row, row.values().iter())
    }

    fn update(
        &mut self,
        connection: &Connection,
        before: &Row,
        after: &Row,
    ) -> Result<(), StoreError> {
        let entity = before.entity();
        if (entity, before.id()) != (after.entity(), after.id()) {
            return Err(StoreError::Conflict {
                entity,
                id: before.id(),
                reason: "an update cannot turn it into another record",
            });
        }
        portable::check(after)?;
        let changes = |at: usize| before.values()[at] != after.values()[at];
        let mut mask = 0;
        for at in 0..after.values().len() {
            mask |= u32::from(changes(at)) << at;
        }
        let sql = self
            .updates
            .entry((entity, mask))
            .or_insert_with(|| update_sql(entity, mask));
        let set = after
            .values()
            .iter()
            .enumerate()
            .filter(|(at, _)| changes(*at))
            .map(|(_, value)| value);
        execute(
            connection,
            sql,
            &mut self.text,
            before,
            set.chain(before.values()),
        )
    }

    fn delete(&mut self, connection: &Connection, row: &Row) -> Result<(), StoreError> {
        let sql = self
            .deletes
            .entry(row.entity())
            .or_insert_with(|| delete_sql(row.entity()));
        execute(connection, sql, &mut self.text, row, row.values().iter())
    }
}

fn execute<'v>(
    connection: &Connection,
    sql: &str,
    text: &mut String,
    row: &Row,
    values: impl Iterator<Item = &'v proctor_crm::Value>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(backend)?;
    for (value, index) in values.zip(1..) {
        cell::bind(&mut statement, index, value, text).map_err(backend)?;
    }
    match statement.raw_execute() {
        Ok(1) => Ok(()),
        Ok(_) => Err(StoreError::Conflict {
            entity: row.entity(),
            id: row.id(),
            reason: "the database does not hold it as the change says it was",
        }),
        Err(error) => Err(refused(row, error)),
    }
}

fn insert_sql(entity: Entity) -> String {
    let columns = entity.columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let places = vec!["?"; columns.len()];
    format!(
        "INSERT INTO {} ({}) VALUES ({})",
        entity.table(),
        names.join(", "),
        places.join(", ")
    )
}

fn update_sql(entity: Entity, mask: u32) -> String {
    let set: Vec<String> = entity
        .columns()
        .iter()
        .enumerate()
        .filter(|(at, _)| mask & 1 << at != 0)
        .map(|(_, column)| format!("{} = ?", column.name))
        .collect();
    // Nothing to change still asks whether the row is there.
    let set = if set.is_empty() {
        format!("{0} = {0}", entity.key())
    } else {
        set.join(", ")
    };
    format!(
        "UPDATE {} SET {set} WHERE {}",
        entity.table(),
        as_it_was(entity)
    )
}

fn delete_sql(entity: Entity) -> String {
    format!("DELETE FROM {} WHERE {}", entity.table(), as_it_was(entity))
}

/// Finds the row only if every column is as the change says it was. The fingerprint takes the
/// old row out on the caller's word, so the word is checked where it costs next to nothing.
fn as_it_was(entity: Entity) -> String {
    let tests: Vec<String> = entity
        .columns()
        .iter()
        .map(|column| {
            // `IS` is `=` where nothing is nothing; the planner looks keys up by `=`.
            let test = if column.required { "=" } else { "IS" };
            format!("{} {test} ?", column.name)
        })
        .collect();
    tests.join(" AND ")
}

/// What the database says no to.
fn refused(row: &Row, error: rusqlite::Error) -> StoreError {
    let rusqlite::Error::SqliteFailure(failure, message) = &error else {
        return backend(error);
    };
    let kind = match (failure.code, failure.extended_code) {
        (_, ffi::SQLITE_CONSTRAINT_CHECK) => ConstraintKind::Check,
        (_, ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY) => {
            ConstraintKind::Unique
        }
        (_, ffi::SQLITE_CONSTRAINT_NOTNULL) => ConstraintKind::Required,
        // Ours are all immediate, and RESTRICT speaks as a trigger.
        (_, ffi::SQLITE_CONSTRAINT_FOREIGNKEY | ffi::SQLITE_CONSTRAINT_TRIGGER) => {
            ConstraintKind::Reference
        }
        (_, ffi::SQLITE_CONSTRAINT_DATATYPE) => ConstraintKind::Type,
        (ErrorCode::ConstraintViolation, _) => ConstraintKind::Check,
        _ => return backend(error),
    };
    let message = message.clone().unwrap_or_else(|| failure.to_string());
    StoreError::Constraint {
        entity: row.entity(),
        id: row.id(),
        kind,
        message,
    }
}
