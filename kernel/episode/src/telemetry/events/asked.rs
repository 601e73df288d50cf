//! What was asked of models, and what judges said.

use proctor_model::{
    CallRecord, ModelSettings, Origin, ProviderSettings, Sampling, Structured, Wire,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::views::{LogView, log_view};
use crate::env::Step;
use crate::runner::Opinion;

/// A model, pinned: everything about it that replies depend on, and nothing of where it is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ModelPin {
    /// The provider's name for it.
    pub id: String,
    /// Its name in the models file.
    pub name: String,
    /// Name of its provider in the models file.
    pub provider: String,
    /// Who asks it: `student`, `judge` …
    pub role: String,
    /// How tokens are chosen.
    #[schemars(with = "serde_json::Value")]
    pub sampling: Sampling,
    /// Whether each call carries a seed of its own.
    pub seeded: bool,
    /// What the server holds a reply to: `schema`, `object` or `none`.
    #[schemars(with = "String")]
    pub structured: Structured,
    /// Most tokens of a reply.
    pub tokens_max: u32,
    /// The language that the provider speaks: `openai` or `anthropic`.
    #[schemars(with = "String")]
    pub wire: Wire,
}

impl ModelPin {
    /// The pin of a model that is asked in a role.
    #[must_use]
    pub fn of(role: &str, model: &ModelSettings, provider: &ProviderSettings) -> Self {
        Self {
            id: model.id.clone(),
            name: model.name.clone(),
            provider: provider.name.clone(),
            role: role.to_owned(),
            sampling: model.sampling.clone(),
            seeded: model.seeded,
            structured: model.structured,
            tokens_max: model.tokens_max,
            wire: provider.wire,
        }
    }
}

/// A text that the operator gave a plugin, pinned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PromptPin {
    /// SHA-256 of the text.
    pub digest: String,
    /// Name that the plugin asks for.
    pub name: String,
    /// Name of the plugin.
    pub plugin: String,
    /// Where the text comes from: version of the built-in one, or `file`.
    pub version: String,
}

/// A model was asked.
#[derive(Serialize, JsonSchema)]
pub(in crate::telemetry) struct ModelCallFields<'a> {
    /// What it cost by the price list, in US dollars as a decimal number; missing where the model
    /// has no price.
    #[serde(skip_serializing_if = "Option::is_none")]
    cost_usd: Option<String>,
    /// Kind of the failure, where there was no reply.
    #[serde(rename = "error.type", skip_serializing_if = "Option::is_none")]
    error: Option<&'static str>,
    #[serde(rename = "gen_ai.conversation.id")]
    episode: &'a str,
    #[serde(rename = "gen_ai.provider.name")]
    provider: &'a str,
    /// The model's name in the models file.
    #[serde(rename = "gen_ai.request.model")]
    model: &'a str,
    /// Why the reply ends: `complete`, `calls`, `length` or `refusal`.
    #[serde(
        rename = "gen_ai.response.finish_reasons",
        skip_serializing_if = "Option::is_none"
    )]
    finish: Option<[&'static str; 1]>,
    /// What the provider says the model is.
    #[serde(
        rename = "gen_ai.response.model",
        skip_serializing_if = "Option::is_none"
    )]
    reply_model: Option<&'a str>,
    /// Of the input tokens: written to the provider's cache.
    #[serde(rename = "gen_ai.usage.cache_creation.input_tokens")]
    cache_written: u64,
    /// Of the input tokens: read from the provider's cache.
    #[serde(rename = "gen_ai.usage.cache_read.input_tokens")]
    cached: u64,
    /// Tokens of the request, as the provider counted them.
    #[serde(rename = "gen_ai.usage.input_tokens")]
    input: u64,
    /// Tokens of the reply.
    #[serde(rename = "gen_ai.usage.output_tokens")]
    output: u64,
    /// Of the output tokens: spent on reasoning that isn't shown.
    #[serde(rename = "gen_ai.usage.reasoning.output_tokens")]
    reasoning: u64,
    /// What the failure says.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    /// How often this role had asked the same in this episode before.
    occurrence: u32,
    /// Digest of the request: with role and occurrence, what a cassette finds it by.
    request_digest: String,
    /// On whose behalf.
    role: &'static str,
    /// Number of steps taken before.
    step: u32,
    /// Turn in which it was asked, from 0.
    turn: u32,
}

