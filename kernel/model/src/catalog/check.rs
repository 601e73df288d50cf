//! What each value of a models file may be.

use std::net::IpAddr;
use std::time::Duration;

use reqwest::Url;
use toml::Spanned;

use super::file::ProviderEntry;
use super::source::{FileError, Source, looks_like_key, quoted};
use crate::settings::{Auth, ModelSettings, Structured, Wire};

/// Longest name of a provider, model or agent, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// Longest of the other texts (addresses, ids, files), in bytes.
const TEXT_BYTES_MAX: usize = 2_000;
/// Longest name of an environment variable, in bytes.
const VARIABLE_BYTES_MAX: usize = 64;
/// Longest part of such a name between two underscores, in bytes: what is longer is a key.
const VARIABLE_PART_BYTES_MAX: usize = 19;
/// Longest of all times, in seconds: a day.
const TIME_MAX_S: f64 = 86_400.0;

/// A name: it stands in prices, tables, and the names of files.
pub(super) fn name(source: Source<'_>, name: &Spanned<String>) -> Result<String, FileError> {
    let text = name.get_ref();
    let legal = text.len() <= NAME_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter));
    if legal && !looks_like_key(text) {
        return Ok(text.clone());
    }
    let message = format!(
        "{} is no name; one has up to {NAME_BYTES_MAX} letters, digits, `.`, `_` and `-`, and \
         begins with a letter or digit",
        quoted(text)
    );
    Err(source.wrong(name, message))
}

/// Any other text: not empty, on one line, not too long.
pub(super) fn text(
    source: Source<'_>,
    key: &str,
    value: &Spanned<String>,
) -> Result<String, FileError> {
    let text = value.get_ref();
    let legal = !text.trim().is_empty()
        && text.len() <= TEXT_BYTES_MAX
        && !text.contains(char::is_control)
        && !looks_like_key(text);
    if legal {
        return Ok(text.clone());
    }
    let message = format!(
        "`{key}` must be one line of 1 to {TEXT_BYTES_MAX} bytes, and no key of a provider's"
    );
    Err(source.wrong(value, message))
}

/// A number of things, from 1.
pub(super) fn count(
    source: Source<'_>,
    key: &str,
    value: Option<&Spanned<u32>>,
    (default, most): (u32, u32),
) -> Result<u32, FileError> {
    match value {
        None => Ok(default),
        Some(value) if (1..=most).contains(value.get_ref()) => Ok(*value.get_ref()),
        Some(value) => {
            let message = format!(
                "`{key}` is {}; it must be from 1 to {most}",
                value.get_ref()
            );
            Err(source.wrong(value, message))
        }
    }
}

/// A time in seconds, above 0.
pub(super) fn seconds(
    source: Source<'_>,
    key: &str,
    value: Option<&Spanned<f64>>,
    default: u64,
) -> Result<Duration, FileError> {
    let Some(value) = value else {
        return Ok(Duration::from_secs(default));
    };
    Duration::try_from_secs_f64(*value.get_ref())
        .ok()
        .filter(|time| !time.is_zero() && *value.get_ref() <= TIME_MAX_S)
        .ok_or_else(|| {
            let message = format!(
                "`{key}` is {}; it must be above 0 and at most {TIME_MAX_S} seconds",
                value.get_ref()
            );
            source.wrong(value, message)
        })
}

/// How the next token is chosen: a number up to `most`, and above 0 unless it `may_be_zero`.
pub(super) fn share(
    source: Source<'_>,
    key: &str,
    value: Option<&Spanned<f64>>,
    (may_be_zero, most): (bool, f64),
) -> Result<Option<f64>, FileError> {
    let Some(value) = value else { return Ok(None) };
    let number = *value.get_ref();
    if number > 0.0 && number <= most {
        return Ok(Some(number));
    }
    if number == 0.0 && may_be_zero {
        // Not -0.0, which is another request's digest.
        return Ok(Some(0.0));
    }
    let least = if may_be_zero { "from" } else { "above" };
    let message = format!("`{key}` is {number}; it must be {least} 0 and at most {most}");
    Err(source.wrong(value, message))
}

