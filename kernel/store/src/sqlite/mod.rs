//! SQLite, in memory or in a file.

mod cell;
mod connection;
mod dialect;
mod examine;
mod image;
mod migrate;
mod rebuild;
mod write;

use proctor_crm::{Change, Entity, Found, Query, Row};
use rusqlite::{Connection, MAIN_DB, Statement};

use crate::messagepack::Writer;
use crate::search::{Parameter, Search};
use crate::wording::Wording;
use crate::{Fingerprint, RowDigest, Snapshot, Store, StoreError, Sum};
use dialect::SqliteDialect;

pub use image::Image;
pub use migrate::MigrationError;

const BACKEND: &str = "sqlite";

/// A store in SQLite.
///
/// A file can have readers beside the one that writes. Should another process write to it
/// between two of our transactions, the fingerprint is taken anew by a full scan.
pub struct Sqlite {
    connection: Connection,
    /// Whether others can write to the database too.
    shared: bool,
    /// SQLite's count of others' commits when `sum` was right.
    data_version: i64,
    sum: Sum,
    /// The sum at the mark; there is one while an episode is open.
    mark: Option<Sum>,
    /// Whether anything was written since the mark.
    written: bool,
    /// Whether a failure left a state that nobody knows.
    lost: bool,
    wording: Wording<SqliteDialect>,
    digests: Writer,
    /// Room to write in.
    sql: String,
    text: String,
}

/// What makes a batch of changes all or nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// One statement, which SQLite itself undoes if it fails.
    Statement,
    /// A savepoint within the episode's transaction.
    Savepoint,
    /// A transaction.
    Transaction,
}

impl Sqlite {
    fn over(connection: Connection, shared: bool, sum: Sum) -> Result<Self, StoreError> {
        let mut store = Self {
            connection,
            shared,
            data_version: 0,
            sum,
            mark: None,
            written: false,
            lost: false,
            wording: Wording::default(),
            digests: Writer::default(),
            sql: String::new(),
            text: String::new(),
        };
        store.data_version = store.read_data_version()?;
        Ok(store)
    }

    /// Refuses a database that contradicts its own structure, constraints or references: reads
    /// all of it.
    ///
    /// # Errors
    /// With what SQLite's checks found, or when they fail.
    pub fn check_constraints(&mut self) -> Result<(), StoreError> {
        const FINDINGS_MAX: usize = 100;
        self.usable()?;
        let mut findings = Vec::new();
        let check = |sql: &str, finding: fn(&rusqlite::Row<'_>) -> rusqlite::Result<String>| {
            let mut statement = self.connection.prepare(sql)?;
            let found = statement.query_map([], finding)?.take(FINDINGS_MAX);
            found.collect::<rusqlite::Result<Vec<_>>>()
        };
        // A healthy database answers with one row, `ok`.
        let integrity = check("PRAGMA integrity_check(100)", |row| row.get(0)).map_err(backend)?;
        findings.extend(integrity.into_iter().filter(|finding| finding != "ok"));
        let references = check(
            "SELECT \"table\", parent FROM pragma_foreign_key_check",
            |row| {
                let (child, parent): (String, String) = (row.get(0)?, row.get(1)?);
                Ok(format!(
                    "a row of {child} refers to one of {parent} that does not exist"
                ))
            },
        );
        findings.extend(references.map_err(backend)?);
        findings.truncate(FINDINGS_MAX);
        if !findings.is_empty() {
            return Err(StoreError::Damaged { findings });
        }
        if self.connection.is_readonly(MAIN_DB).map_err(backend)? {
            // SQLite reads no CHECK constraints from a database that it opens for reading only:
            // the rows must prove themselves in another.
            let rows = self.snapshot()?;
            Self::in_memory()?.restore(&rows)?;
        }
        Ok(())
    }

    fn usable(&self) -> Result<(), StoreError> {
        if self.lost {
            Err(StoreError::Lost)
        } else {
            Ok(())
        }
    }

