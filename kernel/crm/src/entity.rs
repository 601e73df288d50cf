//! The eight entities and their columns: the one declaration that tools, schemas, migrations
//! (held to it by a test) and the wire form are made from.

use serde::{Deserialize, Serialize};

/// A kind of record. The order is the order in which rows can be inserted without breaking a
/// reference, and the reverse the order in which they can be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Entity {
    /// Account or prospect of the revenue team.
    Client,
    /// Reference company: partner, vendor or competitor.
    Company,
    /// Person at a client.
    Contact,
    /// Sales opportunity of a client.
    Opportunity,
    /// Priced proposal for an opportunity.
    Quote,
    /// Agreement with a client.
    Contract,
    /// File attached to a record.
    Document,
    /// Internal note on a record.
    Note,
}

/// Legal values of an enumerated column, in their one legal spelling.
pub type Choice = &'static [&'static str];

const CLIENT_STATUS: Choice = &["Active", "Prospect", "Inactive"];
const STAGE: Choice = &[
    "Prospecting",
    "Qualification",
    "Proposal",
    "Negotiation",
    "Closed-Won",
    "Closed-Lost",
];
const QUOTE_STATUS: Choice = &["Draft", "Sent", "Approved", "Rejected", "Canceled"];
const CONTRACT_STATUS: Choice = &["Active", "Pending", "Expired"];
const COMPANY_TYPE: Choice = &["Partner", "Vendor", "Competitor"];
const DOCUMENT_SUBJECT: Choice = &["Opportunity", "Contract", "Quote", "Client"];
const NOTE_SUBJECT: Choice = &["Opportunity", "Client", "Contact", "Quote", "Contract"];

/// What a column holds; says how a value is parsed, checked, stored and matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The record's own key.
    Id,
    /// Key of a record of one entity.
    Reference(Entity),
    /// Key of a record whose entity the `entity_type` column of the same row names.
    Subject,
    /// One line of text, at most [`Kind::LINE_CHARS_MAX`] characters.
    Line,
    /// Text with line breaks, at most [`Kind::PROSE_CHARS_MAX`] characters.
    Prose,
    /// E-mail address (ASCII).
    Email,
    /// Web address.
    Url,
    /// File name that is safe on every system, with a known extension.
    FileName,
    /// One of a list of values.
    Choice(Choice),
    /// Exact amount, above 0 and at most [`Kind::MONEY_UNITS_MAX`] currency units.
    Money,
    /// Whole-number percentage, 1 to 99.
    Percent,
    /// Calendar date.
    Date,
    /// Instant.
    Timestamp,
    /// List of single lines.
    Texts,
}

impl Kind {
    /// Longest single line, in characters.
    pub const LINE_CHARS_MAX: usize = 200;
    /// Longest prose, in characters.
    pub const PROSE_CHARS_MAX: usize = 10_000;
    /// Longest e-mail address, in characters (RFC 5321 §4.5.3.1.3, less the brackets).
    pub const EMAIL_CHARS_MAX: usize = 254;
    /// Longest web address, in characters.
    pub const URL_CHARS_MAX: usize = 2_000;
    /// Highest amount of an opportunity, quote or contract, in currency units.
    pub const MONEY_UNITS_MAX: i32 = 10_000_000;
    /// Most entries of a list of texts.
    pub const TEXTS_MAX: usize = 100;

    /// Whether a search matches it as text (case-insensitive substring) rather than by equality.
    #[must_use]
    pub fn is_text(self) -> bool {
        matches!(
            self,
            Self::Line | Self::Prose | Self::Email | Self::Url | Self::FileName
        )
    }
}

/// One column of an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Name in tools, tables and JSON.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// Whether every record must have it.
    pub required: bool,
    /// What it means, for people and agents.
    pub doc: &'static str,
}

const fn required(name: &'static str, kind: Kind, doc: &'static str) -> Column {
    Column {
        name,
        kind,
        required: true,
        doc,
    }
}

