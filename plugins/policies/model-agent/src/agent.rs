//! The loop of a turn: ask the model, hand its calls to the CRM one by one, give the results back,
//! until it closes the turn.

use std::collections::VecDeque;

use proctor_sdk::model::{
    CallRequest, ChatReply, ChatRequest, Message, Model, OwnTool, ToolChoice,
};
use proctor_sdk::policy::Setting;
use proctor_sdk::{Action, Failure, Observation, ToolCall, info, json, prompts};

use crate::reading::{self, DECLINE, Reading};

const CLOSING: &str = "No more calls are possible in this turn. Close it now in words: what was \
    done, what was found, and what is left undone.";
const NOT_CARRIED_OUT: &str = r#"{"not_carried_out":"no more calls are possible in this turn"}"#;
const TOLD: &str = r#"{"told_the_user":true}"#;

/// A model at work on one task.
pub(crate) struct Agent<M> {
    pub(crate) model: M,
    calls_per_turn_max: u32,
    result_chars_max: usize,
    tokens_max: u32,
    /// The conversation so far.
    messages: Vec<Message>,
    /// Calls of the last reply that wait for their turn.
    waiting: VecDeque<CallRequest>,
    /// Id of the call whose result comes next.
    under_way: Option<String>,
    calls_made: u32,
}

impl<M: Model> Agent<M> {
    /// Takes its seat.
    ///
    /// # Errors
    /// When the prompt is missing or a parameter makes no sense.
    pub(crate) fn open(
        setting: &Setting,
        prompt: &dyn Fn(&str) -> Option<String>,
        learnt: &str,
        model: M,
    ) -> Result<Self, Failure> {
        setting.refuse_others(&["calls_per_turn_max", "result_chars_max", "tokens_max"])?;
        let memory = match learnt {
            "" => String::new(),
            lines => format!("## What earlier work taught\n\n{lines}\n"),
        };
        let values = [("now", setting.now.as_str()), ("memory", memory.as_str())];
        let system = prompts::filled(&prompts::required(prompt, "system")?, &values);
        Ok(Self {
            model,
            calls_per_turn_max: setting.number("calls_per_turn_max", 15, 1..=60)?,
            result_chars_max: setting.number("result_chars_max", 12_000, 500..=100_000)? as usize,
            tokens_max: setting.number("tokens_max", ChatRequest::TOKENS_MAX, 16..=100_000)?,
            messages: vec![Message::system(system.trim_end())],
            waiting: VecDeque::new(),
            under_way: None,
            calls_made: 0,
        })
    }

    /// What to do on seeing this.
    ///
    /// # Errors
    /// When the model can't be asked, or its reply can't be used even after a repair.
    pub(crate) fn next(&mut self, observation: Observation) -> Result<Action, Failure> {
        match observation {
            Observation::Message(words) => {
                self.calls_made = 0;
                self.messages.push(Message::user(words));
            }
            Observation::Accepted(result) => {
                self.take_result(json::result(&result, self.result_chars_max))?;
            }
            Observation::Refused(refusal) => self.take_result(json::refusal(&refusal))?,
        }
        loop {
            if let Some(action) = self.next_waiting() {
                return Ok(action);
            }
            let reply = self.ask()?;
            match reply {
                Reading::Words(words) => {
                    self.messages.push(Message::assistant(words.as_str()));
                    return Ok(Action::Answer(words));
                }
                Reading::Refusal(reason) => {
                    self.messages.push(Message::assistant(reason.as_str()));
                    return Ok(Action::Decline(reason));
                }
                Reading::Calls(calls) => self.waiting = calls.into(),
            }
        }
    }

    /// Gives the model the result of the call that was under way.
    fn take_result(&mut self, result: String) -> Result<(), Failure> {
        let call = self
            .under_way
            .take()
            .ok_or_else(|| Failure::new("a result came without a call"))?;
        self.messages.push(Message::tool(call, result));
        Ok(())
    }

    /// The next of the calls that wait, or the decline that follows them. Every call of a reply
    /// is answered, also one that isn't carried out: providers insist on it.
    fn next_waiting(&mut self) -> Option<Action> {
        let mut declined = None;
        while let Some(call) = self.waiting.pop_front() {
            if call.tool == DECLINE {
                declined = declined.or_else(|| reading::reason(&call));
                self.messages.push(Message::tool(call.id, TOLD));
            } else if self.is_spent() {
                self.messages.push(Message::tool(call.id, NOT_CARRIED_OUT));
            } else {
                self.calls_made += 1;
                self.under_way = Some(call.id);
                return Some(Action::Call(ToolCall {
                    tool: call.tool,
                    arguments: call.arguments,
                }));
            }
        }
        declined.map(Action::Decline)
    }

    /// Whether the turn has had all its calls.
    fn is_spent(&self) -> bool {
        self.calls_made >= self.calls_per_turn_max
    }

    /// Asks the model, a second time if the first reply can't be used.
    fn ask(&mut self) -> Result<Reading, Failure> {
        let closing = self.is_spent();
        let mut notes: Vec<String> = closing.then(|| CLOSING.to_owned()).into_iter().collect();
        let reply = self.chat(&notes)?;
        let wrong = match reading::read(&reply, closing) {
            Ok(reading) => return Ok(self.keep(reply, reading)),
            Err(wrong) => wrong,
        };
        info(&format!("asked for a repair: {wrong}"));
        notes.push(format!(
            "Your last reply could not be used, and nothing of it was carried out: {wrong}. \
             Reply again."
        ));
        let reply = self.chat(&notes)?;
        match reading::read(&reply, closing) {
            Ok(reading) => Ok(self.keep(reply, reading)),
            Err(wrong) => Err(Failure::new(format!(
                "the model's reply could not be used, nor the one after being told so: {wrong}"
            ))),
        }
    }

    /// Keeps in the conversation what was asked for.
    fn keep(&mut self, reply: ChatReply, reading: Reading) -> Reading {
        if let Reading::Calls(calls) = &reading {
            self.messages.push(Message {
                calls: calls.clone(),
                ..Message::assistant(reply.text)
            });
        }
        reading
    }

    /// One call of the model. `notes` are for this call alone: what comes after needn't know.
    fn chat(&mut self, notes: &[String]) -> Result<ChatReply, Failure> {
        let mut messages = self.messages.clone();
        messages.extend(notes.iter().map(Message::user));
        let reply = self.model.chat(ChatRequest {
            with_tools: true,
            own_tools: vec![decline()],
            tool_choice: if self.is_spent() {
                ToolChoice::None
            } else {
                ToolChoice::Auto
            },
            tokens_max: self.tokens_max,
            ..ChatRequest::of(messages)
        })?;
        Ok(reply)
    }
}

fn decline() -> OwnTool {
    OwnTool {
        name: DECLINE.to_owned(),
        description: "Ends the turn without doing what was asked, and tells the user why: a rule \
                      forbids it, or something needed is missing or ambiguous."
            .to_owned(),
        input_schema: r#"{"type":"object","properties":{"reason":{"type":"string","description":"What the user is told: why it isn't done, or what is needed first."}},"required":["reason"],"additionalProperties":false}"#
            .to_owned(),
    }
}
