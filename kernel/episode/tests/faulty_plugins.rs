//! Plugins that fail in the middle of a run: the episode is reported for what it is, nothing of
//! it counts in a score, and the run goes on.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proctor_episode::{
    Asking, CrmEnv, EpisodeRecord, EpisodeSeed, Examination, Outcome, Recorded, STEPS_MAX, Stores,
    Suite, Summary, Tally,
};
use proctor_host::{
    Action, Fault, FaultKind, Host, Limits, LogLine, Observation, Policy, Verifier,
};
use proctor_store::{Image, Sqlite};

const DATA: &str = r#"
[[client]]
key = "acme"
name = "Acme"
email = "hello@acme.example"
status = "Active"
"#;

const SUITE: &str = r#"
name = "two"
version = 1
description = "A task in which a plugin fails, and one in which none does."
data = "canonical"
now = "2026-01-15T09:00:00Z"

[frequency]
client_search = 1
"#;

/// A suite of two tasks: in the first the user says `words`, in the second nothing unusual.
fn suite(words: &str) -> Arc<Suite> {
    let task = |id: &str, words: &str| {
        format!(
            r#"
[[task]]
id = "{id}"
kind = "client_search"
split = "train"
read_only = "only words are exchanged"

[[task.turn]]
user = "{words}"
answer = {{ text = "done" }}
"#
        )
    };
    let tasks = task("a-odd", words) + &task("b-plain", "nothing unusual");
    let manifest = Path::new("suites/two/suite.toml");
    let files = BTreeMap::from([
        (manifest.to_owned(), SUITE.to_owned()),
        (PathBuf::from("suites/two/tasks.toml"), tasks),
    ]);
    let data = BTreeMap::from([(PathBuf::from("canonical/clients.toml"), DATA.to_owned())]);
    Arc::new(Suite::from_files(manifest, &files, &data).unwrap())
}

struct Plugins {
    policy: Policy,
    verifier: Verifier,
}

impl Plugins {
    fn with(limits: Limits) -> Self {
        let host = Host::new(limits, None).unwrap();
        let load = |name: &str| {
            let path = format!(
                "{}/../../plugins/dist/test/{name}.wasm",
                env!("CARGO_MANIFEST_DIR")
            );
            host.load(name, &std::fs::read(path).unwrap(), &[]).unwrap()
        };
        Self {
            policy: host.policy(&load("misbehaving-policy")).unwrap(),
            verifier: host.verifier(&load("misbehaving-verifier")).unwrap(),
        }
    }

    /// With the usual limits, but soon done with reading for ever.
    fn usual() -> &'static Self {
        static USUAL: LazyLock<Plugins> = LazyLock::new(|| {
            Plugins::with(Limits {
                kernel_work_max: 50_000,
                ..Limits::default()
            })
        });
        &USUAL
    }
}

/// The two episodes of a run, in order, and what the run comes to.
struct Run {
    odd: EpisodeRecord,
    plain: EpisodeRecord,
    summary: Summary,
}

/// Runs both tasks; whatever happens in the first, the second must pass.
fn run(plugins: &Plugins, words: &str, parameters: &[(&str, &str)], jobs: usize) -> Run {
    let suite = suite(words);
    let image = Image::of(&suite.data).unwrap();
    let examination = Examination {
        suite: Arc::clone(&suite),
        tasks: vec![0, 1],
        trials: 1,
        seed: 42,
        policy: &plugins.policy,
        verifiers: vec![&plugins.verifier],
        refusal: None,
        answer: None,
        judges: Vec::new(),
        asking: Asking::default(),
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        script: Arc::from([]),
    };
    let mut records = BTreeMap::new();
    let finished = examination.run::<Infallible>(
        jobs,
        &Stores::new(&|| Ok(Box::new(Sqlite::from_image(&image)?))),
        &|_| true,
        &AtomicBool::new(false),
        &mut |finished| {
            records.insert(finished.index, finished.record);
            Ok(())
        },
    );
    finished.unwrap();
    let mut tally = Tally::default();
    for record in records.values() {
        tally.add(&Recorded {
            task: suite.tasks[record.task].id.clone(),
            outcome: record.outcome,
            reward: record.reward,
        });
    }
    let summary = Summary::of(&suite, &tally);
    let mut records = records.into_values();
    let (odd, plain) = (records.next().unwrap(), records.next().unwrap());
    assert!(records.next().is_none());
    Run {
        odd,
        plain,
        summary,
    }
}

/// Runs with one worker and with two; the second task must pass either way.
fn run_both(plugins: &Plugins, words: &str) -> Vec<Run> {
    [1, 2]
        .map(|jobs| {
            let run = run(plugins, words, &[], jobs);
            assert_eq!(run.plain.outcome, Outcome::Pass, "{words}, {jobs} jobs");
            assert_eq!(run.plain.reward, Some(1.0), "{words}, {jobs} jobs");
            run
        })
        .into()
}

