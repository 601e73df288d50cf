//! Reading a member, checked on the way: nobody gets its last byte unless all of it is right.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use flate2::{Crc, Decompress, FlushDecompress, Status};
use proctor_host::Digest;
use sha2::{Digest as _, Sha256};

use super::layout::Placed;
use super::{ArchiveError, CHUNK_BYTES};
use crate::manifest::Member;

/// Where a bundle's bytes come from.
pub(super) trait Source: Read + Seek + Send {}

impl<T: Read + Seek + Send> Source for T {}

/// A source that several readers share: each says where it wants to read.
pub(super) type Shared = Mutex<Box<dyn Source>>;

/// A stretch of a source, digested as it is read.
struct Section<'a> {
    source: &'a Shared,
    at: u64,
    left: u64,
    /// Absent where the digest of what is read says the same.
    sha256: Option<Sha256>,
}

impl Read for Section<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = wanted.min(buffer.len());
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        // Each reading begins with a seek, so one that panicked leaves nothing behind.
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        source.seek(SeekFrom::Start(self.at))?;
        let count = source.read(buffer)?;
        drop(source);
        self.at += count as u64;
        self.left -= count as u64;
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(buffer.get(..count).unwrap_or_default());
        }
        Ok(count)
    }
}

/// Deflated bytes, inflated. Unlike a usual decoder it knows whether the stream came to its end.
struct Inflate<'a> {
    packed: BufReader<Section<'a>>,
    state: Decompress,
    ended: bool,
}

impl Inflate<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while !self.ended {
            let input = self.packed.fill_buf()?;
            let (before_in, before_out) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(input, buffer, FlushDecompress::None)
                .map_err(|_| io::ErrorKind::InvalidData)?;
            let read = (self.state.total_in() - before_in) as usize;
            let written = (self.state.total_out() - before_out) as usize;
            let stuck = input.is_empty() || read == 0;
            self.packed.consume(read);
            self.ended = status == Status::StreamEnd;
            if written > 0 {
                return Ok(written);
            }
            if stuck && !self.ended {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(0)
    }
}

enum Content<'a> {
    Stored(BufReader<Section<'a>>),
    Deflated(Box<Inflate<'a>>),
}

/// Reads a member.
///
/// It gives no more than the size in the manifest, and its last bytes only once size, checksum and
/// both digests are found right; otherwise it ends with an error that is an [`ArchiveError`].
pub struct MemberReader<'a> {
    member: &'a Member,
    content: Content<'a>,
    crc_expected: u32,
    crc: Crc,
    sha256: Sha256,
    left: u64,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Right,
    Wrong,
}

impl<'a> MemberReader<'a> {
    pub(super) fn new(source: &'a Shared, member: &'a Member, placed: &Placed) -> Self {
        let section = Section {
            source,
            at: placed.start,
            left: u64::from(placed.entry.packed_size),
            sha256: member.packed.as_ref().map(|_| Sha256::new()),
        };
        let buffered = BufReader::with_capacity(CHUNK_BYTES, section);
        let content = if placed.entry.deflated {
            Content::Deflated(Box::new(Inflate {
                packed: buffered,
                state: Decompress::new(false),
                ended: false,
            }))
        } else {
            Content::Stored(buffered)
        };
        Self {
            member,
            content,
            crc_expected: placed.entry.crc,
            crc: Crc::new(),
            sha256: Sha256::new(),
            left: member.size,
            state: State::Reading,
        }
    }

    fn wrong(&self, reason: impl Into<String>) -> io::Error {
        io::Error::new(
            io::ErrorKind::InvalidData,
            ArchiveError::member(&self.member.path, reason),
        )
    }

    /// Reads on, whatever the manifest says.
    fn read_content(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let found = match &mut self.content {
            Content::Stored(stored) => return stored.read(buffer),
            Content::Deflated(inflate) => inflate.read(buffer),
        };
        found.map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                self.wrong("can't be decompressed")
            }
            _ => error,
        })
    }

    /// Reads on within the manifest's size, and looks at the whole after its last byte.
    fn read_checked(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX);
        let wanted = wanted.min(buffer.len());
        let buffer = buffer.get_mut(..wanted).unwrap_or_default();
        let count = self.read_content(buffer)?;
        if count == 0 && self.left > 0 {
            return Err(self.wrong(format!(
                "is {} bytes shorter than the manifest says",
                self.left
            )));
        }
        let bytes = buffer.get(..count).unwrap_or_default();
        self.crc.update(bytes);
        self.sha256.update(bytes);
        self.left -= count as u64;
        if self.left == 0 {
            self.check_whole()?;
            self.state = State::Right;
        }
        Ok(count)
    }

    fn check_whole(&mut self) -> io::Result<()> {
        if self.read_content(&mut [0])? > 0 {
            return Err(self.wrong(format!(
                "is longer than the {} bytes that the manifest says",
                self.member.size
            )));
        }
        if let Content::Deflated(inflate) = &self.content {
            let packed = &inflate.packed;
            if packed.get_ref().left > 0 || !packed.buffer().is_empty() {
                return Err(self.wrong("something follows its compressed bytes"));
            }
        }
        self.check_digests()
    }

    fn check_digests(&mut self) -> io::Result<()> {
        let found = digest_of(std::mem::take(&mut self.sha256));
        if found != self.member.sha256 {
            return Err(self.wrong(format!(
                "its SHA-256 is {}…, the manifest says {}…",
                found.short(),
                self.member.sha256.short()
            )));
        }
        let packed = match &mut self.content {
            Content::Deflated(inflate) => inflate.packed.get_mut().sha256.take(),
            Content::Stored(_) => None,
        };
        let packed = packed.map(digest_of);
        if packed.as_ref() != self.member.packed.as_ref().map(|packed| &packed.sha256) {
            return Err(self.wrong("its compressed bytes aren't those of the manifest"));
        }
        if self.crc.sum() != self.crc_expected {
            return Err(self.wrong("its checksum in the ZIP isn't that of its bytes"));
        }
        Ok(())
    }
}

impl Read for MemberReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.state {
            State::Right => Ok(0),
            State::Wrong => Err(self.wrong("was found wrong before")),
            State::Reading if buffer.is_empty() => Ok(0),
            State::Reading => {
                let read = self.read_checked(buffer);
                // A reading that was interrupted is begun again by whoever reads.
                if matches!(&read, Err(error) if error.kind() != io::ErrorKind::Interrupted) {
                    self.state = State::Wrong;
                }
                read
            }
        }
    }
}

pub(super) fn digest_of(sha256: Sha256) -> Digest {
    let bytes: [u8; 32] = sha256.finalize().into();
    Digest::from(bytes)
}
