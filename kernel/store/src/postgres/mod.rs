//! PostgreSQL, with one connection a store.

mod address;
mod cell;
mod dialect;
mod examine;
mod isolation;
mod migrate;
mod rebuild;
mod schema;
mod session;
mod tls;
mod write;

use futures_util::TryStreamExt as _;
use proctor_crm::{Change, Entity, Found, Query, Row};
use std::pin::pin;
use tokio_postgres::Error;

use crate::messagepack::Writer;
use crate::search::Search;
use crate::wording::Wording;
use crate::{Fingerprint, RowDigest, Snapshot, Sqlite, Store, StoreError, Sum};
use cell::Sent;
use dialect::PostgresDialect;
use isolation::OwnDatabase;
use session::{Session, Work, failed, in_order};

pub use address::{Address, AddressError};
pub use isolation::Template;

const BACKEND: &str = "postgres";
/// What the server shows as the name of whoever is connected.
const APPLICATION: &str = "proctor";
/// Opens a transaction that sees one state of the database from its first statement on, whoever
/// else commits.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ";

/// Changes that one transaction undoes at least before it makes room for another; on a larger
/// database, as many as it has rows.
const UNDONE_MIN: u64 = 1_000;

/// A store in PostgreSQL.
///
/// The episode is part of one transaction: nothing of it is ever committed, and nothing that
/// others commit meanwhile is seen. Each batch of changes stands under a savepoint, so that one that
/// fails leaves the episode as it was. On a database of its own, which a [`Template`] makes, a
/// batch is a transaction that is committed, and a reset makes the database anew.
pub struct Postgres {
    session: Session,
    /// The database of its own, if it has one.
    own: Option<OwnDatabase>,
    sum: Sum,
    /// Which transactions were to be seen when `sum` was right.
    seen: String,
    /// The sum at the mark; there is one while an episode is open.
    mark: Option<Sum>,
    /// Whether anything was written since the mark; in a database of its own, since it was made.
    written: bool,
    /// Whether the savepoint of the last batch is there.
    savepoint: bool,
    /// Changes that the episode's transaction undid, or may yet.
    undone: u64,
    /// Whether a failure left a state that nobody knows.
    lost: bool,
    wording: Wording<PostgresDialect>,
    digests: Writer,
}

impl Postgres {
    /// A database that is migrated. Reads all of it, for its fingerprint.
    ///
    /// # Errors
    /// When it can't be reached or isn't one that this version can work with.
    pub fn open(address: &Address) -> Result<Self, StoreError> {
        let mut session = Session::connect(address, APPLICATION)?;
        migrate::require_latest(&mut session)?;
        let mut store = Self::over(session, None, Sum::default());
        store.run(BEGIN)?;
        store.notice_others()?;
        store.run("ROLLBACK")?;
        Ok(store)
    }

    fn over(session: Session, own: Option<OwnDatabase>, sum: Sum) -> Self {
        Self {
            session,
            own,
            sum,
            seen: String::new(),
            mark: None,
            written: false,
            savepoint: false,
            undone: 0,
            lost: false,
            wording: Wording::default(),
            digests: Writer::default(),
        }
    }

    /// Refuses a database whose tables, constraints or types are not those that the migrations
    /// make. What was added to them is let be: it can only forbid more.
    ///
    /// # Errors
    /// With the first that is missing or another, inside an episode, or when the database fails.
    pub fn check_schema(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        if self.mark.is_some() {
            return Err(StoreError::Misuse(
                "a schema cannot be checked inside an episode",
            ));
        }
        schema::check(&mut self.session)
    }

    /// Refuses a server that takes no changes, such as a standby, which it may in a while, and a
    /// user who may not make them.
    ///
    /// # Errors
    /// When it doesn't, or fails.
    pub fn check_writable(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        let read_only: String = self
            .session
            .value("SELECT current_setting('transaction_read_only')")?;
        if read_only == "on" {
            return Err(StoreError::Interrupted {
                backend: BACKEND,
                reason: "the server takes no changes".into(),
            });
        }
        match examine::missing_rights(&mut self.session)? {
            None => Ok(()),
            Some(missing) => Err(StoreError::Backend {
                backend: BACKEND,
                source: format!("this user lacks {missing}").into(),
            }),
        }
    }

    /// Refuses a database whose rows break a constraint, whether or not the constraint is still
    /// there: reads all of them, and has them prove themselves in another database.
    ///
    /// # Errors
    /// With what is broken, or when the database fails.
    pub fn check_constraints(&mut self) -> Result<(), StoreError> {
        let rows = self.snapshot()?;
        Sqlite::in_memory()?.restore(&rows)
    }

