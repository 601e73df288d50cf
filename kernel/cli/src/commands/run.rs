//! `proctor run`: examines an agent on a suite.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::available_parallelism;

use proctor_episode::{
    Examination, Finished, Outcome, Recorded, RunHeader, Split, Stores, Suite, Summary,
    TELEMETRY_VERSION, Tally, Task, TelemetryError, TelemetryWriter, parse_script,
};
use proctor_host::{Digest, Host, Policy, Verifier};

use super::summary;
use crate::args::RunOptions;
use crate::examiners::{self, Verifiers};
use crate::exit::{Exit, Failure};
use crate::seeds;
use crate::terminal;
use crate::workers::Source;

/// What was asked for, in the terms of the kernel.
pub struct Request<'a> {
    pub suite: Arc<Suite>,
    pub tasks: Vec<usize>,
    pub policy: &'a str,
    pub verifiers: &'a [std::path::PathBuf],
    pub out: Option<&'a Path>,
    pub resume: bool,
    pub trials: u32,
    pub seed: u64,
    pub jobs: usize,
    pub parameters: Vec<(String, String)>,
    pub script: Option<String>,
    pub source: &'a Source,
}

/// A run that is over.
pub struct Finish {
    pub summary: Summary,
    /// Whether every episode is done.
    pub complete: bool,
    /// Whether the policy is marked as simulated.
    pub simulated: bool,
}

pub fn run(options: &RunOptions) -> Result<ExitCode, Failure> {
    let suite = Arc::new(seeds::suite(&options.suite)?);
    let tasks = select(&suite, &options.filter, options.limit)?;
    let script = match &options.script {
        Some(path) => Some(read_script(path)?),
        None => None,
    };
    let request = Request {
        tasks,
        policy: &options.policy,
        verifiers: &options.verifier,
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
        script,
        source: &Source::of(&options.store, options.isolation, &suite.data)?,
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

/// Number of workers: as asked for, or one a core.
pub fn jobs(asked: Option<u32>) -> usize {
    match asked {
        Some(jobs) => jobs as usize,
        None => available_parallelism().map_or(1, std::num::NonZero::get),
    }
}

fn code(finish: &Finish) -> ExitCode {
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

fn parameter(text: &str) -> Result<(String, String), Failure> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| Failure::input(format!("--param {text}: expected NAME=VALUE")))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Indices of the tasks that all filters let through.
pub fn select(
    suite: &Suite,
    filters: &[String],
    limit: Option<usize>,
) -> Result<Vec<usize>, Failure> {
    let filters = filters
        .iter()
        .map(|text| Filter::parse(suite, text))
        .collect::<Result<Vec<_>, _>>()?;
    let tasks: Vec<usize> = suite
        .tasks
        .iter()
        .enumerate()
        .filter(|(_, task)| filters.iter().all(|filter| filter.lets_through(task)))
        .map(|(at, _)| at)
        .take(limit.unwrap_or(usize::MAX))
        .collect();
    if tasks.is_empty() {
        return Err(
            Failure::input("no task is left: the filters let none through")
                .hint("`proctor suite show` lists the tasks with their kinds and splits"),
        );
    }
    Ok(tasks)
}

enum Filter {
    Text(String),
    Kind(String),
    Split(Split),
    Negative(String),
}

impl Filter {
    fn parse(suite: &Suite, text: &str) -> Result<Self, Failure> {
        match text.split_once('=') {
            None => Ok(Self::Text(text.to_owned())),
            Some(("kind", kind)) => {
                if suite.tasks.iter().any(|task| task.kind == kind) {
                    return Ok(Self::Kind(kind.to_owned()));
                }
                Err(Failure::input(format!(
                    "--filter {text}: no task is of this kind"
                )))
            }
            Some(("negative", kind)) => Ok(Self::Negative(kind.to_owned())),
            Some(("split", name)) => [Split::Train, Split::Eval, Split::Holdout]
                .into_iter()
                .find(|split| split.name() == name)
                .map(Self::Split)
                .ok_or_else(|| {
                    Failure::input(format!("--filter {text}: splits are train, eval, holdout"))
                }),
            Some((key, _)) => Err(Failure::input(format!(
                "--filter {text}: no filter `{key}`; they are kind, split, negative"
            ))),
        }
    }

    fn lets_through(&self, task: &Task) -> bool {
        match self {
            Self::Text(text) => task.id.contains(text),
            Self::Kind(kind) => task.kind == *kind,
            Self::Split(split) => task.split == *split,
            Self::Negative(kind) => task.negative.as_ref() == Some(kind),
        }
    }
}

/// Set by Ctrl-C. One a process: the signal is, too.
static STOP: AtomicBool = AtomicBool::new(false);

fn watch_for_interrupts() {
    let watched = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            // Asked twice: whoever waits no longer may lose the episodes under way, no others.
            std::process::exit(Exit::Interrupted as i32);
        }
    });
    // Fails only when a second handler is set, which a process that runs several suites does.
    drop(watched);
}

