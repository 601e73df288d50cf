//! What both wires are tested with, and what holds for both.

mod anthropic;
mod openai;
mod properties;

use std::time::Duration;

use serde_json::Value;

use super::{
    BODY_BYTES_MAX, CALLS_MAX, ERROR_CHARS_MAX, SCHEMA_BYTES_MAX, WireError, body, endpoint,
    error_text, reply,
};
use crate::chat::{
    ChatReply, ChatRequest, Message, Sampling, Speaker, Tool, ToolCall, ToolChoice, Tools,
};
use crate::settings::{Auth, ModelSettings, ProviderSettings, Structured, Wire};

const WIRES: [Wire; 2] = [Wire::OpenAi, Wire::Anthropic];

fn model() -> ModelSettings {
    ModelSettings {
        name: "small".to_owned(),
        provider: "local".to_owned(),
        id: "small-1".to_owned(),
        sampling: Sampling::default(),
        seeded: false,
        tokens_max: 500,
        completion_tokens: false,
        structured: Structured::Schema,
        prompt_cache: false,
        calls_per_episode_max: 10,
        episode_time_max: Duration::from_secs(10),
    }
}

fn says(speaker: Speaker, text: &str) -> Message {
    Message {
        speaker,
        text: text.to_owned(),
        calls: Vec::new(),
        answers: None,
    }
}

fn asks(text: &str, calls: Vec<ToolCall>) -> Message {
    Message {
        calls,
        ..says(Speaker::Assistant, text)
    }
}

fn answers(id: &str, text: &str) -> Message {
    Message {
        answers: Some(id.to_owned()),
        ..says(Speaker::Tool, text)
    }
}

fn call(id: &str, tool: &str, arguments: &str) -> ToolCall {
    ToolCall {
        id: id.to_owned(),
        tool: tool.to_owned(),
        arguments: arguments.to_owned(),
    }
}

fn tool(name: &str, schema: &str) -> Tool {
    Tool {
        name: name.to_owned(),
        description: format!("Does {name}."),
        input_schema: schema.to_owned(),
    }
}

fn request(messages: Vec<Message>, tools: Vec<Tool>) -> ChatRequest {
    ChatRequest {
        model: "small-1".to_owned(),
        messages,
        tools: Tools::new(tools),
        own_tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        output_schema: None,
        sampling: Sampling::default(),
        tokens_max: 100,
    }
}

fn hello() -> ChatRequest {
    request(vec![says(Speaker::User, "Hello")], Vec::new())
}

fn sent(wire: Wire, request: &ChatRequest, model: &ModelSettings) -> Value {
    serde_json::from_str(&body(wire, request, model).unwrap()).unwrap()
}

fn sent_text(wire: Wire, request: &ChatRequest) -> String {
    body(wire, request, &model()).unwrap()
}

fn read(wire: Wire, json: &str) -> Result<ChatReply, WireError> {
    reply(wire, json.as_bytes(), &hello(), &model())
}

/// What is wrong with a request, on either wire.
fn problem(request: &ChatRequest) -> String {
    let [one, other] = WIRES.map(|wire| match body(wire, request, &model()) {
        Err(WireError::Invalid(problem)) => problem,
        other => panic!("{other:?}"),
    });
    assert_eq!(one, other);
    one
}

fn provider(wire: Wire, base_url: &str) -> ProviderSettings {
    ProviderSettings {
        name: "p".to_owned(),
        wire,
        base_url: base_url.parse().unwrap(),
        key_env: None,
        auth: Auth::None,
        concurrency_max: 1,
        requests_per_minute_max: None,
        call_time_max: Duration::from_secs(1),
        attempts_max: 1,
        pause_max: Duration::from_secs(1),
    }
}

