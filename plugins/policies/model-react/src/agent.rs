//! The loop of a turn: ask for a step, hand its call to the CRM, show the result, until the model
//! closes the turn.

use proctor_sdk::model::{ChatReply, ChatRequest, Finish, Message, Model};
use proctor_sdk::policy::{Setting, toolbox};
use proctor_sdk::{Action, Failure, Observation, ToolCall, info, json, prompts, shortened};
use serde_json::Value as Json;

use crate::history::History;
use crate::protocol::{self, Choice, Closing, Protocol, Step};
use crate::tools::{self, Tool};

/// Longest part of a reply that the model is shown again when it is to repair it, in characters.
const QUOTED_CHARS_MAX: usize = 300;

/// What the model is told once a turn has had all its calls.
const NO_MORE_CALLS: &str = "No more calls are possible in this turn: answer or decline.";

/// A model at work on one task.
pub(crate) struct Agent<M> {
    pub(crate) model: M,
    protocol: Protocol,
    tools: Vec<Tool>,
    system: String,
    history: History,
    result_chars_max: usize,
    calls_per_turn_max: u32,
    tokens_max: u32,
    calls_made: u32,
}

/// What came back when the model was asked for something.
enum Asked<T> {
    Got(T),
    /// The model refused, with this reason.
    Refused(String),
}

impl<M: Model> Agent<M> {
    /// Takes its seat.
    ///
    /// # Errors
    /// When the prompt is missing, or a parameter or a tool makes no sense.
    pub(crate) fn open(
        setting: &Setting,
        prompt: &dyn Fn(&str) -> Option<String>,
        toolbox: &[toolbox::Tool],
        learnt: &str,
        model: M,
    ) -> Result<Self, Failure> {
        setting.refuse_others(&[
            "protocol",
            "history_chars_max",
            "calls_per_turn_max",
            "tokens_max",
        ])?;
        let protocol = match setting.parameter("protocol").unwrap_or("one") {
            "one" => Protocol::One,
            "two" => Protocol::Two,
            other => {
                return Err(Failure::new(format!(
                    "parameter protocol is {other:?}: give \"one\" or \"two\""
                )));
            }
        };
        let tools = tools::read(toolbox)?;
        let template = prompts::required(prompt, protocol.name())?;
        let chars_max = setting.number("history_chars_max", 8_000, 1_000..=1_000_000)? as usize;
        Ok(Self {
            model,
            protocol,
            system: instructions(&template, setting, protocol, &tools, learnt),
            tools,
            history: History::new(chars_max),
            result_chars_max: chars_max / 2,
            calls_per_turn_max: setting.number("calls_per_turn_max", 15, 1..=60)?,
            tokens_max: setting.number("tokens_max", 512, 16..=100_000)?,
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
                self.history.words(words);
            }
            Observation::Accepted(result) => self
                .history
                .result(&json::result(&result, self.result_chars_max)),
            Observation::Refused(refusal) => self.history.result(&json::refusal(&refusal)),
        }
        let asked = match self.protocol {
            Protocol::One => self.step_in_one()?,
            Protocol::Two => self.step_in_two()?,
        };
        Ok(match asked {
            Asked::Got(Step::Call { tool, arguments }) => {
                self.calls_made += 1;
                Action::Call(ToolCall {
                    tool,
                    arguments: Json::Object(arguments).to_string(),
                })
            }
            Asked::Got(Step::Close(Closing::Answer, text)) => Action::Answer(text),
            Asked::Got(Step::Close(Closing::Decline, text)) => Action::Decline(text),
            Asked::Refused(reason) => {
                self.history.step(vec![Message::assistant(reason.as_str())]);
                Action::Decline(reason)
            }
        })
    }

    /// Whether the turn has had all its calls.
    fn is_spent(&self) -> bool {
        self.calls_made >= self.calls_per_turn_max
    }

    fn step_in_one(&mut self) -> Result<Asked<Step>, Failure> {
        let closing = self.is_spent();
        let schema = protocol::step_schema(&self.tools, closing);
        let note = closing.then(|| Message::user(NO_MORE_CALLS));
        let asked = self.ask(note.as_slice(), schema, |text| {
            match protocol::read_step(text)? {
                Step::Call { .. } if closing => Err(NO_MORE_CALLS.to_owned()),
                step => Ok(step),
            }
        })?;
        if let Asked::Got(step) = &asked {
            let written = Message::assistant(protocol::written(step));
            self.history.step(vec![written]);
        }
        Ok(asked)
    }

