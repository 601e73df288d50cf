//! The chain that holds a run's lines together, and reading them back along it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use serde_json::Value as Json;
use sha2::{Digest as _, Sha256};

use super::error::{ResumeError, TelemetryError};
use crate::canonical;

/// Longest line that is read back, in bytes.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// The chain of a line: of what came before and the line's own canonical event.
pub(super) fn link(before: &str, body: &str, seq: u64) -> String {
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
    let io = |source| TelemetryError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut lines = Lines::new(file);
    loop {
        match lines.next_line() {
            Ok(Some(_)) => {}
            Ok(None) if lines.bytes == length => return Ok(lines.seq),
            Ok(None) => {
                let line = lines.seq + 1;
                let reason = ResumeError::Broken {
                    line,
                    reason: "it is cut short".into(),
                };
                return Err(TelemetryError::Resume {
                    path: path.to_owned(),
                    reason,
                });
            }
            Err(LineError::Io(source)) => return Err(io(source)),
            Err(LineError::Broken(reason)) => {
                return Err(TelemetryError::Resume {
                    path: path.to_owned(),
                    reason,
                });
            }
        }
    }
}

/// Lines read back, each held to the chain.
pub(super) struct Lines {
    reader: BufReader<File>,
    pub(super) bytes: u64,
    pub(super) seq: u64,
    pub(super) chain: String,
}

pub(super) struct LineRead {
    pub(super) event: String,
    pub(super) fields: Json,
    pub(super) wall: Json,
}

pub(super) enum LineError {
    Io(io::Error),
    Broken(ResumeError),
}

pub(super) struct Mark {
    pub(super) bytes: u64,
    pub(super) seq: u64,
    pub(super) chain: String,
}

impl Lines {
    pub(super) fn new(file: File) -> Self {
        Self {
            reader: BufReader::new(file),
            bytes: 0,
            seq: 0,
            chain: String::new(),
        }
    }

    pub(super) fn mark(&self) -> Mark {
        Mark {
            bytes: self.bytes,
            seq: self.seq,
            chain: self.chain.clone(),
        }
    }

    /// The next whole line; nothing at the end, or where the last line was cut short.
    pub(super) fn next_line(&mut self) -> Result<Option<LineRead>, LineError> {
        let mut text = Vec::new();
        let mut limited = (&mut self.reader).take(LINE_BYTES_MAX);
        let read = limited
            .read_until(b'\n', &mut text)
            .map_err(LineError::Io)?;
        if read == 0 || text.last() != Some(&b'\n') {
            return Ok(None);
        }
        let line = self.seq + 1;
        let broken = |reason: &str| {
            LineError::Broken(ResumeError::Broken {
                line,
                reason: reason.into(),
            })
        };
        let value: Json = serde_json::from_slice(&text)
            .map_err(|error| broken(&format!("it is no JSON from column {} on", error.column())))?;
        if value["seq"].as_u64() != Some(self.seq) {
            return Err(broken("it is out of sequence"));
        }
        let body = format!(
            "\"event\":{},\"fields\":{}",
            canonical::to_string(&value["event"]),
            canonical::to_string(&value["fields"])
        );
        let chain = link(&self.chain, &body, self.seq);
        if value["chain"].as_str() != Some(chain.as_str()) {
            return Err(broken("its chain doesn't fit"));
        }
        self.chain = chain;
        self.seq += 1;
        self.bytes += read as u64;
        let event = value["event"].as_str().unwrap_or_default().to_owned();
        let fields = value.get("fields").cloned().unwrap_or_default();
        let wall = value.get("wall").cloned().unwrap_or_default();
        Ok(Some(LineRead {
            event,
            fields,
            wall,
        }))
    }
}
