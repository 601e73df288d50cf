//! `proctor tools`: the tools as people and as model providers see them.

use insta::assert_snapshot;
use serde_json::Value;

use crate::proctor::Sandbox;

#[test]
fn every_tool_is_listed_with_what_it_does() {
    let ran = Sandbox::new().proctor(["tools"]);
    assert_snapshot!(ran.page(), @r#"
        ── stdout
         tool                                  what it does
         create_new_client         adds        Creates a client. No two clients may share an e-mail address.
         create_new_contact        adds        Creates a contact: a person who works for a client.
         create_new_opportunity    adds        Creates an opportunity for a client, in any stage.
         create_quote              adds        Creates a quote for an opportunity. Without a name it gets the opportunity's.
         create_contract           adds        Creates a contract with a client, Pending unless told otherwise. An opportunity it names must be the same client's.
         upload_document           adds        Attaches a file to an opportunity, contract, quote or client.
         add_note                  adds        Adds an internal note to an opportunity, client, contact, quote or contract.
         modify_opportunity        overwrites  Changes fields of an opportunity, all or none. A closed one keeps its stage, amount, probability and close_date.
         modify_client             overwrites  Changes fields of a client, all or none.
         modify_contact            overwrites  Changes fields of a contact, all or none.
         modify_quote              overwrites  Changes fields of a quote, all or none.
         delete_opportunity        overwrites  Deletes an opportunity with its quotes and with the documents and notes on any of them. Refused while a contract refers to it.
         delete_quote              overwrites  Deletes a quote with its documents and notes. To keep it on record, cancel it instead.
         cancel_quote              overwrites  Sets a quote's status to Canceled. Canceling an approved quote leaves a note on it.
         clone_opportunity         adds        Copies an opportunity under a new id, with " (Clone)" after its name. Its quotes are not copied.
         view_opportunity_details  reads       Shows an opportunity, its client, quotes and contracts, and the documents and notes on it.
         quote_details             reads       Shows a quote and the opportunity it is for.
         compare_quotes            reads       Shows quotes in the order given and which is lowest and highest.
         compare_quote_details     reads       Shows quotes in the order given and every field in which they differ.
         client_search             reads       Finds clients. Text matches anywhere within the field, in either case; other fields match exactly.
         contact_search            reads       Finds contacts. Text matches anywhere within the field, in either case; other fields match exactly.
         opportunity_search        reads       Finds opportunities. Text matches anywhere within the field, in either case; other fields match exactly.
         quote_search              reads       Finds quotes. Text matches anywhere within the field, in either case; other fields match exactly.
         contract_search           reads       Finds contracts. Text matches anywhere within the field, in either case; other fields match exactly.
         company_search            reads       Finds partners, vendors and competitors. Text matches anywhere within the field, in either case; other fields match exactly.
         summarize_opportunities   reads       Counts and totals the opportunities that match, by stage and owner.
         quote_prefixes            reads       Lists the different prefixes of all quotes.
        `proctor tools NAME` shows a tool's arguments; --format exports them all.
        ── exit code 0
        "#);
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
        let tools = value
            .as_array()
            .unwrap_or_else(|| value["tools"].as_array().unwrap());
        let each = tools.iter().map(|tool| {
            assert_eq!(tool.pointer(schema).unwrap()["type"], "object", "{tool:#}");
            tool.pointer(name).unwrap().as_str().unwrap().to_owned()
        });
        each.collect()
    };
    assert_eq!(
        list(&export("openai"), "/function/name", "/function/parameters"),
        names
    );
    assert_eq!(list(&export("anthropic"), "/name", "/input_schema"), names);
    assert_eq!(list(&export("mcp"), "/name", "/inputSchema"), names);
    let schema = export("json-schema");
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    for name in names {
        assert!(
            schema.to_string().contains(&format!("\"{name}\"")),
            "{name}"
        );
    }
}

#[test]
fn one_tool_is_shown_with_its_arguments() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.proctor(["tools", "modify_client"]).page(), @r#"
        ── stdout
        modify_client  Changes fields of a client, all or none.
         argument             what it is
         client_id  required  Id of the client.
         updates              New values by field; the fields can be given as arguments of their own instead.
         name                 Name of the client.
         industry             Industry the client works in.
         email                E-mail address; no two clients share one.
         phone                Telephone number.
         address              Postal address.
         status               Where the relation with the client stands.
         owner                User who owns the client, as in `stephanie.wong`.
        ── exit code 0
        "#);
    assert_snapshot!(sandbox.proctor(["tools", "opportunity_details"]).page(), @r#"
        ── stdout
        view_opportunity_details  Shows an opportunity, its client, quotes and contracts, and the documents and notes on it.
        also known as opportunity_details
         argument                  what it is
         opportunity_id  required  Id of the opportunity.
        ── exit code 0
        "#);
}

#[test]
fn an_unknown_tool_is_answered_with_the_nearest() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.proctor(["tools", "create_client"]).page(), @r#"
        ── stderr
        error: There is no tool "create_client"; the nearest is `create_new_client`.
        ── exit code 1
        "#);
    assert_snapshot!(sandbox.proctor(["tools", "--format", "yaml"]).page(), @r#"
        ── stderr
        error: invalid value 'yaml' for '--format <FORMAT>'
          [possible values: openai, anthropic, mcp, json-schema]

        For more information, try '--help'.
        ── exit code 2
        "#);
}
