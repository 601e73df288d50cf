//! A bundle that is open: its members, those that are encrypted too if there is a key.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use proctor_episode::{Suite, SuiteFiles};
use proctor_host::Digest;

use crate::archive::{Archive, ArchiveError};
use crate::lineage::{LineageError, Members, ReadError};
use crate::manifest::{Inputs, Manifest, Member, Run};
use crate::path::MemberPath;
use crate::sealed::{self, Identities, SealedError};

/// Largest encrypted member that is opened, in bytes: it is decrypted in memory.
pub const SEALED_BYTES_MAX: u64 = 1 << 30;
/// Largest input of a run, such as a component or a file of a suite, in bytes.
pub const INPUT_BYTES_MAX: u64 = 64 << 20;
/// Folder of the files that stand in for encrypted ones.
const PUBLIC: &str = "public";
/// What the path of an encrypted member ends in.
const AGE: &str = ".age";

/// A bundle that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The file is damaged, was altered, or is no bundle.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// An encrypted member cannot be opened.
    #[error("{member}: {source}")]
    Sealed {
        /// The member.
        member: MemberPath,
        /// Why.
        source: SealedError,
    },
    /// An encrypted member, or what stands in for one, isn't what it should be.
    #[error("{0}: it isn't what was encrypted, or what that makes it")]
    OtherPlain(MemberPath),
    /// There is no such member.
    #[error("{0}: the bundle has no such member")]
    NoMember(MemberPath),
    /// A member is encrypted, and there is no key.
    #[error("{0} is encrypted; give the key with --identity")]
    NoKey(MemberPath),
    /// A run isn't what its members say.
    #[error(transparent)]
    Lineage(#[from] LineageError),
    /// There is no such run.
    #[error("the bundle has no run {name}; it has {known}")]
    NoRun {
        /// The name.
        name: String,
        /// Names of its runs.
        known: String,
    },
}

/// A suite out of a bundle.
pub struct OpenSuite {
    /// Its files.
    pub files: SuiteFiles,
    /// The suite.
    pub suite: Arc<Suite>,
    /// The members that it was read from, but for `suite.toml`.
    files_of: Vec<MemberPath>,
    data_of: Vec<MemberPath>,
}

/// An open bundle.
pub struct Bundle {
    archive: Archive,
    identities: Option<Identities>,
    /// The suite that was compiled last, by its member: runs mostly share one.
    compiled: Mutex<Option<(MemberPath, Arc<OpenSuite>)>>,
}

impl Bundle {
    /// Opens a bundle; with the keys to what is encrypted in it, if somebody has them.
    ///
    /// # Errors
    /// When the file isn't in the one form of a bundle.
    pub fn open(path: &Path, identities: Option<Identities>) -> Result<Self, BundleError> {
        Ok(Self {
            archive: Archive::open(path)?,
            identities,
            compiled: Mutex::default(),
        })
    }

