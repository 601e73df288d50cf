//! `proctor trace replay-calls`: any agent's calls, recorded elsewhere, played on this CRM.

use insta::assert_snapshot;

use crate::proctor::{Ran, Sandbox, corpus};

/// A call that both CRMs accept, one that only the other does, and half a line.
const RECORDED: &str = r#"{"id": "1", "agent": "one", "now": "2026-01-15T09:00:00Z", "state": {"clients": []}, "call": {"tool": "create_new_client", "arguments": {"name": "Acme Rockets", "email": "office@acme.example", "status": "Active"}}, "upstream": {"outcome": "accepted", "message": ""}}
{"id": "2", "agent": "two", "now": "2026-01-15T09:00:00Z", "state": {"clients": [{"client_id": "69e707fa-dc0d-8571-8849-fab2df7d9f90", "name": "Acme Rockets", "status": "Active"}]}, "call": {"tool": "modify_client", "arguments": {"client_id": "69e707fa-dc0d-8571-8849-fab2df7d9f90", "updates": {"status": "ACTIVE"}}}, "upstream": {"outcome": "accepted", "message": ""}}
{"id": "3", "agent": "two", "now":
"#;

fn replay(sandbox: &Sandbox, options: &[&str]) -> Ran {
    sandbox.write("calls.jsonl", RECORDED);
    sandbox.proctor([&["trace", "replay-calls", "calls.jsonl"], options].concat())
}

#[test]
fn each_call_is_played_and_compared() {
    let sandbox = Sandbox::new();
    assert_snapshot!(replay(&sandbox, &[]).page(), @r#"
        ── stdout
        2  two modify_client: refused: choice_casing (status): `status` is "ACTIVE"; upper and lower case count: write `Active`.; the record says accepted
        calls.jsonl: line 3: column 0: EOF while parsing a value
         agent  calls  accepted  agree  disagree
         one        1         1      1         0
         two        1         0      0         1
         all        2         1      1         1
        refused: 1 choice_casing
        1 of 2 calls agree with the record, 1 lines could not be played
        ── exit code 4
        "#);
    assert_snapshot!(replay(&sandbox, &["--verbose"]).page(), @r#"
        ── stdout
        1  one create_new_client: accepted, 1 rows changed; agrees
        2  two modify_client: refused: choice_casing (status): `status` is "ACTIVE"; upper and lower case count: write `Active`.; the record says accepted
        calls.jsonl: line 3: column 0: EOF while parsing a value
         agent  calls  accepted  agree  disagree
         one        1         1      1         0
         two        1         0      0         1
         all        2         1      1         1
        refused: 1 choice_casing
        1 of 2 calls agree with the record, 1 lines could not be played
        ── exit code 4
        "#);
}

#[test]
fn as_json_there_is_a_line_for_each_call() {
    let sandbox = Sandbox::new();
    let ran = replay(&sandbox, &["--json"]);
    assert_eq!(ran.code, Some(4), "{}", ran.page());
    let lines: Vec<serde_json::Value> = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (&lines[0]["agrees"], &lines[1]["agrees"]),
        (&true.into(), &false.into())
    );
    assert!(
        lines[2]["error"].as_str().unwrap().starts_with("line 3"),
        "{}",
        lines[2]
    );
}

#[test]
fn a_store_that_there_is_not_and_a_file_that_there_is_not() {
    let sandbox = Sandbox::new();
    assert_snapshot!(replay(&sandbox, &["--store", "paper"]).page(), @r#"
        ── stderr
        error: --store: there is no such store
        hint: say sqlite, postgres, or an address postgres://USER@HOST:PORT/DATABASE
        ── exit code 1
        "#);
    assert_snapshot!(sandbox.proctor(["trace", "replay-calls", "nothing.jsonl"]).page(), @r#"
        ── stderr
        error: nothing.jsonl: No such file or directory (os error 2)
        ── exit code 1
        "#);
}

#[test]
fn all_recorded_calls_of_real_models_agree() {
    let Some(file) = corpus("clbench/recorded_calls.jsonl") else {
        return;
    };
    let ran = Sandbox::new().proctor(["trace", "replay-calls", file.to_str().unwrap()]);
    assert_snapshot!(ran.page(), @r#"
        ── stdout
         agent    calls  accepted  agree  disagree
         claude      34        11     34         0
         gpt-4.1     34        12     34         0
         oracle      34        18     34         0
         all        102        41    102         0
        refused: 6 unknown_argument, 5 wrong_type, 3 blank_text, 13 amount_not_positive, 3 amount_too_large, 5 invalid_choice, 10 choice_casing, 3 choice_whitespace, 2 probability_out_of_range, 2 probability_fraction, 2 invalid_date, 3 date_in_past, 1 missing_extension, 3 closed_opportunity
        102 of 102 calls agree with the record, 0 lines could not be played
        ── exit code 0
        "#);
}
