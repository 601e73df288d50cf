//! A small CRM, and how to call it.

use proctor_crm::{Context, Entity, Found, Id, Kind, Outcome, Refusal, Row, Rows, Tool, Value};
use serde_json::{Map, Value as Json, json};

pub(crate) const ACME: &str = "a0000000-0000-8000-8000-000000000001";
pub(crate) const BOREALIS: &str = "a0000000-0000-8000-8000-000000000002";
pub(crate) const COMPANY: &str = "b0000000-0000-8000-8000-000000000001";
pub(crate) const CONTACT: &str = "c0000000-0000-8000-8000-000000000001";
/// Open, of Acme, with two quotes.
pub(crate) const RENEWAL: &str = "d0000000-0000-8000-8000-000000000001";
/// Won, of Acme, with a contract.
pub(crate) const WON: &str = "d0000000-0000-8000-8000-000000000002";
/// Lost, of Borealis, without an owner.
pub(crate) const LOST: &str = "d0000000-0000-8000-8000-000000000003";
pub(crate) const DRAFT: &str = "e0000000-0000-8000-8000-000000000001";
pub(crate) const APPROVED: &str = "e0000000-0000-8000-8000-000000000002";
pub(crate) const CANCELED: &str = "e0000000-0000-8000-8000-000000000003";
pub(crate) const CONTRACT: &str = "f0000000-0000-8000-8000-000000000001";
pub(crate) const NOBODY: &str = "00000000-0000-8000-8000-00000000dead";

pub(crate) fn context() -> Context {
    Context {
        now: "2025-10-29T12:00:00Z".parse().unwrap(),
        seed: [7; 32],
        step: 3,
    }
}

pub(crate) fn id(text: &str) -> Id {
    text.parse().unwrap()
}

/// A row from its JSON form; what is left out is not recorded.
pub(crate) fn row(entity: Entity, json: &Json) -> Row {
    let known = |name: &String| entity.column(name).is_some();
    assert!(json.as_object().unwrap().keys().all(known), "{json}");
    let value = |kind: Kind, json: &Json| match json {
        Json::Null => Value::Null,
        Json::String(text) => Value::parse(kind, text).unwrap(),
        Json::Number(number) if number.is_f64() => {
            Value::parse(kind, &format!("{:.2}", number.as_f64().unwrap())).unwrap()
        }
        Json::Array(texts) => Value::Texts(
            texts
                .iter()
                .map(|text| text.as_str().unwrap().to_owned())
                .collect(),
        ),
        other => Value::parse(kind, &other.to_string()).unwrap(),
    };
    let values = entity
        .columns()
        .iter()
        .map(|column| value(column.kind, &json[column.name]));
    Row::from_values(entity, values.collect()).unwrap()
}

pub(crate) fn world() -> Rows {
    use Entity::{Client, Company, Contact, Contract, Document, Note, Opportunity, Quote};
    let at = "2025-01-02T03:04:05.000006Z";
    #[rustfmt::skip] // A table is read by its columns.
    let rows = [
        (Client, json!({"client_id": ACME, "name": "Acme Analytics", "email": "info@acme.example", "status": "Active", "created_date": at, "owner": "aman.sharma"})),
        (Client, json!({"client_id": BOREALIS, "name": "Borealis Läbs", "email": "Hello@Borealis.example", "status": "Prospect"})),
        (Company, json!({"company_id": COMPANY, "name": "Hawk Systems", "type": "Competitor", "contacts": ["Ann Lee", "ÖMER Kaya"]})),
        (Contact, json!({"contact_id": CONTACT, "first_name": "Jane", "last_name": "Doe", "client_id": ACME, "email": "jane@acme.example"})),
        (Opportunity, json!({"opportunity_id": RENEWAL, "name": "Acme Renewal", "client_id": ACME, "stage": "Proposal", "amount": 85000, "close_date": "2025-11-30", "owner": "aman.sharma", "probability": 40, "notes": "first\nsecond"})),
        (Opportunity, json!({"opportunity_id": WON, "name": "Acme Pilot", "client_id": ACME, "stage": "Closed-Won", "amount": 1000.25, "close_date": "2025-01-31", "owner": "aman.sharma"})),
        (Opportunity, json!({"opportunity_id": LOST, "name": "Borealis Pilot", "client_id": BOREALIS, "stage": "Closed-Lost", "amount": 500})),
        (Quote, json!({"quote_id": DRAFT, "opportunity_id": RENEWAL, "name": "Acme Renewal", "amount": 80000, "status": "Draft", "quote_prefix": "HC-EXP"})),
        (Quote, json!({"quote_id": APPROVED, "opportunity_id": RENEWAL, "name": "Acme Renewal", "version": "1.1", "amount": 85000.5, "status": "Approved", "quote_prefix": "AB"})),
        (Quote, json!({"quote_id": CANCELED, "opportunity_id": LOST, "name": "Old", "amount": 80000, "status": "Canceled", "quote_prefix": "AB"})),
        (Contract, json!({"contract_id": CONTRACT, "client_id": ACME, "opportunity_id": WON, "status": "Active", "value": 1000.25, "start_date": "2025-02-01", "end_date": "2026-01-31"})),
        (Document, json!({"document_id": "10000000-0000-8000-8000-000000000001", "entity_type": "Opportunity", "entity_id": RENEWAL, "file_name": "a.pdf"})),
        (Document, json!({"document_id": "10000000-0000-8000-8000-000000000002", "entity_type": "Quote", "entity_id": DRAFT, "file_name": "b.pdf"})),
        (Document, json!({"document_id": "10000000-0000-8000-8000-000000000003", "entity_type": "Client", "entity_id": ACME, "file_name": "c.pdf"})),
        (Note, json!({"note_id": "20000000-0000-8000-8000-000000000001", "entity_type": "Opportunity", "entity_id": RENEWAL, "content": "call"})),
        (Note, json!({"note_id": "20000000-0000-8000-8000-000000000002", "entity_type": "Quote", "entity_id": APPROVED, "content": "signed"})),
        (Note, json!({"note_id": "20000000-0000-8000-8000-000000000003", "entity_type": "Quote", "entity_id": CANCELED, "content": "kept"})),
    ];
    rows.iter()
        .map(|(entity, json)| row(*entity, json))
        .collect()
}

