//! Runs episodes: one at a time on each worker, handed over in order.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;

use proctor_crm::{Change, Tool};
use proctor_host::{
    Action, Digest, EpisodeRead, Examined, Fault, FaultKind, Gold, LogLine, Observation, Policy,
    ScriptedTurn, Session, Setting, ToolCard, Verdict, Verifier,
};
use proctor_store::{Fingerprint, Store, StoreError};

use crate::env::{CrmEnv, EnvError, Step};
use crate::outcome::{Outcome, reward};
use crate::seed::EpisodeSeed;
use crate::suite::Suite;

/// Where an agent's sessions come from: a component, or code of this process.
pub trait PolicySource: Sync {
    /// Opens a session for one episode.
    ///
    /// # Errors
    /// When the agent fails to take its seat.
    fn open(&self, setting: Setting) -> Result<Box<dyn SessionSource + '_>, Fault>;
}

/// An agent at work on one episode.
pub trait SessionSource {
    /// What it does on seeing this.
    ///
    /// # Errors
    /// When it gives no answer.
    fn next(&mut self, observation: &Observation) -> Result<Action, Fault>;
    /// What it logged since last asked.
    fn log(&mut self) -> Vec<LogLine>;
    /// Fuel it used.
    fn fuel(&self) -> u64;
}

/// Something that marks episodes: a component, or code of this process.
pub trait Verify: Sync {
    /// Its name.
    fn name(&self) -> &str;
    /// Digest of its file.
    fn digest(&self) -> Digest;
    /// Marks one episode.
    fn verify(&self, episode: &Rc<RefCell<dyn EpisodeRead>>, gold: &Arc<Gold>) -> Examined;
}

impl PolicySource for Policy {
    fn open(&self, setting: Setting) -> Result<Box<dyn SessionSource + '_>, Fault> {
        Ok(Box::new(Self::open(self, setting)?))
    }
}

impl SessionSource for Session<'_> {
    fn next(&mut self, observation: &Observation) -> Result<Action, Fault> {
        Self::next(self, observation)
    }

    fn log(&mut self) -> Vec<LogLine> {
        Self::log(self)
    }

    fn fuel(&self) -> u64 {
        Self::fuel(self)
    }
}

impl Verify for Verifier {
    fn name(&self) -> &str {
        &self.name
    }

    fn digest(&self) -> Digest {
        self.digest
    }

    fn verify(&self, episode: &Rc<RefCell<dyn EpisodeRead>>, gold: &Arc<Gold>) -> Examined {
        Self::verify(self, episode, gold)
    }
}

/// What one verifier made of an episode.
#[derive(Debug)]
pub struct Marked {
    /// Name of the verifier.
    pub verifier: String,
    /// Digest of its file.
    pub digest: Digest,
    /// The verdict, or why there is none.
    pub verdict: Result<Verdict, Fault>,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// Fuel it used.
    pub fuel: u64,
}

/// Everything about one finished episode.
#[derive(Debug)]
pub struct EpisodeRecord {
    /// Index of the task in the suite.
    pub task: usize,
    /// Number of the trial, from 0.
    pub trial: u32,
    /// The episode's seed.
    pub seed: EpisodeSeed,
    /// Digest of the state before the first step.
    pub start: Fingerprint,
    /// Digest of the state after the last.
    pub end: Fingerprint,
    /// What happened.
    pub steps: Vec<Step>,
    /// The net change.
    pub changes: Vec<Change>,
    /// What the verifiers made of it.
    pub marks: Vec<Marked>,
    /// Why the episode was broken off, if it was.
    pub fault: Option<Fault>,
    /// What the policy logged.
    pub policy_log: Vec<LogLine>,
    /// Fuel the policy used.
    pub policy_fuel: u64,
    /// Outcome class.
    pub outcome: Outcome,
    /// Reward, where there is one.
    pub reward: Option<f64>,
    /// Wall-clock time it took, in microseconds. Covered by no hash.
    pub duration_us: u64,
}

/// An episode that is done, with its place in the run.
#[derive(Debug)]
pub struct Finished {
    /// Place in the run, from 0.
    pub index: usize,
    /// The episode.
    pub record: EpisodeRecord,
}

/// A run that could not go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A worker could not get a store.
    #[error("a worker could not open its store: {0}")]
    Store(#[from] StoreError),
    /// Whoever takes the finished episodes failed.
    #[error(transparent)]
    Sink(Box<dyn std::error::Error + Send + Sync>),
}

