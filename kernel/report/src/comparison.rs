//! Runs set beside each other.

mod axes;

use std::collections::{BTreeMap, BTreeSet};

use proctor_episode::{Outcome, Rate, Suite, Task};
use serde::Serialize;

pub use self::axes::{
    Axes, COST_HIGH_FROM, COST_MEDIUM_FROM, CostBand, Spending, StateCheck, TurnTime, Usage,
};
use crate::error::ReportError;
use crate::events::Model;
use crate::rate::{over_tasks, pass_k};
use crate::run::AgentRun;
use crate::tally::{Scores, TaskTally};

/// Most trials that pass^k is given for.
pub const PASS_K_MAX: u64 = 16;

/// Agents beside each other, over one suite. All of it follows from what is recorded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Name of the suite.
    pub suite: String,
    /// Its version.
    pub suite_version: u32,
    /// Digest of everything it says.
    pub suite_digest: String,
    /// Whether all runs are of the same tasks with as many trials. If not, their numbers aren't
    /// of the same examination.
    pub same_tasks: bool,
    /// Whether all costs come from the same price list.
    pub same_prices: bool,
    /// The agents, in the order in which they were given.
    pub agents: Vec<Agent>,
}

/// What one agent's run comes to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agent {
    /// What the run is called.
    pub name: String,
    /// Who was examined, by its own word.
    pub agent: String,
    /// Whether it only imitates a real agent.
    pub simulated: bool,
    /// Whether every episode of the run is recorded.
    pub complete: bool,
    /// The models that the run may ask.
    pub models: Vec<Model>,
    /// Digest of the price list, if there was one.
    pub prices_digest: Option<String>,
    /// Episodes that the run is to have.
    pub planned: u64,
    /// Episodes of each task that it is to have.
    pub trials: u32,
    /// Accuracy, cost, speed, trust and safety.
    pub axes: Axes,
    /// pass^1, pass^2 and so on, as far as there are trials.
    pub reliability: Vec<PassK>,
    /// All episodes.
    pub all: Group,
    /// Episodes of tasks that ask for a change.
    pub changing: Group,
    /// Episodes of negative tasks.
    pub negative: Group,
    /// Episodes of tasks that only read.
    pub reading: Group,
    /// By task kind, the customer's most frequent first.
    pub kinds: Vec<Group>,
    /// Mean score by verifier.
    pub verifiers: BTreeMap<String, MeanScore>,
    /// Mean score by judge.
    pub judges: BTreeMap<String, MeanScore>,
    /// Calls and tokens by role.
    pub usage: BTreeMap<String, Usage>,
    /// What the agent's calls cost; nothing for one that asked no model, or one without a price.
    pub spending: Option<Spending>,
    /// How long its models took for a turn; nothing for an agent that asked none.
    pub turn_time: Option<TurnTime>,
    /// Calls without a reply, by type of error.
    pub call_errors: BTreeMap<String, u64>,
    /// Plugins that gave no result, by type of error.
    pub faults: BTreeMap<String, u64>,
    /// What the end states say of changes that nobody asked for.
    pub state: StateCheck,
}

/// The chance that a task is passed `k` times out of `k`: the mean over tasks of an unbiased
/// estimate (τ-bench, arXiv 2406.12045).
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PassK {
    /// Number of trials that all must pass.
    pub k: u64,
    /// Tasks with that many scored episodes; others say nothing of it and are left out.
    pub tasks: u64,
    /// The estimate, with a 95 % interval over tasks.
    pub rate: Rate,
}

/// Episodes of some of the tasks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// What they have in common.
    pub name: String,
    /// Tasks with an episode.
    pub tasks: u64,
    /// Episodes.
    pub episodes: u64,
    /// Episodes by outcome class.
    pub outcomes: BTreeMap<Outcome, u64>,
    /// Episodes without a score; in no rate.
    pub unscored: u64,
    /// pass^1 with a 95 % interval over tasks; nothing where no episode has a score.
    pub success: Option<Rate>,
    /// Mean reward of episodes that have one.
    pub reward: Option<f64>,
}

/// A mean of scores from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MeanScore {
    /// The mean; nothing without a score.
    pub mean: Option<f64>,
    /// Scores it is of.
    pub count: u64,
}

impl Comparison {
    /// Sets runs beside each other.
    ///
    /// # Errors
    /// When a run is over another suite, or two have the same name.
    pub fn of(suite: &Suite, runs: &[AgentRun]) -> Result<Self, ReportError> {
        let digest = suite.digest.to_string();
        let mut names = BTreeSet::new();
        for run in runs {
            if run.start.suite_digest != digest {
                return Err(ReportError::OtherSuite {
                    run: run.name.clone(),
                    suite: run.start.suite.clone(),
                    recorded: run.start.suite_digest.clone(),
                    wanted: digest,
                });
            }
            if !names.insert(&run.name) {
                return Err(ReportError::SameName {
                    name: run.name.clone(),
                });
            }
        }
        let tasks = runs.iter().map(|run| (run.start.trials, run.tasks.keys()));
        let priced = runs.iter().filter(|run| !run.totals.usage.is_empty());
        Ok(Self {
            suite: suite.name.clone(),
            suite_version: suite.version,
            suite_digest: digest,
            same_tasks: all_same(tasks.map(|(trials, tasks)| (trials, tasks.collect::<Vec<_>>()))),
            same_prices: all_same(priced.map(|run| &run.start.prices_digest)),
            agents: runs.iter().map(|run| Agent::of(suite, run)).collect(),
        })
    }
}

