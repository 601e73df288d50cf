//! What the model is asked for, and what its reply means.

use proctor_sdk::json;
use serde_json::{Map, Value as Json, json};

use crate::tools::{TEXT_CHARS_MAX, Tool};

/// How a step is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Protocol {
    /// In one reply.
    One,
    /// In two: the choice, then the arguments.
    Two,
}

/// How a turn can be closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Closing {
    Answer,
    Decline,
}

impl Closing {
    const ALL: [Self; 2] = [Self::Answer, Self::Decline];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Decline => "decline",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What the model wants to do, with a tool's arguments as they were written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Call {
        tool: String,
        arguments: Map<String, Json>,
    },
    Close(Closing, String),
}

/// What the model chose to do in the first of two replies.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Choice {
    Tool(String),
    Close(Closing),
}

impl Choice {
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Tool(name) => name,
            Self::Close(closing) => closing.name(),
        }
    }
}

impl Protocol {
    /// Its name, which is also that of its prompt.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::One => "one",
            Self::Two => "two",
        }
    }
}

/// Schema of a whole step. Written by hand, since the order of its members is that in which a
/// model writes them: the tool before its arguments.
pub(crate) fn step_schema(tools: &[Tool], closing: bool) -> String {
    let thought = format!(r#""thought":{{"type":"string","maxLength":{TEXT_CHARS_MAX}}}"#);
    let close = |closing: Closing| {
        let action = closing.name();
        format!(
            r#"{{"type":"object","properties":{{{thought},"action":{{"const":"{action}"}},"text":{{"type":"string","maxLength":{TEXT_CHARS_MAX}}}}},"required":["action","text"],"additionalProperties":false}}"#
        )
    };
    let mut forms: Vec<String> = Closing::ALL.into_iter().map(close).collect();
    if !closing {
        let names = Json::from(names(tools));
        forms.insert(
            0,
            format!(
                r#"{{"type":"object","properties":{{{thought},"action":{{"const":"call"}},"tool":{{"type":"string","enum":{names}}},"arguments":{{"type":"object"}}}},"required":["action","tool","arguments"],"additionalProperties":false}}"#
            ),
        );
    }
    format!(r#"{{"anyOf":[{}]}}"#, forms.join(","))
}

/// Schema of the choice of what to do.
pub(crate) fn choice_schema(tools: &[Tool], closing: bool) -> String {
    let mut names = if closing { Vec::new() } else { names(tools) };
    for closing in Closing::ALL {
        names.push(closing.name());
    }
    only("next", &json!({"type": "string", "enum": names}))
}

/// Schema of the words that close a turn.
pub(crate) fn text_schema() -> String {
    only(
        "text",
        &json!({"type": "string", "maxLength": TEXT_CHARS_MAX}),
    )
}

/// Schema of the arguments of a tool; of one that nobody knows, any.
pub(crate) fn arguments_schema(tool: Option<&Tool>) -> String {
    tool.map_or_else(
        || r#"{"type":"object"}"#.to_owned(),
        |tool| tool.schema.clone(),
    )
}

/// Reads a whole step.
///
/// # Errors
/// When it isn't one: what is wrong, to be told to the model.
pub(crate) fn read_step(text: &str) -> Result<Step, String> {
    let mut reply = json::first_object(text)?;
    let action = reply
        .get("action")
        .and_then(Json::as_str)
        .unwrap_or_default();
    if let Some(closing) = Closing::named(action) {
        return Ok(Step::Close(closing, words(&reply)?));
    }
    if action != "call" {
        return Err(r#""action" must be "call", "answer" or "decline""#.to_owned());
    }
    let tool = member(&reply, "tool")?;
    match reply.remove("arguments") {
        Some(Json::Object(arguments)) => Ok(Step::Call { tool, arguments }),
        _ => Err(r#"a call needs "arguments", which is a JSON object"#.to_owned()),
    }
}

/// Reads a choice. A tool that nobody knows is the CRM's to refuse.
///
/// # Errors
/// When it isn't one: what is wrong, to be told to the model.
pub(crate) fn read_choice(text: &str) -> Result<Choice, String> {
    let name = member(&json::first_object(text)?, "next")?;
    Ok(match Closing::named(&name) {
        Some(closing) => Choice::Close(closing),
        None => Choice::Tool(name),
    })
}

/// Reads what was asked for after a choice.
///
/// # Errors
/// When it isn't that: what is wrong, to be told to the model.
pub(crate) fn read_rest(choice: &Choice, text: &str) -> Result<Step, String> {
    let reply = json::first_object(text)?;
    Ok(match choice {
        Choice::Close(closing) => Step::Close(*closing, words(&reply)?),
        Choice::Tool(tool) => Step::Call {
            tool: tool.clone(),
            arguments: reply,
        },
    })
}

/// A step as a reply of protocol `one`, without what was thought.
pub(crate) fn written(step: &Step) -> String {
    match step {
        Step::Call { tool, arguments } => format!(
            r#"{{"action":"call","tool":{},"arguments":{}}}"#,
            json::text(tool),
            Json::Object(arguments.clone())
        ),
        Step::Close(closing, text) => format!(
            r#"{{"action":"{}","text":{}}}"#,
            closing.name(),
            json::text(text)
        ),
    }
}

fn words(reply: &Map<String, Json>) -> Result<String, String> {
    member(reply, "text")
}

fn member(reply: &Map<String, Json>, name: &str) -> Result<String, String> {
    reply
        .get(name)
        .and_then(Json::as_str)
        .map(str::trim)
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| format!("{name:?} must be a text that isn't empty"))
}

fn names(tools: &[Tool]) -> Vec<&str> {
    tools.iter().map(|tool| tool.name.as_str()).collect()
}

/// Schema of an object with this one member.
fn only(name: &str, schema: &Json) -> String {
    format!(
        r#"{{"type":"object","properties":{{"{name}":{schema}}},"required":["{name}"],"additionalProperties":false}}"#
    )
}
