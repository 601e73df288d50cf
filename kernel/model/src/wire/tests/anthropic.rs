//! What is sent on Anthropic's wire, and how its replies are read.

use serde_json::json;

use super::*;
use crate::chat::{Finish, Usage};

/// A schema that a tool may have.
const ANSWER: &str = r#"{"type":"object","properties":{"why":{},"score":{"type":"number"}}}"#;

fn cached() -> ModelSettings {
    ModelSettings {
        prompt_cache: true,
        ..model()
    }
}

fn held() -> ChatRequest {
    ChatRequest {
        output_schema: Some(ANSWER.to_owned()),
        ..hello()
    }
}

#[test]
fn a_whole_request_is_in_the_body() {
    let full = ChatRequest {
        own_tools: vec![tool("decline", r#"{"type":"object"}"#)],
        tool_choice: ToolChoice::Required,
        sampling: Sampling {
            temperature: Some(0.0),
            top_p: Some(0.9),
            seed: Some(7),
            stop: vec!["END".to_owned()],
        },
        ..request(
            vec![
                says(Speaker::System, "Work."),
                says(Speaker::User, "Find \"Ada\"."),
                says(Speaker::System, "Today is Monday."),
                asks(
                    "Looking.",
                    vec![call("a", "find", "{\"n\": 1.0}"), call("b", "find", "oops")],
                ),
                answers("a", "[]"),
                says(Speaker::User, "Be quick."),
                answers("b", ""),
            ],
            vec![tool("find", r#"{"type":"object","properties":{}}"#)],
        )
    };
    let mark = json!({"type": "ephemeral"});
    assert_eq!(
        sent(Wire::Anthropic, &full, &cached()),
        json!({
            "model": "small-1",
            "max_tokens": 100,
            "system": [
                {"type": "text", "text": "Work."},
                {"type": "text", "text": "Today is Monday.", "cache_control": mark},
            ],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Find \"Ada\"."}]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "Looking."},
                    {"type": "tool_use", "id": "a", "name": "find", "input": {"n": 1.0}},
                    {"type": "tool_use", "id": "b", "name": "find",
                     "input": {"malformed": "oops"}},
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "a", "content": "[]"},
                    {"type": "tool_result", "tool_use_id": "b"},
                    {"type": "text", "text": "Be quick."},
                ]},
            ],
            "tool_choice": {"type": "any"},
            "tools": [
                {"name": "find", "description": "Does find.",
                 "input_schema": {"type": "object", "properties": {}}},
                {"name": "decline", "description": "Does decline.",
                 "input_schema": {"type": "object"}, "cache_control": mark},
            ],
            "temperature": 0,
            "top_p": 0.9,
            "stop_sequences": ["END"],
            "stream": false,
        })
    );
}

#[test]
fn a_plain_request_has_nothing_that_it_does_not_need() {
    for plain in [model(), cached()] {
        assert_eq!(
            sent(Wire::Anthropic, &hello(), &plain),
            json!({
                "model": "small-1",
                "max_tokens": 100,
                "messages": [{"role": "user", "content": [{"type": "text", "text": "Hello"}]}],
                "stream": false,
            })
        );
    }
}

#[test]
fn arguments_go_back_with_the_numbers_that_came() {
    let arguments = r#"{"z": 100000000000000000000.10, "a": 1.0}"#;
    let asked = request(
        vec![
            says(Speaker::User, "Go"),
            asks("", vec![call("a", "t", arguments)]),
        ],
        Vec::new(),
    );
    assert!(sent_text(Wire::Anthropic, &asked).contains(arguments));
}

#[test]
fn a_conversation_without_a_user_at_its_start_is_refused() {
    for first in [
        says(Speaker::System, "Work."),
        says(Speaker::User, " \n"),
        says(Speaker::Assistant, "Hi"),
    ] {
        let error = body(Wire::Anthropic, &request(vec![first], Vec::new()), &model());
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("must start with a text of the user")
        );
    }
}

#[test]
fn a_reply_with_a_schema_is_a_tool_that_must_be_called() {
    let body = sent(Wire::Anthropic, &held(), &cached());
    assert_eq!(
        body["tool_choice"],
        json!({"type": "tool", "name": "reply"})
    );
    assert_eq!(body["tools"].as_array().unwrap().len(), 1);
    assert_eq!(body["tools"][0]["name"], "reply");
    assert_eq!(
        body["tools"][0]["input_schema"].to_string().len(),
        ANSWER.len()
    );
    assert_eq!(body["system"], Value::Null);
}

