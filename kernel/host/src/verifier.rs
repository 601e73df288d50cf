//! Running a verifier.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Linker, Resource};
use wasmtime::{Engine, Store, Trap, UpdateDeadline};

use crate::bindings::Description;
use crate::bindings::verifier_world::{VerifierAndShared, VerifierAndSharedPre};
use crate::exchange::{EpisodeRead, Gold};
use crate::fault::{Culprit, Fault, FaultKind};
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::policy::LogLine;
use crate::state::{State, Work};
use crate::{Digest, Verdict};

/// A linked verifier: gives every episode an instance of its own.
pub struct Verifier {
    culprit: Culprit,
    pre: VerifierAndSharedPre<State>,
    limits: Limits,
}

/// What came of verifying one episode.
#[derive(Debug)]
pub struct Examined {
    /// The verdict, or why there is none.
    pub verdict: Result<Verdict, Fault>,
    /// What the plugin logged.
    pub log: Vec<LogLine>,
    /// Fuel it used: the deterministic measure of its work.
    pub fuel: u64,
}

impl Verifier {
    pub(crate) fn link(
        linker: &Linker<State>,
        plugin: &Plugin,
        limits: Limits,
    ) -> wasmtime::Result<Self> {
        let pre = VerifierAndSharedPre::new(linker.instantiate_pre(&plugin.component)?)?;
        Ok(Self {
            culprit: Culprit::of(plugin),
            pre,
            limits,
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
        self.instantiate(&mut store)
            .and_then(|world| {
                world
                    .proctor_plugin_verification()
                    .call_describe(&mut store)
            })
            .map_err(|error| self.culprit.engine_fault("describe", &error))
    }

    /// Verifies one episode in a fresh instance.
    pub fn verify(&self, episode: &Rc<RefCell<dyn EpisodeRead>>, gold: &Arc<Gold>) -> Examined {
        let mut state = State::new(&self.limits);
        state.episode = Some(Rc::clone(episode));
        state.gold = Some(Arc::clone(gold));
        let mut store = open(self.pre.engine(), state, &self.limits);
        let result = self.instantiate(&mut store).and_then(|world| {
            world.proctor_plugin_verification().call_verify(
                &mut store,
                Resource::new_borrow(0),
                Resource::new_borrow(0),
            )
        });
        let fuel = self.limits.fuel_per_call - store.get_fuel().unwrap_or(0);
        let log = store.data_mut().log.take(&self.limits);
        let verdict = match result {
            Err(error) => Err(self.culprit.engine_fault("verify", &error)),
            Ok(Err(failure)) => {
                Err(self
                    .culprit
                    .fault("verify", FaultKind::Declared, failure.message))
            }
            Ok(Ok(verdict)) => match contract_breach(&verdict) {
                Some(breach) => Err(self.culprit.fault("verify", FaultKind::Contract, breach)),
                None => Ok(verdict),
            },
        };
        Examined { verdict, log, fuel }
    }

    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<VerifierAndShared> {
        self.pre.instantiate(store)
    }
}

/// Most checks of one verdict.
const CHECKS_MAX: usize = 1_000;

/// What is wrong with a verdict, if anything: a score that is no number from 0 to 1 would
/// poison every mean that it enters.
fn contract_breach(verdict: &Verdict) -> Option<String> {
    let score = verdict.score;
    if !(0.0..=1.0).contains(&score) {
        return Some(format!("score {score} is not from 0 to 1"));
    }
    if verdict.checks.len() > CHECKS_MAX {
        let count = verdict.checks.len();
        return Some(format!("{count} checks; at most {CHECKS_MAX} are kept"));
    }
    None
}

/// A store with all limits set, for one call.
pub(crate) fn open(engine: &Engine, state: State, limits: &Limits) -> Store<State> {
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(limits.output_bytes_max);
    // What a guest waits for a model is added to its time: only its own counts.
    store.epoch_deadline_callback(|mut store| {
        let waited = std::mem::take(&mut store.data_mut().waited);
        if waited.is_zero() {
            return Err(Trap::Interrupt.into());
        }
        Ok(UpdateDeadline::Continue(ticks(waited)))
    });
    refuel(&mut store, limits);
    store
}

/// Gives a store the fuel, kernel work and time of one more call.
pub(crate) fn refuel(store: &mut Store<State>, limits: &Limits) {
    // Fails only where fuel is switched off, which `engine::config` never does.
    let _ = store.set_fuel(limits.fuel_per_call);
    store.data_mut().work = Work::new(limits);
    store.data_mut().waited = Duration::ZERO;
    store.set_epoch_deadline(ticks(limits.call_time_max));
}

/// A time in ticks of the engine's clock, one at least.
fn ticks(time: Duration) -> u64 {
    let ticks = time.as_millis() / Limits::TICK.as_millis();
    u64::try_from(ticks).unwrap_or(u64::MAX).max(1)
}
