//! Suites and tasks, the CRM environment, the episode runner, verification, reward and
//! telemetry.
//!
//! A [`Suite`] is read from a folder and compiled: every reference resolved, every value of its
//! column's kind. [`CrmEnv`] holds one worker's store and plays one episode at a time: reset,
//! then step by step. [`Examination`] runs a suite's episodes on several workers and hands them
//! over in order, whatever finishes first; [`TelemetryWriter`] records them.

pub mod canonical;
mod clbench;
mod env;
mod error;
mod lint;
mod outcome;
mod recorded;
mod records;
mod runner;
mod script;
mod seed;
mod suite;
mod summary;
mod telemetry;

pub use clbench::{
    ClbenchConversation, ClbenchError, ClbenchFinding, ClbenchReply, ClbenchReport, ClbenchRule,
    ClbenchSuite, ClbenchTurn, import as import_clbench, lint_clbench,
};
pub use env::{Backend, CrmEnv, EnvError, STEPS_MAX, Step, execute};
pub use error::SuiteError;
pub use lint::{
    EquivalentMutant, Finding, LintError, LintProgress, LintReport, LintTools, MutantTally, Rule,
    Statistics, lint,
};
pub use outcome::{Interruption, Outcome, reward};
pub use recorded::{
    BadLine, CallOutcome, RECORDED_LINE_BYTES_MAX, ReplayError, ReplaySummary, ReplayTally,
    ReplayedCall, Upstream, replay_calls,
};
pub use records::record_id;
pub use runner::{
    Asking, EpisodeRecord, Examination, Finished, JudgeSeat, Judging, Marked, Opinion,
    PolicySource, REOPEN_TIME_MAX, RunError, SessionSource, Stores, Verify,
};
pub use script::{ScriptError, parse_script};
pub use seed::EpisodeSeed;
pub use suite::file::{suite_schema, tasks_schema};
pub use suite::{Derived, Equivalent, MutantKind, Split, Suite, SuiteFiles, Task, Turn};
pub use summary::{Asked, AskedOnce, Group, Rate, Summary, Tally};
pub use telemetry::{
    Comparison, Difference, DifferenceError, FieldDifference, MergeError, Merged, ModelPin,
    PluginPin, PromptPin, Recorded, ResumeError, RunHeader, SHARDS_MAX, TELEMETRY_VERSION,
    TelemetryError, TelemetryLine, TelemetryLink, TelemetryReadError, TelemetryReader,
    TelemetryWriter, first_difference, first_difference_in_sample, merge, telemetry_schema,
    verify_chain,
};
