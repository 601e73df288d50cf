//! Packing: members are compressed into a spool file as they come, whatever their size and order,
//! and written in the bundle's order at the end.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use sha2::{Digest as _, Sha256};

use super::header::{DosTime, Entry};
use super::layout::Placed;
use super::member::digest_of;
use super::write::{Contents, Existing};
use super::{
    ARCHIVE_BYTES_MAX, ArchiveError, Attachments, CHUNK_BYTES, MEMBER_BYTES_MAX, folder_of,
};
use crate::manifest::{MEMBERS_MAX, Manifest, Member, Packed, Plain, Role};
use crate::path::MemberPath;

/// How hard deflate tries: part of the format, since another level gives other bytes.
const LEVEL: u32 = 6;

/// Packs members into a new bundle.
pub struct Packer {
    out: PathBuf,
    existing: Existing,
    time: DosTime,
    members: BTreeMap<MemberPath, Spooled>,
    /// Bytes of members, in the order in which they came.
    spool: File,
    spooled: u64,
    /// Compressed bytes of one member, until it is known whether they are fewer.
    scratch: File,
}

/// A member in the spool.
struct Spooled {
    member: Member,
    crc: u32,
    start: u64,
}

impl Spooled {
    fn placed(&self) -> Result<Placed, ArchiveError> {
        let member = &self.member;
        let packed_size = member.packed.as_ref().map_or(member.size, |of| of.size);
        let checked = |size: u64| u32::try_from(size).map_err(|_| too_large(&member.path));
        let entry = Entry {
            name: member.path.clone(),
            deflated: member.packed.is_some(),
            crc: self.crc,
            packed_size: checked(packed_size)?,
            size: checked(member.size)?,
            executable: member.role == Role::Runner,
        };
        Ok(Placed {
            entry,
            start: self.start,
        })
    }
}

fn too_large(path: &MemberPath) -> ArchiveError {
    ArchiveError::refused(
        path,
        format!(
            "a member has at most {MEMBER_BYTES_MAX} bytes, and a bundle {ARCHIVE_BYTES_MAX}; seal \
             fewer runs in one"
        ),
    )
}

impl Packer {
    /// Begins a bundle that will be `out`. Until it is finished, its members lie in files without
    /// a name in the same folder.
    ///
    /// # Errors
    /// When `out` is there and is to be kept, or its folder can't be written.
    pub fn create(out: &Path, existing: Existing, time: DosTime) -> Result<Self, ArchiveError> {
        existing.check(out)?;
        let spool = || tempfile::tempfile_in(folder_of(out)).map_err(ArchiveError::path(out));
        Ok(Self {
            out: out.to_owned(),
            existing,
            time,
            members: BTreeMap::new(),
            spool: spool()?,
            spooled: 0,
            scratch: spool()?,
        })
    }

    /// Adds a member.
    ///
    /// # Errors
    /// When there is one with this path, it is too large, or it can't be read or written.
    pub fn add(
        &mut self,
        path: MemberPath,
        role: Role,
        content: impl Read,
    ) -> Result<&Member, ArchiveError> {
        self.add_member(path, role, None, content)
    }

