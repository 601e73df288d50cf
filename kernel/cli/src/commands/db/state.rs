//! Everything that has rows: databases, snapshots, the canonical data.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use proctor_episode::Suite;
use proctor_store::{Fingerprint, SNAPSHOT_BYTES_MAX, Snapshot};

use super::place::Place;
use crate::exit::Failure;
use crate::{seeds, store};

/// Word for the built-in data.
const CANONICAL: &str = "canonical";
/// What every SQLite file begins with.
const SQLITE: &[u8] = b"SQLite format 3\0";

/// Rows by the name that an operator gives them.
pub enum State {
    /// The built-in data.
    Canonical,
    /// A snapshot file.
    Snapshot(PathBuf),
    /// What a database holds now.
    Database(Place),
}

impl State {
    /// What a name on the command line means; a file is told by how it begins.
    pub fn of(name: &Path) -> Result<Self, Failure> {
        if name == Path::new(CANONICAL) {
            return Ok(Self::Canonical);
        }
        match Place::of(name)? {
            Place::File(path) if !is_sqlite(&path)? => Ok(Self::Snapshot(path)),
            place => Ok(Self::Database(place)),
        }
    }

    /// All rows.
    pub fn rows(&self) -> Result<Snapshot, Failure> {
        match self {
            Self::Canonical => seeds::canonical(),
            Self::Snapshot(file) => read(file),
            Self::Database(place) => {
                let rows = place.read()?.snapshot();
                rows.map_err(|error| place.failure(error))
            }
        }
    }

    /// Their fingerprint.
    pub fn fingerprint(&self) -> Result<Fingerprint, Failure> {
        match self {
            Self::Database(place) => {
                let fingerprint = place.read()?.scan();
                fingerprint.map_err(|error| place.failure(error))
            }
            _ => Ok(self.rows()?.fingerprint()),
        }
    }
}

fn is_sqlite(file: &Path) -> Result<bool, Failure> {
    let mut start = Vec::new();
    File::open(file)
        .and_then(|opened| opened.take(SQLITE.len() as u64).read_to_end(&mut start))
        .map_err(|error| about(file, error))?;
    Ok(start == SQLITE)
}

/// The rows that `--data` names, or the built-in ones.
pub fn data(name: Option<&Path>) -> Result<Snapshot, Failure> {
    match name {
        None => seeds::canonical(),
        Some(folder) if folder.is_dir() => Ok(Suite::load_data(folder)?),
        Some(file) => read(file),
    }
}

/// The rows in a snapshot file.
pub fn read(file: &Path) -> Result<Snapshot, Failure> {
    let size = fs::metadata(require_file(file)?)
        .map_err(|error| about(file, error))?
        .len();
    if size > SNAPSHOT_BYTES_MAX as u64 {
        let reason = format!("has {size} bytes; a snapshot has at most {SNAPSHOT_BYTES_MAX}");
        return Err(about(file, reason));
    }
    let bytes = fs::read(file).map_err(|error| about(file, error))?;
    Snapshot::from_bytes(&bytes).map_err(|error| about(file, error))
}

/// Refuses an address where a file belongs: to name it as one would show its password.
pub fn require_file(name: &Path) -> Result<&Path, Failure> {
    if store::is_like_address(name.as_os_str()) {
        return Err(Failure::input("an address stands where a file belongs")
            .hint("the order is DATABASE, then SNAPSHOT"));
    }
    Ok(name)
}

/// What is wrong with a file.
pub fn about(file: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::input(format!("{}: {error}", file.display()))
}
