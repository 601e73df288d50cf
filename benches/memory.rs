//! Peak memory of a run of 1,000 and of 100,000 episodes: it must not grow with their number.
//! Each run is a process of its own, this program called again.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops where it cannot measure, and prints what it measured"
)]

use std::process::Command;
use std::sync::Arc;

use proctor_benches::suite;
use proctor_episode::{Asking, Examination, Verify};
use proctor_host::{FirstParty, Grant, Host, Limits, ORACLE};
use proctor_store::{Image, Sqlite};

const EPISODES: &str = "PROCTOR_BENCH_EPISODES";

fn main() {
    match std::env::var(EPISODES) {
        Ok(count) => run(count.parse().unwrap()),
        Err(_) => {
            for count in [1_000, 100_000] {
                let program = std::env::current_exe().unwrap();
                let status = Command::new(program)
                    .env(EPISODES, count.to_string())
                    .status();
                assert!(status.unwrap().success());
            }
        }
    }
}

fn run(episodes: usize) {
    let suite = suite();
    let host = Host::new(Limits::default(), None).unwrap();
    let load = |name: &str| {
        let grants: &[Grant] = if name == ORACLE { &[Grant::Gold] } else { &[] };
        host.load(name, FirstParty::named(name).unwrap().wasm, grants)
            .unwrap()
    };
    let oracle = host.policy(&load("oracle")).unwrap();
    let [end_state, refusal, answer] =
        ["end-state", "refusal", "answer"].map(|name| host.verifier(&load(name)).unwrap());
    let image = Image::of(&suite.data).unwrap();
    let examination = Examination {
        tasks: (0..suite.tasks.len()).collect(),
        trials: u32::try_from(episodes / suite.tasks.len() + 1).unwrap(),
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
    let mut count = 0_usize;
    examination.run_all(Box::new(Sqlite::from_image(&image).unwrap()), &mut |_| {
        count += 1
    });
    println!("{count} episodes: peak memory {} KiB", peak_kib());
}

/// Peak resident memory of this process, as Linux tells it.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse().ok())
        .unwrap_or(0)
}
