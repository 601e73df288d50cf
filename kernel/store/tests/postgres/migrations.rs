//! A database is brought to the schema we know, or refused with the reason why.

use std::collections::BTreeSet;
use std::thread;

use proctor_cluster::Cluster;
use proctor_store::{
    Address, Finding, Migrated, MigrationError, Postgres, Snapshot, Store as _, StoreError,
    Strangers,
};

use crate::world::database;
use crate::{client, one_line};

const HISTORY: &str = "proctor.schema_migration";

/// An empty database on the server that all tests share.
fn empty() -> Option<(&'static Cluster, String, Address)> {
    let cluster = Cluster::shared()?;
    let name = cluster.database();
    let address = cluster.address(&name).parse().unwrap();
    Some((cluster, name, address))
}

/// A migrated database to which somebody did this.
fn altered(sql: &str) -> Option<(&'static Cluster, String, Address)> {
    let (cluster, name, address) = database()?;
    cluster.sql(&name, sql).unwrap();
    Some((cluster, name, address))
}

fn why(done: Result<Postgres, StoreError>) -> MigrationError {
    match done {
        Err(StoreError::Migration(error)) => error,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("opened"),
    }
}

fn found<'f>(findings: &'f [Finding], check: &str) -> &'f Result<String, String> {
    let of = |finding: &&Finding| finding.check == check;
    &findings.iter().find(of).unwrap().result
}

#[test]
fn migrating_twice_does_nothing_and_says_so() {
    let Some((cluster, name, address)) = empty() else {
        return;
    };
    let history = || cluster.sql(&name, &format!("SELECT * FROM {HISTORY}"));
    let migrated = Postgres::migrate(&address).unwrap();
    assert_eq!(migrated, Migrated { from: 0, to: 1 });
    let before = history().unwrap();
    assert!(before.starts_with("1|tables|"), "{before}");
    let migrated = Postgres::migrate(&address).unwrap();
    assert_eq!(migrated, Migrated { from: 1, to: 1 });
    assert_eq!(history().unwrap(), before);
}

#[test]
fn eight_who_migrate_at_once_make_one_schema() {
    let Some((cluster, name, address)) = empty() else {
        return;
    };
    let migrating: Vec<_> = (0..8)
        .map(|_| {
            let address = address.clone();
            thread::spawn(move || Postgres::migrate(&address).unwrap())
        })
        .collect();
    let mut from: Vec<u32> = migrating
        .into_iter()
        .map(|one| one.join().unwrap().from)
        .collect();
    from.sort_unstable();
    assert_eq!(from, [0, 1, 1, 1, 1, 1, 1, 1]);
    let steps = cluster.sql(&name, &format!("SELECT count(*) FROM {HISTORY}"));
    assert_eq!(steps.unwrap(), "1");
    Postgres::open(&address).unwrap().check_schema().unwrap();
}

