//! A component file: what it is, what it asks for, whether it may have it.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

use crate::cache::CacheError;
use crate::limits::Limits;

/// SHA-256 of a file, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The first 12 digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(12).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<[u8; 32]> for Digest {
    /// A digest that was computed piece by piece.
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Digest {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "expected 64 hexadecimal digits, found {} characters",
                text.len()
            )
        };
        if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// The role that a component plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum World {
    /// Marks an episode against gold.
    Verifier,
    /// Marks an episode against a rubric.
    Judge,
    /// Is examined.
    Policy,
    /// Watches and guides.
    Teacher,
}

/// Version of the contract in `wit/` that the kernel speaks.
pub(crate) const CONTRACT: &str = "0.1.1";
/// Earlier versions that it understands: a patch only adds to the one before, but for `model`,
/// which no kernel offered before 0.1.1.
const EARLIER_CONTRACTS: &[&str] = &["0.1.0"];
/// Interfaces that hold types alone, which any world may name.
const TYPES: &[&str] = &["about", "data", "trajectory", "failures", "verdicts"];

impl World {
    /// All worlds.
    pub const ALL: [Self; 4] = [Self::Verifier, Self::Judge, Self::Policy, Self::Teacher];

    /// Its name in `wit/`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Verifier => "verifier",
            Self::Judge => "judge",
            Self::Policy => "policy",
            Self::Teacher => "teacher",
        }
    }

    /// The interface that a component of this world exports.
    #[must_use]
    pub const fn export(self) -> &'static str {
        match self {
            Self::Verifier => "verification",
            Self::Judge => "judging",
            Self::Policy => "acting",
            Self::Teacher => "teaching",
        }
    }

    /// What any component of this world may import.
    const fn open_imports(self) -> &'static [&'static str] {
        match self {
            Self::Verifier => &["episode", "gold", "log"],
            Self::Judge => &["episode", "prompts", "log"],
            Self::Policy => &["toolbox", "memory", "prompts", "log"],
            Self::Teacher => &["episode", "memory", "prompts", "log"],
        }
    }
}

impl fmt::Display for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A capability beyond what every component of a world has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Grant {
    /// The oracle's script, through `examiner`. For the policy `oracle` alone.
    Gold,
    /// A language model, through `model`.
    Model,
}

impl Grant {
    /// Whether a component of this world can have it at all.
    const fn fits(self, world: World) -> bool {
        match self {
            Self::Gold => matches!(world, World::Policy),
            Self::Model => !matches!(world, World::Verifier),
        }
    }

    const fn interface(self) -> &'static str {
        match self {
            Self::Gold => "examiner",
            Self::Model => "model",
        }
    }
}

/// A file that is not a plugin we can run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The engine doesn't start on this machine.
    #[error("the WebAssembly engine doesn't start: {0}")]
    Engine(String),
    /// Too large to compile.
    #[error("the file has {bytes} bytes; at most {limit} are compiled")]
    TooLarge {
        /// Size of the file.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Not a WebAssembly component, or one that uses features this engine refuses.
    #[error("not a WebAssembly component: {0}")]
    NotComponent(String),
    /// It plays no role we know.
    #[error(
        "exports none of the interfaces that a plugin exports ({expected}); it exports: {found}"
    )]
    NoWorld {
        /// What would make it a plugin.
        expected: String,
        /// What it exports.
        found: String,
    },
    /// It has an export with another type than its world's.
    #[error("does not fit the world `{world}`: {reason}")]
    WrongType {
        /// The world it seems to be of.
        world: World,
        /// What does not fit.
        reason: String,
    },
    /// It asks for something it isn't granted.
    #[error("imports `{import}`, which a {world} is not granted; it may import: {granted}")]
    ForbiddenImport {
        /// The world it is of.
        world: World,
        /// What it asks for.
        import: String,
        /// What it may have.
        granted: String,
    },
    /// It is of another world than the one wanted.
    #[error("is a {found}, not a {wanted}")]
    OtherWorld {
        /// The world it is of.
        found: World,
        /// The world that was wanted.
        wanted: World,
    },
    /// The compiled form could not be kept.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

