//! `--resume`: what is finished is kept, what is half-written is done again, and what was
//! altered or belongs to another run is refused.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::proctor::{Ran, Sandbox};
use crate::records::{FIND, SMALL};
use crate::telemetry::outside_wall;

const RUN: [&str; 5] = ["run", "--suite", SMALL, "--policy", "oracle"];

fn resume(sandbox: &Sandbox, folder: &str, options: &[&str]) -> Ran {
    sandbox.proctor([&RUN[..], &["--resume", "--out", folder], options].concat())
}

/// A sandbox with a finished run in `whole`.
fn with_finished_run() -> Sandbox {
    let sandbox = Sandbox::with_small_suite();
    sandbox
        .proctor([&RUN[..], &["--out", "whole"]].concat())
        .succeeded();
    sandbox
}

#[test]
fn a_tail_cut_anywhere_is_made_good() {
    let sandbox = with_finished_run();
    let whole = sandbox.telemetry("whole");
    let first_line = whole.find('\n').unwrap() + 1;
    // Each line cut right after its start, in its middle, before its end, and left whole.
    let mut cuts = Vec::new();
    let mut start = first_line;
    while let Some(length) = whole[start..].find('\n') {
        cuts.extend([start, start + 1, start + length / 2, start + length]);
        start += length + 1;
    }
    cuts.push(whole.len());
    for cut in cuts {
        let bytes = &whole.as_bytes()[..cut];
        sandbox.write("cut/telemetry.jsonl", bytes);
        resume(&sandbox, "cut", &[]).succeeded();
        let resumed = sandbox.telemetry("cut");
        assert!(
            outside_wall(&resumed) == outside_wall(&whole),
            "cut at byte {cut}"
        );
        // Episodes that were whole are not run again: even their wall-clock facts are kept.
        let finished = finished_part(bytes);
        assert!(
            resumed.as_bytes().starts_with(finished),
            "cut at byte {cut}"
        );
        assert_eq!(sandbox.names("cut"), ["inputs", "telemetry.jsonl"]);
        fs::remove_dir_all(sandbox.path("cut")).unwrap();
    }
}

/// Everything up to the last line that ends an episode.
fn finished_part(bytes: &[u8]) -> &[u8] {
    let mut end = 0;
    let mut read = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        read += line.len();
        let text = String::from_utf8_lossy(line);
        if text.ends_with('\n') && text.contains("\"event\":\"episode.end\"") {
            end = read;
        }
    }
    &bytes[..end]
}

