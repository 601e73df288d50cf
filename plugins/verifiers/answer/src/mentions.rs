//! Finds ids, numbers and dates in words that a person or model wrote.

/// What a text mentions. Amounts and numbers are in hundredths.
#[derive(Debug, Default, PartialEq)]
pub struct Mentions {
    /// UUIDs, lower case.
    pub ids: Vec<String>,
    /// Everything that is a number.
    pub numbers: Vec<i64>,
    /// Numbers that can only be amounts: with a currency sign or code, or a `k` or `m` after
    /// them, or with exactly two decimal places.
    pub amounts: Vec<i64>,
    /// Numbers that can be counts: whole and plain, or written as a word up to twelve.
    pub counts: Vec<i64>,
    /// Dates, as YYYY-MM-DD.
    pub dates: Vec<String>,
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
const WORDS: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
];

impl Mentions {
    /// Reads a text once, word by word.
    pub fn in_text(text: &str) -> Self {
        let words: Vec<&str> = text
            .split(|c: char| c.is_whitespace() || "()[]{}<>\"“”;|*`=".contains(c))
            .map(|word| word.trim_matches(|c: char| ",.:!?'’".contains(c)))
            .filter(|word| !word.is_empty())
            .collect();
        let mut found = Self::default();
        let mut at = 0;
        while at < words.len() {
            at += found.read(&words[at..]);
        }
        found
    }

    /// Reads what the words start with; says how many words that was.
    fn read(&mut self, words: &[&str]) -> usize {
        let word = words[0];
        if is_uuid(word) {
            self.ids.push(word.to_ascii_lowercase());
            return 1;
        }
        if let Some(date) = iso_date(word) {
            self.dates.push(date);
            return 1;
        }
        if let Some((date, used)) = spelled_date(words) {
            self.dates.push(date);
            return used;
        }
        let folded = word.to_lowercase();
        // "one" is more often a pronoun than a count.
        if let Some(count) = WORDS
            .iter()
            .position(|known| *known == folded && folded != "one")
        {
            self.counts.push(count as i64 * 100);
            return 1;
        }
        self.number(word, words.get(1).copied());
        1
    }

    fn number(&mut self, word: &str, next: Option<&str>) {
        let negative = word.starts_with('-');
        let bare = word.trim_start_matches('-');
        let unsigned = bare.trim_start_matches(['$', '€', '£']);
        let mut currency = unsigned.len() < bare.len();
        let (digits, factor) = match unsigned
            .char_indices()
            .find(|(_, c)| c.is_ascii_alphabetic())
        {
            None => (unsigned, 1),
            Some((at, _)) => match unsigned[at..].to_lowercase().as_str() {
                "k" => (&unsigned[..at], 1_000),
                "m" => (&unsigned[..at], 1_000_000),
                "usd" | "eur" => {
                    currency = true;
                    (&unsigned[..at], 1)
                }
                _ => return,
            },
        };
        let percent = digits.ends_with('%');
        let digits = digits.trim_end_matches('%');
        let Some((cents, places)) = hundredths(digits) else {
            return;
        };
        let million = next.is_some_and(|next| next.eq_ignore_ascii_case("million"));
        let Some(cents) = cents.checked_mul(if million { 1_000_000 } else { factor }) else {
            return;
        };
        let cents = if negative { -cents } else { cents };
        currency |= factor > 1 || million || places == 2;
        currency |= next
            .is_some_and(|next| matches!(next.to_lowercase().as_str(), "usd" | "eur" | "dollars"));
        self.numbers.push(cents);
        if currency {
            self.amounts.push(cents);
        } else if places == 0 && !percent {
            self.counts.push(cents);
        }
    }
}

/// A plain decimal with optional thousands separators, in hundredths, and its decimal places.
fn hundredths(digits: &str) -> Option<(i64, usize)> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let grouped = whole.contains(',');
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let well_formed = !first.is_empty()
        && (!grouped || first.len() <= 3)
        && groups.all(|group| group.len() == 3)
        && whole
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b',')
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
        && fraction.len() <= 2
        && whole.len() <= 16;
    if !well_formed {
        return None;
    }
    let whole: i64 = whole.replace(',', "").parse().ok()?;
    let cents: i64 = format!("{fraction:0<2}").parse().ok()?;
    Some((whole.checked_mul(100)? + cents, fraction.len()))
}

fn is_uuid(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.len() == 36
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn iso_date(word: &str) -> Option<String> {
    // A time stamp mentions its day.
    let day = word.get(..10)?;
    let rest = &word[10..];
    if !(rest.is_empty() || rest.starts_with('T')) {
        return None;
    }
    let bytes = day.as_bytes();
    let shaped = bytes.iter().enumerate().all(|(at, byte)| match at {
        4 | 7 => *byte == b'-',
        _ => byte.is_ascii_digit(),
    });
    shaped.then(|| day.to_owned())
}

/// "March 31, 2026", "31 March 2026", "Mar 31st 2026": the date and how many words it takes.
fn spelled_date(words: &[&str]) -> Option<(String, usize)> {
    let [first, second, third, ..] = words else {
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
    Some((format!("{year:04}-{month:02}-{day:02}"), 3))
}

fn month(word: &str) -> Option<usize> {
    let word = word.to_lowercase();
    let known = |month: &&str| **month == word || (word.len() == 3 && month.starts_with(&word));
    MONTHS.iter().position(known).map(|at| at + 1)
}

fn day(word: &str) -> Option<u32> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    digits.parse().ok().filter(|day| (1..=31).contains(day))
}

/// Whether a text has these words, case ignored, not as part of a longer or hyphenated word.
pub fn has_word(text: &str, words: &str) -> bool {
    let text = text.to_lowercase();
    let words = words.to_lowercase();
    let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    text.match_indices(&words).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let mut after = text[at + words.len()..].chars();
        !before.is_some_and(part) && !after.next().is_some_and(part)
    })
}
