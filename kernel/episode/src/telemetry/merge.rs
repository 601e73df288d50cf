//! Makes one run of several that each examined some of its tasks.
//!
//! Each file is read twice: once to learn where its episodes are, and once more, episode by
//! episode in the order of the one run. Only the places are kept in between.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::chain::{Mark, TelemetryLine, TelemetryReadError, TelemetryReader};
use super::error::TelemetryError;
use super::events::TELEMETRY_VERSION;
use crate::canonical;
use crate::suite::Suite;

/// Most runs that are merged at once: each is a file that is held open.
pub const SHARDS_MAX: usize = 256;

/// What the header says for the run as a whole; all else must be the same in all shards.
const OF_THE_WHOLE: [&str; 2] = ["episodes", "tasks"];

/// Runs that can't be merged.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// There are none, or too many.
    #[error("{0} runs can't be merged; give between 1 and {SHARDS_MAX}")]
    Count(usize),
    /// A shard cannot be read, or its chain doesn't hold.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// A shard is no complete run.
    #[error("{}: line {line}: {reason}", path.display())]
    Incomplete {
        /// File in question.
        path: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A shard is of another run than the first.
    #[error(
        "{} is of another run than {}: its {field} is {found}, not {wanted}; merge only runs that differ in nothing but their tasks",
        path.display(), first.display()
    )]
    OtherRun {
        /// File in question.
        path: PathBuf,
        /// The first shard's file.
        first: PathBuf,
        /// Field of `run.start` that differs.
        field: String,
        /// What this shard has.
        found: String,
        /// What the first has.
        wanted: String,
    },
    /// A shard is a run over another suite, or of tasks that the suite doesn't have.
    #[error("{}: {reason}", path.display())]
    OtherSuite {
        /// File in question.
        path: PathBuf,
        /// What doesn't fit.
        reason: String,
    },
    /// Two shards have the same task.
    #[error("{} examines the task {task}, and so does {}; leave one of them out", path.display(), other.display())]
    Twice {
        /// File in question.
        path: PathBuf,
        /// The other shard's file.
        other: PathBuf,
        /// Id of the task.
        task: String,
    },
    /// The result could not be written.
    #[error("the merged telemetry cannot be written: {0}")]
    Write(#[source] io::Error),
}

/// What the merged run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Merged {
    /// Tasks.
    pub tasks: u64,
    /// Episodes.
    pub episodes: u64,
    /// Lines of telemetry.
    pub lines: u64,
}

/// Writes the telemetry of the one run that `shards`, telemetry files of complete runs that agree
/// in everything but their tasks, are parts of. But for `wall` it is byte for byte what that run
/// would have written, whatever the order of the shards; `wall` is carried over line by line, that
/// of `run.start` from the first shard.
///
/// # Errors
/// When a shard cannot be read, isn't complete, is of another run or suite, or has a task that
/// another has, too; or when the result can't be written.
pub fn merge<P: AsRef<Path>>(
    shards: &[P],
    suite: &Suite,
    out: impl Write,
) -> Result<Merged, MergeError> {
    if shards.is_empty() || shards.len() > SHARDS_MAX {
        return Err(MergeError::Count(shards.len()));
    }
    let mut shards = shards
        .iter()
        .map(|path| Shard::survey(path.as_ref(), suite))
        .collect::<Result<Vec<_>, _>>()?;
    let start = whole_start(&shards, suite)?;
    let end = whole_end(&shards);
    let mut places: Vec<(Episode, usize, Mark)> = Vec::new();
    for (at, shard) in shards.iter_mut().enumerate() {
        let episodes = std::mem::take(&mut shard.episodes);
        places.extend(
            episodes
                .into_iter()
                .map(|(episode, mark)| (episode, at, mark)),
        );
    }
    places.sort_unstable_by_key(|(episode, ..)| *episode);
    let mut out = BufWriter::new(out);
    let mut whole = Whole {
        out: &mut out,
        end: Mark::default(),
    };
    whole.write(&start.body(), &start.wall)?;
    for (_, at, mark) in &places {
        if let Some(shard) = shards.get_mut(*at) {
            shard.copy_episode(mark, &mut whole)?;
        }
    }
    whole.write(&body("run.end", &end), &Json::Null)?;
    let lines = whole.end.seq;
    out.flush().map_err(MergeError::Write)?;
    Ok(Merged {
        tasks: start.fields["tasks"].as_array().map_or(0, Vec::len) as u64,
        episodes: places.len() as u64,
        lines,
    })
}

/// Place of an episode in the run: index of its task in the suite, and its trial.
type Episode = (usize, u64);

