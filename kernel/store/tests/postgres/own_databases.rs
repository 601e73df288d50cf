//! Episodes in databases of their own, whose changes are really committed.

use proctor_cluster::Cluster;
use proctor_crm::{Change, Entity, Query};
use proctor_store::{
    Address, ConstraintKind, Postgres, Snapshot, Store as _, StoreError, Template,
};

use crate::others::{Other, eventually};
use crate::world::database;
use crate::{as_role, client, insert, insert_sql, is_right, names, one_line, rename};

/// A database with client 1 to which this was added, and stores on copies of it.
fn source(added: &str) -> Option<(&'static Cluster, Template)> {
    let (cluster, name, address) = database()?;
    let sql = format!("SET search_path TO proctor; {added}");
    cluster.sql(&name, &insert_sql(&client(1))).unwrap();
    cluster.sql(&name, &sql).unwrap();
    Some((cluster, Template::of(&address).unwrap()))
}

fn own(store: &Postgres) -> String {
    store.own_database().unwrap().to_owned()
}

fn watch(cluster: &Cluster, store: &Postgres, table: &str) -> String {
    let count = format!("SELECT count(*) FROM proctor.{table}");
    cluster.sql(&own(store), &count).unwrap()
}

/// How many databases there are whose names begin so.
fn databases(cluster: &Cluster, beginning: &str) -> String {
    let count =
        format!("SELECT count(*) FROM pg_database WHERE starts_with(datname, '{beginning}')");
    cluster.sql("postgres", &count).unwrap()
}

#[test]
fn a_second_connection_sees_what_is_applied_at_once() {
    let Some((cluster, template)) = source("") else {
        return;
    };
    let (mut store, mut second) = (template.open().unwrap(), template.open().unwrap());
    assert_ne!(own(&store), own(&second));
    is_right(&mut store);
    store.begin().unwrap();
    let mark = store.fingerprint();
    store.apply(&[insert(&client(2))]).unwrap();
    assert_eq!(watch(cluster, &store, "clients"), "2");
    store
        .apply(&[insert(&client(3)), insert(&client(4))])
        .unwrap();
    assert_eq!(watch(cluster, &store, "clients"), "4");
    assert_eq!(watch(cluster, &second, "clients"), "1");
    is_right(&mut store);

    let before = own(&store);
    store.reset().unwrap();
    assert_eq!(watch(cluster, &store, "clients"), "1");
    assert_eq!(databases(cluster, &before), "0");
    assert_eq!(store.fingerprint(), mark);
    is_right(&mut store);
    store.end().unwrap();
    is_right(&mut second);
}

#[test]
fn what_was_done_before_an_episode_stays_after_it() {
    let Some((_, template)) = source("") else {
        return;
    };
    let mut store = template.open().unwrap();
    store.apply(&[insert(&client(2))]).unwrap();
    for _ in 0..2 {
        store.begin().unwrap();
        store.apply(&[rename(&client(2), "Else")]).unwrap();
        store.reset().unwrap();
        store.apply(&[rename(&client(1), "Else")]).unwrap();
        store.end().unwrap();
        assert_eq!(names(&mut store).unwrap(), ["Client 1", "Client 2"]);
        is_right(&mut store);
    }
    let rows = Snapshot::from_rows(vec![client(7)]).unwrap();
    store.restore(&rows).unwrap();
    store.begin().unwrap();
    store.apply(&[insert(&client(8))]).unwrap();
    store.reset().unwrap();
    is_right(&mut store);
    store.end().unwrap();
    assert_eq!(store.snapshot().unwrap(), rows);
}

#[test]
fn a_deferred_constraint_refuses_when_a_batch_is_committed() {
    for code in ["check_violation", "raise_exception"] {
        let refuses = format!(
            "CREATE FUNCTION at_most_two() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
               IF (SELECT count(*) FROM clients) > 2 THEN
                 RAISE EXCEPTION 'two clients are enough' USING ERRCODE = '{code}';
               END IF;
               RETURN NULL;
             END $$;
             CREATE CONSTRAINT TRIGGER at_most_two AFTER INSERT ON clients
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION at_most_two()"
        );
        let Some((cluster, template)) = source(&refuses) else {
            return;
        };
        let mut store = template.open().unwrap();
        store.begin().unwrap();
        let before = store.fingerprint();
        let two = [insert(&client(2)), insert(&client(3))];
        refused(store.apply(&two));
        assert_eq!(store.scan().unwrap(), before);
        store.apply(&two[..1]).unwrap();
        // One statement that is its own transaction.
        refused(store.apply(&two[1..]));
        is_right(&mut store);
        assert_eq!(watch(cluster, &store, "clients"), "2");
        // Only the state at the end counts.
        store
            .apply(&[insert(&client(3)), Change::Delete(client(1))])
            .unwrap();
        is_right(&mut store);
    }
}

