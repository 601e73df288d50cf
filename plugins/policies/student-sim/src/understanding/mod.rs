//! Reading what the user says: which acts are asked for, with which values.
//!
//! No grammar, but the habits of people who write to an assistant: a command verb at the start
//! of a clause, values that show by themselves what they are, column names before values, names
//! with capital letters. Whatever a name stands for is found out later, by looking it up.

mod act;
mod ask;
mod compose;
mod mention;
mod names;
mod token;
mod values;
mod vocabulary;

pub(crate) use act::{Act, Verb};
pub(crate) use ask::{Ask, asks};
use compose::Composer;
pub(crate) use mention::{Mention, Name, Slot};
use token::tokens;
pub(crate) use vocabulary::choice;
use vocabulary::{HYPOTHETICAL, INSISTING, OUTSIDERS, STRANGERS};

/// How the request is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stance {
    /// As it is said.
    Plain,
    /// Somebody from outside asks for what only colleagues may know.
    Outsider,
    /// The user thinks aloud; nothing is to be done yet.
    Hypothetical,
}

/// What the user wants in one turn.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Request {
    /// In the order of saying.
    pub(crate) acts: Vec<Act>,
    pub(crate) stance: Stance,
    /// Whether values must be taken letter by letter.
    pub(crate) insists: bool,
}

/// Reads one message.
pub(crate) fn read(message: &str) -> Request {
    let words = tokens(message);
    let mentions = mention::mentions(message, &words);
    let folded = format!(" {} ", proctor_sdk::folded(&message.replace('’', "'")));
    Request {
        acts: Composer::new(&words, mentions).compose(),
        stance: stance(&folded),
        insists: INSISTING.iter().any(|phrase| folded.contains(phrase)),
    }
}

fn stance(folded: &str) -> Stance {
    let introduced = [" i'm a ", " i'm an ", " i am a ", " i am an "]
        .iter()
        .any(|start| {
            let after = folded.split(start).nth(1).unwrap_or_default();
            STRANGERS.contains(&after.split([' ', ',', '.']).next().unwrap_or_default())
        });
    let from_elsewhere = folded.contains(" this is ") && {
        let after = folded.split(" this is ").nth(1).unwrap_or_default();
        after.split_whitespace().nth(1) == Some("from")
    };
    if introduced || from_elsewhere || OUTSIDERS.iter().any(|phrase| folded.contains(phrase)) {
        Stance::Outsider
    } else if HYPOTHETICAL.iter().any(|phrase| folded.contains(phrase)) {
        Stance::Hypothetical
    } else {
        Stance::Plain
    }
}

#[cfg(test)]
mod tests;