#[test]
fn a_schema_that_no_tool_can_stand_for_is_told_to_the_model() {
    let with_tools = ChatRequest {
        own_tools: vec![tool("look", "{}")],
        ..held()
    };
    let choice = r#"{"type":"object","anyOf":[{"type":"object"}]}"#;
    let of_a_choice = ChatRequest {
        output_schema: Some(choice.to_owned()),
        ..hello()
    };
    for (told, schema) in [(with_tools, ANSWER), (of_a_choice, choice)] {
        let body = sent(Wire::Anthropic, &told, &model());
        assert!(
            body["system"][0]["text"]
                .as_str()
                .unwrap()
                .ends_with(schema)
        );
        assert!(!body["tools"].to_string().contains("\"reply\""));
    }
    let unable = ModelSettings {
        structured: Structured::None,
        ..model()
    };
    let body = sent(Wire::Anthropic, &held(), &unable);
    assert_eq!(
        (&body["system"], &body["tools"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn what_the_forced_tool_is_called_with_is_the_replys_text() {
    let json = r#"{"model":"claude","stop_reason":"tool_use","content":[
        {"type":"text","text":"Here:"},
        {"type":"tool_use","id":"toolu_1","name":"reply",
         "input":{ "why": "a  b", "score": 0.50 }}]}"#;
    let forced = reply(Wire::Anthropic, json.as_bytes(), &held(), &model()).unwrap();
    assert_eq!(forced.text, r#"{"why":"a  b","score":0.50}"#);
    assert_eq!((forced.calls.len(), forced.finish), (0, Finish::Complete));

    // Where nothing was forced it is a call like any other.
    let free = read(Wire::Anthropic, json).unwrap();
    assert_eq!((free.text.as_str(), free.finish), ("Here:", Finish::Calls));
    assert_eq!(
        free.calls,
        [call(
            "toolu_1",
            "reply",
            r#"{ "why": "a  b", "score": 0.50 }"#
        )]
    );
}

#[test]
fn a_reply_with_reasoning_and_parallel_calls_is_read_with_its_usage() {
    let reply = read(
        Wire::Anthropic,
        r#"{"id":"msg_01","type":"message","role":"assistant","model":"claude-sonnet-4-5-20250929",
            "content":[{"type":"thinking","thinking":"hm","signature":"Eq"},
              {"type":"text","text":"I'll look "},{"type":"text","text":"both up."},
              {"type":"tool_use","id":"toolu_1","name":"find","input":{"n":1e2,"b":-0.0}},
              {"type":"tool_use","id":"toolu_2","name":"list","input":{}}],
            "stop_reason":"tool_use","stop_sequence":null,
            "usage":{"input_tokens":12,"cache_creation_input_tokens":100,
              "cache_read_input_tokens":1000,"cache_creation":{"ephemeral_5m_input_tokens":100},
              "output_tokens":46,"service_tier":"standard"}}"#,
    );
    assert_eq!(
        reply.unwrap(),
        ChatReply {
            model: "claude-sonnet-4-5-20250929".to_owned(),
            text: "I'll look both up.".to_owned(),
            calls: vec![
                call("toolu_1", "find", r#"{"n":1e2,"b":-0.0}"#),
                call("toolu_2", "list", "{}"),
            ],
            finish: Finish::Calls,
            usage: Usage {
                input: 1112,
                output: 46,
                cached: 1000,
                cache_written: 100,
                reasoning: 0
            },
        }
    );
}

#[test]
fn every_reason_to_stop_is_told_apart() {
    let finish = |reason: &str| {
        let json = format!(
            r#"{{"model":"m","content":[{{"type":"text","text":"x"}}],"stop_reason":{reason}}}"#
        );
        read(Wire::Anthropic, &json).map(|reply| reply.finish)
    };
    assert_eq!(finish("\"end_turn\""), Ok(Finish::Complete));
    assert_eq!(finish("\"stop_sequence\""), Ok(Finish::Complete));
    assert_eq!(finish("\"pause_turn\""), Ok(Finish::Complete));
    assert_eq!(finish("null"), Ok(Finish::Complete));
    assert_eq!(finish("\"max_tokens\""), Ok(Finish::Length));
    assert_eq!(finish("\"refusal\""), Ok(Finish::Refusal));
    assert_eq!(
        finish("\"new\""),
        Err(WireError::UnknownFinish("new".to_owned()))
    );
}

#[test]
fn a_reply_of_another_shape_names_the_place() {
    let cases = [
        ("{}", "content"),
        (r#"{"content":"hi"}"#, "content"),
        (
            r#"{"content":[{"type":"text","text":{}}]}"#,
            "content[].text",
        ),
        (
            r#"{"content":[{"type":"tool_use","input":{}}]}"#,
            "content[].name",
        ),
        (
            r#"{"content":[{"type":"tool_use","name":"t","input":"{}"}]}"#,
            "content[].input",
        ),
        (r#"{"content":[],"usage":[]}"#, "usage"),
        (
            r#"{"content":[],"usage":{"output_tokens":1.5}}"#,
            "usage.output_tokens",
        ),
        (r#"{"content":[],"model":1}"#, "model"),
    ];
    for (json, place) in cases {
        match read(Wire::Anthropic, json) {
            Err(WireError::Shape { at, .. }) => assert_eq!(at, place, "{json}"),
            other => panic!("{json}: {other:?}"),
        }
    }
}

#[test]
fn tokens_beyond_all_bounds_are_the_largest_number() {
    let usage = r#"{"content":[],"usage":{"input_tokens":18446744073709551615,
        "cache_read_input_tokens":18446744073709551615,"output_tokens":1}}"#;
    assert_eq!(read(Wire::Anthropic, usage).unwrap().usage.input, u64::MAX);
}

#[test]
fn the_message_of_an_error_comes_with_its_type() {
    let json = r#"{"type":"error","error":{"type":"invalid_request_error","message":"bad"}}"#;
    let text = error_text(Wire::Anthropic, json.as_bytes());
    assert_eq!(text.as_deref(), Some("invalid_request_error: bad"));
}
