//! Records written by people: tables of TOML, named by keys, referring to one another as
//! `@entity.key`.

use std::collections::BTreeMap;

use proctor_crm::{Column, Entity, Id, Kind, Row, Value};
use sha2::{Digest, Sha256};
use toml::Spanned;

use crate::error::{Source, SuiteError};

/// Tables by entity, as in `[[client]]`.
pub(crate) type Tables = BTreeMap<Spanned<String>, Vec<Spanned<toml::Table>>>;

/// The id of the record that people call `key`: SHA-256 over entity and key.
#[must_use]
pub fn record_id(entity: Entity, key: &str) -> Id {
    let digest = Sha256::new()
        .chain_update(b"proctor-record-1")
        .chain_update(entity.name())
        .chain_update([0])
        .chain_update(key)
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Id::from_digest(bytes)
}

/// Keys that exist, with what they stand for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    known: BTreeMap<(Entity, String), Id>,
}

impl Names {
    pub(crate) fn add(&mut self, entity: Entity, key: &str) -> Option<Id> {
        let id = record_id(entity, key);
        self.known
            .insert((entity, key.to_owned()), id)
            .is_none()
            .then_some(id)
    }

    /// The entity and id that `@entity.key` stands for; `None` if the text isn't of that form.
    pub(crate) fn resolve(&self, text: &str) -> Option<Result<(Entity, Id), String>> {
        let (entity, key) = text.strip_prefix('@')?.split_once('.')?;
        let entity = entity_named(entity)?;
        let found = self
            .known
            .get(&(entity, key.to_owned()))
            .map(|id| (entity, *id));
        Some(found.ok_or_else(|| {
            let near = self
                .known
                .keys()
                .filter(|(of, _)| *of == entity)
                .map(|(_, known)| known)
                .max_by(|one, other| likeness(one, key).total_cmp(&likeness(other, key)));
            let hint = near
                .map(|near| format!("; the nearest is `{near}`"))
                .unwrap_or_default();
            format!("there is no {} with the key `{key}`{hint}", entity.name())
        }))
    }
}

fn likeness(one: &str, other: &str) -> f64 {
    strsim::jaro_winkler(one, other)
}

/// The entity with this name in lower case.
pub(crate) fn entity_named(name: &str) -> Option<Entity> {
    Entity::ALL
        .into_iter()
        .find(|entity| entity.name().to_ascii_lowercase() == name)
}

