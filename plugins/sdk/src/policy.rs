//! The world `policy`: is examined.

use core::ops::RangeInclusive;

use crate::{About, Action, Failure, Observation};

#[doc(hidden)]
#[allow(missing_docs, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/0.1.1",
        world: "proctor:plugin/policy",
        pub_export_macro: true,
        default_bindings_module: "proctor_sdk::policy::bindings",
        additional_derives: [PartialEq],
        with: {
            "proctor:plugin/about@0.1.1": crate::wire::proctor::plugin::about,
            "proctor:plugin/data@0.1.1": crate::wire::proctor::plugin::data,
            "proctor:plugin/trajectory@0.1.1": crate::wire::proctor::plugin::trajectory,
            "proctor:plugin/failures@0.1.1": crate::wire::proctor::plugin::failures,
            "proctor:plugin/log@0.1.1": crate::wire::proctor::plugin::log,
            "proctor:plugin/model@0.1.1": crate::wire::proctor::plugin::model,
            "proctor:plugin/prompts@0.1.1": crate::wire::proctor::plugin::prompts,
        },
        generate_all,
    });
}

pub use bindings::exports::proctor::plugin::acting::{Parameter, Setting};
pub use bindings::proctor::plugin::{examiner, memory, toolbox};

/// What an author writes: an agent at work on one task.
pub trait Policy: Sized + 'static {
    /// Who it is.
    const ABOUT: About;

    /// Takes its seat.
    fn open(setting: Setting) -> Self;

    /// Decides what to do on seeing this.
    ///
    /// # Errors
    /// When it cannot go on: the episode then has no score.
    fn next(&mut self, observation: Observation) -> Result<Action, Failure>;
}

impl Setting {
    /// The value of a parameter that the operator configured.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|given| given.name == name)
            .map(|given| given.value.as_str())
    }

    /// A parameter that is a whole number within a range; `default` where it isn't given.
    ///
    /// # Errors
    /// When it is given and is something else.
    pub fn number(
        &self,
        name: &str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Result<u32, Failure> {
        let Some(given) = self.parameter(name) else {
            return Ok(default);
        };
        match given.parse() {
            Ok(number) if range.contains(&number) => Ok(number),
            _ => Err(Failure::new(format!(
                "parameter {name} is {given:?}: give a whole number from {} to {}",
                range.start(),
                range.end()
            ))),
        }
    }

    /// Refuses parameters that a policy doesn't take: a misspelt name would go unnoticed.
    ///
    /// # Errors
    /// When one is given that isn't among `known`.
    pub fn refuse_others(&self, known: &[&str]) -> Result<(), Failure> {
        let unknown = |given: &&Parameter| !known.contains(&given.name.as_str());
        match self.parameters.iter().find(unknown) {
            None => Ok(()),
            Some(given) => Err(Failure::new(format!(
                "there is no parameter {:?}: the parameters are {}",
                given.name,
                known.join(", ")
            ))),
        }
    }
}

/// What earlier episodes taught a student, one line a pamphlet: when it applies, and what to do.
/// Nothing where there are none.
pub fn guidance(pamphlets: &[memory::Pamphlet]) -> String {
    let lines: Vec<String> = pamphlets
        .iter()
        .filter(|pamphlet| pamphlet.audience == memory::Audience::Student)
        .map(|pamphlet| {
            format!(
                "- {}: {}",
                one_line(&pamphlet.cue),
                one_line(&pamphlet.guidance)
            )
        })
        .collect();
    lines.join("\n")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Exports a [`Policy`] as this component.
#[macro_export]
macro_rules! export_policy {
    ($policy:ty) => {
        const _: () = {
            use $crate::policy::bindings::exports::proctor::plugin as api;

            struct Component;
            struct Session(core::cell::RefCell<$policy>);

            impl api::acting::Guest for Component {
                type Session = Session;

                fn describe() -> $crate::Description {
                    <$policy as $crate::policy::Policy>::ABOUT.into()
                }
            }

            impl api::acting::GuestSession for Session {
                fn new(setting: api::acting::Setting) -> Self {
                    $crate::report_panics();
                    let policy = <$policy as $crate::policy::Policy>::open(setting);
                    Self(core::cell::RefCell::new(policy))
                }

                fn next(
                    &self,
                    observation: $crate::Observation,
                ) -> Result<$crate::Action, $crate::Failure> {
                    <$policy as $crate::policy::Policy>::next(&mut self.0.borrow_mut(), observation)
                }
            }

            // Natively the component's exports would clash where several plugins are linked.
            #[cfg(target_arch = "wasm32")]
    $crate::policy::bindings::export!(Component with_types_in $crate::policy::bindings);
        };
    };
}
