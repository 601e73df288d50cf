//! `proctor run`: examines an agent on a suite.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::available_parallelism;

use super::select::select;
use super::{estimate, summary};
use crate::args::RunOptions;
use crate::examiners::{self, Seats};
use crate::examining::{Finish, Request, examine};
use crate::exit::{Exit, Failure};
use crate::inputs;
use crate::models::ModelRequest;
use crate::seeds;
use crate::workers::Source;

pub fn run(options: &RunOptions) -> Result<ExitCode, Failure> {
    let suite = Arc::new(seeds::suite(&options.suite)?);
    let files = seeds::suite_files(&options.suite)?;
    let tasks = select(&suite, &options.filter, options.limit)?;
    let tasks = match options.shard {
        Some(shard) => shard.of(&tasks)?,
        None => tasks,
    };
    let script = match &options.script {
        Some(path) => Some(read_script(path)?),
        None => None,
    };
    let asked = ModelRequest::of(&options.models)?;
    if options.models.spending.dry_run {
        return estimate::run(
            &suite,
            &tasks,
            options.trials,
            &options.policy,
            &asked,
            options.json,
        );
    }
    let request = Request {
        command: command(options),
        options: plain_options(options),
        files: &files,
        seats: &Seats::named(&options.policy, &options.verifier, &asked, script)?,
        tasks,
        out: options.out.as_deref(),
        resume: options.resume,
        trials: options.trials,
        seed: options.seed,
        jobs: jobs(options.jobs),
        parameters: options
            .parameters
            .iter()
            .map(|text| parameter(text))
            .collect::<Result<_, _>>()?,
        source: &Source::of(&options.store, options.isolation, &suite.data)?,
        asked: &asked,
        suite: Arc::clone(&suite),
    };
    let finish = examine(&examiners::host()?, &request)?;
    if options.json {
        writeln!(std::io::stdout(), "{}", summary::json(&finish)?)?;
    } else {
        summary::print(&suite, &options.policy, &finish)?;
    }
    Ok(code(&finish))
}

/// Options that results depend on and that name no file.
fn plain_options(options: &RunOptions) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    add("--trials", options.trials.to_string());
    add("--seed", options.seed.to_string());
    if let Some(limit) = options.limit {
        add("--limit", limit.to_string());
    }
    if let Some(shard) = options.shard {
        add("--shard", shard.to_string());
    }
    for filter in &options.filter {
        add("--filter", filter.clone());
    }
    for parameter in &options.parameters {
        add("--param", parameter.clone());
    }
    words
}

/// The command, with what its results depend on; of files, their names.
fn command(options: &RunOptions) -> String {
    let name = |path: &Path| {
        path.file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    };
    let file_name = |text: &str| name(Path::new(text));
    let mut words: Vec<String> = vec!["proctor".into(), "run".into()];
    let mut add = |option: &str, value: String| words.extend([option.to_owned(), value]);
    add("--suite", file_name(&options.suite));
    add("--policy", file_name(&options.policy));
    for path in &options.verifier {
        add("--verifier", name(path));
    }
    if let Some(path) = &options.script {
        add("--script", name(path));
    }
    let models = &options.models;
    for (option, model) in [
        ("--model", &models.model),
        ("--judge-model", &models.judge_model),
    ] {
        if let Some(model) = model {
            add(option, model.clone());
        }
    }
    for judge in &models.judge {
        add("--judge", file_name(judge));
    }
    for prompt in &models.prompts {
        let (place, file) = prompt.split_once('=').unwrap_or((prompt, ""));
        add("--prompt", format!("{place}={}", file_name(file)));
    }
    let spending = &models.spending;
    for (option, path) in [
        ("--models", &spending.models),
        ("--prices", &spending.prices),
        ("--cassette", &models.cassette),
    ] {
        if let Some(path) = path {
            add(option, name(path));
        }
    }
    words.extend(plain_options(options));
    inputs::command(words.iter().map(String::as_str))
}

/// Number of workers: as asked for, or one a core.
pub fn jobs(asked: Option<u32>) -> usize {
    match asked {
        Some(jobs) => jobs as usize,
        None => available_parallelism().map_or(1, std::num::NonZero::get),
    }
}

pub fn code(finish: &Finish) -> ExitCode {
    if finish.budget_stop.is_some() {
        return Exit::Unscored.into();
    }
    if !finish.complete {
        return Exit::Interrupted.into();
    }
    let unscored = finish
        .summary
        .all
        .outcomes
        .keys()
        .any(|outcome| !outcome.is_scored());
    if unscored {
        Exit::Unscored.into()
    } else {
        ExitCode::SUCCESS
    }
}

fn read_script(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path)
        .map_err(|error| Failure::input(format!("{}: {error}", path.display())))
}

pub fn parameter(text: &str) -> Result<(String, String), Failure> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| Failure::input(format!("--param {text}: expected NAME=VALUE")))?;
    Ok((name.to_owned(), value.to_owned()))
}