    fn run(&self, sql: &str) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(sql).map_err(backend)?;
        statement.raw_execute().map_err(backend)?;
        Ok(())
    }

    fn read_data_version(&self) -> Result<i64, StoreError> {
        if !self.shared {
            return Ok(0);
        }
        self.connection
            .prepare_cached("PRAGMA data_version")
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(backend)
    }

    /// Opens a transaction that writes, and looks whether anybody else wrote since the last.
    fn open_transaction(&mut self) -> Result<(), StoreError> {
        self.run("BEGIN IMMEDIATE")?;
        self.notice_others()
            .inspect_err(|_| self.lost |= self.run("ROLLBACK").is_err())
    }

    fn notice_others(&mut self) -> Result<(), StoreError> {
        let version = self.read_data_version()?;
        if version != self.data_version {
            self.sum = self.sum_of_all()?;
            self.data_version = version;
        }
        Ok(())
    }

    /// Does `work`, which only reads, on one state of the database, whoever else writes to it.
    fn in_one_view<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if !self.shared || self.mark.is_some() {
            return work(self);
        }
        self.run("BEGIN")?;
        let done = work(self);
        self.run("ROLLBACK").inspect_err(|_| self.lost = true)?;
        done
    }

    fn sum_of_all(&mut self) -> Result<Sum, StoreError> {
        let mut sum = Sum::default();
        let mut digests = std::mem::take(&mut self.digests);
        let scanned = self.each_row(&mut |row| {
            sum.add(RowDigest::with(&row, &mut digests));
            Ok(())
        });
        self.digests = digests;
        scanned.map(|()| sum)
    }

    /// All rows, in order of entity and key.
    fn each_row(
        &self,
        take: &mut dyn FnMut(Row) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for entity in Entity::ALL {
            let query = Query::all(entity, Vec::new());
            let search = Search::<SqliteDialect>::rows(&query, String::new())?;
            let mut statement = self
                .connection
                .prepare_cached(search.sql())
                .map_err(backend)?;
            let mut found = statement.raw_query();
            while let Some(row) = found.next().map_err(backend)? {
                take(cell::row(entity, row)?)?;
            }
        }
        Ok(())
    }

    fn answer(&mut self, query: &Query) -> Result<Found, StoreError> {
        let mut rows = Vec::new();
        let search = Search::<SqliteDialect>::rows(query, std::mem::take(&mut self.sql))?;
        {
            let mut statement = self
                .connection
                .prepare_cached(search.sql())
                .map_err(backend)?;
            bind(&search, &mut statement, &mut self.text).map_err(backend)?;
            let mut found = statement.raw_query();
            while let Some(row) = found.next().map_err(backend)? {
                rows.push(cell::row(query.entity, row)?);
            }
        }
        self.sql = search.into_sql();
        let total = if query.count {
            Some(self.total(query, rows.len())?)
        } else {
            None
        };
        Ok(Found { rows, total })
    }

    /// How many rows meet the conditions, given how many of them were returned.
    fn total(&mut self, query: &Query, returned: usize) -> Result<u64, StoreError> {
        let short = query.limit.is_none_or(|limit| returned < limit as usize);
        if short && (returned > 0 || query.offset == 0) {
            return Ok(u64::from(query.offset) + returned as u64);
        }
        let search = Search::<SqliteDialect>::total(query, std::mem::take(&mut self.sql))?;
        let count: i64 = {
            let mut statement = self
                .connection
                .prepare_cached(search.sql())
                .map_err(backend)?;
            bind(&search, &mut statement, &mut self.text).map_err(backend)?;
            let mut found = statement.raw_query();
            let row = found.next().map_err(backend)?;
            row.map_or(Ok(0), |row| row.get(0)).map_err(backend)?
        };
        self.sql = search.into_sql();
        Ok(count.unsigned_abs())
    }

    fn count(&self, entity: Entity) -> Result<(Entity, u64), StoreError> {
        let sql = format!("SELECT count(*) FROM {}", entity.table());
        let count: i64 = self
            .connection
            .prepare_cached(&sql)
            .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
            .map_err(backend)?;
        Ok((entity, count.unsigned_abs()))
    }

    fn write_all(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        for change in changes {
            let worded = self.wording.of(change)?;
            write::execute(&self.connection, &worded, &mut self.text)?;
            if let Some(before) = change.before() {
                self.sum.remove(RowDigest::with(before, &mut self.digests));
            }
            if let Some(after) = change.after() {
                self.sum.add(RowDigest::with(after, &mut self.digests));
            }
        }
        Ok(())
    }

    /// Does `work` under a guard: afterwards it is all there, or nothing of it is.
    fn guarded(
        &mut self,
        guard: Guard,
        work: impl FnOnce(&mut Self) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match guard {
            Guard::Statement => {}
            Guard::Savepoint => self.run("SAVEPOINT batch")?,
            Guard::Transaction => self.open_transaction()?,
        }
        self.written = true;
        let before = self.sum;
        let done = work(self).and_then(|()| match guard {
            Guard::Statement => Ok(()),
            Guard::Savepoint => self.run("RELEASE batch"),
            Guard::Transaction => self.run("COMMIT"),
        });
        if done.is_err() {
            self.sum = before;
            // Some failures, such as a full disk, make SQLite undo the whole transaction.
            let undone = self.connection.is_autocommit();
            let rolled_back = match guard {
                Guard::Statement => Ok(()),
                Guard::Savepoint => self
                    .run("ROLLBACK TO batch")
                    .and_then(|()| self.run("RELEASE batch")),
                Guard::Transaction if undone => Ok(()),
                Guard::Transaction => self.run("ROLLBACK"),
            };
            self.lost = rolled_back.is_err() || (self.mark.is_some() && undone);
        }
        done
    }
}

