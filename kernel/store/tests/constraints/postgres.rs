//! PostgreSQL's side: it names the constraint that was broken, its catalogue is in tables.

use std::collections::{BTreeMap, BTreeSet};

use proctor_crm::Entity;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::cases::Literal;
use crate::database::{Constraint, Database, Refusal, Rule};
use crate::direct::Direct;
use crate::insert;

/// Its CHECKs, keys and references: name, rule, place and what becomes of those that refer to a
/// record that goes.
const NAMED: &str = "
SELECT conname::text, contype::text, conrelid::regclass::text, attname::text,
       confdeltype::text
FROM pg_constraint LEFT JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
WHERE connamespace = 'proctor'::regnamespace AND contype <> 'n'";

/// Unique indexes, with the column that each is on, be it in an expression.
const UNIQUE: &str = "
SELECT c.relname::text, i.indrelid::regclass::text,
       substring(pg_get_indexdef(c.oid, 1, true) from '^(?:lower\\()?(\\w+)')
FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'proctor'::regnamespace AND i.indisunique";

/// Columns that aren't computed: whether they must be filled, and whether anything can be made a
/// value of theirs. Whatever is given to a text column is turned into a text.
const COLUMNS: &str = "
SELECT attrelid::regclass::text, attname::text, attnotnull, atttypid = 'text'::regtype
FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
WHERE c.relnamespace = 'proctor'::regnamespace AND c.relkind = 'r'
  AND attnum > 0 AND NOT attisdropped AND attgenerated = ''";

pub(crate) struct Postgres {
    direct: Direct,
    /// The constraints that have names.
    named: BTreeMap<String, Constraint>,
}

impl Postgres {
    /// Nothing where there is no server.
    pub(crate) fn new() -> Option<Self> {
        let direct = Direct::new()?;
        let named = named(&direct);
        let postgres = Self { direct, named };
        for entity in Entity::ALL {
            let sql = insert(&postgres, entity, &[]);
            postgres.direct.run(&sql).unwrap();
        }
        Some(postgres)
    }

    fn refusal(&self, error: &Error) -> Refusal {
        let said = error.as_db_error().unwrap();
        if let Some(constraint) = said.constraint().and_then(|name| self.named.get(name)) {
            let (rule, place) = constraint.clone();
            return Refusal {
                rule,
                place: Some(place),
            };
        }
        if *said.code() == SqlState::NOT_NULL_VIOLATION {
            let (table, column) = (said.table().unwrap(), said.column().unwrap());
            return Refusal {
                rule: Rule::NotNull,
                place: Some(format!("{table}.{column}")),
            };
        }
        let types = [
            SqlState::DATATYPE_MISMATCH,
            SqlState::INVALID_TEXT_REPRESENTATION,
            SqlState::INVALID_DATETIME_FORMAT,
            SqlState::DATETIME_FIELD_OVERFLOW,
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        ];
        assert!(types.contains(said.code()), "{said:?}");
        Refusal {
            rule: Rule::Type,
            place: None,
        }
    }
}

impl Database for Postgres {
    fn literal<'l>(&self, literal: &'l Literal) -> Option<&'l str> {
        literal.postgres.as_deref()
    }

    fn attempt(&self, statements: &[String]) -> Result<(), Refusal> {
        self.direct.run("BEGIN").unwrap();
        let done = statements.iter().try_for_each(|sql| self.direct.run(sql));
        self.direct.run("ROLLBACK").unwrap();
        done.map_err(|error| self.refusal(&error))
    }

    fn constraints(&self) -> BTreeSet<Constraint> {
        let mut all: BTreeSet<_> = self.named.values().cloned().collect();
        for row in self.direct.rows(COLUMNS, &[]) {
            let place = format!("{}.{}", row.get::<_, &str>(0), row.get::<_, &str>(1));
            if row.get(2) {
                all.insert((Rule::NotNull, place.clone()));
            }
            if !row.get::<_, bool>(3) {
                all.insert((Rule::Type, place));
            }
        }
        all
    }
}

fn named(direct: &Direct) -> BTreeMap<String, Constraint> {
    let mut all = BTreeMap::new();
    for row in direct.rows(NAMED, &[]) {
        let [name, kind, table] = [0, 1, 2].map(|at| row.get::<_, String>(at));
        let column = row.get::<_, Option<String>>(3).unwrap();
        let constraint = match kind.as_str() {
            "c" => (Rule::Check, name.clone()),
            "f" => {
                assert_eq!(row.get::<_, &str>(4), "r", "{name} is not RESTRICT");
                (Rule::Reference, format!("{table}.{column}"))
            }
            // Keys are unique indexes too, which come below.
            "p" | "u" => continue,
            other => panic!("no case knows a constraint like {name}: {other}"),
        };
        all.insert(name, constraint);
    }
    for row in direct.rows(UNIQUE, &[]) {
        let [name, table, column] = [0, 1, 2].map(|at| row.get::<_, String>(at));
        all.insert(name, (Rule::Unique, format!("{table}.{column}")));
    }
    all
}
