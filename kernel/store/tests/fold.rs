//! PostgreSQL folds texts as the crm crate does, letter by letter.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[path = "constraints/direct.rs"]
mod direct;

use std::collections::BTreeMap;

use direct::{Direct, points};
use proctor_crm::Query;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

const MIGRATION: &str = include_str!("../../../migrations/postgres/V1__tables.sql");

/// Letters beyond ASCII that folding changes, with what they become.
fn letters() -> BTreeMap<char, String> {
    ('\u{80}'..=char::MAX)
        .map(|c| (c, Query::fold(&c.to_string())))
        .filter(|(c, folded)| *folded != c.to_string())
        .collect()
}

/// The texts in quotes in the body of `fold_letters`, in order.
fn quoted() -> Vec<&'static str> {
    let (_, function) = MIGRATION.split_once("FUNCTION fold_letters").unwrap();
    let (_, body) = function.split_once("BEGIN").unwrap();
    let (body, _) = body.split_once("END\n$$").unwrap();
    body.lines()
        .filter(|line| !line.trim_start().starts_with("--"))
        .flat_map(|line| line.split('\'').skip(1).step_by(2))
        .collect()
}

/// Characters that a bracket of a regular expression stands for.
fn bracket(text: &str) -> Vec<char> {
    let mut all: Vec<char> = Vec::new();
    let mut rest = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'))
        .unwrap()
        .chars();
    while let Some(c) = rest.next() {
        match c {
            '-' => all.extend(all[all.len() - 1]..=rest.next().unwrap()),
            _ => all.push(c),
        }
    }
    all
}

#[test]
fn the_migration_has_every_letter() {
    let texts = quoted();
    let [western, from, to, beyond, tables @ .., dotted, small] = texts.as_slice() else {
        panic!("fold_letters has another form")
    };
    let pairs = tables.chunks(2).map(|pair| (pair[0], pair[1]));
    let mut found = BTreeMap::from([('İ', "i\u{307}".to_owned())]);
    assert_eq!((*dotted, *small), ("İ", r"i\u0307"));
    for (from, to) in [(*from, *to)].into_iter().chain(pairs) {
        assert_eq!(from.chars().count(), to.chars().count(), "{from} {to}");
        let pairs = from.chars().zip(to.chars());
        found.extend(
            pairs
                .filter(|(c, _)| !"[]".contains(*c))
                .map(|(c, folded)| (c, folded.to_string())),
        );
    }
    let expected = letters();
    let missing: Vec<_> = expected
        .iter()
        .filter(|(c, _)| !found.contains_key(c))
        .collect();
    assert!(
        missing.is_empty(),
        "Unicode {:?} has letters that fold_letters doesn't know; replace the function in a new \
         migration, with these: {missing:?}",
        char::UNICODE_VERSION
    );
    assert_eq!(found, expected);
    // Each table is reached: the brackets before it let its letters in.
    let (western, beyond) = (bracket(western), bracket(beyond));
    for c in expected.keys() {
        let guard = if from.contains(*c) { &western } else { &beyond };
        assert!(guard.contains(c), "no bracket has {c:?}");
    }
}

/// The characters up to one that `fold` changes in the database, called with a collation.
fn changed(direct: &Direct, last: char, collation: &str) -> BTreeMap<char, String> {
    let sql = format!(
        "SELECT c, folded
         FROM (SELECT c, proctor.fold(c COLLATE {collation}) AS folded FROM {}) AS pairs
         WHERE folded COLLATE \"C\" <> c",
        points(last)
    );
    let rows = direct.rows(&sql, &[]);
    let pairs = rows.iter().map(|row| (row.get(0), row.get(1)));
    pairs
        .map(|(c, folded): (String, String)| (c.parse().unwrap(), folded))
        .collect()
}

fn expected() -> BTreeMap<char, String> {
    let ascii = ('A'..='Z').map(|c| (c, c.to_ascii_lowercase().to_string()));
    letters().into_iter().chain(ascii).collect()
}

#[test]
fn every_character_is_folded_as_by_the_crm() {
    let Some(direct) = Direct::new() else { return };
    assert_eq!(changed(&direct, char::MAX, "\"C\""), expected());
}