/// The episode of the first task has no score, and the run's success is that of the second alone.
fn assert_unscored(run: &Run, outcome: Outcome, words: &str) {
    assert_eq!(run.odd.outcome, outcome, "{words}");
    assert_eq!(run.odd.reward, None, "{words}");
    assert!(!outcome.is_scored());
    let all = &run.summary.all;
    assert_eq!(all.outcomes.get(&outcome), Some(&1), "{words}");
    assert_eq!(all.success.unwrap().rate, 1.0, "{words}");
    assert_eq!(all.reward, Some(1.0), "{words}");
    assert_eq!(all.tasks, 1, "{words}");
    assert_eq!(run.summary.weighted.unwrap().rate, 1.0, "{words}");
}

fn assert_is_of(fault: &Fault, plugin: &str, function: &str, kind: FaultKind) {
    assert_eq!(fault.plugin, plugin, "{fault}");
    assert_eq!(fault.function, function, "{fault}");
    assert_eq!(fault.kind, kind, "{fault}");
}

fn says(log: &[LogLine], words: &str) -> bool {
    log.iter().any(|line| line.text.contains(words))
}

#[test]
fn a_policy_that_fails_leaves_an_infra_error_and_the_run_goes_on() {
    for (words, kind) in [
        ("panic", FaultKind::Trap),
        ("loop", FaultKind::Fuel),
        ("tools", FaultKind::Fuel),
        ("allocate", FaultKind::Memory),
        ("recurse", FaultKind::Stack),
        ("gigabyte 2000000", FaultKind::Output),
    ] {
        for run in run_both(Plugins::usual(), words) {
            assert_unscored(&run, Outcome::InfraError, words);
            let fault = run.odd.fault.as_ref().unwrap();
            assert_is_of(fault, "misbehaving-policy", "next", kind);
            assert!(run.odd.marks.is_empty(), "{words}: marked all the same");
            assert!(run.odd.policy_fuel > 0, "{words}");
            if words == "panic" {
                assert!(says(&run.odd.policy_log, "told to panic"));
            }
        }
    }
}

#[test]
fn a_policy_that_says_it_cannot_go_on_has_failed() {
    for run in run_both(Plugins::usual(), "fail") {
        assert_eq!(run.odd.outcome, Outcome::AgentError);
        assert_eq!(run.odd.reward, None);
        let fault = run.odd.fault.as_ref().unwrap();
        assert_is_of(fault, "misbehaving-policy", "next", FaultKind::Declared);
        assert!(run.odd.marks.is_empty(), "marked all the same");
        assert_eq!(run.plain.outcome, Outcome::Pass);
        // It counts as a fail: one of two.
        assert_eq!(run.summary.all.success.map(|rate| rate.rate), Some(0.5));
    }
}

#[test]
fn a_policy_that_does_not_take_its_seat_leaves_an_infra_error() {
    let run = run(Plugins::usual(), "hello", &[("open", "panic")], 2);
    for record in [&run.odd, &run.plain] {
        assert_eq!((record.outcome, record.reward), (Outcome::InfraError, None));
        let fault = record.fault.as_ref().unwrap();
        assert_is_of(fault, "misbehaving-policy", "session", FaultKind::Trap);
        assert!(fault.message.contains("told to panic"), "{fault}");
    }
    assert_eq!(run.summary.all.success, None);
    assert_eq!(run.summary.all.reward, None);
    assert_eq!(run.summary.weighted, None);
}

#[test]
fn a_verifier_that_fails_leaves_a_grader_error_and_no_score() {
    for (words, kind) in [
        ("trap", FaultKind::Trap),
        ("read", FaultKind::Fuel),
        ("frames", FaultKind::Trap),
        ("bomb 100000", FaultKind::Output),
        ("checks 1001", FaultKind::Contract),
        ("nan", FaultKind::Contract),
        ("seven", FaultKind::Contract),
        ("negative", FaultKind::Contract),
        ("infinity", FaultKind::Contract),
    ] {
        for run in run_both(Plugins::usual(), words) {
            assert_unscored(&run, Outcome::GraderError, words);
            assert!(
                run.odd.fault.is_none(),
                "{words}: the agent did nothing wrong"
            );
            let fault = run.odd.marks[0].verdict.as_ref().unwrap_err();
            assert_is_of(fault, "misbehaving-verifier", "verify", kind);
        }
    }
}

