//! Amounts of money, exactly.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Digits after the point of a cost in USD.
const DECIMALS: usize = 12;
/// Pico-dollars in a dollar.
const PICO: u128 = 1_000_000_000_000;
/// Longest text of a cost, in bytes: more than the largest cost needs.
const TEXT_BYTES_MAX: usize = 64;

/// An amount in USD, exactly: a whole number of pico-dollars (1e-12 USD), never negative. Sums
/// stop at the largest amount, about 3.4e26 USD, instead of going wrong.
///
/// As text, and so in JSON, it is a decimal number of USD without exponent and without needless
/// zeros: `0.001234`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cost(u128);

/// A text that is no cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// It isn't digits, with or without a point among them.
    #[error("an amount in USD is written in digits with a point, as in 0.25")]
    NotDecimal,
    /// It has more digits after the point than are kept.
    #[error("an amount in USD has at most {DECIMALS} digits after the point")]
    TooFine,
    /// It is more than can be held.
    #[error("this amount in USD is too large")]
    TooLarge,
}

impl Cost {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// So many pico-dollars (1e-12 USD).
    #[must_use]
    pub const fn from_pico(pico: u128) -> Self {
        Self(pico)
    }

    /// Pico-dollars (1e-12 USD).
    #[must_use]
    pub const fn pico(self) -> u128 {
        self.0
    }

    /// So many times this.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count as u128))
    }

    /// So many thousandths of a dollar.
    #[must_use]
    pub const fn from_mills(mills: u32) -> Self {
        Self(mills as u128 * (PICO / 1_000))
    }

    /// One share of `count` equal ones, rounded half up to a pico-dollar; nothing if there is no
    /// share.
    #[must_use]
    pub fn share(self, count: u64) -> Option<Self> {
        let count = u128::from(count);
        let half = count / 2;
        self.0.saturating_add(half).checked_div(count).map(Self)
    }

    /// In whole millionths of a dollar, rounded half up: as exact as a person wants it.
    #[must_use]
    pub fn rounded_to_millionths(self) -> Self {
        let millionth = PICO / 1_000_000;
        Self(self.0.saturating_add(millionth / 2) / millionth * millionth)
    }

    /// In USD to the cent, rounded up, as estimates are shown: `0.01` is the least that isn't
    /// nothing.
    #[must_use]
    pub fn rounded_up_to_cents(self) -> String {
        let cents = self.0.div_ceil(PICO / 100);
        format!("{}.{:02}", cents / 100, cents % 100)
    }

    /// What remains of it, at least nothing.
    #[must_use]
    pub const fn less(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(costs: I) -> Self {
        costs.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (dollars, pico) = (self.0 / PICO, self.0 % PICO);
        if pico == 0 {
            return f.pad(&dollars.to_string());
        }
        let decimals = format!("{pico:0DECIMALS$}");
        f.pad(&format!("{dollars}.{}", decimals.trim_end_matches('0')))
    }
}

impl FromStr for Cost {
    type Err = CostError;

    fn from_str(text: &str) -> Result<Self, CostError> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !is_digits(whole) || !is_digits(decimals) {
            return Err(CostError::NotDecimal);
        }
        if text.len() > TEXT_BYTES_MAX {
            return Err(CostError::TooLarge);
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > DECIMALS {
            return Err(CostError::TooFine);
        }
        let number = |digits: &str| digits.parse::<u128>().map_err(|_| CostError::TooLarge);
        let pico = number(&format!("{decimals:0<DECIMALS$}"))?;
        let whole = number(whole)?.checked_mul(PICO);
        let sum = whole.and_then(|whole| whole.checked_add(pico));
        sum.map(Self).ok_or(CostError::TooLarge)
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
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_written_without_exponent_and_needless_zeros() {
        let shown = |pico| Cost::from_pico(pico).to_string();
        assert_eq!(shown(0), "0");
        assert_eq!(shown(1), "0.000000000001");
        assert_eq!(shown(1_234_000_000), "0.001234");
        assert_eq!(shown(1_500_000_000_000), "1.5");
        assert_eq!(shown(20_000_000_000_000), "20");
        assert_eq!(shown(u128::MAX), "340282366920938463463374607.431768211455");
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
        assert_eq!(Cost::from_mills(10).to_string(), "0.01");
    }

    #[test]
    fn cents_are_rounded_up() {
        let cents = |pico| Cost::from_pico(pico).rounded_up_to_cents();
        assert_eq!(cents(0), "0.00");
        assert_eq!(cents(1), "0.01");
        assert_eq!(cents(10_000_000_000), "0.01");
        assert_eq!(cents(1_999_990_000_000), "2.00");
        assert_eq!(cents(u128::MAX), "340282366920938463463374607.44");
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        let error = |text: &str| text.parse::<Cost>().unwrap_err();
        for text in [
            "", ".", "1.", ".5", "-1", "+1", "1e3", "NaN", "inf", "1_000", " 1", "1,5", "1.2.3",
            "０",
        ] {
            assert_eq!(error(text), CostError::NotDecimal, "{text:?}");
        }
        assert_eq!(error("0.0000000000001"), CostError::TooFine);
        assert_eq!(
            error("340282366920938463463374607.431768211456"),
            CostError::TooLarge
        );
        assert_eq!(error(&"9".repeat(1_000_000)), CostError::TooLarge);
    }

    #[test]
    fn needless_zeros_are_read() {
        let read = |text: &str| text.parse::<Cost>().unwrap().pico();
        assert_eq!(read("007.50"), 7_500_000_000_000);
        assert_eq!(read("0.1000000000000000"), 100_000_000_000);
        assert_eq!(read("0"), 0);
    }

    #[test]
    fn sums_stop_at_the_largest_amount() {
        let most = Cost::from_pico(u128::MAX);
        assert_eq!(most + Cost::from_pico(1), most);
        assert_eq!(most.times(2), most);
        assert_eq!(Cost::ZERO.less(most), Cost::ZERO);
    }

    proptest! {
        #[test]
        fn every_amount_is_read_back(pico: u128) {
            let cost = Cost::from_pico(pico);
            prop_assert_eq!(cost.to_string().parse(), Ok(cost));
            let json = serde_json::to_string(&cost).unwrap();
            prop_assert_eq!(&json, &format!("\"{cost}\""));
            prop_assert_eq!(serde_json::from_str::<Cost>(&json).unwrap(), cost);
        }

        #[test]
        fn a_sum_is_the_sum_of_its_pico_dollars(costs: Vec<u64>) {
            let sum: Cost = costs.iter().map(|cost| Cost::from_pico(u128::from(*cost))).sum();
            prop_assert_eq!(sum.pico(), costs.iter().map(|cost| u128::from(*cost)).sum::<u128>());
        }
    }
}