impl Store for Sqlite {
    fn backend(&self) -> &'static str {
        BACKEND
    }

    fn read(&mut self, queries: &[Query]) -> Result<Vec<Found>, StoreError> {
        self.usable()?;
        match queries {
            [query] => Ok(vec![self.answer(query)?]),
            _ => {
                self.in_one_view(|store| queries.iter().map(|query| store.answer(query)).collect())
            }
        }
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.usable()?;
        let guard = match changes.len() {
            0 => return Ok(()),
            1 if self.mark.is_some() || !self.shared => Guard::Statement,
            _ if self.mark.is_some() => Guard::Savepoint,
            _ => Guard::Transaction,
        };
        self.guarded(guard, |store| store.write_all(changes))
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
        self.open_transaction()?;
        self.written = false;
        self.mark = Some(self.sum);
        Ok(())
    }

    fn reset(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        let mark = self
            .mark
            .ok_or(StoreError::Misuse("no episode is open to be reset"))?;
        if !self.written {
            return Ok(());
        }
        // A savepoint to roll back to would do it too, but SQLite's journal goes on growing
        // then, and each reset would play back all that any reset before it did.
        self.lost = true;
        self.run("ROLLBACK")?;
        self.run("BEGIN IMMEDIATE")?;
        if self.read_data_version()? != self.data_version {
            // Between the two, somebody else wrote to the file: the mark is gone.
            return Err(StoreError::Lost);
        }
        self.lost = false;
        self.written = false;
        self.sum = mark;
        Ok(())
    }

    fn end(&mut self) -> Result<(), StoreError> {
        self.usable()?;
        let mark = self
            .mark
            .ok_or(StoreError::Misuse("no episode is open to be ended"))?;
        self.run("ROLLBACK").inspect_err(|_| self.lost = true)?;
        self.sum = mark;
        self.mark = None;
        Ok(())
    }

    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        self.usable()?;
        let mut rows = Vec::new();
        self.in_one_view(|store| {
            store.each_row(&mut |row| {
                rows.push(row);
                Ok(())
            })
        })?;
        Ok(Snapshot::from_rows(rows)?)
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.usable()?;
        if self.mark.is_some() {
            return Err(StoreError::Misuse(
                "a snapshot cannot be restored inside an episode",
            ));
        }
        self.guarded(Guard::Transaction, |store| {
            for entity in Entity::ALL.into_iter().rev() {
                let deleted = store
                    .connection
                    .execute(&format!("DELETE FROM {}", entity.table()), []);
                deleted.map_err(backend)?;
            }
            for row in snapshot.rows() {
                let worded = store.wording.insert(row)?;
                write::execute(&store.connection, &worded, &mut store.text)?;
            }
            store.sum = snapshot.sum();
            Ok(())
        })
    }

    fn counts(&mut self) -> Result<Vec<(Entity, u64)>, StoreError> {
        self.usable()?;
        self.in_one_view(|store| {
            Entity::ALL
                .into_iter()
                .map(|entity| store.count(entity))
                .collect()
        })
    }
}

fn bind(
    search: &Search<'_, SqliteDialect>,
    statement: &mut Statement<'_>,
    text: &mut String,
) -> rusqlite::Result<()> {
    for (parameter, index) in search.parameters().iter().zip(1..) {
        match parameter {
            Parameter::Value(value) => cell::bind(statement, index, value, text)?,
            Parameter::Text(text) => statement.raw_bind_parameter(index, text)?,
            Parameter::Owned(text) => statement.raw_bind_parameter(index, text)?,
            Parameter::Number(number) => statement.raw_bind_parameter(index, number)?,
        }
    }
    Ok(())
}

fn backend(error: rusqlite::Error) -> StoreError {
    StoreError::Backend {
        backend: BACKEND,
        source: Box::new(error),
    }
}
