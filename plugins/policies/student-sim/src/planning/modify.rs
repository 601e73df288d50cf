//! Changing, canceling, deleting and copying records.

use proctor_sdk::{Entity, Row, Value};
use serde_json::{Map, Value as Json};

use super::resolve::{Target, act_choices, find_any, single, target, target_names};
use super::{Desk, Stop, arguments, decline};
use crate::understanding::{Act, Name, Slot, Verb, choice};
use crate::{crm, speaking};

/// Changes what an act says to change.
pub(super) fn modify(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let order = order(desk, act);
    let targets = if act.says_any(&["both", "the two"]) || act.lead_words.contains(" both ") {
        several(desk, act, &order)?
    } else {
        vec![target(desk, act, &order)?]
    };
    for found in &targets {
        let fields = fields(desk, act, found.of)?;
        if fields.is_empty() {
            return Err(decline(speaking::UNCLEAR.to_owned()));
        }
        let mut changes = arguments([(crm::key(found.of), found.id.clone().into())]);
        changes.extend(fields);
        desk.call(crm::modify_tool(found.of), changes)?;
        desk.topic = Some((found.of, found.id.clone()));
    }
    Ok(speaking::DONE.to_owned())
}

/// Cancels, deletes or copies.
pub(super) fn dispose(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let named = act.names().first().and_then(|name| name.noun);
    let of = match act.verb {
        Verb::Cancel => Entity::Quote,
        Verb::Clone => Entity::Opportunity,
        _ => act.subject().or(named).unwrap_or_else(|| {
            let last = desk.context.latest(None).first().map(|row| row.entity);
            last.filter(|of| *of == Entity::Quote)
                .unwrap_or(Entity::Opportunity)
        }),
    };
    let found = target(desk, act, &[of])?;
    let tool = match (act.verb, of) {
        (Verb::Cancel, _) => "cancel_quote",
        (Verb::Clone, _) => "clone_opportunity",
        (_, Entity::Quote) => "delete_quote",
        (_, Entity::Opportunity) => "delete_opportunity",
        _ => return Err(decline(speaking::cannot_delete(of))),
    };
    let result = desk.call(tool, arguments([(crm::key(of), found.id.clone().into())]))?;
    let id = result.rows.first().map_or(found.id, |row| row.id.clone());
    desk.topic = Some((of, id));
    Ok(speaking::DONE.to_owned())
}

/// The entities that an act may be about, likeliest first.
fn order(desk: &Desk, act: &Act) -> Vec<Entity> {
    if let Some(noun) = act.subject() {
        return vec![noun];
    }
    let last = desk.context.latest(None).first().map(|row| row.entity);
    let by_last = |mut either: Vec<Entity>| {
        if let Some(at) = either.iter().position(|of| Some(*of) == last) {
            either.swap(0, at);
        }
        either
    };
    for slot in act.slots() {
        let fits = match slot {
            Slot::Percent(_) => vec![Entity::Opportunity],
            Slot::Choice(text) => {
                let value = choice(text).unwrap_or_default();
                let all = [Entity::Opportunity, Entity::Quote, Entity::Client];
                all.into_iter()
                    .filter(|of| crm::is_legal(*of, value))
                    .collect()
            }
            Slot::Field(column, _) => match column.as_str() {
                "title" | "first_name" | "last_name" => vec![Entity::Contact],
                "version" | "quote_prefix" => vec![Entity::Quote],
                "address" | "industry" => vec![Entity::Client],
                _ => Vec::new(),
            },
            Slot::Phone(_) | Slot::Email(_) if act.says_any(&["her", "his"]) => {
                vec![Entity::Contact]
            }
            Slot::Phone(_) | Slot::Email(_) => by_last(vec![Entity::Client, Entity::Contact]),
            Slot::User(_) if desk.topic.is_none() => {
                by_last(vec![Entity::Opportunity, Entity::Client])
            }
            Slot::Date(_) | Slot::Amount(_) => by_last(vec![Entity::Opportunity, Entity::Quote]),
            _ => Vec::new(),
        };
        if !fits.is_empty() {
            return fits;
        }
    }
    by_last(vec![
        Entity::Opportunity,
        Entity::Quote,
        Entity::Client,
        Entity::Contact,
    ])
}

/// All records that an act names, and their client where it says so.
fn several(desk: &mut Desk, act: &Act, order: &[Entity]) -> Result<Vec<Target>, Stop> {
    // The client whose "opportunities" they are is not one of them.
    let whole = |name: &Name| matches!(name.next.as_str(), "opportunities" | "deals" | "quotes");
    let names: Vec<Name> = target_names(act)
        .into_iter()
        .filter(|name| !whole(name))
        .cloned()
        .collect();
    let mut found = Vec::new();
    let mut order = order.to_vec();
    if order == [Entity::Client] {
        order.insert(0, Entity::Opportunity);
    }
    for name in &names {
        let rows = find_any(desk, &order, name)?;
        if rows.is_empty() {
            return Err(decline(speaking::not_found(&name.text)));
        }
        found.push(single(desk, act, rows)?);
    }
    if found.is_empty() {
        found = desk
            .context
            .latest(Some(order[0]))
            .into_iter()
            .map(Target::from)
            .collect();
    }
    if act.says("on the client") || act.says("and the client") {
        found.extend(desk.context.client().map(|id| Target {
            of: Entity::Client,
            id,
        }));
    }
    Ok(found)
}

