//! Verifying an episode: the component in a fresh instance against the same code without the
//! sandbox, both reading the same finished episode.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench stops where it cannot measure"
)]

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use proctor_benches::{NativeOracle, NativeVerifier, suite};
use proctor_episode::{CrmEnv, EpisodeSeed, PolicySource, Suite, Verify};
use proctor_host::{EpisodeRead, FirstParty, Gold, Host, Limits, Setting};
use proctor_store::{Image, Sqlite};

/// Plays a task's oracle to its end.
fn finished(suite: &Arc<Suite>, task: &str) -> (Rc<RefCell<dyn EpisodeRead>>, Arc<Gold>) {
    let at = suite
        .tasks
        .iter()
        .position(|known| known.id == task)
        .unwrap();
    let image = Image::of(&suite.data).unwrap();
    let mut env = CrmEnv::new(
        Box::new(Sqlite::from_image(&image).unwrap()),
        Arc::clone(suite),
    );
    let seed = EpisodeSeed::derive(1, task, 0);
    let gold = Arc::clone(&suite.tasks[at].gold);
    let mut session = NativeOracle
        .open(Setting {
            seed: 1,
            now: suite.now.to_string(),
            parameters: Vec::new(),
            script: Arc::from([]),
            tools: Arc::from([]),
            memory: Arc::from([]),
            prompts: Default::default(),
            model: None,
            oracle: Arc::clone(&gold.oracle),
        })
        .unwrap();
    let mut seen = Some(env.reset(at, seed).unwrap());
    while let Some(observation) = seen {
        let action = session.next(&observation).unwrap();
        seen = env.step(action).unwrap().observation.clone();
    }
    (Rc::new(RefCell::new(env)), gold)
}

fn verify(criterion: &mut Criterion) {
    let suite = suite();
    let host = Host::new(Limits::default(), None).unwrap();
    let cases = [
        (
            "end-state",
            NativeVerifier::end_state(),
            "opportunity-create-01",
        ),
        (
            "refusal",
            NativeVerifier::refusal(),
            "opportunity-modify-no-01",
        ),
        ("answer", NativeVerifier::answer(), "opportunity-search-01"),
    ];
    for (name, native, task) in cases {
        let (episode, gold) = finished(&suite, task);
        let plugin = host
            .load(name, FirstParty::named(name).unwrap().wasm, &[])
            .unwrap();
        let wasm = host.verifier(&plugin).unwrap();
        for verifier in [&native as &dyn Verify, &wasm] {
            assert!(
                verifier.verify(&episode, &gold).verdict.unwrap().pass,
                "{name} on {task}"
            );
        }
        let mut group = criterion.benchmark_group(format!("verify: {name}"));
        group.bench_function("native (baseline)", |bench| {
            bench.iter(|| native.verify(&episode, &gold));
        });
        group.bench_function("wasm, fresh instance", |bench| {
            bench.iter(|| wasm.verify(&episode, &gold));
        });
        group.finish();
    }
}

criterion_group!(benches, verify);
criterion_main!(benches);
