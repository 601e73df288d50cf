//! Tool lists and schemas, as other software reads them.

use std::collections::BTreeSet;

use proctor_crm::{ArgumentKind, ExportFormat, Tool, export};
use serde_json::{Value as Json, json};

#[test]
fn names_are_unique() {
    let names: Vec<_> = Tool::all()
        .iter()
        .flat_map(|tool| std::iter::once(tool.name).chain(tool.aliases.iter().copied()))
        .collect();
    assert_eq!(Tool::all().len(), 27);
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    for name in names {
        let tool = Tool::named(name).unwrap();
        assert!(tool.name == name || tool.aliases.contains(&name));
    }
}

#[test]
fn schemas_have_every_argument_and_no_other() {
    for tool in Tool::all() {
        let schema = tool.input_schema();
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        assert_eq!(schema["additionalProperties"], json!(false));
        let arguments = tool.arguments();
        let properties = schema["properties"].as_object().unwrap();
        assert_eq!(properties.len(), arguments.len(), "{}", tool.name);
        for argument in arguments {
            let property = &properties[argument.name];
            assert!(
                property["type"].is_string() || property["type"].is_array(),
                "{property}"
            );
            assert_eq!(property["description"], argument.doc);
            let required = schema["required"].as_array().unwrap();
            assert_eq!(required.contains(&json!(argument.name)), argument.required);
            if matches!(
                argument.kind,
                ArgumentKind::Updates(_) | ArgumentKind::Criteria(_)
            ) {
                assert_eq!(property["additionalProperties"], json!(false));
            }
        }
    }
}

#[test]
fn schemas_say_what_the_rules_are() {
    let create = Tool::named("create_new_opportunity")
        .unwrap()
        .input_schema();
    assert_eq!(
        create["required"],
        json!(["name", "client_id", "stage", "amount"])
    );
    let amount = &create["properties"]["amount"];
    assert_eq!(
        (&amount["exclusiveMinimum"], &amount["maximum"]),
        (&json!(0), &json!(10_000_000))
    );
    assert_eq!(
        create["properties"]["stage"]["enum"]
            .as_array()
            .unwrap()
            .len(),
        6
    );
    let modify = Tool::named("modify_opportunity").unwrap().input_schema();
    let updates = &modify["properties"]["updates"]["properties"];
    assert_eq!(updates["probability"]["type"], json!(["integer", "null"]));
    assert_eq!(updates["stage"]["type"], "string");
    assert!(updates.get("opportunity_id").is_none());
    let quote = Tool::named("create_quote").unwrap().input_schema();
    assert_eq!(
        quote["required"],
        json!(["opportunity_id", "amount", "status"])
    );
}

#[test]
fn each_provider_gets_its_own_form() {
    let first = |format| export(format)[0].clone();
    let keys = |json: &Json| {
        json.as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<BTreeSet<_>>()
    };
    let set = |names: &[&str]| {
        names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>()
    };
    let open_ai = first(ExportFormat::OpenAi);
    assert_eq!(keys(&open_ai), set(&["type", "function"]));
    assert_eq!(
        keys(&open_ai["function"]),
        set(&["name", "description", "parameters"])
    );
    assert_eq!(
        keys(&first(ExportFormat::Anthropic)),
        set(&["name", "description", "input_schema"])
    );
    let mcp = first(ExportFormat::Mcp);
    assert_eq!(
        keys(&mcp),
        set(&["name", "title", "description", "inputSchema", "annotations"])
    );
    assert_eq!(
        mcp["annotations"],
        json!({"readOnlyHint": false, "destructiveHint": false, "idempotentHint": false, "openWorldHint": false})
    );
    assert_eq!(
        export(ExportFormat::JsonSchema)["$defs"]
            .as_object()
            .unwrap()
            .len(),
        27
    );
}
