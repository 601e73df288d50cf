//! Canonical JSON (RFC 8785): one text for each value, so that it can be hashed.
//!
//! Numbers are written as ECMAScript writes them, strings with the fewest escapes, no white
//! space. Keys must come sorted: maps here are ordered, and the records that are hashed declare
//! their fields in that order, which a test holds them to.

use std::{fmt, io};

use serde::Serialize;
use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::ser::Formatter;

/// The canonical text of a value.
///
/// # Panics
/// Never for what this crate serialises: maps with string keys, no failing `Serialize`.
#[must_use]
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> String {
    let mut bytes = Vec::with_capacity(256);
    write(&mut bytes, value);
    String::from_utf8(bytes).unwrap_or_default()
}

/// Appends the canonical text of a value.
pub(crate) fn write<T: Serialize + ?Sized>(bytes: &mut Vec<u8>, value: &T) {
    let mut serializer = serde_json::Serializer::with_formatter(bytes, Canonical);
    // Writing to memory cannot fail, and nothing recorded has keys other than strings.
    let written = value.serialize(&mut serializer);
    debug_assert!(written.is_ok(), "{written:?}");
}

/// The canonical text of a value, written while the value is read, which spares building it.
///
/// It is that of [`serde_json::Value`]. Where keys don't come sorted and each once, which only
/// the whole value could mend, reading ends with an error.
pub(crate) struct Text(pub(crate) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        let mut bytes = Vec::with_capacity(256);
        Rewrite(&mut bytes).deserialize(source)?;
        String::from_utf8(bytes)
            .map(Self)
            .map_err(de::Error::custom)
    }
}

/// Appends a value that is read.
struct Rewrite<'a>(&'a mut Vec<u8>);

impl Rewrite<'_> {
    fn write<T: Serialize + ?Sized, E>(self, value: &T) -> Result<(), E> {
        write(self.0, value);
        Ok(())
    }

    /// Closes a list: what stands before is its opening or the comma behind its last item.
    fn close(self, bracket: u8) {
        if self.0.last() == Some(&b',') {
            self.0.pop();
        }
        self.0.push(bracket);
    }
}

impl<'de> DeserializeSeed<'de> for Rewrite<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Rewrite<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.write(&())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.write(&value)
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.write(value)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.0.push(b'[');
        while items.next_element_seed(Rewrite(self.0))?.is_some() {
            self.0.push(b',');
        }
        self.close(b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut before = None;
        self.0.push(b'{');
        while entries.next_key_seed(Key(self.0, &mut before))?.is_some() {
            self.0.push(b':');
            entries.next_value_seed(Rewrite(self.0))?;
            self.0.push(b',');
        }
        self.close(b'}');
        Ok(())
    }
}

/// Appends a key, which must come behind the one before.
struct Key<'a>(&'a mut Vec<u8>, &'a mut Option<String>);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<(), D::Error> {
        source.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: de::Error>(self, key: &str) -> Result<(), E> {
        if self.1.as_deref() >= Some(key) {
            return Err(E::custom("the keys aren't sorted"));
        }
        let before = self.1.get_or_insert_default();
        before.clear();
        before.push_str(key);
        write(self.0, key);
        Ok(())
    }
}

/// Largest whole number that a JSON number holds exactly: 2^53 (RFC 8785 §3.2.2.3).
const EXACT_MAX: u64 = 1 << 53;

struct Canonical;

impl Formatter for Canonical {
    fn write_f64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(ryu_js::Buffer::new().format_finite(value).as_bytes())
    }

    fn write_i64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: i64) -> io::Result<()> {
        if value.unsigned_abs() > EXACT_MAX {
            return self.write_f64(writer, value as f64);
        }
        write!(writer, "{value}")
    }

    fn write_u64<W: ?Sized + io::Write>(&mut self, writer: &mut W, value: u64) -> io::Result<()> {
        if value > EXACT_MAX {
            return self.write_f64(writer, value as f64);
        }
        write!(writer, "{value}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::Text;

    /// Values as deep as telemetry's, with keys and strings that need escapes.
    fn values() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i64>().prop_map(Json::from),
            any::<u64>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            any::<String>().prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
                prop::collection::btree_map(any::<String>(), inner, 0..6)
                    .prop_map(|entries| Json::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_text_written_while_it_is_read_is_that_of_the_value(value in values()) {
            for form in [serde_json::to_string(&value), serde_json::to_string_pretty(&value)] {
                let form = form.unwrap();
                let read: Json = serde_json::from_str(&form).unwrap();
                let text: Text = serde_json::from_str(&form).unwrap();
                prop_assert_eq!(text.0, super::to_string(&read));
            }
        }
    }

    #[test]
    fn keys_that_are_not_sorted_or_come_twice_are_refused_while_reading() {
        for text in [r#"{"b":1,"a":2}"#, r#"{"a":1,"a":1}"#, r#"[{"":1,"":2}]"#] {
            assert!(serde_json::from_str::<Text>(text).is_err(), "{text}");
        }
        for text in ["{}", "[]", r#"{"":1,"a":[{},[]]}"#, r#"{"\"":1,"\\":2}"#] {
            assert_eq!(serde_json::from_str::<Text>(text).unwrap().0, text);
        }
    }

    #[test]
    fn numbers_and_strings_as_rfc_8785_writes_them() {
        // RFC 8785 §3.2.3 and appendix B.
        let value = json!({
            "numbers": [333_333_333.333_333_3_f64, 1e30, 4.50, 2e-3, 1e-27, 1.0, -0.0],
            "string": "€$\u{f}\nA'B\"\\\"/",
        });
        assert_eq!(
            super::to_string(&value),
            r#"{"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,1,0],"string":"€$\u000f\nA'B\"\\\"/"}"#
        );
    }

    #[test]
    fn whole_numbers_beyond_two_to_the_53rd_are_doubles() {
        assert_eq!(
            super::to_string(&9_007_199_254_740_993_u64),
            "9007199254740992"
        );
        assert_eq!(super::to_string(&i64::MIN), "-9223372036854776000");
    }
}
