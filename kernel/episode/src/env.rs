//! The CRM environment: one worker's store, playing one episode at a time.

use std::sync::Arc;

use proctor_crm::{
    Change, Code, Condition, Context, Diff, Entity, Id, Query, Refusal, Row, Tool, Value,
};
use proctor_host::{Action, EpisodeRead, Moment, Observation, ReadError, ToolCall};
use proctor_store::{Fingerprint, Store, StoreError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::seed::EpisodeSeed;
use crate::suite::{Suite, Task};

/// One action and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The turn it belongs to, from 0.
    pub turn: u32,
    /// What the agent did.
    pub action: Action,
    /// What it saw then; nothing after the last turn is closed.
    pub observation: Option<Observation>,
    /// What the call changed.
    pub changes: Vec<Change>,
}

/// The environment could not go on; never the agent's doing.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// Storage failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// `step` without an episode, or after its end.
    #[error("no episode is running: reset first")]
    NotRunning,
}

/// Where a run's rows live and its models' replies come from. Results don't depend on it, so a run
/// may go on elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Backend {
    /// How episodes are kept apart, where there is a choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub isolation: Option<String>,
    /// What is done with recordings of models: `live`, `record`, `replay` or `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub models: Option<String>,
    /// Name of the store's backend.
    pub store: String,
}

/// How the store failed an episode.
pub(crate) struct StoreFailure {
    /// The store's own words.
    pub(crate) reason: String,
    /// Whether the episode may well succeed on a store that is opened anew.
    pub(crate) may_pass: bool,
}

/// Most steps of an episode; an agent that needs more is cut off.
pub const STEPS_MAX: usize = 60;
/// Longest JSON text of a call's arguments, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 64 << 10;

/// A CRM that agents act in.
pub struct CrmEnv {
    store: Box<dyn Store>,
    suite: Arc<Suite>,
    /// Index of the task being played.
    task: Option<usize>,
    seed: [u8; 32],
    turn: u32,
    steps: Vec<Step>,
    diff: Diff,
    over: bool,
    open: bool,
    /// The first failure of the store in this episode, whoever asked it: what a store says after
    /// it has failed is worth nothing.
    failure: Option<StoreFailure>,
}

impl CrmEnv {
    /// An environment over a store that holds the suite's canonical data.
    #[must_use]
    pub fn new(store: Box<dyn Store>, suite: Arc<Suite>) -> Self {
        Self {
            store,
            suite,
            task: None,
            seed: [0; 32],
            turn: 0,
            steps: Vec::new(),
            diff: Diff::default(),
            over: true,
            open: false,
            failure: None,
        }
    }

    /// Starts an episode of the suite's `task`-th task: the state is the canonical data and the
    /// task's own records, whatever came before. Returns what the user says first.
    ///
    /// # Errors
    /// When storage fails.
    pub fn reset(&mut self, task: usize, seed: EpisodeSeed) -> Result<Observation, EnvError> {
        // First of all, so that an episode that cannot start shows nothing of the one before.
        self.task = None;
        self.turn = 0;
        self.steps.clear();
        self.diff = Diff::default();
        self.over = true;
        self.failure = None;
        let marked = if self.open {
            self.store.reset()
        } else {
            self.store.begin()
        };
        self.noted(marked)?;
        self.open = true;
        let suite = Arc::clone(&self.suite);
        let of = suite.tasks.get(task).ok_or(EnvError::NotRunning)?;
        if !of.setup.is_empty() {
            let setup: Vec<Change> = of.setup.iter().cloned().map(Change::Insert).collect();
            let applied = self.store.apply(&setup);
            self.noted(applied)?;
        }
        let first = of.turns.first().ok_or(EnvError::NotRunning)?.user.clone();
        self.task = Some(task);
        self.seed = seed.bytes();
        self.over = false;
        Ok(Observation::Message(first))
    }

    /// Gives up what the episode holds of the store, such as the right to change rows that others
    /// wait for: the state is the canonical data again. What happened can still be told.
    ///
    /// # Errors
    /// When storage fails.
    pub(crate) fn release(&mut self) -> Result<(), StoreError> {
        if self.open {
            self.store.reset()
        } else {
            Ok(())
        }
    }