#[test]
fn a_run_without_a_whole_line_is_no_run() {
    let sandbox = with_finished_run();
    let whole = sandbox.telemetry("whole");
    for (name, cut) in [("nothing", 0), ("half-a-line", 40)] {
        sandbox.write(&format!("{name}/telemetry.jsonl"), &whole.as_bytes()[..cut]);
    }
    assert_snapshot!(resume(&sandbox, "nothing", &[]).page(), @r#"
        ── stderr
        error: nothing/telemetry.jsonl: holds no run to go on with; a run begins in a new folder, without --resume
        ── exit code 1
        "#);
    assert_snapshot!(resume(&sandbox, "half-a-line", &[]).page(), @r#"
        ── stderr
        error: half-a-line/telemetry.jsonl: holds no run to go on with; a run begins in a new folder, without --resume
        ── exit code 1
        "#);
    fs::create_dir(sandbox.path("empty")).unwrap();
    assert_snapshot!(resume(&sandbox, "empty", &[]).page(), @r#"
        ── stderr
        error: empty/telemetry.jsonl: holds no run to go on with; a run begins in a new folder, without --resume
        ── exit code 1
        "#);
    assert_snapshot!(resume(&sandbox, "missing", &[]).page(), @r#"
        ── stderr
        error: missing/telemetry.jsonl: holds no run to go on with; a run begins in a new folder, without --resume
        ── exit code 1
        "#);
    assert!(sandbox.names("empty").is_empty());
    assert!(!sandbox.path("missing").exists());
}

#[test]
fn a_finished_run_stays_as_it_is() {
    let sandbox = with_finished_run();
    let before = sandbox.telemetry("whole");
    let first = sandbox.proctor(RUN).succeeded();
    assert_eq!(
        resume(&sandbox, "whole", &[]).succeeded().stdout,
        first.stdout
    );
    assert_eq!(sandbox.telemetry("whole"), before);
    assert_eq!(sandbox.names("whole"), ["inputs", "telemetry.jsonl"]);
}

#[test]
fn altered_lines_are_refused_and_left() {
    let sandbox = with_finished_run();
    let whole = sandbox.telemetry("whole");
    let lines: Vec<&str> = whole.lines().collect();
    let altered = |name: &str, lines: &[String]| {
        let text = lines.join("\n") + "\n";
        sandbox.write(&format!("{name}/telemetry.jsonl"), &text);
        let ran = resume(&sandbox, name, &[]);
        assert_eq!(sandbox.telemetry(name), text, "{name}");
        let verified = sandbox.proctor(["trace", "verify", name]);
        assert_eq!(verified.code, Some(1), "{name}");
        ran.page()
    };
    let owned = || {
        lines
            .iter()
            .map(|line| (*line).to_owned())
            .collect::<Vec<_>>()
    };

    let mut changed = owned();
    changed[2] = changed[2].replace("Acme Rockets", "Acme Rackets");
    assert_ne!(changed, owned());
    assert_snapshot!(altered("changed", &changed), @r#"
        ── stderr
        error: changed/telemetry.jsonl: line 3 is not as it was written: its chain doesn't fit
        ── exit code 1
        "#);

    let mut dropped = owned();
    dropped.remove(4);
    assert_snapshot!(altered("dropped", &dropped), @r#"
        ── stderr
        error: dropped/telemetry.jsonl: line 5 is not as it was written: it is out of sequence
        ── exit code 1
        "#);

    let mut swapped = owned();
    swapped.swap(2, 3);
    assert_snapshot!(altered("swapped", &swapped), @r#"
        ── stderr
        error: swapped/telemetry.jsonl: line 3 is not as it was written: it is out of sequence
        ── exit code 1
        "#);

    let mut garbled = owned();
    garbled[5] = "}{".into();
    assert_snapshot!(altered("garbled", &garbled), @r#"
        ── stderr
        error: garbled/telemetry.jsonl: line 6 is not as it was written: it is no JSON from column 1 on
        ── exit code 1
        "#);
}

#[test]
fn only_the_same_run_is_resumed() {
    let sandbox = with_finished_run();
    let whole = sandbox.telemetry("whole");
    sandbox.write("seeds/suites/other/suite.toml", "name = \"other\"\nversion = 1\ndescription = \"\"\ndata = \"records\"\nnow = \"2026-01-15T09:00:00Z\"\n");
    sandbox.write("seeds/suites/other/tasks.toml", FIND);
    assert_snapshot!(resume(&sandbox, "whole", &["--seed", "2"]).page(), @r#"
        ── stderr
        error: whole/telemetry.jsonl: is another run: its seed is 1, this one's is 2
        ── exit code 1
        "#);
    assert_snapshot!(resume(&sandbox, "whole", &["--trials", "2"]).page(), @r#"
        ── stderr
        error: whole/telemetry.jsonl: is another run: its trials is 1, this one's is 2
        ── exit code 1
        "#);
    assert_snapshot!(resume(&sandbox, "whole", &["--limit", "2"]).page(), @r#"
        ── stderr
        error: whole/telemetry.jsonl: is another run: its tasks is ["client-find","client-status-no","deal-advance","deal-create"], this one's is ["client-find","client-status-no"]
        ── exit code 1
        "#);
    assert_snapshot!(resume(&sandbox, "whole", &["--param", "pace=slow"]).page(), @r#"
        ── stderr
        error: whole/telemetry.jsonl: is another run: its parameters is {}, this one's is {"pace":"slow"}
        ── exit code 1
        "#);
    let with = |suite: &str, policy: &str| {
        sandbox
            .proctor([
                "run", "--suite", suite, "--policy", policy, "--resume", "--out", "whole",
            ])
            .page()
    };
    assert_snapshot!(with(SMALL, "noop"), @r#"
        ── stderr
        error: whole/telemetry.jsonl: is another run: its gen_ai.agent.name is "oracle", this one's is "noop"
        ── exit code 1
        "#);
    assert_snapshot!(with("seeds/suites/other", "oracle"), @r#"
        ── stderr
        error: whole/telemetry.jsonl: is another run: its suite is "small", this one's is "other"
        ── exit code 1
        "#);
    assert_eq!(sandbox.telemetry("whole"), whole);
}

#[test]
fn a_run_may_go_on_on_another_backend() {
    let sandbox = with_finished_run();
    let whole = sandbox.telemetry("whole");
    let elsewhere = whole.replace(
        "\"wall\":{\"store\":\"sqlite\"}",
        "\"wall\":{\"isolation\":\"transaction\",\"store\":\"postgres\"}",
    );
    assert_ne!(elsewhere, whole);
    let half = elsewhere.len() / 2;
    sandbox.write("elsewhere/telemetry.jsonl", &elsewhere.as_bytes()[..half]);
    resume(&sandbox, "elsewhere", &[]).succeeded();
    let resumed = sandbox.telemetry("elsewhere");
    assert!(outside_wall(&resumed) == outside_wall(&whole));
    assert_eq!(resumed.lines().next(), elsewhere.lines().next());
}

#[test]
fn an_interruption_stays_on_record_and_is_shown() {
    let sandbox = with_finished_run();
    let whole = sandbox.telemetry("whole");
    let episodes = episodes_of(&whole);
    let wall = json!({
        "duration_us": 1,
        "interrupted": [{ "duration_us": 1_250_000, "reason": "postgres said {\"no\"},\nand left" }],
    });
    sandbox.write(
        "killed/telemetry.jsonl",
        whole.lines().next().unwrap().to_owned() + "\n",
    );
    sandbox.write("killed/pending.jsonl", pending_line(1, &episodes[1], &wall));
    resume(&sandbox, "killed", &[]).succeeded();
    let resumed = sandbox.telemetry("killed");
    assert!(outside_wall(&resumed) == outside_wall(&whole));
    assert_eq!(resumed.matches(&format!("\"wall\":{wall}}}\n")).count(), 1);
    sandbox.proctor(["trace", "verify", "killed"]).succeeded();
    let shown = sandbox.proctor(["trace", "killed", "client-status-no"]);
    let shown = shown.succeeded().stdout;
    let lines: Vec<&str> = shown.lines().rev().take(2).collect();
    assert_snapshot!(lines[1], @"outcome   pass, reward 1.000");
    assert_snapshot!(lines[0], @r#"          begun anew, interrupted after 1.250 s: postgres said {"no"}, and left"#);
    let undisturbed = sandbox.proctor(["trace", "killed", "client-find"]);
    assert!(!undisturbed.stdout.contains("begun anew"));
}

#[test]
fn what_an_earlier_version_left_pending_is_run_again() {
    let sandbox = with_finished_run();
    let whole = sandbox.telemetry("whole");
    let episodes = episodes_of(&whole);
    sandbox.write(
        "killed/telemetry.jsonl",
        whole.lines().next().unwrap().to_owned() + "\n",
    );
    let earlier = pending_line(1, &episodes[1], &json!(123_456_789));
    sandbox.write("killed/pending.jsonl", earlier);
    resume(&sandbox, "killed", &[]).succeeded();
    let resumed = sandbox.telemetry("killed");
    assert!(outside_wall(&resumed) == outside_wall(&whole));
    assert!(!resumed.contains("123456789"));
}

#[test]
fn episodes_that_finished_before_their_turn_are_kept() {
    let sandbox = with_finished_run();
    let whole = sandbox.telemetry("whole");
    // As a kill leaves it: the first episode is written, the third waits for the second, and the
    // fourth was being put down, cut in the middle of a character.
    let episodes = episodes_of(&whole);
    let third = pending_line(2, &episodes[2], &json!({ "duration_us": 123_456_789 }));
    let cut: &[u8] = "{\"events\":[{\"body\":\"Göteb".as_bytes();
    let cut = &cut[..cut.iter().position(|byte| *byte == 0xc3).unwrap() + 1];
    let written: usize = whole.lines().next().unwrap().len() + 1 + episodes[0].len();
    sandbox.write("killed/telemetry.jsonl", &whole.as_bytes()[..written]);
    sandbox.write("killed/pending.jsonl", [third.as_bytes(), cut].concat());
    resume(&sandbox, "killed", &["--jobs", "1"]).succeeded();
    let resumed = sandbox.telemetry("killed");
    assert!(outside_wall(&resumed) == outside_wall(&whole));
    assert_eq!(
        resumed.matches("{\"duration_us\":123456789}").count(),
        1,
        "run again"
    );
    assert_eq!(sandbox.names("killed"), ["inputs", "telemetry.jsonl"]);
}

/// The lines of each episode.
fn episodes_of(telemetry: &str) -> Vec<String> {
    let mut episodes = Vec::new();
    for line in telemetry.split_inclusive('\n').skip(1) {
        if line.contains("\"event\":\"episode.start\"") {
            episodes.push(String::new());
        }
        if !line.contains("\"event\":\"run.end\"") {
            episodes.last_mut().unwrap().push_str(line);
        }
    }
    episodes
}

/// An episode as `pending.jsonl` holds it, with another `wall`.
fn pending_line(index: usize, episode: &str, wall: &Value) -> String {
    let lines: Vec<&str> = episode.lines().collect();
    let events: Vec<Value> = lines
        .iter()
        .enumerate()
        .map(|(at, line)| {
            let body = &line[line.find("\"event\"").unwrap()..line.rfind(",\"seq\":").unwrap()];
            let last = at + 1 == lines.len();
            json!({ "body": body, "wall": last.then_some(wall) })
        })
        .collect();
    json!({ "events": events, "index": index }).to_string() + "\n"
}

/// A limit on the size of files stands in for a full disk: writing fails half-way.
#[cfg(unix)]
#[test]
fn a_full_disk_is_named_and_nothing_finished_is_lost() {
    let sandbox = Sandbox::with_small_suite();
    let options = ["--trials", "400"];
    sandbox
        .proctor([&RUN[..], &["--out", "whole"], &options].concat())
        .succeeded();
    let whole = sandbox.telemetry("whole");
    assert!(
        whole.len() > 800 * 1024,
        "the limits below must be met: {}",
        whole.len()
    );
    // The first is met by what the run depends on, the others by episodes.
    for (kilobytes, jobs) in [("64", "1"), ("600", "1"), ("600", "4"), ("700", "2")] {
        let folder = format!("full-{kilobytes}-{jobs}");
        let arguments = [&RUN[..], &["--out", &folder, "--jobs", jobs], &options].concat();
        let mut command = sandbox.any_command("bash");
        command
            .args([
                "-c",
                "ulimit -f \"$0\"; trap '' XFSZ; exec \"$@\"",
                kilobytes,
            ])
            .arg(env!("CARGO_BIN_EXE_proctor"))
            .args(&arguments);
        let ran = sandbox.run(&mut command);
        assert_eq!(ran.code, Some(1), "{}", ran.page());
        assert!(
            ran.stderr.contains(&format!("error: {folder}/")),
            "{}",
            ran.page()
        );
        assert!(ran.stderr.contains("File too large"), "{}", ran.page());
        assert!(
            ran.stderr
                .contains("hint: what is finished is kept: --resume"),
            "{}",
            ran.page()
        );
        let half = sandbox.telemetry(&folder);
        resume(&sandbox, &folder, &options).succeeded();
        let resumed = sandbox.telemetry(&folder);
        assert!(outside_wall(&resumed) == outside_wall(&whole), "{folder}");
        assert!(
            resumed
                .as_bytes()
                .starts_with(finished_part(half.as_bytes())),
            "{folder}"
        );
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_from_the_start_costs_only_the_cache() {
    let sandbox = Sandbox::with_small_suite();
    let arguments = [&RUN[..], &["--limit", "1"]].concat();
    let mut command = sandbox.any_command("bash");
    command
        .args(["-c", "ulimit -f 64; trap '' XFSZ; exec \"$@\"", "bash"])
        .arg(env!("CARGO_BIN_EXE_proctor"))
        .args(&arguments)
        .env("PROCTOR_CACHE_DIR", sandbox.path("cache"));
    let ran = sandbox.run(&mut command);
    assert_eq!(ran.code, Some(0), "{}", ran.page());
    assert!(sandbox.names("cache/components").is_empty());
}
