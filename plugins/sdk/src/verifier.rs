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
//!         version: "0.1.1",
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

use crate::{About, Check, Failure, Verdict};

#[doc(hidden)]
#[allow(missing_docs, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/0.1.1",
        world: "proctor:plugin/verifier",
        pub_export_macro: true,
        default_bindings_module: "proctor_sdk::verifier::bindings",
        additional_derives: [PartialEq],
        with: {
            "proctor:plugin/about@0.1.1": crate::wire::proctor::plugin::about,
            "proctor:plugin/data@0.1.1": crate::wire::proctor::plugin::data,
            "proctor:plugin/trajectory@0.1.1": crate::wire::proctor::plugin::trajectory,
            "proctor:plugin/failures@0.1.1": crate::wire::proctor::plugin::failures,
            "proctor:plugin/verdicts@0.1.1": crate::wire::proctor::plugin::verdicts,
            "proctor:plugin/episode@0.1.1": crate::wire::proctor::plugin::episode,
            "proctor:plugin/log@0.1.1": crate::wire::proctor::plugin::log,
        },
        generate_all,
    });
}

use bindings::proctor::plugin::gold as host_gold;

pub use crate::episode::{Episode, Fixture, Moment};
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

/// What a right answer is. See `wit/` for each function.
#[allow(missing_docs)]
pub trait Gold {
    fn changes(&self) -> Vec<ExpectedChange>;
    fn refusal(&self) -> Option<ExpectedRefusal>;
    fn answers(&self) -> Vec<ExpectedAnswer>;
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
            use $crate::verifier::bindings::proctor::plugin::gold;

            struct Component;

            impl api::verification::Guest for Component {
                fn describe() -> $crate::Description {
                    <$verifier as $crate::verifier::Verifier>::ABOUT.into()
                }

                fn verify(
                    episode: &$crate::episode::HostEpisode,
                    gold: &gold::Gold,
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
