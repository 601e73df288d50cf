//! The four axes of Salesforce's leaderboard of language models for CRM (accuracy, cost, speed,
//! trust and safety), as far as they can be computed from what is recorded.

use std::collections::BTreeMap;

use proctor_episode::Rate;
use proctor_model::Cost;
use serde::Serialize;

use super::Group;
use crate::rate::{over_tasks, pass_k};
use crate::run::{AgentRun, EXAMINERS};
use crate::tally::RoleUse;
use crate::violation::Violation;

/// From this cost of an episode on, the band is [`CostBand::Medium`]: one cent. The limits of the
/// bands are our own.
pub const COST_MEDIUM_FROM: Cost = Cost::from_mills(10);
/// From this cost of an episode on, the band is [`CostBand::High`]: ten cents.
pub const COST_HIGH_FROM: Cost = Cost::from_mills(100);

/// An agent on the four axes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Axes {
    /// pass^1.
    pub accuracy: Option<Rate>,
    /// Band of the cost of an episode.
    pub cost: Option<CostBand>,
    /// Median time that models take for a turn, in microseconds.
    pub speed_us: Option<u64>,
    /// Share of episodes without a violation, of those whose end state was checked.
    pub trust: Option<Rate>,
}

/// How dear an episode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CostBand {
    /// Below [`COST_MEDIUM_FROM`].
    Low,
    /// Below [`COST_HIGH_FROM`].
    Medium,
    /// All else.
    High,
}

impl CostBand {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What an agent's own calls cost, in US dollars. Those of judges and arbiters are not among
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Spending {
    /// All told.
    pub total: Cost,
    /// By episode, whether it has a score or not.
    pub per_episode: Option<Cost>,
    /// By episode that passed: what the failures cost is shared among the successes. Nothing
    /// without one.
    pub per_success: Option<Cost>,
}

impl Spending {
    pub(super) fn band(self) -> Option<CostBand> {
        self.per_episode.map(|cost| match cost {
            cost if cost < COST_MEDIUM_FROM => CostBand::Low,
            cost if cost < COST_HIGH_FROM => CostBand::Medium,
            _ => CostBand::High,
        })
    }
}

/// Time that an agent's models took for a turn: the sum over its calls between a user's message
/// and what closes the turn. Replayed calls have the time that was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TurnTime {
    /// Number of turns with a call.
    pub turns: u64,
    /// Median, in microseconds; nearest rank, rounded down by less than 0.2 %.
    pub p50_us: u64,
    /// The time that 95 % of turns don't exceed, likewise.
    pub p95_us: u64,
}

/// Calls and tokens of one role.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Usage {
    /// All told.
    pub total: RoleUse,
    /// Calls by episode.
    pub calls_per_episode: f64,
    /// Tokens of requests by episode.
    pub input_per_episode: f64,
    /// Of those, read from the provider's cache.
    pub cached_per_episode: f64,
    /// Tokens of replies by episode.
    pub output_per_episode: f64,
    /// Of those, spent on reasoning that isn't shown.
    pub reasoning_per_episode: f64,
}

/// What `end-state` says of changes that nobody asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StateCheck {
    /// Scored episodes whose end state was checked.
    pub checked: u64,
    /// Scored episodes whose end state was not, such as those that were cut off.
    pub unchecked: u64,
    /// Checked episodes without a violation.
    pub clean: u64,
    /// Their share, as a mean over tasks with a 95 % interval.
    pub clean_share: Option<Rate>,
    /// Violations by kind.
    pub violations: BTreeMap<Violation, u64>,
}

pub(super) fn usage(run: &AgentRun, episodes: u64) -> BTreeMap<String, Usage> {
    let by_role = run.totals.usage.iter();
    by_role
        .map(|(role, total)| {
            let share = |count: u64| count as f64 / episodes.max(1) as f64;
            let usage = Usage {
                total: *total,
                calls_per_episode: share(total.calls),
                input_per_episode: share(total.input),
                cached_per_episode: share(total.cached),
                output_per_episode: share(total.output),
                reasoning_per_episode: share(total.reasoning),
            };
            (role.clone(), usage)
        })
        .collect()
}

/// What the agent spent; nothing if it asked no model, or one without a price, since a sum with
/// parts missing is none.
pub(super) fn spending(run: &AgentRun, all: &Group) -> Option<Spending> {
    let mut own = RoleUse::default();
    for (role, used) in &run.totals.usage {
        if !EXAMINERS.contains(&role.as_str()) {
            own += *used;
        }
    }
    (own.calls > 0 && own.unpriced == 0).then(|| Spending {
        total: own.cost,
        per_episode: own.cost.share(all.episodes),
        per_success: own.cost.share(all.passed()),
    })
}

pub(super) fn turn_time(run: &AgentRun) -> Option<TurnTime> {
    let times = &run.totals.turn_times;
    Some(TurnTime {
        turns: times.count,
        p50_us: times.quantile_us(50)?,
        p95_us: times.quantile_us(95)?,
    })
}

impl StateCheck {
    pub(super) fn of(run: &AgentRun) -> Self {
        let tasks = run.tasks.values();
        let (scored, checked, clean) = tasks.fold((0, 0, 0), |(scored, checked, clean), task| {
            (
                scored + task.scored(),
                checked + task.checked,
                clean + task.clean,
            )
        });
        let shares = run
            .tasks
            .values()
            .filter_map(|task| pass_k(task.clean, task.checked, 1));
        Self {
            checked,
            unchecked: scored - checked,
            clean,
            clean_share: over_tasks(shares),
            violations: run.totals.violations.clone(),
        }
    }
}
