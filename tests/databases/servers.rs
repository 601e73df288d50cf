//! The same commands on a server's databases.

use proctor_cluster::Cluster;

use super::{db, db_with, fingerprint, with_database};
use crate::proctor::{Ran, Sandbox, corpus};

/// A sandbox with a database of the small suite's records, in a file and on a server; nothing
/// where there is no server.
fn with_both() -> Option<(Sandbox, Server)> {
    let cluster = Cluster::shared()?;
    let database = cluster.database();
    let address = cluster.address(&database);
    let sandbox = with_database();
    db(&sandbox, &["init", &address, "--data", "seeds/records"]).succeeded();
    let server = Server {
        cluster,
        database,
        address,
    };
    Some((sandbox, server))
}

struct Server {
    cluster: &'static Cluster,
    database: String,
    address: String,
}

impl Server {
    fn sql(&self, sql: &str) -> String {
        let ran = self.cluster.sql(&self.database, sql);
        ran.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

fn refused(ran: &Ran, reason: &str) {
    assert_eq!(ran.code, Some(1), "{}", ran.page());
    assert!(ran.stderr.contains(reason), "{}", ran.page());
}

#[test]
fn snapshots_move_between_the_backends_with_the_same_fingerprint() {
    let Some((sandbox, server)) = with_both() else {
        return;
    };
    let address = server.address.as_str();
    let wanted = fingerprint(&sandbox, "crm.db");
    assert_eq!(fingerprint(&sandbox, address), wanted);
    let inspected = db(&sandbox, &["inspect", address, "--json"]).json();
    assert_eq!(inspected["backend"], "postgres");
    assert_eq!(inspected["fingerprint"].as_str().unwrap(), wanted.trim());
    db(&sandbox, &["diff", "crm.db", address]).succeeded();

    db(&sandbox, &["snapshot", "crm.db", "file.snapshot"]).succeeded();
    db(&sandbox, &["snapshot", address, "server.snapshot"]).succeeded();
    let bytes = |name: &str| std::fs::read(sandbox.path(name)).unwrap();
    assert_eq!(bytes("server.snapshot"), bytes("file.snapshot"));

    server.sql("UPDATE proctor.clients SET owner = 'nobody'");
    let ran = db(&sandbox, &["diff", "crm.db", address]);
    assert_eq!(ran.code, Some(4), "{}", ran.page());
    assert!(
        ran.stdout.ends_with("0 added, 0 missing, 2 changed\n"),
        "{}",
        ran.page()
    );
    db(&sandbox, &["restore", address, "file.snapshot"]).succeeded();
    db(&sandbox, &["restore", "crm.db", "server.snapshot"]).succeeded();
    assert_eq!(fingerprint(&sandbox, address), wanted);
    assert_eq!(fingerprint(&sandbox, "crm.db"), wanted);
}

#[test]
fn a_server_database_is_made_once() {
    let Some((sandbox, server)) = with_both() else {
        return;
    };
    let address = server.address.as_str();
    refused(
        &db(&sandbox, &["init", address]),
        "has Proctor's tables already",
    );
    refused(&db(&sandbox, &["seed", address]), "holds 5 rows already");
    let ran = db(&sandbox, &["migrate", address]).succeeded();
    assert!(
        ran.stdout.ends_with("schema version 1, nothing to do\n"),
        "{}",
        ran.page()
    );

    let empty = server.cluster.address(&server.cluster.database());
    refused(&db(&sandbox, &["inspect", &empty]), "`proctor db migrate`");
    refused(&db(&sandbox, &["seed", &empty]), "`proctor db migrate`");
    let ran = db(&sandbox, &["migrate", &empty]).succeeded();
    assert!(
        ran.stdout.ends_with("from schema version 0 to 1\n"),
        "{}",
        ran.page()
    );
    db(&sandbox, &["seed", &empty, "--data", "seeds/records"]).succeeded();
    db(&sandbox, &["diff", address, &empty]).succeeded();
}

#[test]
fn a_server_database_is_reset_whatever_was_done_to_it() {
    let Some((sandbox, server)) = with_both() else {
        return;
    };
    let address = server.address.as_str();
    server.sql("CREATE SCHEMA other; CREATE TABLE other.kept AS SELECT 1 AS x");
    for sql in [
        "DELETE FROM proctor.quotes",
        "ALTER TABLE proctor.clients ADD COLUMN secret text",
        "ALTER TABLE proctor.contracts DROP CONSTRAINT contracts_order",
        "DROP TABLE proctor.notes",
        "CREATE FUNCTION proctor.stop() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
         CREATE TRIGGER stop BEFORE INSERT ON proctor.clients FOR EACH ROW EXECUTE FUNCTION proctor.stop()",
    ] {
        server.sql(sql);
        let reset = ["reset", address, "--data", "seeds/records"];
        db(&sandbox, &reset).succeeded();
        db(&sandbox, &["diff", "crm.db", address]).succeeded();
        db(&sandbox, &["doctor", address]).succeeded();
    }

    server.sql("CREATE TABLE proctor.extra (x int); DELETE FROM proctor.quotes");
    refused(&db(&sandbox, &["reset", address]), "doesn't know: extra");
    assert_eq!(
        server.sql("SELECT count(*) FROM proctor.quotes").trim(),
        "0"
    );
    let ran = db(&sandbox, &["doctor", address]);
    assert_eq!(ran.code, Some(4), "{}", ran.page());
    let told = [
        "reset",
        address,
        "--data",
        "seeds/records",
        "--drop-unknown",
    ];
    let ran = db(&sandbox, &told).succeeded();
    assert!(ran.stderr.contains("dropped: extra"), "{}", ran.page());
    db(&sandbox, &["diff", "crm.db", address]).succeeded();
    assert_eq!(server.sql("SELECT count(*) FROM other.kept").trim(), "1");
}

#[test]
fn a_password_is_taken_from_the_environment_where_the_address_has_none() {
    let Some((sandbox, server)) = with_both() else {
        return;
    };
    server
        .sql("DROP ROLE IF EXISTS guarded; CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 's3cret'");
    let guarded = server.address.replacen("proctor@", "guarded@", 1);
    let inspect = |password: &str| {
        let variables = [("DATABASE_URL", guarded.as_str()), ("PGPASSWORD", password)];
        db_with(&sandbox, &variables, &["inspect", "postgres"])
    };
    inspect("s3cret").succeeded();
    let wrong = inspect("wr0ng");
    assert_eq!(wrong.code, Some(1));
    assert!(!wrong.stderr.contains("wr0ng"), "{}", wrong.page());
    assert!(wrong.stderr.contains("password"), "{}", wrong.page());
    sandbox.write(
        ".env",
        format!("DATABASE_URL='{guarded}'\nPGPASSWORD=s3cret\n"),
    );
    db_with(&sandbox, &[], &["inspect", "postgres"]).succeeded();
}

#[test]
fn recorded_calls_are_played_on_an_empty_database_only() {
    let Some((sandbox, server)) = with_both() else {
        return;
    };
    let call = r#"{"id": "1", "agent": "a", "now": "2025-01-01T00:00:00Z", "state": {},
        "call": {"tool": "create_new_client", "arguments": {"name": "Fir", "email": "f@fir.example", "status": "Active"}},
        "upstream": {"outcome": "accepted", "message": ""}}"#;
    sandbox.write("calls.jsonl", call.replace('\n', " "));
    let replay = |address: &str| {
        sandbox.proctor(["trace", "replay-calls", "calls.jsonl", "--store", address])
    };
    refused(&replay(&server.address), "this one holds rows");
    let empty = server.cluster.address(&server.cluster.database());
    db(&sandbox, &["migrate", &empty]).succeeded();
    assert_eq!(replay(&empty).page(), replay("sqlite").page());
    replay(&empty).succeeded();
}

#[test]
fn all_recorded_calls_of_real_models_agree_on_a_server() {
    let Some(file) = corpus("clbench/recorded_calls.jsonl") else {
        return;
    };
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let sandbox = Sandbox::new();
    let empty = cluster.address(&cluster.database());
    db(&sandbox, &["migrate", &empty]).succeeded();
    let file = file.to_str().unwrap();
    let replay =
        |store| sandbox.proctor(["trace", "replay-calls", file, "--json", "--store", store]);
    let ran = replay(empty.as_str()).succeeded();
    assert_eq!(ran.stdout, replay("sqlite").stdout);
}
