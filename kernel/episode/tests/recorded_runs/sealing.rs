//! A suite whose gold is sealed: what is left tells nothing, and agents act on it as before.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proctor_episode::{EpisodeRecord, Outcome, PolicySource, Split, Suite, SuiteFiles};
use proctor_host::{FaultKind, FirstParty, Grant, Host, Limits, ORACLE};
use proctor_store::{Image, Sqlite};

use super::stage::{Clerk, MANIFEST, Run, compile, examination};

const SUITE: &str = r#"
# willow-remark: the held-out task is negative
name = "five"
version = 1
description = "Two tasks."
data = "canonical"
now = "2026-01-15T09:00:00Z"

[[equivalent]]
mutant = "duplicate"
tools = ["modify_client"]
tasks = ["held", "open"]
why = "willow-equivalence"

[[equivalent]]
mutant = "drop"
tools = ["client_search"]
why = "for all tasks"
"#;

const TASKS: &str = r#"
# willow-comment: what it is about
[[task]]
id = "held"
kind = "modify_client"
split = "holdout"
[[task.setup.client]]
key = "birch"
name = "Birch"
email = "hello@birch.example"
status = "Prospect"
[[task.turn]]
user = "Make the client {@client.birch} what it should be and call it Birch"
derived = [{ value = "willow-derived", from = "what it should be" }]
[[task.turn.call]]
id = "willow-call"
tool = "client_search"
arguments = { name = "Birch", industry = "willow-argument" }
[[task.turn.call]]
tool = "modify_client"
arguments = { client_id = "${willow-call.rows.0.client_id}", updates = { name = "willow-name" } }
[task.turn.answer]
text = "willow-answer"
facts = [{ text = "willow-fact" }]
[[task.expect.update]]
record = "@client.birch"
set = { name = "willow-name" }

[[task]]
id = "open"
kind = "create_new_client"
split = "eval"
[[task.turn]]
user = "Add the client oak"
[[task.turn.call]]
tool = "create_new_client"
arguments = { name = "oak", email = "oak@oak.example", status = "Prospect" }
[task.turn.answer]
text = "oak-answer"
[[task.expect.insert]]
key = "oak"
entity = "Client"
row = { name = "oak", email = "oak@oak.example", status = "Prospect" }
"#;

const OTHER: &str = r#"
# this stays
[[task]]
id = "plain"
kind = "create_new_client"
split = "train"
read_only = "nothing is asked"
[[task.turn]]
user = "Add nobody"
answer = { text = "done" }
"#;

fn files() -> BTreeMap<PathBuf, String> {
    BTreeMap::from([
        (PathBuf::from(MANIFEST), SUITE.to_owned()),
        (PathBuf::from("suites/five/other.toml"), OTHER.to_owned()),
        (PathBuf::from("suites/five/tasks.toml"), TASKS.to_owned()),
    ])
}

fn sealed() -> BTreeMap<PathBuf, String> {
    Suite::sealed_files(&files(), Split::Holdout).unwrap()
}

fn built_in() -> SuiteFiles {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../seeds/suites/crm-core");
    SuiteFiles::read(Path::new(folder)).unwrap()
}

fn records(suite: &Arc<Suite>, policy: &dyn PolicySource) -> Vec<EpisodeRecord> {
    let tasks = (0..suite.tasks.len()).collect();
    let store = Sqlite::from_image(&Image::of(&suite.data).unwrap()).unwrap();
    let mut records = Vec::new();
    examination(suite, tasks, policy).run_all(Box::new(store), &mut |record| records.push(record));
    records
}

