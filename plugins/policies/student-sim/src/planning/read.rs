//! Answering questions.

use proctor_sdk::{Entity, Row, Value};
use serde_json::{Map, Value as Json};

use super::resolve::{act_choices, find, target};
use super::search::{search, summary_filters};
use super::{Desk, Stop, arguments};
use crate::context::{has_choice, mentions};
use crate::understanding::{Act, Ask, Name, Slot, Verb, asks, choice};
use crate::{crm, speaking};

/// Answers what an act asks.
pub(super) fn ask(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    if act.says("prefixes") {
        return prefixes(desk, act);
    }
    if act.says_any(&["compare", "side by side"]) {
        return compare(desk, act);
    }
    if let Some(answer) = summary_again(desk, act)? {
        return Ok(answer);
    }
    if summarizes(act) {
        return summarize(desk, act);
    }
    if from_memory(desk, act) {
        return remembered(desk, act);
    }
    // "Which of them …" after a summary is about what was summarised.
    let of = subject(act).or(desk.context.summarized.then_some(Entity::Opportunity));
    if of == Some(Entity::Opportunity) && wants_details(act)
        || act.says("quote") && act.says("details")
    {
        return details(desk, act);
    }
    let order = match of {
        Some(Entity::Client) => vec![Entity::Client, Entity::Opportunity],
        Some(of) => vec![of],
        None => return ask_about_name(desk, act),
    };
    let mut answer = None;
    for of in order {
        let (rows, total) = search(desk, act, of)?;
        let empty = rows.is_empty();
        if answer.is_none() || !empty {
            answer = Some(speaking::rows(
                &desk.context,
                &picked(act, rows),
                total,
                &asks(act, of),
            ));
        }
        if !empty {
            break;
        }
    }
    Ok(answer.unwrap_or_else(|| speaking::UNCLEAR.to_owned()))
}

/// Answers a question that does not say what the name in it is of.
fn ask_about_name(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let order = unnamed_order(act);
    let names: Vec<_> = act.all_names().into_iter().cloned().collect();
    if names.is_empty() || places_only(&names) {
        let of = order[0];
        let (rows, total) = search(desk, act, of)?;
        return Ok(speaking::rows(
            &desk.context,
            &picked(act, rows),
            total,
            &asks(act, of),
        ));
    }
    for of in order {
        for name in &names {
            let rows = filtered(act, find(desk, of, &name.text, &Map::new())?);
            if !rows.is_empty() {
                let total = rows.len() as i64;
                return Ok(speaking::rows(&desk.context, &rows, total, &asks(act, of)));
            }
        }
    }
    Ok(speaking::not_found(&names[0].text))
}

/// Whether all names only say where somebody works.
fn places_only(names: &[Name]) -> bool {
    names.iter().any(|name| name.prep == "at")
}

/// The entity that a question is about.
fn subject(act: &Act) -> Option<Entity> {
    if wants_details(act) && !act.says_any(&["the quote", "of quote", "quote details"]) {
        return Some(Entity::Opportunity);
    }
    let nouns: Vec<Entity> = act
        .nouns
        .iter()
        .copied()
        .filter(|noun| *noun != Entity::Note)
        .collect();
    let has_any = act.says_any(&[
        "any quotes",
        "any quote",
        "any contracts",
        "still has a quote",
    ]);
    match nouns.as_slice() {
        [Entity::Opportunity, other, ..] if has_any => Some(*other),
        // "Tell me … the opportunity it is for" and the like say more, not what about.
        [first, ..] => Some(*first),
        [] => {
            let company = !act_choices(act, Entity::Company).is_empty();
            company.then_some(Entity::Company)
        }
    }
}

fn wants_details(act: &Act) -> bool {
    act.says_any(&[
        "details",
        "full picture",
        "what do we know",
        "open the opportunity",
        "open the deal",
        "open opportunity",
    ])
}

/// Where to look when no noun says what a name is of.
fn unnamed_order(act: &Act) -> Vec<Entity> {
    if act.says_any(&["who is the", "title", "titles", "her", "his"]) {
        return vec![Entity::Contact, Entity::Client];
    }
    if act.says_any(&["e-mail", "email", "phone", "address"]) {
        let person = act
            .names()
            .first()
            .is_some_and(|name| name.text.split(' ').count() == 2);
        return if person {
            vec![Entity::Contact, Entity::Client]
        } else {
            vec![Entity::Client, Entity::Contact]
        };
    }
    vec![
        Entity::Opportunity,
        Entity::Client,
        Entity::Quote,
        Entity::Contact,
    ]
}

