//! Throw-away servers as the tests that use them see them.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot go on should panic, and may say what it saw"
)]

mod absence;
mod child;
mod ending;
mod proxy;
mod server;
