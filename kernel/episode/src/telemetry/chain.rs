//! The chain that holds a run's lines together: writing lines along it, and reading them back.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::error::{ResumeError, TelemetryError};
use crate::canonical;
use crate::error::json_reason;

/// Longest line that is read back, in bytes.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// Why a line could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryReadError {
    /// Reading failed.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A line is not what was written.
    #[error("line {line} is not as it was written: {reason}")]
    Broken {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

impl TelemetryReadError {
    /// The same, with the file that was read.
    #[must_use]
    pub fn at(self, path: &Path) -> TelemetryError {
        let path = path.to_owned();
        match self {
            Self::Io(source) => TelemetryError::Io { path, source },
            Self::Broken { line, reason } => TelemetryError::Resume {
                path,
                reason: ResumeError::Broken { line, reason },
            },
        }
    }
}

/// One line, as it was written.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TelemetryLine {
    /// The line's chain, 64 hexadecimal digits.
    pub chain: String,
    /// Name of the event.
    pub event: String,
    /// What the event says.
    pub fields: Json,
    /// Number of the line, from 0.
    pub seq: u64,
    /// What no hash covers; null where there is nothing such.
    #[serde(default)]
    pub wall: Json,
}

impl TelemetryLine {
    /// `"event":…,"fields":…`: what the chain covers, but for the line's number.
    pub(super) fn body(&self) -> String {
        body(&self.event, &canonical::to_string(&self.fields))
    }

    /// The line as the published schema describes it.
    #[must_use]
    pub fn into_value(self) -> Json {
        let mut line = serde_json::Map::new();
        line.insert("chain".to_owned(), self.chain.into());
        line.insert("event".to_owned(), self.event.into());
        line.insert("fields".to_owned(), self.fields);
        line.insert("seq".to_owned(), self.seq.into());
        if !self.wall.is_null() {
            line.insert("wall".to_owned(), self.wall);
        }
        line.into()
    }

    /// Id of the episode that the line belongs to, if it does to one.
    #[must_use]
    pub fn episode(&self) -> Option<&str> {
        self.fields["gen_ai.conversation.id"].as_str()
    }
}

fn body(event: &str, fields: &str) -> String {
    let event = canonical::to_string(event);
    format!("\"event\":{event},\"fields\":{fields}")
}

/// A line of which only the chain matters, its fields not taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelemetryLink {
    /// The line's chain.
    pub chain: String,
    /// Name of the event.
    pub event: String,
}

/// A line whose fields are rewritten in canonical form as they are read: what a [`TelemetryLine`]
/// gives, for less.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rewritten {
    chain: String,
    event: String,
    fields: canonical::Text,
    seq: u64,
    #[serde(default, rename = "wall")]
    _wall: Option<canonical::Text>,
}

/// A place between two lines, from which a chain can be gone on with.
#[derive(Clone, Debug, Default)]
pub(super) struct Mark {
    /// Bytes of the lines before.
    pub(super) bytes: u64,
    /// Number of lines before.
    pub(super) seq: u64,
    /// Chain of the line before; empty for the first.
    pub(super) chain: String,
}

impl Mark {
    /// Appends a line to `bytes` and moves on behind it.
    pub(super) fn append<W: Serialize>(
        &mut self,
        bytes: &mut Vec<u8>,
        body: &str,
        wall: Option<&W>,
    ) {
        let before = bytes.len();
        let chain = link(&self.chain, body, self.seq);
        bytes.extend_from_slice(b"{\"chain\":\"");
        bytes.extend_from_slice(chain.as_bytes());
        bytes.extend_from_slice(b"\",");
        bytes.extend_from_slice(body.as_bytes());
        bytes.extend_from_slice(format!(",\"seq\":{}", self.seq).as_bytes());
        if let Some(wall) = wall {
            bytes.extend_from_slice(b",\"wall\":");
            canonical::write(bytes, wall);
        }
        bytes.extend_from_slice(b"}\n");
        self.bytes += (bytes.len() - before) as u64;
        self.seq += 1;
        self.chain = chain;
    }
}

/// The chain of a line: of what came before and the line's own canonical event.
fn link(before: &str, body: &str, seq: u64) -> String {
    let digest = Sha256::new()
        .chain_update(before)
        .chain_update(b"{")
        .chain_update(body)
        .chain_update(format!(",\"seq\":{seq}}}"))
        .finalize();
    let mut hex = String::with_capacity(64);
    for byte in digest {
        hex.push(char::from(b"0123456789abcdef"[usize::from(byte >> 4)]));
        hex.push(char::from(b"0123456789abcdef"[usize::from(byte & 15)]));
    }
    hex
}

