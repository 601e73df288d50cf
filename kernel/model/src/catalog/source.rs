//! A file being read, and what is wrong with it, where.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

/// What is wrong with a file of settings. Always names the file, and line and column where they
/// are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// The file in question.
    pub path: PathBuf,
    /// Line and column, from 1.
    pub at: Option<(usize, usize)>,
    /// What is wrong and what would be right.
    pub message: String,
}

impl fmt::Display for FileError {
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
    pub(crate) fn error(&self, at: usize, message: impl Into<String>) -> FileError {
        let before = self.text.as_bytes();
        let before = before.get(..at).unwrap_or(before);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let of_line = before.rsplit(|byte| *byte == b'\n').next();
        let column = String::from_utf8_lossy(of_line.unwrap_or_default());
        FileError {
            path: self.path.to_owned(),
            at: Some((line, column.chars().count() + 1)),
            message: message.into(),
        }
    }

    /// An error at a value.
    pub(crate) fn wrong<T>(&self, value: &Spanned<T>, message: impl Into<String>) -> FileError {
        self.error(value.span().start, message)
    }

    /// Reads TOML of at most so many bytes into a type, saying where it isn't.
    pub(crate) fn parse<T: serde::de::DeserializeOwned>(
        &self,
        bytes_max: usize,
    ) -> Result<T, FileError> {
        if self.text.len() > bytes_max {
            return Err(FileError {
                path: self.path.to_owned(),
                at: None,
                message: format!(
                    "has {} bytes; at most {bytes_max} are read",
                    self.text.len()
                ),
            });
        }
        toml::from_str(self.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            self.error(at, discreet(error.message()))
        })
    }

    /// What stands in the file there, letter by letter.
    pub(crate) fn literal(&self, span: Range<usize>) -> &str {
        self.text.get(span).unwrap_or_default()
    }
}

/// Longest word that a message of the TOML reader may repeat, in bytes: longer than any key that
/// we know, shorter than a secret.
const REPEATED_BYTES_MAX: usize = 30;

/// The message without what may be a secret that was pasted into the wrong place.
fn discreet(message: &str) -> String {
    let may_be_secret =
        |word: &str| word.len() > REPEATED_BYTES_MAX || looks_like_key(word.trim_matches('"'));
    message
        .lines()
        .flat_map(|line| line.split(' '))
        .map(|word| match word.trim_matches(['`', '"', ',']) {
            inner if may_be_secret(inner) => "`[left out]`",
            _ => word,
        })
        .collect::<Vec<_>>()
        .join(" ")
}

/// Whether a text begins as the keys of well-known providers do.
pub(crate) fn looks_like_key(text: &str) -> bool {
    const STARTS: [&str; 9] = [
        "sk-", "sk_", "pk-", "gsk_", "xai-", "hf_", "AIza", "AKIA", "Bearer",
    ];
    STARTS.iter().any(|start| text.starts_with(start))
}

/// Most characters of a name that a message repeats.
const QUOTED_CHARS_MAX: usize = 64;

/// A name as messages show it: on one line, shortened, and not at all if it may be a key.
pub(crate) fn quoted(name: &str) -> String {
    if looks_like_key(name) {
        return "`[left out]`".to_owned();
    }
    let shown: String = name.chars().take(QUOTED_CHARS_MAX).collect();
    let cut = if shown.len() < name.len() { "…" } else { "" };
    format!("`{}{cut}`", shown.escape_debug())
}
