//! Amounts, percentages and counts, read from JSON numbers without ever being rounded.

use serde_json::{Number, Value as Json};

use super::{Purpose, wrong_type};
use crate::{Code, Kind, Money, Refusal, spelling};

/// A number as its decimal digits: no leading zeros before the point, no trailing ones after.
#[derive(Debug)]
struct Decimal {
    negative: bool,
    whole: String,
    fraction: String,
}

/// Digits beyond which a number is outside every range here, so that a giant exponent costs
/// nothing.
const PLACES_MAX: i64 = 400;

impl Decimal {
    /// The exact value of the shortest text that stands for the number.
    fn of(number: &Number) -> Self {
        let text = number.to_string();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.as_str()),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let exponent = exponent
            .parse::<i64>()
            .unwrap_or(if exponent.starts_with('-') {
                -PLACES_MAX
            } else {
                PLACES_MAX
            });
        let (whole, fraction) = shifted(whole, fraction, exponent.clamp(-PLACES_MAX, PLACES_MAX));
        Self {
            negative,
            whole: whole.trim_start_matches('0').to_owned(),
            fraction: fraction.trim_end_matches('0').to_owned(),
        }
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    /// The digits before the point, if they are a number that can be counted with.
    fn units(&self) -> Option<i64> {
        if self.whole.is_empty() {
            Some(0)
        } else {
            self.whole.parse().ok()
        }
    }

    /// Whether it is above `limit`, sign aside.
    fn exceeds(&self, limit: i64) -> bool {
        self.units()
            .is_none_or(|units| units > limit || (units == limit && !self.fraction.is_empty()))
    }
}

/// Moves the decimal point `places` to the right.
fn shifted(whole: &str, fraction: &str, places: i64) -> (String, String) {
    let digits = format!("{whole}{fraction}");
    let point = whole.len() as i64 + places;
    if point <= 0 {
        let zeros = "0".repeat(point.unsigned_abs() as usize);
        return (String::new(), format!("{zeros}{digits}"));
    }
    let point = point as usize;
    if point >= digits.len() {
        let zeros = "0".repeat(point - digits.len());
        return (format!("{digits}{zeros}"), String::new());
    }
    let (whole, fraction) = digits.split_at(point);
    (whole.to_owned(), fraction.to_owned())
}

fn decimal(name: &str, json: &Json, expected: &str) -> Result<Decimal, Refusal> {
    match json {
        Json::Number(number) => Ok(Decimal::of(number)),
        _ => Err(wrong_type(name, json, expected)),
    }
}

/// An exact amount. A search may ask for any that a row could hold, and for 0.
pub(super) fn money(name: &str, json: &Json, purpose: Purpose) -> Result<Money, Refusal> {
    let given = decimal(name, json, "a number")?;
    let refuse = |code, why: &str| {
        let shown = spelling::cut(&json.to_string());
        Err(Refusal::new(
            code,
            name,
            format!("`{name}` is {shown}; {why}."),
        ))
    };
    let search = purpose == Purpose::Search;
    if search && given.negative && !given.is_zero() {
        return refuse(Code::AmountNotPositive, "no amount is below 0");
    }
    if !search && (given.negative || given.is_zero()) {
        return refuse(Code::AmountNotPositive, "it must be greater than 0");
    }
    let limit = if search {
        Money::CENTS_MAX / 100
    } else {
        i64::from(Kind::MONEY_UNITS_MAX)
    };
    if given.exceeds(limit) {
        return refuse(
            Code::AmountTooLarge,
            &format!("it must be at most {}", grouped(limit)),
        );
    }
    if given.fraction.len() > 2 {
        return refuse(
            Code::AmountPrecision,
            "it can have at most two decimal places",
        );
    }
    let cents = format!("{:0>1}{:0<2}", given.whole, given.fraction)
        .parse()
        .ok();
    match cents.and_then(Money::from_cents) {
        Some(amount) => Ok(amount),
        None => refuse(Code::AmountTooLarge, "it is beyond what can be recorded"),
    }
}

/// A whole-number percentage from 1 to 99; `30.0` is one too.
pub(super) fn percent(name: &str, json: &Json) -> Result<i64, Refusal> {
    let given = decimal(name, json, "a whole number from 1 to 99")?;
    if !given.fraction.is_empty() {
        let message = format!(
            "`{name}` is {}; it must be a whole-number percentage from 1 to 99, as in 45 for 45 %.",
            spelling::cut(&json.to_string()),
        );
        return Err(Refusal::new(Code::ProbabilityFraction, name, message));
    }
    match given.units() {
        Some(units @ 1..=99) if !given.negative => Ok(units),
        _ => {
            let message = format!("`{name}` must be from 1 to 99.");
            Err(Refusal::new(Code::ProbabilityOutOfRange, name, message))
        }
    }
}

/// A whole number from `least` to `most`.
pub(crate) fn whole(name: &str, json: &Json, least: u32, most: u32) -> Result<u32, Refusal> {
    let given = decimal(name, json, "a whole number")?;
    if !given.fraction.is_empty() {
        let message = format!("`{name}` must be a whole number, not a fraction.");
        return Err(Refusal::new(Code::WrongType, name, message));
    }
    let units = given.units().and_then(|units| u32::try_from(units).ok());
    match units {
        _ if given.negative && !given.is_zero() => Err(too_few(name, least)),
        Some(units) if units < least => Err(too_few(name, least)),
        Some(units) if units <= most => Ok(units),
        _ => {
            let message = format!("`{name}` must be at most {}.", grouped(i64::from(most)));
            Err(Refusal::new(Code::TooMany, name, message))
        }
    }
}

fn too_few(name: &str, least: u32) -> Refusal {
    Refusal::new(
        Code::TooFew,
        name,
        format!("`{name}` must be at least {least}."),
    )
}

/// Digits in groups of three, as in 10,000,000.
fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cents(json: &str) -> Result<i64, Code> {
        let json: Json = serde_json::from_str(json).unwrap();
        money("amount", &json, Purpose::Create)
            .map(Money::cents)
            .map_err(|refusal| refusal.code)
    }

    #[test]
    fn amounts_are_read_exactly() {
        for (json, expected) in [
            ("85000", 8_500_000),
            ("85000.0", 8_500_000),
            ("1e6", 100_000_000),
            ("1.5e3", 150_000),
            ("0.01", 1),
            ("1e-2", 1),
            ("0.07", 7),
            ("1.1", 110),
            ("9999999.99", 999_999_999),
            ("10000000", 1_000_000_000),
            ("1e7", 1_000_000_000),
            ("100e-1", 1_000),
        ] {
            assert_eq!(cents(json), Ok(expected), "{json}");
        }
    }

    #[test]
    fn amounts_outside_the_limits_are_refused() {
        for (json, expected) in [
            ("0", Code::AmountNotPositive),
            ("-0.0", Code::AmountNotPositive),
            ("-0.001", Code::AmountNotPositive),
            ("10000000.01", Code::AmountTooLarge),
            ("10000000.001", Code::AmountTooLarge),
            ("1e300", Code::AmountTooLarge),
            ("18446744073709551615", Code::AmountTooLarge),
            ("0.001", Code::AmountPrecision),
            ("1e-300", Code::AmountPrecision),
            ("0.30000000000000004", Code::AmountPrecision),
            ("true", Code::WrongType),
            ("\"120\"", Code::WrongType),
        ] {
            assert_eq!(cents(json), Err(expected), "{json}");
        }
    }
}
