//! What a message mentions: ids, amounts, dates, values of columns, free text and names.

use proctor_sdk::Entity;
use serde_json::Value as Json;

use super::names;
use super::token::Token;
use super::values::{self, Quantity};
use super::vocabulary::{choice, is_everyday};

/// What a stretch of words stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Slot {
    Id(String),
    Email(String),
    Url(String),
    File(String),
    User(String),
    Phone(String),
    Date(String),
    Amount(Json),
    Percent(Json),
    /// A value of an enumerated column, as written.
    Choice(String),
    Name(Name),
    /// A text in quotation marks that nothing explains.
    Text(String),
    /// The content of a note, or of a field for notes.
    Free(String),
    /// A value with the name of its column.
    Field(String, Json),
}

/// A name of something, with what its neighbours say about it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name {
    pub(crate) text: String,
    /// The preposition before it, or the empty text.
    pub(crate) prep: String,
    /// The kind of record that a noun beside it names.
    pub(crate) noun: Option<Entity>,
    /// Whether it is said to be how something is called.
    pub(crate) called: bool,
    /// The word after it.
    pub(crate) next: String,
}

/// A stretch of words and what it stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mention {
    pub(crate) at: usize,
    pub(crate) len: usize,
    pub(crate) slot: Slot,
}

/// Finds all mentions, in order.
pub(crate) fn mentions(message: &str, tokens: &[Token]) -> Vec<Mention> {
    let mut found: Vec<Mention> = free_texts(message, tokens);
    let mut at = 0;
    while at < tokens.len() {
        if let Some(text) = found.iter().find(|one| one.at == at) {
            at += text.len;
            continue;
        }
        match cue(tokens, at).or_else(|| literal(tokens, at)) {
            Some(mention) => {
                at = mention.at + mention.len;
                found.push(mention);
            }
            None => at += 1,
        }
    }
    let mut taken = vec![false; tokens.len()];
    for one in &found {
        taken[one.at..one.at + one.len].fill(true);
    }
    found.extend(names::names(tokens, &taken));
    found.sort_by_key(|one| one.at);
    found
}

/// Texts after a colon in sentences about notes.
fn free_texts(message: &str, tokens: &[Token]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut start = 0;
    while start < tokens.len() {
        let sentence = tokens[start].sentence;
        let end = tokens[start..].iter().position(|t| t.sentence != sentence);
        let end = end.map_or(tokens.len(), |length| start + length);
        let words = &tokens[start..end];
        let noted = words.iter().position(|token| token.is(&["note", "notes"]));
        let colon = noted.and_then(|noted| {
            words[noted..]
                .iter()
                .position(|token| token.tail.contains(':'))
                .map(|at| noted + at)
        });
        if let Some(at) = colon.map(|at| start + at + 1).filter(|at| *at < end) {
            let text = if tokens[at].quoted {
                tokens[at].text.clone()
            } else {
                let stop = tokens.get(end).map_or(message.len(), |next| next.start);
                message[tokens[at].start..stop].trim().to_owned()
            };
            let len = if tokens[at].quoted { 1 } else { end - at };
            found.push(Mention {
                at,
                len,
                slot: Slot::Free(text),
            });
        }
        start = end;
    }
    found
}

