//! What is wrong with a models file, a price list, a recording or the command line is said in one
//! line, with what would be right, before anybody is asked.

use std::fs;

use insta::assert_snapshot;

use super::{Place, models};
use crate::proctor::Ran;
use crate::records::SMALL;

/// The page of a run that was refused before it began.
#[track_caller]
fn refused(place: &Place, ran: &Ran) -> String {
    assert_eq!(ran.code, Some(1), "{}", ran.page());
    assert_eq!(ran.stdout, "");
    let errors = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("error: "));
    assert_eq!(errors.count(), 1, "{}", ran.page());
    assert_eq!(place.provider.request_count(), 0);
    ran.page()
}

#[test]
fn an_unknown_model_is_refused_with_the_nearest_name() {
    let place = Place::diligent();
    assert_snapshot!(refused(&place, &place.run(&["--judge-model", "x", "--judge", "judge-answer"])), @r"
    ── stderr
    error: there is no model `x`; known are claude-sonnet-4, claude-sonnet-4.5, fake, gpt-4.1, gpt-4.1-mini, judge, smollm2-135m
    ── exit code 1
    ");
    let typo = ["run", "--policy", "model-agent", "--model", "gpt-4.1-min"];
    assert_snapshot!(refused(&place, &place.sandbox.proctor(typo)), @r"
    ── stderr
    error: there is no model `gpt-4.1-min`; did you mean `gpt-4.1-mini`?
    ── exit code 1
    ");
}

#[test]
fn a_missing_key_is_named_by_its_variable() {
    let place = Place::with("key_env = \"NOBODY_SET_THIS\"", super::diligent);
    assert_snapshot!(refused(&place, &place.run(&[])), @r"
    ── stderr
    error: model fake: the key of provider fake is missing: set the environment variable NOBODY_SET_THIS
    hint: NOBODY_SET_THIS=… in the environment or in .env; or replay a recording with --mode replay
    ── exit code 1
    ");
    place.sandbox.write(".env", "NOBODY_SET_THIS=\n");
    assert_snapshot!(refused(&place, &place.run(&[])), @r"
    ── stderr
    error: model fake: the key of provider fake is missing: set the environment variable NOBODY_SET_THIS
    hint: NOBODY_SET_THIS=… in the environment or in .env; or replay a recording with --mode replay
    ── exit code 1
    ");
}

#[test]
fn a_run_that_is_refused_leaves_no_recording_in_the_way() {
    let place = Place::with("key_env = \"NOBODY_SET_THIS\"", super::diligent);
    refused(&place, &place.record("recorded"));
    assert!(!place.sandbox.path("a.cassette").exists());

    let place = Place::diligent();
    place.sandbox.write("taken/mine.txt", "mine");
    refused(&place, &place.record("taken"));
    assert!(!place.sandbox.path("a.cassette").exists());
    place.record("recorded").succeeded();
}

#[test]
fn a_key_that_is_missing_for_what_is_not_recorded_ends_the_run_and_scores_nobody() {
    let place = Place::with("key_env = \"NOBODY_SET_THIS\"", super::diligent);
    let auto = ["--cassette", "a.cassette", "--mode", "auto", "--out", "run"];
    let page = refused(&place, &place.run(&auto));
    assert!(page.contains("NOBODY_SET_THIS"), "{page}");
    assert!(place.sandbox.outcomes("run").is_empty());
    assert!(!place.sandbox.path("a.cassette").exists());
}

#[test]
fn a_base_url_that_is_none_is_refused_where_it_stands() {
    let place = Place::diligent();
    for address in [
        "127.0.0.1:8000",
        "ftp://here.example",
        "http://model.example",
    ] {
        place.sandbox.write("models.toml", models(address, ""));
        let page = refused(&place, &place.run(&[]));
        assert!(page.contains("models.toml:3:12: `base_url` "), "{page}");
    }
    place
        .sandbox
        .write("models.toml", models("http://model.example", ""));
    assert_snapshot!(refused(&place, &place.run(&[])), @r"
    ── stderr
    error: models.toml:3:12: `base_url` is http and not on this machine: keys and texts could be read on the way; use https, or say `allow_plain_http = true`
    ── exit code 1
    ");
}

#[test]
fn a_negative_price_is_refused_where_it_stands() {
    let place = Place::diligent();
    place.sandbox.write(
        "prices.toml",
        "as_of = \"2026-01-15\"\n[price.fake]\ninput = 2\noutput = -8\n",
    );
    assert_snapshot!(refused(&place, &place.run(&[])), @r"
    ── stderr
    error: prices.toml:4:10: `output` is `-8`; a price is in USD per million tokens, from 0 to 10000, in digits with at most 6 after the point, as in 0.15
    ── exit code 1
    ");
}

#[test]
fn a_model_without_a_price_is_refused_unless_that_is_said() {
    let place = Place::diligent();
    place
        .sandbox
        .write("prices.toml", "as_of = \"2026-01-15\"\n");
    assert_snapshot!(refused(&place, &place.run(&[])), @r#"
    ── stderr
    error: model fake has no price in the price list
    hint: give its price with --prices: [price."fake"] input = …, output = …; or say --unpriced
    ── exit code 1
    "#);
    let ran = place.run(&["--unpriced"]).succeeded();
    assert!(ran.stdout.contains("10 without a price"), "{}", ran.page());
}

#[test]
fn a_policy_that_asks_a_model_needs_one() {
    let place = Place::diligent();
    let without = ["run", "--suite", SMALL, "--policy", "model-agent"];
    assert_snapshot!(refused(&place, &place.sandbox.proctor(without)), @r"
    ── stderr
    error: model-agent: imports `proctor:plugin/model@0.1.1`, which a policy is not granted; it may import: proctor:plugin/toolbox@0.1.1, proctor:plugin/memory@0.1.1, proctor:plugin/prompts@0.1.1, proctor:plugin/log@0.1.1
    hint: it asks a model: name one with --model
    ── exit code 1
    ");
}

#[test]
fn a_replay_needs_a_recording() {
    let place = Place::diligent();
    assert_snapshot!(refused(&place, &place.run(&["--mode", "replay"])), @r"
    ── stderr
    error: --mode: there is no recording
    hint: name its file with --cassette
    ── exit code 1
    ");
    let missing = ["--mode", "replay", "--cassette", "none.cassette"];
    assert_snapshot!(refused(&place, &place.run(&missing)), @r"
    ── stderr
    error: none.cassette: cannot open the cassette: No such file or directory (os error 2)
    ── exit code 1
    ");
}

#[test]
fn a_recording_is_never_written_over() {
    let place = Place::diligent();
    place.sandbox.write("a.cassette", "mine");
    assert_snapshot!(refused(&place, &place.record("recorded")), @r"
    ── stderr
    error: a.cassette: there is such a file already: choose another name, or remove it first
    ── exit code 1
    ");
    assert_snapshot!(refused(&place, &place.replay("replayed", &[])), @r"
    ── stderr
    error: a.cassette: this is no cassette
    ── exit code 1
    ");
    assert_eq!(place.sandbox.read("a.cassette"), "mine");
}

#[test]
fn a_recording_of_another_suite_is_refused() {
    let place = Place::diligent();
    place.record("recorded").succeeded();
    let file = place.sandbox.path("seeds/suites/small/suite.toml");
    let suite = fs::read_to_string(&file).unwrap();
    fs::write(&file, suite.replace("version = 1", "version = 2")).unwrap();
    let ran = place.replay("replayed", &[]);
    assert_eq!(ran.code, Some(1));
    assert_snapshot!(ran.page(), @r"
    ── stderr
    error: a.cassette: the cassette was recorded on another suite (small, [sha256]) than this one ([sha256]): replay it on the suite it was recorded on, or record another
    ── exit code 1
    ");
}

#[test]
fn a_recording_cut_short_or_with_a_flipped_byte_is_refused() {
    let place = Place::diligent();
    place.record("recorded").succeeded();
    let whole = fs::read(place.sandbox.path("a.cassette")).unwrap();
    for length in [0, 1, 20, whole.len() / 2, whole.len() - 1] {
        place.sandbox.write("a.cassette", &whole[..length]);
        damaged(&place, &format!("cut at {length}"));
    }
    for at in (0..whole.len()).step_by(whole.len() / 8) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        place.sandbox.write("a.cassette", &flipped);
        damaged(&place, &format!("flipped at {at}"));
    }
    place.sandbox.write("a.cassette", &whole);
    place.replay("whole", &[]).succeeded();
}

/// The cassette is refused in a replay and by `verify`, in one line that names it.
#[track_caller]
fn damaged(place: &Place, how: &str) {
    let verify = place.sandbox.proctor(["cassette", "verify", "a.cassette"]);
    for ran in [place.replay("replayed", &[]), verify] {
        assert_eq!(ran.code, Some(1), "{how}: {}", ran.page());
        let first = ran.stderr.lines().next().unwrap_or_default();
        assert!(
            first.starts_with("error: a.cassette: "),
            "{how}: {}",
            ran.page()
        );
        assert_eq!(ran.stdout, "", "{how}");
    }
}
