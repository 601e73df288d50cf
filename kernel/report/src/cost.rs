//! Amounts of US dollars, exact.

use std::fmt;
use std::ops::AddAssign;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Picodollars of one dollar. A price in dollars per million tokens with six decimals is a whole
/// number of them per token.
const PICO: u128 = 1_000_000_000_000;
/// Most decimals of an amount: one picodollar.
const DECIMALS_MAX: usize = 12;
/// Most digits before the point: far more than anybody can spend.
const WHOLE_DIGITS_MAX: usize = 12;

/// An amount of US dollars, a whole number of picodollars (10⁻¹²). Written as a decimal number
/// without exponent or needless zeros: `0.00123`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cost(u128);

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an amount of dollars has up to {WHOLE_DIGITS_MAX} digits and up to {DECIMALS_MAX} decimals, as in 0.00123"
)]
pub struct CostError;

impl Cost {
    /// This many thousandths of a dollar.
    #[must_use]
    pub const fn of_mills(mills: u32) -> Self {
        Self(mills as u128 * (PICO / 1_000))
    }

    /// One share of `count` equal ones, rounded half up to a picodollar; nothing if there is no
    /// share.
    #[must_use]
    pub fn share(self, count: u64) -> Option<Self> {
        let count = u128::from(count);
        let half = count / 2;
        self.0.saturating_add(half).checked_div(count).map(Self)
    }

    /// The cost in whole millionths of a dollar, rounded half up: as exact as a person wants it.
    #[must_use]
    pub fn rounded_to_millionths(self) -> Self {
        let millionth = PICO / 1_000_000;
        Self(self.0.saturating_add(millionth / 2) / millionth * millionth)
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.saturating_add(other.0);
    }
}

impl FromStr for Cost {
    type Err = CostError;

    fn from_str(text: &str) -> Result<Self, CostError> {
        let (whole, decimals) = match text.split_once('.') {
            Some((whole, decimals)) if !decimals.is_empty() => (whole, decimals),
            Some(_) => return Err(CostError),
            None => (text, ""),
        };
        let fits = (1..=WHOLE_DIGITS_MAX).contains(&whole.len())
            && decimals.len() <= DECIMALS_MAX
            && whole
                .bytes()
                .chain(decimals.bytes())
                .all(|byte| byte.is_ascii_digit());
        if !fits {
            return Err(CostError);
        }
        format!("{whole}{decimals:0<DECIMALS_MAX$}")
            .parse()
            .map(Self)
            .map_err(|_| CostError)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = format!("{:0DECIMALS_MAX$}", self.0 % PICO);
        let text = format!("{}.{decimals}", self.0 / PICO);
        f.pad(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cost {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_amount_is_read_and_written_exactly() {
        for text in [
            "0",
            "7",
            "0.00123",
            "0.000000000001",
            "999999999999.999999999999",
            "0.1",
        ] {
            assert_eq!(text.parse::<Cost>().unwrap().to_string(), text);
        }
        assert_eq!("1.50".parse::<Cost>().unwrap().to_string(), "1.5");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "NaN",
            "1.0000000000001",
            " 1",
            "1,5",
            "1000000000000",
        ] {
            assert_eq!(text.parse::<Cost>(), Err(CostError), "{text}");
        }
    }

    #[test]
    fn a_tenth_and_two_tenths_are_three_tenths() {
        let mut sum: Cost = "0.1".parse().unwrap();
        sum += "0.2".parse().unwrap();
        assert_eq!(sum, "0.3".parse().unwrap());
    }

    #[test]
    fn a_share_is_rounded_to_the_nearest_picodollar() {
        let share = |text: &str, count| text.parse::<Cost>().unwrap().share(count);
        assert_eq!(share("1", 3).unwrap().to_string(), "0.333333333333");
        assert_eq!(share("2", 3).unwrap().to_string(), "0.666666666667");
        assert_eq!(share("2", 0), None);
    }

    #[test]
    fn people_see_millionths() {
        let rounded = |text: &str| text.parse::<Cost>().unwrap().rounded_to_millionths();
        assert_eq!(rounded("0.020016786325").to_string(), "0.020017");
        assert_eq!(rounded("0.0000004999").to_string(), "0");
        assert_eq!(rounded("0.0000005").to_string(), "0.000001");
    }

    #[test]
    fn a_cost_can_be_made_of_thousandths() {
        assert_eq!(Cost::of_mills(10).to_string(), "0.01");
    }
}
