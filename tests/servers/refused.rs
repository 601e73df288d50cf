//! Databases that no run can be made on, each named in one line, without the password.

use insta::assert_snapshot;
use proctor_cluster::Cluster;

use super::Place;
use crate::proctor::Ran;

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
            sandbox: crate::proctor::Sandbox::with_small_suite(),
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
        let socket = place.cluster.socket();
        let folder = socket.parent().unwrap().to_str().unwrap();
        let page = ran.page().replace(folder, "[SERVER]");
        page.replace(database, "[DATABASE]")
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
    assert_snapshot!(refused(&wrong), @"");
    let none = address.replace(&format!(":{PASSWORD}"), "");
    assert_snapshot!(refused(&none), @"");
    assert_snapshot!(guarded.refused(&guarded.address("nowhere"), "nowhere"), @"");
    assert_snapshot!(refused(&address.replace(":5432", ":5433")), @"");
    let port = format!("postgres://guarded:{PASSWORD}@127.0.0.1:1/crm");
    assert_snapshot!(refused(&port), @"");
    let folder = format!("postgres://guarded:{PASSWORD}@%2Fnowhere/crm");
    assert_snapshot!(refused(&folder), @"");
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
        lines[1].starts_with("error: cannot work with postgres://guarded@nowhere.invalid/"),
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
    assert_snapshot!(guarded.refused(&guarded.address(&empty), &empty), @"");
    let newer = "INSERT INTO proctor.schema_migration
                 SELECT version + 1, 'later', applied_on, '1' FROM proctor.schema_migration";
    assert_snapshot!(guarded.meddled(newer), @"");
    let other = "UPDATE proctor.clients SET owner = 'nobody'";
    assert_snapshot!(guarded.meddled(other), @"");
    let dropped = "ALTER TABLE proctor.contracts DROP CONSTRAINT contracts_order";
    assert_snapshot!(guarded.meddled(dropped), @"");
}
