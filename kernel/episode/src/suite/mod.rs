//! A suite, compiled: every reference resolved, every value of its column's kind.

mod compile;
pub(crate) mod file;
mod files;
mod load;
mod seal;

use std::collections::BTreeMap;
use std::sync::Arc;

use proctor_crm::{Code, Row, Timestamp};
use proctor_host::{Digest, Gold};
use proctor_store::Snapshot;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use files::SuiteFiles;

/// What a task may be used for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// To learn from.
    Train,
    /// To measure with.
    Eval,
    /// To measure transfer with: never seen while learning.
    Holdout,
}

impl Split {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Eval => "eval",
            Self::Holdout => "holdout",
        }
    }
}

/// A way to make an oracle wrong.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum MutantKind {
    /// A call is left out.
    Drop,
    /// An argument has another value.
    Argument,
    /// A call is about another record.
    Target,
    /// A write is made twice.
    Duplicate,
    /// A write that nobody asked for is made too.
    Collateral,
}

impl MutantKind {
    /// Its name, as in suite files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Argument => "argument",
            Self::Target => "target",
            Self::Duplicate => "duplicate",
            Self::Collateral => "collateral",
        }
    }
}

/// Mutants that do the same as the oracle, and why.
#[derive(Clone, Debug)]
pub struct Equivalent {
    /// Kind of mutant.
    pub mutant: MutantKind,
    /// Tools whose calls it applies to.
    pub tools: Vec<String>,
    /// Tasks it applies to; all, if empty.
    pub tasks: Vec<String>,
    /// Why the mutant is right too.
    pub why: String,
}

/// A value that the user's words imply without saying it literally.
#[derive(Clone, Debug)]
pub struct Derived {
    /// The value, in its text form.
    pub value: String,
    /// The words.
    pub from: String,
}

/// One turn of the user's.
#[derive(Clone, Debug)]
pub struct Turn {
    /// What the user says.
    pub user: String,
    /// What the words imply.
    pub derived: Vec<Derived>,
    /// For each of the oracle's calls, the code with which the CRM must refuse it.
    pub refused: Vec<Option<Code>>,
}

/// One task.
#[derive(Clone, Debug)]
pub struct Task {
    /// Unique in the suite.
    pub id: String,
    /// Task kind, by tool name.
    pub kind: String,
    /// What it may be used for.
    pub split: Split,
    /// The kind of failure, where the right act is a refusal.
    pub negative: Option<String>,
    /// Why nothing changes, where nothing must and the task isn't negative.
    pub read_only: Option<String>,
    /// Records beyond the canonical data, in the order in which they can be inserted.
    pub setup: Vec<Row>,
    /// What the user says.
    pub turns: Vec<Turn>,
    /// Whether what counts as done was taken out: nobody can tell whether the task is done.
    pub sealed: bool,
    /// What counts as done, and the oracle; empty if the task is sealed.
    pub gold: Arc<Gold>,
    /// Digest of everything the task says; if it is sealed, of what it said before.
    pub digest: Digest,
    /// Where it is written, as `file:line`.
    pub source: String,
}

impl Task {
    /// Whether a right episode leaves the state as it was. Of a sealed task nobody knows.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        !self.sealed && self.gold.changes.is_empty()
    }
}

/// A set of tasks over common data.
#[derive(Clone, Debug)]
pub struct Suite {
    /// Its name.
    pub name: String,
    /// Raised whenever a task changes.
    pub version: u32,
    /// What it examines, for people.
    pub description: String,
    /// The episodes' clock.
    pub now: Timestamp,
    /// The canonical data.
    pub data: Snapshot,
    /// Its tasks, in order of id.
    pub tasks: Vec<Task>,
    /// How often each task kind occurs at the customer's.
    pub frequency: BTreeMap<String, u64>,
    /// Mutants that are right too.
    pub equivalent: Vec<Equivalent>,
    /// Digest of everything the suite says, data included.
    pub digest: Digest,
}

impl Suite {
    /// The task with this id.
    #[must_use]
    pub fn task(&self, id: &str) -> Option<&Task> {
        self.tasks
            .binary_search_by(|task| task.id.as_str().cmp(id))
            .ok()
            .map(|at| &self.tasks[at])
    }
}
