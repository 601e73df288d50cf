//! A verifier that goes wrong in the way that the user's first words name, and passes any other
//! episode. The host's tests run it; nobody else should.

use core::hint::black_box;
use core::sync::atomic::{AtomicU32, Ordering};
use std::sync::Mutex;

use proctor_sdk::verifier::{Episode, Gold, Moment, Verifier};
use proctor_sdk::{About, Check, Entity, Failure, Value, Verdict, info};

/// Passes, unless told otherwise.
pub struct Misbehaving;

impl Verifier for Misbehaving {
    const ABOUT: About = About {
        name: "misbehaving-verifier",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Goes wrong in the way that the user's first words name.",
        simulated: false,
    };

    fn verify(episode: &dyn Episode, _: &dyn Gold) -> Result<Verdict, Failure> {
        let first = episode.turns().into_iter().next().unwrap_or_default();
        let (how, number) = first.split_once(' ').unwrap_or((&first, ""));
        let number = number.parse().unwrap_or(0);
        match how {
            "loop" => run_for_ever(),
            "allocate" => allocate_for_ever(),
            "recurse" => Ok(scored(descend(0) as f64)),
            "frames" => Ok(scored(descend_in_large_frames(0) as f64)),
            "panic" => panic!("told to panic"),
            "trap" => trap(),
            "nan" => Ok(scored(f64::NAN)),
            "infinity" => Ok(scored(f64::INFINITY)),
            "seven" => Ok(scored(7.0)),
            "negative" => Ok(scored(-1.0)),
            "gigabyte" => Ok(Verdict {
                rationale: "x".repeat(number),
                ..scored(1.0)
            }),
            "checks" => Ok(Verdict {
                checks: vec![check(String::new()); number],
                ..scored(1.0)
            }),
            "bomb" => Ok(Verdict {
                checks: bomb(number),
                ..scored(1.0)
            }),
            "log" => Ok(logged(number, "a line of a flood")),
            "blank" => Ok(logged(number, "")),
            "shout" => Ok(logged(1, &"x".repeat(number))),
            "question" => Ok(asked_with(episode, number)),
            "read" => read_for_ever(episode),
            "remember" => Ok(remembered()),
            "fail" => Err(Failure {
                message: "told to fail".into(),
            }),
            "wail" => Err(Failure {
                message: "x".repeat(number),
            }),
            _ => Ok(scored(1.0)),
        }
    }
}

fn scored(score: f64) -> Verdict {
    Verdict {
        pass: true,
        score,
        checks: Vec::new(),
        rationale: String::new(),
    }
}

/// Tries to carry something over to the next episode: the pages that it fills, and a count.
fn remembered() -> Verdict {
    static EPISODES: AtomicU32 = AtomicU32::new(0);
    static KEPT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    let count = EPISODES.fetch_add(1, Ordering::Relaxed);
    let kept = KEPT.lock().map_or(0, |mut kept| {
        let before = kept.len();
        kept.resize(before + (1 << 20), 0xAB);
        before
    });
    Verdict {
        rationale: format!("{count} episodes and {kept} bytes remembered"),
        ..scored(1.0)
    }
}

fn check(name: String) -> Check {
    Check {
        name,
        pass: true,
        detail: String::new(),
    }
}

fn run_for_ever() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn allocate_for_ever() -> ! {
    let mut blocks = Vec::new();
    loop {
        blocks.push(black_box(vec![1_u8; 1 << 20]));
    }
}

/// Fills the stack that the engine keeps.
#[inline(never)]
fn descend(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX {
        0
    } else {
        descend(depth + 1) + black_box(1)
    }
}

/// Fills the stack that the compiler keeps in linear memory.
#[inline(never)]
fn descend_in_large_frames(depth: u64) -> u64 {
    let frame = black_box([depth; 4096]);
    if frame[17] == u64::MAX {
        0
    } else {
        descend_in_large_frames(depth + 1) + black_box(frame)[1]
    }
}

fn trap() -> ! {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    std::process::abort();
}

/// Checks that all share one text: small here, as large as one likes once copied out.
fn bomb(count: usize) -> Vec<Check> {
    let text = "x".repeat(500_000).leak();
    let shared = || {
        // SAFETY: none of these is ever dropped or written to: the component is gone as soon as
        // the host has read them, or refused to.
        unsafe { String::from_raw_parts(text.as_ptr().cast_mut(), text.len(), text.len()) }
    };
    (0..count).map(|_| check(shared())).collect()
}

fn logged(lines: usize, line: &str) -> Verdict {
    for _ in 0..lines {
        info(line);
    }
    scored(1.0)
}

/// Asks for records with a cell of that many bytes.
fn asked_with(episode: &dyn Episode, bytes: usize) -> Verdict {
    let found = episode.rows(
        Moment::End,
        Entity::Client,
        &[("name", Value::Text("x".repeat(bytes)))],
    );
    scored(if found.is_empty() { 1.0 } else { 0.0 })
}

fn read_for_ever(episode: &dyn Episode) -> ! {
    loop {
        black_box(episode.rows(Moment::End, Entity::Client, &[]));
    }
}

proctor_sdk::export_verifier!(Misbehaving);
