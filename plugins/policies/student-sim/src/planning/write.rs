//! Making records: clients, contacts, opportunities, quotes, contracts, documents, notes.

use proctor_sdk::Entity;
use serde_json::{Map, Value as Json};

use super::modify::{as_json, borrowed_amount, has_legal};
use super::resolve::{Target, client, find_any, single, target};
use super::{Desk, Stop, arguments, decline};
use crate::context::reference;
use crate::understanding::{Act, Mention, Name, Slot, choice};
use crate::{crm, speaking};

/// Makes the records that an act asks for.
pub(super) fn create(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let of = made(desk, act);
    let parents = parents(desk, act, of)?;
    for item in items(act, of) {
        let mut fields = parents.clone();
        fields.extend(values(desk, act, &item, of));
        let result = desk.call(tool(of), fields)?;
        if let Some(row) = result.rows.first() {
            desk.topic = Some((of, row.id.clone()));
        }
    }
    Ok(speaking::DONE.to_owned())
}

fn tool(of: Entity) -> &'static str {
    match of {
        Entity::Client => "create_new_client",
        Entity::Contact => "create_new_contact",
        Entity::Quote => "create_quote",
        Entity::Contract => "create_contract",
        _ => "create_new_opportunity",
    }
}

/// The kind of record to make.
fn made(desk: &Desk, act: &Act) -> Entity {
    let makes = |noun: &Entity| {
        matches!(
            noun,
            Entity::Client
                | Entity::Contact
                | Entity::Opportunity
                | Entity::Quote
                | Entity::Contract
        )
    };
    if act.words.starts_with(" quote it ") {
        return Entity::Quote;
    }
    // "Create … for client X": the first noun is what is made, unless it only says for whom.
    let parent = |noun: Entity| {
        act.names().iter().any(|name| {
            name.noun == Some(noun) && matches!(name.prep.as_str(), "for" | "with" | "at")
        })
    };
    let nouns: Vec<Entity> = act.nouns.iter().copied().filter(makes).collect();
    if let Some(noun) = nouns
        .iter()
        .find(|noun| !(parent(**noun) && nouns.len() > 1))
    {
        return *noun;
    }
    let email = act.first(|slot| matches!(slot, Slot::Email(_)).then_some(()));
    if has_legal(act, Entity::Client) && email.is_some() {
        return Entity::Client;
    }
    if has_legal(act, Entity::Quote) {
        return Entity::Quote;
    }
    let last = desk.context.latest(None).first().map(|row| row.entity);
    match (act.says_any(&["him", "her"]), last) {
        (true, _) => Entity::Contact,
        (_, Some(of)) if of == Entity::Opportunity => of,
        _ if act
            .first(|slot| matches!(slot, Slot::Amount(_)).then_some(()))
            .is_some() =>
        {
            Entity::Opportunity
        }
        _ => Entity::Client,
    }
}

/// One record of several that an act asks for: its name, and the values said of it.
struct Item {
    name: Option<Name>,
    /// Another name said of it, such as a job.
    second: Option<Name>,
    mentions: Vec<Mention>,
}

/// Whether a name is of something that the new record belongs to.
fn is_parent(name: &Name, of: Entity) -> bool {
    let belongs = matches!(
        name.prep.as_str(),
        "for" | "with" | "at" | "on" | "from" | "of" | "to"
    );
    match of {
        _ if name.called || name.noun == Some(of) => false,
        Entity::Client => name.prep == "in",
        Entity::Contract => true,
        _ => belongs || name.noun.is_some(),
    }
}

