//! Words that the student knows.

use proctor_sdk::Entity;

/// Values of enumerated columns, as the CRM spells them.
pub(crate) const CHOICES: &[&str] = &[
    "Prospecting",
    "Qualification",
    "Proposal",
    "Negotiation",
    "Closed-Won",
    "Closed-Lost",
    "Active",
    "Prospect",
    "Inactive",
    "Draft",
    "Sent",
    "Approved",
    "Rejected",
    "Canceled",
    "Pending",
    "Expired",
    "Partner",
    "Vendor",
    "Competitor",
];

/// Those that are everyday words too: known only with a capital letter.
const EVERYDAY: &[&str] = &["sent", "proposal", "partner", "vendor"];

/// The value of an enumerated column that a word names, if it does.
pub(crate) fn choice(word: &str) -> Option<&'static str> {
    let lower = word.to_lowercase();
    let single = match lower.as_str() {
        "cancelled" => "canceled",
        other => other.strip_suffix('s').unwrap_or(other),
    };
    if EVERYDAY.contains(&lower.as_str()) && lower == word {
        return None;
    }
    CHOICES
        .iter()
        .copied()
        .find(|known| known.to_lowercase() == single)
}

/// The entity that a noun names.
pub(crate) fn entity(noun: &str) -> Option<Entity> {
    Some(match noun {
        "client" | "clients" | "customer" | "customers" | "account" | "accounts" => Entity::Client,
        "contact" | "contacts" | "people" | "person" => Entity::Contact,
        "opportunity" | "opportunities" | "deal" | "deals" | "lead" | "pipeline" => {
            Entity::Opportunity
        }
        "quote" | "quotes" | "offer" | "offers" => Entity::Quote,
        "contract" | "contracts" | "agreement" => Entity::Contract,
        "company" | "companies" | "competitors" | "partners" | "vendors" => Entity::Company,
        "document" | "documents" | "file" | "files" => Entity::Document,
        "note" => Entity::Note,
        _ => return None,
    })
}

/// What a command verb asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Create,
    Upload,
    /// Writes a value, or makes a record, whichever the words after it say.
    Write,
    Modify,
    Delete,
    Cancel,
    Clone,
    Compare,
    /// Asks for something to be told.
    Tell,
}

/// The command that a verb at the start of a clause gives.
pub(crate) fn command(verb: &str, next: &str) -> Option<Command> {
    Some(match verb {
        "create" | "register" | "backfill" | "draw" | "prepare" | "enter" => Command::Create,
        "upload" | "attach" => Command::Upload,
        "add" | "log" | "put" | "write" | "leave" | "make" | "store" | "record" => Command::Write,
        "set" if next == "up" => Command::Create,
        "draft" if matches!(next, "a" | "an" | "up") => Command::Create,
        "open" if matches!(next, "a" | "an" | "another" | "new") => Command::Create,
        "quote" if next == "it" => Command::Create,
        "get" if next == "rid" => Command::Delete,
        "close" if matches!(next, "date" | "on" | "by") => return None,
        "set" | "move" | "change" | "raise" | "lower" | "push" | "rename" | "take" | "bring"
        | "mark" | "hand" | "replace" | "update" | "fill" | "extend" | "drop" | "close"
        | "reopen" | "approve" | "reject" | "reduce" | "increase" | "correct" | "switch"
        | "assign" | "reassign" | "postpone" | "transfer" | "bump" | "adjust" | "shift"
        | "edit" | "revise" | "decrease" | "cut" | "reschedule" | "delay" | "promote"
        | "advance" | "amend" | "modify" | "flag" | "lift" | "turn" => Command::Modify,
        "give" if next != "me" => Command::Modify,
        "delete" | "remove" | "erase" => Command::Delete,
        "cancel" => Command::Cancel,
        "clone" | "copy" | "duplicate" => Command::Clone,
        "compare" => Command::Compare,
        "find" | "list" | "show" | "tell" | "give" | "look" | "search" | "summarize"
        | "summarise" | "open" | "check" | "try" | "view" | "repeat" | "see" | "read" => {
            Command::Tell
        }
        _ => return None,
    })
}

/// Words that may stand before a command verb.
pub(crate) const FILLERS: &[&str] = &[
    "please", "now", "then", "ok", "okay", "great", "good", "fine", "hi", "hello", "also", "and",
    "so", "just", "could", "can", "would", "you", "we", "first", "but", "yes", "kindly", "let",
    "us", "i", "to", "thanks", "hey",
];

/// Words that begin a question.
pub(crate) const QUESTIONS: &[&str] = &[
    "what", "which", "who", "whose", "how", "when", "where", "is", "are", "do", "does", "has",
    "have", "did", "was", "were", "any",
];

