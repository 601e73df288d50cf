//! The suites and data that come with the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use proctor_episode::Suite;
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