#[test]
fn one_verifier_that_fails_is_enough_to_leave_no_score() {
    let plugins = Plugins::usual();
    let suite = suite("seven");
    let store = Sqlite::from_image(&Image::of(&suite.data).unwrap()).unwrap();
    let known = proctor_host::FirstParty::named("end-state").unwrap();
    let host = Host::new(Limits::default(), None).unwrap();
    let sound = host.load(known.name, known.wasm, &[]).unwrap();
    let sound = host.verifier(&sound).unwrap();
    let examination = Examination {
        suite,
        tasks: vec![0],
        trials: 1,
        seed: 42,
        policy: &plugins.policy,
        verifiers: vec![&sound, &plugins.verifier],
        refusal: None,
        answer: None,
        judges: Vec::new(),
        asking: Asking::default(),
        parameters: Vec::new(),
        script: Arc::from([]),
    };
    let record = examination.run_one(Box::new(store), 0).unwrap();
    assert!(
        record.marks[0]
            .verdict
            .as_ref()
            .is_ok_and(|verdict| verdict.pass)
    );
    assert!(record.marks[1].verdict.is_err());
    assert_eq!(
        (record.outcome, record.reward),
        (Outcome::GraderError, None)
    );
}

#[test]
fn an_episode_that_cannot_start_shows_nothing_of_the_one_before() {
    let suite = suite("nothing unusual");
    let store = Sqlite::from_image(&Image::of(&suite.data).unwrap()).unwrap();
    let mut env = CrmEnv::new(Box::new(store), suite);
    let seed = EpisodeSeed::derive(42, "a-odd", 0);
    env.reset(0, seed).unwrap();
    env.step(Action::Answer("done".into())).unwrap();
    assert_eq!(env.steps().len(), 1);
    assert!(
        env.reset(usize::MAX, seed).is_err(),
        "there is no such task"
    );
    assert_eq!(env.steps(), []);
    assert!(env.over() && env.task().is_none());
}

#[test]
fn a_verifier_that_the_clock_ends_is_the_machines_fault() {
    // Fuel and kernel work end it too, but only long after the clock should have.
    let plugins = Plugins::with(Limits {
        fuel_per_call: 1 << 35,
        kernel_work_max: 1 << 24,
        call_time_max: Duration::from_millis(200),
        ..Limits::default()
    });
    let run = run(&plugins, "read", &[], 1);
    assert_unscored(&run, Outcome::InfraError, "read");
    let fault = run.odd.marks[0].verdict.as_ref().unwrap_err();
    assert_is_of(
        fault,
        "misbehaving-verifier",
        "verify",
        FaultKind::WallClock,
    );
}

#[test]
fn a_policy_that_never_ends_is_cut_off_and_counts_as_a_fail() {
    for run in run_both(Plugins::usual(), "search") {
        assert_eq!(run.odd.outcome, Outcome::AgentError);
        assert_eq!(run.odd.steps.len(), STEPS_MAX);
        assert!(run.odd.fault.is_none());
        assert_eq!(run.summary.all.success.unwrap().rate, 0.5);
        let accepted = |step: &proctor_episode::Step| {
            matches!(step.observation, Some(Observation::Accepted(_)))
        };
        assert!(run.odd.steps.iter().all(accepted));
        assert_eq!(run.odd.start, run.odd.end);
    }
}

#[test]
fn a_call_that_makes_no_sense_is_refused_and_the_episode_goes_on() {
    for (words, code) in [
        ("json", "wrong_type"),
        ("nested 60000", "wrong_type"),
        ("list", "wrong_type"),
        ("nonsense", "unknown_tool"),
        ("gigabyte 70000", "too_many"),
    ] {
        for run in run_both(Plugins::usual(), words) {
            assert_eq!(run.odd.outcome, Outcome::Pass, "{words}");
            assert_eq!(run.odd.steps.len(), 2, "{words}");
            match &run.odd.steps[0].observation {
                Some(Observation::Refused(refusal)) => {
                    assert_eq!(refusal.code.name(), code, "{words}: {}", refusal.message);
                    assert!(refusal.message.len() < 1_000, "{words}");
                }
                other => panic!("{words}: {other:?}"),
            }
            let last = &run.odd.steps[1].action;
            assert_eq!(*last, Action::Answer("done".into()), "{words}");
            assert_eq!(run.odd.start, run.odd.end, "{words}");
        }
    }
}

#[test]
fn a_flood_of_log_lines_harms_nothing() {
    for run in run_both(Plugins::usual(), "log 9000") {
        assert_eq!(run.odd.outcome, Outcome::Pass);
        assert!(says(&run.odd.policy_log, "log limit: lines dropped: "));
        assert!(says(&run.odd.marks[0].log, "log limit: lines dropped: "));
        assert!(run.odd.policy_log.len() < 5_000);
    }
}
