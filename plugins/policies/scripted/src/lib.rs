//! The policy that plays the calls it is given.

use proctor_script::Player;
use proctor_sdk::policy::{Policy, Setting};
use proctor_sdk::{About, Action, Failure, Observation};

/// Plays the script of its setting.
pub struct Scripted(Player);

impl Policy for Scripted {
    const ABOUT: About = About {
        name: "scripted",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Plays the calls it is given, turn by turn.",
        simulated: false,
    };

    fn open(setting: Setting) -> Self {
        Self(Player::new(setting.script))
    }

    fn next(&mut self, observation: Observation) -> Result<Action, Failure> {
        self.0.next(observation)
    }
}

proctor_sdk::export_policy!(Scripted);
