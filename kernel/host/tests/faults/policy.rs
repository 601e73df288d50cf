//! A policy that goes wrong in every way it can.

use std::thread;

use proctor_host::{Action, Digest, Fault, FaultKind, Limits, Observation, Policy, ToolCall};

use crate::{POLICY, STAGE, Stage, message, setting, test_component};

/// What the user says, the kind of fault that must come of it, a part of its message, and a
/// function in its backtrace (none where the guest had already returned).
const FAULTS: &[(&str, FaultKind, &str, &str)] = &[
    ("loop", FaultKind::Fuel, "all fuel consumed", NEXT),
    (
        "tools",
        FaultKind::Fuel,
        "kernel work limit",
        "misbehaving_policy::list_for_ever",
    ),
    (
        "allocate",
        FaultKind::Memory,
        "at most 67108864",
        "misbehaving_policy::allocate_for_ever",
    ),
    (
        "recurse",
        FaultKind::Stack,
        "call stack exhausted",
        "misbehaving_policy::descend",
    ),
    ("panic", FaultKind::Trap, "unreachable", NEXT),
    ("gigabyte 2000000", FaultKind::Output, "output limit", ""),
    (
        "gigabyte 1000000000",
        FaultKind::Memory,
        "memory bytes limit: asked for 100",
        NEXT,
    ),
    ("fail", FaultKind::Declared, "told to fail", ""),
];

const NEXT: &str = "<misbehaving_policy::Misbehaving as proctor_sdk::policy::Policy>::next";

/// What comes of a session in which the user says this, and the fuel it cost.
fn first_action(policy: &Policy, words: &str) -> (Result<Action, Fault>, u64) {
    let mut session = policy.open(setting(&[])).unwrap();
    let action = session.next(&message(words));
    (action, session.fuel())
}

fn assert_answers(policy: &Policy, after: &str) {
    let (action, _) = first_action(policy, "nothing unusual");
    assert_eq!(action, Ok(Action::Answer("done".into())), "after {after:?}");
}

#[test]
fn every_failure_is_a_fault_of_its_kind_and_harms_nobody_else() {
    let digest = Digest::of(&test_component(POLICY));
    for (words, kind, text, function) in FAULTS {
        let fault = first_action(&STAGE.policy, words).0.unwrap_err();
        assert_eq!(fault.kind, *kind, "{words}: {fault}");
        assert!(fault.message.contains(text), "{words}: {fault}");
        assert_eq!(fault.plugin, POLICY, "{words}");
        assert_eq!(fault.digest, digest, "{words}");
        assert_eq!(fault.function, "next", "{words}");
        let named = fault.backtrace.iter().any(|frame| frame == function);
        assert_eq!(
            named,
            !function.is_empty(),
            "{words}: {:#?}",
            fault.backtrace
        );
        assert_answers(&STAGE.policy, words);
    }
}

#[test]
fn the_same_failure_costs_and_says_the_same_every_time() {
    let run = || -> Vec<_> {
        FAULTS
            .iter()
            .map(|(words, ..)| first_action(&STAGE.policy, words))
            .collect()
    };
    let (here, there) = thread::scope(|scope| {
        let there = scope.spawn(run);
        (run(), there.join().unwrap())
    });
    assert_eq!(here, there);
    assert!(here.iter().all(|(_, fuel)| *fuel > 0));
}

#[test]
fn a_failure_to_take_the_seat_says_so_and_in_the_guests_own_words() {
    for (how, kind, text) in [
        ("panic", FaultKind::Trap, "told to panic"),
        ("loop", FaultKind::Fuel, "all fuel consumed"),
        ("allocate", FaultKind::Memory, "at most 67108864"),
    ] {
        let fault = STAGE.policy.open(setting(&[("open", how)])).err().unwrap();
        assert_eq!(fault.kind, kind, "{how}: {fault}");
        assert_eq!(fault.function, "session", "{how}");
        assert!(fault.message.contains(text), "{how}: {fault}");
        assert!(!fault.backtrace.is_empty(), "{how}");
        assert_answers(&STAGE.policy, how);
    }
}

#[test]
fn a_session_that_failed_is_over_for_good() {
    let mut session = STAGE.policy.open(setting(&[])).unwrap();
    let fault = session.next(&message("panic")).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Trap);
    let log = session.log();
    assert!(log[0].text.contains("told to panic"), "{log:?}");
    for _ in 0..2 {
        let fault = session.next(&message("nothing unusual")).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Trap, "{fault}");
    }
}

#[test]
fn what_a_policy_wants_to_call_is_handed_on_as_it_is() {
    // Whether a tool exists and its arguments are right is for the CRM to say.
    for (words, tool, arguments) in [
        ("json", "client_search", r#"{"name": "Acme""#.to_owned()),
        ("nested 50000", "client_search", "[".repeat(50_000)),
        ("list", "client_search", "[1]".to_owned()),
        ("nonsense", "abolish_clients", "{}".to_owned()),
    ] {
        let call = ToolCall {
            tool: tool.into(),
            arguments,
        };
        let (action, _) = first_action(&STAGE.policy, words);
        assert!(action == Ok(Action::Call(call)), "{words}");
    }
}

#[test]
fn every_call_has_fuel_and_kernel_work_of_its_own() {
    let stage = Stage::with(Limits {
        fuel_per_call: 200_000,
        kernel_work_max: 30,
        ..Limits::default()
    });
    let mut session = stage.policy.open(setting(&[])).unwrap();
    for _ in 0..50 {
        let action = session.next(&message("log 20"));
        assert_eq!(action, Ok(Action::Answer("done".into())));
    }
    assert!(session.fuel() > 200_000, "{}", session.fuel());
    assert_eq!(session.log().len(), 1_000);
    let fault = session.next(&message("log 40")).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Fuel, "{fault}");
}

#[test]
fn a_flood_of_log_lines_is_cut_and_the_rest_counted() {
    let mut session = STAGE.policy.open(setting(&[])).unwrap();
    let lines = (0..6_000).map(|line| format!("line {line} of a flood\n").len());
    let kept = lines
        .scan(0, |bytes, line| {
            *bytes += line;
            (*bytes <= Limits::default().log_bytes_max).then_some(())
        })
        .count();
    assert!(session.next(&message("log 6000")).is_ok());
    let log = session.log();
    let last = &log.last().unwrap().text;
    assert_eq!(log.len() - 1, kept);
    assert_eq!(*last, format!("log limit: lines dropped: {}", 6_000 - kept));
    // What is taken makes room.
    assert!(session.next(&message("log 1")).is_ok());
    assert_eq!(session.log().len(), 1);
}

#[test]
fn a_policy_answers_what_it_sees() {
    let mut session = STAGE.policy.open(setting(&[])).unwrap();
    let action = session.next(&message("search")).unwrap();
    assert!(matches!(action, Action::Call(call) if call.tool == "client_search"));
    let refused = Observation::Refused(proctor_crm::Refusal::new(
        proctor_crm::Code::WrongType,
        "name",
        "no",
    ));
    let action = session.next(&refused).unwrap();
    assert!(matches!(action, Action::Call(call) if call.tool == "client_search"));
}
