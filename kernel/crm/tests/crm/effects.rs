//! What accepted calls change and say.

use proctor_crm::{Change, Entity, Money, Row, ToolResult, Value};
use serde_json::{Value as Json, json};

use crate::world::{
    ACME, APPROVED, CANCELED, COMPANY, CONTRACT, DRAFT, LOST, RENEWAL, WON, call, context, done,
    id, row, world,
};

fn only(changes: &[Change]) -> &Row {
    match changes {
        [Change::Insert(row)] => row,
        other => panic!("{other:?}"),
    }
}

fn facts(result: &ToolResult) -> Json {
    result.to_json()["facts"].clone()
}

fn ids(result: &ToolResult) -> Vec<String> {
    result.rows.iter().map(|row| row.id().to_string()).collect()
}

#[test]
fn a_new_record_has_what_was_given_and_what_follows() {
    let (outcome, _) = done(
        "create_quote",
        &json!({"opportunity_id": RENEWAL, "amount": 1e5, "status": "Sent", "version": " 1.1 "}),
    );
    let quote = only(&outcome.changes);
    assert_eq!(quote.id(), context().id(0));
    assert_eq!(quote.get("name").to_string(), "Acme Renewal");
    assert_eq!(quote.get("version").to_string(), "1.1");
    assert_eq!(
        quote.get("amount"),
        &Value::Money(Money::from_units(100_000))
    );
    assert_eq!(
        quote.get("created_date").to_string(),
        "2025-10-29T12:00:00Z"
    );
    assert_eq!(outcome.result.rows.iter().collect::<Vec<_>>(), [quote]);

    let (outcome, _) = done("create_contract", &json!({"client_id": ACME}));
    assert_eq!(only(&outcome.changes).get("status").to_string(), "Pending");
    let note = json!({"entity_type": "Quote", "entity_id": DRAFT, "content": " a\nb ", "created_at": "2025-10-01T00:00:00Z"});
    let (outcome, _) = done("add_note", &note);
    let note = only(&outcome.changes);
    assert_eq!(note.get("content").to_string(), "a\nb");
    assert_eq!(note.get("created_at").to_string(), "2025-10-01T00:00:00Z");
}

#[test]
fn a_change_touches_only_what_it_names() {
    let updates = json!({"opportunity_id": RENEWAL, "stage": "Negotiation", "updates": {"notes": null, "owner": "aman.sharma"}});
    let (outcome, rows) = done("modify_opportunity", &updates);
    assert_eq!(
        facts(&outcome.result),
        json!({"changed": ["stage", "notes"]})
    );
    assert_eq!(outcome.changes.len(), 1);
    assert_eq!(
        outcome.result.rows,
        [rows.get(Entity::Opportunity, id(RENEWAL)).unwrap().clone()]
    );

    let (outcome, rows) = done(
        "modify_client",
        &json!({"client_id": ACME, "name": " Acme Analytics "}),
    );
    assert!(outcome.changes.is_empty());
    assert_eq!(rows, world());
}

#[test]
fn no_approved_quote_is_canceled_without_a_trace() {
    for (tool, arguments) in [
        ("cancel_quote", json!({"quote_id": APPROVED})),
        (
            "modify_quote",
            json!({"quote_id": APPROVED, "updates": {"status": "Canceled"}}),
        ),
    ] {
        let (outcome, rows) = done(tool, &arguments);
        let quote = rows.get(Entity::Quote, id(APPROVED)).unwrap();
        assert_eq!(quote.get("status").to_string(), "Canceled");
        let note = rows.get(Entity::Note, context().id(0)).unwrap();
        assert_eq!(note.get("entity_id"), &Value::Id(id(APPROVED)));
        assert_eq!(note.get("created_by").to_string(), "system");
        assert_eq!(outcome.result.rows, [quote.clone(), note.clone()]);
    }
    let (outcome, _) = done("cancel_quote", &json!({"quote_id": DRAFT}));
    assert_eq!(outcome.changes.len(), 1);
}

