//! Finding and loading plugins: those that come with the program by name, others by file.

use std::fs;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use proctor_episode::Verify;
use proctor_host::{
    FirstParty, Grant, Host, Judge, Limits, LoadError, ORACLE, Plugin, Policy, Verifier, World,
};

use crate::exit::Failure;
use crate::models::JudgeRequest;

/// Folder of this user's cache for `proctor`.
pub fn cache_folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("PROCTOR_CACHE_DIR") {
        return Some(PathBuf::from(folder));
    }
    Some(
        etcetera::choose_base_strategy()
            .ok()?
            .cache_dir()
            .join("proctor"),
    )
}

/// A host that keeps compiled components in the user's cache. Where there is none to be had,
/// components are compiled each time.
pub fn host() -> Result<Host, Failure> {
    let folder = cache_folder().map(|folder| folder.join("components"));
    match Host::new(Limits::default(), folder.as_deref()) {
        Ok(host) => Ok(host),
        Err(proctor_host::LoadError::Cache(error)) => {
            crate::terminal::note(format!(
                "note: components are compiled anew each time: {error}"
            ));
            Ok(Host::new(Limits::default(), None)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// A plugin by built-in name or by file. Gold is granted to the built-in oracle and to nothing
/// else, whatever a file is called.
pub fn plugin(host: &Host, name: &str) -> Result<Plugin, Failure> {
    // Only looked at: whoever runs it decides about a model.
    granted(host, name, true)
}

/// The same; a model is granted only where the operator assigned one.
fn granted(host: &Host, name: &str, model: bool) -> Result<Plugin, Failure> {
    let mut grants = Vec::new();
    if model {
        grants.push(Grant::Model);
    }
    if let Some(known) = FirstParty::named(name) {
        if known.name == ORACLE {
            grants.push(Grant::Gold);
        }
        return host
            .load(known.name, known.wasm, &grants)
            .map_err(|error| wrong(name, &error));
    }
    let path = Path::new(name);
    let size = fs::metadata(path)
        .map_err(|error| unknown(name, &error))?
        .len();
    if size > Limits::COMPONENT_BYTES_MAX as u64 {
        let limit = Limits::COMPONENT_BYTES_MAX;
        return Err(Failure::input(format!(
            "{name} has {size} bytes; a component has at most {limit}"
        )));
    }
    let wasm = fs::read(path).map_err(|error| unknown(name, &error))?;
    let label = path
        .file_stem()
        .map_or_else(|| name.into(), |stem| stem.to_string_lossy());
    host.load(&label, &wasm, &grants)
        .map_err(|error| wrong(name, &error))
}

fn wrong(name: &str, error: &LoadError) -> Failure {
    let failure = Failure::input(format!("{name}: {error}"));
    match error {
        LoadError::ForbiddenImport { world, import, .. }
            if import.starts_with("proctor:plugin/model@") =>
        {
            failure.hint(match world {
                World::Judge => "it asks a model: name one with --judge-model",
                _ => "it asks a model: name one with --model",
            })
        }
        _ => failure,
    }
}

fn unknown(name: &str, error: &std::io::Error) -> Failure {
    let known: Vec<&str> = proctor_host::FIRST_PARTY
        .iter()
        .map(|plugin| plugin.name)
        .collect();
    Failure::input(format!(
        "{name}: neither a built-in plugin nor a file that can be read: {error}"
    ))
    .hint(format!("built-in plugins: {}", known.join(", ")))
}

/// A policy, linked.
pub fn policy(host: &Host, name: &str, model: bool) -> Result<Policy, Failure> {
    let plugin = granted(host, name, model)?;
    host.policy(&plugin)
        .map_err(|error| Failure::input(format!("{name}: {error}")))
}

/// A verifier, linked.
pub fn verifier(host: &Host, name: &str) -> Result<Verifier, Failure> {
    let plugin = plugin(host, name)?;
    host.verifier(&plugin)
        .map_err(|error| Failure::input(format!("{name}: {error}")))
}

/// Judges, linked, in this order.
pub fn judges(host: &Host, requests: &[JudgeRequest]) -> Result<Vec<Judge>, Failure> {
    let linked = |request: &JudgeRequest| {
        let plugin = granted(host, &request.name, request.model.is_some())?;
        host.judge(&plugin)
            .map_err(|error| Failure::input(format!("{}: {error}", request.name)))
    };
    requests.iter().map(linked).collect()
}

/// The verifiers that mark an examination.
pub struct Verifiers {
    /// Marks every episode.
    pub end_state: Verifier,
    /// Marks negative tasks.
    pub refusal: Verifier,
    /// Marks answers.
    pub answer: Verifier,
    /// Further ones, for every episode.
    pub further: Vec<Verifier>,
}

impl Verifiers {
    /// The first-party ones, and these files.
    pub fn load(host: &Host, further: &[PathBuf]) -> Result<Self, Failure> {
        let named = |name: &str| verifier(host, name);
        Ok(Self {
            end_state: named("end-state")?,
            refusal: named("refusal")?,
            answer: named("answer")?,
            further: further
                .iter()
                .map(|path| verifier(host, &path.to_string_lossy()))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Those that mark every episode.
    pub fn every_episode(&self) -> Vec<&dyn Verify> {
        let further = self.further.iter().map(|verifier| verifier as &dyn Verify);
        std::iter::once(&self.end_state as &dyn Verify)
            .chain(further)
            .collect()
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Verifier> {
        [&self.end_state, &self.refusal, &self.answer]
            .into_iter()
            .chain(&self.further)
    }
}
