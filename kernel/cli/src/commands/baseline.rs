//! `proctor baseline`: a list of agents examined on one suite, and the comparison.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use proctor_episode::{Suite, SuiteFiles};
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
    let filters = if options.filter.is_empty() {
        &baseline.filter
    } else {
        &options.filter
    };
    let sitting = Sitting::of(
        name.unwrap_or("crm-core"),
        filters,
        options.limit.or(baseline.limit),
        options.trials.or(baseline.trials),
        options.seed.or(baseline.seed),
    )?;
    if options.spending.dry_run {
        return dry_run(options, &offer, &agents, &sitting);
    }
    let source = Source::of(&options.store, options.isolation, &sitting.suite.data)?;
    let cassettes = options.cassettes.clone();
    let stopped = sitting.examine_all(&Agents {
        offer: &offer,
        agents: &agents,
        cassettes: &cassettes.unwrap_or_else(|| options.out.join("cassettes")),
        mode: options.mode,
        source: &source,
        out: &options.out,
        resume: options.resume,
        jobs: jobs(options.jobs),
    })?;
    show(options, &sitting.suite, &agents)?;
    match stopped {
        Some(finish) => broken_off(&finish),
        None => Ok(ExitCode::SUCCESS),
    }
}

/// What each of several agents sits.
pub struct Sitting {
    pub suite: Arc<Suite>,
    files: SuiteFiles,
    name: String,
    filters: Vec<String>,
    limit: Option<usize>,
    tasks: Vec<usize>,
    trials: u32,
    seed: u64,
}

/// Who sits it, and how.
pub struct Agents<'a> {
    pub offer: &'a Offer,
    pub agents: &'a [Agent],
    /// Folder with a cassette an agent.
    pub cassettes: &'a Path,
    pub mode: Option<Mode>,
    pub source: &'a Source,
    /// Folder for the runs, one folder an agent.
    pub out: &'a Path,
    pub resume: bool,
    pub jobs: usize,
}

impl Sitting {
    /// Some tasks of a suite, one trial with seed 1 if nothing else is said.
    pub fn of(
        suite: &str,
        filters: &[String],
        limit: Option<usize>,
        trials: Option<u32>,
        seed: Option<u64>,
    ) -> Result<Self, Failure> {
        let compiled = Arc::new(seeds::suite(suite)?);
        Ok(Self {
            files: seeds::suite_files(suite)?,
            tasks: select(&compiled, filters, limit)?,
            suite: compiled,
            name: suite.to_owned(),
            filters: filters.to_vec(),
            limit,
            trials: trials.unwrap_or(1),
            seed: seed.unwrap_or(1),
        })
    }

    /// Examines agents one after the other; gives the run that stopped before its end, if one
    /// did.
    pub fn examine_all(&self, all: &Agents<'_>) -> Result<Option<Finish>, Failure> {
        let host = examiners::host()?;
        let mut spent = Spent::default();
        for agent in all.agents {
            terminal::note(format!("agent: {}", agent.name));
            let folder = all.out.join(&agent.name);
            let mut asked = request(all.offer, agent, all.mode, all.cassettes);
            asked.spent = spent;
            let finish = examine(
                &host,
                &Request {
                    command: self.command(agent),
                    options: with_parameters(self.options(), &agent.parameters),
                    files: &self.files,
                    seats: &Seats::named(&agent.policy, &[], &asked, None)?,
                    suite: Arc::clone(&self.suite),
                    tasks: self.tasks.clone(),
                    out: Some(&folder),
                    // An agent whose turn had not come has no folder yet.
                    resume: all.resume && folder.exists(),
                    trials: self.trials,
                    seed: self.seed,
                    jobs: all.jobs,
                    parameters: agent.parameters.clone().into_iter().collect(),
                    source: all.source,
                    asked: &asked,
                },
            )?;
            if !asked.models().is_empty() {
                spent = finish.spent;
            }
            if finish.budget_stop.is_some() || !finish.complete {
                return Ok(Some(finish));
            }
        }
        Ok(None)
    }

    /// What of the command the results depend on, but for files and who is examined.
    fn options(&self) -> Vec<String> {
        let mut words = Vec::new();
        let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
        add("--trials", self.trials.to_string());
        add("--seed", self.seed.to_string());
        for filter in &self.filters {
            add("--filter", filter.clone());
        }
        if let Some(limit) = self.limit {
            add("--limit", limit.to_string());
        }
        words
    }

    fn command(&self, agent: &Agent) -> String {
        let suite = Path::new(&self.name).file_name().unwrap_or_default();
        let suite = suite.to_string_lossy();
        let options = self.options();
        let words = [
            "proctor",
            "baseline",
            "--agent",
            &agent.name,
            "--suite",
            &suite,
        ];
        inputs::command(words.into_iter().chain(options.iter().map(String::as_str)))
    }
}

fn with_parameters(mut options: Vec<String>, all: &BTreeMap<String, String>) -> Vec<String> {
    for (name, value) in all {
        options.extend(["--param".to_owned(), format!("{name}={value}")]);
    }
    options
}

/// The agents that were asked for, in the order of the file.
pub fn chosen(baseline: &Baseline, names: &[String]) -> Result<Vec<Agent>, Failure> {
    let known: Vec<&str> = baseline
        .agents
        .iter()
        .map(|agent| agent.name.as_str())
        .collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(
            Failure::input(format!("the models file has no agent {unknown}"))
                .hint(format!("its agents: {}", known.join(", "))),
        );
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
    sitting: &Sitting,
) -> Result<ExitCode, Failure> {
    let (tasks, trials) = (&sitting.tasks, sitting.trials);
    let mut estimates = Vec::new();
    for agent in agents {
        let asked = request(offer, agent, Some(Mode::Live), &options.out);
        let of = estimate::of(&sitting.suite, tasks, trials, &agent.policy, &asked)?;
        estimates.push((agent.name.clone(), of));
    }
    if options.json {
        let all: BTreeMap<_, _> = estimates.into_iter().collect();
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
