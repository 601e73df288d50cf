//! Compares what changed with what should have, row by row and column by column.
//!
//! New records have ids that nobody could foresee, so they are matched by content: every way of
//! pairing expected with actual new records is tried until one fits throughout. Whatever changed
//! and isn't expected is named as collateral.

use std::collections::BTreeMap;

use proctor_sdk::verifier::{
    Episode, ExpectedCell, ExpectedChange, ExpectedInsert, ExpectedUpdate, Gold, Moment, Pattern,
    Report, Verifier,
};
use proctor_sdk::{About, Change, Entity, Failure, Row, Update, Value, Verdict, folded};

/// Marks the state that an episode leaves.
pub struct EndState;

impl Verifier for EndState {
    const ABOUT: About = About {
        name: "end-state",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Compares what changed with what should have, row by row and column by column.",
        simulated: false,
    };

    fn verify(episode: &dyn Episode, gold: &dyn Gold) -> Result<Verdict, Failure> {
        let actual = episode.diff();
        let expected = gold.changes();
        let mut report = Report::default();
        if expected.is_empty() {
            let detail = if actual.is_empty() {
                "nothing changed"
            } else {
                "nothing should change"
            };
            report.check("state untouched", actual.is_empty(), detail);
        }
        let inserted: Vec<&Row> = actual
            .iter()
            .filter_map(|change| match change {
                Change::Insert(row) => Some(row),
                _ => None,
            })
            .collect();
        let wanted: Vec<&ExpectedInsert> = expected
            .iter()
            .filter_map(|change| match change {
                ExpectedChange::Insert(insert) => Some(insert),
                _ => None,
            })
            .collect();
        let pairing = Pairing::find(&wanted, &inserted);
        check_inserts(&mut report, &wanted, &inserted, &pairing);
        let created = pairing.created(&wanted, &inserted);
        check_existing(&mut report, episode, &expected, &actual, &created);
        check_collateral(&mut report, &expected, &actual, &inserted, &pairing);
        Ok(report.verdict())
    }
}

proctor_sdk::export_verifier!(EndState);

/// Ids of new records by the key that the expectations know them under.
type Created<'a> = BTreeMap<&'a str, &'a str>;

/// Which actual new record stands for which expected one.
#[derive(Debug)]
struct Pairing {
    /// For each expected insert, the position of the actual one.
    chosen: Vec<Option<usize>>,
}

/// Most pairings that are tried: far more than any honest task needs, and a bound on hostile
/// ones.
const PAIRINGS_MAX: u32 = 20_000;

impl Pairing {
    /// A pairing that fits throughout, or else the one that comes closest, record by record.
    fn find(wanted: &[&ExpectedInsert], inserted: &[&Row]) -> Self {
        let mut chosen = Vec::new();
        let mut tries = 0;
        if complete(wanted, inserted, &mut chosen, &mut tries) {
            return Self {
                chosen: chosen.into_iter().map(Some).collect(),
            };
        }
        let mut pairing = Self { chosen: Vec::new() };
        for expected in wanted {
            let created = pairing.created(wanted, inserted);
            let nearest = inserted
                .iter()
                .enumerate()
                .filter(|(at, row)| {
                    row.entity == expected.entity && !pairing.chosen.contains(&Some(*at))
                })
                .min_by_key(|(_, row)| mismatches(expected, row, &created).len());
            pairing.chosen.push(nearest.map(|(at, _)| at));
        }
        pairing
    }

    fn created<'a>(&self, wanted: &[&'a ExpectedInsert], inserted: &[&'a Row]) -> Created<'a> {
        self.chosen
            .iter()
            .zip(wanted)
            .filter_map(|(at, expected)| {
                Some((expected.key.as_str(), inserted.get((*at)?)?.id.as_str()))
            })
            .collect()
    }
}

