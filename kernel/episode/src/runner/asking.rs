//! Models, as the plugins of one episode ask them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use proctor_host::chat as wire;
use proctor_host::{Answered, Fault, FaultKind, ModelAccess, ModelSeat, Prompts, ToolCard};
use proctor_model::{
    Ask, CallRecord, ChatError, ChatReply, EpisodeCalls, Finish, Gateway, Message, Role, Speaker,
    Tool, ToolCall, ToolChoice, Tools,
};

use super::RunError;
use super::worker::kernel_fault;

/// Whom the policy may ask, and the texts that it is given.
#[derive(Clone, Default)]
pub struct Asking {
    /// Where models are asked; nothing if no plugin may ask one.
    pub gateway: Option<Arc<Gateway>>,
    /// The model that the policy asks.
    pub model: Option<String>,
    /// Texts that the operator gives the policy.
    pub prompts: Prompts,
}

/// The calls of the episode that a worker plays, shared by everyone who asks.
pub(super) struct Conversation {
    calls: Rc<RefCell<EpisodeCalls>>,
    /// Number of steps taken: says before which step a model was asked.
    step: Rc<Cell<u32>>,
    tools: Tools,
}

impl Conversation {
    pub(super) fn open(gateway: &Arc<Gateway>, episode: &str, seed: u64, tools: &Tools) -> Self {
        Self {
            calls: Rc::new(RefCell::new(gateway.episode(episode, seed))),
            step: Rc::default(),
            tools: tools.clone(),
        }
    }

    /// Access to a model, in a role.
    pub(super) fn seat(&self, role: Role, model: &str) -> ModelSeat {
        ModelSeat(Rc::new(RefCell::new(Seat {
            calls: Rc::clone(&self.calls),
            step: Rc::clone(&self.step),
            tools: self.tools.clone(),
            role,
            model: model.to_owned(),
        })))
    }

    /// Another step was taken.
    pub(super) fn stepped(&self, steps: usize) {
        self.step.set(u32::try_from(steps).unwrap_or(u32::MAX));
    }

    /// What a failed call makes of the episode, whatever the plugin that asked made of it.
    pub(super) fn fault(&self) -> Option<Fault> {
        let calls = self.calls.borrow();
        let failure = calls.failure()?;
        let kind = match failure {
            ChatError::Allowance(_) => FaultKind::Allowance,
            _ => FaultKind::Provider,
        };
        Some(Fault {
            kind,
            ..kernel_fault("model", failure.to_string())
        })
    }

    /// Why the run cannot go on, if it can't.
    pub(super) fn halt(&self) -> Option<RunError> {
        match self.calls.borrow().failure()? {
            ChatError::Budget(reason) => Some(RunError::Budget(reason.clone())),
            error @ (ChatError::Unrecorded(_) | ChatError::Cassette(_) | ChatError::Closed(_)) => {
                Some(RunError::Model(error.to_string()))
            }
            _ => None,
        }
    }

    /// What is on record of the calls.
    pub(super) fn take_records(&self) -> Vec<CallRecord> {
        self.calls.borrow_mut().take_records()
    }
}

/// The CRM's tools, as models see them.
pub(super) fn model_tools(cards: &[ToolCard]) -> Tools {
    let tool = |card: &ToolCard| Tool {
        name: card.name.clone(),
        description: card.description.clone(),
        input_schema: card.input_schema.clone(),
    };
    Tools::new(cards.iter().map(tool).collect())
}

/// One plugin's access to one model.
struct Seat {
    calls: Rc<RefCell<EpisodeCalls>>,
    step: Rc<Cell<u32>>,
    tools: Tools,
    role: Role,
    model: String,
}

impl ModelAccess for Seat {
    fn chat(&mut self, request: wire::ChatRequest) -> Answered {
        let tools = if request.with_tools {
            self.tools.clone()
        } else {
            Tools::new(Vec::new())
        };
        let replied = self.calls.borrow_mut().chat(
            self.role,
            &self.model,
            self.step.get(),
            ask(request, tools),
        );
        Answered {
            reply: replied.reply.map(reply).map_err(|error| refuse(&error)),
            waited: replied.waited,
        }
    }
}

fn ask(request: wire::ChatRequest, tools: Tools) -> Ask {
    Ask {
        messages: request.messages.into_iter().map(message).collect(),
        tools,
        own_tools: request
            .own_tools
            .into_iter()
            .map(|tool| Tool {
                name: tool.name,
                description: tool.description,
                input_schema: tool.input_schema,
            })
            .collect(),
        tool_choice: match request.tool_choice {
            wire::ToolChoice::Auto => ToolChoice::Auto,
            wire::ToolChoice::Required => ToolChoice::Required,
            wire::ToolChoice::None => ToolChoice::None,
        },
        output_schema: request.output_schema,
        tokens_max: request.tokens_max,
    }
}

fn message(message: wire::Message) -> Message {
    Message {
        speaker: match message.role {
            wire::Role::System => Speaker::System,
            wire::Role::User => Speaker::User,
            wire::Role::Assistant => Speaker::Assistant,
            wire::Role::Tool => Speaker::Tool,
        },
        text: message.text,
        calls: message
            .calls
            .into_iter()
            .map(|call| ToolCall {
                id: call.id,
                tool: call.tool,
                arguments: call.arguments,
            })
            .collect(),
        answers: message.answers,
    }
}

fn reply(reply: ChatReply) -> wire::ChatReply {
    wire::ChatReply {
        text: reply.text,
        calls: reply
            .calls
            .into_iter()
            .map(|call| wire::CallRequest {
                id: call.id,
                tool: call.tool,
                arguments: call.arguments,
            })
            .collect(),
        finish: match reply.finish {
            Finish::Complete => wire::Finish::Complete,
            Finish::Calls => wire::Finish::Calls,
            Finish::Length => wire::Finish::Length,
            Finish::Refusal => wire::Finish::Refusal,
        },
        usage: wire::Usage {
            input: reply.usage.input,
            output: reply.usage.output,
            cached: reply.usage.cached,
            reasoning: reply.usage.reasoning,
        },
    }
}

/// What a plugin is told of a failure: never where a model is, nor what else is recorded.
fn refuse(error: &ChatError) -> wire::ChatError {
    match error {
        ChatError::Budget(_) | ChatError::Allowance(_) => {
            wire::ChatError::Budget(error.to_string())
        }
        ChatError::Provider(_) | ChatError::Cassette(_) | ChatError::Closed(_) => {
            wire::ChatError::Provider("the model gave no reply".into())
        }
        ChatError::Unrecorded(_) => {
            wire::ChatError::Unrecorded("there is no recording of this request".into())
        }
        ChatError::Invalid(reason) => wire::ChatError::Invalid(reason.clone()),
    }
}
