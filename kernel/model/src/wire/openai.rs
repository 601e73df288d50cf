//! OpenAI's chat completions, as OpenAI, Azure, vLLM, llama.cpp, Ollama and others speak them.

use serde_json::Value;

use super::json::{Json, Object, list, quoted};
use super::{
    CALLS_MAX, ERROR_CHARS_MAX, WORD_CHARS_MAX, WireError, all_tools, items, object, one_line,
    text, tokens,
};
use crate::chat::{
    ChatReply, ChatRequest, Finish, Message, Speaker, Tool, ToolCall, ToolChoice, Usage,
};
use crate::settings::{ModelSettings, Structured};

/// Servers read a seed as a signed number of 64 bits; what lies above wraps around.
const SEED_MAX: u64 = i64::MAX.cast_unsigned();

/// The body of a request that has been checked.
pub(super) fn body(request: &ChatRequest, model: &ModelSettings) -> String {
    let sampling = &request.sampling;
    let limit = if model.completion_tokens {
        "max_completion_tokens"
    } else {
        "max_tokens"
    };
    let tools: Vec<String> = all_tools(request).map(tool).collect();
    let stop = sampling.stop.iter().map(|stop| quoted(stop));
    let some = |given: bool, json: String| given.then_some(json);
    Object::new()
        .text("model", &request.model)
        .json("messages", list(request.messages.iter().map(message)))
        // A choice without tools is refused.
        .json_if(
            "tool_choice",
            some(!tools.is_empty(), choice(request.tool_choice)),
        )
        .json_if("tools", some(!tools.is_empty(), list(tools)))
        .json_if("response_format", response_format(request, model))
        .json_if("temperature", sampling.temperature)
        .json_if("top_p", sampling.top_p)
        .json_if("seed", sampling.seed.map(|seed| seed & SEED_MAX))
        .json_if("stop", some(!sampling.stop.is_empty(), list(stop)))
        .json(limit, request.tokens_max)
        .json("stream", false)
        .to_string()
}

fn message(message: &Message) -> Object {
    let Message {
        speaker,
        text,
        calls,
        answers,
    } = message;
    let role = match speaker {
        Speaker::System => "system",
        Speaker::User => "user",
        Speaker::Assistant => "assistant",
        Speaker::Tool => "tool",
    };
    let said = Object::new().text("role", role);
    if !calls.is_empty() {
        // Beside calls, nothing said is null.
        let content = if text.is_empty() {
            "null".to_owned()
        } else {
            quoted(text)
        };
        let calls = list(calls.iter().map(tool_call));
        return said.json("content", content).json("tool_calls", calls);
    }
    said.text("content", text)
        .json_if("tool_call_id", answers.as_deref().map(quoted))
}

fn tool_call(call: &ToolCall) -> Object {
    let function = Object::new()
        .text("name", &call.tool)
        .text("arguments", &call.arguments);
    Object::new()
        .text("id", &call.id)
        .text("type", "function")
        .json("function", function)
}

fn tool(tool: &Tool) -> String {
    let function = Object::new()
        .text("name", &tool.name)
        .text("description", &tool.description)
        .json("parameters", &tool.input_schema);
    Object::new()
        .text("type", "function")
        .json("function", function)
        .to_string()
}

fn choice(choice: ToolChoice) -> String {
    quoted(match choice {
        ToolChoice::Auto => "auto",
        ToolChoice::Required => "required",
        ToolChoice::None => "none",
    })
}

fn response_format(request: &ChatRequest, model: &ModelSettings) -> Option<Object> {
    let schema = request.output_schema.as_deref()?;
    match model.structured {
        Structured::Schema => {
            let format = Object::new()
                .text("name", "reply")
                .json("schema", schema)
                .json("strict", is_strict(schema));
            let kind = Object::new().text("type", "json_schema");
            Some(kind.json("json_schema", format))
        }
        Structured::Object => Some(
            Object::new()
                .text("type", "json_object")
                .json("schema", schema),
        ),
        Structured::None => None,
    }
}

