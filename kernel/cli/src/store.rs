//! Which database is meant: what the command line says, or else what the environment does.

use std::ffi::OsStr;

use proctor_store::{Address, AddressError};

use crate::args::{Isolation, StoreOption};
use crate::environment::{FILE, variable};
use crate::exit::Failure;
use crate::terminal;

/// Word for the database whose address stands in [`ADDRESS`].
pub const POSTGRES: &str = "postgres";

const ADDRESS: &str = "DATABASE_URL";
const PASSWORD: &str = "PGPASSWORD";
const AUTHORITIES: &str = "PGSSLROOTCERT";

/// Where rows live while agents work on them.
#[derive(Clone, Debug)]
pub enum Choice {
    /// In SQLite, in memory.
    Sqlite,
    /// On a server.
    Postgres(Box<Address>),
}

impl Choice {
    /// What `--store` says. Without it, the database that the environment names if it does, which
    /// is said on standard error, and else SQLite.
    pub fn of(option: &StoreOption) -> Result<Self, Failure> {
        let Some(store) = &option.store else {
            let Some(text) = variable(ADDRESS)? else {
                return Ok(Self::Sqlite);
            };
            let address = address(&text, ADDRESS)?;
            terminal::note(format!("store: {address}, from {ADDRESS}"));
            return Ok(Self::Postgres(address.into()));
        };
        match store.to_str() {
            Some("sqlite") => Ok(Self::Sqlite),
            Some(POSTGRES) => Ok(Self::Postgres(of_environment()?.into())),
            Some(text) if Address::is_one(text) => {
                Ok(Self::Postgres(address(text, "--store")?.into()))
            }
            _ => Err(Failure::input("--store: there is no such store")
                .hint("say sqlite, postgres, or an address postgres://USER@HOST:PORT/DATABASE")),
        }
    }

    /// How episodes are kept apart: as asked for, or in transactions. SQLite has no choice.
    pub fn isolation(&self, asked: Option<Isolation>) -> Result<Option<Isolation>, Failure> {
        match (self, asked) {
            (Self::Sqlite, None) => Ok(None),
            (Self::Sqlite, Some(_)) => Err(Failure::input("--isolation: SQLite has only one kind")
                .hint("name a server's database with --store, or leave --isolation out")),
            (Self::Postgres(_), asked) => Ok(Some(asked.unwrap_or(Isolation::Transaction))),
        }
    }
}

/// The address in the environment, which must be there.
pub fn of_environment() -> Result<Address, Failure> {
    match variable(ADDRESS)? {
        Some(text) => address(&text, ADDRESS),
        None => Err(Failure::input(format!(
            "{ADDRESS} is set neither in the environment nor in {FILE}"
        ))
        .hint(format!(
            "{ADDRESS}=postgres://USER@HOST:PORT/DATABASE, and the password in {PASSWORD}"
        ))),
    }
}

/// An address, with what the environment adds to it; `place` says where it stood. The text is
/// repeated nowhere, since it may hold a password.
pub fn address(text: &str, place: &str) -> Result<Address, Failure> {
    let mut address: Address = text
        .parse()
        .map_err(|error: AddressError| Failure::input(format!("{place}: {error}")))?;
    if !address.has_password()
        && let Some(password) = variable(PASSWORD)?
    {
        address = address.with_password(&password);
    }
    if let Some(file) = variable(AUTHORITIES)? {
        address = address.with_authorities(file.into());
    }
    Ok(address)
}

/// Whether a text looks as if an address was meant, well written or not.
pub fn is_like_address(text: &OsStr) -> bool {
    let text = text.to_string_lossy();
    text.contains("://") || text.starts_with("postgres:") || text.starts_with("postgresql:")
}
