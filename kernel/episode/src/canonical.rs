//! Canonical JSON (RFC 8785): one text for each value, so that it can be hashed.
//!
//! Numbers are written as ECMAScript writes them, strings with the fewest escapes, no white
//! space. Keys must come sorted: maps here are ordered, and the records that are hashed declare
//! their fields in that order, which a test holds them to.

use std::io;

use serde::Serialize;
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
    use serde_json::json;

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
