//! What the host makes of plugins that fail, and of files that are no plugins: always a typed
//! fault or error that names the culprit, never a crash, never a score.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod asking;
mod cache;
mod contract;
mod loading;
mod policy;
mod pool;
mod verifier;

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use proctor_crm::{Change, Entity, Id, Refusal, Row, Value};
use proctor_host::{
    Action, EpisodeRead, Examined, FirstParty, Gold, Host, Limits, Moment, Observation, Policy,
    ReadError, Setting, Verifier,
};

/// A host with the limits that everybody gets, and the misbehaving plugins linked on it.
struct Stage {
    host: Host,
    verifier: Verifier,
    policy: Policy,
}

impl Stage {
    fn with(limits: Limits) -> Self {
        let host = Host::new(limits, None).unwrap();
        let verifier = host.load(VERIFIER, &test_component(VERIFIER), &[]).unwrap();
        let policy = host.load(POLICY, &test_component(POLICY), &[]).unwrap();
        Self {
            verifier: host.verifier(&verifier).unwrap(),
            policy: host.policy(&policy).unwrap(),
            host,
        }
    }
}

const VERIFIER: &str = "misbehaving-verifier";
const POLICY: &str = "misbehaving-policy";
const JUDGE: &str = "misbehaving-judge";

/// Compiled once, for all tests that need no limits of their own.
static STAGE: LazyLock<Stage> = LazyLock::new(|| Stage::with(Limits::default()));

fn repository() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A component that only tests run, built from `plugins/examples`.
fn test_component(name: &str) -> Vec<u8> {
    let path = repository().join(format!("plugins/dist/test/{name}.wasm"));
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}: run `cargo run -p build-plugins` in plugins/",
            path.display()
        )
    })
}

fn first_party(name: &str) -> &'static [u8] {
    FirstParty::named(name).unwrap().wasm
}

/// An episode of which nothing but the user's words is known.
struct Said {
    words: String,
    storage: Storage,
    /// How often rows were asked for.
    asked: Rc<Cell<u64>>,
}

/// How reading rows goes.
#[derive(Clone, Copy)]
enum Storage {
    Empty,
    Broken,
    Slow(Duration),
    Holding(u8),
}

impl EpisodeRead for Said {
    fn turns(&self) -> Vec<String> {
        vec![self.words.clone()]
    }

    fn now(&self) -> String {
        "2026-01-15T09:00:00Z".into()
    }

    fn step_count(&self) -> u32 {
        0
    }

    fn turn_of(&self, _: u32) -> Option<u32> {
        None
    }

    fn action(&self, _: u32) -> Option<Action> {
        None
    }

    fn observation(&self, _: u32) -> Option<Observation> {
        None
    }

    fn refusal(&self, _: u32) -> Option<Refusal> {
        None
    }

    fn seen(&self, _: &str) -> bool {
        false
    }

    fn diff(&self) -> Vec<Change> {
        Vec::new()
    }

    fn row(&mut self, _: Moment, _: Entity, _: &str) -> Result<Option<Row>, ReadError> {
        Ok(None)
    }

    fn rows(
        &mut self,
        _: Moment,
        _: Entity,
        _: &[(String, Value)],
        _: u32,
    ) -> Result<Vec<Row>, ReadError> {
        self.asked.set(self.asked.get() + 1);
        match self.storage {
            Storage::Empty => Ok(Vec::new()),
            Storage::Broken => Err(ReadError("the disk is gone".into())),
            Storage::Slow(pause) => {
                std::thread::sleep(pause);
                Ok(Vec::new())
            }
            Storage::Holding(rows) => Ok((0..rows)
                .map(|row| Row::new(Entity::Client, Id::from_digest([row; 16])))
                .collect()),
        }
    }
}

/// Verifies an episode in which the user said this.
fn verify(verifier: &Verifier, words: &str) -> Examined {
    verify_on(verifier, words, Storage::Empty)
}

fn verify_on(verifier: &Verifier, words: &str, storage: Storage) -> Examined {
    verify_counted(verifier, words, storage).0
}

/// The same, and how often rows were asked for.
fn verify_counted(verifier: &Verifier, words: &str, storage: Storage) -> (Examined, u64) {
    let asked = Rc::new(Cell::new(0));
    let said = Said {
        words: words.into(),
        storage,
        asked: Rc::clone(&asked),
    };
    let episode: Rc<RefCell<dyn EpisodeRead>> = Rc::new(RefCell::new(said));
    let examined = verifier.verify(&episode, &Arc::new(Gold::default()));
    (examined, asked.get())
}

/// What a policy is given, with these parameters.
fn setting(parameters: &[(&str, &str)]) -> Setting {
    Setting {
        seed: 7,
        now: "2026-01-15T09:00:00Z".into(),
        parameters: parameters
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect(),
        script: Arc::from([]),
        tools: Arc::from([]),
        memory: Arc::from([]),
        prompts: Default::default(),
        model: None,
        oracle: Arc::from([]),
    }
}

/// The user says this.
fn message(words: &str) -> Observation {
    Observation::Message(words.into())
}
