//! The rival's published evaluation set (CL-Bench, `evaluation_400.jsonl`), read so that our
//! lint can be tried on it: a file with one conversation a line.
//!
//! What counts, and why these definitions give the rival the benefit of the doubt:
//!
//! - **Unresolved placeholder**: what the user says shows `{name}` or `{{name}}` where a value
//!   belongs. An agent reads the user's words as they are; nobody fills them in. Placeholders in
//!   the arguments or the recorded reply alone aren't counted.
//! - **Unstated value**: an expected argument has a value (not null) that appears, in either
//!   case, neither in what the user has said up to then nor in the replies recorded for earlier
//!   turns, and that is no reference `{{turn_N.field}}` to an earlier turn's result. Appearing
//!   within a longer word or number counts as appearing. A literal placeholder that the user
//!   spells out the same way counts as stated: it is reported as a placeholder already. Records
//!   that no reply has shown count as unknown; the agent was not told to look them up.
//! - **Empty end state**: `final_expected_state` is empty or null, so nothing can be compared
//!   with what the agent did to the data.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use proctor_crm::{ArgumentKind, Tool};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::lint::placeholder_in_braces;

/// Longest line that is read, in bytes.
const LINE_BYTES_MAX: u64 = 4 << 20;
/// Most conversations of one set.
const CONVERSATIONS_MAX: usize = 100_000;

/// A file that is no such set.
#[derive(Debug, thiserror::Error)]
pub enum ClbenchError {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line is no conversation.
    #[error("line {line}: {message}")]
    Line {
        /// Line of the file, from 1.
        line: u64,
        /// What is wrong with it.
        message: String,
    },
    /// There is nothing in it.
    #[error("holds no conversation")]
    Empty,
}

/// The set.
#[derive(Clone, Debug)]
pub struct ClbenchSuite {
    /// Its conversations, in the file's order.
    pub conversations: Vec<ClbenchConversation>,
}

impl ClbenchSuite {
    /// Number of turns of all conversations.
    #[must_use]
    pub fn turns(&self) -> usize {
        self.conversations
            .iter()
            .map(|conversation| conversation.turns.len())
            .sum()
    }
}

/// One conversation.
#[derive(Clone, Debug, Deserialize)]
pub struct ClbenchConversation {
    /// Line of the file, from 1.
    #[serde(skip)]
    pub line: u64,
    /// Its id.
    #[serde(rename = "conversation_id")]
    pub id: String,
    /// What the user says, turn by turn.
    pub turns: Vec<ClbenchTurn>,
    /// What the data should be like in the end.
    #[serde(default)]
    pub final_expected_state: Json,
}

/// One turn of a conversation.
#[derive(Clone, Debug, Deserialize)]
pub struct ClbenchTurn {
    /// Its number, as references give it.
    #[serde(rename = "turn_id")]
    pub id: u64,
    /// What the user says.
    #[serde(rename = "user_utterance")]
    pub utterance: String,
    /// The tool that the agent is to call.
    #[serde(rename = "expected_tool")]
    pub tool: String,
    /// Its arguments.
    #[serde(rename = "expected_args", default)]
    pub arguments: Map<String, Json>,
    /// The recorded reply.
    #[serde(rename = "expected_response", default)]
    pub reply: Option<ClbenchReply>,
}

/// What was replied.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct ClbenchReply {
    /// The words.
    #[serde(default)]
    pub text: Option<String>,
}

/// What can be wrong with a conversation or turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClbenchRule {
    /// A turn shows a placeholder where a value belongs.
    Placeholder,
    /// A turn asks for a value that is stated nowhere.
    UnstatedValue,
    /// A conversation says nothing of the state that it should lead to.
    EmptyEndState,
    /// A turn expects a tool that the catalogue lacks.
    UnknownTool,
    /// A turn expects an argument that the tool doesn't have.
    UnknownArgument,
}

