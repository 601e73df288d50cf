//! The policy that does nothing: what it passes, a task gives away.

use proctor_sdk::policy::{Policy, Setting};
use proctor_sdk::{About, Action, Failure, Observation};

/// Answers every turn with nothing.
pub struct Noop;

impl Policy for Noop {
    const ABOUT: About = About {
        name: "noop",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Does nothing and says nothing: what it passes, a task gives away.",
        simulated: false,
    };

    fn open(_: Setting) -> Self {
        Self
    }

    fn next(&mut self, _: Observation) -> Result<Action, Failure> {
        Ok(Action::Answer(String::new()))
    }
}

proctor_sdk::export_policy!(Noop);