#[test]
fn the_endpoint_keeps_the_path_and_the_query_of_the_base() {
    let cases = [
        (
            Wire::OpenAi,
            "https://a.example/v1",
            "https://a.example/v1/chat/completions",
        ),
        (
            Wire::OpenAi,
            "https://a.example/v1//",
            "https://a.example/v1/chat/completions",
        ),
        (
            Wire::OpenAi,
            "http://127.0.0.1:8080",
            "http://127.0.0.1:8080/chat/completions",
        ),
        (
            Wire::OpenAi,
            "https://a.example/openai/deployments/gpt%2041?api-version=2024-10-21",
            "https://a.example/openai/deployments/gpt%2041/chat/completions?api-version=2024-10-21",
        ),
        (
            Wire::Anthropic,
            "https://a.example/v1/",
            "https://a.example/v1/messages",
        ),
    ];
    for (wire, base, expected) in cases {
        assert_eq!(endpoint(&provider(wire, base)).as_str(), expected);
    }
}

#[test]
fn a_schema_that_is_no_json_object_is_refused() {
    for (schema, says) in [("[]", "must be a JSON object"), ("{\"a\":", "is not JSON")] {
        let offered = request(vec![says_user()], vec![tool("look", schema)]);
        assert!(problem(&offered).starts_with("the schema of tool `look`"));
        assert!(problem(&offered).contains(says));
        let held = ChatRequest {
            output_schema: Some(schema.to_owned()),
            ..hello()
        };
        assert!(problem(&held).starts_with("the schema of the reply"));
    }
}

fn says_user() -> Message {
    says(Speaker::User, "Hello")
}

#[test]
fn a_schema_that_is_too_large_is_refused() {
    let schema = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    let offered = |bytes| request(vec![says_user()], vec![tool("look", &schema(bytes))]);
    assert!(body(Wire::OpenAi, &offered(SCHEMA_BYTES_MAX), &model()).is_ok());
    assert!(problem(&offered(SCHEMA_BYTES_MAX + 1)).contains("262145 bytes; at most 262144"));
}

#[test]
fn a_request_that_is_too_large_is_refused() {
    let long = request(
        vec![says(Speaker::User, &"x".repeat(BODY_BYTES_MAX))],
        Vec::new(),
    );
    for wire in WIRES {
        let error = body(wire, &long, &model()).unwrap_err().to_string();
        assert!(error.contains("at most 33554432"), "{error}");
    }
}

#[test]
fn tools_that_no_provider_takes_are_refused() {
    let with = |names: &[&str]| {
        let tools = names.iter().map(|name| tool(name, "{}")).collect();
        request(vec![says_user()], tools)
    };
    assert!(problem(&with(&["a b"])).contains("letters, digits"));
    assert!(problem(&with(&[""])).contains("1 to 64"));
    assert!(problem(&with(&[&"x".repeat(65)])).contains("1 to 64"));
    assert!(problem(&with(&["a", "b", "a"])).contains("`a` is offered twice"));
    let own = ChatRequest {
        own_tools: vec![tool("a", "{}")],
        ..with(&["a"])
    };
    assert!(problem(&own).contains("`a` is offered twice"));
    let required = ChatRequest {
        tool_choice: ToolChoice::Required,
        ..hello()
    };
    assert!(problem(&required).contains("no tool is offered"));
}

#[test]
fn a_conversation_that_does_not_hang_together_is_refused() {
    let with = |messages| request(messages, Vec::new());
    assert!(problem(&with(Vec::new())).contains("no message"));
    assert!(problem(&with(vec![says_user(), answers("x", "1")])).contains("message 1 answers"));
    assert!(problem(&with(vec![says(Speaker::Tool, "1")])).contains("must say which call"));
    let strange = Message {
        speaker: Speaker::User,
        ..asks("", vec![call("x", "t", "{}")])
    };
    assert!(problem(&with(vec![strange])).contains("message 0 has calls"));
    let strange = Message {
        speaker: Speaker::User,
        ..answers("x", "1")
    };
    assert!(problem(&with(vec![strange])).contains("only a message of a tool does"));
}

#[test]
fn numbers_that_json_has_no_form_for_are_refused() {
    let sampling = Sampling {
        temperature: Some(f64::NAN),
        ..Sampling::default()
    };
    assert!(
        problem(&ChatRequest {
            sampling,
            ..hello()
        })
        .contains("`temperature`")
    );
    let sampling = Sampling {
        top_p: Some(f64::INFINITY),
        ..Sampling::default()
    };
    assert!(
        problem(&ChatRequest {
            sampling,
            ..hello()
        })
        .contains("`top_p`")
    );
    assert!(
        problem(&ChatRequest {
            tokens_max: 0,
            ..hello()
        })
        .contains("`tokens_max`")
    );
}