/// Tries to pair every expected insert from `chosen.len()` on.
fn complete(
    wanted: &[&ExpectedInsert],
    inserted: &[&Row],
    chosen: &mut Vec<usize>,
    tries: &mut u32,
) -> bool {
    let Some(expected) = wanted.get(chosen.len()) else {
        return true;
    };
    let created: Created = chosen
        .iter()
        .zip(wanted)
        .map(|(at, expected)| (expected.key.as_str(), inserted[*at].id.as_str()))
        .collect();
    for (at, row) in inserted.iter().enumerate() {
        *tries += 1;
        if *tries > PAIRINGS_MAX {
            return false;
        }
        let free = row.entity == expected.entity && !chosen.contains(&at);
        if free && mismatches(expected, row, &created).is_empty() {
            chosen.push(at);
            if complete(wanted, inserted, chosen, tries) {
                return true;
            }
            chosen.pop();
        }
    }
    false
}

/// The columns in which a new record isn't what was expected, each with what is wrong.
fn mismatches(expected: &ExpectedInsert, row: &Row, created: &Created) -> Vec<String> {
    let mut wrong = Vec::new();
    for cell in &expected.cells {
        let found = row.get(&cell.name);
        if !fits(&cell.pattern, found, created) {
            wrong.push(expected_found(cell, found, created));
        }
    }
    for cell in &row.cells {
        if !expected.cells.iter().any(|known| known.name == cell.name) {
            wrong.push(format!(
                "{} should be empty, is {}",
                cell.name,
                shown(&cell.value)
            ));
        }
    }
    wrong
}

fn check_inserts(
    report: &mut Report,
    wanted: &[&ExpectedInsert],
    inserted: &[&Row],
    pairing: &Pairing,
) {
    let created = pairing.created(wanted, inserted);
    for (expected, at) in wanted.iter().zip(&pairing.chosen) {
        let name = format!("new {} ({})", expected.entity.name(), expected.key);
        match at.and_then(|at| inserted.get(at)) {
            None => report.check(name, false, "is not there"),
            Some(row) => {
                let wrong = mismatches(expected, row, &created);
                let detail = if wrong.is_empty() {
                    "as expected".into()
                } else {
                    wrong.join("; ")
                };
                report.check(name, wrong.is_empty(), detail);
            }
        }
    }
}

fn check_existing(
    report: &mut Report,
    episode: &dyn Episode,
    expected: &[ExpectedChange],
    actual: &[Change],
    created: &Created,
) {
    for change in expected {
        match change {
            ExpectedChange::Insert(_) => {}
            ExpectedChange::Delete(delete) => {
                let gone = actual.iter().any(|change| {
                    matches!(change, Change::Delete(row) if row.entity == delete.entity && row.id == delete.id)
                });
                let name = format!("{} {} deleted", delete.entity.name(), delete.id);
                report.check(name, gone, if gone { "gone" } else { "is still there" });
            }
            ExpectedChange::Update(update) => {
                let name = format!("{} {} updated", update.entity.name(), update.id);
                let wrong = update_mismatches(episode, update, actual, created);
                let detail = if wrong.is_empty() {
                    "as expected".into()
                } else {
                    wrong.join("; ")
                };
                report.check(name, wrong.is_empty(), detail);
            }
        }
    }
}

fn update_mismatches(
    episode: &dyn Episode,
    expected: &ExpectedUpdate,
    actual: &[Change],
    created: &Created,
) -> Vec<String> {
    let update = actual.iter().find_map(|change| match change {
        Change::Update(update) => same_record(update, expected).then_some(update),
        _ => None,
    });
    let mut wrong = Vec::new();
    for cell in &expected.cells {
        let changed = update
            .and_then(|update| {
                update
                    .columns
                    .iter()
                    .find(|column| column.name == cell.name)
            })
            .map(|column| column.after.clone());
        // A column that didn't change may still hold what it should.
        let found = changed.unwrap_or_else(|| {
            episode
                .row(Moment::End, expected.entity, &expected.id)
                .map_or(Value::Absent, |row| row.get(&cell.name).clone())
        });
        if !fits(&cell.pattern, &found, created) {
            wrong.push(expected_found(cell, &found, created));
        }
    }
    for column in update.map_or(&[][..], |update| &update.columns) {
        if !expected.cells.iter().any(|cell| cell.name == column.name) {
            wrong.push(format!(
                "{} changed from {} to {} and shouldn't have",
                column.name,
                shown(&column.before),
                shown(&column.after)
            ));
        }
    }
    wrong
}

