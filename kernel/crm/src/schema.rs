//! Tools as their callers' software wants to read them: JSON Schema and providers' tool lists.

use serde_json::{Map, Value, json};

use crate::tool::{COMPARED, is_updatable};
use crate::{Argument, ArgumentKind, Column, Entity, Kind, Money, Tool};

/// The dialect that every schema here is written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Whose form a tool list is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One JSON Schema document with a definition for each tool's arguments.
    JsonSchema,
    /// The `tools` of OpenAI's chat completions.
    OpenAi,
    /// The `tools` of Anthropic's messages.
    Anthropic,
    /// The `tools` of the Model Context Protocol's `tools/list`.
    Mcp,
}

/// All tools in a provider's form.
#[must_use]
pub fn export(format: ExportFormat) -> Value {
    match format {
        ExportFormat::JsonSchema => {
            let named = |tool: &Tool| (tool.name.to_owned(), parameters(tool));
            let definitions: Map<_, _> = Tool::all().iter().map(named).collect();
            json!({ "$schema": DIALECT, "title": "Arguments of the CRM's tools", "$defs": definitions })
        }
        ExportFormat::OpenAi => list(|tool| {
            json!({
                "type": "function",
                "function": {
                    "name": tool.name,
                    "description": tool.description,
                    "parameters": parameters(tool),
                },
            })
        }),
        ExportFormat::Anthropic => list(|tool| {
            json!({
                "name": tool.name,
                "description": tool.description,
                "input_schema": parameters(tool),
            })
        }),
        ExportFormat::Mcp => list(|tool| {
            let hints = &tool.annotations;
            json!({
                "name": tool.name,
                "title": tool.title,
                "description": tool.description,
                "inputSchema": parameters(tool),
                "annotations": {
                    "readOnlyHint": hints.read_only,
                    "destructiveHint": hints.destructive,
                    "idempotentHint": hints.idempotent,
                    "openWorldHint": false,
                },
            })
        }),
    }
}

impl Tool {
    /// JSON Schema (draft 2020-12) of the tool's arguments.
    #[must_use]
    pub fn input_schema(&self) -> Value {
        let mut schema = parameters(self);
        schema["$schema"] = json!(DIALECT);
        schema
    }
}

fn list(one: impl Fn(&Tool) -> Value) -> Value {
    Tool::all().iter().map(one).collect()
}

fn parameters(tool: &Tool) -> Value {
    let arguments = tool.arguments();
    let required: Vec<_> = arguments
        .iter()
        .filter(|one| one.required)
        .map(|one| one.name)
        .collect();
    let properties = arguments
        .iter()
        .map(|one| (one.name.to_owned(), argument(one)))
        .collect();
    let mut schema = object(properties);
    schema["required"] = json!(required);
    schema
}

fn object(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn argument(argument: &Argument) -> Value {
    let mut schema = match argument.kind {
        ArgumentKind::Column(column) => value(column.kind),
        ArgumentKind::Update(column) => update(column),
        ArgumentKind::Filter(column) => filter(column.kind),
        ArgumentKind::Ids(_) => json!({
            "type": "array",
            "items": { "type": "string", "format": "uuid" },
            "minItems": COMPARED.start(),
            "maxItems": COMPARED.end(),
            "uniqueItems": true,
        }),
        ArgumentKind::Updates(entity) => {
            let mut schema = object(members(entity, is_updatable, update));
            schema["minProperties"] = json!(1);
            schema
        }
        ArgumentKind::Criteria(entity) => {
            object(members(entity, |_| true, |column| filter(column.kind)))
        }
        ArgumentKind::Whole {
            least,
            most,
            default,
        } => json!({
            "type": "integer", "minimum": least, "maximum": most, "default": default,
        }),
    };
    schema["description"] = json!(argument.doc);
    schema
}

fn members(
    entity: Entity,
    included: impl Fn(&Column) -> bool,
    schema: impl Fn(&Column) -> Value,
) -> Map<String, Value> {
    let described = |column: &Column| {
        let mut schema = schema(column);
        schema["description"] = json!(column.doc);
        (column.name.to_owned(), schema)
    };
    entity
        .columns()
        .iter()
        .filter(|column| included(column))
        .map(described)
        .collect()
}

/// A value to record in a column of this kind.
fn value(kind: Kind) -> Value {
    match kind {
        Kind::Id | Kind::Reference(_) | Kind::Subject => {
            json!({ "type": "string", "format": "uuid" })
        }
        Kind::Line => text(Kind::LINE_CHARS_MAX),
        Kind::Prose => text(Kind::PROSE_CHARS_MAX),
        Kind::Email => formatted(Kind::EMAIL_CHARS_MAX, "email"),
        Kind::Url => formatted(Kind::URL_CHARS_MAX, "uri"),
        Kind::FileName => {
            let mut schema = text(Kind::LINE_CHARS_MAX);
            schema["pattern"] = json!("^[A-Za-z0-9_-][A-Za-z0-9._-]*\\.[A-Za-z]+$");
            schema
        }
        Kind::Choice(legal) => json!({ "type": "string", "enum": legal }),
        Kind::Money => json!({
            "type": "number",
            "exclusiveMinimum": 0,
            "maximum": Kind::MONEY_UNITS_MAX,
            "multipleOf": 0.01,
        }),
        Kind::Percent => json!({ "type": "integer", "minimum": 1, "maximum": 99 }),
        Kind::Date => json!({ "type": "string", "format": "date" }),
        Kind::Timestamp => json!({ "type": "string", "format": "date-time" }),
        Kind::Texts => json!({
            "type": "array",
            "items": text(Kind::LINE_CHARS_MAX),
            "maxItems": Kind::TEXTS_MAX,
        }),
    }
}

/// A value to replace a column's with; null clears a column that may be empty.
fn update(column: &Column) -> Value {
    let mut schema = value(column.kind);
    if !column.required {
        schema["type"] = json!([schema["type"], "null"]);
        if let Some(legal) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            legal.push(Value::Null);
        }
    }
    schema
}

/// A value to find a column by: a part is enough of a text, and limits that only hold for new
/// values do not hold.
fn filter(kind: Kind) -> Value {
    match kind {
        Kind::Line | Kind::Email | Kind::FileName | Kind::Texts => text(Kind::LINE_CHARS_MAX),
        Kind::Prose => text(Kind::PROSE_CHARS_MAX),
        Kind::Url => text(Kind::URL_CHARS_MAX),
        Kind::Money => json!({
            "type": "number",
            "minimum": 0,
            "maximum": Money::CENTS_MAX / 100,
            "multipleOf": 0.01,
        }),
        _ => value(kind),
    }
}

fn text(chars_max: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": chars_max })
}

fn formatted(chars_max: usize, format: &str) -> Value {
    let mut schema = text(chars_max);
    schema["format"] = json!(format);
    schema
}
