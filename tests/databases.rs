//! `proctor db`: a database and its snapshots, sound and damaged.

mod addresses;
mod difference;
mod servers;
mod upkeep;

use std::fs;

use insta::assert_snapshot;
use rusqlite::Connection;

use crate::proctor::{Ran, Sandbox};

fn db(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    sandbox.proctor([&["db"], arguments].concat())
}

/// The same, with just these variables to name a database.
fn db_with(sandbox: &Sandbox, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = sandbox.command([&["db"], arguments].concat());
    for name in ["DATABASE_URL", "PGPASSWORD", "PGSSLROOTCERT"] {
        command.env_remove(name);
    }
    sandbox.run(command.envs(variables.iter().copied()))
}

/// A sandbox with a database of the small suite's records in `crm.db`.
fn with_database() -> Sandbox {
    let sandbox = Sandbox::with_small_suite();
    db(&sandbox, &["init", "crm.db", "--data", "seeds/records"]).succeeded();
    sandbox
}

fn fingerprint(sandbox: &Sandbox, file: &str) -> String {
    db(sandbox, &["fingerprint", file]).succeeded().stdout
}

/// Changes the database behind the program's back.
fn meddle(sandbox: &Sandbox, sql: &str) {
    let connection = Connection::open(sandbox.path("crm.db")).unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
fn init_inspect_snapshot_and_restore_keep_the_fingerprint() {
    let sandbox = with_database();
    assert_snapshot!(db(&sandbox, &["inspect", "crm.db"]).page(), @r#"
        ── stdout
         table          rows
         clients           2
         companies         0
         contacts          0
         opportunities     2
         quotes            1
         contracts         0
         documents         0
         notes             0
        backend      sqlite
        fingerprint  [sha256]
        constraints  hold
        ── exit code 0
        "#);
    let first = fingerprint(&sandbox, "crm.db");
    assert_snapshot!(db(&sandbox, &["snapshot", "crm.db", "crm.snapshot"]).page(), @r#"
        ── stdout
        [sha256]  5 rows
        ── exit code 0
        "#);
    assert_eq!(fingerprint(&sandbox, "crm.snapshot"), first);

    meddle(
        &sandbox,
        "UPDATE clients SET owner = 'nobody' WHERE name = 'Birch Furniture'",
    );
    assert_ne!(fingerprint(&sandbox, "crm.db"), first);
    assert_snapshot!(db(&sandbox, &["restore", "crm.db", "crm.snapshot"]).page(), @r#"
        ── stdout
        [sha256]  5 rows
        ── exit code 0
        "#);
    assert_eq!(fingerprint(&sandbox, "crm.db"), first);

    db(&sandbox, &["init", "second.db", "--data", "crm.snapshot"]).succeeded();
    assert_eq!(fingerprint(&sandbox, "second.db"), first);
    // The same rows give the same bytes.
    db(&sandbox, &["snapshot", "second.db", "second.snapshot"]).succeeded();
    let bytes = |name: &str| fs::read(sandbox.path(name)).unwrap();
    assert_eq!(bytes("second.snapshot"), bytes("crm.snapshot"));
}

#[test]
fn the_built_in_data_is_sound() {
    let sandbox = Sandbox::new();
    db(&sandbox, &["init", "crm.db"]).succeeded();
    let inspected = db(&sandbox, &["inspect", "crm.db", "--json"]).json();
    assert_eq!(inspected["broken_constraint"], serde_json::Value::Null);
    assert!(
        inspected["rows"]["clients"].as_u64() >= Some(40),
        "{inspected:#}"
    );
    assert_eq!(
        inspected["fingerprint"].as_str().unwrap(),
        fingerprint(&sandbox, "crm.db").trim()
    );
}

#[test]
fn what_exists_is_not_overwritten() {
    let sandbox = with_database();
    let before = fs::read(sandbox.path("crm.db")).unwrap();
    assert_snapshot!(db(&sandbox, &["init", "crm.db"]).page(), @r#"
        ── stderr
        error: crm.db: exists already
        hint: `proctor db reset` takes it back to the canonical data, `proctor db restore` to a snapshot
        ── exit code 1
        "#);
    sandbox.write("letter.txt", "Dear all");
    assert_snapshot!(db(&sandbox, &["snapshot", "crm.db", "letter.txt"]).page(), @r#"
        ── stderr
        error: letter.txt: exists already
        ── exit code 1
        "#);
    assert_eq!(fs::read(sandbox.path("crm.db")).unwrap(), before);
    assert_eq!(sandbox.read("letter.txt"), "Dear all");
}

#[test]
fn a_damaged_snapshot_changes_nothing() {
    let sandbox = with_database();
    db(&sandbox, &["snapshot", "crm.db", "crm.snapshot"]).succeeded();
    meddle(&sandbox, "DELETE FROM quotes");
    let before = fingerprint(&sandbox, "crm.db");
    let snapshot = fs::read(sandbox.path("crm.snapshot")).unwrap();
    let refused = |bytes: &[u8]| {
        sandbox.write("bad.snapshot", bytes);
        let ran = db(&sandbox, &["restore", "crm.db", "bad.snapshot"]);
        assert_eq!(ran.code, Some(1), "{}", ran.page());
        assert_eq!(fingerprint(&sandbox, "crm.db"), before);
        let init = db(&sandbox, &["init", "new.db", "--data", "bad.snapshot"]);
        assert_eq!(init.stderr, ran.stderr);
        assert!(!sandbox.path("new.db").exists());
        ran.page()
    };
    assert_snapshot!(refused(&snapshot[..snapshot.len() / 2]), @r#"
        ── stderr
        error: bad.snapshot: the snapshot is cut off at byte 568
        ── exit code 1
        "#);
    assert_snapshot!(refused(&snapshot[..snapshot.len() - 1]), @r#"
        ── stderr
        error: bad.snapshot: the snapshot is cut off at byte 1135
        ── exit code 1
        "#);
    assert_snapshot!(refused(b""), @r#"
        ── stderr
        error: bad.snapshot: the snapshot is cut off at byte 0
        ── exit code 1
        "#);
    assert_snapshot!(refused(b"no snapshot at all"), @r#"
        ── stderr
        error: bad.snapshot: byte 0 of the snapshot: expected an array of six: this is no snapshot
        ── exit code 1
        "#);
    // A bit flipped in each part of the file, and one byte too many.
    for at in (0..snapshot.len()).step_by(snapshot.len() / 16) {
        let mut flipped = snapshot.clone();
        flipped[at] ^= 1;
        refused(&flipped);
    }
    refused(&[&snapshot[..], b"\0"].concat());
    db(&sandbox, &["restore", "crm.db", "crm.snapshot"]).succeeded();
}

#[test]
fn rows_that_break_a_constraint_are_found() {
    let sandbox = with_database();
    meddle(
        &sandbox,
        "PRAGMA foreign_keys = OFF; DELETE FROM clients WHERE name = 'Birch Furniture'",
    );
    assert_snapshot!(db(&sandbox, &["inspect", "crm.db"]).page(), @r#"
        ── stdout
         table          rows
         clients           1
         companies         0
         contacts          0
         opportunities     2
         quotes            1
         contracts         0
         documents         0
         notes             0
        backend      sqlite
        fingerprint  [sha256]
        constraints  the database is damaged: a row of opportunities refers to one of clients that does not exist
        ── exit code 4
        "#);
    let inspected = db(&sandbox, &["inspect", "crm.db", "--json"]);
    assert_eq!(inspected.code, Some(4));
    assert!(
        inspected.stdout.contains("\"broken_constraint\": \""),
        "{}",
        inspected.stdout
    );
}

#[test]
fn cells_that_are_no_values_are_found() {
    let sandbox = with_database();
    meddle(
        &sandbox,
        "PRAGMA ignore_check_constraints = ON; UPDATE opportunities SET stage = 'Won?' WHERE name = 'Launch Pad'",
    );
    assert_snapshot!(db(&sandbox, &["inspect", "crm.db"]).page(), @r#"
        ── stdout
         table          rows
         clients           2
         companies         0
         contacts          0
         opportunities     2
         quotes            1
         contracts         0
         documents         0
         notes             0
        backend      sqlite
        fingerprint  [sha256]
        constraints  Opportunity 7592f91a-edcd-8d2c-8a21-06e255c9737d breaks a constraint of the database: CHECK constraint failed: opportunities_stage
        ── exit code 4
        "#);
    // Nor do they come into another database.
    db(&sandbox, &["snapshot", "crm.db", "crm.snapshot"]).succeeded();
    assert_snapshot!(db(&sandbox, &["init", "new.db", "--data", "crm.snapshot"]).page(), @r#"
        ── stderr
        error: new.db: Opportunity 7592f91a-edcd-8d2c-8a21-06e255c9737d breaks a constraint of the database: CHECK constraint failed: opportunities_stage
        ── exit code 1
        "#);
    assert!(!sandbox.path("new.db").exists());
}

#[test]
fn a_schema_that_was_changed_is_refused() {
    let sandbox = with_database();
    meddle(
        &sandbox,
        "CREATE TRIGGER surprise AFTER INSERT ON clients BEGIN DELETE FROM notes; END",
    );
    assert_snapshot!(db(&sandbox, &["inspect", "crm.db"]).page(), @r#"
        ── stderr
        error: crm.db: `surprise` in the database is not as the migrations make it
        hint: `proctor db doctor` says what else is wrong, `proctor db reset` takes it back to the canonical data
        ── exit code 1
        "#);
}

#[test]
fn what_is_no_database_is_named() {
    let sandbox = with_database();
    sandbox.write("letter.txt", "Dear all");
    assert_snapshot!(db(&sandbox, &["inspect", "letter.txt"]).page(), @r#"
        ── stderr
        error: letter.txt: sqlite failed: file is not a database
        hint: `proctor db init` creates a database
        ── exit code 1
        "#);
    assert_snapshot!(db(&sandbox, &["inspect", "missing.db"]).page(), @r#"
        ── stderr
        error: missing.db: sqlite failed: unable to open database file: missing.db
        hint: `proctor db init` creates a database
        ── exit code 1
        "#);
    assert_snapshot!(db(&sandbox, &["fingerprint", "letter.txt"]).page(), @r#"
        ── stderr
        error: letter.txt: byte 0 of the snapshot: expected an array of six: this is no snapshot
        ── exit code 1
        "#);
    assert_snapshot!(db(&sandbox, &["fingerprint", "missing"]).page(), @r#"
        ── stderr
        error: missing: No such file or directory (os error 2)
        ── exit code 1
        "#);
    db(&sandbox, &["snapshot", "crm.db", "crm.snapshot"]).succeeded();
    assert_snapshot!(db(&sandbox, &["restore", "missing.db", "crm.snapshot"]).page(), @r#"
        ── stderr
        error: missing.db: sqlite failed: unable to open database file: missing.db
        hint: `proctor db init` creates a database
        ── exit code 1
        "#);
    assert_snapshot!(db(&sandbox, &["restore", "letter.txt", "crm.snapshot"]).page(), @r#"
        ── stderr
        error: letter.txt: sqlite failed: file is not a database
        hint: `proctor db init` creates a database
        ── exit code 1
        "#);
    assert_eq!(sandbox.read("letter.txt"), "Dear all");
    assert!(!sandbox.path("missing.db").exists());
}
