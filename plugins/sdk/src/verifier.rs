//! The world `verifier`: marks an episode against gold.
//!
//! ```
//! use proctor_sdk::verifier::{Episode, Gold, Report, Verifier};
//! use proctor_sdk::{About, Change, Failure, Verdict};
//!
//! struct NoDeletes;
//!
//! impl Verifier for NoDeletes {
//!     const ABOUT: About = About {
//!         name: "no-deletes",
//!         version: "0.1.0",
//!         summary: "Fails an episode that deletes anything.",
//!         simulated: false,
//!     };
//!
//!     fn verify(episode: &dyn Episode, _: &dyn Gold) -> Result<Verdict, Failure> {
//!         let mut report = Report::default();
//!         let deleted = episode.diff().iter().filter(|c| matches!(c, Change::Delete(_))).count();
//!         report.check("no deletes", deleted == 0, format!("{deleted} records deleted"));
//!         Ok(report.verdict())
//!     }
//! }
//!
//! proctor_sdk::export_verifier!(NoDeletes);
//! ```

use crate::{
    About, Action, Change, Check, Entity, Failure, Observation, Refusal, Row, Value, Verdict,
};

#[doc(hidden)]
#[allow(missing_docs, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        world: "proctor:plugin/verifier",
        pub_export_macro: true,
        default_bindings_module: "proctor_sdk::verifier::bindings",
        additional_derives: [PartialEq],
        with: {
            "proctor:plugin/about@0.1.0": crate::wire::proctor::plugin::about,
            "proctor:plugin/data@0.1.0": crate::wire::proctor::plugin::data,
            "proctor:plugin/trajectory@0.1.0": crate::wire::proctor::plugin::trajectory,
            "proctor:plugin/failures@0.1.0": crate::wire::proctor::plugin::failures,
            "proctor:plugin/verdicts@0.1.0": crate::wire::proctor::plugin::verdicts,
            "proctor:plugin/log@0.1.0": crate::wire::proctor::plugin::log,
        },
        generate_all,
    });
}

use bindings::proctor::plugin::{episode as host_episode, gold as host_gold};

pub use bindings::proctor::plugin::episode::Moment;
pub use bindings::proctor::plugin::gold::{
    Choice, ExpectedAnswer, ExpectedCell, ExpectedChange, ExpectedDelete, ExpectedInsert,
    ExpectedRefusal, ExpectedUpdate, Fact, Pattern,
};

/// What an author writes.
pub trait Verifier {
    /// Who it is.
    const ABOUT: About;

    /// Marks one episode.
    ///
    /// # Errors
    /// When it cannot: recorded as missing with this reason, never as a score.
    fn verify(episode: &dyn Episode, gold: &dyn Gold) -> Result<Verdict, Failure>;
}

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

/// What a right answer is. See `wit/` for each function.
#[allow(missing_docs)]
pub trait Gold {
    fn changes(&self) -> Vec<ExpectedChange>;
    fn refusal(&self) -> Option<ExpectedRefusal>;
    fn answers(&self) -> Vec<ExpectedAnswer>;
}

impl Episode for host_episode::Episode {
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

impl Gold for host_gold::Gold {
    fn changes(&self) -> Vec<ExpectedChange> {
        Self::changes(self)
    }
    fn refusal(&self) -> Option<ExpectedRefusal> {
        Self::refusal(self)
    }
    fn answers(&self) -> Vec<ExpectedAnswer> {
        Self::answers(self)
    }
}

/// Collects checks into a verdict: passed if all passed, the score their share.
#[derive(Debug, Default)]
pub struct Report {
    checks: Vec<Check>,
}

impl Report {
    /// Adds one thing looked at.
    pub fn check(&mut self, name: impl Into<String>, pass: bool, detail: impl Into<String>) {
        self.checks.push(Check {
            name: name.into(),
            pass,
            detail: detail.into(),
        });
    }

    /// The verdict. Without any check there is nothing to fail.
    pub fn verdict(self) -> Verdict {
        let total = self.checks.len();
        let failed: Vec<&Check> = self.checks.iter().filter(|check| !check.pass).collect();
        let pass = failed.is_empty();
        let rationale = if pass {
            format!("{total} of {total} checks passed")
        } else {
            let named: Vec<String> = failed
                .iter()
                .map(|check| format!("{}: {}", check.name, check.detail))
                .collect();
            named.join("; ")
        };
        let score = if pass {
            1.0
        } else {
            (total - failed.len()) as f64 / total as f64
        };
        Verdict {
            pass,
            score,
            checks: self.checks,
            rationale,
        }
    }
}

/// An episode and gold made of plain data, to test a verifier natively.
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
    pub changes: Vec<ExpectedChange>,
    /// Expected refusal.
    pub refusal: Option<ExpectedRefusal>,
    /// Expected answers.
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

impl Gold for Fixture {
    fn changes(&self) -> Vec<ExpectedChange> {
        self.changes.clone()
    }
    fn refusal(&self) -> Option<ExpectedRefusal> {
        self.refusal.clone()
    }
    fn answers(&self) -> Vec<ExpectedAnswer> {
        self.answers.clone()
    }
}

/// Exports a [`Verifier`] as this component.
#[macro_export]
macro_rules! export_verifier {
    ($verifier:ty) => {
        const _: () = {
            use $crate::verifier::bindings::exports::proctor::plugin as api;
            use $crate::verifier::bindings::proctor::plugin as host;

            struct Component;

            impl api::verification::Guest for Component {
                fn describe() -> $crate::Description {
                    <$verifier as $crate::verifier::Verifier>::ABOUT.into()
                }

                fn verify(
                    episode: &host::episode::Episode,
                    gold: &host::gold::Gold,
                ) -> Result<$crate::Verdict, $crate::Failure> {
                    $crate::report_panics();
                    <$verifier as $crate::verifier::Verifier>::verify(episode, gold)
                }
            }

            // Natively the component's exports would clash where several plugins are linked.
            #[cfg(target_arch = "wasm32")]
    $crate::verifier::bindings::export!(Component with_types_in $crate::verifier::bindings);
        };
    };
}
