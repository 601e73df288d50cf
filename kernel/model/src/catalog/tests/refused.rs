//! What a models file must not have.

use super::*;

#[test]
fn addresses_that_would_send_a_key_astray_are_refused_without_being_repeated() {
    for (address, reason) in [
        ("ftp://h/v1", "must begin with `https://`"),
        ("h/v1", "is no address"),
        ("https://", "is no address"),
        ("https://user:hunter2@h/v1", "has a user or password"),
        ("https://hunter2@h/v1", "has a user or password"),
        ("https://h/v1?api-key=hunter2", "has a key in its query"),
        (
            "https://h/v1?access_token=hunter2",
            "has a key in its query",
        ),
        ("https://h/v1#hunter2", "has a `#`"),
        ("https://h/v1/chat/completions", "must end before"),
        ("https://h/v1/messages/", "must end before"),
        ("http://h/v1", "is http and not on this machine"),
        (
            "http://localhost.evil.example/v1",
            "is http and not on this machine",
        ),
        ("http://10.0.0.1/v1", "is http and not on this machine"),
    ] {
        let text = with_address(address).unwrap_err().to_string();
        let start = format!("models.toml:3:12: `base_url` {reason}");
        assert!(text.starts_with(&start), "{address}: {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn plain_http_goes_to_this_machine_or_where_it_is_allowed() {
    for address in [
        "http://127.0.0.1:8080/v1",
        "http://127.9.9.9/v1",
        "http://[::1]:9/v1",
        "http://localhost/v1",
        "http://10.0.0.1/v1\"\nallow_plain_http = true\nkey_env = \"K",
    ] {
        assert!(with_address(address).is_ok(), "{address}");
    }
}

#[test]
fn a_key_pasted_into_the_file_is_refused_and_not_repeated() {
    // The first by its small letters, the second by its length without a `_`.
    for key in [
        "sk-proj-0123456789abcdef",
        "AKIAIOSFODNN7EXAMPLE",
        "0123456789ABCDEF",
        "my_key_hunter2",
        "",
    ] {
        let text = with_provider(&format!("key_env = \"{key}\""))
            .unwrap_err()
            .to_string();
        assert!(
            text.starts_with("models.toml:4:11: `key_env` must be the name of"),
            "{text}"
        );
        assert!(key.is_empty() || !text.contains(key), "{text}");
    }
    let key = "sk-proj-0123456789abcdef";
    for line in [
        "concurrency_max",
        "auth",
        "call_time_max_s",
        "base",
        "allow_plain_http",
    ] {
        let text = with_provider(&format!("{line} = \"{key}\""))
            .unwrap_err()
            .to_string();
        assert!(!text.contains(key), "{text}");
    }
    for text in [
        format!("{PROVIDER}{key} = 1\n"),
        format!("{PROVIDER}[model.{key}]\nprovider = \"p\"\nid = \"i\"\n"),
        format!("{PROVIDER}[model.m]\nprovider = \"{key}\"\nid = \"i\"\n"),
        format!("{PROVIDER}[model.m]\nprovider = \"p\"\nid = \"{key}\"\n"),
        format!("[[agent]]\nname = \"a\"\npolicy = \"noop\"\nmodel = \"{key}\"\n"),
        PROVIDER.replace("openai", key),
    ] {
        assert!(!error(&text).contains(key), "{}", error(&text));
    }
}

#[test]
fn a_key_is_named_if_and_only_if_it_is_sent() {
    let text = with_provider("auth = \"bearer\"").unwrap_err().to_string();
    assert!(
        text.starts_with("models.toml:4:8: a key is to be sent"),
        "{text}"
    );
    let text = with_provider("key_env = \"K\"\nauth = \"none\"")
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("models.toml:4:11: `auth` says that no key"),
        "{text}"
    );
}

#[test]
fn numbers_out_of_range_are_refused_with_their_place() {
    for line in [
        "concurrency_max = 0",
        "concurrency_max = 10001",
        "requests_per_minute_max = 0",
        "attempts_max = 0",
        "call_time_max_s = 0",
        "call_time_max_s = -1",
        "pause_max_s = nan",
        "pause_max_s = inf",
        "pause_max_s = 86401",
    ] {
        refused_at_value(with_provider(line), line, 4);
    }
    for line in [
        "temperature = -0.1",
        "temperature = 2.1",
        "temperature = nan",
        "top_p = 0",
        "top_p = 1.1",
        "tokens_max = 0",
        "tokens_max = 1000001",
        "calls_per_episode_max = 0",
        "episode_time_max_s = 0",
    ] {
        refused_at_value(with_model(line), line, 7);
    }
    for line in ["trials = 0", "limit = 0"] {
        refused_at_value(parse(line), line, 1);
    }
}

fn refused_at_value(result: Result<(Catalog, Baseline), CatalogError>, line: &str, number: usize) {
    let (key, _) = line.split_once(" = ").unwrap();
    let text = result.unwrap_err().to_string();
    let start = format!("models.toml:{number}:{}: `{key}` ", key.len() + 4);
    assert!(
        text.starts_with(&start) && text.contains("must be"),
        "{text}"
    );
}

#[test]
fn names_that_could_leave_their_place_are_refused() {
    for name in ["", "..", "a/b", "a b", "-a", "ä", &"a".repeat(65)] {
        let text = error(&format!(
            "[[agent]]\nname = \"{name}\"\npolicy = \"noop\"\n"
        ));
        assert!(text.starts_with("models.toml:2:8: "), "{text}");
        assert!(text.contains("is no name; one has"), "{text}");
    }
    let text = error("[[agent]]\nname = \"a\"\npolicy = \" \"\n");
    assert!(
        text.starts_with("models.toml:3:10: `policy` must be one line"),
        "{text}"
    );
    let text = error("[[agent]]\nname = \"a\"\npolicy = \"x\"\nparameters = { x = [1] }\n");
    assert!(
        text.starts_with("models.toml:4:20: the parameter `x` must be"),
        "{text}"
    );
}

#[test]
fn a_reply_is_ended_by_few_texts_and_none_is_empty() {
    let text = with_model("stop = [\"a\", \"\"]").unwrap_err().to_string();
    assert!(
        text.starts_with("models.toml:7:14: an empty text"),
        "{text}"
    );
    let text = with_model("stop = [\"a\", \"b\", \"c\", \"d\", \"e\"]")
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("models.toml:7:29: `stop` has at most 4"),
        "{text}"
    );
}