/// The address that requests go to.
pub(super) fn base_url(source: Source<'_>, entry: &ProviderEntry) -> Result<Url, FileError> {
    let wrong = |message: &str| source.wrong(&entry.base_url, format!("`base_url` {message}"));
    let text = text(source, "base_url", &entry.base_url)?;
    // What is wrong is said without the address, which may have a password in it.
    let url = Url::parse(&text).map_err(|error| {
        wrong(&format!(
            "is no address ({error}); one looks like `https://api.openai.com/v1`"
        ))
    })?;
    if !["http", "https"].contains(&url.scheme()) {
        return Err(wrong("must begin with `https://` or `http://`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(
            "has a user or password in it; name the environment variable with the key in `key_env`",
        ));
    }
    if url.query_pairs().any(|(name, _)| is_secret(&name)) {
        return Err(wrong(
            "has a key in its query; name the environment variable with it in `key_env`",
        ));
    }
    if url.fragment().is_some() {
        return Err(wrong("has a `#`, and nothing after it would be sent"));
    }
    let path = url.path().trim_end_matches('/');
    if path.ends_with("/chat/completions") || path.ends_with("/messages") {
        return Err(wrong(
            "must end before `/chat/completions` or `/messages`, which is added",
        ));
    }
    if url.scheme() == "http" && !is_loopback(&url) && !entry.allow_plain_http {
        return Err(wrong(
            "is http and not on this machine: keys and texts could be read on the way; use https, \
             or say `allow_plain_http = true`",
        ));
    }
    Ok(url)
}

/// Whether a parameter of a query is called as secrets are.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["key", "token", "secret", "sig", "password"]
        .iter()
        .any(|word| name.contains(word))
}

/// Whether an address is this machine's, whatever any name server says.
fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Name of the variable with the key, and how that is sent.
pub(super) fn key(
    source: Source<'_>,
    entry: &ProviderEntry,
) -> Result<(Option<String>, Auth), FileError> {
    let by_wire = match entry.wire {
        Wire::OpenAi => Auth::Bearer,
        Wire::Anthropic => Auth::XApiKey,
    };
    match (&entry.key_env, &entry.auth) {
        (None, None) => Ok((None, Auth::None)),
        (None, Some(auth)) if *auth.get_ref() == Auth::None => Ok((None, Auth::None)),
        (None, Some(auth)) => Err(source.wrong(
            auth,
            "a key is to be sent, but `key_env` doesn't name the environment variable with it",
        )),
        (Some(variable), Some(auth)) if *auth.get_ref() == Auth::None => Err(source.wrong(
            variable,
            "`auth` says that no key is sent: leave one of both out",
        )),
        (Some(variable), auth) => {
            let auth = auth.as_ref().map_or(by_wire, |auth| *auth.get_ref());
            Ok((Some(variable_name(source, variable)?), auth))
        }
    }
}

/// Name of an environment variable, strict enough that no provider's key passes for one.
fn variable_name(source: Source<'_>, variable: &Spanned<String>) -> Result<String, FileError> {
    let text = variable.get_ref();
    let legal = text.len() <= VARIABLE_BYTES_MAX
        && text.starts_with(|first: char| first.is_ascii_uppercase() || first == '_')
        && text
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && text
            .split('_')
            .all(|part| part.len() <= VARIABLE_PART_BYTES_MAX);
    if legal {
        return Ok(text.clone());
    }
    Err(source.wrong(
        variable,
        "`key_env` must be the name of an environment variable, as in `OPENAI_API_KEY` (capital \
         letters, digits and `_`). If this is the key itself, take it out of the file, withdraw \
         it at the provider and put a new one into the environment",
    ))
}

/// What a model asks for that its provider's wire doesn't have, and would leave out silently.
pub(super) fn unfit(wire: Wire, model: &ModelSettings) -> Option<&'static str> {
    let temperature = model.sampling.temperature.unwrap_or_default();
    match wire {
        Wire::OpenAi if model.prompt_cache => {
            Some("`prompt_cache` is for Anthropic's wire; the others' servers decide by themselves")
        }
        Wire::Anthropic if model.seeded => Some("Anthropic's wire has no seed: leave out `seeded`"),
        Wire::Anthropic if model.completion_tokens => {
            Some("`completion_tokens` is for OpenAI's wire")
        }
        Wire::Anthropic if model.structured == Structured::Object => {
            Some("`structured = \"object\"` is for OpenAI's wire; say `schema` or `none`")
        }
        Wire::Anthropic if temperature > 1.0 => {
            Some("the temperature on Anthropic's wire is at most 1")
        }
        _ => None,
    }
}
