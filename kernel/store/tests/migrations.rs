//! A database is brought to the schema we know, or refused with the reason why.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use proctor_store::{MigrationError, Sqlite, StoreError};
use rusqlite::Connection;

fn refused(sql: &str) -> MigrationError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    drop(Sqlite::open(&path).unwrap());
    let direct = Connection::open(&path).unwrap();
    direct.execute_batch(sql).unwrap();
    drop(direct);
    let opened = [
        Sqlite::open(&path),
        Sqlite::open_existing(&path),
        Sqlite::open_read_only(&path),
    ];
    let [first, ..] = opened.map(|opened| match opened {
        Err(StoreError::Migration(error)) => error,
        Err(other) => panic!("{sql}: {other}"),
        Ok(_) => panic!("{sql}: opened"),
    });
    first
}

#[test]
fn running_twice_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    for _ in 0..2 {
        drop(Sqlite::open(&path).unwrap());
        let direct = Connection::open(&path).unwrap();
        let history: (u32, String, usize) = direct
            .query_row(
                "SELECT version, name, length(digest) FROM schema_migration",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)? as usize)),
            )
            .unwrap();
        assert_eq!(history, (1, "tables".to_owned(), 64));
        let version: i64 = direct
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, 1);
    }
    // What SQLite itself adds for its planner is no change.
    Connection::open(&path)
        .unwrap()
        .execute_batch("ANALYZE")
        .unwrap();
    Sqlite::open(&path).unwrap();
}

#[test]
fn a_newer_database_is_refused() {
    assert_eq!(
        refused("PRAGMA user_version = 2"),
        MigrationError::Newer { found: 2, known: 1 }
    );
    assert_eq!(
        refused("PRAGMA user_version = -1"),
        MigrationError::Newer {
            found: -1,
            known: 1
        }
    );
}

#[test]
fn a_changed_migration_is_refused() {
    let changed = MigrationError::Changed {
        version: 1,
        name: "tables",
    };
    assert_eq!(refused("UPDATE schema_migration SET digest = 'x'"), changed);
    assert_eq!(refused("UPDATE schema_migration SET name = 'x'"), changed);
}

#[test]
fn a_history_that_does_not_lead_here_is_refused() {
    let history = MigrationError::History { version: 1 };
    assert_eq!(refused("DELETE FROM schema_migration"), history);
    assert_eq!(refused("DROP TABLE schema_migration"), history);
    assert_eq!(refused("PRAGMA user_version = 0"), MigrationError::Foreign);
}

#[test]
fn another_schema_is_refused() {
    for (sql, object) in [
        (
            "CREATE TRIGGER t AFTER INSERT ON notes BEGIN DELETE FROM documents; END",
            "t",
        ),
        ("CREATE TABLE extra (a)", "extra"),
        ("CREATE VIEW v AS SELECT 1", "v"),
        ("DROP INDEX clients_email", "clients_email"),
        (
            "DROP TABLE documents; CREATE TABLE documents (document_id TEXT)",
            "documents",
        ),
    ] {
        assert_eq!(
            refused(sql),
            MigrationError::Schema {
                object: object.to_owned()
            }
        );
    }
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    std::fs::write(
        &path,
        b"This is no database, but it is long enough to be taken for one.".repeat(100),
    )
    .unwrap();
    assert!(matches!(
        Sqlite::open(&path),
        Err(StoreError::Backend { .. })
    ));
    std::fs::write(&path, b"").unwrap();
    assert!(matches!(
        Sqlite::open_read_only(&path),
        Err(StoreError::Migration(MigrationError::Older { .. }))
    ));
    assert!(
        Sqlite::open_existing(&path).is_ok(),
        "an empty file is an empty database"
    );
}
