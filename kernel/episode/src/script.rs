//! Scripts: oracles, and the calls that an operator gives to the policy `scripted`.

use std::collections::{BTreeMap, VecDeque};

use proctor_crm::{Entity, Id};
use proctor_host::{ScriptedCall, ScriptedTurn, ToolCall, WireAction};
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use crate::canonical;
use crate::error::{Source, SuiteError, json_reason};
use crate::suite::file::TurnEntry;

pub(crate) fn answer(words: &str) -> WireAction {
    WireAction::Answer(words.to_owned())
}

pub(crate) fn decline(words: &str) -> WireAction {
    WireAction::Decline(words.to_owned())
}

/// Looks up `@entity.key`; nothing for a text of another form.
pub(crate) type Resolve<'a> = dyn Fn(&str) -> Option<Result<(Entity, Id), String>> + 'a;

/// Names of the calls that a text refers to as `${call.path}`.
pub(crate) fn references(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| {
        let inside = &rest[..rest.find('}')?];
        Some(inside.split_once('.').map_or(inside, |(call, _)| call))
    })
}

/// Arguments as JSON text: `@entity.key` resolved, everything else as written.
pub(crate) fn arguments(table: &toml::Table, resolve: &Resolve<'_>) -> Result<String, String> {
    let json = table
        .iter()
        .map(|(name, value)| Ok((name.clone(), json(value, resolve)?)))
        .collect::<Result<Map<_, _>, String>>()?;
    Ok(canonical::to_string(&json))
}

