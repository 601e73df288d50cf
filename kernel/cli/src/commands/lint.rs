//! `proctor suite lint` and `proctor suite import`: what is wrong with tasks.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use proctor_episode::{
    ClbenchReport, ClbenchRule, LintReport, LintTools, MutantTally, import_clbench, lint,
    lint_clbench,
};

use super::run::jobs as workers;
use crate::examiners::{self, Verifiers};
use crate::exit::{Exit, Failure};
use crate::seeds;
use crate::terminal::{BAD, BOLD, DIM, GOOD, progress, styled, table, table_text};

/// Proves every task of a suite.
pub fn suite(name: &str, jobs: Option<u32>, as_json: bool) -> Result<ExitCode, Failure> {
    let suite = Arc::new(seeds::suite(name)?);
    let host = examiners::host()?;
    let policy = |name: &str| examiners::policy(&host, name, false);
    let (oracle, noop, scripted) = (policy("oracle")?, policy("noop")?, policy("scripted")?);
    let verifiers = Verifiers::own(&host)?;
    let tools = LintTools {
        oracle: &oracle,
        noop: &noop,
        scripted: &scripted,
        end_state: &verifiers.end_state,
        refusal: &verifiers.refusal,
        answer: &verifiers.answer,
    };
    let bar = progress(suite.tasks.len(), "tasks");
    let report = lint(&suite, &tools, workers(jobs), &mut |done| {
        bar.set_position(done.done as u64);
    })
    .map_err(Failure::input)?;
    bar.finish_and_clear();
    let mut out = anstream::stdout();
    if as_json {
        let mut value = serde_json::to_value(&report).map_err(Failure::input)?;
        value["kill_rate"] = report.all_mutants().kill_rate().into();
        writeln!(out, "{value:#}")?;
    } else {
        print(&report)?;
    }
    Ok(if report.is_clean() {
        ExitCode::SUCCESS
    } else {
        Exit::Findings.into()
    })
}

fn print(report: &LintReport) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    for finding in &report.findings {
        writeln!(out, "{finding}")?;
    }
    let of = &report.statistics;
    writeln!(
        out,
        "{}  {} tasks ({} negative, {} multi-turn, {} read-only), {} turns, {} oracle calls",
        styled(BOLD, &report.suite),
        of.tasks,
        of.negative,
        of.multi_turn,
        of.read_only,
        of.turns,
        of.calls
    )?;
    let splits: Vec<String> = of
        .by_split
        .iter()
        .map(|(split, count)| format!("{count} {}", split.name()))
        .collect();
    let unused = if of.tools_unused.is_empty() {
        "every tool used".to_owned()
    } else {
        format!("tools not used: {}", of.tools_unused.join(", "))
    };
    writeln!(
        out,
        "{}; {} kinds; {unused}",
        splits.join(", "),
        of.by_kind.len()
    )?;
    let mut rows = table(
        &[
            "mutants",
            "played",
            "killed",
            "equivalent",
            "survived",
            "kill rate",
        ],
        &[1, 2, 3, 4, 5],
    );
    for (kind, tally) in &report.mutants {
        rows.add_row(mutants(kind, tally));
    }
    rows.add_row(mutants("all", &report.all_mutants()));
    write!(out, "{}", table_text(&rows))?;
    let mut reasons: Vec<(&str, usize)> = Vec::new();
    for equivalent in &report.equivalents {
        match reasons.iter_mut().find(|(why, _)| *why == equivalent.why) {
            Some((_, count)) => *count += 1,
            None => reasons.push((&equivalent.why, 1)),
        }
    }
    for (why, count) in reasons {
        writeln!(out, "{}", styled(DIM, format!("{count} equivalent: {why}")))?;
    }
    let style = if report.is_clean() { GOOD } else { BAD };
    writeln!(
        out,
        "{}",
        styled(style, format!("{} findings", report.findings.len()))
    )?;
    Ok(())
}

fn mutants(kind: &str, tally: &MutantTally) -> Vec<String> {
    vec![
        kind.to_owned(),
        tally.played.to_string(),
        tally.killed.to_string(),
        tally.equivalent.to_string(),
        tally.unproved.to_string(),
        tally
            .kill_rate()
            .map_or("–".into(), |rate| format!("{:.2} %", rate * 100.0)),
    ]
}

/// Reads the rival's evaluation set and reports what is wrong with it.
pub fn clbench(file: &Path, as_json: bool) -> Result<ExitCode, Failure> {
    let set = import_clbench(file)
        .map_err(|error| Failure::input(format!("{}: {error}", file.display())))?;
    let report = lint_clbench(&set);
    let mut out = anstream::stdout();
    if as_json {
        let value = serde_json::to_value(&report).map_err(Failure::input)?;
        writeln!(out, "{value:#}")?;
    } else {
        print_clbench(&report)?;
    }
    let sound = report.findings.is_empty();
    Ok(if sound {
        ExitCode::SUCCESS
    } else {
        Exit::Findings.into()
    })
}

fn print_clbench(report: &ClbenchReport) -> Result<(), Failure> {
    const SHOWN: usize = 3;
    let mut out = anstream::stdout();
    for rule in ClbenchRule::ALL {
        writeln!(out, "{}  {}", styled(BOLD, rule.name()), report.count(rule))?;
        for finding in report
            .findings
            .iter()
            .filter(|finding| finding.rule == rule)
            .take(SHOWN)
        {
            let turn = finding
                .turn
                .map(|turn| format!(", turn {turn}"))
                .unwrap_or_default();
            let place = format!("line {}{turn}", finding.line);
            writeln!(out, "  {place}: {}", finding.message)?;
        }
        if report.count(rule) > SHOWN {
            let more = format!(
                "  and {} more; --json lists all",
                report.count(rule) - SHOWN
            );
            writeln!(out, "{}", styled(DIM, more))?;
        }
    }
    writeln!(
        out,
        "{} conversations, {} turns; {} conversations with neither a placeholder nor an unstated value",
        report.conversations, report.turns, report.sound
    )?;
    Ok(())
}
