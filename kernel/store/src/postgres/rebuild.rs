//! Taking a database back to a state that is known, whatever was done to it.

use std::collections::BTreeSet;

use super::address::Address;
use super::schema;
use super::session::{SCHEMA, Session, Work};
use super::{APPLICATION, Postgres, migrate};
use crate::{Rebuilt, Snapshot, StoreError, Strangers, Sum};

impl Postgres {
    /// Makes a database hold the rows of a snapshot under the latest schema, whatever was done to
    /// its tables, constraints or rows; all at once or not at all. Other schemas are left alone:
    /// what stands there and hangs on Proctor's tables makes it fail.
    ///
    /// # Errors
    /// When there are tables that Proctor doesn't know and they are not to be dropped, when
    /// something else depends on the tables, or when the database fails.
    pub fn rebuild(
        address: &Address,
        snapshot: &Snapshot,
        strangers: Strangers,
    ) -> Result<Rebuilt, StoreError> {
        let mut session = Session::connect(address, APPLICATION)?;
        let differences = schema::differences(&mut session)?;
        let unknown: Vec<String> = differences
            .strangers()
            .into_iter()
            .map(|object| object.name.clone())
            .collect();
        if !unknown.is_empty() && strangers == Strangers::Refuse {
            return Err(StoreError::Strangers { objects: unknown });
        }
        let altered = !(differences.missing.is_empty() && differences.added.is_empty());
        session.run("BEGIN")?;
        migrate::take_turn(&mut session)?;
        session.run(&format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))?;
        if altered || migrate::require_latest(&mut session).is_err() {
            drop_all(&mut session)?;
        }
        migrate::take_steps(&mut session)?;
        let mut store = Self::over(session, None, Sum::default());
        store.replace_rows(snapshot)?;
        store.run("COMMIT")?;
        Ok(Rebuilt {
            altered,
            dropped: unknown,
        })
    }
}

/// Drops the schema with all that stands in it, unless something elsewhere would go with it.
fn drop_all(session: &mut Session) -> Result<(), StoreError> {
    let before = elsewhere(session)?;
    let drop = format!("DROP SCHEMA {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}");
    session.wait(Work::Whole, async |client| {
        client.batch_execute(&drop).await
    })?;
    let after = elsewhere(session)?;
    let lost: Vec<String> = before.difference(&after).cloned().collect();
    if lost.is_empty() {
        return Ok(());
    }
    // The transaction ends with the connection, undone.
    Err(StoreError::Entangled { objects: lost })
}

/// Everything in other schemas, in the server's words.
fn elsewhere(session: &mut Session) -> Result<BTreeSet<String>, StoreError> {
    session.wait(Work::Whole, async |client| {
        let rows = client.query(ELSEWHERE, &[&SCHEMA]).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    })
}

const ELSEWHERE: &str = "
WITH other AS (
  SELECT oid FROM pg_namespace
  WHERE nspname <> $1::text AND nspname <> 'information_schema' AND NOT starts_with(nspname, 'pg_')
),
relation AS (SELECT class.oid FROM pg_class AS class JOIN other ON other.oid = class.relnamespace)
SELECT pg_describe_object('pg_class'::regclass, oid, 0) FROM relation
UNION ALL
SELECT pg_describe_object('pg_class'::regclass, attrelid, attnum)
FROM relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
UNION ALL
SELECT pg_describe_object('pg_attrdef'::regclass, pg_attrdef.oid, 0)
FROM relation JOIN pg_attrdef ON adrelid = relation.oid
UNION ALL
SELECT pg_describe_object('pg_constraint'::regclass, pg_constraint.oid, 0)
FROM other JOIN pg_constraint ON connamespace = other.oid
UNION ALL
SELECT pg_describe_object('pg_trigger'::regclass, pg_trigger.oid, 0)
FROM relation JOIN pg_trigger ON tgrelid = relation.oid AND NOT tgisinternal
UNION ALL
SELECT pg_describe_object('pg_policy'::regclass, pg_policy.oid, 0)
FROM relation JOIN pg_policy ON polrelid = relation.oid
UNION ALL
SELECT pg_describe_object('pg_proc'::regclass, pg_proc.oid, 0)
FROM other JOIN pg_proc ON pronamespace = other.oid
UNION ALL
SELECT pg_describe_object('pg_type'::regclass, pg_type.oid, 0)
FROM other JOIN pg_type ON typnamespace = other.oid";
