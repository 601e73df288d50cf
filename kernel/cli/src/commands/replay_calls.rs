//! `proctor trace replay-calls`: recorded tool calls of any agent, played on our CRM.

use std::fs::File;
use std::io::{BufReader, Write};
use std::process::ExitCode;

use proctor_crm::Change;
use proctor_episode::{CallOutcome, ReplaySummary, ReplayTally, ReplayedCall, replay_calls};
use proctor_store::{Postgres, Sqlite, Store, StoreError};
use serde_json::{Value as Json, json};

use crate::args::RecordedCalls;
use crate::exit::{Exit, Failure};
use crate::store::Choice;
use crate::terminal::{BAD, DIM, GOOD, styled, table, table_text};

pub fn run(calls: &RecordedCalls, verbose: bool, as_json: bool) -> Result<ExitCode, Failure> {
    let file = &calls.path;
    let opened =
        File::open(file).map_err(|error| Failure::input(format!("{}: {error}", file.display())))?;
    let choice = Choice::of(&calls.store)?;
    require_empty(&choice)?;
    let mut out = anstream::stdout();
    let mut written = Ok(());
    let summary = replay_calls(
        BufReader::new(opened),
        &mut || open(&choice),
        &mut |played| {
            let text = match &played {
                Ok(call) if as_json => line(call).to_string(),
                Ok(call) if verbose || call.agrees() == Some(false) => shown(call),
                Ok(_) => return,
                Err(bad) if as_json => json!({"error": bad.to_string()}).to_string(),
                Err(bad) => styled(BAD, format!("{}: {bad}", file.display())),
            };
            if written.is_ok() {
                written = writeln!(out, "{text}");
            }
        },
    )
    .map_err(|error| Failure::input(format!("{}: {error}", file.display())))?;
    written?;
    if !as_json {
        print(&summary)?;
    }
    Ok(if summary.all_agree() {
        ExitCode::SUCCESS
    } else {
        Exit::Findings.into()
    })
}

/// Recorded calls come with the rows that they met; others would be in their way.
fn require_empty(choice: &Choice) -> Result<(), Failure> {
    let mut store = open(choice)?;
    if store.counts()?.iter().all(|(_, count)| *count == 0) {
        return Ok(());
    }
    let message = "recorded calls are played on an empty database, but this one holds rows";
    Err(Failure::input(message)
        .hint("make an empty one with `proctor db migrate`, or use `--store sqlite`"))
}

fn open(choice: &Choice) -> Result<Box<dyn Store>, StoreError> {
    Ok(match choice {
        Choice::Sqlite => Box::new(Sqlite::in_memory()?),
        Choice::Postgres(address) => Box::new(Postgres::open(address)?),
    })
}

fn print(summary: &ReplaySummary) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    let mut rows = table(
        &["agent", "calls", "accepted", "agree", "disagree"],
        &[1, 2, 3, 4],
    );
    for (agent, tally) in &summary.by_agent {
        rows.add_row(row(agent, tally));
    }
    rows.add_row(row("all", &summary.total));
    write!(out, "{}", table_text(&rows))?;
    let codes: Vec<String> = summary
        .by_code
        .iter()
        .map(|(code, count)| format!("{count} {code}"))
        .collect();
    if !codes.is_empty() {
        writeln!(
            out,
            "{}",
            styled(DIM, format!("refused: {}", codes.join(", ")))
        )?;
    }
    let text = format!(
        "{} of {} calls agree with the record, {} lines could not be played",
        summary.total.agreeing, summary.total.calls, summary.bad_lines
    );
    writeln!(
        out,
        "{}",
        styled(if summary.all_agree() { GOOD } else { BAD }, text)
    )?;
    Ok(())
}

fn row(agent: &str, tally: &ReplayTally) -> Vec<String> {
    vec![
        agent.to_owned(),
        tally.calls.to_string(),
        tally.accepted.to_string(),
        tally.agreeing.to_string(),
        tally.disagreeing.to_string(),
    ]
}

fn shown(call: &ReplayedCall) -> String {
    let ours = match &call.outcome {
        CallOutcome::Accepted => format!("accepted, {} rows changed", call.changes.len()),
        CallOutcome::Refused(refusal) => format!("refused: {refusal}"),
    };
    let verdict = match (call.agrees(), &call.upstream) {
        (Some(true), _) => styled(GOOD, "agrees"),
        (Some(false), Some(upstream)) => {
            let theirs = if upstream.accepted {
                "accepted"
            } else {
                "refused"
            };
            let said = format!("the record says {theirs} {}", upstream.message);
            styled(BAD, said.trim_end())
        }
        _ => styled(DIM, "no outcome in the record"),
    };
    format!(
        "{}  {} {}: {ours}; {verdict}",
        call.id, call.agent, call.tool
    )
}

fn line(call: &ReplayedCall) -> Json {
    let refusal = match &call.outcome {
        CallOutcome::Accepted => Json::Null,
        CallOutcome::Refused(refusal) => json!(refusal),
    };
    json!({
        "line": call.line,
        "id": call.id,
        "agent": call.agent,
        "tool": call.tool,
        "outcome": if call.outcome.is_accepted() { "accepted" } else { "refused" },
        "refusal": refusal,
        "changes": call.changes.iter().map(change).collect::<Vec<_>>(),
        "adjusted": call.adjusted,
        "agrees": call.agrees(),
    })
}

fn change(change: &Change) -> Json {
    json!({
        "entity": change.entity().name(),
        "id": change.id().to_string(),
        "before": change.before().map(|row| row.to_json()),
        "after": change.after().map(|row| row.to_json()),
    })
}
