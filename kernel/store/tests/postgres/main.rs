//! PostgreSQL behind the `Store` trait, where it could go wrong: databases that were meddled with,
//! others at work on the same rows, servers and connections that end, and doors that stay shut.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod access;
mod faults;
mod isolation;
mod migrations;
mod others;
mod own_databases;
mod rebuild;
#[path = "../world/mod.rs"]
mod world;

use std::error::Error;
use std::fmt::Write as _;

use proctor_crm::{Change, Entity, Id, Query, Row, Value};
use proctor_store::{Address, Store, StoreError};

/// The client with this number: the same number, the same row.
fn client(number: u16) -> Row {
    let mut row = Row::new(Entity::Client, id(number));
    row.set("name", text(&format!("Client {number}"))).unwrap();
    row.set("status", text("Active")).unwrap();
    row
}

/// A contact of that client.
fn contact(number: u16, of: u16) -> Row {
    let mut row = Row::new(Entity::Contact, id(number));
    row.set("first_name", text("Ada")).unwrap();
    row.set("last_name", text("Lovelace")).unwrap();
    row.set("client_id", Value::Id(id(of))).unwrap();
    row
}

fn id(number: u16) -> Id {
    let mut digest = [0; 16];
    digest[..2].copy_from_slice(&number.to_be_bytes());
    Id::from_digest(digest)
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

/// The row with another value in one column.
fn with(row: &Row, column: &str, value: Value) -> Row {
    let mut row = row.clone();
    row.set(column, value).unwrap();
    row
}

fn insert(row: &Row) -> Change {
    Change::Insert(row.clone())
}

/// The row gets another name.
fn rename(row: &Row, name: &str) -> Change {
    Change::Update {
        before: row.clone(),
        after: with(row, "name", text(name)),
    }
}

/// SQL that inserts a client, past any store.
fn insert_sql(row: &Row) -> String {
    format!(
        "INSERT INTO proctor.clients (client_id, name, status) VALUES ('{}', '{}', 'Active')",
        row.id(),
        row.get("name")
    )
}

/// The clients' names, in order of key.
fn names(store: &mut dyn Store) -> Result<Vec<String>, StoreError> {
    let found = store.read(&[Query::all(Entity::Client, Vec::new())])?;
    let name = |row: &Row| row.get("name").to_string();
    Ok(found[0].rows.iter().map(name).collect())
}

/// The fingerprint that is kept is that of the rows that are there.
fn is_right(store: &mut dyn Store) {
    let kept = store.fingerprint();
    assert_eq!(store.scan().unwrap(), kept);
}

/// An address of a server for tests, as another role.
fn as_role(address: &str, role: &str) -> Address {
    address
        .replace("proctor@", &format!("{role}@"))
        .parse()
        .unwrap()
}

/// All that can be learned from an error: every text in it and in what caused it.
fn everything(error: &(dyn Error + 'static)) -> String {
    let mut said = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        write!(said, "{error} {error:?} {error:#?} ").unwrap();
        next = error.source();
    }
    said
}

/// What was refused says why, in one line.
#[track_caller]
fn one_line<T>(done: Result<T, StoreError>, expected: &str) -> StoreError {
    let Err(error) = done else {
        panic!("not refused: {expected}")
    };
    let line = error.to_string();
    assert!(line.contains(expected), "{line}");
    assert!(!line.contains('\n'), "{line}");
    error
}
