//! Runs and episodes that a server, or the end of the program, breaks off for good.

use std::fs;

use insta::assert_snapshot;
use proctor_cluster::Cluster;

use super::{EPISODES, Place, eventually, interruptions};
use crate::records::SMALL;

#[test]
fn a_run_whose_server_stays_away_ends_and_is_resumed_on_any_backend() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let place = Place::on(&cluster);
    let (child, outsider) = place.start_and_hold("out", &place.address(), &[]);
    cluster.stop();
    drop(outsider);
    let ran = place.sandbox.end_of(child);
    assert_snapshot!(place.masked(&ran.page()), @r#"
        ── stderr
        error: a worker could not open its store: cannot work with postgres://proctor@[SERVER]:5432/[DATABASE]: error connecting to server: No such file or directory (os error 2)
        hint: what is finished is kept: --resume goes on with the run
        ── exit code 1
        "#);
    let finished = place.finished("out");
    assert!(finished < EPISODES);
    fs::create_dir(place.sandbox.path("copy")).unwrap();
    // Without what it depends on, which is kept anew.
    for name in ["telemetry.jsonl", "pending.jsonl"] {
        if !place.sandbox.path("out").join(name).exists() {
            continue;
        }
        let file = |folder: &str| place.sandbox.path(folder).join(name);
        fs::copy(file("out"), file("copy")).unwrap();
    }

    let resume = |folder: &str, store: &str| place.run(folder, &["--resume", "--store", store]);
    resume("copy", "sqlite").succeeded();
    place.is_as_undisturbed("copy");
    let refused = resume("out", &place.address());
    assert_eq!(refused.code, Some(1), "{}", refused.page());
    assert_eq!(place.finished("out"), finished);
    cluster.start();
    resume("out", &place.address()).succeeded();
    place.is_as_undisturbed("out");
    place.is_left_as_found();
}

/// Ends the connection of whoever writes this record, each time.
const STRIKE: &str = "
    CREATE FUNCTION public.strike() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_terminate_backend(pg_backend_pid());
        RETURN NEW;
    END $$;
    CREATE TRIGGER strike BEFORE INSERT ON proctor.opportunities
        FOR EACH ROW WHEN (NEW.name = 'Birch Benches') EXECUTE FUNCTION public.strike();";

#[test]
fn an_episode_that_is_hit_twice_has_no_score_and_the_others_have_theirs() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let place = Place::on(cluster);
    cluster.sql(&place.database, STRIKE).unwrap();
    let run = |folder: &str, store: &str| {
        let options = ["--trials", "3", "--policy", "oracle", "--jobs", "4"];
        let all = [&["run", "--suite", SMALL], &options[..]].concat();
        let all = [&all[..], &["--out", folder, "--store", store]].concat();
        place.sandbox.proctor(all)
    };
    run("sqlite", "sqlite").succeeded();
    let ran = run("out", &place.address());
    assert_eq!(ran.code, Some(3), "{}", ran.page());
    let expected: Vec<String> = place.sandbox.outcomes("sqlite");
    let expected = expected.iter().map(|outcome| match outcome {
        struck if struck.starts_with("deal-create#") => struck.replace("pass", "infra_error"),
        other => other.clone(),
    });
    assert_eq!(place.sandbox.outcomes("out"), expected.collect::<Vec<_>>());

    let said = "postgres was interrupted: terminating connection due to administrator command";
    for line in place.sandbox.lines("out") {
        if line["event"] == "episode.end" {
            let struck = line["fields"]["outcome"] == "infra_error";
            let expected: &[&str] = if struck { &[said] } else { &[] };
            assert_eq!(interruptions(&line), expected);
            assert_eq!(line["fields"].get("reward").is_none(), struck);
        }
    }
    let faults = place.sandbox.events("out", "fault");
    assert_eq!(faults.len(), 3);
    for fault in faults {
        assert_eq!(
            (&fault["plugin"], &fault["error.type"]),
            (&"kernel".into(), &"host".into())
        );
        assert_eq!(fault["message"], said);
    }
    let verified = place.sandbox.proctor(["trace", "verify", "out"]);
    verified.succeeded();
    place.is_left_as_found();
}

#[test]
fn a_program_that_is_killed_leaves_nothing_behind_in_the_database() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let place = Place::on(cluster);
    let (mut child, outsider) = place.start_and_hold("out", &place.address(), &[]);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(outsider);
    assert!(place.finished("out") < EPISODES);
    let options = ["--resume", "--store", &place.address(), "--jobs", "2"];
    place.run("out", &options).succeeded();
    place.is_as_undisturbed("out");
    place.is_left_as_found();
}

#[test]
fn databases_that_a_killed_program_leaves_are_found_and_go_with_the_next_run() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let place = Place::on(&cluster);
    let address = place.address();
    let store = [
        "--store",
        &address,
        "--isolation",
        "database",
        "--jobs",
        "2",
    ];
    let mut child = place.command("out", &store).spawn().unwrap();
    eventually(|| place.finished("out") >= EPISODES / 4);
    child.kill().unwrap();
    child.wait().unwrap();
    let left = place.finished("out");
    assert!(left < EPISODES, "it was over already");
    let connected = "SELECT count(*) FROM pg_stat_activity
                     WHERE starts_with(application_name, 'proctor')";
    eventually(|| place.sql(connected) == "0");
    let clones = place.clones();
    assert!(
        clones >= 3,
        "a template and two workers' databases: {clones}"
    );
    let doctor = || {
        place
            .sandbox
            .proctor(["db", "doctor", &address])
            .succeeded()
    };
    let found = format!("{clones} copies of runs that were killed");
    assert!(doctor().stdout.contains(&found), "{}", doctor().page());

    let resume = [&store[..], &["--resume"]].concat();
    place.run("out", &resume).succeeded();
    place.is_as_undisturbed("out");
    place.is_left_as_found();
    assert!(
        !doctor().stdout.contains("copies of runs"),
        "{}",
        doctor().page()
    );
}
