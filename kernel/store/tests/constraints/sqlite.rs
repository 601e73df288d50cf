//! SQLite's side: its answers are texts, its catalogue is the text of its tables and pragmas.

use std::collections::BTreeSet;

use proctor_crm::Entity;
use proctor_store::Sqlite;
use rusqlite::Connection;

use crate::cases::Literal;
use crate::database::{Constraint, Database, Refusal, Rule};
use crate::insert;

/// A file as the store makes it.
pub(crate) struct Direct {
    connection: Connection,
    _folder: tempfile::TempDir,
}

impl Direct {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.db");
        drop(Sqlite::open(&path).unwrap());
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = 1").unwrap();
        let direct = Self {
            connection,
            _folder: folder,
        };
        for entity in Entity::ALL {
            let sql = insert(&direct, entity, &[]);
            direct.connection.execute_batch(&sql).unwrap();
        }
        direct
    }

    fn list(&self, sql: &str) -> Vec<(String, String)> {
        let mut statement = self.connection.prepare(sql).unwrap();
        let found = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        found.map(Result::unwrap).collect()
    }
}

impl Database for Direct {
    fn literal<'l>(&self, literal: &'l Literal) -> Option<&'l str> {
        literal.sqlite.as_deref()
    }

    fn attempt(&self, statements: &[String]) -> Result<(), Refusal> {
        self.connection.execute_batch("SAVEPOINT attempt").unwrap();
        let done = statements
            .iter()
            .try_for_each(|sql| self.connection.execute(sql, []).map(drop));
        self.connection
            .execute_batch("ROLLBACK TO attempt; RELEASE attempt")
            .unwrap();
        done.map_err(|error| refusal(&error.to_string()))
    }

    fn constraints(&self) -> BTreeSet<Constraint> {
        let mut all = BTreeSet::new();
        for (table, sql) in self.list("SELECT name, sql FROM sqlite_schema WHERE type = 'table'") {
            if Entity::from_table(&table).is_none() {
                continue;
            }
            let named: Vec<&str> = sql.split("CONSTRAINT ").skip(1).collect();
            assert_eq!(
                named.len(),
                sql.matches("CHECK").count(),
                "a CHECK of {table} has no name"
            );
            for check in named {
                let name = check.split(' ').next().unwrap();
                all.insert((Rule::Check, name.to_owned()));
            }
            let columns =
                format!("SELECT name, \"notnull\" || '' FROM pragma_table_info('{table}')");
            for (column, strict) in self.list(&columns) {
                all.insert((Rule::Type, format!("{table}.{column}")));
                if strict == "1" {
                    all.insert((Rule::NotNull, format!("{table}.{column}")));
                }
            }
            let unique = format!(
                "SELECT c.name, '' FROM pragma_index_list('{table}') AS i, pragma_index_info(i.name) AS c
                 WHERE i.\"unique\""
            );
            for (column, _) in self.list(&unique) {
                all.insert((Rule::Unique, format!("{table}.{column}")));
            }
            let references =
                format!("SELECT \"from\", on_delete FROM pragma_foreign_key_list('{table}')");
            for (column, action) in self.list(&references) {
                assert_eq!(action, "RESTRICT", "{table}.{column}");
                all.insert((Rule::Reference, format!("{table}.{column}")));
            }
        }
        all
    }
}

/// What a message says was broken.
fn refusal(message: &str) -> Refusal {
    let said = |rule, place: &str| Refusal {
        rule,
        place: Some(place.to_owned()),
    };
    if message == "FOREIGN KEY constraint failed" {
        return Refusal {
            rule: Rule::Reference,
            place: None,
        };
    }
    if let Some((rule, place)) = message.split_once(" constraint failed: ") {
        return match rule {
            "CHECK" => said(Rule::Check, place),
            "NOT NULL" => said(Rule::NotNull, place),
            "UNIQUE" => said(Rule::Unique, place),
            _ => panic!("{message}"),
        };
    }
    match message.rsplit_once(" column ") {
        Some((wrong, place)) if wrong.starts_with("cannot store ") => said(Rule::Type, place),
        _ => panic!("{message}"),
    }
}
