//! Other people's connections to the same server.

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Error, NoTls};

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Somebody with a connection of their own, past any store.
pub(crate) struct Other {
    runtime: Runtime,
    client: Client,
}

impl Other {
    pub(crate) fn at(address: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connecting = tokio_postgres::connect(address, NoTls);
        let (client, connection) = runtime.block_on(connecting).unwrap();
        runtime.spawn(async move { drop(connection.await) });
        Self { runtime, client }
    }

    pub(crate) fn run(&self, sql: &str) -> Result<(), Error> {
        self.runtime.block_on(self.client.batch_execute(sql))
    }

    /// The number that a query gives.
    pub(crate) fn number(&self, sql: &str) -> i64 {
        let found = self.runtime.block_on(self.client.query_one(sql, &[]));
        found.unwrap().get(0)
    }

    /// Sends a signal, `pg_cancel_backend` or `pg_terminate_backend`, to whatever store waits for
    /// a lock in this database, as soon as one does.
    pub(crate) fn strike_waiting(&self, signal: &str) {
        let struck = format!("SELECT count({signal}(pid)) FROM ({WAITING}) AS waiting");
        eventually(|| self.number(&struck) > 0);
    }

    /// Until a store waits for a lock in this database.
    pub(crate) fn await_waiting(&self) {
        let waiting = format!("SELECT count(*) FROM ({WAITING}) AS waiting");
        eventually(|| self.number(&waiting) > 0);
    }
}

const WAITING: &str = "
SELECT pid FROM pg_stat_activity
WHERE application_name = 'proctor' AND datname = current_database() AND wait_event_type = 'Lock'";

/// Waits until something has become true.
#[track_caller]
pub(crate) fn eventually(mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it never happened");
        std::thread::sleep(Duration::from_millis(10));
    }
}
