//! Which runs are read, and which are refused.

use proctor_report::{AgentRun, NAMES_MAX, ReportError};

use crate::compare;
use crate::telemetry::{MODIFY, SEARCH, Telemetry, call, fault, folder, verdict};

fn read(text: &str) -> Result<AgentRun, ReportError> {
    AgentRun::read("a", folder(text).path())
}

/// The line and the reason of an error about a line.
fn at_line(telemetry: &Telemetry) -> (u64, String) {
    match read(&telemetry.text()) {
        Err(ReportError::Line { line, reason, .. }) => (line, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_folder_and_the_file_in_it_are_the_same_run() {
    let folder = folder(
        &Telemetry::new(1)
            .episode(MODIFY, "pass", vec![])
            .end()
            .text(),
    );
    let by_folder = AgentRun::read("a", folder.path()).unwrap();
    let by_file = AgentRun::read("a", &folder.path().join("telemetry.jsonl")).unwrap();
    assert_eq!(compare(&[by_folder]), compare(&[by_file]));
}

#[test]
fn a_run_without_its_end_is_marked() {
    let run = || Telemetry::new(1).episode(MODIFY, "pass", vec![]);
    assert!(compare(&[run().end().read("a")]).agents[0].complete);
    assert!(!compare(&[run().read("a")]).agents[0].complete);
}

#[test]
fn an_episode_that_never_ended_counts_nowhere() {
    let whole = || Telemetry::new(2).episode(MODIFY, "pass", vec![]);
    let broken_off = whole().broken_off(
        SEARCH,
        vec![
            call("student", 0, 5, Some("1")),
            verdict("answer", 1.0, &[]),
        ],
    );
    assert_eq!(
        compare(&[whole().read("a")]),
        compare(&[broken_off.read("a")])
    );
}

#[test]
fn an_altered_line_is_refused() {
    let text = Telemetry::new(1)
        .episode(MODIFY, "fail", vec![])
        .end()
        .text();
    let error = read(&text.replace("\"fail\"", "\"pass\""))
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 3 is not as it was written"), "{error}");
}

#[test]
fn a_line_that_is_cut_short_is_refused() {
    let text = Telemetry::new(1).episode(MODIFY, "fail", vec![]).text();
    let error = read(&text[..text.len() - 5]).unwrap_err().to_string();
    assert!(error.contains("cut short"), "{error}");
}

#[test]
fn a_file_that_is_missing_or_empty_is_refused() {
    let empty = folder("");
    assert!(matches!(
        AgentRun::read("a", empty.path()),
        Err(ReportError::Empty { .. })
    ));
    let missing = AgentRun::read("a", &empty.path().join("other")).unwrap_err();
    assert!(missing.to_string().contains("other"), "{missing}");
}

#[test]
fn telemetry_of_another_version_is_refused() {
    let run = Telemetry::new(1).start("schema_version", 1.into());
    assert!(matches!(
        read(&run.text()),
        Err(ReportError::Version { found: 1, .. })
    ));
}

#[test]
fn what_is_out_of_place_is_refused_with_its_line() {
    let unended = Telemetry::new(1).broken_off(MODIFY, vec![]);
    let (line, reason) = at_line(&unended.end());
    assert_eq!((line, reason.as_str()), (3, "run.end doesn't belong here"));
    let (line, reason) = at_line(&Telemetry::new(1).episode("other", "pass", vec![]));
    assert_eq!((line, reason.as_str()), (3, "other is no task of the run"));
    let twice = Telemetry::new(1)
        .episode(MODIFY, "pass", vec![])
        .episode(MODIFY, "pass", vec![]);
    let (line, reason) = at_line(&twice);
    assert_eq!(
        (line, reason.as_str()),
        (5, "a-modify has more episodes than trials")
    );
}

#[test]
fn values_that_telemetry_cannot_have_are_refused() {
    let with = |event| at_line(&Telemetry::new(1).episode(MODIFY, "pass", vec![event]));
    let (line, reason) = with(call("student", 0, 1, Some("-0.1")));
    assert_eq!(line, 3);
    assert!(
        reason.contains("model.call") && reason.contains("amount in USD"),
        "{reason}"
    );
    let (_, reason) = with(verdict("answer", 1.5, &[]));
    assert!(reason.contains("1.5 is not from 0 to 1"), "{reason}");
    let (line, reason) = at_line(&Telemetry::new(1).episode(MODIFY, "good", vec![]));
    assert_eq!(line, 3);
    assert!(reason.contains("good"), "{reason}");
}

#[test]
fn more_names_than_a_run_may_bring_are_refused() {
    let faults = |count: usize| {
        let faults = (0..count).map(|at| fault(&at.to_string())).collect();
        Telemetry::new(1).episode(MODIFY, "infra_error", faults)
    };
    assert!(read(&faults(NAMES_MAX).text()).is_ok());
    let (_, reason) = at_line(&faults(NAMES_MAX + 1));
    assert!(reason.contains("one name too many"), "{reason}");
}
