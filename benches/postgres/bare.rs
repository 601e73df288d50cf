//! The baseline: the same client on the same socket, and nothing else.

use proctor_crm::Id;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Statement};
use uuid::Uuid;

/// A connection with two prepared statements.
pub(crate) struct Bare {
    // Dropped before the runtime.
    client: Client,
    runtime: Runtime,
    update: Statement,
    select: Statement,
}

impl Bare {
    pub(crate) fn connect(address: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let connected = runtime.block_on(tokio_postgres::connect(address, NoTls));
        let (client, connection) = connected.unwrap();
        runtime.spawn(async move { drop(connection.await) });
        let (update, select) = runtime.block_on(async {
            client
                .batch_execute("SET search_path TO proctor")
                .await
                .unwrap();
            let update = "UPDATE opportunities SET notes = $1 WHERE opportunity_id = $2 RETURNING opportunity_id";
            let select = "SELECT * FROM opportunities WHERE opportunity_id = $1";
            let update = client.prepare(update).await.unwrap();
            (update, client.prepare(select).await.unwrap())
        });
        Self {
            client,
            runtime,
            update,
            select,
        }
    }

    pub(crate) fn run(&self, sql: &str) {
        let run = self.client.batch_execute(sql);
        self.runtime.block_on(run).unwrap();
    }

    pub(crate) fn update(&self, id: Id, notes: &str) {
        self.one(&self.update, &[&notes, &uuid(id)]);
    }

    pub(crate) fn update_all(&self, ids: &[Id], notes: &str) {
        ids.iter().for_each(|id| self.update(*id, notes));
    }

    pub(crate) fn select(&self, id: Id) {
        self.one(&self.select, &[&uuid(id)]);
    }

    fn one(&self, statement: &Statement, parameters: &[&(dyn ToSql + Sync)]) {
        let row = self.client.query_one(statement, parameters);
        self.runtime.block_on(row).unwrap();
    }
}

fn uuid(id: Id) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}
