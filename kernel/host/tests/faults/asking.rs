//! Plugins that ask a model: who may, what comes of the reply, whose time it is, and a judge that
//! goes wrong in every way it can.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, Instant};

use proctor_crm::{Entity, Id, Row, ToolResult};
use proctor_host::chat::{
    CallRequest, ChatError, ChatReply, ChatRequest, Finish, Message, Role, Usage,
};
use proctor_host::{
    Action, Answered, EpisodeRead, Fault, FaultKind, Grant, Host, Judge, Judged, Limits, LoadError,
    ModelAccess, ModelSeat, Observation, Policy, Prompts, Setting, ToolCall,
};

use crate::{JUDGE, STAGE, Said, Storage, first_party, message, setting, test_component};

/// Says the next of its replies, and keeps what it was asked.
struct Scripted {
    replies: VecDeque<Result<ChatReply, ChatError>>,
    asked: Vec<ChatRequest>,
}

impl ModelAccess for Scripted {
    fn chat(&mut self, request: ChatRequest) -> Answered {
        self.asked.push(request);
        let spent = || Err(ChatError::Budget("the script is over".into()));
        Answered {
            reply: self.replies.pop_front().unwrap_or_else(spent),
            waited: Duration::ZERO,
        }
    }
}

/// Takes its time, and says how long it took or keeps it to itself.
struct Slow {
    takes: Duration,
    says_so: bool,
}

impl ModelAccess for Slow {
    fn chat(&mut self, _: ChatRequest) -> Answered {
        thread::sleep(self.takes);
        Answered {
            reply: Ok(says("at last")),
            waited: if self.says_so {
                self.takes
            } else {
                Duration::ZERO
            },
        }
    }
}

/// Says always the same, and counts.
struct Counted(Rc<Cell<u32>>);

impl ModelAccess for Counted {
    fn chat(&mut self, _: ChatRequest) -> Answered {
        self.0.set(self.0.get() + 1);
        Answered {
            reply: Ok(says("again")),
            waited: Duration::ZERO,
        }
    }
}

fn seat(model: impl ModelAccess + 'static) -> Option<ModelSeat> {
    Some(ModelSeat(Rc::new(RefCell::new(model))))
}

/// A model with these replies, and the seat that leads to it.
fn scripted(
    replies: impl IntoIterator<Item = Result<ChatReply, ChatError>>,
) -> (Rc<RefCell<Scripted>>, Option<ModelSeat>) {
    let model = Rc::new(RefCell::new(Scripted {
        replies: replies.into_iter().collect(),
        asked: Vec::new(),
    }));
    let seat = ModelSeat(Rc::clone(&model) as Rc<RefCell<dyn ModelAccess>>);
    (model, Some(seat))
}

fn says(text: &str) -> ChatReply {
    ChatReply {
        text: text.into(),
        calls: Vec::new(),
        finish: Finish::Complete,
        usage: Usage {
            input: 10,
            output: 2,
            cached: 0,
            reasoning: 0,
        },
    }
}

fn calls(id: &str, tool: &str, arguments: &str) -> ChatReply {
    ChatReply {
        calls: vec![CallRequest {
            id: id.into(),
            tool: tool.into(),
            arguments: arguments.into(),
        }],
        finish: Finish::Calls,
        ..says("")
    }
}

fn prompts(texts: &[(&str, &str)]) -> Prompts {
    let texts = texts
        .iter()
        .map(|(name, text)| ((*name).into(), (*text).into()));
    Arc::new(texts.collect())
}

/// The policy that comes with the kernel and asks a model.
static AGENT: LazyLock<Policy> = LazyLock::new(|| {
    let wasm = first_party("model-agent");
    let plugin = STAGE.host.load("model-agent", wasm, &[Grant::Model]);
    STAGE.host.policy(&plugin.unwrap()).unwrap()
});

/// The judge that goes wrong, compiled once.
static MISBEHAVING: LazyLock<Judge> = LazyLock::new(|| misbehaving(&STAGE.host));

fn misbehaving(host: &Host) -> Judge {
    let plugin = host.load(JUDGE, &test_component(JUDGE), &[Grant::Model]);
    host.judge(&plugin.unwrap()).unwrap()
}

fn seated(model: Option<ModelSeat>) -> Setting {
    Setting {
        prompts: prompts(&[("system", "Work. It is {{now}}.")]),
        model,
        ..setting(&[])
    }
}

