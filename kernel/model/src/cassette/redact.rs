//! Secrets taken out of texts before they are written.

use std::borrow::Cow;
use std::collections::BTreeSet;

use regex::Regex;

use super::spelling::spellings_of;
use super::{Exchange, Failed, Header, Retained};
use crate::chat::{ChatReply, ChatRequest, Message, Sampling, Terms, Tool, ToolCall, Tools};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";
/// Fewest bytes of a secret that is looked for by its value: anything shorter would be found in
/// ordinary text.
pub const SECRET_BYTES_MIN: usize = 8;

/// What looks like a secret, whoever's it is. If a pattern has a group, that alone is replaced.
const PATTERNS: [&str; 8] = [
    // OpenAI, Anthropic (`sk-ant-…`), OpenRouter (`sk-or-…`) and many others.
    r"(?-u:\b)sk-[A-Za-z0-9_-]{20,}",
    // GitHub, Hugging Face, Slack, Stripe, Google.
    r"(?-u:\b)(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{20,}|hf_[A-Za-z0-9]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|[rs]k_live_[A-Za-z0-9]{20,}|AIza[A-Za-z0-9_-]{35})",
    r"(?:[Bb]earer|BEARER) +([A-Za-z0-9._~+/=-]{20,})",
    // Amazon: the key's id, then the key itself where its name stands before it.
    r"(?-u:\b)(?:AKIA|ASIA)[A-Z0-9]{16}(?-u:\b)",
    r#"(?i-u:secret_?access_?key)[\\"']*[ \t]*[:=][ \t]*[\\"']*([A-Za-z0-9/+=]{40})"#,
    r"-----BEGIN [A-Z ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY(?: BLOCK)?-----|\z)",
    // A password in an address: `postgres://user:PASSWORD@host`.
    r#"://[^\s/:@"'\\<>]*:([^\s/@"'\\<>]+)@"#,
    // A header or field with a key, of whichever form.
    r#"(?i-u:\b(?:x-)?api[-_]?key)[\\"']*[ \t]*[:=][ \t]*[\\"']*([A-Za-z0-9._~+/=-]{16,})"#,
];

/// A redactor that can't be made. No message repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedactorError {
    /// A secret that would be found in ordinary text.
    #[error(
        "a secret of {bytes} bytes is too short to be looked for; it must have {SECRET_BYTES_MIN} \
         at least"
    )]
    SecretTooShort {
        /// How long it is.
        bytes: usize,
    },
    /// A regular expression that isn't one.
    #[error("`{pattern}` is no regular expression: {reason}")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A regular expression that would redact between any two letters.
    #[error("`{pattern}` matches an empty text: it would redact everywhere")]
    MatchesNothing {
        /// What was given.
        pattern: String,
    },
}

/// Takes secrets out of texts: those whose values it was given, also escaped as in JSON,
/// percent-encoded or in base64, and whatever has the form of a key, a token, a private key or a
/// password in an address.
///
/// What it can't know: a secret in pieces, in another encoding, or of a form of its own. Redacting
/// what is redacted changes nothing.
#[derive(Clone)]
pub struct Redactor {
    /// Every spelling of every secret, the longest first: of two that begin alike, the longer one
    /// is to be found.
    secrets: Vec<String>,
    patterns: Vec<Regex>,
}

impl Default for Redactor {
    /// The built-in patterns.
    fn default() -> Self {
        // That each of them compiles is tested.
        let patterns = PATTERNS.iter().filter_map(|text| Regex::new(text).ok());
        Self {
            secrets: Vec::new(),
            patterns: patterns.collect(),
        }
    }
}

impl std::fmt::Debug for Redactor {
    /// Without the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// The built-in patterns, and these secrets. Those of less than [`SECRET_BYTES_MIN`] bytes
    /// are passed over; [`with_secret`](Self::with_secret) says so instead.
    #[must_use]
    pub fn new(secrets: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let spellings: BTreeSet<String> = secrets
            .into_iter()
            .filter(|secret| secret.as_ref().len() >= SECRET_BYTES_MIN)
            .flat_map(|secret| spellings_of(secret.as_ref()))
            .collect();
        let mut redactor = Self::default();
        redactor.secrets.extend(spellings);
        redactor.sort();
        redactor
    }

    /// Also replaces this secret.
    ///
    /// # Errors
    /// When it is too short.
    pub fn with_secret(mut self, secret: &str) -> Result<Self, RedactorError> {
        let bytes = secret.len();
        if bytes < SECRET_BYTES_MIN {
            return Err(RedactorError::SecretTooShort { bytes });
        }
        self.secrets.extend(spellings_of(secret));
        self.sort();
        Ok(self)
    }

