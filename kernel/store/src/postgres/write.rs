//! Carrying out changes, all of a batch or none.

use std::pin::Pin;

use proctor_crm::{Change, Entity, Row};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Statement};

use super::cell::{self, Sent};
use super::session::{Work, failed, in_order, reason};
use super::{BEGIN, Postgres, rebuild};
use crate::wording::{Worded, hit};
use crate::{ConstraintKind, Snapshot, StoreError};

/// Most changes that are sent before an answer is read.
const BATCH_MAX: usize = 500;

/// Waits for the turn of the episode to change rows; see [`Postgres::write_under_savepoint`].
const FIRST_SAVEPOINT: &str = "SELECT pg_advisory_xact_lock(33611624446976883); SAVEPOINT batch";
const NEXT_SAVEPOINT: &str = "RELEASE SAVEPOINT batch; SAVEPOINT batch";
const BACK: &str = "ROLLBACK TO SAVEPOINT batch";
/// How many times to wait for a turn, each as long as a lock is waited for: an hour in all.
const TURN_TRIES_MAX: u32 = 180;

/// Changes as they are sent: each with its statement's text and what to bind.
type Batch<'c> = Vec<Sending<'c>>;

struct Sending<'c> {
    row: &'c Row,
    sql: String,
    sent: Vec<Sent<'c>>,
}

impl Postgres {
    /// Within the episode's transaction, in one round trip. The savepoint stays until the next
    /// batch: only when the answers are here is it known whether there was a row for each.
    ///
    /// Before its first change an episode waits for its turn, so that of all episodes on one
    /// database, whoever runs them, one at a time changes rows until its reset. Else two could
    /// wait for each other's rows, and which of them the server breaks off would be chance.
    pub(super) fn write_under_savepoint(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let batch = self.word(changes)?;
        // The savepoint is still that of the batch before, which isn't to be taken back.
        let prepared = self.prepare(&batch);
        self.unless_ended(prepared)?;
        self.written = true;
        if !self.savepoint {
            return self.write_when_it_is_our_turn(&batch);
        }
        let written = self.send(Some(NEXT_SAVEPOINT), &batch);
        self.settle(written.map_err(Unsent::into_error), BACK)
    }

