//! What is on a cassette and where: kept in memory, without a text of any message or reply.

use std::collections::BTreeMap;

use super::Place;
use super::frame::{Entry, Leading, StoredExchange};
use crate::chat::{Digest, Role, pack};

/// Most exchanges that one is looked up through to know its messages. The next one after these
/// lists all of its messages again.
const LEADING_STEPS_MAX: u32 = 1_000;

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Spot {
    /// Where its frame starts, in bytes from the start of the file.
    pub(super) at: u64,
    /// Its number within the frame.
    pub(super) entry: usize,
}

/// Entries of one kind, each kept once.
#[derive(Default)]
pub(super) struct Shelf {
    spots: Vec<Spot>,
    /// By digest: of what is on the cassette, and of what it was before it was redacted.
    numbers: BTreeMap<Digest, u32>,
}

impl Shelf {
    pub(super) fn spot(&self, number: u32) -> Option<Spot> {
        self.spots.get(usize::try_from(number).ok()?).copied()
    }

    pub(super) fn number(&self, digest: &Digest) -> Option<u32> {
        self.numbers.get(digest).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.spots.len()
    }

    /// Also knows an entry by the digest that it had before it was redacted.
    pub(super) fn alias(&mut self, digest: Digest, number: u32) {
        self.numbers.insert(digest, number);
    }

    /// Takes one more; its number.
    pub(super) fn add(&mut self, digest: Digest, spot: Spot) -> Result<u32, &'static str> {
        let number = u32::try_from(self.spots.len()).map_err(|_| "there are too many entries")?;
        self.spots.push(spot);
        self.numbers.entry(digest).or_insert(number);
        Ok(number)
    }

    fn cut(&mut self, length: usize) {
        self.spots.truncate(length);
        self.numbers
            .retain(|_, number| usize::try_from(*number).is_ok_and(|number| number < length));
    }
}

/// What is known of an exchange without reading it.
pub(super) struct Slot {
    pub(super) spot: Spot,
    pub(super) role: Role,
    pub(super) step: u32,
    pub(super) request: Digest,
    pub(super) terms: u32,
    leading: Option<Leading>,
    messages: Vec<u32>,
    /// Length of the conversation.
    length: usize,
    /// Exchanges to go through for all of it.
    steps: u32,
}

/// Exchanges of one episode.
#[derive(Default)]
struct Episode {
    /// By role, request and occurrence.
    numbers: BTreeMap<(Role, Digest, u32), u32>,
    /// The last one of each role.
    last: BTreeMap<Role, u32>,
}

/// How much was there, to go back to.
pub(super) struct Mark {
    tools: usize,
    terms: usize,
    messages: usize,
}

/// Where everything stands.
#[derive(Default)]
pub(super) struct Index {
    pub(super) tools: Shelf,
    pub(super) terms: Shelf,
    pub(super) messages: Shelf,
    exchanges: Vec<Slot>,
    episodes: BTreeMap<String, Episode>,
}

