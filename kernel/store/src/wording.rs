//! Changes as SQL statements, each of which must hit just one row.

use std::collections::HashMap;
use std::marker::PhantomData;

use proctor_crm::{Change, Entity, Row, Value};

use crate::dialect::Dialect;
use crate::{StoreError, portable};

/// The statements for changes of single rows, each made once.
pub(crate) struct Wording<D> {
    inserts: HashMap<Entity, String>,
    deletes: HashMap<Entity, String>,
    /// By the set of columns that change, a bit for each.
    updates: HashMap<(Entity, u32), String>,
    dialect: PhantomData<D>,
}

/// A change as a statement.
pub(crate) struct Worded<'w, 'c> {
    pub(crate) sql: &'w str,
    /// What to bind, in order.
    pub(crate) values: Vec<&'c Value>,
    /// The row to blame if the database refuses.
    pub(crate) row: &'c Row,
}

impl<D> Default for Wording<D> {
    fn default() -> Self {
        Self {
            inserts: HashMap::new(),
            deletes: HashMap::new(),
            updates: HashMap::new(),
            dialect: PhantomData,
        }
    }
}

impl<D: Dialect> Wording<D> {
    /// The statement for a change.
    ///
    /// # Errors
    /// When not every backend can hold the row, or an update is none.
    pub(crate) fn of<'w, 'c>(
        &'w mut self,
        change: &'c Change,
    ) -> Result<Worded<'w, 'c>, StoreError> {
        match change {
            Change::Insert(row) => self.insert(row),
            Change::Update { before, after } => self.update(before, after),
            Change::Delete(row) => {
                let sql = self.deletes.entry(row.entity());
                Ok(Worded {
                    sql: sql.or_insert_with(|| delete_sql::<D>(row.entity())),
                    values: row.values().iter().collect(),
                    row,
                })
            }
        }
    }

    /// The statement for the insertion of a row.
    ///
    /// # Errors
    /// When not every backend can hold it.
    pub(crate) fn insert<'w, 'c>(&'w mut self, row: &'c Row) -> Result<Worded<'w, 'c>, StoreError> {
        portable::check(row)?;
        let sql = self.inserts.entry(row.entity());
        Ok(Worded {
            sql: sql.or_insert_with(|| insert_sql::<D>(row.entity())),
            values: row.values().iter().collect(),
            row,
        })
    }

    fn update<'w, 'c>(
        &'w mut self,
        before: &'c Row,
        after: &'c Row,
    ) -> Result<Worded<'w, 'c>, StoreError> {
        let entity = before.entity();
        if (entity, before.id()) != (after.entity(), after.id()) {
            return Err(StoreError::Conflict {
                entity,
                id: before.id(),
                reason: "an update cannot turn it into another record",
            });
        }
        portable::check(after)?;
        let mut mask = 0;
        let mut values = Vec::with_capacity(after.values().len() + 2);
        for (at, value) in after.values().iter().enumerate() {
            if before.values()[at] != *value {
                mask |= 1 << at;
                values.push(value);
            }
        }
        values.extend(before.values());
        let sql = self.updates.entry((entity, mask));
        Ok(Worded {
            sql: sql.or_insert_with(|| update_sql::<D>(entity, mask)),
            values,
            row: before,
        })
    }
}

/// Refuses that a change of this row hit another number of rows than one.
pub(crate) fn hit(row: &Row, rows: u64) -> Result<(), StoreError> {
    if rows == 1 {
        return Ok(());
    }
    Err(StoreError::Conflict {
        entity: row.entity(),
        id: row.id(),
        reason: "the database does not hold it as the change says it was",
    })
}

fn insert_sql<D: Dialect>(entity: Entity) -> String {
    let columns = entity.columns();
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let mut sql = format!(
        "INSERT INTO {} ({}) VALUES (",
        entity.table(),
        names.join(", ")
    );
    for (column, number) in columns.iter().zip(1..) {
        sql.push_str(if number == 1 { "" } else { ", " });
        D::place(&mut sql, number, column.kind);
    }
    sql.push(')');
    sql
}

fn update_sql<D: Dialect>(entity: Entity, mask: u32) -> String {
    let mut sql = format!("UPDATE {} SET ", entity.table());
    let mut number = 0;
    for (at, column) in entity.columns().iter().enumerate() {
        if mask & 1 << at != 0 {
            number += 1;
            sql.push_str(if number == 1 { "" } else { ", " });
            sql.push_str(column.name);
            sql.push_str(" = ");
            D::place(&mut sql, number, column.kind);
        }
    }
    if number == 0 {
        // Nothing to change still asks whether the row is there.
        sql.push_str(&format!("{0} = {0}", entity.key()));
    }
    as_it_was::<D>(&mut sql, entity, number);
    sql
}

fn delete_sql<D: Dialect>(entity: Entity) -> String {
    let mut sql = format!("DELETE FROM {}", entity.table());
    as_it_was::<D>(&mut sql, entity, 0);
    sql
}

/// Finds the row only if every column is as the change says it was. The fingerprint takes the
/// old row out on the caller's word, so the word is checked where it costs next to nothing.
fn as_it_was<D: Dialect>(sql: &mut String, entity: Entity, parameters_before: usize) {
    for (column, at) in entity.columns().iter().zip(1..) {
        sql.push_str(if at == 1 { " WHERE " } else { " AND " });
        sql.push_str(column.name);
        // The planner looks keys up by `=`.
        sql.push_str(if column.required {
            " = "
        } else {
            " IS NOT DISTINCT FROM "
        });
        D::place(sql, parameters_before + at, column.kind);
    }
}
