//! The events and their fields: the published schema is made from these types.
//!
//! Fields are declared in alphabetical order of their JSON names: canonical JSON wants keys
//! sorted, and a test holds the declarations to it.

mod asked;
mod views;

use std::collections::BTreeMap;

use proctor_host::{Action, Fault, Limits, LogLine, Observation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use self::asked::{
    CallWall, JudgmentFields, ModelCallFields, call_fields, call_wall, calls_until, judgment_fields,
};
pub use self::asked::{ModelPin, PromptPin};
use self::views::{ChangeView, LogView, ResultView, change_view, log_view};
use crate::env::Backend;
use crate::outcome::{Interruption, Outcome};
use crate::runner::{EpisodeRecord, Marked};
use crate::suite::Task;

/// Version of the telemetry's schema, raised when a field changes meaning or goes.
pub const TELEMETRY_VERSION: u32 = 2;

/// One event. What a consumer doesn't know, it must pass over.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "event", content = "fields")]
pub(super) enum Event<'a> {
    /// The run begins.
    #[serde(rename = "run.start")]
    RunStart(&'a RunStart),
    /// An episode begins.
    #[serde(rename = "episode.start")]
    EpisodeStart(EpisodeStart<'a>),
    /// The agent acted.
    #[serde(rename = "step")]
    Step(StepFields<'a>),
    /// A model was asked: before the step that its reply led to, or by a judge.
    #[serde(rename = "model.call")]
    ModelCall(ModelCallFields<'a>),
    /// A judge gave a judgment.
    #[serde(rename = "judgment")]
    Judgment(JudgmentFields<'a>),
    /// A verifier gave a verdict.
    #[serde(rename = "verdict")]
    Verdict(VerdictFields<'a>),
    /// A plugin, or the kernel, gave no result.
    #[serde(rename = "fault")]
    Fault(FaultFields<'a>),
    /// An episode ends.
    #[serde(rename = "episode.end")]
    EpisodeEnd(EpisodeEnd<'a>),
    /// The run ends, every episode done.
    #[serde(rename = "run.end")]
    RunEnd(RunEnd),
}

/// A plugin, pinned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PluginPin {
    /// SHA-256 of its file.
    pub digest: String,
    /// Name it was loaded under.
    pub name: String,
    /// Whether it only imitates a real agent, judge or teacher.
    pub simulated: bool,
    /// Version it says it has.
    pub version: String,
}

/// Limits of a call into a plugin, as far as results depend on them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LimitsPin {
    /// Fuel of one call.
    pub fuel_per_call: u64,
    /// Questions that one call may ask of the kernel.
    pub kernel_work_max: u64,
    /// Bytes of log lines kept.
    pub log_bytes_max: u64,
    /// Bytes of linear memory.
    pub memory_bytes_max: u64,
    /// Bytes that the guest may hand over in one crossing.
    pub output_bytes_max: u64,
    /// Elements of one table.
    pub table_elements_max: u64,
}

impl From<&Limits> for LimitsPin {
    fn from(limits: &Limits) -> Self {
        Self {
            fuel_per_call: limits.fuel_per_call,
            kernel_work_max: limits.kernel_work_max,
            log_bytes_max: limits.log_bytes_max as u64,
            memory_bytes_max: limits.memory_bytes_max as u64,
            output_bytes_max: limits.output_bytes_max as u64,
            table_elements_max: limits.table_elements_max as u64,
        }
    }
}

/// What a run is: everything its results depend on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct RunStart {
    /// Fingerprint of the canonical data.
    pub data_fingerprint: String,
    /// Number of episodes.
    pub episodes: u64,
    /// Who is examined.
    #[serde(rename = "gen_ai.agent.name")]
    pub agent: String,
    /// The judges' components.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judges: Vec<PluginPin>,
    /// What a plugin may use; the ones that decide, not the wall clock's.
    pub limits: LimitsPin,
    /// The models that plugins ask, by role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelPin>,
    /// What the operator configured for the policy.
    pub parameters: BTreeMap<String, String>,
    /// The policy's component.
    pub policy: PluginPin,
    /// Digest of the price list, where models are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prices_digest: Option<String>,
    /// Version of the kernel.
    pub proctor: String,
    /// Texts that the operator gave plugins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<PromptPin>,
    /// Version of this schema.
    pub schema_version: u32,
    /// Digest of the script, for a policy that plays one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script_digest: Option<String>,
    /// Seed of the run.
    pub seed: u64,
    /// Name of the suite.
    pub suite: String,
    /// Digest of everything the suite says.
    pub suite_digest: String,
    /// Version of the suite.
    pub suite_version: u32,
    /// Ids of the tasks, in order.
    pub tasks: Vec<String>,
    /// Episodes of each task.
    pub trials: u32,
    /// The verifiers' components.
    pub verifiers: Vec<PluginPin>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct EpisodeStart<'a> {
    #[serde(rename = "gen_ai.conversation.id")]
    episode: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    negative: Option<&'a str>,
    seed: String,
    split: &'static str,
    start_fingerprint: String,
    task: &'a str,
    task_digest: String,
    trial: u32,
    /// What the user says, turn by turn.
    turns: Vec<&'a str>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct StepFields<'a> {
    /// `call`, `answer` or `decline`.
    action: &'static str,
    /// Rows that the call changed.
    changes: Vec<ChangeView<'a>>,
    #[serde(rename = "gen_ai.conversation.id")]
    episode: &'a str,
    /// Closing words of a turn.
    #[serde(rename = "gen_ai.output.text", skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    /// Arguments of the call, as the agent wrote them.
    #[serde(
        rename = "gen_ai.tool.call.arguments",
        skip_serializing_if = "Option::is_none"
    )]
    arguments: Option<&'a str>,
    /// Result of a call that was carried out.
    #[serde(
        rename = "gen_ai.tool.call.result",
        skip_serializing_if = "Option::is_none"
    )]
    result: Option<ResultView<'a>>,
    /// Tool that was called.
    #[serde(rename = "gen_ai.tool.name", skip_serializing_if = "Option::is_none")]
    tool: Option<&'a str>,
    /// Why the call was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<RefusalView<'a>>,
    /// Number of the step in its episode, from 0.
    step: u32,
    /// Turn that the step belongs to, from 0.
    turn: u32,
}

#[derive(Serialize, JsonSchema)]
struct RefusalView<'a> {
    code: &'static str,
    field: &'a str,
    message: &'a str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct VerdictFields<'a> {
    checks: Vec<CheckView<'a>>,
    /// Digest of the data the episode started from.
    data_fingerprint: String,
    #[serde(rename = "gen_ai.conversation.id")]
    episode: &'a str,
    /// Why.
    #[serde(rename = "gen_ai.evaluation.explanation")]
    rationale: &'a str,
    /// The verifier.
    #[serde(rename = "gen_ai.evaluation.name")]
    verifier: &'a str,
    /// `pass` or `fail`.
    #[serde(rename = "gen_ai.evaluation.score.label")]
    label: &'static str,
    /// From 0 to 1.
    #[serde(rename = "gen_ai.evaluation.score.value")]
    score: f64,
    log: Vec<LogView<'a>>,
    task_digest: String,
    /// Digest of the verifier's file.
    verifier_digest: String,
    /// Fuel the verifier used.
    verifier_fuel: u64,
}

#[derive(Serialize, JsonSchema)]
struct CheckView<'a> {
    detail: &'a str,
    name: &'a str,
    pass: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct FaultFields<'a> {
    backtrace: &'a [String],
    digest: String,
    /// The kind of fault, after OpenTelemetry's `error.type`.
    #[serde(rename = "error.type")]
    kind: &'static str,
    function: &'a str,
    #[serde(rename = "gen_ai.conversation.id")]
    episode: &'a str,
    log: Vec<LogView<'a>>,
    message: &'a str,
    plugin: &'a str,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct EpisodeEnd<'a> {
    /// Net change of the episode.
    diff: Vec<ChangeView<'a>>,
    end_fingerprint: String,
    #[serde(rename = "gen_ai.conversation.id")]
    episode: &'a str,
    outcome: Outcome,
    /// Fuel the policy used.
    policy_fuel: u64,
    policy_log: Vec<LogView<'a>>,
    /// Missing where there is no score: never a zero.
    #[serde(skip_serializing_if = "Option::is_none")]
    reward: Option<f64>,
    steps: u32,
}

/// The run is complete.
#[derive(Serialize, JsonSchema)]
pub(super) struct RunEnd {
    pub(super) episodes: u64,
    pub(super) outcomes: BTreeMap<&'static str, u64>,
}

/// An event, and what of it no hash covers.
pub(super) type Told<'a> = (Event<'a>, Option<Wall>);

/// All events of one episode, in order.
pub(super) fn of_episode<'a>(
    record: &'a EpisodeRecord,
    task: &'a Task,
    episode: &'a str,
) -> Vec<Told<'a>> {
    let plain = |event| (event, None);
    let mut calls = record.calls.iter().peekable();
    let mut asked = |until: usize| {
        calls_until(&mut calls, until).into_iter().map(|call| {
            let fields = call_fields(call, &record.steps, episode);
            (Event::ModelCall(fields), Some(Wall::Call(call_wall(call))))
        })
    };
    let mut told = vec![plain(Event::EpisodeStart(episode_start(
        record, task, episode,
    )))];
    for (number, step) in record.steps.iter().enumerate() {
        told.extend(asked(number));
        told.push(plain(Event::Step(step_fields(number, step, episode))));
    }
    // What was asked for a step that never came.
    if record.marks.is_empty() {
        told.extend(asked(usize::MAX));
    }
    if let Some(fault) = &record.fault {
        told.push(plain(Event::Fault(fault_fields(fault, &[], episode))));
    }
    for mark in &record.marks {
        told.push(plain(match &mark.verdict {
            Ok(verdict) => Event::Verdict(verdict_fields(mark, verdict, record, task, episode)),
            Err(fault) => Event::Fault(fault_fields(fault, &mark.log, episode)),
        }));
    }
    told.extend(asked(usize::MAX));
    for opinion in &record.opinions {
        told.push(plain(match &opinion.judgment {
            Ok(judgment) => Event::Judgment(judgment_fields(opinion, judgment, episode)),
            Err(fault) => Event::Fault(fault_fields(fault, &opinion.log, episode)),
        }));
    }
    let wall = Wall::Episode(EpisodeWall {
        duration_us: record.duration_us,
        interrupted: record.interrupted.clone(),
    });
    told.push((Event::EpisodeEnd(episode_end(record, episode)), Some(wall)));
    told
}

