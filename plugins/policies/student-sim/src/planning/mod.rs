//! What to do next: looking records up, acting, answering.
//!
//! A plan is straight-line code that is run anew after every observation: calls that were made
//! already return what came of them, the first that was not stops the run and is made.

mod hypothesis;
mod modify;
mod read;
mod resolve;
mod search;
mod write;

use proctor_sdk::{Action, Entity, Refusal, ToolResult};
use serde_json::{Map, Value as Json};

use crate::context::Context;
use crate::speaking;
use crate::understanding::{Request, Stance, Verb};

/// A call as the student means it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Planned {
    pub(crate) tool: &'static str,
    pub(crate) arguments: Map<String, Json>,
}

/// What came of a call.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    Accepted(ToolResult),
    Refused(Refusal),
}

/// Why a plan stops: a call has to be made, or there is something to say.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    Call(Planned),
    Say(Action),
}

/// Where a plan is carried out.
pub(crate) struct Desk<'a> {
    outcomes: &'a [Outcome],
    done: usize,
    pub(crate) context: Context,
    /// Whether values are to be taken letter by letter.
    insists: bool,
    /// The record that the last act of this turn was about.
    topic: Option<(Entity, String)>,
    /// The last note that was added.
    note: Option<String>,
}

impl Desk<'_> {
    /// Makes a call, or recalls what came of it.
    fn call(
        &mut self,
        tool: &'static str,
        arguments: Map<String, Json>,
    ) -> Result<ToolResult, Stop> {
        let Some(outcome) = self.outcomes.get(self.done) else {
            return Err(Stop::Call(Planned { tool, arguments }));
        };
        self.done += 1;
        match outcome {
            Outcome::Accepted(result) => {
                self.context.saw(tool, &arguments, result);
                Ok(result.clone())
            }
            Outcome::Refused(refusal) => Err(decline(speaking::refused(refusal))),
        }
    }
}

fn decline(words: String) -> Stop {
    Stop::Say(Action::Decline(words))
}

/// The next step of a turn, and what is remembered then.
pub(crate) fn next(request: &Request, context: &Context, outcomes: &[Outcome]) -> (Stop, Context) {
    let mut desk = Desk {
        outcomes,
        done: 0,
        context: context.clone(),
        insists: request.insists,
        topic: None,
        note: None,
    };
    let stop = match carry_out(&mut desk, request) {
        Ok(words) => Stop::Say(Action::Answer(words)),
        Err(stop) => stop,
    };
    (stop, desk.context)
}

fn carry_out(desk: &mut Desk, request: &Request) -> Result<String, Stop> {
    match request.stance {
        Stance::Outsider => return Err(decline(speaking::CONFIDENTIAL.to_owned())),
        Stance::Hypothetical => return hypothesis::consider(desk, request),
        Stance::Plain => {}
    }
    let mut said = Vec::new();
    for act in &request.acts {
        said.push(match act.verb {
            Verb::Ask => read::ask(desk, act)?,
            Verb::Create => write::create(desk, act)?,
            Verb::Upload => write::upload(desk, act)?,
            Verb::Note => write::note(desk, act)?,
            Verb::Modify => modify::modify(desk, act)?,
            Verb::Delete | Verb::Cancel | Verb::Clone => modify::dispose(desk, act)?,
        });
    }
    if said.is_empty() {
        return Err(decline(speaking::UNCLEAR.to_owned()));
    }
    Ok(said.join(" "))
}

/// Arguments from names and values.
fn arguments<const N: usize>(pairs: [(&str, Json); N]) -> Map<String, Json> {
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

#[cfg(test)]
mod tests;
