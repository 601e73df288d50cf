//! The provider answers, misbehaves and counts as it is told, over plain sockets.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use proctor_provider::{
    Answer, Ending, Fault, Provider, Reply, Usage, Wire, always, by_last_message, script,
};
use serde_json::{Value, json};

/// Longest time a test waits for anything.
const PATIENCE: Duration = Duration::from_secs(20);

const USAGE: Usage = Usage {
    input: 100,
    output: 20,
    cached: 30,
    cache_written: 10,
    reasoning: 5,
};

/// Sends a request and reads until the server closes.
fn raw(provider: &Provider, path: &str, body: &Value) -> Vec<u8> {
    let address = provider.url().replace("http://", "");
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let body = body.to_string();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-length: {}\r\nX-Api-Key: k\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = Vec::new();
    // A cut is an error on some systems, and the end on others.
    let _ = stream.read_to_end(&mut answer);
    answer
}

/// Head and body of the answer.
fn parts(answer: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(answer).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

fn ask(provider: &Provider, wire: Wire, text: &str) -> (String, String) {
    let path = match wire {
        Wire::OpenAi => "/some/prefix/v1/chat/completions?version=1",
        Wire::Anthropic => "/v1/messages",
    };
    let body = json!({"model": "m", "messages": [{"role": "user", "content": text}]});
    parts(&raw(provider, path, &body))
}

fn reply_to(provider: &Provider, wire: Wire) -> Value {
    let (head, body) = ask(provider, wire, "hello");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    serde_json::from_str(&body).unwrap()
}

#[test]
fn a_reply_is_in_the_wire_of_the_request() {
    let call = Reply::call("id1", "search", "{\"x\":1}").costing(USAGE);
    let provider = Provider::start(always(call));
    let openai = reply_to(&provider, Wire::OpenAi);
    let choice = &openai["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    let function = &choice["message"]["tool_calls"][0]["function"];
    assert_eq!(
        *function,
        json!({"name": "search", "arguments": "{\"x\":1}"})
    );
    assert_eq!(openai["usage"]["prompt_tokens"], 100);
    assert_eq!(openai["model"], "m");

    let anthropic = reply_to(&provider, Wire::Anthropic);
    assert_eq!(anthropic["stop_reason"], "tool_use");
    assert_eq!(anthropic["content"][0]["input"], json!({"x": 1}));
    assert_eq!(
        anthropic["usage"],
        json!({"input_tokens": 60, "cache_read_input_tokens": 30,
               "cache_creation_input_tokens": 10, "output_tokens": 20})
    );
}

#[test]
fn refusals_and_cut_off_replies_are_told_apart() {
    let provider = Provider::start(script([
        Reply::text("never").ending(Ending::Refusal),
        Reply::text("never").ending(Ending::Refusal),
        Reply::text("and then").ending(Ending::Truncated),
        Reply::text("and then").ending(Ending::Truncated),
    ]));
    let refused = reply_to(&provider, Wire::OpenAi);
    assert_eq!(refused["choices"][0]["message"]["refusal"], "never");
    assert_eq!(refused["choices"][0]["message"]["content"], Value::Null);
    assert_eq!(
        reply_to(&provider, Wire::Anthropic)["stop_reason"],
        "refusal"
    );
    let cut_off = reply_to(&provider, Wire::OpenAi);
    assert_eq!(cut_off["choices"][0]["finish_reason"], "length");
    assert_eq!(
        reply_to(&provider, Wire::Anthropic)["stop_reason"],
        "max_tokens"
    );
}

#[test]
fn what_was_asked_is_kept_and_what_was_answered_is_counted() {
    let provider = Provider::start(always(Reply::text("x").costing(USAGE)));
    reply_to(&provider, Wire::OpenAi);
    reply_to(&provider, Wire::Anthropic);
    let requests = provider.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(
        requests[0].path,
        "/some/prefix/v1/chat/completions?version=1"
    );
    assert_eq!(requests[0].header("x-api-key"), Some("k"));
    assert_eq!((requests[1].number, requests[1].wire), (1, Wire::Anthropic));
    assert_eq!(
        (requests[1].model(), requests[1].last_text().as_str()),
        ("m", "hello")
    );
    // Each wire says what it has words for.
    let told = Usage {
        input: 200,
        output: 40,
        cached: 60,
        cache_written: 10,
        reasoning: 5,
    };
    assert_eq!(provider.accounted(), told);
}

#[test]
fn a_brain_may_go_by_the_last_message_and_a_script_ends() {
    let echo = Provider::start(by_last_message(|text| Reply::text(text).into()));
    assert_eq!(
        reply_to(&echo, Wire::OpenAi)["choices"][0]["message"]["content"],
        "hello"
    );
    let once = Provider::start(script([Reply::text("only")]));
    reply_to(&once, Wire::OpenAi);
    let (head, body) = ask(&once, Wire::OpenAi, "again");
    assert!(head.starts_with("HTTP/1.1 400"), "{head}");
    assert!(body.contains("only 1 answers"), "{body}");
}

#[test]
fn other_paths_and_broken_requests_are_refused() {
    let provider = Provider::start(always(Reply::text("x")));
    let (head, _) = parts(&raw(&provider, "/v1/models", &json!({})));
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    assert_eq!(provider.request_count(), 0);
}

#[test]
fn a_cut_before_headers_sends_nothing_at_all() {
    let provider = Provider::start(always(Fault::CutBeforeHeaders));
    let answer = raw(&provider, "/chat/completions", &json!({}));
    assert_eq!(String::from_utf8_lossy(&answer), "");
    assert_eq!(provider.request_count(), 1);
}

#[test]
fn a_cut_in_the_body_sends_less_than_announced() {
    let provider = Provider::start(always(Fault::CutInBody));
    let (head, body) = ask(&provider, Wire::OpenAi, "x");
    let announced = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let announced: usize = announced.unwrap().parse().unwrap();
    assert!(
        !body.is_empty() && body.len() < announced,
        "{} of {announced}",
        body.len()
    );
}

#[test]
fn faults_are_as_described() {
    let faults = [
        Fault::rate_limit(Some("7")),
        Fault::InvalidJson,
        Fault::WrongContentType,
        Fault::EmptyChoices,
        Fault::Redirect {
            to: "http://elsewhere.test/".into(),
        },
        Fault::Huge { bytes: 300_000 },
        Fault::ReplyToAnother,
    ];
    let provider = Provider::start(script(faults));
    let next = || ask(&provider, Wire::OpenAi, "x");
    let (head, _) = next();
    assert!(
        head.starts_with("HTTP/1.1 429") && head.contains("retry-after: 7"),
        "{head}"
    );
    assert!(serde_json::from_str::<Value>(&next().1).is_err());
    let (head, body) = next();
    assert!(head.contains("content-type: text/html"), "{head}");
    assert!(serde_json::from_str::<Value>(&body).is_ok());
    let empty: Value = serde_json::from_str(&next().1).unwrap();
    assert_eq!(empty["choices"], json!([]));
    let (head, _) = next();
    assert!(
        head.contains("307") && head.contains("location: http://elsewhere.test/"),
        "{head}"
    );
    // Chunked: the sizes stand in between.
    assert!(next().1.len() > 300_000);
    let other: Value = serde_json::from_str(&next().1).unwrap();
    assert_eq!(other["model"], "model-of-another");
}

#[test]
fn a_drip_takes_its_time_and_is_counted_when_it_is_over() {
    let provider = Provider::start(always(Fault::SlowDrip {
        reply: Reply::text("slow").costing(USAGE),
        chunk_bytes: 100,
        pause: Duration::from_millis(30),
    }));
    let begun = Instant::now();
    reply_to(&provider, Wire::Anthropic);
    assert!(begun.elapsed() >= Duration::from_millis(60));
    assert_eq!(provider.accounted().output, 20);
}

#[test]
fn requests_under_way_at_the_same_time_are_counted() {
    let provider = Provider::start(always(Answer::Delayed(
        Duration::from_millis(500),
        Reply::text("late"),
    )));
    thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| reply_to(&provider, Wire::OpenAi));
        }
    });
    assert_eq!(provider.most_at_once(), 20);
}

#[test]
fn a_dropped_provider_is_gone_even_while_a_request_hangs() {
    let provider = Provider::start(always(Fault::Hang));
    let address = provider.url().replace("http://", "");
    let mut hanging = TcpStream::connect(&address).unwrap();
    hanging.set_read_timeout(Some(PATIENCE)).unwrap();
    hanging
        .write_all(b"POST /messages HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\n{}")
        .unwrap();
    while provider.request_count() == 0 {
        thread::sleep(Duration::from_millis(5));
    }
    drop(provider);
    let mut answer = Vec::new();
    let _ = hanging.read_to_end(&mut answer);
    assert!(answer.is_empty());
    assert!(TcpStream::connect(&address).is_err());
}
