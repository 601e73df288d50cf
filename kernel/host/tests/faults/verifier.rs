//! A verifier that goes wrong in every way it can.

use std::thread;
use std::time::{Duration, Instant};

use proctor_host::{Digest, Examined, Fault, FaultKind, Level, Limits, Verifier};

use crate::{STAGE, Stage, Storage, VERIFIER, test_component, verify, verify_counted, verify_on};

/// What the user says, and what must come of it: the kind of fault, a part of its message, and a
/// function in its backtrace (none where the guest had already returned).
const FAULTS: &[(&str, FaultKind, &str, &str)] = &[
    ("loop", FaultKind::Fuel, "all fuel consumed", VERIFY),
    (
        "read",
        FaultKind::Fuel,
        "kernel work limit: asked for more than 1000000",
        "misbehaving_verifier::read_for_ever",
    ),
    (
        "log 1100000",
        FaultKind::Fuel,
        "kernel work limit",
        "proctor_sdk::log::info",
    ),
    (
        "allocate",
        FaultKind::Memory,
        "at most 67108864",
        "misbehaving_verifier::allocate_for_ever",
    ),
    (
        "recurse",
        FaultKind::Stack,
        "call stack exhausted",
        "misbehaving_verifier::descend",
    ),
    (
        "frames",
        FaultKind::Trap,
        "out of bounds memory access",
        "misbehaving_verifier::descend_in_large_frames",
    ),
    ("panic", FaultKind::Trap, "unreachable", VERIFY),
    ("trap", FaultKind::Trap, "unreachable", VERIFY),
    (
        "gigabyte 1000000000",
        FaultKind::Memory,
        "memory bytes limit: asked for 100",
        "<[u8]>::repeat",
    ),
    ("gigabyte 2000000", FaultKind::Output, OUTPUT, ""),
    ("checks 100000", FaultKind::Output, OUTPUT, ""),
    ("bomb 100000", FaultKind::Output, OUTPUT, ""),
    ("wail 2000000", FaultKind::Output, OUTPUT, ""),
    (
        "shout 2000000",
        FaultKind::Output,
        OUTPUT,
        "proctor_sdk::log::info",
    ),
    ("question 2000000", FaultKind::Output, OUTPUT, VERIFY),
    (
        "nan",
        FaultKind::Contract,
        "score NaN is not from 0 to 1",
        "",
    ),
    ("seven", FaultKind::Contract, "score 7 is not", ""),
    ("negative", FaultKind::Contract, "score -1 is not", ""),
    ("infinity", FaultKind::Contract, "score inf is not", ""),
    (
        "checks 1001",
        FaultKind::Contract,
        "1001 checks; at most 1000",
        "",
    ),
    ("fail", FaultKind::Declared, "told to fail", ""),
];

const VERIFY: &str =
    "<misbehaving_verifier::Misbehaving as proctor_sdk::verifier::Verifier>::verify";
const OUTPUT: &str = "handed over more than its output limit";

fn fault(examined: Examined) -> Fault {
    examined.verdict.expect_err("a verdict where none can be")
}

fn assert_passes(verifier: &Verifier, after: &str) {
    let verdict = verify(verifier, "nothing unusual").verdict;
    let passed = verdict
        .as_ref()
        .is_ok_and(|verdict| verdict.pass && verdict.score == 1.0);
    assert!(passed, "after {after:?}: {verdict:?}");
}

#[test]
fn every_failure_is_a_fault_of_its_kind_and_harms_nobody_else() {
    let digest = Digest::of(&test_component(VERIFIER));
    for (words, kind, message, function) in FAULTS {
        let fault = fault(verify(&STAGE.verifier, words));
        assert_eq!(fault.kind, *kind, "{words}: {fault}");
        assert!(fault.message.contains(message), "{words}: {fault}");
        assert_eq!(fault.plugin, VERIFIER, "{words}");
        assert_eq!(fault.digest, digest, "{words}");
        assert_eq!(fault.function, "verify", "{words}");
        let named = fault.backtrace.iter().any(|frame| frame == function);
        assert!(
            named || function.is_empty(),
            "{words}: {:#?}",
            fault.backtrace
        );
        assert_eq!(
            fault.backtrace.is_empty(),
            function.is_empty(),
            "{words}: {:#?}",
            fault.backtrace
        );
        assert!(fault.kind.is_deterministic(), "{words}");
        assert_passes(&STAGE.verifier, words);
    }
}

#[test]
fn the_same_failure_costs_and_says_the_same_every_time() {
    let run = || -> Vec<Examined> {
        FAULTS
            .iter()
            .map(|(words, ..)| verify(&STAGE.verifier, words))
            .collect()
    };
    let (here, there) = thread::scope(|scope| {
        let there = scope.spawn(run);
        (run(), there.join().unwrap())
    });
    for ((words, ..), (one, other)) in FAULTS.iter().zip(here.into_iter().zip(there)) {
        assert!(one.fuel > 0, "{words}");
        assert_eq!(one.fuel, other.fuel, "{words}");
        assert_eq!(one.log, other.log, "{words}");
        assert_eq!(fault(one), fault(other), "{words}");
    }
}

#[test]
fn no_symbol_in_a_backtrace_is_mangled() {
    for words in ["panic", "allocate", "recurse", "read"] {
        for frame in fault(verify(&STAGE.verifier, words)).backtrace {
            let mangled = frame.contains("_R") || frame.contains("_ZN") || frame.ends_with("E");
            assert!(!mangled, "{words}: {frame}");
        }
    }
}