/// One of the runs, surveyed.
struct Shard {
    path: PathBuf,
    file: File,
    start: TelemetryLine,
    /// Indices of its tasks in the suite.
    tasks: BTreeSet<usize>,
    /// Where its episodes begin.
    episodes: BTreeMap<Episode, Mark>,
    /// Its episodes by outcome.
    outcomes: BTreeMap<String, u64>,
}

impl Shard {
    /// Reads a run from its first line to its last.
    fn survey(path: &Path, suite: &Suite) -> Result<Self, MergeError> {
        let read = |error: TelemetryReadError| MergeError::Telemetry(error.at(path));
        let file = File::open(path).map_err(|error| read(error.into()))?;
        let mut lines = TelemetryReader::new(&file);
        let start = match lines.next_line().map_err(read)? {
            Some(line) if line.event == "run.start" => line,
            _ => return Err(incomplete(path, 1, "a run begins with run.start")),
        };
        let mut shard = Self {
            path: path.to_owned(),
            tasks: tasks(path, &start, suite)?,
            file: file.try_clone().map_err(|error| read(error.into()))?,
            start,
            episodes: BTreeMap::new(),
            outcomes: BTreeMap::new(),
        };
        let mut open: Option<String> = None;
        let mut ended = false;
        loop {
            let before = lines.mark().clone();
            let Some(line) = lines.next_line().map_err(read)? else {
                break;
            };
            let wrong = |reason: String| incomplete(path, line.seq + 1, reason);
            let own = open.is_some() && line.episode() == open.as_deref();
            match line.event.as_str() {
                _ if ended => return Err(wrong("stands behind run.end".into())),
                "episode.start" if open.is_none() => {
                    let episode = shard.place(&line, suite).map_err(wrong)?;
                    if shard.episodes.insert(episode, before).is_some() {
                        return Err(wrong("this episode is there twice".into()));
                    }
                    open = line.episode().map(str::to_owned);
                }
                "episode.end" if own => {
                    let outcome = line.fields["outcome"].as_str().unwrap_or_default();
                    *shard.outcomes.entry(outcome.to_owned()).or_default() += 1;
                    open = None;
                }
                "run.end" if open.is_none() => {
                    shard.complete(&line).map_err(wrong)?;
                    ended = true;
                }
                "run.start" | "episode.start" | "run.end" => {
                    return Err(wrong(format!("{} doesn't belong here", line.event)));
                }
                _ if own => {}
                event => return Err(wrong(format!("{event} belongs to no episode"))),
            }
        }
        match ended {
            true => Ok(shard),
            false => Err(incomplete(
                path,
                lines.lines(),
                "the run ends here without run.end; finish it with `proctor run --resume`",
            )),
        }
    }

    /// The place of the episode that begins with this line.
    fn place(&self, line: &TelemetryLine, suite: &Suite) -> Result<Episode, String> {
        let id = line.episode().unwrap_or_default();
        let (task, trial) = id.rsplit_once('#').unwrap_or((id, ""));
        let task = index(suite, task).filter(|task| self.tasks.contains(task));
        let trial = trial.parse().ok().filter(|trial| *trial < self.trials());
        task.zip(trial)
            .ok_or_else(|| format!("{id:?} is no episode of this run"))
    }

    fn trials(&self) -> u64 {
        self.start.fields["trials"].as_u64().unwrap_or(0)
    }

    /// Sees to it that no episode is missing, and that `run.end` says so.
    fn complete(&self, end: &TelemetryLine) -> Result<(), String> {
        let there = self.episodes.len() as u64;
        // Each is one of these and none is there twice: so many can only be all.
        let all = self.trials().saturating_mul(self.tasks.len() as u64);
        if there != all {
            return Err(format!(
                "the run has {there} episodes, and should have {all}"
            ));
        }
        if end.fields["episodes"] != there || end.fields["outcomes"] != outcomes(&self.outcomes) {
            return Err("what it counts isn't what the run has".into());
        }
        Ok(())
    }

    /// Copies the episode that begins at `mark`, holding it to this shard's chain once more.
    fn copy_episode(&mut self, mark: &Mark, whole: &mut Whole<'_>) -> Result<(), MergeError> {
        let read = |error: TelemetryReadError| MergeError::Telemetry(error.at(&self.path));
        let mut file = &self.file;
        file.seek(SeekFrom::Start(mark.bytes))
            .map_err(|error| read(error.into()))?;
        let mut lines = TelemetryReader::behind(file, mark.clone());
        while let Some(line) = lines.next_line().map_err(read)? {
            whole.write(&line.body(), &line.wall)?;
            if line.event == "episode.end" {
                return Ok(());
            }
        }
        let line = lines.lines();
        Err(incomplete(&self.path, line, "changed while it was read"))
    }
}

