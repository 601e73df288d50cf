//! What the gateway adds to a call: the baseline is bare `reqwest`, which posts the same body to
//! the same provider, from a runtime of the same kind, and reads the reply to its last byte.
//!
//! The provider answers at once, in this process. It reads and keeps each request, which takes
//! its time; everyone pays the same for it. The three take turns, so that what else happens on
//! the machine meets them alike.

use std::sync::Arc;
use std::time::{Duration, Instant};

use proctor_model::{Gateway, Recording, Role, Tools};
use proctor_provider::{Provider, Reply, always};
use tokio::runtime::{Builder, Runtime};

use crate::setup::{self, MODEL};

/// Turns of each.
const ROUNDS: u32 = 25;
/// Calls of one turn.
const CALLS: u32 = 20;

/// Bare `reqwest`.
struct Bare {
    runtime: Runtime,
    client: reqwest::Client,
    url: String,
    body: String,
}

impl Bare {
    fn new(url: &str, body: String) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self {
            runtime: runtime.unwrap(),
            client: client(),
            url: format!("{url}/v1/chat/completions"),
            body,
        }
    }

    fn call(&self) -> Duration {
        let began = Instant::now();
        let reply = self.runtime.block_on(async {
            let request = self.client.post(&self.url).body(self.body.clone());
            let sent = request.header("content-type", "application/json").send();
            sent.await
                .unwrap()
                .error_for_status()
                .unwrap()
                .bytes()
                .await
        });
        let time = began.elapsed();
        assert!(!reply.unwrap().is_empty());
        time
    }
}

/// A client without encryption, which nothing here needs, and which none can be made without.
fn client() -> reqwest::Client {
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let encryption = rustls::ClientConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = reqwest::Client::builder().tls_backend_preconfigured(encryption);
    builder.no_proxy().http1_only().build().unwrap()
}

/// One way to make a call, which is given its number.
type Way<'a> = (&'a str, Box<dyn Fn(u32) -> Duration + 'a>);

pub(crate) fn run() {
    let prompts = setup::prompts();
    let system = prompts.get("system").unwrap();
    compare("no tools", system, &Tools::new(Vec::new()));
    compare("all tools of the CRM", system, &setup::crm_tools());
}

fn compare(name: &str, system: &str, tools: &Tools) {
    let folder = tempfile::tempdir().unwrap();
    let provider = Provider::start(always(Reply::text("There are none.")));
    let url = provider.url();
    let live = setup::gateway(&url, 1, Recording::Live);
    let cassette = setup::cassette(folder.path(), "overhead.cassette");
    let recording = setup::gateway(&url, 1, Recording::Record(cassette));
    chat(&live, system, tools, 0);
    let body = provider.requests().last().unwrap().body.to_string();
    println!("  {name}: a request of {} bytes", body.len());
    let bare = Bare::new(&url, body);
    let ways: [Way<'_>; 3] = [
        ("bare reqwest (baseline)", Box::new(|_| bare.call())),
        ("gateway, live", Box::new(|n| chat(&live, system, tools, n))),
        (
            "gateway, recording",
            Box::new(|n| chat(&recording, system, tools, n)),
        ),
    ];
    report(&ways, &take_turns(&ways));
}

/// One call, in an episode of its own.
fn chat(gateway: &Arc<Gateway>, system: &str, tools: &Tools, number: u32) -> Duration {
    let ask = setup::ask(system, tools, number);
    let mut calls = gateway.episode(&format!("bench#{number}"), 1);
    let began = Instant::now();
    let replied = calls.chat(Role::Student, MODEL, 0, ask);
    let time = began.elapsed();
    assert_eq!(replied.reply.unwrap().text, "There are none.");
    time
}

/// Times of all calls, by way.
fn take_turns(ways: &[Way<'_>; 3]) -> [Vec<Duration>; 3] {
    let mut times = [const { Vec::new() }; 3];
    // The turn before the first opens connections, and isn't counted.
    for round in 0..=ROUNDS {
        for ((_, way), times) in ways.iter().zip(&mut times) {
            let turn = (0..CALLS).map(|call| way(round * CALLS + call));
            let turn: Vec<Duration> = turn.collect();
            if round > 0 {
                times.extend(turn);
            }
        }
    }
    times
}

fn report(ways: &[Way<'_>; 3], times: &[Vec<Duration>; 3]) {
    let baseline = setup::micros(setup::percentile(&times[0], 50));
    for ((name, _), times) in ways.iter().zip(times) {
        let median = setup::micros(setup::percentile(times, 50));
        let p95 = setup::micros(setup::percentile(times, 95));
        println!(
            "    {name}: median {median:.0} µs, p95 {p95:.0} µs; {:.2} times the baseline, \
             {:+.0} µs",
            median / baseline,
            median - baseline
        );
    }
}
