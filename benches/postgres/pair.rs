//! An open episode beside the bare client in an open transaction, on the same rows.

use std::cell::RefCell;
use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{Bencher, BenchmarkGroup, Criterion, SamplingMode};
use proctor_crm::{Change, Context, Entity, Query};
use proctor_episode::execute;
use proctor_host::ToolCall;
use proctor_store::{Postgres, Store};

use crate::bare::Bare;
use crate::crm::{Crm, updates};
use crate::timed;

/// Calls between two resets.
const STEPS: u64 = 10;
/// What is written in turn, so that nothing is written that is there already.
const NOTES: [&str; 2] = ["Called today.", "Called again."];

type Group<'a> = BenchmarkGroup<'a, WallTime>;

struct Pair<'c> {
    crm: &'c Crm,
    bare: Bare,
    store: RefCell<Postgres>,
    changes: Vec<Change>,
}

/// A step, a read, a search, a reset and an opening.
pub(crate) fn episode(criterion: &mut Criterion, size: &str, crm: &Crm) {
    let pair = Pair::on(crm);
    pair.step(&mut criterion.benchmark_group(format!("step, {size}")));
    pair.read(&mut criterion.benchmark_group(format!("read, {size}")));
    pair.search(&mut criterion.benchmark_group(format!("search, {size}")));
    pair.reset(&mut criterion.benchmark_group(format!("reset after 3 updates, {size}")));
    drop(pair);
    let bare = Bare::connect(&crm.text);
    let mut group = criterion.benchmark_group(format!("open, {size}"));
    group.sample_size(10).sampling_mode(SamplingMode::Flat);
    group.bench_function("bare SELECT of all opportunities (baseline)", |bench| {
        bench.iter(|| bare.run("SELECT * FROM opportunities"));
    });
    group.bench_function("open", |bench| bench.iter(|| black_box(crm.open())));
    group.finish();
}

impl<'c> Pair<'c> {
    fn on(crm: &'c Crm) -> Self {
        let mut store = crm.open();
        let changes = updates(&mut store, 3);
        Self {
            crm,
            bare: Bare::connect(&crm.text),
            store: RefCell::new(store),
            changes,
        }
    }

    /// Measures the bare client in an open transaction.
    fn bare(&self, group: &mut Group<'_>, name: &str, measure: impl Fn(&mut Bencher<'_>, &Bare)) {
        self.crm.vacuum();
        self.bare.run("BEGIN; SAVEPOINT mark");
        group.bench_function(format!("bare {name} (baseline)"), |bench| {
            measure(bench, &self.bare);
        });
        self.bare.run("ROLLBACK");
    }

    /// Measures the store in an open episode.
    fn store(
        &self,
        group: &mut Group<'_>,
        name: &str,
        measure: impl Fn(&mut Bencher<'_>, &RefCell<Postgres>),
    ) {
        self.crm.vacuum();
        self.store.borrow_mut().begin().unwrap();
        group.bench_function(name, |bench| measure(bench, &self.store));
        self.store.borrow_mut().end().unwrap();
    }

    fn step(&self, group: &mut Group<'_>) {
        let id = self.changes[0].id();
        let calls = NOTES.map(|notes| {
            let updates = format!(r#"{{"opportunity_id":"{id}","updates":{{"notes":"{notes}"}}}}"#);
            call("modify_opportunity", updates)
        });
        self.bare(group, "UPDATE … RETURNING", |bench, bare| {
            let step = |number| bare.update(id, NOTES[number % 2]);
            // Not to the savepoint, so that the server can clear away what was undone.
            let reset = || bare.run("ROLLBACK; BEGIN");
            bench.iter_custom(|count| in_episodes(count, step, reset));
        });
        self.store(group, "modify_opportunity", |bench, store| {
            let step = |number| play(store, &calls[number % 2]);
            let reset = || store.borrow_mut().reset().unwrap();
            bench.iter_custom(|count| in_episodes(count, step, reset));
        });
    }

    fn read(&self, group: &mut Group<'_>) {
        let id = self.changes[0].id();
        let query = [Query::by_id(Entity::Opportunity, id)];
        let arguments = format!(r#"{{"opportunity_id":"{id}"}}"#);
        let details = call("view_opportunity_details", arguments);
        self.bare(group, "SELECT by key", |bench, bare| {
            bench.iter(|| bare.select(id));
        });
        self.store(group, "one row by key", |bench, store| {
            bench.iter(|| black_box(store.borrow_mut().read(&query).unwrap()));
        });
        self.store(
            group,
            "view_opportunity_details, 6 queries",
            |bench, store| {
                bench.iter(|| play(store, &details));
            },
        );
    }

    fn search(&self, group: &mut Group<'_>) {
        let part = "deal 77";
        let arguments = format!(r#"{{"criteria":{{"name":"{part}"}},"limit":20}}"#);
        let found = call("opportunity_search", arguments);
        let matching = format!("FROM opportunities WHERE name ILIKE '%{part}%'");
        let baseline = format!(
            "SELECT count(*) {matching}; SELECT * {matching} ORDER BY opportunity_id LIMIT 20"
        );
        group.sample_size(10).sampling_mode(SamplingMode::Flat);
        self.bare(group, "count and first 20 by ILIKE", |bench, bare| {
            bench.iter(|| bare.run(&baseline));
        });
        self.store(
            group,
            "opportunity_search by a part of the name",
            |bench, store| {
                bench.iter(|| play(store, &found));
            },
        );
    }

    fn reset(&self, group: &mut Group<'_>) {
        let ids: Vec<_> = self.changes.iter().map(Change::id).collect();
        self.bare(group, "ROLLBACK TO SAVEPOINT", |bench, bare| {
            let update = || bare.update_all(&ids, NOTES[0]);
            let reset = || bare.run("ROLLBACK TO SAVEPOINT mark");
            bench.iter_custom(|count| timed(count, update, reset));
        });
        self.bare(group, "ROLLBACK", |bench, bare| {
            let update = || {
                bare.run("BEGIN");
                bare.update_all(&ids, NOTES[0]);
            };
            bench.iter_custom(|count| timed(count, update, || bare.run("ROLLBACK")));
        });
        self.store(group, "reset", |bench, store| {
            let update = || store.borrow_mut().apply(&self.changes).unwrap();
            let reset = || store.borrow_mut().reset().unwrap();
            bench.iter_custom(|count| timed(count, update, reset));
        });
    }
}

/// Time of this many steps; `reset`, which comes after every few, isn't counted.
fn in_episodes(count: u64, mut step: impl FnMut(usize), mut reset: impl FnMut()) -> Duration {
    let mut spent = Duration::ZERO;
    let mut left = count;
    while left > 0 {
        let steps = left.min(STEPS);
        let began = Instant::now();
        for number in 0..steps {
            step(number as usize);
        }
        spent += began.elapsed();
        left -= steps;
        reset();
    }
    spent
}

fn call(tool: &str, arguments: String) -> ToolCall {
    ToolCall {
        tool: tool.into(),
        arguments,
    }
}

fn play(store: &RefCell<Postgres>, call: &ToolCall) {
    let context = Context {
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
        seed: [0; 32],
        step: 0,
    };
    execute(&mut *store.borrow_mut(), call, &context)
        .unwrap()
        .unwrap();
}