#[test]
fn a_schema_reaches_the_model_in_its_authors_order_with_its_authors_numbers() {
    let schema = r#"{"type":"object","properties":{"thought":{},"action":{"maximum":1.50e400}}}"#;
    let offered = request(vec![says_user()], vec![tool("look", schema)]);
    for wire in WIRES {
        assert!(sent_text(wire, &offered).contains(schema));
    }
}

#[test]
fn a_reply_that_is_no_json_is_told_as_such() {
    for wire in WIRES {
        for bytes in [
            &b"<html>"[..],
            b"",
            b"{\"choices\":[",
            b"\"\xff\"",
            b"{} {}",
        ] {
            let error = reply(wire, bytes, &hello(), &model()).unwrap_err();
            assert!(matches!(error, WireError::NotJson(_)), "{error:?}");
        }
    }
}

#[test]
fn a_reply_nested_without_end_is_an_error() {
    for wire in WIRES {
        for (open, close) in [("[", "]"), ("{\"choices\":", "}"), ("{\"content\":", "}")] {
            let depth = 200_000;
            let json = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let error = read(wire, &json).unwrap_err();
            assert!(matches!(error, WireError::Shape { .. }), "{error:?}");
        }
    }
}

#[test]
fn an_error_under_a_good_status_is_passed_on() {
    let json = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    for wire in WIRES {
        let error = read(wire, json).unwrap_err();
        assert!(matches!(&error, WireError::Reported(text) if text.contains("Overloaded")));
    }
}

#[test]
fn the_text_of_an_error_is_one_line_of_limited_length() {
    let json = format!(
        r#"{{"error":{{"message":"a\n\u001bb{}"}}}}"#,
        "é".repeat(5_000)
    );
    for wire in WIRES {
        let text = error_text(wire, json.as_bytes()).unwrap();
        assert_eq!(text.chars().count(), ERROR_CHARS_MAX);
        assert!(text.starts_with("a  bé"), "{text:?}");
        assert_eq!(error_text(wire, b"<html>Bad gateway</html>"), None);
        assert_eq!(error_text(wire, b"{}"), None);
        assert_eq!(error_text(wire, b"\xff"), None);
    }
}

/// A reply that asks for so many calls, all under this id.
fn many_calls(wire: Wire, count: usize, id: &str) -> String {
    let call = match wire {
        Wire::OpenAi => format!(r#"{{"id":"{id}","function":{{"name":"t","arguments":"{{}}"}}}}"#),
        Wire::Anthropic => format!(r#"{{"type":"tool_use","id":"{id}","name":"t","input":{{}}}}"#),
    };
    let calls = vec![call; count].join(",");
    match wire {
        Wire::OpenAi => format!(r#"{{"choices":[{{"message":{{"tool_calls":[{calls}]}}}}]}}"#),
        Wire::Anthropic => format!(r#"{{"content":[{calls}]}}"#),
    }
}

#[test]
fn a_reply_may_ask_for_so_many_calls_and_no_more() {
    for wire in WIRES {
        let most = read(wire, &many_calls(wire, CALLS_MAX, "x")).unwrap();
        assert_eq!(most.calls.len(), CALLS_MAX);
        let error = read(wire, &many_calls(wire, CALLS_MAX + 1, "x")).unwrap_err();
        assert_eq!(error, WireError::TooManyCalls);
    }
}

#[test]
fn calls_that_share_an_id_or_lack_one_are_told_apart_also_from_earlier_ones() {
    let before = asks("", vec![call("call_1", "t", "{}"), call("x", "t", "{}")]);
    let asked = request(vec![says_user(), before], vec![tool("t", "{}")]);
    for wire in WIRES {
        for id in ["", "x"] {
            let json = many_calls(wire, 3, id);
            let reply = reply(wire, json.as_bytes(), &asked, &model()).unwrap();
            let ids: Vec<_> = reply.calls.iter().map(|call| call.id.as_str()).collect();
            assert_eq!(ids, ["call_0", "call_2", "call_3"]);
        }
    }
}
