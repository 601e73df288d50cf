//! `--dry-run` says what it would come to, and sends nothing.

use serde_json::{Value, json};

use super::Place;

#[test]
fn a_dry_run_prints_a_range_and_sends_nothing() {
    let place = Place::diligent();
    let ran = place.run(&["--dry-run", "--trials", "100"]).succeeded();
    assert!(
        ran.stdout
            .starts_with("dry run: nothing is sent. 400 episodes")
    );
    let row = ran
        .stdout
        .lines()
        .find(|line| line.contains("student"))
        .unwrap();
    let (low, high) = row
        .split_whitespace()
        .last()
        .unwrap()
        .split_once('–')
        .unwrap();
    let (low, high): (f64, f64) = (low.parse().unwrap(), high.parse().unwrap());
    assert!(0.0 < low && low < high, "{row}");
    assert_eq!(place.provider.request_count(), 0);
}

#[test]
fn a_dry_run_makes_neither_a_run_nor_a_recording() {
    let place = Place::diligent();
    let options = ["--dry-run", "--out", "run", "--cassette", "a.cassette"];
    place.run(&options).succeeded();
    assert!(!place.sandbox.path("run").exists());
    assert!(!place.sandbox.path("a.cassette").exists());
}

#[test]
fn an_estimate_as_json_has_what_is_least_likely_and_most_in_order() {
    let place = Place::diligent();
    let judged = ["--judge", "judge-answer", "--judge-model", "judge"];
    let estimates = place
        .run(&[&["--dry-run", "--json"][..], &judged].concat())
        .json();
    let roles: Vec<&str> = estimates
        .as_array()
        .unwrap()
        .iter()
        .map(|estimate| estimate["role"].as_str().unwrap())
        .collect();
    assert_eq!(roles, ["student", "judge"]);
    for estimate in estimates.as_array().unwrap() {
        assert_eq!(estimate["episodes"], 4);
        for field in ["calls", "input_tokens", "output_tokens"] {
            let range: Vec<u64> = serde_json::from_value(estimate[field].clone()).unwrap();
            assert!(range.is_sorted() && range[0] > 0, "{field}: {range:?}");
        }
        assert_eq!(estimate["cost_usd"].as_array().unwrap().len(), 3);
    }
    assert_eq!(place.provider.request_count(), 0);
}

#[test]
fn a_dry_run_refuses_a_model_without_a_price_as_the_run_would() {
    let place = Place::diligent();
    let prices = "as_of = \"2026-01-15\"\n[price.fake]\ninput = 2\noutput = 8\n";
    place.sandbox.write("prices.toml", prices);
    let judged = ["--judge", "judge-answer", "--judge-model", "judge"];
    let run = place.run(&judged);
    let dry = place.run(&[&judged[..], &["--dry-run"]].concat());
    assert_eq!(dry.code, Some(1), "{}", dry.page());
    assert!(dry.stderr.contains("model judge has no price"));
    assert_eq!(dry.page(), run.page());
    let unpriced = [&judged[..], &["--dry-run", "--unpriced"]].concat();
    let ran = place.run(&unpriced).succeeded();
    assert!(ran.stdout.contains("without the models that have no price"));
    assert_eq!(place.provider.request_count(), 0);
}

#[test]
fn every_judge_counts_in_an_estimate() {
    let place = Place::diligent();
    let judge = ["--judge", "judge-answer"];
    let estimate = |judges: &[&str]| -> Value {
        let options = ["--dry-run", "--json", "--judge-model", "judge"];
        let mut estimates = place.run(&[&options[..], judges].concat()).json();
        estimates[1].take()
    };
    let (one, two) = (estimate(&judge), estimate(&[judge, judge].concat()));
    assert_eq!(one["calls"], json!([4, 4, 4]));
    assert_eq!(two["calls"], json!([8, 8, 8]));
    for field in ["input_tokens", "output_tokens"] {
        let number = |of: &Value| of[field][1].as_u64().unwrap();
        assert_eq!(number(&two), 2 * number(&one), "{field}");
    }
}
