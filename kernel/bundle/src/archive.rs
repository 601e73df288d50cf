//! The container: a ZIP that any tool opens, in one canonical form.
//!
//! A bundle is a function of its manifest, its members' bytes, one time and the attachments. What
//! is free in a ZIP (order, attributes, comments, extra fields, what lies between members) is
//! fixed, so the same members give the same file, and nothing can be hidden in it. [`Packer`]
//! writes it; [`Archive`] reads it, and refuses a file that it wouldn't have written itself.

mod extract;
mod header;
mod layout;
mod member;
mod open;
mod pack;
mod write;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};

pub use header::DosTime;
pub use member::MemberReader;
pub use open::Archive;
pub use pack::Packer;
pub use write::{Existing, with_attachments};

use crate::manifest::{MEMBERS_MAX, ManifestError};

/// Largest bundle, in bytes: what ZIP can hold without its 64-bit extension.
pub const ARCHIVE_BYTES_MAX: u64 = u32::MAX as u64;
/// Largest member, in bytes, uncompressed.
pub const MEMBER_BYTES_MAX: u64 = u32::MAX as u64 - 1;
/// Largest signature, in bytes.
pub const SIGNATURE_MEMBER_BYTES_MAX: u64 = 16 << 10;
/// Largest countersigned statement, in bytes.
pub const ATTESTATION_BYTES_MAX: u64 = 1 << 20;
/// Most signatures of a bundle.
pub const SIGNATURES_MAX: usize = 64;
/// Most countersignatures of a bundle.
pub const ATTESTATIONS_MAX: usize = 64;
/// Most entries of the ZIP: the manifest, members, and attachments.
const ENTRIES_MAX: usize = 1 + MEMBERS_MAX + SIGNATURES_MAX + 2 * ATTESTATIONS_MAX;
/// What is read or written at once, in bytes.
const CHUNK_BYTES: usize = 64 << 10;

/// Why a bundle could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The machine could not.
    #[error("{what}: {source}")]
    Io {
        /// What was read or written.
        what: String,
        /// What the machine says.
        source: io::Error,
    },
    /// The file as a whole is wrong.
    #[error(
        "not a sealed bundle: {0}; it was damaged or altered, get it anew from whoever sealed it"
    )]
    Container(String),
    /// A member is wrong.
    #[error(
        "{name}: {reason}; the bundle was damaged or altered, get it anew from whoever sealed it"
    )]
    Member {
        /// Its name.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Something asked for isn't there, or can't be added.
    #[error("{name}: {reason}")]
    Refused {
        /// A member or a file.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
}

impl ArchiveError {
    fn container(reason: impl Into<String>) -> Self {
        Self::Container(reason.into())
    }

    fn member(name: impl Display, reason: impl Into<String>) -> Self {
        Self::Member {
            name: name.to_string(),
            reason: reason.into(),
        }
    }

    fn refused(name: impl Display, reason: impl Into<String>) -> Self {
        Self::Refused {
            name: name.to_string(),
            reason: reason.into(),
        }
    }

    /// For `map_err`: what the machine says of `what`. An error of a [`MemberReader`] comes out
    /// as what it was.
    fn io(what: impl Display) -> impl FnOnce(io::Error) -> Self {
        move |error| match error.downcast::<Self>() {
            Ok(own) => own,
            Err(source) => Self::Io {
                what: what.to_string(),
                source,
            },
        }
    }

    fn path(path: &Path) -> impl FnOnce(io::Error) -> Self {
        Self::io(path.display())
    }
}

/// What somebody says of a bundle that others have sealed, with their signature over it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Countersignature {
    /// The statement, in JSON.
    pub statement: Vec<u8>,
    /// The signature over it, in minisign's format.
    pub signature: String,
}

