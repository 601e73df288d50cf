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
    assert_snapshot!(examine(&sandbox, "noop.wasm").page(), @r#"
        ── stdout
        small · noop.wasm
         kind                         tasks  episodes  passed  success  95 %        reward   share
         create_new_opportunity           1         1       0    0.0 %  0.0–79.3 %   0.500  46.2 %
         modify_opportunity               1         1       0    0.0 %  0.0–79.3 %   0.333  30.8 %
         client_search                    1         1       0    0.0 %  0.0–79.3 %   0.250  15.4 %
         modify_client                    1         1       0    0.0 %  0.0–79.3 %   0.500   7.7 %
         tasks that ask for a change      2         2       0    0.0 %  0.0–65.8 %   0.417
         negative tasks                   1         1       0    0.0 %  0.0–79.3 %   0.500
         read-only tasks                  1         1       0    0.0 %  0.0–79.3 %   0.250
         all                              4         4       0    0.0 %  0.0–49.0 %   0.396
        weighted by the customer's frequencies: 0.0 % (0.0–56.4 %)
        outcomes: 4 fail
        ── exit code 0
        "#);
    let built_in = sandbox
        .proctor(["run", "--suite", SMALL, "--policy", "noop"])
        .succeeded();
    let summary = |text: &str| text.split_once('\n').unwrap().1.to_owned();
    let from_file = sandbox
        .proctor(["run", "--suite", SMALL, "--policy", "noop.wasm"])
        .succeeded();
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
    assert_snapshot!(examine(&sandbox, "words.wasm").page(), @r#"
        ── stderr
        error: words.wasm: not a WebAssembly component: it doesn't begin with the bytes that WebAssembly begins with
        ── exit code 1
        "#);
    assert_snapshot!(examine(&sandbox, "empty.wasm").page(), @r#"
        ── stderr
        error: empty.wasm: not a WebAssembly component: the file is empty
        ── exit code 1
        "#);
    // What exactly is out of bounds changes with every build.
    let cut = examine(&sandbox, "cut.wasm");
    assert_eq!(cut.code, Some(1));
    assert!(
        cut.stderr
            .starts_with("error: cut.wasm: not a WebAssembly component: "),
        "{}",
        cut.stderr
    );
    assert!(cut.stderr.contains("out of bounds"), "{}", cut.stderr);
    assert_snapshot!(examine(&sandbox, "module.wasm").page(), @r#"
        ── stderr
        error: module.wasm: not a WebAssembly component: it is a core module; `wasm-tools component new` makes a component of one
        ── exit code 1
        "#);
    assert_snapshot!(examine(&sandbox, "hollow.wasm").page(), @r#"
        ── stderr
        error: hollow.wasm: exports none of the interfaces that a plugin exports (proctor:plugin/verification@0.1.1, proctor:plugin/judging@0.1.1, proctor:plugin/acting@0.1.1, proctor:plugin/teaching@0.1.1); it exports: nothing
        ── exit code 1
        "#);
    assert_snapshot!(examine(&sandbox, "missing.wasm").page(), @r#"
        ── stderr
        error: missing.wasm: neither a built-in plugin nor a file that can be read: No such file or directory (os error 2)
        hint: built-in plugins: answer, end-state, judge-answer, model-agent, model-react, noop, oracle, refusal, scripted, student-sim
        ── exit code 1
        "#);
    assert_snapshot!(examine(&sandbox, "folder.wasm").page(), @r#"
        ── stderr
        error: folder.wasm: neither a built-in plugin nor a file that can be read: Is a directory (os error 21)
        hint: built-in plugins: answer, end-state, judge-answer, model-agent, model-react, noop, oracle, refusal, scripted, student-sim
        ── exit code 1
        "#);
    assert_snapshot!(examine(&sandbox, "end-state.wasm").page(), @r#"
        ── stderr
        error: end-state.wasm: is a verifier, not a policy
        ── exit code 1
        "#);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn only_the_built_in_oracle_sees_the_solutions() {
    let sandbox = with_files();
    assert_snapshot!(examine(&sandbox, "oracle.wasm").page(), @r#"
        ── stderr
        error: oracle.wasm: imports `proctor:plugin/examiner@0.1.1`, which a policy is not granted; it may import: proctor:plugin/toolbox@0.1.1, proctor:plugin/memory@0.1.1, proctor:plugin/prompts@0.1.1, proctor:plugin/log@0.1.1
        ── exit code 1
        "#);
    fs::copy(sandbox.path("oracle.wasm"), sandbox.path("oracle")).unwrap();
    assert_snapshot!(examine(&sandbox, "./oracle").page(), @r#"
        ── stderr
        error: ./oracle: imports `proctor:plugin/examiner@0.1.1`, which a policy is not granted; it may import: proctor:plugin/toolbox@0.1.1, proctor:plugin/memory@0.1.1, proctor:plugin/prompts@0.1.1, proctor:plugin/log@0.1.1
        ── exit code 1
        "#);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_policy_is_no_verifier() {
    let sandbox = with_files();
    let options = [
        "run",
        "--suite",
        SMALL,
        "--policy",
        "noop",
        "--verifier",
        "noop.wasm",
    ];
    assert_snapshot!(sandbox.proctor(options).page(), @r#"
        ── stderr
        error: noop.wasm: is a policy, not a verifier
        ── exit code 1
        "#);
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
            let simulated = if plugin["simulated"] == true {
                ", simulated"
            } else {
                ""
            };
            format!(
                "{}: {}{simulated}, granted {}",
                text("name"),
                text("world"),
                plugin["grants"]
            )
        })
        .collect();
    assert_snapshot!(named.join("\n"), @r#"
        answer: verifier, granted []
        end-state: verifier, granted []
        judge-answer: judge, granted ["model"]
        model-agent: policy, granted ["model"]
        model-react: policy, granted ["model"]
        noop: policy, granted []
        oracle: policy, granted ["gold"]
        refusal: verifier, granted []
        scripted: policy, granted []
        student-sim: policy, simulated, granted []
        "#);
    let table = sandbox.proctor(["plugin", "list"]).succeeded().stdout;
    for plugin in listed.as_array().unwrap() {
        let digest = plugin["digest"].as_str().unwrap();
        assert!(table.contains(&digest[..12]), "{table}");
        assert!(
            table.contains(plugin["summary"].as_str().unwrap()),
            "{table}"
        );
    }
}

#[test]
fn inspect_shows_what_a_plugin_asks_for() {
    let sandbox = with_files();
    let page = |name: &str| {
        let text = sandbox.proctor(["plugin", "inspect", name]).page();
        // The size changes with every build.
        text.lines()
            .filter(|line| !line.starts_with("size "))
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_snapshot!(page("end-state"), @r#"
        ── stdout
        end-state 0.1.0
        Compares what changed with what should have, row by row and column by column.
        world    verifier
        digest   [sha256]
        exports  proctor:plugin/verification@0.1.1
        imports  proctor:plugin/data@0.1.1
                 proctor:plugin/trajectory@0.1.1
                 proctor:plugin/episode@0.1.1
                 proctor:plugin/gold@0.1.1
                 proctor:plugin/log@0.1.1
                 proctor:plugin/about@0.1.1
                 proctor:plugin/failures@0.1.1
                 proctor:plugin/verdicts@0.1.1
        limits   500000000 fuel a call, 64 MiB memory, 1024 KiB output, 30 s
        ── exit code 0
        "#);
    assert_eq!(page("end-state.wasm"), page("end-state"));
    let simulated = page("student-sim");
    assert_eq!(
        simulated.lines().nth(1),
        Some("student-sim 0.1.0 (simulated)")
    );
    assert_snapshot!(page("nobody"), @r#"
        ── stderr
        error: nobody: neither a built-in plugin nor a file that can be read: No such file or directory (os error 2)
        hint: built-in plugins: answer, end-state, judge-answer, model-agent, model-react, noop, oracle, refusal, scripted, student-sim
        ── exit code 1
        "#);
    let size = fs::metadata(sandbox.path("noop.wasm")).unwrap().len();
    let noop = sandbox
        .proctor(["plugin", "inspect", "noop.wasm", "--json"])
        .json();
    assert_eq!(noop["bytes"].as_u64(), Some(size));
    assert_eq!(
        noop["digest"],
        sandbox
            .proctor(["plugin", "inspect", "noop", "--json"])
            .json()["digest"]
    );
}

#[test]
fn check_tries_a_plugin_on_every_case() {
    let sandbox = with_files();
    let check = |arguments: &[&str]| sandbox.proctor([&["plugin", "check"], arguments].concat());
    for arguments in [
        &["noop"][..],
        &["oracle"],
        &["end-state", "--against", "end-state.wasm"],
    ] {
        let ran = check(arguments).succeeded();
        let cases = ran
            .stdout
            .strip_prefix(arguments[0])
            .and_then(|text| text.strip_prefix(": "));
        let cases = cases
            .and_then(|text| text.strip_suffix(" cases, 0 failed\n"))
            .unwrap();
        assert!(cases.parse::<u32>().unwrap() >= 120, "{}", ran.stdout);
    }
    // Two policies that act differently are not two builds of one.
    let other = check(&["oracle", "--against", "noop.wasm"]);
    assert_eq!(other.code, Some(4), "{}", other.page());
    assert!(
        other
            .stdout
            .starts_with("failed client-create-01: acts differently"),
        "{}",
        other.stdout
    );
}
