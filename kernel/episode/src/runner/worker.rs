//! One worker: plays and marks one episode at a time, on one store.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use proctor_crm::Tool;
use proctor_host::{
    Digest, EpisodeRead, Fault, FaultKind, Observation, Setting, ToolCard, Verdict,
};
use proctor_model::{Role, Tools};
use proctor_store::Store;

use super::asking::{Conversation, model_tools};
use super::{EpisodeRecord, Examination, Marked, Opinion, RunError};
use crate::env::{CrmEnv, StoreFailure};
use crate::outcome::{Outcome, reward};
use crate::seed::EpisodeSeed;

/// One worker: an environment, and the tool list that every session is given.
pub(super) struct Worker<'a> {
    examination: &'a Examination<'a>,
    env: Rc<RefCell<CrmEnv>>,
    tools: Arc<[ToolCard]>,
    model_tools: Tools,
}

impl<'a> Worker<'a> {
    pub(super) fn new(examination: &'a Examination<'a>, store: Box<dyn Store>) -> Self {
        let env = CrmEnv::new(store, Arc::clone(&examination.suite));
        let tools = tool_cards();
        Self {
            examination,
            env: Rc::new(RefCell::new(env)),
            model_tools: model_tools(&tools),
            tools,
        }
    }

    /// Runs the run's `index`-th episode; nothing if there is no such episode.
    ///
    /// # Errors
    /// When the run cannot go on for want of a model's budget or recording.
    pub(super) fn run(&self, index: usize) -> Result<Option<EpisodeRecord>, RunError> {
        let started = Instant::now();
        let Some((task, trial, seed)) = self.examination.episode(index) else {
            return Ok(None);
        };
        let conversation = self.converse(task, trial, seed);
        let mut record = self.attempt(task, trial, seed, conversation.as_ref());
        if let Some(conversation) = conversation {
            if let Some(halt) = conversation.halt() {
                return Err(halt);
            }
            record.calls = conversation.take_records();
        }
        record.duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Ok(Some(record))
    }

    fn converse(&self, task: usize, trial: u32, seed: EpisodeSeed) -> Option<Conversation> {
        let gateway = self.examination.asking.gateway.as_ref()?;
        let id = &self.examination.suite.tasks.get(task)?.id;
        let episode = format!("{id}#{trial}");
        let tools = &self.model_tools;
        Some(Conversation::open(
            gateway,
            &episode,
            seed.for_policy(),
            tools,
        ))
    }

    /// Gives up what the last episode holds of the store; says whether the store is still good.
    pub(super) fn release(&self) -> bool {
        self.env.borrow_mut().release().is_ok()
    }

    /// How the store failed in the last episode, if it did.
    pub(super) fn take_failure(&self) -> Option<StoreFailure> {
        self.env.borrow_mut().take_failure()
    }

    fn attempt(
        &self,
        task: usize,
        trial: u32,
        seed: EpisodeSeed,
        conversation: Option<&Conversation>,
    ) -> EpisodeRecord {
        let reset = self.env.borrow_mut().reset(task, seed);
        let start = self.env.borrow().fingerprint();
        let mut record = EpisodeRecord {
            task,
            trial,
            seed,
            start,
            end: start,
            steps: Vec::new(),
            changes: Vec::new(),
            marks: Vec::new(),
            opinions: Vec::new(),
            calls: Vec::new(),
            fault: None,
            policy_log: Vec::new(),
            policy_fuel: 0,
            outcome: Outcome::InfraError,
            reward: None,
            duration_us: 0,
            interrupted: Vec::new(),
        };
        let played = match reset {
            Ok(first) => self.play(task, seed, first, conversation, &mut record),
            Err(error) => Err(kernel_fault("reset", error.to_string())),
        };
        let env = self.env.borrow();
        record.end = env.fingerprint();
        record.changes = env.net_changes();
        let truncated = env.truncated();
        drop(env);
        record.outcome = match played {
            Err(fault) => {
                let outcome = broken_off(fault.kind);
                record.fault = Some(fault);
                outcome
            }
            Ok(()) if truncated => Outcome::AgentError,
            Ok(()) => self.examine(task, conversation, &mut record),
        };
        // Without its gold a task can only be failed: such fails would count, and no pass.
        if record.outcome.is_scored() && self.is_sealed(task) {
            record.marks = vec![sealed()];
            record.outcome = conclude(&mut record);
        }
        // Only now: the verifiers read them in the environment.
        record.steps = self.env.borrow_mut().take_steps();
        record
    }

