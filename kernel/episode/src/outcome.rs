//! What an episode counts as.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Outcome class of an episode. The last three have no score and are reported apart.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Every verifier passed it.
    Pass,
    /// Some verifier did not.
    Fail,
    /// The agent broke the rules of the examination, such as the number of steps, or could not go
    /// on by its own account. Counts as a fail.
    AgentError,
    /// The kernel, the machine, a model's provider or the policy's component failed.
    InfraError,
    /// A verifier or a judge failed.
    GraderError,
    /// The episode used up its allowance of calls of models, or of time to wait for them.
    BudgetStop,
}

impl Outcome {
    /// All classes.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Fail,
        Self::AgentError,
        Self::InfraError,
        Self::GraderError,
        Self::BudgetStop,
    ];

    /// Its name, as in telemetry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::AgentError => "agent_error",
            Self::InfraError => "infra_error",
            Self::GraderError => "grader_error",
            Self::BudgetStop => "budget_stop",
        }
    }

    /// The class with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    /// Whether it counts in success rates. A missing score is not a zero.
    #[must_use]
    pub const fn is_scored(self) -> bool {
        matches!(self, Self::Pass | Self::Fail | Self::AgentError)
    }
}

/// An attempt at an episode that was broken off, and the episode begun anew. A fact about the
/// machine: the episode's result doesn't depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Interruption {
    /// Wall-clock time until it was broken off, in microseconds.
    pub duration_us: u64,
    /// Why: the store's own words.
    pub reason: String,
}

/// The reward of an episode: the lowest score of its verdicts and judgments, since a chain of
/// checks is as good as its weakest. Nothing without a score: a missing score is not a zero.
#[must_use]
pub fn reward(scores: impl IntoIterator<Item = f64>) -> Option<f64> {
    scores.into_iter().reduce(f64::min)
}
