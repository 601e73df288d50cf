//! Statements about a bundle, in the form of in-toto (Statement v1): how it came to be, and that
//! somebody ran it again.
//!
//! A statement says something (its predicate) of some files (its subjects, named by digest). It
//! has one text only, canonical JSON and a line feed, and no times: the same bundle gives the
//! same statement on every day. Provenance is SLSA's predicate, v1; a [`Replay`] is our own.

use proctor_episode::canonical;
use proctor_host::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Largest statement, in bytes.
pub const STATEMENT_BYTES_MAX: usize = 8 << 20;
/// Longest note in a [`Replay`], in bytes.
pub const NOTE_BYTES_MAX: usize = 2_000;
/// Most subjects, dependencies, commands or runs of a statement, each.
const ITEMS_MAX: usize = 20_000;
/// Longest of the other texts, in bytes.
const TEXT_BYTES_MAX: usize = 8 << 10;

/// in-toto's name for the form of a statement.
const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// How a bundle is made: what `externalParameters` and `resolvedDependencies` mean.
pub const BUILD_TYPE: &str = "proctor:seal/v1";
/// Who makes bundles.
pub const BUILDER: &str = "proctor";

/// Why a text is no statement of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// It is too long.
    #[error("the statement has {bytes} bytes; at most {STATEMENT_BYTES_MAX} are read")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It isn't JSON of this form.
    #[error("the statement isn't of the form expected: {0}")]
    Form(String),
    /// It is about something else.
    #[error("the statement has the {key} `{found}`; `{expected}` was expected")]
    Type {
        /// The key that says so.
        key: &'static str,
        /// What it says.
        found: String,
        /// What it should say.
        expected: &'static str,
    },
    /// Something in it cannot be.
    #[error("the statement contradicts itself or a limit: {0}")]
    Content(String),
    /// It isn't in its one form.
    #[error(
        "the statement isn't in its one form (canonical JSON, RFC 8785, and a line feed): it was \
         written by another program or edited"
    )]
    NotCanonical,
}

/// What a statement can say.
pub trait Predicate: Serialize + DeserializeOwned {
    /// Its name, a URI.
    const TYPE: &'static str;

    /// Whether it can be so.
    ///
    /// # Errors
    /// What cannot.
    fn check(&self) -> Result<(), String>;
}

/// Something said of some files.
// Fields stand sorted, as canonical JSON has them; so do those of all types here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement<P> {
    #[serde(rename = "_type")]
    form: String,
    /// What is said.
    pub predicate: P,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    /// Of which files.
    pub subject: Vec<Resource>,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    /// Its digest.
    pub digest: DigestSet,
    /// Its path in the bundle, or what it is called.
    pub name: String,
}

impl Resource {
    /// A file of this name and digest.
    #[must_use]
    pub fn new(name: impl Into<String>, sha256: Digest) -> Self {
        Self {
            digest: DigestSet { sha256 },
            name: name.into(),
        }
    }
}

/// Digests of a file, of which we know one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DigestSet {
    /// SHA-256.
    pub sha256: Digest,
}

impl<P: Predicate> Statement<P> {
    /// Says something of files; they are sorted by name.
    #[must_use]
    pub fn new(mut subject: Vec<Resource>, predicate: P) -> Self {
        sort(&mut subject);
        Self {
            form: STATEMENT_TYPE.to_owned(),
            predicate,
            predicate_type: P::TYPE.to_owned(),
            subject,
        }
    }

    /// Reads a statement in its one form.
    ///
    /// # Errors
    /// When it is another, contradicts itself, or goes beyond a limit.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementError> {
        if bytes.len() > STATEMENT_BYTES_MAX {
            return Err(StatementError::TooLong { bytes: bytes.len() });
        }
        check_types::<P>(bytes)?;
        let statement: Self = serde_json::from_slice(bytes).map_err(form)?;
        statement.check().map_err(StatementError::Content)?;
        if statement.to_bytes() != bytes {
            return Err(StatementError::NotCanonical);
        }
        Ok(statement)
    }

    /// Its one form: canonical JSON and a line feed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = canonical::to_string(self);
        text.push('\n');
        text.into_bytes()
    }

    fn check(&self) -> Result<(), String> {
        if self.subject.is_empty() {
            return Err("it has no subject".to_owned());
        }
        check_resources("subject", &self.subject)?;
        self.predicate.check()
    }
}

