//! A database that anyone has meddled with is taken back to a state that is known, and nothing
//! else is touched.

use std::thread;

use proctor_cluster::Cluster;
use proctor_store::{
    Address, MigrationError, Postgres, Rebuilt, Snapshot, Store as _, StoreError, Strangers,
};

use crate::world::database;
use crate::{client, contact, is_right, with};

/// What every rebuild here leads to.
fn canonical() -> Snapshot {
    let ada = with(&client(1), "email", crate::text("ada@example.com"));
    Snapshot::from_rows(vec![ada, client(2), contact(3, 1)]).unwrap()
}

/// A database in the canonical state to which somebody did this.
fn meddled(sql: &str) -> Option<(&'static Cluster, String, Address)> {
    let (cluster, name, address) = database()?;
    let mut store = Postgres::open(&address).unwrap();
    store.restore(&canonical()).unwrap();
    drop(store);
    cluster.sql(&name, sql).unwrap();
    Some((cluster, name, address))
}

/// The rows and the schema are as they should be, and nothing else is there.
#[track_caller]
fn is_canonical(address: &Address, sql: &str) {
    let mut store = Postgres::open(address).unwrap();
    store.check_schema().unwrap();
    assert_eq!(store.snapshot().unwrap(), canonical(), "{sql}");
    is_right(&mut store);
    for finding in Postgres::examine(address) {
        assert!(finding.result.is_ok(), "{sql}: {finding:?}");
        if finding.check == "additions" {
            assert_eq!(finding.result.unwrap(), "none", "{sql}");
        }
    }
}

/// All that the database holds outside of the server's own schemas.
fn everything(cluster: &Cluster, name: &str) -> String {
    let sql = "SELECT coalesce(string_agg(line, E'\\n' ORDER BY line), '') FROM (
        SELECT format('%s.%s %s: %s', nspname, relname, relkind,
          CASE WHEN relkind IN ('r', 'v', 'm')
          THEN query_to_xml(format('SELECT * FROM %I.%I', nspname, relname), true, true, '') END)
        FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
        WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
        UNION ALL
        SELECT format('%s %s', conrelid::regclass, pg_get_constraintdef(oid)) FROM pg_constraint
        UNION ALL
        SELECT format('%s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod))
        FROM pg_attribute
        WHERE attnum > 0 AND attrelid >= 16384 AND attrelid::regclass::text !~ '^pg_toast'
        UNION ALL
        SELECT format('%s default %s', adrelid::regclass, pg_get_expr(adbin, adrelid))
        FROM pg_attrdef
        UNION ALL
        SELECT format('%s trigger %s', tgrelid::regclass, pg_get_triggerdef(oid))
        FROM pg_trigger WHERE NOT tgisinternal) AS lines (line)";
    cluster.sql(name, sql).unwrap()
}

#[test]
fn whatever_was_done_is_undone() {
    for (sql, altered) in [
        ("", false),
        ("UPDATE clients SET name = 'Mallory', owner = 'me'", false),
        ("DELETE FROM contacts; DELETE FROM clients", false),
        (
            "INSERT INTO companies (company_id, name) VALUES (gen_random_uuid(), 'Extra')",
            false,
        ),
        ("ANALYZE", false),
        (
            "ALTER TABLE clients DROP CONSTRAINT clients_name; UPDATE clients SET name = ''",
            true,
        ),
        ("ALTER TABLE clients ADD COLUMN secret text", true),
        (
            "ALTER TABLE clients ADD COLUMN secret text; ALTER TABLE clients DROP COLUMN secret",
            false,
        ),
        ("ALTER TABLE clients RENAME COLUMN owner TO keeper", true),
        ("ALTER TABLE opportunities ALTER amount TYPE float8", true),
        ("ALTER TYPE client_status ADD VALUE 'Lost'", true),
        ("DROP TABLE clients CASCADE", true),
        (
            "DROP TABLE contacts CASCADE; CREATE TABLE contacts (contact_id int)",
            true,
        ),
        (
            "DROP TABLE notes; CREATE VIEW notes AS SELECT 1 AS one",
            true,
        ),
        ("DROP INDEX clients_email", true),
        ("CREATE UNIQUE INDEX one ON clients (status, owner)", true),
        (
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
             CREATE TRIGGER no BEFORE INSERT ON clients FOR EACH ROW EXECUTE FUNCTION no()",
            true,
        ),
        (
            "CREATE RULE no AS ON INSERT TO clients DO INSTEAD NOTHING",
            true,
        ),
        (
            "ALTER TABLE clients DISABLE TRIGGER ALL; DELETE FROM clients",
            true,
        ),
        ("DROP FUNCTION fold CASCADE", true),
        ("DROP TABLE schema_migration", true),
        ("DELETE FROM schema_migration", true),
        ("UPDATE schema_migration SET checksum = 'x'", true),
        (
            "INSERT INTO schema_migration VALUES (2, 'later', '', '1')",
            true,
        ),
        (
            "ALTER TABLE schema_migration RENAME COLUMN checksum TO c",
            true,
        ),
        ("DROP SCHEMA proctor CASCADE", true),
    ] {
        let Some((_, _, address)) = meddled(&format!("SET search_path TO proctor; {sql}")) else {
            return;
        };
        let rebuilt = Postgres::rebuild(&address, &canonical(), Strangers::Refuse).unwrap();
        let expected = Rebuilt {
            altered,
            dropped: Vec::new(),
        };
        assert_eq!(rebuilt, expected, "{sql}");
        is_canonical(&address, sql);
    }
}

