//! Runs on PostgreSQL: whatever happens to the server meanwhile, they give what SQLite gives, byte
//! for byte.

mod broken_off;
mod choice;
mod disturbed;
mod outsider;
mod parity;
mod refused;

use std::fs;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use proctor_cluster::Cluster;
use serde_json::Value;

use self::outsider::Outsider;
use crate::proctor::{Ran, Sandbox};
use crate::records::SMALL;
use crate::telemetry::outside_wall;

/// A run of some seconds. The first half of its episodes hardly changes anything.
const RUN: [&str; 9] = [
    "run",
    "--suite",
    SMALL,
    "--policy",
    "student-sim",
    "--param",
    "mistakes=0.5",
    "--trials",
    "50",
];
const EPISODES: usize = 200;
/// Records that the second half of its episodes changes.
const CHANGED: &str = "proctor.opportunities";

/// Waits for what is sure to come, on a machine that others use too.
#[track_caller]
fn eventually(mut come: impl FnMut() -> bool) {
    let began = Instant::now();
    while !come() {
        assert!(began.elapsed() < Duration::from_secs(60), "it never came");
        sleep(Duration::from_millis(5));
    }
}

/// A sandbox with the small suite, and a server's database with its records.
struct Place<'c> {
    sandbox: Sandbox,
    cluster: &'c Cluster,
    database: String,
}

impl<'c> Place<'c> {
    fn on(cluster: &'c Cluster) -> Self {
        let place = Self {
            sandbox: Sandbox::with_small_suite(),
            cluster,
            database: cluster.database(),
        };
        let init = ["db", "init", &place.address(), "--data", "seeds/records"];
        place.sandbox.proctor(init).succeeded();
        // Else a server that is killed may forget them.
        place.sql("CHECKPOINT");
        place
    }

    fn address(&self) -> String {
        self.cluster.address(&self.database)
    }

    /// What the server answers, asked in another database than that of the runs.
    fn sql(&self, sql: &str) -> String {
        let answer = self.cluster.sql("postgres", sql);
        answer.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The run, into a folder.
    fn command(&self, folder: &str, options: &[&str]) -> Command {
        let all = [&RUN[..], &["--out", folder], options].concat();
        self.sandbox.command(all)
    }

    fn run(&self, folder: &str, options: &[&str]) -> Ran {
        self.sandbox.run(&mut self.command(folder, options))
    }

    /// Starts the run with two workers, and waits until they are both in the middle of an
    /// episode: they wait for the outsider.
    fn start_and_hold(&self, folder: &str, store: &str, options: &[&str]) -> (Child, Outsider) {
        let mut outsider = Outsider::connect(self.cluster, &self.database).unwrap();
        let lock = format!("BEGIN; LOCK TABLE {CHANGED} IN SHARE MODE");
        outsider.run(&lock).unwrap();
        let options = [&["--store", store, "--jobs", "2"], options].concat();
        let child = self.command(folder, &options).spawn().unwrap();
        let waiting = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}'
             AND application_name = 'proctor' AND wait_event_type = 'Lock'",
            self.database
        );
        eventually(|| self.sql(&waiting) == "2");
        eventually(|| self.finished(folder) >= EPISODES / 4);
        (child, outsider)
    }

    /// How many episodes are on record so far.
    fn finished(&self, folder: &str) -> usize {
        let file = self.sandbox.path(folder).join("telemetry.jsonl");
        let text = fs::read_to_string(file).unwrap_or_default();
        text.matches("\"event\":\"episode.end\"").count()
    }

    /// Waits for the end of a run, which must be as good as one that nothing happened to. Says
    /// why episodes of it were begun anew.
    fn completes(&self, child: Child, folder: &str) -> Vec<String> {
        self.sandbox.end_of(child).succeeded();
        self.is_as_undisturbed(folder);
        self.interruptions(folder)
    }

    /// Holds a run against the same on SQLite.
    fn is_as_undisturbed(&self, folder: &str) {
        if !self.sandbox.path("undisturbed").exists() {
            self.run("undisturbed", &["--store", "sqlite"]).succeeded();
        }
        let expected = outside_wall(&self.sandbox.telemetry("undisturbed"));
        assert!(
            outside_wall(&self.sandbox.telemetry(folder)) == expected,
            "{folder}"
        );
        let verified = self.sandbox.proctor(["trace", "verify", folder]);
        verified.succeeded();
    }

    fn interruptions(&self, folder: &str) -> Vec<String> {
        let lines = self.sandbox.lines(folder);
        let attempts = lines.iter().flat_map(interruptions);
        attempts.collect()
    }

    /// A text without what differs from one server to the next.
    fn masked(&self, text: &str) -> String {
        let socket = self.cluster.socket();
        let folder = socket.parent().unwrap().to_str().unwrap();
        let text = text.replace(folder, "[SERVER]");
        text.replace(&self.database, "[DATABASE]")
    }

    /// Nothing of any run is left on the server, and no run changed the records.
    fn is_left_as_found(&self) {
        let sandbox = &self.sandbox;
        let fingerprint = |of: &str| {
            sandbox
                .proctor(["db", "fingerprint", of])
                .succeeded()
                .stdout
        };
        sandbox
            .proctor(["db", "init", "crm.db", "--data", "seeds/records"])
            .succeeded();
        assert_eq!(fingerprint(&self.address()), fingerprint("crm.db"));
        assert_eq!(self.clones(), 0);
    }

    /// How many databases there are that runs made for themselves.
    fn clones(&self) -> usize {
        let sql = "SELECT count(*) FROM pg_database WHERE starts_with(datname, 'proctor_clone_')";
        self.sql(sql).parse().unwrap()
    }
}

/// Why the attempts before the one on record were broken off.
fn interruptions(line: &Value) -> Vec<String> {
    let attempts = line["wall"]["interrupted"].as_array();
    let reason = |attempt: &Value| {
        assert!(attempt["duration_us"].as_u64().unwrap() > 0);
        attempt["reason"].as_str().unwrap().to_owned()
    };
    attempts.into_iter().flatten().map(reason).collect()
}
