//! How a request is put in a provider's language and its reply read: mappings without any I/O.
//!
//! Nobody vouches for a reply. Whatever it holds, reading it gives a [`ChatReply`] or a
//! [`WireError`]; how many bytes are read at all is for whoever receives them to limit.

mod anthropic;
mod json;
mod openai;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use reqwest::Url;

use crate::chat::{ChatReply, ChatRequest, Message, Speaker, Tool, ToolCall, ToolChoice};
use crate::settings::{ModelSettings, ProviderSettings, Wire};
use json::Json;

/// Largest request, in bytes of its JSON: the smallest limit that a large provider is known for.
pub(crate) const BODY_BYTES_MAX: usize = 32 << 20;
/// Largest JSON Schema of a tool or of a reply, in bytes.
pub(crate) const SCHEMA_BYTES_MAX: usize = 256 << 10;
/// Most calls that one reply may ask for.
pub(crate) const CALLS_MAX: usize = 128;
/// Longest text of a provider's error that is passed on, in characters.
pub(crate) const ERROR_CHARS_MAX: usize = 1_000;
/// Longest name of a tool, in bytes, that every provider takes.
const TOOL_NAME_BYTES_MAX: usize = 64;
/// Longest foreign word that an error repeats, in characters.
const WORD_CHARS_MAX: usize = 100;

/// A request or a reply that the wire has no form for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WireError {
    /// The request is wrong, whoever it is sent to.
    #[error("{0}")]
    Invalid(String),
    /// The reply isn't JSON in UTF-8.
    #[error("the reply is not JSON: {0}")]
    NotJson(String),
    /// The reply is JSON of another shape.
    #[error("the reply is not what the wire says: `{at}` must be {wanted}")]
    Shape {
        /// Where, as a path from the reply's root.
        at: &'static str,
        /// What belongs there.
        wanted: &'static str,
    },
    /// The reply ends for a reason that may mean anything, such as that it is cut short.
    #[error("the reply ends for a reason that is not known: {0}")]
    UnknownFinish(String),
    /// The reply asks for too much.
    #[error("the reply asks for more than {CALLS_MAX} calls")]
    TooManyCalls,
    /// In place of a reply there is an error.
    #[error("the provider reports an error in place of a reply: {0}")]
    Reported(String),
}

/// What stands behind the base address.
pub(crate) fn path(wire: Wire) -> &'static str {
    match wire {
        Wire::OpenAi => "chat/completions",
        Wire::Anthropic => "messages",
    }
}

/// Where requests to this provider go: the path of its base address goes on, its query stays.
pub(crate) fn endpoint(provider: &ProviderSettings) -> Url {
    let mut url = provider.base_url.clone();
    let base = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{base}/{}", path(provider.wire)));
    url
}

/// The request in this wire, as the text of its JSON.
///
/// # Errors
/// [`WireError::Invalid`] if no provider could take it: a schema that isn't a JSON object or is
/// too large, two tools of a name, an answer to a call that nobody asked for, no message.
pub(crate) fn body(
    wire: Wire,
    request: &ChatRequest,
    model: &ModelSettings,
) -> Result<String, WireError> {
    check(request)?;
    let body = match wire {
        Wire::OpenAi => openai::body(request, model),
        Wire::Anthropic => anthropic::body(request, model)?,
    };
    if body.len() > BODY_BYTES_MAX {
        let bytes = body.len();
        return Err(invalid(format!(
            "it has {bytes} bytes and a request at most {BODY_BYTES_MAX}; shorten the conversation"
        )));
    }
    Ok(body)
}

/// What the provider replied, with its count of tokens; where it says none, that is zero. An id
/// that a call lacks, or shares with another of the conversation, is replaced by `call_N`.
///
/// # Errors
/// Any [`WireError`] but [`WireError::Invalid`].
pub(crate) fn reply(
    wire: Wire,
    bytes: &[u8],
    request: &ChatRequest,
    model: &ModelSettings,
) -> Result<ChatReply, WireError> {
    let text = str::from_utf8(bytes).map_err(|error| WireError::NotJson(error.to_string()))?;
    let json = Json::parse(text).map_err(|error| WireError::NotJson(error.to_string()))?;
    let mut reply = match wire {
        Wire::OpenAi => openai::reply(json)?,
        Wire::Anthropic => anthropic::reply(json, request, model)?,
    };
    if reply.calls.len() > CALLS_MAX {
        return Err(WireError::TooManyCalls);
    }
    tell_apart(&mut reply.calls, &request.messages);
    Ok(reply)
}

/// What an error's body says, if it is one of the wire's: one line of at most
/// [`ERROR_CHARS_MAX`] characters.
pub(crate) fn error_text(wire: Wire, bytes: &[u8]) -> Option<String> {
    let json = Json::parse(str::from_utf8(bytes).ok()?).ok()?;
    let text = match wire {
        Wire::OpenAi => openai::error_text(json),
        Wire::Anthropic => anthropic::error_text(json),
    };
    text.map(|text| one_line(&text, ERROR_CHARS_MAX))
}

/// All that the model may call.
fn all_tools(request: &ChatRequest) -> impl Iterator<Item = &Tool> {
    request.tools.list().iter().chain(&request.own_tools)
}

