//! What goes wrong inside a plugin, said in terms of the plugin.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};

use crate::exchange::ReadError;
use crate::plugin::{Digest, Plugin};

/// Kind of a fault: whose it is follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The guest trapped: a panic, an out-of-bounds access, an impossible instruction.
    Trap,
    /// It used up its fuel, or asked more work of the kernel than one call may.
    Fuel,
    /// It asked for more memory or table space than it may have.
    Memory,
    /// It overflowed its stack.
    Stack,
    /// It handed over more than it may.
    Output,
    /// What it handed over breaks the contract: a score beyond 0 to 1, more checks than are kept.
    Contract,
    /// It said itself that it could not do its work.
    Declared,
    /// The episode used up its allowance of calls of models, or of time to wait for them.
    Allowance,
    /// A model gave no reply.
    Provider,
    /// What counts as done in the task is sealed: there is nothing to mark by.
    Sealed,
    /// It ran longer than the backstop allows. The machine's fault until shown otherwise.
    WallClock,
    /// The kernel could not answer it, or not start it: storage failed, or too many plugins ran at
    /// once.
    Host,
}

impl FaultKind {
    /// Whether the same call would fail the same way on any machine.
    #[must_use]
    pub fn is_deterministic(self) -> bool {
        !matches!(self, Self::Provider | Self::WallClock | Self::Host)
    }

    /// Its name, as in telemetry.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trap => "trap",
            Self::Fuel => "fuel",
            Self::Memory => "memory",
            Self::Stack => "stack",
            Self::Output => "output",
            Self::Contract => "contract",
            Self::Declared => "declared",
            Self::Allowance => "allowance",
            Self::Provider => "provider",
            Self::Sealed => "sealed",
            Self::WallClock => "wall_clock",
            Self::Host => "host",
        }
    }
}

/// A call into a plugin that gave no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// Name the plugin was loaded under.
    pub plugin: String,
    /// Digest of its file.
    pub digest: Digest,
    /// Function of the world that was called.
    pub function: String,
    /// Kind of fault.
    pub kind: FaultKind,
    /// What happened, for people; not stable.
    pub message: String,
    /// Functions of the guest that were running, innermost first.
    pub backtrace: Vec<String>,
}

/// Whose faults these are: a plugin that was linked.
#[derive(Clone)]
pub(crate) struct Culprit {
    pub(crate) name: Arc<str>,
    pub(crate) digest: Digest,
}

impl Culprit {
    pub(crate) fn of(plugin: &Plugin) -> Self {
        Self {
            name: Arc::clone(&plugin.name),
            digest: plugin.digest,
        }
    }

    /// A fault that the plugin's own words or results show.
    pub(crate) fn fault(&self, function: &str, kind: FaultKind, message: String) -> Fault {
        Fault {
            plugin: self.name.to_string(),
            digest: self.digest,
            function: function.into(),
            kind,
            message,
            backtrace: Vec::new(),
        }
    }

    /// A fault that the engine reports.
    pub(crate) fn engine_fault(&self, function: &str, error: &wasmtime::Error) -> Fault {
        let (kind, message, backtrace) = classify(error);
        Fault {
            backtrace,
            ..self.fault(function, kind, message)
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "plugin {} ({}), {}: {}: {}",
            self.plugin,
            self.digest.short(),
            self.function,
            self.kind.name(),
            self.message
        )
    }
}

impl std::error::Error for Fault {}

/// A limit that the guest ran into while growing; carried through the engine as an error so that
/// the guest cannot mistake it for an ordinary failure.
#[derive(Debug, thiserror::Error)]
#[error("{what} limit: asked for {asked}, at most {limit}")]
pub(crate) struct GrowthRefused {
    pub(crate) what: &'static str,
    pub(crate) asked: usize,
    pub(crate) limit: usize,
}

/// The work that the guest asks of the kernel is more than one call may; an error for the same
/// reason.
#[derive(Debug, thiserror::Error)]
#[error("kernel work limit: asked for more than {limit} in one call")]
pub(crate) struct WorkRefused {
    pub(crate) limit: u64,
}

/// Most frames of a backtrace that are kept.
const FRAMES_MAX: usize = 16;

/// Says what an engine error means.
pub(crate) fn classify(error: &wasmtime::Error) -> (FaultKind, String, Vec<String>) {
    let backtrace = error
        .downcast_ref::<WasmBacktrace>()
        .map(|trace| {
            trace
                .frames()
                .iter()
                .take(FRAMES_MAX)
                .map(|frame| {
                    frame
                        .func_name()
                        .map_or_else(|| format!("function {}", frame.func_index()), readable)
                })
                .collect()
        })
        .unwrap_or_default();
    let root = error.root_cause().to_string();
    let (kind, message) = if let Some(trap) = error.downcast_ref::<Trap>() {
        let kind = match trap {
            Trap::OutOfFuel => FaultKind::Fuel,
            Trap::Interrupt => FaultKind::WallClock,
            Trap::StackOverflow => FaultKind::Stack,
            _ => FaultKind::Trap,
        };
        (kind, trap.to_string())
    } else if let Some(refused) = error.downcast_ref::<GrowthRefused>() {
        (FaultKind::Memory, refused.to_string())
    } else if let Some(refused) = error.downcast_ref::<WorkRefused>() {
        (FaultKind::Fuel, refused.to_string())
    } else if let Some(read) = error.downcast_ref::<ReadError>() {
        (FaultKind::Host, read.to_string())
    } else if let Some(full) = error.downcast_ref::<PoolConcurrencyLimitError>() {
        (FaultKind::Host, full.to_string())
    } else if root.contains("too much data is being copied") {
        // The engine's error type for this is private; a test holds us to the text.
        (
            FaultKind::Output,
            "handed over more than its output limit".to_owned(),
        )
    } else {
        (FaultKind::Trap, root)
    };
    (kind, message, backtrace)
}

/// A function's name as its author wrote it; a Rust symbol without its hashes.
fn readable(symbol: &str) -> String {
    format!("{:#}", rustc_demangle::demangle(symbol))
        .chars()
        .take(200)
        .collect()
}
