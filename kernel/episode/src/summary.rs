//! What a run comes to: outcomes by task kind, success rates with intervals, weighted by the
//! customer's frequencies and not.

use std::collections::BTreeMap;

use proctor_model::{CallRecord, Cost, Origin, Spent, Usage};
use serde::Serialize;

use crate::outcome::Outcome;
use crate::suite::Suite;
use crate::telemetry::Recorded;

/// Outcomes of a run's episodes, task by task. Its size is that of the suite, however many
/// episodes are counted.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    tasks: BTreeMap<String, TaskTally>,
    asked: BTreeMap<String, Asked>,
    paid: Spent,
}

/// What was asked of models in one role.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Asked {
    /// Number of calls.
    pub calls: u64,
    /// Of them: calls that gave no reply.
    pub failed: u64,
    /// Tokens, as the providers counted them.
    pub usage: Usage,
    /// What the calls cost that have a price.
    pub cost: Cost,
    /// Calls of models without a price.
    pub unpriced: u64,
}

/// One call of a model, as far as sums go.
#[derive(Clone, Copy, Debug)]
pub struct AskedOnce {
    /// Tokens.
    pub usage: Usage,
    /// What it cost, if the model has a price.
    pub cost: Option<Cost>,
    /// Whether there was no reply.
    pub failed: bool,
    /// Whether it was paid for in this run, rather than read from a recording.
    pub live: bool,
}

#[derive(Clone, Debug, Default)]
struct TaskTally {
    outcomes: BTreeMap<Outcome, u64>,
    reward: f64,
    rewarded: u64,
}

impl AskedOnce {
    /// What a call on record comes to.
    #[must_use]
    pub fn of(call: &CallRecord) -> Self {
        Self {
            usage: call.usage,
            cost: call.cost,
            failed: call.error.is_some(),
            live: call.origin == Origin::Live,
        }
    }
}

impl Tally {
    /// Counts one episode. Rewards are added in the order of the calls, so that the same run
    /// gives the same sum.
    pub fn add(&mut self, recorded: &Recorded) {
        let task = self.tasks.entry(recorded.task.clone()).or_default();
        *task.outcomes.entry(recorded.outcome).or_default() += 1;
        if let Some(reward) = recorded.reward {
            task.reward += reward;
            task.rewarded += 1;
        }
    }

    /// Counts one call of a model.
    pub fn add_call(&mut self, role: &str, call: AskedOnce) {
        let asked = self.asked.entry(role.to_owned()).or_default();
        asked.calls += 1;
        asked.failed += u64::from(call.failed);
        asked.usage += call.usage;
        asked.unpriced += u64::from(call.cost.is_none());
        let cost = call.cost.unwrap_or_default();
        asked.cost += cost;
        if call.live {
            self.paid += Spent {
                cost,
                tokens: call.usage.total(),
                calls: 1,
            };
        }
    }

    /// What was paid for in this run, rather than read from a recording.
    #[must_use]
    pub fn paid(&self) -> Spent {
        self.paid
    }

    /// What was asked of models, by role.
    #[must_use]
    pub fn asked(&self) -> &BTreeMap<String, Asked> {
        &self.asked
    }

    /// Number of episodes with each outcome.
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<Outcome, u64> {
        let mut all = BTreeMap::new();
        for task in self.tasks.values() {
            for (outcome, count) in &task.outcomes {
                *all.entry(*outcome).or_default() += count;
            }
        }
        all
    }
}

/// A success rate with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Rate {
    /// Share of scored episodes that passed.
    pub rate: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What the line is about: a task kind, or the whole.
    pub name: String,
    /// Number of tasks with a scored episode.
    pub tasks: u64,
    /// Number of episodes by outcome class.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Success rate; nothing where no episode was scored.
    pub success: Option<Rate>,
    /// Mean reward; nothing where there was none.
    pub reward: Option<f64>,
}

/// What a run comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// By task kind, the customer's most frequent first.
    pub kinds: Vec<Group>,
    /// All episodes.
    pub all: Group,
    /// Episodes of tasks that ask for a change.
    pub changing: Group,
    /// Episodes of negative tasks.
    pub negative: Group,
    /// Episodes of tasks that only read.
    pub reading: Group,
    /// Success rate with each kind weighted by how often it occurs at the customer's.
    pub weighted: Option<Rate>,
    /// What was asked of models, by role.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, Asked>,
}