/// Whether the schema is of the part of JSON Schema that `strict` is limited to: a provider
/// refuses a strict request with any other. Objects list all their properties as required and
/// allow no more, and no keyword is used beyond these (OpenAI's guide to structured outputs).
fn is_strict(schema: &str) -> bool {
    serde_json::from_str(schema)
        .is_ok_and(|schema: Value| is_type(&schema, "object") && keeps_to_strict(&schema))
}

fn is_type(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}

fn keeps_to_strict(schema: &Value) -> bool {
    let Value::Object(keywords) = schema else {
        return false;
    };
    let known = keywords
        .iter()
        .all(|(keyword, value)| match keyword.as_str() {
            "type"
            | "description"
            | "title"
            | "enum"
            | "const"
            | "$ref"
            | "pattern"
            | "format"
            | "minimum"
            | "maximum"
            | "exclusiveMinimum"
            | "exclusiveMaximum"
            | "multipleOf"
            | "minItems"
            | "maxItems"
            | "required"
            | "additionalProperties" => true,
            "items" => keeps_to_strict(value),
            "anyOf" => value
                .as_array()
                .is_some_and(|any| any.iter().all(keeps_to_strict)),
            "properties" | "$defs" => value
                .as_object()
                .is_some_and(|named| named.values().all(keeps_to_strict)),
            _ => false,
        });
    let is_object = is_type(schema, "object") || keywords.contains_key("properties");
    known && (!is_object || is_closed(schema))
}

/// Whether an object must have all of its properties and may have no other.
fn is_closed(schema: &Value) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required = |name: &String| required.is_some_and(|all| all.iter().any(|one| one == name));
    let properties = schema.get("properties").and_then(Value::as_object);
    schema.get("additionalProperties") == Some(&Value::Bool(false))
        && properties.is_none_or(|properties| properties.keys().all(is_required))
}

/// What the reply says. Calls may still lack an id.
pub(super) fn reply(reply: Json<'_>) -> Result<ChatReply, WireError> {
    if let (None, Some(error)) = (reply.get("choices"), error_text(reply)) {
        return Err(WireError::Reported(one_line(&error, ERROR_CHARS_MAX)));
    }
    let choice = items(reply.get("choices"), "choices")?
        .next()
        .ok_or(WireError::Shape {
            at: "choices",
            wanted: "a list with a choice",
        })?;
    let at = "choices[0].message";
    let message = object(choice.get("message"), at)?.ok_or(WireError::Shape {
        at,
        wanted: "an object",
    })?;
    let said = Said::of(message)?;
    let calls = calls(message)?;
    let finish = finish(choice.get("finish_reason"), &said, &calls)?;
    Ok(ChatReply {
        model: text(reply.get("model"), "model")?,
        text: said.into_text(),
        calls,
        finish,
        usage: usage(reply)?,
    })
}

/// What the model says, and why it won't if it won't.
struct Said {
    content: String,
    refusal: String,
}

impl Said {
    fn of(message: Json<'_>) -> Result<Self, WireError> {
        let at = "choices[0].message.content";
        let mut said = Self {
            content: String::new(),
            refusal: text(message.get("refusal"), "choices[0].message.refusal")?,
        };
        match message.get("content") {
            Some(parts) if parts.is_list() => {
                for part in parts.items() {
                    // Parts of other kinds, such as sound, have neither.
                    said.content += &text(part.get("text"), "choices[0].message.content[].text")?;
                    said.refusal +=
                        &text(part.get("refusal"), "choices[0].message.content[].refusal")?;
                }
            }
            content => said.content = text(content, at)?,
        }
        Ok(said)
    }

    fn into_text(self) -> String {
        if self.refusal.is_empty() {
            self.content
        } else {
            self.refusal
        }
    }
}

