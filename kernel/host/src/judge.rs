//! Running a judge.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use wasmtime::component::{Linker, Resource};

use crate::bindings::Description;
use crate::bindings::judge_world::{Judge as World, JudgePre};
use crate::exchange::{EpisodeRead, ModelSeat, Prompts};
use crate::fault::{Culprit, Fault, FaultKind};
use crate::limits::Limits;
use crate::plugin::Plugin;
use crate::policy::LogLine;
use crate::state::State;
use crate::verifier::open;
use crate::{Digest, Judgment, Verdict};

/// A linked judge: gives every episode an instance of its own.
pub struct Judge {
    culprit: Culprit,
    pre: JudgePre<State>,
    limits: Limits,
}

/// What came of judging one episode.
#[derive(Debug)]
pub struct Judged {
    /// The judgment, or why there is none.
    pub judgment: Result<Judgment, Fault>,
    /// What the plugin logged.
    pub log: Vec<LogLine>,
    /// Fuel it used: the deterministic measure of its work.
    pub fuel: u64,
}

impl Judge {
    pub(crate) fn link(
        linker: &Linker<State>,
        plugin: &Plugin,
        limits: Limits,
    ) -> wasmtime::Result<Self> {
        let pre = JudgePre::new(linker.instantiate_pre(&plugin.component)?)?;
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
        self.pre
            .instantiate(&mut store)
            .and_then(|world: World| world.proctor_plugin_judging().call_describe(&mut store))
            .map_err(|error| self.culprit.engine_fault("describe", &error))
    }

    /// Judges one episode in a fresh instance, which may ask this model.
    pub fn judge(
        &self,
        episode: &Rc<RefCell<dyn EpisodeRead>>,
        verdicts: &[Verdict],
        prompts: &Prompts,
        model: Option<ModelSeat>,
    ) -> Judged {
        let mut state = State::new(&self.limits);
        state.episode = Some(Rc::clone(episode));
        state.prompts = Arc::clone(prompts);
        state.model = model;
        let mut store = open(self.pre.engine(), state, &self.limits);
        let result = self.pre.instantiate(&mut store).and_then(|world: World| {
            world
                .proctor_plugin_judging()
                .call_judge(&mut store, Resource::new_borrow(0), verdicts)
        });
        let fuel = self.limits.fuel_per_call - store.get_fuel().unwrap_or(0);
        let log = store.data_mut().log.take(&self.limits);
        let judgment = match result {
            Err(error) => Err(self.culprit.engine_fault("judge", &error)),
            Ok(Err(failure)) => {
                Err(self
                    .culprit
                    .fault("judge", FaultKind::Declared, failure.message))
            }
            Ok(Ok(judgment)) => match contract_breach(&judgment) {
                Some(breach) => Err(self.culprit.fault("judge", FaultKind::Contract, breach)),
                None => Ok(judgment),
            },
        };
        Judged {
            judgment,
            log,
            fuel,
        }
    }
}

/// Most ratings of one judgment.
const RATINGS_MAX: usize = 100;

/// What is wrong with a judgment, if anything.
fn contract_breach(judgment: &Judgment) -> Option<String> {
    let ratings = judgment.ratings.iter();
    let scores = ratings.map(|rating| (rating.criterion.as_str(), rating.score));
    let all = [
        ("score", judgment.score),
        ("confidence", judgment.confidence),
    ];
    for (name, value) in all.into_iter().chain(scores) {
        if !(0.0..=1.0).contains(&value) {
            return Some(format!("{name} {value} is not from 0 to 1"));
        }
    }
    let count = judgment.ratings.len();
    (count > RATINGS_MAX).then(|| format!("{count} ratings; at most {RATINGS_MAX} are kept"))
}
