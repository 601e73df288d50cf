//! One module a command.

mod conformance;
pub mod db;
pub mod demo;
mod lint;
pub mod plugin;
mod replay_calls;
pub mod run;
pub mod schema;
pub mod suite;
pub mod summary;
pub mod tools;
pub mod trace;
