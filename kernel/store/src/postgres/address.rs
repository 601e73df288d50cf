//! Where a database is, without ever showing its password.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// How long to wait for a connection where the address doesn't say.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// How long to wait for an answer; see [`Address::with_answer_time_max`].
const ANSWER_TIME_MAX: Duration = Duration::from_secs(30);

/// Address of a PostgreSQL database.
///
/// Written `postgres://USER:PASSWORD@HOST:PORT/DATABASE`, with what else libpq's addresses may
/// have, as in `?sslmode=require&connect_timeout=5`. Shown without the password.
#[derive(Clone)]
pub struct Address {
    config: Config,
    authorities: Option<PathBuf>,
    answer_time_max: Duration,
}

/// A text that is no address. Doesn't repeat the text, which may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It doesn't begin as one.
    #[error("an address begins with postgres:// or postgresql://")]
    Scheme,
    /// It can't be read.
    #[error(
        "this is no address of a PostgreSQL database; it is written postgres://USER:PASSWORD@HOST:PORT/DATABASE, with %-escapes for special characters in the password"
    )]
    Malformed,
    /// It names no database.
    #[error("the address names no database: it is written postgres://USER@HOST:PORT/DATABASE")]
    NoDatabase,
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if !Self::is_one(text) {
            return Err(AddressError::Scheme);
        }
        let mut config: Config = text.parse().map_err(|_| AddressError::Malformed)?;
        if config.get_dbname().is_none_or(str::is_empty) {
            return Err(AddressError::NoDatabase);
        }
        if config.get_hosts().is_empty() {
            config.host("localhost");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIME_MAX);
        }
        Ok(Self {
            config,
            authorities: None,
            answer_time_max: ANSWER_TIME_MAX,
        })
    }
}

impl Address {
    /// Whether a text is meant as an address rather than as the name of a file.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// Whether it has a password.
    #[must_use]
    pub fn has_password(&self) -> bool {
        self.config.get_password().is_some()
    }

    /// The same with this password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.config.password(password);
        self
    }

    /// The same, trusting the certificate authorities in this file (PEM) as well as those that
    /// the machine trusts.
    #[must_use]
    pub fn with_authorities(mut self, file: PathBuf) -> Self {
        self.authorities = Some(file);
        self
    }

    /// The same, but an answer of the server may take this long, 30 seconds else; what reads or
    /// writes all rows may take a hundred times as long. What takes longer counts as a
    /// connection that broke.
    #[must_use]
    pub fn with_answer_time_max(mut self, limit: Duration) -> Self {
        self.answer_time_max = limit;
        self
    }

    /// Name of the database.
    #[must_use]
    pub fn database(&self) -> &str {
        self.config.get_dbname().unwrap_or_default()
    }

    /// The same server and user, another database.
    pub(super) fn of_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.config.dbname(name);
        other
    }

    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    pub(super) fn authorities(&self) -> Option<&Path> {
        self.authorities.as_deref()
    }

    pub(super) fn answer_time_max(&self) -> Duration {
        self.answer_time_max
    }
}

/// `postgres://USER@HOST:PORT/DATABASE`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.config.get_user() {
            write!(f, "{user}@")?;
        }
        let ports = self.config.get_ports();
        for (at, host) in self.config.get_hosts().iter().enumerate() {
            f.write_str(if at == 0 { "" } else { "," })?;
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                #[cfg(unix)]
                Host::Unix(folder) => write!(f, "{}", folder.display())?,
            }
            // One port serves for all hosts.
            if let Some(port) = ports.get(at).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.database())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let address: Address = "postgres://ada:s3cret%40x@db.example:5433/crm?sslmode=require"
            .parse()
            .unwrap();
        assert_eq!(address.to_string(), "postgres://ada@db.example:5433/crm");
        assert_eq!(format!("{address:?}"), address.to_string());
        assert!(address.has_password());
        for wrong in [
            "postgres://ada:s3cret@host:port/crm",
            "postgres://ada:s3cret@host/crm?nonsense=1",
            "postgres://ada:s3cret@host",
            "s3cret",
        ] {
            let error = wrong.parse::<Address>().unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("s3") && !shown.contains("cret"), "{shown}");
        }
    }
}
