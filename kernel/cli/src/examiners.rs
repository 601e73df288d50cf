//! Finding and loading plugins: those that come with the program by name, others by file.

use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use proctor_episode::Verify;
use proctor_host::{
    FirstParty, Grant, Host, Judge, Limits, LoadError, ORACLE, Plugin, Policy, Verifier, World,
};

use crate::exit::Failure;
use crate::models::ModelRequest;
use crate::prompts::Prompts;

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

/// A component, not yet loaded.
#[derive(Clone, Debug)]
pub struct Component {
    /// Name under which it takes part.
    pub name: String,
    /// What it was asked for by: a built-in name, a path, a bundle's member.
    place: String,
    /// Its file.
    pub wasm: Cow<'static, [u8]>,
    /// Whether it is the examiner's own oracle, which is granted gold.
    gold: bool,
}

impl Component {
    /// The one with this built-in name, or in this file. Gold is granted to the built-in oracle
    /// and to nothing else, whatever a file is called.
    pub fn named(name: &str) -> Result<Self, Failure> {
        if let Some(known) = FirstParty::named(name) {
            return Ok(Self {
                name: known.name.to_owned(),
                place: name.to_owned(),
                wasm: Cow::Borrowed(known.wasm),
                gold: known.name == ORACLE,
            });
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
        Ok(Self {
            name: label.into_owned(),
            place: name.to_owned(),
            wasm: Cow::Owned(wasm),
            gold: false,
        })
    }

    /// One from a bundle. Gold is granted to a component that is this program's oracle to the
    /// byte, and to nothing else, whatever the bundle says.
    pub fn sealed(name: &str, member: &str, wasm: Vec<u8>) -> Self {
        let oracle = FirstParty::named(ORACLE);
        Self {
            name: name.to_owned(),
            place: member.to_owned(),
            gold: oracle.is_some_and(|oracle| oracle.wasm == wasm),
            wasm: Cow::Owned(wasm),
        }
    }

    /// What it is granted beyond what its world may have.
    pub fn grants(&self, model: bool) -> Vec<Grant> {
        let gold = self.gold.then_some(Grant::Gold);
        gold.into_iter()
            .chain(model.then_some(Grant::Model))
            .collect()
    }

    /// The same, by name.
    pub fn grant_names(&self, model: bool) -> Vec<String> {
        let name = |grant: Grant| match grant {
            Grant::Gold => "gold",
            Grant::Model => "model",
        };
        let grants = self.grants(model).into_iter();
        grants.map(|grant| name(grant).to_owned()).collect()
    }

    /// Loads it; a model is granted only where the operator assigned one.
    pub fn load(&self, host: &Host, model: bool) -> Result<Plugin, Failure> {
        host.load(&self.name, &self.wasm, &self.grants(model))
            .map_err(|error| wrong(&self.place, &error))
    }

    fn policy(&self, host: &Host, model: bool) -> Result<Policy, Failure> {
        host.policy(&self.load(host, model)?)
            .map_err(|error| self.fails(&error))
    }

    fn verifier(&self, host: &Host) -> Result<Verifier, Failure> {
        host.verifier(&self.load(host, false)?)
            .map_err(|error| self.fails(&error))
    }

    fn judge(&self, host: &Host, model: bool) -> Result<Judge, Failure> {
        host.judge(&self.load(host, model)?)
            .map_err(|error| self.fails(&error))
    }

    fn fails(&self, error: &LoadError) -> Failure {
        Failure::input(format!("{}: {error}", self.place))
    }
}

/// A plugin by built-in name or by file, to be looked at: whoever runs it decides about a model.
pub fn plugin(host: &Host, name: &str) -> Result<Plugin, Failure> {
    Component::named(name)?.load(host, true)
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

/// A policy by built-in name or by file, linked.
pub fn policy(host: &Host, name: &str, model: bool) -> Result<Policy, Failure> {
    Component::named(name)?.policy(host, model)
}

/// Verifiers that mark every examination, in this order, before those that the operator adds.
const VERIFIERS: [&str; 3] = ["end-state", "refusal", "answer"];

/// Who takes part in an examination, and with which texts.
pub struct Seats {
    /// Who is examined.
    pub policy: Component,
    /// Who marks: `end-state`, `refusal` and `answer`, then further ones.
    pub verifiers: Vec<Component>,
    /// Who judges.
    pub judges: Vec<Component>,
    /// Their texts.
    pub prompts: Prompts,
    /// Calls for a policy that plays given ones.
    pub script: Option<String>,
}

impl Seats {
    /// Those that the command line names.
    pub fn named(
        policy: &str,
        verifiers: &[PathBuf],
        asked: &ModelRequest,
        script: Option<String>,
    ) -> Result<Self, Failure> {
        let policy = Component::named(policy)?;
        let judges = asked
            .judges
            .iter()
            .map(|judge| Component::named(&judge.name))
            .collect::<Result<Vec<_>, _>>()?;
        let names: Vec<&str> = std::iter::once(&policy)
            .chain(&judges)
            .map(|component| component.name.as_str())
            .collect();
        Ok(Self {
            prompts: Prompts::of(&names, &asked.prompts)?,
            verifiers: Component::verifiers(verifiers)?,
            policy,
            judges,
            script,
        })
    }

    /// All of them, linked. The judges ask `judge_models`, one each.
    pub fn link(&self, host: &Host, asked: &ModelRequest) -> Result<Linked, Failure> {
        let judges = self.judges.iter().zip(&asked.judges);
        Ok(Linked {
            policy: self.policy.policy(host, asked.model.is_some())?,
            verifiers: Verifiers::link(host, &self.verifiers)?,
            judges: judges
                .map(|(judge, asked)| judge.judge(host, asked.model.is_some()))
                .collect::<Result<_, _>>()?,
        })
    }
}

impl Component {
    /// The verifiers that mark every examination, and these files.
    fn verifiers(further: &[PathBuf]) -> Result<Vec<Self>, Failure> {
        let further = further.iter().map(|path| path.to_string_lossy());
        VERIFIERS
            .into_iter()
            .map(Into::into)
            .chain(further)
            .map(|name| Self::named(&name))
            .collect()
    }
}

/// Who takes part, ready to.
pub struct Linked {
    /// Who is examined.
    pub policy: Policy,
    /// Who marks.
    pub verifiers: Verifiers,
    /// Who judges.
    pub judges: Vec<Judge>,
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
    /// The first-party ones alone.
    pub fn own(host: &Host) -> Result<Self, Failure> {
        Self::link(host, &Component::verifiers(&[])?)
    }

    fn link(host: &Host, components: &[Component]) -> Result<Self, Failure> {
        let [end_state, refusal, answer, further @ ..] = components else {
            return Err(Failure::input("a verifier is missing").hint(format!(
                "every examination is marked by {}",
                VERIFIERS.join(", ")
            )));
        };
        Ok(Self {
            end_state: end_state.verifier(host)?,
            refusal: refusal.verifier(host)?,
            answer: answer.verifier(host)?,
            further: further
                .iter()
                .map(|component| component.verifier(host))
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
