//! Exchanges put together again from what they share.

use std::collections::BTreeMap;

use super::frame::{self, Entry, StoredExchange};
use super::index::Spot;
use super::{Cassette, CassetteError, Exchange};
use crate::chat::Message;

/// Most bytes of a conversation, counted as it lies in memory. A file could otherwise say a long
/// message a million times.
pub const CONVERSATION_BYTES_MAX: usize = 64 << 20;
/// Frames are kept for later exchanges until they have this many bytes, decompressed.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// How many bytes a message has.
pub(super) fn weight(message: &Message) -> usize {
    let calls = message
        .calls
        .iter()
        .map(|call| size_of_val(call) + call.id.len() + call.tool.len() + call.arguments.len());
    let answers = message.answers.as_ref().map_or(0, String::len);
    size_of_val(message) + message.text.len() + answers + calls.sum::<usize>()
}

/// Reads entries wherever they stand, and keeps the frames it read last.
pub(super) struct Reading<'a> {
    cassette: &'a Cassette,
    frames: BTreeMap<u64, Vec<Entry>>,
    bytes: usize,
}

impl<'a> Reading<'a> {
    pub(super) fn new(cassette: &'a Cassette) -> Self {
        Self {
            cassette,
            frames: BTreeMap::new(),
            bytes: 0,
        }
    }

    fn entry(&mut self, spot: Spot) -> Result<&Entry, CassetteError> {
        let path = &self.cassette.path;
        if !self.frames.contains_key(&spot.at) {
            let payload = self.cassette.lock().payload(path, spot.at)?;
            let (entries, bytes) = frame::open(path, spot.at, &payload)?;
            if self.bytes + bytes > KEPT_BYTES_MAX {
                self.frames.clear();
                self.bytes = 0;
            }
            self.bytes += bytes;
            self.frames.insert(spot.at, entries);
        }
        self.frames
            .get(&spot.at)
            .and_then(|entries| entries.get(spot.entry))
            .ok_or_else(|| self.gone(spot))
    }

    fn gone(&self, spot: Spot) -> CassetteError {
        let reason = "something else stands there than before";
        CassetteError::damaged(&self.cassette.path, spot.at, reason)
    }

    pub(super) fn exchange_at(&mut self, spot: Spot) -> Result<&StoredExchange, CassetteError> {
        let gone = self.gone(spot);
        match self.entry(spot)? {
            Entry::Exchange(exchange) => Ok(exchange),
            _ => Err(gone),
        }
    }

    /// The exchange with this number; nothing behind the last one.
    pub(super) fn exchange(&mut self, number: u32) -> Result<Option<Exchange>, CassetteError> {
        let Some(parts) = self.parts(number) else {
            return Ok(None);
        };
        let stored = self.exchange_at(parts.exchange)?.clone();
        let terms = match self.entry(parts.terms)? {
            Entry::Terms(shared) => shared.clone(),
            _ => return Err(self.gone(parts.terms)),
        };
        let tools = self.cassette.lock().index.tools.spot(terms.tools);
        let tools = tools.ok_or_else(|| self.gone(parts.terms))?;
        let tools = match self.entry(tools)? {
            Entry::Tools(tools) => tools.clone(),
            _ => return Err(self.gone(tools)),
        };
        Ok(Some(Exchange {
            episode: stored.episode,
            step: stored.step,
            role: stored.role,
            occurrence: stored.occurrence,
            request: stored.request,
            terms: terms.terms,
            tools,
            messages: self.messages(parts.exchange, &parts.messages)?,
            retained: stored.retained,
        }))
    }

    /// The messages of the exchange that stands there.
    fn messages(&mut self, of: Spot, spots: &[Spot]) -> Result<Vec<Message>, CassetteError> {
        let mut messages = Vec::new();
        let mut bytes = 0;
        for spot in spots {
            let message = match self.entry(*spot)? {
                Entry::Message(message) => message,
                _ => return Err(self.gone(*spot)),
            };
            bytes += weight(message);
            if bytes > CONVERSATION_BYTES_MAX {
                let reason = format!("its messages have more than {CONVERSATION_BYTES_MAX} bytes");
                return Err(CassetteError::damaged(&self.cassette.path, of.at, reason));
            }
            messages.push(message.clone());
        }
        Ok(messages)
    }

    fn parts(&self, number: u32) -> Option<Parts> {
        let state = self.cassette.lock();
        let slot = state.index.slot(number)?;
        let messages = state.index.conversation(number);
        Some(Parts {
            exchange: slot.spot,
            terms: state.index.terms.spot(slot.terms)?,
            messages: messages
                .iter()
                .filter_map(|message| state.index.messages.spot(*message))
                .collect(),
        })
    }
}

/// Where the parts of an exchange stand.
struct Parts {
    exchange: Spot,
    terms: Spot,
    messages: Vec<Spot>,
}

/// The exchanges of a cassette, in the order in which they were recorded.
pub struct Exchanges<'a> {
    reading: Reading<'a>,
    next: u32,
}

impl<'a> Exchanges<'a> {
    pub(super) fn new(cassette: &'a Cassette) -> Self {
        Self {
            reading: Reading::new(cassette),
            next: 0,
        }
    }
}

impl Iterator for Exchanges<'_> {
    type Item = Result<Exchange, CassetteError>;

    fn next(&mut self) -> Option<Self::Item> {
        let exchange = self.reading.exchange(self.next).transpose()?;
        self.next = self.next.saturating_add(1);
        Some(exchange)
    }
}
