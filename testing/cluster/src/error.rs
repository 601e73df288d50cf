//! Why there is no server, or why one doesn't do what it is told.

use std::io;
use std::path::PathBuf;

/// A throw-away server could not be made, or failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// There is nothing to run: the one error that only leaves tests out.
    #[error(
        "no PostgreSQL server is installed: {missing}. Install one, or name the folder of its \
         programs in {}",
        crate::binaries::FOLDER_VARIABLE
    )]
    NoServer {
        /// What was looked for, and where.
        missing: String,
    },
    /// PostgreSQL refuses to run as root.
    #[error("root can't run PostgreSQL, and /etc/passwd has neither `postgres` nor `nobody`")]
    NoAccount,
    /// A file, a folder or a program could not be used.
    #[error("{}: {source}", path.display())]
    Io {
        /// File, folder or program in question.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server or its supervisor did not do as told.
    #[error("the throw-away server failed to {command}; its log ends with:\n{log}")]
    Failed {
        /// What it was told to do.
        command: &'static str,
        /// The last lines that the server wrote.
        log: String,
    },
    /// SQL that sets the server up failed.
    #[error("the throw-away server refused {sql:?}: {said}")]
    Refused {
        /// What was to be carried out.
        sql: String,
        /// What psql said.
        said: String,
    },
}

impl Error {
    /// An error of the system, at a path.
    pub(crate) fn at(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }
}
