//! Statements: their one form, and what is no statement.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should panic"
)]

use proctor_bundle::statement::{
    NOTE_BYTES_MAX, Provenance, Replay, ReplayedRun, Resource, STATEMENT_BYTES_MAX, Statement,
    StatementError, provenance,
};
use proctor_host::Digest;

fn file(name: &str) -> Resource {
    Resource::new(name, Digest::of(name.as_bytes()))
}

fn made() -> Statement<Provenance> {
    provenance(
        vec![file("runs/b.jsonl"), file("runs/a.jsonl")],
        vec![
            "proctor run --suite crm".to_owned(),
            "proctor bundle seal".to_owned(),
        ],
        vec![file("suite/suite.toml"), file("plugins/end-state.wasm")],
        "0.1.0",
    )
}

fn run(name: &str) -> ReplayedRun {
    ReplayedRun {
        episodes: 20,
        lines: 412,
        name: name.to_owned(),
        of: 20,
        tables: 3,
        telemetry: Digest::of(name.as_bytes()),
    }
}

fn replay() -> Replay {
    Replay {
        kernel: "0.1.0".to_owned(),
        note: Some("On a machine without a network.".to_owned()),
        runs: vec![run("b"), run("a")],
        store: "sqlite".to_owned(),
    }
}

fn attested(replay: Replay) -> Statement<Replay> {
    replay.of_manifest(Digest::of(b"manifest")).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn provenance_is_what_in_toto_and_slsa_say() {
    let digest = |name: &str| Digest::of(name.as_bytes());
    let expected = serde_json::json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "runs/a.jsonl", "digest": {"sha256": digest("runs/a.jsonl")}},
            {"name": "runs/b.jsonl", "digest": {"sha256": digest("runs/b.jsonl")}},
        ],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": "proctor:seal/v1",
                "externalParameters": {
                    "commands": ["proctor run --suite crm", "proctor bundle seal"],
                },
                "resolvedDependencies": [
                    {
                        "name": "plugins/end-state.wasm",
                        "digest": {"sha256": digest("plugins/end-state.wasm")},
                    },
                    {"name": "suite/suite.toml", "digest": {"sha256": digest("suite/suite.toml")}},
                ],
            },
            "runDetails": {"builder": {"id": "proctor", "version": {"proctor": "0.1.0"}}},
        },
    });
    let written: serde_json::Value = serde_json::from_slice(&made().to_bytes()).unwrap();
    assert_eq!(written, expected);
}

#[test]
fn statements_are_canonical_json_and_read_back_the_same() {
    let provenance = made().to_bytes();
    assert_eq!(Statement::parse(&provenance).unwrap(), made());
    let replay_bytes = attested(replay()).to_bytes();
    assert_eq!(Statement::parse(&replay_bytes).unwrap(), attested(replay()));
    for bytes in [provenance, replay_bytes] {
        // Maps of serde_json are sorted, as canonical JSON has them.
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(format!("{value}\n"), text(&bytes));
    }
}

#[test]
fn a_replay_is_about_the_manifest_and_its_runs_are_sorted() {
    let statement = attested(replay());
    assert_eq!(
        statement.subject,
        [Resource::new("manifest.json", Digest::of(b"manifest"))]
    );
    let names: Vec<&str> = statement
        .predicate
        .runs
        .iter()
        .map(|run| run.name.as_str())
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn a_sample_is_not_the_whole() {
    let mut sample = replay();
    assert!(sample.is_whole());
    sample.runs[0].episodes = 5;
    assert!(!sample.is_whole());
    assert!(!attested(sample).predicate.is_whole());
}

#[test]
fn another_kind_of_statement_is_refused_by_its_type() {
    let refused = Statement::<Replay>::parse(&made().to_bytes()).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the statement has the predicateType `https://slsa.dev/provenance/v1`; \
         `proctor:replay/v1` was expected"
    );
    let other = text(&made().to_bytes()).replace("Statement/v1", "Statement/v2");
    assert!(matches!(
        Statement::<Provenance>::parse(other.as_bytes()),
        Err(StatementError::Type { key: "_type", .. })
    ));
}

#[test]
fn every_edit_of_a_statement_is_refused() {
    let bytes = attested(replay()).to_bytes();
    let written = text(&bytes);
    let form = |edited: String| Statement::<Replay>::parse(edited.as_bytes()).unwrap_err();
    let not_canonical = [
        written.trim_end().to_owned(),
        format!("{written}\n"),
        format!(" {written}"),
        written.replace("\"store\":", "\"store\": "),
        written.replace("\"lines\":412", "\"lines\":9007199254740993"),
    ];
    for edited in not_canonical {
        assert_ne!(edited, written);
        assert_eq!(form(edited), StatementError::NotCanonical);
    }
    let of_no_form = [
        String::new(),
        written.replace("\"store\"", "\"shop\""),
        written.replace("\"store\":\"sqlite\"", "\"store\":\"sqlite\",\"time\":1"),
        written.replace(
            "\"store\":\"sqlite\"",
            "\"store\":\"sqlite\",\"store\":\"sqlite\"",
        ),
        written.replace("\"lines\":412", "\"lines\":-1"),
        written.replace("\"sha256\":\"", "\"sha256\":\"0"),
        written.replace("\"digest\":{", "\"digest\":{\"sha1\":\"\","),
    ];
    for edited in of_no_form {
        assert!(
            matches!(form(edited.clone()), StatementError::Form(_)),
            "{edited}"
        );
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |change: fn(&mut Replay)| {
        let mut replay = replay();
        change(&mut replay);
        let refused = replay.of_manifest(Digest::of(b"manifest"));
        assert!(
            matches!(refused, Err(StatementError::Content(_))),
            "{refused:?}"
        );
    };
    refused(|replay| replay.runs.clear());
    refused(|replay| replay.runs[0].name = "a".to_owned());
    refused(|replay| replay.runs[0].episodes = 21);
    refused(|replay| replay.runs[0].episodes = 0);
    refused(|replay| replay.store = String::new());
    refused(|replay| replay.kernel = "0.1.0\n".to_owned());
    refused(|replay| replay.note = Some("a".repeat(NOTE_BYTES_MAX + 1)));
    attested(Replay {
        note: Some("a".repeat(NOTE_BYTES_MAX)),
        ..replay()
    });

    let twice = provenance(vec![file("a"), file("a")], vec![], vec![], "0.1.0").to_bytes();
    assert!(matches!(
        Statement::<Provenance>::parse(&twice),
        Err(StatementError::Content(_))
    ));
    let about_nothing = provenance(vec![], vec![], vec![], "0.1.0").to_bytes();
    assert!(matches!(
        Statement::<Provenance>::parse(&about_nothing),
        Err(StatementError::Content(_))
    ));
}

#[test]
fn a_statement_beyond_its_limit_is_refused() {
    let long = vec![b' '; STATEMENT_BYTES_MAX + 1];
    assert!(matches!(
        Statement::<Replay>::parse(&long),
        Err(StatementError::TooLong { .. })
    ));
}
