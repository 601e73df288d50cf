//! Opening a database and making SQLite as strict as it can be.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::migrate::{self, MIGRATIONS};
use super::{Sqlite, backend, dialect};
use crate::{Migrated, StoreError, Sum};

/// How long to wait for another process that is writing.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Prepared statements that a connection keeps: one for each shape of query or change.
const STATEMENTS_MAX: usize = 256;

impl Sqlite {
    /// A new, empty database in memory.
    ///
    /// # Errors
    /// When SQLite fails.
    pub fn in_memory() -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory().map_err(backend)?;
        configure_memory(&connection)?;
        migrate::migrate(&mut connection, MIGRATIONS)?;
        Self::over(connection, false, Sum::default())
    }

    /// The database in this file, made or migrated if need be.
    ///
    /// # Errors
    /// When the file can't be opened or isn't a database that this version can work with.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        Self::open_to_write(path.as_ref(), create)
    }

    /// The database in this file, which must be there; migrated if need be.
    ///
    /// # Errors
    /// When the file can't be opened or isn't a database that this version can work with.
    pub fn open_existing(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::open_to_write(path.as_ref(), OpenFlags::SQLITE_OPEN_READ_WRITE)
    }

    /// The database in this file, which must be there and migrated; for reading only.
    ///
    /// # Errors
    /// When the file can't be opened or isn't a database that this version can work with.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let connection = open_file(path.as_ref(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        configure(&connection)?;
        migrate::require_latest(&connection, MIGRATIONS)?;
        Self::over_file(connection)
    }

    /// Brings the database in this file, made if need be, to the latest schema; does nothing the
    /// second time.
    ///
    /// # Errors
    /// When the file can't be opened or isn't a database that this version can work with.
    pub fn migrate(path: impl AsRef<Path>) -> Result<Migrated, StoreError> {
        let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut connection = open_file(path.as_ref(), create)?;
        configure(&connection)?;
        let migrated = migrate::migrate(&mut connection, MIGRATIONS)?;
        migrate::verify_schema(&connection)?;
        Ok(migrated)
    }

    fn open_to_write(path: &Path, flags: OpenFlags) -> Result<Self, StoreError> {
        let mut connection = open_file(path, flags)?;
        configure(&connection)?;
        // First of all the file must prove to be one of ours: even the journal mode is written.
        migrate::migrate(&mut connection, MIGRATIONS)?;
        pragma(&connection, "journal_mode", "WAL")?;
        pragma(&connection, "synchronous", "NORMAL")?;
        Self::over_file(connection)
    }

    fn over_file(connection: Connection) -> Result<Self, StoreError> {
        migrate::verify_schema(&connection)?;
        let mut store = Self::over(connection, true, Sum::default())?;
        store.sum = store.in_one_view(Self::sum_of_all)?;
        Ok(store)
    }
}

pub(super) fn open_file(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(backend)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(backend)?;
    Ok(connection)
}

/// Settings of a database in memory, which nobody sees after a crash.
pub(super) fn configure_memory(connection: &Connection) -> Result<(), StoreError> {
    configure(connection)?;
    // Not OFF: there would be no way back to a savepoint.
    pragma(connection, "journal_mode", "MEMORY")?;
    pragma(connection, "synchronous", "OFF")
}

pub(super) fn configure(connection: &Connection) -> Result<(), StoreError> {
    pragma(connection, "foreign_keys", "ON")?;
    let enforced: bool = connection
        .query_row("PRAGMA foreign_keys", [], |row| row.get(0))
        .map_err(backend)?;
    if !enforced {
        // SQLite says nothing if it was built without them.
        return Err(StoreError::Misuse(
            "this SQLite does not enforce foreign keys",
        ));
    }
    // A schema that comes with a file may not call what could reach beyond the database.
    pragma(connection, "trusted_schema", "OFF")?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)
        .map_err(backend)?;
    // One plan for each statement, whatever is bound to it: otherwise SQLite prepares many a
    // statement anew with every binding, at five times the cost of running it.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map_err(backend)?;
    pragma(connection, "temp_store", "MEMORY")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    dialect::register(connection).map_err(backend)
}

pub(super) fn pragma(connection: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    connection.pragma_update(None, name, value).map_err(backend)
}
