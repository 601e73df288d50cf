//! What a run recorded, read back: held to its chain, compared with another, merged with others;
//! and runs over a suite whose gold is sealed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod comparing;
mod merging;
mod reading;
mod sealing;
mod stage;
