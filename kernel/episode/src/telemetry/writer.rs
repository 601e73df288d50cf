//! Writing telemetry so that nothing finished is ever lost or done twice.
//!
//! Episodes are written in order of their place in the run, each with one write. One that is
//! finished before its turn is kept in `pending.jsonl` until then, so that a killed run has it.
//! A line that was cut short is cut off on resume.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use proctor_model::Usage;
use serde::Serialize;
use serde_json::Value as Json;

use super::chain::{Mark, TelemetryReader};
use super::error::{ResumeError, TelemetryError};
use super::events::{Event, RunEnd, RunStart, Wall, of_episode};
use crate::canonical;
use crate::env::Backend;
use crate::outcome::Outcome;
use crate::runner::Finished;
use crate::suite::Suite;
use crate::summary::{AskedOnce, Tally};

pub use super::events::RunStart as RunHeader;

#[cfg(test)]
mod tests;

/// Name of the telemetry file in a run's folder.
const TELEMETRY: &str = "telemetry.jsonl";
/// Name of the file with episodes that are finished before their turn.
const PENDING: &str = "pending.jsonl";

/// What telemetry says of a finished episode: enough for a summary.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Id of the task.
    pub task: String,
    /// Outcome class.
    pub outcome: Outcome,
    /// Reward, where there is one.
    pub reward: Option<f64>,
}

/// Writes a run's telemetry.
pub struct TelemetryWriter {
    file: File,
    path: PathBuf,
    pending: File,
    pending_path: PathBuf,
    waiting: BTreeMap<usize, Vec<EventText>>,
    next: usize,
    end: Mark,
    total: usize,
    tally: Tally,
    suite: std::sync::Arc<Suite>,
    ended: bool,
}

/// An event as it will be written, but for its place in the chain.
struct EventText {
    /// `"event":…,"fields":…`
    body: String,
    wall: Option<Wall>,
    /// The call that it tells of, with the role, if it tells of one.
    call: Option<(String, AskedOnce)>,
    /// The episode that it ends, if it ends one.
    ends: Option<Recorded>,
}

#[derive(serde::Deserialize, Serialize)]
struct PendingLine {
    index: usize,
    events: Vec<PendingEvent>,
}

#[derive(serde::Deserialize, Serialize)]
struct PendingEvent {
    body: String,
    wall: Option<Wall>,
}

impl TelemetryWriter {
    /// Starts a run in a folder that is new or empty, on this backend.
    ///
    /// # Errors
    /// When the folder holds something, or cannot be written to.
    pub fn create(
        folder: &Path,
        header: &RunStart,
        backend: &Backend,
        suite: std::sync::Arc<Suite>,
    ) -> Result<Self, TelemetryError> {
        let io = |source| TelemetryError::Io {
            path: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(io)?;
        if fs::read_dir(folder).map_err(io)?.next().is_some() {
            return Err(TelemetryError::Exists {
                path: folder.to_owned(),
            });
        }
        let mut writer = Self::open(folder, header, suite, true)?;
        let mut start = event_text(&Event::RunStart(header));
        start.wall = Some(Wall::Run(backend.clone()));
        writer.append(&[start])?;
        Ok(writer)
    }

    /// Goes on with the run in a folder: cuts off what a kill left half-written, and takes over
    /// everything finished.
    ///
    /// # Errors
    /// When there is no run, it is another one, or its lines were altered.
    pub fn resume(
        folder: &Path,
        header: &RunStart,
        suite: std::sync::Arc<Suite>,
    ) -> Result<Self, TelemetryError> {
        let mut writer = match Self::open(folder, header, suite, false) {
            Err(TelemetryError::Io { path, source })
                if source.kind() == io::ErrorKind::NotFound =>
            {
                return Err(TelemetryError::Resume {
                    path,
                    reason: ResumeError::Empty,
                });
            }
            opened => opened?,
        };
        writer.take_over(header)?;
        writer.take_pending()?;
        Ok(writer)
    }

    fn open(
        folder: &Path,
        header: &RunStart,
        suite: std::sync::Arc<Suite>,
        new: bool,
    ) -> Result<Self, TelemetryError> {
        let path = folder.join(TELEMETRY);
        let pending_path = folder.join(PENDING);
        let file = open_file(&path, new)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Err(TelemetryError::Busy { path }),
            Err(fs::TryLockError::Error(source)) => {
                return Err(TelemetryError::Io { path, source });
            }
        }
        // A run without episodes out of order never wrote this file.
        let pending = open_file(&pending_path, new || !pending_path.exists())?;
        Ok(Self {
            file,
            path,
            pending,
            pending_path,
            waiting: BTreeMap::new(),
            next: 0,
            end: Mark::default(),
            total: usize::try_from(header.episodes).unwrap_or(usize::MAX),
            tally: Tally::default(),
            suite,
            ended: false,
        })
    }

