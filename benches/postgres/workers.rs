//! Episodes per second of a whole run, by number of workers and store. The baseline is SQLite.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use criterion::{Criterion, SamplingMode, Throughput};
use proctor_benches::suite;
use proctor_cluster::Cluster;
use proctor_episode::{Asking, Examination, Stores, Verify};
use proctor_host::{FirstParty, Grant, Host, Limits, ORACLE, Plugin};
use proctor_store::{Image, Sqlite, Store};

use crate::crm::Crm;

/// Episodes of each task, so that opening the stores doesn't count for much.
const TRIALS: u32 = 5;

/// The oracle on every task of the built-in suite. Opening a store for each worker is part of it.
pub(crate) fn episodes(criterion: &mut Criterion, cluster: &'static Cluster) {
    let suite = suite();
    let host = Host::new(Limits::default(), None).unwrap();
    let oracle = host.policy(&load(&host, ORACLE)).unwrap();
    let [end_state, refusal, answer] =
        ["end-state", "refusal", "answer"].map(|name| host.verifier(&load(&host, name)).unwrap());
    let examination = Examination {
        tasks: (0..suite.tasks.len()).collect(),
        trials: TRIALS,
        suite: Arc::clone(&suite),
        seed: 1,
        policy: &oracle,
        verifiers: vec![&end_state as &dyn Verify],
        refusal: Some(&refusal),
        answer: Some(&answer),
        judges: Vec::new(),
        asking: Asking::default(),
        parameters: Vec::new(),
        script: Arc::from([]),
    };
    let image = Image::of(&suite.data).unwrap();
    let crm = Crm::canonical(cluster);
    let in_memory = || Ok(Box::new(Sqlite::from_image(&image)?) as Box<dyn Store>);
    let on_server = || Ok(Box::new(crm.open()) as Box<dyn Store>);
    let (sqlite, postgres) = (Stores::new(&in_memory), Stores::new(&on_server));
    let mut group = criterion.benchmark_group("oracle episodes");
    group.throughput(Throughput::Elements(examination.len() as u64));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    for workers in [1, 2, 4, 8] {
        group.bench_function(format!("SQLite, {workers} workers (baseline)"), |bench| {
            bench.iter(|| run(&examination, workers, &sqlite));
        });
        group.bench_function(format!("PostgreSQL, {workers} workers"), |bench| {
            bench.iter(|| run(&examination, workers, &postgres));
        });
    }
    group.finish();
}

fn load(host: &Host, name: &str) -> Plugin {
    let grants: &[Grant] = if name == ORACLE { &[Grant::Gold] } else { &[] };
    let known = FirstParty::named(name).unwrap();
    host.load(name, known.wasm, grants).unwrap()
}

fn run(examination: &Examination<'_>, workers: usize, stores: &Stores<'_>) {
    let mut passed = 0;
    let ran = examination.run(
        workers,
        stores,
        &|_| true,
        &AtomicBool::new(false),
        &mut |finished| {
            passed += usize::from(finished.record.reward == Some(1.0));
            Ok::<(), Infallible>(())
        },
    );
    ran.unwrap();
    assert_eq!(passed, examination.len(), "the oracle passes every task");
}
