//! The manifest: what a bundle holds, and how its runs are run again.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use proctor_episode::canonical;
use proctor_host::Digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::path::MemberPath;

/// Version of the format.
pub const FORMAT: u32 = 1;
/// Name of the manifest in the bundle.
pub const MANIFEST: &str = "manifest.json";
/// Largest manifest, in bytes.
pub const MANIFEST_BYTES_MAX: u64 = 8 << 20;
/// Most members of a bundle.
pub const MEMBERS_MAX: usize = 20_000;
/// Most runs of a bundle.
pub const RUNS_MAX: usize = 1_000;
/// Longest text of a manifest that is no path, in bytes.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// A manifest that is none, or contradicts itself.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It isn't in the form of a manifest.
    #[error("manifest.json: {0}")]
    Form(String),
    /// Written in another version of the format.
    #[error(
        "manifest.json: the bundle has format {0}, and this program reads format {FORMAT}; use a proctor that reads it"
    )]
    Format(u64),
    /// It contradicts itself.
    #[error("manifest.json: {0}")]
    Contradiction(String),
}

/// What a member is for. What a reader doesn't know it carries, checks and reports.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Something for people to read.
    Document,
    /// A licence.
    Licence,
    /// A JSON Schema.
    Schema,
    /// What the program consists of, in CycloneDX.
    Sbom,
    /// How the bundle came to be, as an in-toto statement.
    Provenance,
    /// A file of a suite.
    Suite,
    /// A file of a suite with the gold of tasks that are held out taken out.
    PublicSuite,
    /// A file of canonical data.
    Data,
    /// Canonical data as rows.
    Snapshot,
    /// A step of a database's schema.
    Migration,
    /// A file of the plugins' contract, in WIT.
    Contract,
    /// A component.
    Plugin,
    /// A text that a plugin is given.
    Prompt,
    /// A models file.
    Models,
    /// A price list.
    Prices,
    /// Calls for a policy that plays given ones.
    Script,
    /// Telemetry of a run.
    Telemetry,
    /// Recorded exchanges with models.
    Cassette,
    /// Figures computed from telemetry.
    Table,
    /// The program itself.
    Runner,
    /// A role that this version doesn't know.
    Other(String),
}

/// Roles with their names, in the order of the enumeration.
const ROLES: [(Role, &str); 20] = [
    (Role::Document, "document"),
    (Role::Licence, "licence"),
    (Role::Schema, "schema"),
    (Role::Sbom, "sbom"),
    (Role::Provenance, "provenance"),
    (Role::Suite, "suite"),
    (Role::PublicSuite, "public-suite"),
    (Role::Data, "data"),
    (Role::Snapshot, "snapshot"),
    (Role::Migration, "migration"),
    (Role::Contract, "contract"),
    (Role::Plugin, "plugin"),
    (Role::Prompt, "prompt"),
    (Role::Models, "models"),
    (Role::Prices, "prices"),
    (Role::Script, "script"),
    (Role::Telemetry, "telemetry"),
    (Role::Cassette, "cassette"),
    (Role::Table, "table"),
    (Role::Runner, "runner"),
];

impl Role {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Other(name) => name,
            known => ROLES
                .iter()
                .find(|(role, _)| role == known)
                .map_or("", |(_, name)| name),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Role {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if let Some((role, _)) = ROLES.iter().find(|(_, known)| *known == name) {
            return Ok(role.clone());
        }
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 40 || !name.bytes().all(word) {
            return Err(de::Error::custom(
                "a role is a word of up to 40 lower-case letters, digits and `-`",
            ));
        }
        Ok(Self::Other(name))
    }
}

/// What lies in the file for a member that is compressed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packed {
    /// SHA-256 of the compressed bytes: what follows them or is hidden in them is seen, too.
    pub sha256: Digest,
    /// Their number.
    pub size: u64,
}

/// What a member is that was encrypted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plain {
    /// SHA-256 of what was encrypted.
    pub sha256: Digest,
    /// Its size in bytes.
    pub size: u64,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// What lies in the file, if it is compressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packed: Option<Packed>,
    /// Its path.
    pub path: MemberPath,
    /// What it is without encryption, if it is encrypted (its path ends in `.age`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plain: Option<Plain>,
    /// What it is for.
    pub role: Role,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Their number.
    pub size: u64,
}

/// A plugin in a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginSeat {
    /// What it is granted beyond what its world may have: `gold`, `model`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<String>,
    /// The component.
    pub member: MemberPath,
    /// Model that it asks, by its name in the models files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Name under which it takes part.
    pub name: String,
}