impl Summary {
    /// Sums up.
    #[must_use]
    pub fn of(suite: &Suite, tally: &Tally) -> Self {
        let select = |name: &str, wanted: &dyn Fn(&crate::suite::Task) -> bool| {
            let tasks: Vec<&TaskTally> = suite
                .tasks
                .iter()
                .filter(|task| wanted(task))
                .filter_map(|task| tally.tasks.get(&task.id))
                .collect();
            group(name, &tasks)
        };
        let mut names: Vec<&str> = suite.tasks.iter().map(|task| task.kind.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let mut kinds: Vec<Group> = names
            .iter()
            .map(|kind| select(kind, &|task| task.kind == *kind))
            .filter(|kind| !kind.outcomes.is_empty())
            .collect();
        let frequency = |kind: &Group| suite.frequency.get(&kind.name).copied().unwrap_or(0);
        kinds.sort_by_key(|kind| std::cmp::Reverse(frequency(kind)));
        Self {
            all: select("all", &|_| true),
            changing: select("tasks that ask for a change", &|task| {
                !task.changes_nothing()
            }),
            negative: select("negative tasks", &|task| task.negative.is_some()),
            reading: select("read-only tasks", &|task| task.read_only.is_some()),
            weighted: weighted(&kinds, &frequency),
            models: tally.asked.clone(),
            kinds,
        }
    }
}

fn group(name: &str, tasks: &[&TaskTally]) -> Group {
    let mut outcomes = BTreeMap::new();
    let (mut rewarded, mut reward, mut scored_tasks) = (0, 0.0, 0);
    for task in tasks {
        for (outcome, count) in &task.outcomes {
            *outcomes.entry(*outcome).or_default() += count;
        }
        reward += task.reward;
        rewarded += task.rewarded;
        scored_tasks += u64::from(task.outcomes.keys().any(|outcome| outcome.is_scored()));
    }
    let scored: u64 = outcomes
        .iter()
        .filter(|(outcome, _)| outcome.is_scored())
        .map(|(_, count)| count)
        .sum();
    let passed = outcomes.get(&Outcome::Pass).copied().unwrap_or(0);
    Group {
        name: name.to_owned(),
        tasks: scored_tasks,
        success: (scored > 0)
            .then(|| Rate::wilson(passed as f64 / scored as f64, scored_tasks as f64)),
        reward: (rewarded > 0).then(|| reward / rewarded as f64),
        outcomes,
    }
}

/// The rate with each kind weighted, and its interval: Wilson's with Kish's effective number of
/// tasks, (Σw)² / Σ(w²/n) (Kish, Survey Sampling, 1965, §11.7).
fn weighted(kinds: &[Group], frequency: &dyn Fn(&Group) -> u64) -> Option<Rate> {
    let parts: Vec<(f64, f64, f64)> = kinds
        .iter()
        .filter_map(|kind| {
            let weight = frequency(kind) as f64;
            let rate = kind.success?.rate;
            (weight > 0.0).then_some((weight, rate, kind.tasks as f64))
        })
        .collect();
    let total: f64 = parts.iter().map(|(weight, ..)| weight).sum();
    if total <= 0.0 {
        return None;
    }
    let rate = parts
        .iter()
        .map(|(weight, rate, _)| weight * rate)
        .sum::<f64>()
        / total;
    let spread: f64 = parts
        .iter()
        .map(|(weight, _, tasks)| weight * weight / tasks)
        .sum();
    Some(Rate::wilson(rate, total * total / spread))
}

/// Quantile of the normal distribution for a 95 % interval.
const Z: f64 = 1.959_963_984_540_054;

impl Rate {
    /// A rate with Wilson's score interval (Wilson, JASA 22, 1927, p. 209). `n` is the number of
    /// tasks, not of episodes: trials of one task are anything but independent, and counting each
    /// as one would make the interval too narrow.
    #[must_use]
    pub fn wilson(rate: f64, n: f64) -> Self {
        let square = Z * Z;
        let centre = (rate + square / (2.0 * n)) / (1.0 + square / n);
        // Rounding may take a rate a hair beyond 1.
        let spread = (rate * (1.0 - rate)).max(0.0) / n + square / (4.0 * n * n);
        let half = Z / (1.0 + square / n) * spread.sqrt();
        Self {
            rate,
            low: (centre - half).max(0.0),
            high: (centre + half).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_gives_the_textbook_intervals() {
        // Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        for (passed, of, low, high) in [
            (81.0, 263.0, 0.2553, 0.3662),
            (15.0, 148.0, 0.0624, 0.1605),
            (0.0, 20.0, 0.0, 0.1611),
            (1.0, 29.0, 0.0061, 0.1718),
        ] {
            let rate = Rate::wilson(passed / of, of);
            assert!((rate.low - low).abs() < 5e-5, "{passed}/{of}: {rate:?}");
            assert!((rate.high - high).abs() < 5e-5, "{passed}/{of}: {rate:?}");
        }
    }

    #[test]
    fn missing_scores_are_not_zeros() {
        let mut tally = TaskTally::default();
        tally.outcomes.insert(Outcome::Pass, 3);
        tally.outcomes.insert(Outcome::GraderError, 7);
        (tally.reward, tally.rewarded) = (3.0, 3);
        let group = group("g", &[&tally]);
        assert_eq!(group.success.map(|rate| rate.rate), Some(1.0));
        assert_eq!(group.reward, Some(1.0));
    }

    #[test]
    fn weights_follow_frequencies() {
        let kind = |name: &str, rate: f64, tasks: u64| Group {
            name: name.into(),
            tasks,
            outcomes: BTreeMap::new(),
            success: Some(Rate::wilson(rate, tasks as f64)),
            reward: None,
        };
        let kinds = [kind("often", 1.0, 10), kind("seldom", 0.0, 10)];
        let frequency = |kind: &Group| if kind.name == "often" { 3 } else { 1 };
        let rate = weighted(&kinds, &frequency).map(|rate| rate.rate);
        assert_eq!(rate, Some(0.75));
    }
}
