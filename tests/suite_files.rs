//! Suite files with mistakes: each is refused with file, line and column, and what would be
//! right.

use insta::assert_snapshot;

use crate::proctor::Sandbox;
use crate::records::{CHANGE, CLIENTS, CREATE, FIND, OPPORTUNITIES, REFUSE, SMALL, SUITE};

/// What is said of a tasks file in which `from` is replaced by `to`.
fn with_tasks(tasks: &str, from: &str, to: &str) -> String {
    assert_eq!(tasks.matches(from).count(), 1, "{from:?} must be there once");
    page("seeds/suites/small/tasks.toml", &tasks.replace(from, to))
}

/// What is said of the suite when one of its files has this text.
fn page(file: &str, text: &str) -> String {
    let sandbox = Sandbox::with_small_suite();
    sandbox.write(file, text);
    let ran = sandbox.proctor(["suite", "show", SMALL]);
    // Whoever reads the suite says the same.
    for command in [&["run", "--suite", SMALL, "--policy", "noop"][..]] {
        let other = sandbox.proctor(command);
        assert_eq!((&other.stderr, other.code), (&ran.stderr, Some(1)), "{command:?}");
    }
    ran.page()
}

#[test]
fn what_is_no_toml() {
    assert_snapshot!(with_tasks(FIND, "kind = \"client_search\"", "kind = \"client_search"), @"");
    assert_snapshot!(with_tasks(FIND, "[[task.turn.call]]", "[[task.turn.call]"), @"");
    assert_snapshot!(with_tasks(FIND, "split = \"train\"", "split = \"train\"\nsplit = \"eval\""), @"");
    assert_snapshot!(page("seeds/suites/small/suite.toml", "name = small"), @"");
}

#[test]
fn what_is_no_text() {
    let sandbox = Sandbox::with_small_suite();
    sandbox.write("seeds/suites/small/tasks.toml", b"user = \"G\xf6teborg\"");
    assert_snapshot!(sandbox.proctor(["suite", "show", SMALL]).page(), @"");
}

#[test]
fn unknown_keys() {
    assert_snapshot!(with_tasks(FIND, "split = ", "spilt = "), @"");
    assert_snapshot!(with_tasks(FIND, "arguments = ", "argument = "), @"");
    assert_snapshot!(with_tasks(CREATE, "row = ", "rows = "), @"");
    assert_snapshot!(page("seeds/suites/small/suite.toml", &SUITE.replace("now =", "today =")), @"");
}

#[test]
fn wrong_types() {
    assert_snapshot!(with_tasks(FIND, "split = \"train\"", "split = 1"), @"");
    assert_snapshot!(with_tasks(FIND, "split = \"train\"", "split = \"test\""), @"");
    assert_snapshot!(with_tasks(FIND, "user = \"Which", "user = [\"Which"), @"");
    assert_snapshot!(with_tasks(FIND, "records = [\"@client.acme\"]", "records = \"@client.acme\""), @"");
    assert_snapshot!(with_tasks(FIND, "{ name = \"Rockets\" }", "{ created_date = 2025-03-03 }"), @"");
    assert_snapshot!(page("seeds/suites/small/suite.toml", &SUITE.replace("version = 1", "version = -1")), @"");
    assert_snapshot!(page("seeds/suites/small/suite.toml", &SUITE.replace("2026-01-15T", "15.01.2026 ")), @"");
}

#[test]
fn unknown_names() {
    assert_snapshot!(with_tasks(FIND, "tool = \"client_search\"", "tool = \"clients_search\""), @"");
    assert_snapshot!(with_tasks(FIND, "kind = \"client_search\"", "kind = \"find_client\""), @"");
    assert_snapshot!(with_tasks(FIND, "[\"@client.acme\"]", "[\"@client.acmee\"]"), @"");
    assert_snapshot!(with_tasks(REFUSE, "refused = \"choice_casing\"", "refused = \"choice_case\""), @"");
    assert_snapshot!(with_tasks(REFUSE, "code = \"choice_casing\"", "code = \"casing\""), @"");
    assert_snapshot!(with_tasks(CHANGE, "record = \"@opportunity.launch-pad\"", "record = \"@opportunity.lunch-pad\""), @"");
    assert_snapshot!(with_tasks(CHANGE, "record = \"@opportunity.launch-pad\"", "record = \"launch-pad\""), @"");
    assert_snapshot!(with_tasks(CREATE, "entity = \"Opportunity\"", "entity = \"opportunity\""), @"");
    assert_snapshot!(with_tasks(CREATE, "user = \"Open a deal for client {@client.birch}", "user = \"Open a deal for client {@client.brich}"), @"");
    assert_snapshot!(with_tasks(CREATE, "from = \"9,500\"", "from = \"9.500\""), @"");
}

#[test]
fn calls_that_refer_to_one_another() {
    const SEARCH: &str = "[[task.turn.call]]\ntool = \"client_search\"\n";
    let calls = |arguments: [&str; 3]| {
        let named = ["first", "second", "third"].iter().zip(arguments).map(|(id, of)| {
            format!("{SEARCH}id = \"{id}\"\narguments = {{ name = \"{of}\" }}\n\n")
        });
        let calls: String = named.collect();
        let start = FIND.find("[[task.turn.call]]").unwrap();
        let end = FIND.find("[task.turn.answer]").unwrap();
        let answer = FIND[end..].replace("${found", "${first");
        page("seeds/suites/small/tasks.toml", &format!("{}{calls}{answer}", &FIND[..start]))
    };
    let cycle = ["${third.rows.0.name}", "${first.rows.0.name}", "${second.rows.0.name}"];
    assert_snapshot!(calls(cycle), @"");
    assert_snapshot!(calls(["${first.rows.0.name}", "Acme", "Birch"]), @"");
    assert_snapshot!(calls(["${third.rows.0.name}", "Acme", "Birch"]), @"");
    assert_snapshot!(calls(["${fourth.rows.0.name}", "Acme", "Birch"]), @"");
    assert_snapshot!(with_tasks(CHANGE, "text = \"Done.\"", "text = \"${update.rows.0.stage}.\""), @"");
}

