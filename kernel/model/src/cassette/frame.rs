//! How entries become bytes: frames, each checked against all that stand before it.
//!
//! `docs/cassettes.md` describes the format for those who read it with other software.

use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{CassetteError, Header, Retained};
use crate::chat::{Digest, Message, Role, Terms, Tool, pack};

/// How a cassette starts: seven letters, then the format's version.
pub(super) const MAGIC: [u8; 8] = *b"PCASSET\x01";
/// Most bytes of a frame, compressed.
pub const FRAME_BYTES_MAX: usize = 32 << 20;
/// Most bytes of a frame, decompressed: a reply of the largest size, and what was new in its
/// request.
pub const UNPACKED_BYTES_MAX: usize = 32 << 20;

/// Bytes before a frame's payload: its length, the length's check, the frame's check.
const HEAD_BYTES: usize = 16;
/// Largest window of the compression: 2^23 bytes. A reader sets it aside before it has seen what
/// is compressed.
const WINDOW_BYTES_LOG2_MAX: u32 = 23;
const COMPRESSION_LEVEL: i32 = 3;

/// One thing on a cassette.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Entry {
    /// What the recording is of. First, and alone in its frame.
    Header(Header),
    /// A list of tools.
    Tools(Vec<Tool>),
    /// What requests have besides tools and messages.
    Terms(Box<SharedTerms>),
    /// A message.
    Message(Message),
    /// An exchange; last in its frame, after what it needs that wasn't there before.
    Exchange(Box<StoredExchange>),
    /// The recording is whole. Last, and alone in its frame.
    End(End),
}

/// Terms, and the number of their list of tools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SharedTerms {
    pub(super) tools: u32,
    pub(super) terms: Terms,
}

/// An exchange. What it shares with others stands there by its number: the how many-th of its
/// kind on this cassette, from 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredExchange {
    pub(super) episode: String,
    pub(super) role: Role,
    pub(super) step: u32,
    pub(super) occurrence: u32,
    pub(super) request: Digest,
    pub(super) terms: u32,
    pub(super) leading: Option<Leading>,
    pub(super) messages: Vec<u32>,
    pub(super) retained: Retained,
}

/// The messages that a conversation begins with: so many as of an earlier exchange's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Leading {
    pub(super) exchange: u32,
    pub(super) messages: u32,
}

/// What stands before the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct End {
    pub(super) exchanges: u32,
    pub(super) chain: Chain,
}

/// SHA-256 over everything up to the end of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chain([u8; 32]);

impl Chain {
    /// Over the magic alone.
    pub(super) fn start() -> Self {
        Self(Sha256::digest(MAGIC).into())
    }

    fn after(self, length: [u8; 4], payload: &[u8]) -> Self {
        let hash = Sha256::new()
            .chain_update(self.0)
            .chain_update(length)
            .chain_update(payload);
        Self(hash.finalize().into())
    }

    /// What stands before a payload, and the chain after it. The length has a check of its own:
    /// without it, a damaged length couldn't be told from a frame that was cut off.
    fn head(self, payload: &[u8]) -> Option<([u8; HEAD_BYTES], Self)> {
        let length = u32::try_from(payload.len()).ok()?.to_le_bytes();
        let next = self.after(length, payload);
        let mut head = [0; HEAD_BYTES];
        let parts = length
            .into_iter()
            .chain(self.after(length, b"").0.into_iter().take(4))
            .chain(next.0.into_iter().take(8));
        head.iter_mut().zip(parts).for_each(|(to, part)| *to = part);
        Some((head, next))
    }
}

/// A frame with these entries, and the chain after it.
pub(super) fn seal(
    path: &Path,
    chain: Chain,
    entries: &[Entry],
) -> Result<(Vec<u8>, Chain), CassetteError> {
    let too_large = |bytes, bytes_max| CassetteError::TooLarge {
        path: path.to_owned(),
        bytes,
        bytes_max,
    };
    let packed = pack(entries);
    if packed.len() > UNPACKED_BYTES_MAX {
        return Err(too_large(packed.len(), UNPACKED_BYTES_MAX));
    }
    let payload = zstd::bulk::compress(&packed, COMPRESSION_LEVEL)
        .map_err(CassetteError::io(path, "compress a recording for"))?;
    let (head, next) = chain
        .head(&payload)
        .filter(|_| payload.len() <= FRAME_BYTES_MAX)
        .ok_or_else(|| too_large(payload.len(), FRAME_BYTES_MAX))?;
    Ok(([&head, payload.as_slice()].concat(), next))
}

/// What a read of the next frame found.
pub(super) enum Next {
    /// A frame that is whole.
    Frame(Frame),
    /// The end of the file, where a frame could start.
    End,
    /// Fewer bytes than the frame has.
    Torn,
}

/// A frame that was read.
pub(super) struct Frame {
    /// Where it starts, in bytes from the start of the file.
    pub(super) at: u64,
    pub(super) entries: Vec<Entry>,
}

/// Reads one frame after the other.
pub(super) struct Frames<'a, R> {
    path: &'a Path,
    input: R,
    at: u64,
    chain: Chain,
}

