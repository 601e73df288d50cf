//! Memory of the episode: records seen, and what was talked about last.

use std::collections::BTreeMap;

use proctor_sdk::{Cell, Entity, Row, ToolResult, Value, folded};
use serde_json::{Map, Value as Json};

use crate::crm;

/// What the student remembers of this episode.
#[derive(Clone, Debug, Default)]
pub(crate) struct Context {
    /// Every record seen, as it was seen last.
    rows: BTreeMap<String, Row>,
    /// Records that came up together, the latest last.
    groups: Vec<(Entity, Vec<String>)>,
    /// The last copy that was made, and of what.
    cloned: Option<(String, String)>,
    /// What the last comparison found lowest and highest.
    extremes: Option<(String, String)>,
    /// Facts of the last summary, and its filters.
    pub(crate) summary: Option<(Map<String, Json>, Vec<Cell>)>,
    /// Whether that summary is what was talked about last.
    pub(crate) summarized: bool,
    /// The name that was looked for in vain last.
    pub(crate) missing: Option<String>,
}

impl Context {
    /// Remembers what a call showed.
    pub(crate) fn saw(&mut self, tool: &str, arguments: &Map<String, Json>, result: &ToolResult) {
        for row in &result.rows {
            self.rows.insert(row.id.clone(), row.clone());
        }
        self.summarized = tool == "summarize_opportunities";
        match tool {
            "summarize_opportunities" => {
                self.summary = Some((arguments.clone(), result.facts.clone()));
            }
            "clone_opportunity" => {
                if let (Value::Id(of), Some(row)) =
                    (result.fact("cloned_from"), result.rows.first())
                {
                    self.cloned = Some((of.clone(), row.id.clone()));
                }
            }
            "compare_quotes" | "compare_quote_details" => self.extremes = extremes(&result.rows),
            "delete_quote" | "delete_opportunity" => {
                let gone = arguments
                    .values()
                    .find_map(Json::as_str)
                    .unwrap_or_default();
                self.rows.remove(gone);
                return;
            }
            _ => {}
        }
        self.group(tool, arguments, result);
    }

    fn group(&mut self, tool: &str, arguments: &Map<String, Json>, result: &ToolResult) {
        let Some(first) = result.rows.first() else {
            if let Some(Json::String(name)) = arguments.get("name") {
                self.missing = Some(name.clone());
            }
            return;
        };
        // Details show a record and what hangs on it: the record is the topic.
        let main = |row: &&Row| tool.ends_with("_search") || row.entity == first.entity;
        for entity in [
            Entity::Client,
            Entity::Contract,
            Entity::Quote,
            Entity::Opportunity,
        ] {
            let others: Vec<String> = result
                .rows
                .iter()
                .filter(|row| row.entity == entity)
                .map(|row| row.id.clone())
                .collect();
            if entity != first.entity && !others.is_empty() {
                self.groups.push((entity, others));
            }
        }
        let ids = result
            .rows
            .iter()
            .filter(main)
            .map(|row| row.id.clone())
            .collect();
        self.groups.push((first.entity, ids));
    }

    /// A record as it was seen last.
    pub(crate) fn row(&self, id: &str) -> Option<&Row> {
        self.rows.get(id)
    }

    /// The records that came up last: of this entity, or of any.
    pub(crate) fn latest(&self, of: Option<Entity>) -> Vec<&Row> {
        let group = self.groups.iter().rev().find(|(entity, ids)| {
            of.is_none_or(|of| of == *entity) && ids.iter().any(|id| self.rows.contains_key(id))
        });
        group.map_or(Vec::new(), |(_, ids)| {
            ids.iter().filter_map(|id| self.rows.get(id)).collect()
        })
    }

    /// The client that was talked about last, directly or through a record of theirs.
    pub(crate) fn client(&self) -> Option<String> {
        let last = self.latest(None);
        let row = last.first()?;
        if row.entity == Entity::Client {
            return Some(row.id.clone());
        }
        match row.get("client_id") {
            Value::Id(id) => Some(id.clone()),
            _ => self
                .latest(Some(Entity::Client))
                .first()
                .map(|row| row.id.clone()),
        }
    }

    /// The last copy that was made.
    pub(crate) fn copy(&self) -> Option<&Row> {
        self.cloned
            .as_ref()
            .and_then(|(_, copy)| self.rows.get(copy))
    }

    /// What the last copy was made of.
    pub(crate) fn original(&self) -> Option<String> {
        self.cloned.as_ref().map(|(original, _)| original.clone())
    }

    /// The cheapest, or the dearest, of the quotes that came up last.
    pub(crate) fn extreme(&self, highest: bool) -> Option<&Row> {
        let quotes: Vec<Row> = self
            .latest(Some(Entity::Quote))
            .into_iter()
            .cloned()
            .collect();
        let (low, high) = extremes(&quotes)
            .filter(|_| quotes.len() > 1)
            .or(self.extremes.clone())?;
        self.rows.get(if highest { &high } else { &low })
    }

    /// All rows of an entity that hold this id in this column.
    pub(crate) fn hanging_on(&self, of: Entity, column: &str, id: &str) -> Vec<&Row> {
        let holds = |row: &&Row| row.entity == of && *row.get(column) == Value::Id(id.to_owned());
        self.rows.values().filter(holds).collect()
    }

    /// Another record than this one, if any was seen: the `draw`-th, counted round and round.
    pub(crate) fn other(&self, than: &str, draw: u64) -> Option<&str> {
        let others: Vec<&str> = self
            .rows
            .keys()
            .map(String::as_str)
            .filter(|id| *id != than)
            .collect();
        let at = usize::try_from(draw % (others.len() as u64).max(1)).unwrap_or_default();
        others.get(at).copied()
    }

    /// The name of a record, for people.
    pub(crate) fn name(&self, id: &str) -> Option<String> {
        self.rows.get(id).map(name)
    }
}

fn extremes(rows: &[Row]) -> Option<(String, String)> {
    let amount = |row: &&Row| match row.get("amount") {
        Value::Money(cents) => *cents,
        _ => 0,
    };
    let low = rows.iter().min_by_key(amount)?;
    let high = rows.iter().rev().max_by_key(amount)?;
    Some((low.id.clone(), high.id.clone()))
}

/// What a record is called.
pub(crate) fn name(row: &Row) -> String {
    match row.entity {
        Entity::Contact => format!("{} {}", row.get("first_name"), row.get("last_name")),
        Entity::Document => row.get("file_name").to_string(),
        Entity::Contract => "the contract".to_owned(),
        Entity::Note => "the note".to_owned(),
        _ => row.get("name").to_string(),
    }
}

/// Whether one of a record's texts contains this one, case ignored.
pub(crate) fn mentions(row: &Row, text: &str) -> bool {
    let wanted = folded(text);
    row.cells.iter().any(|cell| match &cell.value {
        Value::Text(text) => folded(text).contains(&wanted),
        _ => false,
    })
}

/// Whether a record has this value in its enumerated column.
pub(crate) fn has_choice(row: &Row, value: &str) -> bool {
    crm::choices(row.entity)
        .is_some_and(|(column, _)| *row.get(column) == Value::Text(value.to_owned()))
}

/// The id that a record holds in a column.
pub(crate) fn reference(row: &Row, column: &str) -> Option<String> {
    match row.get(column) {
        Value::Id(id) => Some(id.clone()),
        _ => None,
    }
}