    fn play(
        &self,
        task: usize,
        seed: EpisodeSeed,
        first: Observation,
        conversation: Option<&Conversation>,
        record: &mut EpisodeRecord,
    ) -> Result<(), Fault> {
        let examination = self.examination;
        let oracle = examination
            .suite
            .tasks
            .get(task)
            .map(|task| Arc::clone(&task.gold.oracle));
        let mut session = examination.policy.open(Setting {
            seed: seed.for_policy(),
            now: examination.suite.now.to_string(),
            parameters: examination.parameters.clone(),
            script: Arc::clone(&examination.script),
            tools: Arc::clone(&self.tools),
            memory: Arc::from([]),
            prompts: Arc::clone(&examination.asking.prompts),
            model: conversation
                .zip(examination.asking.model.as_deref())
                .map(|(conversation, model)| conversation.seat(Role::Student, model)),
            oracle: oracle.unwrap_or_else(|| Arc::from([])),
        })?;
        let mut observation = Some(first);
        let mut result = Ok(());
        while let Some(seen) = observation {
            let acted = session.next(&seen);
            // What a failed call means isn't the agent's to say.
            let fault = conversation.and_then(Conversation::fault);
            let action = match fault.map_or(acted, Err) {
                Ok(action) => action,
                Err(fault) => {
                    result = Err(fault);
                    break;
                }
            };
            let mut env = self.env.borrow_mut();
            observation = match env.step(action) {
                Ok(step) => step.observation.clone(),
                Err(error) => {
                    result = Err(kernel_fault("step", error.to_string()));
                    break;
                }
            };
            if let Some(conversation) = conversation {
                conversation.stepped(env.steps().len());
            }
            if env.over() {
                break;
            }
        }
        record.policy_log = session.log();
        record.policy_fuel = session.fuel();
        result
    }

    /// Has the episode marked and judged. If the store failed meanwhile, whoever asked it and
    /// whatever they made of that, no verdict stands: it would be one on what wasn't read.
    fn examine(
        &self,
        task: usize,
        conversation: Option<&Conversation>,
        record: &mut EpisodeRecord,
    ) -> Outcome {
        let marks = self.mark(task);
        let opinions = self.judge(&marks, conversation);
        if let Some(failure) = self.env.borrow().failure() {
            record.fault = Some(kernel_fault("verify", failure.reason.clone()));
            return Outcome::InfraError;
        }
        record.marks = marks;
        record.opinions = opinions;
        conclude(record)
    }

    fn is_sealed(&self, task: usize) -> bool {
        let task = self.examination.suite.tasks.get(task);
        task.is_some_and(|task| task.sealed)
    }

    /// Has every judge judge the episode, if every verifier gave a verdict. A model that failed one
    /// judge is asked by no other: the episode has no score any more.
    fn judge(&self, marks: &[Marked], conversation: Option<&Conversation>) -> Vec<Opinion> {
        let verdicts: Result<Vec<Verdict>, _> =
            marks.iter().map(|mark| mark.verdict.clone()).collect();
        let Ok(verdicts) = verdicts else {
            return Vec::new();
        };
        let episode: Rc<RefCell<dyn EpisodeRead>> = Rc::clone(&self.env) as _;
        let mut opinions = Vec::new();
        for seat in &self.examination.judges {
            let model = conversation
                .zip(seat.model.as_deref())
                .map(|(conversation, model)| conversation.seat(Role::Judge, model));
            let judged = seat.judge.judge(&episode, &verdicts, &seat.prompts, model);
            let fault = conversation.and_then(Conversation::fault);
            let failed = fault.is_some();
            opinions.push(Opinion {
                judge: seat.judge.name().to_owned(),
                digest: seat.judge.digest(),
                judgment: fault.map_or(judged.judgment, Err),
                log: judged.log,
                fuel: judged.fuel,
            });
            if failed {
                break;
            }
        }
        opinions
    }

