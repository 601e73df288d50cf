//! Finding the records that a question is about.

use proctor_sdk::{Entity, Row};
use serde_json::{Map, Value as Json};

use super::resolve::{act_choices, client, find};
use super::{Desk, Stop, arguments};
use crate::crm;
use crate::understanding::{Act, Name, Slot};

/// Filters that a question names besides names.
pub(super) fn filters(act: &Act, of: Entity) -> Map<String, Json> {
    let mut filters = Map::new();
    let choices = act_choices(act, of);
    if let ([value], Some((column, _))) = (choices.as_slice(), crm::choices(of)) {
        filters.insert(column.into(), (*value).into());
    }
    for slot in act.slots() {
        let (column, value): (&str, Json) = match slot {
            Slot::User(user) if matches!(of, Entity::Client | Entity::Opportunity) => {
                ("owner", user.as_str().into())
            }
            Slot::Date(date) => match of {
                Entity::Contract if !act.says_any(&["starts", "starting", "begins"]) => {
                    ("end_date", date.as_str().into())
                }
                _ => (crm::date(of), date.as_str().into()),
            },
            Slot::Amount(number) if act.says_any(&["exactly", "worth", "of"]) => {
                (crm::amount(of), number.clone())
            }
            Slot::Field(column, value) => (column.as_str(), value.clone()),
            _ => continue,
        };
        filters.entry(column.to_owned()).or_insert(value);
    }
    filters
}

/// Finds the records of an entity that a question is about, and how many there are.
pub(super) fn search(desk: &mut Desk, act: &Act, of: Entity) -> Result<(Vec<Row>, i64), Stop> {
    let mut filters = filters(act, of);
    let of_those = act.says_any(&["of them", "of those", "of these"]) && desk.context.summarized;
    if let Some((known, _)) = desk
        .context
        .summary
        .clone()
        .filter(|_| of_those && of == Entity::Opportunity)
    {
        filters.extend(known);
    }
    let found = with_filters(desk, act, of, &filters)?;
    let choice = crm::choices(of)
        .map(|(column, _)| column)
        .filter(|column| filters.contains_key(*column));
    match choice {
        // The value may be what is asked about rather than a condition.
        Some(column) if found.0.is_empty() && act.says(column) => {
            let mut fewer = filters;
            fewer.remove(column);
            with_filters(desk, act, of, &fewer)
        }
        _ => Ok(found),
    }
}

fn with_filters(
    desk: &mut Desk,
    act: &Act,
    of: Entity,
    filters: &Map<String, Json>,
) -> Result<(Vec<Row>, i64), Stop> {
    let names: Vec<Name> = searched_names(act, of);
    if let Some(id) = act.id() {
        return by_parent(desk, of, act, id, filters);
    }
    match of {
        Entity::Client | Entity::Company => by_industry(desk, of, &names, filters),
        Entity::Contact => contacts(desk, act, &names, filters),
        Entity::Quote => quotes(desk, act, &names, filters),
        Entity::Contract => contracts(desk, &names, filters),
        _ => opportunities(desk, &names, filters),
    }
}

/// Names that a question is about; what somebody is called there is one, too.
fn searched_names(act: &Act, of: Entity) -> Vec<Name> {
    let names = if of == Entity::Contact {
        act.all_names()
    } else {
        act.names()
    };
    names.into_iter().cloned().collect()
}

fn run(desk: &mut Desk, of: Entity, criteria: Map<String, Json>) -> Result<(Vec<Row>, i64), Stop> {
    let result = desk.call(crm::search_tool(of), criteria)?;
    let total = match result.fact("total") {
        proctor_sdk::Value::Integer(total) => *total,
        _ => result.rows.len() as i64,
    };
    Ok((result.rows, total))
}

fn counted(rows: Vec<Row>) -> (Vec<Row>, i64) {
    let total = rows.len() as i64;
    (rows, total)
}

/// The record with an id, or the records of an entity that hang on it.
fn by_parent(
    desk: &mut Desk,
    of: Entity,
    act: &Act,
    id: &str,
    filters: &Map<String, Json>,
) -> Result<(Vec<Row>, i64), Stop> {
    let parent = act.nouns.iter().copied().find(|noun| *noun != of);
    let column = parent.map_or(crm::key(of), crm::key);
    let mut criteria = filters.clone();
    criteria.insert(column.into(), id.into());
    run(desk, of, criteria)
}

fn by_industry(
    desk: &mut Desk,
    of: Entity,
    names: &[Name],
    filters: &Map<String, Json>,
) -> Result<(Vec<Row>, i64), Stop> {
    let mut criteria = filters.clone();
    for name in names {
        let plural = matches!(name.next.as_str(), "clients" | "companies" | "customers");
        if name.prep == "in" || plural {
            criteria.insert("industry".into(), name.text.as_str().into());
        } else {
            return Ok(counted(find(desk, of, &name.text, &criteria)?));
        }
    }
    run(desk, of, criteria)
}

