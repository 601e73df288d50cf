//! Texts of all kinds: what they may hold, and what of them is kept.

use serde_json::Value as Json;

use super::{not_found, string, wrong_type};
use crate::{Choice, Code, Entity, Id, Kind, Refusal, spelling};

const EXTENSIONS: &[&str] = &[
    "csv", "doc", "docx", "key", "pdf", "ppt", "pptx", "txt", "xlsx",
];

/// An id that can be looked up. One that is no UUID names nothing, which is all that matters.
pub(crate) fn read_id(name: &str, json: &Json, entity: Option<Entity>) -> Result<Id, Refusal> {
    let text = string(name, json, "an id (a string)")?;
    text.parse().map_err(|_| not_found(name, text, entity))
}

/// A text to record, without white space around it where that means nothing.
pub(super) fn text(name: &str, json: &Json, kind: Kind) -> Result<String, Refusal> {
    let given = string(name, json, "a string")?;
    if given.trim().is_empty() {
        return Err(blank(name));
    }
    let kept = if matches!(kind, Kind::Line | Kind::Prose) {
        given.trim()
    } else {
        given
    };
    check_length(name, kept, chars_max(kind))?;
    check_characters(name, kept, kind)?;
    match kind {
        Kind::Email => check_email(name, kept)?,
        Kind::Url => check_url(name, kept)?,
        Kind::FileName => check_file_name(name, kept)?,
        _ => {}
    }
    Ok(kept.to_owned())
}

/// A part of a text to search for.
pub(super) fn pattern(name: &str, json: &Json, kind: Kind) -> Result<String, Refusal> {
    let kind = match kind {
        Kind::Prose => Kind::Prose,
        _ => Kind::Line,
    };
    text(name, json, kind)
}

/// A list of single lines.
pub(super) fn texts(name: &str, json: &Json) -> Result<Vec<String>, Refusal> {
    let Json::Array(entries) = json else {
        return Err(wrong_type(name, json, "a list of strings"));
    };
    if entries.len() > Kind::TEXTS_MAX {
        let message = format!("`{name}` can have at most {} entries.", Kind::TEXTS_MAX);
        return Err(Refusal::new(Code::TooMany, name, message));
    }
    entries
        .iter()
        .map(|entry| text(name, entry, Kind::Line))
        .collect()
}

/// One of a list of values, exactly as listed.
pub(super) fn choice(name: &str, json: &Json, legal: Choice) -> Result<String, Refusal> {
    let given = string(name, json, "a string")?;
    if legal.contains(&given) {
        return Ok(given.to_owned());
    }
    let shown = spelling::quoted(given);
    let listed = spelling::listed(legal.iter().copied());
    let refuse = |code, why: String| Err(Refusal::new(code, name, why));
    if given.trim() != given {
        let why = format!(
            "`{name}` is {shown}, with white space around it; it must be exactly one of {listed}."
        );
        return refuse(Code::ChoiceWhitespace, why);
    }
    if let Some(right) = legal.iter().find(|value| value.eq_ignore_ascii_case(given)) {
        let why = format!("`{name}` is {shown}; upper and lower case count: write `{right}`.");
        return refuse(Code::ChoiceCasing, why);
    }
    let hint = match spelling::near(given, legal.iter().copied()) {
        Some(nearest) => format!(" Did you mean `{nearest}`?"),
        None => String::new(),
    };
    refuse(
        Code::InvalidChoice,
        format!("`{name}` is {shown}; it must be one of {listed}.{hint}"),
    )
}

fn chars_max(kind: Kind) -> usize {
    match kind {
        Kind::Prose => Kind::PROSE_CHARS_MAX,
        Kind::Email => Kind::EMAIL_CHARS_MAX,
        Kind::Url => Kind::URL_CHARS_MAX,
        _ => Kind::LINE_CHARS_MAX,
    }
}

fn blank(name: &str) -> Refusal {
    let message = format!("`{name}` is blank; give it a text, or leave it out if it is optional.");
    Refusal::new(Code::BlankText, name, message)
}

fn check_length(name: &str, text: &str, most: usize) -> Result<(), Refusal> {
    let length = text.chars().count();
    if length <= most {
        return Ok(());
    }
    let message = format!("`{name}` has {length} characters; it can have at most {most}.");
    Err(Refusal::new(Code::TextTooLong, name, message))
}

/// No store keeps NUL, no terminal should be sent control codes, and a line is one line.
fn check_characters(name: &str, text: &str, kind: Kind) -> Result<(), Refusal> {
    let prose = kind == Kind::Prose;
    let forbidden = |c: &char| match c {
        '\n' | '\t' => !prose,
        '\u{2028}' | '\u{2029}' => !prose,
        _ => c.is_control(),
    };
    let Some(found) = text.chars().find(forbidden) else {
        return Ok(());
    };
    let code = found as u32;
    let message = format!("`{name}` has the character U+{code:04X}, which the field cannot hold.");
    Err(Refusal::new(Code::InvalidCharacter, name, message))
}

/// The addresses that mail systems pass on in practice: RFC 5321 without quoted local parts,
/// address literals and domains of a single label.
fn check_email(name: &str, text: &str) -> Result<(), Refusal> {
    let valid = text.split_once('@').is_some_and(|(local, domain)| {
        let atom = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b))
        };
        let labels: Vec<&str> = domain.split('.').collect();
        let top_is_name = labels
            .last()
            .is_some_and(|top| top.len() >= 2 && !top.bytes().all(|b| b.is_ascii_digit()));
        local.len() <= 64
            && local.split('.').all(atom)
            && labels.len() >= 2
            && labels.iter().all(|label| is_host_label(label))
            && top_is_name
    });
    if valid {
        return Ok(());
    }
    let shown = spelling::quoted(text);
    let message =
        format!("`{name}` is {shown}, which is not an e-mail address, as in `name@example.com`.");
    Err(Refusal::new(Code::InvalidEmail, name, message))
}