/// Tells the records apart that are to be made: each new name begins one.
fn items(act: &Act, of: Entity) -> Vec<Item> {
    let all: Vec<&Mention> = act.own.iter().chain(&act.lead).collect();
    let mut names: Vec<(usize, &Name)> = all
        .iter()
        .filter_map(|one| match &one.slot {
            Slot::Name(name) if !is_parent(name, of) => Some((one.at, name)),
            _ => None,
        })
        .collect();
    let called = names.iter().position(|(_, name)| name.called);
    if let Some(at) = called.or_else(|| names.iter().position(|(_, name)| name.noun == Some(of))) {
        names.swap(0, at);
    }
    let several = act.says_any(&["two", "both", "three"])
        && names.len() > 1
        && matches!(of, Entity::Opportunity | Entity::Quote);
    if !several {
        return vec![Item {
            name: names.first().map(|(_, name)| (*name).clone()),
            second: names.get(1).map(|(_, name)| (*name).clone()),
            mentions: all.into_iter().cloned().collect(),
        }];
    }
    names.sort_by_key(|(at, _)| *at);
    let shared = act.both.unwrap_or(usize::MAX);
    let item = |index: usize| {
        let (from, name) = names[index];
        let to = names.get(index + 1).map_or(usize::MAX, |(at, _)| *at);
        let belongs = |at: usize| (from..to).contains(&at) || at < names[0].0 || at >= shared;
        Item {
            name: Some(name.clone()),
            second: None,
            mentions: all
                .iter()
                .filter(|one| belongs(one.at))
                .map(|one| (*one).clone())
                .collect(),
        }
    };
    (0..names.len()).map(item).collect()
}

/// The values of a new record's own columns.
fn values(desk: &Desk, act: &Act, item: &Item, of: Entity) -> Map<String, Json> {
    let mut fields = Map::new();
    let mut put = |column: &str, value: Json| {
        fields.entry(column.to_owned()).or_insert(value);
    };
    let mut dates = item.mentions.iter().filter_map(|one| match &one.slot {
        Slot::Date(date) => Some(date.as_str()),
        _ => None,
    });
    let first_date = dates.next();
    if let Some(date) = first_date {
        put(crm::date(of), date.into());
    }
    if let Some(date) = dates.next().filter(|_| of == Entity::Contract) {
        put("end_date", date.into());
    }
    if let Some((column, value)) = first_choice(desk, act, item, of) {
        put(column, value);
    }
    for one in &item.mentions {
        match &one.slot {
            Slot::Amount(number) => put(crm::amount(of), number.clone()),
            Slot::Percent(number) => put("probability", number.clone()),
            Slot::User(user) => put("owner", user.as_str().into()),
            Slot::Phone(phone) => put("phone", phone.as_str().into()),
            Slot::Email(email) => put("email", email.as_str().into()),
            Slot::Free(text) => put("notes", text.as_str().into()),
            Slot::Url(url) => put("document_url", url.as_str().into()),
            Slot::Field(column, value) => put(column, value.clone()),
            Slot::Name(name) if of == Entity::Client && name.prep == "in" => {
                put("industry", name.text.as_str().into());
            }
            _ => {}
        }
    }
    named(desk, act, item, of, &mut fields);
    borrow(desk, act, of, &mut fields);
    fields
}

/// What the new record is called.
fn named(desk: &Desk, act: &Act, item: &Item, of: Entity, fields: &mut Map<String, Json>) {
    match (of, &item.name) {
        (Entity::Contract, _) => {}
        (Entity::Contact, Some(name)) if !fields.contains_key("first_name") => {
            let (first, last) = name.text.split_once(' ').unwrap_or((&name.text, ""));
            fields.insert("first_name".into(), first.into());
            if !last.is_empty() {
                fields.entry("last_name").or_insert(last.into());
            }
            let job = item
                .second
                .as_ref()
                .map(|name| name.text.clone())
                .or_else(|| job(act));
            if let Some(job) = job {
                fields.entry("title").or_insert(job.into());
            }
        }
        (Entity::Contact, _) => {}
        (_, Some(name)) => {
            fields.entry("name").or_insert(name.text.as_str().into());
        }
        (Entity::Client, None) => {
            if let Some(missing) = &desk.context.missing {
                fields.entry("name").or_insert(missing.as_str().into());
            }
        }
        _ => {}
    }
}

/// The job in "their producer is …".
fn job(act: &Act) -> Option<String> {
    let words: Vec<&str> = act.lead_words.split_whitespace().collect();
    let at = words
        .windows(3)
        .position(|three| matches!(three[0], "their" | "the" | "our") && three[2] == "is")?;
    let job = words[at + 1];
    let first = job.chars().next()?;
    Some(format!(
        "{}{}",
        first.to_uppercase(),
        &job[first.len_utf8()..]
    ))
}

