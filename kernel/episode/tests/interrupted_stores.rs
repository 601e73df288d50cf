//! Stores that fail in the middle of a run: an episode is begun anew once where that may help,
//! nothing is scored that wasn't read, and a store that stays away halts the run, which then goes
//! on to the same bytes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use proctor_crm::{Change, Entity, Found, Query};
use proctor_episode::{
    Asking, Backend, Examination, PluginPin, RunError, RunHeader, Stores, Suite, TELEMETRY_VERSION,
    TelemetryError, TelemetryWriter, Verify, verify_chain,
};
use proctor_host::{
    Digest, EpisodeRead, Examined, FirstParty, Gold, Grant, Host, Limits, Moment, ORACLE, Policy,
    Verdict, Verifier,
};
use proctor_store::{Fingerprint, Image, Snapshot, Sqlite, Store, StoreError};
use serde_json::Value as Json;

const CLIENTS: &str = r#"
[[client]]
key = "acme"
name = "Acme"
email = "hello@acme.example"
status = "Active"
"#;

const SUITE: &str = r#"
name = "two"
version = 1
description = "Tasks in which a store is asked for everything it can be asked for."
data = "canonical"
now = "2026-01-15T09:00:00Z"

[frequency]
create_new_client = 1
modify_client = 1
"#;

// The first has records of its own, and expects a value that doesn't change: its verifier reads.
const TASKS: &str = r#"
[[task]]
id = "a-modify"
kind = "modify_client"
split = "train"
[[task.setup.client]]
key = "birch"
name = "Birch"
email = "hello@birch.example"
status = "Prospect"
[[task.turn]]
user = "Birch is a client now: find Birch and make it Active."
[[task.turn.call]]
id = "found"
tool = "client_search"
arguments = { name = "Birch" }
[[task.turn.call]]
tool = "modify_client"
arguments = { client_id = "${found.rows.0.client_id}", updates = { status = "Active" } }
[task.turn.answer]
text = "Done."
[[task.expect.update]]
record = "@client.birch"
set = { status = "Active", email = "hello@birch.example" }

[[task]]
id = "b-create"
kind = "create_new_client"
split = "train"
[[task.turn]]
user = "Add the client Cedar, hello@cedar.example, Prospect."
[[task.turn.call]]
tool = "create_new_client"
arguments = { name = "Cedar", email = "hello@cedar.example", status = "Prospect" }
[task.turn.answer]
text = "Done."
[[task.expect.insert]]
key = "cedar"
entity = "Client"
row = { name = "Cedar", email = "hello@cedar.example", status = "Prospect" }
"#;

/// The suite over a client called Acme.
fn suite() -> Arc<Suite> {
    let manifest = Path::new("suites/two/suite.toml");
    let files = BTreeMap::from([
        (manifest.to_owned(), SUITE.to_owned()),
        (PathBuf::from("suites/two/tasks.toml"), TASKS.to_owned()),
    ]);
    let data = BTreeMap::from([(PathBuf::from("canonical/clients.toml"), CLIENTS.to_owned())]);
    Arc::new(Suite::from_files(manifest, &files, &data).unwrap())
}

/// A database server, as far as workers notice it: each store it gives out is a connection.
struct Server {
    image: Image,
    /// Questions that episodes put to it so far, over all connections.
    asked: AtomicUsize,
    /// Which of them it fails to answer; the connection is of no use from then on.
    fails_at: BTreeSet<usize>,
    /// Episodes released so far; and which of them it fails to release, in the same way.
    released: AtomicUsize,
    fails_to_release: BTreeSet<usize>,
    /// What it says then.
    failure: fn() -> StoreError,
    /// How many connections it refuses after a failure.
    away: usize,
    /// How many it is about to refuse.
    refuses: AtomicUsize,
    /// Connections asked for.
    knocked: AtomicUsize,
}

fn interrupted() -> StoreError {
    StoreError::Interrupted {
        backend: "sqlite",
        reason: "the {\"connection\"} broke,\nor so".into(),
    }
}

