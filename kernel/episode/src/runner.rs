//! Runs episodes: one at a time on each worker, handed over in order.

mod asking;
mod queue;
mod recovery;
mod worker;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, mpsc};
use std::thread;

use proctor_crm::Change;
use proctor_host::{
    Action, Digest, EpisodeRead, Examined, Fault, Gold, Judge, Judged, Judgment, LogLine,
    ModelSeat, Observation, Policy, Prompts, ScriptedTurn, Session, Setting, Verdict, Verifier,
};
use proctor_model::CallRecord;
use proctor_store::{Fingerprint, Store, StoreError};

use self::queue::Queue;
use self::recovery::{Halt, Recovering};
use self::worker::Worker;
use crate::env::Step;
use crate::outcome::{Interruption, Outcome};
use crate::seed::EpisodeSeed;
use crate::suite::Suite;

pub use self::asking::Asking;
pub use self::recovery::{REOPEN_TIME_MAX, Stores};

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

/// Something that judges episodes against a rubric: a component, or code of this process.
pub trait Judging: Sync {
    /// Its name.
    fn name(&self) -> &str;
    /// Digest of its file.
    fn digest(&self) -> Digest;
    /// Judges one episode.
    fn judge(
        &self,
        episode: &Rc<RefCell<dyn EpisodeRead>>,
        verdicts: &[Verdict],
        prompts: &Prompts,
        model: Option<ModelSeat>,
    ) -> Judged;
}

/// A judge with what the operator gives it.
pub struct JudgeSeat<'a> {
    /// The judge.
    pub judge: &'a dyn Judging,
    /// The model that it asks.
    pub model: Option<String>,
    /// Texts that it is given.
    pub prompts: Prompts,
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
        Self::name(self)
    }

    fn digest(&self) -> Digest {
        Self::digest(self)
    }

    fn verify(&self, episode: &Rc<RefCell<dyn EpisodeRead>>, gold: &Arc<Gold>) -> Examined {
        Self::verify(self, episode, gold)
    }
}

impl Judging for Judge {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn digest(&self) -> Digest {
        Self::digest(self)
    }

    fn judge(
        &self,
        episode: &Rc<RefCell<dyn EpisodeRead>>,
        verdicts: &[Verdict],
        prompts: &Prompts,
        model: Option<ModelSeat>,
    ) -> Judged {
        Self::judge(self, episode, verdicts, prompts, model)
    }
}

/// What one judge made of an episode.
#[derive(Debug)]
pub struct Opinion {
    /// Name of the judge.
    pub judge: String,
    /// Digest of its file.
    pub digest: Digest,
    /// The judgment, or why there is none.
    pub judgment: Result<Judgment, Fault>,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// Fuel it used.
    pub fuel: u64,
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
    /// What the judges made of it.
    pub opinions: Vec<Opinion>,
    /// What models were asked, in order.
    pub calls: Vec<CallRecord>,
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
    /// Attempts at it that were broken off before this one. Covered by no hash.
    pub interrupted: Vec<Interruption>,
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
    /// A store doesn't hold the suite's canonical data.
    #[error(
        "the store holds other data than the suite's: fingerprint {found} instead of {expected}"
    )]
    OtherData {
        /// Fingerprint of what it holds.
        found: Fingerprint,
        /// Fingerprint of the suite's data.
        expected: Fingerprint,
    },
    /// What may be spent is spent. Episodes under way are given up; those finished stand.
    #[error("the run's budget is used up: {0}")]
    Budget(String),
    /// A model's recording is missing or cannot be read or written.
    #[error("{0}")]
    Model(String),
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
    /// Who judges every episode that was marked, with a rubric and without gold.
    pub judges: Vec<JudgeSeat<'a>>,
    /// Whom the policy may ask.
    pub asking: Asking,
    /// What the operator configured for the policy.
    pub parameters: Vec<(String, String)>,
    /// For a policy that plays given calls.
    pub script: Arc<[ScriptedTurn]>,
}

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

    /// Runs the episodes for which `wanted` says so on `jobs` workers, each with one of `stores`,
    /// until `stop` is set. Finished episodes are given to `sink` one at a time, in whatever
    /// order they finish.
    ///
    /// An episode whose store was interrupted is attempted once more, on a store that is opened
    /// anew; a second time is an infra error.
    ///
    /// # Errors
    /// When a store cannot be opened, not even again, or holds other data than the suite's, or
    /// when the sink fails. Other workers finish what is under way first.
    pub fn run<E: std::error::Error + Send + Sync + 'static>(
        &self,
        jobs: usize,
        stores: &Stores<'_>,
        wanted: &(dyn Fn(usize) -> bool + Sync),
        stop: &AtomicBool,
        sink: &mut dyn FnMut(Finished) -> Result<(), E>,
    ) -> Result<(), RunError> {
        let queue = Queue::new(self.len(), wanted, stop);
        let (sender, receiver) = mpsc::sync_channel(jobs.max(1) * 2);
        thread::scope(|scope| {
            for _ in 0..jobs.max(1) {
                let sender = sender.clone();
                let queue = &queue;
                scope.spawn(move || {
                    if let Err(Halt::Failed(error)) = self.work(stores, queue, &sender) {
                        queue.halt();
                        let _ = sender.send(Err(error));
                    }
                });
            }
            drop(sender);
            let mut result = Ok(());
            for finished in receiver {
                match finished {
                    Ok(finished) => {
                        let index = finished.index;
                        if result.is_ok()
                            && let Err(error) = sink(finished)
                        {
                            queue.halt();
                            result = Err(RunError::Sink(Box::new(error)));
                        }
                        queue.done(index);
                    }
                    Err(error) => result = result.and(Err(error)),
                }
            }
            result
        })
    }

    /// What one worker does: episode after episode, until there is none left.
    fn work(
        &self,
        stores: &Stores<'_>,
        queue: &Queue<'_>,
        sender: &mpsc::SyncSender<Result<Finished, RunError>>,
    ) -> Result<(), Halt> {
        let mut worker = Recovering::open(self, stores, queue)?;
        while let Some(index) = queue.take() {
            let Some(record) = worker.run(index)? else {
                break;
            };
            if sender.send(Ok(Finished { index, record })).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Runs one episode of a task on a store that holds the canonical data; nothing if there is
    /// no such episode, or a model's budget or recording keeps it from being played.
    ///
    /// # Errors
    /// Never for the agent's or a verifier's doing; when the store fails, the record says so as
    /// an infra error.
    pub fn run_one(&self, store: Box<dyn Store>, index: usize) -> Option<EpisodeRecord> {
        Worker::new(self, store).run(index).ok().flatten()
    }

    /// Runs all episodes on one store, on this thread, and hands each over as it ends. Episodes
    /// that a model's budget or recording keeps from being played are left out.
    pub fn run_all(&self, store: Box<dyn Store>, sink: &mut dyn FnMut(EpisodeRecord)) {
        let worker = Worker::new(self, store);
        for index in 0..self.len() {
            if let Ok(Some(record)) = worker.run(index) {
                sink(record);
            }
        }
    }
}
