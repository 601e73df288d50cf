//! Every fault of a provider, over real sockets, and what becomes of it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod faults;
mod key;
mod limits;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use proctor_provider as fake;
use reqwest::Url;

use super::*;
use crate::chat::{Message, Sampling, Speaker, Tool, ToolChoice, Tools};
use crate::settings::{Auth, Structured, Wire};

/// A key that no text has by chance.
const KEY: &str = "sk-canary-4f1c9be2";
/// Attempts of every call here, unless a test says otherwise.
const ATTEMPTS_MAX: u32 = 3;
/// Longest time a call may take here that waits for nothing in particular.
const PATIENCE: Duration = Duration::from_secs(20);

const BOTH: [Wire; 2] = [Wire::OpenAi, Wire::Anthropic];

/// How a fake provider is reached, with pauses that nobody notices.
fn settings(server: &fake::Provider, wire: Wire) -> ProviderSettings {
    ProviderSettings {
        name: "fake".into(),
        wire,
        base_url: Url::parse(&format!("{}/v1", server.url())).unwrap(),
        key_env: Some("FAKE_KEY".into()),
        auth: Auth::Bearer,
        concurrency_max: 4,
        requests_per_minute_max: None,
        call_time_max: PATIENCE,
        attempts_max: ATTEMPTS_MAX,
        pause_max: Duration::from_millis(5),
    }
}

fn provider(settings: &ProviderSettings) -> Provider {
    Provider::new(settings, Some(KEY.into())).unwrap()
}

fn model() -> ModelSettings {
    ModelSettings {
        name: "m".into(),
        provider: "fake".into(),
        id: "model-1".into(),
        sampling: Sampling::default(),
        seeded: false,
        tokens_max: 100,
        completion_tokens: false,
        structured: Structured::None,
        prompt_cache: false,
        calls_per_episode_max: 10,
        episode_time_max: PATIENCE,
    }
}

fn asking(text: &str) -> ChatRequest {
    ChatRequest {
        model: "model-1".into(),
        messages: vec![Message {
            speaker: Speaker::User,
            text: text.into(),
            calls: Vec::new(),
            answers: None,
        }],
        tools: Tools::new(vec![Tool {
            name: "search".into(),
            description: "Finds.".into(),
            input_schema: r#"{"type":"object","properties":{}}"#.into(),
        }]),
        own_tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        output_schema: None,
        sampling: Sampling::default(),
        tokens_max: 100,
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Asks this.
async fn chat(provider: &Provider, request: &ChatRequest) -> Result<Delivered, ProviderError> {
    let body = provider.body(request, &model()).unwrap();
    provider.chat(&body, request, &model()).await
}

/// Asks once.
fn ask(settings: &ProviderSettings) -> Result<Delivered, ProviderError> {
    block_on(chat(&provider(settings), &asking("hello")))
}

/// Asks so often at once, and waits for all.
fn ask_at_once(settings: &ProviderSettings, calls: usize) -> Vec<Result<Delivered, ProviderError>> {
    let provider = Arc::new(provider(settings));
    block_on(async {
        let tasks: Vec<_> = (0..calls)
            .map(|call| {
                let provider = Arc::clone(&provider);
                let request = asking(&format!("call {call}"));
                tokio::spawn(async move { chat(&provider, &request).await })
            })
            .collect();
        let mut outcomes = Vec::new();
        for task in tasks {
            outcomes.push(task.await.unwrap());
        }
        outcomes
    })
}
