//! How a server's database is named, and that its password is never shown.

use std::fs;

use insta::assert_snapshot;

use super::{db, db_with, with_database};
use crate::proctor::{Ran, Sandbox};

/// An address at which nobody answers.
const NOBODY: &str = "postgres://ada@127.0.0.1:1/crm";

fn shown(ran: &Ran) -> String {
    format!("{}{}", ran.stdout, ran.stderr)
}

#[test]
fn an_address_is_never_repeated_with_its_password() {
    let sandbox = with_database();
    db(&sandbox, &["snapshot", "crm.db", "crm.snapshot"]).succeeded();
    sandbox.write("calls.jsonl", "");
    for address in [
        "postgres://ada:s3cret@127.0.0.1:1/crm",
        "postgres://ada:s3cret@127.0.0.1:port/crm",
        "postgres://ada:s3cret@127.0.0.1:1",
        "postgres:ada:s3cret@127.0.0.1:1/crm",
        "postgers://ada:s3cret@127.0.0.1:1/crm",
    ] {
        for arguments in [
            &["db", "init", address][..],
            &["db", "init", "new.db", "--data", address],
            &["db", "migrate", address],
            &["db", "seed", address],
            &["db", "reset", address],
            &["db", "inspect", address],
            &["db", "doctor", address],
            &["db", "doctor", address, "--json"],
            &["db", "fingerprint", address],
            &["db", "diff", "canonical", address],
            &["db", "diff", address, "crm.snapshot"],
            &["db", "snapshot", address, "new.snapshot"],
            &["db", "snapshot", "crm.db", address],
            &["db", "restore", address, "crm.snapshot"],
            &["db", "restore", "crm.snapshot", address],
            &["trace", "replay-calls", "calls.jsonl", "--store", address],
        ] {
            let ran = sandbox.proctor(arguments);
            let text = shown(&ran);
            assert!(!text.contains("s3cret"), "{arguments:?}: {text}");
            assert!(matches!(ran.code, Some(1 | 4)), "{arguments:?}: {text}");
        }
        let variables = [("DATABASE_URL", address)];
        let ran = db_with(&sandbox, &variables, &["inspect", "postgres"]);
        assert!(!shown(&ran).contains("s3cret"), "{}", ran.page());
    }
    // Nor where the command line itself is wrong.
    let address = "postgres://ada:s3cret@127.0.0.1:1/crm";
    for arguments in [
        &["db", address][..],
        &["db", "inspect", "crm.db", address],
        &["run", "--jobs", address],
        &[address],
    ] {
        let ran = sandbox.proctor(arguments);
        assert_eq!(ran.code, Some(2));
        assert!(!shown(&ran).contains("s3cret"), "{}", ran.page());
    }
    assert!(!sandbox.path("new.db").exists() && !sandbox.path("new.snapshot").exists());
}

#[test]
fn the_word_postgres_means_the_database_of_the_environment() {
    let sandbox = Sandbox::new();
    let inspect =
        |variables: &[(&str, &str)]| db_with(&sandbox, variables, &["inspect", "postgres"]);
    assert_snapshot!(inspect(&[]).page(), @r#"
        ── stderr
        error: DATABASE_URL is set neither in the environment nor in .env
        hint: DATABASE_URL=postgres://USER@HOST:PORT/DATABASE, and the password in PGPASSWORD
        ── exit code 1
        "#);
    assert_snapshot!(inspect(&[("DATABASE_URL", "sqlite:crm.db")]).page(), @r#"
        ── stderr
        error: DATABASE_URL: an address begins with postgres:// or postgresql://
        ── exit code 1
        "#);
    let ran = inspect(&[("DATABASE_URL", NOBODY)]);
    assert!(ran.stderr.contains(NOBODY), "{}", ran.page());

    sandbox.write(
        ".env",
        "\u{feff}# ours\nOTHER='a b'\nexport DATABASE_URL=\"postgres://bo@127.0.0.1:1/file\" # end\n",
    );
    let of_file = "postgres://bo@127.0.0.1:1/file";
    let ran = inspect(&[]);
    assert!(ran.stderr.contains(of_file), "{}", ran.page());
    // The environment wins, even with nothing in it.
    let ran = inspect(&[("DATABASE_URL", NOBODY)]);
    assert!(ran.stderr.contains(NOBODY), "{}", ran.page());
    let ran = inspect(&[("DATABASE_URL", "")]);
    assert!(ran.stderr.contains("is set neither"), "{}", ran.page());
    // A file of that name can be had.
    db(&sandbox, &["init", "./postgres"]).succeeded();
    db(&sandbox, &["inspect", "./postgres"]).succeeded();
}

#[test]
fn a_broken_env_file_is_named_by_line_without_its_values() {
    let sandbox = Sandbox::new();
    sandbox.write(
        ".env",
        "A=1\n\nDATABASE_URL=postgres://ada:s3cret@h/crm x\n",
    );
    let inspect = || db_with(&sandbox, &[], &["inspect", "postgres"]);
    assert_snapshot!(inspect().page(), @r#"
        ── stderr
        error: .env: line 3 is not NAME=VALUE
        hint: a value with blanks, quotes or # stands in 'single quotes'
        ── exit code 1
        "#);
    fs::write(sandbox.path(".env"), b"DATABASE_URL=\xff").unwrap();
    assert_snapshot!(inspect().page(), @r#"
        ── stderr
        error: .env: stream did not contain valid UTF-8
        ── exit code 1
        "#);
    // Whoever names a file doesn't need it.
    db_with(&sandbox, &[], &["init", "crm.db"]).succeeded();
}

#[test]
fn a_store_that_is_named_wins_over_the_environment() {
    let sandbox = Sandbox::new();
    sandbox.write("calls.jsonl", "");
    let replay = |options: &[&str]| {
        let mut command =
            sandbox.command([&["trace", "replay-calls", "calls.jsonl"], options].concat());
        sandbox.run(command.env("DATABASE_URL", NOBODY))
    };
    replay(&["--store", "sqlite"]).succeeded();
    for options in [&[][..], &["--store", "postgres"], &["--store", NOBODY]] {
        let ran = replay(options);
        assert_eq!(ran.code, Some(1), "{}", ran.page());
        assert!(ran.stderr.contains(NOBODY), "{}", ran.page());
        // What nobody asked for is announced.
        let announced = ran
            .stderr
            .starts_with(&format!("store: {NOBODY}, from DATABASE_URL\n"));
        assert_eq!(announced, options.is_empty(), "{}", ran.page());
    }
}