    fn sort(&mut self) {
        // What is redacted must not match again.
        self.secrets.retain(|secret| !REDACTED.contains(secret));
        self.secrets
            .sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.secrets.dedup();
    }

    /// Also replaces what matches this regular expression, or its first group if it has one.
    ///
    /// # Errors
    /// When it is no regular expression, or one that matches an empty text.
    pub fn with_pattern(mut self, pattern: &str) -> Result<Self, RedactorError> {
        let regex = Regex::new(pattern).map_err(|error| RedactorError::Pattern {
            pattern: pattern.to_owned(),
            reason: error.to_string(),
        })?;
        if regex.is_match("") {
            return Err(RedactorError::MatchesNothing {
                pattern: pattern.to_owned(),
            });
        }
        self.patterns.push(regex);
        Ok(self)
    }

    /// Changes nothing: for what was redacted when it was recorded.
    pub(super) fn none() -> Self {
        Self {
            secrets: Vec::new(),
            patterns: Vec::new(),
        }
    }

    /// The text without secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        // First, so that no pattern takes a part of a secret away and leaves the rest.
        for secret in &self.secrets {
            if text.contains(secret) {
                text = Cow::Owned(text.replace(secret, REDACTED));
            }
        }
        for pattern in &self.patterns {
            if let Some(redacted) = without(pattern, &text) {
                text = Cow::Owned(redacted);
            }
        }
        text
    }

    fn own(&self, text: String) -> String {
        match self.text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(redacted) => redacted,
        }
    }

    fn call(&self, call: ToolCall) -> ToolCall {
        ToolCall {
            id: self.own(call.id),
            tool: self.own(call.tool),
            arguments: self.own(call.arguments),
        }
    }

    /// The reply without secrets.
    #[must_use]
    pub fn reply(&self, reply: ChatReply) -> ChatReply {
        ChatReply {
            model: self.own(reply.model),
            text: self.own(reply.text),
            calls: reply
                .calls
                .into_iter()
                .map(|call| self.call(call))
                .collect(),
            finish: reply.finish,
            usage: reply.usage,
        }
    }

    /// The reply or failure without secrets.
    #[must_use]
    pub fn retained(&self, retained: Retained) -> Retained {
        let result = retained.result.map(|reply| self.reply(reply));
        Retained {
            result: result.map_err(|failed| Failed {
                kind: self.own(failed.kind),
                provider: self.own(failed.provider),
                message: self.own(failed.message),
            }),
            ..retained
        }
    }

    /// The request without secrets.
    #[must_use]
    pub fn request(&self, request: &ChatRequest) -> ChatRequest {
        let terms = self.terms(&request.terms());
        let tools = self.tools(request.tools.list());
        ChatRequest {
            model: terms.model,
            messages: request.messages.iter().map(|m| self.message(m)).collect(),
            tools: match tools == request.tools.list() {
                true => request.tools.clone(),
                false => Tools::new(tools),
            },
            own_tools: terms.own_tools,
            tool_choice: terms.tool_choice,
            output_schema: terms.output_schema,
            sampling: terms.sampling,
            tokens_max: terms.tokens_max,
        }
    }

    /// The exchange without secrets; its key is as it was.
    #[must_use]
    pub fn exchange(&self, exchange: Exchange) -> Exchange {
        Exchange {
            terms: self.terms(&exchange.terms),
            tools: self.tools(&exchange.tools),
            messages: exchange.messages.iter().map(|m| self.message(m)).collect(),
            retained: self.retained(exchange.retained),
            ..exchange
        }
    }

    /// The header with its note without secrets.
    #[must_use]
    pub fn header(&self, header: &Header) -> Header {
        Header {
            note: header.note.clone().map(|note| self.own(note)),
            ..header.clone()
        }
    }

    pub(super) fn message(&self, message: &Message) -> Message {
        let message = message.clone();
        Message {
            speaker: message.speaker,
            text: self.own(message.text),
            calls: message
                .calls
                .into_iter()
                .map(|call| self.call(call))
                .collect(),
            answers: message.answers.map(|id| self.own(id)),
        }
    }

    pub(super) fn tools(&self, tools: &[Tool]) -> Vec<Tool> {
        let redacted = tools.iter().cloned().map(|tool| Tool {
            name: self.own(tool.name),
            description: self.own(tool.description),
            input_schema: self.own(tool.input_schema),
        });
        redacted.collect()
    }

    pub(super) fn terms(&self, terms: &Terms) -> Terms {
        let terms = terms.clone();
        let stop = terms.sampling.stop.into_iter();
        Terms {
            model: self.own(terms.model),
            own_tools: self.tools(&terms.own_tools),
            output_schema: terms.output_schema.map(|schema| self.own(schema)),
            sampling: Sampling {
                stop: stop.map(|text| self.own(text)).collect(),
                ..terms.sampling
            },
            ..terms
        }
    }
}

