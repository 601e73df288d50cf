//! Values in the many ways in which people write them.

use serde_json::{Number, Value as Json};

use super::token::Token;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const EXTENSIONS: &[&str] = &[
    "csv", "doc", "docx", "key", "pdf", "ppt", "pptx", "txt", "xlsx", "xls", "exe", "zip", "png",
    "jpg", "jpeg", "msg", "html", "json", "xml", "bat", "dmg", "md", "rtf", "odt", "svg", "mp4",
];

/// Whether a word is a record's id.
pub(crate) fn is_id(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether a word is an e-mail address.
pub(crate) fn is_email(word: &str) -> bool {
    word.split_once('@')
        .is_some_and(|(local, host)| !local.is_empty() && host.contains('.'))
}

/// Whether a word is the name of a file, known by its extension.
pub(crate) fn is_file(word: &str) -> bool {
    word.rsplit_once('.').is_some_and(|(stem, kind)| {
        !stem.is_empty() && EXTENSIONS.contains(&kind.to_lowercase().as_str())
    })
}

/// Whether a word is a user, as in `stephanie.wong`.
pub(crate) fn is_user(word: &str) -> bool {
    let letters = |part: &str| part.len() > 1 && part.chars().all(|c| c.is_lowercase() || c == '-');
    !is_file(word)
        && word
            .split_once('.')
            .is_some_and(|(first, last)| letters(first) && letters(last))
}

/// A date as the CRM wants it, and the number of words it takes. What only looks like a date is
/// passed on as written.
pub(crate) fn date(words: &[Token]) -> Option<(String, usize)> {
    let first = words.first()?;
    if looks_numeric_date(&first.text) {
        return Some((first.text.clone(), 1));
    }
    let second = words.get(1)?;
    let (month, day, used) = match (month(&first.lower), month(&second.lower)) {
        (Some(month), _) => (month, day(&second.lower)?, 2),
        (None, Some(month)) => (month, day(&first.lower)?, 2),
        _ if second.lower == "of" => (month(&words.get(2)?.lower)?, day(&first.lower)?, 3),
        _ => return None,
    };
    let year: u32 = words
        .get(used)?
        .text
        .parse()
        .ok()
        .filter(|year| (1900..2200).contains(year))?;
    Some((format!("{year:04}-{month:02}-{day:02}"), used + 1))
}

/// `2026-03-31`, `2026-03-31T17:00`, `28/02/2026`, `31.03.2026`.
fn looks_numeric_date(word: &str) -> bool {
    let iso = word
        .as_bytes()
        .iter()
        .take(10)
        .enumerate()
        .all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    let parts = |mark| {
        let parts: Vec<&str> = word.split(mark).collect();
        parts.len() == 3 && parts.iter().all(|part| part.parse::<u32>().is_ok())
    };
    (iso && word.len() >= 10) || parts('/') || (parts('.') && word.len() > 7)
}

fn month(word: &str) -> Option<usize> {
    let known = |month: &str| month == word || (word.len() == 3 && month.starts_with(word));
    MONTHS
        .iter()
        .position(|month| known(month))
        .map(|at| at + 1)
}

fn day(word: &str) -> Option<u32> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse().ok().filter(|day| (1..=31).contains(day))
}

/// What a number stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Quantity {
    /// An amount of money: marked as such, or large.
    Amount(Json),
    /// A percentage.
    Percent(Json),
    /// A number that nothing explains.
    Bare(Json),
}

/// The number that the words start with, and how many words it takes.
pub(crate) fn quantity(words: &[Token]) -> Option<(Quantity, usize)> {
    let first = words.first()?;
    let next = words.get(1).map_or("", |token| token.lower.as_str());
    let next = if first.tail.is_empty() { next } else { "" };
    if let Some(number) = spelled(&first.lower) {
        return (next == "percent").then(|| (Quantity::Percent(number.into()), 2));
    }
    let negative = first.text.starts_with('-');
    let unsigned = first.text.trim_start_matches('-');
    let bare = unsigned.trim_start_matches(['$', '€', '£']);
    let marked = bare.len() < unsigned.len();
    let (digits, unit) = match bare.find(|c: char| c.is_alphabetic() || c == '%') {
        Some(at) => bare.split_at(at),
        None => (bare, ""),
    };
    let factor = match (unit.to_lowercase().as_str(), next) {
        ("k", _) => 1e3,
        ("m", _) | ("", "million") => 1e6,
        ("" | "%" | "usd" | "eur", _) => 1.0,
        _ => return None,
    };
    let value = plain_number(digits)? * factor * if negative { -1.0 } else { 1.0 };
    let number = json(value);
    if unit == "%" || next == "percent" || next == "%" {
        return Some((Quantity::Percent(number), 1 + usize::from(unit != "%")));
    }
    let named = matches!(next, "dollars" | "usd" | "eur" | "euros" | "million");
    let money = marked || factor > 1.0 || named || value.abs() >= 1000.0 || !unit.is_empty();
    let used = 1 + usize::from(named);
    Some((
        if money {
            Quantity::Amount(number)
        } else {
            Quantity::Bare(number)
        },
        used,
    ))
}

