//! The file behind a cassette: opened, checked, appended to.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::frame::{
    self, Chain, End, Entry, Frame, Frames, MAGIC, Next, SharedTerms, StoredExchange,
};
use super::index::{Index, Spot};
use super::reading::{CONVERSATION_BYTES_MAX, weight};
use super::{CassetteError, Header, Place, Redactor, Retained};
use crate::chat::{Digest, Message, Terms, Tools, pack};

/// What a call asked.
pub(super) struct Asked<'a> {
    pub(super) tools: &'a Tools,
    pub(super) terms: &'a Terms,
    pub(super) messages: &'a [Message],
}

/// Whether there may be more, and what stands behind the last exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// To be read only.
    Reading,
    /// Nothing stands there.
    Recording,
    /// The rest of a frame that wasn't written to its end.
    Torn,
    /// The mark that it is finished.
    Finished,
}

/// A file, and where everything in it stands.
pub(super) struct State {
    /// Nothing until something is written: a run that fails before leaves no file behind.
    file: Option<File>,
    /// What the file starts with, while it isn't written.
    start: Vec<u8>,
    pub(super) index: Index,
    /// Where the next frame goes, in bytes from the start of the file.
    end: u64,
    /// The chain up to there.
    chain: Chain,
    phase: Phase,
}

impl State {
    /// The file is made with the first recording, before it if whoever records asks for that, or
    /// when the cassette is finished.
    pub(super) fn create(path: &Path, header: &Header) -> Result<Self, CassetteError> {
        if path.exists() {
            return Err(CassetteError::Exists {
                path: path.to_owned(),
            });
        }
        Self::begin(path, None, header)
    }

    /// What will be a cassette with this header, in place of whatever is in the file.
    fn begin(path: &Path, file: Option<File>, header: &Header) -> Result<Self, CassetteError> {
        let entries = [Entry::Header(header.clone())];
        let (frame, chain) = frame::seal(path, Chain::start(), &entries)?;
        let start = [&MAGIC, frame.as_slice()].concat();
        Ok(Self {
            file,
            index: Index::default(),
            end: start.len() as u64,
            start,
            chain,
            phase: Phase::Torn,
        })
    }

    pub(super) fn open(path: &Path) -> Result<(Header, Self), CassetteError> {
        let file = File::open(path).map_err(CassetteError::io(path, "open"))?;
        let (header, mut state) = Self::scan(path, file)?;
        let path = path.to_owned();
        match (state.phase, header) {
            (Phase::Finished, Some(header)) => {
                state.phase = Phase::Reading;
                Ok((header, state))
            }
            (Phase::Torn, _) => Err(CassetteError::CutShort {
                path,
                at: state.end,
            }),
            _ => Err(CassetteError::Unfinished { path }),
        }
    }

