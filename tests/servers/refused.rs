//! Databases that no run can be made on, each named in one line, without the password.

use insta::assert_snapshot;
use proctor_cluster::Cluster;

use super::Place;
use crate::proctor::{Ran, Sandbox};

const PASSWORD: &str = "s3cret";

/// A database of the small suite's records on a server that asks `guarded` for a password.
struct Guarded<'c>(Place<'c>);

impl<'c> Guarded<'c> {
    fn on(cluster: &'c Cluster) -> Self {
        let place = Place::on(cluster);
        let role = format!("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{PASSWORD}'");
        place.sql(&role);
        Self(place)
    }

    /// The address of a database, with the password.
    fn address(&self, database: &str) -> String {
        let address = self.0.cluster.address(database);
        address.replacen("proctor@", &format!("guarded:{PASSWORD}@"), 1)
    }

    /// Changes the database behind the program's back, and has it examined on.
    fn meddled(&self, sql: &str) -> String {
        let place = Place {
            sandbox: Sandbox::with_small_suite(),
            cluster: self.0.cluster,
            database: self.0.cluster.database(),
        };
        let address = self.address(&place.database);
        let init = ["db", "init", &address, "--data", "seeds/records"];
        place.sandbox.proctor(init).succeeded();
        self.0.cluster.sql(&place.database, sql).unwrap();
        self.refused(&address, &place.database)
    }

    /// What a run says to this address, without what differs from one test run to the next.
    fn refused(&self, address: &str, database: &str) -> String {
        let place = &self.0;
        let ran = place.run("out", &["--store", address]);
        shows_no_password(&ran);
        assert!(!place.sandbox.path("out").exists(), "{}", ran.page());
        place.masked(&ran.page()).replace(database, "[DATABASE]")
    }
}

fn shows_no_password(ran: &Ran) {
    assert!(!ran.page().contains(PASSWORD), "{}", ran.page());
}

#[test]
fn a_server_that_lets_nobody_in_is_named_with_the_reason() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let guarded = Guarded::on(&cluster);
    let database = guarded.0.database.clone();
    let address = guarded.address(&database);
    let refused = |address: &str| guarded.refused(address, &database);

    let wrong = address.replace(PASSWORD, &format!("not-{PASSWORD}"));
    assert_snapshot!(refused(&wrong), @r#"
        ── stderr
        error: cannot work with postgres://guarded@[SERVER]:5432/[DATABASE]: password authentication failed for user "guarded"
        hint: `proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over
        ── exit code 1
        "#);
    let none = address.replace(&format!(":{PASSWORD}"), "");
    assert_snapshot!(refused(&none), @r#"
        ── stderr
        error: cannot work with postgres://guarded@[SERVER]:5432/[DATABASE]: invalid configuration: password missing
        hint: `proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over
        ── exit code 1
        "#);
    assert_snapshot!(guarded.refused(&guarded.address("nowhere"), "nowhere"), @r#"
        ── stderr
        error: cannot work with postgres://guarded@[SERVER]:5432/[DATABASE]: database "[DATABASE]" does not exist
        hint: `proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over
        ── exit code 1
        "#);
    assert_snapshot!(refused(&address.replace(":5432", ":5433")), @r#"
        ── stderr
        error: cannot work with postgres://guarded@[SERVER]:5433/[DATABASE]: error connecting to server: No such file or directory (os error 2)
        hint: `proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over
        ── exit code 1
        "#);
    let port = format!("postgres://guarded:{PASSWORD}@127.0.0.1:1/crm");
    assert_snapshot!(refused(&port), @r#"
        ── stderr
        error: cannot work with postgres://guarded@127.0.0.1:1/crm: error connecting to server: Connection refused (os error 111)
        hint: `proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over
        ── exit code 1
        "#);
    let folder = format!("postgres://guarded:{PASSWORD}@%2Fnowhere/crm");
    assert_snapshot!(refused(&folder), @r#"
        ── stderr
        error: cannot work with postgres://guarded@/nowhere:5432/crm: error connecting to server: No such file or directory (os error 2)
        hint: `proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over
        ── exit code 1
        "#);
}

/// How a name that isn't known is refused differs from machine to machine.
#[test]
fn a_host_that_is_not_there_is_named() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let host = format!("postgres://guarded:{PASSWORD}@nowhere.invalid/crm");
    let page = Guarded::on(&cluster).refused(&host, "crm");
    let lines: Vec<&str> = page.lines().collect();
    assert_eq!(lines.len(), 4, "{page}");
    assert!(
        lines[1].starts_with("error: cannot work with postgres://guarded@nowhere.invalid:5432/"),
        "{page}"
    );
}

#[test]
fn a_database_that_does_not_fit_is_named_with_the_reason() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let guarded = Guarded::on(&cluster);
    let empty = cluster.database();
    assert_snapshot!(guarded.refused(&guarded.address(&empty), &empty), @r#"
        ── stderr
        error: postgres://guarded@[SERVER]:5432/[DATABASE]: the database has schema version 0, this version of Proctor needs 1: it must be migrated
        hint: `proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over
        ── exit code 1
        "#);
    let newer = "INSERT INTO proctor.schema_migration
                 SELECT version + 1, 'later', applied_on, '1' FROM proctor.schema_migration";
    assert_snapshot!(guarded.meddled(newer), @r#"
        ── stderr
        error: postgres://guarded@[SERVER]:5432/[DATABASE]: the database has schema version 2, but this version of Proctor knows none above 1: use a newer Proctor
        hint: `proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over
        ── exit code 1
        "#);
    let other = "UPDATE proctor.clients SET owner = 'nobody'";
    assert_snapshot!(guarded.meddled(other), @r#"
        ── stderr
        error: postgres://guarded@[SERVER]:5432/[DATABASE]: it holds other data than the suite's
        hint: `proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over
        ── exit code 1
        "#);
    let dropped = "ALTER TABLE proctor.contracts DROP CONSTRAINT contracts_order";
    assert_snapshot!(guarded.meddled(dropped), @r#"
        ── stderr
        error: postgres://guarded@[SERVER]:5432/[DATABASE]: `contracts.contracts_order` in the database is not as the migrations make it
        hint: `proctor db init` makes a database, `proctor db reset` takes one back to the suite's data, `proctor db doctor` looks it over
        ── exit code 1
        "#);
}