fn plain_number(digits: &str) -> Option<f64> {
    let grouped = digits
        .split(',')
        .skip(1)
        .all(|group| group.get(..3).is_some());
    let legal = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".,".contains(&byte));
    if digits.is_empty() || !legal || !grouped {
        return None;
    }
    digits.replace(',', "").parse().ok()
}

/// The number as JSON: whole numbers without a fraction.
fn json(value: f64) -> Json {
    if value.fract() == 0.0 {
        return Json::from(value as i64);
    }
    Number::from_f64(value).map_or(Json::Null, Json::Number)
}

fn spelled(word: &str) -> Option<i64> {
    const TENS: [&str; 9] = [
        "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    ];
    const UNITS: [&str; 9] = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    ];
    let find = |list: &[&str], word: &str| list.iter().position(|known| *known == word);
    let tens = |word: &str| find(&TENS, word).map(|at| (at as i64 + 1) * 10);
    let units = |word: &str| find(&UNITS, word).map(|at| at as i64 + 1);
    match word.split_once('-') {
        Some((ten, unit)) => Some(tens(ten)? + units(unit)?),
        None => tens(word).or_else(|| units(word)),
    }
}

/// A telephone number that the words start with: `+`, then groups of digits.
pub(crate) fn phone(words: &[Token]) -> Option<(String, usize)> {
    let first = words.first()?;
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).count();
    let part = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_digit() || "-()/".contains(c))
    };
    if !first.text.starts_with('+') || !part(&first.text[1..]) || digits(&first.text) == 0 {
        return None;
    }
    let mut used = 1;
    while !words[used - 1].breaks() && words.get(used).is_some_and(|next| part(&next.text)) {
        used += 1;
    }
    let texts: Vec<&str> = words[..used]
        .iter()
        .map(|token| token.text.as_str())
        .collect();
    Some((texts.join(" "), used))
}

#[cfg(test)]
mod tests {
    use super::super::token::tokens;
    use super::*;

    fn read(text: &str) -> Option<Quantity> {
        quantity(&tokens(text)).map(|(quantity, _)| quantity)
    }

    #[test]
    fn amounts_come_in_many_spellings() {
        for text in [
            "$41,500",
            "41.5k",
            "41500",
            "41,500 dollars",
            "€41500",
            "41500 USD",
        ] {
            assert_eq!(read(text), Some(Quantity::Amount(41_500.into())), "{text}");
        }
        assert_eq!(read("$26,750.50"), Some(Quantity::Amount(26_750.5.into())));
        assert_eq!(read("2 million"), Some(Quantity::Amount(2_000_000.into())));
        assert_eq!(read("-15000"), Some(Quantity::Amount((-15_000).into())));
        assert_eq!(read("$0"), Some(Quantity::Amount(0.into())));
        assert_eq!(read("21st"), None);
    }

    #[test]
    fn percentages_and_bare_numbers_are_told_apart() {
        for text in ["forty percent", "40 percent", "40%"] {
            assert_eq!(read(text), Some(Quantity::Percent(40.into())), "{text}");
        }
        assert_eq!(read("0.55"), Some(Quantity::Bare(0.55.into())));
        assert_eq!(read("100"), Some(Quantity::Bare(100.into())));
    }

    #[test]
    fn dates_are_iso_or_as_written() {
        let read = |text: &str| date(&tokens(text)).map(|(date, _)| date);
        for text in [
            "March 31, 2026",
            "31 March 2026",
            "Mar 31st, 2026",
            "the 31st of March",
        ] {
            let expected = if text.starts_with("the") {
                None
            } else {
                Some("2026-03-31")
            };
            assert_eq!(read(text).as_deref(), expected, "{text}");
        }
        assert_eq!(read("28/02/2026").as_deref(), Some("28/02/2026"));
        assert_eq!(
            read("2026-04-10T17:00").as_deref(),
            Some("2026-04-10T17:00")
        );
    }

    #[test]
    fn users_files_and_phones() {
        assert!(is_user("stephanie.wong") && !is_user("offer.pdf") && is_file("a.b.EXE"));
        let (number, used) = phone(&tokens("+47 22 55 01 90, owner")).unwrap();
        assert_eq!((number.as_str(), used), ("+47 22 55 01 90", 5));
    }
}
