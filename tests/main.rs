//! End to end: the `proctor` command as people and scripts use it, and what it does when the
//! input or the machine is bad.
//!
//! Most tests examine on a suite of four tasks over five records (`records.rs`), so that what
//! they show doesn't change with the built-in suite.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]
#![allow(clippy::print_stderr, reason = "a test that is skipped says so")]
#![allow(unreachable_pub, reason = "a test program exports nothing")]

mod bundles;
mod command_line;
mod databases;
mod determinism;
mod examining;
mod interrupted;
mod local_model;
mod models;
mod output_folder;
mod plugins;
mod proctor;
mod recorded_calls;
mod records;
mod resuming;
mod servers;
mod suite_files;
mod suite_lint;
mod telemetry;
mod telemetry_schema;
mod tools;
mod tracing;
