//! Requests that are thoughts: what they are about is looked up, and nothing is changed.

use proctor_sdk::{Entity, Row};

use super::read::parent_quotes;
use super::resolve::find_any;
use super::{Desk, Stop, decline};
use crate::speaking;
use crate::understanding::{Request, Slot};

/// Looks at what the user thinks about, and asks for a decision.
pub(super) fn consider(desk: &mut Desk, request: &Request) -> Result<String, Stop> {
    let mut seen: Vec<Row> = Vec::new();
    for act in &request.acts {
        for (_, name) in act
            .own
            .iter()
            .chain(&act.lead)
            .filter_map(|one| match &one.slot {
                Slot::Name(name) => Some((one.at, name)),
                _ => None,
            })
        {
            let order = match name.noun {
                Some(noun) => vec![noun, Entity::Opportunity, Entity::Quote],
                None => vec![Entity::Opportunity, Entity::Quote],
            };
            let found = find_any(desk, &order, name)?;
            if found.len() == 1
                && found[0].entity == Entity::Opportunity
                && act.nouns.contains(&Entity::Quote)
            {
                seen.extend(parent_quotes(desk, &found[0].id)?);
            }
            seen.extend(found);
        }
    }
    if seen.is_empty() {
        seen = desk.context.latest(None).into_iter().cloned().collect();
    }
    Err(decline(speaking::considered(&seen)))
}
