//! Suites and tasks, the CRM environment, the episode runner, verification, reward and
//! telemetry.
//!
//! A [`Suite`] is read from a folder and compiled: every reference resolved, every value of its
//! column's kind. [`CrmEnv`] holds one worker's store and plays one episode at a time: reset,
//! then step by step. [`Examination`] runs a suite's episodes on several workers and hands them
//! over in order, whatever finishes first; [`TelemetryWriter`] records them.

pub mod canonical;
mod env;
mod error;
mod outcome;
mod records;
mod runner;
mod script;
mod seed;
mod suite;
mod summary;
mod telemetry;

pub use env::{CrmEnv, EnvError, STEPS_MAX, Step, execute};
pub use error::SuiteError;
pub use outcome::{Outcome, reward};
pub use records::record_id;
pub use runner::{
    EpisodeRecord, Examination, Finished, Marked, PolicySource, RunError, SessionSource, Verify,
};
pub use script::{ScriptError, parse_script};
pub use seed::EpisodeSeed;
pub use suite::file::{suite_schema, tasks_schema};
pub use suite::{Derived, Equivalent, MutantKind, Split, Suite, Task, Turn};
pub use summary::{Group, Rate, Summary, Tally};
pub use telemetry::{
    PluginPin, Recorded, ResumeError, RunHeader, TELEMETRY_VERSION, TelemetryError, TelemetryWriter,
    telemetry_schema, verify_chain,
};
