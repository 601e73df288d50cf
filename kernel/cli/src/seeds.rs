//! The suites and data that come with the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use proctor_episode::{Suite, SuiteFiles};
use proctor_store::Snapshot;

use crate::exit::Failure;

static SEEDS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../seeds");

/// The built-in models file.
pub const MODELS: &str = "models.toml";
/// The built-in price list.
pub const PRICES: &str = "prices.toml";

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
    let folder = Path::new(name);
    if !is_built_in(name) && folder.is_dir() {
        return Ok(Suite::load(folder)?);
    }
    Ok(suite_files(name)?.compile()?)
}

fn is_built_in(name: &str) -> bool {
    SEEDS.get_dir(format!("suites/{name}")).is_some()
}

/// The files of a suite by name, or of the one in a folder.
pub fn suite_files(name: &str) -> Result<SuiteFiles, Failure> {
    let inside = format!("suites/{name}");
    if let Some(dir) = SEEDS.get_dir(&inside) {
        return Ok(SuiteFiles {
            manifest: PathBuf::from(format!("seeds/{inside}/suite.toml")),
            suite: files(dir),
            data: canonical_files(),
        });
    }
    let folder = Path::new(name);
    if folder.is_dir() {
        return Ok(SuiteFiles::read(folder)?);
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

/// Where a built-in file stands.
pub fn place(path: &str) -> PathBuf {
    Path::new("seeds").join(path)
}

/// The text of a built-in file.
pub fn text(path: &str) -> &'static str {
    SEEDS
        .get_file(path)
        .and_then(|file| file.contents_utf8())
        .unwrap_or_default()
}
