//! A run keeps to its budget, says what was spent, goes on with a larger one, and accounts for
//! every token that the provider's replies spoke of.

use super::{CALLS, Place, TOKENS_CACHED, TOKENS_IN, TOKENS_OUT};
use crate::proctor::Ran;

/// Enough for some of the ten calls.
const TOKENS: u64 = 110_000;

fn with_budget(place: &Place, folder: &str, mode: &str, options: &[&str]) -> Ran {
    let cassette = format!("{folder}.cassette");
    let all = ["--cassette", &cassette, "--mode", mode, "--out", folder];
    place.run(&[&all[..], options].concat())
}

#[test]
fn a_run_stops_within_its_budget_and_is_finished_with_a_larger_one() {
    for (mode, jobs) in [("auto", "1"), ("record", "2")] {
        let place = Place::diligent();
        let budget = TOKENS.to_string();
        let options = ["--jobs", jobs, "--budget-tokens", &budget];
        let stopped = with_budget(&place, "run", mode, &options);
        assert_eq!(stopped.code, Some(3), "{}", stopped.page());
        let asked = place.provider.request_count();
        assert!((1..CALLS).contains(&asked), "{asked} calls");
        let spent = asked * (TOKENS_IN + TOKENS_OUT);
        assert!(spent <= TOKENS);
        let said = format!("{spent} of {TOKENS} tokens are spent");
        assert!(stopped.stdout.contains(&said), "{}", stopped.page());
        assert!(
            stopped
                .stdout
                .contains("resume with a larger budget (--resume)")
        );

        let options = ["--jobs", jobs, "--resume", "--budget-tokens", "1000000"];
        with_budget(&place, "run", mode, &options).succeeded();
        assert_eq!(place.provider.request_count(), CALLS, "none is asked twice");
        assert_eq!(place.told("run"), place.provider.accounted());
        with_budget(&place, "whole", mode, &[]).succeeded();
        place.same("run", "whole");
    }
}

#[test]
fn a_budget_that_allows_no_call_is_a_stop_before_the_first() {
    let place = Place::diligent();
    for limit in [["--budget-tokens", "10"], ["--budget-usd", "0.000001"]] {
        let stopped = place.run(&limit);
        assert_eq!(stopped.code, Some(3), "{}", stopped.page());
        assert!(stopped.stdout.contains("stopped: "), "{}", stopped.page());
    }
    assert_eq!(place.provider.request_count(), 0);
}

#[test]
fn the_sums_are_those_of_the_replies() {
    let place = Place::diligent();
    let summary = place.run(&["--out", "run", "--json"]).json();
    let accounted = place.provider.accounted();
    assert_eq!(place.told("run"), accounted);
    assert_eq!(accounted.input, CALLS * TOKENS_IN);
    let student = &summary["models"]["student"];
    assert_eq!(student["calls"], CALLS);
    assert_eq!(student["failed"], 0);
    assert_eq!(student["usage"]["input"], accounted.input);
    assert_eq!(student["usage"]["output"], accounted.output);
    assert_eq!(student["usage"]["cached"], accounted.cached);
    assert_eq!(accounted.cached, CALLS * TOKENS_CACHED);
    // 200,000 tokens at 2 USD a million and 70 at 8.
    assert_eq!(student["cost"], "0.40056", "{student}");
    assert_eq!(summary["complete"], true);
}

#[test]
fn a_budget_stop_stands_in_the_summary() {
    let place = Place::diligent();
    let stopped = place.run(&["--json", "--budget-tokens", "10"]);
    assert_eq!(stopped.code, Some(3), "{}", stopped.page());
    let summary: serde_json::Value = serde_json::from_str(&stopped.stdout).unwrap();
    assert_eq!(summary["complete"], false);
    let reason = summary["budget_stop"].as_str().unwrap();
    assert!(reason.contains("0 of 10 tokens are spent"), "{reason}");
}
