//! A language model that works with the CRM's tools by native tool calling, one turn of the user
//! at a time: it looks up, changes, and closes the turn in words or declines.
//!
//! Its instructions are the prompt `system`, in which `{{now}}` stands for the episode's clock and
//! `{{memory}}` for what earlier episodes taught. What the model says wrong in form is repaired
//! once; what it says wrong in substance, such as an unknown tool or a made-up id, goes to the
//! CRM, which refuses it.
//!
//! Parameters: `calls_per_turn_max` (default 15), the calls after which a turn must be closed;
//! `result_chars_max` (default 12000), the longest result that the model is shown, in characters;
//! `tokens_max` (default 2048), the most tokens of a reply.

mod agent;
mod reading;
#[cfg(test)]
mod tests;

use agent::Agent;
use proctor_sdk::model::HostModel;
use proctor_sdk::policy::{Policy, Setting, guidance, memory};
use proctor_sdk::{About, Action, Failure, Observation, prompts};

/// A language model at work. Nothing where it can't begin: then why.
pub struct ModelAgent(Result<Agent<HostModel>, Failure>);

impl Policy for ModelAgent {
    const ABOUT: About = About {
        name: "model-agent",
        version: env!("CARGO_PKG_VERSION"),
        summary: "A language model that calls the CRM's tools.",
        simulated: false,
    };

    fn open(setting: Setting) -> Self {
        let learnt = guidance(&memory::recall());
        Self(Agent::open(&setting, &prompts::text, &learnt, HostModel))
    }

    fn next(&mut self, observation: Observation) -> Result<Action, Failure> {
        match &mut self.0 {
            Ok(agent) => agent.next(observation),
            Err(failure) => Err(failure.clone()),
        }
    }
}

proctor_sdk::export_policy!(ModelAgent);
