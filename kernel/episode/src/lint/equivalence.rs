//! Whether a mutant that passes does the same as the oracle, and whether the suite says so.

use std::collections::{BTreeMap, BTreeSet};

use proctor_crm::{Change, Row, Value};
use proctor_host::Action;

use super::catalog::Catalog;
use super::mention::is_uuid;
use super::mutant::Mutant;
use super::report::Rule;
use super::stage::Played;
use crate::suite::{Equivalent, Suite};

/// What an episode comes to: what changed and what was said, with new records known by their
/// content, since their ids depend on the steps before.
#[derive(PartialEq, Eq)]
pub(super) struct Upshot {
    changes: Vec<String>,
    words: Vec<String>,
}

impl Upshot {
    pub(super) fn of(played: &Played, catalog: &Catalog<'_>) -> Self {
        let created = created(&played.changes);
        let mut changes: Vec<String> = played
            .changes
            .iter()
            .map(|change| change_text(change, &created))
            .collect();
        changes.sort();
        let words = played.steps.iter().filter_map(|step| match &step.action {
            Action::Answer(words) => Some(format!("answer {}", renamed(words, &created, catalog))),
            Action::Decline(words) => {
                Some(format!("decline {}", renamed(words, &created, catalog)))
            }
            Action::Call(_) => None,
        });
        Self {
            changes,
            words: words.collect(),
        }
    }
}

/// New records by id, each with its content.
fn created(changes: &[Change]) -> BTreeMap<String, String> {
    let rows = changes.iter().filter_map(|change| match change {
        Change::Insert(row) => Some(row),
        _ => None,
    });
    let rows: Vec<&Row> = rows.collect();
    let ids: BTreeSet<String> = rows.iter().map(|row| row.id().to_string()).collect();
    rows.iter()
        .map(|row| {
            let cells = row.cells().skip(1).map(|(column, value)| match value {
                Value::Id(id) if ids.contains(&id.to_string()) => format!("{}=new", column.name),
                value => format!("{}={value:?}", column.name),
            });
            let content = cells.collect::<Vec<_>>().join(",");
            (
                row.id().to_string(),
                format!("new {}({content})", row.entity().name()),
            )
        })
        .collect()
}

fn change_text(change: &Change, created: &BTreeMap<String, String>) -> String {
    let known = |id: String| created.get(&id).cloned().unwrap_or(id);
    let columns = change.columns().into_iter().skip_while(|column| {
        // The key of a new record says nothing.
        matches!(change, Change::Insert(row) if column.column == row.entity().key())
    });
    let columns = columns.map(|column| match column.after {
        Value::Id(id) => format!("{}={}", column.column, known(id.to_string())),
        value => format!("{}={value:?}", column.column),
    });
    let columns = columns.collect::<Vec<_>>().join(",");
    let verb = match change {
        Change::Insert(_) => "insert",
        Change::Update { .. } => "update",
        Change::Delete(_) => "delete",
    };
    format!(
        "{verb} {} {}: {columns}",
        change.entity().name(),
        known(change.id().to_string())
    )
}

/// Words with the ids of new records replaced by their content.
fn renamed(words: &str, created: &BTreeMap<String, String>, catalog: &Catalog<'_>) -> String {
    const LENGTH: usize = 36;
    let mut renamed = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(next) = rest.chars().next() {
        match rest
            .get(..LENGTH)
            .filter(|id| is_uuid(id) && !catalog.has(id))
        {
            Some(id) => {
                let content = created.get(&id.to_ascii_lowercase());
                renamed.push_str(content.map_or("new", String::as_str));
                rest = &rest[LENGTH..];
            }
            None => {
                renamed.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    renamed
}

/// A place in the suite's declarations: entry, tool, and task if the entry names tasks.
pub(super) type Place = (usize, String, Option<String>);

/// The declaration that covers a mutant.
pub(super) fn declared<'a>(
    suite: &'a Suite,
    task: &str,
    mutant: &Mutant,
) -> Option<(Place, &'a Equivalent)> {
    let names_task = |entry: &Equivalent| entry.tasks.iter().any(|named| named == task);
    let covers = |entry: &Equivalent| {
        entry.mutant == mutant.kind
            && entry.tools.contains(&mutant.tool)
            && (entry.tasks.is_empty() || names_task(entry))
    };
    let (at, entry) = suite
        .equivalent
        .iter()
        .enumerate()
        .find(|(_, entry)| covers(entry))?;
    let task = names_task(entry).then(|| task.to_owned());
    Some(((at, mutant.tool.clone(), task), entry))
}

/// Declarations that no mutant needs.
pub(super) fn dead(suite: &Suite, used: &BTreeSet<Place>) -> Vec<(Rule, String)> {
    let mut dead = Vec::new();
    for (at, entry) in suite.equivalent.iter().enumerate() {
        let mut say = |what: String| {
            let kind = entry.mutant.name();
            let message = format!(
                "equivalent {} declares `{kind}` of {what}, and no such mutant passes",
                at + 1
            );
            dead.push((Rule::DeadEquivalence, message));
        };
        for tool in &entry.tools {
            if !used.iter().any(|place| place.0 == at && place.1 == *tool) {
                say(format!("`{tool}`"));
            }
        }
        for task in &entry.tasks {
            if !used
                .iter()
                .any(|place| place.0 == at && place.2.as_ref() == Some(task))
            {
                say(format!("the task `{task}`"));
            }
        }
        if entry.tools.is_empty() {
            say("no tool".into());
        }
    }
    dead
}
