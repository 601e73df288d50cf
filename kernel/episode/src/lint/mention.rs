//! What words mention: numbers in any spelling, dates, ids.

/// Numbers, dates and ids that a text mentions.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Mentions {
    pub(super) numbers: Vec<f64>,
    /// As YYYY-MM-DD.
    pub(super) dates: Vec<String>,
    /// UUIDs, lower case.
    pub(super) ids: Vec<String>,
}

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
const SMALL: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const TENS: [&str; 8] = [
    "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
];

impl Mentions {
    /// Reads a text once, word by word.
    pub(super) fn in_text(text: &str) -> Self {
        let words: Vec<String> = text
            .split(|c: char| c.is_whitespace() || "()[]{}<>\"“”‘;|*`=/".contains(c))
            .map(|word| {
                word.trim_matches(|c: char| ",.:!?'’".contains(c))
                    .to_lowercase()
            })
            .filter(|word| !word.is_empty())
            .collect();
        let mut found = Self::default();
        for (at, word) in words.iter().enumerate() {
            let next = words.get(at + 1).map_or("", String::as_str);
            if is_uuid(word) {
                found.ids.push(word.clone());
            } else if is_iso_date(word) {
                found.dates.push(word.chars().take(10).collect());
            } else if let Some(number) = number(word, next) {
                let before = at
                    .checked_sub(1)
                    .map_or("", |before| words[before].as_str());
                let below = matches!(before, "minus" | "negative");
                found.numbers.push(if below { -number } else { number });
            }
        }
        // "the 3rd of April 2026" is 3 April 2026.
        let words = words.iter().map(String::as_str);
        let words: Vec<&str> = words
            .filter(|word| !matches!(*word, "of" | "the"))
            .collect();
        found
            .dates
            .extend(words.windows(3).filter_map(spelled_date));
        found
    }
}

/// `85000`, `$85,000.50`, `85k`, `1.2 million`, `45%`, `forty-five`.
fn number(word: &str, next: &str) -> Option<f64> {
    let scale = |word: &str| match word {
        "k" | "thousand" => Some(1e3),
        "m" | "mio" | "million" => Some(1e6),
        _ => None,
    };
    let scaled = |value: f64, factor: Option<f64>| value * factor.unwrap_or(1.0);
    if let Some(value) = number_word(word) {
        return Some(scaled(value, scale(next)));
    }
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let bare = unsigned.trim_start_matches(['$', '€', '£', '+']);
    let negative = word.starts_with('-') || bare.starts_with('-');
    let bare = bare.trim_start_matches('-');
    let end = bare
        .find(|c: char| !c.is_ascii_digit() && c != ',' && c != '.')
        .unwrap_or(bare.len());
    let (digits, suffix) = bare.split_at(end);
    let factor = match suffix {
        "" => scale(next),
        "%" | "usd" | "eur" | "$" | "€" => None,
        other => Some(scale(other)?),
    };
    let well_formed = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .split(',')
            .skip(1)
            .all(|group| group.split('.').next().map(str::len) == Some(3));
    let value: f64 = well_formed.then(|| digits.replace(',', "").parse().ok())??;
    Some(scaled(if negative { -value } else { value }, factor))
}

fn number_word(word: &str) -> Option<f64> {
    let small = |word: &str| SMALL.iter().position(|known| *known == word);
    let tens = |word: &str| {
        TENS.iter()
            .position(|known| *known == word)
            .map(|at| 20 + at * 10)
    };
    let value = match word.split_once('-') {
        Some((ten, one)) => tens(ten)? + small(one).filter(|one| (1..10).contains(one))?,
        None => small(word).or_else(|| tens(word))?,
    };
    Some(value as f64)
}

/// Whether a word has the form of a UUID.
pub(super) fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// Whether a word is a date, or a time stamp, in ISO form.
fn is_iso_date(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() >= 10
        && bytes
            .get(10)
            .is_none_or(|byte| byte.eq_ignore_ascii_case(&b't'))
        && bytes[..10].iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

/// "March 31 2026", "31 March 2026", "Mar 31st 2026".
fn spelled_date(words: &[&str]) -> Option<String> {
    let [first, second, third] = words else {
        return None;
    };
    let (month, day) = match (month(first), month(second)) {
        (Some(month), _) => (month, day(second)?),
        (None, Some(month)) => (month, day(first)?),
        _ => return None,
    };
    let year: u32 = third
        .parse()
        .ok()
        .filter(|year| (1900..=2200).contains(year))?;
    Some(format!("{year:04}-{month:02}-{day:02}"))
}

fn month(word: &str) -> Option<usize> {
    let short = |month: &str| word.len() == 3 && month.starts_with(word);
    MONTHS
        .iter()
        .position(|month| *month == word || short(month))
        .map(|at| at + 1)
}

fn day(word: &str) -> Option<u32> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse().ok().filter(|day| (1..=31).contains(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_in_any_spelling() {
        for (text, numbers) in [
            ("worth $85,000.", vec![85_000.0]),
            (
                "85k, 1.2 million or 1.2M",
                vec![85_000.0, 1_200_000.0, 1_200_000.0],
            ),
            (
                "26,750.50 at 45% (forty-five percent)",
                vec![26_750.5, 45.0, 45.0],
            ),
            ("minus 500, -500, $-500", vec![-500.0, -500.0, -500.0]),
            ("ninety thousand", vec![90_000.0]),
            ("12x, 1,2,3, v2", vec![]),
        ] {
            assert_eq!(Mentions::in_text(text).numbers, numbers, "{text}");
        }
    }

    #[test]
    fn dates_are_read_in_iso_form_and_spelled() {
        for text in [
            "by 2026-04-09.",
            "April 9, 2026",
            "9 Apr 2026",
            "the 9th of April 2026",
            "2026-04-09T10:00:00Z",
        ] {
            assert_eq!(Mentions::in_text(text).dates, ["2026-04-09"], "{text}");
        }
        assert!(
            Mentions::in_text("April 9, and perhaps 2026")
                .dates
                .is_empty()
        );
    }
}
