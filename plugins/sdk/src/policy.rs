//! The world `policy`: is examined.

use crate::{About, Action, Failure, Observation};

#[doc(hidden)]
#[allow(missing_docs, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/0.1.0",
        world: "proctor:plugin/policy",
        pub_export_macro: true,
        default_bindings_module: "proctor_sdk::policy::bindings",
        additional_derives: [PartialEq],
        with: {
            "proctor:plugin/about@0.1.0": crate::wire::proctor::plugin::about,
            "proctor:plugin/data@0.1.0": crate::wire::proctor::plugin::data,
            "proctor:plugin/trajectory@0.1.0": crate::wire::proctor::plugin::trajectory,
            "proctor:plugin/failures@0.1.0": crate::wire::proctor::plugin::failures,
            "proctor:plugin/log@0.1.0": crate::wire::proctor::plugin::log,
        },
        generate_all,
    });
}

pub use bindings::exports::proctor::plugin::acting::{Parameter, Setting};
pub use bindings::proctor::plugin::{examiner, memory, model, toolbox};

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
