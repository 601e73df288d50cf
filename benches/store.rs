//! Storage: what an episode costs at 1,500 and at 1,000,000 rows. The baseline is the same work
//! on a bare table of SQLite: a transaction, three updates, a rollback.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a bench stops where it cannot measure"
)]

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use proctor_benches::customers;
use proctor_crm::{Change, Entity, Query, Row, Value};
use proctor_store::{Image, Sqlite, Store};
use rusqlite::Connection;

const SIZES: [usize; 2] = [1_500, 1_000_000];

/// Three updates of existing rows, as an episode makes them.
fn updates(rows: &[Row]) -> Vec<Change> {
    rows.iter()
        .filter(|row| row.entity() == Entity::Client)
        .step_by(rows.len() / 7 + 1)
        .take(3)
        .map(|before| {
            let mut after = before.clone();
            after
                .set("industry", Value::Text("Shipping".into()))
                .unwrap();
            Change::Update {
                before: before.clone(),
                after,
            }
        })
        .collect()
}

fn bare() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    connection
        .execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, text TEXT)", [])
        .unwrap();
    for id in 0..1_500 {
        connection
            .execute("INSERT INTO bare VALUES (?1, 'Transport')", [id])
            .unwrap();
    }
    connection
}

fn store(criterion: &mut Criterion) {
    let connection = bare();
    let mut group = criterion.benchmark_group("reset");
    group.bench_function("bare SQLite: 3 updates and ROLLBACK (baseline)", |bench| {
        bench.iter(|| {
            connection.execute_batch("BEGIN").unwrap();
            for id in [7, 700, 1_400] {
                connection
                    .prepare_cached("UPDATE bare SET text = 'Shipping' WHERE id = ?1")
                    .unwrap()
                    .execute([id])
                    .unwrap();
            }
            connection.execute_batch("ROLLBACK").unwrap();
        });
    });
    group.finish();
    for size in SIZES {
        let snapshot = customers(size);
        let changes = updates(snapshot.rows());
        let image = Image::of(&snapshot).unwrap();
        drop(snapshot);
        let mut store = Sqlite::from_image(&image).unwrap();
        drop(image);
        store.begin().unwrap();
        let mut group = criterion.benchmark_group(format!("{size} rows"));
        group.bench_function("reset after 3 updates", |bench| {
            // A routine cannot be timed apart from what it undoes without a store of its own,
            // so the whole cycle is measured, and the updates alone beside it.
            bench.iter(|| {
                store.apply(&changes).unwrap();
                store.reset().unwrap();
            });
        });
        group.bench_function("reset after nothing", |bench| {
            bench.iter(|| store.reset().unwrap());
        });
        group.bench_function("read one row", |bench| {
            let query = [Query::by_id(Entity::Client, changes[0].id())];
            bench.iter(|| black_box(store.read(&query).unwrap()));
        });
        group.bench_function("fingerprint", |bench| {
            bench.iter_batched(
                || (),
                |()| black_box(store.fingerprint()),
                BatchSize::SmallInput,
            );
        });
        group.finish();
    }
}

criterion_group!(benches, store);
criterion_main!(benches);
