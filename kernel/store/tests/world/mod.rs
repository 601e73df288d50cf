//! Random CRMs: rows that every rule and constraint allows, with texts that are hard to handle.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test file takes what it needs"
)]

mod stores;

pub(crate) use stores::{Stores, database, property};

use proctor_crm::{Change, Column, Entity, Id, Kind, Money, Row, Value};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// Rows of all entities, each after those it refers to.
pub(crate) fn world() -> impl Strategy<Value = Vec<Row>> {
    Entity::ALL
        .map(|entity| prop::collection::vec(row(entity), 0..5))
        .into_iter()
        .collect::<Vec<_>>()
        .prop_map(|seeds| {
            let mut rows = Vec::new();
            for seed in seeds.into_iter().flatten() {
                rows.extend(seed.grow(&rows));
            }
            rows
        })
}

/// A row that still has to find the records it refers to.
#[derive(Clone, Debug)]
pub(crate) struct Seed {
    entity: Entity,
    values: Vec<Value>,
    picks: Vec<Index>,
}

/// A random row of an entity.
pub(crate) fn row(entity: Entity) -> impl Strategy<Value = Seed> {
    let cells: Vec<_> = entity.columns().iter().map(cell).collect();
    let picks = prop::collection::vec(any::<Index>(), entity.columns().len());
    (cells, picks).prop_map(move |(values, picks)| Seed {
        entity,
        values,
        picks,
    })
}

impl Seed {
    /// The row, if there are records for it to refer to.
    pub(crate) fn grow(self, rows: &[Row]) -> Option<Row> {
        let Self {
            entity,
            mut values,
            picks,
        } = self;
        let id = values[0].clone();
        for (at, column) in entity.columns().iter().enumerate() {
            let target = match column.kind {
                Kind::Reference(target) => target,
                Kind::Subject => Entity::from_name(values[at - 1].as_text()?)?,
                Kind::Email if !values[at].is_null() => {
                    // Unique, and not only by case.
                    values[at] = Value::Text(format!("Mail-{id}@Example.com"));
                    continue;
                }
                _ => continue,
            };
            let targets: Vec<&Row> = rows.iter().filter(|row| row.entity() == target).collect();
            if targets.is_empty() {
                if column.required {
                    return None;
                }
                values[at] = Value::Null;
            } else {
                values[at] = Value::Id(picks[at].get(&targets).id());
            }
        }
        if entity == Entity::Contract && !values[3].is_null() && values[4] < values[3] {
            values.swap(3, 4);
            if values[3].is_null() {
                values.swap(3, 4);
            }
        }
        Some(Row::from_values(entity, values).unwrap())
    }
}

/// A value that a column allows.
pub(crate) fn cell(column: &Column) -> BoxedStrategy<Value> {
    let value = match column.kind {
        Kind::Id | Kind::Reference(_) | Kind::Subject => id().prop_map(Value::Id).boxed(),
        Kind::Line | Kind::Prose => text().prop_map(Value::Text).boxed(),
        Kind::Email => Just(Value::Text(String::new())).boxed(),
        Kind::Url => "https://example\\.com/[a-z%]{0,5}"
            .prop_map(Value::Text)
            .boxed(),
        Kind::FileName => "[A-Za-z0-9_-]{1,8}\\.(pdf|csv|DOCX)"
            .prop_map(Value::Text)
            .boxed(),
        Kind::Choice(values) => select(values)
            .prop_map(|value| Value::Text(value.into()))
            .boxed(),
        Kind::Money => (1..=1_000_000_000i64)
            .prop_map(|cents| Value::Money(Money::from_cents(cents).unwrap()))
            .boxed(),
        Kind::Percent => (1..=99i64).prop_map(Value::Integer).boxed(),
        Kind::Date => date()
            .prop_map(|text| Value::parse(Kind::Date, &text).unwrap())
            .boxed(),
        Kind::Timestamp => (
            date(),
            0..24,
            0..60,
            0..60,
            prop_oneof![Just(0), 0..1_000_000],
        )
            .prop_map(|(date, hour, minute, second, micro)| {
                let text = format!("{date}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z");
                Value::parse(Kind::Timestamp, &text).unwrap()
            })
            .boxed(),
        Kind::Texts => prop::collection::vec(text(), 0..4)
            .prop_map(Value::Texts)
            .boxed(),
    };
    if column.required {
        value
    } else {
        prop_oneof![1 => Just(Value::Null), 3 => value].boxed()
    }
}

/// A random key.
pub(crate) fn id() -> impl Strategy<Value = Id> {
    any::<[u8; 16]>().prop_map(Id::from_digest)
}

fn date() -> impl Strategy<Value = String> {
    let year = prop_oneof![4 => 2020..2030, 1 => 1..=9998];
    (year, 1..=12, 1..=28).prop_map(|(year, month, day)| format!("{year:04}-{month:02}-{day:02}"))
}

/// A text that is not blank.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        select(
            &[
                "ACME",
                "acme ltd",
                "100%",
                "a_b",
                "back\\slash",
                "'; DROP TABLE clients; --",
                "Straße",
                "STRASSE",
                "İstanbul",
                "ΌΔΟΣ",
                "Ünïcode",
                "日本",
                "\u{212a}elvin",
                "\"q\"",
                "tab\there",
                "\u{1}",
                "line\nbreak",
                "é",
                "e\u{301}",
                "?1",
                "\u{feff}x",
                "NULL",
                "0",
            ][..]
        )
        .prop_map(str::to_owned),
        "[A-Za-z%_ ]{0,6}[a-z]",
        "\\PC{0,12}\\PC".prop_filter("blank", |text| !text.trim().is_empty()),
    ]
}

/// The insertion of each row.
pub(crate) fn inserts(rows: &[Row]) -> Vec<Change> {
    rows.iter().cloned().map(Change::Insert).collect()
}