    /// Whether this episode is recorded already.
    #[must_use]
    pub fn has(&self, index: usize) -> bool {
        index < self.next || self.waiting.contains_key(&index)
    }

    /// Number of episodes recorded.
    #[must_use]
    pub fn recorded(&self) -> usize {
        self.next + self.waiting.len()
    }

    /// Outcomes of the episodes written so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Records a finished episode, in its place.
    ///
    /// # Errors
    /// When it cannot be written; what was written before stays whole.
    pub fn record(&mut self, finished: &Finished) -> Result<(), TelemetryError> {
        let Some(task) = self.suite.tasks.get(finished.record.task) else {
            return Ok(());
        };
        let episode = format!("{}#{}", task.id, finished.record.trial);
        let record = &finished.record;
        // Events tell of the calls in this order.
        let mut calls = record.calls.iter();
        let mut events: Vec<EventText> = of_episode(record, task, &episode)
            .into_iter()
            .map(|(event, wall)| {
                let asks = matches!(event, Event::ModelCall(_));
                let call = asks.then(|| calls.next()).flatten();
                EventText {
                    wall,
                    call: call.map(|call| (call.role.name().to_owned(), AskedOnce::of(call))),
                    ..event_text(&event)
                }
            })
            .collect();
        if let Some(last) = events.last_mut() {
            last.ends = Some(Recorded {
                task: task.id.clone(),
                outcome: record.outcome,
                reward: record.reward,
            });
        }
        if finished.index == self.next {
            self.append(&events)?;
            self.next += 1;
            self.write_waiting()
        } else {
            self.keep_pending(finished.index, &events)?;
            self.waiting.insert(finished.index, events);
            Ok(())
        }
    }

