//! An open episode beside the bare client in an open transaction, on the same rows.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use proctor_crm::{Change, Context, Entity, Query};
use proctor_episode::execute;
use proctor_host::ToolCall;
use proctor_store::{Postgres, Store};

use crate::bare::Bare;
use crate::crm::{Crm, updates};

/// Calls between two resets.
const STEPS: u64 = 10;
/// What is written in turn, so that nothing is written that is there already.
const NOTES: [&str; 2] = ["Called today.", "Called again."];

struct Pair {
    bare: Bare,
    store: Postgres,
    changes: Vec<Change>,
}

/// A step, a read, a search, a reset and an opening.
pub(crate) fn episode(criterion: &mut Criterion, size: &str, crm: &Crm) {
    let mut pair = Pair::on(crm);
    pair.step(criterion, size);
    pair.read(criterion, size);
    pair.search(criterion, size);
    pair.reset(criterion, size);
    drop(pair);
    let mut group = criterion.benchmark_group(format!("open, {size}"));
    group.sample_size(10);
    group.bench_function("bare count(*) of one table (baseline)", |bench| {
        let bare = Bare::connect(&crm.text);
        bench.iter(|| bare.run("SELECT count(*) FROM opportunities"));
    });
    group.bench_function("open and begin", |bench| {
        bench.iter(|| crm.open().begin().unwrap());
    });
    group.finish();
}

impl Pair {
    fn on(crm: &Crm) -> Self {
        let mut store = crm.open();
        let changes = updates(&mut store, 3);
        store.begin().unwrap();
        let bare = Bare::connect(&crm.text);
        bare.run("BEGIN; SAVEPOINT mark");
        Self {
            bare,
            store,
            changes,
        }
    }

    fn step(&mut self, criterion: &mut Criterion, size: &str) {
        let id = self.changes[0].id();
        let calls = NOTES.map(|notes| {
            let updates =
                format!(r#"{{"opportunity_id":"{id}","updates":{{"notes":"{notes}"}}}}"#);
            call("modify_opportunity", updates)
        });
        let mut group = criterion.benchmark_group(format!("step, {size}"));
        group.bench_function("bare UPDATE … RETURNING (baseline)", |bench| {
            bench.iter_custom(|count| {
                in_episodes(
                    count,
                    |step| self.bare.update(id, NOTES[step % 2]),
                    || self.bare.run("ROLLBACK TO SAVEPOINT mark"),
                )
            });
        });
        group.bench_function("modify_opportunity", |bench| {
            let store = std::cell::RefCell::new(&mut self.store);
            bench.iter_custom(|count| {
                in_episodes(
                    count,
                    |step| play(*store.borrow_mut(), &calls[step % 2]),
                    || store.borrow_mut().reset().unwrap(),
                )
            });
        });
        group.finish();
    }

    fn read(&mut self, criterion: &mut Criterion, size: &str) {
        let id = self.changes[0].id();
        let query = [Query::by_id(Entity::Opportunity, id)];
        let details = call(
            "view_opportunity_details",
            format!(r#"{{"opportunity_id":"{id}"}}"#),
        );
        let mut group = criterion.benchmark_group(format!("read, {size}"));
        group.bench_function("bare SELECT by key (baseline)", |bench| {
            bench.iter(|| self.bare.select(id));
        });
        group.bench_function("one row by key", |bench| {
            bench.iter(|| black_box(self.store.read(&query).unwrap()));
        });
        group.bench_function("view_opportunity_details (6 queries)", |bench| {
            bench.iter(|| play(&mut self.store, &details));
        });
        group.finish();
    }

    fn search(&mut self, criterion: &mut Criterion, size: &str) {
        let part = "DEAL 77";
        let found = call(
            "opportunity_search",
            format!(r#"{{"criteria":{{"name":"{part}"}},"limit":20}}"#),
        );
        let mut group = criterion.benchmark_group(format!("search, {size}"));
        group.sample_size(10);
        group.bench_function("bare count and first 20 with ILIKE (baseline)", |bench| {
            bench.iter(|| {
                self.bare.run(&format!(
                    "SELECT count(*) FROM opportunities WHERE name ILIKE '%{part}%';
                     SELECT * FROM opportunities WHERE name ILIKE '%{part}%'
                       ORDER BY opportunity_id LIMIT 20"
                ));
            });
        });
        group.bench_function("opportunity_search by a part of the name", |bench| {
            bench.iter(|| play(&mut self.store, &found));
        });
        group.finish();
    }

    fn reset(&mut self, criterion: &mut Criterion, size: &str) {
        let ids: Vec<_> = self.changes.iter().map(Change::id).collect();
        let mut group = criterion.benchmark_group(format!("reset after 3 updates, {size}"));
        group.bench_function("bare ROLLBACK TO SAVEPOINT (baseline)", |bench| {
            bench.iter_custom(|count| {
                crate::timed(
                    count,
                    || self.bare.update_all(&ids, NOTES[0]),
                    || self.bare.run("ROLLBACK TO SAVEPOINT mark"),
                )
            });
        });
        self.bare.run("ROLLBACK");
        group.bench_function("bare ROLLBACK", |bench| {
            bench.iter_custom(|count| {
                let update = || {
                    self.bare.run("BEGIN");
                    self.bare.update_all(&ids, NOTES[0]);
                };
                crate::timed(count, update, || self.bare.run("ROLLBACK"))
            });
        });
        group.bench_function("reset", |bench| {
            let store = std::cell::RefCell::new(&mut self.store);
            bench.iter_custom(|count| {
                crate::timed(
                    count,
                    || store.borrow_mut().apply(&self.changes).unwrap(),
                    || store.borrow_mut().reset().unwrap(),
                )
            });
        });
        group.finish();
    }
}

/// Time of this many steps; `reset`, which isn't counted, comes after every few and at the end,
/// so that neither side holds locks while the other is measured.
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

fn play(store: &mut dyn Store, call: &ToolCall) {
    let context = Context {
        now: "2026-01-01T00:00:00Z".parse().unwrap(),
        seed: [0; 32],
        step: 0,
    };
    execute(store, call, &context).unwrap().unwrap();
}