/// Whether this is a statement, and of this kind: said before anything of its fields.
fn check_types<P: Predicate>(bytes: &[u8]) -> Result<(), StatementError> {
    #[derive(Deserialize)]
    struct Types {
        #[serde(rename = "_type")]
        form: String,
        #[serde(rename = "predicateType")]
        predicate_type: String,
    }
    let types: Types = serde_json::from_slice(bytes).map_err(form)?;
    let pairs = [
        ("_type", types.form, STATEMENT_TYPE),
        ("predicateType", types.predicate_type, P::TYPE),
    ];
    for (key, found, expected) in pairs {
        if found != expected {
            let shown = found.chars().take(80).flat_map(char::escape_debug);
            let found = shown.collect();
            return Err(StatementError::Type {
                key,
                found,
                expected,
            });
        }
    }
    Ok(())
}

fn form(error: serde_json::Error) -> StatementError {
    StatementError::Form(error.to_string())
}

/// How a bundle came to be: SLSA's provenance, v1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Provenance {
    /// From what, and by which commands.
    pub build_definition: BuildDefinition,
    /// By whom.
    pub run_details: RunDetails,
}

/// From what a bundle was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct BuildDefinition {
    /// What the rest means: [`BUILD_TYPE`].
    pub build_type: String,
    /// What somebody typed.
    pub external_parameters: Parameters,
    /// What went into the runs: suites, data, plugins, cassettes, prices.
    pub resolved_dependencies: Vec<Resource>,
}

/// What somebody typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// The commands that made the runs and the bundle, in order.
    pub commands: Vec<String>,
}

/// Who made a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunDetails {
    /// The program.
    pub builder: Builder,
}

/// The program that made a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Builder {
    /// [`BUILDER`].
    pub id: String,
    /// Versions of its parts.
    pub version: BuilderVersion,
}

/// Versions of the program's parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuilderVersion {
    /// The kernel's.
    pub proctor: String,
}

/// The statement of how files came to be: `outputs` by these commands from these dependencies, by
/// this version of the kernel. Files are sorted by name; commands keep their order.
#[must_use]
pub fn provenance(
    outputs: Vec<Resource>,
    commands: Vec<String>,
    mut dependencies: Vec<Resource>,
    kernel: &str,
) -> Statement<Provenance> {
    sort(&mut dependencies);
    let predicate = Provenance {
        build_definition: BuildDefinition {
            build_type: BUILD_TYPE.to_owned(),
            external_parameters: Parameters { commands },
            resolved_dependencies: dependencies,
        },
        run_details: RunDetails {
            builder: Builder {
                id: BUILDER.to_owned(),
                version: BuilderVersion {
                    proctor: kernel.to_owned(),
                },
            },
        },
    };
    Statement::new(outputs, predicate)
}

impl Predicate for Provenance {
    const TYPE: &'static str = "https://slsa.dev/provenance/v1";

    fn check(&self) -> Result<(), String> {
        let build = &self.build_definition;
        let builder = &self.run_details.builder;
        if build.build_type != BUILD_TYPE || builder.id != BUILDER {
            return Err(format!(
                "it must have the buildType {BUILD_TYPE} and the builder {BUILDER}"
            ));
        }
        let commands = &build.external_parameters.commands;
        if commands.len() > ITEMS_MAX {
            return Err(format!(
                "it has {} commands; at most {ITEMS_MAX} are read",
                commands.len()
            ));
        }
        commands
            .iter()
            .try_for_each(|command| check_text("commands", command))?;
        check_text("version", &builder.version.proctor)?;
        check_resources("resolvedDependencies", &build.resolved_dependencies)
    }
}

