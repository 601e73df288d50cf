//! The events that a comparison reads, as far as it reads them. What it doesn't know it passes
//! over.

use proctor_episode::Outcome;
use proctor_model::Cost;
use serde::{Deserialize, Serialize};

#[derive(Debug, Deserialize)]
pub(crate) struct RunStart {
    pub(crate) episodes: u64,
    #[serde(rename = "gen_ai.agent.name")]
    pub(crate) agent: String,
    #[serde(default)]
    pub(crate) models: Vec<Model>,
    pub(crate) policy: Policy,
    #[serde(default)]
    pub(crate) prices_digest: Option<String>,
    pub(crate) suite: String,
    pub(crate) suite_digest: String,
    pub(crate) tasks: Vec<String>,
    pub(crate) trials: u32,
}

/// The version alone: whether the rest can be read depends on it.
#[derive(Deserialize)]
pub(crate) struct Version {
    pub(crate) schema_version: u32,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Policy {
    pub(crate) simulated: bool,
}

/// A model that a run may ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Model {
    /// Its name in the models file.
    pub name: String,
    /// On whose behalf it is asked.
    #[serde(default)]
    pub role: Option<String>,
}

#[derive(Deserialize)]
pub(crate) struct EpisodeStart {
    pub(crate) task: String,
}

#[derive(Deserialize)]
pub(crate) struct ModelCall {
    #[serde(default)]
    pub(crate) cost_usd: Option<Cost>,
    #[serde(default, rename = "error.type")]
    pub(crate) error: Option<String>,
    #[serde(rename = "gen_ai.usage.cache_creation.input_tokens")]
    pub(crate) cache_written: u64,
    #[serde(rename = "gen_ai.usage.cache_read.input_tokens")]
    pub(crate) cached: u64,
    #[serde(rename = "gen_ai.usage.input_tokens")]
    pub(crate) input: u64,
    #[serde(rename = "gen_ai.usage.output_tokens")]
    pub(crate) output: u64,
    #[serde(rename = "gen_ai.usage.reasoning.output_tokens")]
    pub(crate) reasoning: u64,
    pub(crate) role: String,
    pub(crate) turn: u32,
}

/// What the wall clock says of a call.
#[derive(Deserialize)]
pub(crate) struct CallWall {
    pub(crate) latency_us: u64,
}

#[derive(Deserialize)]
pub(crate) struct Verdict {
    pub(crate) checks: Vec<Check>,
    #[serde(rename = "gen_ai.evaluation.name")]
    pub(crate) verifier: String,
    #[serde(rename = "gen_ai.evaluation.score.value")]
    pub(crate) score: f64,
}

#[derive(Deserialize)]
pub(crate) struct Check {
    pub(crate) detail: String,
    pub(crate) name: String,
    pub(crate) pass: bool,
}

#[derive(Deserialize)]
pub(crate) struct Judgment {
    #[serde(rename = "gen_ai.evaluation.name")]
    pub(crate) judge: String,
    /// Missing where the judge came to no score.
    #[serde(default, rename = "gen_ai.evaluation.score.value")]
    pub(crate) score: Option<f64>,
}

#[derive(Deserialize)]
pub(crate) struct Fault {
    #[serde(rename = "error.type")]
    pub(crate) kind: String,
}

#[derive(Deserialize)]
pub(crate) struct EpisodeEnd {
    pub(crate) outcome: Outcome,
    #[serde(default)]
    pub(crate) reward: Option<f64>,
}
