//! A language model: asked through the host, or scripted in tests.
//!
//! A plugin that takes `impl Model` rather than calling [`HostModel`] is tested without any model:
//!
//! ```
//! use proctor_sdk::model::{ChatRequest, Message, Model, Scripted, says};
//!
//! fn capital(model: &mut impl Model) -> Option<String> {
//!     let request = ChatRequest::of(vec![Message::user("The capital of France?")]);
//!     model.chat(request).ok().map(|reply| reply.text)
//! }
//!
//! let mut model = Scripted::new([says("Paris")]);
//! assert_eq!(capital(&mut model).as_deref(), Some("Paris"));
//! assert_eq!(model.asked.len(), 1);
//! ```

use std::collections::VecDeque;

use crate::Failure;
use crate::wire::proctor::plugin::model;

pub use model::{
    CallRequest, ChatError, ChatReply, ChatRequest, Finish, Message, OwnTool, Role, ToolChoice,
    Usage,
};

/// Whatever replies.
pub trait Model {
    /// Asks once, without a second attempt: the host has made all that make sense.
    ///
    /// # Errors
    /// When there is no reply; see [`ChatError`].
    fn chat(&mut self, request: ChatRequest) -> Result<ChatReply, ChatError>;
}

/// The model that the operator chose. A component that uses it imports `model`, which it must be
/// granted.
#[derive(Clone, Copy, Debug, Default)]
pub struct HostModel;

impl Model for HostModel {
    fn chat(&mut self, request: ChatRequest) -> Result<ChatReply, ChatError> {
        model::chat(&request)
    }
}

/// Gives replies in their order, and keeps what it was asked.
#[derive(Clone, Debug, Default)]
pub struct Scripted {
    /// What it was asked so far.
    pub asked: Vec<ChatRequest>,
    replies: VecDeque<Result<ChatReply, ChatError>>,
}

impl Scripted {
    /// With these replies; asked for more, it fails as a provider does.
    pub fn new(replies: impl IntoIterator<Item = ChatReply>) -> Self {
        Self::with_errors(replies.into_iter().map(Ok))
    }

    /// The same, where some calls fail.
    pub fn with_errors(replies: impl IntoIterator<Item = Result<ChatReply, ChatError>>) -> Self {
        Self {
            asked: Vec::new(),
            replies: replies.into_iter().collect(),
        }
    }
}

impl Model for Scripted {
    fn chat(&mut self, request: ChatRequest) -> Result<ChatReply, ChatError> {
        self.asked.push(request);
        self.replies
            .pop_front()
            .unwrap_or_else(|| Err(ChatError::Provider("the script has no more replies".into())))
    }
}

/// A reply of words alone, for scripts.
pub fn says(text: &str) -> ChatReply {
    ChatReply {
        text: text.to_owned(),
        calls: Vec::new(),
        finish: Finish::Complete,
        usage: Usage {
            input: 0,
            output: 0,
            cached: 0,
            reasoning: 0,
        },
    }
}

/// A reply that asks for calls, each an id, a tool and its arguments, for scripts.
pub fn calls(calls: &[(&str, &str, &str)]) -> ChatReply {
    let call = |(id, tool, arguments): &(&str, &str, &str)| CallRequest {
        id: (*id).to_owned(),
        tool: (*tool).to_owned(),
        arguments: (*arguments).to_owned(),
    };
    ChatReply {
        calls: calls.iter().map(call).collect(),
        finish: Finish::Calls,
        ..says("")
    }
}

impl ChatRequest {
    /// Default for the most tokens of a reply.
    pub const TOKENS_MAX: u32 = 2_048;

    /// These messages: no tools, no schema, at most [`ChatRequest::TOKENS_MAX`] tokens.
    pub fn of(messages: Vec<Message>) -> Self {
        Self {
            messages,
            with_tools: false,
            own_tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            output_schema: None,
            tokens_max: Self::TOKENS_MAX,
        }
    }
}

impl Message {
    fn new(role: Role, text: impl Into<String>) -> Self {
        Self {
            role,
            text: text.into(),
            calls: Vec::new(),
            answers: None,
        }
    }

    /// Instructions.
    pub fn system(text: impl Into<String>) -> Self {
        Self::new(Role::System, text)
    }

    /// What the model is told or asked.
    pub fn user(text: impl Into<String>) -> Self {
        Self::new(Role::User, text)
    }

    /// What the model said.
    pub fn assistant(text: impl Into<String>) -> Self {
        Self::new(Role::Assistant, text)
    }

    /// The result of the call with this id.
    pub fn tool(call: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            answers: Some(call.into()),
            ..Self::new(Role::Tool, text)
        }
    }
}

/// What a plugin says that cannot go on without a reply.
impl From<ChatError> for Failure {
    fn from(error: ChatError) -> Self {
        Self::new(match error {
            ChatError::Budget(why) => format!("no budget for another call of the model: {why}"),
            ChatError::Provider(why) => format!("the model's provider failed: {why}"),
            ChatError::Unrecorded(why) => format!("the model's reply isn't recorded: {why}"),
            ChatError::Invalid(why) => format!("the request to the model is wrong: {why}"),
        })
    }
}