fn contacts(
    desk: &mut Desk,
    act: &Act,
    names: &[Name],
    filters: &Map<String, Json>,
) -> Result<(Vec<Row>, i64), Stop> {
    let mut criteria = filters.clone();
    let mut person = None;
    for name in names {
        let place = matches!(name.prep.as_str(), "at" | "for" | "with" | "from" | "in")
            || name.noun == Some(Entity::Client);
        if place {
            if let Some(id) = client(desk, name)? {
                criteria.insert("client_id".into(), id.into());
            }
        } else if act.says(&format!("the {}", name.text.to_lowercase())) {
            criteria.insert("title".into(), name.text.as_str().into());
        } else if person.is_none() {
            person = Some(name.text.clone());
        }
    }
    match person {
        Some(person) => Ok(counted(find(desk, Entity::Contact, &person, &criteria)?)),
        None => run(desk, Entity::Contact, criteria),
    }
}

fn opportunities(
    desk: &mut Desk,
    names: &[Name],
    filters: &Map<String, Json>,
) -> Result<(Vec<Row>, i64), Stop> {
    let Some(name) = names.first() else {
        return run(desk, Entity::Opportunity, filters.clone());
    };
    let rows = find(desk, Entity::Opportunity, &name.text, filters)?;
    if !rows.is_empty() {
        return Ok(counted(rows));
    }
    match client(desk, name)? {
        Some(id) => {
            let mut criteria = filters.clone();
            criteria.insert("client_id".into(), id.into());
            run(desk, Entity::Opportunity, criteria)
        }
        None => {
            desk.context.missing = Some(name.text.clone());
            Ok(counted(rows))
        }
    }
}

fn quotes(
    desk: &mut Desk,
    act: &Act,
    names: &[Name],
    filters: &Map<String, Json>,
) -> Result<(Vec<Row>, i64), Stop> {
    let Some(name) = names.first() else {
        return run(desk, Entity::Quote, filters.clone());
    };
    let on_deal = matches!(name.prep.as_str(), "on" | "for")
        || name.noun == Some(Entity::Opportunity)
        || act.says("quotes") && name.noun != Some(Entity::Quote);
    if !on_deal {
        let rows = find(desk, Entity::Quote, &name.text, filters)?;
        if !rows.is_empty() {
            return Ok(counted(rows));
        }
    }
    let deals = find(desk, Entity::Opportunity, &name.text, &Map::new())?;
    match deals.as_slice() {
        [deal] => {
            let mut criteria = filters.clone();
            criteria.insert("opportunity_id".into(), deal.id.as_str().into());
            run(desk, Entity::Quote, criteria)
        }
        _ => Ok(counted(find(desk, Entity::Quote, &name.text, filters)?)),
    }
}

fn contracts(
    desk: &mut Desk,
    names: &[Name],
    filters: &Map<String, Json>,
) -> Result<(Vec<Row>, i64), Stop> {
    let mut criteria = filters.clone();
    if let Some(name) = names.first() {
        let deals = if name.noun == Some(Entity::Opportunity) {
            find(desk, Entity::Opportunity, &name.text, &Map::new())?
        } else {
            Vec::new()
        };
        if let Some(deal) = deals.first() {
            criteria.insert("opportunity_id".into(), deal.id.as_str().into());
        } else if let Some(id) = client(desk, name)? {
            criteria.insert("client_id".into(), id.into());
        } else if let Some(deal) = find(desk, Entity::Opportunity, &name.text, &Map::new())?.first()
        {
            criteria.insert("opportunity_id".into(), deal.id.as_str().into());
        }
    }
    run(desk, Entity::Contract, criteria)
}

/// The filters of a summary: whose, in which stage, for which client.
pub(super) fn summary_filters(desk: &mut Desk, act: &Act) -> Result<Map<String, Json>, Stop> {
    // "…, and how much of it is Closed-Won" asks for a part, which is no filter.
    let parts = act.says_any(&["how much of it", "the part that", "part of it"]);
    let mut found = arguments([]);
    for (column, value) in filters(act, Entity::Opportunity) {
        let is_part = match column.as_str() {
            "stage" => act.says("how much of it"),
            "owner" => parts && act.says("the part that"),
            _ => false,
        };
        if !is_part && matches!(column.as_str(), "stage" | "owner") {
            found.insert(column, value);
        }
    }
    let names = searched_names(act, Entity::Opportunity);
    if let Some(name) = names.first()
        && let Some(id) = client(desk, name)?
    {
        found.insert("client_id".into(), id.into());
    }
    Ok(found)
}
