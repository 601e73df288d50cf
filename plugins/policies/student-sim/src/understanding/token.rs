//! Words of a message, with the punctuation around them.

/// One word, or one quoted text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    /// As written, without the punctuation around it and without a possessive `'s`.
    pub(crate) text: String,
    /// In lower case.
    pub(crate) lower: String,
    /// Punctuation after it.
    pub(crate) tail: String,
    /// Whether `'s` was cut off.
    pub(crate) possessive: bool,
    /// Whether it stood in quotation marks.
    pub(crate) quoted: bool,
    /// Sentence it belongs to, from 0.
    pub(crate) sentence: usize,
    /// Where it starts in the message.
    pub(crate) start: usize,
}

impl Token {
    /// Whether it begins with a capital letter.
    pub(crate) fn capital(&self) -> bool {
        self.text.chars().next().is_some_and(char::is_uppercase)
    }

    /// Whether punctuation after it ends a phrase.
    pub(crate) fn breaks(&self) -> bool {
        !self.tail.is_empty()
    }

    /// Whether it is one of these words.
    pub(crate) fn is(&self, words: &[&str]) -> bool {
        words.contains(&self.lower.as_str())
    }
}

const OPENING: &str = "(\"“'‘«[{";
const CLOSING: &str = ".,;:!?)\"”'’»]}…";

/// The words of a message.
pub(crate) fn tokens(message: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut rest = message;
    let mut sentence = 0;
    while let Some(skipped) = rest.find(|c: char| !c.is_whitespace()) {
        rest = &rest[skipped..];
        let start = message.len() - rest.len();
        let (token, used) = quoted(rest).unwrap_or_else(|| word(rest));
        rest = &rest[used..];
        let token = Token {
            sentence,
            start,
            ..token
        };
        let ends = ends_sentence(&token);
        if !token.text.is_empty() {
            found.push(token);
        }
        sentence += usize::from(ends);
    }
    found
}

fn ends_sentence(token: &Token) -> bool {
    token.tail.contains(['.', '!', '?', ';']) && !token.is(&["i.e", "e.g", "mr", "mrs", "dr"])
}

fn quoted(rest: &str) -> Option<(Token, usize)> {
    let open = rest.chars().next()?;
    let close = match open {
        '"' => '"',
        '“' => '”',
        '«' => '»',
        _ => return None,
    };
    let inside = &rest[open.len_utf8()..];
    let length = inside.find(close)?;
    let text = &inside[..length];
    let after = &inside[length + close.len_utf8()..];
    let tail: String = after.chars().take_while(|c| CLOSING.contains(*c)).collect();
    let used = rest.len() - after.len() + tail.len();
    // A sentence within the quotation marks ends the one around them.
    let inner = if text.ends_with(['.', '!', '?']) {
        "."
    } else {
        ""
    };
    let token = Token {
        quoted: true,
        ..plain(text, format!("{tail}{inner}"))
    };
    Some((token, used))
}

fn word(rest: &str) -> (Token, usize) {
    let used = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let raw = rest[..used].trim_start_matches(|c| OPENING.contains(c));
    let core = raw.trim_end_matches(|c| CLOSING.contains(c));
    let tail = raw[core.len()..].to_owned();
    let cut = core.strip_suffix("'s").or_else(|| core.strip_suffix("’s"));
    let mut token = plain(cut.unwrap_or(core), tail);
    token.possessive = cut.is_some();
    (token, used)
}

fn plain(text: &str, tail: String) -> Token {
    Token {
        text: text.to_owned(),
        lower: text.to_lowercase().replace('’', "'"),
        tail,
        possessive: false,
        quoted: false,
        sentence: 0,
        start: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_lose_punctuation_and_quotations_stay_whole() {
        let found = tokens("Set Zilker's status to \"Sent \" (now), ok? Thanks.");
        let texts: Vec<&str> = found.iter().map(|token| token.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Set", "Zilker", "status", "to", "Sent ", "now", "ok", "Thanks"
            ]
        );
        assert!(found[1].possessive && found[4].quoted);
        assert_eq!(found[5].tail, "),");
        assert_eq!((found[6].sentence, found[7].sentence), (0, 1));
    }
}
