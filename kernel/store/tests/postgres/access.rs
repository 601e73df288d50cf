//! Whoever is not let in, or not to a database of use, is told so in one line without a password.

use std::fs;
use std::net::TcpListener;

use proctor_cluster::Cluster;
use proctor_store::{Address, Postgres, Store as _, StoreError};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::world::database;
use crate::{as_role, client, everything, insert, is_right, names, one_line};

const PASSWORD: &str = "s3cr%t-W0rd";
const ESCAPED: &str = "s3cr%25t-W0rd";

/// Opening says this in one line, as do the other ways into a database, and nothing that can be
/// learned from the errors is a password.
#[track_caller]
fn shut(address: &Address, expected: &str, may_pass: bool) {
    let ways = [
        Postgres::open(address).map(drop),
        Postgres::migrate(address).map(drop),
    ];
    for done in ways {
        let error = one_line(done, expected);
        assert_eq!(error.may_pass(), may_pass, "{error}");
        let said = everything(&error);
        assert!(!shows_password(&said), "{said}");
    }
    let findings = Postgres::examine(address);
    assert!(!shows_password(&format!("{findings:?}")), "{findings:?}");
    let line = findings[0].result.clone().unwrap_err();
    assert!(line.contains(expected) && !line.contains('\n'), "{line}");
}

fn shows_password(said: &str) -> bool {
    ["s3cr", "W0rd", "wr0ng"]
        .iter()
        .any(|part| said.contains(part))
}

#[test]
fn who_is_not_let_in_is_told_why_without_a_password() {
    let Some((cluster, name, address)) = database() else {
        return;
    };
    let mut store = Postgres::open(&address).unwrap();
    store.apply(&[insert(&client(1))]).unwrap();
    cluster
        .sql(
            &name,
            &format!(
                "CREATE ROLE guarded LOGIN PASSWORD '{PASSWORD}';
                 GRANT USAGE ON SCHEMA proctor TO guarded;
                 GRANT SELECT ON ALL TABLES IN SCHEMA proctor TO guarded"
            ),
        )
        .unwrap();
    let address = cluster.address(&name);
    let guarded = |password: &str| as_role(&address, &format!("guarded{password}"));
    let mut store = Postgres::open(&guarded(&format!(":{ESCAPED}"))).unwrap();
    assert_eq!(names(&mut store).unwrap(), ["Client 1"]);
    let given = guarded("").with_password(PASSWORD);
    assert!(given.has_password());
    Postgres::open(&given).unwrap();

    shut(&guarded(":wr0ng"), "password authentication failed", false);
    shut(&guarded(""), "password missing", false);
    shut(
        &as_role(&address, &format!("nobody_here:{ESCAPED}")),
        "role \"nobody_here\" does not exist",
        false,
    );
    let nowhere = address.replace(&name, "no_such_database");
    shut(
        &as_role(&nowhere, &format!("proctor:{ESCAPED}")),
        "database \"no_such_database\" does not exist",
        false,
    );
    let closed = format!("postgres://guarded:{ESCAPED}@127.0.0.1:1/crm");
    shut(&closed.parse().unwrap(), "refused", true);
    let gone = format!("postgres://guarded:{ESCAPED}@%2Fnowhere:5432/crm");
    shut(&gone.parse().unwrap(), "No such file", true);
}

#[test]
fn a_database_in_another_encoding_is_refused() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    let sql = "CREATE DATABASE western ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'
               TEMPLATE template0";
    cluster.sql("postgres", sql).unwrap();
    let address = cluster.address("western");
    shut(
        &as_role(&address, &format!("proctor:{ESCAPED}")),
        "the database's encoding is LATIN1; it must be UTF8",
        false,
    );
}

