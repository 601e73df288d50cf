//! `proctor baseline`: a list of agents examined on one suite, and the comparison.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use proctor_episode::Suite;
use proctor_model::{Agent, Baseline, Spent};
use proctor_report::{AgentRun, Comparison};

use super::run::jobs;
use super::select::select;
use super::{comparison, estimate};
use crate::args::{BaselineOptions, Mode};
use crate::examiners::{self, Seats};
use crate::examining::{Finish, Request, examine};
use crate::exit::{Exit, Failure};
use crate::inputs;
use crate::models::{JudgeRequest, ModelRequest, Offer};
use crate::seeds;
use crate::terminal;
use crate::workers::Source;

pub fn run(options: &BaselineOptions) -> Result<ExitCode, Failure> {
    let (offer, baseline) = Offer::of(&options.spending)?;
    let agents = chosen(&baseline, &options.agent)?;
    let name = options.suite.as_deref().or(baseline.suite.as_deref());
    let name = name.unwrap_or("crm-core");
    let suite = Arc::new(seeds::suite(name)?);
    let files = seeds::suite_files(name)?;
    let filters = if options.filter.is_empty() {
        &baseline.filter
    } else {
        &options.filter
    };
    let tasks = select(&suite, filters, options.limit.or(baseline.limit))?;
    let trials = options.trials.or(baseline.trials).unwrap_or(1);
    if options.spending.dry_run {
        return dry_run(options, &offer, &agents, &suite, &tasks, trials);
    }
    let host = examiners::host()?;
    let source = Source::of(&options.store, options.isolation, &suite.data)?;
    let cassettes = options
        .cassettes
        .clone()
        .unwrap_or_else(|| options.out.join("cassettes"));
    let mut spent = Spent::default();
    let mut stopped = None;
    for agent in &agents {
        terminal::note(format!("agent: {}", agent.name));
        let folder = options.out.join(&agent.name);
        let mut asked = request(&offer, agent, options.mode, &cassettes);
        asked.spent = spent;
        let finish = examine(
            &host,
            &Request {
                command: inputs::command(["proctor", "baseline", "--agent", &agent.name]),
                files: &files,
                seats: &Seats::named(&agent.policy, &[], &asked, None)?,
                suite: Arc::clone(&suite),
                tasks: tasks.clone(),
                out: Some(&folder),
                // An agent whose turn had not come has no folder yet.
                resume: options.resume && folder.exists(),
                trials,
                seed: options.seed.or(baseline.seed).unwrap_or(1),
                jobs: jobs(options.jobs),
                parameters: agent.parameters.clone().into_iter().collect(),
                source: &source,
                asked: &asked,
            },
        )?;
        if !asked.models().is_empty() {
            spent = finish.spent;
        }
        if finish.budget_stop.is_some() || !finish.complete {
            stopped = Some(finish);
            break;
        }
    }
    show(options, &suite, &agents)?;
    match stopped {
        Some(finish) => broken_off(&finish),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// The agents that were asked for, in the order of the file.
fn chosen(baseline: &Baseline, names: &[String]) -> Result<Vec<Agent>, Failure> {
    let known: Vec<&str> = baseline
        .agents
        .iter()
        .map(|agent| agent.name.as_str())
        .collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(Failure::input(format!(
            "--agent {unknown}: the models file has no such agent"
        ))
        .hint(format!("its agents: {}", known.join(", "))));
    }
    let wanted = |agent: &&Agent| names.is_empty() || names.contains(&agent.name);
    let agents: Vec<Agent> = baseline.agents.iter().filter(wanted).cloned().collect();
    if agents.is_empty() {
        return Err(Failure::input("the models file lists no [[agent]]"));
    }
    Ok(agents)
}

fn request(offer: &Offer, agent: &Agent, mode: Option<Mode>, cassettes: &Path) -> ModelRequest {
    let judges = agent.judge.iter().map(|judge| JudgeRequest {
        name: judge.name.clone(),
        model: Some(judge.model.clone()),
    });
    let judges: Vec<JudgeRequest> = judges.collect();
    let asks = agent.model.is_some() || !judges.is_empty();
    let cassette: Option<PathBuf> = (asks && mode != Some(Mode::Live))
        .then(|| cassettes.join(format!("{}.cassette", agent.name)));
    ModelRequest {
        offer: offer.clone(),
        model: agent.model.clone(),
        judges,
        prompts: Vec::new(),
        cassette,
        mode,
        spent: Spent::default(),
    }
}

fn dry_run(
    options: &BaselineOptions,
    offer: &Offer,
    agents: &[Agent],
    suite: &Suite,
    tasks: &[usize],
    trials: u32,
) -> Result<ExitCode, Failure> {
    let mut estimates = Vec::new();
    for agent in agents {
        let asked = request(offer, agent, Some(Mode::Live), &options.out);
        let of = estimate::of(suite, tasks, trials, &agent.policy, &asked)?;
        estimates.push((agent.name.clone(), of));
    }
    if options.json {
        let all: std::collections::BTreeMap<_, _> = estimates.into_iter().collect();
        let text = serde_json::to_string_pretty(&all).map_err(Failure::input)?;
        writeln!(std::io::stdout(), "{text}")?;
    } else {
        estimate::print(tasks.len() as u64 * u64::from(trials), &estimates)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The comparison of what is on record, complete or not.
fn show(options: &BaselineOptions, suite: &Suite, agents: &[Agent]) -> Result<(), Failure> {
    let mut runs = Vec::new();
    for agent in agents {
        let folder = options.out.join(&agent.name);
        if folder.exists() {
            runs.push(AgentRun::read(&agent.name, &folder).map_err(Failure::input)?);
        }
    }
    let comparison = Comparison::of(suite, &runs).map_err(Failure::input)?;
    if options.json {
        let text = serde_json::to_string_pretty(&comparison).map_err(Failure::input)?;
        writeln!(std::io::stdout(), "{text}")?;
        return Ok(());
    }
    comparison::print(&comparison)
}

fn broken_off(finish: &Finish) -> Result<ExitCode, Failure> {
    match &finish.budget_stop {
        Some(reason) => {
            terminal::note(format!("stopped: {reason} (--resume)"));
            Ok(Exit::Unscored.into())
        }
        None => {
            terminal::note("interrupted: --resume goes on with the baseline");
            Ok(Exit::Interrupted.into())
        }
    }
}