    /// Takes one action. What the agent sees then is in the step; after the last turn's closing
    /// words, or when there were too many steps, the episode is [`over`](CrmEnv::over).
    ///
    /// # Errors
    /// When no episode is running or storage fails.
    pub fn step(&mut self, action: Action) -> Result<&Step, EnvError> {
        let task = self.task().ok_or(EnvError::NotRunning)?;
        if self.over {
            return Err(EnvError::NotRunning);
        }
        let turns = task.turns.len();
        let turn = self.turn;
        let (observation, changes) = match &action {
            Action::Call(call) => {
                let call = call.clone();
                match self.call(&call)? {
                    Ok((result, changes)) => (Some(Observation::Accepted(result)), changes),
                    Err(refusal) => (Some(Observation::Refused(refusal)), Vec::new()),
                }
            }
            Action::Answer(_) | Action::Decline(_) => {
                self.turn += 1;
                let next = self
                    .task()
                    .and_then(|task| task.turns.get(self.turn as usize));
                (
                    next.map(|turn| Observation::Message(turn.user.clone())),
                    Vec::new(),
                )
            }
        };
        self.steps.push(Step {
            turn,
            action,
            observation,
            changes,
        });
        self.over = self.turn as usize >= turns || self.steps.len() >= STEPS_MAX;
        self.steps.last().ok_or(EnvError::NotRunning)
    }

    /// Whether the episode is over.
    #[must_use]
    pub fn over(&self) -> bool {
        self.over
    }

    /// Whether the episode was cut off for its number of steps.
    #[must_use]
    pub fn truncated(&self) -> bool {
        self.over
            && self
                .task()
                .is_some_and(|task| (self.turn as usize) < task.turns.len())
    }

    /// The task being played.
    #[must_use]
    pub fn task(&self) -> Option<&Task> {
        self.suite.tasks.get(self.task?)
    }

    /// The suite being played.
    #[must_use]
    pub fn suite(&self) -> &Arc<Suite> {
        &self.suite
    }

    /// All steps so far.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Takes the steps of an episode that is done, instead of copying them.
    pub(crate) fn take_steps(&mut self) -> Vec<Step> {
        std::mem::take(&mut self.steps)
    }

    /// The net change so far.
    #[must_use]
    pub fn net_changes(&self) -> Vec<Change> {
        self.diff.changes()
    }

    /// Digest of the state as it is.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.store.fingerprint()
    }

    /// Name of the store's backend.
    #[must_use]
    pub fn backend(&self) -> &'static str {
        self.store.backend()
    }

    /// The store, to look into between episodes.
    pub fn store(&mut self) -> &mut dyn Store {
        &mut *self.store
    }

    /// How the store failed in this episode, if it did.
    pub(crate) fn failure(&self) -> Option<&StoreFailure> {
        self.failure.as_ref()
    }

    /// The same, for whoever deals with it.
    pub(crate) fn take_failure(&mut self) -> Option<StoreFailure> {
        self.failure.take()
    }

    /// Remembers the store's first failure.
    fn noted<T>(&mut self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &result
            && self.failure.is_none()
        {
            self.failure = Some(StoreFailure {
                reason: error.to_string(),
                may_pass: error.may_pass(),
            });
        }
        result
    }

    fn call(
        &mut self,
        call: &ToolCall,
    ) -> Result<Result<(proctor_crm::ToolResult, Vec<Change>), Refusal>, EnvError> {
        let context = Context {
            now: self.suite.now,
            seed: self.seed,
            step: u32::try_from(self.steps.len()).unwrap_or(u32::MAX),
        };
        let outcome = execute(&mut *self.store, call, &context);
        Ok(match self.noted(outcome)? {
            Ok(outcome) => {
                for change in &outcome.changes {
                    self.diff.record(change);
                }
                Ok((outcome.result, outcome.changes))
            }
            Err(refusal) => Err(refusal),
        })
    }
}

