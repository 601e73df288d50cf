//! Why runs can't be compared.

use std::io;
use std::path::PathBuf;

use proctor_episode::{TELEMETRY_VERSION, TelemetryError};

/// A run that can't be read, or runs that can't be set beside each other.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The chain doesn't hold, or the file can't be read at all.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The file system failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// File in question.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// A line that is no event as telemetry has it.
    #[error("{} line {line}: {reason}", path.display())]
    Line {
        /// File in question.
        path: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is empty.
    #[error("{} holds no run: it has no line", path.display())]
    Empty {
        /// File in question.
        path: PathBuf,
    },
    /// Telemetry of another version.
    #[error(
        "{} was written with telemetry of version {found}, and this program reads version {TELEMETRY_VERSION}; run it again with this program, or read it with the one that wrote it",
        path.display()
    )]
    Version {
        /// File in question.
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// A run over another suite, or another version of it.
    #[error(
        "the run {run} is over {suite} with digest {recorded}, and the comparison over one with digest {wanted}; agents can be compared only by the same tasks"
    )]
    OtherSuite {
        /// Name of the run.
        run: String,
        /// Name of its suite.
        suite: String,
        /// Digest of its suite.
        recorded: String,
        /// Digest of the suite that is compared over.
        wanted: String,
    },
    /// Two runs of the same name.
    #[error("two runs are called {name}; give each a name of its own")]
    SameName {
        /// The name.
        name: String,
    },
}
