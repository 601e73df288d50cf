//! Recipes: which runs a bundle is made of, and how they are made.

use std::path::{Path, PathBuf};

use proctor_bundle::Manifest;
use proctor_model::{Agent, Baseline};
use serde::Deserialize;

use super::keys;
use super::seal::Request;
use crate::args::{Mode, SealOptions, StoreOption};
use crate::commands::baseline::{Agents, Sitting, chosen};
use crate::commands::run::jobs;
use crate::exit::Failure;
use crate::models::Offer;
use crate::seeds;
use crate::workers::Source;

/// A recipe's file. Paths are relative to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecipeFile {
    /// Name of the bundle.
    name: String,
    /// What it is, in a line.
    title: String,
    /// Models file that lists the agents; without one, the built-in agents.
    models: Option<PathBuf>,
    /// Price list beside the built-in one.
    prices: Option<PathBuf>,
    /// Agents, in order; all if none are named.
    #[serde(default)]
    agents: Vec<String>,
    /// Suite: a built-in name, or a folder. Here and below, without one, what the models file
    /// says.
    suite: Option<String>,
    #[serde(default)]
    filter: Vec<String>,
    limit: Option<usize>,
    trials: Option<u32>,
    seed: Option<u64>,
    /// Folder with a cassette an agent that asks a model.
    cassettes: Option<PathBuf>,
    /// What is done with recordings: as `--mode` has it.
    mode: Option<RecipeMode>,
    /// Most US dollars that may be spent.
    budget_usd: Option<String>,
    /// Documents to add.
    #[serde(default)]
    documents: Vec<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RecipeMode {
    Record,
    Replay,
    Auto,
}

/// A recipe, and where it lies.
struct Recipe<'a> {
    path: &'a Path,
    file: RecipeFile,
}

/// Makes the runs of a recipe in a folder, where they aren't there yet, and puts them into the
/// request.
pub fn make(
    path: &Path,
    options: &SealOptions,
    folder: &Path,
    request: &mut Request,
) -> Result<(), Failure> {
    let recipe = Recipe::read(path)?;
    let name = options.name.as_ref().unwrap_or(&recipe.file.name).clone();
    if !Manifest::is_name(&name) {
        return Err(recipe.wrong(format!("{name:?} is no name of a bundle")));
    }
    let documents = recipe.documents()?;
    let (offer, listed) = recipe.offer()?;
    let agents = chosen(&listed, &recipe.file.agents)?;
    if options.runs_in.is_none() {
        recipe.check_recordings_stay(&agents)?;
    }
    let sitting = recipe.sitting(&listed)?;
    let sqlite = StoreOption {
        store: Some("sqlite".into()),
    };
    let stopped = sitting.examine_all(&Agents {
        offer: &offer,
        agents: &agents,
        cassettes: &recipe.cassettes(folder),
        mode: Some(recipe.mode()),
        source: &Source::of(&sqlite, None, &sitting.suite.data)?,
        out: folder,
        resume: true,
        jobs: jobs(options.jobs),
    })?;
    if let Some(finish) = stopped {
        let reason = finish.budget_stop;
        let reason = reason.unwrap_or_else(|| "interrupted".to_owned());
        return Err(
            Failure::input(format!("the recipe's runs aren't complete: {reason}"))
                .hint("with --runs-in DIR they are kept, and the same command goes on with them"),
        );
    }
    request.name = name;
    request.title.get_or_insert(recipe.file.title);
    request.runs = agents
        .iter()
        .map(|agent| (agent.name.clone(), folder.join(&agent.name)))
        .collect();
    request.documents.extend(documents);
    Ok(())
}

impl<'a> Recipe<'a> {
    fn read(path: &'a Path) -> Result<Self, Failure> {
        let text = keys::read(path)?;
        let file = toml::from_str(&text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.unwrap_or_default().matches('\n').count() + 1;
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            Failure::input(format!("{}:{line}: {message}", path.display()))
        })?;
        Ok(Self { path, file })
    }

    fn wrong(&self, reason: impl std::fmt::Display) -> Failure {
        Failure::input(format!("{}: {reason}", self.path.display()))
    }

    /// A path as the recipe has it.
    fn beside(&self, other: &Path) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(other)
    }

    /// The documents, which must be there before runs are made for nothing.
    fn documents(&self) -> Result<Vec<PathBuf>, Failure> {
        let files = self.file.documents.iter().map(|file| self.beside(file));
        let files: Vec<PathBuf> = files.collect();
        match files.iter().find(|file| !file.is_file()) {
            Some(file) => Err(self.wrong(format!("documents: {} is no file", file.display()))),
            None => Ok(files),
        }
    }

    /// Models and prices, and the agents that are listed.
    fn offer(&self) -> Result<(Offer, Baseline), Failure> {
        let mut offer = Offer::default();
        let mut listed =
            offer.add_models(seeds::text(seeds::MODELS), &seeds::place(seeds::MODELS))?;
        if let Some(file) = &self.file.models {
            let file = self.beside(file);
            listed = offer.add_models(&keys::read(&file)?, &file)?;
        }
        offer.add_prices(seeds::text(seeds::PRICES), &seeds::place(seeds::PRICES))?;
        if let Some(file) = &self.file.prices {
            let file = self.beside(file);
            offer.add_prices(&keys::read(&file)?, &file)?;
        }
        if let Some(text) = &self.file.budget_usd {
            let budget = text.parse();
            offer.budget_usd =
                Some(budget.map_err(|error| self.wrong(format!("budget_usd: {error}")))?);
        }
        Ok((offer, listed))
    }

    /// What the agents sit: what the recipe doesn't say, the list of agents does.
    fn sitting(&self, listed: &Baseline) -> Result<Sitting, Failure> {
        let file = &self.file;
        let named = file.suite.as_ref().or(listed.suite.as_ref());
        let suite = match named {
            None => "crm-core".to_owned(),
            Some(name) if seeds::suites().contains(&name.as_str()) => name.clone(),
            Some(folder) => self
                .beside(Path::new(folder))
                .to_string_lossy()
                .into_owned(),
        };
        let filter = match file.filter.is_empty() {
            true => &listed.filter,
            false => &file.filter,
        };
        Sitting::of(
            &suite,
            filter,
            file.limit.or(listed.limit),
            file.trials.or(listed.trials),
            file.seed.or(listed.seed),
        )
    }

    fn mode(&self) -> Mode {
        match self.file.mode {
            Some(RecipeMode::Record) => Mode::Record,
            Some(RecipeMode::Replay) => Mode::Replay,
            Some(RecipeMode::Auto) | None => Mode::Auto,
        }
    }

    /// Where the recordings are.
    fn cassettes(&self, runs: &Path) -> PathBuf {
        match &self.file.cassettes {
            Some(folder) => self.beside(folder),
            None => runs.join("cassettes"),
        }
    }

    /// What models say costs money: it may not be lost with a temporary folder.
    fn check_recordings_stay(&self, agents: &[Agent]) -> Result<(), Failure> {
        let asks = |agent: &Agent| agent.model.is_some() || agent.judge.is_some();
        let records = self.file.mode != Some(RecipeMode::Replay);
        match agents.iter().find(|agent| asks(agent)) {
            Some(agent) if records && self.file.cassettes.is_none() => Err(self
                .wrong(format!(
                    "{} asks a model, and its recording would be lost with the temporary folder",
                    agent.name
                ))
                .hint("--runs-in DIR keeps it, or `cassettes = \"DIR\"` in the recipe")),
            _ => Ok(()),
        }
    }
}
