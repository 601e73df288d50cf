//! What a question asks to be told.

use proctor_sdk::Entity;

use super::act::Act;

/// One thing to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Ids of the records.
    Id,
    /// Names of the records.
    Name,
    /// A column of the records.
    Column(&'static str),
    /// How many records there are.
    Count,
    /// What the amounts add up to.
    Total,
    /// Id or name of the client that a record is for.
    ClientId,
    Client,
    /// Name of the opportunity that a quote is for.
    Opportunity,
    /// How many records of another kind hang on it.
    CountOf(Entity),
    /// Names of the files attached to it.
    Files,
    /// Notes on it, with who wrote them.
    Notes,
    /// How far apart the amounts are.
    Difference,
}

/// What an act asks to be told about records of an entity, in no special order.
pub(crate) fn asks(act: &Act, of: Entity) -> Vec<Ask> {
    let mut found = Vec::new();
    let mut add = |ask: Ask, when: bool| {
        if when && !found.contains(&ask) {
            found.push(ask);
        }
    };
    let of_client =
        of != Entity::Client && act.says_any(&["client id", "id of the client", "client's id"]);
    add(Ask::ClientId, of_client);
    add(Ask::Id, !of_client && act.says_any(&["id", "ids"]));
    let parts = [Entity::Quote, Entity::Document, Entity::Contract];
    let counted = |noun: &str| {
        act.says_any(&[&format!("how many {noun}"), &format!("number of {noun}")])
            || act.says("number of quotes and documents") && noun != "contracts"
    };
    let part_nouns = ["quotes", "documents", "contracts"];
    let mut counts_parts = false;
    for (part, noun) in parts.into_iter().zip(part_nouns) {
        let is_part = part != of && counted(noun);
        counts_parts |= is_part;
        add(Ask::CountOf(part), is_part);
    }
    let counts = act.says_any(&[
        "how many",
        "number of",
        "count",
        "just the number",
        "the number and",
    ]);
    add(Ask::Count, counts && !counts_parts);
    add(
        Ask::Total,
        act.says_any(&["total", "summary", "all in all", "together", "summarize"]),
    );
    add(
        Ask::Difference,
        act.says_any(&["how far apart", "by how much", "difference", "save"]),
    );
    let client = act.says_any(&["the client it is for", "which client", "whose client"]);
    add(Ask::Client, client && !of_client && of != Entity::Client);
    let deal = act.says_any(&[
        "the opportunity it is for",
        "which deal",
        "which opportunity",
        "the deal it is for",
    ]);
    add(Ask::Opportunity, deal && of == Entity::Quote);
    add(
        Ask::Files,
        act.says_any(&[
            "what file",
            "which file",
            "what files",
            "which files",
            "what document",
            "which documents",
        ]),
    );
    add(
        Ask::Notes,
        act.says_any(&["wrote", "note on it", "note saying"]),
    );
    for (column, words) in columns(of) {
        add(Ask::Column(column), act.says_any(words));
    }
    let named = act.says_any(&[
        "name",
        "names",
        "called",
        "who is",
        "who are",
        "which one",
        "who do we",
        "who",
    ]);
    add(
        Ask::Name,
        named && !act.says_any(&["who owns", "who wrote"]) && !counts,
    );
    add(
        Ask::Name,
        act.says_any(&[
            "name and",
            "names and",
            "its name",
            "and name",
            "names please",
            "the name",
            "name id",
        ]),
    );
    found
}

type Asked = (&'static str, &'static [&'static str]);

/// The words that ask for each column.
fn columns(of: Entity) -> &'static [Asked] {
    match of {
        Entity::Client => &[
            ("owner", &["owner", "owns", "who looks after"]),
            ("status", &["status"]),
            ("email", &["e-mail", "email", "e-mails", "mail address"]),
            ("phone", &["phone", "phone number", "telephone"]),
            ("address", &["address", "where are they", "postal address"]),
            ("industry", &["industry"]),
        ],
        Entity::Company => &[
            (
                "type",
                &[
                    "type",
                    "a partner or",
                    "a vendor or",
                    "partner or",
                    "vendor or",
                ],
            ),
            ("address", &["address", "where are they", "where"]),
            ("industry", &["industry"]),
        ],
        Entity::Contact => &[
            ("title", &["title", "titles", "job", "role"]),
            ("email", &["e-mail", "email", "e-mails"]),
            ("phone", &["phone", "phone number", "telephone"]),
            ("notes", &["noted", "notes", "note"]),
        ],
        Entity::Opportunity => &[
            ("stage", &["stage"]),
            (
                "amount",
                &["amount", "amounts", "worth", "value", "how much"],
            ),
            (
                "close_date",
                &[
                    "close date",
                    "closing date",
                    "due",
                    "to close",
                    "it close",
                    "closes",
                ],
            ),
            ("owner", &["owner", "owns"]),
            ("probability", &["probability", "chance"]),
            ("notes", &["notes", "note saying"]),
        ],
        Entity::Quote => &[
            (
                "amount",
                &[
                    "amount",
                    "amounts",
                    "cost",
                    "costs",
                    "what each costs",
                    "price",
                ],
            ),
            ("status", &["status"]),
            ("version", &["version", "versions"]),
            ("valid_until", &["valid"]),
            ("quote_prefix", &["prefix"]),
        ],
        Entity::Contract => &[
            (
                "value",
                &["value", "values", "worth", "amount", "amounts", "how much"],
            ),
            ("start_date", &["start", "start date", "begin"]),
            ("end_date", &["end", "ends", "end date", "expire"]),
            ("status", &["status"]),
        ],
        Entity::Document => &[("file_name", &["file", "files"])],
        Entity::Note => &[("content", &["say", "says", "content"])],
    }
}