    fn usable(&self) -> Result<(), StoreError> {
        if self.lost {
            Err(StoreError::Lost)
        } else {
            Ok(())
        }
    }

    fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        self.session.run(sql)
    }

    /// Inside of a transaction: looks whether anybody committed since the sum was right, and if
    /// so takes it anew.
    fn notice_others(&mut self) -> Result<(), StoreError> {
        // Names every transaction whose changes are to be seen, and those under way.
        let seen: String = self.session.value("SELECT pg_current_snapshot()::text")?;
        if seen != self.seen {
            self.sum = self.sum_of_all()?;
            self.seen = seen;
        }
        Ok(())
    }

    /// Does `work`, which only reads, on one state of the database, whoever else writes to it.
    fn in_one_view<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.mark.is_some() {
            let done = work(self);
            return self.unless_ended(done);
        }
        self.run(BEGIN)?;
        let done = work(self);
        self.run("ROLLBACK").inspect_err(|_| self.lost = true)?;
        done
    }

    /// The episode is lost where the server failed outside of a batch: that ends its transaction,
    /// and no savepoint has what the batches before did.
    fn unless_ended<T>(&mut self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        let failed = matches!(
            done,
            Err(StoreError::Interrupted { .. } | StoreError::Backend { .. })
        );
        self.lost |= failed && self.mark.is_some() && self.own.is_none();
        done
    }

    /// Goes back to the mark in a new transaction, after clearing away what the last one undid: as
    /// long as it lasts, the server can't, and every statement wades through it. Takes the sum
    /// anew, since others may have committed.
    fn mark_anew(&mut self, mark: Sum) -> Result<(), StoreError> {
        self.run("ROLLBACK")?;
        // Where the user doesn't own the tables, the server says so and leaves them to itself.
        let tables = Entity::ALL.map(Entity::table).join(", ");
        let clear = format!("VACUUM (SKIP_LOCKED, TRUNCATE false) {tables}");
        self.session.wait(Work::Whole, async |client| {
            client.batch_execute(&clear).await
        })?;
        self.run(BEGIN)?;
        self.sum = mark;
        self.notice_others()?;
        if self.sum != mark {
            return Err(StoreError::Interrupted {
                backend: BACKEND,
                reason: "somebody else changed rows during the run".into(),
            });
        }
        self.undone = 0;
        self.run("SAVEPOINT mark")
    }

    fn sum_of_all(&mut self) -> Result<Sum, StoreError> {
        let mut sum = Sum::default();
        let mut digests = std::mem::take(&mut self.digests);
        let scanned = self.each_row(&mut |row| sum.add(RowDigest::with(&row, &mut digests)));
        self.digests = digests;
        scanned.map(|()| sum)
    }

    /// All rows, in order of entity and key.
    fn each_row(&mut self, take: &mut dyn FnMut(Row)) -> Result<(), StoreError> {
        for entity in Entity::ALL {
            let query = Query::all(entity, Vec::new());
            let search = Search::<PostgresDialect>::rows(&query, String::new())?;
            let read = self.session.wait(Work::Whole, async |client| {
                let none: [&str; 0] = [];
                let mut rows = pin!(client.query_raw(search.sql(), none).await?);
                while let Some(row) = rows.try_next().await? {
                    match cell::row(entity, &row) {
                        Ok(row) => take(row),
                        Err(corrupt) => return Ok(Err(corrupt)),
                    }
                }
                Ok(Ok(()))
            });
            read??;
        }
        Ok(())
    }

    /// Answers queries in one round trip: two for the first of a kind.
    fn answer(&mut self, queries: &[Query]) -> Result<Vec<Found>, StoreError> {
        let mut searches = Vec::with_capacity(queries.len() + 1);
        for query in queries {
            searches.push(Search::<PostgresDialect>::rows(query, String::new())?);
            if query.count {
                searches.push(Search::total(query, String::new())?);
            }
        }
        let texts: Vec<&str> = searches.iter().map(Search::sql).collect();
        let statements = self.session.prepare(&texts)?;
        let sent: Vec<Vec<Sent<'_>>> = searches
            .iter()
            .map(|search| search.parameters().iter().map(Sent::from).collect())
            .collect();
        let answers = self.session.wait(Work::Step, async |client| {
            let asked = statements.iter().zip(&sent).map(|(statement, sent)| {
                let parameters = cell::parameters(statement, sent);
                Box::pin(async move { client.query(statement, &parameters).await })
            });
            let answers = in_order(asked.collect()).await;
            answers.into_iter().collect::<Result<Vec<_>, Error>>()
        })?;
        let mut answers = answers.into_iter();
        let mut found = Vec::with_capacity(queries.len());
        for query in queries {
            let rows = answers.next().unwrap_or_default();
            let rows = rows.iter().map(|row| cell::row(query.entity, row));
            let rows = rows.collect::<Result<_, _>>()?;
            let total = match query.count.then(|| answers.next()).flatten() {
                None => None,
                Some(count) => {
                    let count = count.first().map_or(Ok(0), |row| row.try_get::<_, i64>(0));
                    Some(count.map_err(failed)?.unsigned_abs())
                }
            };
            found.push(Found { rows, total });
        }
        Ok(found)
    }

    /// Keeps the sum right for changes that were carried out.
    fn count(&mut self, changes: &[Change]) {
        for change in changes {
            if let Some(before) = change.before() {
                self.sum.remove(RowDigest::with(before, &mut self.digests));
            }
            if let Some(after) = change.after() {
                self.sum.add(RowDigest::with(after, &mut self.digests));
            }
        }
    }
}

