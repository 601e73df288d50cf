//! `proctor db doctor`: what is wrong with a database, and what to do about it.

use std::io::Write;
use std::process::ExitCode;

use proctor_store::{Finding, Postgres, Sqlite};
use serde_json::{Value as Json, json};

use super::place::Place;
use super::{print_json, visible};
use crate::exit::{Exit, Failure};
use crate::terminal::{BAD, GOOD, styled};

pub fn run(place: &Place, as_json: bool) -> Result<ExitCode, Failure> {
    let findings = match place {
        Place::File(path) => Sqlite::examine(path),
        Place::Server(address) => Postgres::examine(address),
    };
    if as_json {
        let list: Vec<Json> = findings.iter().map(json).collect();
        print_json(&list.into())?;
    } else {
        print(&findings)?;
    }
    Ok(if findings.iter().all(|finding| finding.result.is_ok()) {
        ExitCode::SUCCESS
    } else {
        Exit::Findings.into()
    })
}

fn print(findings: &[Finding]) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    let width = findings.iter().map(|finding| finding.check.len()).max();
    let width = width.unwrap_or_default();
    for Finding { check, result } in findings {
        let (style, mark, text) = match result {
            Ok(seen) => (GOOD, "✓", seen),
            Err(wrong) => (BAD, "✗", wrong),
        };
        let mark = styled(style, mark);
        writeln!(out, "{mark} {check:width$}  {}", visible(text))?;
    }
    Ok(())
}

fn json(finding: &Finding) -> Json {
    let (Ok(text) | Err(text)) = &finding.result;
    json!({"check": finding.check, "sound": finding.result.is_ok(), "text": text})
}