/// Each text in a value, however deep.
fn texts<'a>(value: &'a toml::Value, found: &mut BTreeSet<&'a str>) {
    match value {
        toml::Value::String(text) => {
            found.insert(text);
        }
        toml::Value::Array(all) => all.iter().for_each(|value| texts(value, found)),
        toml::Value::Table(table) => table.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// The tasks of some files, by id.
fn tasks(files: &BTreeMap<PathBuf, String>) -> BTreeMap<String, toml::Table> {
    let mut tasks = BTreeMap::new();
    for text in files.values() {
        let file: toml::Table = toml::from_str(text).unwrap();
        for task in file
            .get("task")
            .and_then(toml::Value::as_array)
            .into_iter()
            .flatten()
        {
            let task = task.as_table().unwrap();
            tasks.insert(task["id"].as_str().unwrap().to_owned(), task.clone());
        }
    }
    tasks
}

#[test]
fn nothing_of_what_counts_as_done_is_left() {
    let all = sealed().into_values().collect::<String>();
    assert!(files().into_values().collect::<String>().contains("willow"));
    assert!(!all.contains("willow"), "{all}");
    assert!(
        all.contains("for all tasks") && all.contains("oak-answer"),
        "{all}"
    );
}

#[test]
fn files_without_a_sealed_task_stay_as_they_are() {
    assert_eq!(sealed()[Path::new("suites/five/other.toml")], OTHER);
    let none = BTreeMap::from([
        (PathBuf::from(MANIFEST), SUITE.to_owned()),
        (PathBuf::from("suites/five/other.toml"), OTHER.to_owned()),
    ]);
    assert_eq!(Suite::sealed_files(&none, Split::Holdout).unwrap(), none);
}

#[test]
fn the_sealed_suite_has_the_digest_of_the_whole_one() {
    let (whole, sealed) = (compile(&files()), compile(&sealed()));
    assert_eq!(whole.digest, sealed.digest);
    let held = sealed.task("held").unwrap();
    assert!(held.sealed && held.gold.oracle.is_empty() && held.negative.is_none());
    assert_eq!(
        held.turns[0].user,
        whole.task("held").unwrap().turns[0].user
    );
    assert_eq!(held.setup, whole.task("held").unwrap().setup);
    assert_eq!(
        sealed.task("open").unwrap().gold,
        whole.task("open").unwrap().gold
    );
}

#[test]
fn what_is_sealed_twice_is_sealed_once() {
    assert_eq!(
        Suite::sealed_files(&sealed(), Split::Holdout).unwrap(),
        sealed()
    );
}

#[test]
fn a_sealed_task_that_tells_something_is_refused() {
    let task = sealed()[Path::new("suites/five/tasks.toml")].clone();
    let refused = |from: &str, to: &str| {
        let changed = task.replacen(from, to, 1);
        assert_ne!(changed, task, "{from}");
        let mut files = sealed();
        files.insert(PathBuf::from("suites/five/tasks.toml"), changed);
        let error = Suite::from_files(Path::new(MANIFEST), &files, &BTreeMap::new());
        error.unwrap_err().to_string()
    };
    for (key, line) in [
        ("negative", "negative = \"x\"\nsplit = \"holdout\""),
        ("read_only", "read_only = \"x\"\nsplit = \"holdout\""),
    ] {
        let error = refused("split = \"holdout\"", line);
        assert!(
            error.contains(&format!("is sealed, and says all the same `{key}`")),
            "{error}"
        );
    }
    let error = refused("user = ", "decline = \"no\"\nuser = ");
    assert!(error.contains("says all the same `decline`"), "{error}");
    let error = refused("sealed = \"", "sealed = \"x");
    assert!(error.contains("64 hexadecimal digits"), "{error}");
}

#[test]
fn each_split_of_the_built_in_suite_can_be_sealed() {
    let files = built_in();
    let whole = files.compile().unwrap();
    let before = tasks(&files.suite);
    for split in [Split::Train, Split::Eval, Split::Holdout] {
        let mut sealed = files.clone();
        sealed.suite = Suite::sealed_files(&files.suite, split).unwrap();
        let suite = sealed.compile().unwrap();
        assert_eq!(suite.digest, whole.digest, "{split:?}");
        assert!(suite.tasks.iter().any(|task| task.sealed));
        let after = tasks(&sealed.suite);
        for (task, original) in suite.tasks.iter().zip(&whole.tasks) {
            assert_eq!(task.sealed, task.split == split);
            assert_eq!((&task.id, task.digest), (&original.id, original.digest));
            if task.sealed {
                tells_nothing(&before[&task.id], &after[&task.id]);
            } else {
                assert_eq!(task.gold, original.gold, "{}", task.id);
            }
        }
    }
}

/// Holds what is left of a task against what it said: every text is one that an agent may see.
fn tells_nothing(before: &toml::Table, after: &toml::Table) {
    let mut seen = BTreeSet::new();
    for key in ["id", "kind", "split", "setup"] {
        before
            .get(key)
            .into_iter()
            .for_each(|value| texts(value, &mut seen));
    }
    for turn in before["turn"].as_array().unwrap() {
        texts(&turn["user"], &mut seen);
    }
    let mut left = after.clone();
    assert!(left.remove("sealed").is_some());
    let left = toml::Value::Table(left);
    let mut found = BTreeSet::new();
    texts(&left, &mut found);
    assert_eq!(found, seen);
}

#[test]
fn an_agent_acts_on_the_sealed_suite_as_on_the_whole_one() {
    let mut files = built_in();
    let whole = Arc::new(files.compile().unwrap());
    files.suite = Suite::sealed_files(&files.suite, Split::Holdout).unwrap();
    let sealed = Arc::new(files.compile().unwrap());
    let clerk = Clerk::default();
    let (whole, records) = (records(&whole, &clerk), records(&sealed, &clerk));
    assert_eq!(whole.len(), records.len());
    for (one, other) in whole.iter().zip(&records) {
        assert_eq!(one.steps, other.steps);
        assert_eq!((one.start, one.end), (other.start, other.end));
        assert_eq!(one.changes, other.changes);
        if sealed.tasks[other.task].sealed {
            assert_eq!((other.outcome, other.reward), (Outcome::GraderError, None));
            let fault = other.marks[0].verdict.as_ref().unwrap_err();
            assert_eq!(
                (fault.kind, fault.plugin.as_str()),
                (FaultKind::Sealed, "kernel")
            );
        } else {
            assert_eq!((one.outcome, one.reward), (other.outcome, other.reward));
        }
    }
}

#[test]
fn the_oracle_says_that_it_has_nothing_to_play() {
    let host = Host::new(Limits::default(), None).unwrap();
    let wasm = FirstParty::named(ORACLE).unwrap().wasm;
    let oracle = host.load(ORACLE, wasm, &[Grant::Gold]).unwrap();
    let oracle = host.policy(&oracle).unwrap();
    let suite = compile(&sealed());
    let held = records(&suite, &oracle).remove(0);
    assert_eq!(suite.tasks[held.task].id, "held");
    assert_eq!((held.outcome, held.reward), (Outcome::GraderError, None));
    assert_eq!(held.fault.unwrap().kind, FaultKind::Declared);
    assert!(held.steps.is_empty());
}

#[test]
fn telemetry_of_a_sealed_task_has_its_fault_and_no_verdict() {
    let (suite, clerk) = (compile(&sealed()), Clerk::default());
    let run = Run::of(&examination(&suite, vec![0], &clerk), usize::MAX);
    let text = String::from_utf8(run.bytes()).unwrap();
    assert!(
        !text.contains("\"event\":\"verdict\"") && !text.contains("\"reward\""),
        "{text}"
    );
    assert_eq!(
        text.matches("\"error.type\":\"sealed\"").count(),
        2,
        "{text}"
    );
    assert!(text.contains("\"outcomes\":{\"grader_error\":2}"), "{text}");
}
