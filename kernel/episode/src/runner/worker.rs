//! One worker: plays and marks one episode at a time, on one store.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use proctor_crm::Tool;
use proctor_host::{
    Digest, EpisodeRead, Fault, FaultKind, Observation, Setting, ToolCard, Verdict,
};
use proctor_store::Store;

use super::{EpisodeRecord, Examination, Marked};
use crate::env::{CrmEnv, StoreFailure};
use crate::outcome::{Outcome, reward};
use crate::seed::EpisodeSeed;

/// One worker: an environment, and the tool list that every session is given.
pub(super) struct Worker<'a> {
    examination: &'a Examination<'a>,
    env: Rc<RefCell<CrmEnv>>,
    tools: Arc<[ToolCard]>,
}

impl<'a> Worker<'a> {
    pub(super) fn new(examination: &'a Examination<'a>, store: Box<dyn Store>) -> Self {
        let env = CrmEnv::new(store, Arc::clone(&examination.suite));
        Self {
            examination,
            env: Rc::new(RefCell::new(env)),
            tools: tool_cards(),
        }
    }

    /// Runs the run's `index`-th episode; nothing if there is no such episode.
    pub(super) fn run(&self, index: usize) -> Option<EpisodeRecord> {
        let started = Instant::now();
        let (task, trial, seed) = self.examination.episode(index)?;
        let mut record = self.attempt(task, trial, seed);
        record.duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Some(record)
    }

    /// Gives up what the last episode holds of the store; says whether the store is still good.
    pub(super) fn release(&self) -> bool {
        self.env.borrow_mut().release().is_ok()
    }

    /// How the store failed in the last episode, if it did.
    pub(super) fn take_failure(&self) -> Option<StoreFailure> {
        self.env.borrow_mut().take_failure()
    }

    fn attempt(&self, task: usize, trial: u32, seed: EpisodeSeed) -> EpisodeRecord {
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
            fault: None,
            policy_log: Vec::new(),
            policy_fuel: 0,
            outcome: Outcome::InfraError,
            reward: None,
            duration_us: 0,
            interrupted: Vec::new(),
        };
        let played = match reset {
            Ok(first) => self.play(task, seed, first, &mut record),
            Err(error) => Err(kernel_fault("reset", error.to_string())),
        };
        let env = self.env.borrow();
        record.end = env.fingerprint();
        record.changes = env.net_changes();
        let truncated = env.truncated();
        drop(env);
        record.outcome = match played {
            Err(fault) => {
                record.fault = Some(fault);
                Outcome::InfraError
            }
            Ok(()) if truncated => Outcome::AgentError,
            Ok(()) => self.examine(task, &mut record),
        };
        // Only now: the verifiers read them in the environment.
        record.steps = self.env.borrow_mut().take_steps();
        record
    }

    fn play(
        &self,
        task: usize,
        seed: EpisodeSeed,
        first: Observation,
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
            oracle: oracle.unwrap_or_else(|| Arc::from([])),
        })?;
        let mut observation = Some(first);
        let mut result = Ok(());
        while let Some(seen) = observation {
            let action = match session.next(&seen) {
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
            if env.over() {
                break;
            }
        }
        record.policy_log = session.log();
        record.policy_fuel = session.fuel();
        result
    }

    /// Has the episode marked. If the store failed meanwhile, whoever asked it and whatever they
    /// made of that, no verdict stands: it would be one on what wasn't read.
    fn examine(&self, task: usize, record: &mut EpisodeRecord) -> Outcome {
        let marks = self.mark(task);
        if let Some(failure) = self.env.borrow().failure() {
            record.fault = Some(kernel_fault("verify", failure.reason.clone()));
            return Outcome::InfraError;
        }
        record.marks = marks;
        self.judge(record)
    }

    fn mark(&self, task: usize) -> Vec<Marked> {
        let examination = self.examination;
        let Some(task) = examination.suite.tasks.get(task) else {
            return Vec::new();
        };
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

    fn judge(&self, record: &mut EpisodeRecord) -> Outcome {
        let faults = record
            .marks
            .iter()
            .filter_map(|mark| mark.verdict.as_ref().err());
        let kinds: Vec<FaultKind> = faults.map(|fault| fault.kind).collect();
        if kinds.iter().any(|kind| !kind.is_deterministic()) {
            return Outcome::InfraError;
        }
        if !kinds.is_empty() || record.marks.is_empty() {
            return Outcome::GraderError;
        }
        let verdicts: Vec<Verdict> = record
            .marks
            .iter()
            .filter_map(|mark| mark.verdict.clone().ok())
            .collect();
        record.reward = reward(&verdicts);
        if verdicts.iter().all(|verdict| verdict.pass) {
            Outcome::Pass
        } else {
            Outcome::Fail
        }
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
fn kernel_fault(function: &str, message: String) -> Fault {
    Fault {
        plugin: "kernel".into(),
        digest: Digest::of(b""),
        function: function.into(),
        kind: FaultKind::Host,
        message,
        backtrace: Vec::new(),
    }
}
