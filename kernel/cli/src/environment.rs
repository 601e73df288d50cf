//! Variables: the environment's, or else those of a file.

use std::env::{self, VarError};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use crate::exit::Failure;

/// File whose variables count as if they were in the environment.
pub const FILE: &str = ".env";

/// A variable of the environment, or else of the file in the working folder; nothing where it is
/// empty.
pub fn variable(name: &str) -> Result<Option<String>, Failure> {
    let value = match env::var(name) {
        Ok(value) => Some(value),
        Err(VarError::NotPresent) => variable_of_file(Path::new(FILE), name)?,
        Err(VarError::NotUnicode(_)) => {
            return Err(Failure::input(format!("{name} is not in UTF-8")));
        }
    };
    Ok(value.filter(|value| !value.is_empty()))
}

/// The first value that a file gives a variable. All of the file must be sound. What is wrong is
/// said without its text.
fn variable_of_file(file: &Path, name: &str) -> Result<Option<String>, Failure> {
    let wrong = |reason: String| Failure::input(format!("{}: {reason}", file.display()));
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut found = None;
    for variable in dotenvy::from_read_iter(text.as_bytes()) {
        match variable {
            Ok((key, value)) if key == name && found.is_none() => found = Some(value),
            Ok(_) => {}
            Err(dotenvy::Error::LineParse(line, _)) => {
                let before = text.find(&line).map_or("", |at| &text[..at]);
                let number = before.matches('\n').count() + 1;
                return Err(wrong(format!("line {number} is not NAME=VALUE"))
                    .hint("a value with blanks, quotes or # stands in 'single quotes'"));
            }
            Err(_) => return Err(wrong("cannot be read".into())),
        }
    }
    Ok(found)
}
