//! What an agent can know at a point of an episode: what the user has said and what results
//! have shown.

use std::collections::BTreeSet;

use proctor_crm::{Entity, Row, Value};
use proctor_host::{Fact, Observation, wire};
use serde_json::Value as Json;

use super::mention::{Mentions, is_uuid};
use crate::suite::Turn;

/// What can be known so far.
#[derive(Default)]
pub(super) struct Knowledge {
    /// All words of the user and of results, folded, one text a line.
    words: String,
    numbers: Vec<f64>,
    dates: BTreeSet<String>,
    /// Ids said or shown.
    ids: BTreeSet<String>,
    /// Ids that a result has shown, of the records found or of those they refer to.
    shown_ids: BTreeSet<String>,
}

impl Knowledge {
    /// The user speaks.
    pub(super) fn hear(&mut self, turn: &Turn) {
        self.read(&turn.user);
        for derived in &turn.derived {
            self.read(&derived.value);
        }
    }

    /// A call has a result. Columns in `given` are the call's own and prove nothing: a value
    /// does not become known by being written.
    pub(super) fn see(&mut self, observation: &Observation, given: &BTreeSet<String>) {
        match observation {
            Observation::Message(_) => {}
            Observation::Refused(refusal) => self.read(&refusal.message),
            Observation::Accepted(result) => {
                self.numbers.push(result.rows.len() as f64);
                for row in &result.rows {
                    self.see_row(row, given);
                }
                for (name, value) in &result.facts {
                    self.add_words(name);
                    self.see_value(value);
                }
            }
        }
    }

    fn see_row(&mut self, row: &Row, given: &BTreeSet<String>) {
        self.see_value(&Value::Id(row.id()));
        self.add_words(row.entity().name());
        for (column, value) in row.cells().skip(1) {
            if !given.contains(column.name) {
                self.see_value(value);
            }
        }
        // A person's name takes two columns.
        if row.entity() == Entity::Contact {
            self.add_words(&format!(
                "{} {}",
                row.get("first_name"),
                row.get("last_name")
            ));
        }
    }

    fn see_value(&mut self, value: &Value) {
        match value {
            Value::Null => {}
            Value::Text(text) => self.add_words(text),
            Value::Texts(texts) => texts.iter().for_each(|text| self.add_words(text)),
            Value::Integer(number) => self.numbers.push(*number as f64),
            Value::Money(amount) => self.numbers.push(amount.to_f64()),
            Value::Id(id) => {
                self.ids.insert(id.to_string());
                self.shown_ids.insert(id.to_string());
            }
            Value::Date(_) | Value::Timestamp(_) => self.read(&value.to_string()),
        }
    }

    fn read(&mut self, text: &str) {
        self.add_words(text);
        let found = Mentions::in_text(text);
        self.numbers.extend(found.numbers);
        self.dates.extend(found.dates);
        self.ids.extend(found.ids);
    }

    fn add_words(&mut self, text: &str) {
        self.words.push_str(&folded(text));
        self.words.push('\n');
    }

    /// Whether a result has shown this id; that the user has said it is not enough to answer with.
    pub(super) fn has_shown(&self, id: &str) -> bool {
        self.shown_ids.contains(id)
    }

    /// Whether these words were said or shown, not as part of a longer word.
    pub(super) fn has_text(&self, text: &str) -> bool {
        let wanted = folded(text);
        let joins = |one: Option<char>, other: Option<char>| {
            one.is_some_and(char::is_alphanumeric) && other.is_some_and(char::is_alphanumeric)
        };
        let stands_alone = |at: usize| {
            let before = self.words[..at].chars().next_back();
            let after = self.words[at + wanted.len()..].chars().next();
            let within = joins(before, wanted.chars().next());
            !within && !joins(wanted.chars().next_back(), after)
        };
        wanted.is_empty()
            || self
                .words
                .match_indices(&wanted)
                .any(|(at, _)| stands_alone(at))
    }

    fn has_number(&self, number: f64) -> bool {
        self.numbers
            .iter()
            .any(|known| (known - number).abs() <= 1e-9 * number.abs().max(1.0))
    }

    fn has_date(&self, date: &str) -> bool {
        self.dates.contains(date)
    }

    /// Whether a value of an argument is known; what holds other values is not asked.
    pub(super) fn has_json(&self, json: &Json) -> bool {
        match json {
            Json::String(text) if is_uuid(text) => self.ids.contains(&text.to_ascii_lowercase()),
            Json::String(text) => self.has_text(text) || self.has_date(text),
            Json::Number(number) => {
                number
                    .as_f64()
                    .is_some_and(|number| self.has_number(number))
                    || self.has_text(&number.to_string())
            }
            Json::Bool(truth) => self.has_text(&truth.to_string()),
            Json::Null | Json::Array(_) | Json::Object(_) => true,
        }
    }

    /// Whether a value that a verifier demands is known.
    pub(super) fn has_value(&self, value: &wire::Value) -> bool {
        match value {
            wire::Value::Absent => true,
            wire::Value::Text(text) => self.has_text(text),
            wire::Value::Texts(texts) => texts.iter().all(|text| self.has_text(text)),
            wire::Value::Integer(number) => self.has_number(*number as f64),
            wire::Value::Money(cents) => self.has_number(*cents as f64 / 100.0),
            wire::Value::Date(date) => self.has_date(date),
            wire::Value::Timestamp(instant) => self.has_text(instant),
            wire::Value::Id(id) => self.ids.contains(id),
        }
    }

    /// Whether a fact that an answer must state is known.
    pub(super) fn has_fact(&self, fact: &Fact) -> bool {
        match fact {
            Fact::Money(cents) => self.has_number(*cents as f64 / 100.0),
            Fact::Count(count) => self.has_number(*count as f64),
            Fact::Date(date) => self.has_date(date),
            Fact::Choice(choice) => self.has_text(&choice.value),
            Fact::Text(text) => self.has_text(text),
        }
    }
}

/// Lower case, one space between words, hyphens as spaces, plain quotes: what makes no
/// difference to a reader.
fn folded(text: &str) -> String {
    let plain = |c: char| match c {
        '-' | '\u{2010}'..='\u{2015}' => ' ',
        '‘' | '’' => '\'',
        '“' | '”' => '"',
        c => c,
    };
    let lower: String = text
        .chars()
        .map(plain)
        .flat_map(char::to_lowercase)
        .collect();
    lower.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite::Derived;
    use serde_json::json;

    #[test]
    fn what_the_user_says_is_known_in_any_spelling() {
        let mut known = Knowledge::default();
        known.hear(&Turn {
            user: "Move Call-Center’s deal to closed won: 85k, March 31, 2026, at the end.".into(),
            derived: vec![Derived {
                value: "60".into(),
                from: "the end".into(),
            }],
            refused: Vec::new(),
        });
        for value in [
            json!("Call Center"),
            json!("Closed-Won"),
            json!(85000),
            json!(85000.0),
            json!("2026-03-31"),
            json!(60),
            json!(null),
        ] {
            assert!(known.has_json(&value), "{value}");
        }
        for value in [
            json!("Call Cent"),
            json!("Open"),
            json!(85001),
            json!("2026-04-01"),
            json!(true),
            json!("7f4662ed-d548-4587-b9f9-944f9e3c073c"),
        ] {
            assert!(!known.has_json(&value), "{value}");
        }
    }
}