fn same_record(update: &Update, expected: &ExpectedUpdate) -> bool {
    update.entity == expected.entity && update.id == expected.id
}

/// Names every change that no expectation covers.
fn check_collateral(
    report: &mut Report,
    expected: &[ExpectedChange],
    actual: &[Change],
    inserted: &[&Row],
    pairing: &Pairing,
) {
    let covered = |change: &Change| {
        match change {
        Change::Insert(row) => {
            pairing.chosen.iter().flatten().any(|at| inserted.get(*at).is_some_and(|of| of.id == row.id))
        }
        Change::Update(update) => expected.iter().any(
            |change| matches!(change, ExpectedChange::Update(known) if same_record(update, known)),
        ),
        Change::Delete(row) => expected.iter().any(|change| {
            matches!(change, ExpectedChange::Delete(known) if known.entity == row.entity && known.id == row.id)
        }),
    }
    };
    let mut named = 0;
    for change in actual.iter().filter(|change| !covered(change)) {
        named += 1;
        let (verb, entity, id, columns) = match change {
            Change::Insert(row) => ("created", row.entity, &row.id, cells(row)),
            Change::Delete(row) => ("deleted", row.entity, &row.id, cells(row)),
            Change::Update(update) => ("changed", update.entity, &update.id, columns(update)),
        };
        report.check(
            "no collateral change",
            false,
            collateral(verb, entity, id, &columns),
        );
    }
    if named == 0 && !expected.is_empty() {
        report.check("no collateral change", true, "nothing else changed");
    }
}

fn collateral(verb: &str, entity: Entity, id: &str, columns: &str) -> String {
    format!("{} {id} was {verb}: {columns}", entity.name())
}

fn cells(row: &Row) -> String {
    let cells: Vec<String> = row
        .cells
        .iter()
        .map(|cell| format!("{} {}", cell.name, shown(&cell.value)))
        .collect();
    cells.join(", ")
}

fn columns(update: &Update) -> String {
    let columns: Vec<String> = update
        .columns
        .iter()
        .map(|column| {
            format!(
                "{} from {} to {}",
                column.name,
                shown(&column.before),
                shown(&column.after)
            )
        })
        .collect();
    columns.join(", ")
}

fn fits(pattern: &Pattern, found: &Value, created: &Created) -> bool {
    match pattern {
        Pattern::Exactly(value) => same(value, found),
        Pattern::Contains(parts) => match found {
            Value::Text(text) => {
                let text = folded(text);
                parts.iter().all(|part| text.contains(&folded(part)))
            }
            _ => false,
        },
        Pattern::Created(key) => match found {
            Value::Id(id) => created.get(key.as_str()).is_some_and(|known| *known == id),
            _ => false,
        },
    }
}

/// Whether two values are the same; a number is one whether it is written as an amount or not.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Integer(number), Value::Money(cents))
        | (Value::Money(cents), Value::Integer(number)) => number.checked_mul(100) == Some(*cents),
        _ => one == other,
    }
}

fn expected_found(cell: &ExpectedCell, found: &Value, created: &Created) -> String {
    let expected = match &cell.pattern {
        Pattern::Exactly(value) => shown(value),
        Pattern::Contains(parts) => format!("text with {}", parts.join(" and ")),
        Pattern::Created(key) => match created.get(key.as_str()) {
            Some(id) => format!("the id of the new record {key} ({id})"),
            None => format!("the id of the new record {key}"),
        },
    };
    format!("{} should be {expected}, is {}", cell.name, shown(found))
}

/// A value in a detail: quoted if text, cut if long.
fn shown(value: &Value) -> String {
    const CHARS_MAX: usize = 80;
    match value {
        Value::Text(text) if text.chars().count() > CHARS_MAX => {
            let start: String = text.chars().take(CHARS_MAX).collect();
            format!("{start:?}…")
        }
        Value::Text(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
