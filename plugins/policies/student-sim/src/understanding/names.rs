//! Names in a message: of clients, people, deals and whatever else has one.

use proctor_sdk::Entity;

use super::mention::{Mention, Name, Slot};
use super::token::Token;
use super::vocabulary::{command, entity, is_everyday};

const PREPOSITIONS: &[&str] = &[
    "for", "with", "at", "on", "of", "from", "in", "to", "by", "around",
];
const CALLING: &[&str] = &["called", "named", "titled", "name", "call", "becomes"];

/// Words as one text.
pub(crate) fn joined(tokens: &[Token]) -> String {
    let texts: Vec<&str> = tokens.iter().map(|token| token.text.as_str()).collect();
    texts.join(" ")
}

/// Where a run of capitalised words that starts at `at` ends.
pub(crate) fn run_end(tokens: &[Token], at: usize, taken: &dyn Fn(usize) -> bool) -> usize {
    let mut end = at + 1;
    loop {
        if tokens[end - 1].breaks() || tokens[end - 1].possessive {
            return end;
        }
        let part = |at: usize| {
            tokens.get(at).is_some_and(|next| {
                !taken(at) && (next.capital() || next.text.chars().all(|c| c.is_ascii_digit()))
            })
        };
        let Some(next) = tokens.get(end) else {
            return end;
        };
        if part(end) && !next.quoted {
            end += 1;
        } else if next.is(&["&", "of", "y", "de"]) && !next.breaks() && part(end + 1) {
            end += 2;
        } else {
            return end;
        }
    }
}

/// All names outside of what is taken.
pub(crate) fn names(tokens: &[Token], taken: &[bool]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let token = &tokens[at];
        let verb = begins(tokens, at) && is_verb(tokens, at);
        let plain = taken[at] || token.quoted || !token.capital();
        if plain || verb || is_everyday(&token.lower) {
            at += 1;
            continue;
        }
        let is_taken = |at: usize| taken.get(at).copied().unwrap_or(true);
        let mut end = run_end(tokens, at, &is_taken);
        end = joined_by_and(tokens, at, end, &is_taken);
        found.push(mention(tokens, at, end));
        at = end;
    }
    let sentences = tokens.last().map_or(0, |token| token.sentence + 1);
    for sentence in 0..sentences {
        let named = found.iter().any(|one| tokens[one.at].sentence == sentence);
        let first = tokens.iter().find(|token| token.sentence == sentence);
        // Somebody who begins a sentence without a capital letter writes names like that, too.
        if !named && first.is_some_and(|first| first.text.starts_with(char::is_lowercase)) {
            found.extend(uncapitalised(tokens, taken, sentence));
        }
    }
    found
}

/// Whether a word at the start of a sentence is a verb: a known one, or followed by its object.
fn is_verb(tokens: &[Token], at: usize) -> bool {
    const OBJECTS: &[&str] = &[
        "the", "a", "an", "it", "its", "that", "this", "them", "their", "our", "my", "all", "every",
    ];
    let object = tokens.get(at + 1).is_some_and(|next| next.is(OBJECTS));
    command(&tokens[at].lower, "").is_some() || object && !tokens[at].breaks()
}

fn begins(tokens: &[Token], at: usize) -> bool {
    at == 0 || tokens[at - 1].sentence != tokens[at].sentence
}

/// Where something is being called "This and That", both are the name.
fn joined_by_and(tokens: &[Token], at: usize, end: usize, taken: &dyn Fn(usize) -> bool) -> usize {
    let calls = neighbours(tokens, at, end).called || at >= 2 && renames(tokens, at);
    let and = tokens
        .get(end)
        .is_some_and(|token| token.lower == "and" && !token.breaks());
    let more = tokens
        .get(end + 1)
        .is_some_and(|token| token.capital() && !taken(end + 1));
    let other = tokens
        .get(end + 1)
        .is_some_and(|token| token.lower == tokens[at].lower);
    if calls && and && more && !other && !tokens[end - 1].breaks() {
        return run_end(tokens, end + 1, taken);
    }
    end
}

/// Whether the words before say "rename … to".
fn renames(tokens: &[Token], at: usize) -> bool {
    let sentence = tokens[at].sentence;
    let mut before = tokens[..at]
        .iter()
        .filter(|token| token.sentence == sentence);
    tokens[at - 1].lower == "to" && before.any(|token| token.lower == "rename")
}

fn mention(tokens: &[Token], at: usize, end: usize) -> Mention {
    let mut name = neighbours(tokens, at, end);
    name.called |= at >= 2 && renames(tokens, at)
        || at >= 2
            && tokens[at - 1].lower == "it"
            && tokens[at - 2].is(&["rename", "name", "call"]);
    Mention {
        at,
        len: end - at,
        slot: Slot::Name(name),
    }
}

/// A name with what the words around it say.
fn neighbours(tokens: &[Token], at: usize, end: usize) -> Name {
    let same = |other: usize| {
        tokens
            .get(other)
            .filter(|one| one.sentence == tokens[at].sentence)
    };
    let mut before = at;
    let mut noun: Option<Entity> = None;
    let mut article = false;
    while before > 0 {
        let Some(word) = same(before - 1) else { break };
        // What ends with a comma or colon has nothing to do with the name, save "client:".
        let label = begins(tokens, before - 1) || !tokens[before - 1].capital();
        if word.tail == ":" && before == at && label {
            noun = entity(&word.lower);
        }
        if word.tail.contains([',', ';', ':', '.', ')']) {
            break;
        }
        if let Some(found) = entity(&word.lower).filter(|_| noun.is_none() && !article) {
            noun = Some(found);
        } else if word.is(&["the", "our", "a", "an", "both", "your"]) {
            article = true;
        } else {
            break;
        }
        before -= 1;
    }
    let word = before
        .checked_sub(1)
        .and_then(same)
        .filter(|word| word.tail.is_empty() || word.is(CALLING));
    let word = word.map_or("", |word| word.lower.as_str());
    let next = if tokens[end - 1].breaks() {
        ""
    } else {
        same(end).map_or("", |next| next.lower.as_str())
    };
    Name {
        text: joined(&tokens[at..end]),
        prep: if PREPOSITIONS.contains(&word) {
            word.into()
        } else {
            String::new()
        },
        noun: noun.or_else(|| entity(next).filter(|_| !tokens[end - 1].possessive)),
        called: CALLING.contains(&word),
        next: next.to_owned(),
    }
}

/// The longest run of uncommon words in a sentence without any capital letters.
fn uncapitalised(tokens: &[Token], taken: &[bool], sentence: usize) -> Option<Mention> {
    let uncommon = |at: usize| {
        let word = &tokens[at];
        word.sentence == sentence
            && !taken[at]
            && !word.quoted
            && word.text.len() > 2
            && !is_everyday(&word.lower)
            && word.text.chars().all(|c| c.is_alphabetic() || c == '-')
            && command(&word.lower, "").is_none()
    };
    let mut best: Option<(usize, usize)> = None;
    let mut at = 0;
    while at < tokens.len() {
        let mut end = at;
        while end < tokens.len() && uncommon(end) && (end == at || !tokens[end - 1].breaks()) {
            end += 1;
        }
        if end - at >= 2 && best.is_none_or(|(from, to)| end - at > to - from) {
            best = Some((at, end));
        }
        at = end.max(at + 1);
    }
    best.map(|(at, end)| mention(tokens, at, end))
}
