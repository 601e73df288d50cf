//! `--out`: a folder that cannot be used is refused before anything is run, and left as it was.

use std::fs;

use insta::assert_snapshot;

use crate::proctor::{Ran, Sandbox};
use crate::records::SMALL;

fn run_into(sandbox: &Sandbox, folder: &str) -> Ran {
    sandbox.proctor(["run", "--suite", SMALL, "--policy", "noop", "--out", folder])
}

#[test]
fn a_folder_that_holds_something_is_left_alone() {
    let sandbox = Sandbox::with_small_suite();
    sandbox.write("work/thesis.txt", "years of work");
    assert_snapshot!(run_into(&sandbox, "work").page(), @r#"
        ── stderr
        error: work exists and isn't empty; give another folder, or --resume to go on with its run
        ── exit code 1
        "#);
    assert_eq!(sandbox.names("work"), ["thesis.txt"]);
    assert_eq!(sandbox.read("work/thesis.txt"), "years of work");
}

#[test]
fn a_finished_run_is_left_alone() {
    let sandbox = Sandbox::with_small_suite();
    run_into(&sandbox, "out").succeeded();
    let before = sandbox.telemetry("out");
    assert_snapshot!(run_into(&sandbox, "out").page(), @r#"
        ── stderr
        error: out exists and isn't empty; give another folder, or --resume to go on with its run
        ── exit code 1
        "#);
    assert_eq!(sandbox.names("out"), ["inputs", "telemetry.jsonl"]);
    assert_eq!(sandbox.telemetry("out"), before);
}

#[test]
fn an_empty_folder_and_a_missing_one_are_fine() {
    let sandbox = Sandbox::with_small_suite();
    fs::create_dir(sandbox.path("empty")).unwrap();
    run_into(&sandbox, "empty").succeeded();
    run_into(&sandbox, "a/b/c").succeeded();
    assert_eq!(sandbox.outcomes("a/b/c").len(), 4);
}

#[test]
fn a_place_where_no_folder_can_be_is_named() {
    let sandbox = Sandbox::with_small_suite();
    sandbox.write("file", "just a file");
    assert_snapshot!(run_into(&sandbox, "file").page(), @r#"
        ── stderr
        error: file: File exists (os error 17)
        ── exit code 1
        "#);
    assert_snapshot!(run_into(&sandbox, "file/below").page(), @r#"
        ── stderr
        error: file/below: Not a directory (os error 20)
        ── exit code 1
        "#);
    assert_eq!(sandbox.read("file"), "just a file");
    // Where nobody may write, not even root.
    #[cfg(target_os = "linux")]
    assert_snapshot!(run_into(&sandbox, "/proc/proctor").page(), @r#"
        ── stderr
        error: /proc/proctor: No such file or directory (os error 2)
        ── exit code 1
        "#);
}

#[test]
fn the_demo_clears_only_what_is_its_own() {
    let sandbox = Sandbox::new();
    sandbox.write("demo/oracle/thesis.txt", "years of work");
    assert_snapshot!(sandbox.proctor(["demo", "--out", "demo"]).stderr, @r#"
        error: demo/oracle/thesis.txt is not an earlier demo's
        hint: give another folder with --out
        "#);
    assert_eq!(sandbox.read("demo/oracle/thesis.txt"), "years of work");
}
