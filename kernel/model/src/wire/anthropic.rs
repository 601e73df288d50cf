//! Anthropic's messages.
//!
//! The wire differs from our own terms in three ways. What the system says stands apart from the
//! conversation. The conversation alternates between the user, who also brings the results of
//! calls, and the assistant. And a reply is held to a schema by making the model call a tool with
//! that schema, whose arguments are then the reply's text.

use serde_json::Value;

use super::json::{Json, Object, list, quoted};
use super::{
    CALLS_MAX, ERROR_CHARS_MAX, WORD_CHARS_MAX, WireError, all_tools, invalid, items, object,
    one_line, text, tokens,
};
use crate::chat::{ChatReply, ChatRequest, Finish, Message, Speaker, ToolCall, ToolChoice, Usage};
use crate::settings::{ModelSettings, Structured};

/// Name of the tool whose arguments are the reply's text.
const REPLY_TOOL: &str = "reply";

/// The body of a request that has been checked.
///
/// # Errors
/// [`WireError::Invalid`] if the conversation doesn't start with the user.
pub(super) fn body(request: &ChatRequest, model: &ModelSettings) -> Result<String, WireError> {
    let sampling = &request.sampling;
    let held = held(request, model);
    let system = system(request, held);
    let tools = tools(request, held);
    let choice = (!tools.is_empty()).then(|| choice(request.tool_choice, held));
    let stop = sampling.stop.iter().map(|stop| quoted(stop));
    let some = |given: bool, json: String| given.then_some(json);
    Ok(Object::new()
        .text("model", &request.model)
        .json("max_tokens", request.tokens_max)
        .json_if(
            "system",
            some(!system.is_empty(), cached_list(system, model)),
        )
        .json("messages", list(conversation(&request.messages)?))
        .json_if("tool_choice", choice)
        .json_if("tools", some(!tools.is_empty(), cached_list(tools, model)))
        .json_if("temperature", sampling.temperature)
        .json_if("top_p", sampling.top_p)
        .json_if(
            "stop_sequences",
            some(!sampling.stop.is_empty(), list(stop)),
        )
        .json("stream", false)
        .to_string())
}

/// The list; if the provider is to keep what stands up to here, its last entry says so.
fn cached_list(mut entries: Vec<Object>, model: &ModelSettings) -> String {
    if model.prompt_cache {
        let mark = Object::new().text("type", "ephemeral");
        let last = entries.pop();
        entries.extend(last.map(|last| last.json("cache_control", mark)));
    }
    list(entries)
}

/// How the reply is held to its schema.
#[derive(Clone, Copy)]
enum Held<'a> {
    /// It isn't.
    Free,
    /// The schema is told to the model.
    Told(&'a str),
    /// The model is made to call a tool with this schema.
    Forced(&'a str),
}

fn held<'a>(request: &'a ChatRequest, model: &ModelSettings) -> Held<'a> {
    match request.output_schema.as_deref() {
        None => Held::Free,
        Some(_) if model.structured == Structured::None => Held::Free,
        Some(schema) if all_tools(request).next().is_none() && is_input_schema(schema) => {
            Held::Forced(schema)
        }
        Some(schema) => Held::Told(schema),
    }
}

/// Whether a tool may have this schema: one of an object, and no choice of several.
fn is_input_schema(schema: &str) -> bool {
    let choices = ["anyOf", "oneOf", "allOf"];
    serde_json::from_str(schema).is_ok_and(|schema: Value| {
        schema.get("type").is_some_and(|kind| kind == "object")
            && choices.iter().all(|choice| schema.get(choice).is_none())
    })
}

/// What the system says, wherever in the conversation it says it.
fn system(request: &ChatRequest, held: Held<'_>) -> Vec<Object> {
    let of_system = |message: &&Message| message.speaker == Speaker::System;
    let said = request.messages.iter().filter(of_system);
    let mut blocks: Vec<Object> = said.filter_map(|said| text_block(&said.text)).collect();
    if let Held::Told(schema) = held {
        blocks.extend(text_block(&format!(
            "Unless you call a tool, reply with nothing but one JSON value that meets this JSON \
             Schema:\n{schema}"
        )));
    }
    blocks
}

