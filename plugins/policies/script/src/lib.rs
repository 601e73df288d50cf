//! Plays a script: calls, then closing words, turn by turn. `${call.path}` in an argument or in
//! closing words is the result of an earlier call: `rows.N.column` or `facts.name`.

use std::collections::BTreeMap;

use proctor_sdk::{Action, Failure, Observation, ScriptedTurn, ToolCall, ToolResult, Value};

/// Where a script stands.
pub struct Player {
    turns: Vec<ScriptedTurn>,
    /// Turn being played, and the next call in it.
    at: Option<(usize, usize)>,
    results: BTreeMap<String, ToolResult>,
}

impl Player {
    /// A script from its start.
    pub fn new(turns: Vec<ScriptedTurn>) -> Self {
        Self {
            turns,
            at: None,
            results: BTreeMap::new(),
        }
    }

    /// The script's next action.
    ///
    /// # Errors
    /// When the user says more turns than the script has.
    pub fn next(&mut self, observation: Observation) -> Result<Action, Failure> {
        let (turn, call) = match (observation, self.at) {
            (Observation::Message(_), at) => (at.map_or(0, |(turn, _)| turn + 1), 0),
            (Observation::Accepted(result), Some((turn, call))) => {
                self.keep(turn, call - 1, result);
                (turn, call)
            }
            (Observation::Refused(_), Some(at)) => at,
            (_, None) => return Err(failure("the first observation is not the user's")),
        };
        let Some(scripted) = self.turns.get(turn) else {
            return Err(failure("the script has fewer turns than the task"));
        };
        self.at = Some((turn, call + 1));
        Ok(match scripted.calls.get(call) {
            Some(next) => Action::Call(ToolCall {
                tool: next.call.tool.clone(),
                arguments: self.fill_json(&next.call.arguments),
            }),
            None => match &scripted.closing {
                Action::Answer(text) => Action::Answer(self.fill_text(text)),
                Action::Decline(text) => Action::Decline(self.fill_text(text)),
                Action::Call(_) => return Err(failure("a turn closes with words, not a call")),
            },
        })
    }

    fn keep(&mut self, turn: usize, call: usize, result: ToolResult) {
        let id = self
            .turns
            .get(turn)
            .and_then(|turn| turn.calls.get(call)?.id.clone());
        if let Some(id) = id {
            self.results.insert(id, result);
        }
    }

    /// What `call.path` stands for, if an earlier call has it.
    fn look_up(&self, path: &str) -> Option<Value> {
        let (call, path) = path.split_once('.')?;
        let result = self.results.get(call)?;
        if let Some(fact) = path.strip_prefix("facts.") {
            return Some(result.fact(fact).clone()).filter(|value| *value != Value::Absent);
        }
        let (index, column) = path.strip_prefix("rows.")?.split_once('.')?;
        let row = result.rows.get(index.parse::<usize>().ok()?)?;
        let key = format!("{}_id", row.entity.name().to_lowercase());
        if column == key {
            return Some(Value::Id(row.id.clone()));
        }
        Some(row.get(column).clone()).filter(|value| *value != Value::Absent)
    }

    /// Replaces placeholders in words by the text of what they stand for. One that stands for
    /// nothing stays: it then shows where the script and the results part.
    fn fill_text(&self, text: &str) -> String {
        replace(text, "${", "}", |path| {
            Some(self.look_up(path)?.to_string())
        })
    }

    /// Replaces string values that are a placeholder by the JSON of what they stand for.
    fn fill_json(&self, json: &str) -> String {
        replace(json, "\"${", "}\"", |path| {
            Some(to_json(&self.look_up(path)?))
        })
    }
}

fn failure(message: &str) -> Failure {
    Failure {
        message: message.to_owned(),
    }
}

fn replace(text: &str, open: &str, close: &str, fill: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(open) {
        let inside = &rest[start + open.len()..];
        let Some(end) = inside.find(close) else { break };
        filled.push_str(&rest[..start]);
        match fill(&inside[..end]) {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&rest[start..start + open.len() + end + close.len()]),
        }
        rest = &inside[end + close.len()..];
    }
    filled.push_str(rest);
    filled
}

fn to_json(value: &Value) -> String {
    match value {
        Value::Absent => "null".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Money(_) => value.to_string(),
        Value::Text(text) | Value::Date(text) | Value::Timestamp(text) | Value::Id(text) => {
            quoted(text)
        }
        Value::Texts(texts) => {
            let texts: Vec<String> = texts.iter().map(|text| quoted(text)).collect();
            format!("[{}]", texts.join(","))
        }
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            control if control < ' ' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(control)));
            }
            plain => quoted.push(plain),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;
    use proctor_sdk::{Cell, Entity, Row, ScriptedCall};

    fn found() -> ToolResult {
        let cells = vec![Cell {
            name: "name".into(),
            value: Value::Text("A \"B\"".into()),
        }];
        let rows = vec![Row {
            entity: Entity::Client,
            id: "id-1".into(),
            cells,
        }];
        let facts = vec![Cell {
            name: "stage.Proposal.amount".into(),
            value: Value::Money(1050),
        }];
        ToolResult { rows, facts }
    }

    #[test]
    fn results_of_earlier_calls_fill_arguments_and_words() {
        let call = |id: Option<&str>, arguments: &str| ScriptedCall {
            id: id.map(Into::into),
            call: ToolCall {
                tool: "t".into(),
                arguments: arguments.into(),
            },
        };
        let mut player = Player::new(vec![ScriptedTurn {
            calls: vec![
                call(Some("find"), "{}"),
                call(
                    None,
                    r#"{"a":"${find.rows.0.client_id}","b":"${find.rows.0.name}","c":"${find.facts.stage.Proposal.amount}","d":"${find.rows.1.name}"}"#,
                ),
            ],
            closing: Action::Answer(
                "${find.rows.0.name}: ${find.facts.stage.Proposal.amount}, ${none.rows.0.x}".into(),
            ),
        }]);
        player.next(Observation::Message("go".into())).unwrap();
        let Ok(Action::Call(second)) = player.next(Observation::Accepted(found())) else {
            panic!("a call comes next")
        };
        assert_eq!(
            second.arguments,
            r#"{"a":"id-1","b":"A \"B\"","c":10.50,"d":"${find.rows.1.name}"}"#
        );
        let closing = player.next(Observation::Accepted(found())).unwrap();
        assert_eq!(
            closing,
            Action::Answer("A \"B\": 10.50, ${none.rows.0.x}".into())
        );
        assert!(player.next(Observation::Message("more".into())).is_err());
    }
}
