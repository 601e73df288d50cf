//! What a store promises, on random CRMs and random histories.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod world;

use proctor_crm::{Change, Entity, Id, Kind, Query, Row, Rows, Value};
use proctor_store::{Image, Snapshot, Sqlite, Store, StoreError, Sum};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

use world::{Stores, inserts, property, world};

fn filled(rows: &[Row]) -> Sqlite {
    let mut store = Sqlite::in_memory().unwrap();
    store.apply(&inserts(rows)).unwrap();
    store
}

fn all(store: &mut dyn Store) -> Vec<Row> {
    let queries = Entity::ALL.map(|entity| Query::all(entity, Vec::new()));
    store
        .read(&queries)
        .unwrap()
        .into_iter()
        .flat_map(|found| found.rows)
        .collect()
}

/// What somebody does to a store.
#[derive(Clone, Debug)]
enum Act {
    Apply(Vec<Move>),
    Begin,
    Reset,
    End,
}

#[derive(Clone, Debug)]
enum Move {
    Insert(world::Seed),
    Update(Index, Index, Vec<Value>),
    Delete(Index),
    /// A change whose word about the row before is wrong.
    Stale(Index),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => prop::collection::vec(any_move(), 1..4).prop_map(Act::Apply),
        1 => Just(Act::Begin),
        1 => Just(Act::Reset),
        1 => Just(Act::End),
    ]
}

fn any_move() -> impl Strategy<Value = Move> {
    // One new value for each of an opportunity's columns, some of which others have as well.
    let values: Vec<_> = Entity::Opportunity.columns()[1..]
        .iter()
        .map(world::cell)
        .collect();
    prop_oneof![
        proptest::sample::select(&Entity::ALL[..])
            .prop_flat_map(world::row)
            .prop_map(Move::Insert),
        (any::<Index>(), any::<Index>(), values)
            .prop_map(|(row, column, values)| Move::Update(row, column, values)),
        any::<Index>().prop_map(Move::Delete),
        any::<Index>().prop_map(Move::Stale),
    ]
}

/// The changes of a batch, each seen from after the one before it.
fn changes(moves: Vec<Move>, model: &Rows) -> Vec<Change> {
    let mut model = model.clone();
    let mut changes = Vec::new();
    for one in moves {
        let rows: Vec<Row> = model.iter().cloned().collect();
        let change = match one {
            Move::Insert(seed) => seed.grow(&rows).map(Change::Insert),
            _ if rows.is_empty() => None,
            Move::Delete(row) => Some(Change::Delete(row.get(&rows).clone())),
            Move::Stale(row) => {
                let mut before = row.get(&rows).clone();
                let text = |column: &&proctor_crm::Column| column.kind == Kind::Line;
                let column = before.entity().columns().iter().find(text);
                column.map(|column| {
                    before
                        .set(column.name, Value::Text("never there".into()))
                        .unwrap();
                    Change::Update {
                        after: row.get(&rows).clone(),
                        before,
                    }
                })
            }
            Move::Update(row, column, values) => {
                let before = row.get(&rows).clone();
                let mut after = before.clone();
                let columns = &before.entity().columns()[1..];
                let name = column.get(columns).name;
                // Those that don't fit are left out; those that break a constraint are not.
                let fitting = values
                    .into_iter()
                    .find(|value| after.set(name, value.clone()).is_ok());
                fitting.map(|_| Change::Update { before, after })
            }
        };
        if let Some(change) = change {
            model.apply(std::slice::from_ref(&change));
            changes.push(change);
        }
    }
    changes
}

