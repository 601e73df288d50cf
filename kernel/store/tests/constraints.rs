//! SQLite refuses, by itself, what no row may be: each constraint of the schema is broken once,
//! by SQL that bypasses the store, and none is left out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeSet;

use proctor_crm::{Entity, Kind};
use proctor_store::Sqlite;
use rusqlite::Connection;

/// A legal row of each table, on which every case varies one column. The keys end in the number
/// of the entity.
fn legal(entity: Entity) -> Vec<(&'static str, String)> {
    let id = |entity: Entity| format!("'00000000-0000-8000-8000-00000000000{}'", entity as u8);
    let cells: &[(&str, &str)] = match entity {
        Entity::Client => &[
            ("name", "'Acme'"),
            ("email", "'a@b.example'"),
            ("status", "'Active'"),
        ],
        Entity::Company => &[("name", "'Acme'")],
        Entity::Contact => &[("first_name", "'Ada'"), ("last_name", "'Byron'")],
        Entity::Opportunity => &[("name", "'Deal'"), ("stage", "'Proposal'"), ("amount", "1")],
        Entity::Quote => &[("name", "'Quote'"), ("amount", "1"), ("status", "'Draft'")],
        Entity::Contract => &[
            ("status", "'Active'"),
            ("start_date", "'2025-02-28'"),
            ("end_date", "'2025-02-28'"),
        ],
        Entity::Document => &[("entity_type", "'Quote'"), ("file_name", "'a.pdf'")],
        Entity::Note => &[("entity_type", "'Contact'"), ("content", "'Text'")],
    };
    let mut row = vec![(entity.key(), id(entity))];
    row.extend(
        cells
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned())),
    );
    for column in entity.columns() {
        match column.kind {
            Kind::Reference(target) => row.push((column.name, id(target))),
            Kind::Subject => {
                let target = if entity == Entity::Document {
                    Entity::Quote
                } else {
                    Entity::Contact
                };
                row.push((column.name, id(target)));
            }
            _ => {}
        }
    }
    row
}

fn insert(direct: &Connection, entity: Entity, varied: &[(&str, &str)]) -> Result<(), String> {
    let mut row = legal(entity);
    for (column, value) in varied {
        row.retain(|(name, _)| name != column);
        row.push((column, (*value).to_owned()));
    }
    let (names, values): (Vec<_>, Vec<_>) = row.into_iter().unzip();
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ({})",
        entity.table(),
        names.join(", "),
        values.join(", ")
    );
    run(direct, &sql)
}

fn run(direct: &Connection, sql: &str) -> Result<(), String> {
    direct
        .execute(sql, [])
        .map(drop)
        .map_err(|error| error.to_string())
}

/// A database as the store makes it, with one legal row in each table.
fn database(path: &std::path::Path) -> Connection {
    drop(Sqlite::open(path).unwrap());
    let direct = Connection::open(path).unwrap();
    direct.execute_batch("PRAGMA foreign_keys = 1").unwrap();
    for entity in Entity::ALL {
        insert(&direct, entity, &[]).unwrap();
    }
    direct
}

const OTHER: &str = "'00000000-0000-8000-8000-0000000000ff'";

