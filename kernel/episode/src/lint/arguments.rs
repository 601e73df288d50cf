//! The single values within a call's arguments, each with what the tool takes it for.

use proctor_crm::{ArgumentKind, Column, Entity, Kind, Tool};
use serde_json::Value as Json;

/// One value within arguments.
pub(super) struct Leaf {
    /// Where it is: a JSON pointer (RFC 6901).
    pub(super) pointer: String,
    /// Where it is, for people: `updates.amount`.
    pub(super) path: String,
    /// The value.
    pub(super) value: Json,
    /// What the tool takes it for.
    pub(super) role: Role,
}

/// What a value is to a tool.
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// The value of a column other than a key.
    Column(&'static Column),
    /// Key of a record.
    Key(Entity),
    /// A whole number, with what it is when left out.
    Whole(u32),
    /// Nothing that the tool knows.
    Unknown,
}

/// Every value within the arguments of a call, in a fixed order. Nothing is hidden in an empty
/// object or list.
pub(super) fn leaves(tool: &Tool, arguments: &Json) -> Vec<Leaf> {
    let mut found = Vec::new();
    walk(tool, arguments, &mut Vec::new(), &mut found);
    found
}

fn walk(tool: &Tool, json: &Json, path: &mut Vec<String>, found: &mut Vec<Leaf>) {
    let mut inner = |name: String, json: &Json| {
        path.push(name);
        walk(tool, json, path, found);
        path.pop();
    };
    match json {
        Json::Object(object) => {
            object
                .iter()
                .for_each(|(name, json)| inner(name.clone(), json));
        }
        Json::Array(entries) => {
            entries
                .iter()
                .enumerate()
                .for_each(|(at, json)| inner(at.to_string(), json));
        }
        value => {
            let escaped = path
                .iter()
                .map(|name| name.replace('~', "~0").replace('/', "~1"));
            found.push(Leaf {
                pointer: escaped.map(|name| format!("/{name}")).collect(),
                path: path.join("."),
                value: value.clone(),
                role: role(tool, path),
            });
        }
    }
}

fn role(tool: &Tool, path: &[String]) -> Role {
    let arguments = tool.arguments();
    let argument = path
        .first()
        .and_then(|name| arguments.iter().find(|one| one.name == name));
    let Some(argument) = argument else {
        return Role::Unknown;
    };
    let column = match argument.kind {
        ArgumentKind::Column(column)
        | ArgumentKind::Update(column)
        | ArgumentKind::Filter(column) => column,
        ArgumentKind::Ids(entity) => return Role::Key(entity),
        ArgumentKind::Whole { default, .. } => return Role::Whole(default),
        ArgumentKind::Updates(entity) | ArgumentKind::Criteria(entity) => {
            match path.get(1).and_then(|name| entity.column(name)) {
                Some((_, column)) => column,
                None => return Role::Unknown,
            }
        }
    };
    match column.kind {
        Kind::Reference(entity) => Role::Key(entity),
        Kind::Id => match Entity::ALL
            .into_iter()
            .find(|entity| entity.key() == column.name)
        {
            Some(entity) => Role::Key(entity),
            None => Role::Unknown,
        },
        _ => Role::Column(column),
    }
}
