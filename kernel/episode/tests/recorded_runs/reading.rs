//! Lines read back along the chain.

use std::io::Read;

use proctor_episode::{TelemetryReadError, TelemetryReader};

use super::stage::{Clerk, Run};

/// Number of lines that hold, or what is said of the first that doesn't.
fn read(telemetry: impl Read) -> Result<u64, String> {
    let mut lines = TelemetryReader::new(telemetry);
    loop {
        match lines.next_line() {
            Ok(Some(line)) => assert_eq!(line.seq + 1, lines.lines()),
            Ok(None) => return Ok(lines.lines()),
            Err(error) => return Err(error.to_string()),
        }
    }
}

#[test]
fn a_whole_run_is_read_to_its_end() {
    let telemetry = Run::over(vec![0, 4], &Clerk::default()).bytes();
    let lines = telemetry.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(read(&*telemetry), Ok(lines as u64));
    assert_eq!(read(&b""[..]), Ok(0));
}

#[test]
fn a_run_cut_short_anywhere_but_between_lines_is_said_to_be() {
    let telemetry = Run::over(vec![4], &Clerk::default()).bytes();
    for length in 1..telemetry.len() {
        let cut = &telemetry[..length];
        let lines = cut.iter().filter(|byte| **byte == b'\n').count();
        let expected = match cut.ends_with(b"\n") {
            true => Ok(lines as u64),
            false => Err(format!(
                "line {} is not as it was written: it is cut short",
                lines + 1
            )),
        };
        assert_eq!(read(cut), expected);
    }
}

#[test]
fn a_line_that_was_altered_dropped_or_added_to_is_found() {
    let telemetry = Run::over(vec![0], &Clerk::default()).bytes();
    let text = String::from_utf8(telemetry).unwrap();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let without_third = [&lines[..2], &lines[3..]].concat().concat();
    for (changed, reason) in [
        (
            text.replacen("ash is there", "ash is here", 1),
            "its chain doesn't fit",
        ),
        (without_third, "it is out of sequence"),
        (
            text.replacen("{\"chain\"", "{\"more\":1,\"chain\"", 1),
            "unknown field `more`",
        ),
        (
            text.replacen("\"seq\":0", "\"seq\":-1", 1),
            "it is no line of telemetry",
        ),
        (
            text.replacen("{\"chain\"", "[\"chain\"", 1),
            "it is no JSON",
        ),
    ] {
        let error = read(changed.as_bytes()).unwrap_err();
        assert!(error.contains(reason), "{reason}: {error}");
    }
}

#[test]
fn a_line_without_end_is_refused_before_it_fills_the_memory() {
    let mut lines = TelemetryReader::new(std::io::repeat(b'x'));
    let error = lines.next_line().unwrap_err();
    assert!(matches!(error, TelemetryReadError::Broken { line: 1, .. }));
    assert!(
        error.to_string().contains("more than 67108864 bytes"),
        "{error}"
    );
}