impl<'a, R: Read> Frames<'a, R> {
    /// The frames behind the magic, which has been read.
    pub(super) fn new(path: &'a Path, input: R) -> Self {
        Self {
            path,
            input,
            at: MAGIC.len() as u64,
            chain: Chain::start(),
        }
    }

    /// Where the next frame starts.
    pub(super) fn at(&self) -> u64 {
        self.at
    }

    /// The chain up to there.
    pub(super) fn chain(&self) -> Chain {
        self.chain
    }

    pub(super) fn next(&mut self) -> Result<Next, CassetteError> {
        let (path, at, before) = (self.path, self.at, self.chain);
        let damaged = |reason: &str| CassetteError::damaged(path, at, reason);
        let Some(head) = self.head()? else {
            return Ok(Next::End);
        };
        let Some((length, length_check)) = length_of(&head) else {
            return Ok(Next::Torn);
        };
        if before.after(length, b"").0.get(..4) != Some(&length_check[..]) {
            return Err(damaged("the check of its length doesn't match"));
        }
        let payload = self.payload(u32::from_le_bytes(length))?;
        let Some(payload) = payload else {
            return Ok(Next::Torn);
        };
        let (expected, next) = before.head(&payload).ok_or_else(|| damaged("too long"))?;
        if expected[..] != head[..] {
            return Err(damaged("its check doesn't match its bytes"));
        }
        let packed = unpack(&payload).map_err(|reason| damaged(&reason))?;
        let entries = parse(&packed).map_err(|reason| damaged(&reason))?;
        // The same content has one spelling only: nothing can hide in another.
        if pack(&entries) != packed {
            return Err(damaged("its content isn't spelled canonically"));
        }
        self.chain = next;
        self.at += (HEAD_BYTES + payload.len()) as u64;
        Ok(Next::Frame(Frame { at, entries }))
    }

    /// The next head, as much of it as there is; nothing at the end of the file.
    fn head(&mut self) -> Result<Option<Vec<u8>>, CassetteError> {
        let head = read_up_to(&mut self.input, HEAD_BYTES)
            .map_err(CassetteError::io(self.path, "read"))?;
        Ok((!head.is_empty()).then_some(head))
    }

    /// The next payload; nothing if the file ends before it does.
    fn payload(&mut self, length: u32) -> Result<Option<Vec<u8>>, CassetteError> {
        let length = usize::try_from(length)
            .ok()
            .filter(|length| *length <= FRAME_BYTES_MAX)
            .ok_or_else(|| CassetteError::damaged(self.path, self.at, "it is too long"))?;
        let payload =
            read_up_to(&mut self.input, length).map_err(CassetteError::io(self.path, "read"))?;
        Ok((payload.len() == length).then_some(payload))
    }
}

/// The payload of the frame that starts where the input stands. Its check was looked at when the
/// cassette was opened.
pub(super) fn read_one(
    path: &Path,
    at: u64,
    input: &mut impl Read,
) -> Result<Vec<u8>, CassetteError> {
    let mut frames = Frames {
        path,
        input,
        at,
        chain: Chain::start(),
    };
    let length = frames
        .head()?
        .and_then(|head| length_of(&head))
        .map(|(length, _)| u32::from_le_bytes(length));
    let payload = match length {
        Some(length) => frames.payload(length)?,
        None => None,
    };
    payload.ok_or_else(|| CassetteError::damaged(path, at, "it was there before and is gone"))
}

/// The entries in a payload, and how many bytes they have when decompressed.
pub(super) fn open(
    path: &Path,
    at: u64,
    payload: &[u8],
) -> Result<(Vec<Entry>, usize), CassetteError> {
    unpack(payload)
        .and_then(|packed| Ok((parse(&packed)?, packed.len())))
        .map_err(|reason| CassetteError::damaged(path, at, reason))
}

fn length_of(head: &[u8]) -> Option<([u8; 4], [u8; 4])> {
    let whole = head.first_chunk::<HEAD_BYTES>()?;
    let check = whole.get(4..)?.first_chunk::<4>()?;
    Some((*whole.first_chunk::<4>()?, *check))
}

/// As many bytes as there are, up to `bytes`. Memory grows with what is there, not with what is
/// claimed.
fn read_up_to(input: &mut impl Read, bytes: usize) -> io::Result<Vec<u8>> {
    let mut read = Vec::new();
    input.take(bytes as u64).read_to_end(&mut read)?;
    Ok(read)
}

fn unpack(payload: &[u8]) -> Result<Vec<u8>, String> {
    let unreadable = |error: io::Error| format!("it can't be decompressed: {error}");
    let mut decoder = zstd::Decoder::with_buffer(payload)
        .map_err(unreadable)?
        .single_frame();
    decoder
        .window_log_max(WINDOW_BYTES_LOG2_MAX)
        .map_err(unreadable)?;
    let packed = read_up_to(&mut decoder, UNPACKED_BYTES_MAX + 1).map_err(unreadable)?;
    if packed.len() > UNPACKED_BYTES_MAX {
        return Err(format!(
            "it has more than {UNPACKED_BYTES_MAX} bytes when decompressed"
        ));
    }
    Ok(packed)
}

fn parse(packed: &[u8]) -> Result<Vec<Entry>, String> {
    rmp_serde::from_slice(packed).map_err(|error| format!("it can't be understood: {error}"))
}
