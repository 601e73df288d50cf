//! Which models there are and how they are reached: the parsed form of a models file.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::chat::Sampling;

/// The language that a provider speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// OpenAI's chat completions, which many servers speak.
    OpenAi,
    /// Anthropic's messages.
    Anthropic,
}

/// How a key is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `api-key: KEY`, as Azure has it.
    ApiKey,
    /// `x-api-key: KEY`, as Anthropic has it.
    XApiKey,
    /// None is sent.
    None,
}

/// Where requests go and how many at once.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderSettings {
    /// Its name in the models file.
    pub name: String,
    /// What it speaks.
    pub wire: Wire,
    /// Address up to and without `/chat/completions` or `/messages`; a query is kept.
    pub base_url: reqwest::Url,
    /// Name of the environment variable with the key.
    pub key_env: Option<String>,
    /// How the key is sent.
    pub auth: Auth,
    /// Most requests under way at once.
    pub concurrency_max: usize,
    /// Most requests a minute; no limit where there is none.
    pub requests_per_minute_max: Option<u32>,
    /// Longest time of one attempt, from sending to the last byte.
    pub call_time_max: Duration,
    /// Most attempts at one call.
    pub attempts_max: u32,
    /// Longest pause between two attempts, also if the provider asks for a longer one.
    pub pause_max: Duration,
}

/// What the server can hold a reply to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Structured {
    /// A JSON Schema is enforced by the server, in OpenAI's `response_format` of type
    /// `json_schema`, or by a forced tool on Anthropic's wire.
    Schema,
    /// As llama.cpp's Python server wants it: `response_format` of type `json_object` with a
    /// `schema` beside it.
    Object,
    /// Nothing is enforced; the schema is only described in the prompt.
    None,
}

/// A model and how it is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSettings {
    /// Its name in the models file: what `--model` takes and prices are listed under.
    pub name: String,
    /// Name of its provider in the models file.
    pub provider: String,
    /// The provider's name for it.
    pub id: String,
    /// How tokens are chosen. `seed` is left open: see `seeded`.
    pub sampling: Sampling,
    /// Whether each call carries a seed made from the episode's.
    pub seeded: bool,
    /// Most tokens of a reply, whatever the plugin asks for.
    pub tokens_max: u32,
    /// How the wire names that limit: `max_completion_tokens` instead of `max_tokens`.
    pub completion_tokens: bool,
    /// What the server can hold a reply to.
    pub structured: Structured,
    /// Whether the provider is asked to keep the start of the conversation in its cache
    /// (Anthropic's wire; others do it by themselves).
    pub prompt_cache: bool,
    /// Most calls of one episode, over all roles.
    pub calls_per_episode_max: u32,
    /// Longest time that one episode may wait for models.
    pub episode_time_max: Duration,
}

/// All providers and models that are known, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// Providers.
    pub providers: BTreeMap<String, ProviderSettings>,
    /// Models.
    pub models: BTreeMap<String, ModelSettings>,
}
