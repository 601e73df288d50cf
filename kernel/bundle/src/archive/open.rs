//! Opening a bundle: its form, its manifest, and that its entries are the manifest's members.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::header::{DosTime, Entry};
use super::layout::{Layout, Placed, bytes_at};
use super::member::{MemberReader, Shared, Source};
use super::{ArchiveError, Attachments, Countersignature, Kind};
use crate::manifest::{MANIFEST, MANIFEST_BYTES_MAX, Manifest, Member, Role};
use crate::path::MemberPath;

/// A bundle whose form is right. What its members hold is checked as they are read, who sealed it
/// isn't checked here.
///
/// Several threads can read one archive at the same time.
pub struct Archive {
    source: Shared,
    time: DosTime,
    manifest: Manifest,
    manifest_bytes: Vec<u8>,
    /// Where the members lie, in the manifest's order.
    members: Vec<Placed>,
    attachments: Attachments,
}

impl Archive {
    /// Opens a file.
    ///
    /// # Errors
    /// When it isn't exactly what a [`Packer`](super::Packer) would write for its manifest, or
    /// can't be read.
    pub fn open(path: &Path) -> Result<Self, ArchiveError> {
        let file = File::open(path).map_err(ArchiveError::path(path))?;
        let metadata = file.metadata().map_err(ArchiveError::path(path))?;
        if !metadata.is_file() {
            return Err(ArchiveError::refused(
                path.display(),
                "is no file; name a sealed bundle",
            ));
        }
        Self::read_from(file)
    }

    /// Opens whatever can be read at any place, such as a [`Cursor`](std::io::Cursor).
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read_from(mut source: impl Read + Seek + Send + 'static) -> Result<Self, ArchiveError> {
        let Layout { entries, time } = Layout::read(&mut source)?;
        let (manifest_bytes, others) = read_manifest(&mut source, &entries)?;
        let manifest = Manifest::parse(&manifest_bytes)?;
        check_members(&manifest, others)?;
        let (members, attached) = others
            .split_at_checked(manifest.members.len())
            .unwrap_or_default();
        let attachments = read_attachments(&mut source, &manifest, attached)?;
        let source: Box<dyn Source> = Box::new(source);
        Ok(Self {
            source: Mutex::new(source),
            time,
            members: members.to_vec(),
            manifest,
            manifest_bytes,
            attachments,
        })
    }

    /// What the bundle holds.
    #[must_use]
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The bytes that signatures are over.
    #[must_use]
    pub fn manifest_bytes(&self) -> &[u8] {
        &self.manifest_bytes
    }

    /// Signatures and countersignatures, as they lie in the file: nobody has verified them.
    #[must_use]
    pub fn attachments(&self) -> &Attachments {
        &self.attachments
    }

    /// Signatures over the manifest: the number of the key, and the signature's text. Nobody has
    /// verified them.
    pub fn signatures(&self) -> impl Iterator<Item = (&str, &str)> {
        let signatures = self.attachments.signatures.iter();
        signatures.map(|(key, text)| (key.as_str(), text.as_str()))
    }

    /// Countersignatures: the number of the key, the statement, and the text of the signature over
    /// it. Nobody has verified them.
    pub fn attestations(&self) -> impl Iterator<Item = (&str, &[u8], &str)> {
        let attestations = self.attachments.attestations.iter();
        attestations.map(|(key, of)| (key.as_str(), &*of.statement, of.signature.as_str()))
    }

