//! `proctor bundle replay` and `attest`: every episode run again from what is in the bundle, and
//! compared to the byte.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use proctor_bundle::signing;
use proctor_bundle::statement::{Replay, ReplayedRun};
use proctor_bundle::trust::TrustPolicy;
use proctor_bundle::{Attachments, Bundle, Countersignature, Existing, Run, with_attachments};
use proctor_episode::{Difference, TelemetryReader, first_difference, first_difference_in_sample};
use proctor_host::{Digest, Host};
use proctor_report::{AgentRun, RunReading};
use serde_json::{Value as Json, json};

use super::opening::{self, Opened};
use super::{keys, tables, verify};
use crate::args::{AgainOptions, AttestOptions, ReplayOptions, StoreOption};
use crate::commands::run::jobs;
use crate::examiners;
use crate::examining::{Request, examine};
use crate::exit::{Exit, Failure};
use crate::terminal::{self, BAD, GOOD, styled};
use crate::workers::Source;

pub fn run(options: &ReplayOptions) -> Result<ExitCode, Failure> {
    let Opened { bundle, trust } = opening::open(&options.open)?;
    check(&bundle, trust.as_ref(), &options.again)?;
    let again = match again(&bundle, &options.again)? {
        Some(again) => again,
        None => return Ok(interrupted()),
    };
    if options.json {
        writeln!(io::stdout(), "{:#}", again.as_value())?;
    } else {
        again.print()?;
    }
    Ok(again.code())
}

