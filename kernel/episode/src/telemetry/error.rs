//! What can be wrong with telemetry.

use std::io;
use std::path::PathBuf;

/// Telemetry could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The file system failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// File in question.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The run's folder holds something already.
    #[error("{} exists and isn't empty; give another folder, or --resume to go on with its run", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// Another process writes there.
    #[error("{} is in use by another process", path.display())]
    Busy {
        /// File in question.
        path: PathBuf,
    },
    /// The run in the folder cannot be resumed.
    #[error("{}: {reason}", path.display())]
    Resume {
        /// File in question.
        path: PathBuf,
        /// Why.
        reason: ResumeError,
    },
}

/// Why a run cannot be resumed, or its chain doesn't hold.
#[derive(Debug, thiserror::Error)]
pub enum ResumeError {
    /// It is another run.
    #[error("is another run: its {field} is {recorded}, this one's is {wanted}")]
    OtherRun {
        /// What differs.
        field: String,
        /// What is recorded.
        recorded: String,
        /// What was asked for.
        wanted: String,
    },
    /// A line is not what was written.
    #[error("line {line} is not as it was written: {reason}")]
    Broken {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// There is nothing to resume.
    #[error("holds no run to go on with; a run begins in a new folder, without --resume")]
    Empty,
}