/// Of several records, the one that a question singles out.
fn picked(act: &Act, rows: Vec<Row>) -> Vec<Row> {
    let single_out = act.says_any(&["more expensive", "dearer", "cheaper"]);
    if !single_out || rows.len() < 2 {
        return rows;
    }
    let amount = |row: &Row| match row.get("amount") {
        Value::Money(cents) => *cents,
        _ => 0,
    };
    let mut rows = rows;
    rows.sort_by_key(amount);
    if act.says("cheaper") {
        rows.truncate(1)
    } else {
        rows.drain(..rows.len() - 1).for_each(drop)
    }
    rows
}

/// Whether a question is about what came up before.
fn from_memory(desk: &Desk, act: &Act) -> bool {
    const POINTERS: &[&str] = &[
        "those",
        "these",
        "of them",
        "of the two",
        "that opportunity",
        "that quote",
        "that deal",
        "that client",
        "that contact",
        "that contract",
        "that one",
        "note on it",
        "attached to it",
        "again",
        "the two",
    ];
    if desk.context.latest(None).is_empty() || act.id().is_some() {
        return false;
    }
    let the_one = act.says("one") && !act.says_any(&["which one", "more than one", "one of"]);
    if act.says_any(POINTERS) || the_one {
        return true;
    }
    let filtered = act.own.iter().any(|one| {
        matches!(
            one.slot,
            Slot::User(_) | Slot::Choice(_) | Slot::Field(..) | Slot::Date(_)
        )
    });
    if !act.names().is_empty() {
        return false;
    }
    // A kind of record with a condition is a question of its own.
    act.nouns.is_empty() || !filtered && act.says_any(&["it", "its", "her", "his", "their"])
}

/// Answers from the records that came up last, as far as they suffice.
fn remembered(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let noun = act
        .subject()
        .filter(|of| !desk.context.latest(Some(*of)).is_empty());
    let last: Vec<Row> = desk.context.latest(noun).into_iter().cloned().collect();
    let rows = filtered(act, last);
    let of = rows.first().map_or(Entity::Opportunity, |row| row.entity);
    let wanted = asks(act, of);
    let counts = wanted.iter().any(|ask| matches!(ask, Ask::CountOf(_)));
    let opens = act.says("details") || counts;
    if let (true, [only]) = (
        opens && matches!(of, Entity::Opportunity | Entity::Quote),
        rows.as_slice(),
    ) {
        return show(desk, act, of, &only.id.clone());
    }
    let total = rows.len() as i64;
    Ok(speaking::rows(
        &desk.context,
        &picked(act, rows),
        total,
        &wanted,
    ))
}

/// Records that fit what a question says, as far as anything it says fits any.
fn filtered(act: &Act, rows: Vec<Row>) -> Vec<Row> {
    let mut rows = rows;
    let mut keep = |fits: &dyn Fn(&Row) -> bool| {
        let kept: Vec<Row> = rows.iter().filter(|row| fits(row)).cloned().collect();
        if !kept.is_empty() {
            rows = kept;
        }
    };
    for slot in act.slots() {
        match slot {
            Slot::Choice(text) => {
                let value = choice(text).unwrap_or_default();
                keep(&|row| has_choice(row, value));
            }
            Slot::User(user) => keep(&|row| *row.get("owner") == Value::Text(user.clone())),
            Slot::Name(name) => keep(&|row| mentions(row, &name.text)),
            _ => {}
        }
    }
    // "the call center one", "the finance one"
    if let Some(before) = act.words.split(" one ").next().filter(|_| act.says("one"))
        && let Some(at) = before.rfind(" the ")
    {
        let described = before[at + 5..].trim().to_owned();
        if !described.is_empty() {
            keep(&|row| mentions(row, &described));
        }
    }
    rows
}

/// Shows a record with what hangs on it.
fn details(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let of = subject(act)
        .filter(|of| *of == Entity::Quote)
        .unwrap_or(Entity::Opportunity);
    let mut plain = act.clone();
    plain.nouns.retain(|noun| *noun == of);
    plain.verb = Verb::Ask;
    let found = target(desk, &plain, &[of])?;
    show(desk, act, of, &found.id)
}

