//! Brings a database to the schema that this version works with, and nothing else.

use std::sync::OnceLock;

use rusqlite::{Connection, OptionalExtension as _, Transaction, TransactionBehavior};
use sha2::{Digest, Sha256};

use super::backend;
use crate::{Migrated, StoreError};

/// One step of the schema's history.
pub(super) struct Migration {
    pub(super) name: &'static str,
    pub(super) sql: &'static str,
}

/// All steps; the version of one is its place, counted from 1. A step that was released is never
/// edited: databases remember its digest.
pub(super) const MIGRATIONS: &[Migration] = &[Migration {
    name: "tables",
    sql: include_str!("../../../../migrations/sqlite/0001_tables.sql"),
}];

const HISTORY: &str = "CREATE TABLE schema_migration (
  version INTEGER NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  digest TEXT NOT NULL
) STRICT";

/// A database that this version can't work with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MigrationError {
    /// A newer version of Proctor made the schema.
    #[error(
        "the database has schema version {found}, but this version of Proctor knows none above {known}: use a newer Proctor"
    )]
    Newer {
        /// Version of the database.
        found: i64,
        /// Highest version known.
        known: u32,
    },
    /// The schema is older, and the database was opened for reading only.
    #[error(
        "the database has schema version {found}, this version of Proctor needs {known}: it must be migrated"
    )]
    Older {
        /// Version of the database.
        found: i64,
        /// Version needed.
        known: u32,
    },
    /// The database was migrated with another text of the same migration.
    #[error("migration {version} ({name}) is not the one that the database was made with")]
    Changed {
        /// Version in question.
        version: u32,
        /// Name of the migration.
        name: &'static str,
    },
    /// The list of migrations in the database doesn't lead to its version.
    #[error("the database says that it has schema version {version}, but not how it came to it")]
    History {
        /// Version of the database.
        version: i64,
    },
    /// A database of something else.
    #[error("the database has tables but no schema version: it is not one of Proctor's")]
    Foreign,
    /// Tables, indexes or triggers that no migration made, or not those that they made.
    #[error("`{object}` in the database is not as the migrations make it")]
    Schema {
        /// Name of the table, index, view or trigger.
        object: String,
    },
}

/// Takes all steps that are still to do, each in a transaction of its own; does nothing the
/// second time.
pub(super) fn migrate(
    connection: &mut Connection,
    migrations: &[Migration],
) -> Result<Migrated, StoreError> {
    let mut from = None;
    loop {
        // Another process may be migrating the same file: what is to do is decided under lock.
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(backend)?;
        let done = verify_history(&transaction, migrations)?;
        let to = count(&migrations[..done]);
        let from = *from.get_or_insert(to);
        let Some(migration) = migrations.get(done) else {
            transaction.commit().map_err(backend)?;
            return Ok(Migrated { from, to });
        };
        step(&transaction, count(&migrations[..=done]), migration).map_err(backend)?;
        transaction.commit().map_err(backend)?;
    }
}

/// Refuses a database whose schema isn't the latest, without changing anything.
pub(super) fn require_latest(
    connection: &Connection,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let done = verify_history(connection, migrations)?;
    if done < migrations.len() {
        let (found, known) = (version(connection)?, count(migrations));
        return Err(MigrationError::Older { found, known }.into());
    }
    Ok(())
}

/// Takes all steps on a database that has none of their tables, within a transaction.
pub(super) fn make(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    MIGRATIONS
        .iter()
        .zip(1..)
        .try_for_each(|(migration, version)| step(transaction, version, migration))
}

fn step(
    transaction: &Transaction<'_>,
    version: u32,
    migration: &Migration,
) -> rusqlite::Result<()> {
    if version == 1 {
        transaction.execute_batch(HISTORY)?;
    }
    transaction.execute_batch(migration.sql)?;
    transaction.execute(
        "INSERT INTO schema_migration VALUES (?1, ?2, ?3)",
        (version, migration.name, digest(migration)),
    )?;
    transaction.pragma_update(None, "user_version", version)
}

