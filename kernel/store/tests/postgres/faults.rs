//! Servers that stop and connections that end: the work is lost and nothing else, and whoever
//! begins anew finds everything as it was.

use std::thread;
use std::time::{Duration, Instant};

use proctor_cluster::{Cluster, Proxy};
use proctor_crm::{Change, Entity, Query};
use proctor_store::{Address, Postgres, Store, StoreError};

use crate::others::{Other, eventually};
use crate::world::database;
use crate::{client, contact, insert, insert_sql, is_right, names, one_line, rename};

/// Longer than any call here may take that has nobody to talk to.
const AT_ONCE: Duration = Duration::from_secs(10);

/// What can be asked of a store in the middle of an episode in which something was written.
type Call = fn(&mut Postgres) -> Result<(), StoreError>;

const CALLS: [(&str, Call); 6] = [
    ("read", |store| names(store).map(drop)),
    ("read of a new kind", |store| {
        store
            .read(&[Query::all(Entity::Quote, Vec::new())])
            .map(drop)
    }),
    ("apply", |store| store.apply(&[insert(&client(8))])),
    ("apply of a new kind", |store| {
        store.apply(&[insert(&contact(8, 1)), Change::Delete(client(2))])
    }),
    ("reset", |store| store.reset()),
    ("end", |store| store.end()),
];

/// All that may be asked after something broke.
const LATER: [Call; 9] = [
    |store| names(store).map(drop),
    |store| store.apply(&[insert(&client(9))]),
    |store| store.reset(),
    |store| store.end(),
    |store| store.begin(),
    |store| store.scan().map(drop),
    |store| store.snapshot().map(drop),
    |store| store.counts().map(drop),
    |store| store.check_schema(),
];

/// A migrated database with clients 1 and 2.
fn prepared(cluster: &Cluster) -> Address {
    let address: Address = cluster.address("proctor").parse().unwrap();
    Postgres::migrate(&address).unwrap();
    let mut store = Postgres::open(&address).unwrap();
    let rows = [insert(&client(1)), insert(&client(2))];
    store.apply(&rows).unwrap();
    // What a kill must not take along.
    cluster.sql("proctor", "CHECKPOINT").unwrap();
    address
}

/// In the middle of an episode something breaks, at any call: it says so at once, and so does
/// every call after it.
fn breaks_off(address: &Address, what: &str, stop: impl Fn(), mend: impl Fn()) {
    for (name, call) in CALLS {
        let mut store = Postgres::open(address).unwrap();
        store.begin().unwrap();
        store.apply(&[insert(&client(3))]).unwrap();
        names(&mut store).unwrap();
        stop();
        let start = Instant::now();
        let error = call(&mut store).unwrap_err();
        assert!(error.may_pass(), "{what}, {name}: {error}");
        assert!(!error.to_string().contains('\n'), "{error}");
        for later in LATER {
            let error = later(&mut store).unwrap_err();
            let as_expected = error.may_pass() || matches!(error, StoreError::Lost);
            // That an episode is still open is known without the server.
            let misuse = matches!(error, StoreError::Misuse(_));
            assert!(as_expected || misuse, "{what}, {name}: {error:?}");
        }
        assert!(start.elapsed() < AT_ONCE, "{what}, {name}");
        mend();
        drop(store);
        let mut store = Postgres::open(address).unwrap();
        assert_eq!(names(&mut store).unwrap(), ["Client 1", "Client 2"]);
        is_right(&mut store);
    }
}

#[test]
fn a_server_that_stops_is_killed_or_starts_again_costs_the_episode_alone() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let address = prepared(&cluster);
    let start = || cluster.start();
    breaks_off(&address, "stop", || cluster.stop(), start);
    breaks_off(&address, "kill", || cluster.kill(), start);
    let restart = || {
        cluster.stop();
        cluster.start();
    };
    breaks_off(&address, "restart", restart, || {});
}

#[test]
fn a_connection_that_is_ended_or_cut_costs_the_episode_alone() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let address = prepared(&cluster);
    let terminate = || {
        let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name = 'proctor'";
        cluster.sql("postgres", sql).unwrap();
    };
    breaks_off(&address, "terminate", terminate, || {});
    let proxy = Proxy::before(&cluster);
    let through = proxy.address("proctor").parse().unwrap();
    breaks_off(&through, "cut", || proxy.cut(), || {});
    breaks_off(
        &through,
        "cut within a message",
        || proxy.cut_after(7),
        || {},
    );
}