/// The value for the enumerated column: the first legal one, letter by letter if the user
/// insists, or any if none is legal.
fn first_choice(desk: &Desk, act: &Act, item: &Item, of: Entity) -> Option<(&'static str, Json)> {
    let (column, legal) = crm::choices(of)?;
    let texts: Vec<&String> = item
        .mentions
        .iter()
        .filter_map(|one| match &one.slot {
            Slot::Choice(text) => Some(text),
            _ => None,
        })
        .collect();
    let known = |text: &&&String| choice(text).is_some_and(|value| legal.contains(&value));
    let text = texts.iter().find(known).or(texts.first());
    if let Some(text) = text {
        let canonical = choice(text).filter(|_| !desk.insists);
        return Some((
            column,
            canonical.map_or((*text).clone(), str::to_owned).into(),
        ));
    }
    let same = act.says(&format!("same {column}"));
    let row = desk
        .context
        .latest(Some(of))
        .first()
        .map(|row| row.get(column).clone());
    row.filter(|_| same)
        .and_then(|value| Some((column, as_json(&value)?)))
}

/// Amounts that the words take from another record.
fn borrow(desk: &Desk, act: &Act, of: Entity, fields: &mut Map<String, Json>) {
    let column = crm::amount(of);
    let refers = act.says_any(&[
        "same amount",
        "that amount",
        "as in that quote",
        "same value",
        "exactly that",
    ]);
    if refers
        && !fields.contains_key(column)
        && matches!(of, Entity::Quote | Entity::Contract)
        && let Some(amount) = borrowed_amount(desk, act, of)
    {
        fields.insert(column.to_owned(), amount);
    }
}

/// The references of a new record to those it belongs to.
fn parents(desk: &mut Desk, act: &Act, of: Entity) -> Result<Map<String, Json>, Stop> {
    match of {
        Entity::Client => Ok(Map::new()),
        Entity::Contract => contract_parents(desk, act),
        Entity::Quote => {
            let found = match parent_name(act, of) {
                Some(name) => {
                    let rows = find_any(desk, &[Entity::Opportunity, Entity::Quote], &name)?;
                    if rows.is_empty() {
                        return Err(decline(speaking::not_found(&name.text)));
                    }
                    single(desk, act, rows)?.id
                }
                None => match act.id() {
                    Some(id) => id.to_owned(),
                    None => topic_or_latest(desk, Entity::Opportunity)?,
                },
            };
            Ok(arguments([("opportunity_id", found.into())]))
        }
        _ => Ok(arguments([(
            "client_id",
            parent_client(desk, act, of)?.into(),
        )])),
    }
}

fn parent_name(act: &Act, of: Entity) -> Option<Name> {
    let names = act
        .own
        .iter()
        .chain(&act.lead)
        .filter_map(|one| match &one.slot {
            Slot::Name(name) => Some(name),
            _ => None,
        });
    names
        .filter(|name| is_parent(name, of))
        .max_by_key(|name| name.noun.is_some())
        .cloned()
}

fn topic_or_latest(desk: &Desk, of: Entity) -> Result<String, Stop> {
    if let Some((_, id)) = desk.topic.as_ref().filter(|(topic, _)| *topic == of) {
        return Ok(id.clone());
    }
    let rows = desk.context.latest(Some(of));
    match rows.as_slice() {
        [only] => Ok(only.id.clone()),
        [] => Err(decline(speaking::UNCLEAR.to_owned())),
        _ => {
            let rows: Vec<_> = rows.into_iter().cloned().collect();
            Err(decline(speaking::ambiguous(&desk.context, &rows)))
        }
    }
}

fn parent_client(desk: &mut Desk, act: &Act, of: Entity) -> Result<String, Stop> {
    if let Some(id) = act.id() {
        return Ok(id.to_owned());
    }
    if let Some(name) = parent_name(act, of) {
        return client(desk, &name)?.ok_or_else(|| decline(speaking::not_found(&name.text)));
    }
    // Without a word that says for whom, the first of two plain names is whom it is for.
    let names = act.names();
    let refers = act.says_any(&["them", "their", "there", "him", "her", "that", "it"]);
    if names.len() > 1 && !refers {
        let name = names[0].clone();
        if let Some(id) = client(desk, &name)? {
            return Ok(id);
        }
    }
    desk.context
        .client()
        .ok_or_else(|| decline(speaking::UNCLEAR.to_owned()))
}

