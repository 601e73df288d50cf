//! Where two runs' telemetry begins to differ. Both are read line by line, each along its chain;
//! `wall` never counts.

use std::fmt;
use std::io::Read;

use serde_json::Value as Json;

use super::chain::{TelemetryLine, TelemetryLink, TelemetryReadError, TelemetryReader};
use crate::canonical;

/// Most fields of one line that are shown.
const FIELDS_SHOWN_MAX: usize = 20;
/// Most characters of a value that are shown.
const SHOWN_CHARS_MAX: usize = 300;
/// Characters before the place where two long values begin to differ that are shown with it.
const CONTEXT_CHARS: usize = 60;

/// What came of comparing two runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// Lines that are the same on both sides.
    pub lines: u64,
    /// Episodes that are the same from their first line to their last.
    pub episodes: u64,
    /// Where the runs begin to differ; nothing if they don't.
    pub difference: Option<Difference>,
}

/// The first line on which two runs differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The episode, if the line belongs to one.
    pub episode: Option<String>,
    /// The step, from 0, if the line is about one.
    pub step: Option<u64>,
    /// Name of the event: the recorded one, or the replayed one where nothing more is recorded.
    pub event: String,
    /// Number of the recorded line, from 1; nothing if the recorded run ends before.
    pub recorded_line: Option<u64>,
    /// Number of the replayed line, from 1; nothing if the replayed run ends before.
    pub replayed_line: Option<u64>,
    /// What differs; empty if one run ends before the other.
    pub fields: Vec<FieldDifference>,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldDifference {
    /// Where in the line it is, as in `fields.diff[0].after`.
    pub path: String,
    /// What is recorded: canonical JSON, or the part of it where the two begin to differ.
    pub recorded: String,
    /// What was replayed, in the same form.
    pub replayed: String,
}

