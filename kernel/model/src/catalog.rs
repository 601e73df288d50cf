//! The models file: which models there are, how they are reached, and which agents are compared.

mod check;
mod file;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use toml::Spanned;

pub use file::models_schema;
pub(crate) use source::{FileError, Source, quoted};

use crate::chat::Sampling;
use crate::settings::{Catalog, ModelSettings, ProviderSettings, Structured};
use file::{AgentEntry, JudgeEntry, ModelEntry, ModelsFile, ProviderEntry};

/// Largest models file, in bytes.
const MODELS_FILE_BYTES_MAX: usize = 1 << 20;
/// Most texts that end a reply: OpenAI takes no more.
const STOP_TEXTS_MAX: usize = 4;

/// A models file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(transparent)]
pub struct CatalogError(#[from] pub FileError);

/// What a comparison of agents runs. What a file leaves open is for the caller to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    /// The agents, in the order of the file, no two of one name.
    pub agents: Vec<Agent>,
    /// Name or folder of the suite.
    pub suite: Option<String>,
    /// How often each agent does each task; at least 1.
    pub trials: Option<u32>,
    /// What chance follows from.
    pub seed: Option<u64>,
    /// Most tasks; at least 1.
    pub limit: Option<usize>,
    /// Which tasks, as `proctor run --filter` has it.
    pub filter: Vec<String>,
}

/// An agent to compare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// What people read instead of the name.
    pub label: Option<String>,
    /// A built-in policy or a file, which isn't looked for here.
    pub policy: String,
    /// The model that it asks: one of the catalog's.
    pub model: Option<String>,
    /// What the policy is told.
    pub parameters: BTreeMap<String, String>,
    /// Who else marks its episodes.
    pub judge: Option<AgentJudge>,
}

/// A judge and the model that it asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentJudge {
    /// A built-in judge or a file, which isn't looked for here.
    pub name: String,
    /// The model that it asks: one of the catalog's.
    pub model: String,
}

/// Reads a models file. Its providers and models are added to those of `base`, or stand instead
/// of those of the same name, with all they say; the agents are the file's alone.
///
/// # Errors
///
/// Whatever in the file isn't as the [schema](models_schema) says, names what isn't there, would
/// send a key in the open, or asks for what the provider's wire doesn't have: with `path`, line,
/// column, and what would be right. A key that was pasted into the file isn't repeated.
pub fn parse(
    text: &str,
    path: &Path,
    base: Option<&Catalog>,
) -> Result<(Catalog, Baseline), CatalogError> {
    let source = Source { path, text };
    let file: ModelsFile = source.parse(MODELS_FILE_BYTES_MAX)?;
    let mut catalog = base.cloned().unwrap_or_default();
    for (name, entry) in &file.provider {
        let settings = provider(source, name, entry)?;
        catalog.providers.insert(settings.name.clone(), settings);
    }
    for (name, entry) in &file.model {
        let settings = model(source, name, entry)?;
        check_provider(source, &catalog, entry)?;
        catalog.models.insert(settings.name.clone(), settings);
    }
    check_wires(source, &file, &catalog)?;
    let baseline = baseline(source, file, &catalog)?;
    Ok((catalog, baseline))
}

fn provider(
    source: Source<'_>,
    name: &Spanned<String>,
    entry: &ProviderEntry,
) -> Result<ProviderSettings, FileError> {
    let count = |key, value, bounds| check::count(source, key, value, bounds);
    let (key_env, auth) = check::key(source, entry)?;
    let concurrency = entry.concurrency_max.as_ref();
    let per_minute = entry.requests_per_minute_max.as_ref();
    let attempts = entry.attempts_max.as_ref();
    Ok(ProviderSettings {
        name: check::name(source, name)?,
        wire: entry.wire,
        base_url: check::base_url(source, entry)?,
        key_env,
        auth,
        concurrency_max: count("concurrency_max", concurrency, (8, 10_000))? as usize,
        requests_per_minute_max: per_minute
            .map(|value| count("requests_per_minute_max", Some(value), (1, 1_000_000)))
            .transpose()?,
        call_time_max: check::seconds(
            source,
            "call_time_max_s",
            entry.call_time_max_s.as_ref(),
            120,
        )?,
        attempts_max: count("attempts_max", attempts, (5, 100))?,
        pause_max: check::seconds(source, "pause_max_s", entry.pause_max_s.as_ref(), 60)?,
    })
}

