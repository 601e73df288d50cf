//! States that calls were recorded on, made into rows of our tables.

use std::collections::BTreeMap;

use proctor_crm::{Column, Entity, Id, Kind, Row, Value};
use serde_json::{Map, Value as Json};

use super::cut;

/// A state on its way into our tables.
#[derive(Default)]
pub(super) struct State {
    pub(super) adjusted: Vec<String>,
    /// Names of the opportunities, for their quotes.
    opportunities: BTreeMap<Id, String>,
}

impl State {
    /// All rows, each after those it refers to.
    pub(super) fn rows(
        &mut self,
        tables: &BTreeMap<String, Vec<Map<String, Json>>>,
    ) -> Result<Vec<Row>, String> {
        let mut by_entity = BTreeMap::new();
        for (table, rows) in tables {
            let entity = Entity::from_table(table)
                .ok_or_else(|| format!("`state` has no table {:?} that we know", cut(table)))?;
            by_entity.insert(entity, (table, rows));
        }
        let mut all = Vec::new();
        for (entity, (table, rows)) in by_entity {
            for (at, json) in rows.iter().enumerate() {
                let place = format!("{table}[{at}]");
                let row = self.row(entity, json, &place)?;
                if entity == Entity::Opportunity {
                    let name = row.get("name").to_string();
                    self.opportunities.insert(row.id(), name);
                }
                all.push(row);
            }
        }
        Ok(all)
    }

    fn row(
        &mut self,
        entity: Entity,
        json: &Map<String, Json>,
        place: &str,
    ) -> Result<Row, String> {
        let key = json
            .get(entity.key())
            .and_then(Json::as_str)
            .unwrap_or_default();
        let id = key
            .parse()
            .map_err(|error| format!("{place}.{}: {error}", entity.key()))?;
        let mut row = Row::new(entity, id);
        for column in &entity.columns()[1..] {
            let given = json.get(column.name).unwrap_or(&Json::Null);
            let value = match value(column, given) {
                Ok(value) => value,
                Err(message) if column.required => {
                    return Err(format!("{place}.{}: {message}", column.name));
                }
                Err(message) => {
                    self.adjusted
                        .push(format!("{place}.{}: left out: {message}", column.name));
                    Value::Null
                }
            };
            row.set(column.name, value)
                .map_err(|error| format!("{place}: {error}"))?;
        }
        for column in entity.columns().iter().filter(|column| column.required) {
            if row.get(column.name).is_null() {
                let value = self.stand_in(column, &row).ok_or_else(|| {
                    format!(
                        "{place}.{} is missing and nothing can stand in",
                        column.name
                    )
                })?;
                self.adjusted
                    .push(format!("{place}.{}: filled in: {value}", column.name));
                row.set(column.name, value)
                    .map_err(|error| format!("{place}: {error}"))?;
            }
        }
        Ok(row)
    }

    /// What a required column holds when the state doesn't say.
    fn stand_in(&self, column: &Column, row: &Row) -> Option<Value> {
        match (row.entity(), column.name, column.kind) {
            (Entity::Quote, "name", _) => {
                let opportunity = row.get("opportunity_id").as_id()?;
                self.opportunities
                    .get(&opportunity)
                    .cloned()
                    .map(Value::Text)
            }
            (Entity::Contract, "status", _) => Some(Value::Text("Pending".into())),
            (_, _, Kind::Choice(legal)) => legal.first().map(|value| Value::Text((*value).into())),
            (_, _, Kind::Money) => Value::parse(Kind::Money, "1").ok(),
            _ => None,
        }
    }
}

/// A cell of the state as a value of our column.
fn value(column: &Column, json: &Json) -> Result<Value, String> {
    let wrong = || format!("cannot hold {}", cut(&json.to_string()));
    match (column.kind, json) {
        (_, Json::Null) => Ok(Value::Null),
        (Kind::Money, Json::Number(number)) => {
            // Amounts are binary floats there: 0.1 + 0.2 is thirty cents.
            let amount = number.as_f64().ok_or_else(wrong)?;
            let cents = (amount * 100.0).round();
            let near = (amount * 100.0 - cents).abs() < 1e-6 * cents.abs().max(1.0);
            if !near || cents.abs() >= 1e15 {
                return Err(wrong());
            }
            Value::parse(Kind::Money, &format!("{:.2}", cents / 100.0)).map_err(|_| wrong())
        }
        (Kind::Percent, Json::Number(number)) => {
            let percent = number.as_f64().filter(|percent| percent.fract() == 0.0);
            let legal = percent.filter(|percent| (1.0..=99.0).contains(percent));
            legal
                .map(|percent| Value::Integer(percent as i64))
                .ok_or_else(wrong)
        }
        (Kind::Texts, Json::Array(entries)) => entries
            .iter()
            .map(|entry| entry.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect::<Result<_, _>>()
            .map(Value::Texts),
        (Kind::Choice(legal), Json::String(text)) if !legal.contains(&text.as_str()) => {
            Err(wrong())
        }
        (Kind::Money | Kind::Percent | Kind::Texts, _) => Err(wrong()),
        (Kind::Date, Json::String(text)) => {
            let day = text.split_once('T').map_or(text.as_str(), |(day, _)| day);
            Value::parse(Kind::Date, day).map_err(|error| error.to_string())
        }
        (Kind::Timestamp, Json::String(text)) => {
            // A time without a zone is UTC there.
            Value::parse(Kind::Timestamp, text)
                .or_else(|_| Value::parse(Kind::Timestamp, &format!("{text}Z")))
                .map_err(|error| error.to_string())
        }
        (kind, Json::String(text)) => Value::parse(kind, text).map_err(|error| error.to_string()),
        _ => Err(wrong()),
    }
}
