//! `proctor trace`: reading a run's episodes.

use insta::assert_snapshot;

use crate::proctor::{Ran, Sandbox, repository};
use crate::records::SMALL;

/// A sandbox with the oracle's run of the small suite in `out`.
fn with_run() -> Sandbox {
    let sandbox = Sandbox::with_small_suite();
    sandbox
        .proctor([
            "run", "--suite", SMALL, "--policy", "oracle", "--out", "out",
        ])
        .succeeded();
    sandbox
}

fn trace(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.proctor([&["trace"], arguments].concat())
}

#[test]
fn without_an_episode_all_are_listed() {
    assert_snapshot!(trace(&with_run(), &["out"]).page(), @r#"
        ── stdout
         episode             outcome  reward  steps
         client-find#0       pass      1.000      2
         client-status-no#0  pass      1.000      2
         deal-advance#0      pass      1.000      4
         deal-create#0       pass      1.000      2
        4 episodes; `proctor trace DIR EPISODE` shows one
        ── exit code 0
        "#);
}

#[test]
fn an_episode_reads_from_question_to_verdict() {
    let sandbox = with_run();
    let ran = trace(&sandbox, &["out", "deal-advance#0"]);
    assert_snapshot!(ran.page(), @r#"
        ── stdout
        deal-advance#0  modify_opportunity

        user      Find the opportunity Launch Pad and tell me its stage.
        agent     opportunity_search {"name":"Launch Pad"}
          result  1 rows; total 1
                  amount 85000, client_id 69e707fa-dc0d-8571-8849-fab2df7d9f90, close_date 2026-03-31, name Launch Pad, opportunity_id 7592f91a-edcd-8d2c-8a21-06e255c9737d, probability 50, stage Proposal
        answers   It is in Proposal.

        user      Move that opportunity to Negotiation, 60 percent.
        agent     modify_opportunity {"opportunity_id":"7592f91a-edcd-8d2c-8a21-06e255c9737d","probability":60,"stage":"Negotiation"}
          result  1 rows; changed stage, probability
                  amount 85000, client_id 69e707fa-dc0d-8571-8849-fab2df7d9f90, close_date 2026-03-31, name Launch Pad, opportunity_id 7592f91a-edcd-8d2c-8a21-06e255c9737d, probability 60, stage Negotiation
          changed Opportunity 7592f91a-edcd-8d2c-8a21-06e255c9737d: probability: 50 → 60, stage: Proposal → Negotiation
        answers   Done.

        end-state  passed (score 1.000)
          ✓ Opportunity 7592f91a-edcd-8d2c-8a21-06e255c9737d updated: as expected
          ✓ no collateral change: nothing else changed

        answer  passed (score 1.000)
          ✓ turn 1: looked it up: some call was carried out
          ✓ turn 1: value Proposal: said
          ✓ turn 1: no contradiction: none

        outcome   pass, reward 1.000
        ── exit code 0
        "#);
    // A task's name alone means its first trial.
    assert_eq!(trace(&sandbox, &["out", "deal-advance"]).stdout, ran.stdout);
}

#[test]
fn a_refusal_is_shown_with_its_reason() {
    assert_snapshot!(trace(&with_run(), &["out", "client-status-no"]).page(), @r#"
        ── stdout
        client-status-no#0  modify_client, negative: choice_casing

        user      Set the status of client 1c70f688-74c3-807e-972f-d2bdca3f0217 to ACTIVE, in capitals: our export relies on it.
        agent     modify_client {"client_id":"1c70f688-74c3-807e-972f-d2bdca3f0217","updates":{"status":"ACTIVE"}}
          refused choice_casing: `status` is "ACTIVE"; upper and lower case count: write `Active`.
        declines  I can't store ACTIVE in capitals: the status is spelled Active.

        end-state  passed (score 1.000)
          ✓ state untouched: nothing changed

        refusal  passed (score 1.000)
          ✓ state untouched: nothing changed
          ✓ refused or declined: step 0: modify_client was refused with choice_casing

        outcome   pass, reward 1.000
        ── exit code 0
        "#);
}

#[test]
fn a_failure_says_what_should_have_been() {
    let sandbox = Sandbox::with_small_suite();
    sandbox.write(
        "script.json",
        r#"{"turns": [
            {"calls": [{"id": "deal", "tool": "opportunity_search", "arguments": {"name": "Launch"}}],
             "answer": "It is in Qualification."},
            {"calls": [{"tool": "modify_opportunity", "arguments":
                {"opportunity_id": "${deal.rows.0.opportunity_id}", "stage": "Negotiation", "probability": 40}}],
             "answer": "Done."}]}"#,
    );
    let options = [
        "run",
        "--suite",
        SMALL,
        "--policy",
        "scripted",
        "--script",
        "script.json",
        "--filter",
        "advance",
    ];
    sandbox
        .proctor([&options[..], &["--out", "out"]].concat())
        .succeeded();
    assert_snapshot!(trace(&sandbox, &["out", "deal-advance"]).page(), @r#"
        ── stdout
        deal-advance#0  modify_opportunity

        user      Find the opportunity Launch Pad and tell me its stage.
        agent     opportunity_search {"name":"Launch"}
          result  1 rows; total 1
                  amount 85000, client_id 69e707fa-dc0d-8571-8849-fab2df7d9f90, close_date 2026-03-31, name Launch Pad, opportunity_id 7592f91a-edcd-8d2c-8a21-06e255c9737d, probability 50, stage Proposal
        answers   It is in Qualification.

        user      Move that opportunity to Negotiation, 60 percent.
        agent     modify_opportunity {"opportunity_id":"7592f91a-edcd-8d2c-8a21-06e255c9737d","probability":40,"stage":"Negotiation"}
          result  1 rows; changed stage, probability
                  amount 85000, client_id 69e707fa-dc0d-8571-8849-fab2df7d9f90, close_date 2026-03-31, name Launch Pad, opportunity_id 7592f91a-edcd-8d2c-8a21-06e255c9737d, probability 40, stage Negotiation
          changed Opportunity 7592f91a-edcd-8d2c-8a21-06e255c9737d: probability: 50 → 40, stage: Proposal → Negotiation
        answers   Done.

        end-state  failed (score 0.500)
          ✗ Opportunity 7592f91a-edcd-8d2c-8a21-06e255c9737d updated: probability should be 60, is 40
          ✓ no collateral change: nothing else changed

        answer  failed (score 0.333)
          ✓ turn 1: looked it up: some call was carried out
          ✗ turn 1: value Proposal: not said
          ✗ turn 1: no contradiction: says Qualification

        outcome   fail, reward 0.333
        ── exit code 0
        "#);
}

#[test]
fn an_episode_without_a_verdict_says_why() {
    let sandbox = Sandbox::with_small_suite();
    let verifier = repository("plugins/dist/refusal.wasm");
    let options = [
        "run", "--suite", SMALL, "--policy", "noop", "--filter", "create", "--out", "out",
    ];
    let ran = sandbox.proctor([&options[..], &["--verifier", verifier.to_str().unwrap()]].concat());
    assert_eq!(ran.code, Some(3), "{}", ran.page());
    assert_snapshot!(trace(&sandbox, &["out", "deal-create"]).page(), @r#"
        ── stdout
        deal-create#0  create_new_opportunity

        user      Open a deal for client 1c70f688-74c3-807e-972f-d2bdca3f0217: Birch Benches, 9,500, stage Prospecting.
        answers   (nothing)

        end-state  failed (score 0.500)
          ✗ new Opportunity (deal): is not there
          ✓ no collateral change: nothing else changed

        no result from refusal
                  declared in verify: the task expects no refusal

        outcome   grader_error, no score
        ── exit code 0
        "#);
}

#[test]
fn as_json_an_episode_is_its_lines() {
    let sandbox = with_run();
    let ran = trace(&sandbox, &["out", "client-find", "--json"]).succeeded();
    let telemetry = sandbox.telemetry("out");
    let lines: Vec<&str> = telemetry
        .lines()
        .filter(|line| line.contains("\"gen_ai.conversation.id\":\"client-find#0\""))
        .collect();
    assert_eq!(ran.stdout, lines.join("\n") + "\n");
    assert_eq!(lines.len(), 6, "start, call, answer, two verdicts, end");
    // Of a whole run, the lines that end its episodes.
    let ends = trace(&sandbox, &["out", "--json"]).succeeded().stdout;
    let lines = telemetry
        .lines()
        .filter(|line| line.contains("\"event\":\"episode.end\""));
    assert_eq!(ends, lines.collect::<Vec<_>>().join("\n") + "\n");
}

#[test]
fn what_is_not_there_is_named() {
    let sandbox = with_run();
    assert_snapshot!(trace(&sandbox, &["out", "deal-close"]).page(), @r#"
        ── stderr
        error: out/telemetry.jsonl has no episode `deal-close#0`
        hint: `proctor trace DIR` lists them
        ── exit code 1
        "#);
    assert_snapshot!(trace(&sandbox, &["out", "deal-create#7"]).page(), @r#"
        ── stderr
        error: out/telemetry.jsonl has no episode `deal-create#7`
        hint: `proctor trace DIR` lists them
        ── exit code 1
        "#);
    assert_snapshot!(trace(&sandbox, &["nowhere"]).page(), @r#"
        ── stderr
        error: nowhere/telemetry.jsonl: No such file or directory (os error 2)
        hint: give the folder that `proctor run --out` wrote
        ── exit code 1
        "#);
    assert_snapshot!(trace(&sandbox, &[]).page(), @r#"
        ── stderr
        error: the following required arguments were not provided:
          <DIR>

        Usage: proctor trace [--json] <DIR> [EPISODE]
               proctor trace replay-calls <FILE>

        For more information, try '--help'.
        ── exit code 2
        "#);
    sandbox.write(
        "bad/telemetry.jsonl",
        "{\"event\": \"run.start\"}\nnonsense\n",
    );
    assert_snapshot!(trace(&sandbox, &["bad"]).page(), @r#"
        ── stderr
        error: bad/telemetry.jsonl:2: is no JSON from column 2 on
        ── exit code 1
        "#);
}

#[test]
fn a_run_cut_short_shows_what_is_whole() {
    let sandbox = with_run();
    let telemetry = sandbox.telemetry("out");
    let cut = telemetry.find("deal-advance#0").unwrap() + 3;
    sandbox.write("cut/telemetry.jsonl", &telemetry.as_bytes()[..cut]);
    assert_snapshot!(trace(&sandbox, &["cut"]).page(), @r#"
        ── stdout
         episode             outcome  reward  steps
         client-find#0       pass      1.000      2
         client-status-no#0  pass      1.000      2
        2 episodes; `proctor trace DIR EPISODE` shows one
        ── exit code 0
        "#);
}

#[test]
fn verify_holds_every_line_to_the_chain() {
    let sandbox = with_run();
    let telemetry = sandbox.telemetry("out");
    let lines = telemetry.lines().count();
    assert_eq!(
        trace(&sandbox, &["verify", "out"]).succeeded().stdout,
        format!("{lines} lines, chain unbroken\n")
    );
    sandbox.write(
        "altered/telemetry.jsonl",
        telemetry.replacen("\"reward\":1", "\"reward\":0", 1),
    );
    assert_snapshot!(trace(&sandbox, &["verify", "altered"]).page(), @r#"
        ── stderr
        error: altered/telemetry.jsonl: line 7 is not as it was written: its chain doesn't fit
        ── exit code 1
        "#);
    sandbox.write(
        "cut/telemetry.jsonl",
        &telemetry.as_bytes()[..telemetry.len() - 2],
    );
    assert_snapshot!(trace(&sandbox, &["verify", "cut"]).page(), @r#"
        ── stderr
        error: cut/telemetry.jsonl: line 27 is not as it was written: it is cut short
        ── exit code 1
        "#);
    // Wall-clock facts are covered by no hash.
    let other_hour = telemetry.replace("{\"duration_us\":", "{\"duration_us\":7");
    sandbox.write("slow/telemetry.jsonl", &other_hour);
    trace(&sandbox, &["verify", "slow"]).succeeded();
}
