//! What holds for all conversations and for whatever a server sends.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::chat::{Finish, Usage};

/// Texts that are short, long, blank and strange.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        " {0,3}",
        any::<String>(),
        "[a-z\"\\\\\n]{1,12}"
    ]
}

/// What a model may write as arguments, right or wrong.
fn arguments() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        any::<String>().prop_map(|text| json!({ "text": text }).to_string()),
        "\\{ ?\"n\": [1-9][0-9]{0,40}\\.[0-9]{1,30} ?\\}",
    ]
}

/// Who speaks next, and what is asked for.
fn step() -> impl Strategy<Value = (u8, String, Vec<String>)> {
    (0..4_u8, words(), prop::collection::vec(arguments(), 0..4))
}

/// A conversation in which every call is answered before anything else is said.
fn conversation() -> impl Strategy<Value = Vec<Message>> {
    prop::collection::vec(step(), 1..12).prop_map(|steps| {
        let mut messages = Vec::new();
        for (number, (speaker, text, arguments)) in steps.into_iter().enumerate() {
            match speaker {
                0 => messages.push(says(Speaker::System, &text)),
                1 => messages.push(says(Speaker::User, &text)),
                _ => {
                    let id = |at| format!("id_{number}_{at}");
                    let calls = arguments.iter().enumerate();
                    let calls = calls.map(|(at, written)| call(&id(at), "t", written));
                    messages.push(asks(&text, calls.collect()));
                    let results = (0..arguments.len()).map(|at| answers(&id(at), &text));
                    messages.extend(results);
                }
            }
        }
        messages
    })
}