fn misused() -> StoreError {
    StoreError::Misuse("nothing that passes")
}

impl Server {
    /// One that is interrupted at these questions, counted from 0, and there again at once.
    fn failing_at(fails_at: impl IntoIterator<Item = usize>) -> Self {
        Self {
            image: Image::of(&suite().data).unwrap(),
            asked: AtomicUsize::new(0),
            fails_at: fails_at.into_iter().collect(),
            released: AtomicUsize::new(0),
            fails_to_release: BTreeSet::new(),
            failure: interrupted,
            away: 0,
            refuses: AtomicUsize::new(0),
            knocked: AtomicUsize::new(0),
        }
    }

    fn knocked(&self) -> usize {
        self.knocked.load(Ordering::SeqCst)
    }

    fn open(self: &Arc<Self>) -> Result<Box<dyn Store>, StoreError> {
        self.knocked.fetch_add(1, Ordering::SeqCst);
        let less = |left: usize| left.checked_sub(1);
        let (set, got) = (Ordering::SeqCst, Ordering::SeqCst);
        if self.refuses.fetch_update(set, got, less).is_ok() {
            return Err((self.failure)());
        }
        Ok(Box::new(Connection {
            store: Sqlite::from_image(&self.image)?,
            server: Arc::clone(self),
            under_way: false,
            broken: false,
        }))
    }

    fn answer(&self, asked: &AtomicUsize, fails_at: &BTreeSet<usize>) -> Result<(), StoreError> {
        if fails_at.contains(&asked.fetch_add(1, Ordering::SeqCst)) {
            self.refuses.store(self.away, Ordering::SeqCst);
            return Err((self.failure)());
        }
        Ok(())
    }
}

struct Connection {
    store: Sqlite,
    server: Arc<Server>,
    /// Whether an episode was begun and not released since.
    under_way: bool,
    broken: bool,
}

impl Connection {
    fn ask<T>(
        &mut self,
        what: impl FnOnce(&mut Sqlite) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if self.broken {
            return Err(StoreError::Lost);
        }
        let server = &self.server;
        let answer = if self.under_way {
            server.answer(&server.asked, &server.fails_at)
        } else {
            server.answer(&server.released, &server.fails_to_release)
        };
        answer.inspect_err(|_| self.broken = true)?;
        what(&mut self.store)
    }
}

impl Store for Connection {
    fn backend(&self) -> &'static str {
        self.store.backend()
    }

    fn read(&mut self, queries: &[Query]) -> Result<Vec<Found>, StoreError> {
        self.ask(|store| store.read(queries))
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        self.ask(|store| store.apply(changes))
    }

    fn fingerprint(&self) -> Fingerprint {
        self.store.fingerprint()
    }

    fn scan(&mut self) -> Result<Fingerprint, StoreError> {
        self.ask(Sqlite::scan)
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.under_way = true;
        self.ask(Sqlite::begin)
    }

    fn reset(&mut self) -> Result<(), StoreError> {
        // By turns: one that is done is released, and the next begins.
        self.under_way = !self.under_way;
        self.ask(Sqlite::reset)
    }

    fn end(&mut self) -> Result<(), StoreError> {
        self.ask(Sqlite::end)
    }

    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        self.ask(Sqlite::snapshot)
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.ask(|store| store.restore(snapshot))
    }

    fn counts(&mut self) -> Result<Vec<(Entity, u64)>, StoreError> {
        self.ask(Sqlite::counts)
    }
}

/// Passes whatever it reads, and passes just the same when it can't read.
struct Careless;

impl Verify for Careless {
    fn name(&self) -> &str {
        "careless"
    }

    fn digest(&self) -> Digest {
        Digest::of(b"careless")
    }

