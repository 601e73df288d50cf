//! A call without a recording: the nearest one, and in what it differs.

use std::cmp::Reverse;
use std::fmt::{self, Write as _};

use similar::{ChangeTag, TextDiff};

use super::index::{Index, common};
use super::reading::Reading;
use super::{Cassette, Exchange, Place};
use crate::chat::{ChatRequest, Digest, Message, Role, Sampling, Tool, pack};

/// Most characters of a miss as it is shown.
const MISS_CHARACTERS_MAX: usize = 4_000;
/// Most characters of a diff.
const DIFF_CHARACTERS_MAX: usize = 3_000;
/// Most characters of each side that are compared word by word. The rest is left out.
const COMPARED_CHARACTERS_MAX: usize = 8_000;
/// Characters shown around what differs.
const CONTEXT_CHARACTERS: usize = 60;
/// Most characters of the last message that are shown.
const ASKED_CHARACTERS_MAX: usize = 300;
/// Most exchanges of other episodes among which the nearest is looked for.
const CANDIDATES_MAX: u32 = 10_000;

/// A call without a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Miss {
    /// The episode, as `TASK#TRIAL`.
    pub episode: String,
    /// Number of steps taken before.
    pub step: u32,
    /// On whose behalf the model is asked.
    pub role: Role,
    /// Digest of the request.
    pub request: Digest,
    /// How many calls of this episode, role and request came before.
    pub occurrence: u32,
    /// What is asked, in short: the model and the last message.
    pub asked: String,
    /// The recording that is most like it; nothing on an empty cassette.
    pub nearest: Option<Nearest>,
}

/// A recording that is like a call, but isn't of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nearest {
    /// Its episode.
    pub episode: String,
    /// Its step.
    pub step: u32,
    /// Its role.
    pub role: Role,
    /// Its occurrence.
    pub occurrence: u32,
    /// In what the request differs from it: `[-what was recorded-]{+what is asked+}`.
    pub diff: String,
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = format!(
            "no recording of this call: episode {}, step {}, role {}, request {}, occurrence {}\n\
             it asks {}\n",
            self.episode,
            self.step,
            self.role.name(),
            self.request.short(),
            self.occurrence,
            self.asked,
        );
        match &self.nearest {
            None => text.push_str("the cassette is empty"),
            // Writing to a String can't fail.
            Some(nearest) => write!(
                text,
                "the nearest recording is of episode {}, step {}, role {}, occurrence {}; \
                 [-recorded-]{{+asked+}}:\n{}",
                nearest.episode,
                nearest.step,
                nearest.role.name(),
                nearest.occurrence,
                nearest.diff,
            )?,
        }
        f.write_str(&shortened(&text, MISS_CHARACTERS_MAX))
    }
}

impl Miss {
    pub(super) fn new(cassette: &Cassette, place: &Place<'_>, request: &ChatRequest) -> Self {
        Self {
            episode: place.episode.to_owned(),
            step: place.step,
            role: place.role,
            request: place.request,
            occurrence: place.occurrence,
            asked: in_short(request),
            nearest: nearest(cassette, place, request),
        }
    }
}

fn in_short(request: &ChatRequest) -> String {
    let last = request.messages.last().map_or_else(
        || "nothing".into(),
        |message| {
            let said = shortened(&spelled(message), ASKED_CHARACTERS_MAX);
            said.replace('\n', " ")
        },
    );
    let messages = request.messages.len();
    format!(
        "{} with {messages} messages, the last of them {last}",
        request.model
    )
}

fn nearest(cassette: &Cassette, place: &Place<'_>, request: &ChatRequest) -> Option<Nearest> {
    let number = {
        let state = cassette.lock();
        let digests = request.messages.iter().map(|m| Digest::of(&pack(m)));
        let messages: Vec<Option<u32>> = digests
            .map(|digest| state.index.messages.number(&digest))
            .collect();
        nearest_number(&state.index, place, &messages)?
    };
    // A file that can't be read any more has no nearest recording to show.
    let found = Reading::new(cassette).exchange(number).ok()??;
    Some(Nearest {
        diff: shortened(&diff(&found, place, request), DIFF_CHARACTERS_MAX),
        episode: found.episode,
        step: found.step,
        role: found.role,
        occurrence: found.occurrence,
    })
}