/// A block of text. One without any is refused, so there is none.
fn text_block(text: &str) -> Option<Object> {
    let block = || Object::new().text("type", "text").text("text", text);
    (!text.trim().is_empty()).then(block)
}

/// Messages of one speaker that follow each other.
struct Turn {
    role: &'static str,
    /// Results of calls, which must come first.
    results: Vec<Object>,
    rest: Vec<Object>,
}

fn conversation(messages: &[Message]) -> Result<Vec<Object>, WireError> {
    let mut turns: Vec<Turn> = Vec::new();
    for message in messages {
        let (results, rest) = blocks(message);
        if results.is_empty() && rest.is_empty() {
            continue;
        }
        let role = match message.speaker {
            Speaker::Assistant => "assistant",
            _ => "user",
        };
        match turns.last_mut() {
            Some(turn) if turn.role == role => {
                turn.results.extend(results);
                turn.rest.extend(rest);
            }
            _ => turns.push(Turn {
                role,
                results,
                rest,
            }),
        }
    }
    if turns.first().is_none_or(|turn| turn.role != "user") {
        return Err(invalid(
            "the conversation must start with a text of the user; put one first".to_owned(),
        ));
    }
    let merged = turns.into_iter().map(
        |Turn {
             role,
             results,
             rest,
         }| {
            let content = list(results.into_iter().chain(rest));
            Object::new().text("role", role).json("content", content)
        },
    );
    Ok(merged.collect())
}

/// The blocks of a message: results of calls, and all others.
fn blocks(message: &Message) -> (Vec<Object>, Vec<Object>) {
    match message.speaker {
        Speaker::System => (Vec::new(), Vec::new()),
        Speaker::Tool => (vec![tool_result(message)], Vec::new()),
        Speaker::User | Speaker::Assistant => {
            let calls = message.calls.iter().map(tool_use);
            (
                Vec::new(),
                text_block(&message.text).into_iter().chain(calls).collect(),
            )
        }
    }
}

fn tool_result(message: &Message) -> Object {
    let result = Object::new().text("type", "tool_result").text(
        "tool_use_id",
        message.answers.as_deref().unwrap_or_default(),
    );
    if message.text.is_empty() {
        result
    } else {
        result.text("content", &message.text)
    }
}

fn tool_use(call: &ToolCall) -> Object {
    // The wire takes objects alone. What the model wrote in place of one is shown to it as it was.
    let input = match Json::parse(&call.arguments) {
        Ok(json) if json.is_object() => json.source().to_owned(),
        _ => Object::new().text("malformed", &call.arguments).to_string(),
    };
    Object::new()
        .text("type", "tool_use")
        .text("id", &call.id)
        .text("name", &call.tool)
        .json("input", input)
}

fn tools(request: &ChatRequest, held: Held<'_>) -> Vec<Object> {
    if let Held::Forced(schema) = held {
        return vec![tool(REPLY_TOOL, "Gives the reply.", schema)];
    }
    all_tools(request)
        .map(|offered| tool(&offered.name, &offered.description, &offered.input_schema))
        .collect()
}

fn tool(name: &str, description: &str, schema: &str) -> Object {
    Object::new()
        .text("name", name)
        .text("description", description)
        .json("input_schema", schema)
}

fn choice(wanted: ToolChoice, held: Held<'_>) -> Object {
    let choice = Object::new();
    match (held, wanted) {
        (Held::Forced(_), _) => choice.text("type", "tool").text("name", REPLY_TOOL),
        (_, ToolChoice::Auto) => choice.text("type", "auto"),
        (_, ToolChoice::Required) => choice.text("type", "any"),
        (_, ToolChoice::None) => choice.text("type", "none"),
    }
}