fn check(request: &ChatRequest) -> Result<(), WireError> {
    if request.messages.is_empty() {
        return Err(invalid("it has no message; say something".to_owned()));
    }
    if request.tokens_max == 0 {
        return Err(invalid("`tokens_max` is 0; allow at least 1".to_owned()));
    }
    let sampling = &request.sampling;
    for (name, number) in [
        ("temperature", sampling.temperature),
        ("top_p", sampling.top_p),
    ] {
        if number.is_some_and(|number| !number.is_finite()) {
            return Err(invalid(format!("`{name}` must be a finite number")));
        }
    }
    if let Some(schema) = &request.output_schema {
        check_schema("the schema of the reply", schema)?;
    }
    check_tools(request)?;
    check_answers(&request.messages)
}

fn check_tools(request: &ChatRequest) -> Result<(), WireError> {
    let mut names = BTreeSet::new();
    for Tool {
        name, input_schema, ..
    } in all_tools(request)
    {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if !(1..=TOOL_NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(fits) {
            return Err(invalid(format!(
                "tool {:?}: a name has 1 to {TOOL_NAME_BYTES_MAX} letters, digits, `_` and `-`",
                one_line(name, WORD_CHARS_MAX)
            )));
        }
        if !names.insert(name) {
            return Err(invalid(format!(
                "tool `{name}` is offered twice; rename one"
            )));
        }
        check_schema(&format!("the schema of tool `{name}`"), input_schema)?;
    }
    if names.is_empty() && request.tool_choice == ToolChoice::Required {
        return Err(invalid(
            "a call is required but no tool is offered".to_owned(),
        ));
    }
    Ok(())
}

fn check_schema(what: &str, schema: &str) -> Result<(), WireError> {
    if schema.len() > SCHEMA_BYTES_MAX {
        let bytes = schema.len();
        return Err(invalid(format!(
            "{what} has {bytes} bytes; at most {SCHEMA_BYTES_MAX}"
        )));
    }
    match Json::parse(schema) {
        Ok(json) if json.is_object() => Ok(()),
        Ok(_) => Err(invalid(format!("{what} must be a JSON object"))),
        Err(error) => Err(invalid(format!("{what} is not JSON: {error}"))),
    }
}

/// Every result answers a call that was asked for before.
fn check_answers(messages: &[Message]) -> Result<(), WireError> {
    let mut asked = BTreeSet::new();
    for (number, message) in messages.iter().enumerate() {
        asked.extend(message.calls.iter().map(|call| call.id.as_str()));
        let problem = match (message.speaker, message.answers.as_deref()) {
            (Speaker::Tool, Some(id)) if asked.contains(id) => None,
            (Speaker::Tool, Some(_)) => Some("answers a call that was not asked for before"),
            (Speaker::Tool, None) => Some("is of a tool and must say which call it answers"),
            (_, Some(_)) => Some("answers a call, which only a message of a tool does"),
            (_, None) => None,
        };
        if let Some(problem) = problem {
            return Err(invalid(format!("message {number} {problem}")));
        }
        if message.speaker != Speaker::Assistant && !message.calls.is_empty() {
            return Err(invalid(format!(
                "message {number} has calls, which only a message of the assistant does"
            )));
        }
    }
    Ok(())
}

/// Gives every call an id of its own within the conversation. The ids made depend on nothing but
/// the conversation.
fn tell_apart(calls: &mut [ToolCall], messages: &[Message]) {
    let before = messages.iter().flat_map(|message| &message.calls);
    let mut taken: BTreeSet<String> = before.map(|call| call.id.clone()).collect();
    let mut number = 0_u64;
    for call in calls {
        while call.id.is_empty() || taken.contains(&call.id) {
            call.id = format!("call_{number}");
            number += 1;
        }
        taken.insert(call.id.clone());
    }
}

/// The object there, if there is one.
fn object<'a>(of: Option<Json<'a>>, at: &'static str) -> Result<Option<Json<'a>>, WireError> {
    let wanted = "an object";
    of.map(|json| {
        json.is_object()
            .then_some(json)
            .ok_or(WireError::Shape { at, wanted })
    })
    .transpose()
}

/// What the list there holds; nothing if there is no list.
fn items<'a>(
    of: Option<Json<'a>>,
    at: &'static str,
) -> Result<impl Iterator<Item = Json<'a>>, WireError> {
    if of.is_some_and(|json| !json.is_list()) {
        return Err(WireError::Shape {
            at,
            wanted: "a list",
        });
    }
    Ok(of.into_iter().flat_map(Json::items))
}

/// What the string there says; nothing if there is none.
fn text(of: Option<Json<'_>>, at: &'static str) -> Result<String, WireError> {
    let wanted = "a string";
    of.map_or(Ok(String::new()), |json| {
        json.text().ok_or(WireError::Shape { at, wanted })
    })
}

/// The number of tokens there; zero if there is none.
fn tokens(of: Option<Json<'_>>, at: &'static str) -> Result<u64, WireError> {
    let wanted = "a whole number, 0 or more";
    of.map_or(Ok(0), |json| {
        json.count().ok_or(WireError::Shape { at, wanted })
    })
}

/// At most so many characters, without any that could break a line or steer a terminal.
fn one_line(text: &str, chars_max: usize) -> String {
    let plain = |found: char| if found.is_control() { ' ' } else { found };
    text.trim().chars().take(chars_max).map(plain).collect()
}

fn invalid(problem: String) -> WireError {
    WireError::Invalid(problem)
}
