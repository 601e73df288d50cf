//! That the bill of materials, docs/sbom.cdx.json, says what the program consists of.
//!
//! It is CycloneDX 1.6: the program, the crates it is linked from, their licences and digests,
//! and which needs which. It has no serial number and no time, so that it changes only with them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::{assert_none, root, source};

const SBOM: &str = "docs/sbom.cdx.json";
/// How to bring it up to date.
const RENEW: &str = "cargo test -p proctor --test tidy -- --ignored sbom";
/// The machines that the program is sealed for: crates for others are left out.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// What cargo knows of the workspace and everything it builds with.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .args(["--filter-platform", PLATFORM])
        .current_dir(root())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "cargo metadata: {errors}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("no text `{key}` in {value}"))
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key]
        .as_array()
        .unwrap_or_else(|| panic!("no list `{key}` in {value}"))
}

/// Packages by cargo's id, and what each is linked from.
struct Packages<'a> {
    by_id: BTreeMap<&'a str, &'a Value>,
    links: BTreeMap<&'a str, Vec<&'a str>>,
}

impl<'a> Packages<'a> {
    fn new(metadata: &'a Value) -> Self {
        let packages = list(metadata, "packages").iter();
        let nodes = list(&metadata["resolve"], "nodes").iter();
        Self {
            by_id: packages.map(|found| (text(found, "id"), found)).collect(),
            links: nodes.map(|node| (text(node, "id"), linked(node))).collect(),
        }
    }

    /// The program's package.
    fn program(&self) -> &'a str {
        let mut found = self.by_id.iter();
        found
            .find(|(_, package)| text(package, "name") == "proctor")
            .map(|(id, _)| *id)
            .unwrap()
    }

    /// All that a package is linked from, itself included.
    fn within(&self, id: &'a str) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::from([id]);
        let mut open = vec![id];
        while let Some(id) = open.pop() {
            let new = self.links[id].iter().filter(|link| found.insert(link));
            open.extend(new);
        }
        found
    }
}

/// What a package needs to run, and not only to be built or tested.
fn linked(node: &Value) -> Vec<&str> {
    let deps = list(node, "deps").iter();
    deps.filter(|dep| {
        list(dep, "dep_kinds")
            .iter()
            .any(|kind| kind["kind"].is_null())
    })
    .map(|dep| text(dep, "pkg"))
    .collect()
}

fn purl(package: &Value) -> String {
    let (name, version) = (text(package, "name"), text(package, "version"));
    format!("pkg:cargo/{name}@{version}")
}

/// SHA-256 of packages as they were published, by name and version.
fn checksums(lock: &toml::Table) -> BTreeMap<(&str, &str), &str> {
    let packages = lock["package"].as_array().unwrap().iter();
    packages
        .filter_map(|package| {
            let key = |key: &str| package.get(key)?.as_str();
            Some(((key("name")?, key("version")?), key("checksum")?))
        })
        .collect()
}

fn component(package: &Value, kind: &str, checksum: Option<&str>) -> Value {
    let reference = purl(package);
    // Older manifests write `/` where SPDX has `OR`.
    let expression = package["license"].as_str().unwrap_or_default();
    let expression = expression.replace(" / ", " OR ").replace('/', " OR ");
    let mut component = json!({
        "type": kind,
        "bom-ref": reference,
        "name": text(package, "name"),
        "version": text(package, "version"),
        "licenses": [{"expression": expression}],
        "purl": reference,
    });
    if let Some(checksum) = checksum {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    component
}

/// The bill of materials as of today.
fn made() -> String {
    let (metadata, lock) = (metadata(), source("Cargo.lock").toml());
    let (packages, checksums) = (Packages::new(&metadata), checksums(&lock));
    let program = packages.program();
    let within = packages.within(program);
    let mut components = BTreeMap::new();
    let mut dependencies = BTreeMap::new();
    for id in &within {
        let package = packages.by_id[id];
        let key = (text(package, "name"), text(package, "version"));
        let kind = if *id == program {
            "application"
        } else {
            "library"
        };
        let checksum = checksums.get(&key).copied();
        components.insert(key, component(package, kind, checksum));
        let needs = packages.links[id].iter();
        let needs: BTreeSet<String> = needs.map(|need| purl(packages.by_id[need])).collect();
        dependencies.insert(key, json!({"ref": purl(package), "dependsOn": needs}));
    }
    assert_eq!(
        components.len(),
        within.len(),
        "two packages of one name and version"
    );
    let package = packages.by_id[program];
    let key = (text(package, "name"), text(package, "version"));
    let program = components.remove(&key);
    let sbom = json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": program},
        "components": components.into_values().collect::<Vec<_>>(),
        "dependencies": dependencies.into_values().collect::<Vec<_>>(),
    });
    format!("{sbom:#}\n")
}

#[test]
fn the_sbom_is_what_the_program_consists_of() {
    let published = fs::read_to_string(root().join(SBOM)).unwrap_or_default();
    assert!(
        published == made(),
        "{SBOM} is not what Cargo.lock gives: `{RENEW}`"
    );
}

#[test]
#[ignore = "writes docs/sbom.cdx.json anew"]
fn the_sbom_is_written_anew() {
    fs::write(root().join(SBOM), made()).unwrap();
}

#[test]
fn the_sbom_names_licence_and_digest_of_everything() {
    let sbom: Value = serde_json::from_slice(&source(SBOM).bytes).unwrap();
    assert_eq!(text(&sbom, "bomFormat"), "CycloneDX");
    assert_eq!(text(&sbom, "specVersion"), "1.6");
    assert_eq!(sbom["version"], 1);
    assert_eq!(text(&sbom["metadata"]["component"], "name"), "proctor");
    let components = list(&sbom, "components");
    let named: BTreeSet<&str> = components.iter().map(|found| text(found, "name")).collect();
    for name in [
        "proctor-crm",
        "wasmtime",
        "libsqlite3-sys",
        "minisign",
        "age",
    ] {
        assert!(named.contains(name), "{name} is missing");
    }
    assert!(!named.contains("proptest"), "proptest is for tests only");
    let breaches: Vec<String> = components.iter().flat_map(breaches).collect();
    assert_none(&breaches);
}

/// What a component lacks.
fn breaches(component: &Value) -> Vec<String> {
    let purl = text(component, "purl");
    let mut found = Vec::new();
    if text(component, "type") != "library" || text(component, "bom-ref") != purl {
        found.push(format!("{SBOM}: {purl} has another type or reference"));
    }
    if text(&component["licenses"][0], "expression").is_empty() {
        found.push(format!("{SBOM}: {purl} has no licence: say it by hand"));
    }
    let hash = component["hashes"][0]["content"].as_str();
    let ours = text(component, "name").starts_with("proctor-");
    if !ours && hash.is_none_or(|hash| hash.len() != 64) {
        found.push(format!("{SBOM}: {purl} has no SHA-256"));
    }
    found
}
