//! Marks negative tasks: the right refusal was met, or the agent declined and said why; and
//! nothing was touched.

use proctor_sdk::verifier::{Episode, ExpectedRefusal, Gold, Report, Verifier};
use proctor_sdk::{About, Action, Failure, ToolCall, Verdict, folded};
use serde_json::{Map, Value as Json};

/// Marks what became of a request that must not be carried out.
pub struct Refusal;

impl Verifier for Refusal {
    const ABOUT: About = About {
        name: "refusal",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Marks negative tasks: the right refusal was met or the agent declined, state untouched.",
        simulated: false,
    };

    fn verify(episode: &dyn Episode, gold: &dyn Gold) -> Result<Verdict, Failure> {
        let Some(expected) = gold.refusal() else {
            return Err(Failure {
                message: "the task expects no refusal".into(),
            });
        };
        let mut report = Report::default();
        if gold.changes().is_empty() {
            let untouched = episode.diff().is_empty();
            let detail = if untouched {
                "nothing changed"
            } else {
                "something changed"
            };
            report.check("state untouched", untouched, detail);
        }
        let (pass, detail) = match met(episode, &expected).or_else(|| declined(episode, &expected))
        {
            Some(detail) => (true, detail),
            None => (false, why_not(episode, &expected)),
        };
        report.check("refused or declined", pass, detail);
        Ok(report.verdict())
    }
}

proctor_sdk::export_verifier!(Refusal);

/// The step in which the expected call met the expected refusal.
fn met(episode: &dyn Episode, expected: &ExpectedRefusal) -> Option<String> {
    let code = expected.code.as_ref()?;
    let wanted = normal(expected.call.as_ref()?)?;
    (0..episode.step_count()).find_map(|step| {
        let refusal = episode.refusal(step)?;
        let right_field = expected
            .field
            .as_ref()
            .is_none_or(|field| *field == refusal.field);
        if refusal.code != *code || !right_field {
            return None;
        }
        let Some(Action::Call(call)) = episode.action(step) else {
            return None;
        };
        (normal(&call)? == wanted)
            .then(|| format!("step {step}: {} was refused with {code}", call.tool))
    })
}

/// A call whatever its shape: the fields of `updates` and `criteria` beside the others, numbers
/// as numbers.
fn normal(call: &ToolCall) -> Option<(String, Map<String, Json>)> {
    let arguments: Map<String, Json> = serde_json::from_str(&call.arguments).ok()?;
    let mut flat = Map::new();
    for (name, value) in arguments {
        match value {
            Json::Object(inner) if name == "updates" || name == "criteria" => {
                flat.extend(inner.into_iter().map(|(name, value)| (name, number(value))));
            }
            value => {
                flat.insert(name, number(value));
            }
        }
    }
    Some((call.tool.clone(), flat))
}

/// 85000 and 85000.0 are the same number.
fn number(value: Json) -> Json {
    match value.as_f64() {
        Some(float) => Json::from(float),
        None => value,
    }
}

/// Whether the agent's last words decline, and say what an honest reason must.
fn declined(episode: &dyn Episode, expected: &ExpectedRefusal) -> Option<String> {
    let words = last_decline(episode)?;
    let words = folded(&words);
    let said = !expected.decline.is_empty()
        && expected
            .decline
            .iter()
            .all(|group| group.iter().any(|part| words.contains(&folded(part))));
    said.then(|| "the agent declined and said why".to_owned())
}

fn last_decline(episode: &dyn Episode) -> Option<String> {
    (0..episode.step_count())
        .rev()
        .find_map(|step| match episode.action(step) {
            Some(Action::Decline(words)) => Some(words),
            _ => None,
        })
}

fn why_not(episode: &dyn Episode, expected: &ExpectedRefusal) -> String {
    let met: Vec<String> = (0..episode.step_count())
        .filter_map(|step| episode.refusal(step))
        .map(|refusal| format!("{} on {:?}", refusal.code, refusal.field))
        .collect();
    let wanted = match &expected.code {
        Some(code) => format!("expected the asked-for call to be refused with {code}"),
        None => "expected the agent to decline".to_owned(),
    };
    let met = if met.is_empty() {
        "no call was refused".into()
    } else {
        format!("met {}", met.join(", "))
    };
    let words = match last_decline(episode) {
        Some(_) => "it declined without the reason",
        None => "it didn't decline",
    };
    format!("{wanted}; {met}; {words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proctor_sdk::verifier::Fixture;
    use proctor_sdk::{Change, Entity, Observation, Row};

    fn call(tool: &str, arguments: &str) -> ToolCall {
        ToolCall {
            tool: tool.into(),
            arguments: arguments.into(),
        }
    }

    fn refused(code: &str, field: &str) -> Option<Observation> {
        Some(Observation::Refused(proctor_sdk::Refusal {
            code: code.into(),
            field: field.into(),
            message: String::new(),
        }))
    }

    fn fixture(steps: Vec<(Action, Option<Observation>)>) -> Fixture {
        Fixture {
            steps: steps
                .into_iter()
                .map(|(action, seen)| (0, action, seen))
                .collect(),
            refusal: Some(ExpectedRefusal {
                code: Some("probability_out_of_range".into()),
                field: Some("probability".into()),
                call: Some(call(
                    "modify_opportunity",
                    r#"{"opportunity_id":"o","updates":{"probability":125}}"#,
                )),
                decline: vec![
                    vec!["probability".into()],
                    vec!["99".into(), "range".into()],
                ],
            }),
            ..Fixture::default()
        }
    }

    fn passes(fixture: &Fixture) -> bool {
        Refusal::verify(fixture, fixture).unwrap().pass
    }

    #[test]
    fn the_asked_for_call_must_meet_the_right_refusal() {
        let asked = r#"{"opportunity_id":"o","probability":125.0}"#;
        let met = |arguments: &str, code: &str| {
            passes(&fixture(vec![(
                Action::Call(call("modify_opportunity", arguments)),
                refused(code, "probability"),
            )]))
        };
        assert!(
            met(asked, "probability_out_of_range"),
            "another shape of the same call"
        );
        assert!(!met(asked, "not_found"));
        assert!(!met(
            r#"{"opportunity_id":"o","probability":126}"#,
            "probability_out_of_range"
        ));
        assert!(!met(
            r#"{"opportunity_id":"x","probability":125}"#,
            "probability_out_of_range"
        ));
    }

    #[test]
    fn declining_needs_the_reason() {
        let says = |words: &str| passes(&fixture(vec![(Action::Decline(words.into()), None)]));
        assert!(says("The Probability must be from 1 to 99."));
        assert!(!says("No."));
        assert!(!passes(&fixture(vec![(
            Action::Answer("probability 99".into()),
            None
        )])));
        assert!(!passes(&fixture(vec![(
            Action::Answer(String::new()),
            None
        )])));
    }

    #[test]
    fn a_repair_on_the_quiet_fails() {
        let mut fixture = fixture(vec![(Action::Decline("probability range".into()), None)]);
        assert!(passes(&fixture));
        let row = Row {
            entity: Entity::Opportunity,
            id: "o".into(),
            cells: vec![],
        };
        fixture.diff = vec![Change::Insert(row)];
        assert!(!passes(&fixture));
    }
}