/// Telemetry that cannot be compared, because it cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum DifferenceError {
    /// The recorded run's.
    #[error("the recorded telemetry: {0}")]
    Recorded(#[source] TelemetryReadError),
    /// The replayed run's.
    #[error("the replayed telemetry: {0}")]
    Replayed(#[source] TelemetryReadError),
}

/// Compares all lines of two runs but for their `wall`, up to the first that differs.
///
/// # Errors
/// When either cannot be read, or its chain doesn't hold.
pub fn first_difference(
    recorded: impl Read,
    replayed: impl Read,
) -> Result<Comparison, DifferenceError> {
    let mut sides = Sides::new(recorded, replayed);
    let mut same = Comparison::default();
    loop {
        match sides.next_links()? {
            (None, None) => return Ok(same),
            // A line's chain covers all that came before, but no `wall`.
            (Some(one), Some(other)) if one.chain == other.chain => same.count(&one.event),
            (one, other) => {
                let (one, other) = sides.last_lines(one.is_some(), other.is_some())?;
                return Ok(same.up_to(one, other));
            }
        }
    }
}

/// Compares a run with one of only some of its tasks: the episodes of these, in order, and the
/// headers but for `tasks` and `episodes`. What holds for a run as a whole isn't compared: chain,
/// line numbers, and `run.end`.
///
/// # Errors
/// As [`first_difference`].
pub fn first_difference_in_sample(
    recorded: impl Read,
    replayed: impl Read,
) -> Result<Comparison, DifferenceError> {
    let mut sides = Sides::new(recorded, replayed);
    let mut same = Comparison::default();
    let (whole, sample) = match sides.next(&|_| true, &|_| true)? {
        (None, None) => return Ok(same),
        (Some(whole), Some(sample)) => (whole, sample),
        (one, other) => return Ok(same.up_to(one, other)),
    };
    let chosen = tasks(&sample);
    let whole = as_if_of(&sample, &chosen, whole);
    if !is_same(&whole, &sample) {
        return Ok(same.up_to(Some(whole), Some(sample)));
    }
    same.count(&sample.event);
    let of_sample = |line: &TelemetryLine| {
        let task = line.episode().and_then(|id| id.rsplit_once('#'));
        task.is_some_and(|(task, _)| chosen.iter().any(|chosen| chosen == task))
    };
    loop {
        match sides.next(&of_sample, &|line| line.event != "run.end")? {
            (None, None) => return Ok(same),
            (Some(one), Some(other)) if is_same(&one, &other) => same.count(&one.event),
            (one, other) => return Ok(same.up_to(one, other)),
        }
    }
}

/// The header of a run as it would be if the run were only of the tasks of a sample.
fn as_if_of(sample: &TelemetryLine, chosen: &[String], mut whole: TelemetryLine) -> TelemetryLine {
    let fits = is_among(chosen, &tasks(&whole));
    if let (true, Some(fields)) = (fits, whole.fields.as_object_mut()) {
        for field in ["tasks", "episodes"] {
            fields.insert(field.into(), sample.fields[field].clone());
        }
    }
    whole
}

/// Something of each side that has not ended.
type Pair<T> = (Option<T>, Option<T>);

/// The two runs, read side by side.
struct Sides<A, B> {
    recorded: TelemetryReader<A>,
    replayed: TelemetryReader<B>,
}

impl<A: Read, B: Read> Sides<A, B> {
    fn new(recorded: A, replayed: B) -> Self {
        Self {
            recorded: TelemetryReader::new(recorded),
            replayed: TelemetryReader::new(replayed),
        }
    }

    /// Each side's next line, as far as its chain goes.
    fn next_links(&mut self) -> Result<Pair<TelemetryLink>, DifferenceError> {
        let recorded = self.recorded.next_link();
        let replayed = self.replayed.next_link();
        Ok((
            recorded.map_err(DifferenceError::Recorded)?,
            replayed.map_err(DifferenceError::Replayed)?,
        ))
    }

    /// The lines that were read last, whole, of the sides that have not ended.
    fn last_lines(
        &self,
        recorded: bool,
        replayed: bool,
    ) -> Result<Pair<TelemetryLine>, DifferenceError> {
        let recorded = recorded.then(|| self.recorded.last_line()).transpose();
        let replayed = replayed.then(|| self.replayed.last_line()).transpose();
        Ok((
            recorded.map_err(DifferenceError::Recorded)?,
            replayed.map_err(DifferenceError::Replayed)?,
        ))
    }

    /// Each side's next line of those that count there.
    fn next(
        &mut self,
        recorded: Counts<'_>,
        replayed: Counts<'_>,
    ) -> Result<Pair<TelemetryLine>, DifferenceError> {
        let recorded = next_of(recorded, &mut self.recorded).map_err(DifferenceError::Recorded)?;
        let replayed = next_of(replayed, &mut self.replayed).map_err(DifferenceError::Replayed)?;
        Ok((recorded, replayed))
    }
}

/// Says which lines count.
type Counts<'a> = &'a dyn Fn(&TelemetryLine) -> bool;

fn next_of(
    counts: Counts<'_>,
    lines: &mut TelemetryReader<impl Read>,
) -> Result<Option<TelemetryLine>, TelemetryReadError> {
    while let Some(line) = lines.next_line()? {
        if counts(&line) {
            return Ok(Some(line));
        }
    }
    Ok(None)
}

impl Comparison {
    fn count(&mut self, event: &str) {
        self.lines += 1;
        self.episodes += u64::from(event == "episode.end");
    }

    fn up_to(mut self, recorded: Option<TelemetryLine>, replayed: Option<TelemetryLine>) -> Self {
        self.difference = Difference::of(recorded.as_ref(), replayed.as_ref());
        self
    }
}

impl Difference {
    fn of(recorded: Option<&TelemetryLine>, replayed: Option<&TelemetryLine>) -> Option<Self> {
        let shown = recorded.or(replayed)?;
        let number = |line: &TelemetryLine| line.seq + 1;
        Some(Self {
            episode: shown.episode().map(str::to_owned),
            step: shown.fields["step"].as_u64(),
            event: shown.event.clone(),
            recorded_line: recorded.map(number),
            replayed_line: replayed.map(number),
            fields: match (recorded, replayed) {
                (Some(recorded), Some(replayed)) => differing(recorded, replayed),
                _ => Vec::new(),
            },
        })
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(episode) = &self.episode {
            write!(f, "episode {episode}, ")?;
        }
        if let Some(step) = self.step {
            write!(f, "step {step}, ")?;
        }
        write!(f, "{} ", self.event)?;
        match (self.recorded_line, self.replayed_line) {
            (Some(recorded), Some(replayed)) => {
                write!(f, "(line {recorded} recorded, line {replayed} replayed)")?;
            }
            (Some(line), None) => {
                write!(f, "(line {line} recorded): the replayed run ends before it")?;
            }
            (None, Some(line)) => {
                write!(f, "(line {line} replayed): the recorded run ends before it")?;
            }
            (None, None) => {}
        }
        for field in &self.fields {
            write!(f, "\n  {field}")?;
        }
        Ok(())
    }
}

impl fmt::Display for FieldDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.path)?;
        writeln!(f, "    recorded {}", self.recorded)?;
        write!(f, "    replayed {}", self.replayed)
    }
}

