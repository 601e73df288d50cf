//! Brings a database to the schema that this version works with, and nothing else.

use refinery_core::traits::r#async::{AsyncQuery, AsyncTransaction};
use refinery_core::{AsyncMigrate, Migration, Target};
use tokio_postgres::Client;

use super::address::Address;
use super::session::{SCHEMA, Session, Work, failed};
use super::{APPLICATION, BACKEND, Postgres};
use crate::{Migrated, MigrationError, StoreError};

/// All steps; a step that was released is never edited: databases remember its checksum.
const MIGRATIONS: &[(&str, &str)] = &[(
    "V1__tables",
    include_str!("../../../../migrations/postgres/V1__tables.sql"),
)];
/// Table that remembers which steps were taken; of the same name as in SQLite.
pub(super) const HISTORY: &str = "schema_migration";
/// Two processes that migrate, or rebuild, take turns: any number that nobody else uses.
const TURN: i64 = 0x70_72_6f_63_74_6f_72;

impl Postgres {
    /// Brings a database to the latest schema; does nothing the second time. All steps are taken
    /// in one transaction, and processes that do it at once take turns.
    ///
    /// # Errors
    /// When the database can't be reached or isn't one that this version can work with.
    pub fn migrate(address: &Address) -> Result<Migrated, StoreError> {
        let mut session = Session::connect(address, APPLICATION)?;
        session.run("BEGIN")?;
        take_turn(&mut session)?;
        session.run(&format!("CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))?;
        let from = verify_history(&mut session)?;
        let to = take_steps(&mut session)?;
        session.run("COMMIT")?;
        Ok(Migrated { from, to })
    }
}

/// Within a transaction: waits until no other process migrates or rebuilds this database.
pub(super) fn take_turn(session: &mut Session) -> Result<(), StoreError> {
    let usual = session.lock_time_max().as_millis();
    let sql = format!(
        "SET LOCAL lock_timeout TO 0;
         SELECT pg_advisory_xact_lock({TURN});
         SET LOCAL lock_timeout TO {usual}"
    );
    session.wait(Work::Whole, async |client| client.batch_execute(&sql).await)
}

/// Takes the steps that are missing, within a transaction; says to which version they lead.
pub(super) fn take_steps(session: &mut Session) -> Result<u32, StoreError> {
    let steps = steps()?;
    let taken = session.wait_raw(Work::Whole, async |client| {
        let migrated = InTransaction(client)
            .migrate(&steps, true, true, false, Target::Latest, HISTORY)
            .await;
        Ok(migrated.map_err(|error| error.to_string()))
    })?;
    taken
        .map_err(failed)?
        .map_err(|reason| StoreError::Backend {
            backend: BACKEND,
            source: reason.into(),
        })?;
    Ok(latest())
}

/// Refuses a database whose schema isn't the latest, without changing anything.
pub(super) fn require_latest(session: &mut Session) -> Result<(), StoreError> {
    let (found, known) = (verify_history(session)?, latest());
    if found < known {
        let found = i64::from(found);
        return Err(MigrationError::Older { found, known }.into());
    }
    Ok(())
}

/// The version that all steps lead to.
pub(super) fn latest() -> u32 {
    // There are never so many.
    u32::try_from(MIGRATIONS.len()).unwrap_or(u32::MAX)
}

fn steps() -> Result<Vec<Migration>, StoreError> {
    let steps = MIGRATIONS
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql));
    steps
        .collect::<Result<_, _>>()
        .map_err(|error| StoreError::Backend {
            backend: BACKEND,
            source: error.to_string().into(),
        })
}

/// Version of the schema, after making sure that it came about just as it would here; 0 where
/// there is none.
fn verify_history(session: &mut Session) -> Result<u32, StoreError> {
    let taken = steps_taken(session)?;
    if taken.is_empty() {
        let tables: bool = session.value(&format!(
            "SELECT EXISTS (SELECT FROM pg_class
             WHERE relnamespace = to_regnamespace('{SCHEMA}')
               AND relkind NOT IN ('i', 'I') AND relname <> '{HISTORY}')"
        ))?;
        return if tables {
            Err(MigrationError::Foreign.into())
        } else {
            Ok(0)
        };
    }
    let (known, steps) = (latest(), steps()?);
    let found = taken.last().map_or(0, |(version, ..)| *version);
    if found > i64::from(known) {
        return Err(MigrationError::Newer { found, known }.into());
    }
    for (place, (version, name, checksum)) in taken.iter().enumerate() {
        let Some((step, number)) = steps.get(place).zip(u32::try_from(place + 1).ok()) else {
            return Err(MigrationError::History { version: found }.into());
        };
        if *version != i64::from(number) {
            return Err(MigrationError::History { version: found }.into());
        }
        if name != step.name() || *checksum != step.checksum().to_string() {
            let name = MIGRATIONS[place].0;
            return Err(MigrationError::Changed {
                version: number,
                name,
            }
            .into());
        }
    }
    // No more than there are steps, as was just seen.
    Ok(u32::try_from(taken.len()).unwrap_or(known))
}

/// The steps that the database remembers, in order: version, name and checksum.
fn steps_taken(session: &mut Session) -> Result<Vec<(i64, String, String)>, StoreError> {
    let exists: bool = session.value(&format!(
        "SELECT to_regclass('{SCHEMA}.{HISTORY}') IS NOT NULL"
    ))?;
    if !exists {
        return Ok(Vec::new());
    }
    session.wait(Work::Step, async |client| {
        let sql = format!(
            "SELECT version::int8, name::text, checksum::text FROM {HISTORY} ORDER BY version"
        );
        let rows = client.query(&sql, &[]).await?;
        let step =
            |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?));
        rows.iter().map(step).collect()
    })
}

/// Takes steps within the transaction that is open, so that all of them are taken or none, and
/// whatever else the transaction does with them.
struct InTransaction<'c>(&'c Client);

impl AsyncTransaction for InTransaction<'_> {
    type Error = tokio_postgres::Error;

    async fn execute<'a, T: Iterator<Item = &'a str> + Send + 'a>(
        &mut self,
        queries: T,
    ) -> Result<usize, Self::Error> {
        let mut count = 0;
        for query in queries {
            self.0.batch_execute(query).await?;
            count += 1;
        }
        Ok(count)
    }
}

impl AsyncQuery<Vec<Migration>> for InTransaction<'_> {
    /// The steps that were taken. What this version takes for one, [`verify_history`] has found
    /// to be as it was; when it was taken is nothing to go by.
    async fn query(&mut self, query: &str) -> Result<Vec<Migration>, Self::Error> {
        let rows = self.0.query(query, &[]).await?;
        let known = MIGRATIONS
            .iter()
            .filter_map(|(name, sql)| Migration::unapplied(name, sql).ok());
        Ok(known
            .take(rows.len())
            .map(|mut step| {
                step.set_applied();
                step
            })
            .collect())
    }
}

impl AsyncMigrate for InTransaction<'_> {}