    fn write_when_it_is_our_turn(&mut self, batch: &Batch<'_>) -> Result<(), StoreError> {
        let mut tries = 0;
        loop {
            match self.send(Some(FIRST_SAVEPOINT), batch) {
                // Without the turn there is no savepoint either.
                Err(Unsent::Opening(error)) => {
                    tries += 1;
                    let waited_enough = tries == TURN_TRIES_MAX;
                    let waits = error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE);
                    let again = waits && !waited_enough;
                    let result = if again { Ok(()) } else { Err(failed(error)) };
                    self.settle(result, "ROLLBACK TO SAVEPOINT mark")?;
                }
                // The turn is older than the savepoint, and stays.
                sent => {
                    self.savepoint = true;
                    return self.settle(sent.map_err(Unsent::into_error), BACK);
                }
            }
        }
    }

    /// Goes back where something is wrong, or was tried in vain.
    fn settle(&mut self, sent: Result<(), StoreError>, back: &str) -> Result<(), StoreError> {
        if sent.is_err() || back != BACK {
            // Takes back a transaction that the server has given up, too.
            self.lost = self.run(back).is_err();
        }
        sent
    }

    /// A transaction of its own in a database that others may write to.
    pub(super) fn write_alone(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let batch = self.word(changes)?;
        self.run(BEGIN)?;
        let written = self.notice_others();
        let written = written.and_then(|()| Ok(self.send(None, &batch)?));
        self.close(written, batch.last().map(|sending| sending.row))
    }

    /// A transaction of its own in a database that nobody else writes to.
    pub(super) fn write_committed(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let batch = self.word(changes)?;
        self.written = true;
        match &batch[..] {
            // The statement is the transaction.
            [_] => Ok(self.send(None, &batch)?),
            _ => {
                let written = self.send(Some("BEGIN"), &batch);
                self.close(
                    written.map_err(Unsent::into_error),
                    batch.last().map(|sending| sending.row),
                )
            }
        }
    }

    /// Does `work` in a transaction: afterwards it is all there, or nothing of it is.
    pub(super) fn in_transaction(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.run(BEGIN)?;
        let done = work(self);
        self.close(done, None)
    }

    /// Commits what was done, or takes it back. A constraint that is checked only then names no
    /// row: the last one stands for it.
    fn close(
        &mut self,
        done: Result<(), StoreError>,
        last: Option<&Row>,
    ) -> Result<(), StoreError> {
        if done.is_err() {
            let back = self.run("ROLLBACK");
            self.lost = back.is_err();
            return done;
        }
        let committed = self
            .session
            .wait_raw(Work::Whole, async |client| {
                client.batch_execute("COMMIT").await
            })
            // Whether it was carried out is something that only the server knows.
            .inspect_err(|_| self.lost = true)?;
        committed.map_err(|error| match last {
            Some(row) => refused(row, error),
            None => failed(error),
        })
    }

    /// Puts the rows of a snapshot in the place of all there are, within a transaction.
    pub(super) fn replace_rows(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        rebuild::check_references(&mut self.session)?;
        let tables = Entity::ALL.map(Entity::table).join(", ");
        let empty = format!("TRUNCATE {tables}");
        self.session.wait(Work::Whole, async |client| {
            client.batch_execute(&empty).await
        })?;
        for rows in snapshot.rows().chunks(BATCH_MAX) {
            let batch = rows
                .iter()
                .map(|row| Ok(sending(self.wording.insert(row)?)));
            let batch = batch.collect::<Result<Batch<'_>, StoreError>>()?;
            self.send(None, &batch)?;
        }
        Ok(())
    }

    fn word<'c>(&mut self, changes: &'c [Change]) -> Result<Batch<'c>, StoreError> {
        let batch = changes
            .iter()
            .map(|change| Ok(sending(self.wording.of(change)?)));
        batch.collect()
    }

    fn prepare(&mut self, batch: &Batch<'_>) -> Result<Vec<Statement>, StoreError> {
        let texts: Vec<&str> = batch.iter().map(|sending| sending.sql.as_str()).collect();
        self.session.prepare(&texts)
    }

    /// Sends what opens the batch and its statements at once, and reads the answers. The first
    /// that isn't right is the error; what has come of the others is unknown then.
    fn send(&mut self, opening: Option<&'static str>, batch: &Batch<'_>) -> Result<(), Unsent> {
        let statements = self.prepare(batch)?;
        let answers = self.session.wait(Work::Step, async |client| {
            let mut asked: Vec<Asked<'_>> = Vec::with_capacity(batch.len() + 1);
            if let Some(sql) = opening {
                asked.push(Box::pin(async move {
                    client.batch_execute(sql).await.map(|()| 0)
                }));
            }
            for (statement, sending) in statements.iter().zip(batch) {
                let parameters = cell::parameters(statement, &sending.sent);
                asked.push(Box::pin(async move {
                    client.execute(statement, &parameters).await
                }));
            }
            Ok(in_order(asked).await)
        })?;
        let mut answers = answers.into_iter();
        if opening.is_some()
            && let Some(Err(error)) = answers.next()
        {
            return Err(Unsent::Opening(error));
        }
        for (sending, answer) in batch.iter().zip(answers) {
            match answer {
                Ok(rows) => hit(sending.row, rows)?,
                Err(error) => return Err(refused(sending.row, error).into()),
            }
        }
        Ok(())
    }
}

/// Why a batch isn't done.
enum Unsent {
    /// What opens it failed.
    Opening(Error),
    /// The rest.
    Failed(StoreError),
}

impl Unsent {
    fn into_error(self) -> StoreError {
        match self {
            Self::Opening(error) => failed(error),
            Self::Failed(error) => error,
        }
    }
}

impl From<StoreError> for Unsent {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl From<Unsent> for StoreError {
    fn from(unsent: Unsent) -> Self {
        unsent.into_error()
    }
}

type Asked<'a> = Pin<Box<dyn Future<Output = Result<u64, Error>> + 'a>>;

fn sending<'c>(worded: Worded<'_, 'c>) -> Sending<'c> {
    Sending {
        row: worded.row,
        sql: worded.sql.to_owned(),
        sent: worded.values.into_iter().map(Sent::from).collect(),
    }
}

/// What the database says no to.
fn refused(row: &Row, error: Error) -> StoreError {
    let kind = match error.code().map(SqlState::code) {
        Some("23514") => ConstraintKind::Check,
        Some("23505" | "23P01") => ConstraintKind::Unique,
        Some("23502") => ConstraintKind::Required,
        Some("23503" | "23001") => ConstraintKind::Reference,
        // A value that the type can't have: a label, a number, a date.
        Some("22P02" | "22003" | "22007" | "22008" | "42804") => ConstraintKind::Type,
        // What a trigger refuses of itself.
        Some("23000" | "P0001") => ConstraintKind::Check,
        _ => return failed(error),
    };
    StoreError::Constraint {
        entity: row.entity(),
        id: row.id(),
        kind,
        message: reason(&error),
    }
}
