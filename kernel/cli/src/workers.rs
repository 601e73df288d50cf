//! The stores that a run's workers get.

use proctor_episode::Backend;
use proctor_store::{Address, Image, Postgres, Snapshot, Sqlite, Store, StoreError, Template};

use crate::args::{Isolation, StoreOption};
use crate::exit::Failure;
use crate::store::Choice;

/// Where each worker's store comes from.
pub enum Source {
    /// A copy of the canonical data, in memory.
    Sqlite(Image),
    /// The database itself, in a transaction that is never committed.
    Transactions(Box<Address>),
    /// Databases of the workers' own, copied from the one that was named.
    Databases(Template),
}

impl Source {
    /// The source that the command line or the environment names, for a suite with this data.
    pub fn of(
        option: &StoreOption,
        isolation: Option<Isolation>,
        data: &Snapshot,
    ) -> Result<Self, Failure> {
        let choice = Choice::of(option)?;
        let isolation = choice.isolation(isolation)?;
        let Choice::Postgres(address) = choice else {
            return Ok(Self::Sqlite(Image::of(data)?));
        };
        let mut store = open(&address).map_err(|error| no_run_on(&address, &error))?;
        store
            .check_schema()
            .map_err(|error| no_run_on(&address, &error))?;
        if store.fingerprint() != data.fingerprint() {
            let reason = "it holds other data than the suite's";
            return Err(no_run_on(&address, &reason));
        }
        // Nobody may be connected to what is copied.
        drop(store);
        Ok(match isolation {
            Some(Isolation::Database) => Self::Databases(Template::of(&address)?),
            _ => Self::Transactions(address),
        })
    }

    /// A worker's store.
    pub fn open(&self) -> Result<Box<dyn Store>, StoreError> {
        Ok(match self {
            Self::Sqlite(image) => Box::new(Sqlite::from_image(image)?),
            Self::Transactions(address) => Box::new(open(address)?),
            Self::Databases(template) => Box::new(template.open()?),
        })
    }

    /// What telemetry says of it.
    pub fn backend(&self) -> Backend {
        let (store, isolation) = match self {
            Self::Sqlite(_) => ("sqlite", None),
            Self::Transactions(_) => ("postgres", Some("transaction")),
            Self::Databases(_) => ("postgres", Some("database")),
        };
        Backend {
            isolation: isolation.map(str::to_owned),
            models: None,
            store: store.into(),
        }
    }
}

/// A store that takes changes.
fn open(address: &Address) -> Result<Postgres, StoreError> {
    let mut store = Postgres::open(address)?;
    store.check_writable()?;
    Ok(store)
}

fn no_run_on(address: &Address, reason: &dyn std::fmt::Display) -> Failure {
    let reason = reason.to_string();
    let place = address.to_string();
    let message = if reason.contains(&place) {
        reason
    } else {
        format!("{place}: {reason}")
    };
    Failure::input(message).hint(
        "`proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over",
    )
}
