//! PostgreSQL: what a step, a reset, a database of one's own and a whole run cost, with the rows
//! of the built-in suite and with 1,000,000. The baseline is the bare client on the same socket,
//! or SQLite.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench stops where it cannot measure"
)]

mod bare;
mod crm;
mod pair;
mod workers;

use std::cell::RefCell;
use std::time::{Duration, Instant};

use criterion::{Criterion, SamplingMode};
use proctor_cluster::Cluster;
use proctor_store::{Store as _, Template};

use bare::Bare;
use crm::{Crm, updates};

fn main() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mut criterion = Criterion::default().configure_from_args();
    pair::episode(&mut criterion, "canonical rows", &Crm::canonical(cluster));
    pair::episode(&mut criterion, "1,000,000 rows", &Crm::million(cluster));
    databases(&mut criterion, cluster);
    workers::episodes(&mut criterion, cluster);
    criterion.final_summary();
}

/// Time that `work` takes, where `before` comes first each time and isn't counted.
fn timed(count: u64, mut before: impl FnMut(), mut work: impl FnMut()) -> Duration {
    let mut spent = Duration::ZERO;
    for _ in 0..count {
        before();
        let began = Instant::now();
        work();
        spent += began.elapsed();
    }
    spent
}

/// Reset where each episode has a database of its own, and changes are committed.
fn databases(criterion: &mut Criterion, cluster: &'static Cluster) {
    let crm = Crm::canonical(cluster);
    let template = Template::of(&crm.address).unwrap();
    // Nobody may be connected to what is copied.
    let bare = Bare::connect(&Crm::canonical(cluster).text);
    let create = format!("CREATE DATABASE bare TEMPLATE {}", crm.address.database());
    let store = RefCell::new(template.open().unwrap());
    let change = updates(&mut *store.borrow_mut(), 1);
    store.borrow_mut().begin().unwrap();
    let mut group = criterion.benchmark_group("reset of a database of one's own");
    group.sample_size(20).sampling_mode(SamplingMode::Flat);
    group.bench_function(
        "bare CREATE DATABASE … TEMPLATE and DROP (baseline)",
        |bench| {
            bench.iter(|| {
                bare.run(&create);
                bare.run("DROP DATABASE bare");
            });
        },
    );
    group.bench_function("reset after 1 update", |bench| {
        let update = || store.borrow_mut().apply(&change).unwrap();
        let reset = || store.borrow_mut().reset().unwrap();
        bench.iter_custom(|count| timed(count, update, reset));
    });
    group.finish();
}