    fn verify(&self, episode: &Rc<RefCell<dyn EpisodeRead>>, _: &Arc<Gold>) -> Examined {
        let mut episode = episode.borrow_mut();
        let _ = episode.rows(Moment::End, Entity::Client, &[], 10);
        let _ = episode.rows(Moment::Start, Entity::Client, &[], 10);
        Examined {
            verdict: Ok(Verdict {
                score: 1.0,
                pass: true,
                rationale: "it will be all right".into(),
                checks: Vec::new(),
            }),
            log: Vec::new(),
            fuel: 0,
        }
    }
}

/// The oracle and the verifier `end-state`.
static PLUGINS: LazyLock<(Policy, Verifier)> = LazyLock::new(|| {
    let host = Host::new(Limits::default(), None).unwrap();
    let load = |name: &str, grants: &[Grant]| {
        let wasm = FirstParty::named(name).unwrap().wasm;
        host.load(name, wasm, grants).unwrap()
    };
    let oracle = host.policy(&load(ORACLE, &[Grant::Gold])).unwrap();
    (oracle, host.verifier(&load("end-state", &[])).unwrap())
});

fn examination() -> Examination<'static> {
    Examination {
        suite: suite(),
        tasks: vec![0, 1],
        trials: 3,
        seed: 42,
        policy: &PLUGINS.0,
        verifiers: vec![&PLUGINS.1, &Careless],
        refusal: None,
        answer: None,
        judges: Vec::new(),
        asking: Asking::default(),
        parameters: Vec::new(),
        script: Arc::from([]),
    }
}

fn header(examination: &Examination<'_>) -> RunHeader {
    let suite = &examination.suite;
    let pin = |name: &str| PluginPin {
        digest: String::new(),
        name: name.into(),
        simulated: false,
        version: String::new(),
    };
    RunHeader {
        agent: "oracle".into(),
        data_fingerprint: suite.data.fingerprint().to_string(),
        episodes: examination.len() as u64,
        limits: (&Limits::default()).into(),
        policy: pin(ORACLE),
        schema_version: TELEMETRY_VERSION,
        seed: examination.seed,
        suite: suite.name.clone(),
        suite_digest: suite.digest.to_string(),
        suite_version: suite.version,
        tasks: suite.tasks.iter().map(|task| task.id.clone()).collect(),
        trials: examination.trials,
        verifiers: vec![pin("end-state"), pin("careless")],
        ..RunHeader::default()
    }
}

/// A run in a folder of its own, which may take several goes.
struct Run {
    folder: tempfile::TempDir,
    reopen_time_max: Duration,
}

