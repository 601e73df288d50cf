//! `proctor trace`: one episode as a person wants to read it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::ExitCode;

use proctor_episode::verify_chain;
use serde_json::Value as Json;

use crate::args::{TraceCommand, TraceOptions};
use crate::exit::Failure;
use crate::terminal::{BAD, BOLD, DIM, GOOD, styled, table, table_text};

const EPISODE: &str = "gen_ai.conversation.id";

pub fn run(options: &TraceOptions) -> Result<ExitCode, Failure> {
    match (&options.command, &options.run) {
        (
            Some(TraceCommand::ReplayCalls {
                file,
                verbose,
                json,
                ..
            }),
            _,
        ) => super::replay_calls::run(file, *verbose, *json),
        (Some(TraceCommand::Verify { run }), _) => {
            let lines = verify_chain(&run.join("telemetry.jsonl"))?;
            writeln!(std::io::stdout(), "{lines} lines, chain unbroken")?;
            Ok(ExitCode::SUCCESS)
        }
        (None, Some(run)) => match &options.episode {
            None if options.json => raw_ends(run),
            None => list(run),
            Some(episode) => {
                let episode = full_name(episode);
                if options.json {
                    raw(run, &episode)
                } else {
                    print(run, &episode)
                }?;
                Ok(ExitCode::SUCCESS)
            }
        },
        (None, None) => Err(Failure::input("name the folder of a run")),
    }
}

/// An episode's name: a task's alone means its first trial.
fn full_name(episode: &str) -> String {
    if episode.contains('#') {
        episode.to_owned()
    } else {
        format!("{episode}#0")
    }
}

struct Lines {
    reader: BufReader<File>,
    path: String,
    number: u64,
}

impl Lines {
    fn open(run: &Path) -> Result<Self, Failure> {
        let path = run.join("telemetry.jsonl");
        let file = File::open(&path).map_err(|error| {
            Failure::input(format!("{}: {error}", path.display()))
                .hint("give the folder that `proctor run --out` wrote")
        })?;
        Ok(Self {
            reader: BufReader::new(file),
            path: path.display().to_string(),
            number: 0,
        })
    }

    fn next(&mut self) -> Result<Option<(String, Json)>, Failure> {
        let mut text = String::new();
        self.number += 1;
        let wrong =
            |reason: String| Failure::input(format!("{}:{}: {reason}", self.path, self.number));
        let read = self
            .reader
            .read_line(&mut text)
            .map_err(|error| wrong(error.to_string()))?;
        if read == 0 || !text.ends_with('\n') {
            return Ok(None);
        }
        let value = serde_json::from_str(&text)
            .map_err(|error| wrong(format!("is no JSON from column {} on", error.column())))?;
        Ok(Some((text, value)))
    }

    /// The lines of one episode.
    fn episode(&mut self, episode: &str) -> Result<Vec<(String, Json)>, Failure> {
        let mut lines = Vec::new();
        while let Some((text, value)) = self.next()? {
            if value["fields"][EPISODE] == episode {
                let last = value["event"] == "episode.end";
                lines.push((text, value));
                if last {
                    break;
                }
            }
        }
        if lines.is_empty() {
            return Err(
                Failure::input(format!("{} has no episode `{episode}`", self.path))
                    .hint("`proctor trace DIR` lists them"),
            );
        }
        Ok(lines)
    }
}