/// Judges an episode in which the user said this.
fn judged(judge: &Judge, words: &str, texts: &Prompts, model: Option<ModelSeat>) -> Judged {
    let said = Said {
        words: words.into(),
        storage: Storage::Empty,
        asked: Rc::default(),
    };
    let episode: Rc<RefCell<dyn EpisodeRead>> = Rc::new(RefCell::new(said));
    judge.judge(&episode, &[], texts, model)
}

/// What the misbehaving judge makes of this order.
fn ordered(judge: &Judge, words: &str, model: Option<ModelSeat>) -> Result<String, Fault> {
    let judged = judged(judge, words, &Prompts::default(), model);
    judged.judgment.map(|judgment| judgment.rationale)
}

fn assert_judges(judge: &Judge, after: &str) {
    let said = ordered(judge, "nothing unusual", None);
    assert_eq!(said, Ok(String::new()), "after {after:?}");
}

#[test]
fn a_policy_asks_its_model_and_acts_on_the_reply() {
    let (model, seat) = scripted([
        Ok(calls("call_1", "client_search", r#"{"name":"Acme"}"#)),
        Ok(says("There is one Acme.")),
    ]);
    let mut session = AGENT.open(seated(seat)).unwrap();
    let call = ToolCall {
        tool: "client_search".into(),
        arguments: r#"{"name":"Acme"}"#.into(),
    };
    let action = session.next(&message("How many Acmes are there?"));
    assert_eq!(action, Ok(Action::Call(call)));
    let found = Observation::Accepted(ToolResult {
        rows: vec![Row::new(Entity::Client, Id::from_digest([7; 16]))],
        facts: Vec::new(),
    });
    let action = session.next(&found);
    assert_eq!(action, Ok(Action::Answer("There is one Acme.".into())));

    let asked = &model.borrow().asked;
    let said = |of: &ChatRequest| -> Vec<(Role, String)> {
        let messages = of.messages.iter();
        messages.map(|one| (one.role, one.text.clone())).collect()
    };
    assert_eq!(asked.len(), 2);
    assert!(asked[0].with_tools);
    let first = said(&asked[0]);
    assert_eq!(
        first,
        [
            (Role::System, "Work. It is 2026-01-15T09:00:00Z.".into()),
            (Role::User, "How many Acmes are there?".into()),
        ]
    );
    assert_eq!(said(&asked[1])[..2], first);
    let result: &Message = asked[1].messages.last().unwrap();
    assert_eq!(result.role, Role::Tool);
    assert_eq!(result.answers.as_deref(), Some("call_1"));
    let id = Id::from_digest([7; 16]).to_string();
    assert!(result.text.contains(&id), "{}", result.text);
}

#[test]
fn a_policy_without_a_seat_is_told_that_its_request_is_wrong() {
    let mut session = AGENT.open(seated(None)).unwrap();
    let fault = session.next(&message("Hello")).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Declared, "{fault}");
    let told = "the request to the model is wrong: no model is assigned to this plugin";
    assert_eq!(fault.message, told);
}

#[test]
fn every_error_of_a_model_reaches_the_guest_as_what_it_is() {
    for (error, told) in [
        (ChatError::Budget("b".into()), "no budget"),
        (ChatError::Provider("p".into()), "provider failed: p"),
        (ChatError::Unrecorded("u".into()), "isn't recorded: u"),
        (ChatError::Invalid("i".into()), "request to the model is"),
    ] {
        let (model, seat) = scripted([Err(error)]);
        let mut session = AGENT.open(seated(seat)).unwrap();
        let fault = session.next(&message("Hello")).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Declared, "{fault}");
        assert!(fault.message.contains(told), "{fault}");
        assert_eq!(model.borrow().asked.len(), 1, "{fault}");
    }
}

#[test]
fn nobody_who_is_not_granted_a_model_can_so_much_as_load() {
    let judge = test_component(JUDGE);
    let own: [(&str, &[u8]); 4] = [
        ("model-agent", first_party("model-agent")),
        ("model-react", first_party("model-react")),
        ("judge-answer", first_party("judge-answer")),
        (JUDGE, &judge),
    ];
    for (name, wasm) in own {
        for grants in [&[][..], &[Grant::Gold]] {
            let error = STAGE.host.load(name, wasm, grants).unwrap_err();
            let LoadError::ForbiddenImport {
                import, granted, ..
            } = &error
            else {
                panic!("{name}: {error}");
            };
            assert_eq!(import, "proctor:plugin/model@0.1.1", "{name}");
            assert!(!granted.contains("model"), "{name}: {granted}");
        }
    }
}

