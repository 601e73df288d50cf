//! How a run's store is chosen, and that it is said when nobody asked for it.

use std::process::Command;

use insta::assert_snapshot;
use proctor_cluster::Cluster;

use super::Place;
use crate::proctor::Ran;
use crate::records::SMALL;

/// The shortest run, into a folder.
fn command(place: &Place<'_>, folder: &str, options: &[&str]) -> Command {
    let options = [&["--trials", "1"], options].concat();
    let all = [
        "run", "--suite", SMALL, "--policy", "oracle", "--out", folder,
    ];
    place.sandbox.command([&all[..], &options].concat())
}

fn store_of(place: &Place<'_>, folder: &str) -> String {
    let start = &place.sandbox.lines(folder)[0];
    start["wall"]["store"].as_str().unwrap().to_owned()
}

fn announced(place: &Place<'_>, ran: &Ran) -> bool {
    let says = "store: postgres://proctor@[SERVER]:5432/[DATABASE], from DATABASE_URL\n";
    let said = place.masked(&ran.stderr);
    assert!(said.is_empty() || said == says, "{}", ran.page());
    !said.is_empty()
}

#[test]
fn the_environment_and_its_file_choose_the_store_and_the_command_line_wins() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let place = Place::on(cluster);
    let run = |folder: &str, url: Option<&str>, options: &[&str]| {
        let mut command = command(&place, folder, options);
        let ran = place
            .sandbox
            .run(command.envs(url.map(|url| ("DATABASE_URL", url))));
        (
            announced(&place, &ran.succeeded()),
            store_of(&place, folder),
        )
    };
    let address = place.address();
    let sqlite = || (false, "sqlite".to_owned());
    assert_eq!(run("none", None, &[]), sqlite());
    let said = || (true, "postgres".to_owned());
    assert_eq!(run("variable", Some(&address), &[]), said());
    assert_eq!(run("won", Some(&address), &["--store", "sqlite"]), sqlite());

    place
        .sandbox
        .write(".env", format!("DATABASE_URL='{address}'\n"));
    assert_eq!(run("file", None, &[]), said());
    assert_eq!(run("emptied", Some(""), &[]), sqlite());
    assert_eq!(run("file-won", None, &["--store", "sqlite"]), sqlite());
    let asked = run("asked", None, &["--store", "postgres"]);
    assert_eq!(asked, (false, "postgres".to_owned()));
}

#[test]
fn a_password_of_the_environment_opens_the_store_and_is_shown_nowhere() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let place = Place::on(&cluster);
    place.sql("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 's3cret'");
    let guarded = place.address().replacen("proctor@", "guarded@", 1);
    let run = |folder: &str, password: &str| {
        let mut command = command(&place, folder, &["--store", &guarded]);
        place.sandbox.run(command.env("PGPASSWORD", password))
    };
    let ran = run("right", "s3cret").succeeded();
    assert!(!ran.page().contains("s3cret"), "{}", ran.page());
    assert!(!place.sandbox.telemetry("right").contains("s3cret"));
    let ran = run("wrong", "wr0ng");
    assert_eq!(ran.code, Some(1), "{}", ran.page());
    assert!(!ran.page().contains("wr0ng"), "{}", ran.page());
    assert!(!place.sandbox.path("wrong").exists());
}

#[test]
fn a_broken_env_file_ends_a_run_without_showing_its_values() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let place = Place::on(cluster);
    place
        .sandbox
        .write(".env", "A=1\nDATABASE_URL=postgres://ada:s3cret@h/crm x\n");
    let ran = place.sandbox.run(&mut command(&place, "out", &[]));
    assert_snapshot!(ran.page(), @r#"
        ── stderr
        error: .env: line 2 is not NAME=VALUE
        hint: a value with blanks, quotes or # stands in 'single quotes'
        ── exit code 1
        "#);
    assert!(!place.sandbox.path("out").exists());
    let mut named = command(&place, "out", &["--store", "sqlite"]);
    place.sandbox.run(&mut named).succeeded();
}
