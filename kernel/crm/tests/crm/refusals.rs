//! Every way to be refused, and the cases next to it that are accepted.
//!
//! A case is a tool's least call with some arguments put in; `"-name": 0` takes one out.

use std::collections::BTreeSet;

use proctor_crm::{Code, Tool};
use serde_json::{Value as Json, json};

use crate::world::{
    ACME, APPROVED, BOREALIS, CANCELED, CONTACT, CONTRACT, DRAFT, LOST, NOBODY, RENEWAL, WON, call,
    context, done, least, world,
};

fn arguments(tool: &str, changes: &str) -> Json {
    let names = [
        ("$ACME", ACME),
        ("$BOREALIS", BOREALIS),
        ("$CONTACT", CONTACT),
        ("$RENEWAL", RENEWAL),
        ("$WON", WON),
        ("$LOST", LOST),
        ("$DRAFT", DRAFT),
        ("$APPROVED", APPROVED),
        ("$CANCELED", CANCELED),
        ("$CONTRACT", CONTRACT),
        ("$NOBODY", NOBODY),
    ];
    let filled = names.iter().fold(changes.to_owned(), |text, (name, id)| {
        text.replace(name, id)
    });
    let changes: Json =
        serde_json::from_str(&filled).unwrap_or_else(|error| panic!("{changes}: {error}"));
    let mut arguments = least(tool);
    for (name, value) in changes.as_object().unwrap() {
        match name.strip_prefix('-') {
            Some(name) => drop(arguments.remove(name).unwrap()),
            None => drop(arguments.insert(name.clone(), value.clone())),
        }
    }
    Json::Object(arguments)
}

fn check(tool: &str, arguments: &Json, code: Code, field: &str) {
    let rows = world();
    match call(&rows, &context(), tool, arguments) {
        Ok(_) => panic!("{tool} {arguments}: accepted, not refused as {code} ({field})"),
        Err(refusal) => {
            let found = (refusal.code, refusal.field.as_str());
            assert_eq!(found, (code, field), "{tool} {arguments}: {refusal}");
            assert!(refusal.message.ends_with(['.', '?']), "{refusal}");
        }
    }
}

