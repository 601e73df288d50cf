//! Suite files with mistakes: each is refused with file, line and column, and what would be
//! right.

use insta::assert_snapshot;

use crate::proctor::Sandbox;
use crate::records::{CHANGE, CLIENTS, CREATE, FIND, OPPORTUNITIES, REFUSE, SMALL, SUITE};

/// What is said of a tasks file in which `from` is replaced by `to`.
fn with_tasks(tasks: &str, from: &str, to: &str) -> String {
    assert_eq!(
        tasks.matches(from).count(),
        1,
        "{from:?} must be there once"
    );
    page("seeds/suites/small/tasks.toml", &tasks.replace(from, to))
}

/// What is said of the suite when one of its files has this text.
fn page(file: &str, text: &str) -> String {
    let sandbox = Sandbox::with_small_suite();
    sandbox.write(file, text);
    let ran = sandbox.proctor(["suite", "show", SMALL]);
    // Whoever reads the suite says the same.
    for command in [
        &["suite", "lint", SMALL][..],
        &["run", "--suite", SMALL, "--policy", "noop"],
    ] {
        let other = sandbox.proctor(command);
        assert_eq!(
            (&other.stderr, other.code),
            (&ran.stderr, Some(1)),
            "{command:?}"
        );
    }
    ran.page()
}

