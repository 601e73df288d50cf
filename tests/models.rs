//! Models, asked through the program: recorded, replayed to the byte, held to a budget, kept from
//! what they may not know. The model is a server on this machine that says what the test wants.

mod budget;
mod cassettes;
mod dry_run;
mod outcomes;
mod refused;
mod replay;
mod secrets;

use proctor_provider::{Answer, Asked, Provider, Reply, Usage};
use serde_json::Value;

use crate::proctor::{Ran, Sandbox};
use crate::records::SMALL;
use crate::telemetry::outside_wall;

/// Tokens of every request: near what the largest of them could have.
const TOKENS_IN: u64 = 20_000;
const TOKENS_OUT: u64 = 7;
const TOKENS_CACHED: u64 = 5;

/// Turns of the small suite's tasks, each of which is two calls of the model.
const CALLS: u64 = 10;

const PRICES: &str = "as_of = \"2026-01-15\"\n[price.fake]\ninput = 2\noutput = 8\n\
                      [price.judge]\ninput = 1\noutput = 1\n";

/// A sandbox with the small suite, and a model that is asked.
pub struct Place {
    pub sandbox: Sandbox,
    pub provider: Provider,
}

impl Place {
    /// `settings` stand in the models file with the provider.
    pub fn with(settings: &str, brain: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        let place = Self {
            sandbox: Sandbox::with_small_suite(),
            provider: Provider::start(brain),
        };
        let url = place.provider.url();
        place.sandbox.write("models.toml", models(&url, settings));
        place.sandbox.write("prices.toml", PRICES);
        place
    }

    /// With a model that looks something up in each turn, and says what it found.
    pub fn diligent() -> Self {
        Self::with("", diligent)
    }

    /// The run that all tests make, with these options.
    fn command<'a>(options: &[&'a str]) -> Vec<&'a str> {
        let run = [
            "run",
            "--suite",
            SMALL,
            "--policy",
            "model-agent",
            "--model",
            "fake",
            "--models",
            "models.toml",
            "--prices",
            "prices.toml",
        ];
        [&run[..], options].concat()
    }

    pub fn run(&self, options: &[&str]) -> Ran {
        self.sandbox.proctor(Self::command(options))
    }

    /// Records a run in a folder, on the cassette `a.cassette`.
    pub fn record(&self, folder: &str) -> Ran {
        self.run(&[
            "--cassette",
            "a.cassette",
            "--mode",
            "record",
            "--out",
            folder,
        ])
    }

    /// Replays that cassette.
    fn replay(&self, folder: &str, options: &[&str]) -> Ran {
        let replay = [
            "--cassette",
            "a.cassette",
            "--mode",
            "replay",
            "--out",
            folder,
        ];
        self.run(&[&replay[..], options].concat())
    }

    /// What must be the same whenever the run is.
    fn facts(&self, folder: &str) -> String {
        outside_wall(&self.sandbox.telemetry(folder))
    }

    #[track_caller]
    fn same(&self, one: &str, other: &str) {
        assert!(
            self.facts(one) == self.facts(other),
            "{one} is not as {other}"
        );
    }

    /// What a run's telemetry says that models were asked, in sum.
    fn told(&self, folder: &str) -> Usage {
        let mut sum = Usage::default();
        for call in self.sandbox.events(folder, "model.call") {
            sum += Usage {
                input: tokens(&call, "gen_ai.usage.input_tokens"),
                output: tokens(&call, "gen_ai.usage.output_tokens"),
                cached: tokens(&call, "gen_ai.usage.cache_read.input_tokens"),
                cache_written: tokens(&call, "gen_ai.usage.cache_creation.input_tokens"),
                reasoning: tokens(&call, "gen_ai.usage.reasoning.output_tokens"),
            };
        }
        sum
    }
}

fn tokens(fields: &Value, name: &str) -> u64 {
    fields[name].as_u64().unwrap()
}

/// A models file with two models of one provider.
fn models(url: &str, settings: &str) -> String {
    format!(
        "[provider.fake]\nwire = \"openai\"\nbase_url = \"{url}/v1\"\n{settings}\n\
         [model.fake]\nprovider = \"fake\"\nid = \"fake-1\"\nseeded = true\n\
         [model.judge]\nprovider = \"fake\"\nid = \"judge-1\"\n"
    )
}

/// Who said the last message.
fn last_speaker(asked: &Asked) -> String {
    let last = asked.messages().last().unwrap();
    last["role"].as_str().unwrap().to_owned()
}

/// Looks for the same client in every turn, and says what the CRM gave it.
pub fn diligent(asked: &Asked) -> Answer {
    let reply = match last_speaker(asked).as_str() {
        "tool" => Reply::text(asked.last_text()),
        _ => Reply::call("call-1", "client_search", r#"{"name":"Rockets"}"#),
    };
    costing(reply).into()
}

fn costing(reply: Reply) -> Reply {
    reply.costing(Usage {
        input: TOKENS_IN,
        output: TOKENS_OUT,
        cached: TOKENS_CACHED,
        ..Usage::default()
    })
}
