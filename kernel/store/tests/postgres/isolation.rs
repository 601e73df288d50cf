//! Episodes that are transactions: nobody sees them, they see nobody, and what fails in one
//! leaves it whole.

use std::thread;
use std::time::{Duration, Instant};

use proctor_cluster::Proxy;
use proctor_crm::{Change, Entity, Query, Row, Value};
use proctor_store::{Address, ConstraintKind, Postgres, Store, StoreError};

use crate::others::Other;
use crate::world::database;
use crate::{client, contact, id, insert, insert_sql, is_right, names, rename, text, with};

/// A store that holds these rows, and how to get at its database.
fn holding(rows: &[Row]) -> Option<(Postgres, Address, Other)> {
    let (cluster, name, address) = database()?;
    let mut store = Postgres::open(&address).unwrap();
    let changes: Vec<Change> = rows.iter().map(insert).collect();
    store.apply(&changes).unwrap();
    Some((store, address, Other::at(&cluster.address(&name))))
}

#[test]
fn what_others_commit_is_seen_by_the_next_episode_only() {
    let Some((mut store, _, other)) = holding(&[client(1)]) else {
        return;
    };
    store.begin().unwrap();
    let mark = store.fingerprint();
    other.run(&insert_sql(&client(2))).unwrap();
    assert_eq!(names(&mut store).unwrap(), ["Client 1"]);
    assert_eq!(store.scan().unwrap(), mark);
    store.apply(&[insert(&client(3))]).unwrap();
    is_right(&mut store);
    store.reset().unwrap();
    assert_eq!(names(&mut store).unwrap(), ["Client 1"]);
    assert_eq!(store.scan().unwrap(), mark);
    store.end().unwrap();

    assert_eq!(names(&mut store).unwrap(), ["Client 1", "Client 2"]);
    store.begin().unwrap();
    assert_ne!(store.fingerprint(), mark);
    is_right(&mut store);
    store.end().unwrap();

    // Outside of an episode each change comes on top of what others did.
    other.run(&insert_sql(&client(4))).unwrap();
    store.apply(&[insert(&client(5))]).unwrap();
    is_right(&mut store);
    assert_eq!(other.number("SELECT count(*) FROM proctor.clients"), 4);
}

#[test]
fn a_long_life_makes_no_episode_dearer_and_notices_what_others_committed() {
    let Some((mut store, _, other)) = holding(&[client(1)]) else {
        return;
    };
    // More than one transaction undoes before it makes room for another.
    let some = |store: &mut Postgres| {
        for number in 0..400 {
            let name = format!("Name {number}");
            let renamed = with(&client(1), "name", text(&name));
            store.apply(&[rename(&client(1), &name)]).unwrap();
            store.apply(&[rename(&renamed, "Again")]).unwrap();
            store.apply(&[insert(&client(2))]).unwrap();
            store.reset()?;
        }
        Ok::<_, StoreError>(())
    };
    store.begin().unwrap();
    let mark = store.fingerprint();
    some(&mut store).unwrap();
    assert_eq!(store.fingerprint(), mark);
    is_right(&mut store);
    let size = "SELECT pg_relation_size('proctor.clients') / 8192";
    let early = other.number(size);
    for _ in 0..4 {
        some(&mut store).unwrap();
    }
    let late = other.number(size);
    assert!(late <= 2 * early, "grew from {early} to {late} pages");

    other.run(&insert_sql(&client(3))).unwrap();
    let error = some(&mut store).unwrap_err();
    assert!(error.may_pass(), "{error}");
    assert!(matches!(store.reset(), Err(StoreError::Lost)));
}

#[test]
fn what_an_episode_does_is_seen_by_nobody() {
    let Some((mut store, address, other)) = holding(&[client(1), client(2)]) else {
        return;
    };
    let mut second = Postgres::open(&address).unwrap();
    for store in [&mut store, &mut second] {
        store.begin().unwrap();
    }
    store.apply(&[rename(&client(1), "Mine")]).unwrap();
    assert_eq!(names(&mut store).unwrap(), ["Mine", "Client 2"]);
    assert_eq!(names(&mut second).unwrap(), ["Client 1", "Client 2"]);
    let renamed = "SELECT count(*) FROM proctor.clients WHERE name !~ '^Client '";
    assert_eq!(other.number(renamed), 0);
    store.reset().unwrap();
    second.apply(&[rename(&client(2), "Yours")]).unwrap();
    assert_eq!(names(&mut store).unwrap(), ["Client 1", "Client 2"]);
    assert_eq!(names(&mut second).unwrap(), ["Client 1", "Yours"]);
    assert_eq!(other.number(renamed), 0);
    for store in [&mut store, &mut second] {
        is_right(store);
        store.end().unwrap();
        is_right(store);
        assert_eq!(names(store).unwrap(), ["Client 1", "Client 2"]);
    }
}

