//! Throw-away PostgreSQL servers for tests and benches.
//!
//! A [`Cluster`] is a server with files of its own, reached over a Unix socket. It is gone when it
//! is dropped and also when the test process ends in any other way, be it by SIGKILL. A [`Proxy`]
//! stands before one and makes the connections slow, or cuts them.
//!
//! This crate is for tests: what a test can't go on without, panics.
#![cfg(unix)]

mod account;
mod binaries;
mod cluster;
mod error;
mod proxy;
mod supervisor;

pub use cluster::Cluster;
pub use proxy::Proxy;
