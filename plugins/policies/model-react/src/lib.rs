//! A language model without tool calling: it writes what it wants as JSON text, held to a schema
//! where its server can do that, and explained in its prompt since not every server can.
//!
//! Two protocols. In `one`, each reply is a whole step. In `two`, a first reply chooses the tool
//! and a second gives its arguments under that tool's own schema: both are small, which suits
//! small models. The instructions are the prompt named like the protocol, with `{{now}}`,
//! `{{tools}}` and `{{memory}}` to be filled in.
//!
//! Parameters: `protocol` (`one`, the default, or `two`); `history_chars_max` (default 8000), how
//! much of the conversation the model is shown beside its instructions, in characters;
//! `calls_per_turn_max` (default 15), the calls after which a turn must be closed; `tokens_max`
//! (default 512), the most tokens of a reply.

mod agent;
mod history;
mod protocol;
#[cfg(test)]
mod tests;
mod tools;

use agent::Agent;
use proctor_sdk::model::HostModel;
use proctor_sdk::policy::{Policy, Setting, guidance, memory, toolbox};
use proctor_sdk::{About, Action, Failure, Observation, prompts};

/// A language model that writes its calls. Nothing where it can't begin: then why.
pub struct ModelReact(Result<Agent<HostModel>, Failure>);

impl Policy for ModelReact {
    const ABOUT: About = About {
        name: "model-react",
        version: env!("CARGO_PKG_VERSION"),
        summary: "A language model without tool calling, which writes its calls as JSON text.",
        simulated: false,
    };

    fn open(setting: Setting) -> Self {
        let learnt = guidance(&memory::recall());
        let tools = toolbox::tools();
        Self(Agent::open(
            &setting,
            &prompts::text,
            &tools,
            &learnt,
            HostModel,
        ))
    }

    fn next(&mut self, observation: Observation) -> Result<Action, Failure> {
        match &mut self.0 {
            Ok(agent) => agent.next(observation),
            Err(failure) => Err(failure.clone()),
        }
    }
}

proctor_sdk::export_policy!(ModelReact);
