//! What is sent on OpenAI's wire, and how replies of the servers that speak it are read.

use serde_json::json;

use super::*;
use crate::chat::{Finish, Usage};

fn openai(json: &str) -> ChatReply {
    read(Wire::OpenAi, json).unwrap()
}

/// A reply whose one choice is this.
fn choice(choice: &str) -> Result<ChatReply, WireError> {
    read(Wire::OpenAi, &format!("{{\"choices\":[{choice}]}}"))
}

#[test]
fn a_whole_request_is_in_the_body() {
    let full = ChatRequest {
        own_tools: vec![tool("decline", r#"{"type":"object"}"#)],
        tool_choice: ToolChoice::Required,
        sampling: Sampling {
            temperature: Some(0.0),
            top_p: Some(0.9),
            seed: Some(u64::MAX),
            stop: vec!["\n\n".to_owned()],
        },
        ..request(
            vec![
                says(Speaker::System, "Work."),
                says(Speaker::User, "Find \"Ada\"."),
                asks(
                    "",
                    vec![call("a", "find", "{\"n\": 1.0}"), call("b", "find", "oops")],
                ),
                answers("a", "[]"),
                answers("b", ""),
                asks("Done.", Vec::new()),
            ],
            vec![tool("find", r#"{"type":"object","properties":{}}"#)],
        )
    };
    assert_eq!(
        sent(Wire::OpenAi, &full, &model()),
        json!({
            "model": "small-1",
            "messages": [
                {"role": "system", "content": "Work."},
                {"role": "user", "content": "Find \"Ada\"."},
                {"role": "assistant", "content": null, "tool_calls": [
                    {"id": "a", "type": "function",
                     "function": {"name": "find", "arguments": "{\"n\": 1.0}"}},
                    {"id": "b", "type": "function",
                     "function": {"name": "find", "arguments": "oops"}},
                ]},
                {"role": "tool", "tool_call_id": "a", "content": "[]"},
                {"role": "tool", "tool_call_id": "b", "content": ""},
                {"role": "assistant", "content": "Done."},
            ],
            "tool_choice": "required",
            "tools": [
                {"type": "function", "function": {
                    "name": "find", "description": "Does find.",
                    "parameters": {"type": "object", "properties": {}}}},
                {"type": "function", "function": {
                    "name": "decline", "description": "Does decline.",
                    "parameters": {"type": "object"}}},
            ],
            "temperature": 0,
            "top_p": 0.9,
            "seed": i64::MAX,
            "stop": ["\n\n"],
            "max_tokens": 100,
            "stream": false,
        })
    );
}

#[test]
fn a_plain_request_has_nothing_that_it_does_not_need() {
    let newer = ModelSettings {
        completion_tokens: true,
        ..model()
    };
    assert_eq!(
        sent(Wire::OpenAi, &hello(), &newer),
        json!({
            "model": "small-1",
            "messages": [{"role": "user", "content": "Hello"}],
            "max_completion_tokens": 100,
            "stream": false,
        })
    );
}

#[test]
fn the_reply_is_held_to_its_schema_as_the_server_can() {
    let schema = json!({"type": "object", "properties": {"a": {}}});
    let held = ChatRequest {
        output_schema: Some(schema.to_string()),
        ..hello()
    };
    let format = |structured| {
        let able = ModelSettings {
            structured,
            ..model()
        };
        sent(Wire::OpenAi, &held, &able)["response_format"].clone()
    };
    assert_eq!(
        format(Structured::Schema),
        json!({"type": "json_schema",
               "json_schema": {"name": "reply", "schema": schema, "strict": false}})
    );
    assert_eq!(
        format(Structured::Object),
        json!({"type": "json_object", "schema": schema})
    );
    assert_eq!(format(Structured::None), Value::Null);
}

#[test]
fn only_a_closed_schema_without_rare_keywords_is_strict() {
    let is_strict = |schema: &Value| {
        let held = ChatRequest {
            output_schema: Some(schema.to_string()),
            ..hello()
        };
        sent(Wire::OpenAi, &held, &model())["response_format"]["json_schema"]["strict"] == true
    };
    let closed = |properties: Value, required: Value| {
        json!({"type": "object", "properties": properties, "required": required,
               "additionalProperties": false})
    };
    let inner = closed(json!({"b": {"type": "string"}}), json!(["b"]));
    let open = json!({"type": "object", "properties": {"b": {}}, "required": ["b"]});
    assert!(is_strict(&closed(json!({}), json!([]))));
    assert!(is_strict(&closed(
        json!({"a": inner, "c": {"type": "array", "items": {"anyOf": [inner, {"type": "null"}]}}}),
        json!(["c", "a"])
    )));
    assert!(!is_strict(&open));
    assert!(!is_strict(&closed(json!({"a": {}}), json!([]))));
    assert!(!is_strict(&closed(json!({"a": open}), json!(["a"]))));
    assert!(!is_strict(&closed(
        json!({"a": {"items": open}}),
        json!(["a"])
    )));
    assert!(!is_strict(&closed(
        json!({"a": {"anyOf": [inner, open]}}),
        json!(["a"])
    )));
    assert!(!is_strict(&closed(
        json!({"a": {"minLength": 1}}),
        json!(["a"])
    )));
    assert!(!is_strict(&json!({"anyOf": [inner]})));
}

#[test]
fn a_reply_in_text_is_read_with_its_usage() {
    let reply = openai(
        r#"{"id":"chatcmpl-B9","object":"chat.completion","created":1741569952,
            "model":"gpt-4.1-2025-04-14","choices":[{"index":0,"message":{"role":"assistant",
            "content":"Ada has 3 quotes.","refusal":null,"annotations":[]},"logprobs":null,
            "finish_reason":"stop"}],"usage":{"prompt_tokens":1117,"completion_tokens":46,
            "total_tokens":1163,"prompt_tokens_details":{"cached_tokens":1024,"audio_tokens":0},
            "completion_tokens_details":{"reasoning_tokens":12,"audio_tokens":0}},
            "service_tier":"default","system_fingerprint":"fp_1"}"#,
    );
    assert_eq!(
        reply,
        ChatReply {
            model: "gpt-4.1-2025-04-14".to_owned(),
            text: "Ada has 3 quotes.".to_owned(),
            calls: Vec::new(),
            finish: Finish::Complete,
            usage: Usage {
                input: 1117,
                output: 46,
                cached: 1024,
                cache_written: 0,
                reasoning: 12
            },
        }
    );
}

#[test]
fn parallel_calls_are_read_in_order_with_their_arguments_untouched() {
    let reply = openai(
        r#"{"model":"gpt-4.1","choices":[{"message":{"role":"assistant","content":null,
            "tool_calls":[
              {"id":"call_a","type":"function","function":{"name":"find",
               "arguments":"{\"total\": 100000000000000000000.10}"}},
              {"id":"call_b","type":"function","function":{"name":"make",
               "arguments":"{\"name\": "}}]},
            "finish_reason":"tool_calls"}],"usage":null}"#,
    );
    assert_eq!(reply.finish, Finish::Calls);
    assert_eq!(
        reply.calls,
        [
            call("call_a", "find", "{\"total\": 100000000000000000000.10}"),
            call("call_b", "make", "{\"name\": "),
        ]
    );
    assert_eq!((reply.text.as_str(), reply.usage), ("", Usage::default()));
}

