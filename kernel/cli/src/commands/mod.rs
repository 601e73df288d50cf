//! One module a command.

pub mod baseline;
pub mod bundle;
pub mod cassette;
mod comparison;
mod conformance;
pub mod db;
pub mod demo;
mod estimate;
mod lint;
pub mod plugin;
mod replay_calls;
pub mod run;
pub mod schema;
mod select;
pub mod suite;
pub mod summary;
pub mod tools;
pub mod trace;
