//! The key goes to one place only.

use fake::{Fault, Reply, always};

use super::*;

#[test]
fn the_key_stands_in_one_header_and_nowhere_else() {
    for (auth, header, value) in [
        (Auth::Bearer, "authorization", format!("Bearer {KEY}")),
        (Auth::ApiKey, "api-key", KEY.to_owned()),
        (Auth::XApiKey, "x-api-key", KEY.to_owned()),
    ] {
        let server = fake::Provider::start(always(Reply::text("x")));
        let settings = ProviderSettings {
            auth,
            ..settings(&server, Wire::Anthropic)
        };
        ask(&settings).unwrap();
        let asked = server.requests().remove(0);
        assert_eq!(asked.header(header), Some(value.as_str()));
        assert_eq!(asked.header("anthropic-version"), Some("2023-06-01"));
        let everything = format!("{asked:?}");
        assert_eq!(everything.matches(KEY).count(), 1, "{everything}");
    }
}

#[test]
fn the_key_is_not_shown_by_what_holds_it() {
    let server = fake::Provider::start(always(Reply::text("x")));
    let provider = provider(&settings(&server, Wire::OpenAi));
    let shown = format!("{:?}", provider.client);
    assert!(shown.contains("authorization"), "{shown}");
    assert!(!shown.contains(KEY), "{shown}");
}

#[test]
fn a_provider_without_a_key_is_sent_none() {
    let server = fake::Provider::start(always(Reply::text("x")));
    let unnamed = ProviderSettings {
        key_env: None,
        ..settings(&server, Wire::OpenAi)
    };
    let unwanted = ProviderSettings {
        auth: Auth::None,
        ..settings(&server, Wire::OpenAi)
    };
    ask(&unnamed).unwrap();
    ask(&unwanted).unwrap();
    let everything = format!("{:?}", server.requests());
    assert!(!everything.contains(KEY) && !everything.contains("authorization"));
}

#[test]
fn a_key_that_a_server_repeats_is_not_passed_on() {
    let told = format!("the key {KEY} is wrong");
    let in_parts = format!("{} {KEY}", "x".repeat(990));
    let plain = Fault::Status {
        code: 500,
        retry_after: None,
        body: in_parts,
    };
    for fault in [Fault::status(401, &told), Fault::status(503, &told), plain] {
        let server = fake::Provider::start(always(fault));
        let error = ask(&settings(&server, Wire::OpenAi)).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("sk-canary"), "{shown}");
        assert!(shown.contains("[key]"), "{shown}");
    }
}

#[test]
fn a_long_explanation_is_cut() {
    let server = fake::Provider::start(always(Fault::status(400, &"é".repeat(50_000))));
    let error = ask(&settings(&server, Wire::OpenAi)).unwrap_err();
    let length = error.message.chars().count();
    assert!((900..1_100).contains(&length), "{length}");
}

#[test]
fn a_key_that_is_missing_or_none_is_named_by_its_variable() {
    let server = fake::Provider::start(always(Reply::text("x")));
    let settings = settings(&server, Wire::OpenAi);
    for missing in [None, Some(String::new())] {
        let error = Provider::new(&settings, missing).err().unwrap();
        assert!(matches!(error, ProviderSetupError::NoKey { .. }), "{error}");
        assert!(error.to_string().contains("FAKE_KEY"), "{error}");
    }
    for broken in ["sk-canary\n", "sk canary", "sk-canary-\u{e9}"] {
        let error = Provider::new(&settings, Some(broken.into())).err().unwrap();
        assert!(
            matches!(error, ProviderSetupError::BadKey { .. }),
            "{error}"
        );
        let shown = format!("{error} {error:?}");
        assert!(
            shown.contains("FAKE_KEY") && !shown.contains("canary"),
            "{shown}"
        );
    }
}