/// How many of the migrations were done, all of them just as they are here.
fn verify_history(connection: &Connection, migrations: &[Migration]) -> Result<usize, StoreError> {
    let found = version(connection)?;
    if found == 0 {
        let objects: i64 = connection
            .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
            .map_err(backend)?;
        return if objects == 0 {
            Ok(0)
        } else {
            Err(MigrationError::Foreign.into())
        };
    }
    let known = count(migrations);
    let done = usize::try_from(found)
        .ok()
        .filter(|done| *done <= migrations.len());
    let Some(done) = done else {
        return Err(MigrationError::Newer { found, known }.into());
    };
    let history = MigrationError::History { version: found };
    if objects(connection)?
        .iter()
        .all(|object| object.name != "schema_migration")
    {
        return Err(history.into());
    }
    for (migration, version) in migrations[..done].iter().zip(1..) {
        let recorded: Option<(String, String)> = connection
            .query_row(
                "SELECT name, digest FROM schema_migration WHERE version = ?1",
                [version],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(backend)?;
        match recorded {
            None => return Err(history.into()),
            Some((name, known)) if name == migration.name && known == digest(migration) => {}
            Some(_) => {
                let name = migration.name;
                return Err(MigrationError::Changed { version, name }.into());
            }
        }
    }
    Ok(done)
}

/// Refuses a database at the latest version that has other tables, indexes or triggers than the
/// migrations make. A file may come from anywhere, and constraints only stand behind the rules
/// if they are the ones we know; a trigger could do anything.
pub(super) fn verify_schema(connection: &Connection) -> Result<(), StoreError> {
    let expected = expected()?;
    let found = objects(connection)?;
    let differs = |object: &&Object, others: &[Object]| !others.contains(object);
    let stranger = found
        .iter()
        .find(|object| differs(object, expected))
        .or_else(|| expected.iter().find(|object| differs(object, &found)));
    match stranger {
        Some(object) => Err(MigrationError::Schema {
            object: object.name.clone(),
        }
        .into()),
        None => Ok(()),
    }
}

/// Names of the tables that the migrations make.
pub(super) fn tables() -> Result<Vec<&'static str>, StoreError> {
    let tables = expected()?.iter().filter(|object| object.kind == "table");
    Ok(tables.map(|object| object.name.as_str()).collect())
}

/// What all migrations together make.
fn expected() -> Result<&'static [Object], StoreError> {
    static EXPECTED: OnceLock<Vec<Object>> = OnceLock::new();
    if let Some(expected) = EXPECTED.get() {
        return Ok(expected);
    }
    let mut fresh = Connection::open_in_memory().map_err(backend)?;
    migrate(&mut fresh, MIGRATIONS)?;
    let made = objects(&fresh)?;
    Ok(EXPECTED.get_or_init(|| made))
}

#[derive(PartialEq, Eq)]
struct Object {
    kind: String,
    name: String,
    sql: Option<String>,
}

/// What the schema consists of, besides SQLite's own tables and indexes.
fn objects(connection: &Connection) -> Result<Vec<Object>, StoreError> {
    let read = || {
        connection
            .prepare("SELECT type, name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")?
            .query_map([], |row| {
                Ok(Object { kind: row.get(0)?, name: row.get(1)?, sql: row.get(2)? })
            })?
            .collect::<rusqlite::Result<_>>()
    };
    read().map_err(backend)
}

/// Their number, which is the version that they lead to.
fn count(migrations: &[Migration]) -> u32 {
    // There are never so many.
    u32::try_from(migrations.len()).unwrap_or(u32::MAX)
}

fn version(connection: &Connection) -> Result<i64, StoreError> {
    connection
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(backend)
}

fn digest(migration: &Migration) -> String {
    use std::fmt::Write as _;
    Sha256::digest(migration.sql)
        .iter()
        .fold(String::new(), |mut text, byte| {
            // A `String` takes all that is written to it.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const FIRST: Migration = Migration {
        name: "first",
        sql: "CREATE TABLE a (x)",
    };
    const SECOND: Migration = Migration {
        name: "second",
        sql: "ALTER TABLE a ADD COLUMN y; INSERT INTO a VALUES (1, 2)",
    };
    const BROKEN: Migration = Migration {
        name: "broken",
        sql: "DROP TABLE a; CREATE nonsense",
    };

    #[test]
    fn an_older_database_takes_the_steps_that_are_missing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[FIRST]).unwrap();
        let older = require_latest(&connection, &[FIRST, SECOND]).unwrap_err();
        assert!(matches!(
            older,
            StoreError::Migration(MigrationError::Older { found: 1, known: 2 })
        ));
        for _ in 0..2 {
            migrate(&mut connection, &[FIRST, SECOND]).unwrap();
            let rows: i64 = connection
                .query_row("SELECT count(y) FROM a", [], |row| row.get(0))
                .unwrap();
            assert_eq!((version(&connection).unwrap(), rows), (2, 1));
        }
        require_latest(&connection, &[FIRST, SECOND]).unwrap();
        assert!(
            migrate(&mut connection, &[FIRST]).is_err(),
            "it is newer now"
        );
    }

    #[test]
    fn a_step_that_fails_is_not_half_done() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(migrate(&mut connection, &[FIRST, BROKEN]).is_err());
        assert_eq!(version(&connection).unwrap(), 1);
        connection.execute("INSERT INTO a VALUES (1)", []).unwrap();
        migrate(&mut connection, &[FIRST, SECOND]).unwrap();
    }
}
