//! One episode, to read: what verifiers and judges are given.

#[cfg(feature = "verifier")]
use crate::verifier::{ExpectedAnswer, ExpectedChange, ExpectedRefusal};
use crate::{Action, Change, Entity, Observation, Refusal, Row, Value};

#[doc(hidden)]
pub use crate::wire::proctor::plugin::episode::Episode as HostEpisode;
pub use crate::wire::proctor::plugin::episode::Moment;

/// One finished episode, to read. See `wit/` for each function.
#[allow(missing_docs)]
pub trait Episode {
    fn turns(&self) -> Vec<String>;
    fn now(&self) -> String;
    fn step_count(&self) -> u32;
    fn turn_of(&self, step: u32) -> Option<u32>;
    fn action(&self, step: u32) -> Option<Action>;
    fn observation(&self, step: u32) -> Option<Observation>;
    fn refusal(&self, step: u32) -> Option<Refusal>;
    fn seen(&self, id: &str) -> bool;
    fn diff(&self) -> Vec<Change>;
    fn row(&self, at: Moment, of: Entity, id: &str) -> Option<Row>;
    fn rows(&self, at: Moment, of: Entity, having: &[(&str, Value)]) -> Vec<Row>;
}

impl Episode for HostEpisode {
    fn turns(&self) -> Vec<String> {
        Self::turns(self)
    }
    fn now(&self) -> String {
        Self::now(self)
    }
    fn step_count(&self) -> u32 {
        Self::step_count(self)
    }
    fn turn_of(&self, step: u32) -> Option<u32> {
        Self::turn_of(self, step)
    }
    fn action(&self, step: u32) -> Option<Action> {
        Self::action(self, step)
    }
    fn observation(&self, step: u32) -> Option<Observation> {
        Self::observation(self, step)
    }
    fn refusal(&self, step: u32) -> Option<Refusal> {
        Self::refusal(self, step)
    }
    fn seen(&self, id: &str) -> bool {
        Self::seen(self, id)
    }
    fn diff(&self) -> Vec<Change> {
        Self::diff(self)
    }
    fn row(&self, at: Moment, of: Entity, id: &str) -> Option<Row> {
        Self::row(self, at, of, id)
    }
    fn rows(&self, at: Moment, of: Entity, having: &[(&str, Value)]) -> Vec<Row> {
        let cells: Vec<crate::Cell> = having
            .iter()
            .map(|(name, value)| crate::Cell {
                name: (*name).to_owned(),
                value: value.clone(),
            })
            .collect();
        Self::rows(self, at, of, &cells)
    }
}

/// An episode made of plain data, with gold for verifiers, to test natively.
#[derive(Clone, Debug, Default)]
pub struct Fixture {
    /// What the user says.
    pub turns: Vec<String>,
    /// Turn, action and what was seen then.
    pub steps: Vec<(u32, Action, Option<Observation>)>,
    /// Net change.
    pub diff: Vec<Change>,
    /// All rows at the start.
    pub start: Vec<Row>,
    /// All rows at the end.
    pub end: Vec<Row>,
    /// Expected changes.
    #[cfg(feature = "verifier")]
    pub changes: Vec<ExpectedChange>,
    /// Expected refusal.
    #[cfg(feature = "verifier")]
    pub refusal: Option<ExpectedRefusal>,
    /// Expected answers.
    #[cfg(feature = "verifier")]
    pub answers: Vec<ExpectedAnswer>,
}

impl Fixture {
    fn step(&self, step: u32) -> Option<&(u32, Action, Option<Observation>)> {
        self.steps.get(step as usize)
    }

    fn at(&self, at: Moment) -> &[Row] {
        match at {
            Moment::Start => &self.start,
            Moment::End => &self.end,
        }
    }
}

impl Episode for Fixture {
    fn turns(&self) -> Vec<String> {
        self.turns.clone()
    }
    fn now(&self) -> String {
        "2026-01-15T09:00:00Z".to_owned()
    }
    fn step_count(&self) -> u32 {
        u32::try_from(self.steps.len()).unwrap_or(u32::MAX)
    }
    fn turn_of(&self, step: u32) -> Option<u32> {
        self.step(step).map(|(turn, ..)| *turn)
    }
    fn action(&self, step: u32) -> Option<Action> {
        self.step(step).map(|(_, action, _)| action.clone())
    }
    fn observation(&self, step: u32) -> Option<Observation> {
        self.step(step)
            .and_then(|(.., observation)| observation.clone())
    }
    fn refusal(&self, step: u32) -> Option<Refusal> {
        match self.observation(step) {
            Some(Observation::Refused(refusal)) => Some(refusal),
            _ => None,
        }
    }
    fn seen(&self, id: &str) -> bool {
        self.steps
            .iter()
            .any(|(.., observation)| match observation {
                Some(Observation::Accepted(result)) => {
                    let shown = |value: &Value| matches!(value, Value::Id(known) if known == id);
                    result
                        .rows
                        .iter()
                        .any(|row| row.id == id || row.cells.iter().any(|cell| shown(&cell.value)))
                        || result.facts.iter().any(|fact| shown(&fact.value))
                }
                _ => false,
            })
    }
    fn diff(&self) -> Vec<Change> {
        self.diff.clone()
    }
    fn row(&self, at: Moment, of: Entity, id: &str) -> Option<Row> {
        self.at(at)
            .iter()
            .find(|row| row.entity == of && row.id == id)
            .cloned()
    }
    fn rows(&self, at: Moment, of: Entity, having: &[(&str, Value)]) -> Vec<Row> {
        let fits = |row: &&Row| {
            row.entity == of && having.iter().all(|(name, value)| row.get(name) == value)
        };
        self.at(at).iter().filter(fits).cloned().collect()
    }
}
