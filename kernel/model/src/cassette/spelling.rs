//! How a secret is spelled in a text: as it is, or as other formats write it.

use std::fmt::Write as _;

/// A secret as it may stand in a text.
pub(super) fn spellings_of(secret: &str) -> Vec<String> {
    let escaped = in_json(secret);
    let mut spellings = vec![
        in_json(&escaped),
        escaped.replace('/', "\\/"),
        in_ascii_json(secret),
        escaped,
        percent(secret, false),
        percent(secret, false).replace("%20", "+"),
        percent(secret, true),
        secret.to_owned(),
    ];
    for skipped in 0..3 {
        let standard = base64(secret.as_bytes(), skipped);
        spellings.push(standard.replace('+', "-").replace('/', "_"));
        spellings.push(standard);
    }
    spellings
}

/// As within a JSON string.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    let inner = quoted
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    inner.unwrap_or(&quoted).to_owned()
}

/// The same with nothing but ASCII, as many languages write it.
fn in_ascii_json(text: &str) -> String {
    let mut units = [0; 2];
    in_json(text)
        .chars()
        .fold(String::new(), |mut out, letter| {
            if letter.is_ascii() {
                out.push(letter);
            } else {
                for unit in letter.encode_utf16(&mut units) {
                    // Writing to a String can't fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
            out
        })
}

/// As in an address: everything but letters, digits and `-._~` as `%XX`.
fn percent(text: &str, lower_case: bool) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        // Writing to a String can't fail.
        let _ = match (plain, lower_case) {
            (true, _) => write!(out, "{}", char::from(byte)),
            (false, true) => write!(out, "%{byte:02x}"),
            (false, false) => write!(out, "%{byte:02X}"),
        };
        out
    })
}

/// The characters of base64 that follow from these bytes alone when they stand `skipped` bytes
/// after a multiple of three: whatever is around them, those are there.
fn base64(bytes: &[u8], skipped: usize) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits = bytes.len() * 8;
    // The first character that starts within the bytes.
    let from = (skipped * 8).next_multiple_of(6) - skipped * 8;
    (from..)
        .step_by(6)
        .take_while(|start| start + 6 <= bits)
        .filter_map(|start| {
            let index = (start..start + 6).fold(0_usize, |value, bit| {
                let byte = bytes.get(bit / 8).copied().unwrap_or_default();
                value << 1 | usize::from(byte >> (7 - bit % 8) & 1)
            });
            ALPHABET.get(index).map(|letter| char::from(*letter))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::super::{REDACTED, Redactor};

    #[test]
    fn a_given_secret_is_found_in_every_spelling() {
        let secret = "p\"ä/ß\\ +wörd\n€";
        let redactor = Redactor::new([secret]);
        let json = serde_json::to_string(secret).unwrap();
        for text in [
            secret.to_owned(),
            serde_json::to_string(&json).unwrap(),
            json.replace('/', "\\/"),
            "\"p\\\"\\u00e4/\\u00df\\\\ +w\\u00f6rd\\n\\u20ac\"".to_owned(),
            "a=p%22%C3%A4%2F%C3%9F%5C%20%2Bw%C3%B6rd%0A%E2%82%AC&b".to_owned(),
            "a=p%22%c3%a4%2f%c3%9f%5c%20%2bw%c3%b6rd%0a%e2%82%ac&b".to_owned(),
            "a=p%22%C3%A4%2F%C3%9F%5C+%2Bw%C3%B6rd%0A%E2%82%AC&b".to_owned(),
            json,
        ] {
            let redacted = redactor.text(&text);
            assert!(redacted.contains(REDACTED), "{text}");
            assert!(!redacted.contains("rd"), "{redacted}");
            assert_eq!(redactor.text(&redacted), redacted);
        }
    }

    #[test]
    fn a_given_secret_is_found_in_base64_wherever_it_stands() {
        let redactor = Redactor::new(["open sesame?>"]);
        // `x`, `xx` and `xxx` before it, in both alphabets, made with another program.
        for text in [
            "b3BlbiBzZXNhbWU/Pg==",
            "eG9wZW4gc2VzYW1lPz4=",
            "eHhvcGVuIHNlc2FtZT8+",
            "eHh4b3BlbiBzZXNhbWU/Pg==",
            "eHhvcGVuIHNlc2FtZT8-",
        ] {
            let redacted = redactor.text(text);
            assert!(redacted.contains(REDACTED), "{text}");
            assert!(redacted.len() <= REDACTED.len() + 8, "{redacted}");
        }
    }
}
