//! Writing a bundle: as a file beside its place, which is then given its name.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use super::header::{DosTime, End, Entry};
use super::layout::Placed;
use super::{ARCHIVE_BYTES_MAX, Archive, ArchiveError, Attachments, CHUNK_BYTES, folder_of};
use crate::manifest::MANIFEST;
use crate::path::MemberPath;

/// What becomes of a file that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is written.
    Kept,
    /// It is replaced, once what replaces it is whole.
    Replaced,
}

impl Existing {
    pub(super) fn check(self, out: &Path) -> Result<(), ArchiveError> {
        if self == Self::Kept && out.symlink_metadata().is_ok() {
            return Err(ArchiveError::refused(
                out.display(),
                "exists already; name another file, or remove it",
            ));
        }
        Ok(())
    }
}

/// Writes a bundle anew with more signatures or countersignatures. Members are copied as they
/// lie, without a look at what they hold. None of what has joined before is replaced.
///
/// `out` may be `bundle` itself if it is to be [replaced](Existing::Replaced).
///
/// # Errors
/// When `bundle` isn't one, a key has signed before, or `out` can't be written.
pub fn with_attachments(
    bundle: &Path,
    out: &Path,
    existing: Existing,
    more: &Attachments,
) -> Result<(), ArchiveError> {
    existing.check(out)?;
    let archive = Archive::open(bundle)?;
    let mut attachments = archive.attachments().clone();
    attachments.join(more)?;
    let manifest = archive.manifest_bytes().to_vec();
    let (time, members) = (archive.time(), archive.placed().to_vec());
    let contents = Contents {
        time,
        manifest: &manifest,
        members: &members,
        attachments: &attachments,
    };
    contents.write(&mut archive.into_source(), out, existing)
}

/// All that a bundle is made of, but for the members' bytes.
pub(super) struct Contents<'a> {
    pub(super) time: DosTime,
    pub(super) manifest: &'a [u8],
    /// Members in their order, and where their bytes begin.
    pub(super) members: &'a [Placed],
    pub(super) attachments: &'a Attachments,
}

impl Contents<'_> {
    /// Writes the bundle, whose members' bytes are read from `source`.
    pub(super) fn write(
        &self,
        source: &mut (impl Read + Seek),
        out: &Path,
        existing: Existing,
    ) -> Result<(), ArchiveError> {
        self.attachments.check()?;
        let file = beside(out)?;
        let mut writer = Writer::new(file.as_file(), self.time);
        self.write_entries(source, &mut writer, out)?;
        writer.end().map_err(ArchiveError::path(out))?;
        let kept = match existing {
            Existing::Replaced => file.persist(out),
            Existing::Kept => file.persist_noclobber(out),
        };
        match kept {
            Ok(_) => Ok(()),
            Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => existing
                .check(out)
                .and(Err(ArchiveError::path(out)(failed.error))),
            Err(failed) => Err(ArchiveError::path(out)(failed.error)),
        }
    }

    fn write_entries(
        &self,
        source: &mut (impl Read + Seek),
        writer: &mut Writer<'_>,
        out: &Path,
    ) -> Result<(), ArchiveError> {
        writer.small(MANIFEST, self.manifest, out)?;
        for placed in self.members {
            let copied = source
                .seek(SeekFrom::Start(placed.start))
                .and_then(|_| writer.entry(&placed.entry, source));
            copied.map_err(ArchiveError::path(out))?;
        }
        for (_, name, bytes) in self.attachments.files() {
            writer.small(&name, bytes, out)?;
        }
        Ok(())
    }
}

/// A new file in the folder of `out`, gone unless it is given a name.
fn beside(out: &Path) -> Result<NamedTempFile, ArchiveError> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    #[cfg(unix)]
    builder.permissions(mode);
    builder
        .prefix(".bundle-")
        .tempfile_in(folder_of(out))
        .map_err(ArchiveError::path(out))
}

/// Writes entries one after the other, and the list of them at the end.
struct Writer<'a> {
    out: BufWriter<&'a File>,
    time: DosTime,
    at: u64,
    directory: Vec<u8>,
    entries: u16,
}

impl<'a> Writer<'a> {
    fn new(file: &'a File, time: DosTime) -> Self {
        Self {
            out: BufWriter::with_capacity(CHUNK_BYTES, file),
            time,
            at: 0,
            directory: Vec::new(),
            entries: 0,
        }
    }

    fn entry(&mut self, entry: &Entry, content: &mut impl Read) -> io::Result<()> {
        let offset = u32::try_from(self.at).map_err(|_| too_large())?;
        let packed_size = u64::from(entry.packed_size);
        let header = entry.local(self.time);
        self.directory.extend(entry.central(self.time, offset));
        self.entries = self.entries.checked_add(1).ok_or_else(too_large)?;
        self.out.write_all(&header)?;
        if io::copy(&mut content.take(packed_size), &mut self.out)? != packed_size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += header.len() as u64 + packed_size;
        Ok(())
    }

    /// An entry that is in memory.
    fn small(&mut self, name: &str, bytes: &[u8], out: &Path) -> Result<(), ArchiveError> {
        let path = MemberPath::new(name)
            .map_err(|error| ArchiveError::refused(name, error.to_string()))?;
        let entry = Entry::stored(path, bytes)?;
        self.entry(&entry, &mut &*bytes)
            .map_err(ArchiveError::path(out))
    }

    fn end(mut self) -> io::Result<()> {
        let end = End {
            entries: self.entries,
            directory_bytes: u32::try_from(self.directory.len()).map_err(|_| too_large())?,
            directory_offset: u32::try_from(self.at).map_err(|_| too_large())?,
        };
        let end = end.to_bytes();
        if self.at + (self.directory.len() + end.len()) as u64 > ARCHIVE_BYTES_MAX {
            return Err(too_large());
        }
        self.out.write_all(&self.directory)?;
        self.out.write_all(&end)?;
        self.out.flush()
    }
}

fn too_large() -> io::Error {
    io::Error::new(
        io::ErrorKind::FileTooLarge,
        format!("a bundle has at most {ARCHIVE_BYTES_MAX} bytes; seal fewer runs in one"),
    )
}
