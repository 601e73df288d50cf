//! Examining an agent: from what was asked for to a run that is over.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proctor_episode::{
    AskedOnce, Asking, Backend, Examination, Finished, JudgeSeat, Outcome, PluginPin, Recorded,
    RunError, RunHeader, Stores, Suite, SuiteFiles, Summary, TELEMETRY_VERSION, Tally,
    TelemetryError, TelemetryWriter, parse_script,
};
use proctor_host::{Description, Digest, Fault, Host, Judge, Policy};
use proctor_model::Spent;

use crate::args::Mode;
use crate::examiners::{Linked, Seats, Verifiers};
use crate::exit::{Exit, Failure};
use crate::inputs;
use crate::models::ModelRequest;
use crate::terminal;
use crate::workers::Source;

/// What was asked for, in the terms of the kernel.
pub struct Request<'a> {
    /// The command that asks for it, without what its results don't depend on.
    pub command: String,
    /// Options of `proctor run` that results depend on and that name no file.
    pub options: Vec<String>,
    pub suite: Arc<Suite>,
    /// What the suite was compiled from.
    pub files: &'a SuiteFiles,
    pub tasks: Vec<usize>,
    pub seats: &'a Seats,
    pub out: Option<&'a Path>,
    pub resume: bool,
    pub trials: u32,
    pub seed: u64,
    pub jobs: usize,
    pub parameters: Vec<(String, String)>,
    pub source: &'a Source,
    /// Models that plugins may ask.
    pub asked: &'a ModelRequest,
}

/// What to do about a run that was broken off.
const KEPT: &str = "what is finished is kept: --resume goes on with the run";

/// A run that is over.
pub struct Finish {
    pub summary: Summary,
    /// Whether every episode is done.
    pub complete: bool,
    /// Whether the policy is marked as simulated.
    pub simulated: bool,
    /// Why the run stopped by itself before every episode was done: its budget is used up.
    pub budget_stop: Option<String>,
    /// What was spent, with what was spent before the run was resumed.
    pub spent: Spent,
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
    let (asked, seats) = (request.asked, request.seats);
    let Linked {
        policy,
        verifiers,
        judges,
    } = seats.link(host, asked)?;
    let script = match &seats.script {
        Some(text) => {
            parse_script(text).map_err(|error| Failure::input(format!("--script: {error}")))?
        }
        None => Vec::new(),
    };
    let header = header(host, request, &policy, &verifiers, &judges)?;
    let simulated = header.policy.simulated;
    let gateway = asked.gateway(&request.suite, request.resume)?;
    let examination = Examination {
        suite: Arc::clone(&request.suite),
        tasks: request.tasks.clone(),
        trials: request.trials,
        seed: request.seed,
        policy: &policy,
        verifiers: verifiers.every_episode(),
        refusal: Some(&verifiers.refusal),
        answer: Some(&verifiers.answer),
        judges: judges
            .iter()
            .zip(&asked.judges)
            .map(|(judge, request)| JudgeSeat {
                judge,
                model: request.model.clone(),
                prompts: seats.prompts.texts(judge.name()),
            })
            .collect(),
        asking: Asking {
            gateway: gateway.clone(),
            model: asked.model.clone(),
            prompts: seats.prompts.texts(&seats.policy.name),
        },
        parameters: request.parameters.clone(),
        script: script.into(),
    };
    let mut sink = Sink::open(request, &header)?;
    if let Some(folder) = request.out {
        inputs::keep(folder, request).map_err(|failure| failure.hint(KEPT))?;
    }
    if let Some(gateway) = &gateway {
        gateway.count_before(sink.tally().paid())?;
    }
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
    if let Some(gateway) = &gateway
        && complete
    {
        gateway.finish()?;
    }
    let budget_stop = match result {
        Ok(()) => None,
        Err(RunError::Budget(reason)) => Some(reason),
        Err(error @ RunError::Model(_)) => {
            return Err(Failure::input(error).hint(match request.asked.mode {
                Some(Mode::Replay) => {
                    "a run is replayed with the suite, plugins, prompts, models and seed it was \
                     recorded with; --mode auto asks for what has no recording"
                }
                _ => "what is finished is kept: --resume goes on with the run",
            }));
        }
        Err(error) => {
            return Err(Failure::input(error).hint(KEPT));
        }
    };
    Ok(Finish {
        summary: Summary::of(&request.suite, sink.tally()),
        complete,
        simulated,
        budget_stop,
        spent: gateway.map_or_else(Spent::default, |gateway| gateway.spent()),
    })
}

fn header(
    host: &Host,
    request: &Request<'_>,
    policy: &Policy,
    verifiers: &Verifiers,
    judges: &[Judge],
) -> Result<RunHeader, Failure> {
    let suite = &request.suite;
    let described = policy.describe().map_err(Failure::input)?;
    let agent = described.name.clone();
    let pin = |name: &str, digest: Digest, described: Result<Description, Fault>| {
        let described = described.map_err(Failure::input)?;
        Ok::<_, Failure>(PluginPin {
            digest: digest.to_string(),
            name: name.into(),
            simulated: described.simulated,
            version: described.version,
        })
    };
    Ok(RunHeader {
        agent,
        data_fingerprint: suite.data.fingerprint().to_string(),
        episodes: (request.tasks.len() * request.trials as usize) as u64,
        judges: judges
            .iter()
            .map(|judge| pin(judge.name(), judge.digest(), judge.describe()))
            .collect::<Result<_, _>>()?,
        limits: host.limits().into(),
        models: request.asked.pins()?,
        parameters: request
            .parameters
            .iter()
            .cloned()
            .collect::<BTreeMap<_, _>>(),
        policy: pin(policy.name(), policy.digest(), Ok(described))?,
        prices_digest: request.asked.prices_digest(),
        proctor: env!("CARGO_PKG_VERSION").into(),
        prompts: request.seats.prompts.pins(),
        schema_version: TELEMETRY_VERSION,
        script_digest: request
            .seats
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
            .map(|verifier| pin(verifier.name(), verifier.digest(), verifier.describe()))
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
                let backend = Backend {
                    models: request.asked.recording(),
                    ..request.source.backend()
                };
                let writer = TelemetryWriter::create(folder, header, &backend, suite)?;
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
                for call in &finished.record.calls {
                    tally.add_call(call.role.name(), AskedOnce::of(call));
                }
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
