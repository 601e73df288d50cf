//! Names of members: paths that mean the same on every system and stay inside of a folder.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, de};

/// Longest path of a member, in bytes.
pub const PATH_BYTES_MAX: usize = 200;

/// Names that are devices on some systems, whatever their extension.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// A relative path of letters, digits, `.`, `-`, `_` and `/`, none of whose parts is empty,
/// begins or ends with a dot, or is the name of a device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MemberPath(String);

/// A path that no member may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{shown:?} is no path of a member: {reason}")]
pub struct PathError {
    /// The path, cut short.
    pub shown: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl MemberPath {
    /// Reads a path.
    ///
    /// # Errors
    /// When it isn't one that a member may have.
    pub fn new(text: &str) -> Result<Self, PathError> {
        let wrong = |reason| PathError {
            shown: text.chars().take(80).collect(),
            reason,
        };
        if text.len() > PATH_BYTES_MAX {
            return Err(wrong("it is too long"));
        }
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        if !text.bytes().all(known) {
            return Err(wrong(
                "only letters, digits, `.`, `-`, `_` and `/` may stand in it",
            ));
        }
        for part in text.split('/') {
            if part.is_empty() {
                return Err(wrong("a part of it is empty"));
            }
            if part.starts_with('.') || part.ends_with('.') {
                return Err(wrong("a part of it begins or ends with a dot"));
            }
            let stem = part
                .split('.')
                .next()
                .unwrap_or_default()
                .to_ascii_lowercase();
            let numbered = stem.len() == 4
                && (stem.starts_with("com") || stem.starts_with("lpt"))
                && stem.ends_with(|digit: char| digit.is_ascii_digit());
            if numbered || DEVICES.contains(&stem.as_str()) {
                return Err(wrong("a part of it is the name of a device"));
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path as systems see it that don't tell upper from lower case.
    #[must_use]
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// What comes after the last `/`.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for MemberPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for MemberPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere_or_nowhere_are_refused() {
        for text in [
            "",
            "/etc/passwd",
            "../up",
            "a/../b",
            "a//b",
            "a/",
            "./a",
            "C:/a",
            "a\\b",
            "a b",
            "é",
            "a/.hidden",
            "a/b.",
            "con",
            "a/NUL.txt",
            "com1",
            "lpt9.log",
            "a\0b",
            "a\nb",
        ] {
            assert!(MemberPath::new(text).is_err(), "{text:?}");
        }
        assert!(MemberPath::new(&"a".repeat(PATH_BYTES_MAX + 1)).is_err());
    }

    #[test]
    fn ordinary_paths_are_taken() {
        for text in [
            "manifest.json",
            "runs/oracle/telemetry.jsonl",
            "a-b_c/D.9",
            "console.txt",
        ] {
            assert!(MemberPath::new(text).is_ok(), "{text:?}");
        }
    }
}
