//! The world `judge`: marks an episode against a rubric, without gold.
//!
//! ```
//! use proctor_sdk::judge::{Episode, Judge, Judgment};
//! use proctor_sdk::{About, Action, Failure, Verdict};
//!
//! struct Brevity;
//!
//! impl Judge for Brevity {
//!     const ABOUT: About = About {
//!         name: "brevity",
//!         version: "0.1.0",
//!         summary: "Likes an agent that closes in few words.",
//!         simulated: false,
//!     };
//!
//!     fn judge(episode: &dyn Episode, _: &[Verdict]) -> Result<Judgment, Failure> {
//!         let last = episode.step_count().checked_sub(1).and_then(|step| episode.action(step));
//!         let Some(Action::Answer(words)) = last else {
//!             return Err(Failure::new("the episode doesn't end with an answer"));
//!         };
//!         let score = if words.split_whitespace().count() <= 50 { 1.0 } else { 0.0 };
//!         Ok(Judgment { score, confidence: 1.0, ratings: vec![], rationale: String::new() })
//!     }
//! }
//!
//! proctor_sdk::export_judge!(Brevity);
//! ```

use crate::{About, Failure, Verdict};

#[doc(hidden)]
#[allow(missing_docs, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/0.1.1",
        world: "proctor:plugin/judge",
        pub_export_macro: true,
        default_bindings_module: "proctor_sdk::judge::bindings",
        additional_derives: [PartialEq],
        with: {
            "proctor:plugin/about@0.1.1": crate::wire::proctor::plugin::about,
            "proctor:plugin/data@0.1.1": crate::wire::proctor::plugin::data,
            "proctor:plugin/trajectory@0.1.1": crate::wire::proctor::plugin::trajectory,
            "proctor:plugin/failures@0.1.1": crate::wire::proctor::plugin::failures,
            "proctor:plugin/verdicts@0.1.1": crate::wire::proctor::plugin::verdicts,
            "proctor:plugin/episode@0.1.1": crate::wire::proctor::plugin::episode,
            "proctor:plugin/log@0.1.1": crate::wire::proctor::plugin::log,
            "proctor:plugin/model@0.1.1": crate::wire::proctor::plugin::model,
            "proctor:plugin/prompts@0.1.1": crate::wire::proctor::plugin::prompts,
        },
        generate_all,
    });
}

pub use crate::episode::{Episode, Fixture, Moment};
pub use bindings::exports::proctor::plugin::judging::{Judgment, Opinion, Rating};

/// What an author writes.
pub trait Judge {
    /// Who it is.
    const ABOUT: About;

    /// Marks one episode, knowing what the verifiers found.
    ///
    /// # Errors
    /// When it cannot: recorded as missing with this reason, never as a score.
    fn judge(episode: &dyn Episode, verdicts: &[Verdict]) -> Result<Judgment, Failure>;

    /// Decides where judges disagree.
    ///
    /// # Errors
    /// When it cannot. A judge that doesn't say how to does not arbitrate.
    fn arbitrate(episode: &dyn Episode, opinions: &[Opinion]) -> Result<Judgment, Failure> {
        let _ = (episode, opinions);
        Err(Failure::new(format!(
            "{} does not arbitrate",
            Self::ABOUT.name
        )))
    }
}

/// Exports a [`Judge`] as this component.
#[macro_export]
macro_rules! export_judge {
    ($judge:ty) => {
        const _: () = {
            use $crate::judge::bindings::exports::proctor::plugin as api;

            struct Component;

            impl api::judging::Guest for Component {
                fn describe() -> $crate::Description {
                    <$judge as $crate::judge::Judge>::ABOUT.into()
                }

                fn judge(
                    episode: &$crate::episode::HostEpisode,
                    verdicts: Vec<$crate::Verdict>,
                ) -> Result<$crate::judge::Judgment, $crate::Failure> {
                    $crate::report_panics();
                    <$judge as $crate::judge::Judge>::judge(episode, &verdicts)
                }

                fn arbitrate(
                    episode: &$crate::episode::HostEpisode,
                    opinions: Vec<$crate::judge::Opinion>,
                ) -> Result<$crate::judge::Judgment, $crate::Failure> {
                    $crate::report_panics();
                    <$judge as $crate::judge::Judge>::arbitrate(episode, &opinions)
                }
            }

            // Natively the component's exports would clash where several plugins are linked.
            #[cfg(target_arch = "wasm32")]
    $crate::judge::bindings::export!(Component with_types_in $crate::judge::bindings);
        };
    };
}