/// Of the episode's exchanges in this role the one at the same step, or else with the most leading
/// messages in common. Of any other exchanges, if there are none of these, the one with the most.
/// The same request comes before all, and among equals the one that was recorded first.
fn nearest_number(index: &Index, place: &Place<'_>, messages: &[Option<u32>]) -> Option<u32> {
    let alike = |number: u32| {
        let theirs: Vec<Option<u32>> = index.conversation(number).into_iter().map(Some).collect();
        common(messages, &theirs)
    };
    let by_step = |number: &u32| {
        let slot = index.slot(*number);
        let same = slot.is_some_and(|slot| slot.request == place.request);
        let step = slot.is_some_and(|slot| slot.step == place.step);
        (same, step, alike(*number), Reverse(*number))
    };
    let by_messages = |number: &u32| {
        let slot = index.slot(*number);
        let same = slot.is_some_and(|slot| slot.request == place.request);
        let role = slot.is_some_and(|slot| slot.role == place.role);
        let step = slot.is_some_and(|slot| slot.step == place.step);
        (same, role, alike(*number), step, Reverse(*number))
    };
    let others = u32::try_from(index.len())
        .unwrap_or(u32::MAX)
        .min(CANDIDATES_MAX);
    index
        .of_episode(place.episode, place.role)
        .max_by_key(by_step)
        .or_else(|| (0..others).max_by_key(by_messages))
}

fn diff(recorded: &Exchange, place: &Place<'_>, asked: &ChatRequest) -> String {
    if recorded.request == place.request && recorded.role == place.role {
        if recorded.episode == place.episode {
            return format!(
                "the same request, recorded with occurrence {}; this is occurrence {}",
                recorded.occurrence, place.occurrence
            );
        }
        return "the same request, in another episode".into();
    }
    let mut out = String::new();
    let before = recorded.asked();
    let (was, is) = (aspects(&before), aspects(asked));
    for ((name, was), (_, is)) in was.iter().zip(&is) {
        if was != is {
            line(&mut out, name, &words(was, is));
        }
    }
    tools(&mut out, recorded, asked);
    messages(&mut out, &before.messages, &asked.messages);
    if out.is_empty() {
        out.push_str("nothing that can be shown: what differs was redacted");
    }
    out
}

fn line(out: &mut String, name: &str, what: &str) {
    // Writing to a String can't fail.
    let _ = writeln!(out, "{name}: {what}");
}

