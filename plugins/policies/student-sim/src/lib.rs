//! A simulated student (being written).

use proctor_sdk::policy::{Policy, Setting};
use proctor_sdk::{About, Action, Failure, Observation};

/// A simulated student.
pub struct StudentSim;

impl Policy for StudentSim {
    const ABOUT: About = About {
        name: "student-sim",
        version: env!("CARGO_PKG_VERSION"),
        summary: "A simulated student that makes the mistakes real models make.",
        simulated: true,
    };

    fn open(_: Setting) -> Self {
        Self
    }

    fn next(&mut self, _: Observation) -> Result<Action, Failure> {
        Ok(Action::Answer(String::new()))
    }
}

proctor_sdk::export_policy!(StudentSim);
