//! What became of an attempt that failed, and when another makes sense.

use std::error::Error as _;
use std::time::Duration;

use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, LOCATION};

use crate::error::ProviderFailure;
use crate::settings::ProviderSettings;

/// Most characters of a provider's text in a message.
const ERROR_CHARS_MAX: usize = 1_000;

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Failed {
    /// How.
    pub(super) kind: ProviderFailure,
    /// What happened. The key may still stand in it.
    pub(super) message: String,
    /// Shortest pause that the provider asks for.
    pub(super) pause: Duration,
    /// Whether another attempt makes sense.
    pub(super) again: bool,
}

impl Failed {
    /// A failure without anything asked for.
    pub(super) fn new(kind: ProviderFailure, message: String) -> Self {
        Self {
            kind,
            message,
            pause: Duration::ZERO,
            again: kind.may_pass(),
        }
    }

    /// There was no connection, or it broke off. The address, which is in the client's own error,
    /// is left out.
    pub(super) fn broken(error: reqwest::Error) -> Self {
        let error = error.without_url();
        let mut message = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            message.push_str(": ");
            message.push_str(&error.to_string());
            cause = error.source();
        }
        Self::new(ProviderFailure::Connection, shown(&message))
    }

    /// The attempt took longer than it may.
    pub(super) fn late(time_max: Duration) -> Self {
        let message = format!("there was no whole reply within {}", seconds(time_max));
        Self::new(ProviderFailure::TimeOut, message)
    }

    /// The reply is larger than is read.
    pub(super) fn too_large(bytes_max: usize) -> Self {
        let message =
            format!("the reply has more than {bytes_max} bytes, which is all that is read");
        Self::new(ProviderFailure::TooLarge, message)
    }

    /// The reply is something else than JSON.
    pub(super) fn not_json(content_type: &str) -> Self {
        let message = format!(
            "the reply is {:?} instead of application/json; the base URL may be that of a web page",
            shown(content_type)
        );
        Self::new(ProviderFailure::Reply, message)
    }

    /// The answer is an error, which says `said`. A pause that is longer than the settings allow
    /// makes it final.
    pub(super) fn refused(
        settings: &ProviderSettings,
        status: u16,
        headers: &HeaderMap,
        said: &str,
    ) -> Self {
        let kind = kind_of(status);
        let said = match shown(said) {
            said if said.is_empty() => "no explanation".to_owned(),
            said => said,
        };
        let advice = advice(settings, kind, headers);
        let mut failed = Self::new(kind, format!("status {status}: {said}{advice}"));
        failed.pause = pause_asked(headers).unwrap_or_default();
        if failed.again && failed.pause > settings.pause_max {
            failed.again = false;
            failed.message.push_str(&format!(
                "; it asks for a pause of {}, and the longest allowed is {}",
                seconds(failed.pause),
                seconds(settings.pause_max)
            ));
        }
        failed
    }
}

/// What a status means.
fn kind_of(status: u16) -> ProviderFailure {
    match status {
        300..=399 => ProviderFailure::Redirect,
        401 | 403 => ProviderFailure::Key,
        404 => ProviderFailure::Unknown,
        429 | 529 => ProviderFailure::RateLimited,
        408 | 409 | 500..=599 => ProviderFailure::Server,
        _ => ProviderFailure::Rejected,
    }
}

/// What may be done about it.
fn advice(settings: &ProviderSettings, kind: ProviderFailure, headers: &HeaderMap) -> String {
    match (kind, &settings.key_env) {
        (ProviderFailure::Key, Some(variable)) => {
            format!("; is the key in the environment variable {variable} right?")
        }
        (ProviderFailure::Key, None) => "; it wants a key, and none is named".to_owned(),
        (ProviderFailure::Unknown, _) => {
            "; are the provider's base URL and the model's id right?".to_owned()
        }
        (ProviderFailure::Redirect, _) => format!(
            "; it sends us to {}, which isn't followed",
            redirect_host(settings, headers).unwrap_or_else(|| "nowhere".to_owned())
        ),
        _ => String::new(),
    }
}

/// Scheme, host and port of where a redirect points: the rest may hold anything.
fn redirect_host(settings: &ProviderSettings, headers: &HeaderMap) -> Option<String> {
    let location = headers.get(LOCATION)?.to_str().ok()?;
    let target = settings.base_url.join(location).ok()?;
    Some(shown(&target.origin().ascii_serialization()))
}

/// The pause that a provider asks for, in the headers that the providers' own clients heed:
/// `retry-after-ms`, then `Retry-After` in seconds or as a date. A date is held against the
/// answer's own `Date`, so that nobody's clock matters.
fn pause_asked(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| Some(headers.get(name)?.to_str().ok()?.trim());
    let number = |name| text(name)?.parse::<f64>().ok();
    if let Some(milliseconds) = number("retry-after-ms") {
        return pause_of(milliseconds / 1_000.0);
    }
    if let Some(seconds) = number("retry-after") {
        return pause_of(seconds);
    }
    let instant = |name| Some(rfc2822::parse(text(name)?).ok()?.timestamp());
    let pause = instant("retry-after")?.duration_since(instant("date")?);
    Some(Duration::try_from(pause).unwrap_or_default())
}

/// A number of seconds; one that no duration holds is as long as can be.
fn pause_of(seconds: f64) -> Option<Duration> {
    let is_pause = seconds >= 0.0;
    is_pause.then(|| Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

/// A foreign text as it is shown: not too long, and without what a terminal would obey.
fn shown(text: &str) -> String {
    let visible = text.trim().chars().map(|letter| match letter {
        letter if letter.is_control() => ' ',
        letter => letter,
    });
    visible.take(ERROR_CHARS_MAX).collect()
}

/// A duration in seconds, with as many digits as it needs.
fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn asked(headers: &[(&'static str, &'static str)]) -> Option<Duration> {
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        pause_asked(&headers.collect())
    }

    #[test]
    fn a_pause_is_read_in_seconds_in_milliseconds_or_as_a_date() {
        let seconds = Duration::from_secs;
        assert_eq!(asked(&[("retry-after", "7")]), Some(seconds(7)));
        assert_eq!(
            asked(&[("retry-after", " 0.5 ")]),
            Some(Duration::from_millis(500))
        );
        assert_eq!(
            asked(&[("retry-after", "7"), ("retry-after-ms", "20")]),
            Some(Duration::from_millis(20))
        );
        let date = ("date", "Wed, 21 Oct 2015 07:27:00 GMT");
        assert_eq!(
            asked(&[("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"), date]),
            Some(seconds(90))
        );
        assert_eq!(
            asked(&[("retry-after", "Wed, 21 Oct 2015 07:26:00 GMT"), date]),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn what_is_no_pause_is_none_and_one_without_end_stays_long() {
        for nonsense in ["", "soon", "-3", "NaN", "Wed, 99 Oct 2015 07:28:30 GMT"] {
            assert_eq!(asked(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
        // Without the provider's own time a date says nothing.
        assert_eq!(
            asked(&[("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT")]),
            None
        );
        assert_eq!(asked(&[]), None);
        for endless in ["1e300", "inf", "99999999999999999999999"] {
            assert_eq!(asked(&[("retry-after", endless)]), Some(Duration::MAX));
        }
    }

    #[test]
    fn a_foreign_text_is_cut_and_commands_no_terminal() {
        assert_eq!(shown(" a\u{1b}[2Jb\nc "), "a [2Jb c");
        assert_eq!(shown(&"é".repeat(5_000)).chars().count(), 1_000);
    }
}