impl Run {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            reopen_time_max: Duration::from_secs(3_600),
        }
    }

    /// The telemetry of a run on a server that never fails, and how much it was asked.
    fn undisturbed() -> (String, usize) {
        let (run, server) = (Self::new(), Arc::new(Server::failing_at([])));
        run.go(1, &server).unwrap();
        (run.text(), server.asked.load(Ordering::SeqCst))
    }

    /// Begins the run, or goes on with it; recorded under another backend's name each time.
    fn go(&self, jobs: usize, server: &Arc<Server>) -> Result<(), RunError> {
        let examination = examination();
        let header = header(&examination);
        let suite = Arc::clone(&examination.suite);
        let path = self.folder.path().join("run");
        let mut writer = if path.exists() {
            TelemetryWriter::resume(&path, &header, suite).unwrap()
        } else {
            let backend = Backend {
                isolation: Some("transaction".into()),
                models: None,
                store: "flaky".into(),
            };
            TelemetryWriter::create(&path, &header, &backend, suite).unwrap()
        };
        let recorded: Vec<bool> = (0..examination.len()).map(|at| writer.has(at)).collect();
        let result = examination.run::<TelemetryError>(
            jobs,
            &Stores {
                open: &|| server.open(),
                reopen_time_max: self.reopen_time_max,
            },
            &|index| !recorded[index],
            &AtomicBool::new(false),
            &mut |finished| writer.record(&finished),
        );
        writer.finish().unwrap();
        verify_chain(&path.join("telemetry.jsonl")).unwrap();
        result
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("run/telemetry.jsonl")).unwrap()
    }

    /// The run's lines of one event.
    fn lines(&self, event: &str) -> Vec<Json> {
        let lines = self.text();
        lines
            .lines()
            .map(|line| serde_json::from_str::<Json>(line).unwrap())
            .filter(|line| line["event"] == event)
            .collect()
    }

    /// Holds what is recorded against a run that nothing disturbed.
    #[track_caller]
    fn is_like(&self, whole: &str, case: &str) {
        assert!(outside_wall(&self.text()) == outside_wall(whole), "{case}");
    }

    /// Attempts that were broken off before the ones recorded.
    fn interruptions(&self) -> Vec<Json> {
        let ends = self.lines("episode.end");
        let all = ends
            .iter()
            .filter_map(|end| end["wall"]["interrupted"].as_array());
        all.flatten().cloned().collect()
    }

    /// Each episode recorded, with its outcome; and those of them that aren't scored.
    fn outcomes(&self) -> (Vec<String>, Vec<String>) {
        let ends = self.lines("episode.end");
        let text = |end: &Json, name: &str| end["fields"][name].as_str().unwrap().to_owned();
        let all = ends.iter().map(|end| text(end, "outcome")).collect();
        let unscored = ends
            .iter()
            .filter(|end| end["fields"].get("reward").is_none());
        (
            all,
            unscored
                .map(|end| text(end, "gen_ai.conversation.id"))
                .collect(),
        )
    }

    /// Holds the run's six episodes: one of them is an infra error for this reason, of which
    /// nothing is scored, and all others are passed.
    #[track_caller]
    fn has_one_infra_error(&self, reason: &StoreError, case: &str) {
        let (mut outcomes, unscored) = self.outcomes();
        outcomes.sort();
        assert_eq!(
            outcomes,
            ["infra_error", "pass", "pass", "pass", "pass", "pass"],
            "{case}"
        );
        assert_eq!(unscored.len(), 1, "{case}");
        let faults = self.lines("fault");
        assert_eq!(faults.len(), 1, "{case}");
        assert_eq!(faults[0]["fields"]["message"], reason.to_string(), "{case}");
        // Not even verdicts of those who didn't care that they couldn't read.
        let verdicts = self.lines("verdict");
        assert_eq!(verdicts.len(), 2 * 5, "{case}");
        let of_it = |line: &Json| line["fields"]["gen_ai.conversation.id"] == *unscored[0];
        assert!(!verdicts.iter().any(of_it), "{case}");
    }

    /// Holds that nothing is recorded but passed episodes, and not all of them.
    #[track_caller]
    fn is_half_done(&self, case: &str) {
        let (outcomes, _) = self.outcomes();
        assert!(outcomes.len() < 6, "{case}");
        assert!(
            outcomes.iter().all(|of| of == "pass"),
            "{case}: {outcomes:?}"
        );
        assert!(self.lines("run.end").is_empty(), "{case}");
    }
}