#[test]
fn a_seat_handed_to_a_policy_that_asks_nobody_is_never_used() {
    let (model, seat) = scripted([Ok(says("psst"))]);
    let mut session = STAGE.policy.open(seated(seat)).unwrap();
    let action = session.next(&message("nothing unusual"));
    assert_eq!(action, Ok(Action::Answer("done".into())));
    assert!(model.borrow().asked.is_empty());
}

/// Fuel without end, so that the clock alone decides.
fn clocked() -> Limits {
    Limits {
        fuel_per_call: u64::MAX / 2,
        call_time_max: Duration::from_millis(150),
        ..Limits::default()
    }
}

#[test]
fn waiting_for_a_model_is_not_the_guests_time() {
    let host = Host::new(clocked(), None).unwrap();
    let judge = misbehaving(&host);
    let slow = |says_so| {
        seat(Slow {
            takes: Duration::from_millis(400),
            says_so,
        })
    };
    let started = Instant::now();
    let said = ordered(&judge, "chat 3", slow(true));
    assert_eq!(said, Ok("at last".into()));
    assert!(started.elapsed() >= Duration::from_millis(1_200));
    // Whatever isn't waiting for a model counts.
    for (words, model) in [("chat 3", slow(false)), ("loop", slow(true))] {
        let fault = ordered(&judge, words, model).unwrap_err();
        assert_eq!(fault.kind, FaultKind::WallClock, "{words}: {fault}");
        assert!(!fault.kind.is_deterministic());
        assert_judges(&judge, words);
    }
}

#[test]
fn prompts_reach_the_guest_and_only_those_that_were_given() {
    let given = prompts(&[
        ("system", "Be just."),
        ("rubric", ""),
        ("grüße", "Grüß Gott"),
    ]);
    for (name, text) in [
        ("system", "Be just."),
        ("rubric", ""),
        ("grüße", "Grüß Gott"),
        ("System", ""),
        ("other", ""),
    ] {
        let words = format!("prompt {name}");
        let judged = judged(&MISBEHAVING, &words, &given, None);
        assert_eq!(judged.judgment.unwrap().rationale, text, "{name}");
    }
    // A text that isn't given is none, not an empty one.
    let mut session = AGENT
        .open(Setting {
            prompts: prompts(&[("System", "Work.")]),
            ..seated(None)
        })
        .unwrap();
    let fault = session.next(&message("Hello")).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Declared, "{fault}");
    assert!(fault.message.contains(r#"the prompt "system" is missing"#));
}

fn judge_answer() -> Judge {
    let wasm = first_party("judge-answer");
    let plugin = STAGE.host.load("judge-answer", wasm, &[Grant::Model]);
    STAGE.host.judge(&plugin.unwrap()).unwrap()
}

#[test]
fn a_judge_asks_its_model_for_a_judgment() {
    let rated = r#"{"ratings":[
        {"criterion":"faithfulness","score":0.5,"rationale":"f"},
        {"criterion":"completeness","score":0.75,"rationale":"c"},
        {"criterion":"clarity","score":1,"rationale":"k"}],
        "score":0.9,"confidence":0.8,"rationale":"All in all."}"#;
    let (model, seat) = scripted([Ok(says("Well!")), Ok(says(rated))]);
    let given = prompts(&[("system", "Judge.\n{{rubric}}"), ("rubric", "Be kind.")]);
    let judged = judged(&judge_answer(), "Add a note.", &given, seat);
    let judgment = judged.judgment.unwrap();
    assert_eq!((judgment.score, judgment.confidence), (0.5, 0.8));
    assert_eq!(judgment.ratings.len(), 3);
    assert_eq!(judgment.rationale, "All in all.");
    assert!(judged.fuel > 0);
    assert!(judged.log[0].text.contains("repair"), "{:?}", judged.log);
    let asked = &model.borrow().asked;
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|request| request.output_schema.is_some()));
    assert_eq!(asked[0].messages[0].text, "Judge.\nBe kind.");
    assert!(asked[0].messages[1].text.contains("Add a note."));
}