#[test]
fn what_goes_in_comes_out() {
    let stores = Stores::new();
    property(96, &world(), |rows| {
        let model: Rows = rows.iter().cloned().collect();
        stores.each(|store| {
            store.apply(&inserts(&rows)).unwrap();
            prop_assert_eq!(all(store), model.iter().cloned().collect::<Vec<_>>());
            for row in &rows {
                let found = store.read(&[Query::by_id(row.entity(), row.id())]).unwrap();
                prop_assert_eq!(&found[0].rows, std::slice::from_ref(row));
            }
            let counts = store.counts().unwrap().into_iter();
            prop_assert_eq!(
                counts.map(|(_, count)| count).sum::<u64>(),
                rows.len() as u64
            );
            Ok(())
        })
    });
}

#[test]
fn a_history_leaves_what_the_model_says() {
    let stores = Stores::new();
    let histories = (world(), prop::collection::vec(act(), 1..24));
    property(96, &histories, |(rows, acts)| {
        let snapshot = Snapshot::from_rows(rows).unwrap();
        stores.each(|store| play(store, &snapshot, &acts))?;
        let folder = tempfile::tempdir().unwrap();
        play(
            &mut Sqlite::open(folder.path().join("crm.db")).unwrap(),
            &snapshot,
            &acts,
        )
    });
}

#[test]
fn a_history_in_a_database_of_its_own_leaves_what_the_model_says() {
    let stores = Stores::with_own_databases();
    let histories = (world(), prop::collection::vec(act(), 1..24));
    property(4, &histories, |(rows, acts)| {
        let snapshot = Snapshot::from_rows(rows).unwrap();
        stores.each(|store| play(store, &snapshot, &acts))
    });
}

fn play(store: &mut dyn Store, rows: &Snapshot, acts: &[Act]) -> Result<(), TestCaseError> {
    store.restore(rows).unwrap();
    let mut model: Rows = rows.rows().iter().cloned().collect();
    let mut mark = None;
    for act in acts {
        match act.clone() {
            Act::Apply(moves) => {
                let changes = changes(moves, &model);
                if store.apply(&changes).is_ok() {
                    model.apply(&changes);
                }
            }
            Act::Begin => match &mark {
                Some(_) => prop_assert!(matches!(store.begin(), Err(StoreError::Misuse(_)))),
                None => {
                    store.begin().unwrap();
                    mark = Some(model.clone());
                }
            },
            Act::Reset => match &mark {
                Some(mark) => {
                    store.reset().unwrap();
                    model = mark.clone();
                }
                None => prop_assert!(matches!(store.reset(), Err(StoreError::Misuse(_)))),
            },
            Act::End => match mark.take() {
                Some(mark) => {
                    store.end().unwrap();
                    model = mark;
                }
                None => prop_assert!(matches!(store.end(), Err(StoreError::Misuse(_)))),
            },
        }
        let fingerprint = model.iter().collect::<Sum>().fingerprint();
        prop_assert_eq!(store.fingerprint(), fingerprint);
        prop_assert_eq!(store.scan().unwrap(), fingerprint);
    }
    prop_assert_eq!(all(store), model.iter().cloned().collect::<Vec<_>>());
    Ok(())
}

#[test]
fn a_snapshot_moves_to_another_store() {
    let stores = Stores::new();
    property(48, &(world(), world()), |(rows, others)| {
        let expected = Snapshot::from_rows(rows.clone()).unwrap();
        stores.each(|store| {
            store.apply(&inserts(&rows)).unwrap();
            let snapshot = store.snapshot().unwrap();
            prop_assert_eq!(&snapshot, &expected);
            prop_assert_eq!(snapshot.fingerprint(), store.fingerprint());
            prop_assert_eq!(snapshot.to_bytes(), expected.to_bytes());
            Ok(())
        })?;
        stores.each(|other| {
            other.apply(&inserts(&others)).unwrap();
            other.restore(&expected).unwrap();
            prop_assert_eq!(other.fingerprint(), expected.fingerprint());
            prop_assert_eq!(other.scan().unwrap(), expected.fingerprint());
            prop_assert_eq!(other.snapshot().unwrap().to_bytes(), expected.to_bytes());
            Ok(())
        })?;
        let image = Image::of(&expected).unwrap();
        let mut copy = Sqlite::from_image(&image).unwrap();
        prop_assert_eq!(copy.fingerprint(), expected.fingerprint());
        prop_assert_eq!(copy.snapshot().unwrap(), expected);
        copy.check_constraints().unwrap();
        Ok(())
    });
}