#[test]
fn a_server_that_says_nothing_counts_as_gone() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    const LIMIT: Duration = Duration::from_secs(2);
    let address = prepared(&cluster).with_answer_time_max(LIMIT);
    let freeze = || cluster.freeze();
    breaks_off(&address, "freeze", freeze, || cluster.thaw());
    cluster.freeze();
    let start = Instant::now();
    let Err(error) = Postgres::open(&address) else {
        panic!("opened")
    };
    assert!(error.may_pass(), "{error}");
    assert!(start.elapsed() < AT_ONCE);
    cluster.thaw();
}

#[test]
fn whoever_finds_no_free_connection_may_find_one_later() {
    let settings = ["max_connections=3", "superuser_reserved_connections=0"];
    let Some(cluster) = Cluster::with_settings(&settings) else {
        return;
    };
    let address = prepared(&cluster);
    let mut open = Vec::new();
    let error = loop {
        match Postgres::open(&address) {
            Ok(store) => open.push(store),
            Err(error) => break error,
        }
        assert!(open.len() <= 3);
    };
    assert!(error.may_pass(), "{error}");
    one_line::<()>(Err(error), "too many clients");
    for store in &mut open {
        is_right(store);
    }
    drop(open.pop());
    eventually(|| Postgres::open(&address).is_ok());
}

#[test]
fn a_server_that_takes_no_changes_still_answers() {
    let Some((cluster, name, address)) = database() else {
        return;
    };
    cluster.sql(&name, &insert_sql(&client(1))).unwrap();
    let mut early = Postgres::open(&address).unwrap();
    early.check_writable().unwrap();
    let read_only = format!("ALTER DATABASE {name} SET default_transaction_read_only = on");
    cluster.sql(&name, &read_only).unwrap();
    // The setting is for those who come after it.
    early.apply(&[insert(&client(2))]).unwrap();

    let mut store = Postgres::open(&address).unwrap();
    assert!(store.check_writable().unwrap_err().may_pass());
    let refuses = |store: &mut Postgres| {
        let before = store.fingerprint();
        let error = one_line(store.apply(&[insert(&client(3))]), "read-only");
        assert!(error.may_pass(), "{error}");
        assert_eq!(store.fingerprint(), before);
        is_right(store);
        assert_eq!(names(store).unwrap(), ["Client 1", "Client 2"]);
    };
    refuses(&mut store);
    store.begin().unwrap();
    refuses(&mut store);
    store.reset().unwrap();
    refuses(&mut store);
    store.end().unwrap();
    let rows = store.snapshot().unwrap();
    assert!(store.restore(&rows).unwrap_err().may_pass());
    is_right(&mut store);
}

/// A store in the middle of an episode in which client 1 was renamed, and somebody else in the
/// same database.
fn in_the_middle() -> Option<(Postgres, Address, Other, Other)> {
    let (cluster, name, address) = database()?;
    let mut store = Postgres::open(&address).unwrap();
    let rows = [insert(&client(1)), insert(&client(2))];
    store.apply(&rows).unwrap();
    let other = || Other::at(&cluster.address(&name));
    let (one, another) = (other(), other());
    // An episode that looked at all rows when it began has its hands on all tables.
    let held = "SELECT count(*) FROM pg_locks WHERE relation = 'proctor.notes'::regclass";
    eventually(|| {
        store.begin().unwrap();
        let is_free = one.number(held) == 0;
        if !is_free {
            store.end().unwrap();
        }
        is_free
    });
    store.apply(&[rename(&client(1), "First")]).unwrap();
    names(&mut store).unwrap();
    Some((store, address, one, another))
}

