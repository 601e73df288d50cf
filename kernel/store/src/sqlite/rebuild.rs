//! Takes a file back to a known state, whatever anyone did to it.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::connection::{configure, open_file, pragma};
use super::dialect::SqliteDialect;
use super::migrate::{self, MIGRATIONS};
use super::{Sqlite, backend, write};
use crate::wording::Wording;
use crate::{Rebuilt, Snapshot, Store as _, StoreError, Strangers};

/// A table or view in the file.
struct Relation {
    name: String,
    /// As SQLite calls it: `table`, `view`, `virtual`, or `shadow` for what belongs to a virtual
    /// table and goes with it.
    kind: String,
}

impl Sqlite {
    /// Makes the schema anew in a file that must be there, with the rows of a snapshot and no
    /// others: all of it, or nothing.
    ///
    /// Triggers, indexes, columns and constraints that somebody added to Proctor's own tables go
    /// without a word; tables and views of other names are strangers.
    ///
    /// # Errors
    /// When a constraint forbids a row of the snapshot, when there are strangers and they are to
    /// be refused, or when SQLite fails.
    pub fn rebuild(
        path: impl AsRef<Path>,
        snapshot: &Snapshot,
        strangers: Strangers,
    ) -> Result<Rebuilt, StoreError> {
        // While tables go and come no reference can be checked, so the rows prove themselves in
        // a database of their own.
        Self::in_memory()?.restore(snapshot)?;
        let mut connection = open_file(path.as_ref(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        configure(&connection)?;
        pragma(&connection, "foreign_keys", "OFF")?;
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(backend)?;
        let altered = migrate::require_latest(&transaction, MIGRATIONS)
            .and_then(|()| migrate::verify_schema(&transaction))
            .is_err();
        let relations = relations(&transaction).map_err(backend)?;
        let dropped = unknown(&relations)?;
        if strangers == Strangers::Refuse && !dropped.is_empty() {
            return Err(StoreError::Strangers { objects: dropped });
        }
        clear(&transaction, relations).map_err(backend)?;
        migrate::make(&transaction).map_err(backend)?;
        insert(&transaction, snapshot)?;
        migrate::verify_schema(&transaction)?;
        transaction.commit().map_err(backend)?;
        Ok(Rebuilt { altered, dropped })
    }
}

/// All that can hold rows or show them, but for SQLite's own tables.
fn relations(connection: &Connection) -> rusqlite::Result<Vec<Relation>> {
    connection
        .prepare(
            "SELECT name, type FROM pragma_table_list \
             WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
        )?
        .query_map([], |row| {
            Ok(Relation {
                name: row.get(0)?,
                kind: row.get(1)?,
            })
        })?
        .collect()
}

/// Names of those that no migration makes.
fn unknown(relations: &[Relation]) -> Result<Vec<String>, StoreError> {
    let known = migrate::tables()?;
    let strangers = relations
        .iter()
        .filter(|relation| relation.kind != "shadow" && !known.contains(&relation.name.as_str()));
    Ok(strangers.map(|relation| relation.name.clone()).collect())
}

/// Drops everything; indexes and triggers go with what they stand on.
fn clear(transaction: &Transaction<'_>, mut relations: Vec<Relation>) -> rusqlite::Result<()> {
    // SQLite refuses to drop what belongs to a virtual table before that table.
    relations.sort_by_key(|relation| relation.kind != "virtual");
    for Relation { name, kind } in relations {
        let kind = if kind == "view" { "VIEW" } else { "TABLE" };
        let name = name.replace('"', "\"\"");
        transaction.execute_batch(&format!("DROP {kind} IF EXISTS \"{name}\""))?;
    }
    Ok(())
}

fn insert(transaction: &Transaction<'_>, snapshot: &Snapshot) -> Result<(), StoreError> {
    let mut wording = Wording::<SqliteDialect>::default();
    let mut text = String::new();
    snapshot.rows().iter().try_for_each(|row| {
        let worded = wording.insert(row)?;
        write::execute(transaction, &worded, &mut text)
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proctor_crm::{Entity, Row, Value};

    use super::*;

    fn client(status: &str) -> Snapshot {
        let id = "7592f91a-edcd-4d2c-8a21-06e255c9737d".parse().unwrap();
        let mut row = Row::new(Entity::Client, id);
        row.set("name", Value::Text("Birch Furniture".into()))
            .unwrap();
        row.set("status", Value::Text(status.into())).unwrap();
        Snapshot::from_rows(vec![row]).unwrap()
    }

    /// A file that was meddled with, and what a rebuild to one client makes of it.
    fn rebuilt(sql: &str, strangers: Strangers) -> (Result<Rebuilt, StoreError>, bool) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.db");
        drop(Sqlite::open(&path).unwrap());
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let wanted = client("Active");
        let done = Sqlite::rebuild(&path, &wanted, strangers);
        let whole = Sqlite::open_existing(&path).and_then(|mut store| {
            store.check_constraints()?;
            store.snapshot()
        });
        (done, whole.is_ok_and(|found| found == wanted))
    }

    #[test]
    fn whatever_was_done_is_undone() {
        for (sql, altered) in [
            ("", false),
            (
                "INSERT INTO companies (company_id, name) VALUES ('00000000-0000-4000-8000-000000000001', 'X')",
                false,
            ),
            (
                "PRAGMA foreign_keys = OFF; INSERT INTO contacts (contact_id, first_name, last_name, client_id) VALUES ('00000000-0000-4000-8000-000000000001', 'A', 'B', '00000000-0000-4000-8000-000000000002')",
                false,
            ),
            (
                "CREATE TRIGGER t BEFORE DELETE ON clients BEGIN SELECT RAISE(ABORT, 'no'); END",
                true,
            ),
            (
                "CREATE TRIGGER t AFTER INSERT ON clients BEGIN DELETE FROM clients; END",
                true,
            ),
            ("CREATE UNIQUE INDEX one_status ON clients (status)", true),
            ("DROP INDEX clients_email", true),
            ("ALTER TABLE clients ADD COLUMN secret TEXT", true),
            ("PRAGMA foreign_keys = OFF; DROP TABLE clients", true),
            (
                "DROP TABLE notes; CREATE VIEW notes AS SELECT 1 AS one",
                true,
            ),
            ("DROP TABLE schema_migration", true),
            ("UPDATE schema_migration SET digest = 'x'", true),
            (
                "ALTER TABLE schema_migration RENAME COLUMN digest TO d",
                true,
            ),
            ("PRAGMA user_version = 7", true),
            ("PRAGMA user_version = 0", true),
            ("ANALYZE", false),
        ] {
            let (done, whole) = rebuilt(sql, Strangers::Refuse);
            let expected = Rebuilt {
                altered,
                dropped: Vec::new(),
            };
            assert_eq!(done.unwrap(), expected, "{sql}");
            assert!(whole, "{sql}");
        }
    }

    #[test]
    fn strangers_are_named_and_left_unless_they_are_to_go() {
        for (sql, names) in [
            ("CREATE TABLE \"a \"\"b\" (x)", &["a \"b"][..]),
            ("CREATE VIEW v AS SELECT * FROM clients", &["v"]),
            ("CREATE VIEW w AS SELECT * FROM missing", &["w"]),
            (
                "CREATE TABLE z (c TEXT REFERENCES clients); CREATE INDEX zc ON z (c); CREATE TABLE k (i INTEGER PRIMARY KEY AUTOINCREMENT)",
                &["k", "z"],
            ),
            (
                "CREATE VIRTUAL TABLE words USING fts5(text); INSERT INTO words VALUES ('x')",
                &["words"],
            ),
        ] {
            let (refused, whole) = rebuilt(sql, Strangers::Refuse);
            match refused {
                Err(StoreError::Strangers { objects }) => assert_eq!(objects, names, "{sql}"),
                other => unreachable!("{sql}: {other:?}"),
            }
            assert!(!whole, "{sql}");
            let (done, whole) = rebuilt(sql, Strangers::Drop);
            assert_eq!(done.unwrap().dropped, names, "{sql}");
            assert!(whole, "{sql}");
        }
    }

    #[test]
    fn a_refusal_or_a_failure_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.db");
        Sqlite::open(&path)
            .unwrap()
            .restore(&client("Prospect"))
            .unwrap();
        let bad = Sqlite::rebuild(&path, &client("Won?"), Strangers::Drop);
        assert!(matches!(bad, Err(StoreError::Constraint { .. })), "{bad:?}");
        let found = Sqlite::open_read_only(&path).unwrap().snapshot().unwrap();
        assert_eq!(found, client("Prospect"));

        let direct = Connection::open(&path).unwrap();
        direct
            .execute_batch("CREATE TABLE extra (x); INSERT INTO extra VALUES (1)")
            .unwrap();
        Sqlite::rebuild(&path, &client("Active"), Strangers::Refuse).unwrap_err();
        let left: (String, i64) = direct
            .query_row(
                "SELECT status, (SELECT count(*) FROM extra) FROM clients",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(left, ("Prospect".to_owned(), 1));

        let missing = folder.path().join("missing.db");
        Sqlite::rebuild(&missing, &client("Active"), Strangers::Drop).unwrap_err();
        assert!(!missing.exists());
    }
}
