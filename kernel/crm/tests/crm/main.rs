//! The tools and rules from outside: calls against a small CRM held in memory.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a test that cannot go on should panic, and one that skips should say so"
)]

mod effects;
mod exports;
mod properties;
mod recorded;
mod refusals;
mod world;
