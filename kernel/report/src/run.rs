//! One run, read from its telemetry.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use proctor_episode::{TELEMETRY_VERSION, TelemetryLine, TelemetryReader};
use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use crate::error::ReportError;
use crate::events::{
    CallWall, EpisodeEnd, EpisodeStart, Fault, Judgment, ModelCall, RunStart, Verdict, Version,
};
use crate::tally::{RoleUse, Scores, TaskTally, Times, under};
use crate::violation::{self, Violation};

/// Name of the telemetry file in a run's folder.
const TELEMETRY: &str = "telemetry.jsonl";

/// Roles that mark an episode. What they use is the examiner's expense, not the agent's.
pub(crate) const EXAMINERS: [&str; 2] = ["judge", "arbiter"];

/// One agent's run: what its telemetry comes to, task by task. Its size is that of the suite,
/// however many episodes there are.
#[derive(Debug)]
pub struct AgentRun {
    pub(crate) name: String,
    pub(crate) start: RunStart,
    pub(crate) complete: bool,
    pub(crate) tasks: BTreeMap<String, TaskTally>,
    pub(crate) totals: Totals,
}

/// What is counted over all episodes of a run, or over one of them until it ends.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) usage: BTreeMap<String, RoleUse>,
    pub(crate) turn_times: Times,
    pub(crate) verifiers: BTreeMap<String, Scores>,
    pub(crate) judges: BTreeMap<String, Scores>,
    pub(crate) call_errors: BTreeMap<String, u64>,
    pub(crate) faults: BTreeMap<String, u64>,
    pub(crate) violations: BTreeMap<Violation, u64>,
}

/// An episode that hasn't ended yet. One that never does, because its run was broken off, counts
/// nowhere.
#[derive(Default)]
struct Episode {
    task: String,
    totals: Totals,
    /// Time that models took in each turn, in microseconds; nothing where it isn't known of all
    /// calls.
    turns: BTreeMap<u32, Option<u64>>,
    /// What `end-state` found, if it gave a verdict.
    state: Option<BTreeMap<Violation, u64>>,
}

impl AgentRun {
    /// Reads a run from its folder, or from its telemetry file, line by line. `name` is what it
    /// is called in the comparison.
    ///
    /// # Errors
    /// When the chain doesn't hold from the first line to the last, the telemetry is of another
    /// version, or a line isn't what telemetry has. A run that isn't complete is none: it is
    /// marked.
    pub fn read(name: &str, path: &Path) -> Result<Self, ReportError> {
        let path = match path.is_dir() {
            true => path.join(TELEMETRY),
            false => path.to_owned(),
        };
        let io = |source| ReportError::Io {
            path: path.clone(),
            source,
        };
        Self::read_from(name, &path, File::open(&path).map_err(io)?)
    }

    /// Reads a run from its telemetry, wherever that comes from; `path` is only for messages.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn read_from(name: &str, path: &Path, telemetry: impl Read) -> Result<Self, ReportError> {
        let mut lines = TelemetryReader::new(telemetry);
        let mut reading = RunReading::new(name, path);
        while let Some(line) = lines.next_line().map_err(|error| error.at(path))? {
            reading.line(&line)?;
        }
        reading.finish()
    }

    /// What it is called in the comparison.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    fn begin(name: &str, path: &Path, line: &TelemetryLine) -> Result<Self, ReportError> {
        let path = || path.to_owned();
        let at = |reason| ReportError::Line {
            path: path(),
            line: 1,
            reason,
        };
        if line.event != "run.start" {
            return Err(at(format!(
                "a run begins with run.start, not {}",
                line.event
            )));
        }
        let version: Version = fields(line).map_err(at)?;
        if version.schema_version != TELEMETRY_VERSION {
            return Err(ReportError::Version {
                path: path(),
                found: version.schema_version,
            });
        }
        let start: RunStart = fields(line).map_err(at)?;
        Ok(Self {
            name: name.to_owned(),
            tasks: start
                .tasks
                .iter()
                .map(|task| (task.clone(), TaskTally::default()))
                .collect(),
            start,
            complete: false,
            totals: Totals::default(),
        })
    }

    /// Takes the next line into account.
    fn take(&mut self, episode: &mut Option<Episode>, line: &TelemetryLine) -> Result<(), String> {
        match (line.event.as_str(), episode.as_mut()) {
            ("episode.start", None) => {
                let start: EpisodeStart = fields(line)?;
                *episode = Some(Episode {
                    task: start.task,
                    ..Episode::default()
                });
            }
            ("episode.end", Some(_)) => {
                let end: EpisodeEnd = fields(line)?;
                if let Some(episode) = episode.take() {
                    self.count(episode, &end)?;
                }
            }
            ("model.call", Some(episode)) => episode.call(&fields(line)?, &line.wall)?,
            ("verdict", Some(episode)) => episode.verdict(&fields(line)?)?,
            ("judgment", Some(episode)) => episode.judgment(&fields(line)?)?,
            ("fault", Some(episode)) => {
                let fault: Fault = fields(line)?;
                *under(&mut episode.totals.faults, &fault.kind)? += 1;
            }
            ("run.end", None) => self.complete = true,
            ("run.start", _)
            | ("episode.start" | "run.end", Some(_))
            | ("episode.end" | "model.call" | "verdict" | "judgment" | "fault", None) => {
                return Err(format!("{} doesn't belong here", line.event));
            }
            _ => {}
        }
        Ok(())
    }

    /// Counts an episode that has ended.
    fn count(&mut self, episode: Episode, end: &EpisodeEnd) -> Result<(), String> {
        let task = self
            .tasks
            .get_mut(&episode.task)
            .ok_or_else(|| format!("{} is no task of the run", episode.task))?;
        if task.episodes() >= u64::from(self.start.trials) {
            return Err(format!("{} has more episodes than trials", episode.task));
        }
        *task.outcomes.entry(end.outcome).or_default() += 1;
        if let Some(reward) = end.reward {
            task.rewards.add(reward)?;
        }
        let mut totals = episode.totals;
        if let Some(violations) = episode.state.filter(|_| end.outcome.is_scored()) {
            task.checked += 1;
            task.clean += u64::from(violations.is_empty());
            totals.violations = violations;
        }
        for time_us in episode.turns.into_values().flatten() {
            self.totals.turn_times.add(time_us);
        }
        self.totals.add(totals)
    }
}

