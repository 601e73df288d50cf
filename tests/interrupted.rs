//! Runs that are killed, interrupted or started twice: nothing finished is lost or done again.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::fs;
use std::process::{Child, Command};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::proctor::{Ran, Sandbox};
use crate::records::SMALL;
use crate::telemetry::outside_wall;

/// So many trials that there is time to interrupt them.
const LONG_RUN: [&str; 7] = [
    "run", "--suite", SMALL, "--policy", "oracle", "--trials", "300",
];

fn long_run(folder: &str, options: &[&str]) -> Vec<String> {
    let all = [&LONG_RUN[..], &["--out", folder], options].concat();
    all.into_iter().map(str::to_owned).collect()
}

/// Starts a long run and waits until it has written so many bytes.
fn start(sandbox: &Sandbox, folder: &str, options: &[&str], bytes: u64) -> Child {
    let mut child = sandbox.command(long_run(folder, options)).spawn().unwrap();
    let file = sandbox.path(folder).join("telemetry.jsonl");
    let began = Instant::now();
    while fs::metadata(&file).map_or(0, |metadata| metadata.len()) < bytes {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "never wrote {bytes} bytes"
        );
        assert!(
            child.try_wait().unwrap().is_none(),
            "over before {bytes} bytes"
        );
        sleep(Duration::from_millis(1));
    }
    child
}

fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", "kill -s \"$0\" \"$1\"", name])
        .arg(child.id().to_string())
        .status();
    assert!(sent.unwrap().success());
}

fn resume(sandbox: &Sandbox, folder: &str) -> Ran {
    sandbox.proctor(long_run(folder, &["--resume"]))
}

/// Episodes that were finished when the run was broken off, each with the time it took: of two
/// runs of one episode that time is hardly ever the same.
fn finished(sandbox: &Sandbox, folder: &str) -> BTreeMap<String, u64> {
    let mut finished = BTreeMap::new();
    let end = |line: &Value| (line["event"] == "episode.end").then(|| name_of(&line["fields"]));
    let text =
        String::from_utf8_lossy(&fs::read(sandbox.path(folder).join("telemetry.jsonl")).unwrap())
            .into_owned();
    for line in text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(name) = end(&line) {
            finished.insert(name, line["wall"]["duration_us"].as_u64().unwrap());
        }
    }
    let waiting =
        fs::read_to_string(sandbox.path(folder).join("pending.jsonl")).unwrap_or_default();
    for line in waiting
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'))
    {
        let line: Value = serde_json::from_str(line).unwrap();
        let last = line["events"].as_array().unwrap().last().unwrap();
        let body: Value =
            serde_json::from_str(&format!("{{{}}}", last["body"].as_str().unwrap())).unwrap();
        finished.insert(
            name_of(&body["fields"]),
            last["wall"]["duration_us"].as_u64().unwrap(),
        );
    }
    finished
}

fn name_of(fields: &Value) -> String {
    fields["gen_ai.conversation.id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Resumes a run that was broken off and holds it against one that never was.
fn resumes_to(sandbox: &Sandbox, folder: &str, whole: &str) {
    let before = finished(sandbox, folder);
    assert!(
        !before.is_empty(),
        "{folder} was broken off before anything was done"
    );
    assert!(before.len() < 1200, "{folder} was never broken off");
    resume(sandbox, folder).succeeded();
    assert!(
        outside_wall(&sandbox.telemetry(folder)) == outside_wall(whole),
        "{folder}"
    );
    let after = finished(sandbox, folder);
    for (episode, duration) in &before {
        assert_eq!(
            after[episode], *duration,
            "{folder}: {episode} was done again"
        );
    }
    assert_eq!(after.len(), 1200);
    assert_eq!(sandbox.names(folder), ["inputs", "telemetry.jsonl"]);
}

#[test]
fn killed_at_any_time_a_run_resumes_to_the_same_bytes() {
    let sandbox = Sandbox::with_small_suite();
    sandbox.proctor(long_run("whole", &[])).succeeded();
    let whole = sandbox.telemetry("whole");
    for (at, jobs) in [(1, "2"), (25, "1"), (50, "4"), (75, "3")] {
        let folder = format!("killed-{at}");
        let bytes = whole.len() as u64 * at / 100;
        let mut child = start(&sandbox, &folder, &["--jobs", jobs], bytes);
        child.kill().unwrap();
        child.wait().unwrap();
        resumes_to(&sandbox, &folder, &whole);
    }
}

#[test]
fn killed_again_and_again_a_run_still_gets_there() {
    let sandbox = Sandbox::with_small_suite();
    sandbox.proctor(long_run("whole", &[])).succeeded();
    let whole = sandbox.telemetry("whole");
    for at in [10, 30, 50, 70] {
        let options: &[&str] = if at == 10 {
            &["--jobs", "4"]
        } else {
            &["--jobs", "4", "--resume"]
        };
        let bytes = whole.len() as u64 * at / 100;
        let mut child = start(&sandbox, "killed", options, bytes);
        child.kill().unwrap();
        child.wait().unwrap();
    }
    resumes_to(&sandbox, "killed", &whole);
}

#[test]
fn interrupted_a_run_says_so_and_how_to_go_on() {
    let sandbox = Sandbox::with_small_suite();
    sandbox.proctor(long_run("whole", &[])).succeeded();
    let whole = sandbox.telemetry("whole");
    for name in ["INT", "TERM"] {
        let folder = format!("interrupted-{name}");
        let child = start(&sandbox, &folder, &["--jobs", "2"], whole.len() as u64 / 4);
        signal(&child, name);
        let ran = sandbox.end_of(child);
        assert_eq!(ran.code, Some(130), "{}", ran.page());
        assert!(
            ran.stdout
                .ends_with("interrupted: --resume goes on with the run\n"),
            "{}",
            ran.page()
        );
        assert_eq!(ran.stderr, "");
        resumes_to(&sandbox, &folder, &whole);
    }
}

#[test]
fn a_folder_is_one_process_s_at_a_time() {
    let sandbox = Sandbox::with_small_suite();
    let mut child = start(&sandbox, "out", &["--jobs", "1"], 10_000);
    let resumed = resume(&sandbox, "out");
    let started = sandbox.proctor(long_run("out", &[]));
    child.kill().unwrap();
    child.wait().unwrap();
    insta::assert_snapshot!(resumed.page(), @r#"
        ── stderr
        error: out/telemetry.jsonl is in use by another process
        ── exit code 1
        "#);
    insta::assert_snapshot!(started.page(), @r#"
        ── stderr
        error: out exists and isn't empty; give another folder, or --resume to go on with its run
        ── exit code 1
        "#);
    // The lock goes with its process.
    resume(&sandbox, "out").succeeded();
    assert_eq!(sandbox.outcomes("out").len(), 1200);
}
