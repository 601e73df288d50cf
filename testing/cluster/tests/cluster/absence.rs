//! Machines without a server.

use std::process::{Command, Output};

use proctor_cluster::Cluster;
use tempfile::TempDir;

use crate::child;

/// Runs in a process of its own, where it gets no server.
#[test]
#[ignore = "run by the tests below"]
fn goes_without() {
    assert!(Cluster::shared().is_none());
    assert!(Cluster::own().is_none());
}

/// Runs the test above where PostgreSQL's programs are said to be in an empty folder.
fn without_programs(set_up: impl FnOnce(&mut Command)) -> Output {
    let empty = TempDir::new().unwrap();
    let mut command = child::running("absence::goes_without");
    command.env("PROCTOR_POSTGRES_BIN", empty.path());
    set_up(&mut command);
    command.output().unwrap()
}

#[test]
fn a_test_without_a_server_is_left_out_and_says_so_past_the_harness() {
    let output = without_programs(|_| ());
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let notice = "test absence::goes_without is left out: no PostgreSQL server is installed";
    assert_eq!(said.matches(notice).count(), 2, "{said}");
    assert!(said.contains("PROCTOR_POSTGRES_BIN"), "{said}");
}

#[test]
fn where_a_server_is_required_a_test_without_one_fails() {
    let output = without_programs(|command| {
        command.env("PROCTOR_REQUIRE_POSTGRES", "1");
    });
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("no PostgreSQL server is installed"), "{said}");
}
