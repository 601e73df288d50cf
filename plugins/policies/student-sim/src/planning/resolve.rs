//! Which record is meant.

use proctor_sdk::{Entity, Row, folded};
use serde_json::{Map, Value as Json};

use super::{Desk, Stop, arguments, decline};
use crate::context::{has_choice, mentions, name};
use crate::understanding::{Act, Name, Slot, Verb, choice};
use crate::{crm, speaking};

/// A record that an act is about.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) of: Entity,
    pub(super) id: String,
}

impl From<&Row> for Target {
    fn from(row: &Row) -> Self {
        Self {
            of: row.entity,
            id: row.id.clone(),
        }
    }
}

/// Looks for records of an entity by name: those with just this name, or else those with it in
/// theirs.
pub(super) fn find(
    desk: &mut Desk,
    of: Entity,
    wanted: &str,
    filters: &Map<String, Json>,
) -> Result<Vec<Row>, Stop> {
    let mut text = wanted.to_owned();
    loop {
        let mut rows = Vec::new();
        for criteria in by_name(of, &text) {
            let mut criteria = criteria;
            criteria.extend(filters.clone());
            rows = desk.call(crm::search_tool(of), criteria)?.rows;
            if !rows.is_empty() {
                break;
            }
        }
        let exact: Vec<Row> = rows
            .iter()
            .filter(|row| folded(&name(row)) == folded(&text))
            .cloned()
            .collect();
        if !exact.is_empty() {
            return Ok(exact);
        }
        if !rows.is_empty() {
            return Ok(rows);
        }
        match shorter(&text) {
            Some(shorter) => text = shorter,
            None => return Ok(rows),
        }
    }
}

/// What to search by for a name.
fn by_name(of: Entity, text: &str) -> Vec<Map<String, Json>> {
    if of != Entity::Contact {
        return vec![arguments([("name", text.into())])];
    }
    match text.split_once(' ') {
        Some((first, last)) => {
            vec![arguments([
                ("first_name", first.into()),
                ("last_name", last.into()),
            ])]
        }
        None => {
            vec![
                arguments([("last_name", text.into())]),
                arguments([("first_name", text.into())]),
            ]
        }
    }
}

/// Another guess at a name that nothing has: without a plural's s, or, where nothing shows its
/// end, without its last word.
fn shorter(text: &str) -> Option<String> {
    let small = text.chars().next().is_some_and(char::is_lowercase);
    match text.rsplit_once(' ') {
        Some((start, _)) if small => Some(start.to_owned()),
        None => text
            .strip_suffix('s')
            .filter(|stem| stem.len() > 3)
            .map(str::to_owned),
        _ => None,
    }
}

/// Looks for a name among several entities, in order.
pub(super) fn find_any(desk: &mut Desk, order: &[Entity], wanted: &Name) -> Result<Vec<Row>, Stop> {
    let mut tried = Vec::new();
    let mut partial = Vec::new();
    for of in order {
        if tried.contains(of) {
            continue;
        }
        tried.push(*of);
        let rows = find(desk, *of, &wanted.text, &Map::new())?;
        if rows.len() == 1
            || rows
                .iter()
                .any(|row| folded(&name(row)) == folded(&wanted.text))
        {
            return Ok(rows);
        }
        if partial.is_empty() {
            partial = rows;
        }
    }
    // The first word may have been a verb that the student doesn't know.
    if partial.is_empty()
        && let Some((_, rest)) = wanted
            .text
            .split_once(' ')
            .filter(|(_, rest)| rest.contains(' '))
    {
        return find(desk, order[0], rest, &Map::new());
    }
    Ok(partial)
}

/// The record that an act is about; `order` are the entities it may be of, likeliest first.
pub(super) fn target(desk: &mut Desk, act: &Act, order: &[Entity]) -> Result<Target, Stop> {
    let likeliest = order[0];
    if let Some(id) = act.id() {
        let of = act.subject().unwrap_or(likeliest);
        return Ok(Target {
            of,
            id: id.to_owned(),
        });
    }
    if let Some(target) = pointed_at(desk, act, order)? {
        return Ok(target);
    }
    let names = target_names(act);
    if let Some(wanted) = names.first() {
        let mut entities: Vec<Entity> = wanted.noun.into_iter().collect();
        entities.extend(order);
        let rows = find_any(desk, &entities, wanted)?;
        if rows.is_empty() {
            return Err(decline(speaking::not_found(&wanted.text)));
        }
        return single(desk, act, rows);
    }
    let topic = desk.topic.clone().filter(|(of, _)| order.contains(of));
    if let Some((of, id)) = topic.filter(|_| !act.says("one")) {
        return Ok(Target { of, id });
    }
    let last = desk.context.latest(None).first().map(|row| row.entity);
    let of = last
        .filter(|of| order.contains(of) && act.subject().is_none())
        .or_else(|| {
            order
                .iter()
                .copied()
                .find(|of| !desk.context.latest(Some(*of)).is_empty())
        });
    let rows: Vec<Row> = match of {
        Some(of) => desk.context.latest(Some(of)).into_iter().cloned().collect(),
        None => return Err(decline(speaking::UNCLEAR.to_owned())),
    };
    single(desk, act, rows)
}

/// The names that an act is about, leaving out new names and the places of people.
pub(super) fn target_names(act: &Act) -> Vec<&Name> {
    let names: Vec<&Name> = act
        .names()
        .into_iter()
        .filter(|name| !name.called)
        .collect();
    let place = |name: &&Name| matches!(name.prep.as_str(), "at" | "from" | "in" | "by" | "with");
    let main: Vec<&Name> = names.iter().copied().filter(|name| !place(name)).collect();
    if main.is_empty() { names } else { main }
}

