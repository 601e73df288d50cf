//! Asks a language model whether the words that close an episode's turns are faithful to what
//! happened, complete and clear.
//!
//! The instructions are the prompt `system`, in which `{{rubric}}` stands for the prompt `rubric`:
//! an operator with other standards gives another rubric. The model sees what the user said, what
//! the agent did and what came of it, the net change and the closing words. It sees neither gold,
//! which the contract doesn't give a judge, nor the verifiers' findings, which repeat it in part.
//! The score is the lowest of the ratings; it is computed here, not taken from the model.

mod record;
mod reply;
#[cfg(test)]
mod tests;

use proctor_sdk::judge::{Episode, Judge, Judgment};
use proctor_sdk::model::{ChatReply, ChatRequest, Finish, HostModel, Message, Model};
use proctor_sdk::{About, Failure, Verdict, info, prompts, shortened};

/// Longest part of a reply that the model is shown again when it is to repair it, in characters.
const QUOTED_CHARS_MAX: usize = 2_000;

/// Judges the closing words.
pub struct JudgeAnswer;

impl Judge for JudgeAnswer {
    const ABOUT: About = About {
        name: "judge-answer",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Asks a language model whether the closing words are faithful, complete and clear.",
        simulated: false,
    };

    fn judge(episode: &dyn Episode, _: &[Verdict]) -> Result<Judgment, Failure> {
        judge_with(&mut HostModel, &prompts::text, episode)
    }
}

proctor_sdk::export_judge!(JudgeAnswer);

/// Judges with this model and these prompts.
fn judge_with(
    model: &mut impl Model,
    prompt: &dyn Fn(&str) -> Option<String>,
    episode: &dyn Episode,
) -> Result<Judgment, Failure> {
    let rubric = prompts::required(prompt, "rubric")?;
    let system = prompts::required(prompt, "system")?;
    let system = prompts::filled(&system, &[("rubric", rubric.trim())]);
    let mut messages = vec![
        Message::system(system.trim_end()),
        Message::user(record::of(episode)),
    ];
    let first = ask(model, &messages)?;
    let wrong = match reply::read(&first.text) {
        Ok(judgment) => return Ok(judgment),
        Err(wrong) => wrong,
    };
    info(&format!("asked for a repair: {wrong}"));
    if !first.text.trim().is_empty() {
        messages.push(Message::assistant(shortened(&first.text, QUOTED_CHARS_MAX)));
    }
    messages.push(Message::user(format!(
        "That reply can't be used: {wrong}. Reply again, with the one JSON object and nothing else."
    )));
    let second = ask(model, &messages)?;
    reply::read(&second.text).map_err(|wrong| {
        Failure::new(format!(
            "unparseable: the model's reply could not be used, nor the one after being told so: \
             {wrong}"
        ))
    })
}

fn ask(model: &mut impl Model, messages: &[Message]) -> Result<ChatReply, Failure> {
    let reply = model.chat(ChatRequest {
        output_schema: Some(reply::schema()),
        ..ChatRequest::of(messages.to_vec())
    })?;
    if reply.finish == Finish::Refusal {
        let reason = shortened(reply.text.trim(), QUOTED_CHARS_MAX);
        return Err(Failure::new(format!(
            "the model refused to judge: {reason}"
        )));
    }
    Ok(reply)
}
