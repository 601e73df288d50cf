//! What one episode asks of models.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Called, Gateway, Known, call_seed};
use crate::account::{CallRecord, Origin};
use crate::cassette::Place;
use crate::chat::{ChatReply, ChatRequest, Digest, Finish, Message, Role, Tool, ToolChoice, Tools};
use crate::error::ChatError;

/// What a plugin asks: a request without what the operator decides.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// What may be called.
    pub tools: Tools,
    /// Further tools, of the plugin's own.
    pub own_tools: Vec<Tool>,
    /// Whether one must be called.
    pub tool_choice: ToolChoice,
    /// JSON Schema that the reply's text must meet, as text.
    pub output_schema: Option<String>,
    /// Most tokens of the reply.
    pub tokens_max: u32,
}

/// What came of a call.
#[derive(Debug)]
pub struct Replied {
    /// The reply, or why there is none.
    pub reply: Result<ChatReply, ChatError>,
    /// How long it really took, pauses and waiting for its turn included; nothing in replay.
    pub waited: Duration,
}

impl Replied {
    fn at_once(reply: Result<ChatReply, ChatError>) -> Self {
        Self {
            reply,
            waited: Duration::ZERO,
        }
    }
}

/// A request that has its place, and no reply yet.
pub(super) struct Pending {
    pub(super) known: Arc<Known>,
    pub(super) request: ChatRequest,
    digest: Digest,
    episode: String,
    role: Role,
    step: u32,
    occurrence: u32,
}

impl Pending {
    pub(super) fn place(&self) -> Place<'_> {
        Place {
            episode: &self.episode,
            role: self.role,
            step: self.step,
            request: self.digest,
            occurrence: self.occurrence,
        }
    }
}

/// The calls of one episode, in order.
pub struct EpisodeCalls {
    gateway: Arc<Gateway>,
    episode: String,
    seed: u64,
    asked: BTreeMap<(Role, Digest), u32>,
    numbers: BTreeMap<Role, u32>,
    waited: Duration,
    records: Vec<CallRecord>,
    failure: Option<ChatError>,
}

impl EpisodeCalls {
    pub(super) fn new(gateway: Arc<Gateway>, episode: &str, seed: u64) -> Self {
        Self {
            gateway,
            episode: episode.to_owned(),
            seed,
            asked: BTreeMap::new(),
            numbers: BTreeMap::new(),
            waited: Duration::ZERO,
            records: Vec::new(),
            failure: None,
        }
    }

    /// Asks a model in a role, before the episode's `step`-th step, and waits for the reply.
    pub fn chat(&mut self, role: Role, model: &str, step: u32, ask: Ask) -> Replied {
        let gateway = Arc::clone(&self.gateway);
        let pending = match self.begin(role, model, step, ask) {
            Ok(pending) => pending,
            Err(replied) => return replied,
        };
        let sent = gateway
            .block_on(gateway.send(&pending, self.time_left(&pending)))
            .unwrap_or_else(|| Err(ChatError::Closed("nothing is sent in replay".into())));
        self.account(&pending, sent)
    }

    /// The same, without keeping a thread waiting.
    pub async fn chat_async(&mut self, role: Role, model: &str, step: u32, ask: Ask) -> Replied {
        let pending = match self.begin(role, model, step, ask) {
            Ok(pending) => pending,
            Err(replied) => return replied,
        };
        let gateway = Arc::clone(&self.gateway);
        let sent = gateway.send(&pending, self.time_left(&pending)).await;
        self.account(&pending, sent)
    }

    /// Looks for a recording; what is left is a request to be sent.
    fn begin(&mut self, role: Role, model: &str, step: u32, ask: Ask) -> Result<Pending, Replied> {
        let pending = match self.prepare(role, model, step, ask) {
            Ok(pending) => pending,
            Err(error) => return Err(Replied::at_once(Err(self.failed(error)))),
        };
        match self.gateway.recorded(&pending.place(), &pending.request) {
            Ok(None) => Ok(pending),
            Ok(Some(called)) => Err(self.account(&pending, Ok(called))),
            Err(error) => Err(self.account(&pending, Err(error))),
        }
    }