/// Carries out one call on a store: reads what it needs, applies what it changes.
///
/// # Errors
/// When storage fails; a refusal is an answer, not an error.
pub fn execute(
    store: &mut dyn Store,
    call: &ToolCall,
    context: &Context,
) -> Result<Result<proctor_crm::Outcome, Refusal>, StoreError> {
    let plan = match plan(call, context) {
        Ok(plan) => plan,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let found = if plan.queries().is_empty() {
        Vec::new()
    } else {
        store.read(plan.queries())?
    };
    let outcome = match plan.apply(found) {
        Ok(outcome) => outcome,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if !outcome.changes.is_empty() {
        store.apply(&outcome.changes)?;
    }
    Ok(Ok(outcome))
}

fn plan(call: &ToolCall, context: &Context) -> Result<proctor_crm::Plan, Refusal> {
    let tool = Tool::named(&call.tool)?;
    if call.arguments.len() > ARGUMENTS_BYTES_MAX {
        let message = format!(
            "The arguments are {} bytes of JSON; at most {ARGUMENTS_BYTES_MAX} are read.",
            call.arguments.len()
        );
        return Err(Refusal::new(Code::TooMany, "", message));
    }
    let arguments = serde_json::from_str(&call.arguments).map_err(|error| {
        let message = format!("The arguments must be one JSON object: {error}.");
        Refusal::new(Code::WrongType, "", message)
    })?;
    tool.plan(&arguments, context)
}

impl EpisodeRead for CrmEnv {
    fn turns(&self) -> Vec<String> {
        let turns = self
            .task()
            .map(|task| task.turns.as_slice())
            .unwrap_or_default();
        turns.iter().map(|turn| turn.user.clone()).collect()
    }

    fn now(&self) -> String {
        self.suite.now.to_string()
    }

    fn step_count(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }

    fn turn_of(&self, step: u32) -> Option<u32> {
        Some(self.steps.get(step as usize)?.turn)
    }

    fn action(&self, step: u32) -> Option<Action> {
        Some(self.steps.get(step as usize)?.action.clone())
    }

    fn observation(&self, step: u32) -> Option<Observation> {
        self.steps.get(step as usize)?.observation.clone()
    }

    fn refusal(&self, step: u32) -> Option<Refusal> {
        match &self.steps.get(step as usize)?.observation {
            Some(Observation::Refused(refusal)) => Some(refusal.clone()),
            _ => None,
        }
    }

    fn seen(&self, id: &str) -> bool {
        let Ok(id) = id.parse::<Id>() else {
            return false;
        };
        self.steps.iter().any(|step| match &step.observation {
            Some(Observation::Accepted(result)) => result
                .rows
                .iter()
                .flat_map(Row::values)
                .chain(result.facts.iter().map(|(_, value)| value))
                .any(|value| value.as_id() == Some(id)),
            _ => false,
        })
    }

    fn diff(&self) -> Vec<Change> {
        self.diff.changes()
    }

    fn row(&mut self, at: Moment, of: Entity, id: &str) -> Result<Option<Row>, ReadError> {
        let Ok(id) = id.parse::<Id>() else {
            return Ok(None);
        };
        if at == Moment::Start
            && let Some(before) = self.diff.before(of, id)
        {
            return Ok(before.cloned());
        }
        let found = self.read(Query::by_id(of, id))?;
        Ok(found.into_iter().next())
    }

    fn rows(
        &mut self,
        at: Moment,
        of: Entity,
        having: &[(String, Value)],
        limit: u32,
    ) -> Result<Vec<Row>, ReadError> {
        let mut conditions = Vec::with_capacity(having.len());
        for (name, value) in having {
            match of.column(name) {
                Some((_, column)) => {
                    conditions.push(Condition::Equals(column.name, value.clone()));
                }
                None => return Ok(Vec::new()),
            }
        }
        let touched = u32::try_from(self.diff.len()).unwrap_or(u32::MAX);
        let query = Query {
            limit: Some(limit.saturating_add(touched)),
            ..Query::all(of, conditions.clone())
        };
        let mut rows = self.read(query)?;
        if at == Moment::Start {
            rows.retain(|row| self.diff.before(of, row.id()).is_none());
            let fits = |row: &&Row| having.iter().all(|(name, value)| row.get(name) == value);
            rows.extend(self.diff.rows_before(of).filter(fits).cloned());
            rows.sort_by_key(Row::id);
        }
        rows.truncate(limit as usize);
        Ok(rows)
    }
}

impl CrmEnv {
    fn read(&mut self, query: Query) -> Result<Vec<Row>, ReadError> {
        let found = self.store.read(&[query]);
        let found = self
            .noted(found)
            .map_err(|error| ReadError(error.to_string()))?;
        Ok(found.into_iter().next().unwrap_or_default().rows)
    }
}
