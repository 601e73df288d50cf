//! `proctor bundle run`: another agent on a bundle's suite, marked by the bundle's verifiers.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use proctor_report::{AgentRun, Comparison};

use super::opening::{self, Opened};
use super::{replay, tables, verify};
use crate::args::BundleRunOptions;
use crate::commands::comparison;
use crate::commands::run::{code, jobs, parameter};
use crate::examiners::{self, Seats};
use crate::examining::{Request, examine};
use crate::exit::Failure;
use crate::inputs;
use crate::models::ModelRequest;
use crate::terminal;
use crate::workers::Source;

pub fn run(options: &BundleRunOptions) -> Result<ExitCode, Failure> {
    let Opened { bundle, trust } = opening::open(&options.open)?;
    verify::whole(&bundle, trust.as_ref())?;
    let runs = &bundle.manifest().runs;
    let like = match &options.like {
        Some(name) => bundle.run(name).map_err(Failure::input)?,
        None => runs
            .first()
            .ok_or_else(|| Failure::input("the bundle has no run to take the tasks of"))?,
    };
    let sealed = opening::suite(&bundle, like)?;
    let asked = ModelRequest::of(&options.models)?;
    let own = Seats::named(&options.policy, &[], &asked, None)?;
    let seats = Seats {
        verifiers: opening::seats(&bundle, like)?.verifiers,
        ..own
    };
    let parameters = options.parameters.iter().map(|text| parameter(text));
    let start = match bundle.can_read(&like.telemetry) {
        true => Some(replay::start(&bundle, like)?),
        false => {
            terminal::note(format!(
                "the telemetry of {} is encrypted: all tasks are taken, once each, with seed 1",
                like.name
            ));
            None
        }
    };
    let tasks = match &start {
        Some(start) => start.tasks(&sealed.suite)?,
        None => (0..sealed.suite.tasks.len()).collect(),
    };
    let number = |field: &str| start.as_ref().map_or(Ok(1), |start| start.number(field));
    let kept = tempfile::tempdir()
        .map_err(|error| Failure::input(format!("no temporary folder: {error}")))?;
    let out = options
        .out
        .clone()
        .unwrap_or_else(|| kept.path().join("run"));
    let name = bundle.manifest().name.clone();
    let finish = examine(
        &examiners::host()?,
        &Request {
            command: inputs::command([
                "proctor",
                "bundle",
                "run",
                &name,
                "--policy",
                &seats.policy.name,
            ]),
            options: like_options(&like.inputs.options, &options.parameters),
            suite: sealed.suite.clone(),
            files: &sealed.files,
            tasks,
            seats: &seats,
            out: Some(&out),
            resume: options.resume,
            trials: u32::try_from(number("trials")?).unwrap_or(1),
            seed: number("seed")?,
            jobs: jobs(options.jobs),
            parameters: parameters.collect::<Result<_, _>>()?,
            source: &Source::of(&options.store, None, &sealed.suite.data)?,
            asked: &asked,
        },
    )?;
    let mut agents = Vec::new();
    for other in runs
        .iter()
        .filter(|run| run.inputs.suite == like.inputs.suite)
    {
        if bundle.can_read(&other.telemetry) {
            let telemetry = bundle.reader(&other.telemetry).map_err(Failure::input)?;
            agents.push(tables::agent(&other.name, telemetry)?);
        }
    }
    agents.push(examined(
        &seats.policy.name,
        &agents,
        &out.join("telemetry.jsonl"),
    )?);
    let compared = Comparison::of(&sealed.suite, &agents).map_err(Failure::input)?;
    if options.json {
        let text = serde_json::to_string_pretty(&compared).map_err(Failure::input)?;
        writeln!(std::io::stdout(), "{text}")?;
    } else {
        comparison::print(&compared)?;
    }
    Ok(code(&finish))
}

/// The options of the run whose tasks are taken, with other parameters. Nothing where that run
/// isn't one command's.
fn like_options(like: &[String], parameters: &[String]) -> Vec<String> {
    let mut kept = inputs::without(like, "--param");
    if !kept.is_empty() {
        for parameter in parameters {
            kept.extend(["--param".to_owned(), parameter.clone()]);
        }
    }
    kept
}

/// The new run, under a name that none of the sealed ones has.
fn examined(policy: &str, others: &[AgentRun], telemetry: &PathBuf) -> Result<AgentRun, Failure> {
    let taken = |name: &str| others.iter().any(|other| other.name() == name);
    let name = match taken(policy) {
        true => format!("{policy} (now)"),
        false => policy.to_owned(),
    };
    tables::agent(&name, File::open(telemetry)?)
}
