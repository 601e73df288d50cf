//! `proctor suite`: look into suites and prove their tasks.

use std::io::Write;
use std::process::ExitCode;

use proctor_episode::{Suite, Task};
use proctor_host::{ScriptedTurn, WireAction};
use serde_json::json;

use crate::args::SuiteCommand;
use crate::exit::Failure;
use crate::seeds;
use crate::terminal::{BOLD, DIM, styled, table, table_text};

pub fn run(command: &SuiteCommand) -> Result<ExitCode, Failure> {
    match command {
        SuiteCommand::List { json } => list(*json),
        SuiteCommand::Show {
            suite,
            task: None,
            json,
        } => show(&seeds::suite(suite)?, *json),
        SuiteCommand::Show {
            suite,
            task: Some(id),
            json,
        } => {
            let suite = seeds::suite(suite)?;
            let task = suite.task(id).ok_or_else(|| {
                Failure::input(format!("the suite {} has no task `{id}`", suite.name))
                    .hint(format!("`proctor suite show {}` lists them", suite.name))
            })?;
            show_task(task, *json)
        }
        SuiteCommand::Lint { suite, jobs, json } => super::lint::suite(suite, *jobs, *json),
        SuiteCommand::Import {
            format: _,
            file,
            json,
        } => super::lint::clbench(file, *json),
    }
}

fn list(as_json: bool) -> Result<ExitCode, Failure> {
    let mut rows = table(&["suite", "version", "tasks", "what it examines"], &[1, 2]);
    let mut all = Vec::new();
    for name in seeds::suites() {
        let suite = seeds::suite(name)?;
        rows.add_row([
            suite.name.clone(),
            suite.version.to_string(),
            suite.tasks.len().to_string(),
            suite.description.clone(),
        ]);
        all.push(json!({
            "name": suite.name,
            "version": suite.version,
            "tasks": suite.tasks.len(),
            "digest": suite.digest,
            "description": suite.description,
        }));
    }
    let mut out = anstream::stdout();
    if as_json {
        writeln!(out, "{:#}", serde_json::Value::from(all))?;
    } else {
        write!(out, "{}", table_text(&rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(task: &Task) -> serde_json::Value {
    json!({
        "id": task.id,
        "kind": task.kind,
        "split": task.split,
        "negative": task.negative,
        "read_only": task.read_only,
        "turns": task.turns.iter().map(|turn| &turn.user).collect::<Vec<_>>(),
        "digest": task.digest,
        "source": task.source,
    })
}

fn show(suite: &Suite, as_json: bool) -> Result<ExitCode, Failure> {
    let mut out = anstream::stdout();
    if as_json {
        let tasks: Vec<_> = suite.tasks.iter().map(summary).collect();
        writeln!(out, "{:#}", serde_json::Value::from(tasks))?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{}  {}", styled(BOLD, &suite.name), suite.description)?;
    let mut rows = table(&["task", "kind", "split", "turns", "negative"], &[3]);
    for task in &suite.tasks {
        rows.add_row([
            task.id.clone(),
            task.kind.clone(),
            task.split.name().to_owned(),
            task.turns.len().to_string(),
            task.negative.clone().unwrap_or_default(),
        ]);
    }
    write!(out, "{}", table_text(&rows))?;
    let hint = format!(
        "{} tasks over {} rows, digest {}",
        suite.tasks.len(),
        suite.data.rows().len(),
        suite.digest
    );
    writeln!(out, "{}", styled(DIM, hint))?;
    Ok(ExitCode::SUCCESS)
}

fn show_task(task: &Task, as_json: bool) -> Result<ExitCode, Failure> {
    let mut out = anstream::stdout();
    if as_json {
        writeln!(out, "{:#}", summary(task))?;
        return Ok(ExitCode::SUCCESS);
    }
    let negative = task
        .negative
        .as_ref()
        .map(|kind| format!(", negative: {kind}"))
        .unwrap_or_default();
    writeln!(
        out,
        "{}  {}, {}{negative}",
        styled(BOLD, &task.id),
        task.kind,
        task.split.name()
    )?;
    writeln!(out, "{}", styled(DIM, &task.source))?;
    for (at, turn) in task.turns.iter().enumerate() {
        writeln!(out, "\nuser     {}", turn.user)?;
        match task.gold.oracle.get(at) {
            Some(oracle) => write!(out, "{}", oracle_text(oracle))?,
            None => writeln!(out, "oracle   sealed")?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn oracle_text(turn: &ScriptedTurn) -> String {
    let mut text = String::new();
    for scripted in &turn.calls {
        text.push_str(&format!(
            "oracle   {} {}\n",
            scripted.call.tool, scripted.call.arguments
        ));
    }
    match &turn.closing {
        WireAction::Answer(words) => text.push_str(&format!("answers  {words}\n")),
        WireAction::Decline(words) => text.push_str(&format!("declines {words}\n")),
        WireAction::Call(_) => {}
    }
    text
}
