//! Replayed episodes per second of processor time: the whole of `crm-core`, policy and verifiers
//! in wasm, replies from a cassette, on one thread. The baseline is `noop`, which asks no model.
//!
//! All of a replay counts: opening the cassette, which reads and checks every frame, the gateway,
//! the store, the episodes and their verdicts. Compiling the components doesn't; a run does that
//! once, and a cache spares it the next.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proctor_benches::suite;
use proctor_episode::{Asking, EpisodeRecord, Examination, Outcome, Suite, Verify};
use proctor_host::{FirstParty, Grant, Host, Limits, Plugin, Policy, Verifier};
use proctor_model::cassette::Cassette;
use proctor_model::{Gateway, Origin, Recording};
use proctor_provider::{Answer, Asked, Provider, Reply};
use proctor_store::{Image, Sqlite};

use crate::setup::{self, MODEL};

/// What a provider answers to what it is asked.
type Mind = fn(&Asked) -> Answer;

/// Processor time that each measurement takes at least.
const CPU_MIN: Duration = Duration::from_secs(6);
/// Nothing listens there: a replay that sent anything would fail.
const NOBODY: &str = "http://127.0.0.1:9";

/// What it takes to examine.
struct Bench {
    suite: Arc<Suite>,
    image: Image,
    agent: Policy,
    noop: Policy,
    verifiers: [Verifier; 3],
}

/// What came of episodes.
#[derive(Clone, Copy, Default)]
struct Count {
    episodes: u32,
    calls: usize,
    steps: usize,
}

impl Bench {
    fn new() -> Self {
        let suite = suite();
        let host = Host::new(Limits::default(), None).unwrap();
        let policy = |plugin: Plugin| host.policy(&plugin).unwrap();
        Self {
            image: Image::of(&suite.data).unwrap(),
            suite,
            agent: policy(load(&host, "model-agent", &[Grant::Model])),
            noop: policy(load(&host, "noop", &[])),
            verifiers: ["end-state", "refusal", "answer"]
                .map(|name| host.verifier(&load(&host, name, &[])).unwrap()),
        }
    }

    /// Every task once; `origin` is where all replies must come from.
    fn pass(&self, policy: &Policy, asked: Option<(Arc<Gateway>, Origin)>) -> Count {
        let [end_state, refusal, answer] = &self.verifiers;
        let (gateway, origin) = asked.unzip();
        let examination = Examination {
            suite: Arc::clone(&self.suite),
            tasks: (0..self.suite.tasks.len()).collect(),
            trials: 1,
            seed: 1,
            policy,
            verifiers: vec![end_state as &dyn Verify],
            refusal: Some(refusal),
            answer: Some(answer),
            judges: Vec::new(),
            asking: Asking {
                model: gateway.as_ref().map(|_| MODEL.into()),
                gateway,
                prompts: Arc::new(setup::prompts()),
            },
            parameters: Vec::new(),
            script: Arc::from([]),
        };
        let mut count = Count::default();
        let store = Sqlite::from_image(&self.image).unwrap();
        examination.run_all(Box::new(store), &mut |record| {
            check(&record, origin);
            count.episodes += 1;
            count.calls += record.calls.len();
            count.steps += record.steps.len();
        });
        assert_eq!(count.episodes as usize, self.suite.tasks.len());
        count
    }

    /// Records every task once.
    fn record(&self, path: &Path, brain: fn(&Asked) -> Answer) -> Count {
        let provider = Provider::start(brain);
        let folder = path.parent().unwrap();
        let cassette = setup::cassette(folder, path.file_name().unwrap().to_str().unwrap());
        let gateway = setup::gateway(&provider.url(), 1, Recording::Record(cassette));
        let count = self.pass(&self.agent, Some((Arc::clone(&gateway), Origin::Live)));
        gateway.finish().unwrap();
        count
    }

    /// Replays every task once, from the file on.
    fn replay(&self, path: &Path) -> Count {
        let cassette = Cassette::open(path, None).unwrap();
        let gateway = setup::gateway(NOBODY, 1, Recording::Replay(cassette));
        self.pass(&self.agent, Some((gateway, Origin::Cassette)))
    }
}

fn load(host: &Host, name: &str, grants: &[Grant]) -> Plugin {
    let known = FirstParty::named(name).unwrap();
    host.load(name, known.wasm, grants).unwrap()
}

/// An episode that was broken off or not marked would be measured as if it were a fast one.
fn check(record: &EpisodeRecord, origin: Option<Origin>) {
    let outcome = record.outcome;
    assert!(
        matches!(outcome, Outcome::Pass | Outcome::Fail),
        "an episode ended with {outcome:?}: {:?}",
        record.fault
    );
    assert!(record.calls.iter().all(|call| Some(call.origin) == origin));
    assert!(origin.is_none() || !record.calls.is_empty());
}

/// Answers each turn at once.
fn answers(_: &Asked) -> Answer {
    Reply::text("There is nothing to be done.").into()
}

/// Calls one tool in each turn, then answers.
fn works(asked: &Asked) -> Answer {
    let last = asked.messages().last().map(|message| &message["role"]);
    if last.is_some_and(|role| role == "tool") {
        return answers(asked);
    }
    Reply::call("call-1", "client_search", r#"{"limit":5}"#).into()
}

pub(crate) fn run() {
    let bench = Bench::new();
    let folder = tempfile::tempdir().unwrap();
    let noop = measured("noop, no model (baseline)", || {
        bench.pass(&bench.noop, None)
    });
    let cases: [(&str, Mind); 2] = [
        ("model-agent, one call a turn, no tools", answers),
        ("model-agent, a tool and an answer a turn", works),
    ];
    for (name, brain) in cases {
        let path = folder.path().join(format!("{name}.cassette"));
        let recorded = bench.record(&path, brain);
        let replayed = bench.replay(&path);
        assert_eq!(recorded.calls, replayed.calls);
        let rate = measured(name, || bench.replay(&path));
        println!("    {:.2} times the time of the baseline", noop / rate);
    }
}

/// Repeats passes, and prints what they came to. Episodes per second of processor time.
fn measured(name: &str, mut pass: impl FnMut() -> Count) -> f64 {
    pass();
    let (began, cpu_before) = (Instant::now(), setup::cpu());
    let mut sum = Count::default();
    let mut spent = Duration::ZERO;
    while spent < CPU_MIN {
        let count = pass();
        sum.episodes += count.episodes;
        sum.calls += count.calls;
        sum.steps += count.steps;
        spent = setup::cpu() - cpu_before;
    }
    let rate = f64::from(sum.episodes) / spent.as_secs_f64();
    println!(
        "  {name}: {rate:.0} episodes per CPU-second ({} episodes, {} calls, {} steps in {:.2} s \
         of processor time, {:.2} s by the clock)",
        sum.episodes,
        sum.calls,
        sum.steps,
        spent.as_secs_f64(),
        began.elapsed().as_secs_f64()
    );
    rate
}
