//! What can happen to a server in the middle of a run, and passes: the run finishes, and only the
//! episodes that were hit are begun anew.

use std::thread::sleep;
use std::time::Duration;

use proctor_cluster::{Cluster, Proxy};

use super::outsider::Outsider;
use super::{Place, eventually};

/// Does this to a server while two workers are in the middle of an episode; says why they began
/// episodes anew.
fn begins_anew(place: &Place<'_>, disturb: impl FnOnce()) -> Vec<String> {
    let (child, outsider) = place.start_and_hold("out", &place.address(), &[]);
    disturb();
    drop(outsider);
    let reasons = place.completes(child, "out");
    // A server that ends connections one by one may let one of the two finish its episode.
    assert!((1..=2).contains(&reasons.len()), "{reasons:?}");
    place.is_left_as_found();
    reasons
}

const ENDED: &str = "postgres was interrupted: terminating connection due to administrator command";

/// Ends the run's connections.
fn terminate(place: &Place<'_>) {
    place.sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE application_name = 'proctor' AND datname = '{}'",
        place.database
    ));
}

#[test]
fn a_run_outlives_a_restart_of_its_server() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let reasons = begins_anew(&Place::on(&cluster), || {
        cluster.stop();
        cluster.start();
    });
    assert!(reasons.iter().all(|reason| reason == ENDED), "{reasons:?}");
}

#[test]
fn a_run_outlives_the_death_of_its_server() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    begins_anew(&Place::on(&cluster), || {
        cluster.kill();
        cluster.start();
    });
}

#[test]
fn a_run_outlives_the_end_of_its_connections() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let place = Place::on(cluster);
    let reasons = begins_anew(&place, || terminate(&place));
    assert_eq!(reasons, [ENDED, ENDED]);
}

#[test]
fn a_run_waits_for_a_server_that_takes_no_changes() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let place = Place::on(&cluster);
    let sessions = || -> u64 {
        let sql = "SELECT sessions FROM pg_stat_database WHERE datname = ";
        let count = place.sql(&format!("{sql}'{}'", place.database));
        count.parse().unwrap()
    };
    let reasons = begins_anew(&place, || {
        place.sql("ALTER SYSTEM SET default_transaction_read_only = on");
        cluster.reload();
        let before = sessions();
        terminate(&place);
        // Both workers have opened a store anew, found it read-only, and tried again.
        eventually(|| sessions() >= before + 4);
        place.sql("ALTER SYSTEM RESET default_transaction_read_only");
        cluster.reload();
    });
    assert_eq!(reasons, [ENDED, ENDED]);
}

#[test]
fn a_run_waits_for_a_free_connection() {
    let Some(cluster) = Cluster::with_settings(&["max_connections=10"]) else {
        return;
    };
    let (place, proxy) = (Place::on(&cluster), Proxy::before(&cluster));
    let address = proxy.address(&place.database);
    let (child, outsider) = place.start_and_hold("out", &address, &[]);
    proxy.refuse(true);
    proxy.cut();
    drop(outsider);
    let connected = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'proctor'";
    eventually(|| place.sql(connected) == "0");
    let mut others = Vec::new();
    let full = loop {
        match Outsider::connect(&cluster, &place.database) {
            Ok(other) => others.push(other),
            Err(error) => break error,
        }
    };
    assert!(full.contains("too many clients already"), "{full}");
    let before = proxy.connections();
    proxy.refuse(false);
    // Both workers have been turned away, and more than once.
    eventually(|| proxy.connections() >= before + 4);
    drop(others);
    let reasons = place.completes(child, "out");
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    place.is_left_as_found();
}

#[test]
fn a_run_on_a_slow_server_is_only_slower() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let (place, proxy) = (Place::on(cluster), Proxy::before(cluster));
    proxy.set_latency(Duration::from_millis(5));
    let options = ["--store", &proxy.address(&place.database), "--jobs", "8"];
    let child = place.command("out", &options).spawn().unwrap();
    assert!(place.completes(child, "out").is_empty());
}

#[test]
fn a_run_outlives_a_cut_in_the_middle_of_a_transaction() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let (place, proxy) = (Place::on(cluster), Proxy::before(cluster));
    let address = proxy.address(&place.database);
    let (child, outsider) = place.start_and_hold("out", &address, &[]);
    proxy.cut();
    drop(outsider);
    let reasons = place.completes(child, "out");
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    place.is_left_as_found();
}

#[test]
fn a_run_outlives_cuts_in_the_middle_of_messages() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let (place, proxy) = (Place::on(cluster), Proxy::before(cluster));
    let options = ["--store", &proxy.address(&place.database), "--jobs", "1"];
    // Slow, so that the run isn't over before the last cut.
    proxy.set_latency(Duration::from_millis(5));
    let child = place.command("out", &options).spawn().unwrap();
    for bytes in [1, 7, 100, 333, 1000, 3000] {
        // The episode that was hit last is done, so that none is hit twice.
        let finished = place.finished("out");
        eventually(|| place.finished("out") >= finished + 2);
        let connections = proxy.connections();
        proxy.cut_after(bytes);
        eventually(|| proxy.connections() > connections);
    }
    proxy.set_latency(Duration::ZERO);
    // A cut between two episodes costs none.
    let reasons = place.completes(child, "out");
    assert!((1..=6).contains(&reasons.len()), "{reasons:?}");
    place.is_left_as_found();
}

#[test]
fn a_run_waits_for_a_server_that_stands_still_for_a_second() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let place = Place::on(&cluster);
    let (child, outsider) = place.start_and_hold("out", &place.address(), &[]);
    cluster.freeze();
    drop(outsider);
    sleep(Duration::from_secs(1));
    cluster.thaw();
    assert!(place.completes(child, "out").is_empty());
    place.is_left_as_found();
}
