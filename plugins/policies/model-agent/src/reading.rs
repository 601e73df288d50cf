//! What a reply of the model means, or what is wrong with it.

use proctor_sdk::model::{CallRequest, ChatReply, Finish};
use proctor_sdk::{json, shortened};

/// The tool of our own by which the model declines.
pub(crate) const DECLINE: &str = "decline";

/// Longest quotation of what the model wrote, in characters.
const QUOTED_CHARS_MAX: usize = 400;

/// What the model wants.
#[derive(Debug, PartialEq)]
pub(crate) enum Reading {
    /// To close the turn with these words.
    Words(String),
    /// Nothing to do with it, for this reason.
    Refusal(String),
    /// These calls, with those that decline at the end.
    Calls(Vec<CallRequest>),
}

/// Reads a reply; `closing` if it must be words.
///
/// # Errors
/// When it can't be used: what is wrong with it, to be told to the model.
pub(crate) fn read(reply: &ChatReply, closing: bool) -> Result<Reading, String> {
    let words = reply.text.trim();
    if reply.finish == Finish::Refusal {
        let reason = if words.is_empty() {
            "The model refused to reply."
        } else {
            words
        };
        return Ok(Reading::Refusal(reason.to_owned()));
    }
    if !closing && !reply.calls.is_empty() {
        return calls(reply).map(Reading::Calls);
    }
    if !words.is_empty() {
        return Ok(Reading::Words(words.to_owned()));
    }
    Err(match (&reply.finish, reply.calls.is_empty()) {
        (Finish::Length, _) => "it was cut off at its largest size before it said anything",
        (_, false) => "it calls tools, but no call is possible any more in this turn",
        (_, true) => "it is empty: neither words nor a call",
    }
    .to_owned())
}

/// The reason that a call of [`DECLINE`] gives, if it gives one.
pub(crate) fn reason(call: &CallRequest) -> Option<String> {
    let arguments = json::object(&call.arguments).ok()?;
    let reason = arguments.get("reason")?.as_str()?.trim();
    (!reason.is_empty()).then(|| reason.to_owned())
}

fn calls(reply: &ChatReply) -> Result<Vec<CallRequest>, String> {
    let mut calls = reply.calls.clone();
    for call in &mut calls {
        // Some servers send nothing where a tool takes no arguments.
        if call.arguments.trim().is_empty() {
            call.arguments = "{}".to_owned();
        }
        check(call).map_err(|wrong| match reply.finish {
            Finish::Length => format!("{wrong} (it was cut off at its largest size: say less)"),
            _ => wrong,
        })?;
    }
    calls.sort_by_key(|call| call.tool == DECLINE);
    Ok(calls)
}

fn check(call: &CallRequest) -> Result<(), String> {
    let quoted = || shortened(&call.arguments, QUOTED_CHARS_MAX);
    json::object(&call.arguments).map_err(|wrong| {
        let tool = shortened(&call.tool, QUOTED_CHARS_MAX);
        format!(
            "the arguments of the call of {tool} are {wrong}: {}",
            quoted()
        )
    })?;
    if call.tool == DECLINE && reason(call).is_none() {
        return Err(format!(
            "{DECLINE} was called without a reason: {}",
            quoted()
        ));
    }
    Ok(())
}