impl Index {
    /// Takes an entry that stands on the cassette; says what is wrong if it can't stand there.
    pub(super) fn add(&mut self, entry: &Entry, spot: Spot) -> Result<(), &'static str> {
        match entry {
            Entry::Tools(tools) => self.tools.add(Digest::of(&pack(tools)), spot).map(drop),
            Entry::Terms(terms) => {
                self.tools
                    .spot(terms.tools)
                    .ok_or("its terms name tools that aren't there")?;
                self.terms.add(Digest::of(&pack(terms)), spot).map(drop)
            }
            Entry::Message(message) => {
                let digest = Digest::of(&pack(message));
                self.messages.add(digest, spot).map(drop)
            }
            Entry::Exchange(exchange) => self.add_exchange(exchange, spot),
            Entry::Header(_) | Entry::End(_) => Err("an entry stands where it can't"),
        }
    }

    fn add_exchange(&mut self, new: &StoredExchange, spot: Spot) -> Result<(), &'static str> {
        let number =
            u32::try_from(self.exchanges.len()).map_err(|_| "there are too many exchanges")?;
        self.terms.spot(new.terms).ok_or("its terms aren't there")?;
        if new
            .messages
            .iter()
            .any(|id| self.messages.spot(*id).is_none())
        {
            return Err("a message of it isn't there");
        }
        let (before, steps) = self.leading(new.leading)?;
        let length = before.saturating_add(new.messages.len());
        let episode = self.episodes.entry(new.episode.clone()).or_default();
        let key = (new.role, new.request, new.occurrence);
        if episode.numbers.contains_key(&key) {
            return Err("its call is recorded twice");
        }
        episode.numbers.insert(key, number);
        episode.last.insert(new.role, number);
        self.exchanges.push(Slot {
            spot,
            role: new.role,
            step: new.step,
            request: new.request,
            terms: new.terms,
            leading: new.leading,
            messages: new.messages.clone(),
            length,
            steps,
        });
        Ok(())
    }

    /// How many messages are taken from earlier exchanges, and through how many of these.
    fn leading(&self, leading: Option<Leading>) -> Result<(usize, u32), &'static str> {
        let Some(leading) = leading else {
            return Ok((0, 0));
        };
        let earlier = self
            .slot(leading.exchange)
            .ok_or("it begins like an exchange that isn't there")?;
        let messages = usize::try_from(leading.messages)
            .ok()
            .filter(|messages| *messages <= earlier.length)
            .ok_or("it begins with more messages than there are")?;
        if earlier.steps >= LEADING_STEPS_MAX {
            return Err("it begins like too many exchanges in a row");
        }
        Ok((messages, earlier.steps + 1))
    }

    pub(super) fn slot(&self, number: u32) -> Option<&Slot> {
        self.exchanges.get(usize::try_from(number).ok()?)
    }

    /// Number of exchanges.
    pub(super) fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// The exchange that was recorded there.
    pub(super) fn find(&self, place: &Place<'_>) -> Option<&Slot> {
        let key = (place.role, place.request, place.occurrence);
        self.slot(*self.episodes.get(place.episode)?.numbers.get(&key)?)
    }

    /// Numbers of an episode's exchanges in one role.
    pub(super) fn of_episode(&self, episode: &str, role: Role) -> impl Iterator<Item = u32> {
        let numbers = self.episodes.get(episode).map(|found| &found.numbers);
        numbers
            .into_iter()
            .flatten()
            .filter(move |((found, ..), _)| *found == role)
            .map(|(_, number)| *number)
    }

    /// Numbers of the messages of an exchange, in order.
    pub(super) fn conversation(&self, number: u32) -> Vec<u32> {
        let mut backwards = Vec::new();
        let mut at = self.slot(number);
        let mut wanted = at.map_or(0, |slot| slot.length);
        while let Some(slot) = at {
            let own_from = slot.length - slot.messages.len();
            let own = slot.messages.iter().take(wanted.saturating_sub(own_from));
            backwards.extend(own.rev());
            wanted = wanted.min(own_from);
            at = slot.leading.and_then(|leading| self.slot(leading.exchange));
        }
        backwards.reverse();
        backwards
    }

    /// A conversation as what it has in common with the episode's last one in this role, and the
    /// rest.
    pub(super) fn shorten(
        &self,
        episode: &str,
        role: Role,
        messages: &[u32],
    ) -> (Option<Leading>, Vec<u32>) {
        let last = self.episodes.get(episode).and_then(|e| e.last.get(&role));
        let leading = last
            .filter(|number| {
                self.slot(**number)
                    .is_some_and(|slot| slot.steps < LEADING_STEPS_MAX)
            })
            .map(|number| (*number, common(&self.conversation(*number), messages)))
            .filter(|(_, common)| *common > 0);
        let rest = messages
            .iter()
            .skip(leading.map_or(0, |(_, common)| common));
        let leading = leading.and_then(|(exchange, common)| {
            let messages = u32::try_from(common).ok()?;
            Some(Leading { exchange, messages })
        });
        (leading, rest.copied().collect())
    }

    /// How much is there now.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            tools: self.tools.len(),
            terms: self.terms.len(),
            messages: self.messages.len(),
        }
    }

    /// Forgets what came after the mark, which doesn't stand on the cassette after all.
    pub(super) fn back_to(&mut self, mark: &Mark) {
        self.tools.cut(mark.tools);
        self.terms.cut(mark.terms);
        self.messages.cut(mark.messages);
    }
}

/// How many elements two lists begin with alike.
pub(super) fn common<T: PartialEq>(one: &[T], other: &[T]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}
