//! What lies between a client and the server.

use std::thread;
use std::time::{Duration, Instant};

use proctor_cluster::{Cluster, Proxy};

#[test]
fn a_proxy_forwards_and_counts() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let proxy = Proxy::before(cluster);
    let long = "SELECT repeat('ä', 3000000)";
    assert_eq!(proxy.connections(), 0);
    let rows = cluster.sql_at(&proxy.address("proctor"), long).unwrap();
    assert_eq!(rows.chars().count(), 3_000_000);
    assert!(
        proxy
            .address("x")
            .ends_with(&format!(":{}/x", proxy.port()))
    );
    let counted = proxy.connections();
    cluster
        .sql_at(&proxy.address("proctor"), "SELECT 1")
        .unwrap();
    assert!(proxy.connections() > counted && counted > 0);
}

#[test]
fn a_slow_proxy_delays_each_way_but_not_each_byte() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let proxy = Proxy::before(cluster);
    let latency = Duration::from_millis(200);
    proxy.set_latency(latency);
    // Ten megabytes are at least 160 pieces of what is carried at once.
    let (rows, took) = timed(|| {
        let long = "SELECT repeat('x', 10000000)";
        cluster.sql_at(&proxy.address("proctor"), long).unwrap()
    });
    assert_eq!(rows.len(), 10_000_000);
    // Once there and back to connect, and once for the question.
    assert!(took >= latency * 4, "{took:?}");
    assert!(took < latency * 100, "{took:?}");
    proxy.set_latency(Duration::ZERO);
    cluster
        .sql_at(&proxy.address("proctor"), "SELECT 1")
        .unwrap();
}

#[test]
fn cutting_ends_what_is_there_and_spares_what_comes() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let proxy = Proxy::before(cluster);
    let database = cluster.database();
    let address = proxy.address(&database);
    thread::scope(|scope| {
        let sleeper = scope.spawn(|| cluster.sql_at(&address, "SELECT pg_sleep(600)"));
        let there = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND \
             wait_event = 'PgSleep'"
        );
        while cluster.sql("postgres", &there).unwrap() == "0" {
            thread::sleep(Duration::from_millis(10));
        }
        proxy.cut();
        let said = sleeper.join().unwrap().unwrap_err();
        assert!(said.contains("connection"), "{said}");
    });
    assert_eq!(cluster.sql_at(&address, "SELECT 1").unwrap(), "1");
}

#[test]
fn a_connection_is_cut_after_so_many_bytes_in_the_middle_of_a_message() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let proxy = Proxy::before(cluster);
    let database = cluster.database();
    let address = proxy.address(&database);
    let long = "x".repeat(100_000);
    let sql = format!("CREATE TABLE arrived (); SELECT '{long}'; CREATE TABLE never ()");
    proxy.cut_after(50_000);
    cluster.sql_at(&address, &sql).unwrap_err();
    let tables = "SELECT relname FROM pg_stat_user_tables";
    assert_eq!(cluster.sql_at(&address, tables).unwrap(), "arrived");
    proxy.cut_after(10_000_000);
    cluster
        .sql_at(&address, &format!("SELECT '{long}'"))
        .unwrap();
}

#[test]
fn a_refusing_proxy_lets_nobody_in_until_told() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let proxy = Proxy::before(cluster);
    proxy.refuse(true);
    cluster
        .sql_at(&proxy.address("proctor"), "SELECT 1")
        .unwrap_err();
    assert_eq!(proxy.connections(), 0);
    proxy.refuse(false);
    cluster
        .sql_at(&proxy.address("proctor"), "SELECT 1")
        .unwrap();
}

#[test]
fn a_proxy_outlives_its_server_and_not_its_drop() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let proxy = Proxy::before(&cluster);
    let address = proxy.address("proctor");
    cluster.stop();
    cluster.sql_at(&address, "SELECT 1").unwrap_err();
    cluster.start();
    assert_eq!(cluster.sql_at(&address, "SELECT 1").unwrap(), "1");
    drop(proxy);
    cluster.sql_at(&address, "SELECT 1").unwrap_err();
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = run();
    (result, began.elapsed())
}