#[test]
fn a_delete_leaves_no_orphans_and_takes_nothing_else() {
    let (outcome, rows) = done("delete_opportunity", &json!({"opportunity_id": RENEWAL}));
    let gone: Vec<_> = outcome.changes.iter().map(Change::entity).collect();
    use Entity::{Document, Note, Opportunity, Quote};
    assert_eq!(
        gone,
        [Note, Note, Document, Document, Quote, Quote, Opportunity]
    );
    assert_eq!(rows.len(), world().len() - 7);
    assert_eq!(
        facts(&outcome.result),
        json!({"deleted.opportunities": 1, "deleted.quotes": 2, "deleted.documents": 2, "deleted.notes": 2})
    );
    assert_eq!(ids(&outcome.result), [RENEWAL]);

    let (outcome, _) = done("delete_quote", &json!({"quote_id": DRAFT}));
    assert_eq!(
        facts(&outcome.result),
        json!({"deleted.quotes": 1, "deleted.documents": 1})
    );
}

#[test]
fn a_clone_is_exact_but_for_id_and_name() {
    let (outcome, rows) = done("clone_opportunity", &json!({"opportunity_id": WON}));
    let original = rows.get(Entity::Opportunity, id(WON)).unwrap();
    let clone = only(&outcome.changes);
    for (column, value) in original.cells().skip(2) {
        assert_eq!(clone.get(column.name), value, "{}", column.name);
    }
    assert_eq!(clone.get("name").to_string(), "Acme Pilot (Clone)");
    assert_eq!(facts(&outcome.result), json!({"cloned_from": WON}));

    let mut rows = world();
    let long = json!({"opportunity_id": LOST, "name": "ü".repeat(200), "client_id": ACME, "stage": "Proposal", "amount": 1});
    rows.put(row(Entity::Opportunity, &long));
    let outcome = call(
        &rows,
        &context(),
        "clone_opportunity",
        &json!({"opportunity_id": LOST}),
    )
    .unwrap();
    let name = only(&outcome.changes).get("name").to_string();
    assert_eq!(name.chars().count(), 200);
    assert!(name.ends_with("ü (Clone)"));
}

#[test]
fn details_show_the_surroundings() {
    let (outcome, _) = done(
        "view_opportunity_details",
        &json!({"opportunity_id": RENEWAL}),
    );
    let shown: Vec<_> = outcome.result.rows.iter().map(Row::entity).collect();
    use Entity::{Client, Document, Note, Opportunity, Quote};
    assert_eq!(shown, [Opportunity, Client, Quote, Quote, Document, Note]);
    assert_eq!(
        facts(&outcome.result),
        json!({"quotes": 2, "contracts": 0, "documents": 1, "notes": 1})
    );
    let (outcome, _) = done("opportunity_details", &json!({"opportunity_id": WON}));
    assert_eq!(ids(&outcome.result), [WON, ACME, CONTRACT]);
    let (outcome, _) = done("quote_details", &json!({"quote_id": CANCELED}));
    assert_eq!(ids(&outcome.result), [CANCELED, LOST]);
}

#[test]
fn comparisons() {
    let three = json!({"quote_ids": [APPROVED, CANCELED, DRAFT]});
    let (outcome, _) = done("compare_quotes", &three);
    assert_eq!(ids(&outcome.result), [APPROVED, CANCELED, DRAFT]);
    assert_eq!(
        facts(&outcome.result),
        json!({
            "lowest_amount": 80000, "highest_amount": 85000.5, "difference": 5000.5,
            "lowest_quote_id": CANCELED, "highest_quote_id": APPROVED,
        })
    );
    let (outcome, _) = done("compare_quotes", &json!({"quote_ids": [DRAFT, CANCELED]}));
    assert_eq!(facts(&outcome.result)["highest_quote_id"], json!(DRAFT));
    let (outcome, _) = done(
        "compare_quote_details",
        &json!({"quote_ids": [DRAFT, APPROVED]}),
    );
    assert_eq!(
        facts(&outcome.result),
        json!({
            "differs.version": ["", "1.1"],
            "differs.amount": ["80000.00", "85000.50"],
            "differs.status": ["Draft", "Approved"],
            "differs.quote_prefix": ["HC-EXP", "AB"],
        })
    );
}

