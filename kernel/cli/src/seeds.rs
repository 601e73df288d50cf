//! The suites and data that come with the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use proctor_episode::Suite;
use proctor_model::{Baseline, Catalog, PriceList, parse_catalog};
use proctor_store::Snapshot;

use crate::exit::Failure;

static SEEDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../seeds");

/// Names of the built-in suites.
pub fn suites() -> Vec<&'static str> {
    let mut names: Vec<&str> = SEEDS
        .get_dir("suites")
        .into_iter()
        .flat_map(Dir::dirs)
        .filter_map(|dir| dir.path().file_name()?.to_str())
        .collect();
    names.sort_unstable();
    names
}

/// A suite by name, or the one in a folder.
pub fn suite(name: &str) -> Result<Suite, Failure> {
    let inside = format!("suites/{name}");
    if let Some(dir) = SEEDS.get_dir(&inside) {
        let manifest = PathBuf::from(format!("seeds/{inside}/suite.toml"));
        return Ok(Suite::from_files(
            &manifest,
            &files(dir),
            &canonical_files(),
        )?);
    }
    let folder = Path::new(name);
    if folder.is_dir() {
        return Ok(Suite::load(folder)?);
    }
    let known = suites().join(", ");
    Err(
        Failure::input(format!("no suite `{name}`: neither built in nor a folder"))
            .hint(format!("built-in suites: {known}")),
    )
}

/// The built-in canonical data.
pub fn canonical() -> Result<Snapshot, Failure> {
    Ok(Suite::data_from_files(&canonical_files())?)
}

fn canonical_files() -> BTreeMap<PathBuf, String> {
    SEEDS.get_dir("canonical").map(files).unwrap_or_default()
}

fn files(dir: &Dir<'_>) -> BTreeMap<PathBuf, String> {
    dir.files()
        .filter(|file| file.path().extension().is_some_and(|kind| kind == "toml"))
        .filter_map(|file| {
            Some((
                Path::new("seeds").join(file.path()),
                file.contents_utf8()?.to_owned(),
            ))
        })
        .collect()
}

/// Version and texts of a built-in plugin's prompts: the latest version there is.
pub fn prompts(plugin: &str) -> (String, BTreeMap<String, String>) {
    let Some(of_plugin) = SEEDS.get_dir(format!("prompts/{plugin}")) else {
        return Default::default();
    };
    let number = |dir: &Dir<'_>| -> Option<u32> {
        let name = dir.path().file_name()?.to_str()?;
        name.strip_prefix('v')?.parse().ok()
    };
    let Some(latest) = of_plugin
        .dirs()
        .filter(|dir| number(dir).is_some())
        .max_by_key(|dir| number(dir))
    else {
        return Default::default();
    };
    let texts = latest
        .files()
        .filter(|file| file.path().extension().is_some_and(|kind| kind == "md"))
        .filter_map(|file| {
            let name = file.path().file_stem()?.to_str()?;
            Some((name.to_owned(), file.contents_utf8()?.to_owned()))
        })
        .collect();
    let version = number(latest).map_or_else(String::new, |number| format!("v{number}"));
    (version, texts)
}

/// The built-in models, and the agents that are compared by default.
pub fn models() -> Result<(Catalog, Baseline), Failure> {
    let path = Path::new("models.toml");
    parse_catalog(text(path), &Path::new("seeds").join(path), None).map_err(Failure::input)
}

/// The built-in price list.
pub fn prices() -> Result<PriceList, Failure> {
    let path = Path::new("prices.toml");
    PriceList::parse(text(path), &Path::new("seeds").join(path)).map_err(Failure::input)
}

fn text(path: &Path) -> &'static str {
    SEEDS
        .get_file(path)
        .and_then(|file| file.contents_utf8())
        .unwrap_or_default()
}
