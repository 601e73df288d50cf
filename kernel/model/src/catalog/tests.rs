#![allow(clippy::unwrap_used)]

mod refused;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::settings::{Auth, Wire};

const PROVIDER: &str = "[provider.p]\nwire = \"openai\"\nbase_url = \"https://h/v1\"\n";

fn parse(text: &str) -> Result<(Catalog, Baseline), CatalogError> {
    super::parse(text, Path::new("models.toml"), None)
}

fn built_in() -> (Catalog, Baseline) {
    parse(include_str!("../../../../seeds/models.toml")).unwrap()
}

fn over_built_in(text: &str) -> Result<(Catalog, Baseline), CatalogError> {
    super::parse(text, Path::new("models.toml"), Some(&built_in().0))
}

fn error(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

/// A provider with one more line, the fourth.
fn with_provider(line: &str) -> Result<(Catalog, Baseline), CatalogError> {
    parse(&format!("{PROVIDER}{line}\n"))
}

/// A model with one more line, the seventh.
fn with_model(line: &str) -> Result<(Catalog, Baseline), CatalogError> {
    parse(&format!(
        "{PROVIDER}[model.m]\nprovider = \"p\"\nid = \"i\"\n{line}\n"
    ))
}

fn with_address(address: &str) -> Result<(Catalog, Baseline), CatalogError> {
    parse(&PROVIDER.replace("https://h/v1", address))
}

#[test]
fn what_is_built_in_has_every_baseline_and_pinned_models() {
    let (catalog, baseline) = built_in();
    let agents: Vec<&str> = baseline
        .agents
        .iter()
        .map(|agent| agent.name.as_str())
        .collect();
    let expected = [
        "oracle",
        "noop",
        "student-sim",
        "gpt-4.1",
        "gpt-4.1-mini",
        "claude-sonnet-4",
        "claude-sonnet-4.5",
        "smollm2-135m",
    ];
    assert_eq!(agents, expected);
    let reached = |name| {
        let (model, provider) = catalog.model(name).unwrap();
        (model.id.as_str(), provider.name.as_str(), provider.auth)
    };
    assert_eq!(
        reached("gpt-4.1"),
        ("gpt-4.1-2025-04-14", "openai", Auth::Bearer)
    );
    assert_eq!(
        reached("claude-sonnet-4.5"),
        ("claude-sonnet-4-5-20250929", "anthropic", Auth::XApiKey)
    );
    let (small, local) = catalog.model("smollm2-135m").unwrap();
    assert_eq!(small.structured, Structured::Object);
    assert_eq!(small.sampling.temperature, Some(0.0));
    assert!(small.seeded);
    assert_eq!((local.auth, &local.key_env), (Auth::None, &None));
    let small = baseline.agents.last().unwrap();
    assert_eq!(small.parameters["protocol"], "two");
}

#[test]
fn every_built_in_model_has_a_price() {
    let text = include_str!("../../../../seeds/prices.toml");
    let prices = crate::price::PriceList::parse(text, Path::new("prices.toml")).unwrap();
    for model in built_in().0.models.keys() {
        assert!(prices.price(model).is_some(), "{model}");
    }
}

#[test]
fn what_a_comment_of_the_built_in_file_shows_can_be_used() {
    let text = include_str!("../../../../seeds/models.toml");
    let examples: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.starts_with('[') || line.contains(" = "))
        .map(|line| format!("{line}\n"))
        .collect();
    let (catalog, _) = parse(&examples).unwrap();
    let names: Vec<&String> = catalog.providers.keys().collect();
    assert_eq!(names, ["azure", "ollama", "vllm"]);
    let azure = &catalog.providers["azure"];
    assert_eq!(azure.auth, Auth::ApiKey);
    assert_eq!(azure.base_url.query(), Some("api-version=2024-10-21"));
    assert!(catalog.model("llama").is_ok());
}

#[test]
fn what_is_left_out_has_its_default() {
    let (catalog, baseline) = with_model("").unwrap();
    let (model, provider) = catalog.model("m").unwrap();
    assert_eq!(provider.concurrency_max, 8);
    assert_eq!(provider.requests_per_minute_max, None);
    assert_eq!(provider.attempts_max, 5);
    assert_eq!(provider.call_time_max, Duration::from_secs(120));
    assert_eq!(provider.pause_max, Duration::from_secs(60));
    assert_eq!(model.tokens_max, 2_048);
    assert_eq!(model.calls_per_episode_max, 200);
    assert_eq!(model.episode_time_max, Duration::from_secs(1_200));
    assert_eq!(model.structured, Structured::Schema);
    assert_eq!(model.sampling, Sampling::default());
    assert_eq!(baseline, Baseline::default());
    assert_eq!(parse("").unwrap(), Default::default());
}

#[test]
fn what_is_said_is_taken() {
    let line = "requests_per_minute_max = 9\npause_max_s = 0.005\nkey_env = \"A_KEY\"";
    let (catalog, _) = with_provider(line).unwrap();
    let provider = &catalog.providers["p"];
    assert_eq!(provider.requests_per_minute_max, Some(9));
    assert_eq!(provider.pause_max, Duration::from_millis(5));
    assert_eq!(provider.key_env.as_deref(), Some("A_KEY"));
    assert_eq!(provider.auth, Auth::Bearer);
    let (catalog, _) = with_model("temperature = -0.0\ntop_p = 1\nstop = [\"x\"]").unwrap();
    let sampling = &catalog.models["m"].sampling;
    assert!(sampling.temperature.unwrap().is_sign_positive());
    assert_eq!(sampling.top_p, Some(1.0));
    assert_eq!(sampling.stop, ["x"]);
}