/// Answers a call without making its changes.
pub(crate) fn call(
    rows: &Rows,
    context: &Context,
    tool: &str,
    arguments: &Json,
) -> Result<Outcome, Refusal> {
    let plan = Tool::named(tool)?.plan(arguments.as_object().unwrap(), context)?;
    let found: Vec<Found> = plan
        .queries()
        .iter()
        .map(|query| rows.find(query))
        .collect();
    plan.apply(found)
}

/// Answers a call to the small CRM and makes its changes.
pub(crate) fn done(tool: &str, arguments: &Json) -> (Outcome, Rows) {
    let mut rows = world();
    let outcome = call(&rows, &context(), tool, arguments)
        .unwrap_or_else(|refusal| panic!("{tool} {arguments}: {refusal}"));
    rows.apply(&outcome.changes);
    check_whole(&rows);
    (outcome, rows)
}

/// Every row is what its entity's rows must be, and refers only to rows that exist.
pub(crate) fn check_whole(rows: &Rows) {
    for row in rows.iter() {
        let again = Row::from_values(row.entity(), row.values().to_vec());
        assert_eq!(again.as_ref(), Ok(row));
        for (column, value) in row.cells() {
            let target = match column.kind {
                Kind::Reference(entity) => entity,
                Kind::Subject => {
                    Entity::from_name(row.get("entity_type").as_text().unwrap()).unwrap()
                }
                _ => continue,
            };
            if let Value::Id(id) = value {
                assert!(rows.get(target, *id).is_some(), "{row:?} refers to nothing");
            }
        }
    }
}

/// The least that a call to a tool needs to be accepted.
pub(crate) fn least(tool: &str) -> Map<String, Json> {
    let arguments = match tool {
        "create_new_client" => {
            json!({"name": "Delta", "email": "a@delta.example", "status": "Active"})
        }
        "create_new_contact" => json!({"first_name": "Al", "last_name": "Bo", "client_id": ACME}),
        "create_new_opportunity" => {
            json!({"name": "Deal", "client_id": ACME, "amount": 10, "stage": "Proposal"})
        }
        "create_quote" => json!({"opportunity_id": RENEWAL, "amount": 10, "status": "Draft"}),
        "create_contract" | "create_new_contract" => json!({"client_id": ACME}),
        "upload_document" => {
            json!({"entity_type": "Client", "entity_id": ACME, "file_name": "x.pdf"})
        }
        "add_note" => json!({"entity_type": "Contact", "entity_id": CONTACT, "content": "hello"}),
        "modify_opportunity" => json!({"opportunity_id": RENEWAL, "updates": {"notes": "new"}}),
        "modify_client" => json!({"client_id": ACME, "phone": "1"}),
        "modify_contact" => json!({"contact_id": CONTACT, "phone": "1"}),
        "modify_quote" => json!({"quote_id": DRAFT, "version": "2"}),
        "delete_opportunity"
        | "clone_opportunity"
        | "view_opportunity_details"
        | "opportunity_details" => {
            json!({"opportunity_id": RENEWAL})
        }
        "delete_quote" | "cancel_quote" | "quote_details" => json!({"quote_id": DRAFT}),
        "compare_quotes" | "compare_quote_details" => json!({"quote_ids": [DRAFT, APPROVED]}),
        _ => json!({}),
    };
    arguments.as_object().unwrap().clone()
}
