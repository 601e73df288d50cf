//! Counts of one run, none of which grows with the number of episodes. Sums are of whole numbers,
//! so that they don't depend on the order of what is added.

use std::collections::BTreeMap;

use proctor_episode::Outcome;
use proctor_model::Cost;
use serde::Serialize;

use crate::events::ModelCall;

/// Most different names of one sort in a run: verifiers, judges, roles, types of errors.
pub const NAMES_MAX: usize = 64;

/// The count under a name that the telemetry brings.
pub(crate) fn under<'a, T: Default>(
    counts: &'a mut BTreeMap<String, T>,
    name: &str,
) -> Result<&'a mut T, String> {
    if counts.len() >= NAMES_MAX && !counts.contains_key(name) {
        let shown: String = name.chars().take(80).collect();
        return Err(format!(
            "{shown:?} is one name too many; there may be {NAMES_MAX}"
        ));
    }
    Ok(counts.entry(name.to_owned()).or_default())
}

/// Units of one point of score: a score is counted to nine decimals.
const SCORE_UNITS: f64 = 1e9;

/// Scores from 0 to 1, for their mean.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Scores {
    units: u128,
    pub(crate) count: u64,
}

impl Scores {
    pub(crate) fn add(&mut self, score: f64) -> Result<(), String> {
        if !(0.0..=1.0).contains(&score) {
            return Err(format!("the score {score} is not from 0 to 1"));
        }
        self.units += (score * SCORE_UNITS).round() as u128;
        self.count += 1;
        Ok(())
    }

    pub(crate) fn merge(&mut self, other: Self) {
        self.units += other.units;
        self.count += other.count;
    }

    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.units as f64 / SCORE_UNITS / self.count as f64)
    }
}

/// What became of one task's episodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskTally {
    pub(crate) outcomes: BTreeMap<Outcome, u64>,
    pub(crate) rewards: Scores,
    /// Scored episodes whose end state was checked.
    pub(crate) checked: u64,
    /// Of those, the ones without a violation.
    pub(crate) clean: u64,
}

impl TaskTally {
    pub(crate) fn episodes(&self) -> u64 {
        self.outcomes.values().sum()
    }

    pub(crate) fn scored(&self) -> u64 {
        let scored = self
            .outcomes
            .iter()
            .filter(|(outcome, _)| outcome.is_scored());
        scored.map(|(_, count)| count).sum()
    }

    pub(crate) fn passed(&self) -> u64 {
        self.outcomes.get(&Outcome::Pass).copied().unwrap_or(0)
    }
}

/// Calls of models in one role, all told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RoleUse {
    /// Calls, failed ones included.
    pub calls: u64,
    /// Calls without a reply.
    pub failed: u64,
    /// Calls that used tokens of a model without a price.
    pub unpriced: u64,
    /// Tokens of requests.
    pub input: u64,
    /// Of those, read from the provider's cache.
    pub cached: u64,
    /// Of those, written to the provider's cache.
    pub cache_written: u64,
    /// Tokens of replies.
    pub output: u64,
    /// Of those, spent on reasoning that isn't shown.
    pub reasoning: u64,
    /// Cost of all calls that have a price.
    pub cost: Cost,
}

impl RoleUse {
    pub(crate) fn add(&mut self, call: &ModelCall) {
        let used = call.input > 0 || call.output > 0;
        *self += Self {
            calls: 1,
            failed: u64::from(call.error.is_some()),
            unpriced: u64::from(used && call.cost_usd.is_none()),
            input: call.input,
            cached: call.cached,
            cache_written: call.cache_written,
            output: call.output,
            reasoning: call.reasoning,
            cost: call.cost_usd.unwrap_or_default(),
        };
    }
}

impl std::ops::AddAssign for RoleUse {
    fn add_assign(&mut self, other: Self) {
        let add = |own: &mut u64, other: u64| *own = own.saturating_add(other);
        add(&mut self.calls, other.calls);
        add(&mut self.failed, other.failed);
        add(&mut self.unpriced, other.unpriced);
        add(&mut self.input, other.input);
        add(&mut self.cached, other.cached);
        add(&mut self.cache_written, other.cache_written);
        add(&mut self.output, other.output);
        add(&mut self.reasoning, other.reasoning);
        self.cost += other.cost;
    }
}

/// Significant binary digits that a time is kept to.
const TIME_BITS: u32 = 10;

/// Times in microseconds, each rounded down to ten significant binary digits: less than 0.2 %
/// too low, and never more than some 28,000 different ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Times {
    counts: BTreeMap<u64, u64>,
    pub(crate) count: u64,
}

impl Times {
    pub(crate) fn add(&mut self, time_us: u64) {
        let dropped = (u64::BITS - time_us.leading_zeros()).saturating_sub(TIME_BITS);
        *self
            .counts
            .entry(time_us >> dropped << dropped)
            .or_default() += 1;
        self.count += 1;
    }

    /// The smallest time that at least this share of all times don't exceed (the nearest rank).
    pub(crate) fn quantile_us(&self, percent: u64) -> Option<u64> {
        let rank = u128::from(self.count) * u128::from(percent);
        let rank = rank.div_ceil(100).max(1);
        let mut seen = 0;
        self.counts.iter().find_map(|(time_us, count)| {
            seen += u128::from(*count);
            (seen >= rank).then_some(*time_us)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let mut times = Times::default();
        assert_eq!(times.quantile_us(50), None);
        for time_us in [400, 100, 300, 200] {
            times.add(time_us);
        }
        assert_eq!(times.quantile_us(50), Some(200));
        assert_eq!(times.quantile_us(95), Some(400));
    }

    #[test]
    fn times_are_less_than_a_fifth_of_a_percent_too_low_and_few() {
        let mut times = Times::default();
        for time_us in (0..100_000).map(|n| n * n).chain([u64::MAX]) {
            let mut alone = Times::default();
            alone.add(time_us);
            let kept = alone.quantile_us(50).unwrap();
            assert!(kept <= time_us && (time_us - kept) as f64 <= time_us as f64 * 0.002);
            times.add(time_us);
        }
        assert!(times.counts.len() < 28_700);
    }

    #[test]
    fn a_mean_does_not_depend_on_the_order_of_its_scores() {
        let mean = |scores: &[f64]| {
            let mut sum = Scores::default();
            scores.iter().for_each(|score| sum.add(*score).unwrap());
            sum.mean()
        };
        assert_eq!(mean(&[0.1, 0.7, 0.2, 1.0]), mean(&[1.0, 0.2, 0.7, 0.1]));
        assert_eq!(mean(&[0.5, 1.0]), Some(0.75));
        assert_eq!(mean(&[]), None);
    }

    #[test]
    fn a_score_that_is_none_is_refused() {
        for score in [-0.1, 1.1, f64::NAN] {
            assert!(Scores::default().add(score).is_err());
        }
    }

    #[test]
    fn names_beyond_the_limit_are_refused() {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for name in 0..NAMES_MAX {
            *under(&mut counts, &name.to_string()).unwrap() += 1;
        }
        assert!(under(&mut counts, "0").is_ok());
        assert!(under(&mut counts, "another").is_err());
    }
}