#[test]
fn servers_that_leave_things_out_are_understood() {
    // As vLLM replies, with nulls; then as Ollama and llama.cpp do.
    let nulls = openai(
        r#"{"model":"qwen","choices":[{"index":0,"message":{"role":"assistant",
            "reasoning_content":null,"content":"Hi","tool_calls":[],"function_call":null},
            "finish_reason":"stop","stop_reason":null}],"prompt_logprobs":null,
            "usage":{"prompt_tokens":5,"total_tokens":7,"completion_tokens":2,
            "prompt_tokens_details":null}}"#,
    );
    assert_eq!(
        (nulls.text.as_str(), nulls.finish),
        ("Hi", Finish::Complete)
    );
    assert_eq!(
        (nulls.usage.input, nulls.usage.output, nulls.usage.cached),
        (5, 2, 0)
    );

    let object = openai(
        r#"{"model":"llama","choices":[{"message":{"role":"assistant","content":"",
            "tool_calls":[{"type":"function","function":{"name":"find",
            "arguments":{"z": 1.0, "a": 18446744073709551616}}},
            {"function":{"name":"list"}}]},"finish_reason":"stop"}]}"#,
    );
    assert_eq!(object.finish, Finish::Calls);
    assert_eq!(
        object.calls,
        [
            call("call_0", "find", r#"{"z": 1.0, "a": 18446744073709551616}"#),
            call("call_1", "list", "{}"),
        ]
    );

    let legacy = choice(
        r#"{"message":{"content":null,"function_call":{"name":"find","arguments":"{}"}},
            "finish_reason":"function_call"}"#,
    );
    assert_eq!(legacy.unwrap().calls, [call("call_0", "find", "{}")]);

    let parts = choice(
        r#"{"message":{"content":[{"type":"text","text":"a"},{"type":"audio"},
            {"type":"text","text":"b"}]},"finish_reason":null}"#,
    );
    assert_eq!(parts.unwrap().text, "ab");
}

