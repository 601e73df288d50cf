//! One request to a model and its reply, in our own terms: each provider's wire is a mapping of
//! these.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// SHA-256, written as 64 hexadecimal digits; in binary forms, as its 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
pub struct Digest([u8; 32]);

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(self)
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The first 12 digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// On whose behalf a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The agent that is examined.
    Student,
    /// Who watches and guides it.
    Teacher,
    /// Who plans before the student acts.
    Planner,
    /// Who marks against a rubric.
    Judge,
    /// Who decides where judges disagree.
    Arbiter,
    /// Who distils pamphlets.
    Synthesizer,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 6] = [
        Self::Student,
        Self::Teacher,
        Self::Planner,
        Self::Judge,
        Self::Arbiter,
        Self::Synthesizer,
    ];

    /// Its name, as in telemetry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Teacher => "teacher",
            Self::Planner => "planner",
            Self::Judge => "judge",
            Self::Arbiter => "arbiter",
            Self::Synthesizer => "synthesizer",
        }
    }
}

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Speaker {
    /// The operator's instructions.
    System,
    /// Whom the model talks to.
    User,
    /// The model.
    Assistant,
    /// The result of a call.
    Tool,
}

/// A call that the model asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// What its result refers to.
    pub id: String,
    /// Name of the tool.
    pub tool: String,
    /// What the model wrote: one JSON object, if it kept to the rules.
    pub arguments: String,
}

/// One message of the conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who says it.
    pub speaker: Speaker,
    /// What is said.
    pub text: String,
    /// Of the assistant: the calls it asks for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// Of a tool: id of the call it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<String>,
}

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of its arguments, as text.
    pub input_schema: String,
}

/// A list of tools with its digest, which is made once however many requests carry the list.
#[derive(Clone, Debug)]
pub struct Tools {
    list: Arc<[Tool]>,
    digest: Digest,
}

impl Tools {
    /// These tools, in this order.
    #[must_use]
    pub fn new(list: Vec<Tool>) -> Self {
        Self {
            digest: Digest::of(&pack(&list)),
            list: list.into(),
        }
    }

    /// The tools.
    #[must_use]
    pub fn list(&self) -> &[Tool] {
        &self.list
    }

    /// Digest of the list as canonical MessagePack.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

impl PartialEq for Tools {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

/// Whether the model must, may or mustn't call a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolChoice {
    /// It decides.
    #[default]
    Auto,
    /// It must call one.
    Required,
    /// It must not.
    None,
}

/// How the next token is chosen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Temperature; the provider's default where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Probability mass of the tokens that are considered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Seed, where the provider takes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Texts that end the reply.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}

/// What a model is asked.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The provider's name for the model.
    pub model: String,
    /// The conversation so far.
    pub messages: Vec<Message>,
    /// What it may call.
    pub tools: Tools,
    /// Further tools, of the plugin's own.
    pub own_tools: Vec<Tool>,
    /// Whether it must.
    pub tool_choice: ToolChoice,
    /// JSON Schema that the reply's text must meet, as text.
    pub output_schema: Option<String>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Most tokens of the reply.
    pub tokens_max: u32,
}

/// All of a request but its tools and messages: what the cassette keeps with each recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terms {
    /// The provider's name for the model.
    pub model: String,
    /// Digest of the list of tools.
    pub tools: Digest,
    /// Further tools, of the plugin's own.
    pub own_tools: Vec<Tool>,
    /// Whether one must be called.
    pub tool_choice: ToolChoice,
    /// JSON Schema that the reply's text must meet, as text.
    pub output_schema: Option<String>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Most tokens of the reply.
    pub tokens_max: u32,
}

impl ChatRequest {
    /// All of it but tools and messages.
    #[must_use]
    pub fn terms(&self) -> Terms {
        Terms {
            model: self.model.clone(),
            tools: self.tools.digest(),
            own_tools: self.own_tools.clone(),
            tool_choice: self.tool_choice,
            output_schema: self.output_schema.clone(),
            sampling: self.sampling.clone(),
            tokens_max: self.tokens_max,
        }
    }

    /// Digest of the request: SHA-256 over its terms and its messages, both as canonical
    /// MessagePack (maps with field names in declared order, no optional field that is empty).
    /// Neither the provider's address nor a key enters it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest(
            Sha256::new()
                .chain_update(b"proctor-chat-1")
                .chain_update(pack(&self.terms()))
                .chain_update(pack(&self.messages))
                .finalize()
                .into(),
        )
    }
}

/// Why a reply ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// The model was done.
    Complete,
    /// It waits for the results of calls.
    Calls,
    /// The reply was cut off at its largest size.
    Length,
    /// The model or its provider refused, or withheld what it said.
    Refusal,
}

impl Finish {
    /// Its name, as in telemetry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Calls => "calls",
            Self::Length => "length",
            Self::Refusal => "refusal",
        }
    }
}

/// Tokens of one call, or of many. Providers count differently; here `cached` and `cache_written`
/// are parts of `input`, and `reasoning` is part of `output`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the request.
    pub input: u64,
    /// Tokens of the reply.
    pub output: u64,
    /// Of the request's: read from the provider's cache.
    pub cached: u64,
    /// Of the request's: written to the provider's cache.
    pub cache_written: u64,
    /// Of the reply's: spent on reasoning that isn't shown.
    pub reasoning: u64,
}

impl Usage {
    /// All tokens.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.input.saturating_add(self.output)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cached = self.cached.saturating_add(other.cached);
        self.cache_written = self.cache_written.saturating_add(other.cache_written);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
    }
}

/// What a model replied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChatReply {
    /// What the provider says the model is.
    pub model: String,
    /// What it says; of a refusal, the reason if there is one.
    pub text: String,
    /// The calls it asks for.
    pub calls: Vec<ToolCall>,
    /// Why it ends there.
    pub finish: Finish,
    /// Tokens, as the provider counted them.
    pub usage: Usage,
}

/// Canonical MessagePack: field names in declared order.
pub(crate) fn pack<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // Writing to memory fails for maps of unknown length alone, and no type here has one.
    rmp_serde::to_vec_named(value).unwrap_or_default()
}
