//! A small suite, an agent and a verifier in Rust, and their runs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use proctor_crm::Entity;
use proctor_episode::{
    Asking, Backend, Examination, PolicySource, RunHeader, SessionSource, Stores, Suite,
    TELEMETRY_VERSION, TelemetryError, TelemetryWriter, Verify,
};
use proctor_host::{
    Action, Digest, EpisodeRead, Examined, Fault, Gold, Limits, LogLine, Moment, Observation,
    Setting, ToolCall, Verdict,
};
use proctor_store::{Image, Sqlite};
use serde_json::json;

const DATA: &str = r#"
[[client]]
key = "acme"
name = "Acme"
email = "hello@acme.example"
status = "Active"
"#;

const SUITE: &str = r#"
name = "five"
version = 1
description = "Clients to be added, and one not to be."
data = "canonical"
now = "2026-01-15T09:00:00Z"
"#;

pub(crate) const MANIFEST: &str = "suites/five/suite.toml";

/// A suite of five tasks in which clients are to be added; of the last, none.
pub(crate) fn suite() -> Arc<Suite> {
    let task = |name: &str| {
        format!(
            r#"
[[task]]
id = "{name}"
kind = "create_new_client"
split = "train"
read_only = "only the verifier of this test marks it"
[[task.turn]]
user = "Add the client {name}"
answer = {{ text = "done" }}
"#
        )
    };
    let tasks: String = ["ash", "birch", "cedar", "doug", "nobody"]
        .map(task)
        .concat();
    compile(&BTreeMap::from([
        (PathBuf::from(MANIFEST), SUITE.to_owned()),
        (PathBuf::from("suites/five/tasks.toml"), tasks),
    ]))
}

/// The suite of these files, over a client called Acme.
pub(crate) fn compile(files: &BTreeMap<PathBuf, String>) -> Arc<Suite> {
    let data = BTreeMap::from([(PathBuf::from("canonical/clients.toml"), DATA.to_owned())]);
    Arc::new(Suite::from_files(Path::new(MANIFEST), files, &data).unwrap())
}

/// Adds the client whose name comes last in what the user says, unless it is nobody, and says so.
#[derive(Default)]
pub(crate) struct Clerk {
    /// A client about whom it says something else, and what.
    pub(crate) says: Option<(&'static str, String)>,
}

struct Session<'a> {
    clerk: &'a Clerk,
    name: String,
    seed: u64,
}

impl PolicySource for Clerk {
    fn open(&self, setting: Setting) -> Result<Box<dyn SessionSource + '_>, Fault> {
        Ok(Box::new(Session {
            clerk: self,
            name: String::new(),
            seed: setting.seed,
        }))
    }
}

impl SessionSource for Session<'_> {
    fn next(&mut self, observation: &Observation) -> Result<Action, Fault> {
        if let Observation::Message(words) = observation {
            self.name = words.split(' ').next_back().unwrap().to_owned();
            if self.name != "nobody" {
                let email = format!("hello@s{}.example", self.seed % 1_000);
                let client = json!({ "name": self.name, "email": email, "status": "Prospect" });
                return Ok(Action::Call(ToolCall {
                    tool: "create_new_client".into(),
                    arguments: client.to_string(),
                }));
            }
        }
        Ok(Action::Answer(match &self.clerk.says {
            Some((name, words)) if *name == self.name => words.clone(),
            _ => format!("{} is there", self.name),
        }))
    }

    fn log(&mut self) -> Vec<LogLine> {
        Vec::new()
    }

    fn fuel(&self) -> u64 {
        7
    }
}

/// Passes an episode at whose end there are more clients than Acme.
pub(crate) struct Counting;

impl Verify for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn digest(&self) -> Digest {
        Digest::of(b"counting")
    }

    fn verify(&self, episode: &Rc<RefCell<dyn EpisodeRead>>, _: &Arc<Gold>) -> Examined {
        let clients = episode
            .borrow_mut()
            .rows(Moment::End, Entity::Client, &[], 10);
        let pass = clients.unwrap().len() > 1;
        Examined {
            verdict: Ok(Verdict {
                score: if pass { 1.0 } else { 0.1 },
                pass,
                rationale: "counted".into(),
                checks: Vec::new(),
            }),
            log: Vec::new(),
            fuel: 3,
        }
    }
}

/// An examination of `policy` by these tasks, each twice.
pub(crate) fn examination<'a>(
    suite: &Arc<Suite>,
    tasks: Vec<usize>,
    policy: &'a dyn PolicySource,
) -> Examination<'a> {
    Examination {
        suite: Arc::clone(suite),
        tasks,
        trials: 2,
        seed: 42,
        policy,
        verifiers: vec![&Counting],
        refusal: None,
        answer: None,
        judges: Vec::new(),
        asking: Asking::default(),
        parameters: Vec::new(),
        script: Arc::from([]),
    }
}

/// The header of an examination's telemetry.
pub(crate) fn header(examination: &Examination<'_>) -> RunHeader {
    let suite = &examination.suite;
    let id = |task: &usize| suite.tasks[*task].id.clone();
    RunHeader {
        agent: "clerk".into(),
        data_fingerprint: suite.data.fingerprint().to_string(),
        episodes: examination.len() as u64,
        limits: (&Limits::default()).into(),
        schema_version: TELEMETRY_VERSION,
        seed: examination.seed,
        suite: suite.name.clone(),
        suite_digest: suite.digest.to_string(),
        suite_version: suite.version,
        tasks: examination.tasks.iter().map(id).collect(),
        trials: examination.trials,
        ..RunHeader::default()
    }
}

/// Telemetry of an examination, in a folder that goes with it.
pub(crate) struct Run {
    _folder: tempfile::TempDir,
    pub(crate) path: PathBuf,
}

impl Run {
    /// Runs an examination and records it; without `run.end` if `episodes` leaves some out.
    pub(crate) fn of(examination: &Examination<'_>, episodes: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("run");
        let backend = Backend {
            isolation: None,
            models: None,
            store: format!("store of {}", examination.tasks.len()),
        };
        let suite = Arc::clone(&examination.suite);
        let mut writer =
            TelemetryWriter::create(&at, &header(examination), &backend, suite).unwrap();
        let image = Image::of(&examination.suite.data).unwrap();
        examination
            .run::<TelemetryError>(
                2,
                &Stores::new(&|| Ok(Box::new(Sqlite::from_image(&image)?))),
                &|index| index < episodes,
                &AtomicBool::new(false),
                &mut |finished| writer.record(&finished),
            )
            .unwrap();
        writer.finish().unwrap();
        Self {
            path: at.join("telemetry.jsonl"),
            _folder: folder,
        }
    }

    /// A whole run of the clerk's over these tasks of the suite.
    pub(crate) fn over(tasks: Vec<usize>, clerk: &Clerk) -> Self {
        Self::of(&examination(&suite(), tasks, clerk), usize::MAX)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        std::fs::read(&self.path).unwrap()
    }
}

/// Lines without what no hash covers.
pub(crate) fn outside_wall(telemetry: &[u8]) -> Vec<String> {
    let lines = std::str::from_utf8(telemetry).unwrap().lines();
    lines
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            line.as_object_mut().unwrap().remove("wall");
            proctor_episode::canonical::to_string(&line)
        })
        .collect()
}
