//! What a server can be asked to do.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::ptr;
use std::thread;
use std::time::Duration;

use proctor_cluster::Cluster;

use crate::child::signal;

/// Asks whether the server encrypts: the shortest question there is, answered by one byte.
const DOES_IT_ENCRYPT: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

#[test]
fn all_tests_share_one_server() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let others: Vec<_> = (0..4)
        .map(|_| thread::spawn(|| Cluster::shared().unwrap()))
        .collect();
    for other in others {
        assert!(ptr::eq(cluster, other.join().unwrap()));
    }
    assert_eq!(
        cluster.sql("proctor", "SELECT current_user").unwrap(),
        "proctor"
    );
}

#[test]
fn databases_are_separate_and_empty_whoever_asks_at_the_same_time() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let asked: Vec<_> = (0..4)
        .map(|_| thread::spawn(|| cluster.database()))
        .collect();
    let mut names: Vec<String> = asked.into_iter().map(|name| name.join().unwrap()).collect();
    for name in &names {
        cluster.sql(name, "CREATE TABLE same (id int)").unwrap();
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4);
}

#[test]
fn sql_gives_rows_or_what_was_wrong() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let long = format!("SELECT length('{}')", "ä".repeat(300_000));
    assert_eq!(cluster.sql("proctor", &long).unwrap(), "300000");
    assert_eq!(
        cluster
            .sql("proctor", "SELECT 1, 'ä'; SELECT ''; SELECT NULL")
            .unwrap(),
        "1|ä\n\n"
    );
    let database = cluster.database();
    let said = cluster
        .sql(
            &database,
            "CREATE TABLE before (); SELECT nonsense; CREATE TABLE after ()",
        )
        .unwrap_err();
    assert!(
        said.contains("column \"nonsense\" does not exist"),
        "{said}"
    );
    let tables = "SELECT relname FROM pg_stat_user_tables";
    assert_eq!(cluster.sql(&database, tables).unwrap(), "before");
}

#[test]
fn only_the_guarded_role_needs_its_password() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let create = "CREATE ROLE guarded LOGIN PASSWORD 'right'";
    cluster.sql("proctor", create).unwrap();
    let address = cluster.address("proctor");
    let with = |password: &str| {
        let address = address.replace("proctor@", &format!("guarded{password}@"));
        cluster.sql_at(&address, "SELECT current_user")
    };
    assert_eq!(with(":right").unwrap(), "guarded");
    let said = with(":wrong").unwrap_err();
    assert!(said.contains("password authentication failed"), "{said}");
    let said = with("").unwrap_err();
    assert!(said.contains("no password supplied"), "{said}");
}

#[test]
fn what_was_committed_outlives_a_stop_and_a_crash() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let count = "SELECT count(*) FROM kept";
    cluster
        .sql("proctor", "CREATE TABLE kept AS SELECT 1")
        .unwrap();

    cluster.stop();
    assert!(!cluster.socket().exists());
    assert!(cluster.sql("proctor", count).is_err());
    cluster.stop();
    cluster.start();
    assert_eq!(cluster.sql("proctor", count).unwrap(), "1");

    // Without a checkpoint the last commits may be lost, as `kill` says.
    cluster
        .sql("proctor", "INSERT INTO kept VALUES (2); CHECKPOINT")
        .unwrap();
    cluster.kill();
    assert!(cluster.sql("proctor", count).is_err());
    cluster.kill();
    cluster.start();
    cluster.start();
    assert_eq!(cluster.sql("proctor", count).unwrap(), "2");
}

#[test]
fn a_crash_breaks_off_what_runs() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| cluster.sql("proctor", "SELECT pg_sleep(600)"));
        await_sleeper(&cluster);
        cluster.kill();
        assert!(sleeper.join().unwrap().is_err());
    });
    cluster.start();
    assert_eq!(cluster.sql("proctor", "SELECT 1").unwrap(), "1");
}

#[test]
fn a_frozen_server_says_nothing_until_it_is_thawed() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| cluster.sql("proctor", "SELECT pg_sleep(600)"));
        let process = await_sleeper(&cluster);
        cluster.freeze();

        // One that isn't frozen ends at once when told so, and answers at once when asked.
        assert!(signal("TERM", &process));
        let mut stream = UnixStream::connect(cluster.socket()).unwrap();
        stream.write_all(&DOES_IT_ENCRYPT).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(1)))
            .unwrap();
        let mut answer = [0];
        let silence = stream.read(&mut answer).unwrap_err().kind();
        assert!(
            matches!(silence, ErrorKind::WouldBlock | ErrorKind::TimedOut),
            "{silence}"
        );
        assert!(!sleeper.is_finished());

        cluster.thaw();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"N");
        let said = sleeper.join().unwrap().unwrap_err();
        assert!(said.contains("terminating connection"), "{said}");
    });
    cluster.freeze();
    cluster.stop();
    cluster.start();
    assert_eq!(cluster.sql("proctor", "SELECT 1").unwrap(), "1");
}

#[test]
fn settings_and_files_of_ones_own_are_obeyed() {
    let Some(cluster) = Cluster::with_settings(&["max_connections=7", "port=6000"]) else {
        return;
    };
    assert!(cluster.socket().ends_with(".s.PGSQL.6000"));
    assert_eq!(cluster.sql("proctor", "SHOW max_connections").unwrap(), "7");
    assert_eq!(cluster.sql("proctor", "SHOW fsync").unwrap(), "off");

    let rules = "local postgres all trust\nlocal all all reject\n";
    cluster.write_file("pg_hba.conf", rules);
    let file = cluster.socket().with_file_name("data").join("pg_hba.conf");
    assert_eq!(
        fs::metadata(file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(cluster.sql("proctor", "SELECT 1").unwrap(), "1");
    cluster.reload();
    assert!(cluster.sql("proctor", "SELECT 1").is_err());
    assert_eq!(cluster.sql("postgres", "SELECT 1").unwrap(), "1");
}

#[test]
#[should_panic(expected = "unrecognized configuration parameter \"nonsense\"")]
fn a_server_that_fails_to_start_says_why() {
    if Cluster::shared().is_none() {
        panic!("unrecognized configuration parameter \"nonsense\"");
    }
    let _ = Cluster::with_settings(&["nonsense=1"]);
}

/// Waits until the server carries out a `pg_sleep`, and returns the number of the process.
fn await_sleeper(cluster: &Cluster) -> String {
    let sleeper = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'";
    loop {
        let process = cluster.sql("postgres", sleeper).unwrap();
        if !process.is_empty() {
            return process;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
