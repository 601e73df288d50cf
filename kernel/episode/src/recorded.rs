//! Plays tool calls that some agent made elsewhere, each on the state it met there, and holds
//! what our CRM says against what the other one said.
//!
//! A file has one JSON object a line: `id`, `agent`, `now` (RFC 3339), `state` (rows by table),
//! `call` (`tool`, `arguments`) and `upstream` (`outcome`: `accepted` or `refused`, `message`).
//! Other keys are ignored. A line that cannot be played is reported and the rest goes on.
//!
//! States come from CRMs that ask less of a record than ours. What is missing is filled in as
//! the creating tool would: a quote's name from its opportunity, a contract's status `Pending`.
//! Where the tool would ask, a stand-in is used that no rule minds: the first legal value of a
//! choice, an amount of 1. A value that our column cannot hold is left out where it may be.
//! Whatever was filled in or left out is said in [`ReplayedCall::adjusted`].

mod state;

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use proctor_crm::{Change, Code, Context, Refusal, Timestamp};
use proctor_host::ToolCall;
use proctor_store::{Store, StoreError};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use self::state::State;
use crate::env::execute;
use crate::error::json_reason;
use crate::seed::EpisodeSeed;

/// Longest line that is read, in bytes.
pub const RECORDED_LINE_BYTES_MAX: u64 = 8 << 20;
/// Most agents that the summary tells apart; further ones are counted together.
const AGENTS_MAX: usize = 1_000;
/// Name in the summary for the agents beyond [`AGENTS_MAX`].
const OTHER_AGENTS: &str = "(others)";

/// What a CRM did with a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It was carried out.
    Accepted,
    /// It was rejected.
    Refused(Refusal),
}

impl CallOutcome {
    /// Whether the call was carried out.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        matches!(self, Self::Accepted)
    }
}

/// What the file says became of a call where it was recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Whether it was accepted.
    pub accepted: bool,
    /// What was said.
    pub message: String,
}

/// A recorded call, played.
#[derive(Clone, Debug)]
pub struct ReplayedCall {
    /// Line of the file, from 1.
    pub line: u64,
    /// Id of the recording.
    pub id: String,
    /// Who made the call.
    pub agent: String,
    /// The tool it named.
    pub tool: String,
    /// What our CRM did.
    pub outcome: CallOutcome,
    /// What changed.
    pub changes: Vec<Change>,
    /// What the other CRM did, if the file says.
    pub upstream: Option<Upstream>,
    /// Cells of the state that our CRM could not take as they were.
    pub adjusted: Vec<String>,
}

impl ReplayedCall {
    /// Whether both CRMs did the same; nothing where the file doesn't say.
    #[must_use]
    pub fn agrees(&self) -> Option<bool> {
        Some(self.upstream.as_ref()?.accepted == self.outcome.is_accepted())
    }
}

/// A line that could not be played.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct BadLine {
    /// Line of the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub message: String,
}

/// Playing could not go on.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The file could not be read.
    #[error("line {line}: {error}")]
    Io {
        /// Line of the file, from 1.
        line: u64,
        /// Why.
        error: io::Error,
    },
    /// The store failed in a way that no state or call explains.
    #[error("line {line}: {error}")]
    Store {
        /// Line of the file, from 1.
        line: u64,
        /// Why.
        error: StoreError,
    },
}

/// Counts of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayTally {
    /// Calls played.
    pub calls: u64,
    /// Of them accepted by our CRM.
    pub accepted: u64,
    /// Of them with the same outcome as in the file.
    pub agreeing: u64,
    /// Of them with another outcome than in the file.
    pub disagreeing: u64,
}

impl ReplayTally {
    fn count(&mut self, call: &ReplayedCall) {
        self.calls += 1;
        self.accepted += u64::from(call.outcome.is_accepted());
        self.agreeing += u64::from(call.agrees() == Some(true));
        self.disagreeing += u64::from(call.agrees() == Some(false));
    }
}

/// What came of a whole file.
#[derive(Clone, Debug, Default)]
pub struct ReplaySummary {
    /// All calls.
    pub total: ReplayTally,
    /// Lines that could not be played.
    pub bad_lines: u64,
    /// Calls by who made them.
    pub by_agent: BTreeMap<String, ReplayTally>,
    /// Refusals by code.
    pub by_code: BTreeMap<Code, u64>,
}

impl ReplaySummary {
    /// Whether every line could be played and no outcome differs.
    #[must_use]
    pub fn all_agree(&self) -> bool {
        self.bad_lines == 0 && self.total.disagreeing == 0
    }

