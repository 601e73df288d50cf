//! Texts that the operator gives a plugin: prompts, rubrics.

use crate::Failure;

pub use crate::wire::proctor::plugin::prompts::text;

/// The text of this name from `source`, which is [`text`] but in tests.
///
/// # Errors
/// When there is none.
pub fn required(source: &dyn Fn(&str) -> Option<String>, name: &str) -> Result<String, Failure> {
    source(name).ok_or_else(|| {
        Failure::new(format!(
            "the prompt {name:?} is missing: this plugin must be given a text of that name"
        ))
    })
}

/// The text with each `{{name}}` replaced by its value. What is put in isn't read again, so a value
/// cannot bring in another. A name without a value stays as it is.
pub fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let value = after.split_once("}}").and_then(|(name, after)| {
            let (_, value) = values.iter().find(|(known, _)| *known == name.trim())?;
            Some((value, after))
        });
        match value {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push_str("{{");
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_not_read_again() {
        let values = [("now", "{{memory}}"), ("memory", "secret")];
        assert_eq!(filled("It is {{ now }}.", &values), "It is {{memory}}.");
    }

    #[test]
    fn names_without_a_value_and_loose_braces_stay() {
        assert_eq!(
            filled("{{who}} {{ {{now}} }} {{", &[("now", "9")]),
            "{{who}} {{ 9 }} {{"
        );
    }

    #[test]
    fn a_missing_prompt_is_named() {
        let failure = required(&|_| None, "system").unwrap_err();
        assert!(failure.message.contains("\"system\""));
    }
}
