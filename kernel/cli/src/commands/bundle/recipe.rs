//! Recipes: which runs a bundle is made of, and how they are made.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::keys;
use super::seal::Request;
use crate::args::{Mode, StoreOption};
use crate::commands::baseline::{Agents, Sitting, chosen};
use crate::commands::run::jobs;
use crate::exit::Failure;
use crate::models::Offer;
use crate::seeds;
use crate::workers::Source;

/// A recipe's file. Paths are relative to it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Recipe {
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

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RecipeMode {
    Record,
    Replay,
    Auto,
}

/// Makes the runs of a recipe in a folder, where they aren't there yet, and puts them into the
/// request.
pub fn make(
    path: &Path,
    folder: &Path,
    workers: Option<u32>,
    request: &mut Request,
) -> Result<(), Failure> {
    let wrong = |reason: String| Failure::input(format!("{}: {reason}", path.display()));
    let recipe: Recipe = toml::from_str(&keys::read(path)?)
        .map_err(|error| wrong(error.to_string().trim_end().to_owned()))?;
    let beside = |other: &PathBuf| path.parent().unwrap_or(Path::new("")).join(other);
    let mut offer = Offer::default();
    let mut listed =
        offer.add_models(seeds::text(seeds::MODELS), &seeds::place(seeds::MODELS))?;
    if let Some(file) = &recipe.models {
        let file = beside(file);
        listed = offer.add_models(&keys::read(&file)?, &file)?;
    }
    offer.add_prices(seeds::text(seeds::PRICES), &seeds::place(seeds::PRICES))?;
    if let Some(file) = &recipe.prices {
        let file = beside(file);
        offer.add_prices(&keys::read(&file)?, &file)?;
    }
    if let Some(text) = &recipe.budget_usd {
        let budget = text.parse();
        offer.budget_usd = Some(budget.map_err(|error| wrong(format!("budget_usd: {error}")))?);
    }
    let agents = chosen(&listed, &recipe.agents)?;
    let suite = match (&recipe.suite, &listed.suite) {
        (Some(named), _) | (None, Some(named)) if seeds::suites().contains(&named.as_str()) => {
            named.clone()
        }
        (Some(named), _) | (None, Some(named)) => {
            beside(&PathBuf::from(named)).to_string_lossy().into_owned()
        }
        (None, None) => "crm-core".to_owned(),
    };
    let filter = match recipe.filter.is_empty() {
        true => &listed.filter,
        false => &recipe.filter,
    };
    let sitting = Sitting::of(
        &suite,
        filter,
        recipe.limit.or(listed.limit),
        recipe.trials.or(listed.trials),
        recipe.seed.or(listed.seed),
    )?;
    let sqlite = StoreOption {
        store: Some("sqlite".into()),
    };
    let stopped = sitting.examine_all(&Agents {
        offer: &offer,
        agents: &agents,
        cassettes: &recipe
            .cassettes
            .as_ref()
            .map_or_else(|| folder.join("cassettes"), beside),
        mode: Some(match recipe.mode {
            Some(RecipeMode::Record) => Mode::Record,
            Some(RecipeMode::Replay) => Mode::Replay,
            Some(RecipeMode::Auto) | None => Mode::Auto,
        }),
        source: &Source::of(&sqlite, None, &sitting.suite.data)?,
        out: folder,
        resume: true,
        jobs: jobs(workers),
    })?;
    if let Some(finish) = stopped {
        let reason = finish.budget_stop.unwrap_or_else(|| "interrupted".to_owned());
        return Err(Failure::input(format!("the recipe's runs aren't complete: {reason}"))
            .hint("with --runs-in DIR they are kept, and the same command goes on with them"));
    }
    request.name = recipe.name;
    request.title.get_or_insert(recipe.title);
    request.runs = agents
        .iter()
        .map(|agent| (agent.name.clone(), folder.join(&agent.name)))
        .collect();
    request.documents.extend(recipe.documents.iter().map(beside));
    Ok(())
}