impl ClbenchRule {
    /// All rules.
    pub const ALL: [Self; 5] = [
        Self::Placeholder,
        Self::UnstatedValue,
        Self::EmptyEndState,
        Self::UnknownTool,
        Self::UnknownArgument,
    ];

    /// Its name, as in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Placeholder => "placeholder",
            Self::UnstatedValue => "unstated-value",
            Self::EmptyEndState => "empty-end-state",
            Self::UnknownTool => "unknown-tool",
            Self::UnknownArgument => "unknown-argument",
        }
    }
}

/// One thing wrong: at most one of each rule for a turn or conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClbenchFinding {
    /// Line of the file, from 1.
    pub line: u64,
    /// The conversation.
    pub conversation: String,
    /// The turn, unless it is about the whole conversation.
    pub turn: Option<u64>,
    /// The rule.
    pub rule: ClbenchRule,
    /// What exactly.
    pub message: String,
}

/// What the lint made of a set.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ClbenchReport {
    /// Conversations read.
    pub conversations: usize,
    /// Turns read.
    pub turns: usize,
    /// Conversations with neither a placeholder nor an unstated value.
    pub sound: usize,
    /// Findings by rule.
    pub counts: BTreeMap<ClbenchRule, usize>,
    /// All findings, in the file's order.
    pub findings: Vec<ClbenchFinding>,
}

impl ClbenchReport {
    /// Number of findings of a rule.
    #[must_use]
    pub fn count(&self, rule: ClbenchRule) -> usize {
        self.counts.get(&rule).copied().unwrap_or(0)
    }
}

/// Reads a set.
///
/// # Errors
/// When the file cannot be read or a line is no conversation.
pub fn import(path: &Path) -> Result<ClbenchSuite, ClbenchError> {
    read(BufReader::new(File::open(path)?))
}

fn read(mut reader: impl BufRead) -> Result<ClbenchSuite, ClbenchError> {
    let mut conversations = Vec::new();
    let mut bytes = Vec::new();
    for line in 1.. {
        let wrong = |message: String| ClbenchError::Line { line, message };
        bytes.clear();
        if reader
            .by_ref()
            .take(LINE_BYTES_MAX + 1)
            .read_until(b'\n', &mut bytes)?
            == 0
        {
            break;
        }
        if bytes.len() as u64 > LINE_BYTES_MAX {
            return Err(wrong(format!("is longer than {LINE_BYTES_MAX} bytes")));
        }
        if bytes.trim_ascii().is_empty() {
            continue;
        }
        if conversations.len() >= CONVERSATIONS_MAX {
            return Err(wrong(format!(
                "a set has at most {CONVERSATIONS_MAX} conversations"
            )));
        }
        let read: ClbenchConversation = serde_json::from_slice(&bytes)
            .map_err(|error| wrong(format!("column {}: {error}", error.column())))?;
        conversations.push(ClbenchConversation { line, ..read });
    }
    if conversations.is_empty() {
        return Err(ClbenchError::Empty);
    }
    Ok(ClbenchSuite { conversations })
}

/// Looks for what makes conversations unfit to examine anyone with.
#[must_use]
pub fn lint_clbench(suite: &ClbenchSuite) -> ClbenchReport {
    let mut report = ClbenchReport {
        conversations: suite.conversations.len(),
        turns: suite.turns(),
        ..ClbenchReport::default()
    };
    for conversation in &suite.conversations {
        let findings = findings(conversation);
        let unfit = |rule| matches!(rule, ClbenchRule::Placeholder | ClbenchRule::UnstatedValue);
        report.sound += usize::from(!findings.iter().any(|finding| unfit(finding.rule)));
        for finding in findings {
            *report.counts.entry(finding.rule).or_default() += 1;
            report.findings.push(finding);
        }
    }
    report
}

