//! What the student was taught of the CRM before the examination: tools, keys, legal values.

use proctor_sdk::Entity;

/// The key of an entity's records.
pub(crate) fn key(of: Entity) -> &'static str {
    match of {
        Entity::Client => "client_id",
        Entity::Company => "company_id",
        Entity::Contact => "contact_id",
        Entity::Opportunity => "opportunity_id",
        Entity::Quote => "quote_id",
        Entity::Contract => "contract_id",
        Entity::Document => "document_id",
        Entity::Note => "note_id",
    }
}

/// The tool that finds an entity's records. Documents and notes are seen with what they are on.
pub(crate) fn search_tool(of: Entity) -> &'static str {
    match of {
        Entity::Client => "client_search",
        Entity::Company => "company_search",
        Entity::Contact => "contact_search",
        Entity::Quote => "quote_search",
        Entity::Contract => "contract_search",
        Entity::Opportunity | Entity::Document | Entity::Note => "opportunity_search",
    }
}

/// The tool that changes an entity's records.
pub(crate) fn modify_tool(of: Entity) -> &'static str {
    match of {
        Entity::Client | Entity::Company => "modify_client",
        Entity::Contact => "modify_contact",
        Entity::Quote => "modify_quote",
        _ => "modify_opportunity",
    }
}

/// The enumerated column of an entity with its legal values.
pub(crate) fn choices(of: Entity) -> Option<(&'static str, &'static [&'static str])> {
    Some(match of {
        Entity::Client => ("status", &["Active", "Prospect", "Inactive"]),
        Entity::Opportunity => (
            "stage",
            &[
                "Prospecting",
                "Qualification",
                "Proposal",
                "Negotiation",
                "Closed-Won",
                "Closed-Lost",
            ],
        ),
        Entity::Quote => (
            "status",
            &["Draft", "Sent", "Approved", "Rejected", "Canceled"],
        ),
        Entity::Contract => ("status", &["Active", "Pending", "Expired"]),
        Entity::Company => ("type", &["Partner", "Vendor", "Competitor"]),
        _ => return None,
    })
}

/// Whether an entity's enumerated column may hold a value.
pub(crate) fn is_legal(of: Entity, value: &str) -> bool {
    choices(of).is_some_and(|(_, legal)| legal.contains(&value))
}

/// The column for amounts.
pub(crate) fn amount(of: Entity) -> &'static str {
    if of == Entity::Contract {
        "value"
    } else {
        "amount"
    }
}

/// The column for the date that is usually meant.
pub(crate) fn date(of: Entity) -> &'static str {
    match of {
        Entity::Quote => "valid_until",
        Entity::Contract => "start_date",
        _ => "close_date",
    }
}

/// Whether a tool makes a record.
pub(crate) fn creates(tool: &str) -> bool {
    ["create_", "upload_", "add_"]
        .iter()
        .any(|verb| tool.starts_with(verb))
}

/// Whether a tool finds records by their fields.
pub(crate) fn searches(tool: &str) -> bool {
    tool.ends_with("_search") || tool.starts_with("summarize_")
}

/// What a creating tool must be given.
pub(crate) fn required(tool: &str) -> &'static [&'static str] {
    match tool {
        "create_new_client" => &["name", "email", "status"],
        "create_new_contact" => &["first_name", "last_name", "client_id"],
        "create_new_opportunity" => &["name", "client_id", "amount", "stage"],
        "create_quote" => &["opportunity_id", "amount", "status"],
        "create_contract" => &["client_id"],
        "upload_document" => &["entity_type", "entity_id", "file_name"],
        "add_note" => &["entity_type", "entity_id", "content"],
        _ => &[],
    }
}
