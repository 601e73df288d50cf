//! The values a row can hold, and their one text form.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Date, Kind, Timestamp};

/// Primary key of a record: a UUID, written in lower-case hyphenated form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(uuid::Uuid);

impl Id {
    /// An id made of 16 bytes of a digest, stamped as UUID version 8 (RFC 9562 §5.8: custom,
    /// here "derived from a seed", never from randomness).
    #[must_use]
    pub fn from_digest(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// An id from its 16 bytes, most significant first.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }

    /// The 16 bytes, most significant first.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl FromStr for Id {
    type Err = ValueError;

    /// Accepts the hyphenated form only, in either case: braces, URNs and bare hex digits are
    /// other spellings of the same id, and one record must not have several.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        if text.len() != 36 {
            return Err(ValueError::new("an id (UUID)", text));
        }
        uuid::Uuid::try_parse(text)
            .map(Self)
            .map_err(|_| ValueError::new("an id (UUID)", text))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Exact decimal amount with two places, held in cents.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Money(i64);

impl Money {
    /// Largest amount either way that every backend holds: `NUMERIC(14,2)`, in cents.
    pub const CENTS_MAX: i64 = 99_999_999_999_999;

    /// An amount from cents, or nothing if it is beyond [`Money::CENTS_MAX`].
    #[must_use]
    pub const fn from_cents(cents: i64) -> Option<Self> {
        if cents > Self::CENTS_MAX || cents < -Self::CENTS_MAX {
            None
        } else {
            Some(Self(cents))
        }
    }

    /// Largest total either way, in cents: the nearest binary floats of any two amounts up to
    /// here differ, so that no total changes on its way through JSON. Totals are not stored, so
    /// [`Money::CENTS_MAX`] does not bind them.
    pub const TOTAL_CENTS_MAX: i64 = 1 << 52;

    /// What amounts come to, exactly, or nothing if that is beyond [`Money::TOTAL_CENTS_MAX`].
    #[must_use]
    pub fn total(amounts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut cents = 0_i64;
        for amount in amounts {
            cents = cents.checked_add(amount.0)?;
            if !(-Self::TOTAL_CENTS_MAX..=Self::TOTAL_CENTS_MAX).contains(&cents) {
                return None;
            }
        }
        Some(Self(cents))
    }

    /// This amount less another, or nothing if that is beyond [`Money::CENTS_MAX`].
    #[must_use]
    pub const fn less(self, other: Self) -> Option<Self> {
        Self::from_cents(self.0.saturating_sub(other.0))
    }

    /// Whole currency units; for constants.
    #[must_use]
    pub const fn from_units(units: i32) -> Self {
        Self(units as i64 * 100)
    }

    /// The amount in cents.
    #[must_use]
    pub const fn cents(self) -> i64 {
        self.0
    }

    /// The nearest binary float, for JSON numbers only: 17 digits tell any two amounts apart.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / 100.0
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

impl FromStr for Money {
    type Err = ValueError;

