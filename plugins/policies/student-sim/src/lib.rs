//! A simulated student: a rule-based agent that understands everyday requests, looks records up,
//! acts, and answers, and that makes the mistakes that real models make, as often as they do.
//!
//! It sees what any agent sees: the user's words and the results of its calls. Everything that
//! looks random comes from the setting's seed. Its results say nothing about any real model;
//! they show what an examination of one would look like.
//!
//! Parameters: `mistakes`, a factor on the rates of all mistakes, from `0` (none) by way of `1`
//! (the default: as often as measured) to whatever one likes; `avoid`, the mistakes not to make
//! at all, by name and separated by commas, as in `enum-casing,wrong-tool`.

mod context;
mod crm;
mod mistakes;
mod planning;
mod speaking;
mod understanding;

use context::Context;
use mistakes::Mistakes;
use planning::{Outcome, Stop};
use proctor_sdk::policy::{Policy, Setting};
use proctor_sdk::{About, Action, Failure, Observation};
use understanding::Request;

/// A simulated student.
pub struct StudentSim {
    /// Nothing where the parameters make no sense: then why.
    mistakes: Result<Mistakes, String>,
    /// Memory as it was when the turn began.
    context: Context,
    /// The turn being worked on.
    turn: Option<Turn>,
}

/// A turn: what was asked, and what came of the calls made for it.
struct Turn {
    request: Request,
    outcomes: Vec<Outcome>,
}

impl Policy for StudentSim {
    const ABOUT: About = About {
        name: "student-sim",
        version: env!("CARGO_PKG_VERSION"),
        summary: "A simulated student that makes the mistakes real models make.",
        simulated: true,
    };

    fn open(setting: Setting) -> Self {
        let factor = setting.parameter("mistakes").unwrap_or("1");
        let avoided = setting.parameter("avoid").unwrap_or("");
        Self {
            mistakes: Mistakes::new(setting.seed, factor, avoided),
            context: Context::default(),
            turn: None,
        }
    }

    fn next(&mut self, observation: Observation) -> Result<Action, Failure> {
        let mistakes = self.mistakes.as_mut().map_err(|message| Failure {
            message: message.clone(),
        })?;
        let outcome = match observation {
            Observation::Message(words) => {
                let request = understanding::read(&words);
                self.turn = Some(Turn {
                    request,
                    outcomes: Vec::new(),
                });
                return self.step();
            }
            Observation::Accepted(result) => Outcome::Accepted(result),
            Observation::Refused(refusal) => {
                if let Some(again) = mistakes.repair() {
                    return Ok(Action::Call(again));
                }
                Outcome::Refused(refusal)
            }
        };
        let Some(turn) = self.turn.as_mut() else {
            return Err(Failure {
                message: "an observation came without a call".to_owned(),
            });
        };
        turn.outcomes.push(outcome);
        self.step()
    }
}

impl StudentSim {
    /// Plans anew with what is known now, and takes the next step.
    fn step(&mut self) -> Result<Action, Failure> {
        let (Some(turn), Ok(mistakes)) = (&self.turn, &mut self.mistakes) else {
            return Err(Failure {
                message: "nobody has said anything yet".to_owned(),
            });
        };
        let (stop, context) = planning::next(&turn.request, &self.context, &turn.outcomes);
        Ok(match stop {
            Stop::Call(planned) => Action::Call(mistakes.make(&planned, &context)),
            Stop::Say(words) => {
                self.context = context;
                self.turn = None;
                words
            }
        })
    }
}

proctor_sdk::export_policy!(StudentSim);