#[test]
fn who_wants_to_change_rows_waits_until_another_episode_is_reset_or_gone() {
    let Some((mut store, address, other)) = holding(&[client(1), client(2)]) else {
        return;
    };
    let gives_way: [fn(Postgres); 3] = [
        |mut store| store.reset().unwrap(),
        |mut store| store.end().unwrap(),
        drop,
    ];
    for (number, give_way) in (1..=2).cycle().zip(gives_way) {
        store.begin().unwrap();
        store.apply(&[rename(&client(1), "Mine")]).unwrap();
        let address = address.clone();
        let second = thread::spawn(move || {
            let mut second = Postgres::open(&address).unwrap();
            second.begin().unwrap();
            // The same row, and another.
            second.apply(&[rename(&client(number), "Yours")]).unwrap();
            is_right(&mut second);
            assert_eq!(
                names(&mut second).unwrap()[usize::from(number) - 1],
                "Yours"
            );
            second.end().unwrap();
            second
        });
        other.await_waiting();
        assert!(!second.is_finished());
        give_way(store);
        store = second.join().unwrap();
        assert_eq!(names(&mut store).unwrap(), ["Client 1", "Client 2"]);
        is_right(&mut store);
    }
}

/// Two who wait for each other: the server breaks one of them off.
#[test]
fn an_episode_that_is_broken_off_for_somebody_elses_sake_can_go_on() {
    let Some((mut store, _, other)) = holding(&[client(1), client(2)]) else {
        return;
    };
    let rename_of_theirs = |number: u16| {
        format!(
            "UPDATE proctor.clients SET name = 'Theirs' WHERE client_id = '{}'",
            id(number)
        )
    };
    store.begin().unwrap();
    store.apply(&[rename(&client(1), "First")]).unwrap();
    let before = store.fingerprint();
    // Only who looks for it finds that they wait for each other.
    other
        .run(&format!(
            "SET deadlock_timeout TO '10min'; BEGIN; {}",
            rename_of_theirs(2)
        ))
        .unwrap();
    let other = thread::spawn(move || other.run(&rename_of_theirs(1)));
    // Whichever of them comes first, in the end they wait for each other.
    let batch = [insert(&client(3)), rename(&client(2), "Second")];
    let error = store.apply(&batch).unwrap_err();
    assert!(error.may_pass(), "{error}");
    assert!(matches!(error, StoreError::Interrupted { .. }), "{error:?}");
    assert_eq!(store.fingerprint(), before);
    is_right(&mut store);
    assert_eq!(names(&mut store).unwrap(), ["First", "Client 2"]);
    store.apply(&batch[..1]).unwrap();
    is_right(&mut store);
    store.reset().unwrap();
    is_right(&mut store);
    store.end().unwrap();
    other.join().unwrap().unwrap();
}

/// Batches that can't be carried out on a store with clients 1 and 2 and contact 3 of client 1,
/// and what sort of constraint each breaks, if it is one.
fn wrong() -> Vec<(Vec<Change>, Option<ConstraintKind>)> {
    let mailed = |number| with(&client(number), "email", text("same@example.com"));
    let mut percent = Row::new(Entity::Opportunity, id(9));
    percent.set("name", text("Chairs")).unwrap();
    percent.set("client_id", Value::Id(id(1))).unwrap();
    percent.set("stage", text("Proposal")).unwrap();
    let amount = proctor_crm::Money::from_cents(100).unwrap();
    percent.set("amount", Value::Money(amount)).unwrap();
    percent.set("probability", Value::Integer(100)).unwrap();
    let huge = with(&percent, "probability", Value::Integer(1 << 40));
    let cases = [
        (
            insert(&with(&client(9), "name", text("\u{2003}"))),
            Some(ConstraintKind::Check),
        ),
        (insert(&percent), Some(ConstraintKind::Check)),
        (insert(&huge), Some(ConstraintKind::Type)),
        (insert(&client(1)), Some(ConstraintKind::Unique)),
        (
            insert(&Row::new(Entity::Client, id(9))),
            Some(ConstraintKind::Required),
        ),
        (insert(&contact(9, 77)), Some(ConstraintKind::Reference)),
        (Change::Delete(client(1)), Some(ConstraintKind::Reference)),
        (
            insert(&with(&client(9), "status", text("active"))),
            Some(ConstraintKind::Type),
        ),
        (rename(&client(77), "Nobody"), None),
        (Change::Delete(with(&client(2), "name", text("Else"))), None),
        (insert(&with(&client(9), "name", text("a\0b"))), None),
    ];
    let mut wrong = vec![(
        vec![insert(&mailed(9)), insert(&mailed(10))],
        Some(ConstraintKind::Unique),
    )];
    for (change, kind) in cases {
        // By itself, and in the middle of others that could be carried out.
        let among = [insert(&client(50)), change.clone(), insert(&client(51))];
        wrong.extend([(vec![change], kind), (among.to_vec(), kind)]);
    }
    wrong
}