    fn step_in_two(&mut self) -> Result<Asked<Step>, Failure> {
        let closing = self.is_spent();
        let schema = protocol::choice_schema(&self.tools, closing);
        let note = closing.then(|| Message::user(NO_MORE_CALLS));
        let chosen = self.ask(
            note.as_slice(),
            schema,
            |text| match protocol::read_choice(text)? {
                Choice::Tool(_) if closing => Err(NO_MORE_CALLS.to_owned()),
                choice => Ok(choice),
            },
        )?;
        let choice = match chosen {
            Asked::Got(choice) => choice,
            Asked::Refused(reason) => return Ok(Asked::Refused(reason)),
        };
        let chosen = Message::assistant(format!(r#"{{"next":{}}}"#, json::text(choice.name())));
        let (question, schema) = self.question(&choice);
        let note = [chosen.clone(), Message::user(question)];
        let asked = self.ask(&note, schema, |text| protocol::read_rest(&choice, text))?;
        if let Asked::Got(step) = &asked {
            let (asked_for, given) = match step {
                Step::Call { tool, arguments } => (
                    format!("Arguments of {tool}:"),
                    Json::Object(arguments.clone()).to_string(),
                ),
                Step::Close(_, text) => (
                    "Text:".to_owned(),
                    format!(r#"{{"text":{}}}"#, json::text(text)),
                ),
            };
            self.history.step(vec![
                chosen,
                Message::user(asked_for),
                Message::assistant(given),
            ]);
        }
        Ok(asked)
    }

    /// What the model is asked after a choice, and the schema of the reply.
    fn question(&self, choice: &Choice) -> (String, String) {
        match choice {
            Choice::Tool(name) => {
                let tool = self.tools.iter().find(|tool| tool.name == *name);
                let described = tool.map_or(name, |tool| &tool.detailed);
                (
                    format!("Arguments of {described} as one JSON object:"),
                    protocol::arguments_schema(tool),
                )
            }
            Choice::Close(closing) => {
                let content = match closing {
                    Closing::Answer => "your answer, with what the user asked for",
                    Closing::Decline => "why you decline",
                };
                (
                    format!(r#"Text of {content}, as {{"text":"..."}}:"#),
                    protocol::text_schema(),
                )
            }
        }
    }

    /// Asks for something after the conversation and `then`, a second time if the first reply
    /// can't be read.
    fn ask<T>(
        &mut self,
        then: &[Message],
        schema: String,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Asked<T>, Failure> {
        let read = |reply: &ChatReply| {
            if reply.finish == Finish::Refusal {
                return Ok(Asked::Refused(reason(reply)));
            }
            read(&reply.text)
                .map(Asked::Got)
                .map_err(|wrong| match reply.finish {
                    Finish::Length => format!("{wrong}. It reached its largest size: say less"),
                    _ => wrong,
                })
        };
        let reply = self.chat(then, &schema)?;
        let wrong = match read(&reply) {
            Ok(asked) => return Ok(asked),
            Err(wrong) => wrong,
        };
        info(&format!("asked for a repair: {wrong}"));
        let mut then = then.to_vec();
        if !reply.text.trim().is_empty() {
            then.push(Message::assistant(shortened(&reply.text, QUOTED_CHARS_MAX)));
        }
        then.push(Message::user(format!(
            "That reply can't be used: {}. Reply again, with one JSON object and nothing else.",
            wrong.trim_end_matches('.')
        )));
        let reply = self.chat(&then, &schema)?;
        read(&reply).map_err(|wrong| {
            Failure::new(format!(
                "the model's reply could not be used, nor the one after being told so: {wrong}"
            ))
        })
    }

    fn chat(&mut self, then: &[Message], schema: &str) -> Result<ChatReply, Failure> {
        let system = Message::system(self.system.as_str());
        let messages = core::iter::once(&system)
            .chain(self.history.messages())
            .chain(then)
            .cloned()
            .collect();
        let reply = self.model.chat(ChatRequest {
            output_schema: Some(schema.to_owned()),
            tokens_max: self.tokens_max,
            ..ChatRequest::of(messages)
        })?;
        Ok(reply)
    }
}

fn instructions(
    template: &str,
    setting: &Setting,
    protocol: Protocol,
    tools: &[Tool],
    learnt: &str,
) -> String {
    // In two replies, legal values are shown when the arguments are asked for.
    let line = |tool: &Tool| match protocol {
        Protocol::One => tool.detailed.clone(),
        Protocol::Two => tool.line.clone(),
    };
    let lines: Vec<String> = tools.iter().map(line).collect();
    let memory = match learnt {
        "" => String::new(),
        lines => format!("Learnt before:\n{lines}"),
    };
    let values = [
        ("now", setting.now.as_str()),
        ("tools", &lines.join("\n")),
        ("memory", &memory),
    ];
    prompts::filled(template, &values).trim_end().to_owned()
}

fn reason(reply: &ChatReply) -> String {
    match reply.text.trim() {
        "" => "The model refused to reply.".to_owned(),
        words => words.to_owned(),
    }
}