    fn count(&mut self, call: &ReplayedCall) {
        self.total.count(call);
        let known = self.by_agent.contains_key(&call.agent) || self.by_agent.len() < AGENTS_MAX;
        let agent = if known {
            call.agent.as_str()
        } else {
            OTHER_AGENTS
        };
        self.by_agent
            .entry(agent.to_owned())
            .or_default()
            .count(call);
        if let CallOutcome::Refused(refusal) = &call.outcome {
            *self.by_code.entry(refusal.code).or_default() += 1;
        }
    }
}

/// Plays every call of a file on the empty store that `open_store` makes, and hands each over as
/// it is played.
///
/// # Errors
/// When the file cannot be read on or the store fails. What is wrong with a line is no error:
/// it is handed over as a [`BadLine`].
pub fn replay_calls(
    mut reader: impl BufRead,
    open_store: &mut dyn FnMut() -> Result<Box<dyn Store>, StoreError>,
    each: &mut dyn FnMut(Result<ReplayedCall, BadLine>),
) -> Result<ReplaySummary, ReplayError> {
    let mut summary = ReplaySummary::default();
    let failed = |line: u64| move |error| ReplayError::Store { line, error };
    let mut store = open_store().map_err(failed(0))?;
    store.begin().map_err(failed(0))?;
    let mut bytes = Vec::new();
    for line in 1.. {
        let read = read_line(&mut reader, &mut bytes);
        let played = match read.map_err(|error| ReplayError::Io { line, error })? {
            Reading::End => break,
            Reading::TooLong => {
                Err(format!("is longer than {RECORDED_LINE_BYTES_MAX} bytes").into())
            }
            Reading::Line if bytes.trim_ascii().is_empty() => continue,
            Reading::Line => play(&bytes, line, &mut *store),
        };
        store.reset().map_err(failed(line))?;
        match played {
            Ok(call) => {
                summary.count(&call);
                each(Ok(call));
            }
            Err(Unplayed::Line(message)) => {
                summary.bad_lines += 1;
                each(Err(BadLine { line, message }));
            }
            Err(Unplayed::Store(error)) => return Err(failed(line)(error)),
        }
    }
    store.end().map_err(failed(0))?;
    Ok(summary)
}

/// What there was to read.
enum Reading {
    Line,
    TooLong,
    End,
}

/// Reads a line without holding more of it than may be played.
fn read_line(reader: &mut impl BufRead, bytes: &mut Vec<u8>) -> io::Result<Reading> {
    bytes.clear();
    if reader
        .take(RECORDED_LINE_BYTES_MAX + 1)
        .read_until(b'\n', bytes)?
        == 0
    {
        return Ok(Reading::End);
    }
    if bytes.len() as u64 <= RECORDED_LINE_BYTES_MAX || bytes.ends_with(b"\n") {
        return Ok(Reading::Line);
    }
    reader.skip_until(b'\n')?;
    Ok(Reading::TooLong)
}

/// Why a line gave no outcome.
enum Unplayed {
    Line(String),
    Store(StoreError),
}

impl From<String> for Unplayed {
    fn from(message: String) -> Self {
        Self::Line(message)
    }
}

#[derive(Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    agent: String,
    now: String,
    #[serde(default)]
    state: BTreeMap<String, Vec<Map<String, Json>>>,
    call: LineCall,
    upstream: Option<LineUpstream>,
}

#[derive(Deserialize)]
struct LineCall {
    tool: String,
    #[serde(default)]
    arguments: Json,
}

#[derive(Deserialize)]
struct LineUpstream {
    outcome: LineOutcome,
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum LineOutcome {
    Accepted,
    Refused,
}

fn play(bytes: &[u8], line: u64, store: &mut dyn Store) -> Result<ReplayedCall, Unplayed> {
    let recorded: Line = serde_json::from_slice(bytes)
        .map_err(|error| format!("column {}: {}", error.column(), json_reason(&error)))?;
    let now: Timestamp = recorded
        .now
        .parse()
        .map_err(|_| format!("`now` is no RFC 3339 time: {:?}", cut(&recorded.now)))?;
    let mut state = State::default();
    let rows = state.rows(&recorded.state)?;
    let inserts: Vec<Change> = rows.into_iter().map(Change::Insert).collect();
    // A state that our constraints forbid is the line's fault, not the store's.
    store
        .apply(&inserts)
        .map_err(|error| format!("the state cannot be set up: {error}"))?;
    let seed = EpisodeSeed::derive(0, &recorded.id, 0).bytes();
    let call = ToolCall {
        tool: recorded.call.tool,
        arguments: recorded.call.arguments.to_string(),
    };
    let answer = execute(store, &call, &Context { now, seed, step: 0 }).map_err(Unplayed::Store)?;
    let (outcome, changes) = match answer {
        Ok(done) => (CallOutcome::Accepted, done.changes),
        Err(refusal) => (CallOutcome::Refused(refusal), Vec::new()),
    };
    Ok(ReplayedCall {
        line,
        id: recorded.id,
        agent: recorded.agent,
        tool: call.tool,
        outcome,
        changes,
        upstream: recorded.upstream.map(|upstream| Upstream {
            accepted: matches!(upstream.outcome, LineOutcome::Accepted),
            message: upstream.message,
        }),
        adjusted: state.adjusted,
    })
}

/// As much of a stranger's text as a message repeats.
fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proctor_store::Sqlite;