pub(super) fn call_fields<'a>(
    call: &'a CallRecord,
    steps: &[Step],
    episode: &'a str,
) -> ModelCallFields<'a> {
    ModelCallFields {
        cost_usd: call.cost.map(|cost| cost.to_string()),
        error: call.error,
        episode,
        provider: &call.provider,
        model: &call.model,
        finish: call.finish.map(|finish| [finish.name()]),
        reply_model: call.reply_model.as_deref(),
        cache_written: call.usage.cache_written,
        cached: call.usage.cached,
        input: call.usage.input,
        output: call.usage.output,
        reasoning: call.usage.reasoning,
        message: call.message.as_deref(),
        occurrence: call.occurrence,
        request_digest: call.request.to_string(),
        role: call.role.name(),
        step: call.step,
        turn: turn_at(steps, call.step),
    }
}

/// The turn that is open after so many steps.
fn turn_at(steps: &[Step], step: u32) -> u32 {
    match (steps.get(step as usize), steps.last()) {
        (Some(next), _) => next.turn,
        (None, Some(last)) => last.turn,
        (None, None) => 0,
    }
}

/// How a call went by the wall clock.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(in crate::telemetry) struct CallWall {
    /// Attempts that it took, when it was live.
    attempts: u32,
    /// Microseconds from the request to the reply, when it was live.
    latency_us: u64,
    /// Where the reply came from: `live` or `cassette`.
    #[schemars(with = "String")]
    origin: Origin,
}

impl CallWall {
    /// Whether it was paid for, rather than read from a recording.
    pub(in crate::telemetry) fn is_live(&self) -> bool {
        self.origin == Origin::Live
    }
}

pub(in crate::telemetry) fn call_wall(call: &CallRecord) -> CallWall {
    CallWall {
        attempts: call.attempts,
        latency_us: call.latency_us,
        origin: call.origin,
    }
}

/// A judge gave a judgment.
#[derive(Serialize, JsonSchema)]
pub(in crate::telemetry) struct JudgmentFields<'a> {
    /// How sure the judge is, from 0 to 1.
    confidence: f64,
    #[serde(rename = "gen_ai.conversation.id")]
    episode: &'a str,
    /// Why.
    #[serde(rename = "gen_ai.evaluation.explanation")]
    rationale: &'a str,
    /// The judge.
    #[serde(rename = "gen_ai.evaluation.name")]
    judge: &'a str,
    /// From 0 to 1.
    #[serde(rename = "gen_ai.evaluation.score.value")]
    score: f64,
    /// Digest of the judge's file.
    judge_digest: String,
    /// Fuel the judge used.
    judge_fuel: u64,
    log: Vec<LogView<'a>>,
    /// By criterion of the rubric.
    ratings: Vec<RatingView<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct RatingView<'a> {
    criterion: &'a str,
    rationale: &'a str,
    score: f64,
}

pub(super) fn judgment_fields<'a>(
    opinion: &'a Opinion,
    judgment: &'a proctor_host::Judgment,
    episode: &'a str,
) -> JudgmentFields<'a> {
    JudgmentFields {
        confidence: judgment.confidence,
        episode,
        rationale: &judgment.rationale,
        judge: &opinion.judge,
        score: judgment.score,
        judge_digest: opinion.digest.to_string(),
        judge_fuel: opinion.fuel,
        log: log_view(&opinion.log),
        ratings: judgment
            .ratings
            .iter()
            .map(|rating| RatingView {
                criterion: &rating.criterion,
                rationale: &rating.rationale,
                score: rating.score,
            })
            .collect(),
    }
}

/// The calls that were made before a step, of those that are left.
pub(super) fn calls_until<'a>(
    calls: &mut std::iter::Peekable<std::slice::Iter<'a, CallRecord>>,
    step: usize,
) -> Vec<&'a CallRecord> {
    let mut taken = Vec::new();
    while let Some(call) = calls.next_if(|call| call.step as usize <= step) {
        taken.push(call);
    }
    taken
}
