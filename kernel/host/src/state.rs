//! What a running instance can reach: one struct a store, and the host side of every import.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::Resource;
use wasmtime::{ResourceLimiter, Result};

use crate::bindings::proctor::plugin::{
    about, data, episode, examiner, failures, gold, log, memory, model, prompts, toolbox,
    trajectory, verdicts,
};
use crate::convert;
use crate::exchange::{EpisodeRead, Gold, ModelSeat, Moment, Observation, Prompts, Setting};
use crate::fault::{GrowthRefused, WorkRefused};
use crate::limits::Limits;
use crate::policy::LogLine;

/// Stands for the one episode of a store. A component can hold no other, so the handle carries
/// nothing.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct EpisodeHandle;
/// Stands for the one gold of a store.
#[allow(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct GoldHandle;

/// Most records that `rows` returns.
const ROWS_MAX: u32 = 1_000;

pub(crate) struct State {
    pub(crate) limiter: Limiter,
    pub(crate) episode: Option<Rc<RefCell<dyn EpisodeRead>>>,
    pub(crate) gold: Option<Arc<Gold>>,
    pub(crate) setting: Option<Setting>,
    pub(crate) prompts: Prompts,
    pub(crate) model: Option<ModelSeat>,
    /// Time that the guest waited for a model since the wall clock last asked: it isn't its own.
    pub(crate) waited: Duration,
    pub(crate) log: Log,
    pub(crate) work: Work,
}

impl State {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            limiter: Limiter {
                memory_bytes: 0,
                memory_bytes_max: limits.memory_bytes_max,
                table_elements_max: limits.table_elements_max,
            },
            episode: None,
            gold: None,
            setting: None,
            prompts: Prompts::default(),
            model: None,
            waited: Duration::ZERO,
            log: Log {
                lines: Vec::new(),
                bytes_left: limits.log_bytes_max,
                dropped: 0,
            },
            work: Work::new(limits),
        }
    }

    fn episode(&mut self) -> Result<&Rc<RefCell<dyn EpisodeRead>>> {
        self.work.charge(Work::QUESTION)?;
        self.episode
            .as_ref()
            .ok_or_else(|| wasmtime::Error::msg("no episode is open"))
    }

    fn gold(&mut self) -> Result<&Gold> {
        self.work.charge(Work::QUESTION)?;
        self.gold
            .as_deref()
            .ok_or_else(|| wasmtime::Error::msg("no gold is open"))
    }

    fn setting(&mut self) -> Result<&Setting> {
        self.work.charge(Work::QUESTION)?;
        self.setting
            .as_ref()
            .ok_or_else(|| wasmtime::Error::msg("no session is open"))
    }
}

/// What the kernel does for a guest in one call. Fuel counts the guest's own instructions, and a
/// question costs it few of them: without a measure of its own, a guest that asks for ever would
/// be ended by the wall clock, on some machines sooner than on others.
pub(crate) struct Work {
    left: u64,
    limit: u64,
}

impl Work {
    const LINE: usize = 1;
    const QUESTION: usize = 10;

    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            left: limits.kernel_work_max,
            limit: limits.kernel_work_max,
        }
    }

    fn charge(&mut self, work: usize) -> Result<()> {
        let left = u64::try_from(work)
            .ok()
            .and_then(|work| self.left.checked_sub(work));
        self.left = left.ok_or(WorkRefused { limit: self.limit })?;
        Ok(())
    }
}

/// Log lines of one verification or one session.
pub(crate) struct Log {
    lines: Vec<LogLine>,
    bytes_left: usize,
    dropped: u32,
}

impl Log {
    /// Takes the lines kept so far; says how many were dropped.
    pub(crate) fn take(&mut self, limits: &Limits) -> Vec<LogLine> {
        let mut lines = std::mem::take(&mut self.lines);
        if self.dropped > 0 {
            lines.push(LogLine {
                level: log::Level::Warn,
                text: format!("log limit: lines dropped: {}", self.dropped),
            });
        }
        self.bytes_left = limits.log_bytes_max;
        self.dropped = 0;
        lines
    }
}