#[track_caller]
fn refused(done: Result<(), StoreError>) {
    let error = one_line(done, "two clients are enough");
    assert!(!error.may_pass());
    match error {
        StoreError::Constraint { entity, kind, .. } => {
            assert_eq!((entity, kind), (Entity::Client, ConstraintKind::Check));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn triggers_act_and_what_they_did_is_gone_with_the_episode() {
    let acts = "
        CREATE FUNCTION welcome() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO notes (note_id, entity_type, entity_id, content)
          VALUES (gen_random_uuid(), 'Client', NEW.client_id, 'Welcome');
          RETURN NULL;
        END $$;
        CREATE TRIGGER welcome AFTER INSERT ON clients
        FOR EACH ROW EXECUTE FUNCTION welcome()";
    let Some((cluster, template)) = source(acts) else {
        return;
    };
    let mut store = template.open().unwrap();
    store.begin().unwrap();
    store.apply(&[insert(&client(2))]).unwrap();
    let notes = store.read(&[Query::all(Entity::Note, Vec::new())]).unwrap();
    assert_eq!(notes[0].rows.len(), 1);
    assert_eq!(watch(cluster, &store, "notes"), "1");
    store.reset().unwrap();
    assert_eq!(watch(cluster, &store, "notes"), "0");
    is_right(&mut store);
}

#[test]
fn all_copies_are_gone_with_the_last_who_needs_them() {
    let Some((cluster, template)) = source("") else {
        return;
    };
    let mut store = template.open().unwrap();
    let (stem, _) = own(&store)
        .rsplit_once('_')
        .map(|(stem, number)| (stem.to_owned(), number.to_owned()))
        .unwrap();
    store.apply(&[insert(&client(2))]).unwrap();
    store.begin().unwrap();
    store.apply(&[insert(&client(3))]).unwrap();
    store.reset().unwrap();
    // The template, the state at the mark, and the store's own.
    assert_eq!(databases(cluster, &stem), "3");
    let second = template.clone().open().unwrap();
    drop(template);
    drop(store);
    assert_eq!(databases(cluster, &stem), "2");
    drop(second);
    assert_eq!(databases(cluster, &stem), "0");
}

#[test]
fn copies_of_the_dead_are_dropped_and_those_of_the_living_are_not() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let address: Address = cluster.address("proctor").parse().unwrap();
    Postgres::migrate(&address).unwrap();
    let alive = Other::at(&cluster.address("postgres"));
    alive
        .run("SET application_name TO 'proctor_clone_7_70'")
        .unwrap();
    cluster.sql("postgres", "CREATE ROLE somebody").unwrap();
    for name in [
        "proctor_clone_7_7_template",
        "proctor_clone_7_7_1",
        "proctor_clone_7_70_1",
        "proctor_clone_theirs",
        "proctor_clonea_7",
    ] {
        cluster
            .sql("postgres", &format!("CREATE DATABASE {name}"))
            .unwrap();
    }
    cluster
        .sql(
            "postgres",
            "ALTER DATABASE proctor_clone_theirs OWNER TO somebody",
        )
        .unwrap();
    let first = Template::of(&address).unwrap();
    let mut store = first.open().unwrap();
    let second = Template::of(&address).unwrap();
    is_right(&mut store);
    is_right(&mut first.open().unwrap());
    assert_eq!(databases(&cluster, "proctor_clone_7_7_"), "0");
    drop((first, store, second));
    let left = "SELECT datname FROM pg_database WHERE datname ~ '^proctor_' ORDER BY 1";
    assert_eq!(
        cluster.sql("postgres", left).unwrap(),
        "proctor_clone_7_70_1\nproctor_clone_theirs\nproctor_clonea_7"
    );
}

#[test]
fn a_server_that_was_restarted_keeps_no_copies() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let address: Address = cluster.address("proctor").parse().unwrap();
    Postgres::migrate(&address).unwrap();
    let template = Template::of(&address).unwrap();
    let store = template.open().unwrap();
    cluster.stop();
    cluster.start();
    // That the server was away is learned by asking it.
    let first = template.open();
    assert!(first.as_ref().map_or_else(StoreError::may_pass, |_| true));
    let mut next = template.open().unwrap();
    is_right(&mut next);
    drop((store, next, template));
    assert_eq!(databases(&cluster, "proctor_clone_"), "0");
}

#[test]
fn a_connection_that_ends_costs_the_episode_and_not_the_store() {
    let Some((cluster, template)) = source("") else {
        return;
    };
    let mut store = template.open().unwrap();
    store.begin().unwrap();
    store.apply(&[insert(&client(2))]).unwrap();
    let terminate = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
        own(&store)
    );
    cluster.sql("postgres", &terminate).unwrap();
    assert!(names(&mut store).unwrap_err().may_pass());
    assert!(store.apply(&[insert(&client(3))]).unwrap_err().may_pass());
    store.reset().unwrap();
    assert_eq!(names(&mut store).unwrap(), ["Client 1"]);
    is_right(&mut store);
    store.end().unwrap();
}

#[test]
fn a_source_that_somebody_works_on_is_refused_in_one_line() {
    let Some((cluster, name, address)) = database() else {
        return;
    };
    let other = Other::at(&cluster.address(&name));
    let said = format!("\"{name}\" is being accessed by other users");
    one_line(Template::of(&address).map(drop), &said);
    drop(other);
    eventually(|| Template::of(&address).is_ok());
}

#[test]
fn who_may_not_make_databases_is_told_so() {
    let Some((cluster, name, _)) = database() else {
        return;
    };
    let role = "CREATE ROLE maker_of_none LOGIN; GRANT USAGE ON SCHEMA proctor TO maker_of_none;
                GRANT SELECT ON ALL TABLES IN SCHEMA proctor TO maker_of_none";
    cluster.sql(&name, role).unwrap();
    let address = as_role(&cluster.address(&name), "maker_of_none");
    let error = one_line(
        Template::of(&address).map(drop),
        "permission denied to create database",
    );
    assert!(!error.may_pass());
    let findings = Postgres::examine(&address);
    let own = findings.iter().find(|one| one.check == "own databases");
    let said = own.unwrap().result.clone().unwrap();
    assert!(said.contains("CREATEDB"), "{said}");
}
