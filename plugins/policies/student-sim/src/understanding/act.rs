//! Acts: what the clauses of a message ask for.

use proctor_sdk::Entity;

use super::mention::{Mention, Name, Slot};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Create,
    Modify,
    Delete,
    Cancel,
    Clone,
    Upload,
    Note,
    Ask,
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Act {
    pub(crate) verb: Verb,
    /// The kinds of record that its nouns name, in their order.
    pub(crate) nouns: Vec<Entity>,
    /// What its own clause mentions.
    pub(crate) own: Vec<Mention>,
    /// What was mentioned before it and belongs to nothing else.
    pub(crate) lead: Vec<Mention>,
    /// Its words in lower case, with a blank before and after.
    pub(crate) words: String,
    /// Those of what was said before it.
    pub(crate) lead_words: String,
    /// Where "both" stands, after which values are shared.
    pub(crate) both: Option<usize>,
}

impl Act {
    /// Its own mentions, then those before it.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.own
            .iter()
            .chain(&self.lead)
            .map(|mention| &mention.slot)
    }

    /// Names it is about: its own, or those said before it.
    pub(crate) fn names(&self) -> Vec<&Name> {
        self.placed_names()
            .into_iter()
            .map(|(_, name)| name)
            .collect()
    }

    /// All names, its own and those said before it.
    pub(crate) fn all_names(&self) -> Vec<&Name> {
        self.slots()
            .filter_map(|slot| match slot {
                Slot::Name(name) => Some(name),
                _ => None,
            })
            .collect()
    }

    /// The first slot that `pick` takes.
    pub(crate) fn first<'a, T: 'a>(&'a self, pick: impl Fn(&'a Slot) -> Option<T>) -> Option<T> {
        self.slots().find_map(pick)
    }

    /// Whether its words have this one, or these in a row.
    pub(crate) fn says(&self, words: &str) -> bool {
        self.words.contains(&format!(" {words} "))
    }

    /// Whether its words have one of these.
    pub(crate) fn says_any(&self, words: &[&str]) -> bool {
        words.iter().any(|words| self.says(words))
    }

    /// The id that the user gave.
    pub(crate) fn id(&self) -> Option<&str> {
        self.first(|slot| match slot {
            Slot::Id(id) => Some(id.as_str()),
            _ => None,
        })
    }

    /// All ids that the user gave.
    pub(crate) fn ids(&self) -> Vec<String> {
        self.slots()
            .filter_map(|slot| match slot {
                Slot::Id(id) => Some(id.clone()),
                _ => None,
            })
            .collect()
    }

    /// The kind of record it is about, other than a file or note itself.
    pub(crate) fn subject(&self) -> Option<Entity> {
        let attached = |noun: &Entity| matches!(noun, Entity::Document | Entity::Note);
        self.nouns.iter().copied().find(|noun| !attached(noun))
    }

    /// The names among its own mentions, with their places.
    pub(crate) fn placed_names(&self) -> Vec<(usize, &Name)> {
        let from = if self.own.iter().any(|one| matches!(one.slot, Slot::Name(_))) {
            &self.own
        } else {
            &self.lead
        };
        from.iter()
            .filter_map(|one| match &one.slot {
                Slot::Name(name) => Some((one.at, name)),
                _ => None,
            })
            .collect()
    }

    /// Whether it mentions a value to write.
    pub(crate) fn has_values(&self) -> bool {
        has_values(&self.own)
    }
}

/// Whether one of these is a value that can be written into a record.
pub(super) fn has_values(mentions: &[Mention]) -> bool {
    mentions.iter().any(|mention| match &mention.slot {
        Slot::Name(name) => name.called,
        Slot::Id(_) | Slot::Text(_) | Slot::File(_) => false,
        _ => true,
    })
}