#[test]
fn a_history_that_does_not_lead_here_is_refused_and_left() {
    let changed = MigrationError::Changed {
        version: 1,
        name: "V1__tables",
    };
    let newer = |found| MigrationError::Newer { found, known: 1 };
    let cases = [
        ("INSERT INTO H VALUES (2, 'later', '', '1')", newer(2)),
        ("UPDATE H SET version = 3", newer(3)),
        (
            "ALTER TABLE H ALTER version TYPE int8; UPDATE H SET version = 9223372036854775807",
            newer(i64::MAX),
        ),
        ("UPDATE H SET checksum = '1'", changed.clone()),
        ("UPDATE H SET checksum = 'no number'", changed.clone()),
        ("UPDATE H SET name = 'tabels'", changed),
        (
            "UPDATE H SET version = 0",
            MigrationError::History { version: 0 },
        ),
        (
            "UPDATE H SET version = -1",
            MigrationError::History { version: -1 },
        ),
        (
            "INSERT INTO H VALUES (0, 'earlier', '', '1')",
            MigrationError::History { version: 1 },
        ),
        ("DELETE FROM H", MigrationError::Foreign),
        ("DROP TABLE H", MigrationError::Foreign),
    ];
    for (sql, expected) in cases {
        let Some((cluster, name, address)) = altered(&sql.replace('H', HISTORY)) else {
            return;
        };
        let all = "SELECT query_to_xml(format('SELECT * FROM %s', oid::regclass), true, true, '')
                   FROM pg_class WHERE relname = 'schema_migration'";
        let before = cluster.sql(&name, all).unwrap();
        assert_eq!(why(Postgres::open(&address)), expected, "{sql}");
        match Postgres::migrate(&address) {
            Err(StoreError::Migration(error)) => assert_eq!(error, expected, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
        assert_eq!(cluster.sql(&name, all).unwrap(), before, "{sql}");
        let findings = Postgres::examine(&address);
        let said = found(&findings, "schema version").clone().unwrap_err();
        assert_eq!(said, expected.to_string(), "{sql}");
    }
}

#[test]
fn a_history_that_cannot_be_read_is_refused_in_one_line() {
    for (sql, said) in [
        (
            "ALTER TABLE H ALTER version TYPE numeric; UPDATE H SET version = 1e30",
            "out of range",
        ),
        (
            "ALTER TABLE H ALTER version TYPE text; UPDATE H SET version = 'one'",
            "one",
        ),
        ("ALTER TABLE H DROP COLUMN checksum", "checksum"),
        ("UPDATE H SET checksum = NULL", ""),
        ("DROP TABLE H; CREATE VIEW H AS SELECT 1 AS one", "version"),
    ] {
        let Some((_, _, address)) = altered(&sql.replace('H', HISTORY)) else {
            return;
        };
        one_line(Postgres::open(&address), said);
        one_line(Postgres::migrate(&address), said);
        // Nothing that is not known to be right is ever in the way of making it anew.
        let rows = Snapshot::from_rows(vec![client(1)]).unwrap();
        let rebuilt = Postgres::rebuild(&address, &rows, Strangers::Refuse).unwrap();
        assert!(rebuilt.altered, "{sql}");
        let mut store = Postgres::open(&address).unwrap();
        store.check_schema().unwrap();
        assert_eq!(store.snapshot().unwrap(), rows, "{sql}");
    }
}

#[test]
fn an_empty_database_is_an_old_one_and_anothers_is_foreign() {
    for (sql, expected) in [
        ("", MigrationError::Older { found: 0, known: 1 }),
        (
            "CREATE SCHEMA proctor",
            MigrationError::Older { found: 0, known: 1 },
        ),
        (
            "CREATE TABLE public.clients (id int)",
            MigrationError::Older { found: 0, known: 1 },
        ),
        (
            "CREATE SCHEMA proctor; CREATE TABLE proctor.clients (id int)",
            MigrationError::Foreign,
        ),
        (
            "CREATE SCHEMA proctor; CREATE VIEW proctor.v AS SELECT 1",
            MigrationError::Foreign,
        ),
    ] {
        let Some((cluster, name, address)) = empty() else {
            return;
        };
        cluster.sql(&name, sql).unwrap();
        assert_eq!(why(Postgres::open(&address)), expected, "{sql}");
        let migrated = Postgres::migrate(&address);
        if expected == MigrationError::Foreign {
            assert!(matches!(
                migrated,
                Err(StoreError::Migration(MigrationError::Foreign))
            ));
        } else {
            assert_eq!(migrated.unwrap(), Migrated { from: 0, to: 1 }, "{sql}");
        }
    }
}

#[test]
fn a_schema_that_lacks_or_changed_something_is_refused_by_its_name() {
    let cases = [
        (
            "ALTER TABLE clients DROP CONSTRAINT clients_name",
            "clients.clients_name",
        ),
        (
            "ALTER TABLE clients DROP CONSTRAINT clients_name, ADD CONSTRAINT clients_name CHECK (true)",
            "clients.clients_name",
        ),
        (
            "ALTER TABLE clients DROP CONSTRAINT clients_name, ADD CONSTRAINT clients_name
             CHECK (name <> '') NOT VALID",
            "clients.clients_name",
        ),
        (
            "ALTER TABLE contacts DROP CONSTRAINT contacts_client_id_fkey",
            "contacts.contacts_client_id_fkey",
        ),
        (
            "ALTER TABLE contacts DROP CONSTRAINT contacts_client_id_fkey,
             ADD CONSTRAINT contacts_client_id_fkey FOREIGN KEY (client_id) REFERENCES clients
             ON DELETE CASCADE",
            "contacts.contacts_client_id_fkey",
        ),
        ("DROP INDEX clients_email", "clients_email"),
        (
            "DROP INDEX clients_email; CREATE UNIQUE INDEX clients_email ON clients (email)",
            "clients_email",
        ),
        (
            "ALTER TABLE clients ALTER name DROP NOT NULL",
            "clients.name",
        ),
        (
            "ALTER TABLE opportunities ALTER amount TYPE numeric",
            "opportunities.amount",
        ),
        (
            "ALTER TABLE notes DROP COLUMN created_by",
            "notes.created_by",
        ),
        (
            "ALTER TABLE clients ALTER owner SET DEFAULT 'me'",
            "clients.owner",
        ),
        ("ALTER TYPE client_status ADD VALUE 'Lost'", "client_status"),
        (
            "CREATE OR REPLACE FUNCTION fold(original TEXT) RETURNS TEXT
             LANGUAGE SQL IMMUTABLE PARALLEL SAFE AS 'SELECT original'",
            "fold",
        ),
        ("ALTER FUNCTION fold_letters VOLATILE", "fold_letters"),
        // What is switched off is as good as not there: on either side of the reference.
        (
            "ALTER TABLE contacts DISABLE TRIGGER ALL",
            "contacts.contacts_client_id_fkey",
        ),
        (
            "ALTER TABLE quotes DISABLE TRIGGER ALL",
            "documents.documents_quote_id_fkey",
        ),
        ("ALTER TABLE notes SET UNLOGGED", "notes"),
        ("ALTER TABLE notes ENABLE ROW LEVEL SECURITY", "notes"),
        ("DROP TABLE notes", "notes"),
        (
            "DROP TABLE notes; CREATE VIEW notes AS SELECT 1 AS one",
            "notes",
        ),
    ];
    for (sql, object) in cases {
        let Some((cluster, name, address)) = altered(&format!("SET search_path TO proctor; {sql}"))
        else {
            return;
        };
        let findings = Postgres::examine(&address);
        let said = found(&findings, "schema").clone().unwrap_err();
        let listed = said.split([' ', ',', ':', ';']).collect::<BTreeSet<_>>();
        assert!(listed.contains(object), "{sql}: {said}");
        let checked = Postgres::open(&address).and_then(|mut store| store.check_schema());
        match checked {
            Err(StoreError::Migration(MigrationError::Schema { object: first })) => {
                assert!(listed.contains(&*first), "{sql}: {first}");
            }
            // There is nothing to read.
            Err(StoreError::Backend { .. }) if sql.contains("DROP ") => {}
            other => panic!("{sql}: {other:?}"),
        }
        nothing_left_behind(cluster, &name);
    }
}

#[test]
fn what_was_added_is_let_be_and_named() {
    let additions = "
        SET search_path TO proctor;
        CREATE INDEX more ON clients (owner);
        CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER watch BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION nothing();
        ALTER TABLE notes ADD COLUMN mood text;
        ALTER TABLE notes ADD CONSTRAINT happy CHECK (mood <> 'sad');
        CREATE TYPE mood AS ENUM ('glad')";
    let Some((cluster, name, address)) = altered(additions) else {
        return;
    };
    let mut store = Postgres::open(&address).unwrap();
    store.check_schema().unwrap();
    store.apply(&[crate::insert(&client(1))]).unwrap();
    crate::is_right(&mut store);
    let findings = Postgres::examine(&address);
    let said = found(&findings, "additions").clone().unwrap();
    for addition in [
        "index more",
        "function nothing",
        "trigger notes.watch",
        "column notes.mood",
        "constraint notes.happy",
        "type mood",
    ] {
        assert!(said.split(", ").any(|one| one == addition), "{said}");
    }
    assert!(findings.iter().all(|finding| finding.result.is_ok()));
    nothing_left_behind(cluster, &name);
}

/// What the schema was compared with is gone.
fn nothing_left_behind(cluster: &Cluster, name: &str) {
    let schemas = "SELECT nspname FROM pg_namespace
                   WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1";
    assert_eq!(cluster.sql(name, schemas).unwrap(), "proctor\npublic");
}

#[test]
fn a_database_that_is_well_has_nothing_to_complain_of() {
    let Some((_, _, address)) = database() else {
        return;
    };
    let mut store = Postgres::open(&address).unwrap();
    store.apply(&[crate::insert(&client(1))]).unwrap();
    let findings = Postgres::examine(&address);
    let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
    assert_eq!(
        checks,
        [
            "connection",
            "writable",
            "own databases",
            "left behind",
            "schema version",
            "schema",
            "additions",
            "rights",
            "rows"
        ]
    );
    for finding in &findings {
        assert!(finding.result.is_ok(), "{finding:?}");
    }
    let rows = found(&findings, "rows").clone().unwrap();
    assert_eq!(rows, format!("1, fingerprint {}", store.fingerprint()));
}

#[test]
fn an_examination_says_what_is_wrong() {
    for (sql, check, said) in [
        (
            "CREATE TABLE proctor.mine (id int)",
            "additions",
            "know: mine",
        ),
        (
            "ALTER TABLE proctor.contacts DISABLE TRIGGER ALL;
             INSERT INTO proctor.contacts VALUES (gen_random_uuid(), 'A', 'B', NULL, NULL, NULL,
               gen_random_uuid());
             ALTER TABLE proctor.contacts ENABLE TRIGGER ALL",
            "rows",
            "constraint",
        ),
        (
            "ALTER DATABASE MINE SET default_transaction_read_only = on",
            "writable",
            "no changes",
        ),
    ] {
        let Some((cluster, name, address)) = database() else {
            return;
        };
        cluster.sql(&name, &sql.replace("MINE", &name)).unwrap();
        let findings = Postgres::examine(&address);
        let line = found(&findings, check).clone().unwrap_err();
        assert!(line.contains(said), "{line}");
        assert!(!line.contains('\n'), "{line}");
    }
    let nowhere: Address = "postgres://ada@127.0.0.1:1/crm".parse().unwrap();
    let findings = Postgres::examine(&nowhere);
    assert_eq!(findings.len(), 1);
    assert!(found(&findings, "connection").is_err());
}