fn key_of(source: Source<'_>, table: &Spanned<toml::Table>) -> Result<String, SuiteError> {
    let legal = |key: &str| {
        !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    match table.get_ref().get("key") {
        Some(toml::Value::String(key)) if legal(key) => Ok(key.clone()),
        Some(toml::Value::String(key)) => Err(source.error(
            table.span().start,
            format!("the key {key:?} has other characters than a-z, 0-9 and hyphen"),
        )),
        _ => Err(source.error(table.span().start, "this record has no `key`")),
    }
}

/// Makes the keys of all tables known, so that records may refer to one another in any order.
pub(crate) fn declare(
    source: Source<'_>,
    tables: &Tables,
    names: &mut Names,
) -> Result<(), SuiteError> {
    for (entity, records) in tables {
        let of = entity_named(entity.get_ref()).ok_or_else(|| {
            let legal: Vec<String> = Entity::ALL
                .map(|entity| entity.name().to_ascii_lowercase())
                .to_vec();
            source.error(
                entity.span().start,
                format!(
                    "`{}` is no entity; they are {}",
                    entity.get_ref(),
                    legal.join(", ")
                ),
            )
        })?;
        for record in records {
            let key = key_of(source, record)?;
            if names.add(of, &key).is_none() {
                let message = format!("a {} with the key `{key}` is there already", of.name());
                return Err(source.error(record.span().start, message));
            }
        }
    }
    Ok(())
}

/// Where in a file the record with this id is, and its key.
pub(crate) fn find(
    source: Source<'_>,
    of: Entity,
    id: Id,
) -> Result<Option<(usize, String)>, SuiteError> {
    let tables: Tables = source.parse()?;
    let records = tables
        .iter()
        .filter(|(entity, _)| entity_named(entity.get_ref()) == Some(of))
        .flat_map(|(_, records)| records);
    for record in records {
        let key = key_of(source, record)?;
        if record_id(of, &key) == id {
            return Ok(Some((record.span().start, key)));
        }
    }
    Ok(None)
}

/// Makes rows of the tables.
pub(crate) fn rows(
    source: Source<'_>,
    tables: &Tables,
    names: &Names,
) -> Result<Vec<Row>, SuiteError> {
    let mut rows = Vec::new();
    for (entity, records) in tables {
        let Some(of) = entity_named(entity.get_ref()) else {
            continue;
        };
        for record in records {
            let at = record.span().start;
            let key = key_of(source, record)?;
            let row = row(of, &key, record.get_ref(), names)
                .map_err(|message| source.error(at, format!("{} `{key}`: {message}", of.name())))?;
            rows.push(row);
        }
    }
    rows.sort();
    Ok(rows)
}

fn row(of: Entity, key: &str, table: &toml::Table, names: &Names) -> Result<Row, String> {
    let mut row = Row::new(of, record_id(of, key));
    for (name, value) in table.iter().filter(|(name, _)| *name != "key") {
        let (_, column) = column(of, name)?;
        let value = cell(column, value, names).map_err(|message| format!("{name}: {message}"))?;
        row.set(name, value).map_err(|error| error.to_string())?;
    }
    // Checks that nothing required is missing.
    Row::from_values(of, row.values().to_vec()).map_err(|error| error.to_string())
}

/// A column that a record may name: any but the key.
pub(crate) fn column(of: Entity, name: &str) -> Result<(usize, &'static Column), String> {
    of.column(name).filter(|(at, _)| *at > 0).ok_or_else(|| {
        let legal: Vec<&str> = of.columns()[1..].iter().map(|column| column.name).collect();
        format!(
            "a {} has no column `{name}`; its columns are {}",
            of.name(),
            legal.join(", ")
        )
    })
}

/// A value for a column.
pub(crate) fn cell(column: &Column, value: &toml::Value, names: &Names) -> Result<Value, String> {
    match value {
        toml::Value::String(text) => match names.resolve(text) {
            Some(found) => {
                let (entity, id) = found?;
                match column.kind {
                    Kind::Reference(wanted) if wanted != entity => Err(format!(
                        "refers to a {}, needs a {}",
                        entity.name(),
                        wanted.name()
                    )),
                    Kind::Reference(_) | Kind::Subject => Ok(Value::Id(id)),
                    _ => Err("only a column that refers to a record can hold a reference".into()),
                }
            }
            None => {
                if let Kind::Choice(legal) = column.kind
                    && !legal.contains(&text.as_str())
                {
                    return Err(format!("{text:?} is none of {}", legal.join(", ")));
                }
                Value::parse(column.kind, text).map_err(|error| error.to_string())
            }
        },
        toml::Value::Integer(_) | toml::Value::Float(_)
            if matches!(column.kind, Kind::Money | Kind::Percent) =>
        {
            Value::parse(column.kind, &value.to_string()).map_err(|error| error.to_string())
        }
        toml::Value::Array(entries) if column.kind == Kind::Texts => entries
            .iter()
            .map(|entry| {
                entry
                    .as_str()
                    .map(str::to_owned)
                    .ok_or("a list of texts holds texts")
            })
            .collect::<Result<_, _>>()
            .map(Value::Texts)
            .map_err(str::to_owned),
        toml::Value::Datetime(_) => Err("write dates and times in quotes".into()),
        other => Err(format!("cannot hold a TOML {}", other.type_str())),
    }
}
