//! Putting acts together: the clauses of a message, each with its verb and its values.

use proctor_sdk::Entity;

use super::act::{Act, Verb, has_values};
use super::mention::{Mention, Slot};
use super::token::Token;
use super::vocabulary::{Command, FILLERS, QUESTIONS, command, entity};

/// Puts acts together from a message's words.
pub(crate) struct Composer<'a> {
    tokens: &'a [Token],
    mentions: Vec<Mention>,
    acts: Vec<Act>,
    /// Words of statements that belong to no act yet.
    pending: Option<Act>,
}

impl<'a> Composer<'a> {
    pub(crate) fn new(tokens: &'a [Token], mentions: Vec<Mention>) -> Self {
        Self {
            tokens,
            mentions,
            acts: Vec::new(),
            pending: None,
        }
    }

    pub(crate) fn compose(mut self) -> Vec<Act> {
        let mut from = 0;
        while from < self.tokens.len() {
            let sentence = self.tokens[from].sentence;
            let length = self.tokens[from..]
                .iter()
                .position(|token| token.sentence != sentence);
            let to = length.map_or(self.tokens.len(), |length| from + length);
            self.sentence(from, to);
            from = to;
        }
        self.settle();
        self.acts
    }

    fn sentence(&mut self, from: usize, to: usize) {
        let starts: Vec<usize> = (from..to).filter(|at| self.commands(from, *at)).collect();
        let first = self.first_word(from, to);
        let asks = self.is_question(first, to, &starts);
        if let Some(verb) = self.nominal(first, to).filter(|_| !asks) {
            let end = starts
                .iter()
                .copied()
                .find(|at| *at > first + 1)
                .unwrap_or(to);
            self.begin(verb, first, end);
            self.clauses(&starts, end, to);
        } else if asks || starts.is_empty() {
            let verb = if asks { Verb::Ask } else { Verb::Modify };
            self.statement(verb, from, to);
        } else {
            if starts[0] > from {
                self.statement(Verb::Modify, from, starts[0]);
            }
            self.clauses(&starts, starts[0], to);
        }
    }

    fn clauses(&mut self, starts: &[usize], from: usize, to: usize) {
        let starts: Vec<usize> = starts.iter().copied().filter(|at| *at >= from).collect();
        for (index, at) in starts.iter().enumerate() {
            let end = starts.get(index + 1).copied().unwrap_or(to);
            match self.verb(*at, end) {
                Some(verb) => self.begin(verb, *at, end),
                None => self.statement(Verb::Ask, *at, end),
            }
        }
    }

    /// The first word of a sentence that is more than a filler.
    fn first_word(&self, from: usize, to: usize) -> usize {
        (from..to)
            .find(|at| !self.tokens[*at].is(FILLERS))
            .unwrap_or(from)
    }

