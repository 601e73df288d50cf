//! Calls that name what they need by its place, such as "the third quote there is by then", so
//! that a sequence of them can be cut short and still mean something.

use std::fmt::Write as _;

use proctor_crm::{Entity, Id, Row, Value};
use proctor_host::ToolCall;
use proptest::sample::Index;
use serde_json::json;

use crate::model::Model;

/// A key that no record has.
const NOBODY: &str = "00000000-0000-8000-8000-00000000dead";

/// One episode: records to put in first, then calls.
#[derive(Clone, Debug)]
pub(crate) struct Sequence {
    pub(crate) extra: Vec<Extra>,
    pub(crate) calls: Vec<Call>,
}

/// A record to put in: a copy of one that is there, with another text in its columns of text.
#[derive(Clone, Debug)]
pub(crate) struct Extra {
    pub(crate) like: Entity,
    pub(crate) at: Index,
    pub(crate) text: &'static str,
}

/// A call to a tool.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) tool: String,
    pub(crate) arguments: Arguments,
}

/// What a call is made with.
#[derive(Clone, Debug)]
pub(crate) enum Arguments {
    /// Arguments by name; a name may come twice.
    Named(Vec<(String, Argument)>),
    /// Anything at all, most often no JSON object.
    Bare(Argument),
}

/// An argument that becomes JSON when it is known which records there are.
#[derive(Clone, Debug)]
pub(crate) enum Argument {
    /// These words, which need be no JSON.
    Verbatim(String),
    /// A text.
    Text(String),
    /// A text that repeats another so many times.
    Repeated(&'static str, usize),
    /// Lists within lists, so many deep.
    Nested(usize),
    /// The key of a record.
    Key(Entity, Among, Index),
    /// What a record has in a column.
    Cell(Place),
    /// Such a text, or a part of it: from a character on, so many characters long.
    Part(Place, Option<(Index, Index)>, Spelling),
    /// How many records of an entity there are, and so many more.
    Count(Entity, i64),
    /// Several.
    List(Vec<Argument>),
    /// Several by name.
    Object(Vec<(String, Argument)>),
}

/// Which records a key is chosen from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Among {
    /// All there are.
    All,
    /// Those that this sequence has made or changed.
    Touched,
    /// Those that it has deleted.
    Deleted,
}

/// A column of one of the records that have something in it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) entity: Entity,
    pub(crate) column: &'static str,
    pub(crate) at: Index,
    pub(crate) letters: Letters,
}

/// Which texts are chosen, and where a part of one begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Letters {
    /// Any text, anywhere.
    Any,
    /// A text with letters beyond ASCII if there is one, and at one of them.
    Foreign,
}

/// How a text is spelled that is searched for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Spelling {
    Same,
    Upper,
    Lower,
    /// With something before and after that means "anything" elsewhere.
    Between(&'static str),
}

impl Call {
    /// The call as it is made when the records are these.
    pub(crate) fn now(&self, model: &Model) -> ToolCall {
        let arguments = match &self.arguments {
            Arguments::Named(named) => object(named, model),
            Arguments::Bare(argument) => argument.now(model),
        };
        ToolCall {
            tool: self.tool.clone(),
            arguments,
        }
    }
}

impl Argument {
    fn now(&self, model: &Model) -> String {
        match self {
            Self::Verbatim(words) => words.clone(),
            Self::Text(text) => json!(text).to_string(),
            Self::Repeated(text, times) => json!(text.repeat(*times)).to_string(),
            Self::Nested(depth) => format!("{}{}", "[".repeat(*depth), "]".repeat(*depth)),
            Self::Key(entity, among, at) => {
                let key = key(*entity, *among, at, model);
                json!(key.map_or(NOBODY.into(), |id| id.to_string())).to_string()
            }
            Self::Cell(place) => place.value(model).to_json().to_string(),
            Self::Part(place, within, spelling) => {
                let text = place.part(text(&place.value(model)), *within);
                json!(spelling.of(&text)).to_string()
            }
            Self::Count(entity, more) => (model.rows_of(*entity).count() as i64 + more).to_string(),
            Self::List(entries) => {
                let entries: Vec<_> = entries.iter().map(|entry| entry.now(model)).collect();
                format!("[{}]", entries.join(","))
            }
            Self::Object(named) => object(named, model),
        }
    }
}

fn object(named: &[(String, Argument)], model: &Model) -> String {
    let mut text = String::from("{");
    for (at, (name, argument)) in named.iter().enumerate() {
        let comma = if at > 0 { "," } else { "" };
        let written = write!(text, "{comma}{}:{}", json!(name), argument.now(model));
        debug_assert!(written.is_ok());
    }
    text.push('}');
    text
}

fn key(entity: Entity, among: Among, at: &Index, model: &Model) -> Option<Id> {
    let of = |keys: &[(Entity, Id)]| {
        let keys = keys.iter().filter(|(of, _)| *of == entity);
        keys.map(|(_, id)| *id).collect::<Vec<_>>()
    };
    let chosen = match among {
        Among::All => Vec::new(),
        Among::Touched => of(model.touched()),
        Among::Deleted => of(model.deleted()),
    };
    if chosen.is_empty() && !matches!(among, Among::Deleted) {
        nth(model.rows_of(entity).map(Row::id), at)
    } else {
        nth(chosen.into_iter(), at)
    }
}

impl Place {
    fn value(&self, model: &Model) -> Value {
        let values = model.rows_of(self.entity).map(|row| row.get(self.column));
        let all: Vec<&Value> = values.filter(|value| !value.is_null()).collect();
        let fitting = |value: &&Value| !self.letters.of(&text(value)).is_empty();
        let fitting = all.iter().copied().filter(fitting);
        nth(fitting, &self.at)
            .or_else(|| nth(all.iter().copied(), &self.at))
            .cloned()
            .unwrap_or(Value::Null)
    }

    /// A text, or a part of it, at least a character long.
    fn part(&self, text: String, within: Option<(Index, Index)>) -> String {
        let from = within.and_then(|(from, _)| nth(self.letters.of(&text).into_iter(), &from));
        match (from, within) {
            (Some(from), Some((_, length))) => {
                let rest: Vec<char> = text[from..].chars().collect();
                rest[..=length.index(rest.len())].iter().collect()
            }
            _ => text,
        }
    }
}

impl Letters {
    /// Where these letters are in a text, in bytes.
    fn of(self, text: &str) -> Vec<usize> {
        text.char_indices()
            .filter(|(_, letter)| self == Self::Any || !letter.is_ascii())
            .map(|(at, _)| at)
            .collect()
    }
}

/// The text of a value, the first of several.
fn text(value: &Value) -> String {
    match value {
        Value::Texts(texts) => texts.first().cloned().unwrap_or_default(),
        other => other.to_string(),
    }
}

impl Spelling {
    fn of(self, text: &str) -> String {
        match self {
            Self::Same => text.to_owned(),
            Self::Upper => text.to_uppercase(),
            Self::Lower => text.to_lowercase(),
            Self::Between(wildcard) => format!("{wildcard}{text}{wildcard}"),
        }
    }
}

fn nth<T>(all: impl Iterator<Item = T>, at: &Index) -> Option<T> {
    let mut all: Vec<T> = all.collect();
    (!all.is_empty()).then(|| all.swap_remove(at.index(all.len())))
}