const fn optional(name: &'static str, kind: Kind, doc: &'static str) -> Column {
    Column {
        name,
        kind,
        required: false,
        doc,
    }
}

const CLIENT: &[Column] = &[
    required("client_id", Kind::Id, "Id of the client."),
    required("name", Kind::Line, "Name of the client."),
    optional("industry", Kind::Line, "Industry the client works in."),
    optional(
        "email",
        Kind::Email,
        "E-mail address; no two clients share one.",
    ),
    optional("phone", Kind::Line, "Telephone number."),
    optional("address", Kind::Line, "Postal address."),
    required(
        "status",
        Kind::Choice(CLIENT_STATUS),
        "Where the relation with the client stands.",
    ),
    optional(
        "created_date",
        Kind::Timestamp,
        "When the record was created.",
    ),
    optional(
        "owner",
        Kind::Line,
        "User who owns the client, as in `stephanie.wong`.",
    ),
];

const COMPANY: &[Column] = &[
    required("company_id", Kind::Id, "Id of the company."),
    required("name", Kind::Line, "Name of the company."),
    optional(
        "type",
        Kind::Choice(COMPANY_TYPE),
        "What the company is to us.",
    ),
    optional("industry", Kind::Line, "Industry the company works in."),
    optional("address", Kind::Line, "Postal address."),
    optional("contacts", Kind::Texts, "Names of people there."),
];

const CONTACT: &[Column] = &[
    required("contact_id", Kind::Id, "Id of the contact."),
    required("first_name", Kind::Line, "First name."),
    required("last_name", Kind::Line, "Last name."),
    optional("title", Kind::Line, "Job title."),
    optional("email", Kind::Email, "E-mail address."),
    optional("phone", Kind::Line, "Telephone number."),
    required(
        "client_id",
        Kind::Reference(Entity::Client),
        "Id of the client the person works for.",
    ),
    optional("notes", Kind::Prose, "Free text about the person."),
];

const OPPORTUNITY: &[Column] = &[
    required("opportunity_id", Kind::Id, "Id of the opportunity."),
    required("name", Kind::Line, "Name of the opportunity."),
    required(
        "client_id",
        Kind::Reference(Entity::Client),
        "Id of the client it is for.",
    ),
    required("stage", Kind::Choice(STAGE), "Stage in the pipeline."),
    required(
        "amount",
        Kind::Money,
        "Expected amount, above 0 and at most 10,000,000.",
    ),
    optional(
        "close_date",
        Kind::Date,
        "Expected closing date (YYYY-MM-DD), today or later.",
    ),
    optional(
        "owner",
        Kind::Line,
        "User who owns the opportunity, as in `aman.sharma`.",
    ),
    optional(
        "probability",
        Kind::Percent,
        "Probability of winning, a whole percentage from 1 to 99.",
    ),
    optional("notes", Kind::Prose, "Free text about the opportunity."),
];

const QUOTE: &[Column] = &[
    required("quote_id", Kind::Id, "Id of the quote."),
    required(
        "opportunity_id",
        Kind::Reference(Entity::Opportunity),
        "Id of the opportunity it is for.",
    ),
    required(
        "name",
        Kind::Line,
        "Name of the quote; defaults to the opportunity's.",
    ),
    optional("version", Kind::Line, "Version, as in `1.1`."),
    required(
        "amount",
        Kind::Money,
        "Quoted amount, above 0 and at most 10,000,000.",
    ),
    required(
        "status",
        Kind::Choice(QUOTE_STATUS),
        "Where the quote stands.",
    ),
    optional(
        "valid_until",
        Kind::Date,
        "Last day the quote is good for (YYYY-MM-DD), today or later.",
    ),
    optional(
        "created_date",
        Kind::Timestamp,
        "When the record was created.",
    ),
    optional(
        "quote_prefix",
        Kind::Line,
        "Prefix of the quote's number, as in `HC-EXP`.",
    ),
];