impl Store for Postgres {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn read(&mut self, queries: &[Query]) -> Result<Vec<Found>, StoreError> {
        self.usable()?;
        match queries {
            [] => Ok(Vec::new()),
            [query] if !query.count && self.mark.is_none() => self.answer(queries),
            _ if self.own.is_some() => self.answer(queries),
            _ => self.in_one_view(|store| store.answer(queries)),
        }
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.usable()?;
        if changes.is_empty() {
            return Ok(());
        }
        match (&self.own, self.mark) {
            (None, Some(_)) => self.write_under_savepoint(changes)?,
            (None, None) => self.write_alone(changes)?,
            (Some(_), _) => self.write_committed(changes)?,
        }
        self.undone += changes.len() as u64;
        self.count(changes);
        Ok(())
    }

    fn fingerprint(&self) -> Fingerprint {
        self.sum.fingerprint()
    }

    fn scan(&mut self) -> Result<Fingerprint, StoreError> {
        self.usable()?;
        Ok(self.in_one_view(Self::sum_of_all)?.fingerprint())
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        if self.mark.is_some() {
            return Err(StoreError::Misuse("an episode is open already"));
        }
        if self.own.is_none() {
            self.run(BEGIN)?;
            self.lost = true;
            self.notice_others()?;
            self.run("SAVEPOINT mark")?;
            self.undone = 0;
            self.lost = false;
        } else if self.written {
            self.lost = true;
            self.mark_here()?;
            self.lost = false;
        }
        self.savepoint = false;
        self.written = false;
        self.mark = Some(self.sum);
        Ok(())
    }

    fn reset(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        let mark = self
            .mark
            .ok_or(StoreError::Misuse("no episode is open to be reset"))?;
        if self.written {
            self.lost = true;
            match self.own.is_some() {
                true => self.copy_anew()?,
                false if self.undone >= mark.rows().max(UNDONE_MIN) => self.mark_anew(mark)?,
                false => self.run("ROLLBACK TO SAVEPOINT mark")?,
            }
            self.lost = false;
        }
        self.savepoint = false;
        self.written = false;
        self.sum = mark;
        Ok(())
    }

    fn end(&mut self) -> Result<(), StoreError> {
        self.reset()?;
        if self.own.is_none() {
            self.run("ROLLBACK").inspect_err(|_| self.lost = true)?;
        }
        self.mark = None;
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        self.usable()?;
        let mut rows = Vec::new();
        self.in_one_view(|store| store.each_row(&mut |row| rows.push(row)))?;
        Ok(Snapshot::from_rows(rows)?)
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.usable()?;
        if self.mark.is_some() {
            return Err(StoreError::Misuse(
                "a snapshot cannot be restored inside an episode",
            ));
        }
        self.written = true;
        self.in_transaction(|store| store.replace_rows(snapshot))?;
        self.sum = snapshot.sum();
        Ok(())
    }

    fn counts(&mut self) -> Result<Vec<(Entity, u64)>, StoreError> {
        self.usable()?;
        self.in_one_view(|store| {
            let count = |entity: Entity| {
                let sql = format!("SELECT count(*) FROM {}", entity.table());
                let count: i64 = store.session.value(&sql)?;
                Ok((entity, count.unsigned_abs()))
            };
            Entity::ALL.into_iter().map(count).collect()
        })
    }
}
