//! What passes between the kernel and plugins, in the kernel's own types.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use proctor_crm::{Change, Entity, Refusal, Row, ToolResult, Value};

use crate::chat::{ChatError, ChatReply, ChatRequest};
use crate::{
    ExpectedAnswer, ExpectedChange, ExpectedRefusal, Pamphlet, ScriptedTurn, ToolCall, ToolCard,
};

/// What an agent does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Calls a tool.
    Call(ToolCall),
    /// Ends the turn: done.
    Answer(String),
    /// Ends the turn: not done, and why or what is needed first.
    Decline(String),
}

/// What an agent sees next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Observation {
    /// The user speaks.
    Message(String),
    /// The last call was carried out.
    Accepted(ToolResult),
    /// The last call was rejected.
    Refused(Refusal),
}

/// Before the agent's first step, or now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// Before the agent's first step.
    Start,
    /// Now.
    End,
}

/// The kernel could not read what a plugin asked for.
#[derive(Debug, thiserror::Error)]
#[error("the episode could not be read: {0}")]
pub struct ReadError(pub String);

/// An episode as a plugin may read it. Implemented by whoever runs episodes.
pub trait EpisodeRead {
    /// What the user says, turn by turn.
    fn turns(&self) -> Vec<String>;
    /// The episode's clock.
    fn now(&self) -> String;
    /// Number of steps taken.
    fn step_count(&self) -> u32;
    /// Turn of a step.
    fn turn_of(&self, step: u32) -> Option<u32>;
    /// What the agent did.
    fn action(&self, step: u32) -> Option<Action>;
    /// What it saw then.
    fn observation(&self, step: u32) -> Option<Observation>;
    /// Why its call was rejected.
    fn refusal(&self, step: u32) -> Option<Refusal>;
    /// Whether a result showed this id, as a record's own or as what a column refers to.
    fn seen(&self, id: &str) -> bool;
    /// Net change so far.
    fn diff(&self) -> Vec<Change>;
    /// One record.
    ///
    /// # Errors
    /// When storage fails.
    fn row(&mut self, at: Moment, of: Entity, id: &str) -> Result<Option<Row>, ReadError>;
    /// Records with exactly these cells, in order of id, at most `limit`. A cell that no column
    /// can hold matches nothing.
    ///
    /// # Errors
    /// When storage fails.
    fn rows(
        &mut self,
        at: Moment,
        of: Entity,
        having: &[(String, Value)],
        limit: u32,
    ) -> Result<Vec<Row>, ReadError>;
}

/// What a right answer is. A type of its own, so that nothing that must not see it can be handed
/// it by mistake.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gold {
    /// The expected net change.
    pub changes: Vec<ExpectedChange>,
    /// The expected refusal, of a negative task.
    pub refusal: Option<ExpectedRefusal>,
    /// What the closing words of turns must carry.
    pub answers: Vec<ExpectedAnswer>,
    /// A correct way to do it.
    pub oracle: Arc<[ScriptedTurn]>,
}

/// What came of asking a model.
#[derive(Debug)]
pub struct Answered {
    /// The reply, or why there is none.
    pub reply: Result<ChatReply, ChatError>,
    /// How long it took: time that isn't the guest's.
    pub waited: Duration,
}

/// A model, as the plugins of one episode may ask it. Implemented by whoever runs episodes.
pub trait ModelAccess {
    /// Asks it.
    fn chat(&mut self, request: ChatRequest) -> Answered;
}

/// A plugin's access to a model, for one episode.
#[derive(Clone)]
pub struct ModelSeat(pub Rc<RefCell<dyn ModelAccess>>);

impl fmt::Debug for ModelSeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ModelSeat")
    }
}

/// Texts that the operator gives a plugin, by name.
pub type Prompts = Arc<BTreeMap<String, String>>;

/// What a policy is given when it takes its seat.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Material for anything that looks random.
    pub seed: u64,
    /// The episode's clock, RFC 3339.
    pub now: String,
    /// What the operator configured, name and value.
    pub parameters: Vec<(String, String)>,
    /// For a policy that plays given calls.
    pub script: Arc<[ScriptedTurn]>,
    /// The tools it may call.
    pub tools: Arc<[ToolCard]>,
    /// What earlier episodes taught.
    pub memory: Arc<[Pamphlet]>,
    /// Texts that the operator gives it.
    pub prompts: Prompts,
    /// The model it may ask; handed over only to a policy with [`crate::Grant::Model`].
    pub model: Option<ModelSeat>,
    /// The oracle; handed over only to a policy with [`crate::Grant::Gold`].
    pub oracle: Arc<[ScriptedTurn]>,
}
