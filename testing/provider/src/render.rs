//! A reply in the words of a wire.

use serde_json::{Value, json};

use crate::{Asked, Ending, Reply, Usage, Wire};

/// The reply to a request, as the request's wire has it.
pub(crate) fn render(asked: &Asked, reply: &Reply) -> Value {
    as_model(asked, asked.model(), reply)
}

/// The same, from a model of this name.
pub(crate) fn as_model(asked: &Asked, model: &str, reply: &Reply) -> Value {
    match asked.wire {
        Wire::OpenAi => openai(asked.number, model, reply),
        Wire::Anthropic => anthropic(asked.number, model, reply),
    }
}

/// A reply without anything in it. On Anthropic's wire an empty list is a reply, so that it
/// is null there.
pub(crate) fn empty(asked: &Asked) -> Value {
    let mut reply = render(asked, &Reply::default());
    match asked.wire {
        Wire::OpenAi => reply["choices"] = json!([]),
        Wire::Anthropic => reply["content"] = Value::Null,
    }
    reply
}

/// The part of the tokens that a wire has words for.
pub(crate) fn told(wire: Wire, usage: Usage) -> Usage {
    match wire {
        Wire::OpenAi => Usage {
            cache_written: 0,
            ..usage
        },
        Wire::Anthropic => Usage {
            reasoning: 0,
            ..usage
        },
    }
}

fn openai(number: u64, model: &str, reply: &Reply) -> Value {
    let finish = match reply.ending {
        Ending::Truncated => "length",
        Ending::Natural if !reply.calls.is_empty() => "tool_calls",
        Ending::Natural | Ending::Refusal => "stop",
    };
    let refused = reply.ending == Ending::Refusal;
    let said = (!reply.text.is_empty()).then_some(reply.text.as_str());
    let mut message = json!({
        "role": "assistant",
        "content": if refused { None } else { said },
        "refusal": if refused { Some(reply.text.as_str()) } else { None },
    });
    if !reply.calls.is_empty() {
        let calls = reply.calls.iter().map(|(id, tool, arguments)| {
            json!({"id": id, "type": "function",
                   "function": {"name": tool, "arguments": arguments}})
        });
        message["tool_calls"] = calls.collect();
    }
    let usage = &reply.usage;
    json!({
        "id": format!("chatcmpl-{number}"),
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
        "usage": {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        },
    })
}

fn anthropic(number: u64, model: &str, reply: &Reply) -> Value {
    let stop = match reply.ending {
        Ending::Truncated => "max_tokens",
        Ending::Refusal => "refusal",
        Ending::Natural if !reply.calls.is_empty() => "tool_use",
        Ending::Natural => "end_turn",
    };
    let mut content = Vec::new();
    if !reply.text.is_empty() {
        content.push(json!({"type": "text", "text": reply.text}));
    }
    content.extend(reply.calls.iter().map(|(id, tool, arguments)| {
        // This wire has an object where the other has a text; what is none is passed on as text.
        let input = serde_json::from_str(arguments).unwrap_or_else(|_| json!(arguments));
        json!({"type": "tool_use", "id": id, "name": tool, "input": input})
    }));
    let usage = &reply.usage;
    let neither = usage
        .input
        .saturating_sub(usage.cached + usage.cache_written);
    json!({
        "id": format!("msg_{number}"),
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
        "usage": {
            "input_tokens": neither,
            "cache_read_input_tokens": usage.cached,
            "cache_creation_input_tokens": usage.cache_written,
            "output_tokens": usage.output,
        },
    })
}
