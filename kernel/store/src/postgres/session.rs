//! One connection to a server, and how its failures are told apart.

use std::collections::HashMap;
use std::error::Error as _;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Error, NoTls, Socket, Statement};

use super::address::Address;
use super::{BACKEND, tls};
use crate::StoreError;

/// The one schema that Proctor's tables are in.
pub(super) const SCHEMA: &str = "proctor";
/// The oldest server that the schema and the statements work on, as the server numbers itself.
pub(super) const SERVER_VERSION_MIN: u32 = 140_000;
/// How many times longer than an answer it may take to read or write all rows.
const WHOLE_DATABASE: u32 = 100;
/// What a call that takes too long is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Rows of a step.
    Step,
    /// Everything there is.
    Whole,
}

/// A connection, and the runtime that drives it while somebody waits for an answer. A worker is
/// a thread with a connection of its own for all its life, so there is nothing to share.
pub(super) struct Session {
    // Dropped before the runtime.
    pub(super) client: Client,
    runtime: Runtime,
    statements: HashMap<String, Statement>,
    answer_time_max: Duration,
    /// What broke the connection, if something did.
    broken: Option<String>,
}

impl Session {
    /// Connects; refuses a server that can't hold our rows.
    pub(super) fn connect(address: &Address, application: &str) -> Result<Self, StoreError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| StoreError::Backend {
                backend: BACKEND,
                source: Box::new(error),
            })?;
        let mut config = address.config().clone();
        config.application_name(application);
        let limit = address.answer_time_max();
        let unencrypted =
            config.get_ssl_mode() == SslMode::Disable || config.get_hosts().iter().all(is_socket);
        let client = if unencrypted {
            join(&runtime, address, &config, NoTls)?
        } else {
            let connector = tls::connector(address.authorities())
                .map_err(|reason| unreachable(address, reason, false))?;
            join(&runtime, address, &config, connector)?
        };
        let mut session = Self {
            client,
            runtime,
            statements: HashMap::new(),
            answer_time_max: limit,
            broken: None,
        };
        session.settle(address)?;
        Ok(session)
    }

    /// Settings on which results, or our waiting, depend.
    fn settle(&mut self, address: &Address) -> Result<(), StoreError> {
        let lock_time_max = self.lock_time_max().as_millis();
        let settings = format!(
            "SET search_path TO {SCHEMA};
             SET timezone TO 'UTC';
             SET idle_in_transaction_session_timeout TO 0;
             SET lock_timeout TO {lock_time_max};
             SET client_min_messages TO warning"
        );
        let (encoding, version) = self.wait(Work::Step, async |client| {
            client.batch_execute(&settings).await?;
            let row = client
                .query_one(
                    "SELECT current_setting('server_encoding'), current_setting('server_version_num')",
                    &[],
                )
                .await?;
            Ok((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?))
        })?;
        let version = version.parse().unwrap_or(0);
        if version < SERVER_VERSION_MIN {
            let (found, needed) = (version / 10_000, SERVER_VERSION_MIN / 10_000);
            let reason = format!("the server is PostgreSQL {found}; at least {needed} is needed");
            return Err(unreachable(address, reason, false));
        }
        if encoding != "UTF8" {
            let reason = format!("the database's encoding is {encoding}; it must be UTF8");
            return Err(unreachable(address, reason, false));
        }
        Ok(())
    }

    /// How long a lock is waited for: less than an answer, so that the server says what is wrong.
    pub(super) fn lock_time_max(&self) -> Duration {
        self.answer_time_max * 2 / 3
    }

    /// Whether nothing more can come over this connection.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some() || self.client.is_closed()
    }

    /// Waits for what `work` asks of the server.
    pub(super) fn wait<T>(
        &mut self,
        work: Work,
        asked: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<T, StoreError> {
        self.wait_raw(work, asked)?.map_err(failed)
    }

    /// The same, but what the server says no to is left to the caller. A connection that is
    /// broken is not.
    pub(super) fn wait_raw<T>(
        &mut self,
        work: Work,
        asked: impl AsyncFnOnce(&Client) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, StoreError> {
        if let Some(reason) = &self.broken {
            return Err(interrupted(reason.clone()));
        }
        let limit = match work {
            Work::Step => self.answer_time_max,
            Work::Whole => self.answer_time_max * WHOLE_DATABASE,
        };
        let client = &self.client;
        let answer = self
            .runtime
            .block_on(async { tokio::time::timeout(limit, asked(client)).await });
        let answer = answer.map_err(|_| no_answer(limit)).and_then(|answer| {
            // A server that shuts down says so before it hangs up.
            match answer {
                Err(error) if self.client.is_closed() || is_lost(&error) => Err(reason(&error)),
                answer => Ok(answer),
            }
        });
        answer.map_err(|reason| {
            self.broken = Some(reason.clone());
            interrupted(reason)
        })
    }

    /// The prepared statements for these texts, in order; those not known yet are prepared at
    /// once, in one round trip.
    pub(super) fn prepare(&mut self, texts: &[&str]) -> Result<Vec<Statement>, StoreError> {
        let mut unknown: Vec<&str> = texts
            .iter()
            .copied()
            .filter(|text| !self.statements.contains_key(*text))
            .collect();
        unknown.sort_unstable();
        unknown.dedup();
        if !unknown.is_empty() {
            let prepared = self.wait(Work::Step, async |client| {
                let asked = unknown.iter().map(|text| Box::pin(client.prepare(text)));
                let prepared = in_order(asked.collect()).await;
                prepared.into_iter().collect::<Result<Vec<_>, _>>()
            })?;
            for (text, statement) in unknown.into_iter().zip(prepared) {
                self.statements.insert(text.to_owned(), statement);
            }
        }
        Ok(texts
            .iter()
            .filter_map(|text| self.statements.get(*text).cloned())
            .collect())
    }

    /// Runs statements without parameters or results.
    pub(super) fn run(&mut self, sql: &str) -> Result<(), StoreError> {
        self.wait(Work::Step, async |client| client.batch_execute(sql).await)
    }

    /// The one value of a query's one row.
    pub(super) fn value<T>(&mut self, sql: &str) -> Result<T, StoreError>
    where
        T: for<'a> tokio_postgres::types::FromSql<'a>,
    {
        self.wait(Work::Step, async |client| {
            client.query_one(sql, &[]).await?.try_get(0)
        })
    }
}

/// Begins all of these before it waits for the first: what they ask goes to the server in their
/// order, and costs one round trip.
pub(super) async fn in_order<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut answers: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (future, answer) in futures.iter_mut().zip(&mut answers) {
            if answer.is_none() {
                match Pin::new(future).poll(context) {
                    Poll::Ready(output) => *answer = Some(output),
                    Poll::Pending => waiting = true,
                }
            }
        }
        if waiting {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
    answers.into_iter().flatten().collect()
}

/// What the server says no to, other than to a row.
pub(super) fn failed(error: Error) -> StoreError {
    if may_pass(&error) {
        interrupted(reason(&error))
    } else {
        StoreError::Backend {
            backend: BACKEND,
            source: reason(&error).into(),
        }
    }
}

fn interrupted(reason: String) -> StoreError {
    StoreError::Interrupted {
        backend: BACKEND,
        reason,
    }
}

/// Connects, and leaves the connection to the runtime.
fn join<T>(
    runtime: &Runtime,
    address: &Address,
    config: &Config,
    tls: T,
) -> Result<Client, StoreError>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let limit = address.answer_time_max();
    let connecting = async { tokio::time::timeout(limit, config.connect(tls)).await };
    match runtime.block_on(connecting) {
        Ok(Ok((client, connection))) => {
            // Ends with the client. What it fails with, the client's next call says as well.
            runtime.spawn(async move { drop(connection.await) });
            Ok(client)
        }
        Ok(Err(error)) => {
            // The kinds of errors are the client's secret, its texts are not.
            let untrusted = error.to_string().contains("TLS");
            let may_pass = !untrusted && may_pass(&error);
            let reason = tls::distrust(&error).unwrap_or_else(|| reason(&error));
            Err(unreachable(address, reason, may_pass))
        }
        Err(_) => Err(unreachable(address, no_answer(limit), true)),
    }
}