/// Checks a telemetry file's chain from its first line to its last; says how many lines hold.
///
/// # Errors
/// At the first line that was altered, added, dropped or cut short.
pub fn verify_chain(path: &Path) -> Result<u64, TelemetryError> {
    let file = File::open(path).map_err(|error| TelemetryReadError::Io(error).at(path))?;
    let mut lines = TelemetryReader::new(file);
    while lines.next_link().map_err(|error| error.at(path))?.is_some() {}
    Ok(lines.lines())
}

/// Telemetry read back line by line, each held to the chain.
pub struct TelemetryReader<R> {
    reader: BufReader<R>,
    mark: Mark,
    text: Vec<u8>,
}

impl<R: Read> TelemetryReader<R> {
    /// Reads a run from its first line on.
    pub fn new(source: R) -> Self {
        Self::behind(source, Mark::default())
    }

    /// Reads on behind `mark`, where `source` already is.
    pub(super) fn behind(source: R, mark: Mark) -> Self {
        Self {
            reader: BufReader::new(source),
            mark,
            text: Vec::new(),
        }
    }

    /// Number of lines read so far.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.mark.seq
    }

    /// Where the next line begins.
    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// The next line; nothing behind the last.
    ///
    /// # Errors
    /// At a line that was altered, added, dropped or cut short, the last one included.
    pub fn next_line(&mut self) -> Result<Option<TelemetryLine>, TelemetryReadError> {
        let line = self.next_whole_line()?;
        self.check_end(line.is_none())?;
        Ok(line)
    }

    /// As [`Self::next_line`], for whoever only wants to know that the lines hold, or whether
    /// they are those of another run: several times as fast.
    ///
    /// # Errors
    /// As [`Self::next_line`].
    pub fn next_link(&mut self) -> Result<Option<TelemetryLink>, TelemetryReadError> {
        if !self.read_text()? {
            self.check_end(true)?;
            return Ok(None);
        }
        // Telemetry as it is written here has its keys sorted. What hasn't may be a line all the
        // same, and if not, what is wrong with it is said by who reads it whole.
        let Ok(line) = serde_json::from_slice::<Rewritten>(&self.text) else {
            let TelemetryLine { chain, event, .. } = self.held_line()?;
            return Ok(Some(TelemetryLink { chain, event }));
        };
        let body = body(&line.event, &line.fields.0);
        self.hold(line.seq, &line.chain, &body)?;
        Ok(Some(TelemetryLink {
            chain: line.chain,
            event: line.event,
        }))
    }

    /// The line that was read last, whole.
    pub(super) fn last_line(&self) -> Result<TelemetryLine, TelemetryReadError> {
        self.parse()
    }

    /// As [`Self::next_line`], but a last line that was cut short is none: whoever wrote it was
    /// interrupted.
    pub(super) fn next_whole_line(&mut self) -> Result<Option<TelemetryLine>, TelemetryReadError> {
        match self.read_text()? {
            true => self.held_line().map(Some),
            false => Ok(None),
        }
    }

    /// Reads the next line's text; says whether there is a whole line.
    fn read_text(&mut self) -> Result<bool, TelemetryReadError> {
        self.text.clear();
        let mut limited = (&mut self.reader).take(LINE_BYTES_MAX);
        let read = limited.read_until(b'\n', &mut self.text)? as u64;
        let whole = self.text.last() == Some(&b'\n');
        if !whole && read == LINE_BYTES_MAX {
            return Err(self.broken(format!("it has more than {LINE_BYTES_MAX} bytes")));
        }
        Ok(whole)
    }

    fn check_end(&self, ended: bool) -> Result<(), TelemetryReadError> {
        match ended && !self.text.is_empty() {
            true => Err(self.broken("it is cut short")),
            false => Ok(()),
        }
    }

    fn held_line(&mut self) -> Result<TelemetryLine, TelemetryReadError> {
        let line = self.parse()?;
        self.hold(line.seq, &line.chain, &line.body())?;
        Ok(line)
    }

    /// Moves on behind the line that was read, if it fits to those before.
    fn hold(&mut self, seq: u64, chain: &str, body: &str) -> Result<(), TelemetryReadError> {
        if seq != self.mark.seq {
            return Err(self.broken("it is out of sequence"));
        }
        let found = link(&self.mark.chain, body, seq);
        if chain != found {
            return Err(self.broken("its chain doesn't fit"));
        }
        self.mark.chain = found;
        self.mark.seq += 1;
        self.mark.bytes += self.text.len() as u64;
        Ok(())
    }

    fn parse(&self) -> Result<TelemetryLine, TelemetryReadError> {
        serde_json::from_slice(&self.text).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => self.broken(format!(
                "it is no line of telemetry: {}",
                json_reason(&error)
            )),
            _ => self.broken(format!("it is no JSON from column {} on", error.column())),
        })
    }

    fn broken(&self, reason: impl Into<String>) -> TelemetryReadError {
        TelemetryReadError::Broken {
            line: self.mark.seq + 1,
            reason: reason.into(),
        }
    }
}
