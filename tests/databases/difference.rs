//! What differs between two states, as people and as programs read it.

use insta::assert_snapshot;

use super::{db, meddle, with_database};

#[test]
fn the_same_rows_do_not_differ_wherever_they_are() {
    let sandbox = with_database();
    db(&sandbox, &["snapshot", "crm.db", "crm.snapshot"]).succeeded();
    db(&sandbox, &["init", "canonical.db"]).succeeded();
    for (one, other) in [
        ("crm.db", "crm.db"),
        ("crm.db", "crm.snapshot"),
        ("crm.snapshot", "crm.db"),
        ("canonical", "canonical.db"),
    ] {
        let ran = db(&sandbox, &["diff", one, other]).succeeded();
        assert_eq!(ran.stdout, "no row differs\n", "{one} {other}");
    }
    let other = db(&sandbox, &["diff", "canonical", "crm.db"]);
    assert_eq!(other.code, Some(4));
}

#[test]
fn rows_and_columns_that_differ_are_shown() {
    let sandbox = with_database();
    db(&sandbox, &["snapshot", "crm.db", "before"]).succeeded();
    meddle(
        &sandbox,
        "UPDATE clients SET owner = 'nobody', industry = 'Wood' WHERE name = 'Birch Furniture';
         DELETE FROM quotes;
         INSERT INTO companies (company_id, name, contacts)
           VALUES ('00000000-0000-4000-8000-000000000001', 'Fir & Sons', '[\"Ada\",\"Bo\"]')",
    );
    assert_snapshot!(db(&sandbox, &["diff", "before", "crm.db"]).page(), @r#"
        ── stdout
        clients
          ~ 1c70f688-74c3-807e-972f-d2bdca3f0217
              industry  nothing → "Wood"
              owner     nothing → "nobody"
        companies
          + 00000000-0000-4000-8000-000000000001  name "Fir & Sons"  contacts ["Ada", "Bo"]
        quotes
          - 0bfdeaa2-68b8-836f-83ee-ecbee1c68a99  opportunity_id 7592f91a-edcd-8d2c-8a21-06e255c9737d  name "Launch Pad"  amount 84000.00  status "Draft"
        1 added, 1 missing, 1 changed
        ── exit code 4
        "#);

    let ran = db(&sandbox, &["diff", "before", "crm.db", "--json"]);
    assert_eq!(ran.code, Some(4));
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let count = |name: &str| found[name].as_u64().unwrap();
    assert_eq!(
        (count("added"), count("missing"), count("changed")),
        (1, 1, 1)
    );
    let rows = found["rows"].as_array().unwrap();
    assert_eq!(rows[0]["columns"], serde_json::json!(["industry", "owner"]));
    assert_eq!(rows[0]["after"]["owner"], "nobody");
    assert_eq!(rows[1]["before"], serde_json::Value::Null);
    assert_eq!(rows[1]["after"]["name"], "Fir & Sons");
    assert_eq!(rows[2]["entity"], "Quote");
    assert_eq!(rows[2]["after"], serde_json::Value::Null);
}

#[test]
fn colours_are_shown_only_where_they_are_wanted() {
    let sandbox = with_database();
    db(&sandbox, &["init", "canonical.db"]).succeeded();
    let mut command = sandbox.command(["db", "diff", "crm.db", "canonical.db"]);
    let plain = sandbox.run(command.env("CLICOLOR_FORCE", "1"));
    assert!(!plain.stdout.contains('\u{1b}'), "{}", plain.stdout);
    let coloured = sandbox.run(command.env_remove("NO_COLOR"));
    for (colour, mark) in [("\u{1b}[32m", "+ "), ("\u{1b}[31m", "- ")] {
        let line = coloured.stdout.lines().find(|line| line.contains(mark));
        assert!(line.unwrap().starts_with(colour), "{}", coloured.stdout);
    }
}

#[test]
fn a_hostile_or_huge_value_is_shown_in_a_few_plain_characters() {
    let sandbox = with_database();
    let text = |end: &str| format!("{}{end}{}", "x".repeat(2_000), "y".repeat(2_000));
    let set = |end: &str| {
        let owner = text(end);
        meddle(
            &sandbox,
            &format!("UPDATE clients SET owner = '{owner}' WHERE name = 'Birch Furniture'"),
        );
    };
    set("before");
    db(&sandbox, &["snapshot", "crm.db", "before"]).succeeded();
    let hostile = "\u{1b}[2J\u{9b}31m\u{202e}\u{7}\nafter";
    set(hostile);
    let ran = db(&sandbox, &["diff", "before", "crm.db"]);
    let line = ran.stdout.lines().find(|line| line.contains("owner"));
    let line = line.unwrap();
    assert!(line.chars().count() < 300, "{line}");
    for part in [
        "before",
        "after",
        "\\u{1b}[2J\\u{9b}31m\\u{202e}",
        "characters)",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(
        !ran.stdout
            .contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7}'])
    );

    let ran = db(&sandbox, &["diff", "before", "crm.db", "--json"]);
    assert!(
        !ran.stdout
            .contains(['\u{1b}', '\u{9b}', '\u{202e}', '\u{7}'])
    );
    let found: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(found["rows"][0]["after"]["owner"], text(hostile).as_str());
}