/// A server's reading of OpenAI's wire.
fn as_openai_reads_it(body: &Value) -> Vec<Message> {
    let message = |message: &Value| {
        let speaker = match message["role"].as_str().unwrap() {
            "system" => Speaker::System,
            "user" => Speaker::User,
            "assistant" => Speaker::Assistant,
            "tool" => Speaker::Tool,
            other => panic!("{other}"),
        };
        let calls = message["tool_calls"].as_array().into_iter().flatten();
        let calls = calls.map(|asked| {
            assert_eq!(asked["type"], "function");
            let function = &asked["function"];
            call(
                of(&asked["id"]),
                of(&function["name"]),
                of(&function["arguments"]),
            )
        });
        Message {
            speaker,
            text: message["content"].as_str().unwrap_or_default().to_owned(),
            calls: calls.collect(),
            answers: message["tool_call_id"].as_str().map(str::to_owned),
        }
    };
    body["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(message)
        .collect()
}

fn of(json: &Value) -> &str {
    json.as_str().unwrap()
}

/// Holds a body to the rules of Anthropic's wire.
fn assert_alternates(body: &Value) {
    let mut expected = "user";
    let mut open: Vec<String> = Vec::new();
    for message in body["messages"].as_array().unwrap() {
        assert_eq!(message["role"], expected);
        expected = if expected == "user" {
            "assistant"
        } else {
            "user"
        };
        let blocks = message["content"].as_array().unwrap();
        assert!(!blocks.is_empty());
        let is_result = |block: &&Value| block["type"] == "tool_result";
        let results = blocks.iter().take_while(is_result).count();
        assert_eq!(
            results,
            blocks.iter().filter(is_result).count(),
            "results come first"
        );
        let answered = blocks
            .iter()
            .take(results)
            .map(|block| of(&block["tool_use_id"]));
        assert_eq!(
            answered.collect::<Vec<_>>(),
            open,
            "every call is answered at once"
        );
        let texts = blocks.iter().filter(|block| block["type"] == "text");
        texts.for_each(|block| assert!(!of(&block["text"]).trim().is_empty()));
        let calls = blocks.iter().filter(|block| block["type"] == "tool_use");
        open = calls
            .inspect(|block| assert!(block["input"].is_object()))
            .map(|block| of(&block["id"]).to_owned())
            .collect();
    }
}

/// Calls, text and usage of a reply.
fn replies() -> impl Strategy<Value = ChatReply> {
    let asked = prop::collection::vec(("[a-z]{1,8}", arguments()), 0..4);
    (any::<String>(), asked, any::<[u32; 4]>()).prop_map(|(text, asked, [a, b, c, d])| {
        let number = |(at, (tool, written)): (usize, (String, String))| {
            call(&format!("id_{at}"), &tool, &written)
        };
        let calls: Vec<_> = asked.into_iter().enumerate().map(number).collect();
        let [input, output] = [a.max(b), c.max(d)].map(u64::from);
        ChatReply {
            model: "m".to_owned(),
            text,
            finish: if calls.is_empty() {
                Finish::Complete
            } else {
                Finish::Calls
            },
            calls,
            usage: Usage {
                input,
                output,
                cached: u64::from(a.min(b)),
                cache_written: 0,
                reasoning: u64::from(c.min(d)),
            },
        }
    })
}

/// The reply as a server of OpenAI's wire sends it.
fn as_openai_sends_it(reply: &ChatReply) -> Value {
    let call = |call: &ToolCall| {
        json!({"id": call.id, "type": "function",
               "function": {"name": call.tool, "arguments": call.arguments}})
    };
    let usage = &reply.usage;
    json!({
        "model": reply.model,
        "choices": [{
            "message": {"role": "assistant", "content": reply.text,
                        "tool_calls": reply.calls.iter().map(call).collect::<Vec<_>>()},
            "finish_reason": if reply.calls.is_empty() { "stop" } else { "tool_calls" },
        }],
        "usage": {
            "prompt_tokens": usage.input,
            "completion_tokens": usage.output,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
            "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
        },
    })
}

/// A sound reply with every member that is read.
fn sound(wire: Wire) -> Value {
    match wire {
        Wire::OpenAi => json!({
            "model": "m",
            "choices": [{
                "message": {
                    "content": [{"type": "text", "text": "a"}],
                    "refusal": null,
                    "tool_calls": [{"id": "x", "function": {"name": "t", "arguments": "{}"}}],
                    "function_call": {"name": "t", "arguments": "{}"},
                },
                "finish_reason": "stop",
            }],
            "usage": {
                "prompt_tokens": 9,
                "completion_tokens": 9,
                "prompt_tokens_details": {"cached_tokens": 3},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
        }),
        Wire::Anthropic => json!({
            "model": "m",
            "content": [
                {"type": "text", "text": "a"},
                {"type": "tool_use", "id": "x", "name": "t", "input": {"a": 1}},
            ],
            "stop_reason": "tool_use",
            "usage": {"input_tokens": 1, "output_tokens": 1, "cache_read_input_tokens": 1},
        }),
    }
}

/// Paths to all that a value holds.
fn places(json: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match json {
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{number}"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                places(member, &format!("{at}/{name}"), found);
            }
        }
        _ => {}
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{0,4}", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn wires() -> impl Strategy<Value = Wire> {
    prop::sample::select(&WIRES)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_server_of_openais_wire_reads_the_same_conversation(messages in conversation()) {
        let asked = request(messages.clone(), vec![tool("t", "{}")]);
        let read = as_openai_reads_it(&sent(Wire::OpenAi, &asked, &model()));
        prop_assert_eq!(read, messages);
    }

    #[test]
    fn what_a_server_of_openais_wire_sends_is_the_reply(expected in replies()) {
        let json = as_openai_sends_it(&expected).to_string();
        prop_assert_eq!(read(Wire::OpenAi, &json).unwrap(), expected);
    }

    #[test]
    fn every_conversation_alternates_on_anthropics_wire(messages in conversation()) {
        let first = messages.iter().find(|message| {
            message.speaker != Speaker::System
                && !(message.text.trim().is_empty() && message.calls.is_empty())
        });
        let starts_with_user = first.is_some_and(|first| first.speaker == Speaker::User);
        let asked = request(messages, vec![tool("t", "{}")]);
        match body(Wire::Anthropic, &asked, &model()) {
            Ok(body) => {
                prop_assert!(starts_with_user);
                assert_alternates(&serde_json::from_str(&body).unwrap());
            }
            Err(error) => prop_assert!(!starts_with_user, "{}", error),
        }
    }

    #[test]
    fn a_reply_with_anything_in_any_place_is_read_or_refused(
        wire in wires(),
        place in any::<prop::sample::Index>(),
        anything in any_json(),
    ) {
        let mut json = sound(wire);
        let mut found = Vec::new();
        places(&json, "", &mut found);
        *json.pointer_mut(&found[place.index(found.len())]).unwrap() = anything;
        if let Ok(reply) = read(wire, &json.to_string()) {
            prop_assert!(reply.usage.cached <= reply.usage.input);
            prop_assert!(reply.usage.reasoning <= reply.usage.output);
            prop_assert!(reply.calls.iter().all(|call| !call.id.is_empty()));
        }
        error_text(wire, json.to_string().as_bytes());
    }

    #[test]
    fn a_reply_with_a_byte_changed_or_cut_off_is_read_or_refused(
        wire in wires(),
        place in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut bytes = sound(wire).to_string().into_bytes();
        let at = place.index(bytes.len());
        prop_assert!(reply(wire, &bytes[..at], &hello(), &model()).is_err());
        bytes[at] = byte;
        let _ = reply(wire, &bytes, &hello(), &model());
    }
}
