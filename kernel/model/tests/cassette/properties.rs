//! Whatever goes in comes out.

use proptest::prelude::*;

use crate::*;

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        // Few texts, so that some come twice.
        (0..4_u8).prop_map(|number| format!("text {number}")),
    ]
}

prop_compose! {
    fn any_call()(id in any_text(), tool in any_text(), arguments in any_text()) -> ToolCall {
        ToolCall { id, tool, arguments }
    }
}

prop_compose! {
    fn any_message()(
        speaker in prop::sample::select(vec![
            Speaker::System, Speaker::User, Speaker::Assistant, Speaker::Tool,
        ]),
        text in any_text(),
        calls in prop::collection::vec(any_call(), 0..3),
        answers in prop::option::of(any_text()),
    ) -> Message {
        Message { speaker, text, calls, answers }
    }
}

prop_compose! {
    fn any_tool()(name in any_text(), description in any_text(), input_schema in any_text()) -> Tool {
        Tool { name, description, input_schema }
    }
}

prop_compose! {
    fn any_request()(
        model in any_text(),
        messages in prop::collection::vec(any_message(), 0..6),
        tools in prop::collection::vec(any_tool(), 0..2),
        own_tools in prop::collection::vec(any_tool(), 0..2),
        tool_choice in prop::sample::select(vec![
            ToolChoice::Auto, ToolChoice::Required, ToolChoice::None,
        ]),
        output_schema in prop::option::of(any_text()),
        temperature in prop::option::of(-1e9..1e9_f64),
        seed in any::<Option<u64>>(),
        stop in prop::collection::vec(any_text(), 0..2),
        tokens_max in any::<u32>(),
    ) -> ChatRequest {
        let sampling = Sampling { temperature, top_p: None, seed, stop };
        let tools = Tools::new(tools);
        ChatRequest {
            model, messages, tools, own_tools, tool_choice, output_schema, sampling, tokens_max,
        }
    }
}

fn any_retained() -> impl Strategy<Value = Retained> {
    let usage =
        any::<[u64; 5]>().prop_map(|[input, output, cached, cache_written, reasoning]| Usage {
            input,
            output,
            cached,
            cache_written,
            reasoning,
        });
    let finish = prop::sample::select(vec![
        Finish::Complete,
        Finish::Calls,
        Finish::Length,
        Finish::Refusal,
    ]);
    let calls = prop::collection::vec(any_call(), 0..3);
    let reply = (any_text(), any_text(), calls, finish, usage).prop_map(
        |(model, text, calls, finish, usage)| ChatReply {
            model,
            text,
            calls,
            finish,
            usage,
        },
    );
    let failed = [any_text().boxed(), any_text().boxed(), any_text().boxed()].prop_map(
        |[kind, provider, message]| Failed {
            kind,
            provider,
            message,
        },
    );
    let result = prop_oneof![reply.prop_map(Ok), failed.prop_map(Err)];
    (result, any::<u32>(), any::<u64>()).prop_map(|(result, attempts, latency_us)| Retained {
        result,
        attempts,
        latency_us,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_goes_in_comes_out(
        calls in prop::collection::vec((any_text(), 0..6_usize, any::<u32>(), any_request(), any_retained()), 0..8),
    ) {
        let folder = Folder::new();
        let path = folder.file("any.cassette");
        let redactor = Redactor::default();
        let mut expected = Vec::new();
        for part in 0..2 {
            // Half of it, then the other half by another process.
            let cassette = extend(&path).unwrap();
            let calls = calls.iter().enumerate().filter(|(number, _)| number % 2 == part);
            for (number, (episode, role, step, request, retained)) in calls {
                let place = Place {
                    episode,
                    role: Role::ALL[*role],
                    step: *step,
                    request: request.digest(),
                    occurrence: number as u32,
                };
                cassette.record(&place, request, retained).unwrap();
                expected.push(redactor.exchange(Exchange {
                    episode: episode.clone(),
                    step: *step,
                    role: Role::ALL[*role],
                    occurrence: number as u32,
                    request: request.digest(),
                    terms: request.terms(),
                    tools: request.tools.list().to_vec(),
                    messages: request.messages.clone(),
                    retained: retained.clone(),
                }));
            }
            cassette.finish().unwrap();
        }
        let cassette = Cassette::open(&path, None).unwrap();
        prop_assert_eq!(all(&cassette), expected.clone());
        for exchange in &expected {
            let found = cassette.find(&exchange.place()).unwrap();
            prop_assert_eq!(found.as_ref(), Some(&exchange.retained));
        }
    }

    #[test]
    fn no_bytes_end_the_process(bytes in prop::collection::vec(any::<u8>(), 0..200), magic in any::<bool>()) {
        let folder = Folder::new();
        let path = folder.file("any.cassette");
        let start: &[u8] = if magic { b"PCASSET\x01" } else { b"" };
        fs::write(&path, [start, &bytes].concat()).unwrap();
        prop_assert!(Cassette::open(&path, None).is_err());
    }
}