fn model(
    source: Source<'_>,
    name: &Spanned<String>,
    entry: &ModelEntry,
) -> Result<ModelSettings, FileError> {
    let count = |key, value, bounds| check::count(source, key, value, bounds);
    let calls = entry.calls_per_episode_max.as_ref();
    Ok(ModelSettings {
        name: check::name(source, name)?,
        provider: entry.provider.get_ref().clone(),
        id: check::text(source, "id", &entry.id)?,
        sampling: sampling(source, entry)?,
        seeded: entry.seeded,
        tokens_max: count("tokens_max", entry.tokens_max.as_ref(), (2_048, 1_000_000))?,
        completion_tokens: entry.completion_tokens,
        structured: entry.structured.unwrap_or(Structured::Schema),
        prompt_cache: entry.prompt_cache,
        calls_per_episode_max: count("calls_per_episode_max", calls, (200, 100_000))?,
        episode_time_max: check::seconds(
            source,
            "episode_time_max_s",
            entry.episode_time_max_s.as_ref(),
            1_200,
        )?,
    })
}

fn sampling(source: Source<'_>, entry: &ModelEntry) -> Result<Sampling, FileError> {
    if let Some(surplus) = entry.stop.get(STOP_TEXTS_MAX) {
        let message = format!("`stop` has at most {STOP_TEXTS_MAX} texts");
        return Err(source.wrong(surplus, message));
    }
    if let Some(empty) = entry.stop.iter().find(|text| text.get_ref().is_empty()) {
        return Err(source.wrong(empty, "an empty text in `stop` would end every reply"));
    }
    let (temperature, top_p) = (entry.temperature.as_ref(), entry.top_p.as_ref());
    Ok(Sampling {
        temperature: check::share(source, "temperature", temperature, (true, 2.0))?,
        top_p: check::share(source, "top_p", top_p, (false, 1.0))?,
        seed: None,
        stop: entry
            .stop
            .iter()
            .map(|text| text.get_ref().clone())
            .collect(),
    })
}

fn check_provider(
    source: Source<'_>,
    catalog: &Catalog,
    entry: &ModelEntry,
) -> Result<(), FileError> {
    let name = entry.provider.get_ref();
    if catalog.providers.contains_key(name) {
        return Ok(());
    }
    let known: Vec<&str> = catalog.providers.keys().map(String::as_str).collect();
    let message = format!(
        "there is no provider {}{}",
        quoted(name),
        hint(nearest(name, &known), &known)
    );
    Err(source.wrong(&entry.provider, message))
}

/// Also of models of the base whose provider the file replaces.
fn check_wires(source: Source<'_>, file: &ModelsFile, catalog: &Catalog) -> Result<(), FileError> {
    for (name, settings) in &catalog.models {
        let Some(provider) = catalog.providers.get(&settings.provider) else {
            continue;
        };
        let Some(why) = check::unfit(provider.wire, settings) else {
            continue;
        };
        let places = file.model.keys().filter(|key| key.get_ref() == name);
        let providers = file.provider.keys();
        let place = places
            .chain(providers.filter(|key| *key.get_ref() == settings.provider))
            .next();
        let at = place.map_or(0, |place| place.span().start);
        return Err(source.error(at, format!("model {}: {why}", quoted(name))));
    }
    Ok(())
}

fn baseline(
    source: Source<'_>,
    file: ModelsFile,
    catalog: &Catalog,
) -> Result<Baseline, FileError> {
    let mut names = BTreeSet::new();
    let mut agents = Vec::with_capacity(file.agent.len());
    for entry in &file.agent {
        let agent = agent(source, entry, catalog)?;
        if !names.insert(agent.name.clone()) {
            let message = format!("there is another agent {}", quoted(&agent.name));
            return Err(source.wrong(&entry.name, message));
        }
        agents.push(agent);
    }
    if let Some(limit) = file.limit.as_ref().filter(|limit| *limit.get_ref() == 0) {
        return Err(source.wrong(
            limit,
            "`limit` must be at least 1; without it all tasks run",
        ));
    }
    let trials = file.trials.as_ref();
    Ok(Baseline {
        agents,
        suite: file.suite,
        trials: trials
            .map(|trials| check::count(source, "trials", Some(trials), (1, u32::MAX)))
            .transpose()?,
        seed: file.seed,
        limit: file.limit.map(Spanned::into_inner),
        filter: file.filter,
    })
}