    pub(super) fn extend(path: &Path, header: &Header) -> Result<(Header, Self), CassetteError> {
        if !path.exists() {
            return Ok((header.clone(), Self::create(path, header)?));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map_err(CassetteError::io(path, "open"))?;
        lock(path, &file)?;
        match Self::scan(path, file)? {
            (Some(found), state) => Ok((found, state)),
            // It was cut off before its header was whole.
            (None, state) => Ok((header.clone(), Self::begin(path, state.file, header)?)),
        }
    }

    /// Reads and checks all of a file; without a header, it ends in the middle of it.
    fn scan(path: &Path, file: File) -> Result<(Option<Header>, Self), CassetteError> {
        let copy = file.try_clone().map_err(CassetteError::io(path, "open"))?;
        let mut input = BufReader::new(copy);
        let mut state = Self {
            file: Some(file),
            start: Vec::new(),
            index: Index::default(),
            end: 0,
            chain: Chain::start(),
            phase: Phase::Recording,
        };
        if !read_magic(path, &mut input)? {
            state.phase = Phase::Torn;
            return Ok((None, state));
        }
        let mut header = None;
        let mut frames = Frames::new(path, input);
        loop {
            (state.end, state.chain) = (frames.at(), frames.chain());
            match frames.next()? {
                Next::Frame(frame) if header.is_none() => header = Some(header_of(path, frame)?),
                Next::Frame(frame) => {
                    if state.take(path, &frame)? {
                        state.phase = Phase::Finished;
                        return nothing_follows(path, &mut frames).map(|()| (header, state));
                    }
                }
                Next::Torn => {
                    state.phase = Phase::Torn;
                    return Ok((header, state));
                }
                Next::End => return Ok((header, state)),
            }
        }
    }

    /// Takes a frame into the index; whether it is the end.
    fn take(&mut self, path: &Path, frame: &Frame) -> Result<bool, CassetteError> {
        let damaged = |reason| CassetteError::damaged(path, frame.at, reason);
        if let [Entry::End(end)] = frame.entries.as_slice() {
            let here = self.end_mark(path)?;
            return (*end == here)
                .then_some(true)
                .ok_or_else(|| damaged("it marks the end of something else"));
        }
        let exchanges = frame
            .entries
            .iter()
            .filter(|entry| matches!(entry, Entry::Exchange(_)))
            .count();
        if exchanges != 1 || !matches!(frame.entries.last(), Some(Entry::Exchange(_))) {
            return Err(damaged("it doesn't end with its one exchange"));
        }
        for (number, entry) in frame.entries.iter().enumerate() {
            let spot = Spot {
                at: frame.at,
                entry: number,
            };
            self.index.add(entry, spot).map_err(damaged)?;
        }
        Ok(false)
    }

    fn end_mark(&self, path: &Path) -> Result<End, CassetteError> {
        let exchanges = u32::try_from(self.index.len())
            .map_err(|_| CassetteError::damaged(path, self.end, "there are too many exchanges"))?;
        Ok(End {
            exchanges,
            chain: self.chain,
        })
    }

    pub(super) fn record(
        &mut self,
        path: &Path,
        redactor: &Redactor,
        place: &Place<'_>,
        asked: &Asked<'_>,
        retained: &Retained,
    ) -> Result<(), CassetteError> {
        if self.phase == Phase::Reading {
            return Err(CassetteError::ReadOnly {
                path: path.to_owned(),
            });
        }
        if self.index.find(place).is_some() {
            return Err(CassetteError::Recorded {
                path: path.to_owned(),
                episode: place.episode.to_owned(),
                step: place.step,
                role: place.role,
            });
        }
        let mark = self.index.mark();
        let recorded = self
            .draft(path, redactor, place, asked, retained)
            .and_then(|entries| self.append(path, &entries));
        if recorded.is_err() {
            self.index.back_to(&mark);
        }
        recorded
    }

    /// The entries of a call: what isn't on the cassette yet, then the exchange.
    fn draft(
        &mut self,
        path: &Path,
        redactor: &Redactor,
        place: &Place<'_>,
        asked: &Asked<'_>,
        retained: &Retained,
    ) -> Result<Vec<Entry>, CassetteError> {
        let bytes = asked.messages.iter().map(weight).sum();
        if bytes > CONVERSATION_BYTES_MAX {
            return Err(CassetteError::TooLarge {
                path: path.to_owned(),
                bytes,
                bytes_max: CONVERSATION_BYTES_MAX,
            });
        }
        let mut draft = Draft {
            at: self.end,
            entries: Vec::new(),
        };
        let full = |reason: &'static str| CassetteError::damaged(path, self.end, reason);
        let index = &mut self.index;
        let tools = draft
            .share(&mut index.tools, asked.tools.digest(), || {
                let tools = redactor.tools(asked.tools.list());
                (Digest::of(&pack(&tools)), Entry::Tools(tools))
            })
            .map_err(full)?;
        let shared = |terms: Terms| SharedTerms { tools, terms };
        let digest = Digest::of(&pack(&shared(asked.terms.clone())));
        let terms = draft
            .share(&mut index.terms, digest, || {
                let terms = shared(redactor.terms(asked.terms));
                (Digest::of(&pack(&terms)), Entry::Terms(Box::new(terms)))
            })
            .map_err(full)?;
        let mut messages = Vec::with_capacity(asked.messages.len());
        for message in asked.messages {
            let number = draft.share(&mut index.messages, Digest::of(&pack(message)), || {
                let message = redactor.message(message);
                (Digest::of(&pack(&message)), Entry::Message(message))
            });
            messages.push(number.map_err(full)?);
        }
        let (leading, messages) = index.shorten(place.episode, place.role, &messages);
        draft.entries.push(Entry::Exchange(Box::new(StoredExchange {
            episode: place.episode.to_owned(),
            role: place.role,
            step: place.step,
            occurrence: place.occurrence,
            request: place.request,
            terms,
            leading,
            messages,
            retained: redactor.retained(retained.clone()),
        })));
        Ok(draft.entries)
    }

    /// Writes a frame with these entries, the last of which is an exchange.
    fn append(&mut self, path: &Path, entries: &[Entry]) -> Result<(), CassetteError> {
        let (frame, chain) = frame::seal(path, self.chain, entries)?;
        self.write(path, &frame)?;
        if let Some((exchange, shared)) = entries.split_last() {
            let spot = Spot {
                at: self.end,
                entry: shared.len(),
            };
            self.index
                .add(exchange, spot)
                .map_err(|reason| CassetteError::damaged(path, self.end, reason))?;
        }
        self.end += frame.len() as u64;
        self.chain = chain;
        Ok(())
    }

    /// Makes the file, if that is still to be done.
    pub(super) fn start(&mut self, path: &Path) -> Result<(), CassetteError> {
        if self.start.is_empty() {
            return Ok(());
        }
        self.write(path, &[])
    }

    pub(super) fn finish(&mut self, path: &Path) -> Result<(), CassetteError> {
        if matches!(self.phase, Phase::Reading | Phase::Finished) {
            return Ok(());
        }
        let entries = [Entry::End(self.end_mark(path)?)];
        let (frame, _) = frame::seal(path, self.chain, &entries)?;
        // The mark must not reach the disk before what it vouches for.
        self.sync(path)?;
        self.write(path, &frame)?;
        self.phase = Phase::Torn;
        self.sync(path)?;
        self.phase = Phase::Finished;
        Ok(())
    }

    fn sync(&self, path: &Path) -> Result<(), CassetteError> {
        let synced = self.file.as_ref().map_or(Ok(()), File::sync_all);
        synced.map_err(CassetteError::io(path, "save"))
    }

    /// One write at the end of what counts, after what stands there otherwise has been cut off.
    /// Before the first, the start is written.
    fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), CassetteError> {
        let cut = self.phase != Phase::Recording;
        self.phase = Phase::Torn;
        let at = self.end.saturating_sub(self.start.len() as u64);
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(make(path)?),
        };
        let written = (|| {
            if cut {
                file.set_len(at)?;
            }
            file.seek(SeekFrom::Start(at))?;
            file.write_all(&self.start)?;
            file.write_all(bytes)
        })();
        written.map_err(CassetteError::io(path, "write"))?;
        self.start = Vec::new();
        self.phase = Phase::Recording;
        Ok(())
    }

    /// Whether this made or opened the file, rather than only meaning to.
    pub(super) fn has_file(&self) -> bool {
        self.file.is_some()
    }

    /// The payload of the frame that starts there.
    pub(super) fn payload(&mut self, path: &Path, at: u64) -> Result<Vec<u8>, CassetteError> {
        let unread = CassetteError::io(path, "read");
        let Some(file) = &mut self.file else {
            return Err(unread(io::ErrorKind::NotFound.into()));
        };
        file.seek(SeekFrom::Start(at)).map_err(unread)?;
        frame::read_one(path, at, file)
    }
}