fn episode_start<'a>(record: &EpisodeRecord, task: &'a Task, episode: &'a str) -> EpisodeStart<'a> {
    EpisodeStart {
        episode,
        kind: &task.kind,
        negative: task.negative.as_deref(),
        seed: record.seed.to_string(),
        split: task.split.name(),
        start_fingerprint: record.start.to_string(),
        task: &task.id,
        task_digest: task.digest.to_string(),
        trial: record.trial,
        turns: task.turns.iter().map(|turn| turn.user.as_str()).collect(),
    }
}

fn episode_end<'a>(record: &'a EpisodeRecord, episode: &'a str) -> EpisodeEnd<'a> {
    EpisodeEnd {
        diff: record.changes.iter().map(change_view).collect(),
        end_fingerprint: record.end.to_string(),
        episode,
        outcome: record.outcome,
        policy_fuel: record.policy_fuel,
        policy_log: log_view(&record.policy_log),
        reward: record.reward,
        steps: u32::try_from(record.steps.len()).unwrap_or(u32::MAX),
    }
}

fn step_fields<'a>(number: usize, step: &'a crate::env::Step, episode: &'a str) -> StepFields<'a> {
    let (action, text, call) = match &step.action {
        Action::Call(call) => ("call", None, Some(call)),
        Action::Answer(text) => ("answer", Some(text.as_str()), None),
        Action::Decline(text) => ("decline", Some(text.as_str()), None),
    };
    let (result, refusal) = match &step.observation {
        Some(Observation::Accepted(result)) => (Some(ResultView::of(result)), None),
        Some(Observation::Refused(refusal)) => (
            None,
            Some(RefusalView {
                code: refusal.code.name(),
                field: &refusal.field,
                message: &refusal.message,
            }),
        ),
        _ => (None, None),
    };
    StepFields {
        action,
        changes: step.changes.iter().map(change_view).collect(),
        episode,
        text,
        arguments: call.map(|call| call.arguments.as_str()),
        result,
        tool: call.map(|call| call.tool.as_str()),
        refusal,
        step: u32::try_from(number).unwrap_or(u32::MAX),
        turn: step.turn,
    }
}

