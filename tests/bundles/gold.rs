//! Gold that is sealed: agents can be run on held-out tasks by people who must not read what
//! counts as done in them.

use std::collections::BTreeSet;

use super::apart::Apart;
use super::{Place, collect, refused, refused_for};
use crate::proctor::repository;

const CLOSED: &str = "closed.bundle";
const KEYED: [&str; 2] = ["--identity", "gold.key"];

/// A place with the runs sealed once more, what is gold in them to the key `gold`.
fn closed(runs: &[&str]) -> Place {
    let place = Place::new();
    let keygen = place
        .bundle(&["keygen", "--gold", "--out", "gold"])
        .succeeded();
    let recipient = keygen.stdout.trim();
    let seal = [
        "seal",
        "--key",
        "ada.key",
        "--gold-for",
        recipient,
        "--out",
        CLOSED,
    ];
    place.bundle(&[&seal, runs].concat()).succeeded();
    place
}

const ALL: [&str; 3] = ["runs/noop", "runs/oracle", "runs/student-sim"];

#[test]
fn without_the_key_a_bundle_verifies_and_says_what_it_did_not_look_into() {
    let place = closed(&ALL);
    let ran = place.on("verify", CLOSED, &[]).succeeded();
    assert!(
        ran.stdout.contains("telemetry encrypted, not looked into"),
        "{}",
        ran.page()
    );
    assert!(
        ran.stdout
            .contains("5 encrypted members: only their digests"),
        "{}",
        ran.page()
    );
    let json = place.on("verify", CLOSED, &["--json"]).json();
    assert_eq!(json["closed"].as_array().unwrap().len(), 5);
    let said = refused(&place.on("replay", CLOSED, &[]));
    assert!(
        said.contains("runs/noop/telemetry.jsonl.age is encrypted"),
        "{said}"
    );
    assert!(
        said.contains("hint: give the key with --identity"),
        "{said}"
    );
}

#[test]
fn without_the_key_an_agent_runs_and_held_out_tasks_have_no_score() {
    let place = closed(&ALL);
    let run = ["--policy", "noop", "--out", "runs/here"];
    let ran = place.on("run", CLOSED, &run);
    assert_eq!(ran.code, Some(3), "{}", ran.page());
    let outcomes = place.sandbox.outcomes("runs/here");
    assert_eq!(
        outcomes,
        [
            "client-find#0 fail",
            "client-status-no#0 fail",
            "deal-advance#0 fail",
            "deal-create#0 grader_error",
        ]
    );
}

#[test]
fn with_the_key_everything_is_whole() {
    let place = closed(&ALL);
    let ran = place.on("verify", CLOSED, &KEYED).succeeded();
    assert!(!ran.stdout.contains("encrypted"), "{}", ran.page());
    let again = [&KEYED[..], &["--json"]].concat();
    let replayed = place.on("replay", CLOSED, &again).json();
    assert_eq!(
        (&replayed["same"], &replayed["tables"]),
        (&true.into(), &2.into())
    );
    let run = [&KEYED[..], &["--policy", "oracle", "--out", "runs/here"]].concat();
    place.on("run", CLOSED, &run).succeeded();
    let solved = place.sandbox.outcomes("runs/here");
    assert!(
        solved.iter().all(|outcome| outcome.ends_with(" pass")),
        "{solved:?}"
    );
}

#[test]
fn with_the_key_a_task_that_is_handed_out_otherwise_than_it_is_marked_is_noticed() {
    let place = closed(&ALL);
    let mut apart = Apart::of(&place, CLOSED);
    let path = apart.named("tasks.toml");
    assert!(path.as_str().starts_with("public/"), "{path}");
    let text = apart.text(&path);
    let (before, after) = text.split_once("sealed = ").unwrap();
    let other = after.replacen("user = \"", "user = \"Whatever I say next: ", 1);
    assert_ne!(other, after);
    apart.replace(&path, format!("{before}sealed = {other}"));
    apart.attachments = Default::default();
    apart.pack(&place, "other.bundle");
    place.on_anyones("verify", "other.bundle").succeeded();
    for command in ["verify", "replay"] {
        let options = ["other.bundle", "--anyone", "--identity", "gold.key"];
        let ran = place.bundle(&[&[command], &options[..]].concat());
        let said = refused(&ran);
        assert!(said.contains("isn't what was encrypted"), "{said}");
    }
}