/// Entries of a frame to be.
struct Draft {
    /// Where it will stand.
    at: u64,
    entries: Vec<Entry>,
}

impl Draft {
    /// The number of what is shared with other exchanges; new on the cassette if it isn't there.
    fn share(
        &mut self,
        shelf: &mut super::index::Shelf,
        before_redaction: Digest,
        redacted: impl FnOnce() -> (Digest, Entry),
    ) -> Result<u32, &'static str> {
        if let Some(number) = shelf.number(&before_redaction) {
            return Ok(number);
        }
        let (digest, entry) = redacted();
        let number = match shelf.number(&digest) {
            Some(number) => number,
            None => {
                let spot = Spot {
                    at: self.at,
                    entry: self.entries.len(),
                };
                self.entries.push(entry);
                shelf.add(digest, spot)?
            }
        };
        shelf.alias(before_redaction, number);
        Ok(number)
    }
}

/// A new file, locked; folders above it are made.
fn make(path: &Path) -> Result<File, CassetteError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(CassetteError::io(path, "make the folder of"))?;
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(path);
    let file = file.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CassetteError::Exists {
            path: path.to_owned(),
        },
        _ => CassetteError::io(path, "create")(source),
    })?;
    lock(path, &file)?;
    Ok(file)
}

fn lock(path: &Path, file: &File) -> Result<(), CassetteError> {
    file.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => CassetteError::Busy {
            path: path.to_owned(),
        },
        TryLockError::Error(source) => CassetteError::io(path, "lock")(source),
    })
}

/// Whether the magic is there; not, if the file ends within it.
fn read_magic(path: &Path, input: &mut impl Read) -> Result<bool, CassetteError> {
    let mut found = Vec::new();
    input
        .take(MAGIC.len() as u64)
        .read_to_end(&mut found)
        .map_err(CassetteError::io(path, "read"))?;
    let [letters @ .., wanted] = MAGIC;
    match found.as_slice() {
        found if found == MAGIC => Ok(true),
        found if MAGIC.starts_with(found) => Ok(false),
        [start @ .., version] if start == letters => Err(CassetteError::OtherVersion {
            path: path.to_owned(),
            found: *version,
            wanted,
        }),
        _ => Err(CassetteError::NotACassette {
            path: path.to_owned(),
        }),
    }
}

fn header_of(path: &Path, frame: Frame) -> Result<Header, CassetteError> {
    match <[Entry; 1]>::try_from(frame.entries) {
        Ok([Entry::Header(header)]) => Ok(header),
        _ => Err(CassetteError::damaged(
            path,
            frame.at,
            "it isn't the header",
        )),
    }
}

fn nothing_follows<R: Read>(path: &Path, frames: &mut Frames<'_, R>) -> Result<(), CassetteError> {
    let at = frames.at();
    match frames.next() {
        Ok(Next::End) => Ok(()),
        _ => Err(CassetteError::damaged(path, at, "it follows after the end")),
    }
}