#[test]
fn who_may_only_read_reads_and_is_told_that_writing_is_denied() {
    let Some((cluster, name, address)) = database() else {
        return;
    };
    let mut store = Postgres::open(&address).unwrap();
    store.apply(&[insert(&client(1))]).unwrap();
    let address = as_role(&cluster.address(&name), &format!("only_reads:{ESCAPED}"));
    cluster.sql(&name, "CREATE ROLE only_reads LOGIN").unwrap();
    for (grant, said) in [
        ("", "permission denied for schema proctor"),
        (
            "GRANT USAGE ON SCHEMA proctor TO only_reads",
            "permission denied for table",
        ),
    ] {
        cluster.sql(&name, grant).unwrap();
        let error = one_line(Postgres::open(&address).map(drop), said);
        assert!(!error.may_pass() && !shows_password(&everything(&error)));
    }
    let grant = "GRANT SELECT ON ALL TABLES IN SCHEMA proctor TO only_reads";
    cluster.sql(&name, grant).unwrap();

    let findings = Postgres::examine(&address);
    let rights = findings.iter().find(|one| one.check == "rights").unwrap();
    let said = rights.result.clone().unwrap_err();
    assert!(said.contains("INSERT on tables"), "{said}");
    let mut store = Postgres::open(&address).unwrap();
    let denied = |store: &mut Postgres| {
        let before = store.fingerprint();
        let error = one_line(
            store.apply(&[insert(&client(2))]),
            "permission denied for table clients",
        );
        assert!(!error.may_pass());
        assert_eq!(store.fingerprint(), before);
        is_right(store);
        assert_eq!(names(store).unwrap(), ["Client 1"]);
    };
    denied(&mut store);
    store.begin().unwrap();
    denied(&mut store);
    denied(&mut store);
    store.end().unwrap();
    let error = one_line(
        Postgres::migrate(&address).map(drop),
        "permission denied for database",
    );
    assert!(!error.may_pass());
}

/// An authority, and what it signed for a server of this name.
struct Certificates {
    authority: String,
    server: String,
    key: String,
}

fn certificates(names: &[&str]) -> Certificates {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let own = authority.self_signed(&authority_key).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let server = CertificateParams::new(names).unwrap();
    let server = server.signed_by(&key, &issuer).unwrap();
    Certificates {
        authority: own.pem(),
        server: server.pem(),
        key: key.serialize_pem(),
    }
}

/// A server that listens on the loopback interface, and its port.
fn listening() -> Option<(Cluster, u16)> {
    // Somebody else may take the port before the server does, but hardly ever.
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let settings = ["listen_addresses=127.0.0.1", &format!("port={port}")];
    Some((Cluster::with_settings(&settings)?, port))
}

#[test]
fn an_encrypted_server_must_prove_who_it_is() {
    let Some((cluster, port)) = listening() else {
        return;
    };
    Postgres::migrate(&cluster.address("proctor").parse().unwrap()).unwrap();
    let at = |host: &str, more: &str| -> Address {
        let address = format!("postgres://proctor:{ESCAPED}@{host}:{port}/proctor{more}");
        address.parse().unwrap()
    };
    let required = "?sslmode=require";
    // Before it encrypts.
    Postgres::open(&at("127.0.0.1", "")).unwrap();
    shut(&at("127.0.0.1", required), "TLS", false);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("authority.pem");
    let serve = |names: &[&str]| {
        let made = certificates(names);
        cluster.write_file("server.crt", &made.server);
        cluster.write_file("server.key", &made.key);
        cluster.write_file("postgresql.auto.conf", "ssl = on\n");
        cluster.reload();
        fs::write(&file, made.authority).unwrap();
    };
    serve(&["localhost", "127.0.0.1"]);
    for host in ["127.0.0.1", "localhost"] {
        let required = at(host, required);
        shut(&required, "certificate is not trusted", false);
        let trusting = required.with_authorities(file.clone());
        let mut store = Postgres::open(&trusting).unwrap();
        store.begin().unwrap();
        store.apply(&[insert(&client(1))]).unwrap();
        is_right(&mut store);
        let encrypted = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
                         WHERE application_name = 'proctor'";
        assert_eq!(cluster.sql("postgres", encrypted).unwrap(), "t");
        drop(store);
        crate::others::eventually(|| cluster.sql("postgres", encrypted).unwrap().is_empty());
    }
    // Without a word on it, a server that encrypts must prove itself just the same.
    shut(&at("127.0.0.1", ""), "certificate is not trusted", false);
    Postgres::open(&at("127.0.0.1", "?sslmode=disable")).unwrap();

    serve(&["db.example"]);
    let other = at("localhost", required).with_authorities(file.clone());
    shut(&other, "certificate is not trusted", false);

    fs::write(&file, "no certificate").unwrap();
    shut(&other, "authority.pem", false);
    fs::remove_file(&file).unwrap();
    shut(&other, "authority.pem", false);
}

#[test]
fn errors_of_the_store_are_never_more_than_its_own_texts() {
    let address: Address = format!("postgres://ada:{ESCAPED}@127.0.0.1:1/crm")
        .parse()
        .unwrap();
    assert!(!shows_password(&format!("{address} {address:?}")));
    let Err(error) = Postgres::open(&address) else {
        panic!("opened")
    };
    assert!(matches!(error, StoreError::Unreachable { .. }));
    assert!(error.to_string().contains("postgres://ada@127.0.0.1:1/crm"));
}
