//! SQLite and PostgreSQL refuse, by themselves, what no row may be: each constraint of either
//! schema is broken once, by SQL that bypasses the store, and none is left out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod cases;
mod database;
mod direct;
mod postgres;
mod sqlite;

use std::collections::BTreeSet;

use cases::{Literal, OTHER, bytes, checks, key, legal, same};
use database::{Constraint, Database, Refusal, Rule};
use proctor_crm::{Choice, Column, Entity, Kind};

type Varied<'v> = &'v [(&'static str, Literal)];

/// A statement that inserts an entity's legal row with some of its cells varied.
fn insert(database: &dyn Database, entity: Entity, varied: Varied) -> String {
    let mut row = legal(entity);
    for (column, value) in varied {
        row.retain(|(name, _)| name != column);
        row.push((column, value.clone()));
    }
    let names: Vec<_> = row.iter().map(|(name, _)| *name).collect();
    let values: Vec<_> = row
        .iter()
        .map(|(_, value)| database.literal(value).unwrap())
        .collect();
    format!(
        "INSERT INTO {} ({}) VALUES ({})",
        entity.table(),
        names.join(", "),
        values.join(", ")
    )
}

/// As [`insert`], beside the legal row that is there: with a key of its own and without e-mail
/// address, unless these are what is varied.
fn beside(database: &dyn Database, entity: Entity, varied: Varied) -> String {
    let mut varied = varied.to_vec();
    for (column, value) in [(entity.key(), OTHER), ("email", "NULL")] {
        let has = entity.column(column).is_some();
        if has && varied.iter().all(|(name, _)| *name != column) {
            varied.push((column, same(value)));
        }
    }
    insert(database, entity, &varied)
}

/// Attempts on a database, and the constraints that they broke.
struct Attempts<'d> {
    database: &'d dyn Database,
    broken: BTreeSet<Constraint>,
}

impl Attempts<'_> {
    fn add(&self, entity: Entity, varied: Varied) -> Result<(), Refusal> {
        self.database
            .attempt(&[beside(self.database, entity, varied)])
    }

    fn taken(&self, entity: Entity, varied: Varied) {
        let statement = beside(self.database, entity, varied);
        let done = self.database.attempt(std::slice::from_ref(&statement));
        assert!(done.is_ok(), "{statement}: {done:?}");
    }

    /// The column's rule, or the type of the column before it is asked, refuses the value.
    fn refused(&mut self, entity: Entity, varied: Varied, rule: Rule, place: &str) {
        let done = self.add(entity, varied);
        let what = || {
            format!(
                "{rule:?} {place}, {}",
                beside(self.database, entity, varied)
            )
        };
        let Err(refusal) = done else {
            panic!("not refused: {}", what())
        };
        let own = format!("{}.{}", entity.table(), varied.last().unwrap().0);
        let (expected, place) = match refusal.rule {
            Rule::Type if rule == Rule::Check => (Rule::Type, own),
            _ => (rule, place.to_owned()),
        };
        let says_so =
            refusal.rule == expected && refusal.place.as_ref().is_none_or(|found| *found == place);
        assert!(says_so, "{refusal:?} instead of {}", what());
        self.broken.insert((expected, place));
    }

    fn checks(&mut self) {
        for check in checks() {
            let table = check.name.split('_').next().unwrap();
            let entity = Entity::from_table(table).unwrap();
            for value in check.refused {
                if self.database.literal(&value).is_some() {
                    self.refused(entity, &[(check.column, value)], Rule::Check, check.name);
                }
            }
            for value in check.taken {
                if self.database.literal(&value).is_some() {
                    self.taken(entity, &[(check.column, value)]);
                }
            }
        }
    }

    fn column(&mut self, entity: Entity, column: &'static Column) {
        let name = column.name;
        let place = format!("{}.{name}", entity.table());
        if column.required {
            self.refused(entity, &[(name, same("NULL"))], Rule::NotNull, &place);
        }
        // PostgreSQL turns bytes into a text that shows them.
        let constraints = self.database.constraints();
        if constraints.contains(&(Rule::Type, place.clone())) {
            self.refused(entity, &[(name, bytes())], Rule::Type, &place);
        }
        match column.kind {
            Kind::Choice(values) => self.choice(entity, name, values),
            Kind::Reference(_) => {
                self.refused(entity, &[(name, same(OTHER))], Rule::Reference, &place);
            }
            Kind::Subject => self.subject(entity, name),
            _ => {}
        }
    }

    fn choice(&mut self, entity: Entity, name: &'static str, values: Choice) {
        let check = format!("{}_{name}", entity.table());
        for value in ["''", "'active'", "'Nothing'", "'Active '", "1"] {
            self.refused(entity, &[(name, same(value))], Rule::Check, &check);
        }
        for value in values {
            let mut varied = vec![(name, same(&format!("'{value}'")))];
            // A subject of another entity has another key.
            if name == "entity_type" {
                varied.push(("entity_id", key(Entity::from_name(value).unwrap())));
            }
            self.taken(entity, &varied);
        }
    }

    fn subject(&mut self, entity: Entity, name: &'static str) {
        let (_, declared) = entity.column("entity_type").unwrap();
        let Kind::Choice(targets) = declared.kind else {
            panic!("no choice")
        };
        for target in targets {
            let typed = ("entity_type", same(&format!("'{target}'")));
            let target = Entity::from_name(target).unwrap();
            let place = format!("{}.{}", entity.table(), target.key());
            let wrong = [typed.clone(), (name, same(OTHER))];
            self.refused(entity, &wrong, Rule::Reference, &place);
            // Nor may the record go that it hangs on.
            let hanging = insert(self.database, entity, &[typed, (name, key(target))]);
            let others = Entity::ALL
                .into_iter()
                .rev()
                .filter(|other| *other > target);
            let mut statements: Vec<_> = others.map(delete).collect();
            statements.extend([hanging, delete(target)]);
            let refusal = self.database.attempt(&statements).unwrap_err();
            assert_eq!(refusal.rule, Rule::Reference, "{target:?} {place}");
            assert!(
                refusal.place.is_none_or(|found| found == place),
                "{target:?}"
            );
        }
    }

    fn unique(&mut self) {
        for entity in Entity::ALL {
            let place = format!("{}.{}", entity.table(), entity.key());
            let twin = [(entity.key(), key(entity))];
            self.refused(entity, &twin, Rule::Unique, &place);
        }
        let twin = [("email", same("'A@B.EXAMPLE'"))];
        self.refused(Entity::Client, &twin, Rule::Unique, "clients.email");
        // Only ASCII letters are compared without case, and nothing is like nothing.
        for (one, other) in [("'é@b.example'", "'É@b.example'"), ("NULL", "NULL")] {
            let first = insert(
                self.database,
                Entity::Client,
                &[
                    ("email", same(one)),
                    ("client_id", same(&OTHER.replace("ff", "fe"))),
                ],
            );
            let second = beside(self.database, Entity::Client, &[("email", same(other))]);
            let done = self.database.attempt(&[first, second]);
            assert!(done.is_ok(), "{one} and {other}: {done:?}");
        }
    }
}

