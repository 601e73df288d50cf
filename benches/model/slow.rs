//! Memory of many slow calls at once: it must not grow with the number of calls that were made,
//! and for each one under way by little more than its request.
//!
//! The provider is in this process, those who ask are in another, this program called again, so
//! that only their memory is seen.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use proctor_model::{Gateway, Recording, Role};
use proctor_provider::{Answer, Provider, Reply, always};
use tokio::task::JoinSet;

use crate::setup::{self, MODEL};

/// Tells the other process where to ask, and how many calls to make at once.
pub(crate) const CLIENT: &str = "PROCTOR_BENCH_SLOW";

/// How long a reply takes.
const DELAY: Duration = Duration::from_secs(2);
/// Files that a process has open beside one for each call.
const FILES_BESIDE: usize = 100;

pub(crate) fn run() {
    let most = if open_files_max() >= 1_000 + FILES_BESIDE {
        1_000
    } else {
        400
    };
    for count in [1, 100, most] {
        let provider = Provider::start(always(Answer::Delayed(DELAY, Reply::text("Late."))));
        let program = std::env::current_exe().unwrap();
        let status = Command::new(program)
            .env(CLIENT, format!("{} {count}", provider.url()))
            .status();
        assert!(status.unwrap().success());
        // Fewer than all where the first are answered before the last are sent.
        let seen = provider.most_at_once();
        println!("    the provider saw {seen} at the same time");
    }
}

/// How many files a process may have open, as Linux tells it.
fn open_files_max() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let soft = line.and_then(|rest| rest.split_whitespace().next());
    // Where there is no number, there is no limit.
    soft.and_then(|soft| soft.parse().ok())
        .unwrap_or(usize::MAX)
}

/// Asks, in a process of its own.
pub(crate) fn client(task: &str) {
    let (url, count) = task.split_once(' ').unwrap();
    let count: u32 = count.parse().unwrap();
    let gateway = setup::gateway(url, count as usize, Recording::Live);
    // What any first call takes isn't for being many.
    wave(&gateway, 0, 1);
    let before = setup::peak_kib();
    let time = wave(&gateway, 1, count);
    let after = setup::peak_kib();
    wave(&gateway, count + 1, count);
    let again = setup::peak_kib();
    println!(
        "  {count} calls of {} s at once: {:.2} s; peak memory {before} KiB before, {after} KiB \
         after ({:.1} KiB a call), {again} KiB after as many again",
        DELAY.as_secs(),
        time.as_secs_f64(),
        (after - before) as f64 / f64::from(count),
    );
}

/// So many calls at once, each with all tools and in an episode of its own.
fn wave(gateway: &Arc<Gateway>, first: u32, count: u32) -> Duration {
    let prompts = setup::prompts();
    let system = prompts.get("system").unwrap();
    let tools = setup::crm_tools();
    let began = Instant::now();
    let done = gateway.block_on(async {
        let mut calls = JoinSet::new();
        for number in first..first + count {
            let ask = setup::ask(system, &tools, number);
            let mut episode = gateway.episode(&format!("bench#{number}"), 1);
            calls.spawn(async move {
                let replied = episode.chat_async(Role::Student, MODEL, 0, ask).await;
                replied.reply.unwrap().text
            });
        }
        calls.join_all().await
    });
    let texts = done.unwrap();
    assert!(texts.len() == count as usize && texts.iter().all(|text| text == "Late."));
    began.elapsed()
}
