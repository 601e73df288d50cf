//! `proctor run`: what agents score, which tasks are chosen, and what is printed.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::proctor::{Ran, Sandbox, repository};
use crate::records::SMALL;

fn run(sandbox: &Sandbox, options: &[&str]) -> Ran {
    sandbox.proctor([&["run"], options].concat())
}

fn number_of_tasks(sandbox: &Sandbox) -> Value {
    sandbox.proctor(["suite", "list", "--json"]).json()[0]["tasks"].clone()
}

#[test]
fn the_oracle_passes_every_task_of_the_built_in_suite() {
    let sandbox = Sandbox::new();
    let summary = run(&sandbox, &["--policy", "oracle", "--json"]).json();
    assert_eq!(
        summary["all"]["outcomes"],
        json!({ "pass": number_of_tasks(&sandbox) })
    );
    assert_eq!(summary["complete"], true);
}

#[test]
fn doing_nothing_passes_no_task_that_asks_for_anything() {
    let sandbox = Sandbox::new();
    let summary = run(&sandbox, &["--policy", "noop", "--json"]).json();
    assert_eq!(
        summary["all"]["outcomes"],
        json!({ "fail": number_of_tasks(&sandbox) })
    );
    assert!(
        summary["changing"]["outcomes"]["fail"].as_u64() > Some(50),
        "{summary:#}"
    );
}

#[test]
fn at_the_end_there_is_a_table() {
    let sandbox = Sandbox::with_small_suite();
    let ran = run(
        &sandbox,
        &["--suite", SMALL, "--policy", "oracle", "--trials", "3"],
    );
    assert_snapshot!(ran.page(), @r#"
        ── stdout
        small · oracle
         kind                         tasks  episodes  passed  success  95 %          reward   share
         create_new_opportunity           1         3       3  100.0 %  20.7–100.0 %   1.000  46.2 %
         modify_opportunity               1         3       3  100.0 %  20.7–100.0 %   1.000  30.8 %
         client_search                    1         3       3  100.0 %  20.7–100.0 %   1.000  15.4 %
         modify_client                    1         3       3  100.0 %  20.7–100.0 %   1.000   7.7 %
         tasks that ask for a change      2         6       6  100.0 %  34.2–100.0 %   1.000
         negative tasks                   1         3       3  100.0 %  20.7–100.0 %   1.000
         read-only tasks                  1         3       3  100.0 %  20.7–100.0 %   1.000
         all                              4        12      12  100.0 %  51.0–100.0 %   1.000
        weighted by the customer's frequencies: 100.0 % (43.6–100.0 %)
        outcomes: 12 pass
        ── exit code 0
        "#);
}

/// An agent that always makes the same search passes one task of the four.
const SEARCHES_ROCKETS: &str = r#"{"turns": [{"calls": [
    {"id": "found", "tool": "client_search", "arguments": {"name": "Rockets"}}],
    "answer": "${found.rows.0.name}, ${found.rows.0.client_id}."},
    {"answer": "Is there anything else?"}]}"#;

#[test]
fn the_summary_as_json_is_the_table() {
    let sandbox = Sandbox::with_small_suite();
    sandbox.write("script.json", SEARCHES_ROCKETS);
    let options = [
        "--suite",
        SMALL,
        "--policy",
        "scripted",
        "--script",
        "script.json",
    ];
    let table = run(&sandbox, &options).succeeded().stdout;
    let summary = run(&sandbox, &[&options[..], &["--json"]].concat()).json();
    let groups = ["changing", "negative", "reading", "all"].map(|name| &summary[name]);
    let all = summary["kinds"].as_array().unwrap().iter().chain(groups);
    let mut seen = 0;
    for group in all {
        let name = group["name"].as_str().unwrap();
        let row = table
            .lines()
            .find_map(|line| line.trim_start().strip_prefix(name))
            .unwrap();
        let cells: Vec<&str> = row.split_whitespace().collect();
        let passed = group["outcomes"]["pass"].as_u64().unwrap_or(0);
        let failed = group["outcomes"]["fail"].as_u64().unwrap_or(0);
        let percent = 100.0 * group["success"]["rate"].as_f64().unwrap();
        let expected = [
            group["tasks"].to_string(),
            (passed + failed).to_string(),
            passed.to_string(),
            format!("{percent:.1}"),
        ];
        assert_eq!(cells[..4], expected, "{name}\n{table}");
        assert_eq!(
            cells[7],
            format!("{:.3}", group["reward"].as_f64().unwrap()),
            "{name}\n{table}"
        );
        seen += 1;
    }
    assert_eq!(seen, 8, "{table}");
    assert_eq!(summary["all"]["outcomes"], json!({ "pass": 1, "fail": 3 }));
}

