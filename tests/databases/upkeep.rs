//! What operators do to a whole database: migrating, seeding, resetting, looking it over.

use std::fs;

use insta::assert_snapshot;

use super::{db, fingerprint, meddle, with_database};
use crate::proctor::Sandbox;

#[test]
fn migrating_says_what_it_did_and_does_nothing_the_second_time() {
    let sandbox = Sandbox::new();
    assert_snapshot!(db(&sandbox, &["migrate", "crm.db"]).page(), @r#"
        ── stdout
        crm.db: from schema version 0 to 1
        ── exit code 0
        "#);
    let before = fs::read(sandbox.path("crm.db")).unwrap();
    assert_snapshot!(db(&sandbox, &["migrate", "crm.db"]).page(), @r#"
        ── stdout
        crm.db: schema version 1, nothing to do
        ── exit code 0
        "#);
    assert_eq!(fs::read(sandbox.path("crm.db")).unwrap(), before);
}

#[test]
fn only_a_database_that_is_migrated_and_empty_is_seeded() {
    let sandbox = with_database();
    let seed = |name: &str| db(&sandbox, &["seed", name, "--data", "seeds/records"]);
    assert_snapshot!(seed("missing.db").page(), @r#"
        ── stderr
        error: missing.db: sqlite failed: unable to open database file: missing.db
        hint: `proctor db init` creates a database
        ── exit code 1
        "#);
    sandbox.write("new.db", "");
    assert_snapshot!(seed("new.db").page(), @r#"
        ── stderr
        error: new.db: the database has schema version 0, this version of Proctor needs 1: it must be migrated
        hint: `proctor db migrate` brings it up to date
        ── exit code 1
        "#);
    db(&sandbox, &["migrate", "new.db"]).succeeded();
    let seeded = seed("new.db").succeeded();
    let wanted = fingerprint(&sandbox, "crm.db");
    assert!(seeded.stdout.starts_with(wanted.trim()));
    assert_snapshot!(seed("new.db").page(), @r#"
        ── stderr
        error: new.db: holds 5 rows already
        hint: `proctor db reset` puts the canonical data in their place
        ── exit code 1
        "#);
    assert_eq!(fingerprint(&sandbox, "new.db"), wanted);
}

#[test]
fn a_reset_undoes_whatever_was_done() {
    let sandbox = with_database();
    let wanted = fingerprint(&sandbox, "crm.db");
    for sql in [
        "UPDATE clients SET owner = 'nobody'; DELETE FROM quotes",
        "PRAGMA foreign_keys = OFF; DELETE FROM clients",
        "ALTER TABLE clients ADD COLUMN secret TEXT DEFAULT 'x'",
        "CREATE TRIGGER keep BEFORE DELETE ON clients BEGIN SELECT RAISE(ABORT, 'no'); END",
        "PRAGMA foreign_keys = OFF; DROP TABLE contacts",
        "DROP INDEX clients_email; DROP TABLE schema_migration",
    ] {
        meddle(&sandbox, sql);
        let reset = ["reset", "crm.db", "--data", "seeds/records"];
        let ran = db(&sandbox, &reset).succeeded();
        assert!(
            ran.stdout.starts_with(wanted.trim()),
            "{sql}: {}",
            ran.page()
        );
        assert_eq!(fingerprint(&sandbox, "crm.db"), wanted, "{sql}");
        db(&sandbox, &["inspect", "crm.db"]).succeeded();
    }
}

#[test]
fn a_reset_refuses_tables_that_it_does_not_know_unless_told() {
    let sandbox = with_database();
    meddle(
        &sandbox,
        "CREATE TABLE extra (x); CREATE VIEW richest AS SELECT * FROM clients; DELETE FROM quotes",
    );
    let before = fs::read(sandbox.path("crm.db")).unwrap();
    assert_snapshot!(db(&sandbox, &["reset", "crm.db"]).page(), @r#"
        ── stderr
        error: crm.db: the database holds tables that Proctor doesn't know: extra, richest
        hint: move them elsewhere, or let --drop-unknown drop them with all that they hold
        ── exit code 1
        "#);
    assert_eq!(fs::read(sandbox.path("crm.db")).unwrap(), before);
    let told = [
        "reset",
        "crm.db",
        "--data",
        "seeds/records",
        "--drop-unknown",
    ];
    assert_snapshot!(db(&sandbox, &told).page(), @r#"
        ── stdout
        [sha256]  5 rows
        ── stderr
        the schema was not as the migrations make it, and was made anew
        dropped: extra, richest
        ── exit code 0
        "#);
    db(&sandbox, &["doctor", "crm.db"]).succeeded();
}

#[test]
fn a_reset_to_rows_that_break_a_constraint_leaves_everything() {
    let sandbox = with_database();
    meddle(
        &sandbox,
        "PRAGMA ignore_check_constraints = ON; UPDATE opportunities SET stage = 'Won?'",
    );
    db(&sandbox, &["snapshot", "crm.db", "bad.snapshot"]).succeeded();
    db(&sandbox, &["init", "good.db", "--data", "seeds/records"]).succeeded();
    let before = fs::read(sandbox.path("good.db")).unwrap();
    let ran = db(&sandbox, &["reset", "good.db", "--data", "bad.snapshot"]);
    assert_eq!(ran.code, Some(1), "{}", ran.page());
    assert!(ran.stderr.contains("opportunities_stage"), "{}", ran.page());
    assert_eq!(fs::read(sandbox.path("good.db")).unwrap(), before);
}

#[test]
fn the_doctor_says_what_is_wrong_and_what_to_do() {
    let sandbox = with_database();
    let healthy = db(&sandbox, &["doctor", "crm.db"]).succeeded();
    let marks = healthy.stdout.lines().filter(|line| line.starts_with('✓'));
    assert_eq!(marks.count(), 6, "{}", healthy.page());

    meddle(
        &sandbox,
        "PRAGMA foreign_keys = OFF; DELETE FROM clients WHERE name = 'Birch Furniture'",
    );
    let ran = db(&sandbox, &["doctor", "crm.db"]);
    assert_eq!(ran.code, Some(4));
    assert_snapshot!(ran.stdout.lines().last().unwrap(), @"✗ constraints     the database is damaged: a row of opportunities refers to one of clients that does not exist; `proctor db reset` and `proctor db restore` replace all rows");
    let as_json = db(&sandbox, &["doctor", "crm.db", "--json"]);
    assert_eq!(as_json.code, Some(4));
    let findings: serde_json::Value = serde_json::from_str(&as_json.stdout).unwrap();
    assert_eq!(findings[5]["check"], "constraints");
    assert_eq!(findings[5]["sound"], false);

    assert_snapshot!(db(&sandbox, &["doctor", "missing.db"]).page(), @r#"
        ── stdout
        ✗ file  sqlite failed: unable to open database file: missing.db; `proctor db init` makes one where there is none
        ── exit code 4
        "#);
}

#[test]
fn names_in_a_database_cannot_drive_the_terminal() {
    let sandbox = with_database();
    meddle(&sandbox, "CREATE TABLE \"a\u{1b}[2J\u{202e}\nb\" (x)");
    for arguments in [
        &["reset", "crm.db"][..],
        &["doctor", "crm.db"],
        &["doctor", "crm.db", "--json"],
        &["inspect", "crm.db"],
        &["reset", "crm.db", "--drop-unknown"],
    ] {
        let ran = db(&sandbox, arguments);
        let shown = format!("{}{}", ran.stdout, ran.stderr);
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown:?}");
        assert!(shown.contains("[2J"), "{arguments:?}: {shown:?}");
    }
}