#[test]
fn values_that_no_record_can_have() {
    assert_snapshot!(with_tasks(CREATE, "amount = \"9500.00\", stage = \"Prospecting\"", "amount = \"9500.00\", stage = \"prospecting\""), @"");
    assert_snapshot!(with_tasks(CREATE, "amount = \"9500.00\", ", ""), @"");
    assert_snapshot!(with_tasks(CREATE, "amount = \"9500.00\"", "amount = \"9500.001\""), @"");
    assert_snapshot!(with_tasks(CREATE, "client_id = \"@client.birch\", amount = \"9500.00\"", "client_id = \"@opportunity.chairs\", amount = \"9500.00\""), @"");
    assert_snapshot!(with_tasks(CREATE, "amount = \"9500.00\"", "price = \"9500.00\""), @"");
    assert_snapshot!(with_tasks(CREATE, "client_id = \"@client.birch\", amount = \"9500.00\"", "client_id = \"@new.client\", amount = \"9500.00\""), @"");
    assert_snapshot!(with_tasks(CHANGE, "facts = [{ choice = \"Proposal\"", "facts = [{ choice = \"proposal\""), @"");
    assert_snapshot!(with_tasks(CHANGE, "facts = [{ choice = \"Proposal\", column = \"Opportunity.stage\" }]", "facts = [{ money = \"9\", count = 3 }]"), @"");
}

#[test]
fn records_with_mistakes() {
    let clients = |from: &str, to: &str| page("seeds/records/clients.toml", &CLIENTS.replacen(from, to, 1));
    let deals = |from: &str, to: &str| page("seeds/records/opportunities.toml", &OPPORTUNITIES.replacen(from, to, 1));
    assert_snapshot!(clients("[[client]]", "[[clients]]"), @"");
    assert_snapshot!(clients("key = \"acme\"", "key = \"Acme Inc\""), @"");
    assert_snapshot!(clients("key = \"acme\"\n", ""), @"");
    assert_snapshot!(clients("key = \"acme\"", "key = \"birch\""), @"");
    assert_snapshot!(clients("name = \"Acme Rockets\"\n", ""), @"");
    assert_snapshot!(clients("status = \"Active\"", "status = \"active\""), @"");
    assert_snapshot!(clients("owner = ", "boss = "), @"");
    assert_snapshot!(deals("@client.acme", "@client.acne"), @"");
    assert_snapshot!(deals("@client.acme", "@opportunity.chairs"), @"");
    assert_snapshot!(deals("probability = 50", "probability = 100"), @"");
    assert_snapshot!(deals("close_date = \"2026-03-31\"", "close_date = 2026-03-31"), @"");
}

#[test]
fn tasks_that_contradict_themselves() {
    assert_snapshot!(page("seeds/suites/small/tasks.toml", &[FIND, CHANGE, FIND].join("\n")), @"");
    assert_snapshot!(with_tasks(FIND, "read_only = \"The user only asks.\"\n", ""), @"");
    assert_snapshot!(with_tasks(REFUSE, "negative = \"choice_casing\"\n", ""), @"");
    assert_snapshot!(with_tasks(REFUSE, "refused = \"choice_casing\"\n", ""), @"");
    assert_snapshot!(with_tasks(REFUSE, "decline = [[\"Active\"], [\"status\"]]\n", ""), @"");
    assert_snapshot!(with_tasks(REFUSE, "decline = \"I can't store ACTIVE in capitals: the status is spelled Active.\"\n", ""), @"");
}

#[test]
fn suites_without_files() {
    let sandbox = Sandbox::with_small_suite();
    let show = |folder: &str| sandbox.proctor(["suite", "show", folder]).page();
    assert_snapshot!(show("seeds"), @"");
    assert_snapshot!(show("seeds/records"), @"");
    assert_snapshot!(show("nowhere"), @"");
    sandbox.write("seeds/suites/lost/suite.toml", SUITE.replace("\"records\"", "\"elsewhere\""));
    assert_snapshot!(show("seeds/suites/lost"), @"");
}

#[test]
fn a_good_suite_is_shown() {
    let sandbox = Sandbox::with_small_suite();
    assert_snapshot!(sandbox.proctor(["suite", "show", SMALL]).page(), @"");
    assert_snapshot!(sandbox.proctor(["suite", "show", SMALL, "--task", "deal-advance"]).page(), @"");
    assert_snapshot!(sandbox.proctor(["suite", "show", SMALL, "--task", "deal"]).page(), @"");
    let tasks = sandbox.proctor(["suite", "show", SMALL, "--json"]).json();
    let one = sandbox.proctor(["suite", "show", SMALL, "--task", "deal-advance", "--json"]).json();
    assert_eq!(tasks[2], one);
    assert_eq!(one["source"], "seeds/suites/small/tasks.toml:46");
}
