//! Running a policy.

use std::sync::Arc;

use wasmtime::Store;
use wasmtime::component::{Linker, ResourceAny};

use crate::Digest;
use crate::bindings::Description;
use crate::bindings::policy_world::exports::proctor::plugin::acting;
use crate::bindings::policy_world::{Policy as World, PolicyPre};
use crate::bindings::proctor::plugin::log::Level;
use crate::convert;
use crate::exchange::{Action, Observation, Setting};
use crate::fault::{Culprit, Fault, FaultKind};
use crate::limits::Limits;
use crate::plugin::{Grant, Plugin};
use crate::state::State;
use crate::verifier::{open, refuel};

/// A line that a plugin logged.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine {
    /// How important the plugin takes it to be.
    pub level: Level,
    /// What it says.
    pub text: String,
}

/// A linked policy: gives every episode a session in an instance of its own.
pub struct Policy {
    culprit: Culprit,
    pre: PolicyPre<State>,
    limits: Limits,
    gold: bool,
    model: bool,
}

/// A policy at work on one episode.
pub struct Session<'a> {
    policy: &'a Policy,
    store: Store<State>,
    world: World,
    session: ResourceAny,
    fuel: u64,
}

impl Policy {
    pub(crate) fn link(
        linker: &Linker<State>,
        plugin: &Plugin,
        limits: Limits,
    ) -> wasmtime::Result<Self> {
        let pre = PolicyPre::new(linker.instantiate_pre(&plugin.component)?)?;
        Ok(Self {
            culprit: Culprit::of(plugin),
            pre,
            limits,
            gold: plugin.grants.contains(&Grant::Gold),
            model: plugin.grants.contains(&Grant::Model),
        })
    }

    /// Name it was loaded under.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.culprit.name
    }

    /// Digest of its file.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.culprit.digest
    }

    /// Asks the plugin who it is.
    ///
    /// # Errors
    /// When the call gives no result.
    pub fn describe(&self) -> Result<Description, Fault> {
        let mut store = open(self.pre.engine(), State::new(&self.limits), &self.limits);
        self.pre
            .instantiate(&mut store)
            .and_then(|world| world.proctor_plugin_acting().call_describe(&mut store))
            .map_err(|error| self.culprit.engine_fault("describe", &error))
    }

    /// Opens a session in a fresh instance.
    ///
    /// # Errors
    /// When the guest fails to take its seat.
    pub fn open(&self, setting: Setting) -> Result<Session<'_>, Fault> {
        let seat = acting::Setting {
            seed: setting.seed,
            now: setting.now.clone(),
            parameters: setting
                .parameters
                .iter()
                .map(|(name, value)| acting::Parameter {
                    name: name.clone(),
                    value: value.clone(),
                })
                .collect(),
            script: setting.script.to_vec(),
        };
        let mut state = State::new(&self.limits);
        state.prompts = Arc::clone(&setting.prompts);
        state.model = setting.model.clone().filter(|_| self.model);
        state.setting = Some(Setting {
            // Only who was granted gold is ever in reach of it.
            oracle: if self.gold {
                setting.oracle
            } else {
                Arc::from([])
            },
            ..setting
        });
        let mut store = open(self.pre.engine(), state, &self.limits);
        let opened = self.pre.instantiate(&mut store).and_then(|world| {
            let session = world
                .proctor_plugin_acting()
                .session()
                .call_constructor(&mut store, &seat)?;
            Ok((world, session))
        });
        match opened {
            Ok((world, session)) => Ok(Session {
                policy: self,
                store,
                world,
                session,
                fuel: 0,
            }),
            Err(error) => {
                let mut fault = self.culprit.engine_fault("session", &error);
                // There is no session to ask for its log, and a panic's text is nowhere else.
                if let Some(last) = store.data_mut().log.take(&self.limits).pop() {
                    fault.message = format!("{}; it last logged: {}", fault.message, last.text);
                }
                Err(fault)
            }
        }
    }
}

impl Session<'_> {
    /// What the agent does on seeing this.
    ///
    /// # Errors
    /// When the call gives no result; the session is over then.
    pub fn next(&mut self, observation: &Observation) -> Result<Action, Fault> {
        refuel(&mut self.store, &self.policy.limits);
        let seen = convert::observation(observation);
        let result = self.world.proctor_plugin_acting().session().call_next(
            &mut self.store,
            self.session,
            &seen,
        );
        self.fuel += self.policy.limits.fuel_per_call - self.store.get_fuel().unwrap_or(0);
        match result {
            Ok(Ok(action)) => Ok(convert::action_from_wire(action)),
            Ok(Err(failure)) => {
                Err(self
                    .policy
                    .culprit
                    .fault("next", FaultKind::Declared, failure.message))
            }
            Err(error) => Err(self.policy.culprit.engine_fault("next", &error)),
        }
    }

    /// What the plugin logged since this was last asked.
    pub fn log(&mut self) -> Vec<LogLine> {
        self.store.data_mut().log.take(&self.policy.limits)
    }

    /// Fuel used so far, not counting taking the seat.
    #[must_use]
    pub fn fuel(&self) -> u64 {
        self.fuel
    }
}