/// That runs were executed again and came out the same: what an auditor signs. Its subject is the
/// bundle's manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// Version of the kernel that ran them.
    pub kernel: String,
    /// What the auditor has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Each run that was executed again, in order of name.
    pub runs: Vec<ReplayedRun>,
    /// The store that they ran on: `sqlite` or `postgres`.
    pub store: String,
}

/// A run that was executed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayedRun {
    /// Episodes that were executed again.
    pub episodes: u64,
    /// Lines of telemetry that were compared.
    pub lines: u64,
    /// The run's name in the bundle.
    pub name: String,
    /// Episodes that the run has.
    pub of: u64,
    /// Summary tables that were compared.
    pub tables: u64,
    /// SHA-256 of the telemetry that came out, without `wall`.
    pub telemetry: Digest,
}

impl ReplayedRun {
    /// Whether every episode was executed again, and not a sample.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.episodes == self.of
    }
}

impl Replay {
    /// Whether every episode of these runs was executed again.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.runs.iter().all(ReplayedRun::is_whole)
    }

    /// The statement of it, about the manifest with this digest; the runs are sorted by name.
    ///
    /// # Errors
    /// When it contradicts itself or goes beyond a limit, such as a note that is too long.
    pub fn of_manifest(mut self, sha256: Digest) -> Result<Statement<Self>, StatementError> {
        self.runs.sort_by(|one, other| one.name.cmp(&other.name));
        let subject = vec![Resource::new(crate::MANIFEST, sha256)];
        let statement = Statement::new(subject, self);
        statement.check().map_err(StatementError::Content)?;
        Ok(statement)
    }
}

impl Predicate for Replay {
    const TYPE: &'static str = "proctor:replay/v1";

    fn check(&self) -> Result<(), String> {
        check_text("kernel", &self.kernel)?;
        check_text("store", &self.store)?;
        if let Some(note) = &self.note {
            check_text("note", note)?;
            if note.len() > NOTE_BYTES_MAX {
                return Err(format!("the note has more than {NOTE_BYTES_MAX} bytes"));
            }
        }
        if self.runs.is_empty() {
            return Err("it has no run".to_owned());
        }
        check_names("runs", self.runs.iter().map(|run| run.name.as_str()))?;
        for run in &self.runs {
            if run.episodes == 0 || run.episodes > run.of {
                return Err(format!(
                    "run {} replayed {} of {} episodes",
                    run.name, run.episodes, run.of
                ));
            }
        }
        Ok(())
    }
}

fn sort(resources: &mut [Resource]) {
    resources.sort_by(|one, other| one.name.cmp(&other.name));
}

fn check_resources(key: &str, resources: &[Resource]) -> Result<(), String> {
    check_names(key, resources.iter().map(|file| file.name.as_str()))
}

/// Names must be legal, sorted, and no two the same.
fn check_names<'a>(key: &str, names: impl ExactSizeIterator<Item = &'a str>) -> Result<(), String> {
    if names.len() > ITEMS_MAX {
        return Err(format!(
            "{key} has {} entries; at most {ITEMS_MAX} are read",
            names.len()
        ));
    }
    let mut last = "";
    for name in names {
        check_text(key, name)?;
        if last >= name {
            return Err(format!("{key} isn't sorted by name, or has `{name}` twice"));
        }
        last = name;
    }
    Ok(())
}

/// Texts are one line, not empty, not too long.
fn check_text(key: &str, text: &str) -> Result<(), String> {
    if text.trim().is_empty() || text.len() > TEXT_BYTES_MAX || text.contains(char::is_control) {
        return Err(format!(
            "{key} has a text that isn't one line of 1 to {TEXT_BYTES_MAX} bytes"
        ));
    }
    Ok(())
}