#[test]
fn a_comparison_is_read_in_its_order() {
    let (_, baseline) = over_built_in(
        "suite = \"crm-core\"\ntrials = 4\nseed = 7\nlimit = 9\nfilter = [\"kind=add_note\"]\n\
         [[agent]]\nname = \"b\"\nlabel = \"Bee\"\npolicy = \"bee.wasm\"\nmodel = \"gpt-4.1\"\n\
         parameters = { mistakes = 0.50, depth = 3, fast = true, word = \"x\" }\n\
         judge = { name = \"judge-answer\", model = \"gpt-4.1-mini\" }\n\
         [[agent]]\nname = \"a\"\npolicy = \"noop\"\n",
    )
    .unwrap();
    assert_eq!(baseline.suite.as_deref(), Some("crm-core"));
    assert_eq!(
        (baseline.trials, baseline.seed, baseline.limit),
        (Some(4), Some(7), Some(9))
    );
    assert_eq!(baseline.filter, ["kind=add_note"]);
    let [bee, other] = &baseline.agents[..] else {
        panic!("{:?}", baseline.agents)
    };
    assert_eq!(bee.model.as_deref(), Some("gpt-4.1"));
    let parameters: Vec<(&str, &str)> = bee
        .parameters
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let expected = [
        ("depth", "3"),
        ("fast", "true"),
        ("mistakes", "0.50"),
        ("word", "x"),
    ];
    assert_eq!(parameters, expected);
    assert_eq!(bee.judge.as_ref().unwrap().model, "gpt-4.1-mini");
    assert_eq!(
        (other.name.as_str(), &other.model, &other.judge),
        ("a", &None, &None)
    );
}

#[test]
fn a_file_adds_to_the_built_in_one_and_replaces_by_name() {
    let (catalog, baseline) = over_built_in(&format!(
        "{}[model.m]\nprovider = \"anthropic\"\nid = \"i\"\n",
        PROVIDER.replace("provider.p", "provider.openai")
    ))
    .unwrap();
    assert!(catalog.model("m").is_ok());
    let (_, provider) = catalog.model("gpt-4.1").unwrap();
    assert_eq!(provider.base_url.as_str(), "https://h/v1");
    assert_eq!(provider.key_env, None);
    assert!(baseline.agents.is_empty());
}

#[test]
fn a_model_that_is_not_there_is_answered_with_the_nearest() {
    let (catalog, _) = built_in();
    let unknown = catalog.model("GPT-4.1-mimi").unwrap_err();
    assert_eq!(unknown.nearest.as_deref(), Some("gpt-4.1-mini"));
    assert_eq!(unknown.known.len(), 5);
    assert_eq!(
        unknown.to_string(),
        "there is no model `GPT-4.1-mimi`; did you mean `gpt-4.1-mini`?"
    );
    assert_eq!(
        catalog.model("zzz").unwrap_err().to_string(),
        "there is no model `zzz`; known are claude-sonnet-4, claude-sonnet-4.5, gpt-4.1, \
         gpt-4.1-mini, smollm2-135m"
    );
    let long = catalog
        .model(&"m\n".repeat(100_000))
        .unwrap_err()
        .to_string();
    assert!(long.len() < 400 && !long.contains('\n'), "{long}");
    let none = Catalog::default().model("m").unwrap_err().to_string();
    assert_eq!(none, "there is no model `m`; none is known");
}

#[test]
fn names_that_lead_nowhere_are_refused_with_the_nearest() {
    let model = "[model.m]\nprovider = \"opena\"\nid = \"i\"\n";
    assert_eq!(
        over_built_in(model).unwrap_err().to_string(),
        "models.toml:2:12: there is no provider `opena`; did you mean `openai`?"
    );
    let agent = "[[agent]]\nname = \"a\"\npolicy = \"x\"\n";
    for (line, place) in [
        ("model = \"gpt-41\"", "4:9"),
        ("judge = { name = \"j\", model = \"gpt-41\" }", "4:31"),
    ] {
        assert_eq!(
            over_built_in(&format!("{agent}{line}\n"))
                .unwrap_err()
                .to_string(),
            format!("models.toml:{place}: there is no model `gpt-41`; did you mean `gpt-4.1`?")
        );
    }
}

#[test]
fn two_agents_of_one_name_are_refused() {
    let agent = "[[agent]]\nname = \"a\"\npolicy = \"noop\"\n";
    assert_eq!(
        error(&agent.repeat(2)),
        "models.toml:5:8: there is another agent `a`"
    );
}

#[test]
fn the_schema_names_what_is_read_and_nothing_else_is_let_through() {
    let schema = models_schema();
    assert_eq!(schema["additionalProperties"], false);
    let provider = &schema["$defs"]["ProviderEntry"];
    for wire in provider["properties"]["wire"]["enum"].as_array().unwrap() {
        assert!(
            serde_json::from_value::<Wire>(wire.clone()).is_ok(),
            "{wire}"
        );
    }
    for auth in provider["properties"]["auth"]["enum"].as_array().unwrap() {
        assert!(
            serde_json::from_value::<Option<Auth>>(auth.clone()).is_ok(),
            "{auth}"
        );
    }
    let model = &schema["$defs"]["ModelEntry"]["properties"];
    for structured in model["structured"]["enum"].as_array().unwrap() {
        let read = serde_json::from_value::<Option<Structured>>(structured.clone());
        assert!(read.is_ok(), "{structured}");
    }
    assert_eq!(
        provider["required"],
        serde_json::json!(["wire", "base_url"])
    );
}

proptest! {
    #[test]
    fn no_file_ends_the_process(
        line in "(key_env|base_url|auth|call_time_max_s|attempts_max) = [\"']?\\PC{0,30}[\"']?",
        any in "\\PC{0,60}",
    ) {
        let _ = with_provider(&line);
        let _ = with_model(&any);
        let _ = parse(&any);
    }
}
