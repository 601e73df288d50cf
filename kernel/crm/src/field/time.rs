//! Dates and instants, in the one spelling that each has.

use serde_json::Value as Json;

use super::{Purpose, string};
use crate::{Code, Context, Date, Refusal, Timestamp, spelling};

/// A calendar date. A new `close_date` or `valid_until` is not in the past; a contract may have
/// begun long ago.
pub(super) fn date(
    name: &str,
    json: &Json,
    purpose: Purpose,
    context: &Context,
) -> Result<Date, Refusal> {
    let text = string(name, json, "a date as a string (YYYY-MM-DD)")?;
    let shown = spelling::quoted(text);
    let refuse = |code, why: &str| {
        Err(Refusal::new(
            code,
            name,
            format!("`{name}` is {shown}; {why}."),
        ))
    };
    if has_date_and_time(text) {
        return refuse(
            Code::DateWithTime,
            "it must be a date alone (YYYY-MM-DD), without a time",
        );
    }
    let Some(date) = calendar_date(text) else {
        return refuse(
            Code::InvalidDate,
            "it must be a date of the calendar in the form YYYY-MM-DD",
        );
    };
    let ahead = matches!(name, "close_date" | "valid_until") && purpose != Purpose::Search;
    if ahead && date < context.today() {
        let why = format!("it cannot be before today, {}", context.today());
        return refuse(Code::DateInPast, &why);
    }
    Ok(date)
}

/// When a record was made: an RFC 3339 time, to the microsecond, and not still to come.
pub(super) fn timestamp(
    name: &str,
    json: &Json,
    purpose: Purpose,
    context: &Context,
) -> Result<Timestamp, Refusal> {
    let text = string(name, json, "a time as a string (RFC 3339)")?;
    let shown = spelling::quoted(text);
    let refuse = |why: &str| {
        let message = format!("`{name}` is {shown}; {why}.");
        Err(Refusal::new(Code::InvalidTimestamp, name, message))
    };
    let Some(instant) = is_rfc_3339(text)
        .then(|| text.parse::<Timestamp>().ok())
        .flatten()
    else {
        return refuse("it must be a time in the form 2025-10-29T12:00:00Z");
    };
    if instant.subsec_nanosecond() % 1_000 != 0 {
        return refuse("it can have at most six digits of a second");
    }
    if year(instant) < 1 {
        return refuse("it is before the year 1");
    }
    if purpose != Purpose::Search && instant > context.now {
        return refuse(&format!("it cannot be after now, {}", context.now));
    }
    Ok(instant)
}

fn year(instant: Timestamp) -> i16 {
    instant.to_zoned(jiff::tz::TimeZone::UTC).year()
}

/// Four, two and two digits with hyphens between, that are a day of the years 1 to 9999: not
/// every backend knows a year 0.
fn calendar_date(text: &str) -> Option<Date> {
    if !fits(text, "0000-00-00") {
        return None;
    }
    text.parse::<Date>().ok().filter(|date| date.year() >= 1)
}

fn has_date_and_time(text: &str) -> bool {
    let (Some(date), Some(rest)) = (text.get(..10), text.get(10..)) else {
        return false;
    };
    let time = rest.strip_prefix(['T', 't', ' ']);
    fits(date, "0000-00-00")
        && time.is_some_and(|time| time.trim_start().starts_with(|c: char| c.is_ascii_digit()))
}

/// `date-time` of RFC 3339 §5.6.
fn is_rfc_3339(text: &str) -> bool {
    let (Some(start), Some(rest)) = (text.get(..19), text.get(19..)) else {
        return false;
    };
    if !fits(&start.replace('t', "T"), "0000-00-00T00:00:00") {
        return false;
    }
    let zone = match rest.strip_prefix('.') {
        Some(fraction) => {
            let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
            if !(1..=9).contains(&(fraction.len() - zone.len())) {
                return false;
            }
            zone
        }
        None => rest,
    };
    matches!(zone, "Z" | "z") || fits(zone, "+00:00") || fits(zone, "-00:00")
}

/// Whether a text has digits where the form has zeros, and is the form everywhere else.
fn fits(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(found, expected)| match expected {
                b'0' => found.is_ascii_digit(),
                _ => found == expected,
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn context() -> Context {
        Context {
            now: "2025-10-29T12:00:00Z".parse().unwrap(),
            seed: [0; 32],
            step: 0,
        }
    }

    #[test]
    fn dates_have_one_form() {
        let read = |text: &str| {
            date("close_date", &json!(text), Purpose::Create, &context())
                .map_err(|refusal| refusal.code)
        };
        assert!(read("2025-10-29").is_ok());
        assert!(read("9999-12-31").is_ok());
        for (text, code) in [
            ("2025-10-28", Code::DateInPast),
            ("2025-11-30T00:00:00Z", Code::DateWithTime),
            ("2025-11-30 10:00", Code::DateWithTime),
            ("2025-02-30", Code::InvalidDate),
            ("12/15/2025", Code::InvalidDate),
            ("20251215", Code::InvalidDate),
            ("2025-12-15 ", Code::InvalidDate),
            ("2025-12-1", Code::InvalidDate),
            ("0000-01-01", Code::InvalidDate),
            ("２０25-12-15", Code::InvalidDate),
            ("", Code::InvalidDate),
        ] {
            assert_eq!(read(text), Err(code), "{text:?}");
        }
    }

    #[test]
    fn times_have_one_form() {
        let read =
            |text: &str| timestamp("created_date", &json!(text), Purpose::Create, &context());
        for (text, instant) in [
            ("2025-10-29T12:00:00Z", "2025-10-29T12:00:00Z"),
            (
                "2025-10-29t13:30:00.123456+02:00",
                "2025-10-29T11:30:00.123456Z",
            ),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), instant);
        }
        for text in [
            "2025-10-29",
            "2025-10-29T12:00:00",
            "2025-10-29 12:00:00Z",
            "2025-10-29T12:00Z",
            "2025-10-29T11:00:00.1234567Z",
            "2025-10-29T12:00:01Z",
            "2025-10-29T25:00:00Z",
            "0000-12-31T23:59:59Z",
            "0001-01-01T00:00:00+01:00",
            "2025-10-29T11:00:00.Z",
            "2025-10-29T12:00:00+02",
            "2025-10-29T12:00:00Z[UTC]",
            "",
        ] {
            let refused = read(text).map_err(|refusal| refusal.code);
            assert_eq!(refused, Err(Code::InvalidTimestamp), "{text:?}");
        }
    }
}