fn findings(conversation: &ClbenchConversation) -> Vec<ClbenchFinding> {
    let mut findings = Vec::new();
    let mut found = |turn: Option<u64>, rule, message: String| {
        let conversation_id = conversation.id.clone();
        let line = conversation.line;
        findings.push(ClbenchFinding {
            line,
            conversation: conversation_id,
            turn,
            rule,
            message,
        });
    };
    // All that the agent has been told, in lower case.
    let mut told = String::new();
    let mut earlier = Vec::new();
    for turn in &conversation.turns {
        let id = Some(turn.id);
        tell(&mut told, &turn.utterance);
        if let Some(shown) = placeholder_in_braces(&turn.utterance) {
            found(
                id,
                ClbenchRule::Placeholder,
                format!("the user says `{shown}`"),
            );
        }
        let unstated: Vec<String> = values(&turn.arguments)
            .into_iter()
            .filter(|(_, value)| !is_stated(value, &told, &earlier))
            .map(|(name, value)| format!("{name} = {value}"))
            .collect();
        if !unstated.is_empty() {
            let message = format!("stated nowhere: {}", unstated.join(", "));
            found(id, ClbenchRule::UnstatedValue, message);
        }
        match Tool::named(&turn.tool) {
            Err(refusal) => found(id, ClbenchRule::UnknownTool, refusal.message),
            Ok(tool) => {
                let unknown = unknown_arguments(tool, &turn.arguments);
                if !unknown.is_empty() {
                    let message = format!("{} has no {}", tool.name, unknown.join(", "));
                    found(id, ClbenchRule::UnknownArgument, message);
                }
            }
        }
        if let Some(text) = turn.reply.as_ref().and_then(|reply| reply.text.as_ref()) {
            tell(&mut told, text);
        }
        earlier.push(turn.id);
    }
    let empty = match &conversation.final_expected_state {
        Json::Null => true,
        Json::Object(state) => state.is_empty(),
        _ => false,
    };
    if empty {
        let message = "`final_expected_state` is empty: nothing is compared with the data";
        found(None, ClbenchRule::EmptyEndState, message.into());
    }
    findings
}

fn tell(told: &mut String, text: &str) {
    told.push_str(&text.to_lowercase());
    told.push('\n');
}

/// Every value within arguments, with the way to it; nulls say nothing.
fn values(arguments: &Map<String, Json>) -> Vec<(String, String)> {
    fn walk(path: &str, json: &Json, into: &mut Vec<(String, String)>) {
        match json {
            Json::Null => {}
            Json::Object(object) => {
                for (name, inner) in object {
                    walk(&format!("{path}.{name}"), inner, into);
                }
            }
            Json::Array(entries) => entries.iter().for_each(|inner| walk(path, inner, into)),
            Json::String(text) => into.push((path.to_owned(), text.clone())),
            other => into.push((path.to_owned(), other.to_string())),
        }
    }
    let mut values = Vec::new();
    for (name, json) in arguments {
        walk(name, json, &mut values);
    }
    values
}

fn is_stated(value: &str, told: &str, earlier: &[u64]) -> bool {
    told.contains(&value.to_lowercase())
        || referred_turn(value).is_some_and(|turn| earlier.contains(&turn))
}

/// The turn that `{{turn_N.field}}` refers to.
fn referred_turn(value: &str) -> Option<u64> {
    let inside = value.strip_prefix("{{turn_")?.strip_suffix("}}")?;
    inside.split_once('.')?.0.parse().ok()
}

