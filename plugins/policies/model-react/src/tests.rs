//! The agent with a scripted model.

use proctor_sdk::model::{ChatReply, ChatRequest, Finish, Message, Role, Scripted, says};
use proctor_sdk::policy::{Parameter, Setting, toolbox};
use proctor_sdk::{Action, Entity, Failure, Observation, Refusal, Row, ToolCall, ToolResult, json};

use crate::agent::Agent;

fn toolbox() -> Vec<toolbox::Tool> {
    let tool = |name: &str, schema: &str| toolbox::Tool {
        name: name.into(),
        description: "Long words about it.".into(),
        input_schema: schema.into(),
        read_only: false,
        destructive: false,
        idempotent: false,
    };
    vec![
        tool(
            "client_search",
            r#"{"type":"object","properties":{"criteria":{"type":"object","properties":{"name":{"type":"string"}}},"name":{"type":"string","description":"Name.","minLength":1,"maxLength":10000,"pattern":"^x"},"status":{"type":"string","enum":["Active","Prospect"]}},"additionalProperties":false}"#,
        ),
        tool(
            "delete_quote",
            r#"{"type":"object","properties":{"force":{"type":["string","null"],"minLength":1,"format":"email"},"quote_id":{"type":"string","format":"uuid"}},"required":["quote_id"]}"#,
        ),
    ]
}

fn opened(
    parameters: &[(&str, &str)],
    learnt: &str,
    model: Scripted,
) -> Result<Agent<Scripted>, Failure> {
    let setting = Setting {
        seed: 1,
        now: "2026-01-15T09:00:00Z".into(),
        parameters: parameters
            .iter()
            .map(|(name, value)| Parameter {
                name: (*name).into(),
                value: (*value).into(),
            })
            .collect(),
        script: vec![],
    };
    let prompt = |name: &str| {
        ["one", "two"]
            .contains(&name)
            .then(|| format!("Protocol {name}. {{{{now}}}}\n{{{{tools}}}}\n{{{{memory}}}}"))
    };
    Agent::open(&setting, &prompt, &toolbox(), learnt, model)
}

fn one(replies: &[&str]) -> Agent<Scripted> {
    let replies = replies.iter().map(|text| says(text));
    opened(&[], "", Scripted::new(replies)).unwrap()
}

fn two(replies: &[&str]) -> Agent<Scripted> {
    let replies = replies.iter().map(|text| says(text));
    opened(&[("protocol", "two")], "", Scripted::new(replies)).unwrap()
}

fn user(words: &str) -> Observation {
    Observation::Message(words.into())
}

fn call(tool: &str, arguments: &str) -> Result<Action, Failure> {
    Ok(Action::Call(ToolCall {
        tool: tool.into(),
        arguments: arguments.into(),
    }))
}

fn answer(words: &str) -> Result<Action, Failure> {
    Ok(Action::Answer(words.into()))
}

fn decline(words: &str) -> Result<Action, Failure> {
    Ok(Action::Decline(words.into()))
}

fn found(count: usize) -> Observation {
    let row = |n| Row {
        entity: Entity::Client,
        id: format!("c{n}"),
        cells: vec![],
    };
    Observation::Accepted(ToolResult {
        rows: (0..count).map(row).collect(),
        facts: vec![],
    })
}

fn said(request: &ChatRequest) -> Vec<(Role, &str)> {
    request.messages[1..]
        .iter()
        .map(|message| (message.role, message.text.as_str()))
        .collect()
}

fn schema(request: &ChatRequest) -> String {
    let schema = request.output_schema.clone().unwrap();
    json::object(&schema).unwrap();
    schema
}

const SEARCH: &str = r#"{"thought":"first look","action":"call","tool":"client_search","arguments":{"name":"Acme"}}"#;

