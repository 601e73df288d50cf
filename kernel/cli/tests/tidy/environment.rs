//! That `.env.example` names every variable that is read from the environment, and no other.

use std::collections::{BTreeMap, BTreeSet};

use crate::{Source, assert_none, source, sources};

const EXAMPLE: &str = ".env.example";
const COMPOSE: &str = "docker-compose.yml";
const MODELS: &str = "seeds/models.toml";

/// Variables that are read, and still are nothing that anybody sets for Proctor.
const NO_SETTINGS: &[(&str, &str)] = &[
    ("PATH", "every program's"),
    ("HOME", "every program's"),
    ("CARGO_HOME", "cargo's own"),
    ("PROCTOR_BENCH_EPISODES", "a bench calls itself with it"),
    ("PROCTOR_TEST_CACHE_FOLDER", "a test calls itself with it"),
    ("END", "a test calls itself with it"),
];

/// Variables that Proctor's sources don't read, but a crate that it is built with.
const READ_BY_CRATES: &[(&str, &str)] = &[
    ("CLICOLOR", "anstream"),
    ("CLICOLOR_FORCE", "anstream"),
    ("COLUMNS", "clap"),
    ("NO_COLOR", "anstream"),
    ("SSL_CERT_DIR", "rustls-native-certs"),
    ("SSL_CERT_FILE", "rustls-native-certs"),
    ("XDG_CACHE_HOME", "etcetera"),
];

/// A line of `.env.example` that sets a variable, or shows one that isn't set.
struct Setting<'a> {
    line: usize,
    name: &'a str,
    /// What it is set to; none where it is only shown.
    value: Option<&'a str>,
    /// Whether the line before explains it.
    explained: bool,
}

fn is_name(text: &str) -> bool {
    text.len() >= 3
        && text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .chars()
            .all(|found| found.is_ascii_uppercase() || found.is_ascii_digit() || found == '_')
}

/// Name and value of a line `NAME=value` or `# NAME=value`.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix("# ").unwrap_or(line).split_once('=')?;
    is_name(name).then_some((name, value))
}

fn settings(example: &str) -> Vec<Setting<'_>> {
    let mut before = "";
    let mut found = Vec::new();
    for (at, line) in example.lines().enumerate() {
        if let Some((name, value)) = assignment(line) {
            found.push(Setting {
                line: at + 1,
                name,
                value: (!line.starts_with('#')).then_some(value),
                explained: before.starts_with("# ") && assignment(before).is_none(),
            });
        }
        before = line;
    }
    found
}

/// Texts in quotes that could be names of variables and aren't given to another program.
fn names_in(code: &str) -> impl Iterator<Item = &str> {
    let parts: Vec<&str> = code.split('"').collect();
    let pairs: Vec<(&str, &str)> = parts.windows(2).map(|pair| (pair[0], pair[1])).collect();
    let read = pairs.into_iter().filter(|(before, text)| {
        let given = ["env(", "env_remove(", "env!("];
        is_name(text) && !given.iter().any(|call| before.ends_with(call))
    });
    read.map(|(_, name)| name)
}

/// Variables that a source reads. Where a call doesn't have the name in itself, everything in the
/// source that could be one counts.
fn read_by(code: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    // The program reads its settings through a function of its own, which also knows a file.
    for call in [
        "env::var(",
        "env::var_os(",
        "variable(ADDRESS",
        "environment::variable(PASSWORD",
        "environment::variable(EPOCH",
    ] {
        for (at, _) in code.match_indices(call) {
            let argument = code[at + call.len()..].trim_start();
            match argument.strip_prefix('"').and_then(|it| it.split_once('"')) {
                Some((name, _)) => found.extend([name]),
                None => found.extend(names_in(code)),
            }
        }
    }
    found
}

/// Variables that a Compose file takes from its environment, with what stands for each that is
/// missing.
fn interpolated(compose: &str) -> BTreeMap<&str, &str> {
    let inside = compose
        .split("${")
        .skip(1)
        .filter_map(|rest| rest.split_once('}'));
    inside
        .map(|(inside, _)| inside.split_once(":-").unwrap_or((inside, "")))
        .collect()
}

/// Variables with the keys of providers that a models file names, in what isn't commented out.
fn keys_of(models: &str) -> impl Iterator<Item = &str> {
    models
        .lines()
        .filter_map(|line| line.strip_prefix("key_env = \"")?.strip_suffix('"'))
}

/// Every variable that is read, with one file that reads it.
fn all_read(sources: &[Source]) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    for source in sources {
        let path = source.path.as_str();
        let of_this_check = path.starts_with("kernel/cli/tests/tidy/");
        if source.is_rust() && !of_this_check {
            found.extend(read_by(source.text()).into_iter().map(|name| (name, path)));
        } else if path == COMPOSE {
            found.extend(
                interpolated(source.text())
                    .into_keys()
                    .map(|name| (name, path)),
            );
        } else if path == MODELS {
            found.extend(keys_of(source.text()).map(|name| (name, path)));
        }
    }
    found
}