    /// The file.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// What it holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        self.archive.manifest()
    }

    /// The run with this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn run(&self, name: &str) -> Result<&Run, BundleError> {
        let runs = &self.manifest().runs;
        runs.iter().find(|run| run.name == name).ok_or_else(|| {
            let known: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
            BundleError::NoRun {
                name: name.to_owned(),
                known: known.join(", "),
            }
        })
    }

    /// What a member holds, decrypted if need be; checked to the end.
    ///
    /// # Errors
    /// When it isn't there, isn't what the manifest says, is too large, or cannot be decrypted.
    pub fn read(&self, path: &MemberPath) -> Result<Vec<u8>, BundleError> {
        let member = self.member(path)?;
        if member.plain.is_some() {
            return self.decrypt(member);
        }
        Ok(self.archive.read(path, INPUT_BYTES_MAX)?)
    }

    /// Reads a member piece by piece, decrypted if need be. At its end it has been checked.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn reader(&self, path: &MemberPath) -> Result<Box<dyn Read + '_>, BundleError> {
        let member = self.member(path)?;
        if member.plain.is_some() {
            return Ok(Box::new(Cursor::new(self.decrypt(member)?)));
        }
        Ok(Box::new(self.archive.reader(path)?))
    }

    /// Whether a member can be looked into.
    #[must_use]
    pub fn can_read(&self, path: &MemberPath) -> bool {
        self.manifest()
            .member(path)
            .is_some_and(|member| member.plain.is_none() || self.identities.is_some())
    }

    fn member(&self, path: &MemberPath) -> Result<&Member, BundleError> {
        self.manifest()
            .member(path)
            .ok_or_else(|| BundleError::NoMember(path.clone()))
    }

    fn decrypt(&self, member: &Member) -> Result<Vec<u8>, BundleError> {
        let path = &member.path;
        let (Some(plain), Some(identities)) = (&member.plain, &self.identities) else {
            return Err(BundleError::NoKey(path.clone()));
        };
        let sealed = |source| BundleError::Sealed {
            member: path.clone(),
            source,
        };
        let bytes_max = plain.size.min(SEALED_BYTES_MAX);
        let bytes =
            sealed::open(self.archive.reader(path)?, identities, bytes_max).map_err(sealed)?;
        if bytes.len() as u64 != plain.size || Digest::of(&bytes) != plain.sha256 {
            return Err(BundleError::OtherPlain(path.clone()));
        }
        Ok(bytes)
    }

    /// The suite of a run. Without a key, where gold is sealed, it is the suite without that
    /// gold.
    ///
    /// # Errors
    /// When a file of it cannot be read, or it isn't the suite of the run.
    pub fn suite(&self, run: &Run) -> Result<Arc<OpenSuite>, BundleError> {
        let inputs = &run.inputs;
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((member, opened)) = &*compiled
            && *member == inputs.suite
            && opened.files_of == inputs.tasks
            && opened.data_of == inputs.data
        {
            let opened = Arc::clone(opened);
            LineageError::check_suite(run, &opened.suite)?;
            return Ok(opened);
        }
        let files = inputs.suite_files(&mut |path| self.text(&self.open_form(path)?))?;
        let suite = Arc::new(files.compile().map_err(LineageError::Suite)?);
        LineageError::check_suite(run, &suite)?;
        let opened = Arc::new(OpenSuite {
            files,
            suite,
            files_of: inputs.tasks.clone(),
            data_of: inputs.data.clone(),
        });
        *compiled = Some((inputs.suite.clone(), Arc::clone(&opened)));
        Ok(opened)
    }

    /// The member to read for a file of a suite: what stands in for it, where it is encrypted and
    /// there is no key.
    fn open_form(&self, path: &MemberPath) -> Result<MemberPath, BundleError> {
        if self.can_read(path) {
            return Ok(path.clone());
        }
        public_form(path)
            .filter(|public| self.manifest().member(public).is_some())
            .ok_or_else(|| BundleError::NoKey(path.clone()))
    }

    fn text(&self, path: &MemberPath) -> Result<String, BundleError> {
        let bytes = self.read(path)?;
        String::from_utf8(bytes).map_err(|_| LineageError::NoText(path.clone()).into())
    }

    /// Texts of some members, in order.
    ///
    /// # Errors
    /// As [`read`](Self::read), and when one isn't in UTF-8.
    pub fn texts(&self, paths: &[MemberPath]) -> Result<Vec<String>, BundleError> {
        paths.iter().map(|path| self.text(path)).collect()
    }

    /// Number of members and their bytes, by role.
    #[must_use]
    pub fn roles(&self) -> BTreeMap<String, (u64, u64)> {
        let mut roles = BTreeMap::new();
        for member in &self.manifest().members {
            let of: &mut (u64, u64) = roles.entry(member.role.to_string()).or_default();
            of.0 += 1;
            of.1 += member.size;
        }
        roles
    }
}

impl Members for Bundle {
    fn read(&self, path: &MemberPath) -> Result<Vec<u8>, ReadError> {
        match Self::read(self, path) {
            Ok(bytes) => Ok(bytes),
            Err(BundleError::NoKey(_)) => Err(ReadError::Sealed),
            Err(error) => Err(ReadError::Failed(error.to_string())),
        }
    }
}

/// The path of what stands in for an encrypted file of a suite.
#[must_use]
pub fn public_form(path: &MemberPath) -> Option<MemberPath> {
    let plain = path.as_str().strip_suffix(AGE)?;
    MemberPath::new(&format!("{PUBLIC}/{plain}")).ok()
}

/// The path of an encrypted member.
#[must_use]
pub fn sealed_form(path: &MemberPath) -> Option<MemberPath> {
    MemberPath::new(&format!("{path}{AGE}")).ok()
}

impl Inputs {
    /// The files of the suite and its data, by the paths that they have without encryption.
    ///
    /// # Errors
    /// When `text` cannot read a member.
    pub fn suite_files<E>(
        &self,
        text: &mut dyn FnMut(&MemberPath) -> Result<String, E>,
    ) -> Result<SuiteFiles, E> {
        let mut files = SuiteFiles {
            manifest: plain_name(&self.suite),
            ..SuiteFiles::default()
        };
        for path in self.tasks.iter().chain([&self.suite]) {
            files.suite.insert(plain_name(path), text(path)?);
        }
        for path in &self.data {
            files.data.insert(plain_name(path), text(path)?);
        }
        Ok(files)
    }
}

/// The path that a member has without encryption.
fn plain_name(path: &MemberPath) -> PathBuf {
    let text = path.as_str();
    PathBuf::from(text.strip_suffix(AGE).unwrap_or(text))
}
