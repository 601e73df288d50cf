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

/// Examines the three policies on SQLite and, with one worker and with four, on a server.
fn all_agree(isolation: &str, options: &[&str]) {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let address = canonical(&sandbox, cluster);
    let run = |policy: &str, folder: &str, store: &[&str]| {
        let options = [store, options].concat();
        let ran = sandbox
            .proctor(examine(policy, folder, &options))
            .succeeded();
        let verified = sandbox.proctor(["trace", "verify", folder]).succeeded();
        let telemetry = outside_wall(&sandbox.telemetry(folder));
        (telemetry, verified.stdout, ran.stdout)
    };
    for policy in ["oracle", "noop", "student-sim"] {
        let expected = run(policy, &format!("{policy}-sqlite"), &["--store", "sqlite"]);
        for jobs in ["1", "4"] {
            let folder = format!("{policy}-{jobs}");
            let store = [
                "--store",
                &address,
                "--isolation",
                isolation,
                "--jobs",
                jobs,
            ];
            assert!(run(policy, &folder, &store) == expected, "{folder}");
            let wall = format!("\"wall\":{{\"isolation\":\"{isolation}\",\"store\":\"postgres\"}}");
            assert!(sandbox.telemetry(&folder).contains(&wall), "{folder}");
        }
    }
}

#[test]
fn the_built_in_suite_gives_the_same_bytes_on_either_backend() {
    all_agree("transaction", &[]);
}

/// A part of the suite: to make a database for an episode takes a while.
#[test]
fn the_built_in_suite_gives_the_same_bytes_where_changes_are_committed() {
    all_agree("database", &["--filter", "split=holdout"]);
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