/// A text that a plugin was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PromptText {
    /// The text.
    pub member: MemberPath,
    /// Name that the plugin asks for.
    pub name: String,
    /// Plugin that it is for.
    pub plugin: String,
    /// Its version.
    pub version: String,
}

/// What a run depended on, by the members that hold it: all that it takes to run it again, but
/// for what the first line of its telemetry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The command that made the run, without what it doesn't depend on.
    pub command: String,
    /// Files of the canonical data.
    pub data: Vec<MemberPath>,
    /// Judges, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judges: Vec<PluginSeat>,
    /// Models files, each beside or in place of those before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<MemberPath>,
    /// Options of `proctor run` that made it, but for those that name files: one word each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Who is examined.
    pub policy: PluginSeat,
    /// Price lists, each beside or in place of those before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<MemberPath>,
    /// Texts that plugins were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prompts: Vec<PromptText>,
    /// Calls for a policy that plays given ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub script: Option<MemberPath>,
    /// `suite.toml` of the suite.
    pub suite: MemberPath,
    /// The suite's other files.
    pub tasks: Vec<MemberPath>,
    /// Verifiers, in order.
    pub verifiers: Vec<PluginSeat>,
}

impl Inputs {
    /// All members that are named.
    pub fn members(&self) -> impl Iterator<Item = &MemberPath> {
        let plugins = self
            .judges
            .iter()
            .chain(&self.verifiers)
            .chain([&self.policy])
            .map(|seat| &seat.member);
        let prompts = self.prompts.iter().map(|prompt| &prompt.member);
        let files = [&self.data, &self.models, &self.prices, &self.tasks];
        plugins
            .chain(prompts)
            .chain(files.into_iter().flatten())
            .chain(&self.script)
            .chain([&self.suite])
    }
}

/// A run in a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Recorded exchanges with models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cassette: Option<MemberPath>,
    /// Fingerprint of the canonical data.
    pub data_fingerprint: String,
    /// Number of episodes.
    pub episodes: u64,
    /// What it depended on.
    pub inputs: Inputs,
    /// Name of the run in this bundle.
    pub name: String,
    /// Digest of everything the suite says.
    pub suite_digest: Digest,
    /// Its telemetry.
    pub telemetry: MemberPath,
}

impl Run {
    /// All members that are named.
    pub fn members(&self) -> impl Iterator<Item = &MemberPath> {
        self.inputs
            .members()
            .chain(&self.cassette)
            .chain([&self.telemetry])
    }
}

/// What a bundle holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the format.
    pub format: u32,
    /// Version of the kernel that sealed it, and that runs it again.
    pub kernel: String,
    /// All members but the manifest itself, signatures and countersignatures, sorted by path.
    pub members: Vec<Member>,
    /// Name of the bundle.
    pub name: String,
    /// Its runs, in the order of their comparison.
    pub runs: Vec<Run>,
    /// What it is, in a line.
    pub title: String,
}

