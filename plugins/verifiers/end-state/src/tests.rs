use proctor_sdk::verifier::{ExpectedDelete, Fixture};
use proctor_sdk::{Cell, ColumnChange};

use super::*;

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn row(entity: Entity, id: &str, cells: &[(&str, Value)]) -> Row {
    let cells = cells
        .iter()
        .map(|(name, value)| Cell {
            name: (*name).into(),
            value: value.clone(),
        })
        .collect();
    Row {
        entity,
        id: id.into(),
        cells,
    }
}

fn insert(key: &str, entity: Entity, cells: &[(&str, Pattern)]) -> ExpectedChange {
    let cells = cells
        .iter()
        .map(|(name, pattern)| ExpectedCell {
            name: (*name).into(),
            pattern: pattern.clone(),
        })
        .collect();
    ExpectedChange::Insert(ExpectedInsert {
        key: key.into(),
        entity,
        cells,
    })
}

fn is(value: Value) -> Pattern {
    Pattern::Exactly(value)
}

fn mark(fixture: &Fixture) -> Verdict {
    EndState::verify(fixture, fixture).unwrap()
}

#[test]
fn generated_ids_are_matched_by_content_and_followed() {
    // Two opportunities and a quote on the second; the ids sort the other way round.
    let deal =
        |key: &str, name: &str| insert(key, Entity::Opportunity, &[("name", is(text(name)))]);
    let quote = insert(
        "q",
        Entity::Quote,
        &[("opportunity_id", Pattern::Created("second".into()))],
    );
    let mut fixture = Fixture {
        changes: vec![deal("first", "One"), deal("second", "Two"), quote],
        diff: vec![
            Change::Insert(row(Entity::Opportunity, "a", &[("name", text("Two"))])),
            Change::Insert(row(Entity::Opportunity, "b", &[("name", text("One"))])),
            Change::Insert(row(
                Entity::Quote,
                "c",
                &[("opportunity_id", Value::Id("a".into()))],
            )),
        ],
        ..Fixture::default()
    };
    assert!(mark(&fixture).pass, "{:?}", mark(&fixture));
    fixture.diff[2] = Change::Insert(row(
        Entity::Quote,
        "c",
        &[("opportunity_id", Value::Id("b".into()))],
    ));
    let verdict = mark(&fixture);
    assert!(!verdict.pass);
    assert!(
        verdict.rationale.contains("opportunity_id"),
        "{}",
        verdict.rationale
    );
}

#[test]
fn identical_new_records_are_told_apart_by_what_hangs_on_them() {
    let twin = |key: &str| insert(key, Entity::Opportunity, &[("name", is(text("Twin")))]);
    let note = |key: &str, content: &str, on: &str| {
        insert(
            key,
            Entity::Note,
            &[
                ("content", is(text(content))),
                ("entity_id", Pattern::Created(on.into())),
            ],
        )
    };
    let fixture = Fixture {
        changes: vec![
            twin("x"),
            twin("y"),
            note("n", "on y", "y"),
            note("m", "on x", "x"),
        ],
        diff: vec![
            Change::Insert(row(Entity::Opportunity, "1", &[("name", text("Twin"))])),
            Change::Insert(row(Entity::Opportunity, "2", &[("name", text("Twin"))])),
            Change::Insert(row(
                Entity::Note,
                "3",
                &[
                    ("content", text("on y")),
                    ("entity_id", Value::Id("1".into())),
                ],
            )),
            Change::Insert(row(
                Entity::Note,
                "4",
                &[
                    ("content", text("on x")),
                    ("entity_id", Value::Id("2".into())),
                ],
            )),
        ],
        ..Fixture::default()
    };
    assert!(mark(&fixture).pass, "{:?}", mark(&fixture));
}

#[test]
fn an_extra_column_is_collateral_and_named() {
    let update = ExpectedUpdate {
        entity: Entity::Opportunity,
        id: "o".into(),
        cells: vec![ExpectedCell {
            name: "stage".into(),
            pattern: is(text("Proposal")),
        }],
    };
    let column = |name: &str, before: Value, after: Value| ColumnChange {
        name: name.into(),
        before,
        after,
    };
    let mut fixture = Fixture {
        changes: vec![ExpectedChange::Update(update)],
        diff: vec![Change::Update(Update {
            entity: Entity::Opportunity,
            id: "o".into(),
            columns: vec![column("stage", text("Qualification"), text("Proposal"))],
        })],
        ..Fixture::default()
    };
    assert!(mark(&fixture).pass);
    let Change::Update(actual) = &mut fixture.diff[0] else {
        unreachable!()
    };
    actual
        .columns
        .push(column("amount", Value::Money(100), Value::Money(200)));
    let verdict = mark(&fixture);
    assert!(!verdict.pass);
    assert!(
        verdict
            .rationale
            .contains("amount changed from 1.00 to 2.00"),
        "{}",
        verdict.rationale
    );
}

#[test]
fn collateral_rows_and_missing_deletes_fail() {
    let gone = ExpectedChange::Delete(ExpectedDelete {
        entity: Entity::Quote,
        id: "q".into(),
    });
    let quote = row(Entity::Quote, "q", &[("name", text("Q"))]);
    let other = row(Entity::Quote, "r", &[("name", text("R"))]);
    let mut fixture = Fixture {
        changes: vec![gone],
        ..Fixture::default()
    };
    assert!(!mark(&fixture).pass);
    fixture.diff = vec![Change::Delete(quote)];
    assert!(mark(&fixture).pass);
    fixture.diff.push(Change::Delete(other));
    let verdict = mark(&fixture);
    assert!(!verdict.pass);
    assert!(
        verdict.rationale.contains("Quote r was deleted"),
        "{}",
        verdict.rationale
    );
}

#[test]
fn numbers_are_compared_as_numbers_and_free_text_by_its_parts() {
    let expected = insert(
        "n",
        Entity::Opportunity,
        &[
            ("amount", is(Value::Integer(85_000))),
            (
                "notes",
                Pattern::Contains(vec!["Price".into(), "march".into()]),
            ),
        ],
    );
    let fixture = |notes: &str| Fixture {
        changes: vec![expected.clone()],
        diff: vec![Change::Insert(row(
            Entity::Opportunity,
            "1",
            &[("amount", Value::Money(8_500_000)), ("notes", text(notes))],
        ))],
        ..Fixture::default()
    };
    assert!(mark(&fixture("New  PRICE from March on")).pass);
    assert!(!mark(&fixture("New price")).pass);
}

#[test]
fn a_new_record_with_a_column_nobody_asked_for_fails() {
    let fixture = Fixture {
        changes: vec![insert("c", Entity::Client, &[("name", is(text("Acme")))])],
        diff: vec![Change::Insert(row(
            Entity::Client,
            "1",
            &[("name", text("Acme")), ("owner", text("me"))],
        ))],
        ..Fixture::default()
    };
    let verdict = mark(&fixture);
    assert!(!verdict.pass);
    assert!(
        verdict.rationale.contains("owner should be empty"),
        "{}",
        verdict.rationale
    );
}

#[test]
fn doing_nothing_passes_only_where_nothing_should_change() {
    assert!(mark(&Fixture::default()).pass);
    let changes = vec![insert("c", Entity::Client, &[])];
    assert!(
        !mark(&Fixture {
            changes,
            ..Fixture::default()
        })
        .pass
    );
}
