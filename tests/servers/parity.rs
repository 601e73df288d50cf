//! The same run on both backends, on one database alone and with others.

use proctor_cluster::Cluster;

use crate::proctor::Sandbox;
use crate::telemetry::outside_wall;

/// A server's database with the built-in suite's data.
fn canonical(sandbox: &Sandbox, cluster: &Cluster) -> String {
    let address = cluster.address(&cluster.database());
    sandbox.proctor(["db", "init", &address]).succeeded();
    address
}

fn examine<'a>(policy: &'a str, folder: &'a str, options: &[&'a str]) -> Vec<&'a str> {
    let run = ["run", "--policy", policy, "--out", folder];
    let mistakes: &[&str] = match policy {
        "student-sim" => &["--param", "mistakes=0.5"],
        _ => &[],
    };
    [&run, mistakes, options].concat()
}

/// Runs a policy on SQLite and, with these options, on a server.
fn agrees(sandbox: &Sandbox, policy: &str, address: &str, filter: &[&str], servers: &[[&str; 2]]) {
    let run = |folder: &str, options: &[&str]| {
        let options = [filter, options].concat();
        let ran = sandbox.proctor(examine(policy, folder, &options));
        let verified = sandbox.proctor(["trace", "verify", folder]).succeeded();
        let telemetry = outside_wall(&sandbox.telemetry(folder));
        (telemetry, verified.stdout, ran.succeeded().stdout)
    };
    let name = |isolation, jobs| format!("{policy}-{isolation}-{jobs}-{}", filter.len());
    let expected = run(&name("none", "2"), &["--jobs", "2", "--store", "sqlite"]);
    for [isolation, jobs] in servers {
        let store = ["--store", address, "--isolation", isolation, "--jobs", jobs];
        let folder = name(isolation, jobs);
        assert!(run(&folder, &store) == expected, "{folder}");
        let begun = format!("\"wall\":{{\"isolation\":\"{isolation}\",\"store\":\"postgres\"}}");
        assert!(sandbox.telemetry(&folder).contains(&begun), "{folder}");
    }
}

#[test]
fn the_built_in_suite_gives_the_same_bytes_on_either_backend() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let address = canonical(&sandbox, cluster);
    for policy in ["oracle", "noop", "student-sim"] {
        let servers = [["transaction", "1"], ["transaction", "4"]];
        agrees(&sandbox, policy, &address, &[], &servers);
    }
}

#[test]
fn the_built_in_suite_gives_the_same_bytes_where_changes_are_committed() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let address = canonical(&sandbox, cluster);
    for policy in ["oracle", "noop", "student-sim"] {
        agrees(&sandbox, policy, &address, &[], &[["database", "4"]]);
        let some = ["--filter", "split=holdout"];
        agrees(&sandbox, policy, &address, &some, &[["database", "1"]]);
    }
}

#[test]
fn two_runs_on_one_database_do_not_see_each_other() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let sandbox = Sandbox::new();
    let address = canonical(&sandbox, &cluster);
    let fingerprint = || sandbox.proctor(["db", "fingerprint", &address]).succeeded();
    let left = || {
        let sql = "SELECT count(*) FROM pg_prepared_xacts; SELECT datname FROM pg_database";
        cluster.sql("postgres", sql).unwrap()
    };
    let before = (fingerprint().stdout, left());
    let start = |folder, store| {
        let options = ["--jobs", "4", "--trials", "2", "--store", store];
        let all = examine("student-sim", folder, &options);
        sandbox.command(all).spawn().unwrap()
    };
    let alone = sandbox.end_of(start("alone", "sqlite")).succeeded();
    let children = ["one", "other"].map(|folder| start(folder, &address));
    let ran = children.map(|child| sandbox.end_of(child).succeeded());
    for (folder, ran) in ["one", "other"].into_iter().zip(ran) {
        assert_eq!(ran.stdout, alone.stdout, "{folder}");
        let telemetry = |folder| outside_wall(&sandbox.telemetry(folder));
        assert!(telemetry(folder) == telemetry("alone"), "{folder}");
        assert!(
            !sandbox.telemetry(folder).contains("\"interrupted\""),
            "{folder}: they stood in each other's way"
        );
    }
    assert_eq!((fingerprint().stdout, left()), before);
}