/// A suite to be run: which tasks, how often, by whom, marked by whom.
pub struct Examination<'a> {
    /// The suite.
    pub suite: Arc<Suite>,
    /// Indices of the tasks, in order.
    pub tasks: Vec<usize>,
    /// Episodes of each task.
    pub trials: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Who is examined.
    pub policy: &'a dyn PolicySource,
    /// Who marks every episode.
    pub verifiers: Vec<&'a dyn Verify>,
    /// Who marks episodes with an expected refusal.
    pub refusal: Option<&'a dyn Verify>,
    /// Who marks episodes with expected answers.
    pub answer: Option<&'a dyn Verify>,
    /// What the operator configured for the policy.
    pub parameters: Vec<(String, String)>,
    /// For a policy that plays given calls.
    pub script: Arc<[ScriptedTurn]>,
}

/// How far workers may run ahead of the oldest episode that isn't done: bounds what is held in
/// memory when one episode is slow.
const AHEAD_MAX: usize = 256;

impl Examination<'_> {
    /// Number of episodes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tasks.len() * self.trials as usize
    }

    /// Whether there is nothing to run.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Task, trial and seed of the run's `index`-th episode: all trials of a task together.
    #[must_use]
    pub fn episode(&self, index: usize) -> Option<(usize, u32, EpisodeSeed)> {
        let trials = self.trials.max(1) as usize;
        let task = *self.tasks.get(index / trials)?;
        let trial = u32::try_from(index % trials).ok()?;
        let id = &self.suite.tasks.get(task)?.id;
        Some((task, trial, EpisodeSeed::derive(self.seed, id, trial)))
    }

    /// Runs the episodes for which `wanted` says so on `jobs` workers, each with a store that
    /// `open_store` makes, until `stop` is set. Finished episodes are given to `sink` one at a
    /// time, in whatever order they finish.
    ///
    /// # Errors
    /// When a store cannot be opened or the sink fails; episodes under way are finished first.
    pub fn run<E: std::error::Error + Send + Sync + 'static>(
        &self,
        jobs: usize,
        open_store: &(dyn Fn() -> Result<Box<dyn Store>, StoreError> + Sync),
        wanted: &(dyn Fn(usize) -> bool + Sync),
        stop: &AtomicBool,
        sink: &mut dyn FnMut(Finished) -> Result<(), E>,
    ) -> Result<(), RunError> {
        let total = self.len();
        let next = AtomicUsize::new(0);
        let window = Window::new(total, wanted);
        let halted = AtomicBool::new(false);
        let (sender, receiver) =
            mpsc::sync_channel::<Result<Finished, StoreError>>(jobs.max(1) * 2);
        thread::scope(|scope| {
            for _ in 0..jobs.max(1) {
                let sender = sender.clone();
                let (next, window, halted) = (&next, &window, &halted);
                scope.spawn(move || {
                    let mut worker = match open_store() {
                        Ok(store) => Worker::new(self, store),
                        Err(error) => {
                            halted.store(true, Ordering::Relaxed);
                            let _ = sender.send(Err(error));
                            return;
                        }
                    };
                    let mut open_again = || open_store().ok();
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let over =
                            || stop.load(Ordering::Relaxed) || halted.load(Ordering::Relaxed);
                        if index >= total || over() {
                            break;
                        }
                        if !wanted(index) {
                            continue;
                        }
                        if !window.wait(index, &over) {
                            break;
                        }
                        let Some(record) = worker.run(index, &mut open_again) else {
                            break;
                        };
                        if sender.send(Ok(Finished { index, record })).is_err() {
                            break;
                        }
                    }
                });
            }
            drop(sender);
            let mut result = Ok(());
            for finished in receiver {
                match finished {
                    Ok(finished) if result.is_ok() => {
                        let index = finished.index;
                        if let Err(error) = sink(finished) {
                            halted.store(true, Ordering::Relaxed);
                            result = Err(RunError::Sink(Box::new(error)));
                        }
                        window.done(index);
                    }
                    Ok(finished) => window.done(finished.index),
                    Err(error) => result = Err(error.into()),
                }
            }
            result
        })
    }

    /// Runs one episode of a task on a store that holds the canonical data.
    ///
    /// # Errors
    /// Never for the agent's or a verifier's doing; when the store cannot be reset, the record
    /// says so as an infra error.
    pub fn run_one(&self, store: Box<dyn Store>, index: usize) -> Option<EpisodeRecord> {
        Worker::new(self, store).run(index, &mut || None)
    }

    /// Runs all episodes on one store, on this thread, and hands each over as it ends.
    pub fn run_all(&self, store: Box<dyn Store>, sink: &mut dyn FnMut(EpisodeRecord)) {
        let mut worker = Worker::new(self, store);
        for index in 0..self.len() {
            if let Some(record) = worker.run(index, &mut || None) {
                sink(record);
            }
        }
    }
}