    /// Adds a member that was encrypted: `content` is what came out, `plain` what went in, and
    /// `path` ends in `.age`.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_sealed(
        &mut self,
        path: MemberPath,
        role: Role,
        plain: Plain,
        content: impl Read,
    ) -> Result<&Member, ArchiveError> {
        self.add_member(path, role, Some(plain), content)
    }

    fn add_member(
        &mut self,
        path: MemberPath,
        role: Role,
        plain: Option<Plain>,
        content: impl Read,
    ) -> Result<&Member, ArchiveError> {
        if self.members.contains_key(&path) {
            return Err(ArchiveError::refused(&path, "is added twice; add it once"));
        }
        if self.members.len() == MEMBERS_MAX {
            let reason =
                format!("a bundle has at most {MEMBERS_MAX} members; seal fewer runs in one");
            return Err(ArchiveError::refused(&path, reason));
        }
        let start = self.spooled;
        // What is encrypted can't be compressed.
        let compress = plain.is_none();
        let spooled = self.spool(content, compress);
        let (whole, packed) = spooled
            .map_err(ArchiveError::io(&path))?
            .ok_or_else(|| too_large(&path))?;
        self.spooled += packed.as_ref().map_or(whole.size, |packed| packed.size);
        let member = Member {
            packed,
            path: path.clone(),
            plain,
            role,
            sha256: digest_of(whole.sha256),
            size: whole.size,
        };
        let spooled = Spooled {
            member,
            crc: whole.crc.sum(),
            start,
        };
        Ok(&self.members.entry(path).or_insert(spooled).member)
    }

    /// Writes a member at the end of the spool, compressed if that makes it smaller. Gives nothing
    /// for one that is too large.
    fn spool(
        &mut self,
        mut content: impl Read,
        compress: bool,
    ) -> io::Result<Option<(Measured, Option<Packed>)>> {
        self.spool.seek(SeekFrom::Start(self.spooled))?;
        self.scratch.rewind()?;
        let mut whole = Measured::default();
        let mut encoder = compress.then(|| {
            let packed = Measuring {
                measured: Measured::default(),
                out: &self.scratch,
            };
            DeflateEncoder::new(packed, Compression::new(LEVEL))
        });
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let bytes = fill(&mut content, &mut chunk)?;
            if bytes.is_empty() {
                break;
            }
            whole.update(bytes);
            if whole.size > MEMBER_BYTES_MAX {
                return Ok(None);
            }
            self.spool.write_all(bytes)?;
            if let Some(encoder) = &mut encoder {
                encoder.write_all(bytes)?;
            }
        }
        let packed = encoder.map(DeflateEncoder::finish).transpose()?;
        let packed = packed
            .map(|packed| packed.measured)
            .filter(|packed| packed.size < whole.size);
        if let Some(packed) = &packed {
            self.take_scratch(packed.size)?;
        }
        let packed = packed.map(|packed| Packed {
            sha256: digest_of(packed.sha256),
            size: packed.size,
        });
        Ok(Some((whole, packed)))
    }

    /// Puts the compressed bytes where the whole ones lie in the spool.
    fn take_scratch(&mut self, bytes: u64) -> io::Result<()> {
        self.scratch.rewind()?;
        self.spool.seek(SeekFrom::Start(self.spooled))?;
        io::copy(&mut (&self.scratch).take(bytes), &mut self.spool)?;
        self.spool.set_len(self.spooled + bytes)
    }

    /// The members that were added, sorted by path.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values().map(|spooled| &spooled.member)
    }

    /// The manifest that [`finish`](Self::finish) will write, for whoever signs it: with all
    /// members, whatever was there.
    ///
    /// # Errors
    /// When it contradicts itself.
    pub fn complete(&self, mut manifest: Manifest) -> Result<Manifest, ArchiveError> {
        manifest.members = self.members().cloned().collect();
        // What is written is what a reader will take it for.
        Ok(Manifest::parse(&manifest.to_bytes())?)
    }

    /// Writes the bundle, and gives the [complete](Self::complete) manifest.
    ///
    /// # Errors
    /// When the manifest contradicts itself, the bundle is too large, or it can't be written; then
    /// whatever was at its place is as it was.
    pub fn finish(
        mut self,
        manifest: Manifest,
        attachments: &Attachments,
    ) -> Result<Manifest, ArchiveError> {
        let manifest = self.complete(manifest)?;
        let members: Result<Vec<Placed>, ArchiveError> =
            self.members.values().map(Spooled::placed).collect();
        let contents = Contents {
            time: self.time,
            manifest: &manifest.to_bytes(),
            members: &members?,
            attachments,
        };
        contents.write(&mut self.spool, &self.out, self.existing)?;
        Ok(manifest)
    }
}

/// Size, digest and checksum of bytes that pass by.
#[derive(Default)]
struct Measured {
    sha256: Sha256,
    crc: Crc,
    size: u64,
}

impl Measured {
    fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
    }
}

/// Measures what is written.
struct Measuring<'a> {
    measured: Measured,
    out: &'a File,
}

impl Write for Measuring<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.measured.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Reads until the chunk is full or nothing is left, so that deflate is fed in the same portions
/// however the content comes.
fn fill<'a>(content: &mut impl Read, chunk: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    while let Some(rest) = chunk.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match content.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(chunk.get(..filled).unwrap_or_default())
}