#[test]
fn what_is_no_toml() {
    assert_snapshot!(with_tasks(FIND, "kind = \"client_search\"", "kind = \"client_search"), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:3:22: invalid basic string, expected `"`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(FIND, "[[task.turn.call]]", "[[task.turn.call]"), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:10:18: unclosed array table, expected `]`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(FIND, "split = \"train\"", "split = \"train\"\nsplit = \"eval\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:5:1: duplicate key
        ── exit code 1
        "#);
    assert_snapshot!(page("seeds/suites/small/suite.toml", "name = small"), @r#"
        ── stderr
        error: seeds/suites/small/suite.toml:1:8: string values must be quoted, expected literal string
        ── exit code 1
        "#);
}

#[test]
fn what_is_no_text() {
    let sandbox = Sandbox::with_small_suite();
    sandbox.write("seeds/suites/small/tasks.toml", b"user = \"G\xf6teborg\"");
    assert_snapshot!(sandbox.proctor(["suite", "show", SMALL]).page(), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml: stream did not contain valid UTF-8
        ── exit code 1
        "#);
}

#[test]
fn unknown_keys() {
    assert_snapshot!(with_tasks(FIND, "split = ", "spilt = "), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:4:1: unknown field `spilt`, expected one of `id`, `kind`, `split`, `sealed`, `negative`, `read_only`, `setup`, `turn`, `expect`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(FIND, "arguments = ", "argument = "), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:13:1: unknown field `argument`, expected one of `id`, `tool`, `arguments`, `refused`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CREATE, "row = ", "rows = "), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:20:1: unknown field `rows`, expected one of `key`, `entity`, `row`
        ── exit code 1
        "#);
    assert_snapshot!(page("seeds/suites/small/suite.toml", &SUITE.replace("now =", "today =")), @r#"
        ── stderr
        error: seeds/suites/small/suite.toml:5:1: unknown field `today`, expected one of `name`, `version`, `description`, `data`, `now`, `frequency`, `equivalent`
        ── exit code 1
        "#);
}

#[test]
fn wrong_types() {
    assert_snapshot!(with_tasks(FIND, "split = \"train\"", "split = 1"), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:4:9: wanted string or table
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(FIND, "split = \"train\"", "split = \"test\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:4:9: unknown variant `test`, expected one of `train`, `eval`, `holdout`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(FIND, "user = \"Which", "user = [\"Which"), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:10:1: missing comma between array elements, expected `,`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(FIND, "records = [\"@client.acme\"]", "records = \"@client.acme\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:17:11: invalid type: string "@client.acme", expected a sequence
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(FIND, "{ name = \"Rockets\" }", "{ created_date = 2025-03-03 }"), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:12:8: write dates in quotes
        ── exit code 1
        "#);
    assert_snapshot!(page("seeds/suites/small/suite.toml", &SUITE.replace("version = 1", "version = -1")), @r#"
        ── stderr
        error: seeds/suites/small/suite.toml:2:11: invalid value: integer `-1`, expected u32
        ── exit code 1
        "#);
    assert_snapshot!(page("seeds/suites/small/suite.toml", &SUITE.replace("2026-01-15T", "15.01.2026 ")), @r#"
        ── stderr
        error: seeds/suites/small/suite.toml:5:7: `now` is no RFC 3339 time
        ── exit code 1
        "#);
}

#[test]
fn unknown_names() {
    assert_snapshot!(with_tasks(FIND, "tool = \"client_search\"", "tool = \"clients_search\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:12:8: There is no tool "clients_search"; the nearest is `client_search`.
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(FIND, "kind = \"client_search\"", "kind = \"find_client\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:3:8: There is no tool "find_client"; the nearest is `modify_client`.
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(FIND, "[\"@client.acme\"]", "[\"@client.acmee\"]"), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:16:8: there is no Client with the key `acmee`; the nearest is `acme`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(REFUSE, "refused = \"choice_casing\"", "refused = \"choice_case\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:14:11: `choice_case` is no refusal code; they are unknown_tool, unknown_argument, missing_argument, conflicting_argument, wrong_type, not_found, duplicate, blank_text, text_too_long, invalid_character, invalid_email, invalid_url, amount_not_positive, amount_too_large, amount_precision, invalid_choice, choice_casing, choice_whitespace, probability_out_of_range, probability_fraction, invalid_date, date_with_time, date_in_past, date_order, invalid_timestamp, unsafe_file_name, missing_extension, unsupported_extension, closed_opportunity, client_mismatch, nothing_to_update, already_canceled, in_use, too_few, too_many
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(REFUSE, "code = \"choice_casing\"", "code = \"casing\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:17:8: `casing` is no refusal code; they are unknown_tool, unknown_argument, missing_argument, conflicting_argument, wrong_type, not_found, duplicate, blank_text, text_too_long, invalid_character, invalid_email, invalid_url, amount_not_positive, amount_too_large, amount_precision, invalid_choice, choice_casing, choice_whitespace, probability_out_of_range, probability_fraction, invalid_date, date_with_time, date_in_past, date_order, invalid_timestamp, unsafe_file_name, missing_extension, unsupported_extension, closed_opportunity, client_mismatch, nothing_to_update, already_canceled, in_use, too_few, too_many
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CHANGE, "record = \"@opportunity.launch-pad\"", "record = \"@opportunity.lunch-pad\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `deal-advance`: there is no Opportunity with the key `lunch-pad`; the nearest is `launch-pad`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CHANGE, "record = \"@opportunity.launch-pad\"", "record = \"launch-pad\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `deal-advance`: `launch-pad` is no reference to a record
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CREATE, "entity = \"Opportunity\"", "entity = \"opportunity\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `deal-create`: `opportunity` is no entity; they are Client, Company, Contact, Opportunity, Quote, Contract, Document, Note
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CREATE, "user = \"Open a deal for client {@client.birch}", "user = \"Open a deal for client {@client.brich}"), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:7:8: there is no Client with the key `brich`; the nearest is `birch`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CREATE, "from = \"9,500\"", "from = \"9.500\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:8:37: the user doesn't say "9.500"
        ── exit code 1
        "#);
}

#[test]
fn calls_that_refer_to_one_another() {
    const SEARCH: &str = "[[task.turn.call]]\ntool = \"client_search\"\n";
    let calls = |arguments: [&str; 3]| {
        let named = ["first", "second", "third"]
            .iter()
            .zip(arguments)
            .map(|(id, of)| {
                format!("{SEARCH}id = \"{id}\"\narguments = {{ name = \"{of}\" }}\n\n")
            });
        let calls: String = named.collect();
        let start = FIND.find("[[task.turn.call]]").unwrap();
        let end = FIND.find("[task.turn.answer]").unwrap();
        let answer = FIND[end..].replace("${found", "${first");
        page(
            "seeds/suites/small/tasks.toml",
            &format!("{}{calls}{answer}", &FIND[..start]),
        )
    };
    let cycle = [
        "${third.rows.0.name}",
        "${first.rows.0.name}",
        "${second.rows.0.name}",
    ];
    assert_snapshot!(calls(cycle), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:11:8: these calls refer to one another in a cycle: `first` → `third` → `second` → `first`
        ── exit code 1
        "#);
    assert_snapshot!(calls(["${first.rows.0.name}", "Acme", "Birch"]), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:11:8: these calls refer to one another in a cycle: `first` → `first`
        ── exit code 1
        "#);
    assert_snapshot!(calls(["${third.rows.0.name}", "Acme", "Birch"]), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:11:8: `${third…}` refers to a call that only comes later
        ── exit code 1
        "#);
    assert_snapshot!(calls(["${fourth.rows.0.name}", "Acme", "Birch"]), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:11:8: `${fourth…}` refers to no call of this task
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CHANGE, "text = \"Done.\"", "text = \"${update.rows.0.stage}.\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:19:8: `${update…}` refers to no earlier call of this task
        ── exit code 1
        "#);
}

#[test]
fn values_that_no_record_can_have() {
    assert_snapshot!(with_tasks(CREATE, "amount = \"9500.00\", stage = \"Prospecting\"", "amount = \"9500.00\", stage = \"prospecting\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `deal-create`: stage: "prospecting" is none of Prospecting, Qualification, Proposal, Negotiation, Closed-Won, Closed-Lost
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CREATE, "amount = \"9500.00\", ", ""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `deal-create`: the new Opportunity `deal` has no amount
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CREATE, "amount = \"9500.00\"", "amount = \"9500.001\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `deal-create`: amount: expected an amount with at most two decimal places, found "9500.001"
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CREATE, "client_id = \"@client.birch\", amount = \"9500.00\"", "client_id = \"@opportunity.chairs\", amount = \"9500.00\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `deal-create`: client_id: refers to a Opportunity, needs a Client
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CREATE, "amount = \"9500.00\"", "price = \"9500.00\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `deal-create`: a Opportunity has no column `price`; its columns are name, client_id, stage, amount, close_date, owner, probability, notes
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CREATE, "client_id = \"@client.birch\", amount = \"9500.00\"", "client_id = \"@new.client\", amount = \"9500.00\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `deal-create`: client_id: no new record has the key `client`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CHANGE, "facts = [{ choice = \"Proposal\"", "facts = [{ choice = \"proposal\""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:15:8: "proposal" is none of Prospecting, Qualification, Proposal, Negotiation, Closed-Won, Closed-Lost
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(CHANGE, "facts = [{ choice = \"Proposal\", column = \"Opportunity.stage\" }]", "facts = [{ money = \"9\", count = 3 }]"), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:15:8: a fact has exactly one of money, count, date, choice and text
        ── exit code 1
        "#);
}

#[test]
fn records_with_mistakes() {
    let clients =
        |from: &str, to: &str| page("seeds/records/clients.toml", &CLIENTS.replacen(from, to, 1));
    let deals = |from: &str, to: &str| {
        page(
            "seeds/records/opportunities.toml",
            &OPPORTUNITIES.replacen(from, to, 1),
        )
    };
    assert_snapshot!(clients("[[client]]", "[[clients]]"), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/clients.toml:1:3: `clients` is no entity; they are client, company, contact, opportunity, quote, contract, document, note
        ── exit code 1
        "#);
    assert_snapshot!(clients("key = \"acme\"", "key = \"Acme Inc\""), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/clients.toml:1:1: the key "Acme Inc" has other characters than a-z, 0-9 and hyphen
        ── exit code 1
        "#);
    assert_snapshot!(clients("key = \"acme\"\n", ""), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/clients.toml:1:1: this record has no `key`
        ── exit code 1
        "#);
    assert_snapshot!(clients("key = \"acme\"", "key = \"birch\""), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/clients.toml:9:1: a Client with the key `birch` is there already
        ── exit code 1
        "#);
    assert_snapshot!(clients("name = \"Acme Rockets\"\n", ""), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/clients.toml:1:1: Client `acme`: column `name` of a Client cannot hold nothing
        ── exit code 1
        "#);
    assert_snapshot!(clients("status = \"Active\"", "status = \"active\""), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/clients.toml:1:1: Client `acme`: status: "active" is none of Active, Prospect, Inactive
        ── exit code 1
        "#);
    assert_snapshot!(clients("owner = ", "boss = "), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/clients.toml:1:1: Client `acme`: a Client has no column `boss`; its columns are name, industry, email, phone, address, status, created_date, owner
        ── exit code 1
        "#);
    assert_snapshot!(clients("hello@birch.example", "office@acme.example"), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/clients.toml:1:1: Client `acme`: UNIQUE constraint failed: clients.email
        ── exit code 1
        "#);
    assert_snapshot!(deals("@client.acme", "@client.acne"), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/opportunities.toml:1:1: Opportunity `launch-pad`: client_id: there is no Client with the key `acne`; the nearest is `acme`
        ── exit code 1
        "#);
    assert_snapshot!(deals("@client.acme", "@opportunity.chairs"), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/opportunities.toml:1:1: Opportunity `launch-pad`: client_id: refers to a Opportunity, needs a Client
        ── exit code 1
        "#);
    assert_snapshot!(deals("probability = 50", "probability = 100"), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/opportunities.toml:1:1: Opportunity `launch-pad`: CHECK constraint failed: opportunities_probability
        ── exit code 1
        "#);
    assert_snapshot!(deals("close_date = \"2026-03-31\"", "close_date = 2026-03-31"), @r#"
        ── stderr
        error: [FOLDER]/seeds/records/opportunities.toml:1:1: Opportunity `launch-pad`: close_date: write dates and times in quotes
        ── exit code 1
        "#);
}

#[test]
fn tasks_that_contradict_themselves() {
    assert_snapshot!(page("seeds/suites/small/tasks.toml", &[FIND, CHANGE, FIND].join("\n")), @r#"
        ── stderr
        error: seeds/suites/small/suite.toml: the task `client-find` is there twice: seeds/suites/small/tasks.toml:2 and seeds/suites/small/tasks.toml:52
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(FIND, "read_only = \"The user only asks.\"\n", ""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `client-find`: expects no change: say why in `read_only`
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(REFUSE, "negative = \"choice_casing\"\n", ""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: task `client-status-no`: `negative` and `expect.refusal` belong together
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(REFUSE, "refused = \"choice_casing\"\n", ""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: `expect.refusal.code` and a call that is `refused` belong together
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(REFUSE, "decline = [[\"Active\"], [\"status\"]]\n", ""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:2:6: `expect.refusal.decline` says what an agent that declines must say
        ── exit code 1
        "#);
    assert_snapshot!(with_tasks(REFUSE, "decline = \"I can't store ACTIVE in capitals: the status is spelled Active.\"\n", ""), @r#"
        ── stderr
        error: seeds/suites/small/tasks.toml:8:8: a turn closes with either `answer` or `decline`
        ── exit code 1
        "#);
}

#[test]
fn suites_without_files() {
    let sandbox = Sandbox::with_small_suite();
    let show = |folder: &str| sandbox.proctor(["suite", "show", folder]).page();
    assert_snapshot!(show("seeds"), @r#"
        ── stderr
        error: seeds: holds no .toml files
        ── exit code 1
        "#);
    assert_snapshot!(show("seeds/records"), @r#"
        ── stderr
        error: seeds/records: is no suite: it has no suite.toml
        ── exit code 1
        "#);
    assert_snapshot!(show("nowhere"), @r#"
        ── stderr
        error: no suite `nowhere`: neither built in nor a folder
        hint: built-in suites: crm-core
        ── exit code 1
        "#);
    sandbox.write(
        "seeds/suites/lost/suite.toml",
        SUITE.replace("\"records\"", "\"elsewhere\""),
    );
    assert_snapshot!(show("seeds/suites/lost"), @r#"
        ── stderr
        error: seeds/suites/lost/suite.toml:4:8: `data`: seeds/suites/lost/../../elsewhere: No such file or directory (os error 2)
        ── exit code 1
        "#);
}

#[test]
fn a_good_suite_is_shown() {
    let sandbox = Sandbox::with_small_suite();
    assert_snapshot!(sandbox.proctor(["suite", "show", SMALL]).page(), @r#"
        ── stdout
        small  One task of each sort.
         task              kind                    split    turns  negative
         client-find       client_search           train        1
         client-status-no  modify_client           train        1  choice_casing
         deal-advance      modify_opportunity      eval         2
         deal-create       create_new_opportunity  holdout      1
        4 tasks over 5 rows, digest [sha256]
        ── exit code 0
        "#);
    assert_snapshot!(sandbox.proctor(["suite", "show", SMALL, "--task", "deal-advance"]).page(), @r#"
        ── stdout
        deal-advance  modify_opportunity, eval
        seeds/suites/small/tasks.toml:41

        user     Find the opportunity Launch Pad and tell me its stage.
        oracle   opportunity_search {"name":"Launch Pad"}
        answers  It is in ${deal.rows.0.stage}.

        user     Move that opportunity to Negotiation, 60 percent.
        oracle   modify_opportunity {"opportunity_id":"${deal.rows.0.opportunity_id}","probability":60,"stage":"Negotiation"}
        answers  Done.
        ── exit code 0
        "#);
    assert_snapshot!(sandbox.proctor(["suite", "show", SMALL, "--task", "deal"]).page(), @r#"
        ── stderr
        error: the suite small has no task `deal`
        hint: `proctor suite show small` lists them
        ── exit code 1
        "#);
    let tasks = sandbox.proctor(["suite", "show", SMALL, "--json"]).json();
    let one = sandbox
        .proctor(["suite", "show", SMALL, "--task", "deal-advance", "--json"])
        .json();
    assert_eq!(tasks[2], one);
    assert_eq!(one["source"], "seeds/suites/small/tasks.toml:41");
}