/// The run that is being written.
struct Whole<'a> {
    out: &'a mut dyn Write,
    end: Mark,
}

impl Whole<'_> {
    fn write(&mut self, body: &str, wall: &Json) -> Result<(), MergeError> {
        let mut bytes = Vec::with_capacity(body.len() + 160);
        let wall = (!wall.is_null()).then_some(wall);
        self.end.append(&mut bytes, body, wall);
        self.out.write_all(&bytes).map_err(MergeError::Write)
    }
}

fn body(event: &str, fields: &Json) -> String {
    let (event, fields) = (canonical::to_string(event), canonical::to_string(fields));
    format!("\"event\":{event},\"fields\":{fields}")
}

fn incomplete(path: &Path, line: u64, reason: impl Into<String>) -> MergeError {
    MergeError::Incomplete {
        path: path.to_owned(),
        line,
        reason: reason.into(),
    }
}

fn index(suite: &Suite, task: &str) -> Option<usize> {
    suite
        .tasks
        .binary_search_by(|other| other.id.as_str().cmp(task))
        .ok()
}

/// Indices of a run's tasks in the suite.
fn tasks(path: &Path, start: &TelemetryLine, suite: &Suite) -> Result<BTreeSet<usize>, MergeError> {
    let wrong = |reason: String| MergeError::OtherSuite {
        path: path.to_owned(),
        reason,
    };
    let version = &start.fields["schema_version"];
    if *version != TELEMETRY_VERSION {
        return Err(wrong(format!(
            "was written with telemetry of version {version}, and this program merges version {TELEMETRY_VERSION}"
        )));
    }
    let digest = suite.digest.to_string();
    if start.fields["suite_digest"] != digest.as_str() {
        return Err(wrong(format!(
            "is over a suite with digest {}, not over {} with digest {digest}",
            start.fields["suite_digest"], suite.name
        )));
    }
    let mut tasks = BTreeSet::new();
    for id in start.fields["tasks"].as_array().into_iter().flatten() {
        let task = id.as_str().and_then(|id| index(suite, id));
        let task = task.ok_or_else(|| wrong(format!("{} has no task {id}", suite.name)))?;
        if !tasks.insert(task) {
            return Err(wrong(format!("names the task {id} twice")));
        }
    }
    Ok(tasks)
}

/// The header of the one run.
fn whole_start(shards: &[Shard], suite: &Suite) -> Result<TelemetryLine, MergeError> {
    let first = shards.first().ok_or(MergeError::Count(0))?;
    let mut of: BTreeMap<usize, &Shard> = BTreeMap::new();
    for shard in shards {
        agree(shard, first)?;
        for task in &shard.tasks {
            if let Some(other) = of.insert(*task, shard) {
                return Err(MergeError::Twice {
                    path: shard.path.clone(),
                    other: other.path.clone(),
                    task: suite.tasks[*task].id.clone(),
                });
            }
        }
    }
    let ids = of.keys().map(|task| suite.tasks[*task].id.as_str());
    let mut start = first.start.clone();
    start.fields["tasks"] = ids.collect();
    start.fields["episodes"] = first.trials().saturating_mul(of.len() as u64).into();
    Ok(start)
}

/// Sees to it that two shards agree in all that isn't of the whole.
fn agree(shard: &Shard, first: &Shard) -> Result<(), MergeError> {
    let keys = |shard: &Shard| -> BTreeSet<String> {
        let fields = shard.start.fields.as_object();
        fields
            .into_iter()
            .flat_map(|of| of.keys().cloned())
            .collect()
    };
    for field in keys(first).union(&keys(shard)) {
        let (found, wanted) = (&shard.start.fields[field], &first.start.fields[field]);
        if found != wanted && !OF_THE_WHOLE.contains(&field.as_str()) {
            let shown = |value: &Json| canonical::to_string(value).chars().take(120).collect();
            return Err(MergeError::OtherRun {
                path: shard.path.clone(),
                first: first.path.clone(),
                found: shown(found),
                wanted: shown(wanted),
                field: field.clone(),
            });
        }
    }
    Ok(())
}

/// What `run.end` says of the one run.
fn whole_end(shards: &[Shard]) -> Json {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (outcome, count) in shards.iter().flat_map(|shard| &shard.outcomes) {
        *counts.entry(outcome.clone()).or_default() += count;
    }
    let episodes: u64 = counts.values().sum();
    serde_json::json!({ "episodes": episodes, "outcomes": outcomes(&counts) })
}

fn outcomes(counts: &BTreeMap<String, u64>) -> Json {
    let counts = counts.iter();
    Json::Object(
        counts
            .map(|(name, count)| (name.clone(), (*count).into()))
            .collect(),
    )
}