/// Telemetry without what results don't depend on.
fn outside_wall(text: &str) -> String {
    let line = |line: &str| match line.find(",\"wall\":{") {
        Some(at) => format!("{}}}\n", &line[..at]),
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[test]
fn an_interruption_anywhere_leaves_the_same_bytes_and_is_on_record() {
    let (whole, questions) = Run::undisturbed();
    assert!(questions > 20, "the store was asked {questions} times");
    for at in 0..questions {
        let (run, server) = (Run::new(), Arc::new(Server::failing_at([at])));
        run.go(1, &server).unwrap();
        run.is_like(&whole, &format!("question {at}"));
        let interruptions = run.interruptions();
        assert_eq!(interruptions.len(), 1, "question {at}");
        let reason = interruptions[0]["reason"].as_str().unwrap();
        assert_eq!(reason, interrupted().to_string(), "question {at}");
        assert!(interruptions[0]["duration_us"].is_u64(), "question {at}");
        assert_eq!(server.knocked(), 2, "question {at}");
    }
    assert!(!whole.contains("interrupted"));
}

#[test]
fn a_failure_behind_an_episode_costs_it_nothing() {
    let (whole, _) = Run::undisturbed();
    for (at, failure) in (0..6).flat_map(|at| [(at, interrupted as fn() -> _), (at, misused)]) {
        let server = Arc::new(Server {
            failure,
            fails_to_release: [at].into(),
            ..Server::failing_at([])
        });
        let run = Run::new();
        run.go(1, &server).unwrap();
        run.is_like(&whole, &format!("release {at}"));
        assert_eq!(run.interruptions(), [] as [Json; 0], "release {at}");
        // Behind the last one nobody needs another store.
        assert_eq!(server.knocked(), if at < 5 { 2 } else { 1 }, "release {at}");
    }
}

#[test]
fn an_interruption_of_one_worker_of_two_leaves_the_same_bytes() {
    let (whole, questions) = Run::undisturbed();
    for at in (0..questions).step_by(5) {
        let (run, server) = (Run::new(), Arc::new(Server::failing_at([at])));
        run.go(2, &server).unwrap();
        run.is_like(&whole, &format!("question {at}"));
        assert_eq!(run.interruptions().len(), 1, "question {at}");
    }
}

#[test]
fn an_episode_interrupted_twice_is_an_infra_error_and_the_rest_finishes() {
    let (_, questions) = Run::undisturbed();
    for at in 0..questions {
        // The second attempt begins with the very next question.
        let (run, server) = (Run::new(), Arc::new(Server::failing_at([at, at + 1])));
        run.go(1, &server).unwrap();
        run.has_one_infra_error(&interrupted(), &format!("question {at}"));
        assert_eq!(run.interruptions().len(), 1, "question {at}");
    }
}

#[test]
fn what_does_not_pass_is_an_infra_error_at_once_and_never_scored() {
    let (_, questions) = Run::undisturbed();
    for at in 0..questions {
        let server = Arc::new(Server {
            failure: misused,
            ..Server::failing_at([at])
        });
        let run = Run::new();
        run.go(1, &server).unwrap();
        run.has_one_infra_error(&misused(), &format!("question {at}"));
        assert_eq!(run.interruptions(), [] as [Json; 0], "question {at}");
    }
}

#[test]
fn a_server_that_restarts_is_waited_for() {
    let (whole, _) = Run::undisturbed();
    let server = Arc::new(Server {
        away: 3,
        ..Server::failing_at([7])
    });
    let run = Run::new();
    let began = Instant::now();
    run.go(1, &server).unwrap();
    run.is_like(&whole, "");
    assert_eq!(run.interruptions().len(), 1);
    assert_eq!(server.knocked(), 1 + 3 + 1);
    // The pauses: a tenth of a second, two tenths, four tenths.
    assert!(began.elapsed() >= Duration::from_millis(700));
    let took: u64 = run
        .lines("episode.end")
        .iter()
        .map(|end| end["wall"]["duration_us"].as_u64().unwrap())
        .sum();
    assert!(
        Duration::from_micros(took) + Duration::from_millis(700) <= began.elapsed(),
        "waiting is no part of an episode"
    );
}

#[test]
fn a_store_that_stays_away_halts_the_run_and_resuming_gives_the_same_bytes() {
    let (whole, questions) = Run::undisturbed();
    for (jobs, at) in [(1, 0), (1, questions / 2), (1, questions - 1), (2, 9)] {
        let mut run = Run::new();
        run.reopen_time_max = Duration::from_millis(150);
        let server = Arc::new(Server {
            away: usize::MAX,
            ..Server::failing_at([at])
        });
        let halted = run.go(jobs, &server);
        let case = format!("{jobs} jobs, question {at}");
        assert!(matches!(halted, Err(RunError::Store(_))), "{case}");
        run.is_half_done(&case);
        run.go(jobs, &Arc::new(Server::failing_at([]))).unwrap();
        run.is_like(&whole, &case);
    }
}