    /// Reads a member, checked on the way.
    ///
    /// # Errors
    /// When there is no such member. What is wrong with it, its reader says.
    pub fn reader(&self, path: &MemberPath) -> Result<MemberReader<'_>, ArchiveError> {
        let at = self
            .manifest
            .members
            .binary_search_by(|member| member.path.cmp(path));
        let found = at.ok().and_then(|at| {
            let member = self.manifest.members.get(at)?;
            Some(MemberReader::new(
                &self.source,
                member,
                self.members.get(at)?,
            ))
        });
        found.ok_or_else(|| {
            let reason = "there is no such member; `proctor bundle inspect` lists them";
            ArchiveError::refused(path, reason)
        })
    }

    /// All of a member that has at most `bytes_max` bytes.
    ///
    /// # Errors
    /// When there is no such member, it is larger, or wrong.
    pub fn read(&self, path: &MemberPath, bytes_max: u64) -> Result<Vec<u8>, ArchiveError> {
        let mut reader = self.reader(path)?;
        let size = self.manifest.member(path).map_or(0, |member| member.size);
        if size > bytes_max {
            let reason = format!("has {size} bytes; at most {bytes_max} are read of its kind");
            return Err(ArchiveError::refused(path, reason));
        }
        let mut bytes = Vec::new();
        reader
            .read_to_end(&mut bytes)
            .map_err(ArchiveError::io(path))?;
        Ok(bytes)
    }

    /// Reads a member through, whatever its size, and keeps nothing.
    ///
    /// # Errors
    /// When it is wrong.
    pub fn check_member(&self, member: &Member) -> Result<(), ArchiveError> {
        let mut reader = self.reader(&member.path)?;
        let mut chunk = vec![0; super::CHUNK_BYTES];
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(ArchiveError::io(&member.path)(error)),
            }
        }
    }

    /// Reads all members through.
    ///
    /// # Errors
    /// At the first that is wrong.
    pub fn check_members(&self) -> Result<(), ArchiveError> {
        let mut members = self.manifest.members.iter();
        members.try_for_each(|member| self.check_member(member))
    }

    pub(super) fn time(&self) -> DosTime {
        self.time
    }

    pub(super) fn placed(&self) -> &[Placed] {
        &self.members
    }

    /// The source, for whoever has the archive for themselves.
    pub(super) fn into_source(self) -> Box<dyn Source> {
        let source = self.source.into_inner();
        source.unwrap_or_else(PoisonError::into_inner)
    }
}

/// The manifest's bytes, and the entries after it.
fn read_manifest<'a>(
    source: &mut (impl Read + Seek),
    entries: &'a [Placed],
) -> Result<(Vec<u8>, &'a [Placed]), ArchiveError> {
    let (first, others) = entries
        .split_first()
        .filter(|(first, _)| first.entry.name.as_str() == MANIFEST)
        .ok_or_else(|| ArchiveError::container("its first entry isn't manifest.json"))?;
    Ok((read_stored(source, first, MANIFEST_BYTES_MAX)?, others))
}

/// A small entry that is kept in memory.
fn read_stored(
    source: &mut (impl Read + Seek),
    placed: &Placed,
    bytes_max: u64,
) -> Result<Vec<u8>, ArchiveError> {
    let entry = &placed.entry;
    let wrong = |reason: String| Err(ArchiveError::member(&entry.name, reason));
    if u64::from(entry.size) > bytes_max {
        return wrong(format!(
            "has {} bytes; at most {bytes_max} are read",
            entry.size
        ));
    }
    if entry.deflated || entry.executable {
        return wrong("is always stored as it is, with the mode 0644".to_owned());
    }
    let bytes = bytes_at(source, placed.start, u64::from(entry.size))?;
    if Entry::stored(entry.name.clone(), &bytes)?.crc != entry.crc {
        return wrong("its checksum isn't that of its bytes".to_owned());
    }
    Ok(bytes)
}

/// Whether the first entries after the manifest are its members.
fn check_members(manifest: &Manifest, entries: &[Placed]) -> Result<(), ArchiveError> {
    for (at, member) in manifest.members.iter().enumerate() {
        match entries.get(at).map(|placed| &placed.entry) {
            Some(entry) if entry.name == member.path => check_entry(member, entry)?,
            found => return Err(disagreement(manifest, entries, member, found)),
        }
    }
    Ok(())
}

/// What to say of an entry that isn't the member that should be there.
fn disagreement(
    manifest: &Manifest,
    entries: &[Placed],
    member: &Member,
    found: Option<&Entry>,
) -> ArchiveError {
    if let Some(entry) = found.filter(|entry| !is_known(manifest, entry)) {
        return unknown(entry);
    }
    let there = |placed: &Placed| placed.entry.name == member.path;
    match found {
        Some(entry) if entries.iter().any(there) => out_of_order(entry),
        _ => ArchiveError::member(&member.path, "is in the manifest, but not in the file"),
    }
}

