//! The WebAssembly host: runs the components that third parties contribute so that they can
//! neither harm nor fool the kernel.
//!
//! A [`Host`] holds the engine. [`Host::load`] reads a component, checks what it imports and
//! exports against the worlds of `wit/`, and compiles it (or takes it from the cache).
//! [`Host::verifier`], [`Host::judge`] and [`Host::policy`] link it; each episode then gets an instance of its
//! own, with limits on fuel, memory, stack, output and time ([`Limits`]). Whatever goes wrong
//! inside is a [`Fault`] that names plugin, digest and function: never a crash, never a score.

mod bindings;
mod cache;
mod convert;
mod engine;
mod exchange;
mod fault;
mod first_party;
mod judge;
mod limits;
mod plugin;
mod policy;
mod state;
mod verifier;

pub use bindings::Description;
pub use bindings::judge_world::exports::proctor::plugin::judging::{Judgment, Opinion, Rating};
pub use bindings::proctor::plugin::data as wire;
pub use bindings::proctor::plugin::gold::{
    Choice, ExpectedAnswer, ExpectedCell, ExpectedChange, ExpectedDelete, ExpectedInsert,
    ExpectedRefusal, ExpectedUpdate, Fact, Pattern,
};
pub use bindings::proctor::plugin::log::Level;
pub use bindings::proctor::plugin::memory::{Audience, Pamphlet};
pub use bindings::proctor::plugin::model as chat;
pub use bindings::proctor::plugin::toolbox::Tool as ToolCard;
pub use bindings::proctor::plugin::trajectory::{
    Action as WireAction, ScriptedCall, ScriptedTurn, ToolCall,
};
pub use bindings::proctor::plugin::verdicts::{Check, Verdict};
pub use cache::CacheError;
pub use convert::{entity_from_wire, entity_to_wire, value_to_wire};
pub use engine::Host;
pub use exchange::{
    Action, Answered, EpisodeRead, Gold, ModelAccess, ModelSeat, Moment, Observation, Prompts,
    ReadError, Setting,
};
pub use fault::{Fault, FaultKind};
pub use first_party::{FIRST_PARTY, FirstParty, ORACLE};
pub use judge::{Judge, Judged};
pub use limits::Limits;
pub use plugin::{Digest, Grant, LoadError, Plugin, World};
pub use policy::{LogLine, Policy, Session};
pub use verifier::{Examined, Verifier};
