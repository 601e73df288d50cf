//! The SQL schema is the one that the crm crate declares.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use proctor_crm::{Entity, Kind};
use rusqlite::Connection;

fn database() -> Connection {
    let direct = Connection::open_in_memory().unwrap();
    let tables = include_str!("../../../migrations/sqlite/0001_tables.sql");
    direct.execute_batch(tables).unwrap();
    direct
}

#[test]
fn tables_have_the_columns_that_are_declared() {
    let direct = database();
    for entity in Entity::ALL {
        let columns = "SELECT name, type, \"notnull\" FROM pragma_table_info(?)";
        let mut statement = direct.prepare(columns).unwrap();
        let found: Vec<(String, String, bool)> = statement
            .query_map([entity.table()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let declared = entity.columns().iter().map(|column| {
            let number = matches!(column.kind, Kind::Money | Kind::Percent);
            let kind = if number { "INTEGER" } else { "TEXT" };
            (column.name.to_owned(), kind.to_owned(), column.required)
        });
        assert_eq!(found, declared.collect::<Vec<_>>());
    }
}

#[test]
fn references_are_indexed() {
    // Without an index, deleting a record would read the whole table of what may refer to it.
    let unindexed: i64 = database()
        .query_row(
            "SELECT count(*) FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS f
             WHERE t.type = 'table' AND NOT EXISTS (
               SELECT 1 FROM pragma_index_list(t.name) AS i, pragma_index_info(i.name) AS c
               WHERE c.seqno = 0 AND c.name = f.\"from\")",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(unindexed, 0);
}

#[test]
fn blank_is_what_unicode_says() {
    let direct = database();
    let named = "INSERT INTO companies (company_id, name) VALUES (printf('%036d', ?1), char(?1))";
    for c in (1..=0xffff).filter_map(char::from_u32) {
        let done = direct.execute(named, [c as u32]);
        assert_eq!(done.is_err(), c.is_whitespace(), "{c:?}");
    }
}