fn delete(entity: Entity) -> String {
    format!("DELETE FROM {}", entity.table())
}

fn breaks_every_constraint(database: &dyn Database) {
    let mut attempts = Attempts {
        database,
        broken: BTreeSet::new(),
    };
    attempts.checks();
    attempts.unique();
    for entity in Entity::ALL {
        for column in entity.columns() {
            attempts.column(entity, column);
        }
    }
    // Parents stay as long as anything refers to them.
    for parent in [
        Entity::Client,
        Entity::Opportunity,
        Entity::Quote,
        Entity::Contact,
    ] {
        let refusal = database.attempt(&[delete(parent)]).unwrap_err();
        assert_eq!(refusal.rule, Rule::Reference, "{parent:?}");
    }

    let all = database.constraints();
    let missing: Vec<_> = all.difference(&attempts.broken).collect();
    assert!(missing.is_empty(), "no case breaks {missing:?}");
    let unknown: Vec<_> = attempts.broken.difference(&all).collect();
    assert!(unknown.is_empty(), "the schema does not have {unknown:?}");
}

#[test]
fn sqlite_refuses_what_no_row_may_be() {
    breaks_every_constraint(&sqlite::Direct::new());
}

#[test]
fn postgres_refuses_what_no_row_may_be() {
    if let Some(postgres) = postgres::Postgres::new() {
        breaks_every_constraint(&postgres);
    }
}

#[test]
fn both_have_the_same_constraints() {
    let Some(postgres) = postgres::Postgres::new() else {
        return;
    };
    let mut expected = sqlite::Direct::new().constraints();
    for entity in Entity::ALL {
        let table = entity.table();
        for Column { name, kind, .. } in entity.columns() {
            match kind {
                // The type of the column says all that the CHECK says.
                Kind::Id | Kind::Choice(_) => {
                    assert!(expected.remove(&(Rule::Check, format!("{table}_{name}"))));
                }
                // Everything can be turned into a text.
                _ if kind.is_text() => {
                    assert!(expected.remove(&(Rule::Type, format!("{table}.{name}"))));
                }
                _ => {}
            }
        }
    }
    assert_eq!(postgres.constraints(), expected);
}