/// Puts what references stand for in their place, taking it out of `stands_for`.
pub(crate) fn settle(
    arguments: &mut toml::Table,
    stands_for: &mut toml::Table,
) -> Result<(), String> {
    for (name, value) in arguments.iter_mut() {
        match value {
            toml::Value::Table(inner) => settle(inner, stands_for)?,
            value if references(&value.to_string()).next().is_some() => {
                *value = stands_for.remove(name).ok_or_else(|| {
                    format!("say in `expect.refusal.arguments` which record `{name}` is")
                })?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn json(value: &toml::Value, resolve: &Resolve<'_>) -> Result<Json, String> {
    Ok(match value {
        toml::Value::String(text) => match resolve(text) {
            Some(found) => Json::from(found?.1.to_string()),
            None => Json::from(text.as_str()),
        },
        toml::Value::Integer(number) => Json::from(*number),
        toml::Value::Float(number) => {
            if !number.is_finite() {
                return Err(format!("{number} is no JSON number"));
            }
            Json::from(*number)
        }
        toml::Value::Boolean(truth) => Json::from(*truth),
        toml::Value::Datetime(_) => return Err("write dates in quotes".into()),
        toml::Value::Array(entries) => entries
            .iter()
            .map(|entry| json(entry, resolve))
            .collect::<Result<_, _>>()?,
        toml::Value::Table(table) => Json::Object(
            table
                .iter()
                .map(|(name, value)| Ok((name.clone(), json(value, resolve)?)))
                .collect::<Result<_, String>>()?,
        ),
    })
}

/// Sees to it that calls refer only to earlier ones; names the cycle if they go round.
pub(crate) fn check_references(source: Source<'_>, turns: &[TurnEntry]) -> Result<(), SuiteError> {
    let calls: Vec<_> = turns.iter().flat_map(|turn| &turn.call).collect();
    let mut position = BTreeMap::new();
    for (at, call) in calls.iter().enumerate() {
        if let Some(id) = &call.id
            && position.insert(id.get_ref().as_str(), at).is_some()
        {
            let message = format!("two calls are named `{}`", id.get_ref());
            return Err(source.error(id.span().start, message));
        }
    }
    let uses: Vec<Vec<String>> = calls
        .iter()
        .map(|call| {
            let text = toml::Value::Table(call.arguments.clone()).to_string();
            references(&text).map(str::to_owned).collect()
        })
        .collect();
    for (at, call) in calls.iter().enumerate() {
        for used in &uses[at] {
            let wrong = |message: String| Err(source.error(call.tool.span().start, message));
            match position.get(used.as_str()) {
                None => return wrong(format!("`${{{used}…}}` refers to no call of this task")),
                Some(of) if *of < at => {}
                Some(of) => {
                    if let Some(cycle) = cycle(*of, at, &uses, &position, &calls_named(&calls)) {
                        return wrong(format!(
                            "these calls refer to one another in a cycle: {cycle}"
                        ));
                    }
                    return wrong(format!(
                        "`${{{used}…}}` refers to a call that only comes later"
                    ));
                }
            }
        }
    }
    let mut done = 0;
    for turn in turns {
        done += turn.call.len();
        let words = turn.answer.as_ref().map(|answer| answer.text.get_ref());
        for used in words
            .or(turn.decline.as_ref())
            .iter()
            .flat_map(|text| references(text))
        {
            if position.get(used).is_none_or(|at| *at >= done) {
                let message = format!("`${{{used}…}}` refers to no earlier call of this task");
                return Err(source.error(turn.user.span().start, message));
            }
        }
    }
    Ok(())
}

fn calls_named(calls: &[&crate::suite::file::CallEntry]) -> Vec<String> {
    calls
        .iter()
        .map(|call| {
            call.id
                .as_ref()
                .map_or_else(|| call.tool.get_ref().clone(), |id| id.get_ref().clone())
        })
        .collect()
}

/// The shortest way from one call back to itself, if there is one.
fn cycle(
    from: usize,
    to: usize,
    uses: &[Vec<String>],
    position: &BTreeMap<&str, usize>,
    names: &[String],
) -> Option<String> {
    // Breadth first and without recursion: a file may hold very many calls.
    let mut reached_from = BTreeMap::from([(from, to)]);
    let mut queue = VecDeque::from([from]);
    while let Some(at) = queue.pop_front() {
        if at == to {
            break;
        }
        for next in uses[at]
            .iter()
            .filter_map(|used| position.get(used.as_str()))
        {
            if !reached_from.contains_key(next) {
                reached_from.insert(*next, at);
                queue.push_back(*next);
            }
        }
    }
    let mut path = vec![to];
    let mut at = *reached_from.get(&to)?;
    while at != to {
        path.push(at);
        at = *reached_from.get(&at)?;
    }
    path.push(to);
    let shown = path.iter().rev().map(|at| format!("`{}`", names[*at]));
    Some(shown.collect::<Vec<_>>().join(" → "))
}

/// A script that is not one.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct ScriptError {
    line: usize,
    column: usize,
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFile {
    turns: Vec<ScriptFileTurn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFileTurn {
    #[serde(default)]
    calls: Vec<ScriptFileCall>,
    answer: Option<String>,
    decline: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFileCall {
    id: Option<String>,
    tool: String,
    #[serde(default)]
    arguments: Map<String, Json>,
}

/// Reads a script for the policy `scripted`: JSON, `{"turns": [{"calls": [{"id", "tool",
/// "arguments"}], "answer" | "decline"}]}`.
///
/// # Errors
/// When it is anything else.
pub fn parse_script(text: &str) -> Result<Vec<ScriptedTurn>, ScriptError> {
    let file: ScriptFile = serde_json::from_str(text).map_err(|error| ScriptError {
        line: error.line(),
        column: error.column(),
        message: json_reason(&error),
    })?;
    Ok(file
        .turns
        .into_iter()
        .map(|turn| ScriptedTurn {
            calls: turn
                .calls
                .into_iter()
                .map(|call| ScriptedCall {
                    id: call.id,
                    call: ToolCall {
                        tool: call.tool,
                        arguments: canonical::to_string(&call.arguments),
                    },
                })
                .collect(),
            closing: match (turn.answer, turn.decline) {
                (answer, None) => WireAction::Answer(answer.unwrap_or_default()),
                (_, Some(words)) => WireAction::Decline(words),
            },
        })
        .collect())
}