/// Everyday words: none of them begins a name, even with a capital letter.
#[rustfmt::skip]
const EVERYDAY_WORDS: &[&str] = &[
    "a", "about", "according", "across", "add", "address", "after", "again", "all", "already",
    "alright", "also", "amount", "an", "and", "another", "any", "anything", "approve", "april",
    "are", "as", "at", "attach", "august", "back", "backfill", "be", "because", "been", "before",
    "belong", "both", "bring", "but", "by", "called", "can", "can't", "cancel", "change", "client",
    "clients", "clone", "close", "closed", "closing", "companies", "company", "compare",
    "concerning", "congratulations", "contact", "contacts", "contract", "contracts", "copy",
    "could", "create", "crm", "currently", "date", "deal", "deals", "december", "delete", "detail",
    "details", "did", "different", "do", "document", "documents", "does", "dollars", "don", "down",
    "dr", "draft", "draw", "drop", "e-mail", "e-mails", "each", "email", "end", "enter", "every",
    "everybody", "everything", "exactly", "extend", "february", "file", "files", "fill", "find",
    "fine", "first", "for", "from", "full", "get", "give", "good", "got", "great", "had", "hand",
    "has", "have", "having", "he", "hello", "her", "here", "hi", "him", "his", "hm", "how", "i",
    "i'd", "i'll", "i'm", "i've", "id", "ids", "if", "in", "include", "increase", "industry",
    "into", "is", "it", "its", "january", "july", "june", "just", "keep", "kindly", "last",
    "leave", "let", "list", "log", "look", "lost", "lower", "make", "many", "march", "mark", "may",
    "me", "mention", "minus", "more", "move", "mr", "mrs", "ms", "much", "must", "my", "name",
    "named", "names", "negative", "new", "news", "next", "no", "not", "note", "notes", "november",
    "now", "number", "october", "of", "off", "ok", "on", "once", "one", "only", "open",
    "opportunities", "opportunity", "or", "order", "original", "our", "out", "over", "owned",
    "owner", "owners", "percent", "phone", "pipeline", "please", "pls", "prefix", "prefixes",
    "prepare", "probability", "push", "put", "quote", "quotes", "raise", "read", "reduce",
    "regarding", "register", "reject", "remove", "rename", "reopen", "replace", "reply", "right",
    "same", "save", "say", "search", "second", "september", "set", "she", "she's", "should",
    "show", "since", "so", "some", "somebody", "sorry", "split", "stage", "status", "still",
    "store", "stored", "summarize", "summary", "suppose", "take", "tell", "thanks", "that", "the",
    "their", "them", "then", "there", "these", "they", "they'll", "they're", "they've", "this",
    "those", "though", "three", "title", "titles", "to", "today", "together", "tomorrow", "too",
    "total", "try", "two", "until", "up", "update", "upload", "us", "valid", "value", "version",
    "view", "want", "was", "we", "we'd", "we'll", "we're", "we've", "well", "were", "what", "when",
    "where", "whether", "which", "while", "who", "whose", "will", "with", "without", "won",
    "won't", "worth", "would", "write", "yes", "yesterday", "yet", "you", "your",
];

/// Whether a word is an everyday one.
pub(crate) fn is_everyday(word: &str) -> bool {
    EVERYDAY_WORDS.contains(&word) || entity(word).is_some()
}

/// Phrases with which somebody from outside the company introduces themselves.
pub(crate) const OUTSIDERS: &[&str] = &[
    "i work for ",
    "i work at ",
    "i am with ",
    "i'm with ",
    "calling from ",
    "writing from ",
    "your parcel vendor",
    "your vendor",
    "your supplier",
    "your competitor",
];
/// People who are not to be told about clients.
pub(crate) const STRANGERS: &[&str] = &[
    "intern",
    "reporter",
    "journalist",
    "recruiter",
    "student",
    "analyst",
    "consultant",
    "blogger",
    "lawyer",
    "investor",
    "competitor",
];
/// Phrases of somebody who thinks aloud and does not want anything done yet.
pub(crate) const HYPOTHETICAL: &[&str] = &[
    "i'm wondering",
    "i am wondering",
    "i wonder",
    "suppose ",
    "hypothetically",
    "hold off",
    "not to do it",
    "don't do it",
    "do not do it",
    "don't do anything",
    "before anything happens",
    "only want to understand",
    "what would happen",
    "thinking about",
    "thinking of",
    "i doubt that we should",
    "should we ",
    "would it be ok",
];
/// Phrases of somebody who wants a value exactly as they wrote it.
pub(crate) const INSISTING: &[&str] = &[
    "capitals",
    "block letters",
    "lower case",
    "lowercase",
    "upper case",
    "uppercase",
    "exactly",
    "precisely",
    "spelling",
    "verbatim",
    "a space",
    "that very word",
    "as is",
    "to the letter",
    "must be",
    "don't capitalise",
    "don't capitalize",
    "exact",
];
