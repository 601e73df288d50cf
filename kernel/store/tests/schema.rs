//! The SQL schemas are the one that the crm crate declares.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "constraints/direct.rs"]
mod direct;

use std::collections::BTreeSet;

use direct::{Direct, points};
use proctor_crm::{Column, Entity, Kind};
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

/// A column's type in PostgreSQL. An enumeration is written as its list of values.
fn postgres_type(column: &Column) -> String {
    let name = match column.kind {
        Kind::Id | Kind::Reference(_) | Kind::Subject => "uuid",
        Kind::Choice(values) => return values.join(", "),
        Kind::Money => "numeric(14,2)",
        Kind::Percent => "smallint",
        Kind::Date => "date",
        Kind::Timestamp => "timestamp with time zone",
        Kind::Texts => "text[] C",
        kind => {
            assert!(kind.is_text(), "{}", column.name);
            "text C"
        }
    };
    name.to_owned()
}

#[test]
fn tables_in_postgres_have_the_columns_that_are_declared() {
    let Some(direct) = Direct::new() else { return };
    let columns = "
        SELECT attname::text, attnotnull, coalesce(
          (SELECT string_agg(enumlabel, ', ' ORDER BY enumsortorder)
           FROM pg_enum WHERE enumtypid = atttypid),
          concat_ws(' ', format_type(atttypid, atttypmod),
            (SELECT collname FROM pg_collation AS c WHERE c.oid = attcollation)))
        FROM pg_attribute
        WHERE attrelid = $1::text::regclass
          AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
        ORDER BY attnum";
    for entity in Entity::ALL {
        let found: Vec<(String, bool, String)> = direct
            .rows(columns, &[&entity.table()])
            .iter()
            .map(|row| (row.get(0), row.get(1), row.get(2)))
            .collect();
        let declared = entity.columns().iter().map(|column| {
            (
                column.name.to_owned(),
                column.required,
                postgres_type(column),
            )
        });
        assert_eq!(found, declared.collect::<Vec<_>>(), "{}", entity.table());
    }
}

#[test]
fn both_have_the_same_indexes_and_references_are_among_them() {
    let Some(direct) = Direct::new() else { return };
    let made = "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL";
    let sqlite = database();
    let mut statement = sqlite.prepare(made).unwrap();
    let expected: BTreeSet<String> = statement
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let indexes = "
        SELECT c.relname::text FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
        WHERE c.relnamespace = 'proctor'::regnamespace AND NOT indisprimary";
    let found: BTreeSet<String> = direct
        .rows(indexes, &[])
        .iter()
        .map(|row| row.get(0))
        .collect();
    assert_eq!(found, expected);

    let unindexed = "
        SELECT conname::text FROM pg_constraint
        WHERE contype = 'f' AND NOT EXISTS (
          SELECT FROM pg_index WHERE indrelid = conrelid AND indkey[0] = conkey[1])";
    let unindexed = direct.rows(unindexed, &[]);
    assert!(unindexed.is_empty(), "{unindexed:?}");
}

#[test]
fn blank_in_postgres_is_what_unicode_says() {
    let Some(direct) = Direct::new() else { return };
    let white: Vec<i32> = ('\u{1}'..='\u{ffff}')
        .filter(|c| c.is_whitespace())
        .map(|c| c as i32)
        .collect();
    for entity in Entity::ALL {
        for Column { name, .. } in entity
            .columns()
            .iter()
            .filter(|column| column.required && matches!(column.kind, Kind::Line | Kind::Prose))
        {
            let check = format!("{}_{name}", entity.table());
            let condition =
                "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conname = $1::text";
            let condition: String = direct.rows(condition, &[&check])[0].get(0);
            let refused = format!(
                "SELECT i FROM (SELECT i, c AS {name} FROM {}) AS cell WHERE NOT {condition}",
                points('\u{ffff}')
            );
            let found: Vec<i32> = direct
                .rows(&refused, &[])
                .iter()
                .map(|row| row.get(0))
                .collect();
            assert_eq!(found, white, "{check}");
        }
    }
}
