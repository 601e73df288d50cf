//! What was kept in a run's folder of what it depended on, read again to be sealed.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use proctor_bundle::{Inputs, KeptRun, MemberPath, Members, ReadError};
use proctor_episode::SuiteFiles;

use crate::exit::Failure;
use crate::inputs;

/// Largest telemetry or cassette that is encrypted, in bytes: that is done in memory.
const CLOSED_BYTES_MAX: u64 = proctor_bundle::SEALED_BYTES_MAX;

/// A run's folder, with what was kept of what it depended on.
pub struct Kept {
    folder: PathBuf,
    /// What the run depended on.
    pub inputs: Inputs,
    /// Where its recording of models was.
    pub cassette: Option<PathBuf>,
}

impl Kept {
    /// Reads what a run says of itself; files follow as they are asked for.
    pub fn read(run: &Path) -> Result<Self, Failure> {
        let folder = run.join(inputs::FOLDER);
        let file = folder.join(inputs::FILE);
        let bytes = fs::read(&file).map_err(|error| {
            Failure::input(format!("{}: {error}", file.display())).hint(
                "only a run that `proctor run --out` or `proctor baseline` made can be sealed",
            )
        })?;
        let KeptRun { cassette, inputs } = KeptRun::parse(&bytes)
            .map_err(|error| Failure::input(format!("{}: {error}", file.display())))?;
        Ok(Self {
            folder,
            inputs,
            cassette: cassette.map(PathBuf::from),
        })
    }

    /// A file.
    pub fn bytes(&self, path: &MemberPath) -> Result<Vec<u8>, Failure> {
        read_whole(&self.folder.join(path.as_str()))
    }

    /// The files of the run's suite and data.
    pub fn suite(&self) -> Result<SuiteFiles, Failure> {
        self.inputs.suite_files(&mut |path| {
            String::from_utf8(self.bytes(path)?)
                .map_err(|_| Failure::input(format!("{path} is not in UTF-8")))
        })
    }
}

impl Members for Kept {
    fn read(&self, path: &MemberPath) -> Result<Vec<u8>, ReadError> {
        self.bytes(path)
            .map_err(|failure| ReadError::Failed(failure.message().to_owned()))
    }
}

/// Reads a file that is held in memory.
pub fn read_whole(path: &Path) -> Result<Vec<u8>, Failure> {
    let wrong = |reason: String| Failure::input(format!("{}: {reason}", path.display()));
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let mut bytes = Vec::new();
    file.take(CLOSED_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(error.to_string()))?;
    if bytes.len() as u64 > CLOSED_BYTES_MAX {
        return Err(wrong(format!("has more than {CLOSED_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}
