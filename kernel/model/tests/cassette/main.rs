//! Cassettes: what goes in comes out, and whatever is wrong with a file is said.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod damage;
mod misses;
mod properties;
mod recording;
mod secrets;

use std::fs;
use std::path::{Path, PathBuf};

use proctor_model::cassette::{
    Cassette, CassetteError, Exchange, Failed, Header, Place, Redactor, Retained, rewrite, verify,
};
use proctor_model::{
    ChatReply, ChatRequest, Finish, Message, Role, Sampling, Speaker, Tool, ToolCall, ToolChoice,
    Tools, Usage,
};
use tempfile::TempDir;

fn header() -> Header {
    Header {
        suite: "crm-core".into(),
        suite_digest: "digest-of-crm-core".into(),
        proctor: "0.1.0".into(),
        note: Some("weights under Apache-2.0".into()),
    }
}

fn message(speaker: Speaker, text: &str) -> Message {
    Message {
        speaker,
        text: text.into(),
        calls: Vec::new(),
        answers: None,
    }
}

fn tools() -> Tools {
    Tools::new(vec![Tool {
        name: "client_search".into(),
        description: "Finds clients".into(),
        input_schema: r#"{"type":"object"}"#.into(),
    }])
}

fn request(messages: Vec<Message>) -> ChatRequest {
    ChatRequest {
        model: "gpt-4.1".into(),
        messages,
        tools: tools(),
        own_tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        output_schema: None,
        sampling: Sampling {
            temperature: Some(0.0),
            ..Sampling::default()
        },
        tokens_max: 512,
    }
}

fn reply(text: &str) -> ChatReply {
    ChatReply {
        model: "gpt-4.1-2025-04-14".into(),
        text: text.into(),
        calls: Vec::new(),
        finish: Finish::Complete,
        usage: Usage {
            input: 100,
            output: 7,
            ..Usage::default()
        },
    }
}

fn retained(text: &str) -> Retained {
    Retained {
        result: Ok(reply(text)),
        attempts: 1,
        latency_us: 81_234,
    }
}

/// The place of a request in an episode, the first of its kind.
fn place<'a>(episode: &'a str, step: u32, request: &ChatRequest) -> Place<'a> {
    Place {
        episode,
        role: Role::Student,
        step,
        request: request.digest(),
        occurrence: 0,
    }
}

/// What an agent says before each of `steps` steps of an episode, as requests.
fn conversation(episode: &str, steps: u32) -> Vec<ChatRequest> {
    let mut messages = vec![
        message(
            Speaker::System,
            "You work in a CRM. Look up before you change.",
        ),
        message(Speaker::User, &format!("Please look after {episode}.")),
    ];
    let mut requests = Vec::new();
    for step in 0..steps {
        requests.push(request(messages.clone()));
        messages.push(message(
            Speaker::Assistant,
            &format!("{episode}: step {step}"),
        ));
        messages.push(message(Speaker::Tool, &format!("{episode}: result {step}")));
    }
    requests
}

fn record_all(cassette: &Cassette, episode: &str, steps: u32) {
    for (step, request) in (0..).zip(conversation(episode, steps)) {
        let said = retained(&format!("{episode}: step {step}"));
        cassette
            .record(&place(episode, step, &request), &request, &said)
            .unwrap();
    }
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn create(&self, name: &str) -> Cassette {
        Cassette::create(self.file(name), &header(), Redactor::default()).unwrap()
    }

    /// A finished cassette with two episodes of three calls each.
    fn small(&self) -> PathBuf {
        let cassette = self.create("small.cassette");
        record_all(&cassette, "one#0", 3);
        record_all(&cassette, "two#0", 3);
        cassette.finish().unwrap();
        self.file("small.cassette")
    }
}

fn extend(path: &Path) -> Result<Cassette, CassetteError> {
    Cassette::extend(path, &header(), Redactor::default())
}

fn open_error(path: &Path) -> CassetteError {
    Cassette::open(path, None).expect_err("it must be refused")
}

fn all(cassette: &Cassette) -> Vec<Exchange> {
    cassette.exchanges().collect::<Result<_, _>>().unwrap()
}
