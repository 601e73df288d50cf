//! Instances come out of a pool: what a fault leaves behind must go back into it.

use std::thread;

use proctor_host::{FaultKind, Limits};

use crate::{Stage, message, setting, verify};

#[test]
fn a_thousand_failures_leave_nothing_behind() {
    let stage = Stage::with(Limits {
        fuel_per_call: 3_000_000,
        ..Limits::default()
    });
    let told = [
        "loop",
        "recurse",
        "panic",
        "trap",
        "gigabyte 1000000000",
        "gigabyte 2000000",
        "seven",
        "fail",
        "frames",
        "shout 2000000",
    ];
    thread::scope(|scope| {
        for worker in 0..2 {
            let (stage, told) = (&stage, &told);
            scope.spawn(move || {
                for round in 0..500 {
                    let words = told[(round + worker) % told.len()];
                    let verdict = verify(&stage.verifier, words).verdict;
                    assert!(verdict.is_err(), "round {round}: {words}");
                    let opened = stage.policy.open(setting(&[("open", "panic")]));
                    assert!(opened.is_err(), "round {round}");
                    let mut session = stage.policy.open(setting(&[])).unwrap();
                    assert!(session.next(&message("panic")).is_err(), "round {round}");
                }
            });
        }
    });
    assert!(verify(&stage.verifier, "nothing unusual").verdict.is_ok());
}

/// As many workers as the CLI starts at most.
const WORKERS_MAX: usize = 256;

#[test]
fn every_worker_has_room_and_too_many_is_no_plugins_fault() {
    let stage = Stage::with(Limits::default());
    let mut open = Vec::new();
    let fault = loop {
        match stage.policy.open(setting(&[])) {
            Ok(session) => open.push(session),
            Err(fault) => break fault,
        }
        assert!(open.len() < 10_000, "no limit at all");
    };
    assert!(open.len() >= WORKERS_MAX, "{} at once: {fault}", open.len());
    assert_eq!(fault.kind, FaultKind::Host, "{fault}");
    let fault = verify(&stage.verifier, "nothing unusual")
        .verdict
        .unwrap_err();
    assert_eq!(fault.kind, FaultKind::Host, "{fault}");
    for session in &mut open {
        assert!(session.next(&message("nothing unusual")).is_ok());
    }
    drop(open);
    assert!(verify(&stage.verifier, "nothing unusual").verdict.is_ok());
}