/// Refuses growth beyond the limits with an error of our own, so that a guest cannot take it for
/// an allocation that merely failed.
pub(crate) struct Limiter {
    memory_bytes: usize,
    memory_bytes_max: usize,
    table_elements_max: usize,
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let asked = self.memory_bytes - current.min(self.memory_bytes) + desired;
        if asked > self.memory_bytes_max {
            let limit = self.memory_bytes_max;
            return Err(GrowthRefused {
                what: "memory bytes",
                asked,
                limit,
            }
            .into());
        }
        self.memory_bytes = asked;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, _: Option<usize>) -> Result<bool> {
        let limit = self.table_elements_max;
        if desired > limit {
            return Err(GrowthRefused {
                what: "table elements",
                asked: desired,
                limit,
            }
            .into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        200
    }

    fn tables(&self) -> usize {
        200
    }

    fn memories(&self) -> usize {
        50
    }
}

impl about::Host for State {}
impl data::Host for State {}
impl failures::Host for State {}
impl trajectory::Host for State {}
impl verdicts::Host for State {}
impl gold::Host for State {}
impl episode::Host for State {}

impl log::Host for State {
    fn write(&mut self, level: log::Level, line: String) -> Result<()> {
        self.work.charge(Work::LINE)?;
        let log = &mut self.log;
        // With its line break, since even empty lines take room.
        match log.bytes_left.checked_sub(line.len() + 1) {
            Some(left) => {
                log.bytes_left = left;
                log.lines.push(LogLine { level, text: line });
            }
            None => log.dropped = log.dropped.saturating_add(1),
        }
        Ok(())
    }
}

impl toolbox::Host for State {
    fn tools(&mut self) -> Result<Vec<toolbox::Tool>> {
        let tools = self.setting()?.tools.to_vec();
        self.work.charge(tools.len())?;
        Ok(tools)
    }
}

impl memory::Host for State {
    fn recall(&mut self) -> Result<Vec<memory::Pamphlet>> {
        Ok(self.setting()?.memory.to_vec())
    }
}

impl prompts::Host for State {
    fn text(&mut self, name: String) -> Result<Option<String>> {
        self.work.charge(Work::QUESTION)?;
        Ok(self.prompts.get(&name).cloned())
    }
}

impl model::Host for State {
    fn chat(
        &mut self,
        request: model::ChatRequest,
    ) -> Result<std::result::Result<model::ChatReply, model::ChatError>> {
        self.work.charge(Work::QUESTION + request.messages.len())?;
        let Some(seat) = &self.model else {
            let none = "no model is assigned to this plugin".to_owned();
            return Ok(Err(model::ChatError::Invalid(none)));
        };
        let answered = seat.0.borrow_mut().chat(request);
        self.waited += answered.waited;
        Ok(answered.reply)
    }
}

impl examiner::Host for State {
    fn oracle(&mut self) -> Result<Vec<trajectory::ScriptedTurn>> {
        Ok(self.setting()?.oracle.to_vec())
    }
}

impl gold::HostGold for State {
    fn changes(&mut self, _: Resource<GoldHandle>) -> Result<Vec<gold::ExpectedChange>> {
        Ok(self.gold()?.changes.clone())
    }

    fn refusal(&mut self, _: Resource<GoldHandle>) -> Result<Option<gold::ExpectedRefusal>> {
        Ok(self.gold()?.refusal.clone())
    }

    fn answers(&mut self, _: Resource<GoldHandle>) -> Result<Vec<gold::ExpectedAnswer>> {
        Ok(self.gold()?.answers.clone())
    }

    fn drop(&mut self, _: Resource<GoldHandle>) -> Result<()> {
        Ok(())
    }
}

impl episode::HostEpisode for State {
    fn turns(&mut self, _: Resource<EpisodeHandle>) -> Result<Vec<String>> {
        Ok(self.episode()?.borrow().turns())
    }

    fn now(&mut self, _: Resource<EpisodeHandle>) -> Result<String> {
        Ok(self.episode()?.borrow().now())
    }

    fn step_count(&mut self, _: Resource<EpisodeHandle>) -> Result<u32> {
        Ok(self.episode()?.borrow().step_count())
    }

    fn turn_of(&mut self, _: Resource<EpisodeHandle>, step: u32) -> Result<Option<u32>> {
        Ok(self.episode()?.borrow().turn_of(step))
    }

    fn action(
        &mut self,
        _: Resource<EpisodeHandle>,
        step: u32,
    ) -> Result<Option<trajectory::Action>> {
        Ok(self.episode()?.borrow().action(step).map(convert::action))
    }

    fn observation(
        &mut self,
        _: Resource<EpisodeHandle>,
        step: u32,
    ) -> Result<Option<trajectory::Observation>> {
        let seen = self.episode()?.borrow().observation(step);
        if let Some(Observation::Accepted(result)) = &seen {
            self.work.charge(result.rows.len())?;
        }
        Ok(seen.as_ref().map(convert::observation))
    }

    fn refusal(
        &mut self,
        _: Resource<EpisodeHandle>,
        step: u32,
    ) -> Result<Option<trajectory::Refusal>> {
        let refused = self.episode()?.borrow().refusal(step);
        Ok(refused.as_ref().map(convert::refusal))
    }

    fn seen(&mut self, _: Resource<EpisodeHandle>, id: String) -> Result<bool> {
        Ok(self.episode()?.borrow().seen(&id))
    }

    fn diff(&mut self, _: Resource<EpisodeHandle>) -> Result<Vec<data::Change>> {
        let changes = self.episode()?.borrow().diff();
        self.work.charge(changes.len())?;
        Ok(changes.iter().map(convert::change).collect())
    }

    fn row(
        &mut self,
        _: Resource<EpisodeHandle>,
        at: episode::Moment,
        of: data::Entity,
        id: String,
    ) -> Result<Option<data::Row>> {
        let row =
            self.episode()?
                .borrow_mut()
                .row(moment(at), convert::entity_from_wire(of), &id)?;
        Ok(row.as_ref().map(convert::row))
    }

    fn rows(
        &mut self,
        _: Resource<EpisodeHandle>,
        at: episode::Moment,
        of: data::Entity,
        having: Vec<data::Cell>,
    ) -> Result<Vec<data::Row>> {
        let mut cells = Vec::with_capacity(having.len());
        for cell in having {
            match convert::value_from_wire(&cell.value) {
                Some(value) => cells.push((cell.name, value)),
                None => return Ok(Vec::new()),
            }
        }
        let rows = self.episode()?.borrow_mut().rows(
            moment(at),
            convert::entity_from_wire(of),
            &cells,
            ROWS_MAX,
        )?;
        self.work.charge(rows.len())?;
        Ok(rows.iter().map(convert::row).collect())
    }

    fn drop(&mut self, _: Resource<EpisodeHandle>) -> Result<()> {
        Ok(())
    }
}

fn moment(at: episode::Moment) -> Moment {
    match at {
        episode::Moment::Start => Moment::Start,
        episode::Moment::End => Moment::End,
    }
}
