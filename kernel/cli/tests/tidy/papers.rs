//! That the papers say what is true.

use std::fs;

use crate::{Source, assert_none, root, source, sources};

/// Lines of a Markdown text with their numbers from 1, without blocks of code.
fn prose(markdown: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut code = false;
    markdown.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            code = !code;
            return None;
        }
        (!code).then_some((at + 1, line))
    })
}

/// Where a Markdown text links to, with the number of the line.
fn links(markdown: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    for (number, line) in prose(markdown) {
        // Every other part lies between two backticks.
        for text in line.split('`').step_by(2) {
            for (at, _) in text.match_indices("](") {
                let target = text[at + 2..].split(')').next().unwrap_or_default();
                found.extend(
                    target
                        .split_whitespace()
                        .next()
                        .map(|target| (number, target)),
                );
            }
        }
    }
    found
}

/// The anchors of a Markdown text's headings.
fn anchors(markdown: &str) -> Vec<String> {
    prose(markdown)
        .filter(|(_, line)| line.starts_with('#'))
        .filter_map(|(_, line)| line.trim_start_matches('#').strip_prefix(' '))
        .map(|heading| {
            heading
                .chars()
                .filter(|found| found.is_alphanumeric() || matches!(found, ' ' | '-' | '_'))
                .flat_map(char::to_lowercase)
                .map(|found| if found == ' ' { '-' } else { found })
                .collect()
        })
        .collect()
}

/// Whether a link on a page leads to a file, and to a heading in it if it names one.
fn leads_somewhere(page: &Source, link: &str) -> bool {
    let (file, anchor) = match link.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (link, None),
    };
    let target = match file {
        "" => root().join(&page.path),
        file => root().join(&page.path).with_file_name(file),
    };
    match anchor {
        None => target.exists(),
        Some(anchor) => fs::read_to_string(&target)
            .is_ok_and(|text| anchors(&text).iter().any(|found| found == anchor)),
    }
}

/// Tests that a Markdown text names, as `path/of/file.rs::name_of_test` in backticks.
fn tests_named(markdown: &str) -> Vec<(&str, &str)> {
    let code = markdown.split('`').skip(1).step_by(2);
    let named = code.filter_map(|code| code.split_once("::"));
    named.filter(|(path, _)| path.ends_with(".rs")).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    for page in sources().iter().filter(|source| source.is_markdown()) {
        for (number, link) in links(page.text()) {
            if !link.contains("://") && !leads_somewhere(page, link) {
                broken.push(format!("{}:{number}: {link} leads nowhere", page.path));
            }
        }
    }
    assert_none(&broken);
}

#[test]
fn the_tests_that_the_architecture_names_exist() {
    let page = source("docs/architecture.md");
    let named = tests_named(page.text());
    assert!(named.len() >= 10, "only {} tests are named", named.len());
    let missing: Vec<String> = named
        .into_iter()
        .filter(|(path, name)| {
            let text = fs::read_to_string(root().join(path)).unwrap_or_default();
            !text.contains(&format!("fn {name}("))
        })
        .map(|(path, name)| format!("docs/architecture.md: {path} has no test {name}"))
        .collect();
    assert_none(&missing);
}

#[test]
fn the_readme_sets_up_with_two_commands() {
    let page = source("README.md");
    let (_, from_block) = page
        .text()
        .split_once("```sh\n")
        .expect("a block of commands");
    let block = from_block.split("```").next().unwrap();
    assert_eq!(block, "cargo run --release -- demo\ncargo test\n");
    let manifest = source("Cargo.toml").toml();
    let oldest = manifest["workspace"]["package"]["rust-version"]
        .as_str()
        .unwrap();
    assert!(
        page.text().contains(&format!("Rust {oldest}")),
        "the oldest Rust is {oldest}"
    );
}

#[test]
fn the_changelog_has_something_to_say() {
    let page = source("CHANGELOG.md");
    let (_, after) = page
        .text()
        .split_once("\n## [Unreleased]\n")
        .expect("an unreleased section");
    let section = after.split("\n## ").next().unwrap();
    let entries = section
        .lines()
        .filter(|line| line.starts_with("- ") && line.len() > 20);
    assert!(entries.count() > 0, "nothing stands under [Unreleased]");
}

#[test]
fn what_the_checks_read_in_markdown() {
    let text = "# One `two`, three\n[a](b.md#c \"title\") `[d](e.md)`\n\
                ```\n# no\n[f](g.md)\n```\n[h]( i.md )";
    assert_eq!(links(text), [(2, "b.md#c"), (7, "i.md")]);
    assert_eq!(anchors(text), ["one-two-three"]);
    assert_eq!(
        tests_named("by `a/b.rs::c`, `a.rs` and `x::y`"),
        [("a/b.rs", "c")]
    );
    let page = source("README.md");
    assert!(leads_somewhere(&page, "docs/suite-format.md#tasks"));
    assert!(!leads_somewhere(
        &page,
        "docs/suite-format.md#no-such-heading"
    ));
    assert!(!leads_somewhere(&page, "docs/no-such-page.md"));
}