#[test]
fn the_example_names_every_variable_that_is_read() {
    let sources = sources();
    let example = source(EXAMPLE);
    let named: BTreeSet<&str> = settings(example.text()).iter().map(|it| it.name).collect();
    let missing: Vec<String> = all_read(&sources)
        .into_iter()
        .filter(|(name, _)| NO_SETTINGS.iter().all(|(known, _)| known != name))
        .filter(|(name, _)| !named.contains(name))
        .map(|(name, path)| format!("{path}: reads {name}, which {EXAMPLE} doesn't explain"))
        .collect();
    assert_none(&missing);
}

#[test]
fn nothing_is_in_the_example_that_nobody_reads() {
    let sources = sources();
    let read = all_read(&sources);
    let example = source(EXAMPLE);
    let by_crates: BTreeSet<&str> = READ_BY_CRATES.iter().map(|(name, _)| *name).collect();
    let idle = settings(example.text())
        .into_iter()
        .filter(|it| !read.contains_key(it.name) && !by_crates.contains(it.name))
        .map(|it| format!("{EXAMPLE}:{}: nothing reads {}", it.line, it.name));
    let excepted = NO_SETTINGS
        .iter()
        .filter(|(name, _)| !read.contains_key(name))
        .map(|(name, _)| format!("{name} is excepted for nothing"));
    let manifest = source("Cargo.toml").toml();
    let dependencies = manifest["workspace"]["dependencies"].as_table().unwrap();
    let gone = READ_BY_CRATES
        .iter()
        .filter(|(_, by)| !dependencies.contains_key(*by))
        .map(|(name, by)| format!("{name}: {by}, which reads it, is no dependency"));
    assert_none(&idle.chain(excepted).chain(gone).collect::<Vec<_>>());
}

#[test]
fn the_example_explains_each_variable_once() {
    let example = source(EXAMPLE);
    let mut seen = BTreeSet::new();
    let mut wrong = Vec::new();
    for it in settings(example.text()) {
        if !it.explained {
            wrong.push(format!("{EXAMPLE}:{}: {} has no comment", it.line, it.name));
        }
        if !seen.insert(it.name) {
            wrong.push(format!("{EXAMPLE}:{}: {} again", it.line, it.name));
        }
    }
    assert_none(&wrong);
}

#[test]
fn the_example_leads_to_the_server_of_the_compose_file() {
    let (example, compose) = (source(EXAMPLE), source(COMPOSE));
    let set: BTreeMap<&str, &str> = settings(example.text())
        .into_iter()
        .filter_map(|it| Some((it.name, it.value?)))
        .collect();
    let of_server = interpolated(compose.text());
    for (name, value) in &of_server {
        assert_eq!(set.get(name), Some(value), "{name}");
    }
    let [user, password, port, database] = [
        "POSTGRES_USER",
        "POSTGRES_PASSWORD",
        "PROCTOR_POSTGRES_PORT",
        "POSTGRES_DB",
    ]
    .map(|name| of_server[name]);
    assert_eq!(
        set["DATABASE_URL"],
        format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}")
    );
}

#[test]
fn the_server_of_the_compose_file_answers_on_this_machine_only() {
    let compose = source(COMPOSE);
    let (_, ports) = compose.text().split_once("\n    ports:\n").unwrap();
    let published: Vec<&str> = ports
        .lines()
        .take_while(|line| line.starts_with("      "))
        .filter_map(|line| line.trim().strip_prefix("- "))
        .collect();
    assert!(!published.is_empty());
    for port in published {
        assert!(port.starts_with("\"127.0.0.1:"), "{port}");
    }
}

#[test]
fn passwords_in_an_env_file_are_never_committed() {
    let ignored = source(".gitignore");
    assert!(ignored.text().lines().any(|line| line == ".env"));
}

#[test]
fn variables_are_found_however_they_are_read() {
    let read = |code| read_by(code).into_iter().collect::<Vec<_>>();
    assert_eq!(
        read("env::var(\"ONE\"); env::var_os(\n    \"TWO\")"),
        ["ONE", "TWO"]
    );
    assert_eq!(
        read("const NAME: &str = \"THREE\"; std::env::var(NAME)"),
        ["THREE"]
    );
    let given = "std::env::var(name); c.env(\"FOUR\", \"x\").env_remove(\"FIVE\"); env!(\"SIX\")";
    assert_eq!(read(given), [""; 0]);
    assert_eq!(read("command.env(\"SEVEN\", \"EIGHT\")"), [""; 0]);
    let compose = "a: ${NINE:-10}:5\nb: $$ELEVEN ${TWELVE}";
    assert_eq!(
        interpolated(compose).into_iter().collect::<Vec<_>>(),
        [("NINE", "10"), ("TWELVE", "")]
    );
    let example = "# Says what.\nONE=1\n# TWO=2\n\nTHREE=\n# no=4\n";
    let found = settings(example)
        .iter()
        .map(|it| (it.line, it.name, it.value, it.explained))
        .collect::<Vec<_>>();
    assert_eq!(
        found,
        [
            (2, "ONE", Some("1"), true),
            (3, "TWO", None, false),
            (5, "THREE", Some(""), false)
        ]
    );
}
