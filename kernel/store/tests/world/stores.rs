//! A store of each kind, so that a test that holds for one holds for all.

use std::cell::RefCell;

use proctor_cluster::Cluster;
use proctor_crm::{Change, Row};
use proctor_store::{Address, Postgres, Snapshot, Sqlite, Store, Template};
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// The kinds of stores that this machine can have.
pub(crate) struct Stores {
    postgres: Option<Server>,
}

struct Server {
    address: Address,
    store: RefCell<Postgres>,
    /// Makes stores whose batches are really committed. They take their time.
    template: Option<Template>,
}

/// An empty, migrated database on the server that all tests share.
pub(crate) fn database() -> Option<(&'static Cluster, String, Address)> {
    let cluster = Cluster::shared()?;
    let name = cluster.database();
    let address: Address = cluster.address(&name).parse().unwrap();
    Postgres::migrate(&address).unwrap();
    Some((cluster, name, address))
}

impl Stores {
    /// SQLite, and PostgreSQL with episodes that are transactions.
    pub(crate) fn new() -> Self {
        Self {
            postgres: database().map(|(_, _, address)| Server {
                store: RefCell::new(Postgres::open(&address).unwrap()),
                template: None,
                address,
            }),
        }
    }

    /// The same, and PostgreSQL with databases of one's own.
    pub(crate) fn with_own_databases() -> Self {
        Self {
            postgres: database().map(|(_, _, address)| Server {
                template: Some(Template::of(&address).unwrap()),
                store: RefCell::new(Postgres::open(&address).unwrap()),
                address,
            }),
        }
    }

    /// Runs a test on an empty store of each kind.
    pub(crate) fn each<E>(&self, test: impl Fn(&mut dyn Store) -> Result<(), E>) -> Result<(), E> {
        test(&mut Sqlite::in_memory().unwrap())?;
        let Some(server) = &self.postgres else {
            return Ok(());
        };
        let mut store = server.store.borrow_mut();
        // An episode that the last test left open, or a failure that it met.
        if store.end().is_err() && store.counts().is_err() {
            *store = Postgres::open(&server.address).unwrap();
        }
        store
            .restore(&Snapshot::from_rows(Vec::new()).unwrap())
            .unwrap();
        test(&mut *store)?;
        match &server.template {
            Some(template) => test(&mut template.open().unwrap()),
            None => Ok(()),
        }
    }

    /// Runs a test on a store of each kind that holds these rows.
    pub(crate) fn each_with(&self, rows: &[Row], test: impl Fn(&mut dyn Store)) {
        let inserts: Vec<Change> = rows.iter().cloned().map(Change::Insert).collect();
        let tested: Result<(), std::convert::Infallible> = self.each(|store| {
            store.apply(&inserts).unwrap();
            test(store);
            Ok(())
        });
        tested.unwrap();
    }
}

/// Tries a property on random values, and shrinks to the smallest that breaks it.
pub(crate) fn property<S: proptest::strategy::Strategy>(
    cases: u32,
    values: &S,
    holds: impl Fn(S::Value) -> Result<(), TestCaseError>,
) {
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(cases)
    });
    if let Err(error) = runner.run(values, holds) {
        panic!("{error}");
    }
}