/// For each CHECK: its name, the column to vary, values that it refuses and some that it takes.
fn checks() -> Vec<(
    &'static str,
    &'static str,
    Vec<&'static str>,
    Vec<&'static str>,
)> {
    let blank = || {
        vec![
            "''",
            "'  '",
            "char(9, 10, 13, 32)",
            "char(160, 12288, 8195, 8232)",
        ]
    };
    let filled = || vec!["'x'", "' x '", "char(233)", "'日'"];
    let id = || vec!["'1'", "''", "'00000000-0000-8000-8000-0000000000011'"];
    let uuid = || vec![OTHER];
    let money = || (vec!["0", "-1", "1000000001"], vec!["1", "1000000000"]);
    let date = || {
        (
            vec![
                "''",
                "'now'",
                "'20250101'",
                "'2025-1-1'",
                "'2025-02-29'",
                "'2025-13-01'",
                "'2025-00-10'",
                "'0000-01-01'",
                "'2025-01-01T00:00:00'",
                "'2460000.5'",
                "'2025-01-01 '",
            ],
            vec!["'2024-02-29'", "'0001-01-01'", "'9999-12-31'", "NULL"],
        )
    };
    let instant = || {
        (
            vec![
                "''",
                "'now'",
                "'2025-01-01'",
                "'2025-01-01T00:00:00'",
                "'2025-01-01 00:00:00Z'",
                "'2025-01-01t00:00:00Z'",
                "'2025-01-01T00:00:00z'",
                "'2025-01-01T00:00:00+00:00'",
                "'2025-02-29T00:00:00Z'",
                "'2025-01-01T24:00:00Z'",
                "'2025-01-01T00:00:60Z'",
                "'2025-01-01T00:00:00.Z'",
                "'2025-01-01T00:00:00.0Z'",
                "'2025-01-01T00:00:00.10Z'",
                "'2025-01-01T00:00:00.1234567Z'",
                "'2025-01-01T00:00:00.12x4Z'",
                "'2025-01-01T00:00:00.1ZZ'",
                "'2025-01-01T00:00:00.123'",
                "'0000-12-31T23:59:59Z'",
                "'2025-01-01T00:00:00Zx'",
            ],
            vec![
                "'2025-01-01T00:00:00Z'",
                "'2024-02-29T23:59:59.000001Z'",
                "'0001-01-01T00:00:00.5Z'",
                "'9999-12-30T00:00:00Z'",
                "NULL",
            ],
        )
    };
    let case = |check, column, (refused, taken)| (check, column, refused, taken);
    let mut checks = vec![
        case(
            "companies_contacts",
            "contacts",
            (
                vec!["''", "'x'", "'{}'", "'[1'", "'\"a\"'", "'null'"],
                vec!["'[]'", "'[\"a\"]'", "NULL"],
            ),
        ),
        case(
            "opportunities_probability",
            "probability",
            (vec!["0", "100", "-1"], vec!["1", "99", "NULL"]),
        ),
        case("opportunities_amount", "amount", money()),
        case("quotes_amount", "amount", money()),
        case("contracts_value", "value", money()),
        case("opportunities_close_date", "close_date", date()),
        case("quotes_valid_until", "valid_until", date()),
        case(
            "contracts_start_date",
            "start_date",
            (date().0, vec!["'2024-02-29'", "NULL"]),
        ),
        case(
            "contracts_end_date",
            "end_date",
            (date().0, vec!["'2028-02-29'", "NULL"]),
        ),
        case(
            "contracts_order",
            "end_date",
            (
                vec!["'2025-02-27'", "'0001-01-01'"],
                vec!["'2025-02-28'", "NULL"],
            ),
        ),
        case("clients_created_date", "created_date", instant()),
        case("quotes_created_date", "created_date", instant()),
        case("documents_uploaded_at", "uploaded_at", instant()),
        case("notes_created_at", "created_at", instant()),
        case(
            "documents_file_name",
            "file_name",
            (
                vec![
                    "''",
                    "'a'",
                    "'.pdf'",
                    "'a.exe'",
                    "'a b.pdf'",
                    "'a/b.pdf'",
                    "'../a.pdf'",
                    "'é.pdf'",
                    "'a.pdf.'",
                    "'apdf'",
                    "'a.pdf' || char(10)",
                ],
                vec![
                    "'a.csv'",
                    "'a.doc'",
                    "'a.docx'",
                    "'a.key'",
                    "'A_1-2.PDF'",
                    "'a.b.ppt'",
                    "'a.pptx'",
                    "'a.txt'",
                    "'a.xlsx'",
                ],
            ),
        ),
    ];
    for (check, column) in [
        ("clients_name", "name"),
        ("companies_name", "name"),
        ("contacts_first_name", "first_name"),
        ("contacts_last_name", "last_name"),
        ("opportunities_name", "name"),
        ("quotes_name", "name"),
        ("notes_content", "content"),
    ] {
        checks.push((check, column, blank(), filled()));
    }
    for (check, column) in [
        ("clients_client_id", "client_id"),
        ("companies_company_id", "company_id"),
        ("contacts_contact_id", "contact_id"),
        ("opportunities_opportunity_id", "opportunity_id"),
        ("quotes_quote_id", "quote_id"),
        ("contracts_contract_id", "contract_id"),
        ("documents_document_id", "document_id"),
        ("notes_note_id", "note_id"),
    ] {
        checks.push((check, column, id(), uuid()));
    }
    checks
}