fn client(number: u8, name: &str) -> Row {
    let mut row = Row::new(Entity::Client, Id::from_digest([number; 16]));
    row.set("name", Value::Text(name.into())).unwrap();
    row.set("status", Value::Text("Active".into())).unwrap();
    row
}

fn contact(number: u8, client: u8) -> Row {
    let mut row = Row::new(Entity::Contact, Id::from_digest([number; 16]));
    row.set("first_name", Value::Text("Ada".into())).unwrap();
    row.set("last_name", Value::Text("Byron".into())).unwrap();
    row.set("client_id", Value::Id(Id::from_digest([client; 16])))
        .unwrap();
    row
}

fn renamed(row: &Row, name: &str) -> Change {
    let mut after = row.clone();
    after.set("name", Value::Text(name.into())).unwrap();
    Change::Update {
        before: row.clone(),
        after,
    }
}

#[test]
fn a_batch_that_fails_midway_leaves_everything_as_before() {
    let acme = client(1, "Acme");
    let breaking: [(&str, Change); 7] = [
        ("Unique", Change::Insert(client(1, "Again"))),
        ("Check", Change::Insert(client(3, " \u{3000}\t"))),
        (
            "Required",
            Change::Insert(Row::new(Entity::Client, Id::from_digest([3; 16]))),
        ),
        ("Reference", Change::Insert(contact(3, 99))),
        ("Conflict", Change::Delete(client(77, "Nobody"))),
        ("Conflict", renamed(&client(1, "Stale"), "New")),
        ("Unportable", Change::Insert(client(3, "a\0b"))),
    ];
    let stores = Stores::with_own_databases();
    let cases = breaking
        .iter()
        .flat_map(|case| [(false, case), (true, case)]);
    for (episode, (expected, last)) in cases {
        stores.each_with(std::slice::from_ref(&acme), |store| {
            if episode {
                store.begin().unwrap();
            }
            let before = store.fingerprint();
            let first = [
                renamed(&acme, "Changed"),
                Change::Insert(client(2, "New")),
                last.clone(),
            ];
            for batch in [&first[..], std::slice::from_ref(last)] {
                let stale = matches!(last, Change::Update { .. });
                let error = store.apply(batch).expect_err(expected);
                let found = match &error {
                    StoreError::Constraint { kind, .. } => format!("{kind:?}"),
                    StoreError::Conflict { .. } => "Conflict".into(),
                    StoreError::Unportable(_) => "Unportable".into(),
                    other => panic!("{other}"),
                };
                assert_eq!(&found, expected, "{error} {stale}");
                assert_eq!(store.fingerprint(), before);
                assert_eq!(store.scan().unwrap(), before);
                assert_eq!(all(store), std::slice::from_ref(&acme));
            }
            store.apply(&[renamed(&acme, "Still usable")]).unwrap();
        });
    }
}

#[test]
fn a_row_that_others_refer_to_stays() {
    let rows = [client(1, "Acme"), contact(2, 1)];
    Stores::with_own_databases().each_with(&rows, |store| {
        let error = store.apply(&[Change::Delete(rows[0].clone())]).unwrap_err();
        assert!(matches!(
            error,
            StoreError::Constraint {
                kind: proctor_store::ConstraintKind::Reference,
                ..
            }
        ));
        store
            .apply(&[
                Change::Delete(rows[1].clone()),
                Change::Delete(rows[0].clone()),
            ])
            .unwrap();
        assert_eq!(store.fingerprint(), Sum::default().fingerprint());
    });
}

