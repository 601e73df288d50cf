//! Queries find what the reference model finds, in the same order, on rows and texts of all sorts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod world;

use world::{Stores, property};

use proctor_crm::{Column, Condition, Entity, Id, Kind, Query, Row, Rows, Value};
use proctor_store::{Store, StoreError};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A condition on an entity, as often as not made from a row that is there.
fn condition(entity: Entity, rows: &[Row], depth: u32) -> BoxedStrategy<Condition> {
    let columns = entity.columns();
    let rows: Vec<Row> = rows.to_vec();
    let known = {
        let rows = rows.clone();
        move |column: &'static Column, pick: Index| {
            let cells: Vec<_> = rows
                .iter()
                .filter(|row| row.entity() == entity)
                .map(|row| row.get(column.name))
                .collect();
            if cells.is_empty() {
                Value::Null
            } else {
                (*pick.get(&cells)).clone()
            }
        }
    };
    let any_cell = select(columns)
        .prop_flat_map(|column| world::cell(&column).prop_map(move |value| (column.name, value)));
    let stranger = select(&Entity::ALL[..])
        .prop_flat_map(|entity| select(entity.columns()))
        .prop_flat_map(|column| world::cell(&column));
    let pieces = |value: Value, from: Index, to: Index| {
        let text: Vec<char> = match &value {
            Value::Texts(texts) => texts.concat().chars().collect(),
            other => other.to_string().chars().collect(),
        };
        let (a, b) = (from.index(text.len() + 1), to.index(text.len() + 1));
        text[a.min(b)..a.max(b)].iter().collect::<String>()
    };
    let known_again = known.clone();
    let known_third = known.clone();
    let known_fourth = known.clone();
    let flat = prop_oneof![
        (select(columns), any::<Index>()).prop_map(move |(column, pick)| {
            let column = entity.column(column.name).unwrap().1;
            Condition::Equals(column.name, known(column, pick))
        }),
        any_cell.prop_map(|(name, value)| Condition::Equals(name, value)),
        // Values of other kinds than the column's equal nothing.
        (select(columns), stranger)
            .prop_map(|(column, value)| Condition::Equals(column.name, value)),
        (
            select(columns),
            prop::collection::vec(any::<Index>(), 0..48)
        )
            .prop_map(move |(column, picks)| {
                let column = entity.column(column.name).unwrap().1;
                Condition::In(
                    column.name,
                    picks
                        .into_iter()
                        .map(|pick| known_again(column, pick))
                        .collect(),
                )
            }),
        (select(columns), any::<Index>(), any::<bool>()).prop_map(move |(column, pick, upper)| {
            let column = entity.column(column.name).unwrap().1;
            let text = known_third(column, pick).to_string();
            let text = if upper {
                text.to_ascii_uppercase()
            } else {
                text.to_ascii_lowercase()
            };
            Condition::EqualsIgnoringCase(column.name, text)
        }),
        (select(columns), any::<[Index; 3]>(), any::<bool>()).prop_map(
            move |(column, [pick, from, to], upper)| {
                let column = entity.column(column.name).unwrap().1;
                let text = pieces(known_fourth(column, pick), from, to);
                Condition::Contains(column.name, if upper { text.to_uppercase() } else { text })
            }
        ),
        (select(columns), world::text())
            .prop_map(|(column, text)| Condition::Contains(column.name, text)),
    ];
    if depth == 0 {
        return flat.boxed();
    }
    let again = rows.clone();
    let among =
        (select(columns), select(&Entity::ALL[..])).prop_flat_map(move |(column, inner)| {
            let inner = match column.kind {
                Kind::Reference(target) => target,
                _ => inner,
            };
            query(inner, &again, depth - 1)
                .prop_map(move |query| Condition::Among(column.name, Box::new(query)))
        });
    let held = select(&Entity::ALL[..]).prop_flat_map(move |inner| {
        let rows = rows.clone();
        select(inner.columns()).prop_flat_map(move |column| {
            query(inner, &rows, depth - 1)
                .prop_map(move |query| Condition::HeldBy(column.name, Box::new(query)))
        })
    });
    prop_oneof![6 => flat, 1 => among, 1 => held].boxed()
}

fn query(entity: Entity, rows: &[Row], depth: u32) -> BoxedStrategy<Query> {
    let conditions = prop::collection::vec(condition(entity, rows, depth), 0..3);
    conditions
        .prop_map(move |conditions| Query::all(entity, conditions))
        .boxed()
}

fn page(query: Query) -> impl Strategy<Value = Query> {
    let limit = prop_oneof![Just(None), (0..6u32).prop_map(Some), Just(Some(u32::MAX))];
    (
        prop_oneof![3 => Just(0), 2 => 0..6u32, 1 => Just(u32::MAX)],
        limit,
        any::<bool>(),
    )
        .prop_map(move |(offset, limit, count)| Query {
            offset,
            limit,
            count,
            ..query.clone()
        })
}

