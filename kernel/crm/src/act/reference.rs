//! Records that a call's fields point at, and values that no other record may have.

use super::Answers;
use crate::field::{Fields, not_found};
use crate::{Code, Condition, Entity, Id, Kind, Query, Refusal, Row, Value, spelling};

/// The first checks of a call that writes, in order.
#[derive(Debug, Default)]
pub(super) struct References(Vec<Check>);

#[derive(Debug)]
enum Check {
    /// The field names nothing that can be looked up.
    Wrong(Refusal),
    /// A record with this key must exist.
    Exists {
        field: &'static str,
        entity: Entity,
        id: Id,
    },
    /// No record but this one may have the value.
    Unique {
        field: &'static str,
        entity: Entity,
        text: String,
        but: Option<Id>,
    },
}

/// The rows that the fields refer to, by field.
#[derive(Debug, Default)]
pub(super) struct Referred(Vec<(&'static str, Row)>);

impl References {
    /// What to look up for the fields of a row; `but` is the row itself when it exists already.
    pub(super) fn of(entity: Entity, fields: &Fields, but: Option<Id>) -> Self {
        let mut checks = Vec::new();
        for field in fields.iter() {
            let name = field.column.name;
            let target = match field.column.kind {
                Kind::Reference(target) => Some(target),
                Kind::Subject => subject(fields),
                _ => continue,
            };
            match (&field.value, target) {
                (Err(refusal), _) => checks.push(Check::Wrong(refusal.clone())),
                (Ok(Value::Id(id)), Some(entity)) => {
                    checks.push(Check::Exists {
                        field: name,
                        entity,
                        id: *id,
                    });
                }
                // Cleared; or of an entity that does not exist, which is refused further on.
                (Ok(_), _) => {}
            }
        }
        if let (Entity::Client, Some(Value::Text(text))) = (entity, fields.value("email")) {
            checks.push(Check::Unique {
                field: "email",
                entity,
                text: text.clone(),
                but,
            });
        }
        Self(checks)
    }

    pub(super) fn queries(&self) -> Vec<Query> {
        self.0.iter().filter_map(Check::query).collect()
    }

    /// Refuses what is missing or taken.
    pub(super) fn check(self, answers: &mut Answers) -> Result<Referred, Refusal> {
        let mut referred = Vec::new();
        for check in self.0 {
            match check {
                Check::Wrong(refusal) => return Err(refusal),
                Check::Exists { field, entity, id } => match answers.row() {
                    Some(row) => referred.push((field, row)),
                    None => return Err(not_found(field, &id.to_string(), Some(entity))),
                },
                Check::Unique {
                    field,
                    entity,
                    text,
                    but,
                } => {
                    let others = answers.rows();
                    if let Some(other) = others.iter().find(|row| Some(row.id()) != but) {
                        return Err(taken(field, entity, &text, other));
                    }
                }
            }
        }
        Ok(Referred(referred))
    }
}

impl Check {
    fn query(&self) -> Option<Query> {
        match self {
            Self::Wrong(_) => None,
            Self::Exists { entity, id, .. } => Some(Query::by_id(*entity, *id)),
            Self::Unique {
                field,
                entity,
                text,
                ..
            } => {
                let same = Condition::EqualsIgnoringCase(field, text.clone());
                Some(Query::all(*entity, vec![same]))
            }
        }
    }
}

impl Referred {
    /// The row that a field refers to.
    pub(super) fn get(&self, field: &str) -> Option<&Row> {
        self.0
            .iter()
            .find(|(name, _)| *name == field)
            .map(|(_, row)| row)
    }
}

/// The entity of the record that a document or note is attached to.
fn subject(fields: &Fields) -> Option<Entity> {
    fields
        .value("entity_type")
        .and_then(Value::as_text)
        .and_then(Entity::from_name)
}

fn taken(field: &str, entity: Entity, text: &str, other: &Row) -> Refusal {
    let message = format!(
        "The {} {} has the {field} {} already; no two may share one.",
        entity.name().to_lowercase(),
        other.id(),
        spelling::quoted(text),
    );
    Refusal::new(Code::Duplicate, field, message)
}
