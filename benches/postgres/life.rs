//! A long life: what an episode costs one connection after 100,000 others. The baseline is what
//! the first cost.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops where it cannot measure, and prints what it measured"
)]

mod crm;

use std::time::{Duration, Instant};

use proctor_cluster::Cluster;
use proctor_store::Store as _;

use crm::{Crm, updates};

/// Episodes of which the median is taken.
const WINDOW: usize = 1_000;
const EPISODES: usize = 100_000;

fn main() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let mut store = Crm::canonical(cluster).open();
    let changes = updates(&mut store, 3);
    store.begin().unwrap();
    let mut episode = || {
        let began = Instant::now();
        store.apply(&changes).unwrap();
        store.reset().unwrap();
        began.elapsed()
    };
    let first = median((0..WINDOW).map(|_| episode()).collect());
    println!("3 updates and reset, episodes 1 to {WINDOW}: {first:?} (baseline)");
    for _ in 0..EPISODES / 10_000 {
        for _ in WINDOW..10_000 {
            episode();
        }
        let later = median((0..WINDOW).map(|_| episode()).collect());
        let ratio = later.as_secs_f64() / first.as_secs_f64();
        println!("later: {later:?}, {ratio:.2} times the baseline");
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