#[test]
fn finds_what_the_model_finds() {
    let stores = Stores::new();
    let searches = world::world().prop_flat_map(|rows| {
        let one = {
            let rows = rows.clone();
            select(&Entity::ALL[..])
                .prop_flat_map(move |entity| query(entity, &rows, 2))
                .prop_flat_map(page)
        };
        (Just(rows), prop::collection::vec(one, 1..16))
    });
    property(96, &searches, |(rows, queries)| {
        let model: Rows = rows.iter().cloned().collect();
        stores.each(|store| {
            store.apply(&world::inserts(&rows)).unwrap();
            let found = store.read(&queries).unwrap();
            prop_assert_eq!(found.len(), queries.len());
            for (query, found) in queries.iter().zip(found) {
                prop_assert_eq!(found, model.find(query), "{}: {:?}", store.backend(), query);
            }
            Ok(())
        })
    });
}

fn companies(names: &[&str], test: impl Fn(&mut dyn Store)) {
    let rows: Vec<Row> = names
        .iter()
        .zip(1..)
        .map(|(name, number)| {
            let mut row = Row::new(Entity::Company, Id::from_digest([number; 16]));
            row.set("name", Value::Text((*name).to_owned())).unwrap();
            row.set(
                "contacts",
                Value::Texts(vec!["Nobody".into(), format!("Friend of {name}")]),
            )
            .unwrap();
            row
        })
        .collect();
    Stores::new().each_with(&rows, test);
}

fn names(store: &mut dyn Store, condition: Condition) -> Vec<String> {
    let found = store
        .read(&[Query::all(Entity::Company, vec![condition])])
        .unwrap()
        .remove(0);
    found
        .rows
        .iter()
        .map(|row| row.get("name").to_string())
        .collect()
}

#[test]
fn contains_folds_case_and_takes_wildcards_literally() {
    let all = [
        "ACME 100%",
        "a_b",
        "axb",
        "back\\slash",
        "Straße",
        "STRASSE",
        "ÉCOLE",
        "İstanbul",
        "ΣΊΣΥΦΟΣ",
        "' OR 1=1 --",
    ];
    companies(&all, |store| {
        for (text, expected) in [
            ("acme", &["ACME 100%"][..]),
            ("0%", &["ACME 100%"]),
            ("%", &["ACME 100%"]),
            ("_", &["a_b"]),
            ("A_B", &["a_b"]),
            ("\\", &["back\\slash"]),
            // Lower case, not case folding: ß is not ss, and a final sigma is none.
            ("strasse", &["STRASSE"]),
            ("STRAßE", &["Straße"]),
            ("école", &["ÉCOLE"]),
            ("ecole", &[]),
            ("i\u{307}stan", &["İstanbul"]),
            ("σίσυφοσ", &["ΣΊΣΥΦΟΣ"]),
            ("' or 1=1", &["' OR 1=1 --"]),
            ("*", &[]),
            ("", &all),
        ] {
            assert_eq!(
                names(store, Condition::Contains("name", text.into())),
                expected,
                "{text}"
            );
            let list = names(
                store,
                Condition::Contains("contacts", format!("friend of {text}")),
            );
            let begins = |name: &&&str| Query::fold(name).starts_with(&Query::fold(text));
            assert_eq!(
                list,
                expected.iter().filter(begins).copied().collect::<Vec<_>>(),
                "{text}"
            );
        }
        // An entry, not the list's JSON text.
        assert_eq!(
            names(store, Condition::Contains("contacts", "\",\"".into())),
            [""; 0]
        );
    });
}

#[test]
fn equality_is_exact_or_ignores_ascii_case_only() {
    companies(&["Acme", "ACME", "Éa", "éA", "Acme "], |store| {
        let equals = |text: &str| Condition::Equals("name", Value::Text(text.into()));
        assert_eq!(names(store, equals("Acme")), ["Acme"]);
        let ignoring = |text: &str| Condition::EqualsIgnoringCase("name", text.into());
        assert_eq!(names(store, ignoring("aCME")), ["Acme", "ACME"]);
        assert_eq!(names(store, ignoring("ÉA")), ["Éa"]);
    });
}

#[test]
fn nothing_recorded_is_a_value() {
    companies(&["Acme"], |store| {
        assert_eq!(
            names(store, Condition::Equals("industry", Value::Null)),
            ["Acme"]
        );
        assert_eq!(
            names(store, Condition::In("industry", vec![Value::Null])),
            ["Acme"]
        );
        assert_eq!(names(store, Condition::In("industry", vec![])), [""; 0]);
        assert_eq!(
            names(store, Condition::Contains("industry", String::new())),
            [""; 0]
        );
        assert_eq!(
            names(
                store,
                Condition::EqualsIgnoringCase("industry", String::new())
            ),
            [""; 0]
        );
    });
}

#[test]
fn a_column_that_is_not_there_is_an_error() {
    companies(&["Acme"], |store| {
        for condition in [
            Condition::Equals("1=1 --", Value::Null),
            Condition::In("amount", vec![]),
            Condition::Contains("client_id", String::new()),
            Condition::Among("nowhere", Box::new(Query::all(Entity::Client, vec![]))),
            Condition::HeldBy("company_id", Box::new(Query::all(Entity::Client, vec![]))),
        ] {
            let found = store.read(&[Query::all(Entity::Company, vec![condition])]);
            assert!(
                matches!(found, Err(StoreError::NoSuchColumn { .. })),
                "{found:?}"
            );
        }
    });
}
