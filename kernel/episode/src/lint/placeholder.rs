//! Placeholders: what stands where a value should, because nobody filled it in.

/// The first placeholder of any kind that we know.
pub(super) fn placeholder(text: &str) -> Option<&str> {
    unfilled(text)
        .or_else(|| placeholder_in_braces(text))
        .or_else(|| between(text, '<', '>', is_angled))
        .or_else(|| between(text, '[', ']', is_bracketed))
        .or_else(|| to_do(text))
}

/// `{name}` or `{{turn_1.name}}`.
pub(crate) fn placeholder_in_braces(text: &str) -> Option<&str> {
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' ');
    text.match_indices('{').find_map(|(at, _)| {
        let open = if text[at..].starts_with("{{") { 2 } else { 1 };
        let inside = &text[at + open..];
        let length = inside.find(|c| !named(c))?;
        let closed = length > 0 && inside[length..].starts_with('}');
        let close = if inside[length..].starts_with("}}") {
            2
        } else {
            1
        };
        closed.then(|| &text[at..at + open + length + close])
    })
}

/// `${call.path}` that found nothing to stand for.
fn unfilled(text: &str) -> Option<&str> {
    let start = text.find("${")?;
    let length = text[start..].find('}')?;
    Some(&text[start..=start + length])
}

fn between(text: &str, open: char, close: char, is_placeholder: fn(&str) -> bool) -> Option<&str> {
    text.match_indices(open).find_map(|(at, _)| {
        let length = text[at..].find(close)?;
        is_placeholder(&text[at + 1..at + length]).then(|| &text[at..=at + length])
    })
}

/// `<client name>`; an address such as `<jane@example.com>` is none.
fn is_angled(inside: &str) -> bool {
    inside.starts_with(|c: char| c.is_ascii_alphabetic())
        && inside
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ' '))
}

/// `[CLIENT NAME]`.
fn is_bracketed(inside: &str) -> bool {
    inside.len() >= 2
        && inside.starts_with(|c: char| c.is_ascii_uppercase())
        && inside
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || "_- ".contains(c))
}

fn to_do(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_alphanumeric())
        .find(|word| matches!(*word, "TODO" | "FIXME"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_filled_in_is_found() {
        for (text, found) in [
            ("Show {criteria}", Some("{criteria}")),
            (
                "Open {{turn_1.client_id}} now",
                Some("{{turn_1.client_id}}"),
            ),
            ("id ${f.rows.0.client_id}", Some("${f.rows.0.client_id}")),
            ("Dear <first name>,", Some("<first name>")),
            ("Dear [NAME],", Some("[NAME]")),
            ("TODO: say it", Some("TODO")),
            (
                "write to <jane@acme.example>, a < b > c, see [1] or [ok]",
                None,
            ),
            ("{}, {\"a\": 1}, $5 {", None),
            ("Todos los días", None),
        ] {
            assert_eq!(placeholder(text), found, "{text}");
        }
    }
}