/// A component that fits its world, compiled, with what it is granted.
#[derive(Clone)]
pub struct Plugin {
    /// Name it was loaded under.
    pub name: Arc<str>,
    /// Digest of its file.
    pub digest: Digest,
    /// The role it plays.
    pub world: World,
    /// What it imports, as written in the component.
    pub imports: Vec<String>,
    /// What it exports, as written in the component.
    pub exports: Vec<String>,
    /// What it has beyond the open imports of its world: of what it was granted, what it asks for.
    pub grants: Vec<Grant>,
    /// Size of its file, in bytes.
    pub bytes: usize,
    pub(crate) component: Component,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Plugin({}, {}, {})",
            self.name,
            self.world,
            self.digest.short()
        )
    }
}

impl Plugin {
    pub(crate) fn check_size(wasm: &[u8]) -> Result<(), LoadError> {
        let limit = Limits::COMPONENT_BYTES_MAX;
        if wasm.len() > limit {
            return Err(LoadError::TooLarge {
                bytes: wasm.len(),
                limit,
            });
        }
        Ok(())
    }

    /// Refuses what doesn't even begin like a component, in words that say what it is instead.
    pub(crate) fn check_start(wasm: &[u8]) -> Result<(), LoadError> {
        const MODULE: &[u8] = b"\0asm\x01\0\0\0";
        let wrong = |what: &str| Err(LoadError::NotComponent(what.into()));
        if wasm.is_empty() {
            wrong("the file is empty")
        } else if wasm.starts_with(MODULE) {
            wrong("it is a core module; `wasm-tools component new` makes a component of one")
        } else if !wasm.starts_with(&MODULE[..4]) {
            wrong("it doesn't begin with the bytes that WebAssembly begins with")
        } else {
            Ok(())
        }
    }

    /// Reads the role from the exports and holds the imports against it.
    pub(crate) fn inspect(
        name: &str,
        wasm: &[u8],
        component: Component,
        grants: &[Grant],
    ) -> Result<Self, LoadError> {
        let (imports, exports) = names(&component);
        let world = World::ALL
            .into_iter()
            .find(|world| {
                let export = interface(world.export());
                exports.iter().any(|name| current(name) == export)
            })
            .ok_or_else(|| LoadError::NoWorld {
                expected: World::ALL.map(|world| interface(world.export())).join(", "),
                found: if exports.is_empty() {
                    "nothing".into()
                } else {
                    exports.join(", ")
                },
            })?;
        let granted: Vec<String> = world
            .open_imports()
            .iter()
            .chain(TYPES)
            .copied()
            .chain(
                grants
                    .iter()
                    .filter(|grant| grant.fits(world))
                    .map(|grant| grant.interface()),
            )
            .map(interface)
            .collect();
        if let Some(import) = imports
            .iter()
            .find(|import| !granted.contains(&current(import)))
        {
            let open = granted
                .iter()
                .filter(|name| !TYPES.iter().any(|of| interface(of) == **name));
            return Err(LoadError::ForbiddenImport {
                world,
                import: import.clone(),
                granted: open.cloned().collect::<Vec<_>>().join(", "),
            });
        }
        let asked: Vec<String> = imports.iter().map(|import| current(import)).collect();
        Ok(Self {
            name: name.into(),
            digest: Digest::of(wasm),
            world,
            imports,
            exports,
            grants: grants
                .iter()
                .filter(|grant| asked.contains(&interface(grant.interface())))
                .copied()
                .collect(),
            bytes: wasm.len(),
            component,
        })
    }

    pub(crate) fn expect(&self, wanted: World) -> Result<(), LoadError> {
        if self.world == wanted {
            Ok(())
        } else {
            Err(LoadError::OtherWorld {
                found: self.world,
                wanted,
            })
        }
    }
}

fn interface(name: &str) -> String {
    format!("proctor:plugin/{name}@{CONTRACT}")
}

/// The name of the interface in the version that the kernel speaks, if it is one of ours in a
/// version that it understands; otherwise as it is.
fn current(name: &str) -> String {
    match name.rsplit_once('@') {
        Some((of, version)) if EARLIER_CONTRACTS.contains(&version) => format!("{of}@{CONTRACT}"),
        _ => name.to_owned(),
    }
}

fn names(component: &Component) -> (Vec<String>, Vec<String>) {
    let ty = component.component_type();
    let engine = component.engine();
    let imports = ty
        .imports(engine)
        .map(|(name, _)| name.to_owned())
        .collect();
    let exports = ty
        .exports(engine)
        .filter(|(_, item)| {
            matches!(
                item.ty,
                ComponentItem::ComponentInstance(_) | ComponentItem::ComponentFunc(_)
            )
        })
        .map(|(name, _)| name.to_owned())
        .collect();
    (imports, exports)
}
