//! `proctor cassette` on a recording of the program's own.

use proctor_provider::{Asked, Reply};
use serde_json::Value;

use super::{CALLS, Place, diligent};
use crate::proctor::Ran;

fn recorded() -> Place {
    let place = Place::diligent();
    place.record("recorded").succeeded();
    place
}

fn cassette(place: &Place, arguments: &[&str]) -> Ran {
    place
        .sandbox
        .proctor([&["cassette"][..], arguments].concat())
}

#[test]
fn a_recording_is_listed_shown_and_found_whole() {
    let place = recorded();
    let list = cassette(&place, &["list", "a.cassette"]).succeeded().stdout;
    assert!(list.starts_with("small · 10 calls\n"), "{list}");
    let lines = cassette(&place, &["list", "a.cassette", "--json"]).succeeded();
    let calls: Vec<Value> = lines
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(calls.len() as u64, CALLS);
    assert!(calls.iter().all(|call| call["role"] == "student"));

    let shown = cassette(&place, &["show", "a.cassette", "client-find#0"]).succeeded();
    for part in ["Which client has Rockets", "client_search", "Acme Rockets"] {
        assert!(shown.stdout.contains(part), "{part}\n{}", shown.stdout);
    }
    let missing = cassette(&place, &["show", "a.cassette", "nothing#0"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("a.cassette: no call of nothing#0"));
    assert!(
        missing
            .stderr
            .contains("hint: some of its episodes: client-find#0")
    );

    let verified = cassette(&place, &["verify", "a.cassette"]).succeeded();
    assert!(verified.stdout.starts_with("whole: 10 calls, "));
    let json = cassette(&place, &["verify", "a.cassette", "--json"]).json();
    assert_eq!(json["exchanges"], CALLS);
}

#[test]
fn recordings_with_other_replies_are_told_apart() {
    let place = recorded();
    place.sandbox.write(
        "first.cassette",
        std::fs::read(place.sandbox.path("a.cassette")).unwrap(),
    );
    std::fs::remove_file(place.sandbox.path("a.cassette")).unwrap();
    let chatty = Place::with("", |asked: &Asked| {
        match super::last_speaker(asked).as_str() {
            "tool" => Reply::text("Nothing found.").into(),
            _ => diligent(asked),
        }
    });
    chatty.record("recorded").succeeded();
    let other = std::fs::read(chatty.sandbox.path("a.cassette")).unwrap();
    place.sandbox.write("other.cassette", other);
    let differ = cassette(&place, &["diff", "first.cassette", "other.cassette"]);
    assert_eq!(differ.code, Some(4), "{}", differ.page());
    assert!(
        differ.stdout.starts_with("~ client-find#0 student "),
        "{}",
        differ.page()
    );
}

#[test]
fn what_a_run_did_not_use_is_pruned_and_the_run_is_still_replayed() {
    let place = recorded();
    place.replay("two", &["--limit", "2"]).succeeded();
    let prune = ["prune", "a.cassette", "--run", "two", "--out", "b.cassette"];
    let pruned = cassette(&place, &prune).succeeded();
    assert_eq!(pruned.stdout, "b.cassette: 4 calls kept, 6 left out\n");
    cassette(&place, &["verify", "b.cassette"]).succeeded();
    let replay = [
        "--cassette",
        "b.cassette",
        "--mode",
        "replay",
        "--out",
        "again",
    ];
    place
        .run(&[&replay[..], &["--limit", "2"]].concat())
        .succeeded();
    place.same("again", "two");
    let missed = place.run(&["--cassette", "b.cassette", "--mode", "replay"]);
    assert_eq!(missed.code, Some(1), "{}", missed.page());
    assert!(missed.stderr.contains("episode deal-"), "{}", missed.page());
    assert_eq!(place.provider.request_count(), CALLS);
}

#[test]
fn what_was_secret_after_all_is_taken_out() {
    let place = recorded();
    let redact = [
        "redact",
        "a.cassette",
        "--out",
        "b.cassette",
        "--pattern",
        "Acme R[a-z]+",
    ];
    let redacted = cassette(&place, &redact).succeeded();
    assert!(
        redacted.stdout.starts_with("b.cassette: 10 calls, "),
        "{}",
        redacted.page()
    );
    let shown = cassette(&place, &["show", "b.cassette", "client-find#0", "--json"]).succeeded();
    assert!(!shown.stdout.contains("Acme Rockets"));
    assert!(shown.stdout.contains("[redacted]"));
    let verified = cassette(&place, &["verify", "b.cassette"]).succeeded();
    assert!(
        verified.stdout.contains("requests were redacted"),
        "{}",
        verified.page()
    );

    let name = "SECRET_OF_THE_TEST";
    let redact = [
        "cassette",
        "redact",
        "a.cassette",
        "--out",
        "c.cassette",
        "--secret-env",
        name,
    ];
    let unset = place.sandbox.proctor(redact);
    assert_eq!(unset.code, Some(1));
    assert!(
        unset
            .stderr
            .contains("--secret-env SECRET_OF_THE_TEST: the variable isn't set")
    );
    let mut command = place.sandbox.command(redact);
    place
        .sandbox
        .run(command.env(name, "Acme Rockets"))
        .succeeded();
    let shown = cassette(&place, &["show", "c.cassette", "client-find#0"]).succeeded();
    assert!(!shown.stdout.contains("Acme Rockets"));
}