/// What a request has besides tools and messages, as text.
fn aspects(request: &ChatRequest) -> [(&'static str, String); 8] {
    fn shown<T: fmt::Debug>(value: Option<T>) -> String {
        value.map_or_else(|| "none".into(), |value| format!("{value:?}"))
    }
    let Sampling {
        temperature,
        top_p,
        seed,
        stop,
    } = &request.sampling;
    [
        ("model", request.model.clone()),
        ("tool choice", format!("{:?}", request.tool_choice)),
        ("temperature", shown(*temperature)),
        ("top_p", shown(*top_p)),
        ("seed", shown(*seed)),
        ("stop", format!("{stop:?}")),
        ("tokens at most", request.tokens_max.to_string()),
        (
            "output schema",
            request
                .output_schema
                .clone()
                .unwrap_or_else(|| "none".into()),
        ),
    ]
}

/// The first tool that differs.
fn tools(out: &mut String, recorded: &Exchange, asked: &ChatRequest) {
    let was = recorded.tools.iter().chain(&recorded.terms.own_tools);
    let is = asked.tools.list().iter().chain(&asked.own_tools);
    let (was, is): (Vec<&Tool>, Vec<&Tool>) = (was.collect(), is.collect());
    let first = common(&was, &is);
    let spelled = |tool: Option<&&Tool>| {
        tool.map_or_else(String::new, |tool| {
            format!("{}: {} {}", tool.name, tool.description, tool.input_schema)
        })
    };
    let (was, is) = (was.get(first), is.get(first));
    if was.is_some() || is.is_some() {
        let name = format!("tool {first}, the first that differs");
        line(out, &name, &words(&spelled(was), &spelled(is)));
    }
}

/// The first message that differs, and how many follow.
fn messages(out: &mut String, was: &[Message], is: &[Message]) {
    let first = common(was, is);
    let text = |message: Option<&Message>| message.map_or_else(String::new, spelled);
    let (before, now) = (was.get(first), is.get(first));
    if before.is_none() && now.is_none() {
        return;
    }
    let name = format!("message {first}, the first that differs");
    line(out, &name, &words(&text(before), &text(now)));
    if was.len() != is.len() {
        line(
            out,
            "messages",
            &words(&was.len().to_string(), &is.len().to_string()),
        );
    }
}

/// A message as text.
fn spelled(message: &Message) -> String {
    let mut text = format!("{:?}: {}", message.speaker, message.text);
    for call in &message.calls {
        // Writing to a String can't fail.
        let _ = write!(text, " [calls {} {}]", call.tool, call.arguments);
    }
    if let Some(id) = &message.answers {
        let _ = write!(text, " [answers {id}]");
    }
    text
}

/// Two texts as one, where they differ as `[-old-]{+new+}`.
fn words(old: &str, new: &str) -> String {
    // What is the same at the start is found without comparing words, however long it is.
    let same = old
        .char_indices()
        .zip(new.chars())
        .take_while(|((_, a), b)| a == b)
        .filter(|((_, letter), _)| letter.is_whitespace())
        .last()
        .map_or(0, |((at, letter), _)| at + letter.len_utf8());
    let (start, old) = old.split_at_checked(same).unwrap_or(("", old));
    let new = new.get(same..).unwrap_or(new);
    let old = shortened(old, COMPARED_CHARACTERS_MAX);
    let new = shortened(new, COMPARED_CHARACTERS_MAX);
    let compared = TextDiff::from_words(old.as_str(), new.as_str());
    let mut out = last_characters(start, CONTEXT_CHARACTERS);
    let operations = compared.ops();
    for (number, operation) in operations.iter().enumerate() {
        let text = |tag| -> String {
            let changes = compared.iter_changes(operation);
            changes
                .filter(|c| c.tag() == tag)
                .map(|c| c.value())
                .collect()
        };
        let same = text(ChangeTag::Equal);
        match number + 1 == operations.len() {
            true => out.push_str(&shortened(&same, CONTEXT_CHARACTERS)),
            false => out.push_str(&middle_left_out(&same)),
        }
        for (tag, open, close) in [
            (ChangeTag::Delete, "[-", "-]"),
            (ChangeTag::Insert, "{+", "+}"),
        ] {
            let changed = text(tag);
            if !changed.is_empty() {
                out.extend([open, &shortened(&changed, DIFF_CHARACTERS_MAX / 4), close]);
            }
        }
    }
    out
}

fn middle_left_out(text: &str) -> String {
    if text.chars().count() <= 2 * CONTEXT_CHARACTERS {
        return text.to_owned();
    }
    let start: String = text.chars().take(CONTEXT_CHARACTERS).collect();
    start + &last_characters(text, CONTEXT_CHARACTERS)
}

/// The start of a text, with a mark if anything is left out.
fn shortened(text: &str, characters_max: usize) -> String {
    match text.char_indices().nth(characters_max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(characters_max - 1).chain(['…']).collect(),
    }
}

/// The end of a text, with a mark if anything is left out.
fn last_characters(text: &str, characters_max: usize) -> String {
    match text.char_indices().rev().nth(characters_max) {
        None => text.to_owned(),
        Some((at, letter)) => format!(
            "…{}",
            text.get(at + letter.len_utf8()..).unwrap_or_default()
        ),
    }
}
