//! What is taken out before it is written, or afterwards.

use crate::*;

/// All bytes of a cassette, as they are and decompressed.
fn raw_and_decompressed(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    let mut found = bytes.clone();
    let mut at = 8;
    while let Some(head) = bytes.get(at..at + 16) {
        let length = u32::from_le_bytes(head[..4].try_into().unwrap()) as usize;
        let payload = &bytes[at + 16..at + 16 + length];
        found.extend(zstd::decode_all(payload).unwrap());
        at += 16 + length;
    }
    assert_eq!(at, bytes.len(), "the frames fill the file");
    found
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

const CANARY: &str = "canary/of \"the\" coal+mine";
const KEY: &str = "sk-ant-api03-CANARYCANARYCANARY";

/// A request and what became of it, with a canary wherever there is room for one.
fn full_of(secret: &str) -> (ChatRequest, Retained, Retained) {
    let tool = |name: &str| Tool {
        name: format!("{name} {secret}"),
        description: format!("use it with {secret}"),
        input_schema: serde_json::json!({ "default": secret }).to_string(),
    };
    let call = ToolCall {
        id: format!("call {secret}"),
        tool: "client_search".into(),
        arguments: serde_json::json!({ "term": secret }).to_string(),
    };
    let asked = ChatRequest {
        model: format!("model {secret}"),
        messages: vec![
            message(Speaker::System, &format!("the key is {secret}")),
            Message {
                calls: vec![call.clone()],
                ..message(Speaker::Assistant, secret)
            },
            Message {
                answers: Some(format!("call {secret}")),
                ..message(
                    Speaker::Tool,
                    &serde_json::json!([{ "note": secret }]).to_string(),
                )
            },
        ],
        tools: Tools::new(vec![tool("theirs")]),
        own_tools: vec![tool("own")],
        output_schema: Some(serde_json::json!({ "const": secret }).to_string()),
        sampling: Sampling {
            stop: vec![secret.into()],
            ..Sampling::default()
        },
        ..request(Vec::new())
    };
    let mut said = reply(&format!("as you say: {secret}"));
    said.model = secret.into();
    said.calls.push(call);
    let replied = Retained {
        result: Ok(said),
        ..retained("")
    };
    let failed = Retained {
        result: Err(Failed {
            kind: "key".into(),
            provider: format!("provider {secret}"),
            message: format!("401: {secret} is wrong"),
        }),
        ..retained("")
    };
    (asked, replied, failed)
}

#[test]
fn no_secret_is_anywhere_in_the_file() {
    let folder = Folder::new();
    let path = folder.file("canaries.cassette");
    let redactor = Redactor::new([CANARY]);
    let noted = Header {
        note: Some(format!("recorded with {KEY}")),
        ..header()
    };
    let cassette = Cassette::create(&path, &noted, redactor.clone()).unwrap();
    for (episode, secret) in [("given#0", CANARY), ("patterned#0", KEY)] {
        let (asked, replied, failed) = full_of(secret);
        let here = place(episode, 0, &asked);
        cassette.record(&here, &asked, &replied).unwrap();
        let again = Place {
            occurrence: 1,
            ..here
        };
        cassette.record(&again, &asked, &failed).unwrap();
        // What a replay finds is what the run was to go on with.
        assert_eq!(
            cassette.find(&here).unwrap(),
            Some(redactor.retained(replied))
        );
        // A miss shows what was asked, but no secret of it.
        let miss = cassette.miss(
            &Place {
                occurrence: 2,
                ..here
            },
            &asked,
        );
        assert!(!format!("{miss} {miss:?}").contains("anary"), "{miss}");
        assert!(!format!("{miss} {miss:?}").contains("CANARY"), "{miss}");
    }
    cassette.finish().unwrap();
    let found = raw_and_decompressed(&path);
    assert!(
        holds(&found, "the key is [redacted]"),
        "it was written at all"
    );
    assert!(holds(&found, r#"{"term":"[redacted]"}"#), "JSON stays JSON");
    for part in ["canary", "coal", "mine", "CANARY", "sk-ant"] {
        assert!(!holds(&found, part), "{part} is in the file");
    }
    let verified = verify(&path).unwrap();
    assert_eq!((verified.exchanges, verified.redacted), (4, 4));
}

#[test]
fn pruned_and_redacted_cassettes_hold_what_they_should() {
    let folder = Folder::new();
    let path = folder.small();
    let source = Cassette::open(&path, None).unwrap();

    let pruned = folder.file("pruned.cassette");
    let count = rewrite(&source, &pruned, source.header(), &mut |exchange| {
        (exchange.episode == "two#0" && exchange.step != 1).then_some(exchange)
    });
    let count = count.unwrap();
    assert_eq!((count.kept, count.dropped), (2, 4));
    let left = all(&Cassette::open(&pruned, None).unwrap());
    let expected = all(&source)
        .into_iter()
        .filter(|e| e.episode == "two#0" && e.step != 1);
    assert_eq!(left, expected.collect::<Vec<_>>());
    let verified = verify(&pruned).unwrap();
    assert_eq!((verified.messages, verified.redacted), (6, 0));

    let redacted = folder.file("redacted.cassette");
    let redactor = Redactor::default()
        .with_pattern(r"two#0: result \d")
        .unwrap();
    let count = rewrite(&source, &redacted, source.header(), &mut |exchange| {
        Some(redactor.exchange(exchange))
    });
    let count = count.unwrap();
    assert_eq!((count.kept, count.dropped), (6, 0));
    assert!(!holds(&raw_and_decompressed(&redacted), "two#0: result"));
    assert_eq!(verify(&redacted).unwrap().redacted, 2);
    // It is found by the request as it was sent.
    let opened = Cassette::open(&redacted, None).unwrap();
    let asked = conversation("two#0", 3).remove(2);
    let found = opened.find(&place("two#0", 2, &asked)).unwrap();
    assert_eq!(found, Some(retained("two#0: step 2")));

    let taken = rewrite(&source, &redacted, source.header(), &mut Some);
    assert!(matches!(taken.unwrap_err(), CassetteError::Exists { .. }));
    let copy = folder.file("copy.cassette");
    rewrite(&source, &copy, source.header(), &mut Some).unwrap();
    assert_eq!(fs::read(&copy).unwrap(), fs::read(&path).unwrap());
    let files = fs::read_dir(folder.0.path()).unwrap().count();
    assert_eq!(files, 4, "nothing temporary is left");
}