fn is_host_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn check_url(name: &str, text: &str) -> Result<(), Refusal> {
    if is_web_address(text) {
        return Ok(());
    }
    let shown = spelling::quoted(text);
    let message = format!(
        "`{name}` is {shown}, which is not a web address, as in `https://example.com/file.pdf`."
    );
    Err(Refusal::new(Code::InvalidUrl, name, message))
}

/// http or https, a host without credentials before it, and nothing that would end a link early.
fn is_web_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return false;
    }
    if text
        .chars()
        .any(|c| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '\\' | '`'))
    {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if let Some(literal) = authority.strip_prefix('[') {
        let (address, port) = literal.split_once(']').unwrap_or_default();
        return address.parse::<std::net::Ipv6Addr>().is_ok()
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, is_port(port)),
        None => (authority, true),
    };
    port && host
        .strip_suffix('.')
        .unwrap_or(host)
        .split('.')
        .all(is_host_label)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn check_file_name(name: &str, text: &str) -> Result<(), Refusal> {
    let shown = spelling::quoted(text);
    let refuse = |code, why: String| {
        Err(Refusal::new(
            code,
            name,
            format!("`{name}` is {shown}; {why}."),
        ))
    };
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !text.chars().all(safe) {
        let why = "it can only have letters a to z, digits, dot, underscore and hyphen".into();
        return refuse(Code::UnsafeFileName, why);
    }
    if text.starts_with('.') {
        return refuse(Code::UnsafeFileName, "it cannot begin with a dot".into());
    }
    let extension = text.rsplit_once('.').map_or("", |(_, extension)| extension);
    let listed = spelling::listed(EXTENSIONS.iter().copied());
    if extension.is_empty() {
        return refuse(
            Code::MissingExtension,
            format!("it needs an extension, one of {listed}"),
        );
    }
    if !EXTENSIONS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(extension))
    {
        return refuse(
            Code::UnsupportedExtension,
            format!("its extension must be one of {listed}"),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(kind: Kind, given: &str) -> Option<Code> {
        text("x", &json!(given), kind)
            .err()
            .map(|refusal| refusal.code)
    }

    #[test]
    fn email_addresses() {
        for right in [
            "hello@borealis.example",
            "a.b+c@x-y.co.uk",
            "O'Neil@ex.io",
            "a@xn--80ak6aa92e.com",
        ] {
            assert_eq!(code(Kind::Email, right), None, "{right}");
        }
        for wrong in [
            "plain",
            "@x.com",
            "a@",
            "a@b",
            "a b@x.com",
            " a@x.com",
            "a@x..com",
            ".a@x.com",
            "a.@x.com",
            "a..b@x.com",
            "a@-x.com",
            "a@x.com.",
            "a@b@x.com",
            "ä@x.com",
            "a@x.c",
            "a@1.2.3.44",
            "a@x_y.com",
        ] {
            assert_eq!(
                code(Kind::Email, wrong),
                Some(Code::InvalidEmail),
                "{wrong}"
            );
        }
        let long = format!("{}@example.com", "a".repeat(65));
        assert_eq!(code(Kind::Email, &long), Some(Code::InvalidEmail));
        let longer = format!("a@{}com", "example.".repeat(40));
        assert_eq!(code(Kind::Email, &longer), Some(Code::TextTooLong));
    }

    #[test]
    fn web_addresses() {
        for right in [
            "https://example.com",
            "HTTP://files.example.com:8080/a/b.pdf?x=1#y",
            "http://localhost/x",
            "https://[::1]:443/x",
            "https://example.com/Übersicht.pdf",
        ] {
            assert_eq!(code(Kind::Url, right), None, "{right}");
        }
        for wrong in [
            "example.com",
            "ftp://example.com",
            "https://",
            "https:///x",
            "https://a b.com",
            "https://:80",
            "https://user:secret@example.com",
            "javascript:alert(1)",
            "https://x.com/<a>",
            "https://x.com:0",
            "https://x.com:+8",
            "https://[::1",
            "https://[zz]",
        ] {
            assert_eq!(code(Kind::Url, wrong), Some(Code::InvalidUrl), "{wrong}");
        }
    }

    #[test]
    fn lines_and_prose() {
        assert_eq!(text("x", &json!("  a b \n"), Kind::Line).unwrap(), "a b");
        assert_eq!(code(Kind::Line, "a\nb"), Some(Code::InvalidCharacter));
        assert_eq!(code(Kind::Line, "a\tb"), Some(Code::InvalidCharacter));
        assert_eq!(code(Kind::Prose, "a\n\tb"), None);
        assert_eq!(code(Kind::Prose, "a\0b"), Some(Code::InvalidCharacter));
        assert_eq!(code(Kind::Line, &"ü".repeat(200)), None);
        assert_eq!(code(Kind::Line, &"ü".repeat(201)), Some(Code::TextTooLong));
    }

    #[test]
    fn lists_of_texts() {
        assert_eq!(texts("x", &json!(["a", " b "])).unwrap(), ["a", "b"]);
        assert!(texts("x", &json!(["a", ""])).is_err());
        assert!(texts("x", &json!(vec!["a"; 101])).is_err());
        assert!(texts("x", &json!("a")).is_err());
    }
}