/// `proctor bundle attest`.
pub fn attest(options: &AttestOptions) -> Result<ExitCode, Failure> {
    let secret = keys::secret(&options.sign_with)?;
    let Opened { bundle, trust } = opening::open(&options.open)?;
    // What would stop it after the replay is looked at before.
    let key = secret.public().key_id().to_string();
    if bundle
        .archive()
        .attachments()
        .attestations
        .contains_key(&key)
    {
        return Err(Failure::input(format!(
            "{}: is countersigned by key {key} already",
            options.open.bundle.display()
        )));
    }
    keys::check_new(&options.out)?;
    check(&bundle, trust.as_ref(), &options.again)?;
    let again = match again(&bundle, &options.again)? {
        Some(again) => again,
        None => return Ok(interrupted()),
    };
    again.print()?;
    if again.differs() {
        terminal::note("not countersigned: it came out otherwise than recorded");
        return Ok(again.code());
    }
    let statement = Replay {
        kernel: env!("CARGO_PKG_VERSION").to_owned(),
        note: options.note.clone(),
        runs: again.runs.iter().map(|run| run.replayed.clone()).collect(),
        store: again.store.clone(),
    }
    .of_manifest(bundle.manifest().digest())
    .map_err(Failure::input)?
    .to_bytes();
    let comment = format!("proctor replay {}", bundle.manifest().digest());
    let signature = signing::sign(&secret, &statement, &comment).map_err(Failure::input)?;
    let mut more = Attachments::default();
    more.attestations.insert(
        secret.public().key_id().to_string(),
        Countersignature {
            statement,
            signature,
        },
    );
    with_attachments(&options.open.bundle, &options.out, Existing::Kept, &more)
        .map_err(Failure::input)?;
    writeln!(
        io::stdout(),
        "{}: countersigned by key {}",
        options.out.display(),
        secret.public().key_id()
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Verifies the bundle, as far as the replay itself doesn't.
fn check(
    bundle: &Bundle,
    trust: Option<&TrustPolicy>,
    options: &AgainOptions,
) -> Result<(), Failure> {
    if options.sample.is_none() && options.runs.is_empty() {
        return verify::before_replay(bundle, trust);
    }
    verify::whole(bundle, trust).map(|_| ())
}

fn interrupted() -> ExitCode {
    terminal::note("interrupted: a replay begins anew");
    Exit::Interrupted.into()
}

/// What came of running a bundle's episodes again.
pub struct Again {
    runs: Vec<RunAgain>,
    /// Tables that were compared; nothing where not every run was run whole.
    tables: Option<u64>,
    /// Why a table differs.
    table_difference: Option<String>,
    store: String,
}

struct RunAgain {
    replayed: ReplayedRun,
    difference: Option<Difference>,
}

/// Runs the chosen runs again. Nothing if it was interrupted.
pub fn again(bundle: &Bundle, options: &AgainOptions) -> Result<Option<Again>, Failure> {
    let manifest = bundle.manifest();
    let own = env!("CARGO_PKG_VERSION");
    if manifest.kernel != own {
        return Err(Failure::input(format!(
            "the bundle was sealed by proctor {}, and this is {own}",
            manifest.kernel
        ))
        .hint("run it again with that version: a bundle may hold it, see REPLAY.txt in it"));
    }
    let chosen: Vec<&Run> = match options.runs.is_empty() {
        true => manifest.runs.iter().collect(),
        false => {
            let runs = options.runs.iter().map(|name| bundle.run(name));
            runs.collect::<Result<_, _>>().map_err(Failure::input)?
        }
    };
    let folder = tempfile::Builder::new()
        .prefix("proctor-replay-")
        .tempdir()
        .map_err(|error| Failure::input(format!("no temporary folder: {error}")))?;
    let host = examiners::host()?;
    let mut again = Again {
        runs: Vec::new(),
        tables: None,
        table_difference: None,
        store: String::new(),
    };
    let mut agents = BTreeMap::new();
    for run in &chosen {
        let own = folder.path().join(&run.name);
        fs::create_dir(&own)?;
        let out = own.join("run");
        let done = run_again(bundle, run, options, &host, &out, &mut again.store)?;
        let Some((done, agent)) = done else {
            return Ok(None);
        };
        agents.insert(run.name.clone(), agent);
        let differs = done.difference.is_some();
        again.runs.push(done);
        if differs {
            return Ok(Some(again));
        }
    }
    if options.sample.is_none() && chosen.len() == manifest.runs.len() {
        again.compare_tables(bundle, agents)?;
    }
    Ok(Some(again))
}

fn run_again(
    bundle: &Bundle,
    run: &Run,
    options: &AgainOptions,
    host: &Host,
    out: &Path,
    store: &mut String,
) -> Result<Option<(RunAgain, AgentRun)>, Failure> {
    if !bundle.can_read(&run.telemetry) {
        return Err(Failure::input(format!(
            "{} is encrypted: there is nothing to compare with",
            run.telemetry
        ))
        .hint("give the key with --identity"));
    }
    let sealed = opening::suite(bundle, run)?;
    let seats = opening::seats(bundle, run)?;
    let cassette = cassette(bundle, run, out)?;
    let asked = opening::models(bundle, run, cassette)?;
    let start = start(bundle, run)?;
    let source = Source::of(&store_of(options), options.isolation, &sealed.suite.data)?;
    *store = source.backend().store;
    let tasks = sample(&start.tasks(&sealed.suite)?, options.sample);
    let trials = start.number("trials")?;
    let episodes = (tasks.len() as u64) * trials;
    terminal::note(format!("replaying {}: {episodes} episodes", run.name));
    let finish = examine(
        host,
        &Request {
            command: run.inputs.command.clone(),
            options: run.inputs.options.clone(),
            suite: sealed.suite.clone(),
            files: &sealed.files,
            tasks,
            seats: &seats,
            out: Some(out),
            resume: false,
            trials: u32::try_from(trials).unwrap_or(u32::MAX),
            seed: start.number("seed")?,
            jobs: jobs(options.jobs),
            parameters: start.parameters(),
            source: &source,
            asked: &asked,
        },
    )?;
    if !finish.complete {
        return Ok(None);
    }
    let replayed = out.join("telemetry.jsonl");
    let open = || {
        File::open(&replayed)
            .map_err(|error| Failure::input(format!("{}: {error}", replayed.display())))
    };
    let recorded = bundle.reader(&run.telemetry).map_err(Failure::input)?;
    let compared = match options.sample {
        None => first_difference(recorded, open()?),
        Some(_) => first_difference_in_sample(recorded, open()?),
    }
    .map_err(Failure::input)?;
    let (agent, telemetry) = read_again(&run.name, &replayed, open()?)?;
    let again = RunAgain {
        replayed: ReplayedRun {
            episodes,
            lines: compared.lines,
            name: run.name.clone(),
            of: run.episodes,
            tables: 0,
            telemetry,
        },
        difference: compared.difference,
    };
    Ok(Some((again, agent)))
}

/// Where the rows live: in SQLite unless something else is asked for, whatever the environment
/// says.
fn store_of(options: &AgainOptions) -> StoreOption {
    let store = options.store.clone();
    StoreOption {
        store: Some(store.unwrap_or_else(|| OsString::from("sqlite"))),
    }
}

/// Writes the recording of a run's models beside where it will be replayed.
fn cassette(bundle: &Bundle, run: &Run, out: &Path) -> Result<Option<PathBuf>, Failure> {
    let Some(member) = &run.cassette else {
        return Ok(None);
    };
    let path = out.with_file_name("cassette");
    let mut reader = bundle.reader(member).map_err(Failure::input)?;
    let mut file = File::create_new(&path)?;
    io::copy(&mut reader, &mut file)
        .map_err(|error| Failure::input(format!("{member}: {error}")))?;
    Ok(Some(path))
}

/// The first line of a run's telemetry.
pub struct Start(Json);

/// Reads the first line of a run's telemetry.
pub fn start(bundle: &Bundle, run: &Run) -> Result<Start, Failure> {
    bundle.first_line(run).map(Start).map_err(Failure::input)
}

impl Start {
    /// A number.
    pub fn number(&self, field: &str) -> Result<u64, Failure> {
        self.0[field]
            .as_u64()
            .ok_or_else(|| Failure::input(format!("run.start has no number `{field}`")))
    }

    /// What the policy was told.
    pub fn parameters(&self) -> Vec<(String, String)> {
        let parameters = self.0["parameters"].as_object();
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        parameters
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }

    /// The tasks, by their places in the suite.
    pub fn tasks(&self, suite: &proctor_episode::Suite) -> Result<Vec<usize>, Failure> {
        let ids = self.0["tasks"].as_array();
        let place = |id: &Json| {
            let found = suite.tasks.iter().position(|task| id == task.id.as_str());
            found.ok_or_else(|| Failure::input(format!("the suite has no task {id}")))
        };
        ids.into_iter().flatten().map(place).collect()
    }
}

/// So many tasks, spread evenly over all of them.
fn sample(tasks: &[usize], number: Option<u32>) -> Vec<usize> {
    let wanted = number.map_or(tasks.len(), |number| number as usize);
    if wanted >= tasks.len() {
        return tasks.to_vec();
    }
    (0..wanted)
        .filter_map(|at| tasks.get(at * tasks.len() / wanted).copied())
        .collect()
}

/// Reads what a replay wrote, once: for its tables, and the chain of its last line, which covers
/// everything before but `wall`.
fn read_again(name: &str, path: &Path, file: File) -> Result<(AgentRun, Digest), Failure> {
    let mut reader = TelemetryReader::new(file);
    let mut reading = RunReading::new(name, path);
    let mut last = String::new();
    while let Some(line) = reader.next_line().map_err(Failure::input)? {
        reading.line(&line).map_err(Failure::input)?;
        last = line.chain;
    }
    let agent = reading.finish().map_err(Failure::input)?;
    Ok((agent, last.parse().map_err(Failure::input)?))
}

impl Again {
    fn compare_tables(
        &mut self,
        bundle: &Bundle,
        mut read: BTreeMap<String, AgentRun>,
    ) -> Result<(), Failure> {
        let mut compared = 0;
        for group in tables::groups(bundle) {
            let agents = group.iter().filter_map(|run| read.remove(&run.name));
            let agents: Vec<AgentRun> = agents.collect();
            let Some(first) = group.first() else { continue };
            let suite = opening::suite(bundle, first)?;
            match tables::compare(bundle, &tables::of(&suite.suite, &agents)?) {
                Ok(number) => compared += number,
                Err(difference) => {
                    self.table_difference = Some(difference.message().to_owned());
                    return Ok(());
                }
            }
        }
        self.tables = Some(compared);
        for run in &mut self.runs {
            run.replayed.tables = compared;
        }
        Ok(())
    }

    fn differs(&self) -> bool {
        self.table_difference.is_some() || self.runs.iter().any(|run| run.difference.is_some())
    }

    fn code(&self) -> ExitCode {
        match self.differs() {
            true => Exit::Findings.into(),
            false => ExitCode::SUCCESS,
        }
    }

    fn print(&self) -> Result<(), Failure> {
        let mut out = anstream::stdout();
        for run in &self.runs {
            let ReplayedRun {
                name,
                episodes,
                of,
                lines,
                ..
            } = &run.replayed;
            match &run.difference {
                None => writeln!(
                    out,
                    "{} {name}: {episodes} of {of} episodes, {lines} lines of telemetry",
                    styled(GOOD, "same")
                )?,
                Some(difference) => {
                    writeln!(out, "{} {name}: {difference}", styled(BAD, "differs"))?;
                }
            }
        }
        match (&self.table_difference, self.tables) {
            (Some(difference), _) => writeln!(out, "{} {difference}", styled(BAD, "differs"))?,
            (None, Some(number)) => writeln!(out, "{} {number} tables", styled(GOOD, "same"))?,
            (None, None) => {}
        }
        Ok(())
    }

    fn as_value(&self) -> Json {
        json!({
            "same": !self.differs(),
            "store": self.store,
            "tables": self.tables,
            "table_difference": self.table_difference,
            "runs": self.runs.iter().map(|run| json!({
                "replayed": run.replayed,
                "difference": run.difference.as_ref().map(|difference| json!({
                    "episode": difference.episode,
                    "step": difference.step,
                    "event": difference.event,
                    "recorded_line": difference.recorded_line,
                    "replayed_line": difference.replayed_line,
                    "fields": difference.fields.iter().map(|field| json!({
                        "path": field.path,
                        "recorded": field.recorded,
                        "replayed": field.replayed,
                    })).collect::<Vec<_>>(),
                })),
            })).collect::<Vec<_>>(),
        })
    }
}