/// What words such as "the copy", "the cheaper one" or "its quote" point at.
fn pointed_at(desk: &mut Desk, act: &Act, order: &[Entity]) -> Result<Option<Target>, Stop> {
    let named = !target_names(act).is_empty();
    let says = |words: &[&str]| act.says_any(words);
    if says(&["that id"]) {
        let id = desk.context.latest(None).first().map(|row| row.id.clone());
        return Ok(id.map(|id| Target { of: order[0], id }));
    }
    if act.verb != Verb::Clone && order.contains(&Entity::Opportunity) {
        if says(&["the original", "original"])
            && let Some(id) = desk.context.original()
        {
            return Ok(Some(Target {
                of: Entity::Opportunity,
                id,
            }));
        }
        if says(&["the clone", "the copy"])
            && let Some(row) = desk.context.copy()
        {
            return Ok(Some(row.into()));
        }
    }
    if order.contains(&Entity::Quote) && !named {
        let cheap = ["cheaper", "cheapest", "lower one", "lowest"];
        let dear = [
            "more expensive",
            "dearer",
            "bigger one",
            "highest",
            "most expensive",
        ];
        let in_lead = |words: &[&str]| {
            words
                .iter()
                .any(|word| act.lead_words.contains(&format!(" {word} ")))
        };
        for (words, highest) in [(&cheap[..], false), (&dear[..], true)] {
            if (says(words) || in_lead(words))
                && let Some(row) = desk.context.extreme(highest)
            {
                return Ok(Some(row.into()));
            }
        }
    }
    if order[0] == Entity::Quote && owns_quote(act) {
        return quote_of_topic(desk, act);
    }
    Ok(None)
}

fn owns_quote(act: &Act) -> bool {
    let mut words = act.words.split_whitespace();
    words.any(|word| word == "its") && {
        let after: Vec<&str> = act
            .words
            .split(" its ")
            .nth(1)
            .unwrap_or_default()
            .split(' ')
            .take(2)
            .collect();
        after.contains(&"quote")
    }
}

/// The quote of the opportunity that is talked about.
fn quote_of_topic(desk: &mut Desk, act: &Act) -> Result<Option<Target>, Stop> {
    let topic = desk
        .topic
        .clone()
        .filter(|(of, _)| *of == Entity::Opportunity);
    let latest = desk
        .context
        .latest(Some(Entity::Opportunity))
        .first()
        .map(|row| row.id.clone());
    let Some(id) = topic.map(|(_, id)| id).or(latest) else {
        return Ok(None);
    };
    let mut filters = arguments([("opportunity_id", id.into())]);
    let choices = act_choices(act, Entity::Quote);
    if let Some(first) = choices
        .first()
        .filter(|_| choices.len() > 1 || act.verb != Verb::Modify)
    {
        filters.insert("status".into(), (*first).into());
    }
    let rows = desk.call("quote_search", filters)?.rows;
    if rows.is_empty() {
        return Err(decline(speaking::not_found("such a quote")));
    }
    single(desk, act, rows).map(Some)
}

/// Legal values of an entity's enumerated column that an act mentions, as the CRM spells them.
pub(super) fn act_choices(act: &Act, of: Entity) -> Vec<&'static str> {
    let choices = act.own.iter().filter_map(|one| match &one.slot {
        Slot::Choice(text) => choice(text),
        _ => None,
    });
    choices.filter(|value| crm::is_legal(of, value)).collect()
}

/// The only one of these records, after what the act says of it.
pub(super) fn single(desk: &Desk, act: &Act, rows: Vec<Row>) -> Result<Target, Stop> {
    if let [only] = rows.as_slice() {
        return Ok(only.into());
    }
    let narrowed = narrow(desk, act, rows.clone());
    match narrowed.as_slice() {
        [only] => Ok(only.into()),
        _ => Err(decline(speaking::ambiguous(&desk.context, &rows))),
    }
}

/// Records that fit what an act says, as far as it says anything that fits any.
fn narrow(desk: &Desk, act: &Act, rows: Vec<Row>) -> Vec<Row> {
    let keep = |rows: Vec<Row>, fits: &dyn Fn(&Row) -> bool| -> Vec<Row> {
        let kept: Vec<Row> = rows.iter().filter(|row| fits(row)).cloned().collect();
        if kept.is_empty() { rows } else { kept }
    };
    let of = rows[0].entity;
    let choices = act_choices(act, of);
    // The last value is what to write; one before it says which record is meant.
    let written = usize::from(act.verb == Verb::Modify);
    let mut rows = rows;
    for value in choices.iter().take(choices.len().saturating_sub(written)) {
        rows = keep(rows, &|row| has_choice(row, value));
    }
    for place in act
        .names()
        .into_iter()
        .filter(|name| name.prep == "at" || name.prep == "from")
    {
        rows = keep(rows, &|row| {
            let client = crate::context::reference(row, "client_id");
            client
                .and_then(|id| desk.context.row(&id))
                .is_some_and(|client| mentions(client, &place.text))
        });
    }
    rows
}

/// The client that a name stands for.
pub(super) fn client(desk: &mut Desk, wanted: &Name) -> Result<Option<String>, Stop> {
    let rows = find(desk, Entity::Client, &wanted.text, &Map::new())?;
    match rows.as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only.id.clone())),
        _ => Err(decline(speaking::ambiguous(&desk.context, &rows))),
    }
}