/// What joins a bundle after its members: signatures over the manifest, and countersignatures,
/// each under the number of its key (16 upper-case hexadecimal digits).
///
/// The container holds their form and checksums. Whether they are true only a key can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachments {
    /// Signatures over the bytes of the manifest.
    pub signatures: BTreeMap<String, String>,
    /// Countersignatures.
    pub attestations: BTreeMap<String, Countersignature>,
}

/// Kinds of files that attachments are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Signature,
    Statement,
    StatementSignature,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Signature, Self::Statement, Self::StatementSignature];

    /// How names of such files begin and end.
    fn affixes(self) -> (&'static str, &'static str) {
        match self {
            Self::Signature => ("signatures/", ".minisig"),
            Self::Statement => ("attestations/", ".json"),
            Self::StatementSignature => ("attestations/", ".minisig"),
        }
    }

    fn bytes_max(self) -> u64 {
        match self {
            Self::Statement => ATTESTATION_BYTES_MAX,
            Self::Signature | Self::StatementSignature => SIGNATURE_MEMBER_BYTES_MAX,
        }
    }

    /// What kind of file this is, and by which key.
    fn of(name: &str) -> Option<(Self, &str)> {
        Self::ALL.into_iter().find_map(|kind| {
            let (before, after) = kind.affixes();
            let key = name.strip_prefix(before)?.strip_suffix(after)?;
            is_key_id(key).then_some((kind, key))
        })
    }

    fn name(self, key: &str) -> String {
        let (before, after) = self.affixes();
        format!("{before}{key}{after}")
    }
}

fn is_key_id(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    text.len() == 16 && text.bytes().all(digit)
}

impl Attachments {
    /// The files, in their order.
    fn files(&self) -> Vec<(Kind, String, &[u8])> {
        let file = |kind: Kind, key: &str, bytes| (kind, kind.name(key), bytes);
        let signatures = self.signatures.iter();
        let attestations = self.attestations.iter();
        signatures
            .map(|(key, text)| file(Kind::Signature, key, text.as_bytes()))
            .chain(attestations.flat_map(|(key, of)| {
                [
                    file(Kind::Statement, key, of.statement.as_slice()),
                    file(Kind::StatementSignature, key, of.signature.as_bytes()),
                ]
            }))
            .collect()
    }

    /// Whether a bundle can hold so many.
    fn check_number(&self) -> Result<(), ArchiveError> {
        if self.signatures.len() > SIGNATURES_MAX || self.attestations.len() > ATTESTATIONS_MAX {
            let reason = format!(
                "a bundle has at most {SIGNATURES_MAX} signatures and {ATTESTATIONS_MAX} \
                 countersignatures"
            );
            return Err(ArchiveError::refused("signatures", reason));
        }
        Ok(())
    }

    /// Whether a bundle can hold these.
    fn check(&self) -> Result<(), ArchiveError> {
        self.check_number()?;
        for (kind, name, bytes) in self.files() {
            if Kind::of(&name).is_none() {
                let reason = "the number of a key has 16 upper-case hexadecimal digits";
                return Err(ArchiveError::refused(format!("{name:?}"), reason));
            }
            if bytes.len() as u64 > kind.bytes_max() {
                let (has, max) = (bytes.len(), kind.bytes_max());
                let reason = format!("has {has} bytes; at most {max} are kept");
                return Err(ArchiveError::refused(name, reason));
            }
        }
        Ok(())
    }

    /// Adds those, replacing none.
    fn join(&mut self, more: &Self) -> Result<(), ArchiveError> {
        let twice = |key: &String| {
            let reason = "this key has signed already, and nothing is replaced; use another key, \
                          or seal anew";
            Err(ArchiveError::refused(key, reason))
        };
        for (key, text) in &more.signatures {
            if self.signatures.insert(key.clone(), text.clone()).is_some() {
                return twice(key);
            }
        }
        for (key, of) in &more.attestations {
            if self.attestations.insert(key.clone(), of.clone()).is_some() {
                return twice(key);
            }
        }
        Ok(())
    }
}

/// The folder that a file lies in.
fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}