/// What the reply says.
pub(super) fn reply(
    reply: Json<'_>,
    request: &ChatRequest,
    model: &ModelSettings,
) -> Result<ChatReply, WireError> {
    if let (None, Some(error)) = (reply.get("content"), error_text(reply)) {
        return Err(WireError::Reported(one_line(&error, ERROR_CHARS_MAX)));
    }
    let content = reply.get("content").ok_or(WireError::Shape {
        at: "content",
        wanted: "a list",
    })?;
    let is_forced = matches!(held(request, model), Held::Forced(_));
    let mut said = String::new();
    let mut forced = None;
    let mut calls = Vec::new();
    for block in items(Some(content), "content")? {
        match text(block.get("type"), "content[].type")?.as_str() {
            "text" => said += &text(block.get("text"), "content[].text")?,
            "tool_use" if is_forced && is_reply(block) => forced = Some(input(block)?.compact()),
            "tool_use" if calls.len() > CALLS_MAX => break,
            "tool_use" => calls.push(call(block)?),
            // Such as reasoning, which nobody here can use.
            _ => {}
        }
    }
    let finish = finish(reply.get("stop_reason"), &calls)?;
    Ok(ChatReply {
        model: text(reply.get("model"), "model")?,
        text: forced.unwrap_or(said),
        calls,
        finish,
        usage: usage(reply)?,
    })
}

fn is_reply(block: Json<'_>) -> bool {
    block.get("name").and_then(Json::text).as_deref() == Some(REPLY_TOOL)
}

fn input(block: Json<'_>) -> Result<Json<'_>, WireError> {
    let at = "content[].input";
    let wanted = "an object";
    object(block.get("input"), at)?.ok_or(WireError::Shape { at, wanted })
}

fn call(block: Json<'_>) -> Result<ToolCall, WireError> {
    let at = "content[].name";
    let wanted = "a string";
    let name = block.get("name").and_then(Json::text);
    Ok(ToolCall {
        id: text(block.get("id"), "content[].id")?,
        tool: name.ok_or(WireError::Shape { at, wanted })?,
        arguments: input(block)?.source().to_owned(),
    })
}

fn finish(reason: Option<Json<'_>>, calls: &[ToolCall]) -> Result<Finish, WireError> {
    let reason = text(reason, "stop_reason")?;
    match reason.as_str() {
        "refusal" => Ok(Finish::Refusal),
        "max_tokens" | "model_context_window_exceeded" => Ok(Finish::Length),
        "end_turn" | "stop_sequence" | "tool_use" | "pause_turn" | "" if calls.is_empty() => {
            Ok(Finish::Complete)
        }
        "end_turn" | "stop_sequence" | "tool_use" | "pause_turn" | "" => Ok(Finish::Calls),
        other => Err(WireError::UnknownFinish(one_line(other, WORD_CHARS_MAX))),
    }
}

/// The count of tokens. The wire counts what the cache had and what it took apart from
/// `input_tokens`; the sum of the three is the request.
fn usage(reply: Json<'_>) -> Result<Usage, WireError> {
    let Some(usage) = object(reply.get("usage"), "usage")? else {
        return Ok(Usage::default());
    };
    let input = tokens(usage.get("input_tokens"), "usage.input_tokens")?;
    let cached = tokens(
        usage.get("cache_read_input_tokens"),
        "usage.cache_read_input_tokens",
    )?;
    let cache_written = tokens(
        usage.get("cache_creation_input_tokens"),
        "usage.cache_creation_input_tokens",
    )?;
    Ok(Usage {
        input: input.saturating_add(cached).saturating_add(cache_written),
        output: tokens(usage.get("output_tokens"), "usage.output_tokens")?,
        cached,
        cache_written,
        reasoning: 0,
    })
}

/// What an error says, after its type.
pub(super) fn error_text(json: Json<'_>) -> Option<String> {
    let error = json.get("error")?;
    let message = error.get("message")?.text()?;
    Some(match error.get("type").and_then(Json::text) {
        Some(kind) => format!("{kind}: {message}"),
        None => message,
    })
}