#[test]
fn sqlite_refuses_what_no_row_may_be() {
    let folder = tempfile::tempdir().unwrap();
    let direct = database(&folder.path().join("crm.db"));
    // Every case runs in a savepoint that is rolled back, so that none sees another's rows.
    let attempt = |entity: Entity, varied: &[(&str, &str)]| {
        direct.execute_batch("SAVEPOINT attempt").unwrap();
        let mut varied = varied.to_vec();
        for (column, value) in [(entity.key(), OTHER), ("email", "NULL")] {
            let has = entity.column(column).is_some();
            if has && varied.iter().all(|(name, _)| *name != column) {
                varied.push((column, value));
            }
        }
        let done = insert(&direct, entity, &varied);
        direct
            .execute_batch("ROLLBACK TO attempt; RELEASE attempt")
            .unwrap();
        done
    };
    let mut broken = BTreeSet::new();
    let mut refuse = |constraint: String, done: Result<(), String>| {
        match done {
            Ok(()) => panic!("not refused: {constraint}"),
            Err(message) => assert!(constraint.starts_with(&message), "{constraint}: {message}"),
        }
        broken.insert(constraint);
    };

    for (check, column, refused, taken) in checks() {
        let table = check.split('_').next().unwrap();
        let entity = Entity::from_table(table).unwrap();
        for value in refused {
            // Where two checks are on one column, the schema's order says which one speaks.
            let done = attempt(entity, &[(column, value)]);
            assert!(done.is_err(), "{check} takes {value}");
            refuse(format!("CHECK constraint failed: {check}"), done);
        }
        for value in taken {
            assert_eq!(
                attempt(entity, &[(column, value)]),
                Ok(()),
                "{check} refuses {value}"
            );
        }
    }

    for entity in Entity::ALL {
        let table = entity.table();
        for column in entity.columns() {
            let name = column.name;
            if column.required {
                refuse(
                    format!("NOT NULL constraint failed: {table}.{name}"),
                    attempt(entity, &[(name, "NULL")]),
                );
            }
            let of = if matches!(column.kind, Kind::Money | Kind::Percent) {
                "INTEGER"
            } else {
                "TEXT"
            };
            let found = attempt(entity, &[(name, "X'00'")]);
            refuse(
                format!("cannot store BLOB value in {of} column {table}.{name}"),
                found,
            );
            if let Kind::Choice(values) = column.kind {
                let check = format!("CHECK constraint failed: {table}_{name}");
                for value in ["''", "'active'", "'Nothing'", "'Active '"] {
                    refuse(check.clone(), attempt(entity, &[(name, value)]));
                }
                for value in values {
                    let value = format!("'{value}'");
                    let done = attempt(entity, &[(name, &value)]);
                    // A subject of another entity has another key.
                    let subject = name == "entity_type"
                        && done == Err("FOREIGN KEY constraint failed".into());
                    assert!(done.is_ok() || subject, "{check} refuses {value}: {done:?}");
                }
            }
            if let Kind::Reference(_) = column.kind {
                let done = attempt(entity, &[(name, OTHER)]);
                refuse(
                    format!("FOREIGN KEY constraint failed: {table}.{name}"),
                    done,
                );
            }
            if let Kind::Subject = column.kind {
                let Some((_, declared)) = entity.column("entity_type") else {
                    panic!("no entity_type")
                };
                let Kind::Choice(targets) = declared.kind else {
                    panic!("no choice")
                };
                for target in targets {
                    let of = Entity::from_name(target).unwrap();
                    let typed = format!("'{target}'");
                    let right = legal(of)[0].1.clone();
                    assert_eq!(
                        attempt(entity, &[("entity_type", &typed), (name, &right)]),
                        Ok(())
                    );
                    let done = attempt(entity, &[("entity_type", &typed), (name, OTHER)]);
                    refuse(
                        format!("FOREIGN KEY constraint failed: {table}.{}", of.key()),
                        done,
                    );
                    // Nor may the record go that it hangs on.
                    direct.execute_batch("SAVEPOINT attempt").unwrap();
                    for other in [
                        Entity::Note,
                        Entity::Document,
                        Entity::Contract,
                        Entity::Quote,
                        Entity::Contact,
                        Entity::Opportunity,
                    ] {
                        if other > of {
                            run(&direct, &format!("DELETE FROM {}", other.table())).unwrap();
                        }
                    }
                    insert(&direct, entity, &[("entity_type", &typed), (name, &right)]).unwrap();
                    let done = run(&direct, &format!("DELETE FROM {}", of.table()));
                    assert_eq!(
                        done,
                        Err("FOREIGN KEY constraint failed".into()),
                        "{target} with a {table}"
                    );
                    direct
                        .execute_batch("ROLLBACK TO attempt; RELEASE attempt")
                        .unwrap();
                }
            }
        }
        let key = legal(entity)[0].1.clone();
        let done = attempt(entity, &[(entity.key(), &key)]);
        refuse(
            format!("UNIQUE constraint failed: {table}.{}", entity.key()),
            done,
        );
    }
    let twin = attempt(Entity::Client, &[("email", "'A@B.EXAMPLE'")]);
    refuse("UNIQUE constraint failed: clients.email".into(), twin);
    // Parents stay as long as anything refers to them.
    for parent in [
        Entity::Client,
        Entity::Opportunity,
        Entity::Quote,
        Entity::Contact,
    ] {
        let done = run(&direct, &format!("DELETE FROM {}", parent.table()));
        assert_eq!(
            done,
            Err("FOREIGN KEY constraint failed".into()),
            "{}",
            parent.name()
        );
    }

    let all = constraints(&direct);
    let missing: Vec<_> = all.difference(&broken).collect();
    assert!(missing.is_empty(), "no case breaks {missing:?}");
    let unknown: Vec<_> = broken.difference(&all).collect();
    assert!(unknown.is_empty(), "the schema does not have {unknown:?}");
}