#[test]
fn an_update_keeps_to_one_record() {
    Stores::with_own_databases().each_with(&[client(1, "Acme"), client(2, "Beta")], |store| {
        let swap = Change::Update {
            before: client(1, "Acme"),
            after: client(2, "Beta"),
        };
        assert!(matches!(
            store.apply(&[swap]),
            Err(StoreError::Conflict { .. })
        ));
        let nothing = Change::Update {
            before: client(1, "Acme"),
            after: client(1, "Acme"),
        };
        let before = store.fingerprint();
        store.apply(&[nothing]).unwrap();
        assert_eq!(store.fingerprint(), before);
    });
}

#[test]
fn inside_an_episode_there_is_no_restore_and_no_image() {
    Stores::with_own_databases().each_with(&[client(1, "Acme")], |store| {
        let snapshot = store.snapshot().unwrap();
        store.begin().unwrap();
        assert!(matches!(
            store.restore(&snapshot),
            Err(StoreError::Misuse(_))
        ));
        store.end().unwrap();
        store.restore(&snapshot).unwrap();
    });
    let mut store = filled(&[client(1, "Acme")]);
    store.begin().unwrap();
    assert!(matches!(store.image(), Err(StoreError::Misuse(_))));
}

#[test]
fn a_restore_that_fails_leaves_everything_as_before() {
    Stores::with_own_databases().each_with(&[client(1, "Acme")], |store| {
        let orphan = Snapshot::from_rows(vec![client(5, "New"), contact(2, 9)]).unwrap();
        let before = store.fingerprint();
        assert!(matches!(
            store.restore(&orphan),
            Err(StoreError::Constraint { .. })
        ));
        assert_eq!(store.fingerprint(), before);
        assert_eq!(all(store), [client(1, "Acme")]);
    });
}

#[test]
fn an_image_is_a_copy_of_its_own() {
    let mut store = filled(&[client(1, "Acme")]);
    let image = store.image().unwrap();
    assert_eq!(image.fingerprint(), store.fingerprint());
    let mut copies = [
        Sqlite::from_image(&image).unwrap(),
        Sqlite::from_image(&image).unwrap(),
    ];
    copies[0]
        .apply(&[Change::Delete(client(1, "Acme"))])
        .unwrap();
    assert_eq!(all(&mut copies[0]), []);
    for store in [&mut copies[1], &mut store] {
        store.begin().unwrap();
        store.apply(&[renamed(&client(1, "Acme"), "Beta")]).unwrap();
        store.apply(&[Change::Insert(contact(7, 1))]).unwrap();
        store.reset().unwrap();
        assert_eq!(store.scan().unwrap(), image.fingerprint());
    }
    // Constraints hold in a copy as well.
    assert!(copies[1].apply(&[Change::Insert(contact(2, 9))]).is_err());
}

#[test]
fn a_file_keeps_what_was_applied_outside_of_episodes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    assert!(
        Sqlite::open_existing(&path).is_err(),
        "there is no such file yet"
    );
    let mut store = Sqlite::open(&path).unwrap();
    store.apply(&[Change::Insert(client(1, "Acme"))]).unwrap();
    let kept = store.fingerprint();
    store.begin().unwrap();
    store.apply(&[renamed(&client(1, "Acme"), "Beta")]).unwrap();
    drop(store);

    let mut store = Sqlite::open_read_only(&path).unwrap();
    assert_eq!(store.fingerprint(), kept);
    assert_eq!(all(&mut store), [client(1, "Acme")]);
    assert!(store.apply(&[renamed(&client(1, "Acme"), "Beta")]).is_err());
    assert_eq!(store.fingerprint(), kept);

    let mut store = Sqlite::open_existing(&path).unwrap();
    let mut copy = Sqlite::from_image(&store.image().unwrap()).unwrap();
    assert_eq!(copy.scan().unwrap(), kept);
    copy.apply(&[renamed(&client(1, "Acme"), "Beta")]).unwrap();
}