/// Runs a suite.
pub fn examine(host: &Host, request: &Request<'_>) -> Result<Finish, Failure> {
    let policy = examiners::policy(host, request.policy)?;
    let verifiers = Verifiers::load(host, request.verifiers)?;
    let script = match &request.script {
        Some(text) => {
            parse_script(text).map_err(|error| Failure::input(format!("--script: {error}")))?
        }
        None => Vec::new(),
    };
    let header = header(host, request, &policy, &verifiers)?;
    let simulated = header.policy.simulated;
    let examination = Examination {
        suite: Arc::clone(&request.suite),
        tasks: request.tasks.clone(),
        trials: request.trials,
        seed: request.seed,
        policy: &policy,
        verifiers: verifiers.every_episode(),
        refusal: Some(&verifiers.refusal),
        answer: Some(&verifiers.answer),
        parameters: request.parameters.clone(),
        script: script.into(),
    };
    let mut sink = Sink::open(request, &header)?;
    let recorded: Vec<bool> = (0..examination.len())
        .map(|index| sink.has(index))
        .collect();
    watch_for_interrupts();
    let bar = terminal::progress(examination.len(), "episodes");
    bar.set_position(recorded.iter().filter(|done| **done).count() as u64);
    let result = examination.run(
        request.jobs,
        &Stores::new(&|| request.source.open()),
        &|index| !recorded.get(index).copied().unwrap_or(true),
        &STOP,
        &mut |finished| {
            bar.inc(1);
            sink.record(&finished)
        },
    );
    bar.finish_and_clear();
    let complete = sink.finish(examination.len())?;
    result.map_err(|error| {
        Failure::input(error).hint("what is finished is kept: --resume goes on with the run")
    })?;
    Ok(Finish {
        summary: Summary::of(&request.suite, sink.tally()),
        complete,
        simulated,
    })
}

fn header(
    host: &Host,
    request: &Request<'_>,
    policy: &Policy,
    verifiers: &Verifiers,
) -> Result<RunHeader, Failure> {
    let suite = &request.suite;
    let described = policy.describe().map_err(Failure::input)?;
    let pin =
        |name: &str, digest: Digest, version: String, simulated: bool| proctor_episode::PluginPin {
            digest: digest.to_string(),
            name: name.into(),
            simulated,
            version,
        };
    let verifier_pin = |verifier: &Verifier| {
        let described = verifier.describe().map_err(Failure::input)?;
        Ok::<_, Failure>(pin(
            &verifier.name,
            verifier.digest,
            described.version,
            described.simulated,
        ))
    };
    Ok(RunHeader {
        agent: described.name.clone(),
        data_fingerprint: suite.data.fingerprint().to_string(),
        episodes: (request.tasks.len() * request.trials as usize) as u64,
        limits: host.limits().into(),
        parameters: request
            .parameters
            .iter()
            .cloned()
            .collect::<BTreeMap<_, _>>(),
        policy: pin(
            &policy.name,
            policy.digest,
            described.version,
            described.simulated,
        ),
        proctor: env!("CARGO_PKG_VERSION").into(),
        schema_version: TELEMETRY_VERSION,
        script_digest: request
            .script
            .as_ref()
            .map(|text| Digest::of(text.as_bytes()).to_string()),
        seed: request.seed,
        suite: suite.name.clone(),
        suite_digest: suite.digest.to_string(),
        suite_version: suite.version,
        tasks: request
            .tasks
            .iter()
            .filter_map(|at| suite.tasks.get(*at))
            .map(|task| task.id.clone())
            .collect(),
        trials: request.trials,
        verifiers: verifiers
            .all()
            .map(verifier_pin)
            .collect::<Result<_, _>>()?,
    })
}

/// Where finished episodes go: into telemetry, or only into the summary.
enum Sink {
    Telemetry(Box<TelemetryWriter>),
    Summary {
        suite: Arc<Suite>,
        tally: Tally,
        count: usize,
        early: BTreeMap<usize, Recorded>,
    },
}

impl Sink {
    fn open(request: &Request<'_>, header: &RunHeader) -> Result<Self, Failure> {
        let suite = Arc::clone(&request.suite);
        Ok(match request.out {
            None => Self::Summary {
                suite,
                tally: Tally::default(),
                count: 0,
                early: BTreeMap::new(),
            },
            Some(folder) if request.resume => {
                Self::Telemetry(Box::new(TelemetryWriter::resume(folder, header, suite)?))
            }
            Some(folder) => {
                let writer =
                    TelemetryWriter::create(folder, header, &request.source.backend(), suite)?;
                Self::Telemetry(Box::new(writer))
            }
        })
    }

    fn has(&self, index: usize) -> bool {
        match self {
            Self::Telemetry(writer) => writer.has(index),
            Self::Summary { .. } => false,
        }
    }

    fn record(&mut self, finished: &Finished) -> Result<(), TelemetryError> {
        match self {
            Self::Telemetry(writer) => writer.record(finished),
            Self::Summary {
                suite,
                tally,
                count,
                early,
            } => {
                if let Some(task) = suite.tasks.get(finished.record.task) {
                    early.insert(
                        finished.index,
                        Recorded {
                            task: task.id.clone(),
                            outcome: finished.record.outcome,
                            reward: finished.record.reward,
                        },
                    );
                }
                while let Some(recorded) = early.remove(count) {
                    tally.add(&recorded);
                    *count += 1;
                }
                Ok(())
            }
        }
    }

    fn finish(&mut self, total: usize) -> Result<bool, Failure> {
        match self {
            Self::Telemetry(writer) => Ok(writer.finish()?),
            Self::Summary { count, .. } => Ok(*count == total),
        }
    }

    fn tally(&self) -> &Tally {
        match self {
            Self::Telemetry(writer) => writer.tally(),
            Self::Summary { tally, .. } => tally,
        }
    }
}

/// Number of episodes with an outcome.
pub fn count(outcomes: &BTreeMap<Outcome, u64>, outcome: Outcome) -> u64 {
    outcomes.get(&outcome).copied().unwrap_or(0)
}
