//! What is pinned: the components that come with the kernel, and the contract itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proctor_host::{Digest, FIRST_PARTY, Grant, LoadError, ORACLE, World};

use crate::{POLICY, STAGE, VERIFIER, repository, test_component};

/// Digest and size of each component in a list of the lock file.
fn locked(list: &str) -> BTreeMap<String, (String, usize)> {
    let path = repository().join("plugins/dist/plugins.lock");
    let lock: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
    let entries = lock[list].as_array().unwrap();
    entries
        .iter()
        .map(|entry| {
            let sha256 = entry["sha256"].as_str().unwrap().to_owned();
            let bytes = usize::try_from(entry["bytes"].as_integer().unwrap()).unwrap();
            (entry["name"].as_str().unwrap().to_owned(), (sha256, bytes))
        })
        .collect()
}

#[test]
fn the_components_are_those_of_the_lock_file() {
    let embedded: BTreeMap<_, _> = FIRST_PARTY
        .iter()
        .map(|plugin| {
            let digest = Digest::of(plugin.wasm).to_string();
            (plugin.name.to_owned(), (digest, plugin.wasm.len()))
        })
        .collect();
    assert_eq!(embedded, locked("plugin"));
    let test: BTreeMap<_, _> = [VERIFIER, POLICY]
        .map(|name| {
            let wasm = test_component(name);
            let digest = Digest::of(&wasm).to_string();
            (name.to_owned(), (digest, wasm.len()))
        })
        .into();
    assert_eq!(test, locked("test"));
}

/// All that a component of this world may import, its grants included.
fn allowed(world: World, gold: bool) -> BTreeSet<String> {
    let own: &[&str] = match (world, gold) {
        (World::Verifier, false) => &["episode", "gold", "log"],
        (World::Policy, false) => &["toolbox", "memory", "log"],
        (World::Policy, true) => &["toolbox", "memory", "log", "examiner"],
        other => panic!("nothing that comes with the kernel is a {other:?}"),
    };
    let types = ["about", "data", "trajectory", "failures", "verdicts"];
    own.iter()
        .chain(&types)
        .map(|name| format!("proctor:plugin/{name}@0.1.0"))
        .collect()
}

#[test]
fn the_components_import_what_their_worlds_allow_and_only_the_oracle_sees_gold() {
    let policies = ["noop", "oracle", "scripted", "student-sim"];
    for known in FIRST_PARTY {
        let granted = STAGE
            .host
            .load(known.name, known.wasm, &[Grant::Gold, Grant::Model]);
        let plugin = granted.unwrap();
        let oracle = known.name == ORACLE;
        let policy = policies.contains(&known.name);
        let world = if policy {
            World::Policy
        } else {
            World::Verifier
        };
        assert_eq!(plugin.world, world, "{}", known.name);
        let allowed = allowed(world, oracle);
        for import in &plugin.imports {
            assert!(allowed.contains(import), "{} imports {import}", known.name);
        }
        let examiner = "proctor:plugin/examiner@0.1.0".to_owned();
        assert_eq!(plugin.imports.contains(&examiner), oracle, "{}", known.name);
        match STAGE.host.load(known.name, known.wasm, &[]) {
            Ok(_) => assert!(!oracle),
            Err(LoadError::ForbiddenImport { import, .. }) => {
                assert!(oracle, "{}", known.name);
                assert_eq!(import, examiner);
            }
            Err(other) => panic!("{}: {other}", known.name),
        }
        let linked = match world {
            World::Policy => STAGE.host.policy(&plugin).map(|policy| policy.describe()),
            _ => STAGE
                .host
                .verifier(&plugin)
                .map(|verifier| verifier.describe()),
        };
        let description = linked.unwrap().unwrap();
        assert_eq!(description.name, known.name);
        assert_eq!(description.simulated, known.name == "student-sim");
    }
}

/// SHA-256 over the files of `wit/0.1.0`, one after the other in order of name.
const WIT_0_1_0: &str = "2cefe51d6b340c4cc3c9ecf0dffe69b392c6150862f084fa814d59f4582ecb79";

#[test]
fn the_released_contract_is_as_it_was() {
    let folder = repository().join("wit/0.1.0");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "wit"))
        .collect();
    files.sort();
    let text: Vec<u8> = files
        .iter()
        .flat_map(|path| fs::read(path).unwrap())
        .collect();
    assert_eq!(
        Digest::of(&text).to_string(),
        WIT_0_1_0,
        "wit/0.1.0 has changed, comments included; components in the world are built against it, \
         so a released contract is never edited: add a directory for the new version beside it"
    );
}