#[test]
fn what_the_providers_wire_does_not_have_is_refused() {
    let asking = |wire: &str, line: &str| {
        let provider = PROVIDER.replace("openai", wire);
        error(&format!(
            "{provider}[model.m]\nprovider = \"p\"\nid = \"i\"\n{line}\n"
        ))
    };
    for (wire, line) in [
        ("openai", "prompt_cache = true"),
        ("anthropic", "seeded = true"),
        ("anthropic", "completion_tokens = true"),
        ("anthropic", "structured = \"object\""),
        ("anthropic", "temperature = 1.5"),
    ] {
        let text = asking(wire, line);
        assert!(
            text.starts_with("models.toml:4:8: model `m`: "),
            "{line}: {text}"
        );
    }
    let replaced = PROVIDER.replace("provider.p", "provider.anthropic");
    let text = over_built_in(&replaced).unwrap_err().to_string();
    assert!(
        text.starts_with("models.toml:1:11: model `claude-sonnet-4`: "),
        "{text}"
    );
}

#[test]
fn what_the_file_must_not_have_is_refused_with_its_place() {
    assert!(error("[providers.p]\n").starts_with("models.toml:1:2: unknown field `providers`"));
    let text = with_provider("key = \"x\"").unwrap_err().to_string();
    assert!(
        text.starts_with("models.toml:4:1: unknown field `key`"),
        "{text}"
    );
    assert!(error("[provider.p]\nwire = \"x\"\n").starts_with("models.toml:2:8: unknown variant"));
    assert!(error("a = 1\na = 2\n").starts_with("models.toml:2:1: duplicate key"));
    let text = error(&"#".repeat(MODELS_FILE_BYTES_MAX + 1));
    assert_eq!(
        text,
        "models.toml: has 1048577 bytes; at most 1048576 are read"
    );
}
