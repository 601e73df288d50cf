//! The differential machine: random sequences of calls, played on a model of the rules and on
//! every store at once, which must agree after each call.
//!
//! `PROCTOR_DIFFERENTIAL_SEQUENCES` says how many sequences, `PROCTOR_DIFFERENTIAL_SEED` which; a
//! failure prints both. PostgreSQL takes part where there is one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stdout, reason = "a test says what it has played")]

mod arguments;
mod awkward;
mod call;
mod calls;
mod dispensable;
mod faulty;
mod machine;
mod model;

use std::cell::RefCell;
use std::path::Path;

use proctor_cluster::Cluster;
use proctor_crm::{Code, Tool};
use proctor_episode::Suite;
use proctor_store::{Address, Postgres, Snapshot, Sqlite, Store, Template};
use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use call::Sequence;
use faulty::{Fault, Faulty};
use machine::{Machine, Stores, Tally};

/// What runs on every change.
const SEQUENCES: u32 = 500;
const SEED: u64 = 20_260_115;

fn canonical() -> Snapshot {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../seeds/canonical");
    Suite::load_data(&folder).unwrap()
}

fn sqlite(snapshot: &Snapshot) -> Sqlite {
    let mut store = Sqlite::in_memory().unwrap();
    store.restore(snapshot).unwrap();
    store
}

/// A database with these rows on a PostgreSQL server, where there is one.
fn database(snapshot: &Snapshot) -> Option<Address> {
    let cluster = Cluster::shared()?;
    let address: Address = cluster.address(&cluster.database()).parse().unwrap();
    Postgres::migrate(&address).unwrap();
    let mut store = Postgres::open(&address).unwrap();
    store.restore(snapshot).unwrap();
    Some(address)
}

/// A number from the environment.
fn from_environment<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    match std::env::var(name) {
        Ok(text) => match text.parse() {
            Ok(number) => number,
            Err(_) => panic!("{name} is {text:?}, which is no number that it can be"),
        },
        Err(_) => otherwise,
    }
}

/// The shortest sequence found that the stores don't agree on, and what they say.
#[derive(Debug)]
struct Difference {
    sequence: Sequence,
    report: String,
}

/// Plays random sequences until the stores don't agree.
fn search(machine: Machine, seed: u64, sequences: u32) -> Result<Tally, Difference> {
    let config = Config {
        cases: sequences,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        max_shrink_iters: 10_000,
        ..Config::default()
    };
    let machine = RefCell::new(machine);
    let played = TestRunner::new(config).run(&calls::sequence(), |sequence| {
        let played = machine.borrow_mut().play(&sequence);
        played.map_err(TestCaseError::fail)
    });
    match played {
        Ok(()) => Ok(machine.into_inner().tally),
        Err(TestError::Fail(report, sequence)) => Err(Difference {
            sequence,
            report: report.message().to_owned(),
        }),
        Err(TestError::Abort(reason)) => panic!("no sequences to play: {reason}"),
    }
}

/// Plays one in so many of the sequences that the environment asks for, and fails with the
/// shortest that the stores don't agree on.
fn agree(snapshot: &Snapshot, stores: Stores, one_in: u32) {
    let sequences = from_environment("PROCTOR_DIFFERENTIAL_SEQUENCES", SEQUENCES);
    let seed = from_environment("PROCTOR_DIFFERENTIAL_SEED", SEED);
    let again = format!(
        "PROCTOR_DIFFERENTIAL_SEED={seed} PROCTOR_DIFFERENTIAL_SEQUENCES={sequences} cargo test -p proctor-episode --test differential"
    );
    let names: Vec<&str> = stores.iter().map(|(name, _)| *name).collect();
    println!("on {}: {again}", names.join(" and "));
    let machine = Machine::new(snapshot, stores).unwrap();
    if let Err(difference) = search(machine, seed, sequences.div_ceil(one_in)) {
        panic!("{}\n\nThe same again: {again}", difference.report);
    }
}

#[test]
fn every_store_says_what_the_model_says() {
    let snapshot = canonical();
    let mut stores: Stores = vec![("sqlite", Box::new(sqlite(&snapshot)))];
    if let Some(address) = database(&snapshot) {
        stores.push(("postgres", Box::new(Postgres::open(&address).unwrap())));
    }
    agree(&snapshot, stores, 1);
}

/// A reset makes a new database there, so one sequence in twenty must do.
#[test]
fn a_store_that_commits_says_what_the_model_says() {
    let snapshot = canonical();
    let Some(address) = database(&snapshot) else {
        return;
    };
    let template = Template::of(&address).unwrap();
    let store = template.open().unwrap();
    agree(&snapshot, vec![("postgres", Box::new(store))], 20);
}

#[test]
fn every_tool_is_accepted_and_refused_and_every_refusal_is_met() {
    let machine = Machine::new(&canonical(), Vec::new()).unwrap();
    let tally = search(machine, SEED, SEQUENCES).unwrap();
    for tool in Tool::all() {
        let (accepted, refused) = tally.tools.get(tool.name).copied().unwrap_or_default();
        println!(
            "{:<26} {accepted:>6} accepted {refused:>6} refused",
            tool.name
        );
        assert!(accepted > 0 && refused > 0, "{}", tool.name);
    }
    for code in Code::ALL {
        let count = tally.codes.get(code).copied().unwrap_or_default();
        println!("{:<26} {count:>6} refused", code.name());
        assert!(count > 0, "{code}");
    }
}

#[test]
fn a_store_that_is_wrong_is_found_by_one_call_or_two() {
    let snapshot = canonical();
    for fault in Fault::ALL {
        let wrong = Faulty::new(sqlite(&snapshot), fault).unwrap();
        let stores: Stores = vec![
            ("sqlite", Box::new(sqlite(&snapshot))),
            ("wrong", Box::new(wrong)),
        ];
        let machine = Machine::new(&snapshot, stores).unwrap();
        let found = search(machine, SEED, SEQUENCES);
        let Err(difference) = found else {
            panic!("{fault:?} was not found");
        };
        println!("{fault:?}:\n{}\n", difference.report);
        let calls = difference.sequence.calls.len();
        assert!(
            calls <= 2,
            "{fault:?}: {calls} calls\n{}",
            difference.report
        );
        assert!(
            difference.report.contains("\n  wrong "),
            "{}",
            difference.report
        );
    }
}