#[test]
fn a_judge_whose_model_talks_nonsense_gives_no_judgment() {
    let (_, seat) = scripted([Ok(says("0")), Ok(says(r#"{"score":0}"#))]);
    let given = prompts(&[("system", "Judge."), ("rubric", "Be kind.")]);
    let judged = judged(&judge_answer(), "Add a note.", &given, seat);
    let fault = judged.judgment.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Declared, "{fault}");
    assert!(fault.message.starts_with("unparseable"), "{fault}");
}

/// What the user says, the kind of fault that must come of it, and a part of its message.
const FAULTS: &[(&str, FaultKind, &str)] = &[
    ("panic", FaultKind::Trap, "unreachable"),
    ("fail", FaultKind::Declared, "told to fail"),
    ("loop", FaultKind::Fuel, "all fuel consumed"),
    ("score NaN", FaultKind::Contract, "score NaN is not from 0"),
    ("score 1.5", FaultKind::Contract, "score 1.5 is not from 0"),
    ("score -0.5", FaultKind::Contract, "score -0.5 is not"),
    ("score inf", FaultKind::Contract, "score inf is not"),
    ("confidence 2", FaultKind::Contract, "confidence 2 is not"),
    ("confidence NaN", FaultKind::Contract, "confidence NaN is"),
    ("ratings 101", FaultKind::Contract, "101 ratings; at most 1"),
    ("ratings 100000", FaultKind::Output, "output limit"),
    ("rationale 2000000", FaultKind::Output, "output limit"),
    ("shout 2000000", FaultKind::Output, "output limit"),
    ("chat 1", FaultKind::Declared, "no model is assigned"),
];

#[test]
fn every_failure_of_a_judge_is_a_fault_of_its_kind_and_never_a_judgment() {
    for (words, kind, text) in FAULTS {
        let fault = ordered(&MISBEHAVING, words, None).unwrap_err();
        assert_eq!(fault.kind, *kind, "{words}: {fault}");
        assert!(fault.message.contains(text), "{words}: {fault}");
        assert_eq!(fault.plugin, JUDGE, "{words}");
        assert_eq!(fault.digest, MISBEHAVING.digest(), "{words}");
        assert_eq!(fault.function, "judge", "{words}");
        assert!(fault.kind.is_deterministic(), "{words}");
        assert_eq!(ordered(&MISBEHAVING, words, None), Err(fault), "{words}");
        assert_judges(&MISBEHAVING, words);
    }
}

#[test]
fn what_is_just_within_the_contract_is_a_judgment() {
    for words in ["score 0", "score 1", "confidence 0", "ratings 100"] {
        let said = ordered(&MISBEHAVING, words, None);
        assert_eq!(said, Ok(String::new()), "{words}");
    }
}

#[test]
fn a_judge_that_asks_for_ever_uses_up_its_kernel_work() {
    let host = Host::new(
        Limits {
            kernel_work_max: 110,
            ..Limits::default()
        },
        None,
    )
    .unwrap();
    let judge = misbehaving(&host);
    // The user's words are one question, each call another with one message.
    for (times, allowed) in [(9, true), (10, false)] {
        let asked = Rc::new(Cell::new(0));
        let said = ordered(
            &judge,
            &format!("chat {times}"),
            seat(Counted(Rc::clone(&asked))),
        );
        assert_eq!(asked.get(), 9);
        match said {
            Ok(said) => assert!(allowed && said == "again"),
            Err(fault) => {
                assert!(!allowed, "{fault}");
                assert_eq!(fault.kind, FaultKind::Fuel, "{fault}");
                assert!(fault.message.contains("kernel work limit"), "{fault}");
            }
        }
        assert_judges(&judge, "chat");
    }
}

#[test]
fn a_long_reply_is_handed_in_but_not_all_of_it_can_be_handed_back() {
    // How much a model says is for the operator to bound; here it is what the guest makes of it.
    let (_, seat) = scripted([Ok(says(&"x".repeat(100_000)))]);
    let said = ordered(&MISBEHAVING, "chat 1", seat).unwrap();
    assert_eq!(said.len(), 100_000);
    let (_, seat) = scripted([Ok(says(&"x".repeat(2_000_000)))]);
    let fault = ordered(&MISBEHAVING, "chat 1", seat).unwrap_err();
    assert_eq!(fault.kind, FaultKind::Output, "{fault}");
}
