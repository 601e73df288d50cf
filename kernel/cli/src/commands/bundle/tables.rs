//! The summary tables of a bundle: computed from its telemetry, when it is sealed, when it is
//! verified, and from what a replay wrote.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use proctor_bundle::{Bundle, MemberPath, Role, Run};
use proctor_episode::{Suite, TelemetryLine};
use proctor_report::{AgentRun, Comparison, RunReading};

use super::opening;
use crate::commands::comparison;
use crate::exit::Failure;

/// Tables of a suite's runs: path and text.
pub type Tables = Vec<(MemberPath, String)>;

/// Reads a run for its tables.
pub fn agent(run: &str, telemetry: impl Read) -> Result<AgentRun, Failure> {
    let place = format!("runs/{run}/telemetry.jsonl");
    AgentRun::read_from(run, Path::new(&place), telemetry).map_err(Failure::input)
}

/// The tables of runs of one suite.
pub fn of(suite: &Suite, runs: &[AgentRun]) -> Result<Tables, Failure> {
    let comparison = Comparison::of(suite, runs).map_err(Failure::input)?;
    let mut json = serde_json::to_string_pretty(&comparison).map_err(Failure::input)?;
    json.push('\n');
    let stem = format!("tables/{}", crate::inputs::word(&suite.name));
    let path = |kind: &str| MemberPath::new(&format!("{stem}.{kind}")).map_err(Failure::input);
    Ok(vec![
        (path("json")?, json),
        (path("txt")?, comparison::plain_text(&comparison)),
    ])
}

/// Runs of one suite, for each suite of a bundle.
pub fn groups(bundle: &Bundle) -> Vec<Vec<&Run>> {
    let mut groups: Vec<Vec<&Run>> = Vec::new();
    for run in &bundle.manifest().runs {
        match groups.iter_mut().find(|group| {
            group
                .iter()
                .all(|other| other.inputs.suite == run.inputs.suite)
        }) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    groups
}

/// Runs that are read while their bundle is verified.
pub struct Readings(BTreeMap<String, RunReading>);

impl Readings {
    /// Of all runs whose telemetry can be read.
    pub fn new(bundle: &Bundle) -> Self {
        let runs = bundle.manifest().runs.iter();
        let open = runs.filter(|run| bundle.can_read(&run.telemetry));
        Self(
            open.map(|run| {
                let place = Path::new(run.telemetry.as_str());
                (run.name.clone(), RunReading::new(&run.name, place))
            })
            .collect(),
        )
    }

    /// Takes a line of a run into account.
    pub fn line(&mut self, run: &Run, line: &TelemetryLine) -> Result<(), String> {
        match self.0.get_mut(&run.name) {
            Some(reading) => reading.line(line).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    }

    /// Whether the tables in the bundle follow from its telemetry. Those of runs that are
    /// encrypted, without a key, are left out.
    pub fn check_tables(mut self, bundle: &Bundle) -> Result<(), Failure> {
        for group in groups(bundle) {
            let read = group.iter().filter_map(|run| self.0.remove(&run.name));
            let agents = read
                .map(RunReading::finish)
                .collect::<Result<Vec<_>, _>>()
                .map_err(Failure::input)?;
            let Some(first) = group.first().filter(|_| agents.len() == group.len()) else {
                continue;
            };
            let suite = opening::suite(bundle, first)?;
            compare(bundle, &of(&suite.suite, &agents)?)?;
        }
        Ok(())
    }
}

/// Holds tables against those in the bundle; gives how many there are.
pub fn compare(bundle: &Bundle, tables: &Tables) -> Result<u64, Failure> {
    let mut compared = 0;
    for (path, text) in tables {
        let is_table = bundle
            .manifest()
            .member(path)
            .is_some_and(|member| member.role == Role::Table);
        if !is_table {
            return Err(Failure::input(format!(
                "{path}: the bundle has no such table"
            )));
        }
        let sealed = bundle.read(path).map_err(Failure::input)?;
        if sealed != text.as_bytes() {
            let sealed = String::from_utf8_lossy(&sealed);
            return Err(Failure::input(format!(
                "{path}: the table doesn't follow from the telemetry: {}",
                first_difference(&sealed, text)
            )));
        }
        compared += 1;
    }
    Ok(compared)
}

fn first_difference(sealed: &str, made: &str) -> String {
    let lines = sealed.lines().zip(made.lines());
    match lines.enumerate().find(|(_, (one, other))| one != other) {
        Some((at, (one, other))) => {
            format!("line {} is {one:?}, and should be {other:?}", at + 1)
        }
        None => "one is longer".to_owned(),
    }
}
