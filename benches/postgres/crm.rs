//! Databases to measure on, and changes to make in them.

use proctor_benches::suite;
use proctor_cluster::Cluster;
use proctor_crm::{Change, Entity, Query, Value};
use proctor_store::{Address, Postgres, Store};

/// A database of the throw-away server, migrated and filled.
pub(crate) struct Crm {
    cluster: &'static Cluster,
    #[allow(dead_code, reason = "for the bare client, which not every bench has")]
    pub(crate) text: String,
    pub(crate) address: Address,
}

/// 1,000,000 rows that every rule allows. That their references hold is plain from how they are
/// made, so they aren't looked up.
const MILLION: &str = "
SET session_replication_role TO replica;
SET search_path TO proctor;
INSERT INTO clients (client_id, name, industry, email, status)
  SELECT md5('client ' || number)::uuid, 'Client ' || number, 'Transport',
    'client' || number || '@bench.example', 'Active'
  FROM generate_series(0, 199999) AS number;
INSERT INTO opportunities (opportunity_id, name, client_id, stage, amount)
  SELECT md5('deal ' || number)::uuid, 'Deal ' || number,
    md5('client ' || number % 200000)::uuid, 'Proposal', 50000
  FROM generate_series(0, 799999) AS number;";

impl Crm {
    /// With the rows of the built-in suite.
    pub(crate) fn canonical(cluster: &'static Cluster) -> Self {
        Self::filled(cluster, |crm| crm.open().restore(&suite().data).unwrap())
    }

    /// With 200,000 clients and 800,000 opportunities.
    #[allow(dead_code, reason = "not every bench has so many rows")]
    pub(crate) fn million(cluster: &'static Cluster) -> Self {
        Self::filled(cluster, |crm| {
            cluster.sql_at(&crm.text, MILLION).unwrap();
        })
    }

    fn filled(cluster: &'static Cluster, fill: impl FnOnce(&Self)) -> Self {
        let text = cluster.address(&cluster.database());
        let address: Address = text.parse().unwrap();
        Postgres::migrate(&address).unwrap();
        let crm = Self {
            cluster,
            text,
            address,
        };
        fill(&crm);
        crm.vacuum();
        crm
    }

    /// Clears away what earlier measurements undid, which would slow down those to come.
    pub(crate) fn vacuum(&self) {
        let analyze = "VACUUM (ANALYZE, TRUNCATE false)";
        self.cluster.sql_at(&self.text, analyze).unwrap();
    }

    /// A store on it; reads all rows.
    pub(crate) fn open(&self) -> Postgres {
        Postgres::open(&self.address).unwrap()
    }
}

/// Updates of the first opportunities.
pub(crate) fn updates(store: &mut dyn Store, count: u32) -> Vec<Change> {
    let query = Query {
        limit: Some(count),
        ..Query::all(Entity::Opportunity, Vec::new())
    };
    let found = store.read(&[query]).unwrap().swap_remove(0).rows;
    let update = found.into_iter().map(|before| {
        let mut after = before.clone();
        let notes = Value::Text("Called today.".into());
        after.set("notes", notes).unwrap();
        Change::Update { before, after }
    });
    update.collect()
}
