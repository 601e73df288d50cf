//! What is wrong with a suite, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// A suite that cannot be used. Always names the file, and line and column where they are known.
#[derive(Debug, thiserror::Error)]
pub struct SuiteError {
    /// File or folder in question.
    pub path: PathBuf,
    /// Line and column, from 1.
    pub at: Option<(usize, usize)>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for SuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// A file being read, to say where in it something is wrong.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a> {
    pub(crate) path: &'a Path,
    pub(crate) text: &'a str,
}

impl Source<'_> {
    /// An error at a byte of the file.
    pub(crate) fn error(&self, at: usize, message: impl Into<String>) -> SuiteError {
        let before = &self.text.as_bytes()[..at.min(self.text.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = before
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |found| found + 1);
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        SuiteError {
            path: self.path.to_owned(),
            at: Some((line, column)),
            message: message.into(),
        }
    }

    /// Reads TOML into a type, saying where it isn't.
    pub(crate) fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, SuiteError> {
        toml::from_str(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, error.message())
        })
    }
}

/// What a JSON reader says is wrong, without its own line and column: whoever reads one line of
/// a file at a time knows better where that is.
pub(crate) fn json_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ")
        .map_or(text.clone(), |(reason, _)| reason.to_owned())
}

/// Largest file of a suite, in bytes.
pub(crate) const SUITE_FILE_BYTES_MAX: u64 = 8 << 20;

/// Reads a file of a suite.
pub(crate) fn read(path: &Path) -> Result<String, SuiteError> {
    let wrong = |message: String| SuiteError {
        path: path.to_owned(),
        at: None,
        message,
    };
    let size = std::fs::metadata(path)
        .map_err(|error| wrong(error.to_string()))?
        .len();
    if size > SUITE_FILE_BYTES_MAX {
        return Err(wrong(format!(
            "has {size} bytes; at most {SUITE_FILE_BYTES_MAX} are read"
        )));
    }
    std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))
}