fn agent(source: Source<'_>, entry: &AgentEntry, catalog: &Catalog) -> Result<Agent, FileError> {
    let model = |name: &Spanned<String>| model_named(source, name, catalog);
    let judge = |judge: &JudgeEntry| {
        Ok(AgentJudge {
            name: check::text(source, "name", &judge.name)?,
            model: model(&judge.model)?,
        })
    };
    Ok(Agent {
        name: check::name(source, &entry.name)?,
        label: entry.label.clone(),
        policy: check::text(source, "policy", &entry.policy)?,
        model: entry.model.as_ref().map(model).transpose()?,
        parameters: entry
            .parameters
            .iter()
            .map(|(name, value)| Ok((name.clone(), parameter(source, name, value)?)))
            .collect::<Result<_, FileError>>()?,
        judge: entry.judge.as_ref().map(judge).transpose()?,
    })
}

/// A model that an agent names, if the catalog has it.
fn model_named(
    source: Source<'_>,
    name: &Spanned<String>,
    catalog: &Catalog,
) -> Result<String, FileError> {
    match catalog.model(name.get_ref()) {
        Ok((model, _)) => Ok(model.name.clone()),
        Err(unknown) => Err(source.wrong(name, unknown.to_string())),
    }
}

/// A parameter as text; a fraction as it stands in the file, which no float would keep.
fn parameter(
    source: Source<'_>,
    name: &str,
    value: &Spanned<toml::Value>,
) -> Result<String, FileError> {
    match value.get_ref() {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Boolean(flag) => Ok(flag.to_string()),
        toml::Value::Float(number) if number.is_finite() => {
            Ok(source.literal(value.span()).to_owned())
        }
        _ => {
            let message = format!(
                "the parameter {} must be a text, a number, true or false",
                quoted(name)
            );
            Err(source.wrong(value, message))
        }
    }
}

/// A model that the catalog doesn't have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct UnknownModel {
    /// What was asked for.
    pub name: String,
    /// What was probably meant.
    pub nearest: Option<String>,
    /// All there are, in order.
    pub known: Vec<String>,
}

impl fmt::Display for UnknownModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = hint(self.nearest.as_deref(), &self.known);
        write!(f, "there is no model {}{hint}", quoted(&self.name))
    }
}

impl Catalog {
    /// A model with its provider.
    ///
    /// # Errors
    ///
    /// There is no model of this name, or none whose provider is there too.
    pub fn model(&self, name: &str) -> Result<(&ModelSettings, &ProviderSettings), UnknownModel> {
        let reached = |model| self.reached(model);
        self.models.get(name).and_then(reached).ok_or_else(|| {
            let models = self.models.values().filter_map(reached);
            let known: Vec<String> = models.map(|(model, _)| model.name.clone()).collect();
            UnknownModel {
                name: name.to_owned(),
                nearest: nearest(name, &known).map(str::to_owned),
                known,
            }
        })
    }

    fn reached<'a>(
        &'a self,
        model: &'a ModelSettings,
    ) -> Option<(&'a ModelSettings, &'a ProviderSettings)> {
        Some((model, self.providers.get(&model.provider)?))
    }
}

/// How like two names must be for one to be suggested for the other.
const LIKENESS_LEAST: f64 = 0.82;

/// The name spelt most like this one, if any is like enough; the first of equals.
fn nearest<'a, T: AsRef<str>>(name: &str, known: &'a [T]) -> Option<&'a str> {
    // Comparing is quadratic.
    let name: String = name.chars().take(100).collect::<String>().to_lowercase();
    let mut best = None;
    let mut highest = LIKENESS_LEAST;
    for candidate in known.iter().map(AsRef::as_ref) {
        let likeness = strsim::jaro_winkler(&name, &candidate.to_lowercase());
        if likeness > highest {
            (best, highest) = (Some(candidate), likeness);
        }
    }
    best
}

/// Most names that a message lists.
const LISTED_MAX: usize = 20;

/// What a message says after naming what isn't there.
fn hint<T: AsRef<str>>(nearest: Option<&str>, known: &[T]) -> String {
    if let Some(nearest) = nearest {
        return format!("; did you mean `{nearest}`?");
    }
    if known.is_empty() {
        return "; none is known".to_owned();
    }
    let names = known.iter().take(LISTED_MAX);
    let names: Vec<&str> = names.map(AsRef::as_ref).collect();
    let more = if known.len() > LISTED_MAX {
        ", …"
    } else {
        ""
    };
    format!("; known are {}{more}", names.join(", "))
}