/// The new values that an act gives, by column.
fn fields(desk: &Desk, act: &Act, of: Entity) -> Result<Map<String, Json>, Stop> {
    let mut fields = Map::new();
    let mut put = |column: &str, value: Json| {
        fields.entry(column.to_owned()).or_insert(value);
    };
    if let Some((column, value)) = new_choice(desk, act, of) {
        put(column, value);
    }
    for slot in act.slots() {
        match slot {
            Slot::Amount(number) => put(crm::amount(of), number.clone()),
            Slot::Percent(number) => put("probability", number.clone()),
            Slot::Date(date) => put(crm::date(of), date.as_str().into()),
            Slot::User(user) => put("owner", user.as_str().into()),
            Slot::Phone(phone) => put("phone", phone.as_str().into()),
            Slot::Email(email) => put("email", email.as_str().into()),
            Slot::Free(text) => put("notes", text.as_str().into()),
            Slot::Url(url) if of == Entity::Contract => put("document_url", url.as_str().into()),
            Slot::Field(column, value) => put(column, value.clone()),
            Slot::Name(name) if name.called => put("name", name.text.as_str().into()),
            _ => {}
        }
    }
    // "Raise it by $8,000, to $120,000": the last amount is the new one.
    if act.says_any(&["by exactly", "by"])
        && let Some(last) = act.own.iter().rev().find_map(amount)
    {
        fields.insert(crm::amount(of).to_owned(), last);
    }
    if !fields.contains_key(crm::amount(of))
        && matches!(of, Entity::Opportunity | Entity::Quote)
        && act.says_any(&[
            "match",
            "same amount",
            "new amount",
            "same value",
            "that amount",
        ])
        && let Some(amount) = borrowed_amount(desk, act, of)
    {
        fields.insert(crm::amount(of).to_owned(), amount);
    }
    Ok(fields)
}

fn amount(mention: &crate::understanding::Mention) -> Option<Json> {
    match &mention.slot {
        Slot::Amount(number) => Some(number.clone()),
        _ => None,
    }
}

/// The value for the enumerated column: the last that is mentioned, letter by letter if the user
/// insists.
fn new_choice(desk: &Desk, act: &Act, of: Entity) -> Option<(&'static str, Json)> {
    let (column, _) = crm::choices(of)?;
    if act.says("approve") || act.says("reject") {
        let value = if act.says("approve") {
            "Approved"
        } else {
            "Rejected"
        };
        return Some((column, value.into()));
    }
    let written = act
        .own
        .iter()
        .rev()
        .chain(act.lead.iter().rev())
        .find_map(|one| match &one.slot {
            Slot::Choice(text) => Some(text.clone()),
            _ => None,
        });
    let quoted = act
        .says_any(&["status", "stage"])
        .then(|| {
            act.first(|slot| match slot {
                Slot::Text(text) => Some(text.clone()),
                _ => None,
            })
        })
        .flatten();
    if let Some(text) = written.or(quoted) {
        let known = choice(&text).filter(|_| !desk.insists);
        return Some((column, known.map_or(text, str::to_owned).into()));
    }
    let closes = act.says("close") && of == Entity::Opportunity;
    let told = |word: &str| act.says(word) || act.lead_words.contains(&format!(" {word} "));
    match (closes, told("won"), told("lost")) {
        (true, true, _) => Some((column, "Closed-Won".into())),
        (true, _, true) => Some((column, "Closed-Lost".into())),
        _ => None,
    }
}

/// The amount of another record that the words refer to.
pub(super) fn borrowed_amount(desk: &Desk, act: &Act, of: Entity) -> Option<Json> {
    let other = if of == Entity::Quote || of == Entity::Contract && !act.says("quote") {
        Entity::Opportunity
    } else {
        Entity::Quote
    };
    let topic = desk.topic.as_ref().and_then(|(_, id)| desk.context.row(id));
    let topic = topic.filter(|row| row.entity == other);
    let latest = desk.context.latest(Some(other));
    let row: &Row = topic.or_else(|| latest.first().copied())?;
    as_json(row.get("amount"))
}

/// A value as an argument.
pub(super) fn as_json(value: &Value) -> Option<Json> {
    Some(match value {
        Value::Absent | Value::Texts(_) => return None,
        Value::Integer(number) => (*number).into(),
        Value::Money(cents) if cents % 100 == 0 => (cents / 100).into(),
        Value::Money(cents) => (*cents as f64 / 100.0).into(),
        Value::Text(text) | Value::Date(text) | Value::Timestamp(text) | Value::Id(text) => {
            text.as_str().into()
        }
    })
}

/// Whether an act mentions a legal value of an entity.
pub(super) fn has_legal(act: &Act, of: Entity) -> bool {
    !act_choices(act, of).is_empty()
}