/// Every constraint that the schema has, named as SQLite names it when it is broken.
fn constraints(direct: &Connection) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let list = |sql: &str| -> Vec<(String, String)> {
        let mut statement = direct.prepare(sql).unwrap();
        let found = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
            .unwrap();
        found.map(Result::unwrap).collect()
    };
    for (table, sql) in list("SELECT name, sql FROM sqlite_schema WHERE type = 'table'") {
        let Some(entity) = Entity::from_table(&table) else {
            continue;
        };
        let named: Vec<&str> = sql.split("CONSTRAINT ").skip(1).collect();
        assert_eq!(
            named.len(),
            sql.matches("CHECK").count(),
            "a CHECK of {table} has no name"
        );
        for check in named {
            all.insert(format!(
                "CHECK constraint failed: {}",
                check.split(' ').next().unwrap()
            ));
        }
        for (column, strict) in list(&format!(
            "SELECT name, \"notnull\" || '' FROM pragma_table_info('{table}')"
        )) {
            all.insert(format!(
                "cannot store BLOB value in {} column {table}.{column}",
                kind(entity, &column)
            ));
            if strict == "1" {
                all.insert(format!("NOT NULL constraint failed: {table}.{column}"));
            }
        }
        for (index, _) in list(&format!(
            "SELECT name, origin FROM pragma_index_list('{table}') WHERE \"unique\""
        )) {
            for (column, _) in list(&format!(
                "SELECT name, '' FROM pragma_index_info('{index}')"
            )) {
                all.insert(format!("UNIQUE constraint failed: {table}.{column}"));
            }
        }
        for (column, action) in list(&format!(
            "SELECT \"from\", on_delete FROM pragma_foreign_key_list('{table}')"
        )) {
            assert_eq!(action, "RESTRICT", "{table}.{column}");
            all.insert(format!("FOREIGN KEY constraint failed: {table}.{column}"));
        }
    }
    all
}

fn kind(entity: Entity, column: &str) -> &'static str {
    match entity.column(column).map(|(_, column)| column.kind) {
        Some(Kind::Money | Kind::Percent) => "INTEGER",
        _ => "TEXT",
    }
}