impl Manifest {
    /// Reads a manifest: canonical JSON, and nothing after it.
    ///
    /// # Errors
    /// When it isn't one, is of another version, or contradicts itself.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Version {
            format: u64,
        }
        let form = |reason: String| ManifestError::Form(reason);
        if bytes.len() as u64 > MANIFEST_BYTES_MAX {
            return Err(form(format!(
                "has {} bytes; at most {MANIFEST_BYTES_MAX} are read",
                bytes.len()
            )));
        }
        // Before anything else: another version may look otherwise.
        let version: Version =
            serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
        if version.format != u64::from(FORMAT) {
            return Err(ManifestError::Format(version.format));
        }
        let manifest: Self =
            serde_json::from_slice(bytes).map_err(|error| form(error.to_string()))?;
        if manifest.to_bytes() != bytes {
            return Err(form(
                "isn't in canonical form (RFC 8785, and a line feed)".to_owned(),
            ));
        }
        manifest.check()?;
        Ok(manifest)
    }

    /// Its one form: canonical JSON and a line feed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = canonical::to_string(self).into_bytes();
        bytes.push(b'\n');
        bytes
    }

    /// Digest of the manifest: the identity of what is sealed, whoever signs it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// The member with this path.
    #[must_use]
    pub fn member(&self, path: &MemberPath) -> Option<&Member> {
        self.members
            .binary_search_by(|member| member.path.cmp(path))
            .ok()
            .and_then(|at| self.members.get(at))
    }

    /// Whether a bundle or a run may be called so: files are called after it, so it is a path of
    /// one part.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        MemberPath::new(name).is_ok() && !name.contains('/')
    }

    /// Whether everything in it fits together.
    ///
    /// # Errors
    /// At the first thing that doesn't.
    pub fn check(&self) -> Result<(), ManifestError> {
        let wrong = |reason: String| Err(ManifestError::Contradiction(reason));
        if self.members.len() > MEMBERS_MAX || self.runs.len() > RUNS_MAX {
            return wrong(format!(
                "{} members and {} runs; at most {MEMBERS_MAX} and {RUNS_MAX} are read",
                self.members.len(),
                self.runs.len()
            ));
        }
        check_paths(&self.members)?;
        for text in self.texts() {
            if text.len() > TEXT_BYTES_MAX || text.chars().any(char::is_control) {
                let shown: String = text.chars().take(40).collect();
                return wrong(format!(
                    "the text {shown:?}… is too long or holds control characters"
                ));
            }
        }
        if !Self::is_name(&self.name) {
            return wrong(format!("{:?} is no name of a bundle", self.name));
        }
        let mut names = BTreeSet::new();
        for run in &self.runs {
            if !Self::is_name(&run.name) {
                return wrong(format!("{:?} is no name of a run", run.name));
            }
            if !names.insert(run.name.to_ascii_lowercase()) {
                return wrong(format!("two runs are called {}", run.name));
            }
            self.check_run(run)?;
        }
        Ok(())
    }

    /// Every member that a run names is there and is what the run takes it for.
    fn check_run(&self, run: &Run) -> Result<(), ManifestError> {
        let inputs = &run.inputs;
        let seats = inputs
            .judges
            .iter()
            .chain(&inputs.verifiers)
            .chain([&inputs.policy]);
        let named = seats
            .map(|seat| (&seat.member, Role::Plugin))
            .chain(inputs.data.iter().map(|path| (path, Role::Data)))
            .chain(inputs.tasks.iter().map(|path| (path, Role::Suite)))
            .chain([(&inputs.suite, Role::Suite)])
            .chain(inputs.models.iter().map(|path| (path, Role::Models)))
            .chain(inputs.prices.iter().map(|path| (path, Role::Prices)))
            .chain(inputs.prompts.iter().map(|of| (&of.member, Role::Prompt)))
            .chain(inputs.script.iter().map(|path| (path, Role::Script)))
            .chain(run.cassette.iter().map(|path| (path, Role::Cassette)))
            .chain([(&run.telemetry, Role::Telemetry)]);
        for (path, role) in named {
            let found = self.member(path).map(|member| &member.role);
            if found != Some(&role) {
                return Err(ManifestError::Contradiction(format!(
                    "the run {} needs {path} as its {role}, and {}",
                    run.name,
                    found.map_or_else(
                        || "there is no such member".to_owned(),
                        |other| format!("that is a {other}")
                    )
                )));
            }
        }
        Ok(())
    }

    /// All texts that people read and no rule of their own restricts.
    fn texts(&self) -> impl Iterator<Item = &String> {
        let of_runs = self.runs.iter().flat_map(|run| {
            let inputs = &run.inputs;
            let seats = inputs.judges.iter().chain(&inputs.verifiers);
            let seats = seats.chain([&inputs.policy]);
            seats
                .flat_map(|seat| seat.grants.iter().chain(&seat.model).chain([&seat.name]))
                .chain(
                    inputs
                        .prompts
                        .iter()
                        .flat_map(|prompt| [&prompt.name, &prompt.plugin, &prompt.version]),
                )
                .chain([&inputs.command, &run.data_fingerprint])
                .chain(&inputs.options)
        });
        of_runs.chain([&self.kernel, &self.name, &self.title])
    }
}

/// Paths are sorted, none stands twice in any spelling, and none is a folder of another.
fn check_paths(members: &[Member]) -> Result<(), ManifestError> {
    let wrong = |reason: String| Err(ManifestError::Contradiction(reason));
    let mut folded: BTreeMap<String, &MemberPath> = BTreeMap::new();
    for pair in members.windows(2) {
        if pair[0].path >= pair[1].path {
            return wrong(format!(
                "the members aren't sorted, or one stands twice: {} before {}",
                pair[0].path, pair[1].path
            ));
        }
    }
    for member in members {
        let path = &member.path;
        let first = path.as_str().split('/').next().unwrap_or_default();
        if path.as_str() == MANIFEST || first == "signatures" || first == "attestations" {
            return wrong(format!("{path}: a member may not be called so"));
        }
        if let Some(other) = folded.insert(path.folded(), path) {
            return wrong(format!("{other} and {path} differ in case alone"));
        }
        if member.plain.is_some() != path.as_str().ends_with(".age") {
            return wrong(format!(
                "{path}: a member is encrypted if its path ends in .age, and only then"
            ));
        }
    }
    for path in folded.keys() {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        for folder in folders {
            if let Some(file) = folded.get(folder) {
                return wrong(format!("{file} is a file and a folder"));
            }
        }
    }
    Ok(())
}
