//! Text as people compare it.

/// Lower case, with every run of white space as one blank: the form in which two texts that a
/// person would call the same are the same.
pub fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !folded.is_empty() {
            folded.push(' ');
        }
        folded.extend(word.chars().flat_map(char::to_lowercase));
    }
    folded
}

/// A text of at most so many characters: one that is longer keeps its start, and says that more
/// was there.
pub fn shortened(text: &str, chars_max: usize) -> String {
    const MARK: &str = " …(cut)";
    if text.chars().nth(chars_max).is_none() {
        return text.to_owned();
    }
    let room = chars_max.saturating_sub(MARK.chars().count());
    text.chars().take(room).chain(MARK.chars()).collect()
}