fn show(desk: &mut Desk, act: &Act, of: Entity, id: &str) -> Result<String, Stop> {
    let tool = if of == Entity::Quote {
        "quote_details"
    } else {
        "view_opportunity_details"
    };
    let result = desk.call(tool, arguments([(crm::key(of), id.into())]))?;
    let rows: Vec<Row> = result.rows.iter().take(1).cloned().collect();
    let mut said = speaking::rows(&desk.context, &rows, 1, &asks(act, of));
    said.push_str(&speaking::counts(&result, &asks(act, of)));
    Ok(said)
}

fn prefixes(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let result = desk.call("quote_prefixes", Map::new())?;
    Ok(if act.says_any(&["how many", "number of"]) {
        speaking::count(result.fact("count"), "prefixes")
    } else {
        format!("The prefixes are {}.", result.fact("prefixes"))
    })
}

/// Sets quotes side by side.
fn compare(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let mut ids = act.ids();
    let names: Vec<String> = act
        .names()
        .into_iter()
        .map(|name| name.text.clone())
        .collect();
    for name in names {
        let rows = find(desk, Entity::Quote, &name, &Map::new())?;
        ids.extend(rows.first().map(|row| row.id.clone()));
    }
    if ids.len() < 2 {
        ids = desk
            .context
            .latest(Some(Entity::Quote))
            .into_iter()
            .map(|row| row.id.clone())
            .collect();
    }
    let tool = if act.says("details") {
        "compare_quote_details"
    } else {
        "compare_quotes"
    };
    let ids: Vec<Json> = ids.into_iter().map(Json::from).collect();
    let result = desk.call(tool, arguments([("quote_ids", ids.into())]))?;
    let mut wanted = asks(act, Entity::Quote);
    let mut said = String::new();
    if wanted.contains(&Ask::Difference) {
        said = format!("The difference is ${}. ", result.fact("difference"));
        wanted.retain(|ask| *ask != Ask::Difference);
        if act.says_any(&["how much is the difference", "save"]) {
            return Ok(said);
        }
    }
    let rows = picked(act, result.rows);
    let total = rows.len() as i64;
    Ok(said + &speaking::rows(&desk.context, &rows, total, &wanted))
}

/// Whether a question is about many opportunities together.
fn summarizes(act: &Act) -> bool {
    let other = act
        .nouns
        .first()
        .is_some_and(|noun| !matches!(noun, Entity::Opportunity | Entity::Client));
    !other
        && !act.says("summary of the notes")
        && act.says_any(&[
            "summarize",
            "summarise",
            "summary",
            "pipeline",
            "total",
            "together",
            "all in all",
            "in sum",
        ])
}

fn summarize(desk: &mut Desk, act: &Act) -> Result<String, Stop> {
    let filters = summary_filters(desk, act)?;
    let result = desk.call("summarize_opportunities", filters)?;
    let counts = act.says_any(&["how many", "number of", "count"]);
    let mut said = speaking::summary(&result.facts, counts);
    said.push_str(&speaking::summary_parts(&result.facts, &parts(act)));
    Ok(said)
}

/// The groups of a summary that an act asks for.
fn parts(act: &Act) -> Vec<String> {
    let mut parts = Vec::new();
    for slot in act.slots() {
        match slot {
            Slot::Choice(text) if act.says("how much of it") => {
                parts.extend(choice(text).map(|value| format!("stage.{value}")));
            }
            Slot::User(user) if act.says("the part that") => parts.push(format!("owner.{user}")),
            _ => {}
        }
    }
    parts
}

/// Goes on with the last summary: a part of it, or the same again.
fn summary_again(desk: &mut Desk, act: &Act) -> Result<Option<String>, Stop> {
    let Some((filters, facts)) = desk
        .context
        .summary
        .clone()
        .filter(|_| act.names().is_empty())
    else {
        return Ok(None);
    };
    if act.says("how much of it") {
        return Ok(Some(speaking::summary_parts(&facts, &parts(act))));
    }
    if act.says_any(&["total now", "the total", "same again"]) && act.slots().next().is_none() {
        let result = desk.call("summarize_opportunities", filters)?;
        return Ok(Some(speaking::summary(&result.facts, act.says("how many"))));
    }
    Ok(None)
}

/// The quotes of an opportunity.
pub(super) fn parent_quotes(desk: &mut Desk, id: &str) -> Result<Vec<Row>, Stop> {
    let criteria = arguments([("opportunity_id", id.into())]);
    Ok(desk.call("quote_search", criteria)?.rows)
}
