//! Looking a database over for its operator.

use super::address::Address;
use super::migrate::HISTORY;
use super::schema::Differences;
use super::session::{SCHEMA, Session};
use super::{APPLICATION, Postgres, isolation, migrate, schema};
use crate::{Finding, Store as _, StoreError};

impl Postgres {
    /// Looks over a database: can it be reached, is it one of ours, is everything in it as it
    /// should be, and could a run be made on it? What can't be looked at is a finding, too.
    #[must_use]
    pub fn examine(address: &Address) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut note = |check, result: Result<String, String>| {
            let good = result.is_ok();
            findings.push(Finding { check, result });
            good
        };
        let session = Session::connect(address, APPLICATION);
        let mut session =
            match session.and_then(|mut session| Ok((version(&mut session)?, session))) {
                Ok((version, session)) => {
                    note("connection", Ok(format!("{address}, {version}")));
                    session
                }
                Err(error) => {
                    note("connection", Err(error.to_string()));
                    return findings;
                }
            };
        note("writable", writable(&mut session));
        note("own databases", own_databases(&mut session));
        note("left behind", left_behind(&mut session));
        let migrated = migrate::require_latest(&mut session)
            .map(|()| format!("version {}", migrate::latest()))
            .map_err(|error| said(&error));
        if !note("schema version", migrated) {
            return findings;
        }
        match schema::differences(&mut session) {
            Ok(differences) => {
                note("schema", as_migrated(&differences));
                note("additions", additions(&differences));
            }
            Err(error) => {
                note("schema", Err(error.to_string()));
            }
        }
        note("rights", rights(&mut session));
        drop(session);
        let rows = Self::open(address).and_then(|mut store| {
            store.check_constraints()?;
            let rows: u64 = store.counts()?.iter().map(|(_, count)| count).sum();
            Ok(format!("{rows}, fingerprint {}", store.fingerprint()))
        });
        note("rows", rows.map_err(|error| said(&error)));
        findings
    }
}

fn said(error: &StoreError) -> String {
    error.to_string()
}

fn version(session: &mut Session) -> Result<String, StoreError> {
    session.value("SELECT 'PostgreSQL ' || current_setting('server_version')")
}

fn writable(session: &mut Session) -> Result<String, String> {
    let read_only: String = session
        .value("SELECT current_setting('transaction_read_only')")
        .map_err(|error| said(&error))?;
    if read_only == "on" {
        Err("the server takes no changes (a standby, or default_transaction_read_only is on): rows can be read, no episode can be run".into())
    } else {
        Ok("yes".into())
    }
}

/// Whether the user may do what a run does.
fn rights(session: &mut Session) -> Result<String, String> {
    match missing_rights(session) {
        Ok(None) => Ok("all that a run needs".into()),
        Ok(Some(missing)) => Err(format!("this user lacks {missing}")),
        Err(error) => Err(said(&error)),
    }
}

/// What the user may not do that a run does, in SQL's words.
pub(super) fn missing_rights(session: &mut Session) -> Result<Option<String>, StoreError> {
    session.value(&format!(
        "SELECT string_agg(DISTINCT lacks, ', ' ORDER BY lacks) FROM (
           SELECT wanted || ' on tables' AS lacks FROM pg_class,
             unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS wanted
           WHERE relnamespace = '{SCHEMA}'::regnamespace AND relkind = 'r'
             AND relname <> '{HISTORY}' AND NOT has_table_privilege(pg_class.oid, wanted)
           UNION ALL
           SELECT 'CREATE on the database'
           WHERE NOT has_database_privilege(current_database(), 'CREATE')
         ) AS missing"
    ))
}

fn own_databases(session: &mut Session) -> Result<String, String> {
    let may: bool = session
        .value(
            "SELECT rolsuper OR rolcreatedb AND (datdba = role.oid OR datistemplate)
             FROM pg_roles AS role, pg_database
             WHERE rolname = current_user AND datname = current_database()",
        )
        .map_err(|error| said(&error))?;
    Ok(if may {
        "may be made, so that `--isolation database` works".into()
    } else {
        "may not be made by this user: `--isolation database` needs CREATEDB, and the database to be the user's".into()
    })
}

fn left_behind(session: &mut Session) -> Result<String, String> {
    let leftovers = isolation::leftovers(session).map_err(|error| said(&error))?;
    Ok(if leftovers.is_empty() {
        "nothing".into()
    } else {
        format!(
            "{} copies of runs that were killed; the next run with `--isolation database` drops them",
            leftovers.len()
        )
    })
}

fn as_migrated(differences: &Differences) -> Result<String, String> {
    if differences.missing.is_empty() {
        return Ok(format!("as the migrations make it, in `{SCHEMA}`"));
    }
    let missing: Vec<&str> = differences
        .missing
        .iter()
        .map(|object| &*object.name)
        .collect();
    Err(format!(
        "not as the migrations make it: {}; `proctor db reset` makes it anew",
        missing.join(", ")
    ))
}

fn additions(differences: &Differences) -> Result<String, String> {
    let strangers = differences.strangers();
    if !strangers.is_empty() {
        return Err(format!(
            "tables that Proctor doesn't know: {}; keep them in another schema",
            strangers.join(", ")
        ));
    }
    if differences.added.is_empty() {
        return Ok("none".into());
    }
    let names: Vec<String> = differences
        .added
        .iter()
        .map(|object| format!("{} {}", object.kind, object.name))
        .collect();
    Ok(names.join(", "))
}
