//! What the student says.

use proctor_sdk::{Cell, Entity, Refusal, Row, ToolResult, Value};

use crate::context::{Context, name, reference};
use crate::understanding::Ask;

/// Said of work that is done.
pub(crate) const DONE: &str = "Done, as you asked.";
/// Said to people from outside the company.
pub(crate) const CONFIDENTIAL: &str = "I'm sorry, but I can't share that: what we know about our \
    clients is confidential and internal.";
/// Said when a request makes no sense to the student.
pub(crate) const UNCLEAR: &str = "I'm not sure what you mean. Could you tell me which record this \
    is about, and what I should do with it?";

/// Why a call that the CRM refused ends the matter.
pub(crate) fn refused(refusal: &Refusal) -> String {
    let field = match refusal.field.as_str() {
        "" => String::new(),
        field => format!(" (the {} is at fault)", field.replace('_', " ")),
    };
    let reason = refusal.code.replace('_', " ");
    format!(
        "I can't do that, and nothing was changed: {}{field} [{reason}]",
        refusal.message
    )
}

/// Nothing is called that.
pub(crate) fn not_found(wanted: &str) -> String {
    format!("I could not find {wanted}: no record matches. Could you check the name?")
}

/// Some records cannot be deleted at all.
pub(crate) fn cannot_delete(of: Entity) -> String {
    format!(
        "I can't delete a {}: there is no way to do that here.",
        of.name().to_lowercase()
    )
}

/// Several records are meant, perhaps.
pub(crate) fn ambiguous(context: &Context, rows: &[Row]) -> String {
    let shown: Vec<String> = rows
        .iter()
        .take(5)
        .map(|row| with_client(context, row))
        .collect();
    let count = if rows.len() == 2 {
        "two".to_owned()
    } else {
        format!("several ({})", rows.len())
    };
    format!(
        "Which one do you mean? There are {count} that fit: {}.",
        shown.join("; ")
    )
}

fn with_client(context: &Context, row: &Row) -> String {
    let client = reference(row, "client_id").and_then(|id| context.name(&id));
    let kind = row.entity.name().to_lowercase();
    match client {
        Some(client) => format!("{} ({kind} of {client})", name(row)),
        None => format!("{} ({kind})", name(row)),
    }
}

/// What was found about something that the user only thinks about.
pub(crate) fn considered(rows: &[Row]) -> String {
    let shown: Vec<String> = rows
        .iter()
        .map(|row| {
            let state = match row.entity {
                Entity::Opportunity => row.get("stage"),
                _ => row.get("status"),
            };
            format!(
                "the {} {} is {state}",
                row.entity.name().to_lowercase(),
                name(row)
            )
        })
        .collect();
    format!(
        "At the moment {}. I have not deleted, canceled or changed anything; let me know if I should go ahead.",
        shown.join(", ")
    )
}

/// Tells what was asked about records.
pub(crate) fn rows(context: &Context, rows: &[Row], total: i64, asks: &[Ask]) -> String {
    let counts = asks.contains(&Ask::Count);
    if rows.is_empty() {
        return if counts {
            format!("There are {total}.")
        } else {
            "I find none.".to_owned()
        };
    }
    let mut said = String::new();
    if counts {
        said = format!("There are {total}. ");
        if asks.len() == 1 {
            return said;
        }
    }
    let unnamed = counts && !asks.contains(&Ask::Name);
    let each: Vec<String> = rows
        .iter()
        .map(|row| one(context, row, asks, unnamed))
        .collect();
    said + &each.join("; ") + "."
}

fn one(context: &Context, row: &Row, asks: &[Ask], unnamed: bool) -> String {
    let mut parts: Vec<String> = Vec::new();
    let nameless = matches!(row.entity, Entity::Contract | Entity::Note);
    if !unnamed && !nameless {
        parts.push(name(row));
    }
    if asks.contains(&Ask::Id) || asks.is_empty() || nameless && asks.contains(&Ask::Name) {
        parts.push(format!("id {}", row.id));
    }
    for ask in asks {
        match ask {
            Ask::Column(column) => parts.extend(column_text(row, column)),
            Ask::ClientId => {
                parts.extend(reference(row, "client_id").map(|id| format!("client id {id}")))
            }
            Ask::Client => {
                let client = reference(row, "client_id").and_then(|id| context.name(&id));
                parts.extend(client.map(|client| format!("for {client}")));
            }
            Ask::Opportunity => {
                let deal = reference(row, "opportunity_id").and_then(|id| context.name(&id));
                parts.extend(deal.map(|deal| format!("for the opportunity {deal}")));
            }
            Ask::Notes => parts.extend(notes(context, row)),
            Ask::Files => parts.extend(files(context, row)),
            _ => {}
        }
    }
    parts.join(", ")
}

fn column_text(row: &Row, column: &str) -> Option<String> {
    let label = column.replace('_', " ");
    match row.get(column) {
        Value::Absent if column == "notes" => None,
        Value::Absent => Some(format!("no {label}")),
        Value::Money(_) => Some(format!("{label} ${}", row.get(column))),
        Value::Integer(number) if column == "probability" => {
            Some(format!("{label} {number} percent"))
        }
        value => Some(format!("{label} {value}")),
    }
}

fn notes(context: &Context, row: &Row) -> Vec<String> {
    let notes = context.hanging_on(Entity::Note, "entity_id", &row.id);
    notes
        .iter()
        .map(|note| format!("{} wrote: {}", note.get("created_by"), note.get("content")))
        .collect()
}

fn files(context: &Context, row: &Row) -> Vec<String> {
    let files = context.hanging_on(Entity::Document, "entity_id", &row.id);
    files
        .iter()
        .map(|file| format!("file {}", file.get("file_name")))
        .collect()
}

/// How many records of other kinds hang on the one that was shown.
pub(crate) fn counts(result: &ToolResult, asks: &[Ask]) -> String {
    let mut said = String::new();
    for ask in asks {
        let Ask::CountOf(of) = ask else { continue };
        let fact = match of {
            Entity::Quote => "quotes",
            Entity::Document => "documents",
            _ => "contracts",
        };
        said.push_str(&format!(" Number of {fact}: {}.", result.fact(fact)));
    }
    said
}

/// How many of something there are.
pub(crate) fn count(number: &Value, of: &str) -> String {
    format!("There are {number} {of}.")
}

/// The sum of a summary, with the count if asked.
pub(crate) fn summary(facts: &[Cell], counts: bool) -> String {
    let amount = format!("The total amount is ${}.", fact(facts, "amount"));
    if counts {
        format!("There are {} opportunities. {amount}", fact(facts, "count"))
    } else {
        amount
    }
}

/// Groups of a summary.
pub(crate) fn summary_parts(facts: &[Cell], parts: &[String]) -> String {
    let each = parts.iter().map(|part| {
        let label = part
            .split_once('.')
            .map_or(part.as_str(), |(_, label)| label);
        match fact(facts, &format!("{part}.amount")) {
            Value::Absent => format!(" {label}: $0.00."),
            amount => format!(" {label}: ${amount}."),
        }
    });
    each.collect()
}

fn fact<'a>(facts: &'a [Cell], name: &str) -> &'a Value {
    facts
        .iter()
        .find(|cell| cell.name == name)
        .map_or(&Value::Absent, |cell| &cell.value)
}
