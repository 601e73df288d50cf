//! The gateway over real sockets: every call accounted for, recorded and replayed, within budget
//! and allowance.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod allowance;
mod recording;
mod spending;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use proctor_model::cassette::{Cassette, Header, Redactor};
use proctor_model::{
    Ask, Auth, Budget, CallRecord, Catalog, ChatError, Gateway, GatewayError, GatewayOptions,
    Message, ModelSettings, Origin, PriceList, ProviderSettings, Recording, Role, Sampling,
    Speaker, Spent, Structured, ToolChoice, Tools, Wire,
};
use proctor_provider::{self as fake, Answer, Asked, Reply};
use tempfile::TempDir;

const VARIABLE: &str = "FAKE_KEY";
/// A model of each wire. They cost the same.
const MODELS: [&str; 2] = ["gpt", "claude"];
const PRICES: &str = "as_of = \"2025-10-01\"\n\
    [price.gpt]\ninput = 2\noutput = 8\ncached_input = 0.5\n\
    [price.claude]\ninput = 2\noutput = 8\ncached_input = 0.5\ncache_write = 2.5\n";

fn provider(name: &str, wire: Wire, url: &str) -> ProviderSettings {
    ProviderSettings {
        name: name.into(),
        wire,
        base_url: format!("{url}/v1").parse().unwrap(),
        key_env: Some(VARIABLE.into()),
        auth: Auth::Bearer,
        concurrency_max: 64,
        requests_per_minute_max: None,
        call_time_max: Duration::from_secs(20),
        attempts_max: 3,
        pause_max: Duration::from_millis(5),
    }
}

fn model(name: &str, provider: &str) -> ModelSettings {
    ModelSettings {
        name: name.into(),
        provider: provider.into(),
        id: format!("{name}-2025"),
        sampling: Sampling::default(),
        seeded: false,
        tokens_max: 100,
        completion_tokens: false,
        structured: Structured::None,
        prompt_cache: false,
        calls_per_episode_max: 50,
        episode_time_max: Duration::from_secs(60),
    }
}

/// A provider at this address that speaks both wires, with a model of each and one that nobody
/// knows the price of.
fn catalog(url: &str) -> Catalog {
    let mut catalog = Catalog::default();
    for (name, wire) in [("left", Wire::OpenAi), ("right", Wire::Anthropic)] {
        let settings = provider(name, wire, url);
        catalog.providers.insert(name.into(), settings);
    }
    for (name, at) in [("gpt", "left"), ("claude", "right"), ("unpriced", "left")] {
        catalog.models.insert(name.into(), model(name, at));
    }
    catalog
}

/// What a test asks for that isn't the usual.
struct Stand {
    catalog: Catalog,
    models: &'static [&'static str],
    budget: Budget,
    unpriced: bool,
    key: Option<String>,
}

impl Stand {
    fn at(url: &str) -> Self {
        Self {
            catalog: catalog(url),
            models: &MODELS,
            budget: Budget::new(None, None, Spent::default()),
            unpriced: false,
            key: Some("sk-canary-77aa51".into()),
        }
    }

    /// The same with other settings of the model `gpt`.
    fn tuned(mut self, tune: impl FnOnce(&mut ModelSettings)) -> Self {
        tune(self.catalog.models.get_mut("gpt").unwrap());
        self
    }

    fn build(self, recording: Recording) -> Result<Arc<Gateway>, GatewayError> {
        let key = |name: &str| self.key.clone().filter(|_| name == VARIABLE);
        let options = GatewayOptions {
            models: self.models,
            catalog: &self.catalog,
            prices: PriceList::parse(PRICES, Path::new("prices.toml")).unwrap(),
            unpriced: self.unpriced,
            budget: self.budget,
            recording,
            key: &key,
            redactor: Redactor::default(),
        };
        Gateway::new(options).map(Arc::new)
    }

    fn open(self, recording: Recording) -> Arc<Gateway> {
        self.build(recording).unwrap()
    }

    fn refused(self, recording: Recording) -> GatewayError {
        self.build(recording).err().expect("a gateway")
    }
}

/// A folder with room for one cassette.
struct Shelf(TempDir);

impl Shelf {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn extended(&self) -> Cassette {
        let header = Header {
            suite: "crm-core".into(),
            suite_digest: "digest".into(),
            proctor: "0.1.0".into(),
            note: None,
        };
        let path = self.0.path().join("a.cassette");
        Cassette::extend(path, &header, Redactor::default()).unwrap()
    }

    fn record(&self) -> Recording {
        Recording::Record(self.extended())
    }

    fn replay(&self) -> Recording {
        let path = self.0.path().join("a.cassette");
        Recording::Replay(Cassette::open(path, Some("digest")).unwrap())
    }
}

fn ask(text: &str) -> Ask {
    Ask {
        messages: vec![Message {
            speaker: Speaker::User,
            text: text.into(),
            calls: Vec::new(),
            answers: None,
        }],
        tools: Tools::new(Vec::new()),
        own_tools: Vec::new(),
        tool_choice: ToolChoice::Auto,
        output_schema: None,
        tokens_max: 50,
    }
}

/// What an episode was told, and what is on record of it.
type Told = (Vec<Result<String, ChatError>>, Vec<CallRecord>);

/// Asks `gpt` these texts in one episode, one after the other.
fn episode(gateway: &Arc<Gateway>, name: &str, texts: &[&str]) -> Told {
    let mut calls = gateway.episode(name, 7);
    let mut told = Vec::new();
    for (step, text) in (0..).zip(texts) {
        let replied = calls.chat(Role::Student, "gpt", step, ask(text));
        told.push(replied.reply.map(|reply| reply.text));
    }
    (told, calls.take_records())
}

/// Replies that say how many requests came before, and cost something different each.
fn numbered(asked: &Asked) -> Answer {
    let n = asked.number;
    let reply = Reply::text(format!("reply {n}"));
    reply.costing(costing(n)).into()
}

fn costing(n: u64) -> fake::Usage {
    fake::Usage {
        input: 100 + 7 * n,
        output: 10 + n,
        cached: 3 * n,
        cache_written: 2 * n,
        reasoning: n,
    }
}

/// The records as a replay has them.
fn from_cassette(records: &[CallRecord]) -> Vec<CallRecord> {
    let of = |record: &CallRecord| CallRecord {
        origin: Origin::Cassette,
        ..record.clone()
    };
    records.iter().map(of).collect()
}

/// Asks both models in all roles, some of it twice.
fn busy_run(gateway: &Arc<Gateway>) -> Vec<CallRecord> {
    let mut records = Vec::new();
    for name in ["a#0", "a#1", "b#0"] {
        let mut calls = gateway.episode(name, 7);
        for (step, role) in (0..).zip(Role::ALL) {
            for model in MODELS {
                for text in ["one", "two", "one"] {
                    calls
                        .chat(role, model, step, ask(text))
                        .reply
                        .expect("a reply");
                }
            }
        }
        records.extend(calls.take_records());
    }
    records
}
