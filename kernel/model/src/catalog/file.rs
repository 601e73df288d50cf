//! A models file, as people write it. The published JSON Schema is made from these types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::settings::{Auth, Structured, Wire};

/// Providers, models, and what a comparison of agents runs.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "ModelsFile")]
pub(super) struct ModelsFile {
    /// Where models are asked, by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ProviderEntry>")]
    pub(super) provider: BTreeMap<Spanned<String>, ProviderEntry>,
    /// Models, by name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ModelEntry>")]
    pub(super) model: BTreeMap<Spanned<String>, ModelEntry>,
    /// Agents to compare, in this order.
    #[serde(default)]
    pub(super) agent: Vec<AgentEntry>,
    /// The suite that they are compared on.
    pub(super) suite: Option<String>,
    /// How often each agent does each task.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) trials: Option<Spanned<u32>>,
    /// What chance follows from.
    pub(super) seed: Option<u64>,
    /// Most tasks.
    #[schemars(with = "Option<usize>", range(min = 1))]
    pub(super) limit: Option<Spanned<usize>>,
    /// Which tasks, as `proctor run --filter` has it.
    #[serde(default)]
    pub(super) filter: Vec<String>,
}

/// Where requests go and how many at once.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProviderEntry {
    /// What it speaks: OpenAI's chat completions, as many servers do, or Anthropic's messages.
    #[schemars(with = "String", extend("enum" = ["openai", "anthropic"]))]
    pub(super) wire: Wire,
    /// Address up to and without `/chat/completions` or `/messages`; a query is kept.
    #[schemars(with = "String", url)]
    pub(super) base_url: Spanned<String>,
    /// Lets an address that isn't this machine's be http, where keys and texts can be read on
    /// the way.
    #[serde(default)]
    pub(super) allow_plain_http: bool,
    /// Name of the environment variable with the key; no key is sent without it.
    #[schemars(with = "Option<String>", regex(pattern = "^[A-Z_][A-Z0-9_]*$"))]
    pub(super) key_env: Option<Spanned<String>>,
    /// How the key is sent: `bearer`, or `x-api-key` on Anthropic's wire, if nothing is said.
    #[schemars(
        with = "Option<String>",
        extend("enum" = ["bearer", "api-key", "x-api-key", "none", null])
    )]
    pub(super) auth: Option<Spanned<Auth>>,
    /// Most requests under way at once; 8 if nothing is said.
    #[schemars(with = "Option<u32>", range(min = 1, max = 10_000))]
    pub(super) concurrency_max: Option<Spanned<u32>>,
    /// Most requests a minute; no limit if nothing is said.
    #[schemars(with = "Option<u32>", range(min = 1, max = 1_000_000))]
    pub(super) requests_per_minute_max: Option<Spanned<u32>>,
    /// Longest time of one attempt, in seconds; 120 if nothing is said.
    #[schemars(with = "Option<f64>", range(max = 86_400))]
    pub(super) call_time_max_s: Option<Spanned<f64>>,
    /// Most attempts at one call; 5 if nothing is said.
    #[schemars(with = "Option<u32>", range(min = 1, max = 100))]
    pub(super) attempts_max: Option<Spanned<u32>>,
    /// Longest pause between two attempts, in seconds; 60 if nothing is said.
    #[schemars(with = "Option<f64>", range(max = 86_400))]
    pub(super) pause_max_s: Option<Spanned<f64>>,
}

/// A model and how it is asked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ModelEntry {
    /// Name of its provider.
    #[schemars(with = "String")]
    pub(super) provider: Spanned<String>,
    /// The provider's name for it, best with its date.
    #[schemars(with = "String", length(min = 1, max = 200))]
    pub(super) id: Spanned<String>,
    /// Temperature; the provider's default if nothing is said.
    #[schemars(with = "Option<f64>", range(min = 0, max = 2))]
    pub(super) temperature: Option<Spanned<f64>>,
    /// Probability mass of the tokens that are considered, above 0 and up to 1.
    #[schemars(with = "Option<f64>", range(max = 1))]
    pub(super) top_p: Option<Spanned<f64>>,
    /// Texts that end a reply.
    #[serde(default)]
    #[schemars(with = "Vec<String>", length(max = 4))]
    pub(super) stop: Vec<Spanned<String>>,
    /// Whether each call carries a seed made from the episode's.
    #[serde(default)]
    pub(super) seeded: bool,
    /// Most tokens of a reply; 2,048 if nothing is said.
    #[schemars(with = "Option<u32>", range(min = 1, max = 1_000_000))]
    pub(super) tokens_max: Option<Spanned<u32>>,
    /// Whether OpenAI's wire names that limit `max_completion_tokens` instead of `max_tokens`.
    #[serde(default)]
    pub(super) completion_tokens: bool,
    /// What the server can hold a reply to: a JSON Schema, one beside `json_object` as llama.cpp's
    /// Python server wants it, or nothing. `schema` if nothing is said.
    #[schemars(
        with = "Option<String>",
        extend("enum" = ["schema", "object", "none", null])
    )]
    pub(super) structured: Option<Structured>,
    /// Whether Anthropic's wire asks for the start of the conversation to be cached.
    #[serde(default)]
    pub(super) prompt_cache: bool,
    /// Most calls of one episode; 200 if nothing is said.
    #[schemars(with = "Option<u32>", range(min = 1, max = 100_000))]
    pub(super) calls_per_episode_max: Option<Spanned<u32>>,
    /// Longest time that one episode may wait for models, in seconds; 1,200 if nothing is said.
    #[schemars(with = "Option<f64>", range(max = 86_400))]
    pub(super) episode_time_max_s: Option<Spanned<f64>>,
}

/// An agent to compare.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AgentEntry {
    /// Its name, unlike that of any other.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// What people read instead of the name.
    pub(super) label: Option<String>,
    /// A built-in policy or a file.
    #[schemars(with = "String")]
    pub(super) policy: Spanned<String>,
    /// The model that it asks.
    #[schemars(with = "Option<String>")]
    pub(super) model: Option<Spanned<String>>,
    /// What the policy is told: texts, numbers, or true and false.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Parameter>")]
    pub(super) parameters: BTreeMap<String, Spanned<toml::Value>>,
    /// Who else marks its episodes.
    pub(super) judge: Option<JudgeEntry>,
}

/// A parameter's value, for the JSON Schema alone.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "only its shape is used")]
enum Parameter {
    Text(String),
    Number(f64),
    Flag(bool),
}

/// A judge and the model that it asks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JudgeEntry {
    /// A built-in judge or a file.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// The model that it asks.
    #[schemars(with = "String")]
    pub(super) model: Spanned<String>,
}

/// JSON Schema of a models file.
#[must_use]
pub fn models_schema() -> serde_json::Value {
    schemars::schema_for!(ModelsFile).to_value()
}