#[test]
fn searches() {
    for (tool, arguments, found, total) in [
        ("client_search", json!({"name": "LÄBS"}), 1, 1),
        ("client_search", json!({}), 2, 2),
        ("client_search", json!({"limit": 1, "offset": 1}), 1, 2),
        ("client_search", json!({"offset": 5}), 0, 2),
        (
            "client_search",
            json!({"criteria": {"status": "Active"}, "owner": "aman"}),
            1,
            1,
        ),
        ("client_search", json!({"name": "%"}), 0, 0),
        (
            "client_search",
            json!({"created_date": "2025-01-02T03:04:05.000006Z"}),
            1,
            1,
        ),
        ("contact_search", json!({"client_id": ACME}), 1, 1),
        ("contact_search", json!({"email": "@acme"}), 1, 1),
        ("opportunity_search", json!({"amount": 1000.25}), 1, 1),
        (
            "opportunity_search",
            json!({"probability": 40, "close_date": "2025-11-30"}),
            1,
            1,
        ),
        ("opportunity_search", json!({"notes": "first\nsec"}), 1, 1),
        ("quote_search", json!({"quote_prefix": "ab"}), 2, 2),
        ("contract_search", json!({"opportunity_id": WON}), 1, 1),
        ("contract_search", json!({"client_id": LOST}), 0, 0),
        ("company_search", json!({"contacts": "ömer"}), 1, 1),
        ("company_search", json!({"contacts": "Lee, "}), 0, 0),
        (
            "company_search",
            json!({"company_id": COMPANY, "type": "Competitor"}),
            1,
            1,
        ),
    ] {
        let (outcome, _) = done(tool, &arguments);
        let rows = outcome.result.rows.len();
        let expected = (found, json!({"total": total}));
        assert_eq!(
            (rows, facts(&outcome.result)),
            expected,
            "{tool} {arguments}"
        );
    }
}

#[test]
fn summaries() {
    let (outcome, _) = done("summarize_opportunities", &json!({}));
    assert!(outcome.result.rows.is_empty());
    assert_eq!(
        facts(&outcome.result),
        json!({
            "count": 3, "amount": 86500.25,
            "stage.Proposal.count": 1, "stage.Proposal.amount": 85000,
            "stage.Closed-Won.count": 1, "stage.Closed-Won.amount": 1000.25,
            "stage.Closed-Lost.count": 1, "stage.Closed-Lost.amount": 500,
            "owner.aman.sharma.count": 2, "owner.aman.sharma.amount": 86000.25,
            "owner.(none).count": 1, "owner.(none).amount": 500,
        })
    );
    let (outcome, _) = done(
        "summarize_opportunities",
        &json!({"criteria": {"owner": "nobody"}}),
    );
    assert_eq!(facts(&outcome.result), json!({"count": 0, "amount": 0}));
    let (outcome, _) = done("quote_prefixes", &json!({}));
    assert_eq!(
        facts(&outcome.result),
        json!({"prefixes": ["AB", "HC-EXP"], "count": 2})
    );
}

#[test]
fn totals_are_exact_or_not_told() {
    let most = Money::from_cents(Money::CENTS_MAX).unwrap();
    let total = Money::total(std::iter::repeat_n(most, 45)).unwrap();
    assert_eq!(total.cents(), Money::CENTS_MAX * 45);
    assert!(Money::total(std::iter::repeat_n(most, 46)).is_none());
    let below = Money::total(
        [Money::from_cents(1).unwrap()]
            .into_iter()
            .chain(std::iter::repeat_n(most, 45)),
    );
    assert_ne!(below.unwrap().to_f64().to_bits(), total.to_f64().to_bits());
}