/// Keeps workers from running too far ahead of the oldest unfinished episode.
struct Window<'a> {
    state: Mutex<WindowState>,
    moved: Condvar,
    total: usize,
    wanted: &'a (dyn Fn(usize) -> bool + Sync),
}

#[derive(Default)]
struct WindowState {
    oldest: usize,
    finished: BTreeSet<usize>,
}

impl WindowState {
    /// Moves the window past everything that is finished or isn't to be done.
    fn advance(&mut self, total: usize, wanted: &(dyn Fn(usize) -> bool + Sync)) {
        while self.oldest < total && (self.finished.remove(&self.oldest) || !wanted(self.oldest)) {
            self.oldest += 1;
        }
    }
}

impl<'a> Window<'a> {
    fn new(total: usize, wanted: &'a (dyn Fn(usize) -> bool + Sync)) -> Self {
        let mut state = WindowState::default();
        // Of a run that goes on, what is recorded may be more than the window is wide.
        state.advance(total, wanted);
        Self {
            state: Mutex::new(state),
            moved: Condvar::new(),
            total,
            wanted,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, WindowState> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Waits until `index` is near enough; false when the run is over instead.
    fn wait(&self, index: usize, over: &dyn Fn() -> bool) -> bool {
        let mut state = self.lock();
        loop {
            if over() {
                return false;
            }
            if index < state.oldest + AHEAD_MAX {
                return true;
            }
            let wait = std::time::Duration::from_millis(50);
            state = match self.moved.wait_timeout(state, wait) {
                Ok((state, _)) => state,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
    }

    fn done(&self, index: usize) {
        let mut state = self.lock();
        state.finished.insert(index);
        state.advance(self.total, self.wanted);
        self.moved.notify_all();
    }
}

/// One worker: an environment, and the tool list that every session is given.
struct Worker<'a> {
    examination: &'a Examination<'a>,
    env: Rc<RefCell<CrmEnv>>,
    tools: Arc<[ToolCard]>,
}

impl<'a> Worker<'a> {
    fn new(examination: &'a Examination<'a>, store: Box<dyn Store>) -> Self {
        let env = CrmEnv::new(store, Arc::clone(&examination.suite));
        Self {
            examination,
            env: Rc::new(RefCell::new(env)),
            tools: tool_cards(),
        }
    }

    fn run(
        &mut self,
        index: usize,
        open_again: &mut dyn FnMut() -> Option<Box<dyn Store>>,
    ) -> Option<EpisodeRecord> {
        let started = std::time::Instant::now();
        let (task, trial, seed) = self.examination.episode(index)?;
        let mut record = self.attempt(task, trial, seed);
        if record
            .fault
            .as_ref()
            .is_some_and(|fault| fault.kind == FaultKind::Host)
            && let Some(store) = open_again()
        {
            // The store may be unusable; the next episode must not suffer for this one.
            let suite = Arc::clone(&self.examination.suite);
            self.env = Rc::new(RefCell::new(CrmEnv::new(store, suite)));
        }
        record.duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        Some(record)
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
        };
        let played = match reset {
            Ok(first) => self.play(task, seed, first, &mut record),
            Err(error) => Err(kernel_fault("reset", &error)),
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
            Ok(()) => {
                record.marks = self.mark(task);
                self.judge(&mut record)
            }
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
                    result = Err(kernel_fault("step", &error));
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
fn kernel_fault(function: &str, error: &EnvError) -> Fault {
    Fault {
        plugin: "kernel".into(),
        digest: Digest::of(b""),
        function: function.into(),
        kind: FaultKind::Host,
        message: error.to_string(),
        backtrace: Vec::new(),
    }
}
