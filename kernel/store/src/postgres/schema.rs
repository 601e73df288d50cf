//! What a schema consists of, and whether it is what the migrations make.

use std::collections::BTreeSet;

use super::migrate::{self, HISTORY};
use super::session::{SCHEMA, Session, Work};
use crate::{MigrationError, StoreError};

/// Where the migrations make what a schema is compared with. Never committed.
const SCRATCH: &str = "proctor_expected";

/// A thing in a schema: its kind, its name, and everything that the server knows of how it was
/// made. Names of schemas are left out of that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Object {
    pub(super) kind: String,
    pub(super) name: String,
    definition: String,
}

/// How a schema differs from what the migrations make.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// What isn't there, or is another.
    pub(super) missing: Vec<Object>,
    /// What is there besides, or in its place.
    pub(super) added: Vec<Object>,
}

impl Differences {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.missing.is_empty() && self.added.is_empty()
    }

    /// Names of tables, views and the like that no migration made, in order.
    pub(super) fn strangers(&self) -> Vec<String> {
        let relations = |objects: &[Object]| -> BTreeSet<String> {
            let relations = objects.iter().filter(|object| object.is_relation());
            relations.map(|object| object.name.clone()).collect()
        };
        // What stands in the place of a table of ours is no stranger.
        let (added, missing) = (relations(&self.added), relations(&self.missing));
        added.difference(&missing).cloned().collect()
    }
}

impl Object {
    fn is_relation(&self) -> bool {
        matches!(
            &*self.kind,
            "table" | "view" | "materialized view" | "sequence" | "foreign table"
        )
    }
}

/// Refuses a schema that lacks what the migrations make, or has another in its place.
pub(super) fn check(session: &mut Session) -> Result<(), StoreError> {
    match differences(session)?.missing.first() {
        Some(object) => Err(MigrationError::Schema {
            object: object.name.clone(),
        }
        .into()),
        None => Ok(()),
    }
}

/// Compares the schema with what the migrations make on this very server, while nobody migrates
/// or rebuilds it.
pub(super) fn differences(session: &mut Session) -> Result<Differences, StoreError> {
    session.run("BEGIN")?;
    let compared = migrate::take_turn(session).and_then(|()| aside(session, compare));
    session.run("ROLLBACK")?;
    compared
}

/// Looks at something within a transaction. What the look changes is undone, and if it fails the
/// transaction goes on.
pub(super) fn aside<T>(
    session: &mut Session,
    look: impl FnOnce(&mut Session) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    session.run("SAVEPOINT aside")?;
    let seen = look(session);
    session.run("ROLLBACK TO SAVEPOINT aside")?;
    seen
}

/// The comparison, which leaves traces in the transaction.
pub(super) fn compare(session: &mut Session) -> Result<Differences, StoreError> {
    let found = objects(session, SCHEMA)?;
    session.run(&format!(
        "CREATE SCHEMA {SCRATCH}; SET LOCAL search_path TO {SCRATCH}"
    ))?;
    migrate::take_steps(session)?;
    let expected = objects(session, SCRATCH)?;
    Ok(Differences {
        missing: expected.difference(&found).cloned().collect(),
        added: found.difference(&expected).cloned().collect(),
    })
}

/// What a schema consists of. The names in definitions are bare, since the schema is the first
/// that the server looks in.
fn objects(session: &mut Session, schema: &str) -> Result<BTreeSet<Object>, StoreError> {
    session.run(&format!("SET LOCAL search_path TO {schema}"))?;
    session.wait(Work::Step, async |client| {
        let rows = client.query(OBJECTS, &[&schema, &HISTORY]).await?;
        rows.iter()
            .map(|row| {
                let definition: String = row.try_get(2)?;
                Ok(Object {
                    kind: row.try_get(0)?,
                    name: row.try_get(1)?,
                    definition: definition.replace(&format!("{schema}."), ""),
                })
            })
            .collect()
    })
}

const OBJECTS: &str = "
WITH own AS (SELECT oid FROM pg_namespace WHERE nspname = $1::text),
relation AS (
  SELECT class.* FROM pg_class AS class JOIN own ON own.oid = class.relnamespace
  WHERE class.relkind NOT IN ('i', 'I', 'c', 't') AND class.relname <> $2::text
)
SELECT CASE relkind WHEN 'r' THEN 'table' WHEN 'p' THEN 'table' WHEN 'v' THEN 'view'
    WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence' ELSE 'foreign table' END,
  relname::text,
  concat_ws(' ', relkind, relpersistence, relrowsecurity, relforcerowsecurity,
    CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(oid) END)
FROM relation
UNION ALL
SELECT 'column', relname || '.' || attname,
  concat_ws(' ', attnum, format_type(atttypid, atttypmod), collname, attnotnull, attidentity,
    attgenerated, pg_get_expr(adbin, adrelid))
FROM relation
JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_collation ON pg_collation.oid = attcollation
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
UNION ALL
SELECT 'constraint', relname || '.' || conname,
  concat_ws(' ', pg_get_constraintdef(pg_constraint.oid), convalidated,
    (SELECT string_agg(DISTINCT tgenabled::text, '' ORDER BY tgenabled::text) FROM pg_trigger
     WHERE tgconstraint = pg_constraint.oid AND tgisinternal))
FROM relation JOIN pg_constraint ON conrelid = relation.oid
UNION ALL
SELECT 'index', class.relname::text, concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid)
FROM relation JOIN pg_index ON indrelid = relation.oid JOIN pg_class AS class ON class.oid = indexrelid
UNION ALL
SELECT 'trigger', relname || '.' || tgname, concat_ws(' ', pg_get_triggerdef(pg_trigger.oid), tgenabled)
FROM relation JOIN pg_trigger ON tgrelid = relation.oid AND NOT tgisinternal
UNION ALL
SELECT 'rule', relname || '.' || rulename, pg_get_ruledef(pg_rewrite.oid)
FROM relation JOIN pg_rewrite ON ev_class = relation.oid AND relkind NOT IN ('v', 'm')
UNION ALL
SELECT 'policy', relname || '.' || polname, concat_ws(' ', polcmd, polpermissive,
  pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
FROM relation JOIN pg_policy ON polrelid = relation.oid
UNION ALL
SELECT 'type', typname::text, concat_ws(' ', typtype,
  (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = pg_type.oid))
FROM pg_type JOIN own ON own.oid = typnamespace WHERE typtype IN ('e', 'd', 'r')
UNION ALL
SELECT 'function', proname::text, CASE prokind WHEN 'a' THEN 'aggregate' ELSE pg_get_functiondef(pg_proc.oid) END
FROM pg_proc JOIN own ON own.oid = pronamespace";
