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
