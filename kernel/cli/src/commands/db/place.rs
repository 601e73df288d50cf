//! A database by the name that an operator gives it.

use std::fmt;
use std::path::{Path, PathBuf};

use proctor_store::{Address, MigrationError, Postgres, Sqlite, Store, StoreError};

use super::visible;
use crate::exit::Failure;
use crate::store::{self, POSTGRES};

/// Where a database is.
pub enum Place {
    /// An SQLite file.
    File(PathBuf),
    /// A database of a server.
    Server(Box<Address>),
}

impl Place {
    /// What a DATABASE on the command line means.
    pub fn of(name: &Path) -> Result<Self, Failure> {
        match name.to_str() {
            Some(POSTGRES) => Ok(Self::Server(store::of_environment()?.into())),
            Some(text) if store::is_like_address(name.as_os_str()) => {
                Ok(Self::Server(store::address(text, "DATABASE")?.into()))
            }
            _ => Ok(Self::File(name.to_owned())),
        }
    }

    /// The database, which must be there and migrated, for reading only.
    pub fn read(&self) -> Result<Box<dyn Store>, Failure> {
        match self {
            Self::File(path) => self.opened(Sqlite::open_read_only(path)),
            Self::Server(address) => self.opened(Postgres::open(address)),
        }
    }

    /// The database, which must be there, for writing. A file is migrated if need be.
    pub fn open(&self) -> Result<Box<dyn Store>, Failure> {
        match self {
            Self::File(path) => self.opened(Sqlite::open_existing(path)),
            Self::Server(address) => self.opened(Postgres::open(address)),
        }
    }

    fn opened<S: Store + 'static>(
        &self,
        store: Result<S, StoreError>,
    ) -> Result<Box<dyn Store>, Failure> {
        match store {
            Ok(store) => Ok(Box::new(store)),
            Err(error) => Err(self.unopened(error)),
        }
    }

    /// Why the database could not be opened, and what to do about it.
    pub fn unopened(&self, error: StoreError) -> Failure {
        let is_no_database = matches!((self, &error), (Self::File(_), StoreError::Backend { .. }));
        let failure = self.failure(error);
        if is_no_database {
            failure.hint("`proctor db init` creates a database")
        } else {
            failure
        }
    }

    /// What is wrong with the database, and what to do about it.
    pub fn failure(&self, error: StoreError) -> Failure {
        let text = visible(&error.to_string());
        let failure = match error {
            // Names the place itself.
            StoreError::Unreachable { .. } => Failure::input(text),
            _ => Failure::input(format!("{self}: {text}")),
        };
        match advice(&error) {
            Some(advice) => failure.hint(advice),
            None => failure,
        }
    }
}

fn advice(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Migration(MigrationError::Older { .. }) => {
            Some("`proctor db migrate` brings it up to date")
        }
        StoreError::Migration(
            MigrationError::Schema { .. }
            | MigrationError::Changed { .. }
            | MigrationError::History { .. },
        )
        | StoreError::Corrupt { .. }
        | StoreError::Damaged { .. } => Some(
            "`proctor db doctor` says what else is wrong, `proctor db reset` takes it back to the canonical data",
        ),
        StoreError::Strangers { .. } => {
            Some("move them elsewhere, or let --drop-unknown drop them with all that they hold")
        }
        _ => None,
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Server(address) => write!(f, "{address}"),
        }
    }
}