/// Whether an entry has a name that the bundle has a place for.
fn is_known(manifest: &Manifest, entry: &Entry) -> bool {
    let name = entry.name.as_str();
    name == MANIFEST || manifest.member(&entry.name).is_some() || Kind::of(name).is_some()
}

fn unknown(entry: &Entry) -> ArchiveError {
    let reason = "is in the file, but not in the manifest: it was added after sealing";
    ArchiveError::member(&entry.name, reason)
}

fn out_of_order(entry: &Entry) -> ArchiveError {
    ArchiveError::member(&entry.name, "stands twice in the file, or not in its order")
}

/// Whether an entry is what the manifest says of the member.
fn check_entry(member: &Member, entry: &Entry) -> Result<(), ArchiveError> {
    let wrong = |reason: String| Err(ArchiveError::member(&member.path, reason));
    let packed_size = member.packed.as_ref().map_or(member.size, |of| of.size);
    if member.size != u64::from(entry.size) || packed_size != u64::from(entry.packed_size) {
        return wrong(format!(
            "has {} bytes ({} in the file), the manifest says {} ({packed_size})",
            entry.size, entry.packed_size, member.size
        ));
    }
    if member.packed.is_some() != entry.deflated {
        return wrong("is compressed and the manifest says it isn't, or the other way".to_owned());
    }
    if member.packed.is_some() && (packed_size >= member.size || member.plain.is_some()) {
        return wrong("is compressed, but should be stored as it is".to_owned());
    }
    if entry.executable != (member.role == Role::Runner) {
        return wrong("may be run if its role is runner, and only then".to_owned());
    }
    Ok(())
}

/// Reads what comes after the members.
fn read_attachments(
    source: &mut (impl Read + Seek),
    manifest: &Manifest,
    entries: &[Placed],
) -> Result<Attachments, ArchiveError> {
    let mut found = Attachments::default();
    for placed in entries {
        let entry = &placed.entry;
        let Some((kind, key)) = Kind::of(entry.name.as_str()) else {
            return Err(if is_known(manifest, entry) {
                out_of_order(entry)
            } else {
                unknown(entry)
            });
        };
        let bytes = read_stored(source, placed, kind.bytes_max())?;
        put(&mut found, kind, key, bytes)
            .map_err(|reason| ArchiveError::member(&entry.name, reason))?;
        found.check_number()?;
    }
    check_order(&found, entries)?;
    Ok(found)
}

/// Puts a file in its place. A statement comes before its signature, or the order is wrong.
fn put(found: &mut Attachments, kind: Kind, key: &str, bytes: Vec<u8>) -> Result<(), String> {
    let text = |bytes| String::from_utf8(bytes).map_err(|_| "isn't text in UTF-8".to_owned());
    match kind {
        Kind::Signature => {
            found.signatures.insert(key.to_owned(), text(bytes)?);
        }
        Kind::Statement => {
            let attestation = Countersignature {
                statement: bytes,
                signature: String::new(),
            };
            found.attestations.insert(key.to_owned(), attestation);
        }
        Kind::StatementSignature => {
            let attestation = found.attestations.get_mut(key);
            let attestation = attestation.ok_or("there is no statement before it")?;
            attestation.signature = text(bytes)?;
        }
    }
    Ok(())
}

/// Whether the files lie as a packer would lay them: each once, sorted, in pairs.
fn check_order(found: &Attachments, entries: &[Placed]) -> Result<(), ArchiveError> {
    let files = found.files();
    for (at, (_, name, _)) in files.iter().enumerate() {
        match entries.get(at).map(|placed| &placed.entry) {
            Some(entry) if entry.name.as_str() == name => {}
            Some(entry) => return Err(out_of_order(entry)),
            None => {
                return Err(ArchiveError::member(
                    name,
                    "is missing beside its statement",
                ));
            }
        }
    }
    match entries.get(files.len()) {
        Some(placed) => Err(out_of_order(&placed.entry)),
        None => Ok(()),
    }
}
