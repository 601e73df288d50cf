//! What a mistake makes of a call.

use proctor_sdk::Entity;
use serde_json::{Map, Value as Json};

use super::random::fraction;
use super::rates::{self, Kind};
use crate::context::Context;
use crate::crm;
use crate::planning::Planned;
use crate::understanding::choice;

/// How much likelier, or less likely, a kind is in this call than its rate says.
pub(super) fn weight(kind: Kind, planned: &Planned) -> f64 {
    match kind {
        Kind::EnumCasing => rates::casing(entity(planned.tool)),
        _ => 1.0,
    }
}

/// The entity that a tool makes or changes.
fn entity(tool: &str) -> Option<Entity> {
    Some(match tool {
        "create_new_client" | "modify_client" => Entity::Client,
        "create_quote" | "modify_quote" => Entity::Quote,
        "create_contract" => Entity::Contract,
        "upload_document" => Entity::Document,
        "add_note" => Entity::Note,
        _ => return None,
    })
}

/// The call with the mistake in it; nothing where it cannot be made.
pub(super) fn distort(
    kind: Kind,
    planned: &Planned,
    context: &Context,
    luck: u64,
) -> Option<Planned> {
    let mut call = planned.clone();
    let arguments = &mut call.arguments;
    match kind {
        Kind::SilentRepair => arguments.iter_mut().find_map(|(name, value)| {
            *value = straightened(name, value)?;
            Some(())
        })?,
        Kind::InventedValue => invent(planned.tool, arguments)?,
        Kind::WrongTool => call.tool = neighbour(planned.tool)?,
        Kind::EnumCasing => {
            let (_, value) = enumerated(arguments)?;
            let text = value
                .as_str()
                .filter(|text| choice(text) == Some(*text) || is_entity(text))?;
            // Mostly lower case: that is how people say it.
            let wrong = if luck.is_multiple_of(8) {
                text.to_uppercase()
            } else {
                text.to_lowercase()
            };
            *value = wrong.into();
        }
        Kind::RenamedArgument => rename(arguments)?,
        Kind::ExtraArgument => {
            let extra = crm::creates(planned.tool) || planned.tool.starts_with("modify_");
            extra.then(|| arguments.insert("currency".into(), "USD".into()))?;
        }
        Kind::MissingArgument => {
            let required = crm::required(planned.tool);
            let given: Vec<&&str> = required
                .iter()
                .filter(|name| arguments.contains_key(**name))
                .collect();
            let at = usize::try_from(luck % (given.len() as u64).max(1)).ok()?;
            arguments.remove(**given.get(at)?)?;
        }
        Kind::WrongId => {
            let value = first_id(arguments)?;
            *value = context.other(value.as_str()?, luck)?.into();
        }
        Kind::PlaceholderId => *first_id(arguments)? = placeholder(luck).into(),
        Kind::Paraphrase => {
            let name = ["content", "notes"]
                .into_iter()
                .find(|name| arguments.contains_key(*name))?;
            let text = arguments
                .get(name)?
                .as_str()
                .filter(|text| !text.trim().is_empty())?;
            let paraphrased = paraphrase(text);
            (!crm::searches(planned.tool))
                .then(|| arguments.insert(name.into(), paraphrased.into()))?;
        }
        Kind::Shape => *arguments = nested(planned)?,
    }
    Some(call)
}

fn is_entity(text: &str) -> bool {
    ["Opportunity", "Client", "Contact", "Quote", "Contract"].contains(&text)
}

/// An argument with an enumerated value.
fn enumerated(arguments: &mut Map<String, Json>) -> Option<(&String, &mut Json)> {
    arguments
        .iter_mut()
        .find(|(name, _)| matches!(name.as_str(), "status" | "stage" | "entity_type"))
}

/// A malformed value put right without a word; nothing if it is well-formed.
fn straightened(name: &str, value: &Json) -> Option<Json> {
    let number = value.as_f64();
    match name {
        "status" | "stage" => {
            let text = value.as_str()?;
            let right = choice(text.trim())?;
            (right != text).then(|| right.into())
        }
        "probability" => match number? {
            part if part > 0.0 && part < 1.0 => Some(((part * 100.0) as i64).into()),
            high if high > 99.0 => Some(99.into()),
            _ => None,
        },
        "amount" | "value" if number? < 0.0 => Some((-number? as i64).into()),
        "close_date" | "valid_until" => {
            let text = value.as_str()?;
            if let Some((day, _)) = text.split_once('T') {
                return Some(day.into());
            }
            let parts: Vec<&str> = text.split('/').collect();
            let [day, month, year] = parts.as_slice() else {
                return None;
            };
            Some(format!("{year}-{month}-{day}").into())
        }
        "email" if !value.as_str()?.contains('@') => {
            let text = value.as_str()?.replace("(at)", "@");
            Some(format!("{text}.example").into())
        }
        "file_name" => {
            let text = value.as_str()?;
            let right = text.trim_start_matches(['.', '/']).replace(' ', "_");
            let right = if right.contains('.') {
                right
            } else {
                format!("{right}.pdf")
            };
            (right != text).then(|| right.into())
        }
        _ => None,
    }
}