#[test]
fn neither_locale_nor_search_path_has_a_say() {
    let Some(direct) = Direct::new() else { return };
    let expected = expected();
    let last = *expected.keys().next_back().unwrap();
    // Each has its own idea of lower case; not every server has them all.
    let collations = "
        SELECT DISTINCT quote_ident(collname) FROM pg_collation
        WHERE collname IN ('tr-x-icu', 'lt-x-icu', 'el-x-icu', 'C.utf8', 'pg_c_utf8', 'default')";
    for row in direct.rows(collations, &[]) {
        let collation: String = row.get(0);
        assert_eq!(changed(&direct, last, &collation), expected, "{collation}");
    }
    let stand_ins = [
        ("lower", "text"),
        ("length", "text"),
        ("octet_length", "text"),
        ("translate", "text, text, text"),
        ("replace", "text, text, text"),
        ("strpos", "text, text"),
        ("fold", "text"),
        ("fold_letters", "text"),
    ];
    direct.run("CREATE SCHEMA other").unwrap();
    for (name, arguments) in stand_ins {
        let returned = match name {
            "length" | "octet_length" | "strpos" => "integer LANGUAGE SQL RETURN 0",
            _ => "text LANGUAGE SQL RETURN 'wrong'",
        };
        direct
            .run(&format!(
                "CREATE FUNCTION other.{name}({arguments}) RETURNS {returned}"
            ))
            .unwrap();
    }
    direct
        .run(
            "CREATE FUNCTION other.never(text, text) RETURNS boolean LANGUAGE SQL RETURN false;
             CREATE OPERATOR other.~ (LEFTARG = text, RIGHTARG = text, FUNCTION = other.never)",
        )
        .unwrap();
    for path in ["''", "other, pg_catalog", "proctor"] {
        direct.run(&format!("SET search_path = {path}")).unwrap();
        let sql = "
            SELECT proctor.fold('ÄŁ'), proctor.fold('AB'),
                   proctor.any_fold_contains('{A,ŁÄ}', 'łä'), proctor.fold(NULL) IS NULL";
        let row = &direct.rows(sql, &[])[0];
        let found: (&str, &str, bool, bool) = (row.get(0), row.get(1), row.get(2), row.get(3));
        assert_eq!(found, ("äł", "ab", true, true), "{path}");
    }
}

/// Texts with many letters that folding changes, and without NUL.
fn text() -> impl Strategy<Value = String> {
    let capitals: Vec<char> = letters().into_keys().collect();
    let western: Vec<char> = ('À'..='ÿ').collect();
    let character = prop_oneof![
        select(capitals),
        select(western),
        any::<char>(),
        proptest::char::range(' ', '~'),
    ];
    let character = character.prop_filter("PostgreSQL has no NUL", |c| *c != '\0');
    vec(character, 0..40).prop_map(String::from_iter)
}

#[test]
fn random_texts_are_folded_and_found_as_by_the_crm() {
    let Some(direct) = Direct::new() else { return };
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(500)
    });
    let cases = (
        vec(text(), 0..8),
        text(),
        any::<prop::sample::Index>(),
        0..4_usize,
    );
    let tested = runner.run(&cases, |(texts, stranger, from, length)| {
        let folded: Vec<_> = texts.iter().map(|text| Query::fold(text)).collect();
        let found = direct.rows("SELECT fold(t) FROM unnest($1::text[]) AS t", &[&texts]);
        let found: Vec<String> = found.iter().map(|row| row.get(0)).collect();
        prop_assert_eq!(&found, &folded);

        let letters: Vec<char> = folded.concat().chars().collect();
        let start = from.index(letters.len() + 1);
        let part = letters[start..].iter().take(length).collect();
        for part in [part, Query::fold(&stranger)] {
            let expected = folded.iter().any(|text| text.contains(&part));
            let found = direct.rows("SELECT any_fold_contains($1, $2)", &[&texts, &part]);
            prop_assert_eq!(found[0].get::<_, bool>(0), expected);
        }
        Ok(())
    });
    tested.unwrap();
}