    /// Closes the run if every episode is recorded. Says whether it did.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&mut self) -> Result<bool, TelemetryError> {
        if self.next < self.total {
            return Ok(false);
        }
        if !self.ended {
            let outcomes = self.tally.outcomes();
            let outcomes = outcomes
                .iter()
                .map(|(outcome, count)| (outcome.name(), *count));
            let end = RunEnd {
                episodes: self.next as u64,
                outcomes: outcomes.collect(),
            };
            let end = event_text(&Event::RunEnd(end));
            self.append(&[end])?;
            self.ended = true;
        }
        let path = self.pending_path.clone();
        fs::remove_file(&path).map_err(|source| TelemetryError::Io { path, source })?;
        Ok(true)
    }

    fn write_waiting(&mut self) -> Result<(), TelemetryError> {
        let waited = !self.waiting.is_empty();
        while let Some(events) = self.waiting.remove(&self.next) {
            self.append(&events)?;
            self.next += 1;
        }
        if waited && self.waiting.is_empty() {
            let io = |source| TelemetryError::Io {
                path: self.pending_path.clone(),
                source,
            };
            self.pending.set_len(0).map_err(io)?;
            self.pending.seek(SeekFrom::Start(0)).map_err(io)?;
        }
        Ok(())
    }

    fn keep_pending(&mut self, index: usize, events: &[EventText]) -> Result<(), TelemetryError> {
        let line = PendingLine {
            index,
            events: events
                .iter()
                .map(|event| PendingEvent {
                    body: event.body.clone(),
                    wall: event.wall.clone(),
                })
                .collect(),
        };
        let mut bytes = Vec::new();
        canonical::write(&mut bytes, &line);
        bytes.push(b'\n');
        self.pending
            .write_all(&bytes)
            .map_err(|source| TelemetryError::Io {
                path: self.pending_path.clone(),
                source,
            })
    }

    /// Appends lines with one write.
    fn append(&mut self, events: &[EventText]) -> Result<(), TelemetryError> {
        let mut bytes = Vec::with_capacity(events.iter().map(|event| event.body.len() + 160).sum());
        let mut end = self.end.clone();
        for event in events {
            end.append(&mut bytes, &event.body, event.wall.as_ref());
        }
        self.file
            .write_all(&bytes)
            .map_err(|source| TelemetryError::Io {
                path: self.path.clone(),
                source,
            })?;
        self.end = end;
        for event in events {
            if let Some((role, call)) = &event.call {
                self.tally.add_call(role, *call);
            }
            if let Some(recorded) = &event.ends {
                self.tally.add(recorded);
            }
        }
        Ok(())
    }

    /// Reads what is there, checks its chain, and cuts off what comes after the last episode
    /// that is complete.
    fn take_over(&mut self, header: &RunStart) -> Result<(), TelemetryError> {
        let broken = |reason| TelemetryError::Resume {
            path: self.path.clone(),
            reason,
        };
        let file = self.file.try_clone().map_err(|source| TelemetryError::Io {
            path: self.path.clone(),
            source,
        })?;
        let mut lines = TelemetryReader::new(file);
        let mut good = None;
        let mut done = 0;
        // Of the episode that is being read: they count if it is complete.
        let mut calls: Vec<(String, AskedOnce)> = Vec::new();
        while let Some(line) = lines
            .next_whole_line()
            .map_err(|error| error.at(&self.path))?
        {
            match line.event.as_str() {
                "run.start" => {
                    same_run(&line.fields, header).map_err(broken)?;
                    good = Some(lines.mark().clone());
                }
                "episode.end" => {
                    let Some(recorded) = recorded(&line.fields) else {
                        return Err(broken(ResumeError::Broken {
                            line: lines.lines(),
                            reason: "it says no outcome".into(),
                        }));
                    };
                    self.tally.add(&recorded);
                    for (role, call) in calls.drain(..) {
                        self.tally.add_call(&role, call);
                    }
                    done += 1;
                    good = Some(lines.mark().clone());
                }
                "model.call" => {
                    let live = line.wall["origin"] == "live";
                    calls.extend(asked_once(&line.fields, live));
                }
                "run.end" => {
                    self.ended = true;
                    good = Some(lines.mark().clone());
                }
                _ => {}
            }
        }
        let Some(mark) = good else {
            return Err(broken(ResumeError::Empty));
        };
        let io = |source| TelemetryError::Io {
            path: self.path.clone(),
            source,
        };
        self.file.set_len(mark.bytes).map_err(io)?;
        self.file.seek(SeekFrom::End(0)).map_err(io)?;
        self.end = mark;
        self.next = done;
        Ok(())
    }

    /// Takes over episodes that were finished before their turn. A line that was cut short, or
    /// that another version wrote, is an episode that isn't recorded: it is run again.
    fn take_pending(&mut self) -> Result<(), TelemetryError> {
        let mut bytes = Vec::new();
        let io = |source| TelemetryError::Io {
            path: self.pending_path.clone(),
            source,
        };
        self.pending.read_to_end(&mut bytes).map_err(io)?;
        // What is cut short goes, or the next line would be written onto it.
        bytes.truncate(
            bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1),
        );
        self.pending.set_len(bytes.len() as u64).map_err(io)?;
        self.pending.seek(SeekFrom::End(0)).map_err(io)?;
        for line in bytes.split(|byte| *byte == b'\n') {
            let Ok(line) = serde_json::from_slice::<PendingLine>(line) else {
                continue;
            };
            if line.index < self.next {
                continue;
            }
            let events: Vec<EventText> = line.events.into_iter().map(EventText::read).collect();
            if events.last().is_some_and(|event| event.ends.is_some()) {
                self.waiting.insert(line.index, events);
            }
        }
        self.write_waiting()
    }
}

