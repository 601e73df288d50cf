//! Which crate may know which.

use std::collections::BTreeSet;

use toml::{Table, Value};

use crate::{Source, assert_none, source, sources};

/// Most crates of others that ours name, in both workspaces together. Raising it is a decision:
/// docs/dependencies.md says what each is for.
const DIRECT_DEPENDENCIES_MAX: usize = 54;

/// The kernel's crates, by folder: each may use those before it and no other.
const LAYERS: [&str; 10] = [
    "crm", "store", "host", "model", "episode", "learn", "bundle", "report", "serve", "cli",
];

fn manifests() -> impl Iterator<Item = Source> {
    sources().into_iter().filter(Source::is_manifest)
}

/// Crates of ours that only tests may use, and so any of them.
const FOR_TESTS: [&str; 2] = ["proctor-cluster", "proctor-provider"];

/// Crates that a manifest names, whatever for.
fn dependencies(manifest: &Table) -> BTreeSet<String> {
    dependencies_of(
        manifest,
        &["dependencies", "dev-dependencies", "build-dependencies"],
    )
}

/// Crates that a manifest names for these purposes.
fn dependencies_of(manifest: &Table, kinds: &[&str]) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let tables = targets
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    tables
        .chain([manifest])
        .flat_map(|table| kinds.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .flat_map(|table| table.keys().cloned())
        .collect()
}

/// Place of a package in [`LAYERS`].
fn layer(package: &str) -> Option<usize> {
    let name = match package {
        "proctor" => "cli",
        other => other.strip_prefix("proctor-")?,
    };
    LAYERS.iter().position(|layer| *layer == name)
}

/// What is wrong with a crate of the kernel, given what it is called and what it names.
fn breaches_of_layer(package: &str, folder: &str, named: &BTreeSet<String>) -> Vec<String> {
    let Some(own) = layer(package).filter(|own| folder == LAYERS[*own]) else {
        return vec![format!("kernel/{folder}: {package} is no layer")];
    };
    named
        .iter()
        .filter(|name| name.starts_with("proctor"))
        .filter(|name| layer(name).is_none_or(|other| other >= own))
        .map(|name| format!("kernel/{folder}: {package} may not know {name}"))
        .collect()
}

#[test]
fn a_crate_knows_only_the_layers_above_it() {
    let mut breaches = Vec::new();
    let mut seen = 0;
    for source in manifests() {
        let Some(file) = source.path.strip_prefix("kernel/") else {
            continue;
        };
        let manifest = source.toml();
        let package = manifest["package"]["name"].as_str().unwrap();
        let folder = file.strip_suffix("/Cargo.toml").unwrap();
        // Fuzz targets are a workspace of their own inside the crate that they examine.
        if folder.ends_with("/fuzz") {
            continue;
        }
        let mut named = dependencies(&manifest);
        let shipped = dependencies_of(&manifest, &["dependencies", "build-dependencies"]);
        named.retain(|name| shipped.contains(name) || !FOR_TESTS.contains(&name.as_str()));
        breaches.extend(breaches_of_layer(package, folder, &named));
        seen += 1;
    }
    assert!(seen >= 5, "only {seen} crates of the kernel were found");
    assert_none(&breaches);
}

#[test]
fn a_breach_of_the_layers_is_found() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert!(
        breaches_of_layer("proctor-host", "host", &names(&["proctor-crm", "serde"])).is_empty()
    );
    assert_eq!(
        breaches_of_layer("proctor-host", "host", &names(&["proctor-episode"])).len(),
        1
    );
    assert_eq!(
        breaches_of_layer("proctor-host", "host", &names(&["proctor-host"])).len(),
        1
    );
    assert_eq!(
        breaches_of_layer("proctor-crm", "crm", &names(&["proctor-sdk"])).len(),
        1
    );
    assert_eq!(
        breaches_of_layer("proctor-extra", "extra", &names(&[])).len(),
        1
    );
    let manifest = "[dependencies]\na = \"1\"\n[target.'cfg(unix)'.dev-dependencies]\nb = \"1\"";
    assert_eq!(dependencies(&manifest.parse().unwrap()), names(&["a", "b"]));
}

#[test]
fn every_dependency_is_accounted_for() {
    let manifests: Vec<Table> = manifests().map(|source| source.toml()).collect();
    let ours: BTreeSet<&str> = manifests
        .iter()
        .filter_map(|manifest| manifest.get("package")?.get("name")?.as_str())
        .collect();
    let theirs = |name: &String| !ours.contains(name.as_str());
    let used: BTreeSet<String> = manifests
        .iter()
        .flat_map(dependencies)
        .filter(theirs)
        .collect();
    let declared = manifests
        .iter()
        .filter_map(|manifest| manifest.get("workspace")?.get("dependencies")?.as_table())
        .flat_map(Table::keys)
        .filter(|name| theirs(name));
    let page = source("docs/dependencies.md");
    let explained: BTreeSet<&str> = page
        .text()
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split_once('`')?.0))
        .collect();

    let mut breaches = Vec::new();
    for name in declared.filter(|name| !used.contains(*name)) {
        breaches.push(format!("Cargo.toml: no crate uses {name}"));
    }
    for name in used
        .iter()
        .filter(|name| !explained.contains(name.as_str()))
    {
        breaches.push(format!("docs/dependencies.md: says nothing of {name}"));
    }
    for name in explained.iter().filter(|name| !used.contains(**name)) {
        breaches.push(format!("docs/dependencies.md: no crate uses {name}"));
    }
    let count = used.len();
    if count > DIRECT_DEPENDENCIES_MAX {
        breaches.push(format!(
            "{count} direct dependencies; at most {DIRECT_DEPENDENCIES_MAX}"
        ));
    }
    assert_none(&breaches);
}

#[test]
fn lock_files_know_one_registry() {
    // The name that Cargo gives its default registry, wherever a machine fetches it from.
    let standard = format!(
        "registry+https://github.com/rust-lang/{}.{}-index",
        "crates", "io"
    );
    for path in ["Cargo.lock", "plugins/Cargo.lock"] {
        let lock = source(path).toml();
        let packages = lock["package"].as_array().unwrap();
        let sources: BTreeSet<&str> = packages
            .iter()
            .filter_map(|package| package.get("source")?.as_str())
            .collect();
        assert_eq!(sources, BTreeSet::from([standard.as_str()]), "{path}");
    }
}