#[test]
fn refusals_and_truncation_are_told_apart() {
    let finish = |json| choice(json).map(|reply| (reply.finish, reply.text, reply.calls.len()));
    let ok = |finish, text: &str, calls| Ok((finish, text.to_owned(), calls));
    assert_eq!(
        finish(r#"{"message":{"content":null,"refusal":"I can't."},"finish_reason":"stop"}"#),
        ok(Finish::Refusal, "I can't.", 0)
    );
    assert_eq!(
        finish(r#"{"message":{"content":"Wel"},"finish_reason":"content_filter"}"#),
        ok(Finish::Refusal, "Wel", 0)
    );
    assert_eq!(
        finish(r#"{"message":{"content":[{"type":"refusal","refusal":"No."}]}}"#),
        ok(Finish::Refusal, "No.", 0)
    );
    assert_eq!(
        finish(
            r#"{"message":{"tool_calls":[{"id":"a","function":{"name":"t","arguments":"{\"a"}}]},
                "finish_reason":"length"}"#
        ),
        ok(Finish::Length, "", 1)
    );
    assert_eq!(
        finish(r#"{"message":{"content":"x"},"finish_reason":"error"}"#),
        Err(WireError::UnknownFinish("error".to_owned()))
    );
}

#[test]
fn a_reply_of_another_shape_names_the_place() {
    let cases = [
        ("{}", "choices"),
        (r#"{"choices":[]}"#, "choices"),
        (r#"{"choices":{}}"#, "choices"),
        (r#"{"choices":[{}]}"#, "choices[0].message"),
        (r#"{"choices":[{"message":"hi"}]}"#, "choices[0].message"),
        (
            r#"{"choices":[{"message":{"content":5}}]}"#,
            "choices[0].message.content",
        ),
        (
            r#"{"choices":[{"message":{"content":"\ud800"}}]}"#,
            "choices[0].message.content",
        ),
        (
            r#"{"choices":[{"message":{"tool_calls":{}}}]}"#,
            "choices[0].message.tool_calls",
        ),
        (
            r#"{"choices":[{"message":{"tool_calls":[{"id":"a"}]}}]}"#,
            "choices[0].message.tool_calls[].function",
        ),
        (r#"{"choices":[{"message":{}}],"usage":7}"#, "usage"),
        (
            r#"{"choices":[{"message":{}}],"usage":{"prompt_tokens":-1}}"#,
            "usage.prompt_tokens",
        ),
        (
            r#"{"choices":[{"message":{}}],"usage":{"completion_tokens":18446744073709551616}}"#,
            "usage.completion_tokens",
        ),
    ];
    for (json, place) in cases {
        match read(Wire::OpenAi, json) {
            Err(WireError::Shape { at, .. }) => assert_eq!(at, place, "{json}"),
            other => panic!("{json}: {other:?}"),
        }
    }
}

#[test]
fn the_message_of_an_error_is_found_wherever_a_server_puts_it() {
    let cases = [
        (
            r#"{"error":{"message":"No such model","type":"x","code":"y"}}"#,
            "No such model",
        ),
        (r#"{"error":"model not found"}"#, "model not found"),
        (
            r#"{"object":"error","message":"too long","code":400}"#,
            "too long",
        ),
        (r#"{"detail":"Not Found"}"#, "Not Found"),
        (
            r#"{"detail": [{"loc": ["body"]}]}"#,
            r#"[{"loc":["body"]}]"#,
        ),
    ];
    for (json, expected) in cases {
        let text = error_text(Wire::OpenAi, json.as_bytes());
        assert_eq!(text.as_deref(), Some(expected));
    }
}

#[test]
fn details_of_usage_are_never_more_than_the_whole() {
    let reply = openai(
        r#"{"choices":[{"message":{"content":"x"}}],"usage":{
            "prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":6},
            "completion_tokens":2,"completion_tokens_details":{"reasoning_tokens":9}}}"#,
    );
    assert_eq!((reply.usage.cached, reply.usage.reasoning), (5, 2));
}
