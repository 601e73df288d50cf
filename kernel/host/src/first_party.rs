//! The components that come with the kernel, built from `plugins/` and pinned by
//! `plugins/dist/plugins.lock`, so that a machine without a wasm toolchain runs them.

/// A component that comes with the kernel.
#[derive(Clone, Copy, Debug)]
pub struct FirstParty {
    /// Its name.
    pub name: &'static str,
    /// Its file.
    pub wasm: &'static [u8],
}

macro_rules! first_party {
    ($($name:literal),* $(,)?) => {
        &[$(FirstParty {
            name: $name,
            wasm: include_bytes!(concat!("../../../plugins/dist/", $name, ".wasm")),
        }),*]
    };
}

/// All of them, by name.
pub const FIRST_PARTY: &[FirstParty] = first_party![
    "answer",
    "end-state",
    "judge-answer",
    "model-agent",
    "model-react",
    "noop",
    "oracle",
    "refusal",
    "scripted",
    "student-sim",
];

/// The policy that is granted gold: the examiner's own, and only in the build that comes with
/// the kernel.
pub const ORACLE: &str = "oracle";

impl FirstParty {
    /// The one with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        FIRST_PARTY
            .iter()
            .copied()
            .find(|plugin| plugin.name == name)
    }
}