/// Makes up a required value that nobody has given.
fn invent(tool: &str, arguments: &mut Map<String, Json>) -> Option<()> {
    let missing = crm::required(tool).iter().find(|name| {
        arguments
            .get(**name)
            .is_none_or(|value| value.as_str() == Some(""))
    })?;
    let name = arguments
        .get("name")
        .and_then(Json::as_str)
        .unwrap_or("client");
    let domain: String = name
        .to_lowercase()
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .collect();
    let value: Json = match *missing {
        "email" => format!("contact@{domain}.com").into(),
        "amount" => 10_000.into(),
        "status" if tool == "create_quote" => "Draft".into(),
        "status" => "Prospect".into(),
        "stage" => "Prospecting".into(),
        "last_name" => "Unknown".into(),
        "name" => "New Opportunity".into(),
        "content" => "Note".into(),
        _ => return None,
    };
    arguments.insert((*missing).to_owned(), value);
    Some(())
}

/// The tool that is most easily taken for this one.
fn neighbour(tool: &str) -> Option<&'static str> {
    Some(match tool {
        "client_search" => "company_search",
        "company_search" | "contact_search" => "client_search",
        "quote_search" => "contract_search",
        "opportunity_search" => "quote_search",
        "contract_search" => "quote_search",
        "create_new_client" => "create_new_contact",
        "create_quote" => "create_contract",
        "create_contract" => "create_quote",
        "create_new_opportunity" => "create_quote",
        "cancel_quote" => "delete_quote",
        "delete_quote" => "cancel_quote",
        "clone_opportunity" => "view_opportunity_details",
        "view_opportunity_details" => "quote_details",
        "modify_opportunity" => "modify_quote",
        "modify_quote" => "modify_opportunity",
        "modify_contact" => "modify_client",
        "compare_quote_details" => "compare_quotes",
        "upload_document" => "add_note",
        _ => return None,
    })
}

/// Gives an argument the name that it has elsewhere.
fn rename(arguments: &mut Map<String, Json>) -> Option<()> {
    const NAMES: &[(&str, &str)] = &[
        ("owner", "assigned_to"),
        ("quote_prefix", "prefix"),
        ("notes", "note"),
        ("close_date", "closing_date"),
        ("file_name", "filename"),
        ("content", "text"),
        ("created_by", "author"),
        ("valid_until", "expiry_date"),
        ("email", "contact_email"),
    ];
    let (ours, theirs) = NAMES
        .iter()
        .find(|(ours, _)| arguments.contains_key(*ours))?;
    let value = arguments.remove(*ours)?;
    arguments.insert((*theirs).to_owned(), value);
    Some(())
}

fn first_id(arguments: &mut Map<String, Json>) -> Option<&mut Json> {
    arguments
        .iter_mut()
        .find(|(name, _)| name.ends_with("_id"))
        .map(|(_, value)| value)
}

/// An id that names nothing.
fn placeholder(luck: u64) -> String {
    match luck % 3 {
        0 => "00000000-0000-0000-0000-000000000000".to_owned(),
        1 => "opportunity_id_here".to_owned(),
        _ => format!(
            "{:08x}-1234-4abc-8def-0123456789ab",
            (fraction(luck) * 1e9) as u64
        ),
    }
}

/// The text in other words.
fn paraphrase(text: &str) -> String {
    let text = text.trim_end_matches('.');
    match text.split_once(", ") {
        Some((first, rest)) => format!("{first} and {rest}."),
        None => format!("Customer update: {text}."),
    }
}

/// The fields within `updates` or `criteria`.
fn nested(planned: &Planned) -> Option<Map<String, Json>> {
    let modifies = planned.tool.starts_with("modify_");
    if !modifies && !crm::searches(planned.tool) {
        return None;
    }
    let key = |name: &str| {
        modifies && name.ends_with("_id") && planned.tool.contains(name.trim_end_matches("_id"))
    };
    let (keys, fields): (Map<_, _>, Map<_, _>) = planned
        .arguments
        .clone()
        .into_iter()
        .partition(|(name, _)| key(name));
    let mut arguments = keys;
    arguments.insert(
        if modifies { "updates" } else { "criteria" }.into(),
        Json::Object(fields),
    );
    Some(arguments)
}
