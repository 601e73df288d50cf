//! PostgreSQL spoken to directly, past the store.

#![allow(dead_code, reason = "each test file takes what it needs")]

use proctor_cluster::Cluster;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error, NoTls, Row};

/// One connection to a new database that has our tables and no rows.
pub(crate) struct Direct {
    runtime: Runtime,
    client: Client,
}

impl Direct {
    /// Nothing where there is no server: then the test is left out.
    pub(crate) fn new() -> Option<Self> {
        let cluster = Cluster::shared()?;
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let address = cluster.address(&cluster.database());
        let connecting = tokio_postgres::connect(&address, NoTls);
        let (client, connection) = runtime.block_on(connecting).unwrap();
        runtime.spawn(connection);
        let direct = Self { runtime, client };
        direct
            .run("CREATE SCHEMA proctor; SET search_path = proctor")
            .unwrap();
        direct
            .run(include_str!(
                "../../../../migrations/postgres/V1__tables.sql"
            ))
            .unwrap();
        Some(direct)
    }

    /// Runs statements.
    pub(crate) fn run(&self, sql: &str) -> Result<(), Error> {
        self.runtime.block_on(self.client.batch_execute(sql))
    }

    /// What a query finds.
    pub(crate) fn rows(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Vec<Row> {
        let found = self.runtime.block_on(self.client.query(sql, parameters));
        found.unwrap()
    }
}

/// A table `points` of every character up to one, but for NUL, which no text in PostgreSQL has: a
/// column `i` with its code point and a column `c` with the character.
pub(crate) fn points(last: char) -> String {
    let last = u32::from(last);
    // The numbers left out are surrogates.
    format!(
        "(SELECT i, chr(i) COLLATE \"C\" AS c FROM generate_series(1, {last}) AS i
          WHERE i NOT BETWEEN 55296 AND 57343 OFFSET 0) AS points"
    )
}
