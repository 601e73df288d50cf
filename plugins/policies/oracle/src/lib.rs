//! The policy that plays the task's own solution: the examiner's tool, which shows that a task
//! can be passed. The one policy that is granted gold.

use proctor_script::Player;
use proctor_sdk::policy::{Policy, Setting, examiner};
use proctor_sdk::{About, Action, Failure, Observation};

/// Plays the oracle.
pub struct Oracle(Player);

impl Policy for Oracle {
    const ABOUT: About = About {
        name: "oracle",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Plays the task's own solution: the examiner's tool, no agent.",
        simulated: false,
    };

    fn open(_: Setting) -> Self {
        Self(Player::new(examiner::oracle()))
    }

    fn next(&mut self, observation: Observation) -> Result<Action, Failure> {
        self.0.next(observation)
    }
}

proctor_sdk::export_policy!(Oracle);
