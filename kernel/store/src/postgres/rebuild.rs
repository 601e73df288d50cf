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
        session.run("BEGIN")?;
        migrate::take_turn(&mut session)?;
        let differences = schema::aside(&mut session, schema::compare)?;
        let unknown = differences.strangers();
        if !unknown.is_empty() && strangers == Strangers::Refuse {
            return Err(StoreError::Strangers { objects: unknown });
        }
        let latest = schema::aside(&mut session, migrate::require_latest);
        let altered = !differences.is_empty() || latest.is_err();
        session.run(&format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))?;
        if altered {
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

/// Refuses to replace rows that others, in another schema, may refer to.
pub(super) fn check_references(session: &mut Session) -> Result<(), StoreError> {
    let references = described(session, REFERENCES)?;
    if references.is_empty() {
        return Ok(());
    }
    Err(StoreError::Entangled {
        objects: references.into_iter().collect(),
    })
}

/// Everything in other schemas, in the server's words.
fn elsewhere(session: &mut Session) -> Result<BTreeSet<String>, StoreError> {
    described(session, ELSEWHERE)
}

/// What a query about our schema describes, in the server's words.
fn described(session: &mut Session, query: &str) -> Result<BTreeSet<String>, StoreError> {
    session.wait(Work::Whole, async |client| {
        let rows = client.query(query, &[&SCHEMA]).await?;
        rows.iter().map(|row| row.try_get(0)).collect()
    })
}

const REFERENCES: &str = "
SELECT pg_describe_object('pg_constraint'::regclass, pg_constraint.oid, 0)
FROM pg_constraint
JOIN pg_class AS referred ON referred.oid = confrelid
JOIN pg_namespace AS own ON own.oid = referred.relnamespace AND own.nspname = $1::text
WHERE contype = 'f' AND connamespace <> own.oid";

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
