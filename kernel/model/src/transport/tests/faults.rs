//! Each way in which a provider fails, its kind, and how often it is tried.

use std::net::{Ipv4Addr, TcpListener};

use fake::{Answer, Fault, Reply, always, script};

use super::*;

/// Holds a fault to its kind and to the number of attempts, on both wires.
fn fails(fault: Fault, kind: ProviderFailure, attempts: u32) -> String {
    let mut said = String::new();
    for wire in BOTH {
        let server = fake::Provider::start(always(fault.clone()));
        let begun = Instant::now();
        let error = ask(&settings(&server, wire)).unwrap_err();
        assert!(
            begun.elapsed() < PATIENCE,
            "{fault:?} took {:?}",
            begun.elapsed()
        );
        assert_eq!((error.kind, error.attempts), (kind, attempts), "{error}");
        assert_eq!(server.request_count(), u64::from(attempts), "{error}");
        said = error.to_string();
    }
    said
}

#[test]
fn a_status_that_may_pass_is_tried_as_often_as_allowed() {
    for code in [408, 409, 500, 502, 503, 504] {
        fails(
            Fault::status(code, "busy"),
            ProviderFailure::Server,
            ATTEMPTS_MAX,
        );
    }
    for fault in [
        Fault::rate_limit(None),
        Fault::rate_limit(Some("0")),
        Fault::rate_limit(Some("no idea")),
        Fault::status(529, "overloaded"),
    ] {
        fails(fault, ProviderFailure::RateLimited, ATTEMPTS_MAX);
    }
}

#[test]
fn a_status_that_does_not_pass_is_tried_once_and_explained() {
    for (code, kind, advice) in [
        (400, ProviderFailure::Rejected, "status 400: "),
        (402, ProviderFailure::Rejected, "status 4"),
        (413, ProviderFailure::Rejected, "status 4"),
        (422, ProviderFailure::Rejected, "status 4"),
        (
            401,
            ProviderFailure::Key,
            "the environment variable FAKE_KEY",
        ),
        (
            403,
            ProviderFailure::Key,
            "the environment variable FAKE_KEY",
        ),
        (404, ProviderFailure::Unknown, "the model's id"),
    ] {
        let said = fails(Fault::status(code, "so it is"), kind, 1);
        assert!(said.contains(advice) && said.contains("so it is"), "{said}");
    }
}

#[test]
fn a_connection_that_is_cut_is_made_anew() {
    fails(
        Fault::CutBeforeHeaders,
        ProviderFailure::Connection,
        ATTEMPTS_MAX,
    );
    fails(Fault::CutInBody, ProviderFailure::Connection, ATTEMPTS_MAX);
}

#[test]
fn a_reply_that_is_none_is_not_asked_for_again() {
    fails(Fault::InvalidJson, ProviderFailure::Reply, 1);
    fails(Fault::EmptyChoices, ProviderFailure::Reply, 1);
    let said = fails(Fault::WrongContentType, ProviderFailure::Reply, 1);
    assert!(
        said.contains("\"text/html\" instead of application/json"),
        "{said}"
    );
}

#[test]
fn a_reply_is_read_up_to_its_largest_size() {
    let huge = Fault::Huge { bytes: 50_000_000 };
    let said = fails(huge, ProviderFailure::TooLarge, 1);
    assert!(said.contains("8388608 bytes"), "{said}");
    // One that says how long it is.
    let announced = |bytes| Fault::Status {
        code: 200,
        retry_after: None,
        body: "x".repeat(bytes),
    };
    fails(announced(REPLY_BYTES_MAX + 1), ProviderFailure::TooLarge, 1);
    // The largest is read, and isn't JSON.
    fails(announced(REPLY_BYTES_MAX), ProviderFailure::Reply, 1);
}

