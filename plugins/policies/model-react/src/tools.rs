//! The toolbox in few words: a line for each tool, and a schema that small grammars are made of.

use proctor_sdk::Failure;
use proctor_sdk::json;
use proctor_sdk::policy::toolbox;
use serde_json::{Map, Value as Json};

/// Longest text that a schema allows, in characters: a model that rambles is stopped there.
pub(crate) const TEXT_CHARS_MAX: u32 = 600;
/// Keywords of a property that are kept. Others, such as patterns and large bounds, make grammars
/// that servers refuse or take long to build; the CRM checks them anyway.
const KEPT: [&str; 4] = ["type", "enum", "items", "format"];
/// Formats that grammars know.
const FORMATS: [&str; 3] = ["uuid", "date", "date-time"];

/// A tool as the model is told of it.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) name: String,
    /// `name(argument, optional?)`.
    pub(crate) line: String,
    /// The same with the legal values of enumerated arguments.
    pub(crate) detailed: String,
    /// JSON Schema of the arguments, as text.
    pub(crate) schema: String,
}

/// The tools of a toolbox.
///
/// # Errors
/// When a tool's schema isn't one.
pub(crate) fn read(toolbox: &[toolbox::Tool]) -> Result<Vec<Tool>, Failure> {
    toolbox.iter().map(one).collect()
}

fn one(tool: &toolbox::Tool) -> Result<Tool, Failure> {
    let schema = json::object(&tool.input_schema)
        .map_err(|wrong| Failure::new(format!("the schema of {} is {wrong}", tool.name)))?;
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Json::as_array)
        .map(|names| names.iter().filter_map(Json::as_str).collect())
        .unwrap_or_default();
    // What is needed comes first: models write in the order of the schema.
    let (needed, other): (Vec<_>, Vec<_>) = arguments(&schema)
        .into_iter()
        .partition(|(name, _)| required.contains(&name.as_str()));
    let signature = |show: &dyn Fn(&Json) -> String| {
        let needed = needed
            .iter()
            .map(|(name, kind)| format!("{name}{}", show(kind)));
        let other = other
            .iter()
            .map(|(name, kind)| format!("{name}?{}", show(kind)));
        let all: Vec<String> = needed.chain(other).collect();
        format!("{}({})", tool.name, all.join(", "))
    };
    let properties: Vec<String> = needed
        .iter()
        .chain(&other)
        .map(|(name, kind)| format!("{}:{kind}", json::text(name)))
        .collect();
    Ok(Tool {
        name: tool.name.clone(),
        line: signature(&|_| String::new()),
        detailed: signature(&legal),
        schema: format!(
            r#"{{"type":"object","properties":{{{}}},"required":{},"additionalProperties":false}}"#,
            properties.join(","),
            Json::from(required.as_slice())
        ),
    })
}

/// The arguments with what is kept of each. Objects are left out: in the CRM's tools they are
/// another way to give arguments that can be given by themselves.
fn arguments(schema: &Map<String, Json>) -> Map<String, Json> {
    let Some(properties) = schema.get("properties").and_then(Json::as_object) else {
        return Map::new();
    };
    properties
        .iter()
        .filter(|(_, kind)| kind.get("type") != Some(&Json::from("object")))
        .map(|(name, kind)| (name.clone(), slimmed(kind)))
        .collect()
}

fn slimmed(kind: &Json) -> Json {
    let Some(keywords) = kind.as_object() else {
        return kind.clone();
    };
    let mut slim = Map::new();
    for (keyword, value) in keywords {
        if !KEPT.contains(&keyword.as_str()) {
            continue;
        }
        let value = match keyword.as_str() {
            "items" => slimmed(value),
            "format" if !value.as_str().is_some_and(|one| FORMATS.contains(&one)) => continue,
            _ => value.clone(),
        };
        slim.insert(keyword.clone(), value);
    }
    let is_free_text = slim.get("type").is_some_and(may_be_text)
        && !slim.contains_key("enum")
        && !slim.contains_key("format");
    if is_free_text {
        slim.insert("maxLength".to_owned(), Json::from(TEXT_CHARS_MAX));
    }
    Json::Object(slim)
}

/// Whether a type, or a list of types, has texts.
fn may_be_text(kind: &Json) -> bool {
    let text = Json::from("string");
    *kind == text || kind.as_array().is_some_and(|kinds| kinds.contains(&text))
}

/// `: A|B|C` for an enumerated argument.
fn legal(kind: &Json) -> String {
    let Some(values) = kind.get("enum").and_then(Json::as_array) else {
        return String::new();
    };
    let values: Vec<&str> = values.iter().filter_map(Json::as_str).collect();
    format!(": {}", values.join("|"))
}
