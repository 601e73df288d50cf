//! What is pinned: the components that come with the kernel, and the contract itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use proctor_host::{Action, Digest, FIRST_PARTY, Grant, LoadError, ORACLE, World};

use crate::{JUDGE, POLICY, STAGE, VERIFIER, message, repository, setting, test_component, verify};

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
    let test: BTreeMap<_, _> = [JUDGE, VERIFIER, POLICY]
        .map(|name| {
            let wasm = test_component(name);
            let digest = Digest::of(&wasm).to_string();
            (name.to_owned(), (digest, wasm.len()))
        })
        .into();
    assert_eq!(test, locked("test"));
}

/// All that a component of this world may import, its grants included.
fn allowed(world: World, name: &str) -> BTreeSet<String> {
    let mut own: Vec<&str> = match world {
        World::Verifier => vec!["episode", "gold", "log"],
        World::Policy => vec!["toolbox", "memory", "prompts", "log"],
        World::Judge => vec!["episode", "prompts", "log"],
        World::Teacher => panic!("no teacher comes with the kernel"),
    };
    if name == ORACLE {
        own.push("examiner");
    }
    if ASK_A_MODEL.contains(&name) {
        own.push("model");
    }
    let types = ["about", "data", "trajectory", "failures", "verdicts"];
    own.iter()
        .chain(&types)
        .map(|name| format!("proctor:plugin/{name}@0.1.1"))
        .collect()
}

/// The components that ask a model, and nobody else does.
const ASK_A_MODEL: [&str; 3] = ["judge-answer", "model-agent", "model-react"];

#[test]
fn the_components_import_what_their_worlds_allow_and_only_the_oracle_sees_gold() {
    let policies = [
        "model-agent",
        "model-react",
        "noop",
        "oracle",
        "scripted",
        "student-sim",
    ];
    for known in FIRST_PARTY {
        let granted = STAGE
            .host
            .load(known.name, known.wasm, &[Grant::Gold, Grant::Model]);
        let plugin = granted.unwrap();
        let oracle = known.name == ORACLE;
        let world = if policies.contains(&known.name) {
            World::Policy
        } else if known.name == "judge-answer" {
            World::Judge
        } else {
            World::Verifier
        };
        assert_eq!(plugin.world, world, "{}", known.name);
        let allowed = allowed(world, known.name);
        for import in &plugin.imports {
            assert!(allowed.contains(import), "{} imports {import}", known.name);
        }
        let asks = |what: &str| {
            plugin
                .imports
                .contains(&format!("proctor:plugin/{what}@0.1.1"))
        };
        let model = ASK_A_MODEL.contains(&known.name);
        assert_eq!(asks("examiner"), oracle, "{}", known.name);
        assert_eq!(asks("model"), model, "{}", known.name);
        match STAGE.host.load(known.name, known.wasm, &[]) {
            Ok(_) => assert!(!oracle && !model, "{}", known.name),
            Err(LoadError::ForbiddenImport { import, .. }) => {
                assert!(oracle || model, "{}", known.name);
                assert!(
                    import.contains("examiner") || import.contains("model"),
                    "{import}"
                );
            }
            Err(other) => panic!("{}: {other}", known.name),
        }
        let linked = match world {
            World::Policy => STAGE.host.policy(&plugin).map(|policy| policy.describe()),
            World::Judge => STAGE.host.judge(&plugin).map(|judge| judge.describe()),
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

/// SHA-256 over the files of each version in `wit/`, one after the other in order of name.
const RELEASED: [(&str, &str); 2] = [
    (
        "0.1.0",
        "2cefe51d6b340c4cc3c9ecf0dffe69b392c6150862f084fa814d59f4582ecb79",
    ),
    (
        "0.1.1",
        "551a44a4005a750ec7a0cb9c0abbeca53f12f7db4590274116e54b1c9929694a",
    ),
];

#[test]
fn the_released_contract_is_as_it_was() {
    for (version, digest) in RELEASED {
        let folder = repository().join("wit").join(version);
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
            digest,
            "wit/{version} has changed, comments included; components in the world are built \
             against it, so a released contract is never edited: add a directory for the new \
             version beside it"
        );
    }
}

#[test]
fn components_of_an_earlier_version_run_as_before() {
    let old = |name: &str| {
        let path = format!("kernel/host/tests/fixtures/0.1.0/{name}.wasm");
        let wasm = fs::read(repository().join(path)).unwrap();
        STAGE.host.load(name, &wasm, &[]).unwrap()
    };
    let policy = old("noop");
    assert!(
        policy
            .imports
            .iter()
            .any(|import| import.ends_with("@0.1.0"))
    );
    let policy = STAGE.host.policy(&policy).unwrap();
    let mut session = policy.open(setting(&[])).unwrap();
    assert!(matches!(
        session.next(&message("Hello")).unwrap(),
        Action::Answer(_) | Action::Decline(_)
    ));
    let verifier = STAGE.host.verifier(&old("end-state")).unwrap();
    assert!(verify(&verifier, "Hello").verdict.unwrap().pass);
}
