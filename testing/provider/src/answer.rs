//! What a provider answers, well or badly, and simple ways to decide it.

use std::ops::AddAssign;
use std::time::Duration;

use crate::Asked;

/// An answer to one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// A reply, at once.
    Reply(Reply),
    /// A reply, after so long.
    Delayed(Duration, Reply),
    /// Something else than a client hopes for.
    Fault(Fault),
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Reply(reply)
    }
}

impl From<Fault> for Answer {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What the model says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Its text; of a refusal, the reason.
    pub text: String,
    /// Calls it asks for: id, tool, and the arguments as the model wrote them.
    pub calls: Vec<(String, String, String)>,
    /// Why it ends.
    pub ending: Ending,
    /// The tokens it speaks of.
    pub usage: Usage,
}

impl Reply {
    /// A reply that is only text.
    pub fn text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// A reply that asks for one call.
    pub fn call(
        id: impl Into<String>,
        tool: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        Self::default().and_call(id, tool, arguments)
    }

    /// The same with one more call.
    #[must_use]
    pub fn and_call(
        mut self,
        id: impl Into<String>,
        tool: impl Into<String>,
        arguments: impl Into<String>,
    ) -> Self {
        self.calls.push((id.into(), tool.into(), arguments.into()));
        self
    }

    /// The same with so many tokens.
    #[must_use]
    pub fn costing(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// The same with another ending.
    #[must_use]
    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }
}

/// Why a reply ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// The model is done, or waits for the results of its calls.
    #[default]
    Natural,
    /// It is as long as it may be.
    Truncated,
    /// The model refused.
    Refusal,
}

/// Tokens of a reply, counted as OpenAI does: what is cached or was written to the cache is a part
/// of `input`, reasoning is a part of `output`. Each wire is told what it has a word for:
/// OpenAI's has none for `cache_written`, Anthropic's none for `reasoning`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the request.
    pub input: u64,
    /// Tokens of the reply.
    pub output: u64,
    /// Of the request's: read from the cache.
    pub cached: u64,
    /// Of the request's: written to the cache.
    pub cache_written: u64,
    /// Of the reply's: spent on reasoning.
    pub reasoning: u64,
}

impl AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.input += other.input;
        self.output += other.output;
        self.cached += other.cached;
        self.cache_written += other.cache_written;
        self.reasoning += other.reasoning;
    }
}

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// An error of this status.
    Status {
        /// The status.
        code: u16,
        /// Value of `Retry-After`, if there is to be one.
        retry_after: Option<String>,
        /// What is said, as it stands; [`Fault::status`] makes a body that a client understands.
        body: String,
    },
    /// A reply that takes its time.
    SlowDrip {
        /// The reply.
        reply: Reply,
        /// Bytes at once.
        chunk_bytes: usize,
        /// Time before each.
        pause: Duration,
    },
    /// The connection is closed after half of the reply.
    CutInBody,
    /// The connection is closed without a word.
    CutBeforeHeaders,
    /// The reply isn't JSON, though it says so.
    InvalidJson,
    /// The reply is right, but calls itself a web page.
    WrongContentType,
    /// There is nothing in the reply: no choices, or null for content.
    EmptyChoices,
    /// A call whose arguments aren't JSON.
    ArgumentsNotJson,
    /// A reply of so many bytes, which isn't announced.
    Huge {
        /// Its size.
        bytes: usize,
    },
    /// A redirect with status 307, which asks for the same request at another address.
    Redirect {
        /// The address.
        to: String,
    },
    /// A reply to another request: another model's, and it calls a tool that nobody offered.
    ReplyToAnother,
    /// No answer, ever.
    Hang,
}

impl Fault {
    /// An error of this status, with a message as either wire has it.
    #[must_use]
    pub fn status(code: u16, message: &str) -> Self {
        Self::Status {
            code,
            retry_after: None,
            body: error_body(message),
        }
    }

    /// 429, with or without a value for `Retry-After`.
    #[must_use]
    pub fn rate_limit(retry_after: Option<&str>) -> Self {
        Self::Status {
            code: 429,
            retry_after: retry_after.map(str::to_owned),
            body: error_body("too many requests"),
        }
    }
}

/// The body of an error: both wires have the message in the same place.
pub(crate) fn error_body(message: &str) -> String {
    serde_json::json!({
        "type": "error",
        "error": {"type": "invalid_request_error", "message": message},
    })
    .to_string()
}

/// Answers in this order, whoever asks. Who asks once too often is told so, with a status that no
/// client tries again.
pub fn script<A: Into<Answer>>(
    answers: impl IntoIterator<Item = A>,
) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    let answers: Vec<Answer> = answers.into_iter().map(Into::into).collect();
    move |asked| {
        let index = usize::try_from(asked.number).unwrap_or(usize::MAX);
        answers.get(index).cloned().unwrap_or_else(|| {
            Fault::status(
                400,
                &format!("the script has only {} answers", answers.len()),
            )
            .into()
        })
    }
}

/// The same answer to everybody.
pub fn always(answer: impl Into<Answer>) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    let answer = answer.into();
    move |_| answer.clone()
}

/// An answer that depends only on the text of the last message.
pub fn by_last_message(
    answer: impl Fn(&str) -> Answer + Send + Sync + 'static,
) -> impl Fn(&Asked) -> Answer + Send + Sync + 'static {
    move |asked| answer(&asked.last_text())
}