const CONTRACT: &[Column] = &[
    required("contract_id", Kind::Id, "Id of the contract."),
    required(
        "client_id",
        Kind::Reference(Entity::Client),
        "Id of the client it is with.",
    ),
    optional(
        "opportunity_id",
        Kind::Reference(Entity::Opportunity),
        "Id of the opportunity it came from; must be the same client's.",
    ),
    optional("start_date", Kind::Date, "First day (YYYY-MM-DD)."),
    optional(
        "end_date",
        Kind::Date,
        "Last day (YYYY-MM-DD), not before the first.",
    ),
    optional(
        "value",
        Kind::Money,
        "Value, above 0 and at most 10,000,000.",
    ),
    required(
        "status",
        Kind::Choice(CONTRACT_STATUS),
        "Where the contract stands.",
    ),
    optional(
        "document_url",
        Kind::Url,
        "Web address of the signed document.",
    ),
];

const DOCUMENT: &[Column] = &[
    required("document_id", Kind::Id, "Id of the document."),
    required(
        "entity_type",
        Kind::Choice(DOCUMENT_SUBJECT),
        "What the file is attached to.",
    ),
    required(
        "entity_id",
        Kind::Subject,
        "Id of the record the file is attached to.",
    ),
    required(
        "file_name",
        Kind::FileName,
        "File name: letters, digits, dot, underscore, hyphen; csv, doc, docx, key, pdf, ppt, pptx, txt or xlsx.",
    ),
    optional("uploaded_by", Kind::Line, "User who uploaded it."),
    optional("uploaded_at", Kind::Timestamp, "When it was uploaded."),
    optional("file_url", Kind::Url, "Web address of the file."),
];

const NOTE: &[Column] = &[
    required("note_id", Kind::Id, "Id of the note."),
    required(
        "entity_type",
        Kind::Choice(NOTE_SUBJECT),
        "What the note is on.",
    ),
    required(
        "entity_id",
        Kind::Subject,
        "Id of the record the note is on.",
    ),
    required("content", Kind::Prose, "Text of the note."),
    optional("created_by", Kind::Line, "User who wrote it."),
    optional("created_at", Kind::Timestamp, "When it was written."),
];

impl Entity {
    /// All entities, each after those it refers to.
    pub const ALL: [Self; 8] = [
        Self::Client,
        Self::Company,
        Self::Contact,
        Self::Opportunity,
        Self::Quote,
        Self::Contract,
        Self::Document,
        Self::Note,
    ];

    /// Name in the singular, as in `entity_type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Client => "Client",
            Self::Company => "Company",
            Self::Contact => "Contact",
            Self::Opportunity => "Opportunity",
            Self::Quote => "Quote",
            Self::Contract => "Contract",
            Self::Document => "Document",
            Self::Note => "Note",
        }
    }

    /// Name of its table.
    #[must_use]
    pub const fn table(self) -> &'static str {
        match self {
            Self::Client => "clients",
            Self::Company => "companies",
            Self::Contact => "contacts",
            Self::Opportunity => "opportunities",
            Self::Quote => "quotes",
            Self::Contract => "contracts",
            Self::Document => "documents",
            Self::Note => "notes",
        }
    }

    /// Its columns; the first is the key.
    #[must_use]
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Self::Client => CLIENT,
            Self::Company => COMPANY,
            Self::Contact => CONTACT,
            Self::Opportunity => OPPORTUNITY,
            Self::Quote => QUOTE,
            Self::Contract => CONTRACT,
            Self::Document => DOCUMENT,
            Self::Note => NOTE,
        }
    }

    /// Name of the key column, as in `client_id`.
    #[must_use]
    pub const fn key(self) -> &'static str {
        self.columns()[0].name
    }

    /// Position and declaration of a column.
    #[must_use]
    pub fn column(self, name: &str) -> Option<(usize, &'static Column)> {
        self.columns()
            .iter()
            .enumerate()
            .find(|(_, column)| column.name == name)
    }

    /// The entity with this singular name, exact case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.name() == name)
    }

    /// The entity with this table name, exact case.
    #[must_use]
    pub fn from_table(table: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|entity| entity.table() == table)
    }
}