#[track_caller]
fn is_refused(store: &mut Postgres, batch: &[Change], expected: Option<ConstraintKind>) {
    match (store.apply(batch).unwrap_err(), expected) {
        (StoreError::Constraint { kind, .. }, Some(expected)) => {
            assert_eq!(kind, expected, "{batch:?}");
        }
        (StoreError::Conflict { .. } | StoreError::Unportable(_), None) => {}
        (error, _) => panic!("{error:?}: {batch:?}"),
    }
}

#[test]
fn a_batch_that_fails_leaves_the_episode_as_it_was() {
    let Some((mut store, ..)) = holding(&[client(1), client(2), contact(3, 1)]) else {
        return;
    };
    store.begin().unwrap();
    let mark = store.fingerprint();
    for (number, (batch, kind)) in (100..).zip(wrong()) {
        // First thing in an episode, and after batches that succeeded and failed.
        for _ in 0..2 {
            let before = store.fingerprint();
            is_refused(&mut store, &batch, kind);
            assert_eq!(store.fingerprint(), before);
            is_right(&mut store);
            is_refused(&mut store, &batch, kind);
            store.apply(&[insert(&client(number))]).unwrap();
            is_right(&mut store);
            store.apply(&[Change::Delete(client(number))]).unwrap();
            assert_eq!(store.scan().unwrap(), before);
        }
        store.reset().unwrap();
        assert_eq!(store.scan().unwrap(), mark);
    }
}

#[test]
fn hundreds_of_batches_and_resets_add_up() {
    let Some((mut store, ..)) = holding(&[client(1), client(2), contact(3, 1)]) else {
        return;
    };
    store.begin().unwrap();
    let mark = store.fingerprint();
    let wrong = wrong();
    for round in 0..10 {
        for number in 0..30 {
            let (batch, kind) = &wrong[usize::from(number) % wrong.len()];
            store.apply(&[insert(&client(100 + number))]).unwrap();
            is_refused(&mut store, batch, *kind);
            if number % 3 == 0 {
                store
                    .apply(&[Change::Delete(client(100 + number))])
                    .unwrap();
            }
        }
        assert_eq!(names(&mut store).unwrap().len(), 22, "round {round}");
        is_right(&mut store);
        store.reset().unwrap();
        assert_eq!(store.fingerprint(), mark);
    }
    store.end().unwrap();
    is_right(&mut store);
    assert_eq!(store.fingerprint(), mark);
}

#[test]
fn a_read_and_a_batch_cost_one_round_trip_each() {
    const ONE_WAY: Duration = Duration::from_millis(20);
    let Some((cluster, name, address)) = database() else {
        return;
    };
    let rows = [client(1), client(2), contact(3, 1)];
    let inserts: Vec<Change> = rows.iter().map(insert).collect();
    Postgres::open(&address).unwrap().apply(&inserts).unwrap();
    let proxy = Proxy::before(cluster);
    let mut store = Postgres::open(&proxy.address(&name).parse().unwrap()).unwrap();
    store.begin().unwrap();
    let mut step = || {
        let mut counted = Query::all(Entity::Contact, Vec::new());
        counted.count = true;
        let queries = [Query::by_id(Entity::Client, id(1)), counted];
        let before = store.read(&queries).unwrap().remove(0).rows.remove(0);
        let changes = [
            rename(&before, &format!("{}.", before.get("name"))),
            rename(&client(2), "Client 2"),
        ];
        store.apply(&changes).unwrap();
    };
    // Statements are prepared when they are first met.
    step();
    proxy.set_latency(ONE_WAY);
    let fastest = (0..10).map(|_| {
        let start = Instant::now();
        step();
        start.elapsed()
    });
    let fastest = fastest.min().unwrap();
    assert!(fastest >= 4 * ONE_WAY, "{fastest:?}");
    assert!(fastest < 5 * ONE_WAY, "{fastest:?}");
    proxy.set_latency(Duration::ZERO);
    is_right(&mut store);
    store.end().unwrap();
}

#[test]
fn a_schema_is_not_checked_in_the_middle_of_an_episode() {
    let Some((mut store, ..)) = holding(&[client(1)]) else {
        return;
    };
    store.begin().unwrap();
    store.apply(&[insert(&client(2))]).unwrap();
    assert!(matches!(store.check_schema(), Err(StoreError::Misuse(_))));
    is_right(&mut store);
    store.end().unwrap();
    store.check_schema().unwrap();
    assert_eq!(names(&mut store).unwrap(), ["Client 1"]);
}
