//! The table of all tools: a verb and an entity each, with what to say about them.

use crate::Entity;
use crate::tool::{Annotations, Comparison, Creation, Tool, Verb};

const READS: Annotations = Annotations {
    read_only: true,
    destructive: false,
    idempotent: true,
};
const ADDS: Annotations = Annotations {
    read_only: false,
    destructive: false,
    idempotent: false,
};
// The Model Context Protocol calls every change that is not purely additive destructive.
const REPLACES: Annotations = Annotations {
    read_only: false,
    destructive: true,
    idempotent: true,
};

const PLAIN: Creation = Creation {
    demanded: &[],
    defaulted: &[],
    stamped: &[],
};

const fn tool(
    name: &'static str,
    title: &'static str,
    verb: Verb,
    entity: Entity,
    description: &'static str,
) -> Tool {
    let annotations = match verb {
        Verb::Create(_) | Verb::Clone => ADDS,
        Verb::Modify | Verb::Delete | Verb::Cancel => REPLACES,
        _ => READS,
    };
    Tool {
        name,
        aliases: &[],
        title,
        description,
        annotations,
        verb,
        entity,
    }
}

impl Tool {
    const fn or(self, aliases: &'static [&'static str]) -> Self {
        Self { aliases, ..self }
    }
}

pub(crate) const TOOLS: &[Tool] = &[
    tool(
        "create_new_client",
        "Create client",
        Verb::Create(Creation { demanded: &["email"], ..PLAIN }),
        Entity::Client,
        "Creates a client. No two clients may share an e-mail address.",
    ),
    tool(
        "create_new_contact",
        "Create contact",
        Verb::Create(PLAIN),
        Entity::Contact,
        "Creates a contact: a person who works for a client.",
    ),
    tool(
        "create_new_opportunity",
        "Create opportunity",
        Verb::Create(PLAIN),
        Entity::Opportunity,
        "Creates an opportunity for a client, in any stage.",
    ),
    tool(
        "create_quote",
        "Create quote",
        Verb::Create(Creation { defaulted: &["name"], stamped: &["created_date"], ..PLAIN }),
        Entity::Quote,
        "Creates a quote for an opportunity. Without a name it gets the opportunity's.",
    ),
    tool(
        "create_contract",
        "Create contract",
        Verb::Create(Creation { defaulted: &["status"], ..PLAIN }),
        Entity::Contract,
        "Creates a contract with a client, Pending unless told otherwise. An opportunity it names must be the same client's.",
    )
    .or(&["create_new_contract"]),
    tool(
        "upload_document",
        "Upload document",
        Verb::Create(PLAIN),
        Entity::Document,
        "Attaches a file to an opportunity, contract, quote or client.",
    ),
    tool(
        "add_note",
        "Add note",
        Verb::Create(PLAIN),
        Entity::Note,
        "Adds an internal note to an opportunity, client, contact, quote or contract.",
    ),
    tool(
        "modify_opportunity",
        "Modify opportunity",
        Verb::Modify,
        Entity::Opportunity,
        "Changes fields of an opportunity, all or none. A closed one keeps its stage, amount, probability and close_date.",
    ),
    tool(
        "modify_client",
        "Modify client",
        Verb::Modify,
        Entity::Client,
        "Changes fields of a client, all or none.",
    ),
    tool(
        "modify_contact",
        "Modify contact",
        Verb::Modify,
        Entity::Contact,
        "Changes fields of a contact, all or none.",
    ),
    tool(
        "modify_quote",
        "Modify quote",
        Verb::Modify,
        Entity::Quote,
        "Changes fields of a quote, all or none.",
    ),
    tool(
        "delete_opportunity",
        "Delete opportunity",
        Verb::Delete,
        Entity::Opportunity,
        "Deletes an opportunity with its quotes and with the documents and notes on any of them. Refused while a contract refers to it.",
    ),
    tool(
        "delete_quote",
        "Delete quote",
        Verb::Delete,
        Entity::Quote,
        "Deletes a quote with its documents and notes. To keep it on record, cancel it instead.",
    ),
    tool(
        "cancel_quote",
        "Cancel quote",
        Verb::Cancel,
        Entity::Quote,
        "Sets a quote's status to Canceled. Canceling an approved quote leaves a note on it.",
    ),
    tool(
        "clone_opportunity",
        "Clone opportunity",
        Verb::Clone,
        Entity::Opportunity,
        "Copies an opportunity under a new id, with \" (Clone)\" after its name. Its quotes are not copied.",
    ),
    tool(
        "view_opportunity_details",
        "View opportunity details",
        Verb::Details,
        Entity::Opportunity,
        "Shows an opportunity, its client, quotes and contracts, and the documents and notes on it.",
    )
    .or(&["opportunity_details"]),
    tool(
        "quote_details",
        "View quote details",
        Verb::Details,
        Entity::Quote,
        "Shows a quote and the opportunity it is for.",
    ),
    tool(
        "compare_quotes",
        "Compare quotes",
        Verb::Compare(Comparison::Amounts),
        Entity::Quote,
        "Shows quotes in the order given and which is lowest and highest.",
    ),
    tool(
        "compare_quote_details",
        "Compare quote details",
        Verb::Compare(Comparison::Columns),
        Entity::Quote,
        "Shows quotes in the order given and every field in which they differ.",
    ),
    tool(
        "client_search",
        "Search clients",
        Verb::Search,
        Entity::Client,
        "Finds clients. Text matches anywhere within the field, in either case; other fields match exactly.",
    ),
    tool(
        "contact_search",
        "Search contacts",
        Verb::Search,
        Entity::Contact,
        "Finds contacts. Text matches anywhere within the field, in either case; other fields match exactly.",
    ),
    tool(
        "opportunity_search",
        "Search opportunities",
        Verb::Search,
        Entity::Opportunity,
        "Finds opportunities. Text matches anywhere within the field, in either case; other fields match exactly.",
    ),
    tool(
        "quote_search",
        "Search quotes",
        Verb::Search,
        Entity::Quote,
        "Finds quotes. Text matches anywhere within the field, in either case; other fields match exactly.",
    ),
    tool(
        "contract_search",
        "Search contracts",
        Verb::Search,
        Entity::Contract,
        "Finds contracts. Text matches anywhere within the field, in either case; other fields match exactly.",
    ),
    tool(
        "company_search",
        "Search companies",
        Verb::Search,
        Entity::Company,
        "Finds partners, vendors and competitors. Text matches anywhere within the field, in either case; other fields match exactly.",
    ),
    tool(
        "summarize_opportunities",
        "Summarize opportunities",
        Verb::Summarize,
        Entity::Opportunity,
        "Counts and totals the opportunities that match, by stage and owner.",
    ),
    tool(
        "quote_prefixes",
        "List quote prefixes",
        Verb::Prefixes,
        Entity::Quote,
        "Lists the different prefixes of all quotes.",
    ),
];
