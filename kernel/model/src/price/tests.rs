#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<PriceList, PriceError> {
    PriceList::parse(text, Path::new("prices.toml"))
}

fn listed(prices: &str) -> Result<PriceList, PriceError> {
    parse(&format!("as_of = \"2025-10-01\"\n[price.m]\n{prices}\n"))
}

fn message(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

fn usage(input: u64, output: u64, cached: u64, cache_written: u64) -> Usage {
    Usage {
        input,
        output,
        cached,
        cache_written,
        reasoning: 0,
    }
}

fn built_in() -> PriceList {
    parse(include_str!("../../../../seeds/prices.toml")).unwrap()
}

#[test]
fn the_built_in_list_gives_what_a_calculator_does() {
    let cost = |model, usage| built_in().cost(model, &usage).unwrap().to_string();
    // 400 at 2.00, 600 at 0.50, 100 at 8.00 USD per million.
    assert_eq!(cost("gpt-4.1", usage(1_000, 100, 600, 0)), "0.0019");
    assert_eq!(cost("gpt-4.1-mini", usage(1, 1, 0, 0)), "0.000002");
    // 100 at 3.00, 200 at 0.30, 700 at 3.75, 10 at 15.00.
    let by_parts = usage(1_000, 10, 200, 700);
    assert_eq!(cost("claude-sonnet-4", by_parts), "0.003135");
    assert_eq!(cost("claude-sonnet-4.5", by_parts), "0.003135");
    assert_eq!(cost("smollm2-135m", usage(1_000_000, 9, 0, 0)), "0");
    assert_eq!(built_in().cost("gpt-5", &usage(1, 1, 0, 0)), None);
    assert_eq!(built_in().price("gpt-4.1").unwrap().as_of, "2025-10-01");
}

#[test]
fn a_price_is_the_same_as_number_and_as_text() {
    let price = |text: &str| listed(text).unwrap().price("m").unwrap().input.pico();
    assert_eq!(price("input = 0.1\noutput = 1"), 100_000);
    assert_eq!(price("input = \"0.1\"\noutput = 1"), 100_000);
    assert_eq!(price("input = 0.000001\noutput = 1"), 1);
    assert_eq!(price("input = 10000\noutput = 1"), 10_000_000_000);
}

#[test]
fn what_is_read_from_the_cache_or_written_to_it_costs_as_input_unless_stated() {
    let list = listed("input = 2\noutput = 3").unwrap();
    let cost = |usage| list.cost("m", &usage);
    assert_eq!(cost(usage(10, 0, 0, 0)), cost(usage(10, 0, 4, 3)));
}

#[test]
fn a_price_that_cannot_be_is_refused_with_its_place() {
    for price in [
        "-0.5",
        "nan",
        "inf",
        "1e3",
        "0x10",
        "10000.01",
        "0.0000001",
        "true",
        "\"cheap\"",
        "\"-1\"",
        "[1]",
        "\"\"",
    ] {
        let error = listed(&format!("output = 1\ninput = {price}")).unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("prices.toml:4:9: `input` is "), "{text}");
        assert!(
            text.contains("USD per million tokens, from 0 to 10000"),
            "{text}"
        );
        assert!(text.len() < 300, "{text}");
    }
}

#[test]
fn a_key_that_is_not_known_or_missing_is_refused_with_its_place() {
    let head = "as_of = \"2025-10-01\"\n[price.m]\n";
    let text = message(&format!("{head}input = 1\noutput = 1\ncached = 1\n"));
    assert!(
        text.starts_with("prices.toml:5:1: unknown field `cached`"),
        "{text}"
    );
    let text = message(&format!("{head}input = 1\n"));
    assert!(
        text.starts_with("prices.toml:2:1: missing field `output`"),
        "{text}"
    );
    assert!(message("prices = 1").contains("unknown field `prices`"));
}

#[test]
fn a_list_without_a_real_day_is_refused() {
    assert!(message("").contains("missing field `as_of`"));
    for day in [
        "\"2025-02-30\"",
        "\"October\"",
        "\"2025-10\"",
        "12",
        "2025-10-01T09:00:00Z",
    ] {
        let text = message(&format!("as_of = {day}"));
        assert!(
            text.starts_with("prices.toml:1:9: `as_of` must be"),
            "{day}: {text}"
        );
    }
    assert_eq!(parse("as_of = 2025-10-01"), parse("as_of = \"2025-10-01\""));
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let text = message(&"#".repeat(PRICES_FILE_BYTES_MAX + 1));
    assert_eq!(
        text,
        "prices.toml: has 1048577 bytes; at most 1048576 are read"
    );
}

#[test]
fn a_list_over_another_changes_the_models_it_names() {
    let own = "as_of = \"2026-01-02\"\n[price.\"gpt-4.1\"]\ninput = 1\noutput = 1\n";
    let list = built_in().overlaid(parse(own).unwrap());
    assert_eq!(list.price("gpt-4.1").unwrap().as_of, "2026-01-02");
    assert_eq!(
        list.cost("gpt-4.1", &usage(1, 1, 1, 0)).unwrap().pico(),
        2_000_000
    );
    assert_eq!(list.price("gpt-4.1-mini"), built_in().price("gpt-4.1-mini"));
}

#[test]
fn the_digest_is_that_of_the_prices_and_not_of_the_file() {
    let digest = |text: &str| parse(text).unwrap().digest();
    let one = "as_of = \"2025-10-01\"\n[price.a]\ninput = 1.50\noutput = 2\n[price.b]\ninput = 0\noutput = 0\n";
    let same = "# of today\nas_of = 2025-10-01\nsource = \"x\"\n[price.b]\noutput = 0\ninput = 0\n[price.a]\ninput = \"1.5\"\noutput = 2.0\ncached_input = 1.5\n";
    assert_eq!(digest(one), digest(same));
    assert_ne!(digest(one), digest(&one.replace("1.50", "1.51")));
    assert_ne!(digest(one), digest(&one.replace("price.b", "price.c")));
    assert_ne!(digest(one), digest(&one.replace("2025", "2024")));
}

proptest! {
    #[test]
    fn a_million_tokens_cost_the_price_to_the_digit(micro in 0_u64..=10_000_000_000) {
        let price = format!("{}.{:06}", micro / 1_000_000, micro % 1_000_000);
        let list = listed(&format!("input = {price}\noutput = \"{price}\"")).unwrap();
        let usd: Cost = price.parse().unwrap();
        prop_assert_eq!(list.cost("m", &usage(1_000_000, 0, 0, 0)), Some(usd));
        prop_assert_eq!(list.cost("m", &usage(0, 1_000_000, 0, 0)), Some(usd));
    }

    #[test]
    fn no_usage_a_provider_claims_ends_the_process(
        input: u64, output: u64, cached: u64, cache_written: u64,
    ) {
        let cost = built_in().cost("claude-sonnet-4", &usage(input, output, cached, cache_written));
        prop_assert!(cost.is_some());
    }

    #[test]
    fn no_text_ends_the_process(text in "(as_of = \"2025-10-01\"\n)?(\\[price.m\\]\n)?(input = )?\\PC{0,40}") {
        let _ = parse(&text);
    }
}