#[test]
fn strangers_are_named_and_left_unless_they_are_to_go() {
    for (sql, strangers) in [
        (
            "CREATE TABLE mine (id int); INSERT INTO mine VALUES (1)",
            &["mine"][..],
        ),
        ("CREATE TABLE \"a \"\"b\" (id int)", &["a \"b"]),
        ("CREATE VIEW seen AS SELECT name FROM clients", &["seen"]),
        (
            "CREATE MATERIALIZED VIEW kept AS SELECT name FROM clients; CREATE SEQUENCE counting",
            &["counting", "kept"],
        ),
        // A name that something of ours had which is no table.
        (
            "DROP INDEX clients_email; CREATE TABLE clients_email (id int)",
            &["clients_email"],
        ),
        (
            "CREATE TABLE hanging (client_id uuid REFERENCES clients)",
            &["hanging"],
        ),
        (
            "DROP TABLE schema_migration; CREATE TABLE mine (id int)",
            &["mine"],
        ),
    ] {
        let Some((cluster, name, address)) = meddled(&format!("SET search_path TO proctor; {sql}"))
        else {
            return;
        };
        let before = everything(cluster, &name);
        match Postgres::rebuild(&address, &canonical(), Strangers::Refuse) {
            Err(StoreError::Strangers { objects }) => assert_eq!(objects, strangers, "{sql}"),
            other => panic!("{sql}: {other:?}"),
        }
        assert_eq!(everything(cluster, &name), before, "{sql}");
        let rebuilt = Postgres::rebuild(&address, &canonical(), Strangers::Drop).unwrap();
        assert!(rebuilt.altered);
        assert_eq!(rebuilt.dropped, strangers, "{sql}");
        is_canonical(&address, sql);
    }
}

#[test]
fn other_schemas_are_never_touched() {
    let elsewhere = "
        CREATE TABLE public.clients (id int PRIMARY KEY); INSERT INTO public.clients VALUES (1);
        CREATE VIEW public.seen AS SELECT * FROM public.clients;
        CREATE SCHEMA proctor_other; CREATE TYPE proctor_other.client_status AS ENUM ('Gone');
        CREATE TABLE proctor_other.orders (id int REFERENCES public.clients, s proctor_other.client_status);
        INSERT INTO proctor_other.orders VALUES (1, 'Gone')";
    for sql in ["", "DROP TABLE proctor.notes"] {
        let Some((cluster, name, address)) = meddled(sql) else {
            return;
        };
        let canonical_state = {
            let (_, name, _) = meddled("").unwrap();
            cluster.sql(&name, elsewhere).unwrap();
            without_times(&everything(cluster, &name))
        };
        cluster.sql(&name, elsewhere).unwrap();
        Postgres::rebuild(&address, &canonical(), Strangers::Drop).unwrap();
        is_canonical(&address, sql);
        let state = without_times(&everything(cluster, &name));
        assert_eq!(state, canonical_state, "{sql}");
    }
}