#[rustfmt::skip] // A table is read by its columns.
const REFUSED: &[(&str, &str, Code, &str)] = {
    use Code::*;
    &[
        ("create_client", "{}", UnknownTool, ""),
        ("", "{}", UnknownTool, ""),
        ("__init__", "{}", UnknownTool, ""),
        // Shape: names.
        ("create_new_client", r#"{"tier": 1}"#, UnknownArgument, "tier"),
        ("create_new_client", r#"{"client_id": "$NOBODY"}"#, UnknownArgument, "client_id"),
        ("create_new_client", r#"{"optional_fields": {"address": "x"}}"#, UnknownArgument, "optional_fields"),
        ("create_new_opportunity", r#"{"assigned_to": "aman.sharma"}"#, UnknownArgument, "assigned_to"),
        ("create_quote", r#"{"prefix": "HC"}"#, UnknownArgument, "prefix"),
        ("create_quote", r#"{"created_date": "2025-01-01T00:00:00Z"}"#, UnknownArgument, "created_date"),
        ("create_contract", r#"{"amount": 5}"#, UnknownArgument, "amount"),
        ("upload_document", r#"{"filename": "x.pdf"}"#, UnknownArgument, "filename"),
        ("modify_opportunity", r#"{"updates": {"note": "x"}}"#, UnknownArgument, "note"),
        ("modify_opportunity", r#"{"updates": {"opportunity_id": "$RENEWAL"}}"#, UnknownArgument, "opportunity_id"),
        ("modify_client", r#"{"created_date": "2025-01-01T00:00:00Z"}"#, UnknownArgument, "created_date"),
        ("modify_quote", r#"{"updates": {"created_date": null}}"#, UnknownArgument, "created_date"),
        ("modify_contact", r#"{"contact": "x"}"#, UnknownArgument, "contact"),
        ("client_search", r#"{"; drop table clients": 1}"#, UnknownArgument, "; drop table clients"),
        ("client_search", r#"{"criteria": {"amount": 1}}"#, UnknownArgument, "amount"),
        ("summarize_opportunities", r#"{"limit": 1}"#, UnknownArgument, "limit"),
        ("quote_prefixes", r#"{"name": "x"}"#, UnknownArgument, "name"),
        ("quote_details", r#"{"verbose": true}"#, UnknownArgument, "verbose"),
        ("compare_quotes", r#"{"limit": 2}"#, UnknownArgument, "limit"),
        ("cancel_quote", r#"{"reason": "x"}"#, UnknownArgument, "reason"),
        ("delete_quote", r#"{"force": true}"#, UnknownArgument, "force"),
        // Shape: what is missing.
        ("create_new_client", r#"{"-email": 0}"#, MissingArgument, "email"),
        ("create_new_client", r#"{"email": null}"#, MissingArgument, "email"),
        ("create_new_contact", r#"{"-client_id": 0}"#, MissingArgument, "client_id"),
        ("create_new_opportunity", r#"{"-stage": 0}"#, MissingArgument, "stage"),
        ("create_quote", r#"{"-status": 0}"#, MissingArgument, "status"),
        ("create_contract", r#"{"-client_id": 0}"#, MissingArgument, "client_id"),
        ("upload_document", r#"{"-file_name": 0}"#, MissingArgument, "file_name"),
        ("add_note", r#"{"-content": 0}"#, MissingArgument, "content"),
        ("modify_opportunity", r#"{"-opportunity_id": 0}"#, MissingArgument, "opportunity_id"),
        ("modify_opportunity", r#"{"updates": {"stage": null}}"#, MissingArgument, "stage"),
        ("modify_client", r#"{"name": null}"#, MissingArgument, "name"),
        ("delete_opportunity", r#"{"-opportunity_id": 0}"#, MissingArgument, "opportunity_id"),
        ("cancel_quote", r#"{"quote_id": null}"#, MissingArgument, "quote_id"),
        ("view_opportunity_details", r#"{"-opportunity_id": 0}"#, MissingArgument, "opportunity_id"),
        ("compare_quotes", r#"{"-quote_ids": 0}"#, MissingArgument, "quote_ids"),
        // Shape: the rest.
        ("modify_opportunity", r#"{"notes": "other"}"#, ConflictingArgument, "notes"),
        ("modify_opportunity", r#"{"notes": null}"#, ConflictingArgument, "notes"),
        ("client_search", r#"{"name": "a", "criteria": {"name": "b"}}"#, ConflictingArgument, "name"),
        ("modify_opportunity", r#"{"updates": {}}"#, NothingToUpdate, "updates"),
        ("modify_client", r#"{"-phone": 0}"#, NothingToUpdate, "updates"),
        ("modify_contact", r#"{"-phone": 0, "updates": null}"#, NothingToUpdate, "updates"),
        ("modify_quote", r#"{"-version": 0}"#, NothingToUpdate, "updates"),
        ("modify_opportunity", r#"{"updates": "notes=new"}"#, WrongType, "updates"),
        ("opportunity_search", r#"{"criteria": [1]}"#, WrongType, "criteria"),
        // References.
        ("create_new_contact", r#"{"client_id": "$NOBODY"}"#, NotFound, "client_id"),
        ("create_new_contact", r#"{"client_id": "Acme"}"#, NotFound, "client_id"),
        ("create_new_contact", r#"{"client_id": 7}"#, WrongType, "client_id"),
        ("create_new_opportunity", r#"{"client_id": "$RENEWAL"}"#, NotFound, "client_id"),
        ("create_quote", r#"{"opportunity_id": "$ACME"}"#, NotFound, "opportunity_id"),
        ("create_contract", r#"{"opportunity_id": "$NOBODY"}"#, NotFound, "opportunity_id"),
        ("upload_document", r#"{"entity_id": "$RENEWAL"}"#, NotFound, "entity_id"),
        ("upload_document", r#"{"entity_id": "OPP-1", "entity_type": "client"}"#, NotFound, "entity_id"),
        ("add_note", r#"{"entity_type": "Client"}"#, NotFound, "entity_id"),
        ("modify_opportunity", r#"{"opportunity_id": "$NOBODY"}"#, NotFound, "opportunity_id"),
        ("modify_opportunity", r#"{"opportunity_id": 1}"#, WrongType, "opportunity_id"),
        ("modify_opportunity", r#"{"client_id": "$NOBODY"}"#, NotFound, "client_id"),
        ("modify_contact", r#"{"client_id": "$CONTACT"}"#, NotFound, "client_id"),
        ("modify_quote", r#"{"opportunity_id": "$NOBODY"}"#, NotFound, "opportunity_id"),
        ("delete_opportunity", r#"{"opportunity_id": "$DRAFT"}"#, NotFound, "opportunity_id"),
        ("delete_quote", r#"{"quote_id": "$RENEWAL"}"#, NotFound, "quote_id"),
        ("cancel_quote", r#"{"quote_id": "Q-1"}"#, NotFound, "quote_id"),
        ("clone_opportunity", r#"{"opportunity_id": "$NOBODY"}"#, NotFound, "opportunity_id"),
        ("opportunity_details", r#"{"opportunity_id": "$NOBODY"}"#, NotFound, "opportunity_id"),
        ("quote_details", r#"{"quote_id": "$NOBODY"}"#, NotFound, "quote_id"),
        ("compare_quotes", r#"{"quote_ids": ["$DRAFT", "$NOBODY"]}"#, NotFound, "quote_ids"),
        ("compare_quotes", r#"{"quote_ids": ["$DRAFT", "x"]}"#, NotFound, "quote_ids"),
        ("quote_search", r#"{"opportunity_id": "OPP-1"}"#, NotFound, "opportunity_id"),
        ("create_new_client", r#"{"email": "INFO@acme.example"}"#, Duplicate, "email"),
        ("create_new_client", r#"{"email": "hello@borealis.example"}"#, Duplicate, "email"),
        ("modify_client", r#"{"email": "HELLO@borealis.example"}"#, Duplicate, "email"),
        ("compare_quotes", r#"{"quote_ids": ["$DRAFT", "$DRAFT"]}"#, Duplicate, "quote_ids"),
        // Text.
        ("create_new_client", r#"{"name": 12345}"#, WrongType, "name"),
        ("create_new_client", r#"{"name": " \t"}"#, BlankText, "name"),
        ("create_new_client", r#"{"email": ""}"#, BlankText, "email"),
        ("create_new_client", r#"{"industry": ""}"#, BlankText, "industry"),
        ("create_new_client", r#"{"name": "a\nb"}"#, InvalidCharacter, "name"),
        ("create_new_client", r#"{"name": "a\u0000b"}"#, InvalidCharacter, "name"),
        ("create_new_client", r#"{"email": "not an address"}"#, InvalidEmail, "email"),
        ("create_new_client", r#"{"email": "hello@borealis"}"#, InvalidEmail, "email"),
        ("create_new_contact", r#"{"email": "jane@"}"#, InvalidEmail, "email"),
        ("create_new_contact", r#"{"first_name": false}"#, WrongType, "first_name"),
        ("create_new_opportunity", r#"{"notes": ["x"]}"#, WrongType, "notes"),
        ("create_new_opportunity", r#"{"notes": "\u001b[31m"}"#, InvalidCharacter, "notes"),
        ("create_quote", r#"{"name": "  "}"#, BlankText, "name"),
        ("create_quote", r#"{"version": 1.1}"#, WrongType, "version"),
        ("create_contract", r#"{"document_url": "files/x.pdf"}"#, InvalidUrl, "document_url"),
        ("upload_document", r#"{"file_url": "ftp://x.example/a.pdf"}"#, InvalidUrl, "file_url"),
        ("upload_document", r#"{"file_name": ""}"#, BlankText, "file_name"),
        ("upload_document", r#"{"file_name": "a b.pdf"}"#, UnsafeFileName, "file_name"),
        ("upload_document", r#"{"file_name": "../a.pdf"}"#, UnsafeFileName, "file_name"),
        ("upload_document", r#"{"file_name": ".pdf"}"#, UnsafeFileName, "file_name"),
        ("upload_document", r#"{"file_name": "a/b.pdf"}"#, UnsafeFileName, "file_name"),
        ("upload_document", r#"{"file_name": "übersicht.pdf"}"#, UnsafeFileName, "file_name"),
        ("upload_document", r#"{"file_name": "memo"}"#, MissingExtension, "file_name"),
        ("upload_document", r#"{"file_name": "memo."}"#, MissingExtension, "file_name"),
        ("upload_document", r#"{"file_name": "memo.exe"}"#, UnsupportedExtension, "file_name"),
        ("upload_document", r#"{"file_name": "memo.pdf.exe"}"#, UnsupportedExtension, "file_name"),
        ("upload_document", r#"{"file_name": 3}"#, WrongType, "file_name"),
        ("add_note", r#"{"content": "\n"}"#, BlankText, "content"),
        ("modify_client", r#"{"email": "x"}"#, InvalidEmail, "email"),
        ("modify_contact", r#"{"last_name": ""}"#, BlankText, "last_name"),
        ("client_search", r#"{"name": ""}"#, BlankText, "name"),
        ("company_search", r#"{"contacts": ["Ann"]}"#, WrongType, "contacts"),
        // Amounts.
        ("create_new_opportunity", r#"{"amount": 0.0}"#, AmountNotPositive, "amount"),
        ("create_new_opportunity", r#"{"amount": -1}"#, AmountNotPositive, "amount"),
        ("create_new_opportunity", r#"{"amount": 10000000.01}"#, AmountTooLarge, "amount"),
        ("create_new_opportunity", r#"{"amount": 0.001}"#, AmountPrecision, "amount"),
        ("create_new_opportunity", r#"{"amount": "120K"}"#, WrongType, "amount"),
        ("create_new_opportunity", r#"{"amount": true}"#, WrongType, "amount"),
        ("create_quote", r#"{"amount": "120K"}"#, WrongType, "amount"),
        ("create_quote", r#"{"amount": 1e8}"#, AmountTooLarge, "amount"),
        ("create_contract", r#"{"value": -5}"#, AmountNotPositive, "value"),
        ("create_contract", r#"{"value": 1e-3}"#, AmountPrecision, "value"),
        ("modify_opportunity", r#"{"updates": {"amount": 18000000.0}}"#, AmountTooLarge, "amount"),
        ("modify_quote", r#"{"amount": 0}"#, AmountNotPositive, "amount"),
        ("opportunity_search", r#"{"amount": -1}"#, AmountNotPositive, "amount"),
        ("opportunity_search", r#"{"amount": 1e15}"#, AmountTooLarge, "amount"),
        // Choices.
        ("create_new_client", r#"{"status": "prospect"}"#, ChoiceCasing, "status"),
        ("create_new_client", r#"{"status": " Active"}"#, ChoiceWhitespace, "status"),
        ("create_new_client", r#"{"status": "Open"}"#, InvalidChoice, "status"),
        ("create_new_client", r#"{"status": ""}"#, InvalidChoice, "status"),
        ("create_new_client", r#"{"status": 1}"#, WrongType, "status"),
        ("create_new_opportunity", r#"{"stage": "closed-won"}"#, ChoiceCasing, "stage"),
        ("create_new_opportunity", r#"{"stage": "Closed Won"}"#, InvalidChoice, "stage"),
        ("create_quote", r#"{"status": "Cancelled"}"#, InvalidChoice, "status"),
        ("create_contract", r#"{"status": "Draft"}"#, InvalidChoice, "status"),
        ("upload_document", r#"{"entity_type": "client"}"#, ChoiceCasing, "entity_type"),
        ("upload_document", r#"{"entity_type": "Contact"}"#, InvalidChoice, "entity_type"),
        ("add_note", r#"{"entity_type": "Contact "}"#, ChoiceWhitespace, "entity_type"),
        ("modify_opportunity", r#"{"updates": {"stage": "Negotiation "}}"#, ChoiceWhitespace, "stage"),
        ("modify_quote", r#"{"status": "draft"}"#, ChoiceCasing, "status"),
        ("quote_search", r#"{"status": "approved"}"#, ChoiceCasing, "status"),
        ("summarize_opportunities", r#"{"criteria": {"stage": "Won"}}"#, InvalidChoice, "stage"),
        // Probabilities.
        ("create_new_opportunity", r#"{"probability": 0}"#, ProbabilityOutOfRange, "probability"),
        ("create_new_opportunity", r#"{"probability": 100}"#, ProbabilityOutOfRange, "probability"),
        ("create_new_opportunity", r#"{"probability": -5}"#, ProbabilityOutOfRange, "probability"),
        ("create_new_opportunity", r#"{"probability": 1e300}"#, ProbabilityOutOfRange, "probability"),
        ("create_new_opportunity", r#"{"probability": 0.45}"#, ProbabilityFraction, "probability"),
        ("create_new_opportunity", r#"{"probability": 45.5}"#, ProbabilityFraction, "probability"),
        ("create_new_opportunity", r#"{"probability": "fifty"}"#, WrongType, "probability"),
        ("modify_opportunity", r#"{"probability": true}"#, WrongType, "probability"),
        // Dates and times.
        ("create_new_opportunity", r#"{"close_date": "12/15/2025"}"#, InvalidDate, "close_date"),
        ("create_new_opportunity", r#"{"close_date": "2025-02-30"}"#, InvalidDate, "close_date"),
        ("create_new_opportunity", r#"{"close_date": "2025-12-15T00:00:00"}"#, DateWithTime, "close_date"),
        ("create_new_opportunity", r#"{"close_date": "2025-10-28"}"#, DateInPast, "close_date"),
        ("create_new_opportunity", r#"{"close_date": 20251215}"#, WrongType, "close_date"),
        ("create_quote", r#"{"valid_until": "2025-10-28"}"#, DateInPast, "valid_until"),
        ("create_contract", r#"{"start_date": "soon"}"#, InvalidDate, "start_date"),
        ("modify_opportunity", r#"{"close_date": "2020-01-01"}"#, DateInPast, "close_date"),
        ("modify_quote", r#"{"valid_until": "2020-01-01"}"#, DateInPast, "valid_until"),
        ("create_new_client", r#"{"created_date": "2025-10-01"}"#, InvalidTimestamp, "created_date"),
        ("create_new_client", r#"{"created_date": "2025-10-29T12:00:01Z"}"#, InvalidTimestamp, "created_date"),
        ("upload_document", r#"{"uploaded_at": "yesterday"}"#, InvalidTimestamp, "uploaded_at"),
        ("add_note", r#"{"created_at": 1}"#, WrongType, "created_at"),
        // What several fields or records say together.
        ("create_contract", r#"{"opportunity_id": "$LOST"}"#, ClientMismatch, "opportunity_id"),
        ("create_contract", r#"{"start_date": "2025-02-02", "end_date": "2025-02-01"}"#, DateOrder, "end_date"),
        ("modify_opportunity", r#"{"opportunity_id": "$WON", "client_id": "$BOREALIS"}"#, ClientMismatch, "client_id"),
        ("modify_opportunity", r#"{"opportunity_id": "$WON", "stage": "Negotiation"}"#, ClosedOpportunity, "stage"),
        ("modify_opportunity", r#"{"opportunity_id": "$WON", "stage": "Closed-Won"}"#, ClosedOpportunity, "stage"),
        ("modify_opportunity", r#"{"opportunity_id": "$WON", "amount": 5}"#, ClosedOpportunity, "amount"),
        ("modify_opportunity", r#"{"opportunity_id": "$LOST", "probability": 5}"#, ClosedOpportunity, "probability"),
        ("modify_opportunity", r#"{"opportunity_id": "$LOST", "close_date": null}"#, ClosedOpportunity, "close_date"),
        ("cancel_quote", r#"{"quote_id": "$CANCELED"}"#, AlreadyCanceled, "quote_id"),
        ("delete_opportunity", r#"{"opportunity_id": "$WON"}"#, InUse, "opportunity_id"),
        // How many.
        ("compare_quotes", r#"{"quote_ids": ["$DRAFT"]}"#, TooFew, "quote_ids"),
        ("compare_quotes", r#"{"quote_ids": "$DRAFT"}"#, WrongType, "quote_ids"),
        ("compare_quotes", r#"{"quote_ids": ["$DRAFT", 2]}"#, WrongType, "quote_ids"),
        ("compare_quote_details", r#"{"quote_ids": [1,2,3,4,5,6,7,8,9,10,11]}"#, TooMany, "quote_ids"),
        ("client_search", r#"{"limit": 0}"#, TooFew, "limit"),
        ("client_search", r#"{"limit": 201}"#, TooMany, "limit"),
        ("client_search", r#"{"limit": 1.5}"#, WrongType, "limit"),
        ("client_search", r#"{"offset": -1}"#, TooFew, "offset"),
        ("client_search", r#"{"offset": 1e10}"#, TooMany, "offset"),
        ("client_search", r#"{"offset": "0"}"#, WrongType, "offset"),
        // Which comes first when several things are wrong.
        ("create_new_opportunity", r#"{"client_id": "$NOBODY", "name": "", "amount": 0}"#, NotFound, "client_id"),
        ("create_new_opportunity", r#"{"name": "", "amount": 0, "stage": "x"}"#, BlankText, "name"),
        ("create_new_opportunity", r#"{"notes": 1, "amount": 0}"#, WrongType, "notes"),
        ("create_new_opportunity", r#"{"amount": 0, "stage": "x"}"#, AmountNotPositive, "amount"),
        ("create_new_opportunity", r#"{"stage": "x", "probability": 0}"#, InvalidChoice, "stage"),
        ("create_new_opportunity", r#"{"close_date": "x", "probability": 0}"#, ProbabilityOutOfRange, "probability"),
        ("create_new_client", r#"{"email": "info@acme.example", "name": ""}"#, Duplicate, "email"),
        ("create_contract", r#"{"opportunity_id": "$LOST", "value": 0}"#, AmountNotPositive, "value"),
        ("modify_opportunity", r#"{"opportunity_id": "$WON", "amount": 0}"#, AmountNotPositive, "amount"),
        ("modify_opportunity", r#"{"opportunity_id": "$NOBODY", "amount": 0}"#, NotFound, "opportunity_id"),
        ("modify_client", r#"{"client_id": "$NOBODY", "nickname": "x"}"#, UnknownArgument, "nickname"),
        ("upload_document", r#"{"entity_type": "client", "file_name": "untitled"}"#, MissingExtension, "file_name"),
    ]
};

/// Calls that are too long to write down.
fn long() -> Vec<(&'static str, Json, Code, &'static str)> {
    let line =
        |chars| json!({"name": "n".repeat(chars), "email": "a@b.example", "status": "Active"});
    let note =
        |chars| json!({"entity_type": "Client", "entity_id": ACME, "content": "ü".repeat(chars)});
    vec![
        ("create_new_client", line(201), Code::TextTooLong, "name"),
        ("add_note", note(10_001), Code::TextTooLong, "content"),
        ("add_note", note(40_000), Code::TooMany, ""),
    ]
}

#[test]
fn refusals() {
    for (tool, changes, code, field) in REFUSED {
        check(tool, &arguments(tool, changes), *code, field);
    }
    for (tool, arguments, code, field) in long() {
        check(tool, &arguments, code, field);
    }
}

#[test]
fn every_code_is_met() {
    let met: BTreeSet<Code> = REFUSED
        .iter()
        .map(|case| case.2)
        .chain(long().iter().map(|case| case.2))
        .collect();
    let unmet: Vec<_> = Code::ALL
        .iter()
        .filter(|code| !met.contains(code))
        .collect();
    assert!(unmet.is_empty(), "{unmet:?}");
}

#[test]
fn every_tool_is_refused_something_and_accepts_the_least() {
    for tool in Tool::all() {
        for name in [tool.name].iter().chain(tool.aliases) {
            done(name, &Json::Object(least(name)));
            check(
                name,
                &arguments(name, r#"{"nonsense": 1}"#),
                Code::UnknownArgument,
                "nonsense",
            );
        }
    }
}

#[rustfmt::skip]
const ACCEPTED: &[(&str, &str)] = &[
    ("create_new_client", r#"{"email": "new@acme.example", "industry": null, "created_date": "2025-10-29T14:00:00+02:00"}"#),
    ("create_new_opportunity", r#"{"close_date": "2025-10-29", "probability": 30.0, "amount": 1e7}"#),
    ("create_new_opportunity", r#"{"stage": "Closed-Lost", "probability": 99, "amount": 0.01}"#),
    ("create_quote", r#"{"opportunity_id": "$WON", "status": "Canceled", "valid_until": "2025-10-29"}"#),
    ("create_contract", r#"{"opportunity_id": "$WON", "start_date": "2001-01-01", "end_date": "2001-01-01", "status": null}"#),
    ("create_contract", r#"{"end_date": "2001-01-01"}"#),
    ("upload_document", r#"{"file_name": "Q3_report.v2-final.PDF", "file_url": "https://x.example/a"}"#),
    ("upload_document", r#"{"entity_type": "Contract", "entity_id": "$CONTRACT"}"#),
    ("add_note", r#"{"content": " two\n\tlines "}"#),
    ("modify_opportunity", r#"{"opportunity_id": "$WON", "updates": {"notes": null, "owner": "x", "name": "y"}}"#),
    ("modify_opportunity", r#"{"opportunity_id": "$WON", "client_id": "$ACME"}"#),
    ("modify_opportunity", r#"{"client_id": "$BOREALIS"}"#),
    ("modify_opportunity", r#"{"stage": "Closed-Won", "probability": 99, "updates": {"amount": 5}}"#),
    ("modify_opportunity", r#"{"notes": "new"}"#),
    ("modify_opportunity", r#"{"amount": 85000, "updates": {"amount": 85000.0}}"#),
    ("modify_opportunity", r#"{"close_date": null, "probability": null}"#),
    ("modify_client", r#"{"email": "INFO@ACME.example"}"#),
    ("modify_client", r#"{"email": null}"#),
    ("modify_contact", r#"{"client_id": "$BOREALIS"}"#),
    ("modify_quote", r#"{"opportunity_id": "$LOST"}"#),
    ("modify_quote", r#"{"quote_id": "$CANCELED", "status": "Canceled"}"#),
    ("client_search", r#"{"client_id": "$NOBODY", "limit": 200.0, "offset": 0, "name": null, "criteria": null}"#),
    ("client_search", r#"{"name": "a", "criteria": {"name": "a", "status": "Active"}}"#),
    ("opportunity_search", r#"{"amount": 0, "close_date": "2001-01-01"}"#),
    ("contract_search", r#"{"value": 20000000}"#),
];

#[test]
fn acceptances() {
    for (tool, changes) in ACCEPTED {
        done(tool, &arguments(tool, changes));
    }
}

#[test]
fn messages_say_what_would_be_right() {
    for (tool, changes, says) in [
        ("create_opportunity", "{}", "`create_new_opportunity`"),
        (
            "create_new_opportunity",
            r#"{"assigned_to": "x"}"#,
            "did you mean `owner`",
        ),
        (
            "create_quote",
            r#"{"prefix": "x"}"#,
            "did you mean `quote_prefix`",
        ),
        (
            "modify_opportunity",
            r#"{"updates": {"note": "x"}}"#,
            "did you mean `notes`",
        ),
        ("add_note", r#"{"notes": "x"}"#, "did you mean `content`"),
        (
            "create_new_client",
            r#"{"-email": 0, "-name": 0}"#,
            "`name`, `email`",
        ),
        ("create_new_client", r#"{"status": "active"}"#, "`Active`"),
        (
            "create_quote",
            r#"{"status": "Cancelled"}"#,
            "Did you mean `Canceled`?",
        ),
        (
            "create_new_opportunity",
            r#"{"stage": "Closed Won"}"#,
            "Did you mean `Closed-Won`?",
        ),
        (
            "create_quote",
            r#"{"opportunity_id": "$NOBODY"}"#,
            "opportunity_search",
        ),
        (
            "create_new_opportunity",
            r#"{"amount": 18000000}"#,
            "10,000,000",
        ),
        (
            "create_new_opportunity",
            r#"{"close_date": "2025-10-01"}"#,
            "2025-10-29",
        ),
        (
            "modify_client",
            r#"{"created_date": "x"}"#,
            "cannot be changed",
        ),
    ] {
        let refusal = call(&world(), &context(), tool, &arguments(tool, changes)).unwrap_err();
        assert!(refusal.message.contains(says), "{tool}: {refusal}");
    }
}