fn unreachable(address: &Address, reason: String, may_pass: bool) -> StoreError {
    StoreError::Unreachable {
        address: address.to_string(),
        reason,
        may_pass,
    }
}

fn is_socket(host: &Host) -> bool {
    !matches!(host, Host::Tcp(_))
}

fn no_answer(limit: Duration) -> String {
    format!("no answer within {limit:?}")
}

/// In the server's own words where it is the server that speaks. What it adds as detail may
/// hold values of rows and is left out.
pub(super) fn reason(error: &Error) -> String {
    match error.as_db_error() {
        Some(said) if *said.code() == SqlState::LOCK_NOT_AVAILABLE => {
            "somebody else works on the same rows or tables, such as a run on this database".into()
        }
        Some(said) => said.message().to_owned(),
        None => match error.source() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}

/// Whether the connection is of no more use.
fn is_lost(error: &Error) -> bool {
    let Some(said) = error.as_db_error() else {
        return error.is_closed() || error.source().is_some_and(|cause| cause.is::<io::Error>());
    };
    said.code().code().starts_with("08")
        || [
            SqlState::ADMIN_SHUTDOWN,
            SqlState::CRASH_SHUTDOWN,
            SqlState::CANNOT_CONNECT_NOW,
            SqlState::DATABASE_DROPPED,
            SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
            SqlState::IDLE_SESSION_TIMEOUT,
        ]
        .contains(said.code())
}

/// Whether the same may well succeed when it is begun anew.
fn may_pass(error: &Error) -> bool {
    is_lost(error)
        || error.code().is_some_and(|code| {
            [
                SqlState::TOO_MANY_CONNECTIONS,
                SqlState::OUT_OF_MEMORY,
                SqlState::T_R_SERIALIZATION_FAILURE,
                SqlState::T_R_DEADLOCK_DETECTED,
                SqlState::LOCK_NOT_AVAILABLE,
                SqlState::QUERY_CANCELED,
                SqlState::READ_ONLY_SQL_TRANSACTION,
            ]
            .contains(code)
        })
}