/// A run that is being read, line by line, by somebody who holds the lines to their chain.
pub struct RunReading {
    name: String,
    path: PathBuf,
    run: Option<AgentRun>,
    episode: Option<Episode>,
}

impl RunReading {
    /// Begins to read a run. `name` is what it is called in the comparison; `path` is only for
    /// messages.
    #[must_use]
    pub fn new(name: &str, path: &Path) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            run: None,
            episode: None,
        }
    }

    /// Takes the next line into account.
    ///
    /// # Errors
    /// When the telemetry is of another version, or the line isn't what telemetry has.
    pub fn line(&mut self, line: &TelemetryLine) -> Result<(), ReportError> {
        match &mut self.run {
            None => self.run = Some(AgentRun::begin(&self.name, &self.path, line)?),
            Some(run) => {
                run.take(&mut self.episode, line)
                    .map_err(|reason| ReportError::Line {
                        path: self.path.clone(),
                        line: line.seq + 1,
                        reason,
                    })?;
            }
        }
        Ok(())
    }

    /// The run.
    ///
    /// # Errors
    /// When there was no line.
    pub fn finish(self) -> Result<AgentRun, ReportError> {
        let path = self.path;
        self.run.ok_or(ReportError::Empty { path })
    }
}

impl Episode {
    fn call(&mut self, call: &ModelCall, wall: &Json) -> Result<(), String> {
        under(&mut self.totals.usage, &call.role)?.add(call);
        if let Some(kind) = &call.error {
            *under(&mut self.totals.call_errors, kind)? += 1;
        }
        if !EXAMINERS.contains(&call.role.as_str()) {
            let latency_us = CallWall::deserialize(wall).ok().map(|wall| wall.latency_us);
            let turn = self.turns.entry(call.turn).or_insert(Some(0));
            *turn = turn
                .zip(latency_us)
                .map(|(sum, more)| sum.saturating_add(more));
        }
        Ok(())
    }

    fn verdict(&mut self, verdict: &Verdict) -> Result<(), String> {
        under(&mut self.totals.verifiers, &verdict.verifier)?.add(verdict.score)?;
        if verdict.verifier == violation::VERIFIER {
            self.state = Some(violation::count(&verdict.checks));
        }
        Ok(())
    }

    fn judgment(&mut self, judgment: &Judgment) -> Result<(), String> {
        let scores = under(&mut self.totals.judges, &judgment.judge)?;
        judgment.score.map_or(Ok(()), |score| scores.add(score))
    }
}

impl Totals {
    /// Adds what one episode came to. Its turns' times are added one by one, elsewhere.
    fn add(&mut self, episode: Self) -> Result<(), String> {
        for (role, used) in episode.usage {
            *under(&mut self.usage, &role)? += used;
        }
        for (own, more) in [
            (&mut self.verifiers, episode.verifiers),
            (&mut self.judges, episode.judges),
        ] {
            for (name, scores) in more {
                under(own, &name)?.merge(scores);
            }
        }
        for (own, more) in [
            (&mut self.call_errors, episode.call_errors),
            (&mut self.faults, episode.faults),
        ] {
            for (kind, count) in more {
                *under(own, &kind)? += count;
            }
        }
        for (kind, count) in episode.violations {
            *self.violations.entry(kind).or_default() += count;
        }
        Ok(())
    }
}

/// The fields of a line, as its event has them.
fn fields<T: DeserializeOwned>(line: &TelemetryLine) -> Result<T, String> {
    T::deserialize(&line.fields).map_err(|error| format!("{}: {error}", line.event))
}