    fn time_left(&self, pending: &Pending) -> Duration {
        let most = pending.known.model.episode_time_max;
        most.saturating_sub(self.waited)
    }

    /// The first failure that isn't the plugin's own doing, if there was one.
    #[must_use]
    pub fn failure(&self) -> Option<&ChatError> {
        self.failure.as_ref()
    }

    /// Takes what is on record of the calls so far.
    pub fn take_records(&mut self) -> Vec<CallRecord> {
        std::mem::take(&mut self.records)
    }

    /// Makes the whole request of what was asked, and counts it.
    fn prepare(
        &mut self,
        role: Role,
        model: &str,
        step: u32,
        ask: Ask,
    ) -> Result<Pending, ChatError> {
        let known = self
            .gateway
            .models
            .get(model)
            .cloned()
            .ok_or_else(|| ChatError::Invalid(format!("no model is called {model}")))?;
        let settings = &known.model;
        let calls: u32 = self.numbers.values().sum();
        if calls >= settings.calls_per_episode_max {
            let most = settings.calls_per_episode_max;
            return Err(ChatError::Allowance(format!("it made {most} calls")));
        }
        if self.waited >= settings.episode_time_max {
            let most = settings.episode_time_max.as_secs();
            return Err(ChatError::Allowance(format!(
                "it waited for models for {most} s"
            )));
        }
        let number = self.numbers.entry(role).or_default();
        let mut sampling = settings.sampling.clone();
        if settings.seeded {
            sampling.seed = Some(call_seed(self.seed, role.name(), *number));
        }
        *number += 1;
        let request = ChatRequest {
            model: settings.id.clone(),
            messages: ask.messages,
            tools: ask.tools,
            own_tools: ask.own_tools,
            tool_choice: ask.tool_choice,
            output_schema: ask.output_schema,
            sampling,
            tokens_max: ask.tokens_max.clamp(1, settings.tokens_max),
        };
        let digest = request.digest();
        let asked = self.asked.entry((role, digest)).or_default();
        let occurrence = *asked;
        *asked += 1;
        Ok(Pending {
            known,
            request,
            digest,
            episode: self.episode.clone(),
            role,
            step,
            occurrence,
        })
    }

    /// Puts a call on record.
    fn account(&mut self, pending: &Pending, called: Result<Called, ChatError>) -> Replied {
        let called = called.unwrap_or_else(|error| Called {
            result: Err(error),
            attempts: 0,
            latency_us: 0,
            elapsed: Duration::ZERO,
            origin: Origin::Live,
        });
        // What was measured when it was live, so that a replay ends where the run did.
        self.waited += Duration::from_micros(called.latency_us);
        let known = &pending.known;
        let reply = called.result.as_ref().ok();
        let error = called.result.as_ref().err();
        let usage = reply.map(|reply| reply.usage).unwrap_or_default();
        let finish: Option<Finish> = reply.map(|reply| reply.finish);
        self.records.push(CallRecord {
            role: pending.role,
            model: known.model.name.clone(),
            provider: known.provider.name.clone(),
            reply_model: reply
                .map(|reply| reply.model.clone())
                .filter(|name| !name.is_empty()),
            step: pending.step,
            request: pending.digest,
            occurrence: pending.occurrence,
            finish,
            usage,
            cost: self.gateway.cost(known, &usage),
            error: error.map(ChatError::kind),
            message: error.map(ToString::to_string),
            attempts: called.attempts,
            latency_us: called.latency_us,
            origin: called.origin,
        });
        Replied {
            reply: called.result.map_err(|error| self.failed(error)),
            waited: called.elapsed,
        }
    }

    /// Keeps the first failure; a request that is wrong is the plugin's own doing.
    fn failed(&mut self, error: ChatError) -> ChatError {
        let own = matches!(error, ChatError::Invalid(_));
        if !own && self.failure.is_none() {
            self.failure = Some(error.clone());
        }
        error
    }
}