fn contract_parents(desk: &mut Desk, act: &Act) -> Result<Map<String, Json>, Stop> {
    let mut client_id = None;
    let mut opportunity = None;
    let names: Vec<Name> = act.names().into_iter().cloned().collect();
    for name in &names {
        let order = match name.noun {
            Some(Entity::Opportunity) => vec![Entity::Opportunity],
            Some(Entity::Client) => vec![Entity::Client],
            _ => vec![Entity::Client, Entity::Opportunity],
        };
        let rows = find_any(desk, &order, name)?;
        if rows.is_empty() {
            return Err(decline(speaking::not_found(&name.text)));
        }
        let found = single(desk, act, rows)?;
        match found.of {
            Entity::Client => client_id = Some(found.id),
            _ => opportunity = Some(found.id),
        }
    }
    if let Some(id) = act.id() {
        let is_deal = act.nouns.contains(&Entity::Opportunity);
        *(if is_deal {
            &mut opportunity
        } else {
            &mut client_id
        }) = Some(id.to_owned());
    }
    let points = act.says_any(&[
        "for it",
        "that opportunity",
        "that deal",
        "the opportunity",
        "the deal",
        "on it",
    ]);
    if opportunity.is_none() && (names.is_empty() || points) {
        opportunity = topic_or_latest(desk, Entity::Opportunity).ok();
    }
    if client_id.is_none()
        && let Some(id) = &opportunity
    {
        if desk.context.row(id).is_none() {
            desk.call(
                "view_opportunity_details",
                arguments([("opportunity_id", id.as_str().into())]),
            )?;
        }
        client_id = desk
            .context
            .row(id)
            .and_then(|row| reference(row, "client_id"));
    }
    let client_id = client_id.or_else(|| desk.context.client());
    let client_id = client_id.ok_or_else(|| decline(speaking::UNCLEAR.to_owned()))?;
    let mut fields = arguments([("client_id", client_id.into())]);
    if let Some(id) = opportunity {
        fields.insert("opportunity_id".into(), id.into());
    }
    Ok(fields)
}

/// The record that a file or note goes to.
fn subject(desk: &mut Desk, act: &Act) -> Result<Target, Stop> {
    let noun = act
        .subject()
        .or_else(|| act.names().iter().find_map(|name| name.noun));
    let order = match noun {
        Some(noun) => vec![noun],
        None => vec![
            Entity::Opportunity,
            Entity::Client,
            Entity::Quote,
            Entity::Contact,
        ],
    };
    target(desk, act, &order)
}

/// Attaches files.
pub(super) fn upload(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let target = subject(desk, act)?;
    let mut files: Vec<String> = act
        .slots()
        .filter_map(|slot| match slot {
            Slot::File(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    files.dedup();
    for file in files {
        let mut fields = arguments([
            ("entity_type", target.of.name().into()),
            ("entity_id", target.id.as_str().into()),
            ("file_name", file.into()),
        ]);
        for slot in act.slots() {
            match slot {
                Slot::User(user) => fields.insert("uploaded_by".into(), user.as_str().into()),
                Slot::Url(url) => fields.insert("file_url".into(), url.as_str().into()),
                _ => None,
            };
        }
        desk.call("upload_document", fields)?;
    }
    desk.topic = Some((target.of, target.id));
    Ok(speaking::DONE.to_owned())
}

/// Adds a note.
pub(super) fn note(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let target = subject(desk, act)?;
    let written = act.first(|slot| match slot {
        Slot::Free(text) | Slot::Text(text) => Some(text.clone()),
        _ => None,
    });
    let Some(content) = written.or_else(|| desk.note.clone()) else {
        return Err(decline(speaking::UNCLEAR.to_owned()));
    };
    let mut fields = arguments([
        ("entity_type", target.of.name().into()),
        ("entity_id", target.id.as_str().into()),
        ("content", content.as_str().into()),
    ]);
    if let Some(user) = act.own.iter().find_map(|one| match &one.slot {
        Slot::User(user) => Some(user.as_str()),
        _ => None,
    }) {
        fields.insert("created_by".into(), user.into());
    }
    desk.note = Some(content);
    desk.call("add_note", fields)?;
    desk.topic = Some((target.of, target.id));
    Ok(speaking::DONE.to_owned())
}