#[test]
fn in_one_a_reply_is_a_step_and_the_prompt_lists_tools_with_legal_values() {
    let mut agent = one(&[SEARCH, r#"{"action":"answer","text":"One client."}"#]);
    assert_eq!(
        agent.next(user("Look")),
        call("client_search", r#"{"name":"Acme"}"#)
    );
    assert_eq!(agent.next(found(1)), answer("One client."));
    let request = &agent.model.asked[1];
    assert_eq!(
        request.messages[0].text,
        "Protocol one. 2026-01-15T09:00:00Z\n\
         client_search(name?, status?: Active|Prospect)\n\
         delete_quote(quote_id, force?)"
    );
    assert_eq!(
        said(request),
        [
            (Role::User, "Look"),
            (
                Role::Assistant,
                r#"{"action":"call","tool":"client_search","arguments":{"name":"Acme"}}"#
            ),
            (
                Role::User,
                r#"Result: {"rows":[{"entity":"Client","client_id":"c0"}]}"#
            ),
        ]
    );
    assert!(!request.with_tools && request.own_tools.is_empty());
}

#[test]
fn in_one_the_schema_has_a_form_for_each_action_with_the_tool_before_its_arguments() {
    let mut agent = one(&[SEARCH]);
    agent.next(user("Look")).unwrap();
    let schema = schema(&agent.model.asked[0]);
    assert!(schema.contains(r#""enum":["client_search","delete_quote"]"#));
    assert!(schema.find(r#""tool""#) < schema.find(r#""arguments""#));
    assert_eq!(schema.matches(r#""const""#).count(), 3);
}

#[test]
fn in_two_the_choice_comes_first_then_arguments_under_the_tools_own_schema() {
    let mut agent = two(&[
        r#"{"next":"client_search"}"#,
        r#"{"name":"Acme"}"#,
        r#"{"next":"answer"}"#,
        r#"{"text":"One client."}"#,
    ]);
    assert_eq!(
        agent.next(user("Look")),
        call("client_search", r#"{"name":"Acme"}"#)
    );
    assert_eq!(agent.next(found(0)), answer("One client."));
    let asked = &agent.model.asked;
    assert_eq!(
        asked[0].messages[0].text,
        "Protocol two. 2026-01-15T09:00:00Z\nclient_search(name?, status?)\ndelete_quote(quote_id, force?)"
    );
    assert!(schema(&asked[0]).contains(r#"["client_search","delete_quote","answer","decline"]"#));
    assert_eq!(
        said(&asked[1])[1..],
        [
            (Role::Assistant, r#"{"next":"client_search"}"#),
            (
                Role::User,
                "Arguments of client_search(name?, status?: Active|Prospect) as one JSON object:"
            ),
        ]
    );
    assert_eq!(
        schema(&asked[1]),
        r#"{"type":"object","properties":{"name":{"maxLength":600,"type":"string"},"status":{"enum":["Active","Prospect"],"type":"string"}},"required":[],"additionalProperties":false}"#
    );
    assert_eq!(
        said(&asked[2]),
        [
            (Role::User, "Look"),
            (Role::Assistant, r#"{"next":"client_search"}"#),
            (Role::User, "Arguments of client_search:"),
            (Role::Assistant, r#"{"name":"Acme"}"#),
            (Role::User, r#"Result: {"rows":[]}"#),
        ]
    );
    assert!(schema(&asked[3]).contains(r#""text""#));
}

#[test]
fn schemas_keep_required_arguments_and_formats_that_grammars_know() {
    let mut agent = two(&[r#"{"next":"delete_quote"}"#, r#"{"quote_id":"made-up"}"#]);
    assert_eq!(
        agent.next(user("Delete it")),
        call("delete_quote", r#"{"quote_id":"made-up"}"#),
        "made-up ids are the CRM's to refuse"
    );
    assert_eq!(
        schema(&agent.model.asked[1]),
        r#"{"type":"object","properties":{"quote_id":{"format":"uuid","type":"string"},"force":{"maxLength":600,"type":["string","null"]}},"required":["quote_id"],"additionalProperties":false}"#
    );
}

#[test]
fn declining_works_in_both_protocols() {
    let mut agent = one(&[r#"{"action":"decline","text":"Which one?"}"#]);
    assert_eq!(agent.next(user("Delete")), decline("Which one?"));
    let mut agent = two(&[r#"{"next":"decline"}"#, r#"{"text":"Which one?"}"#]);
    assert_eq!(agent.next(user("Delete")), decline("Which one?"));
}

#[test]
fn fences_and_words_around_the_object_do_no_harm() {
    let mut agent = one(&[&format!("Sure! {{so}}\n```json\n{SEARCH}\n```\nDone.")]);
    assert_eq!(
        agent.next(user("Look")),
        call("client_search", r#"{"name":"Acme"}"#)
    );
    let mut agent = two(&["```\n{\"next\":\"client_search\"}\n```", "Here: {}"]);
    assert_eq!(agent.next(user("Look")), call("client_search", "{}"));
}

#[test]
fn tools_that_nobody_knows_are_the_crms_to_refuse() {
    let mut agent = one(&[
        r#"{"action":"call","tool":"abolish","arguments":{}}"#,
        r#"{"action":"answer","text":"No."}"#,
    ]);
    assert_eq!(agent.next(user("Go")), call("abolish", "{}"));
    let refusal = Refusal {
        code: "unknown_tool".into(),
        field: String::new(),
        message: "no".into(),
    };
    assert_eq!(agent.next(Observation::Refused(refusal)), answer("No."));
    assert_eq!(
        said(&agent.model.asked[1])[2].1,
        r#"Result: {"refused":"unknown_tool","message":"no"}"#
    );
    let mut agent = two(&[r#"{"next":"abolish"}"#, r#"{"a":1}"#]);
    assert_eq!(agent.next(user("Go")), call("abolish", r#"{"a":1}"#));
    assert_eq!(schema(&agent.model.asked[1]), r#"{"type":"object"}"#);
}

#[test]
fn a_reply_is_repaired_once_and_the_conversation_forgets_it() {
    let mut agent = one(&[
        "I would search.",
        SEARCH,
        r#"{"action":"answer","text":"Done."}"#,
    ]);
    assert_eq!(
        agent.next(user("Look")),
        call("client_search", r#"{"name":"Acme"}"#)
    );
    let repair = said(&agent.model.asked[1]);
    assert_eq!(repair[1], (Role::Assistant, "I would search."));
    assert!(repair[2].1.contains("no JSON object"), "{}", repair[2].1);
    assert_eq!(agent.next(found(0)), answer("Done."));
    assert_eq!(said(&agent.model.asked[2]).len(), 3);
}

#[test]
fn each_of_two_replies_has_its_own_repair() {
    let mut agent = two(&[
        "search",
        r#"{"next":"client_search"}"#,
        "[]",
        r#"{"name":"Acme"}"#,
    ]);
    assert_eq!(
        agent.next(user("Look")),
        call("client_search", r#"{"name":"Acme"}"#)
    );
    assert_eq!(agent.model.asked.len(), 4);
}

#[test]
fn what_cannot_be_read_twice_is_a_failure() {
    for reply in [
        "",
        "no",
        "{}",
        r#"{"action":"dance"}"#,
        r#"{"action":"call","tool":"client_search"}"#,
        r#"{"action":"call","tool":"client_search","arguments":"{}"}"#,
        r#"{"action":"call","tool":"","arguments":{}}"#,
        r#"{"action":"answer","text":" "}"#,
        r#"{"action":"answer","text":7}"#,
        r#"{"action":"call","tool":"client_search","arguments":{"name":"#,
    ] {
        let mut agent = one(&[reply, reply]);
        assert!(agent.next(user("Go")).is_err(), "{reply}");
        assert_eq!(agent.model.asked.len(), 2);
    }
    for replies in [
        ["{}", "{}"].as_slice(),
        &[r#"{"next":"answer"}"#, "{}", r#"{"text":""}"#],
        &[r#"{"next":"client_search"}"#, "no", "[]"],
    ] {
        assert!(two(replies).next(user("Go")).is_err(), "{replies:?}");
    }
}

#[test]
fn a_reply_that_was_cut_off_is_told_to_be_shorter() {
    let cut = ChatReply {
        finish: Finish::Length,
        ..says(r#"{"action":"answer","text":"on and on"#)
    };
    let short = says(r#"{"action":"answer","text":"Short."}"#);
    let mut agent = opened(&[], "", Scripted::new([cut, short])).unwrap();
    assert_eq!(agent.next(user("Go")), answer("Short."));
    assert!(said(&agent.model.asked[1])[2].1.contains("say less"));
}

#[test]
fn a_refusal_of_the_model_is_a_decline() {
    let refused = ChatReply {
        finish: Finish::Refusal,
        ..says("I won't.")
    };
    for protocol in ["one", "two"] {
        let model = Scripted::new([refused.clone()]);
        let mut agent = opened(&[("protocol", protocol)], "", model).unwrap();
        assert_eq!(agent.next(user("Go")), decline("I won't."));
    }
}

#[test]
fn a_turn_that_has_had_all_its_calls_is_closed() {
    let model = Scripted::new([SEARCH, SEARCH, r#"{"action":"answer","text":"All."}"#].map(says));
    let mut agent = opened(&[("calls_per_turn_max", "1")], "", model).unwrap();
    agent.next(user("Go")).unwrap();
    assert_eq!(agent.next(found(0)), answer("All."), "a call is repaired");
    assert!(!schema(&agent.model.asked[1]).contains("client_search"));

    let replies = [
        r#"{"next":"client_search"}"#,
        "{}",
        r#"{"next":"answer"}"#,
        r#"{"text":"All."}"#,
    ];
    let parameters = [("calls_per_turn_max", "1"), ("protocol", "two")];
    let mut agent = opened(&parameters, "", Scripted::new(replies.map(says))).unwrap();
    agent.next(user("Go")).unwrap();
    assert_eq!(agent.next(found(0)), answer("All."));
    assert!(schema(&agent.model.asked[2]).contains(r#""enum":["answer","decline"]"#));
}

#[test]
fn the_conversation_stays_within_its_bound() {
    let replies = (0..40).map(|_| says(SEARCH));
    let parameters = [("history_chars_max", "2000"), ("calls_per_turn_max", "60")];
    let mut agent = opened(&parameters, "", Scripted::new(replies)).unwrap();
    agent.next(user("Look at everything")).unwrap();
    for _ in 1..40 {
        agent.next(found(100)).unwrap();
    }
    for request in &agent.model.asked {
        let chars: usize = said(request)
            .iter()
            .map(|(_, text)| text.chars().count())
            .sum();
        assert!(chars <= 2_000);
        assert!(said(request).contains(&(Role::User, "Look at everything")));
    }
}

#[test]
fn memory_is_in_the_prompt_only_where_there_is_any() {
    let mut agent = opened(&[], "- On quotes: look", Scripted::new([says(SEARCH)])).unwrap();
    agent.next(user("Go")).unwrap();
    let system: &Message = &agent.model.asked[0].messages[0];
    assert!(system.text.ends_with("Learnt before:\n- On quotes: look"));
}

#[test]
fn parameters_that_make_no_sense_are_named() {
    let opened = |name: &str, value: &str| {
        opened(&[(name, value)], "", Scripted::default())
            .err()
            .unwrap()
            .message
    };
    assert!(opened("protocol", "three").contains("\"three\""));
    assert!(opened("history_chars_max", "-1").contains("history_chars_max"));
    assert!(opened("protocols", "two").contains("protocols"));
}