#[test]
fn nothing_survives_from_one_episode_to_the_next() {
    for _ in 0..100 {
        let verdict = verify(&STAGE.verifier, "remember").verdict.unwrap();
        assert_eq!(verdict.rationale, "0 episodes and 0 bytes remembered");
    }
}

#[test]
fn a_panic_leaves_its_words_in_the_log() {
    let log = verify(&STAGE.verifier, "panic").log;
    let last = log.last().unwrap();
    assert_eq!(last.level, Level::Warn);
    assert!(last.text.contains("told to panic"), "{}", last.text);
    assert!(last.text.contains("src/lib.rs"), "{}", last.text);
}

/// Lines kept of a flood, and the number that the last line says were dropped.
fn flood(words: &str) -> (usize, u64) {
    let examined = verify(&STAGE.verifier, words);
    assert!(examined.verdict.is_ok(), "{words}");
    let last = &examined.log.last().unwrap().text;
    let dropped = last
        .strip_prefix("log limit: lines dropped: ")
        .unwrap_or_else(|| panic!("{words}: {last}"));
    (examined.log.len() - 1, dropped.parse().unwrap())
}

#[test]
fn a_flood_of_log_lines_is_cut_and_the_rest_counted() {
    let line = "a line of a flood\n".len();
    let room = Limits::default().log_bytes_max;
    let kept = room / line;
    assert_eq!(flood("log 100000"), (kept, 100_000 - kept as u64));
    // A line that says nothing takes room all the same.
    assert_eq!(flood("blank 100000"), (room, 100_000 - room as u64));
    assert_eq!(flood("shout 100000"), (0, 1));
    let exactly = verify(&STAGE.verifier, &format!("log {kept}")).log;
    assert_eq!(
        exactly.len(),
        kept,
        "nothing was dropped, so nothing is said"
    );
}

#[test]
fn the_most_that_the_contract_allows_is_no_fault() {
    for words in [
        "checks 1000",
        "gigabyte 1000000",
        "shout 60000",
        "question 900000",
    ] {
        let verdict = verify(&STAGE.verifier, words).verdict;
        assert!(verdict.is_ok(), "{words}: {verdict:?}");
    }
}

#[test]
fn storage_that_fails_is_the_kernels_fault() {
    let fault = fault(verify_on(&STAGE.verifier, "read", Storage::Broken));
    assert_eq!(fault.kind, FaultKind::Host);
    assert!(!fault.kind.is_deterministic());
    assert!(fault.message.contains("the disk is gone"), "{fault}");
    assert_passes(&STAGE.verifier, "a broken store");
}

#[test]
fn kernel_work_is_counted_by_question_and_record() {
    let stage = Stage::with(Limits {
        kernel_work_max: 1_010,
        ..Limits::default()
    });
    // Asking what the user said costs 10, each question for rows 10, each row 1.
    for (storage, questions) in [(Storage::Empty, 100), (Storage::Holding(90), 10)] {
        let (examined, asked) = verify_counted(&stage.verifier, "read", storage);
        let fault = fault(examined);
        assert_eq!(fault.kind, FaultKind::Fuel, "{fault}");
        assert_eq!(asked, questions, "{fault}");
    }
    let lines = |count: u32| verify(&stage.verifier, &format!("log {count}")).verdict;
    assert!(lines(1_000).is_ok());
    assert!(lines(1_001).is_err());
}

/// Limits that end a guest only long after the clock should have.
fn clocked() -> Limits {
    Limits {
        fuel_per_call: 1 << 35,
        kernel_work_max: 20_000,
        call_time_max: Duration::from_millis(100),
        ..Limits::default()
    }
}

#[test]
fn the_clock_ends_what_fuel_does_not() {
    let stage = Stage::with(clocked());
    let pause = Duration::from_millis(5);
    for (words, storage) in [("loop", Storage::Empty), ("read", Storage::Slow(pause))] {
        let started = Instant::now();
        let fault = fault(verify_on(&stage.verifier, words, storage));
        let took = started.elapsed();
        assert_eq!(fault.kind, FaultKind::WallClock, "{words}: {fault}");
        assert!(!fault.kind.is_deterministic());
        assert!(!fault.backtrace.is_empty(), "{words}");
        assert!(took >= Duration::from_millis(50), "{words}: {took:?}");
        assert_passes(&stage.verifier, words);
    }
}

#[test]
fn the_clock_runs_while_anything_is_linked() {
    let Stage { host, verifier, .. } = Stage::with(clocked());
    drop(host);
    let fault = fault(verify(&verifier, "loop"));
    assert_eq!(fault.kind, FaultKind::WallClock, "{fault}");
}

#[test]
fn a_plugin_that_cannot_even_say_who_it_is_is_a_fault() {
    let stage = Stage::with(Limits {
        fuel_per_call: 10,
        ..Limits::default()
    });
    let fault = stage.verifier.describe().unwrap_err();
    assert_eq!(
        (fault.kind, fault.function.as_str()),
        (FaultKind::Fuel, "describe")
    );
    let fault = stage.policy.describe().unwrap_err();
    assert_eq!(
        (fault.kind, fault.function.as_str()),
        (FaultKind::Fuel, "describe")
    );
    let known = STAGE.verifier.describe().unwrap();
    assert_eq!(known.name, VERIFIER);
}