    fn mentioned(&self, at: usize) -> Option<&Mention> {
        self.mentions
            .iter()
            .find(|one| (one.at..one.at + one.len).contains(&at))
    }

    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.lower.as_str())
    }

    /// Whether a command begins at this word of a sentence.
    fn commands(&self, from: usize, at: usize) -> bool {
        let token = &self.tokens[at];
        if token.quoted
            || self.mentioned(at).is_some()
            || command(&token.lower, self.word(at + 1)).is_none()
        {
            return false;
        }
        if (from..at).all(|before| self.tokens[before].is(FILLERS)) {
            return true;
        }
        let before = &self.tokens[at - 1];
        let joined = before.is(&["and", "then", "so", "please", "also", "just", "you"]);
        let opened = self.tokens[from].is(&["for", "on", "in", "at", "to", "from"]);
        joined && !self.noun_follows(at)
            || before.tail.contains([',', ':']) && !self.noun_follows(at)
            || before.tail == ")"
            || opened && self.mentioned(at - 1).is_some()
    }

    /// Whether what looks like a verb is the first part of a list of nouns, as in `and amount`.
    fn noun_follows(&self, at: usize) -> bool {
        self.tokens[at].breaks()
    }

    fn is_question(&self, first: usize, to: usize, starts: &[usize]) -> bool {
        let opens = self.tokens[first].is(QUESTIONS)
            && (first == 0 || !self.tokens[first - 1].is(&["we", "i"]));
        let marked = self.tokens[first..to]
            .iter()
            .any(|token| token.tail.contains('?'));
        let tells = starts.first().is_some_and(|at| {
            command(self.word(*at), self.word(*at + 1)) == Some(Command::Tell)
                || command(self.word(*at), self.word(*at + 1)) == Some(Command::Compare)
        });
        let wishes = [
            "i need",
            "i want",
            "i'd like",
            "i'm looking",
            "i am looking",
            "ids please",
            "just the",
            "i'm after",
            "ids pls",
        ];
        let text = self.text(first, to);
        let wished = starts.is_empty() && wishes.iter().any(|wish| text.contains(wish));
        let details = self.tokens[first..to]
            .iter()
            .take(4)
            .any(|token| token.lower == "details");
        let commanded = starts.first() == Some(&first)
            || starts
                .iter()
                .any(|at| self.tokens[first..*at].iter().all(|t| t.is(FILLERS)));
        (opens && !commanded)
            || (marked && starts.is_empty())
            || (tells && starts.len() <= 2 && self.all_tell(starts))
            || wished && self.wanted_record(first).is_none()
            || (starts.is_empty() && details)
            || self.word(first) == "ids"
            || self.word(first) == "id"
    }

    fn all_tell(&self, starts: &[usize]) -> bool {
        starts.iter().all(|at| {
            matches!(
                command(self.word(*at), self.word(*at + 1)),
                Some(Command::Tell | Command::Compare)
            )
        })
    }

    /// What a sentence without a verb asks to be made: `New client …`, `Draft quote for …`,
    /// `I'd like a contact at …`.
    fn nominal(&self, first: usize, to: usize) -> Option<Verb> {
        let mut at = first;
        let wants = self.wanted_record(first);
        if let Some(after) = wants {
            at = after;
        }
        let mut new = wants.is_some();
        let mut several = false;
        while at < to {
            let word = &self.tokens[at];
            let adjective = word.is(&["new", "another", "a", "an", "same", "two", "three", "one"])
                || word.lower == "the" && self.word(at + 1) == "same"
                || matches!(
                    self.mentioned(at).map(|one| &one.slot),
                    Some(Slot::Choice(_))
                );
            if !adjective {
                break;
            }
            new |= word.is(&["new", "another"]);
            several |= word.is(&["two", "three"]);
            at += 1;
        }
        let noun = self
            .tokens
            .get(at)
            .filter(|_| at < to && self.mentioned(at).is_none())?;
        let made = entity(&noun.lower)?;
        let joins = self
            .tokens
            .get(at + 1)
            .is_some_and(|next| next.is(&["for", "on", "at", "with", "to"]));
        let plural = noun.lower.ends_with('s') && !several;
        if plural || !(new || joins) || noun.lower == "details" || self.word(at + 1) == "details" {
            return None;
        }
        Some(match made {
            Entity::Document => Verb::Upload,
            Entity::Note => Verb::Note,
            _ => Verb::Create,
        })
    }

    /// Where the noun phrase of `I'd like a …`, `I need two …`, `We have a …` begins.
    fn wanted_record(&self, first: usize) -> Option<usize> {
        let at = (first.saturating_sub(2)..first + 3).rev().find(|at| {
            let word = self.word(*at);
            matches!(word, "like" | "need" | "have")
                && *at > 0
                && matches!(self.word(*at - 1), "i'd" | "i" | "we" | "we'd" | "would")
        })?;
        let article = matches!(
            self.word(at + 1),
            "a" | "an" | "two" | "three" | "another" | "one"
        );
        let noun = (at + 2..at + 5)
            .any(|at| entity(self.word(at)).is_some_and(|made| made != Entity::Company));
        (article && noun).then_some(at + 1)
    }

    /// The verb of a clause; nothing if it asks for something to be told.
    fn verb(&self, at: usize, end: usize) -> Option<Verb> {
        let text = self.text(at, end);
        let says = |words: &str| text.contains(&format!(" {words} "));
        let made = self.nouns(at, end).first().copied();
        let file = self
            .mentions
            .iter()
            .any(|one| (at..end).contains(&one.at) && matches!(one.slot, Slot::File(_)));
        let pending_file = self
            .pending
            .as_ref()
            .is_some_and(|act| act.own.iter().any(|one| matches!(one.slot, Slot::File(_))));
        if says("side by side") {
            return None;
        }
        Some(match command(self.word(at), self.word(at + 1))? {
            Command::Tell | Command::Compare => return None,
            Command::Upload => Verb::Upload,
            Command::Delete => Verb::Delete,
            Command::Cancel => Verb::Cancel,
            Command::Clone => Verb::Clone,
            Command::Modify
                if self.word(at) == "set"
                    && self.tokens[at + 1..end]
                        .iter()
                        .take(4)
                        .any(|token| token.lower == "up") =>
            {
                Verb::Create
            }
            Command::Modify => Verb::Modify,
            Command::Create => Verb::Create,
            Command::Write if says("copy of") || says("duplicate of") => Verb::Clone,
            Command::Write if file || pending_file && says("it") => Verb::Upload,
            Command::Write if says("note") && !says("notes") => Verb::Note,
            Command::Write if self.changes(at, end, made) => Verb::Modify,
            Command::Write => Verb::Create,
        })
    }

    /// Whether a verb such as "put" or "make" changes what is there rather than making anew.
    fn changes(&self, at: usize, end: usize, made: Option<Entity>) -> bool {
        let object = self.tokens[at + 1..end]
            .iter()
            .take(4)
            .find(|token| !token.is(&["down", "in", "up"]));
        let definite = object.is_some_and(|token| {
            token.is(&["it", "that", "the", "this", "its", "in", "their"]) || token.possessive
        });
        let person = object.is_some_and(|token| token.is(&["him", "her", "them"]));
        let indefinite = self.tokens[at + 1..end]
            .iter()
            .take(6)
            .any(|token| token.is(&["a", "an", "another", "new", "second"]));
        match self.word(at) {
            "add" | "log" => false,
            "store" => true,
            "make" => !indefinite,
            _ => {
                definite
                    && !person
                    && !(indefinite && made.is_some() && !self.word(at + 1).starts_with("it"))
            }
        }
    }

    fn text(&self, from: usize, to: usize) -> String {
        let words: Vec<&str> = self.tokens[from..to]
            .iter()
            .map(|token| token.lower.as_str())
            .collect();
        format!(" {} ", words.join(" "))
    }

    /// The kinds of record that nouns name.
    fn nouns(&self, from: usize, to: usize) -> Vec<Entity> {
        (from..to)
            .filter(|at| self.mentioned(*at).is_none() && !self.tokens[*at].quoted)
            .filter_map(|at| entity(self.word(at)))
            .collect()
    }

    fn act(&self, verb: Verb, from: usize, to: usize) -> Act {
        let within = |one: &&Mention| (from..to).contains(&one.at);
        Act {
            verb,
            nouns: self.nouns(from, to),
            own: self.mentions.iter().filter(within).cloned().collect(),
            lead: Vec::new(),
            words: self.text(from, to),
            lead_words: String::new(),
            both: (from..to).find(|at| self.word(*at) == "both"),
        }
    }

    /// Starts an act, which takes what was said before and fits.
    fn begin(&mut self, verb: Verb, from: usize, to: usize) {
        let mut act = self.act(verb, from, to);
        let kept = match verb {
            Verb::Create | Verb::Upload => true,
            Verb::Modify => !act.has_values(),
            _ => false,
        };
        if let Some(pending) = self.pending.take() {
            if has_values(&pending.own) && !kept {
                self.acts.push(pending);
            } else {
                act.lead = pending.own;
                act.lead_words = pending.words;
            }
        }
        self.acts.push(act);
    }

    /// Takes a sentence that is no command: it goes on with an act, asks something, or says
    /// what the next act is about.
    fn statement(&mut self, verb: Verb, from: usize, to: usize) {
        let act = self.act(verb, from, to);
        if verb == Verb::Ask {
            self.ask(act);
            return;
        }
        let named = act.own.iter().any(|one| match &one.slot {
            Slot::Name(name) => name.prep.is_empty() && !name.called,
            Slot::Id(_) => true,
            _ => false,
        }) || act.says_any(&["the original", "the clone", "the copy"]);
        let values = has_values(&act.own);
        let goes_on = self.goes_on(to);
        match (&mut self.pending, self.acts.last_mut()) {
            (Some(pending), _) if named && values && has_values(&pending.own) => {
                let done = std::mem::replace(pending, act);
                self.acts.push(done);
            }
            (Some(pending), _) => extend(pending, act),
            // The words before a command in the same sentence lead to it.
            (None, Some(_)) if goes_on => self.pending = Some(act),
            (None, Some(last)) if last.verb == Verb::Ask => extend(last, act),
            (None, Some(last)) if !(named && values && last.verb == Verb::Modify) => {
                if values || matches!(last.verb, Verb::Create) {
                    extend(last, act);
                } else {
                    self.pending = Some(act);
                }
            }
            (None, _) => self.pending = Some(act),
        }
    }

    /// Whether the sentence goes on after these words.
    fn goes_on(&self, to: usize) -> bool {
        self.tokens
            .get(to)
            .is_some_and(|next| next.sentence == self.tokens[to - 1].sentence)
    }

    /// All questions of a message are one.
    fn ask(&mut self, act: Act) {
        let lead = self.pending.take();
        match self.acts.last_mut().filter(|last| last.verb == Verb::Ask) {
            Some(last) => extend(last, act),
            None => {
                let mut act = act;
                if let Some(lead) = lead {
                    act.nouns.extend(lead.nouns);
                    act.lead = lead.own;
                    act.lead_words = lead.words;
                }
                self.acts.push(act);
            }
        }
    }

    /// Statements alone ask for what they say to be recorded, if they hold a value.
    fn settle(&mut self) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        if has_values(&pending.own) {
            self.acts.push(pending);
        } else if let Some(last) = self.acts.last_mut() {
            extend(last, pending);
        } else {
            self.acts.push(Act {
                verb: Verb::Ask,
                ..pending
            });
        }
    }
}

fn extend(act: &mut Act, more: Act) {
    act.nouns.extend(more.nouns);
    act.own.extend(more.own);
    act.words = format!("{}{}", act.words, more.words);
    act.both = act.both.or(more.both);
}
