//! Whole episodes: reset, policy, steps, verification, record. The baseline is the same code
//! without the sandbox.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench stops where it cannot measure"
)]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use proctor_benches::{NativeOracle, NativeVerifier, suite};
use proctor_crm::Entity;
use proctor_episode::{
    Asking, CrmEnv, EpisodeSeed, Examination, PolicySource, Suite, Verify, record_id,
};
use proctor_host::{Action, FirstParty, Grant, Host, Limits, ORACLE, ToolCall};
use proctor_store::{Image, Sqlite};

fn load(host: &Host, name: &str) -> proctor_host::Plugin {
    let known = FirstParty::named(name).unwrap();
    let grants: &[Grant] = if name == ORACLE { &[Grant::Gold] } else { &[] };
    host.load(name, known.wasm, grants).unwrap()
}

fn examination<'a>(
    suite: &Arc<Suite>,
    policy: &'a dyn PolicySource,
    [end_state, refusal, answer]: [&'a dyn Verify; 3],
) -> Examination<'a> {
    Examination {
        suite: Arc::clone(suite),
        tasks: (0..suite.tasks.len()).collect(),
        trials: 1,
        seed: 1,
        policy,
        verifiers: vec![end_state],
        refusal: Some(refusal),
        answer: Some(answer),
        judges: Vec::new(),
        asking: Asking::default(),
        parameters: Vec::new(),
        script: Arc::from([]),
    }
}

/// Every task of the suite once, on one worker.
fn whole_suite(criterion: &mut Criterion) {
    let suite = suite();
    let image = Image::of(&suite.data).unwrap();
    let host = Host::new(Limits::default(), None).unwrap();
    let oracle = host.policy(&load(&host, "oracle")).unwrap();
    let wasm =
        ["end-state", "refusal", "answer"].map(|name| host.verifier(&load(&host, name)).unwrap());
    let native = [
        NativeVerifier::end_state(),
        NativeVerifier::refusal(),
        NativeVerifier::answer(),
    ];
    let run = |examination: &Examination<'_>| {
        let mut passed = 0;
        examination.run_all(
            Box::new(Sqlite::from_image(&image).unwrap()),
            &mut |record| {
                passed += usize::from(record.reward == Some(1.0));
            },
        );
        assert_eq!(passed, suite.tasks.len(), "the oracle passes every task");
    };
    let mut group = criterion.benchmark_group("oracle episodes");
    group.throughput(Throughput::Elements(suite.tasks.len() as u64));
    group.bench_function("native (baseline)", |bench| {
        let verifiers = [&native[0] as &dyn Verify, &native[1], &native[2]];
        let examination = examination(&suite, &NativeOracle, verifiers);
        bench.iter(|| run(&examination));
    });
    group.bench_function("wasm", |bench| {
        let verifiers = [&wasm[0] as &dyn Verify, &wasm[1], &wasm[2]];
        let examination = examination(&suite, &oracle, verifiers);
        bench.iter(|| run(&examination));
    });
    group.finish();
}

/// One step that changes a record: the call read, the rules applied, the row written and the
/// step kept. Reset is part of it, so that the record is always as it was; the baseline is reset
/// alone.
fn step(criterion: &mut Criterion) {
    let suite = suite();
    let task = suite
        .tasks
        .iter()
        .position(|task| task.id == "opportunity-modify-01")
        .unwrap();
    let opportunity = record_id(Entity::Opportunity, "halcyon-lims");
    let call = ToolCall {
        tool: "modify_opportunity".into(),
        arguments: format!(
            r#"{{"opportunity_id":"{opportunity}","updates":{{"notes":"Called today."}}}}"#
        ),
    };
    let image = Image::of(&suite.data).unwrap();
    let mut env = CrmEnv::new(
        Box::new(Sqlite::from_image(&image).unwrap()),
        Arc::clone(&suite),
    );
    let seed = EpisodeSeed::derive(1, "bench", 0);
    let mut group = criterion.benchmark_group("step");
    group.bench_function("reset (baseline)", |bench| {
        bench.iter(|| env.reset(task, seed).unwrap());
    });
    group.bench_function("reset and modify_opportunity", |bench| {
        bench.iter(|| {
            env.reset(task, seed).unwrap();
            let step = env.step(Action::Call(call.clone())).unwrap();
            assert_eq!(step.changes.len(), 1);
        });
    });
    group.finish();
}

criterion_group!(benches, whole_suite, step);
criterion_main!(benches);