#[test]
fn filters_and_limit_choose_the_tasks() {
    let sandbox = Sandbox::with_small_suite();
    let chosen = |name: &str, options: &[&str]| {
        let common = ["--suite", SMALL, "--policy", "oracle", "--out", name];
        run(&sandbox, &[&common[..], options].concat()).succeeded();
        sandbox
            .outcomes(name)
            .iter()
            .map(|text| text.replace("#0 pass", ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        chosen("text", &["--filter", "client"]),
        ["client-find", "client-status-no"]
    );
    assert_eq!(
        chosen("kind", &["--filter", "kind=modify_opportunity"]),
        ["deal-advance"]
    );
    assert_eq!(
        chosen("split", &["--filter", "split=holdout"]),
        ["deal-create"]
    );
    assert_eq!(
        chosen("negative", &["--filter", "negative=choice_casing"]),
        ["client-status-no"]
    );
    let both = [
        "--filter",
        "client",
        "--filter",
        "split=train",
        "--limit",
        "1",
    ];
    assert_eq!(chosen("both", &both), ["client-find"]);
}

#[test]
fn a_filter_that_can_let_nothing_through_is_refused() {
    let sandbox = Sandbox::with_small_suite();
    let with = |filter: &str| {
        run(
            &sandbox,
            &[
                "--suite", SMALL, "--policy", "noop", "--filter", filter, "--out", "no",
            ],
        )
        .page()
    };
    assert_snapshot!(with("no-such-task"), @r#"
        ── stderr
        error: no task is left: the filters let none through
        hint: `proctor suite show` lists the tasks with their kinds and splits
        ── exit code 1
        "#);
    assert_snapshot!(with("kind=create_quote"), @r#"
        ── stderr
        error: --filter kind=create_quote: no task is of this kind
        ── exit code 1
        "#);
    assert_snapshot!(with("split=test"), @r#"
        ── stderr
        error: --filter split=test: splits are train, eval, holdout
        ── exit code 1
        "#);
    assert_snapshot!(with("colour=red"), @r#"
        ── stderr
        error: --filter colour=red: no filter `colour`; they are kind, split, negative
        ── exit code 1
        "#);
    assert!(!sandbox.path("no").exists());
}

#[test]
fn trials_are_episodes_of_the_same_task_with_other_seeds() {
    let sandbox = Sandbox::with_small_suite();
    let options = [
        "--suite", SMALL, "--policy", "oracle", "--trials", "2", "--out", "out",
    ];
    run(&sandbox, &options).succeeded();
    assert_eq!(
        sandbox.outcomes("out"),
        [
            "client-find#0 pass",
            "client-find#1 pass",
            "client-status-no#0 pass",
            "client-status-no#1 pass",
            "deal-advance#0 pass",
            "deal-advance#1 pass",
            "deal-create#0 pass",
            "deal-create#1 pass",
        ]
    );
    let seeds = sandbox.events("out", "episode.start");
    let seeds: std::collections::BTreeSet<&str> = seeds
        .iter()
        .map(|start| start["seed"].as_str().unwrap())
        .collect();
    assert_eq!(seeds.len(), 8);
}

#[test]
fn a_verifier_without_a_verdict_leaves_the_episode_unscored() {
    let sandbox = Sandbox::with_small_suite();
    let verifier = repository("plugins/dist/refusal.wasm");
    let verifier = verifier.to_str().unwrap();
    // It marks negative tasks alone, and says so of the other three.
    let options = [
        "--suite",
        SMALL,
        "--policy",
        "oracle",
        "--verifier",
        verifier,
    ];
    assert_snapshot!(run(&sandbox, &options).page(), @r#"
        ── stdout
        small · oracle
         kind                         tasks  episodes  passed  success  95 %          reward   share
         create_new_opportunity           0         1       0        –  –                  –  46.2 %
         modify_opportunity               0         1       0        –  –                  –  30.8 %
         client_search                    0         1       0        –  –                  –  15.4 %
         modify_client                    1         1       1  100.0 %  20.7–100.0 %   1.000   7.7 %
         tasks that ask for a change      0         2       0        –  –                  –
         negative tasks                   1         1       1  100.0 %  20.7–100.0 %   1.000
         read-only tasks                  0         1       0        –  –                  –
         all                              1         4       1  100.0 %  20.7–100.0 %   1.000
        weighted by the customer's frequencies: 100.0 % (20.7–100.0 %)
        outcomes: 1 pass, 3 grader_error
        ── exit code 3
        "#);
}

#[test]
fn a_command_line_that_is_wrong_says_what_would_be_right() {
    let sandbox = Sandbox::with_small_suite();
    assert_snapshot!(run(&sandbox, &[]).page(), @r#"
        ── stderr
        error: the following required arguments were not provided:
          --policy <NAME|FILE>

        Usage: proctor run --policy <NAME|FILE>

        For more information, try '--help'.
        ── exit code 2
        "#);
    assert_snapshot!(run(&sandbox, &["--policy", "noop", "--resume"]).page(), @r#"
        ── stderr
        error: the following required arguments were not provided:
          --out <DIR>

        Usage: proctor run --policy <NAME|FILE> --out <DIR> --resume

        For more information, try '--help'.
        ── exit code 2
        "#);
    assert_snapshot!(run(&sandbox, &["--policy", "noop", "--trials", "0"]).page(), @r#"
        ── stderr
        error: invalid value '0' for '--trials <TRIALS>': 0 is not in 1..=10000

        For more information, try '--help'.
        ── exit code 2
        "#);
    assert_snapshot!(run(&sandbox, &["--policy", "noop", "--param", "mistakes"]).page(), @r#"
        ── stderr
        error: --param mistakes: expected NAME=VALUE
        ── exit code 1
        "#);
    assert_snapshot!(run(&sandbox, &["--policy", "noop", "--suite", "crm-cor"]).page(), @r#"
        ── stderr
        error: no suite `crm-cor`: neither built in nor a folder
        hint: built-in suites: crm-core
        ── exit code 1
        "#);
    assert_snapshot!(run(&sandbox, &["--policy", "scripted", "--script", "none.json"]).page(), @r#"
        ── stderr
        error: none.json: No such file or directory (os error 2)
        ── exit code 1
        "#);
    sandbox.write("script.json", "{\"turns\": [{\"call\": []}]}");
    let options = ["--policy", "scripted", "--script", "script.json"];
    assert_snapshot!(run(&sandbox, &options).page(), @r#"
        ── stderr
        error: --script: line 1, column 18: unknown field `call`, expected one of `calls`, `answer`, `decline`
        ── exit code 1
        "#);
}