/// Leaves out when the migration was.
fn without_times(state: &str) -> String {
    let lines = state.lines().filter(|line| !line.contains("<applied_on>"));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_would_go_from_another_schema_is_named_and_everything_stays() {
    for (sql, entangled) in [
        (
            "CREATE VIEW public.seen AS SELECT name FROM proctor.clients",
            "view public.seen",
        ),
        (
            "CREATE TABLE public.orders (client_id uuid REFERENCES proctor.clients)",
            "constraint orders_client_id_fkey on table public.orders",
        ),
        (
            "CREATE TABLE public.orders (status proctor.client_status)",
            "column status of table public.orders",
        ),
        (
            "CREATE TABLE public.orders (name text DEFAULT proctor.fold('A'))",
            "default value for column name of table public.orders",
        ),
        (
            "CREATE TABLE public.orders (name text);
             CREATE INDEX folded ON public.orders (proctor.fold(name))",
            "index public.folded",
        ),
        (
            "CREATE FUNCTION public.of(proctor.clients) RETURNS int LANGUAGE sql AS 'SELECT 1'",
            "function public.of",
        ),
    ] {
        // The tables are made anew, since one of them is another.
        let Some((cluster, name, address)) =
            meddled(&format!("ALTER TABLE proctor.notes ADD more int; {sql}"))
        else {
            return;
        };
        let before = everything(cluster, &name);
        match Postgres::rebuild(&address, &canonical(), Strangers::Drop) {
            Err(StoreError::Entangled { objects }) => {
                let named = objects.iter().any(|object| object.starts_with(entangled));
                assert!(named, "{sql}: {objects:?}");
            }
            other => panic!("{sql}: {other:?}"),
        }
        assert_eq!(everything(cluster, &name), before, "{sql}");
    }
}

#[test]
fn where_only_rows_differ_who_merely_looks_on_is_not_in_the_way() {
    let looking = "
        CREATE VIEW public.seen AS SELECT name FROM proctor.clients;
        DELETE FROM proctor.contacts";
    let Some((cluster, name, address)) = meddled(looking) else {
        return;
    };
    Postgres::rebuild(&address, &canonical(), Strangers::Refuse).unwrap();
    is_canonical(&address, looking);
    let seen = cluster.sql(&name, "SELECT count(*) FROM public.seen");
    assert_eq!(seen.unwrap(), "2");

    // But rows that others refer to can't be replaced.
    let refers = "CREATE TABLE public.orders (client_id uuid REFERENCES proctor.clients)";
    cluster.sql(&name, refers).unwrap();
    let before = everything(cluster, &name);
    let restored = Postgres::open(&address).unwrap().restore(&canonical());
    let rebuilt = Postgres::rebuild(&address, &canonical(), Strangers::Drop).map(drop);
    for done in [restored, rebuilt] {
        match done {
            Err(StoreError::Entangled { objects }) => assert_eq!(
                objects,
                ["constraint orders_client_id_fkey on table public.orders"]
            ),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(everything(cluster, &name), before);
}

#[test]
fn an_empty_database_and_anothers_schema_are_made_ours() {
    let Some(cluster) = Cluster::shared() else {
        return;
    };
    for (sql, dropped) in [
        ("", &[][..]),
        ("CREATE SCHEMA proctor", &[]),
        (
            "CREATE SCHEMA proctor; CREATE TABLE proctor.theirs (id int)",
            &["theirs"],
        ),
        // One of the names that we have, too.
        (
            "CREATE SCHEMA proctor; CREATE TABLE proctor.clients (id int)",
            &[],
        ),
    ] {
        let name = cluster.database();
        let address: Address = cluster.address(&name).parse().unwrap();
        cluster.sql(&name, sql).unwrap();
        if !dropped.is_empty() {
            let refused = Postgres::rebuild(&address, &canonical(), Strangers::Refuse);
            assert!(matches!(refused, Err(StoreError::Strangers { .. })));
        }
        let rebuilt = Postgres::rebuild(&address, &canonical(), Strangers::Drop).unwrap();
        assert_eq!(rebuilt.dropped, dropped, "{sql}");
        is_canonical(&address, sql);
    }
}

#[test]
fn two_rebuilds_at_once_take_turns() {
    for sql in [
        "",
        "DROP TABLE proctor.notes",
        "DROP SCHEMA proctor CASCADE",
    ] {
        let Some((_, _, address)) = meddled(sql) else {
            return;
        };
        let rebuilding: Vec<_> = (0..4)
            .map(|_| {
                let address = address.clone();
                thread::spawn(move || {
                    Postgres::rebuild(&address, &canonical(), Strangers::Refuse).unwrap()
                })
            })
            .collect();
        let altered = rebuilding
            .into_iter()
            .map(|one| one.join().unwrap())
            .filter(|rebuilt| rebuilt.altered)
            .count();
        assert_eq!(altered, usize::from(!sql.is_empty()), "{sql}");
        is_canonical(&address, sql);
    }
}

#[test]
fn rows_that_a_constraint_forbids_leave_everything_as_it_was() {
    let Some((cluster, name, address)) = meddled("DROP TABLE proctor.notes") else {
        return;
    };
    let before = everything(cluster, &name);
    let orphan = Snapshot::from_rows(vec![contact(3, 1)]).unwrap();
    let rebuilt = Postgres::rebuild(&address, &orphan, Strangers::Drop);
    assert!(matches!(rebuilt, Err(StoreError::Constraint { .. })));
    assert_eq!(everything(cluster, &name), before);
    let mut store = Postgres::open(&address);
    assert!(store.is_err() || store.as_mut().unwrap().check_schema().is_err());
    assert!(!matches!(
        store.map(drop),
        Err(StoreError::Migration(MigrationError::Foreign))
    ));
}
