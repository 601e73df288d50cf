//! Shares over tasks, with their intervals, and pass^k.

use proctor_episode::Rate;

/// The mean of one value per task, each from 0 to 1, with a 95 % interval; nothing without tasks.
///
/// The interval is Wilson's (JASA 22, 1927, p. 209) with the number of tasks as `n`: trials of one
/// task are anything but independent, and each task is one draw. For a share of passes and
/// failures it is the usual one. Values between 0 and 1 vary less than those at the ends (a mean
/// of p allows a variance of p(1 − p) at most), so for them it is rather too wide than too narrow.
pub(crate) fn over_tasks(values: impl IntoIterator<Item = f64>) -> Option<Rate> {
    let (mut sum, mut tasks) = (0.0, 0_u64);
    for value in values {
        sum += value;
        tasks += 1;
    }
    (tasks > 0).then(|| Rate::wilson(sum / tasks as f64, tasks as f64))
}

/// The probability that `k` trials of a task all pass, estimated without bias from `passed` of
/// `trials`: C(passed, k) / C(trials, k) (τ-bench, arXiv 2406.12045, §3). Nothing where there are
/// fewer than `k` trials.
pub(crate) fn pass_k(passed: u64, trials: u64, k: u64) -> Option<f64> {
    if k == 0 || trials < k {
        return None;
    }
    let factors = (0..k).map(|drawn| passed.saturating_sub(drawn) as f64 / (trials - drawn) as f64);
    Some(factors.product())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn near(found: f64, wanted: f64) -> bool {
        (found - wanted).abs() < 1e-12
    }

    #[test]
    fn pass_k_is_the_share_of_ways_to_draw_k_passes() {
        for (passed, trials, wanted) in [
            (2, 4, [0.5, 1.0 / 6.0, 0.0, 0.0]),
            (3, 4, [0.75, 0.5, 0.25, 0.0]),
            (4, 4, [1.0; 4]),
            (0, 4, [0.0; 4]),
        ] {
            for (k, wanted) in (1..).zip(wanted) {
                let found = pass_k(passed, trials, k).unwrap();
                assert!(
                    near(found, wanted),
                    "C({passed},{k})/C({trials},{k}): {found}"
                );
            }
        }
        assert_eq!(pass_k(2, 4, 5), None);
        assert_eq!(pass_k(0, 0, 1), None);
    }

    #[test]
    fn the_interval_is_wilsons_over_tasks() {
        // Newcombe, Statistics in Medicine 17 (1998), table I, method 3: 1 of 29.
        let values = std::iter::once(1.0).chain(std::iter::repeat_n(0.0, 28));
        let rate = over_tasks(values).unwrap();
        assert!(near(rate.rate, 1.0 / 29.0));
        assert!(
            (rate.low - 0.0061).abs() < 5e-5 && (rate.high - 0.1718).abs() < 5e-5,
            "{rate:?}"
        );
    }

    #[test]
    fn a_rate_over_no_task_is_missing() {
        assert_eq!(over_tasks([]), None);
    }
}
