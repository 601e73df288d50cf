//! The agent with a scripted model.

use proctor_sdk::model::{
    ChatError, ChatReply, ChatRequest, Finish, Role, Scripted, ToolChoice, calls, says,
};
use proctor_sdk::policy::{Parameter, Setting};
use proctor_sdk::{
    Action, Cell, Entity, Failure, Observation, Refusal, Row, ToolCall, ToolResult, Value,
};

use crate::agent::Agent;

const PROMPT: &str = "Work. It is {{now}}.\n{{memory}}";

fn setting(parameters: &[(&str, &str)]) -> Setting {
    Setting {
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
    }
}

fn opened(parameters: &[(&str, &str)], learnt: &str, model: Scripted) -> Agent<Scripted> {
    let prompt = |name: &str| (name == "system").then(|| PROMPT.to_owned());
    Agent::open(&setting(parameters), &prompt, learnt, model).unwrap()
}

fn agent(replies: impl IntoIterator<Item = ChatReply>) -> Agent<Scripted> {
    opened(&[], "", Scripted::new(replies))
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

fn found(id: &str) -> Observation {
    found_with(&[id], "Acme")
}

fn found_with(ids: &[&str], name: &str) -> Observation {
    let row = |id: &&str| Row {
        entity: Entity::Client,
        id: (*id).into(),
        cells: vec![Cell {
            name: "name".into(),
            value: Value::Text(name.into()),
        }],
    };
    Observation::Accepted(ToolResult {
        rows: ids.iter().map(row).collect(),
        facts: vec![],
    })
}

/// What the messages of a request say after the system prompt, each with who says it.
fn said(request: &ChatRequest) -> Vec<(Role, Option<&str>, &str)> {
    request.messages[1..]
        .iter()
        .map(|message| {
            (
                message.role,
                message.answers.as_deref(),
                message.text.as_str(),
            )
        })
        .collect()
}

#[test]
fn the_prompt_has_the_clock_and_memory_only_where_there_is_any() {
    let system = |learnt: &str| {
        let mut agent = opened(&[], learnt, Scripted::new([says("Hello.")]));
        agent.next(user("Hi")).unwrap();
        agent.model.asked[0].messages[0].text.clone()
    };
    assert_eq!(system(""), "Work. It is 2026-01-15T09:00:00Z.");
    assert!(system("- On quotes: look first").ends_with("taught\n\n- On quotes: look first"));
}

#[test]
fn without_its_prompt_it_fails_and_names_it() {
    let agent = Agent::open(&setting(&[]), &|_| None, "", Scripted::default());
    assert!(agent.err().unwrap().message.contains("\"system\""));
}

#[test]
fn parameters_that_make_no_sense_are_named() {
    let opened = |name: &str, value: &str| {
        let prompt = |_: &str| Some(String::new());
        Agent::open(&setting(&[(name, value)]), &prompt, "", Scripted::default())
            .err()
            .map(|failure| failure.message)
    };
    assert_eq!(opened("calls_per_turn_max", "3"), None);
    assert!(
        opened("calls_per_turn_max", "0")
            .unwrap()
            .contains("1 to 60")
    );
    assert!(
        opened("calls_per_turn", "3")
            .unwrap()
            .contains("calls_per_turn_max")
    );
}

#[test]
fn parallel_calls_run_one_by_one_and_are_answered_in_order() {
    let mut agent = agent([
        calls(&[
            ("a", "client_search", r#"{"name":"Acme"}"#),
            ("b", "quote_prefixes", ""),
        ]),
        says("Done."),
    ]);
    assert_eq!(
        agent.next(user("Look")),
        call("client_search", r#"{"name":"Acme"}"#)
    );
    assert_eq!(agent.next(found("c1")), call("quote_prefixes", "{}"));
    assert_eq!(
        agent.model.asked.len(),
        1,
        "nothing is asked between the calls of a reply"
    );
    assert_eq!(agent.next(found("c2")), answer("Done."));
    let request = &agent.model.asked[1];
    assert_eq!(request.messages[2].calls.len(), 2);
    assert_eq!(
        said(request)[2..],
        [
            (
                Role::Tool,
                Some("a"),
                r#"{"rows":[{"entity":"Client","client_id":"c1","name":"Acme"}]}"#
            ),
            (
                Role::Tool,
                Some("b"),
                r#"{"rows":[{"entity":"Client","client_id":"c2","name":"Acme"}]}"#
            ),
        ]
    );
}

#[test]
fn the_conversation_goes_on_over_turns() {
    let mut agent = agent([says("First."), says("Second.")]);
    agent.next(user("One")).unwrap();
    assert_eq!(agent.next(user("Two")), answer("Second."));
    assert_eq!(
        said(&agent.model.asked[1]),
        [
            (Role::User, None, "One"),
            (Role::Assistant, None, "First."),
            (Role::User, None, "Two"),
        ]
    );
}

#[test]
fn a_refusal_of_the_crm_reaches_the_model_with_code_and_field() {
    let mut agent = agent([calls(&[("a", "abolish", "{}")]), says("I can't.")]);
    assert_eq!(
        agent.next(user("Go")),
        call("abolish", "{}"),
        "unknown tools are the CRM's to refuse"
    );
    let refusal = Refusal {
        code: "unknown_tool".into(),
        field: "tool".into(),
        message: "there is no \"abolish\"".into(),
    };
    assert_eq!(
        agent.next(Observation::Refused(refusal)),
        answer("I can't.")
    );
    assert_eq!(
        said(&agent.model.asked[1])[2].2,
        r#"{"refused":"unknown_tool","field":"tool","message":"there is no \"abolish\""}"#
    );
}

#[test]
fn declining_waits_for_the_calls_that_come_with_it() {
    let mut agent = agent([
        calls(&[
            ("d", "decline", r#"{"reason":"Which Acme?"}"#),
            ("a", "client_search", "{}"),
        ]),
        says("Thanks."),
    ]);
    assert_eq!(agent.next(user("Delete Acme")), call("client_search", "{}"));
    assert_eq!(agent.next(found("c1")), decline("Which Acme?"));
    assert_eq!(agent.model.asked.len(), 1);
    assert_eq!(agent.next(user("The first")), answer("Thanks."));
    let answered: Vec<_> = said(&agent.model.asked[1])
        .iter()
        .filter_map(|m| m.1)
        .collect();
    assert_eq!(answered, ["a", "d"], "each call has its answer");
}

#[test]
fn a_refusal_of_the_model_is_a_decline() {
    let refused = |text: &str| ChatReply {
        finish: Finish::Refusal,
        ..says(text)
    };
    let mut agent = agent([refused("I won't."), refused("")]);
    assert_eq!(agent.next(user("Go")), decline("I won't."));
    assert_eq!(
        agent.next(user("Go")),
        decline("The model refused to reply.")
    );
}

#[test]
fn a_reply_is_repaired_once_and_the_conversation_forgets_it() {
    let mut agent = agent([
        calls(&[("a", "client_search", r#"{"name": "Ac"#)]),
        calls(&[("b", "client_search", r#"{"name":"Acme"}"#)]),
        says("Found."),
    ]);
    assert_eq!(
        agent.next(user("Look")),
        call("client_search", r#"{"name":"Acme"}"#)
    );
    let note = said(&agent.model.asked[1])[1];
    assert_eq!(note.0, Role::User);
    assert!(
        note.2.contains("client_search") && note.2.contains(r#"{"name": "Ac"#),
        "{}",
        note.2
    );
    assert_eq!(agent.next(found("c1")), answer("Found."));
    assert_eq!(said(&agent.model.asked[2]).len(), 3, "words, call, result");
}

#[test]
fn what_cannot_be_used_twice_is_a_failure() {
    let cut = |text: &str| ChatReply {
        finish: Finish::Length,
        ..says(text)
    };
    let bad: [[ChatReply; 2]; 5] = [
        [says(" "), says("")],
        [cut(""), cut("")],
        [calls(&[("a", "x", "[1]")]), calls(&[("a", "x", "{} {}")])],
        [
            calls(&[("a", "decline", "{}")]),
            calls(&[("a", "decline", r#"{"reason":" "}"#)]),
        ],
        [calls(&[("a", "x", "{}"), ("b", "y", "{")]), says("")],
    ];
    for replies in bad {
        let mut agent = agent(replies);
        assert!(agent.next(user("Go")).is_err());
        assert_eq!(agent.model.asked.len(), 2);
    }
}

#[test]
fn an_answer_that_was_cut_off_is_still_an_answer() {
    let mut agent = agent([ChatReply {
        finish: Finish::Length,
        ..says("There are 12 quo")
    }]);
    assert_eq!(agent.next(user("Go")), answer("There are 12 quo"));
}

#[test]
fn a_turn_that_has_had_all_its_calls_is_closed() {
    let model = Scripted::new([
        calls(&[("a", "x", "{}"), ("b", "y", "{}"), ("c", "z", "{}")]),
        says("That is all."),
        calls(&[("d", "x", "{}")]),
    ]);
    let mut agent = opened(&[("calls_per_turn_max", "2")], "", model);
    assert_eq!(agent.next(user("Go")), call("x", "{}"));
    assert_eq!(agent.next(found("1")), call("y", "{}"));
    assert_eq!(agent.next(found("2")), answer("That is all."));
    let request = &agent.model.asked[1];
    assert_eq!(request.tool_choice, ToolChoice::None);
    let last = said(request);
    assert_eq!(
        last[4].1,
        Some("c"),
        "a call that isn't carried out is answered too"
    );
    assert!(last[5].2.contains("No more calls"));
    assert_eq!(
        agent.next(user("And now")),
        call("x", "{}"),
        "each turn has its own"
    );
    assert_eq!(agent.model.asked[2].tool_choice, ToolChoice::Auto);
}

#[test]
fn who_calls_on_after_the_last_call_fails() {
    let calling = || calls(&[("a", "x", "{}")]);
    let model = Scripted::new([calling(), calling(), calling(), calling()]);
    let mut agent = opened(&[("calls_per_turn_max", "1")], "", model);
    agent.next(user("Go")).unwrap();
    assert!(agent.next(found("1")).is_err());
    assert_eq!(agent.model.asked.len(), 3);
}

#[test]
fn a_long_result_is_cut_and_says_so() {
    let mut agent = agent([calls(&[("a", "client_search", "{}")]), says("Many.")]);
    agent.next(user("All")).unwrap();
    agent.next(found_with(&["c"; 1_000], "Acme")).unwrap();
    let result = said(&agent.model.asked[1])[2].2;
    assert!(result.chars().count() <= 12_000);
    assert!(result.contains("rows_left_out"));
}

#[test]
fn without_a_reply_it_fails_with_the_reason() {
    for error in [
        ChatError::Budget("why".into()),
        ChatError::Provider("why".into()),
        ChatError::Unrecorded("why".into()),
        ChatError::Invalid("why".into()),
    ] {
        let mut agent = opened(&[], "", Scripted::with_errors([Err(error)]));
        assert!(agent.next(user("Go")).unwrap_err().message.contains("why"));
        assert_eq!(agent.model.asked.len(), 1, "no second attempt");
    }
}

#[test]
fn a_result_out_of_the_blue_is_a_failure() {
    assert!(agent([says("x")]).next(found("c")).is_err());
}
