//! Components as plugins: what they are, whether they behave, and files that are none.

use std::fs;

use insta::assert_snapshot;

use crate::proctor::{Ran, Sandbox, repository};
use crate::records::SMALL;

/// A sandbox with the first-party components as files.
fn with_files() -> Sandbox {
    let sandbox = Sandbox::with_small_suite();
    for name in ["oracle", "noop", "end-state"] {
        let wasm = fs::read(repository(&format!("plugins/dist/{name}.wasm"))).unwrap();
        sandbox.write(&format!("{name}.wasm"), wasm);
    }
    sandbox
}

fn examine(sandbox: &Sandbox, policy: &str) -> Ran {
    sandbox.proctor(["run", "--suite", SMALL, "--policy", policy, "--out", "out"])
}

#[test]
fn a_component_file_is_examined_like_a_built_in_one() {
    let sandbox = with_files();
    assert_snapshot!(examine(&sandbox, "noop.wasm").page(), @"");
    let built_in = sandbox.proctor(["run", "--suite", SMALL, "--policy", "noop"]).succeeded();
    let summary = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    let from_file = sandbox.proctor(["run", "--suite", SMALL, "--policy", "noop.wasm"]).succeeded();
    assert_eq!(summary(&from_file.stdout), summary(&built_in.stdout));
}

#[test]
fn what_is_no_policy_is_refused_before_anything_is_run() {
    let sandbox = with_files();
    sandbox.write("words.wasm", "not a component");
    sandbox.write("empty.wasm", "");
    let noop = fs::read(sandbox.path("noop.wasm")).unwrap();
    sandbox.write("cut.wasm", &noop[..noop.len() / 2]);
    // A core module: magic and version, without the component layer.
    sandbox.write("module.wasm", b"\0asm\x01\0\0\0");
    // A component that has nothing in it.
    sandbox.write("hollow.wasm", b"\0asm\x0d\0\x01\0");
    fs::create_dir(sandbox.path("folder.wasm")).unwrap();
    assert_snapshot!(examine(&sandbox, "words.wasm").page(), @"");
    assert_snapshot!(examine(&sandbox, "empty.wasm").page(), @"");
    assert_snapshot!(examine(&sandbox, "cut.wasm").page(), @"");
    assert_snapshot!(examine(&sandbox, "module.wasm").page(), @"");
    assert_snapshot!(examine(&sandbox, "hollow.wasm").page(), @"");
    assert_snapshot!(examine(&sandbox, "missing.wasm").page(), @"");
    assert_snapshot!(examine(&sandbox, "folder.wasm").page(), @"");
    assert_snapshot!(examine(&sandbox, "end-state.wasm").page(), @"");
    assert!(!sandbox.path("out").exists());
}

#[test]
fn only_the_built_in_oracle_sees_the_solutions() {
    let sandbox = with_files();
    assert_snapshot!(examine(&sandbox, "oracle.wasm").page(), @"");
    fs::copy(sandbox.path("oracle.wasm"), sandbox.path("oracle")).unwrap();
    assert_snapshot!(examine(&sandbox, "./oracle").page(), @"");
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_policy_is_no_verifier() {
    let sandbox = with_files();
    let options = ["run", "--suite", SMALL, "--policy", "noop", "--verifier", "noop.wasm"];
    assert_snapshot!(sandbox.proctor(options).page(), @"");
}

#[test]
fn list_shows_the_built_in_ones() {
    let sandbox = Sandbox::new();
    let listed = sandbox.proctor(["plugin", "list", "--json"]).json();
    let named: Vec<String> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| {
            let text = |key: &str| plugin[key].as_str().unwrap();
            let simulated = if plugin["simulated"] == true { ", simulated" } else { "" };
            format!("{}: {}{simulated}, granted {}", text("name"), text("world"), plugin["grants"])
        })
        .collect();
    assert_snapshot!(named.join("\n"), @"");
    let table = sandbox.proctor(["plugin", "list"]).succeeded().stdout;
    for plugin in listed.as_array().unwrap() {
        let digest = plugin["digest"].as_str().unwrap();
        assert!(table.contains(&digest[..12]), "{table}");
        assert!(table.contains(plugin["summary"].as_str().unwrap()), "{table}");
    }
}

#[test]
fn inspect_shows_what_a_plugin_asks_for() {
    let sandbox = with_files();
    let page = |name: &str| {
        let text = sandbox.proctor(["plugin", "inspect", name]).page();
        // The size changes with every build.
        text.lines().filter(|line| !line.starts_with("size ")).collect::<Vec<_>>().join("\n")
    };
    assert_snapshot!(page("end-state"), @"");
    assert_eq!(page("end-state.wasm"), page("end-state"));
    assert_snapshot!(page("student-sim"), @"");
    assert_snapshot!(page("nobody"), @"");
    let size = fs::metadata(sandbox.path("noop.wasm")).unwrap().len();
    let noop = sandbox.proctor(["plugin", "inspect", "noop.wasm", "--json"]).json();
    assert_eq!(noop["bytes"].as_u64(), Some(size));
    assert_eq!(noop["digest"], sandbox.proctor(["plugin", "inspect", "noop", "--json"]).json()["digest"]);
}

#[test]
fn check_tries_a_plugin_on_every_case() {
    let sandbox = with_files();
    let check = |arguments: &[&str]| sandbox.proctor([&["plugin", "check"], arguments].concat());
    let without_count = |ran: &Ran| {
        let page = ran.page();
        page.replace(|character: char| character.is_ascii_digit(), "·")
    };
    assert_snapshot!(without_count(&check(&["noop"])), @"");
    assert_snapshot!(without_count(&check(&["end-state", "--against", "end-state.wasm"])), @"");
    // Two policies that act differently are not two builds of one.
    let other = check(&["oracle", "--against", "noop.wasm"]);
    assert_eq!(other.code, Some(4), "{}", other.page());
    assert!(other.stdout.starts_with("failed client-create-01: acts differently"), "{}", other.stdout);
}