    fn replay(text: &[u8]) -> (Vec<Result<ReplayedCall, BadLine>>, ReplaySummary) {
        let mut played = Vec::new();
        let summary = replay_calls(
            text,
            &mut || Ok(Box::new(Sqlite::in_memory()?)),
            &mut |call| played.push(call),
        )
        .unwrap();
        (played, summary)
    }

    fn line(state: &str, call: &str, outcome: &str) -> String {
        format!(
            r#"{{"id":"x","agent":"a","now":"2025-10-29T12:00:00Z","state":{state},"call":{call},"upstream":{{"outcome":"{outcome}"}},"more":1}}"#
        )
    }

    #[test]
    fn all_recorded_calls_end_as_they_did() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/corpora/clbench/recorded_calls.jsonl");
        let Ok(text) = std::fs::read(&path) else {
            eprintln!("skipped: no recorded calls at {}", path.display());
            return;
        };
        let (played, summary) = replay(&text);
        let differing: Vec<_> = played
            .iter()
            .filter(|one| one.as_ref().ok().and_then(ReplayedCall::agrees) != Some(true))
            .collect();
        assert!(differing.is_empty(), "{differing:#?}");
        assert_eq!(
            (
                summary.total.calls,
                summary.total.agreeing,
                summary.by_agent.len()
            ),
            (102, 102, 3)
        );
        assert!(summary.all_agree() && !summary.by_code.is_empty());
    }

    #[test]
    fn a_bad_line_is_reported_and_the_rest_goes_on() {
        let good = line(
            "{}",
            r#"{"tool":"quote_prefixes","arguments":{}}"#,
            "accepted",
        );
        let long = "x".repeat(RECORDED_LINE_BYTES_MAX as usize + 10);
        let orphan = r#"{"quotes":[{"quote_id":"11111111-1111-1111-1111-111111111111","opportunity_id":"11111111-1111-1111-1111-111111111112","name":"q","amount":5,"status":"Draft"}]}"#;
        let call = r#"{"tool":"quote_prefixes","arguments":{}}"#;
        let cases = [
            ("{".to_owned(), "EOF"),
            ("[1]".to_owned(), "invalid"),
            (r#"{"id":"x"}"#.to_owned(), "missing field"),
            (good.replace("2025-10-29T12:00:00Z", "today"), "RFC 3339"),
            (
                good.replace("\"accepted\"", "\"perhaps\""),
                "unknown variant",
            ),
            (line(r#"{"planets":[]}"#, call, "accepted"), "no table"),
            (
                line(r#"{"clients":[{"name":"n"}]}"#, call, "accepted"),
                "clients[0].client_id",
            ),
            (line(orphan, call, "accepted"), "cannot be set up"),
            (long, "longer than"),
            ("[".repeat(100_000), "column"),
        ];
        for (bad, expected) in cases {
            let (played, summary) = replay(format!("{good}\n{bad}\n\n{good}\n").as_bytes());
            assert_eq!(
                (played.len(), summary.total.agreeing, summary.bad_lines),
                (3, 2, 1)
            );
            let message = played[1].as_ref().unwrap_err().to_string();
            assert!(
                message.starts_with("line 2: ") && message.contains(expected),
                "{message}"
            );
        }
    }

    #[test]
    fn what_our_tables_demand_is_filled_in_and_said() {
        let state = r#"{
            "clients": [{"client_id":"11111111-1111-1111-1111-111111111111","name":"C","email":null}],
            "opportunities": [{"opportunity_id":"21111111-1111-1111-1111-111111111111","client_id":"11111111-1111-1111-1111-111111111111","name":"O","stage":"Proposal","amount":0.30000000000000004,"probability":100}],
            "quotes": [{"quote_id":"31111111-1111-1111-1111-111111111111","opportunity_id":"21111111-1111-1111-1111-111111111111","amount":5,"status":"Draft","created_date":"2025-10-01T00:00:00"}]
        }"#
        .replace('\n', " ");
        let call = r#"{"tool":"quote_search","arguments":{"name":"o"}}"#;
        let (played, _) = replay(line(&state, call, "refused").as_bytes());
        let call = played[0].as_ref().unwrap();
        assert_eq!(call.agrees(), Some(false));
        assert_eq!(
            call.adjusted,
            [
                "clients[0].status: filled in: Active",
                "opportunities[0].probability: left out: cannot hold 100",
                "quotes[0].name: filled in: O",
            ]
        );
    }
}