impl EventText {
    /// An event that was finished before its turn, read back.
    fn read(event: PendingEvent) -> Self {
        let PendingEvent { body, wall } = event;
        let value: Json = serde_json::from_str(&format!("{{{body}}}")).unwrap_or_default();
        let (name, fields) = (value["event"].as_str(), &value["fields"]);
        let live = matches!(&wall, Some(Wall::Call(wall)) if wall.is_live());
        Self {
            call: match name {
                Some("model.call") => asked_once(fields, live),
                _ => None,
            },
            ends: match name {
                Some("episode.end") => recorded(fields),
                _ => None,
            },
            body,
            wall,
        }
    }
}

/// What telemetry says of one call.
fn asked_once(fields: &Json, live: bool) -> Option<(String, AskedOnce)> {
    let tokens = |name: &str| fields[name].as_u64().unwrap_or(0);
    let call = AskedOnce {
        usage: Usage {
            input: tokens("gen_ai.usage.input_tokens"),
            output: tokens("gen_ai.usage.output_tokens"),
            cached: tokens("gen_ai.usage.cache_read.input_tokens"),
            cache_written: tokens("gen_ai.usage.cache_creation.input_tokens"),
            reasoning: tokens("gen_ai.usage.reasoning.output_tokens"),
        },
        cost: fields["cost_usd"]
            .as_str()
            .and_then(|text| text.parse().ok()),
        failed: fields.get("error.type").is_some(),
        live,
    };
    Some((fields["role"].as_str()?.to_owned(), call))
}

fn open_file(path: &Path, new: bool) -> Result<File, TelemetryError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(new)
        .truncate(false)
        .open(path)
        .map_err(|source| TelemetryError::Io {
            path: path.to_owned(),
            source,
        })
}

fn event_text(event: &Event<'_>) -> EventText {
    let text = canonical::to_string(event);
    // Without the braces: the line adds its chain before and its number after.
    let body = text
        .get(1..text.len().saturating_sub(1))
        .unwrap_or_default()
        .to_owned();
    EventText {
        body,
        wall: None,
        call: None,
        ends: None,
    }
}

/// What telemetry says of an episode's end.
fn recorded(fields: &Json) -> Option<Recorded> {
    let episode = fields["gen_ai.conversation.id"].as_str()?;
    Some(Recorded {
        task: episode.rsplit_once('#')?.0.to_owned(),
        outcome: Outcome::from_name(fields["outcome"].as_str()?)?,
        reward: fields["reward"].as_f64(),
    })
}

fn same_run(recorded: &Json, header: &RunStart) -> Result<(), ResumeError> {
    let wanted: Json = serde_json::from_str(&canonical::to_string(header)).unwrap_or_default();
    let keys = |of: &Json| {
        of.as_object()
            .map(|map| map.keys().cloned().collect::<Vec<_>>())
    };
    // What was typed differently first, what only follows from it after.
    let mut all: Vec<String> = ["suite", "gen_ai.agent.name", "tasks", "trials", "seed"]
        .map(str::to_owned)
        .to_vec();
    all.extend(keys(recorded).unwrap_or_default());
    all.extend(keys(&wanted).unwrap_or_default());
    for field in all {
        if recorded[&field] != wanted[&field] {
            let shown = |value: &Json| value.to_string().chars().take(120).collect();
            return Err(ResumeError::OtherRun {
                recorded: shown(&recorded[&field]),
                wanted: shown(&wanted[&field]),
                field,
            });
        }
    }
    Ok(())
}
