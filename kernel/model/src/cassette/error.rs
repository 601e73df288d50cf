//! What can be wrong with a cassette.

use std::io;
use std::path::{Path, PathBuf};

use crate::chat::Role;

/// A cassette that can't be read or written. Offsets (`at`) count bytes from the file's start.
#[derive(Debug, thiserror::Error)]
pub enum CassetteError {
    /// A file of another kind.
    #[error("{}: this is no cassette", path.display())]
    NotACassette {
        /// The file.
        path: PathBuf,
    },
    /// A format that this version can't read.
    #[error(
        "{}: the cassette has format version {found}; this version of Proctor reads {wanted}: \
         record it anew, or use the Proctor that wrote it",
        path.display()
    )]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Version of the file.
        found: u8,
        /// Version that is read here.
        wanted: u8,
    },
    /// The bytes end in the middle of a frame.
    #[error(
        "{}: the cassette is cut short at byte {at}: its recording was interrupted; go on with it \
         in the mode `record` or `auto`",
        path.display()
    )]
    CutShort {
        /// The file.
        path: PathBuf,
        /// Where the frame starts that isn't whole.
        at: u64,
    },
    /// All frames are whole, but nothing says that they are all.
    #[error(
        "{}: the cassette isn't finished: its recording was interrupted; go on with it in the \
         mode `record` or `auto`",
        path.display()
    )]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
    /// Bytes that no recording wrote there.
    #[error(
        "{}: the cassette is damaged in the frame at byte {at}: {reason}; take a copy that is \
         whole, or record it anew",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where the frame starts.
        at: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A recording of another suite.
    #[error(
        "{}: the cassette was recorded on another suite ({found}) than this one ({wanted}): \
         replay it on the suite it was recorded on, or record another",
        path.display()
    )]
    OtherSuite {
        /// The file.
        path: PathBuf,
        /// Name and digest of the suite that was recorded.
        found: String,
        /// Name, if it is known, and digest of the suite that is asked for.
        wanted: String,
    },
    /// A file stands where a new one is to be made.
    #[error(
        "{}: there is such a file already: choose another name, or remove it first",
        path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another run writes it.
    #[error(
        "{}: another run is recording on this cassette: wait for it, or use another file",
        path.display()
    )]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// It was opened to be read.
    #[error(
        "{}: the cassette was opened for replay and takes no recording: use the mode `record` or \
         `auto`",
        path.display()
    )]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The same call was recorded before.
    #[error(
        "{}: step {step} of episode {episode}, role {}: this call is recorded already; start a \
         new cassette, or replay this one",
        path.display(), role.name()
    )]
    Recorded {
        /// The file.
        path: PathBuf,
        /// Episode of the call.
        episode: String,
        /// Step of the episode.
        step: u32,
        /// On whose behalf the model was asked.
        role: Role,
    },
    /// More than a frame can hold.
    #[error(
        "{}: a recording of {bytes} bytes is larger than the {bytes_max} that a cassette takes",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// How many there would be, packed or compressed.
        bytes: usize,
        /// How many there may be.
        bytes_max: usize,
    },
    /// The file can't be opened, read or written.
    #[error("{}: cannot {doing} the cassette: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// The system's answer.
        source: io::Error,
    },
}

impl CassetteError {
    pub(super) fn io(path: &Path, doing: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io {
            path: path.to_owned(),
            doing,
            source,
        }
    }

    pub(super) fn damaged(path: &Path, at: u64, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            at,
            reason: reason.into(),
        }
    }
}
