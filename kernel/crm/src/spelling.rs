//! What a caller probably meant: nearest names, the names others use for the same thing, and how
//! a message quotes what it was given.

/// Most characters of a caller's text that a message repeats.
const QUOTED_CHARS_MAX: usize = 80;

/// How like two spellings must be for one to be worth suggesting for the other.
const LIKENESS_LEAST: f64 = 0.82;

/// What models and people call our fields, observed or likely.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("account", &["client_id"]),
    ("account_id", &["client_id"]),
    ("account_owner", &["owner"]),
    ("amount", &["value"]),
    ("assigned_to", &["owner"]),
    ("assignee", &["owner"]),
    ("author", &["created_by"]),
    ("body", &["content"]),
    ("client", &["client_id"]),
    ("close", &["close_date"]),
    ("closing_date", &["close_date"]),
    ("comment", &["notes", "content"]),
    ("comments", &["notes", "content"]),
    ("company_name", &["name"]),
    ("contact_email", &["email"]),
    ("customer", &["client_id"]),
    ("customer_id", &["client_id"]),
    ("deal_id", &["opportunity_id"]),
    ("description", &["notes", "content"]),
    ("expected_close_date", &["close_date"]),
    ("expiration_date", &["valid_until", "end_date"]),
    ("expires", &["valid_until", "end_date"]),
    ("expiry_date", &["valid_until", "end_date"]),
    ("filename", &["file_name"]),
    ("job_title", &["title"]),
    ("link", &["file_url", "document_url"]),
    ("max_results", &["limit"]),
    ("mobile", &["phone"]),
    ("note", &["notes", "content"]),
    ("notes", &["content"]),
    ("opportunity", &["opportunity_id"]),
    ("opportunity_name", &["name"]),
    ("prefix", &["quote_prefix"]),
    ("price", &["amount", "value"]),
    ("quote", &["quote_id"]),
    ("quote_name", &["name"]),
    ("quotes", &["quote_ids"]),
    ("record_id", &["entity_id"]),
    ("record_type", &["entity_type"]),
    ("role", &["title"]),
    ("sales_rep", &["owner"]),
    ("stage", &["status"]),
    ("state", &["status", "stage"]),
    ("status", &["stage"]),
    ("telephone", &["phone"]),
    ("text", &["content", "notes"]),
    ("total", &["amount", "value"]),
    ("url", &["file_url", "document_url"]),
    ("user", &["owner", "created_by", "uploaded_by"]),
    ("valid_to", &["valid_until"]),
    ("value", &["amount"]),
    ("win_probability", &["probability"]),
];

/// The legal name that `given` most likely stands for: one with the same meaning, or one spelt
/// nearly the same.
pub(crate) fn meant<'a>(given: &str, legal: &[&'a str]) -> Option<&'a str> {
    let given = snake_case(given);
    let synonym = SYNONYMS
        .iter()
        .filter(|(name, _)| *name == given)
        .flat_map(|(_, ours)| *ours)
        .find_map(|ours| legal.iter().copied().find(|name| name == ours));
    synonym.or_else(|| near(&given, legal.iter().copied()))
}

/// The candidate spelt most like `given`, if it is like enough to be what was meant.
pub(crate) fn near<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    closest(given, candidates).filter(|name| likeness(given, name) >= LIKENESS_LEAST)
}

/// The candidate spelt most like `given`, however unlike; the first of equals.
pub(crate) fn closest<'a>(
    given: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let mut best: Option<(f64, &str)> = None;
    for candidate in candidates {
        let score = likeness(given, candidate);
        if best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, name)| name)
}

fn likeness(given: &str, candidate: &str) -> f64 {
    // Comparing is quadratic, and no name is this long.
    if given.len() > 100 {
        return 0.0;
    }
    strsim::jaro_winkler(&given.to_lowercase(), &candidate.to_lowercase())
}

/// `closeDate` and `Close-Date` are `close_date` by other conventions.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (at, letter) in name.chars().take(100).enumerate() {
        if letter.is_ascii_uppercase() && at > 0 && !snake.ends_with('_') {
            snake.push('_');
        }
        match letter {
            '-' | ' ' => snake.push('_'),
            _ => snake.push(letter.to_ascii_lowercase()),
        }
    }
    snake
}

/// A caller's text as a message shows it: in quotes, escaped, and cut when long.
pub(crate) fn quoted(text: &str) -> String {
    let shown = cut(text);
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{more}")
}

/// As much of a caller's text as a message may repeat.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(QUOTED_CHARS_MAX).collect()
}

/// Names as a list to choose from: `a`, `b`, `c`.
pub(crate) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_models_use_lead_to_ours() {
        let opportunity = [
            "name",
            "client_id",
            "stage",
            "amount",
            "close_date",
            "owner",
            "notes",
        ];
        for (given, ours) in [
            ("assigned_to", "owner"),
            ("note", "notes"),
            ("value", "amount"),
            ("closeDate", "close_date"),
            ("Owner", "owner"),
            ("amout", "amount"),
        ] {
            assert_eq!(meant(given, &opportunity), Some(ours), "{given}");
        }
        assert_eq!(meant("zzz", &opportunity), None);
    }

    #[test]
    fn long_input_is_cut_and_escaped() {
        assert_eq!(quoted("a\"\n"), r#""a\"\n""#);
        assert!(quoted(&"x".repeat(1_000_000)).len() < 100);
    }
}
