//! `proctor db diff`: rows and columns that differ between two states.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anstyle::{AnsiColor, Style};
use proctor_crm::{Change, Row, Value};
use serde_json::{Value as Json, json};

use super::print_json;
use super::state::State;
use crate::exit::{Exit, Failure};
use crate::terminal::{BAD, BOLD, GOOD, styled};

/// Style of a row that is on both sides, but not the same.
const CHANGED: Style = AnsiColor::Yellow.on_default();
/// Most characters of a value that a person is shown.
const SHOWN_CHARS_MAX: usize = 100;
/// Characters shown before the first that differs.
const LEAD_CHARS: usize = 20;

/// How many rows differ, by how.
#[derive(Default)]
struct Tally {
    added: usize,
    missing: usize,
    changed: usize,
}

pub fn run(one: &Path, other: &Path, as_json: bool) -> Result<ExitCode, Failure> {
    let (one, other) = (State::of(one)?, State::of(other)?);
    let changes = one.rows()?.changes_to(&other.rows()?);
    if as_json {
        print_json(&json(&changes))?;
    } else {
        print(&changes)?;
    }
    Ok(if changes.is_empty() {
        ExitCode::SUCCESS
    } else {
        Exit::Findings.into()
    })
}

fn print(changes: &[Change]) -> Result<(), Failure> {
    let mut out = anstream::stdout().lock();
    let mut table = None;
    for change in changes {
        let of = change.entity().table();
        if table != Some(of) {
            writeln!(out, "{}", styled(BOLD, of))?;
            table = Some(of);
        }
        match change {
            Change::Insert(row) => writeln!(out, "{}", styled(GOOD, whole('+', row)))?,
            Change::Delete(row) => writeln!(out, "{}", styled(BAD, whole('-', row)))?,
            Change::Update { before, after } => {
                writeln!(out, "  {}", styled(CHANGED, format!("~ {}", before.id())))?;
                write!(out, "{}", columns(before, after))?;
            }
        }
    }
    let Tally {
        added,
        missing,
        changed,
    } = Tally::of(changes);
    if changes.is_empty() {
        writeln!(out, "{}", styled(GOOD, "no row differs"))?;
    } else {
        writeln!(out, "{added} added, {missing} missing, {changed} changed")?;
    }
    Ok(())
}

impl Tally {
    fn of(changes: &[Change]) -> Self {
        let mut tally = Self::default();
        for change in changes {
            match change {
                Change::Insert(_) => tally.added += 1,
                Change::Delete(_) => tally.missing += 1,
                Change::Update { .. } => tally.changed += 1,
            }
        }
        tally
    }
}

/// A row on one side only, with all that is recorded in it.
fn whole(mark: char, row: &Row) -> String {
    let mut text = format!("  {mark} {}", row.id());
    for (column, value) in row.cells().skip(1).filter(|(_, value)| !value.is_null()) {
        text.push_str(&format!("  {} {}", column.name, cut(&shown(value), 0)));
    }
    text
}

/// The columns in which two rows differ, a line each.
fn columns(before: &Row, after: &Row) -> String {
    let differing = || {
        let cells = before.cells().zip(after.values());
        cells.filter(|((_, old), new)| old != new)
    };
    let width = differing().map(|((column, _), _)| column.name.len()).max();
    let width = width.unwrap_or_default();
    let mut text = String::new();
    for ((column, old), new) in differing() {
        let (old, new) = (shown(old), shown(new));
        let same = old.chars().zip(new.chars()).take_while(|(a, b)| a == b);
        let from = same.count().saturating_sub(LEAD_CHARS);
        text.push_str(&format!(
            "      {:width$}  {} → {}\n",
            column.name,
            styled(BAD, cut(&old, from)),
            styled(GOOD, cut(&new, from)),
        ));
    }
    text
}

/// A value on one line, with whatever could drive a terminal escaped.
fn shown(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Text(text) => format!("{text:?}"),
        Value::Texts(texts) => format!("{texts:?}"),
        other => other.to_string(),
    }
}

/// A long text without what stands before `from` and far behind it; a short one as it is.
fn cut(text: &str, from: usize) -> String {
    let length = text.chars().count();
    if length <= SHOWN_CHARS_MAX {
        return text.to_owned();
    }
    let part: String = text.chars().skip(from).take(SHOWN_CHARS_MAX).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if from + SHOWN_CHARS_MAX < length {
        "…"
    } else {
        ""
    };
    format!("{before}{part}{after} ({length} characters)")
}

fn json(changes: &[Change]) -> Json {
    let Tally {
        added,
        missing,
        changed,
    } = Tally::of(changes);
    let rows: Vec<Json> = changes.iter().map(json_row).collect();
    json!({"added": added, "missing": missing, "changed": changed, "rows": rows})
}

fn json_row(change: &Change) -> Json {
    let (before, after) = (change.before(), change.after());
    let columns: Vec<&str> = match (before, after) {
        (Some(before), Some(after)) => {
            let cells = before.cells().zip(after.values());
            let differing = cells.filter(|((_, old), new)| old != new);
            differing.map(|((column, _), _)| column.name).collect()
        }
        _ => Vec::new(),
    };
    json!({
        "entity": change.entity().name(),
        "id": change.id().to_string(),
        "columns": columns,
        "before": before.map(Row::to_json),
        "after": after.map(Row::to_json),
    })
}