#[test]
fn what_others_write_to_the_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    let mut one = Sqlite::open(&path).unwrap();
    let mut two = Sqlite::open(&path).unwrap();
    one.apply(&[Change::Insert(client(1, "Acme"))]).unwrap();
    two.apply(&[Change::Insert(client(2, "Beta"))]).unwrap();
    assert_eq!(two.fingerprint(), two.scan().unwrap());
    one.begin().unwrap();
    assert_eq!(one.fingerprint(), two.fingerprint());
    one.end().unwrap();
    assert_eq!(one.fingerprint(), one.scan().unwrap());
}

#[test]
fn corrupt_cells_are_errors_that_say_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    let texts = "INSERT INTO companies (company_id, name, contacts) VALUES ('00000000-0000-8000-8000-000000000001', 'X', ";
    for (statement, column) in [
        (format!("{texts}'[1]')"), "contacts"),
        (format!("{texts}'[\"a\",{{}}]')"), "contacts"),
        (format!("{texts}' [\"a\" ]')"), "contacts"),
        ("INSERT INTO companies (company_id, name) VALUES ('00000000000080008000000000000001----', 'X')".into(), "company_id"),
        ("INSERT INTO companies (company_id, name) VALUES ('00000000-0000-8000-8000-000000000001', CAST(X'41ff' AS TEXT))".into(), "name"),
        ("INSERT INTO companies (company_id, name) VALUES ('00000000-0000-8000-8000-000000000001', 'a' || char(0) || 'b')".into(), "name"),
        ("PRAGMA ignore_check_constraints = 1; INSERT INTO opportunities (opportunity_id, name, client_id, stage, amount)
          VALUES ('00000000-0000-8000-8000-000000000001', 'X', 'nobody', 'Prospecting', 1)".into(), "client_id"),
        ("PRAGMA ignore_check_constraints = 1; INSERT INTO opportunities (opportunity_id, name, client_id, stage, amount)
          VALUES ('00000000-0000-8000-8000-000000000001', 'X', '00000000-0000-8000-8000-000000000001', 'X', 9223372036854775807)".into(), "amount"),
        ("PRAGMA ignore_check_constraints = 1; INSERT INTO opportunities (opportunity_id, name, client_id, stage, amount, close_date)
          VALUES ('00000000-0000-8000-8000-000000000001', 'X', '00000000-0000-8000-8000-000000000001', 'X', 1, '20240101')".into(), "close_date"),
        ("PRAGMA ignore_check_constraints = 1; INSERT INTO clients (client_id, name, status, created_date)
          VALUES ('00000000-0000-8000-8000-000000000001', 'X', 'Active', '2024-01-01T00:00:00+00:00')".into(), "created_date"),
    ] {
        drop(Sqlite::open(&path).unwrap());
        let direct = rusqlite::Connection::open(&path).unwrap();
        direct.execute_batch(&format!("PRAGMA foreign_keys = 0; {statement}")).unwrap();
        drop(direct);
        match Sqlite::open(&path) {
            Err(StoreError::Corrupt { column: found, .. }) => assert_eq!(found, column, "{statement}"),
            Err(other) => panic!("{statement}: {other}"),
            Ok(_) => panic!("{statement}: opened"),
        }
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_damaged_file_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    let mut store = Sqlite::open(&path).unwrap();
    store
        .apply(&inserts(&[client(1, "Acme"), contact(2, 1)]))
        .unwrap();
    store.check_constraints().unwrap();
    let direct = rusqlite::Connection::open(&path).unwrap();
    direct
        .execute_batch("PRAGMA foreign_keys = 0; DELETE FROM clients")
        .unwrap();
    direct
        .execute_batch("PRAGMA ignore_check_constraints = 1; UPDATE contacts SET last_name = ' '")
        .unwrap();
    let error = store.check_constraints().unwrap_err().to_string();
    assert!(
        error.contains("a row of contacts refers to one of clients"),
        "{error}"
    );
    assert!(
        error.contains("CHECK constraint failed in contacts"),
        "{error}"
    );
}