fn all_same<T: PartialEq>(mut values: impl Iterator<Item = T>) -> bool {
    let first = values.next();
    values.all(|value| Some(&value) == first.as_ref())
}

impl Agent {
    fn of(suite: &Suite, run: &AgentRun) -> Self {
        let select =
            |name: &str, wanted: fn(&Task) -> bool| Group::select(suite, run, name, wanted);
        let all = select("all", |_| true);
        let usage = axes::usage(run, all.episodes);
        let spending = axes::spending(run, &all);
        let turn_time = axes::turn_time(run);
        let state = StateCheck::of(run);
        Self {
            name: run.name.clone(),
            agent: run.start.agent.clone(),
            simulated: run.start.policy.simulated,
            complete: run.complete,
            models: run.start.models.clone(),
            prices_digest: run.start.prices_digest.clone(),
            planned: run.start.episodes,
            trials: run.start.trials,
            axes: Axes {
                accuracy: all.success,
                cost: spending.and_then(|spending| spending.band()),
                speed_us: turn_time.map(|time| time.p50_us),
                trust: state.clean_share,
            },
            reliability: reliability(run),
            changing: select("tasks that ask for a change", |task| {
                !task.changes_nothing()
            }),
            negative: select("negative tasks", |task| task.negative.is_some()),
            reading: select("read-only tasks", |task| task.read_only.is_some()),
            kinds: kinds(suite, run),
            all,
            verifiers: means(&run.totals.verifiers),
            judges: means(&run.totals.judges),
            usage,
            spending,
            turn_time,
            call_errors: run.totals.call_errors.clone(),
            faults: run.totals.faults.clone(),
            state,
        }
    }
}

/// The groups of tasks of one kind, the customer's most frequent first.
fn kinds(suite: &Suite, run: &AgentRun) -> Vec<Group> {
    let names: BTreeSet<&str> = suite.tasks.iter().map(|task| task.kind.as_str()).collect();
    let groups = names
        .iter()
        .map(|kind| Group::select(suite, run, kind, |task| task.kind == *kind));
    let mut kinds: Vec<Group> = groups.filter(|group| group.episodes > 0).collect();
    let frequency = |kind: &Group| suite.frequency.get(&kind.name).copied().unwrap_or(0);
    kinds.sort_by_key(|kind| std::cmp::Reverse(frequency(kind)));
    kinds
}

impl Group {
    fn select(suite: &Suite, run: &AgentRun, name: &str, wanted: impl Fn(&Task) -> bool) -> Self {
        let wanted = suite.tasks.iter().filter(|task| wanted(task));
        let tasks: Vec<&TaskTally> = wanted
            .filter_map(|task| run.tasks.get(&task.id))
            .filter(|task| task.episodes() > 0)
            .collect();
        let mut outcomes = BTreeMap::new();
        let mut rewards = Scores::default();
        for task in &tasks {
            for (outcome, count) in &task.outcomes {
                *outcomes.entry(*outcome).or_default() += count;
            }
            rewards.merge(task.rewards);
        }
        let (episodes, scored) = tasks.iter().fold((0, 0), |(episodes, scored), task| {
            (episodes + task.episodes(), scored + task.scored())
        });
        let shares = tasks
            .iter()
            .filter_map(|task| pass_k(task.passed(), task.scored(), 1));
        Self {
            name: name.to_owned(),
            tasks: tasks.len() as u64,
            episodes,
            outcomes,
            unscored: episodes - scored,
            success: over_tasks(shares),
            reward: rewards.mean(),
        }
    }

    /// Number of episodes that passed.
    #[must_use]
    pub fn passed(&self) -> u64 {
        self.outcomes.get(&Outcome::Pass).copied().unwrap_or(0)
    }
}

fn reliability(run: &AgentRun) -> Vec<PassK> {
    (1..=PASS_K_MAX)
        .map_while(|k| {
            let tasks = run.tasks.values();
            let estimates: Vec<f64> = tasks
                .filter_map(|task| pass_k(task.passed(), task.scored(), k))
                .collect();
            Some(PassK {
                k,
                tasks: estimates.len() as u64,
                rate: over_tasks(estimates)?,
            })
        })
        .collect()
}

fn means(scores: &BTreeMap<String, Scores>) -> BTreeMap<String, MeanScore> {
    let mean = |scores: &Scores| MeanScore {
        mean: scores.mean(),
        count: scores.count,
    };
    let means = scores
        .iter()
        .map(|(name, scores)| (name.clone(), mean(scores)));
    means.collect()
}
