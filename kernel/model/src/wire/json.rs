//! JSON as text: read without rounding a number, written without sorting a name.
//!
//! A tree of values would do both. Arguments must reach the CRM as the model wrote them, and a
//! schema the model as its author ordered it: what a schema names first is written first. Reading
//! needs no stack however deep the text nests, and no memory but for what is asked for.

use std::fmt::{self, Display, Write as _};

use serde::de::IgnoredAny;
use serde_json::Value;

/// What JSON takes for white space.
const SPACE: [char; 4] = [' ', '\n', '\r', '\t'];

/// One value, as the text it was sent as.
#[derive(Clone, Copy)]
pub(super) struct Json<'a>(&'a str);

impl<'a> Json<'a> {
    /// The one value that the text consists of.
    pub(super) fn parse(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<IgnoredAny>(text)?;
        Ok(Self(text.trim_matches(SPACE)))
    }

    /// Its text.
    pub(super) fn source(self) -> &'a str {
        self.0
    }

    pub(super) fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    pub(super) fn is_list(self) -> bool {
        self.0.starts_with('[')
    }

    /// The member of this name; nothing also where it is null. Of several the last, as most
    /// readers of JSON have it.
    pub(super) fn get(self, name: &str) -> Option<Self> {
        self.members()
            .filter(|(key, _)| key.text().is_some_and(|key| key == name))
            .last()
            .map(|(_, value)| value)
            .filter(|value| value.0 != "null")
    }

    /// What a list holds; nothing unless it is one.
    pub(super) fn items(self) -> impl Iterator<Item = Self> {
        let mut rest = self.0.strip_prefix('[').unwrap_or_default();
        std::iter::from_fn(move || {
            let (item, behind) = next_value(rest)?;
            rest = behind;
            Some(item)
        })
    }

    /// What a string says.
    pub(super) fn text(self) -> Option<String> {
        serde_json::from_str(self.0).ok()
    }

    /// A whole number from 0 to 2^64 - 1.
    pub(super) fn count(self) -> Option<u64> {
        serde_json::from_str(self.0).ok()
    }

    /// Its text without white space between the parts.
    pub(super) fn compact(self) -> String {
        let (mut within, mut escaped) = (false, false);
        let part = |&found: &char| {
            match found {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => within = !within,
                _ => {}
            }
            within || !SPACE.contains(&found)
        };
        self.0.chars().filter(part).collect()
    }

    fn members(self) -> impl Iterator<Item = (Self, Self)> {
        let mut rest = self.0.strip_prefix('{').unwrap_or_default();
        std::iter::from_fn(move || {
            let (name, behind) = next_value(rest)?;
            let (value, behind) = next_value(behind.trim_start_matches(SPACE).strip_prefix(':')?)?;
            rest = behind;
            Some((name, value))
        })
    }
}

/// The next value of a text that is known to be sound, and what stands behind it.
fn next_value(text: &str) -> Option<(Json<'_>, &str)> {
    let text = text.trim_start_matches(|found| found == ',' || SPACE.contains(&found));
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<IgnoredAny>();
    values.next()?.ok()?;
    let (value, rest) = text.split_at_checked(values.byte_offset())?;
    Some((Json(value), rest))
}

/// An object that is being written. Its names are ours and need no escapes.
#[derive(Default)]
pub(super) struct Object(String);

impl Object {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// With a string.
    pub(super) fn text(self, name: &'static str, text: &str) -> Self {
        self.json(name, quoted(text))
    }

    /// With a value that is written as JSON already, or that is written the same way in JSON.
    pub(super) fn json(mut self, name: &'static str, json: impl Display) -> Self {
        let comma = if self.0.is_empty() { "" } else { "," };
        // A `String` takes all that is written to it.
        let _ = write!(self.0, "{comma}\"{name}\":{json}");
        self
    }

    /// With a value if there is one.
    pub(super) fn json_if(self, name: &'static str, json: Option<impl Display>) -> Self {
        match json {
            Some(json) => self.json(name, json),
            None => self,
        }
    }
}

impl Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.0)
    }
}

/// A list of values that are written as JSON already.
pub(super) fn list(items: impl IntoIterator<Item = impl Display>) -> String {
    let mut list = String::from("[");
    for (number, item) in items.into_iter().enumerate() {
        let comma = if number == 0 { "" } else { "," };
        // A `String` takes all that is written to it.
        let _ = write!(list, "{comma}{item}");
    }
    list.push(']');
    list
}

/// A string.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Json, Object, list, quoted};

    #[test]
    fn members_and_items_are_found_whatever_stands_between_them() {
        let text =
            " { \"a\" :\t[ 1 ,-2.50e3,\"x,]}\\\"\" , {\"b\":{}} ,null,true ] ,\r\n\"c\":null} ";
        let json = Json::parse(text).unwrap();
        let items = json.get("a").unwrap().items().map(Json::source);
        assert_eq!(
            items.collect::<Vec<_>>(),
            ["1", "-2.50e3", "\"x,]}\\\"\"", "{\"b\":{}}", "null", "true"]
        );
        assert!(json.get("c").is_none() && json.get("d").is_none());
    }

    #[test]
    fn a_name_is_found_with_its_escapes_and_the_last_of_two_counts() {
        let json = Json::parse(r#"{"n":1,"\u006e":2}"#).unwrap();
        assert_eq!(json.get("n").unwrap().source(), "2");
    }

    #[test]
    fn white_space_goes_but_for_that_in_strings() {
        let json = Json::parse("{ \"a b\\\" \" : [ 1.0 , \" \\\\\" , 2 ] }").unwrap();
        assert_eq!(json.compact(), r#"{"a b\" ":[1.0," \\",2]}"#);
    }

    #[test]
    fn depth_costs_no_stack() {
        let text = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert_eq!(Json::parse(&text).unwrap().items().count(), 1);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    /// The value, read piece by piece.
    fn value(json: Json<'_>) -> Value {
        if json.is_list() {
            json.items().map(value).collect()
        } else if json.is_object() {
            let members = json.members();
            Value::Object(
                members
                    .map(|(k, v)| (k.text().unwrap(), value(v)))
                    .collect(),
            )
        } else {
            serde_json::from_str(json.source()).unwrap()
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_read_piece_by_piece_is_the_value(expected in any_json(), pretty: bool) {
            let text = if pretty { format!("{expected:#}") } else { expected.to_string() };
            let json = Json::parse(&text).unwrap();
            prop_assert_eq!(value(json), expected.clone());
            prop_assert_eq!(json.compact(), expected.to_string());
        }

        #[test]
        fn what_is_written_is_read_back(a: String, b: Vec<String>) {
            let object = Object::new()
                .text("a", &a)
                .json("b", list(b.iter().map(|text| quoted(text))))
                .json_if("c", None::<u64>);
            let read: Value = serde_json::from_str(&object.to_string()).unwrap();
            prop_assert_eq!(read, json!({"a": a, "b": b}));
        }
    }
}