fn unknown_arguments(tool: &Tool, given: &Map<String, Json>) -> Vec<String> {
    let arguments = tool.arguments();
    let mut unknown = Vec::new();
    for (name, json) in given {
        let Some(argument) = arguments.iter().find(|argument| argument.name == name) else {
            unknown.push(format!("`{name}`"));
            continue;
        };
        if let (
            ArgumentKind::Updates(entity) | ArgumentKind::Criteria(entity),
            Json::Object(inner),
        ) = (argument.kind, json)
        {
            let strange = inner
                .keys()
                .filter(|column| entity.column(column).is_none());
            unknown.extend(strange.map(|column| format!("`{name}.{column}`")));
        }
    }
    unknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_set_shows_what_is_known_to_be_wrong_with_it() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/corpora/clbench/evaluation_400.jsonl");
        if !path.exists() {
            eprintln!("skipped: no published set at {}", path.display());
            return;
        }
        let report = lint_clbench(&import(&path).unwrap());
        assert_eq!((report.conversations, report.turns), (400, 1487));
        assert!(
            report.count(ClbenchRule::Placeholder) >= 673,
            "{:?}",
            report.counts
        );
        assert!(
            report.count(ClbenchRule::UnstatedValue) >= 416,
            "{:?}",
            report.counts
        );
        assert_eq!(report.count(ClbenchRule::EmptyEndState), 400);
        assert_eq!(report.sound, 64);
        assert!(report.count(ClbenchRule::UnknownArgument) > 0);
    }

    /// One conversation of turns `(utterance, tool, arguments, reply)`.
    fn lint_of(turns: &[(&str, &str, Json, &str)]) -> Vec<(Option<u64>, ClbenchRule)> {
        let turns: Vec<Json> = turns
            .iter()
            .enumerate()
            .map(|(at, (utterance, tool, arguments, reply))| {
                serde_json::json!({
                    "turn_id": at + 1, "user_utterance": utterance, "expected_tool": tool,
                    "expected_args": arguments, "expected_response": { "text": reply },
                })
            })
            .collect();
        let conversation = serde_json::json!({
            "conversation_id": "c", "turns": turns, "final_expected_state": { "Client": 1 },
        });
        let suite = read(conversation.to_string().as_bytes()).unwrap();
        let report = lint_clbench(&suite);
        report
            .findings
            .into_iter()
            .map(|finding| (finding.turn, finding.rule))
            .collect()
    }

    #[test]
    fn a_value_must_have_been_said_shown_or_referred_to() {
        use serde_json::json;
        let search = (
            "Find ACME",
            "client_search",
            json!({"criteria": {"name": "Acme"}}),
            "id=7",
        );
        let cases = [
            (
                json!({"client_id": "{{turn_1.client_id}}", "status": null}),
                vec![],
            ),
            (json!({"client_id": "7"}), vec![]),
            (json!({"client_id": "8"}), vec![ClbenchRule::UnstatedValue]),
            (
                json!({"client_id": "{{turn_2.client_id}}"}),
                vec![ClbenchRule::UnstatedValue],
            ),
            (
                json!({"shoe_size": "7"}),
                vec![ClbenchRule::UnknownArgument],
            ),
            (
                json!({"updates": {"shoe_size": "7"}}),
                vec![ClbenchRule::UnknownArgument],
            ),
        ];
        for (arguments, rules) in cases {
            let second = ("Change it", "modify_client", arguments.clone(), "");
            let expected: Vec<_> = rules.into_iter().map(|rule| (Some(2), rule)).collect();
            assert_eq!(lint_of(&[search.clone(), second]), expected, "{arguments}");
        }
        let strange = [("Show {criteria}", "fly", json!({}), "")];
        let expected = [ClbenchRule::Placeholder, ClbenchRule::UnknownTool];
        assert_eq!(lint_of(&strange), expected.map(|rule| (Some(1), rule)));
    }

    #[test]
    fn what_is_no_conversation_is_refused_with_its_line() {
        let good = r#"{"conversation_id":"c","turns":[]}"#;
        let long = format!("{}\"{}\"", " ", "x".repeat(LINE_BYTES_MAX as usize));
        for bad in [
            "{",
            "[]",
            r#"{"turns":[]}"#,
            r#"{"conversation_id":"c","turns":[{}]}"#,
            &long,
        ] {
            let error = read(format!("{good}\n{bad}\n").as_bytes()).unwrap_err();
            assert!(error.to_string().starts_with("line 2: "), "{error}");
        }
        assert!(matches!(read(&b"\n \n"[..]), Err(ClbenchError::Empty)));
    }
}