/// Does this while somebody locks all of it out, until a third strikes whoever waits.
fn struck(
    store: &mut Postgres,
    (locking, striking): (&Other, Other),
    (lock, signal): (&str, &'static str),
    call: Call,
) -> StoreError {
    locking.run(&format!("BEGIN; {lock}")).unwrap();
    let striking = thread::spawn(move || striking.strike_waiting(signal));
    let error = call(store).unwrap_err();
    striking.join().unwrap();
    locking.run("ROLLBACK").unwrap();
    error
}

const NO_NOTES: &str = "LOCK TABLE proctor.notes, proctor.contacts IN ACCESS EXCLUSIVE MODE";
const NO_CHANGES: &str = "UPDATE proctor.clients SET name = 'Theirs' WHERE name = 'Client 2'";

#[test]
fn a_batch_that_is_cancelled_is_undone_and_the_episode_goes_on() {
    let Some((mut store, _, locking, striking)) = in_the_middle() else {
        return;
    };
    let cancel = (NO_CHANGES, "pg_cancel_backend");
    let rename_both: Call =
        |store| store.apply(&[insert(&client(3)), rename(&client(2), "Second")]);
    let error = struck(&mut store, (&locking, striking), cancel, rename_both);
    assert!(error.may_pass(), "{error}");
    is_right(&mut store);
    assert_eq!(names(&mut store).unwrap(), ["First", "Client 2"]);
    rename_both(&mut store).unwrap();
    is_right(&mut store);
    store.end().unwrap();
    is_right(&mut store);
}

/// The transaction is over, so the batch before is gone: that must not go unnoticed.
#[test]
fn a_read_or_a_new_kind_of_change_that_is_cancelled_costs_the_episode() {
    let cancelled: [Call; 4] = [
        |store| {
            store
                .read(&[Query::all(Entity::Note, Vec::new())])
                .map(drop)
        },
        |store| {
            let of = |entity| Query::all(entity, Vec::new());
            store
                .read(&[of(Entity::Client), of(Entity::Note)])
                .map(drop)
        },
        |store| store.scan().map(drop),
        |store| store.apply(&[insert(&contact(3, 1))]),
    ];
    for call in cancelled {
        let Some((mut store, address, locking, striking)) = in_the_middle() else {
            return;
        };
        let cancel = (NO_NOTES, "pg_cancel_backend");
        let error = struck(&mut store, (&locking, striking), cancel, call);
        assert!(error.may_pass(), "{error}");
        match store.apply(&[rename(&client(2), "Second")]) {
            Ok(()) => {
                is_right(&mut store);
                assert_eq!(names(&mut store).unwrap(), ["First", "Second"]);
            }
            Err(error) => assert!(matches!(error, StoreError::Lost), "{error:?}"),
        }
        drop(store);
        let mut store = Postgres::open(&address).unwrap();
        assert_eq!(names(&mut store).unwrap(), ["Client 1", "Client 2"]);
        is_right(&mut store);
    }
}

#[test]
fn a_batch_that_waits_when_its_connection_is_ended_costs_the_episode() {
    let Some((mut store, address, locking, striking)) = in_the_middle() else {
        return;
    };
    let terminate = (NO_CHANGES, "pg_terminate_backend");
    let change: Call = |store| store.apply(&[rename(&client(2), "Second")]);
    let error = struck(&mut store, (&locking, striking), terminate, change);
    assert!(error.may_pass(), "{error}");
    assert!(store.end().is_err() && store.begin().is_err());
    let mut store = Postgres::open(&address).unwrap();
    assert_eq!(names(&mut store).unwrap(), ["Client 1", "Client 2"]);
    is_right(&mut store);
}

#[test]
fn who_waits_too_long_for_a_row_gives_up_and_can_go_on() {
    let Some((store, address, locking, _)) = in_the_middle() else {
        return;
    };
    drop(store);
    let address = address.with_answer_time_max(Duration::from_secs(2));
    let mut store = Postgres::open(&address).unwrap();
    store.begin().unwrap();
    locking.run(&format!("BEGIN; {NO_CHANGES}")).unwrap();
    let start = Instant::now();
    let change = [insert(&client(3)), rename(&client(2), "Second")];
    let error = one_line(store.apply(&change), "somebody else works on the same rows");
    assert!(error.may_pass() && start.elapsed() < AT_ONCE);
    is_right(&mut store);
    locking.run("ROLLBACK").unwrap();
    store.apply(&change).unwrap();
    is_right(&mut store);
    store.end().unwrap();
    assert_eq!(names(&mut store).unwrap(), ["Client 1", "Client 2"]);
}
