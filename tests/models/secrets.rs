//! A key is sent to its provider, and stands nowhere else, even if the provider says it.

use std::fs;
use std::path::Path;

use proctor_provider::{Answer, Asked, Fault, Reply};

use super::{Place, last_speaker};
use crate::proctor::Ran;

/// It has no form by which a key is known: only its value gives it away.
const KEY: &str = "canary-of-the-7th-mine";
const VARIABLE: &str = "FAKE_PROVIDER_KEY";

/// Says its client's key wherever it can: as an argument, in its words, in an error.
fn indiscreet(asked: &Asked) -> Answer {
    let refuses = asked.messages().iter().any(|message| {
        let text = message["content"].as_str().unwrap_or_default();
        message["role"] == "user" && text.contains("ACTIVE")
    });
    if refuses {
        return Fault::status(401, &format!("the key {KEY} may not do this")).into();
    }
    let reply = match last_speaker(asked).as_str() {
        "tool" => Reply::text(format!("Your key is {KEY}.")),
        _ => Reply::call("call-1", "client_search", format!(r#"{{"name":"{KEY}"}}"#)),
    };
    reply.into()
}

#[test]
fn a_key_that_the_provider_says_is_kept_nowhere() {
    let place = Place::with(&format!("key_env = \"{VARIABLE}\""), indiscreet);
    let recording = ["--cassette", "a.cassette", "--out", "recorded"];
    let mut command = place.sandbox.command(Place::command(&recording));
    let ran = place.sandbox.run(command.env(VARIABLE, KEY));
    assert_eq!(ran.code, Some(3), "{}", ran.page());
    keeps_quiet(&ran);
    let outcomes = place.sandbox.outcomes("recorded");
    assert_eq!(outcomes[1], "client-status-no#0 infra_error");
    let sent = format!("Bearer {KEY}");
    for asked in place.provider.requests() {
        assert_eq!(asked.header("authorization"), Some(sent.as_str()));
        let body = asked.body.to_string();
        assert!(!body.contains(KEY), "it comes back to the provider");
    }
    nowhere(&place.sandbox.path(""));
    assert!(place.sandbox.telemetry("recorded").contains("[redacted]"));

    let mut shown = String::new();
    for episode in ["client-find#0", "client-status-no#0", "deal-advance#0"] {
        let show = ["cassette", "show", "a.cassette", episode];
        for form in [&show[..], &[&show[..], &["--json"]].concat()] {
            let ran = place.sandbox.proctor(form).succeeded();
            keeps_quiet(&ran);
            shown.push_str(&ran.stdout);
        }
    }
    assert!(shown.contains("Your key is [redacted]."), "{shown}");
    assert!(shown.contains("the key [key] may not do this"), "{shown}");
    let replayed = place.replay("replayed", &[]);
    assert_eq!(replayed.code, Some(3), "{}", replayed.page());
    place.same("replayed", "recorded");
}

#[test]
fn a_key_of_the_file_env_is_kept_nowhere_else() {
    let place = Place::with(&format!("key_env = \"{VARIABLE}\""), indiscreet);
    place.sandbox.write(".env", format!("{VARIABLE}={KEY}\n"));
    let ran = place.run(&["--cassette", "a.cassette", "--out", "recorded"]);
    assert_eq!(ran.code, Some(3), "{}", ran.page());
    keeps_quiet(&ran);
    fs::remove_file(place.sandbox.path(".env")).unwrap();
    nowhere(&place.sandbox.path(""));
}

#[track_caller]
fn keeps_quiet(ran: &Ran) {
    assert!(!ran.stdout.contains(KEY), "{}", ran.stdout);
    assert!(!ran.stderr.contains(KEY), "{}", ran.stderr);
}

/// No file of a folder, or of those in it, has the key.
#[track_caller]
fn nowhere(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            nowhere(&path);
        } else {
            let bytes = fs::read(&path).unwrap();
            let found = bytes.windows(KEY.len()).any(|part| part == KEY.as_bytes());
            assert!(!found, "{}", path.display());
        }
    }
}