fn calls(message: Json<'_>) -> Result<Vec<ToolCall>, WireError> {
    let asked = items(message.get("tool_calls"), "choices[0].message.tool_calls")?;
    let asked = asked.take(CALLS_MAX + 1);
    let mut calls = asked.map(call).collect::<Result<Vec<_>, _>>()?;
    // What servers had before they had `tool_calls`; some send both.
    let legacy = object(
        message.get("function_call"),
        "choices[0].message.function_call",
    )?;
    if let (true, Some(function)) = (calls.is_empty(), legacy) {
        calls.push(called(function, String::new())?);
    }
    Ok(calls)
}

fn call(call: Json<'_>) -> Result<ToolCall, WireError> {
    let at = "choices[0].message.tool_calls[].function";
    let wanted = "an object";
    let function = object(call.get("function"), at)?.ok_or(WireError::Shape { at, wanted })?;
    called(
        function,
        text(call.get("id"), "choices[0].message.tool_calls[].id")?,
    )
}

fn called(function: Json<'_>, id: String) -> Result<ToolCall, WireError> {
    let at = "the function's name";
    let wanted = "a string";
    let name = function.get("name").and_then(Json::text);
    let arguments = match function.get("arguments") {
        // Some servers leave out what is empty, and some send the object itself.
        None => "{}".to_owned(),
        Some(arguments) => arguments
            .text()
            .unwrap_or_else(|| arguments.source().to_owned()),
    };
    Ok(ToolCall {
        id,
        tool: name.ok_or(WireError::Shape { at, wanted })?,
        arguments,
    })
}

fn finish(reason: Option<Json<'_>>, said: &Said, calls: &[ToolCall]) -> Result<Finish, WireError> {
    let reason = text(reason, "choices[0].finish_reason")?;
    match reason.as_str() {
        "content_filter" => Ok(Finish::Refusal),
        _ if !said.refusal.is_empty() => Ok(Finish::Refusal),
        "length" => Ok(Finish::Length),
        // Several servers say `stop` whether there are calls or not, and some say nothing.
        "stop" | "tool_calls" | "function_call" | "" if calls.is_empty() => Ok(Finish::Complete),
        "stop" | "tool_calls" | "function_call" | "" => Ok(Finish::Calls),
        other => Err(WireError::UnknownFinish(one_line(other, WORD_CHARS_MAX))),
    }
}

/// The count of tokens. Details are at most the whole that they are details of.
fn usage(reply: Json<'_>) -> Result<Usage, WireError> {
    let Some(usage) = object(reply.get("usage"), "usage")? else {
        return Ok(Usage::default());
    };
    let input = tokens(usage.get("prompt_tokens"), "usage.prompt_tokens")?;
    let output = tokens(usage.get("completion_tokens"), "usage.completion_tokens")?;
    let of_input = object(
        usage.get("prompt_tokens_details"),
        "usage.prompt_tokens_details",
    )?;
    let of_output = object(
        usage.get("completion_tokens_details"),
        "usage.completion_tokens_details",
    )?;
    let cached = tokens(
        of_input.and_then(|details| details.get("cached_tokens")),
        "usage.prompt_tokens_details.cached_tokens",
    )?;
    let reasoning = tokens(
        of_output.and_then(|details| details.get("reasoning_tokens")),
        "usage.completion_tokens_details.reasoning_tokens",
    )?;
    Ok(Usage {
        input,
        output,
        cached: cached.min(input),
        cache_written: 0,
        reasoning: reasoning.min(output),
    })
}

/// What an error says: `error.message`, as OpenAI has it, or where other servers put it.
pub(super) fn error_text(json: Json<'_>) -> Option<String> {
    let error = json.get("error").unwrap_or(json);
    let places = [Some(error), error.get("message"), json.get("message")];
    places
        .into_iter()
        .flatten()
        .find_map(Json::text)
        .or_else(|| {
            json.get("detail")
                .map(|it| it.text().unwrap_or_else(|| it.compact()))
        })
        .filter(|text| !text.trim().is_empty())
}
