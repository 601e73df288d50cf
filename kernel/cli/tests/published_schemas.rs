//! The JSON Schemas under docs/schema are those that the program prints, from the types that
//! read and write the files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::path::Path;
use std::process::Command;

#[track_caller]
fn check(name: &str) {
    let output = Command::new(env!("CARGO_BIN_EXE_proctor"))
        .args(["schema", name])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let printed = String::from_utf8(output.stdout).unwrap();
    let file = format!("docs/schema/{name}.schema.json");
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(&file);
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == printed,
        "{file} is not what the program prints: `cargo run -- schema {name} > {file}`"
    );
}

#[test]
fn telemetry() {
    check("telemetry");
}

#[test]
fn suite() {
    check("suite");
}

#[test]
fn tasks() {
    check("tasks");
}

#[test]
fn models() {
    check("models");
}