    fn mark(&self, task: usize) -> Vec<Marked> {
        let examination = self.examination;
        let Some(task) = examination.suite.tasks.get(task) else {
            return Vec::new();
        };
        if task.sealed {
            return vec![sealed()];
        }
        let refusal = examination.refusal.filter(|_| task.gold.refusal.is_some());
        let answer = examination.answer.filter(|_| !task.gold.answers.is_empty());
        let episode: Rc<RefCell<dyn EpisodeRead>> = Rc::clone(&self.env) as _;
        let verifiers = examination.verifiers.iter().copied();
        verifiers
            .chain(refusal)
            .chain(answer)
            .map(|verifier| {
                let examined = verifier.verify(&episode, &task.gold);
                Marked {
                    verifier: verifier.name().to_owned(),
                    digest: verifier.digest(),
                    verdict: examined.verdict,
                    log: examined.log,
                    fuel: examined.fuel,
                }
            })
            .collect()
    }
}

/// The class of an episode that was broken off. A policy that says itself that it cannot go on
/// has failed; one that traps, or a model that gives no reply, tells nothing of the agent.
fn broken_off(kind: FaultKind) -> Outcome {
    match kind {
        FaultKind::Declared => Outcome::AgentError,
        FaultKind::Allowance => Outcome::BudgetStop,
        _ => Outcome::InfraError,
    }
}

/// Outcome and reward of an episode that was marked and judged.
fn conclude(record: &mut EpisodeRecord) -> Outcome {
    let of_marks = record
        .marks
        .iter()
        .filter_map(|mark| mark.verdict.as_ref().err());
    let of_opinions = record
        .opinions
        .iter()
        .filter_map(|opinion| opinion.judgment.as_ref().err());
    let kinds: Vec<FaultKind> = of_marks
        .chain(of_opinions)
        .map(|fault| fault.kind)
        .collect();
    if kinds.contains(&FaultKind::Allowance) {
        return Outcome::BudgetStop;
    }
    if kinds.iter().any(|kind| !kind.is_deterministic()) {
        return Outcome::InfraError;
    }
    if !kinds.is_empty() || record.marks.is_empty() {
        return Outcome::GraderError;
    }
    let verdicts: Vec<&Verdict> = record
        .marks
        .iter()
        .filter_map(|mark| mark.verdict.as_ref().ok())
        .collect();
    let judgments = record
        .opinions
        .iter()
        .filter_map(|opinion| opinion.judgment.as_ref().ok());
    let scores = verdicts.iter().map(|verdict| verdict.score);
    record.reward = reward(scores.chain(judgments.map(|judgment| judgment.score)));
    if verdicts.iter().all(|verdict| verdict.pass) {
        Outcome::Pass
    } else {
        Outcome::Fail
    }
}

/// What stands in the place of verdicts on a sealed task.
fn sealed() -> Marked {
    let message = "the task's gold is sealed: run it on the unsealed suite for a verdict";
    let fault = Fault {
        kind: FaultKind::Sealed,
        ..kernel_fault("verify", message.into())
    };
    Marked {
        verifier: fault.plugin.clone(),
        digest: fault.digest,
        verdict: Err(fault),
        log: Vec::new(),
        fuel: 0,
    }
}

/// The tools, as policies see them.
fn tool_cards() -> Arc<[ToolCard]> {
    Tool::all()
        .iter()
        .map(|tool| ToolCard {
            name: tool.name.to_owned(),
            description: tool.description.to_owned(),
            input_schema: tool.input_schema().to_string(),
            read_only: tool.annotations.read_only,
            destructive: tool.annotations.destructive,
            idempotent: tool.annotations.idempotent,
        })
        .collect()
}

/// A failure of the kernel itself, in the form of a plugin's.
pub(super) fn kernel_fault(function: &str, message: String) -> Fault {
    Fault {
        plugin: "kernel".into(),
        digest: Digest::of(b""),
        function: function.into(),
        kind: FaultKind::Host,
        message,
        backtrace: Vec::new(),
    }
}