#[test]
fn a_reply_that_takes_too_long_is_given_up() {
    let time_max = Duration::from_millis(200);
    let drip = Fault::SlowDrip {
        reply: Reply::text("at last"),
        chunk_bytes: 1,
        pause: Duration::from_millis(20),
    };
    for fault in [Fault::Hang, drip] {
        let server = fake::Provider::start(always(fault));
        let settings = ProviderSettings {
            call_time_max: time_max,
            attempts_max: 2,
            ..settings(&server, Wire::OpenAi)
        };
        let begun = Instant::now();
        let error = ask(&settings).unwrap_err();
        assert_eq!((error.kind, error.attempts), (ProviderFailure::TimeOut, 2));
        assert!(error.message.contains("within 0.2 s"), "{error}");
        assert!(begun.elapsed() >= 2 * time_max && begun.elapsed() < PATIENCE);
        assert_eq!(server.request_count(), 2);
    }
}

#[test]
fn a_slow_reply_in_time_is_read_to_its_end() {
    let server = fake::Provider::start(always(Fault::SlowDrip {
        reply: Reply::text("at last"),
        chunk_bytes: 50,
        pause: Duration::from_millis(10),
    }));
    let delivered = ask(&settings(&server, Wire::OpenAi)).unwrap();
    assert_eq!(delivered.reply.text, "at last");
    assert!(
        delivered.latency >= Duration::from_millis(10),
        "{delivered:?}"
    );
}

#[test]
fn a_redirect_is_never_followed() {
    for wire in BOTH {
        let target = fake::Provider::start(always(Reply::text("a trap")));
        let to = format!("{}/v1/chat/completions?key={KEY}", target.url());
        let server = fake::Provider::start(always(Fault::Redirect { to }));
        let error = ask(&settings(&server, wire)).unwrap_err();
        assert_eq!((error.kind, error.attempts), (ProviderFailure::Redirect, 1));
        assert!(error.message.contains(&target.url()), "{error}");
        assert!(!error.message.contains("chat/completions"), "{error}");
        assert_eq!((server.request_count(), target.request_count()), (1, 0));
    }
}

#[test]
fn nobody_there_is_a_failed_connection_without_an_address() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let server = fake::Provider::start(always(Reply::text("x")));
    let mut settings = settings(&server, Wire::OpenAi);
    settings.base_url = Url::parse(&format!("http://127.0.0.1:{port}/secret-path")).unwrap();
    let error = ask(&settings).unwrap_err();
    assert_eq!(
        (error.kind, error.attempts),
        (ProviderFailure::Connection, ATTEMPTS_MAX)
    );
    assert!(!error.message.contains("secret-path"), "{error}");
    assert_eq!(server.request_count(), 0);
}

#[test]
fn a_server_without_encryption_is_not_taken_for_one_with() {
    let server = fake::Provider::start(always(Reply::text("x")));
    let mut settings = settings(&server, Wire::OpenAi);
    settings.base_url = Url::parse(&server.url().replace("http:", "https:")).unwrap();
    let provider = Provider::trusting(&settings, Some(KEY.into()), RootCertStore::empty()).unwrap();
    let error = block_on(chat(&provider, &asking("hello"))).unwrap_err();
    assert_eq!(error.kind, ProviderFailure::Connection, "{error}");
    assert_eq!(server.request_count(), 0);
}

#[test]
fn what_passes_leaves_only_the_number_of_attempts() {
    for wire in BOTH {
        let server = fake::Provider::start(script::<Answer>([
            Fault::rate_limit(None).into(),
            Fault::CutBeforeHeaders.into(),
            Reply::text("fine").into(),
        ]));
        let delivered = ask(&settings(&server, wire)).unwrap();
        assert_eq!(
            (delivered.reply.text.as_str(), delivered.attempts),
            ("fine", 3)
        );
    }
}

#[test]
fn what_a_model_says_wrongly_is_a_reply_all_the_same() {
    // It is for the plugin and the CRM to refuse these.
    let server = fake::Provider::start(script([Fault::ArgumentsNotJson, Fault::ReplyToAnother]));
    let provider = provider(&settings(&server, Wire::OpenAi));
    let (broken, other) = block_on(async {
        let broken = chat(&provider, &asking("hello")).await.unwrap();
        (broken, chat(&provider, &asking("hello")).await.unwrap())
    });
    assert_eq!(broken.reply.calls[0].arguments, "{\"text\": \"open");
    assert_eq!(other.reply.model, "model-of-another");
    assert_eq!(other.reply.calls[0].tool, "launch_rocket");
    assert_eq!(server.request_count(), 2);
}