    /// Plain decimal notation with at most two places: `85000`, `85000.5`, `-0.01`.
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || ValueError::new("an amount with at most two decimal places", text);
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (units, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let plain = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if !plain(units) || !plain(fraction) || fraction.len() > 2 || units.len() > 14 {
            return Err(wrong());
        }
        let units: i64 = units.parse().map_err(|_| wrong())?;
        let cents: i64 = format!("{fraction:0<2}").parse().map_err(|_| wrong())?;
        let magnitude = units * 100 + cents;
        Self::from_cents(if negative { -magnitude } else { magnitude }).ok_or_else(wrong)
    }
}

/// One cell of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing recorded.
    #[default]
    Null,
    /// Text, and the value of a [`Kind::Choice`].
    Text(String),
    /// Whole number.
    Integer(i64),
    /// Exact amount.
    Money(Money),
    /// Calendar date.
    Date(Date),
    /// Instant.
    Timestamp(Timestamp),
    /// Key of this or another record.
    Id(Id),
    /// List of texts, in its own order.
    Texts(Vec<String>),
}

impl Value {
    /// Whether nothing is recorded.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The text of a [`Value::Text`].
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The key of a [`Value::Id`].
    #[must_use]
    pub fn as_id(&self) -> Option<Id> {
        match self {
            Self::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// The amount of a [`Value::Money`].
    #[must_use]
    pub fn as_money(&self) -> Option<Money> {
        match self {
            Self::Money(amount) => Some(*amount),
            _ => None,
        }
    }

    /// The JSON form that agents see: amounts as numbers, dates and ids as strings.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Text(text) => json!(text),
            Self::Integer(number) => json!(number),
            Self::Money(amount) if amount.cents() % 100 == 0 => json!(amount.cents() / 100),
            Self::Money(amount) => json!(amount.to_f64()),
            Self::Date(date) => json!(date.to_string()),
            Self::Timestamp(instant) => json!(instant.to_string()),
            Self::Id(id) => json!(id.to_string()),
            Self::Texts(texts) => json!(texts),
        }
    }

    /// Parses the text form of a value of `kind`: what a database cell, a snapshot or a suite
    /// file holds. Checks the form only; whether a value is allowed is the rules' business.
    pub fn parse(kind: Kind, text: &str) -> Result<Self, ValueError> {
        match kind {
            Kind::Id | Kind::Reference(_) | Kind::Subject => text.parse().map(Self::Id),
            Kind::Money => text.parse().map(Self::Money),
            Kind::Percent => text
                .parse()
                .map(Self::Integer)
                .map_err(|_| ValueError::new("a whole number", text)),
            Kind::Date => text
                .parse()
                .map(Self::Date)
                .map_err(|_| ValueError::new("a date (YYYY-MM-DD)", text)),
            Kind::Timestamp => text
                .parse()
                .map(Self::Timestamp)
                .map_err(|_| ValueError::new("a time (RFC 3339)", text)),
            Kind::Texts => Err(ValueError::new("a list of texts", text)),
            _ => Ok(Self::Text(text.to_owned())),
        }
    }
}

/// The text form, as in messages: nothing for [`Value::Null`], texts joined by commas.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Money(amount) => amount.fmt(f),
            Self::Date(date) => date.fmt(f),
            Self::Timestamp(instant) => instant.fmt(f),
            Self::Id(id) => id.fmt(f),
            Self::Texts(texts) => f.write_str(&texts.join(", ")),
        }
    }
}

/// A text that is not a value of the kind it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}, found {found:?}")]
pub struct ValueError {
    expected: &'static str,
    found: String,
}

impl ValueError {
    pub(crate) fn new(expected: &'static str, found: &str) -> Self {
        // Long input is cut: an error message is no place for a megabyte.
        let found = found.chars().take(80).collect();
        Self { expected, found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_has_one_text_form_for_each_amount() {
        for (text, shown) in [("85000", "85000.00"), ("0.5", "0.50"), ("-0.01", "-0.01")] {
            let amount: Money = text.parse().unwrap();
            assert_eq!(amount.to_string(), shown);
            assert_eq!(shown.parse::<Money>().unwrap(), amount);
        }
        for wrong in [
            "",
            ".",
            "1.",
            ".5",
            "1e3",
            "1.234",
            "+1",
            "NaN",
            "1,000",
            "9999999999999.99",
        ] {
            assert!(wrong.parse::<Money>().is_err(), "{wrong} must not parse");
        }
    }

    #[test]
    fn ids_have_one_spelling() {
        let id: Id = "7F4662ED-d548-4587-b9f9-944f9e3c073c".parse().unwrap();
        assert_eq!(id.to_string(), "7f4662ed-d548-4587-b9f9-944f9e3c073c");
        assert!("7f4662edd5484587b9f9944f9e3c073c".parse::<Id>().is_err());
        assert!(
            "{7f4662ed-d548-4587-b9f9-944f9e3c073c}"
                .parse::<Id>()
                .is_err()
        );
    }
}
