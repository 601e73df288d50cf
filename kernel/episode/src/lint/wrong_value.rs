//! For a value another one, as plausible and as legal, and wrong.

use jiff::ToSpan;
use proctor_crm::{Column, Date, Kind, Timestamp, Value};
use serde_json::{Value as Json, json};

/// Text that no task asks for.
const OTHER_TEXT: &str = "Quite Another Matter";

/// Another value for a column other than a key. As near to the right one as a mistake may be:
/// an amount is off by one, a date by a day, a choice by its neighbour.
pub(super) fn wrong_value(column: &Column, right: &Json, now: Timestamp) -> Json {
    let text = right.as_str().unwrap_or_default();
    match column.kind {
        Kind::Money => {
            let amount = right.as_f64().filter(|amount| *amount >= 2.0);
            json!(amount.map_or(4321.0, |amount| amount - 1.0))
        }
        Kind::Percent => match right.as_i64() {
            Some(percent @ 1..=98) => json!(percent + 1),
            _ => json!(37),
        },
        Kind::Date => {
            let right: Option<Date> = text.parse().ok();
            json!(right.and_then(|date| date.tomorrow().ok()).map_or_else(
                || now.to_zoned(jiff::tz::TimeZone::UTC).date().to_string(),
                |date| date.to_string(),
            ))
        }
        Kind::Timestamp => {
            let right: Option<Timestamp> = text.parse().ok();
            let earlier = right.unwrap_or(now).checked_sub(1.hour()).unwrap_or(now);
            json!(Value::Timestamp(earlier).to_string())
        }
        Kind::Choice(legal) => {
            let at = legal
                .iter()
                .position(|value| *value == text)
                .map_or(0, |at| at + 1);
            json!(
                legal
                    .get(at % legal.len().max(1))
                    .copied()
                    .unwrap_or(OTHER_TEXT)
            )
        }
        Kind::Email => json!("somebody.else@elsewhere.example"),
        Kind::Url => json!("https://elsewhere.example/another.pdf"),
        Kind::FileName => json!("quite_another.pdf"),
        Kind::Line | Kind::Prose | Kind::Texts | Kind::Id | Kind::Reference(_) | Kind::Subject => {
            json!(OTHER_TEXT)
        }
    }
}

/// Another text for one that belongs to nothing the tool knows.
pub(super) fn wrong_text() -> Json {
    json!(OTHER_TEXT)
}

/// Another whole number than this one, within any limits that are wider than one number.
pub(super) fn wrong_whole(right: &Json) -> Json {
    match right.as_u64() {
        Some(1) => json!(2),
        Some(0) => json!(1),
        Some(number) => json!(number - 1),
        None => json!(1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proctor_crm::Entity;

    #[test]
    fn a_wrong_value_is_legal_and_another() {
        let now: Timestamp = "2026-01-15T09:00:00Z".parse().unwrap_or_default();
        for (entity, column, right, wrong) in [
            (Entity::Opportunity, "amount", json!(85000), json!(84999.0)),
            (Entity::Opportunity, "amount", json!("a lot"), json!(4321.0)),
            (Entity::Opportunity, "probability", json!(70), json!(71)),
            (Entity::Opportunity, "probability", json!(125), json!(37)),
            (
                Entity::Opportunity,
                "close_date",
                json!("2026-01-31"),
                json!("2026-02-01"),
            ),
            (
                Entity::Opportunity,
                "close_date",
                json!("soon"),
                json!("2026-01-15"),
            ),
            (
                Entity::Opportunity,
                "stage",
                json!("Closed-Lost"),
                json!("Prospecting"),
            ),
            (
                Entity::Opportunity,
                "stage",
                json!("proposal"),
                json!("Prospecting"),
            ),
            (
                Entity::Client,
                "created_date",
                json!(null),
                json!("2026-01-15T08:00:00Z"),
            ),
        ] {
            let found = entity
                .column(column)
                .map(|(_, column)| wrong_value(column, &right, now));
            assert_eq!(found, Some(wrong), "{column} {right}");
        }
    }
}
