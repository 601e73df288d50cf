//! `proctor trace`: reading a run's episodes.

use insta::assert_snapshot;

use crate::proctor::{Ran, Sandbox, repository};
use crate::records::SMALL;

/// A sandbox with the oracle's run of the small suite in `out`.
fn with_run() -> Sandbox {
    let sandbox = Sandbox::with_small_suite();
    sandbox.proctor(["run", "--suite", SMALL, "--policy", "oracle", "--out", "out"]).succeeded();
    sandbox
}

fn trace(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.proctor([&["trace"], arguments].concat())
}

#[test]
fn without_an_episode_all_are_listed() {
    assert_snapshot!(trace(&with_run(), &["out"]).page(), @"");
}

#[test]
fn an_episode_reads_from_question_to_verdict() {
    let sandbox = with_run();
    let ran = trace(&sandbox, &["out", "deal-advance#0"]);
    assert_snapshot!(ran.page(), @"");
    // A task's name alone means its first trial.
    assert_eq!(trace(&sandbox, &["out", "deal-advance"]).stdout, ran.stdout);
}

#[test]
fn a_refusal_is_shown_with_its_reason() {
    assert_snapshot!(trace(&with_run(), &["out", "client-status-no"]).page(), @"");
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
    let options =
        ["run", "--suite", SMALL, "--policy", "scripted", "--script", "script.json", "--filter", "advance"];
    sandbox.proctor([&options[..], &["--out", "out"]].concat()).succeeded();
    assert_snapshot!(trace(&sandbox, &["out", "deal-advance"]).page(), @"");
}

#[test]
fn an_episode_without_a_verdict_says_why() {
    let sandbox = Sandbox::with_small_suite();
    let verifier = repository("plugins/dist/refusal.wasm");
    let options = ["run", "--suite", SMALL, "--policy", "noop", "--filter", "create", "--out", "out"];
    let ran = sandbox.proctor([&options[..], &["--verifier", verifier.to_str().unwrap()]].concat());
    assert_eq!(ran.code, Some(3), "{}", ran.page());
    assert_snapshot!(trace(&sandbox, &["out", "deal-create"]).page(), @"");
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
    let lines = telemetry.lines().filter(|line| line.contains("\"event\":\"episode.end\""));
    assert_eq!(ends, lines.collect::<Vec<_>>().join("\n") + "\n");
}

#[test]
fn what_is_not_there_is_named() {
    let sandbox = with_run();
    assert_snapshot!(trace(&sandbox, &["out", "deal-close"]).page(), @"");
    assert_snapshot!(trace(&sandbox, &["out", "deal-create#7"]).page(), @"");
    assert_snapshot!(trace(&sandbox, &["nowhere"]).page(), @"");
    assert_snapshot!(trace(&sandbox, &[]).page(), @"");
    sandbox.write("bad/telemetry.jsonl", "{\"event\": \"run.start\"}\nnonsense\n");
    assert_snapshot!(trace(&sandbox, &["bad"]).page(), @"");
}

#[test]
fn a_run_cut_short_shows_what_is_whole() {
    let sandbox = with_run();
    let telemetry = sandbox.telemetry("out");
    let cut = telemetry.find("deal-advance#0").unwrap() + 3;
    sandbox.write("cut/telemetry.jsonl", &telemetry.as_bytes()[..cut]);
    assert_snapshot!(trace(&sandbox, &["cut"]).page(), @"");
}

#[test]
fn verify_holds_every_line_to_the_chain() {
    let sandbox = with_run();
    let telemetry = sandbox.telemetry("out");
    let lines = telemetry.lines().count();
    assert_eq!(trace(&sandbox, &["verify", "out"]).succeeded().stdout, format!("{lines} lines, chain unbroken\n"));
    sandbox.write("altered/telemetry.jsonl", telemetry.replacen("\"reward\":1", "\"reward\":0", 1));
    assert_snapshot!(trace(&sandbox, &["verify", "altered"]).page(), @"");
    sandbox.write("cut/telemetry.jsonl", &telemetry.as_bytes()[..telemetry.len() - 2]);
    assert_snapshot!(trace(&sandbox, &["verify", "cut"]).page(), @"");
    // Wall-clock facts are covered by no hash.
    let other_hour = telemetry.replace("{\"duration_us\":", "{\"duration_us\":7");
    sandbox.write("slow/telemetry.jsonl", &other_hour);
    trace(&sandbox, &["verify", "slow"]).succeeded();
}