/// A value that the word before it names the column of.
fn cue(tokens: &[Token], at: usize) -> Option<Mention> {
    let word = &tokens[at];
    let part_of_name = at > 0
        && word.capital()
        && tokens[at - 1].capital()
        && !tokens[at - 1].breaks()
        && !is_everyday(&tokens[at - 1].lower);
    if part_of_name {
        return None;
    }
    let next = |ahead: usize| {
        tokens
            .get(at + ahead)
            .filter(|token| token.sentence == word.sentence)
    };
    let lower = |ahead: usize| next(ahead).map_or("", |token| token.lower.as_str());
    let value = skip_glue(tokens, at + 1);
    let valued = tokens
        .get(value)
        .filter(|token| token.sentence == word.sentence);
    let to = |end: usize, slot: Slot| {
        Some(Mention {
            at,
            len: end - at,
            slot,
        })
    };
    let text =
        |column: &str, end: usize, text: &str| to(end, Slot::Field(column.into(), text.into()));
    let asked = at > 0 && tokens[at - 1].is(&["what", "which"]);
    let closed = word.tail.contains([',', ';', '?', '.', '!']);
    match word.lower.as_str() {
        "file" if next(1).is_some_and(|file| file.quoted || file.text.contains('_')) => {
            to(at + 2, Slot::File(next(1)?.text.clone()))
        }
        "version" if valued?.text.starts_with(|c: char| c.is_ascii_digit()) => {
            text("version", value + 1, &valued?.text)
        }
        "prefix" if !closed && valued?.text.chars().any(char::is_uppercase) => {
            text("quote_prefix", value + 1, &valued?.text)
        }
        "industry" if !closed && valued?.capital() => run(tokens, value, "industry", at),
        "title" if !closed && valued?.capital() && lower(1) != "of" => {
            run(tokens, value, "title", at)
        }
        "first" | "last" if lower(1) == "name" => {
            let value = skip_glue(tokens, at + 2);
            let column = format!("{}_name", word.lower);
            let valued = tokens.get(value)?;
            match valued.lower.as_str() {
                "blank" | "empty" => text(&column, value + 1, ""),
                _ if valued.capital() => text(&column, value + 1, &valued.text),
                _ => None,
            }
        }
        "surname" | "surnamed" if valued?.capital() => text("last_name", value + 1, &valued?.text),
        "blank" | "empty" if lower(1) == "name" => text("name", at + 2, ""),
        "blank" | "empty" if lower(1) == "note" => to(at + 1, Slot::Free(String::new())),
        "status" | "stage" if !closed && !asked => choice_after(tokens, at, value),
        "address" if lower(1) == "is" || word.tail.contains(':') => {
            let end = (value..tokens.len()).find(|end| tokens[*end].sentence != word.sentence);
            let end = end.unwrap_or(tokens.len());
            let texts: Vec<String> = tokens[value..end]
                .iter()
                .map(|t| format!("{}{}", t.text, t.tail))
                .collect();
            let line = texts.join(" ");
            text("address", end, line.trim_end_matches(['.', '!', '?', ';']))
        }
        "e-mail" | "email" | "mail"
            if valued?.text.contains('@') || valued?.text.contains("(at") =>
        {
            to(value + 1, Slot::Email(valued?.text.clone()))
        }
        "say" | "says" if next(1).is_some_and(|token| token.quoted) => {
            text("notes", at + 2, &next(1)?.text)
        }
        "to" => changed_column(tokens, at),
        _ => custom_field(tokens, at),
    }
}

/// The value in "change the title of … to …".
fn changed_column(tokens: &[Token], at: usize) -> Option<Mention> {
    let sentence = tokens[at].sentence;
    let before = tokens[..at]
        .iter()
        .enumerate()
        .filter(|(_, token)| token.sentence == sentence);
    let mut columns = before.filter(|(at, token)| {
        token.is(&["title", "industry", "name"]) && tokens[at + 1].is(&["of", "on", "for"])
    });
    let (_, column) = columns.next()?;
    tokens
        .get(at + 1)
        .filter(|value| value.capital() && value.sentence == sentence)?;
    run(tokens, at + 1, &column.lower, at)
}

/// A column that the CRM may not know: `credit_limit with 50000`, `birthday 1984-05-02 … birthday
/// field`.
fn custom_field(tokens: &[Token], at: usize) -> Option<Mention> {
    let word = &tokens[at];
    let rest = &tokens[at + 1..];
    let snake = word.text.contains('_') && !values::is_file(&word.text) && !word.text.contains('@');
    let named = rest.iter().zip(rest.iter().skip(1)).any(|(name, noun)| {
        name.lower == word.lower && !is_everyday(&word.lower) && noun.lower == "field"
    });
    let value = if snake && at > 0 && tokens[at - 1].lower == "field" {
        let to = rest
            .iter()
            .position(|token| token.is(&["to", "with", "as", "="]))?;
        at + 2 + to
    } else if named && rest.first().is_some_and(|value| value.lower != "field") {
        at + 1
    } else {
        return None;
    };
    let value_token = tokens.get(value)?;
    let json = match values::quantity(&tokens[value..=value]) {
        Some((
            Quantity::Amount(number) | Quantity::Bare(number) | Quantity::Percent(number),
            _,
        )) => number,
        None => value_token.text.as_str().into(),
    };
    let slot = Slot::Field(word.text.clone(), json);
    Some(Mention {
        at,
        len: value + 1 - at,
        slot,
    })
}

/// Words between a column's name and its value.
fn skip_glue(tokens: &[Token], mut at: usize) -> usize {
    const GLUE: &[&str] = &[
        "is", "as", "to", "be", "must", "should", "stored", "becomes", "now", "address", "will",
        "too", "of", "the", "field", "in",
    ];
    while tokens
        .get(at)
        .is_some_and(|token| token.is(GLUE) && !token.quoted)
    {
        at += 1;
    }
    at
}