fn verdict_fields<'a>(
    mark: &'a Marked,
    verdict: &'a proctor_host::Verdict,
    record: &EpisodeRecord,
    task: &Task,
    episode: &'a str,
) -> VerdictFields<'a> {
    VerdictFields {
        checks: verdict
            .checks
            .iter()
            .map(|check| CheckView {
                detail: &check.detail,
                name: &check.name,
                pass: check.pass,
            })
            .collect(),
        data_fingerprint: record.start.to_string(),
        episode,
        rationale: &verdict.rationale,
        verifier: &mark.verifier,
        label: if verdict.pass { "pass" } else { "fail" },
        score: verdict.score,
        log: log_view(&mark.log),
        task_digest: task.digest.to_string(),
        verifier_digest: mark.digest.to_string(),
        verifier_fuel: mark.fuel,
    }
}

fn fault_fields<'a>(fault: &'a Fault, log: &'a [LogLine], episode: &'a str) -> FaultFields<'a> {
    FaultFields {
        backtrace: &fault.backtrace,
        digest: fault.digest.to_string(),
        kind: fault.kind.name(),
        function: &fault.function,
        episode,
        log: log_view(log),
        message: &fault.message,
        plugin: &fault.plugin,
    }
}

/// What a line holds, for the schema.
#[derive(JsonSchema)]
#[allow(dead_code, reason = "only its schema is used")]
struct Line<'a> {
    /// SHA-256 over the line before's chain and this line's canonical event.
    chain: String,
    #[serde(flatten)]
    event: Event<'a>,
    /// Number of the line, from 0.
    seq: u64,
    /// What results don't depend on: covered by no hash.
    wall: Option<Wall>,
}

/// What results don't depend on: facts of the wall clock, and where the rows lived.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Wall {
    /// Of `run.start`.
    Run(Backend),
    /// Of `model.call`.
    Call(CallWall),
    /// Of `episode.end`.
    Episode(EpisodeWall),
}

/// How an episode went by the wall clock.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(super) struct EpisodeWall {
    /// Microseconds that the episode took; of several attempts, the one recorded.
    duration_us: u64,
    /// Attempts that were broken off before the one recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    interrupted: Vec<Interruption>,
}

/// JSON Schema (draft 2020-12) of a line.
#[must_use]
pub fn telemetry_schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Line<'_>).to_value();
    schema["title"] = "Proctor telemetry, one line".into();
    schema["$comment"] = format!("schema_version {TELEMETRY_VERSION}").into();
    schema
}