#[test]
fn a_wrong_key_is_refused_in_one_line() {
    let place = closed(&ALL[..1]);
    place
        .bundle(&["keygen", "--gold", "--out", "other"])
        .succeeded();
    for (file, reason) in [
        ("other.key", "it isn't sealed to any of these keys"),
        ("ada.key", "ada.key: "),
        ("none.key", "none.key: "),
    ] {
        for command in ["verify", "replay"] {
            let ran = place.on(command, CLOSED, &["--identity", file]);
            refused_for(&ran, reason);
        }
    }
}

#[test]
fn no_member_shows_the_gold_of_held_out_tasks() {
    let place = Place::new();
    let run = [
        "run",
        "--policy",
        "oracle",
        "--filter",
        "split=holdout",
        "--limit",
        "3",
    ];
    place
        .proctor(&[&run[..], &["--out", "runs/core"]].concat())
        .succeeded();
    let keygen = place
        .bundle(&["keygen", "--gold", "--out", "gold"])
        .succeeded();
    let recipient = keygen.stdout.trim();
    let seal = [
        "seal",
        "runs/core",
        "--key",
        "ada.key",
        "--gold-for",
        recipient,
    ];
    place
        .bundle(&[&seal[..], &["--out", CLOSED]].concat())
        .succeeded();
    place.on("extract", CLOSED, &["--out", "out"]).succeeded();

    let secrets = secrets();
    assert!(secrets.len() > 20, "{secrets:?}");
    let mut members = super::Files::new();
    collect(&place.sandbox.path("out"), "out", &mut members);
    for (path, bytes) in &members {
        let text = String::from_utf8_lossy(bytes);
        for secret in &secrets {
            assert!(!text.contains(secret), "{path} has {secret:?}");
        }
    }
}

/// What only the gold of the built-in suite's held-out tasks says, and no other text of the suite
/// or its data.
fn secrets() -> BTreeSet<String> {
    let mut gold = BTreeSet::new();
    let mut public = String::new();
    let mut files = super::Files::new();
    for folder in ["seeds/suites/crm-core", "seeds/canonical"] {
        collect(&repository(folder), folder, &mut files);
    }
    for (path, bytes) in files {
        let text = String::from_utf8(bytes).unwrap();
        let file: toml::Table = toml::from_str(&text).unwrap();
        if path.ends_with("suite.toml") || !path.contains("suites/") {
            public.push_str(&text);
            continue;
        }
        for task in file["task"].as_array().unwrap() {
            let task = task.as_table().unwrap();
            let held_out = task["split"].as_str() == Some("holdout");
            for (key, value) in task {
                match (held_out, key.as_str()) {
                    (true, "turn") => turns(value, &mut gold, &mut public),
                    (true, "expect" | "read_only") => texts(value, &mut gold),
                    _ => public.push_str(&value.to_string()),
                }
            }
        }
    }
    gold.retain(|text| text.len() > 5 && !public.contains(text.as_str()));
    gold
}

/// What a user says is public; what should come of it isn't.
fn turns(value: &toml::Value, gold: &mut BTreeSet<String>, public: &mut String) {
    for turn in value.as_array().unwrap() {
        for (key, value) in turn.as_table().unwrap() {
            match key.as_str() {
                "user" => public.push_str(value.as_str().unwrap()),
                _ => texts(value, gold),
            }
        }
    }
}

fn texts(value: &toml::Value, into: &mut BTreeSet<String>) {
    match value {
        toml::Value::String(text) => {
            into.insert(text.clone());
        }
        toml::Value::Array(list) => list.iter().for_each(|value| texts(value, into)),
        toml::Value::Table(table) => table.values().for_each(|value| texts(value, into)),
        _ => {}
    }
}
