//! `proctor tools`: the tools as people and as model providers see them.

use insta::assert_snapshot;
use serde_json::Value;

use crate::proctor::Sandbox;

#[test]
fn every_tool_is_listed_with_what_it_does() {
    let ran = Sandbox::new().proctor(["tools"]);
    assert_snapshot!(ran.page(), @"");
}

#[test]
fn each_format_has_all_tools_and_their_schemas() {
    let sandbox = Sandbox::new();
    let listed = sandbox.proctor(["tools"]).succeeded().stdout;
    let names: Vec<&str> = listed
        .lines()
        .skip(1)
        .filter(|line| !line.starts_with('`'))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert_eq!(names.len(), 27, "{names:?}");
    let export = |format: &str| sandbox.proctor(["tools", "--format", format]).json();
    let list = |value: &Value, name: &str, schema: &str| -> Vec<String> {
        let tools = value.as_array().unwrap_or_else(|| value["tools"].as_array().unwrap());
        let each = tools.iter().map(|tool| {
            assert_eq!(tool.pointer(schema).unwrap()["type"], "object", "{tool:#}");
            tool.pointer(name).unwrap().as_str().unwrap().to_owned()
        });
        each.collect()
    };
    assert_eq!(list(&export("openai"), "/function/name", "/function/parameters"), names);
    assert_eq!(list(&export("anthropic"), "/name", "/input_schema"), names);
    assert_eq!(list(&export("mcp"), "/name", "/inputSchema"), names);
    let schema = export("json-schema");
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for name in names {
        assert!(schema.to_string().contains(&format!("\"{name}\"")), "{name}");
    }
}

#[test]
fn one_tool_is_shown_with_its_arguments() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.proctor(["tools", "modify_client"]).page(), @"");
    assert_snapshot!(sandbox.proctor(["tools", "opportunity_details"]).page(), @"");
}

#[test]
fn an_unknown_tool_is_answered_with_the_nearest() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.proctor(["tools", "create_client"]).page(), @"");
    assert_snapshot!(sandbox.proctor(["tools", "--format", "yaml"]).page(), @"");
}