fn list(run: &Path) -> Result<ExitCode, Failure> {
    let mut lines = Lines::open(run)?;
    let mut rows = table(&["episode", "outcome", "reward", "steps"], &[2, 3]);
    let mut count = 0;
    while let Some((_, line)) = lines.next()? {
        if line["event"] == "episode.end" {
            let fields = &line["fields"];
            count += 1;
            rows.add_row([
                text(&fields[EPISODE]),
                text(&fields["outcome"]),
                fields["reward"]
                    .as_f64()
                    .map_or("–".into(), |reward| format!("{reward:.3}")),
                text(&fields["steps"]),
            ]);
        }
    }
    let mut out = anstream::stdout();
    write!(out, "{}", table_text(&rows))?;
    writeln!(
        out,
        "{}",
        styled(
            DIM,
            format!("{count} episodes; `proctor trace DIR EPISODE` shows one")
        )
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The lines that end a run's episodes.
fn raw_ends(run: &Path) -> Result<ExitCode, Failure> {
    let mut out = std::io::stdout();
    let mut lines = Lines::open(run)?;
    while let Some((text, line)) = lines.next()? {
        if line["event"] == "episode.end" {
            out.write_all(text.as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The first episode of a run that failed.
pub fn first_failed(run: &Path) -> Result<Option<String>, Failure> {
    let mut lines = Lines::open(run)?;
    while let Some((_, line)) = lines.next()? {
        if line["event"] == "episode.end" && line["fields"]["outcome"] == "fail" {
            return Ok(line["fields"][EPISODE].as_str().map(str::to_owned));
        }
    }
    Ok(None)
}

fn raw(run: &Path, episode: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    for (text, _) in Lines::open(run)?.episode(episode)? {
        out.write_all(text.as_bytes())?;
    }
    Ok(())
}

/// Prints one episode: what was asked, each call, what changed, what each verifier said.
pub fn print(run: &Path, episode: &str) -> Result<(), Failure> {
    let lines = Lines::open(run)?.episode(episode)?;
    let mut out = anstream::stdout();
    let mut turns: Vec<String> = Vec::new();
    let mut shown_turn = None;
    for (_, line) in &lines {
        let fields = &line["fields"];
        match line["event"].as_str().unwrap_or_default() {
            "episode.start" => {
                turns = fields["turns"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(text)
                    .collect();
                let negative = fields["negative"]
                    .as_str()
                    .map(|kind| format!(", negative: {kind}"));
                let head = format!(
                    "{episode}  {}{}",
                    text(&fields["kind"]),
                    negative.unwrap_or_default()
                );
                writeln!(out, "{}", styled(BOLD, head))?;
            }
            "step" => {
                let turn = fields["turn"].as_u64().unwrap_or(0);
                if shown_turn != Some(turn) {
                    shown_turn = Some(turn);
                    let said = turns.get(usize::try_from(turn).unwrap_or(0));
                    writeln!(out, "\nuser      {}", said.map_or("", String::as_str))?;
                }
                write!(out, "{}", step_text(fields))?;
            }
            "verdict" => write!(out, "{}", verdict_text(fields))?,
            "fault" => {
                let head = format!("no result from {}", text(&fields["plugin"]));
                writeln!(out, "\n{}", styled(BAD, head))?;
                writeln!(
                    out,
                    "          {} in {}: {}",
                    text(&fields["error.type"]),
                    text(&fields["function"]),
                    text(&fields["message"])
                )?;
                for frame in fields["backtrace"].as_array().into_iter().flatten() {
                    writeln!(out, "          at {}", text(frame))?;
                }
            }
            "episode.end" => {
                let outcome = text(&fields["outcome"]);
                let style = if outcome == "pass" { GOOD } else { BAD };
                let reward = fields["reward"].as_f64();
                let reward =
                    reward.map_or("no score".into(), |reward| format!("reward {reward:.3}"));
                writeln!(out, "\noutcome   {}, {reward}", styled(style, outcome))?;
                if let Some(interrupted) = interrupted_text(&line["wall"]) {
                    writeln!(out, "          {}", styled(DIM, interrupted))?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The attempts that were broken off before the one recorded, on one line.
fn interrupted_text(wall: &Json) -> Option<String> {
    let attempts = wall["interrupted"].as_array()?;
    let attempts: Vec<String> = attempts
        .iter()
        .map(|attempt| {
            let seconds = attempt["duration_us"].as_f64().unwrap_or(0.0) / 1e6;
            format!("after {seconds:.3} s: {}", text(&attempt["reason"]))
        })
        .collect();
    let all = attempts.join("; ").replace('\n', " ");
    Some(format!("begun anew, interrupted {}", clipped(&all)))
}

fn step_text(fields: &Json) -> String {
    let mut out = String::new();
    match fields["action"].as_str() {
        Some("call") => {
            let arguments = text(&fields["gen_ai.tool.call.arguments"]);
            let call = format!("{} {arguments}", text(&fields["gen_ai.tool.name"]));
            out.push_str(&format!("agent     {}\n", clipped(&call)));
        }
        Some("decline") => {
            out.push_str(&format!(
                "declines  {}\n",
                text(&fields["gen_ai.output.text"])
            ));
        }
        _ => {
            let words = text(&fields["gen_ai.output.text"]);
            let words = if words.is_empty() {
                styled(DIM, "(nothing)")
            } else {
                words
            };
            out.push_str(&format!("answers   {words}\n"));
        }
    }
    if let Some(refusal) = fields["refusal"].as_object() {
        let field = |name: &str| refusal.get(name).map(text).unwrap_or_default();
        let code = styled(BAD, field("code"));
        out.push_str(&format!("  refused {code}: {}\n", field("message")));
    }
    if let Some(result) = fields["gen_ai.tool.call.result"].as_object() {
        out.push_str(&result_text(result));
    }
    for change in fields["changes"].as_array().into_iter().flatten() {
        out.push_str(&change_text(change));
    }
    out
}

fn result_text(result: &serde_json::Map<String, Json>) -> String {
    const ROWS_SHOWN: usize = 3;
    let rows: &[Json] = result
        .get("rows")
        .and_then(Json::as_array)
        .map_or(&[], Vec::as_slice);
    let facts = result.get("facts").and_then(Json::as_object);
    let facts: Vec<String> = facts
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name} {}", text(value)))
        .collect();
    let mut out = format!("  result  {} rows", rows.len());
    if !facts.is_empty() {
        out.push_str(&format!("; {}", clipped(&facts.join(", "))));
    }
    out.push('\n');
    for row in rows.iter().take(ROWS_SHOWN) {
        out.push_str(&format!(
            "          {}\n",
            styled(DIM, clipped(&cells(row)))
        ));
    }
    if rows.len() > ROWS_SHOWN {
        let more = format!("and {} more", rows.len() - ROWS_SHOWN);
        out.push_str(&format!("          {}\n", styled(DIM, more)));
    }
    out
}

fn change_text(change: &Json) -> String {
    let record = format!("{} {}", text(&change["entity"]), text(&change["id"]));
    match (change["before"].as_object(), change["after"].as_object()) {
        (Some(before), Some(after)) => {
            let columns: Vec<String> = after
                .iter()
                .map(|(name, value)| {
                    let was = before.get(name).map(text).unwrap_or_default();
                    format!("{name}: {was} → {}", text(value))
                })
                .collect();
            format!("  changed {record}: {}\n", columns.join(", "))
        }
        (None, Some(_)) => format!("  created {record}\n"),
        _ => format!("  deleted {record}\n"),
    }
}

fn verdict_text(fields: &Json) -> String {
    let passed = fields["gen_ai.evaluation.score.label"] == "pass";
    let (style, word) = if passed {
        (GOOD, "passed")
    } else {
        (BAD, "failed")
    };
    let mut out = format!(
        "\n{}  {} (score {:.3})\n",
        styled(BOLD, text(&fields["gen_ai.evaluation.name"])),
        styled(style, word),
        fields["gen_ai.evaluation.score.value"]
            .as_f64()
            .unwrap_or(0.0)
    );
    for check in fields["checks"].as_array().into_iter().flatten() {
        let mark = if check["pass"] == true {
            styled(GOOD, "✓")
        } else {
            styled(BAD, "✗")
        };
        out.push_str(&format!(
            "  {mark} {}: {}\n",
            text(&check["name"]),
            text(&check["detail"])
        ));
    }
    for line in fields["log"].as_array().into_iter().flatten() {
        out.push_str(&format!(
            "  log {}: {}\n",
            text(&line["level"]),
            text(&line["line"])
        ));
    }
    out
}

fn cells(row: &Json) -> String {
    let cells: Vec<String> = row
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name} {}", text(value)))
        .collect();
    cells.join(", ")
}

/// A JSON value as words.
fn text(value: &Json) -> String {
    match value {
        Json::Null => "nothing".to_owned(),
        Json::String(text) => text.clone(),
        Json::Array(entries) => entries.iter().map(text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Cut to what a line holds.
fn clipped(text: &str) -> String {
    const CHARS_MAX: usize = 240;
    if text.chars().count() <= CHARS_MAX {
        return text.to_owned();
    }
    let start: String = text.chars().take(CHARS_MAX).collect();
    format!("{start}…")
}