fn run(tokens: &[Token], from: usize, column: &str, at: usize) -> Option<Mention> {
    let end = names::run_end(tokens, from, &|_| false);
    let text = names::joined(&tokens[from..end]);
    Some(Mention {
        at,
        len: end - at,
        slot: Slot::Field(column.into(), text.into()),
    })
}

/// What follows `status` or `stage`, whether the CRM knows it or not.
fn choice_after(tokens: &[Token], at: usize, value: usize) -> Option<Mention> {
    let first = tokens
        .get(value)
        .filter(|token| token.sentence == tokens[at].sentence)?;
    if first.quoted || choice(&first.text).is_some() {
        let slot = Slot::Choice(first.text.clone());
        return Some(Mention {
            at,
            len: value + 1 - at,
            slot,
        });
    }
    // A name may follow the word as well: only a colourless word in between makes it a value.
    let unknown = first.capital() && (value > at + 1 || first.text.len() < 12);
    let ofs = tokens[at + 1..value]
        .iter()
        .any(|token| token.is(&["of", "the"]));
    if !unknown || ofs || values::is_id(&first.text) {
        return None;
    }
    let end = names::run_end(tokens, value, &|_| false);
    let slot = Slot::Choice(names::joined(&tokens[value..end]));
    Some(Mention {
        at,
        len: end - at,
        slot,
    })
}

/// A value that shows by itself what it is.
fn literal(tokens: &[Token], at: usize) -> Option<Mention> {
    let word = &tokens[at];
    let text = word.text.clone();
    let one = |slot| Some(Mention { at, len: 1, slot });
    if word.quoted {
        return one(quoted(tokens, at));
    }
    if values::is_id(&text) {
        return one(Slot::Id(text.to_lowercase()));
    }
    if text.starts_with("http://") || text.starts_with("https://") {
        return one(Slot::Url(text));
    }
    if values::is_email(&text) {
        return one(Slot::Email(text));
    }
    if values::is_file(&text) {
        return one(Slot::File(text));
    }
    if values::is_user(&text) {
        return one(Slot::User(text));
    }
    if let Some((date, len)) = values::date(&tokens[at..]) {
        return Some(Mention {
            at,
            len,
            slot: Slot::Date(date),
        });
    }
    if let Some((phone, len)) = values::phone(&tokens[at..]) {
        return Some(Mention {
            at,
            len,
            slot: Slot::Phone(phone),
        });
    }
    if let Some(mention) = number(tokens, at) {
        return Some(mention);
    }
    let within = |at: Option<usize>| {
        let token = at.and_then(|at| tokens.get(at));
        token.is_some_and(|token| token.capital() && choice(&token.text).is_none())
    };
    let in_name = within(at.checked_sub(1))
        && within(Some(at + 1))
        && !word.breaks()
        && !tokens[at - 1].breaks()
        && !is_everyday(&tokens[at - 1].lower);
    let first = at == 0 || tokens[at - 1].sentence != word.sentence;
    let verb = first
        && tokens
            .get(at + 1)
            .is_some_and(|next| next.is(&["a", "an", "up"]));
    if choice(&text).is_some() && !in_name && !verb {
        return one(Slot::Choice(text));
    }
    None
}

/// A text in quotation marks: for the column it is to be put into, if the words say.
fn quoted(tokens: &[Token], at: usize) -> Slot {
    let text = &tokens[at].text;
    let after: Vec<&str> = tokens[at + 1..]
        .iter()
        .take(3)
        .map(|t| t.lower.as_str())
        .collect();
    match after.as_slice() {
        ["into" | "in", "the", column] => {
            Slot::Field(column.replace(' ', "_"), text.as_str().into())
        }
        _ if values::is_file(text) => Slot::File(text.clone()),
        _ => Slot::Text(text.clone()),
    }
}

fn number(tokens: &[Token], at: usize) -> Option<Mention> {
    let (quantity, len) = values::quantity(&tokens[at..])?;
    let sentence = tokens[at].sentence;
    let about = |stems: &[&str]| {
        let mut words = tokens.iter().filter(|token| token.sentence == sentence);
        words.any(|token| stems.iter().any(|stem| token.lower.starts_with(stem)))
    };
    let slot = match quantity {
        Quantity::Amount(number) => Slot::Amount(number),
        Quantity::Percent(number) => Slot::Percent(number),
        Quantity::Bare(number) if about(&["probabilit", "percent", "chance"]) => {
            Slot::Percent(number)
        }
        Quantity::Bare(number) if about(&["amount", "value", "worth"]) => Slot::Amount(number),
        Quantity::Bare(_) => return None,
    };
    Some(Mention { at, len, slot })
}
