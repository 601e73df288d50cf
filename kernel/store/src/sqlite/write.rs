//! Carrying out changes.

use rusqlite::{Connection, ErrorCode, ffi};

use super::{backend, cell};
use crate::wording::{Worded, hit};
use crate::{ConstraintKind, StoreError};

/// Carries out one change, wholly or not at all. `text` is room to write in.
pub(super) fn execute(
    connection: &Connection,
    worded: &Worded<'_, '_>,
    text: &mut String,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(worded.sql).map_err(backend)?;
    for (value, index) in worded.values.iter().zip(1..) {
        cell::bind(&mut statement, index, value, text).map_err(backend)?;
    }
    match statement.raw_execute() {
        Ok(rows) => hit(worded.row, rows as u64),
        Err(error) => Err(refused(worded, error)),
    }
}

/// What the database says no to.
fn refused(worded: &Worded<'_, '_>, error: rusqlite::Error) -> StoreError {
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
        entity: worded.row.entity(),
        id: worded.row.id(),
        kind,
        message,
    }
}