fn tasks(start: &TelemetryLine) -> Vec<String> {
    let tasks = start.fields["tasks"].as_array();
    let names = tasks.into_iter().flatten().filter_map(Json::as_str);
    names.map(str::to_owned).collect()
}

/// Whether `some` are among `all`, in the same order.
fn is_among(some: &[String], all: &[String]) -> bool {
    let mut rest = all.iter();
    some.iter().all(|task| rest.any(|other| other == task))
}

/// Whether two lines say the same, whatever runs they are of.
fn is_same(one: &TelemetryLine, other: &TelemetryLine) -> bool {
    one.event == other.event && one.fields == other.fields
}

fn differing(recorded: &TelemetryLine, replayed: &TelemetryLine) -> Vec<FieldDifference> {
    let mut found = Found(Vec::new());
    let event = |line: &TelemetryLine| Json::from(line.event.as_str());
    found.compare("event", Some(&event(recorded)), Some(&event(replayed)));
    // Fields of two events have nothing to do with each other.
    if recorded.event == replayed.event {
        found.compare("fields", Some(&recorded.fields), Some(&replayed.fields));
    }
    found.0
}

/// The values that differ, as they are found.
struct Found(Vec<FieldDifference>);

impl Found {
    fn compare(&mut self, path: &str, recorded: Option<&Json>, replayed: Option<&Json>) {
        if recorded == replayed || self.0.len() == FIELDS_SHOWN_MAX {
            return;
        }
        match (recorded, replayed) {
            (Some(Json::Object(one)), Some(Json::Object(other))) => {
                let only_there = other.keys().filter(|key| !one.contains_key(*key));
                for key in one.keys().chain(only_there) {
                    self.compare(&format!("{path}.{key}"), one.get(key), other.get(key));
                }
            }
            (Some(Json::Array(one)), Some(Json::Array(other))) => {
                for at in 0..one.len().max(other.len()) {
                    self.compare(&format!("{path}[{at}]"), one.get(at), other.get(at));
                }
            }
            (recorded, replayed) => {
                let (recorded, replayed) = excerpts(&text(recorded), &text(replayed));
                self.0.push(FieldDifference {
                    path: path.to_owned(),
                    recorded,
                    replayed,
                });
            }
        }
    }
}

fn text(value: Option<&Json>) -> String {
    value.map_or_else(|| "nothing".to_owned(), canonical::to_string)
}

/// Of two texts, the part from shortly before where they begin to differ.
fn excerpts(one: &str, other: &str) -> (String, String) {
    let common = one.chars().zip(other.chars());
    let common = common.take_while(|(one, other)| one == other).count();
    let fits = |text: &str| text.chars().count() <= SHOWN_CHARS_MAX;
    let from = match fits(one) && fits(other) {
        true => 0,
        false => common.saturating_sub(CONTEXT_CHARS),
    };
    (excerpt(one, from), excerpt(other, from))
}

fn excerpt(text: &str, from: usize) -> String {
    let mut rest = text.chars().skip(from);
    let mut shown = String::from(if from > 0 { "…" } else { "" });
    shown.extend(rest.by_ref().take(SHOWN_CHARS_MAX));
    if rest.next().is_some() {
        shown.push('…');
    }
    shown
}