/// The text with `REDACTED` for each match, or for the match's first group; nothing if there is
/// no match.
fn without(pattern: &Regex, text: &str) -> Option<String> {
    let mut redacted = String::new();
    let mut done = 0;
    for found in pattern.captures_iter(text) {
        let Some(secret) = found.get(1).or_else(|| found.get(0)) else {
            continue;
        };
        redacted.push_str(text.get(done..secret.start())?);
        redacted.push_str(REDACTED);
        done = secret.end();
    }
    if done == 0 {
        return None;
    }
    redacted.push_str(text.get(done..)?);
    Some(redacted)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_built_in_pattern_compiles_and_matches_no_empty_text() {
        for pattern in PATTERNS {
            assert!(!Regex::new(pattern).unwrap().is_match(""), "{pattern}");
        }
        assert_eq!(Redactor::default().patterns.len(), PATTERNS.len());
    }

    #[test]
    fn what_has_the_form_of_a_secret_is_taken_out() {
        let cases = [
            (
                "key sk-ant-api03-AbCdEfGhIjKlMnOpQrSt, ok",
                "key [redacted], ok",
            ),
            ("sk-proj_0123456789abcdefghij", "[redacted]"),
            ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "[redacted]"),
            (
                "Authorization: Bearer abcdefghij.0123456789",
                "Authorization: Bearer [redacted]",
            ),
            ("id AKIAIOSFODNN7EXAMPLE.", "id [redacted]."),
            (
                r#"{"aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}"#,
                r#"{"aws_secret_access_key": "[redacted]"}"#,
            ),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- after",
                "[redacted] after",
            ),
            (
                r"x -----BEGIN PRIVATE KEY-----\nMIIE cut off",
                "x [redacted]",
            ),
            (
                "postgres://crm:hunter2@db:5432/crm and https://example.com:8080/a@b",
                "postgres://crm:[redacted]@db:5432/crm and https://example.com:8080/a@b",
            ),
            ("x-api-key: 0123456789abcdef0123", "x-api-key: [redacted]"),
        ];
        for (text, expected) in cases {
            assert_eq!(Redactor::default().text(text), expected);
        }
    }

    #[test]
    fn ordinary_text_is_left_and_not_even_copied() {
        let text = "The task-force's risk-adjusted ask-price-of-the-century, api key: none; \
                    the bearer of this letter wrote to a@b.example at 10:30, see \
                    https://crm.example/clients/1f0e?x=1:2 and sk-short";
        let left = Redactor::new(["correct horse battery"]);
        assert!(matches!(left.text(text), Cow::Borrowed(_)));
        assert_eq!(left.text(text), text);
    }

    #[test]
    fn of_two_secrets_that_begin_alike_none_leaves_a_rest() {
        let redactor = Redactor::new(["abcdefgh", "abcdefgh-and-more"]);
        assert_eq!(
            redactor.text("abcdefgh-and-more, abcdefgh"),
            "[redacted], [redacted]"
        );
    }

    #[test]
    fn a_short_secret_and_a_bad_pattern_are_refused() {
        let short = Redactor::default().with_secret("1234567").unwrap_err();
        assert_eq!(short, RedactorError::SecretTooShort { bytes: 7 });
        assert!(!short.to_string().contains("1234567"));
        let bad = Redactor::default().with_pattern("(").unwrap_err();
        assert!(matches!(bad, RedactorError::Pattern { .. }));
        let empty = Redactor::default().with_pattern("a*").unwrap_err();
        assert!(matches!(empty, RedactorError::MatchesNothing { .. }));
    }

    #[test]
    fn of_a_given_pattern_with_a_group_the_group_alone_is_replaced() {
        let redactor = Redactor::default().with_pattern(r"pin (\d{4})").unwrap();
        assert_eq!(
            redactor.text("his pin 1234 and 5678"),
            "his pin [redacted] and 5678"
        );
    }
}
