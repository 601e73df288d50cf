use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use proctor_host::{FirstParty, Grant, Host, Limits, Policy, Verifier};

use super::{LintReport, LintTools, Rule, lint};
use crate::records::record_id;
use crate::suite::Suite;

const DATA: &str = r#"
[[client]]
key = "acme"
name = "Acme"
email = "hello@acme.example"
status = "Active"

[[client]]
key = "bolt"
name = "Bolt"
email = "hello@bolt.example"
status = "Active"

[[contact]]
key = "jane"
first_name = "Jane"
last_name = "Doe"
client_id = "@client.bolt"

[[opportunity]]
key = "rollout"
name = "Rollout"
client_id = "@client.acme"
stage = "Proposal"
amount = "1000.00"

[[opportunity]]
key = "renewal"
name = "Renewal"
client_id = "@client.bolt"
stage = "Proposal"
amount = "2000.00"

[[quote]]
key = "alpha"
name = "Alpha Offer"
opportunity_id = "@opportunity.rollout"
amount = "800.00"
status = "Draft"

[[quote]]
key = "beta"
name = "Beta Offer"
opportunity_id = "@opportunity.renewal"
amount = "700.00"
status = "Draft"
"#;

const SUITE: &str = r#"
name = "tiny"
version = 1
description = "One task."
data = "canonical"
now = "2026-01-15T09:00:00Z"
"#;

/// What holds of the suite's right tasks below.
const EQUIVALENT: &str = r#"
[[equivalent]]
mutant = "duplicate"
tools = ["modify_quote"]
why = "The same update twice is one."
"#;

const UPDATE: &str = r#"
[[task]]
id = "update"
kind = "modify_quote"
split = "train"

[[task.turn]]
user = "Set the quote Alpha Offer to Sent, at 900 dollars."

[[task.turn.call]]
id = "q"
tool = "quote_search"
arguments = { name = "Alpha Offer" }

[[task.turn.call]]
tool = "modify_quote"
arguments = { quote_id = "${q.rows.0.quote_id}", updates = { status = "Sent", amount = 900 } }

[task.turn.answer]
text = "Done."

[[task.expect.update]]
record = "@quote.alpha"
set = { status = "Sent", amount = "900.00" }
"#;

const TWO_TURNS: &str = r#"
[[task]]
id = "two-turns"
kind = "create_new_opportunity"
split = "eval"

[[task.turn]]
user = "Open an opportunity Second Wave for Acme, $1.2 million, in Negotiation, to close on March 31, 2026."

[[task.turn.call]]
id = "client"
tool = "client_search"
arguments = { name = "Acme" }

[[task.turn.call]]
id = "deal"
tool = "create_new_opportunity"
arguments = { name = "Second Wave", client_id = "${client.rows.0.client_id}", amount = 1200000, stage = "Negotiation", close_date = "2026-03-31" }

[task.turn.answer]
text = "Done."

[[task.turn]]
user = "And a draft quote on that opportunity, for the full amount."

[[task.turn.call]]
tool = "create_quote"
arguments = { opportunity_id = "${deal.rows.0.opportunity_id}", amount = "${deal.rows.0.amount}", status = "Draft" }

[task.turn.answer]
text = "Done."

[[task.expect.insert]]
key = "deal"
entity = "Opportunity"
row = { name = "Second Wave", client_id = "@client.acme", amount = "1200000", stage = "Negotiation", close_date = "2026-03-31" }

[[task.expect.insert]]
key = "quote"
entity = "Quote"
row = { opportunity_id = "@new.deal", name = "Second Wave", amount = "1200000", status = "Draft" }
"#;

const READ: &str = r#"
[[task]]
id = "read"
kind = "quote_search"
split = "train"
read_only = "The user only asks."

[[task.turn]]
user = "What is the id and the amount of Beta Offer?"

[[task.turn.call]]
id = "q"
tool = "quote_search"
arguments = { name = "Beta Offer" }

[task.turn.answer]
text = "${q.rows.0.quote_id}, at $${q.rows.0.amount}."
records = ["@quote.beta"]
facts = [{ money = "700.00" }]
"#;

const NEGATIVE: &str = r#"
[[task]]
id = "negative"
kind = "modify_opportunity"
split = "train"
negative = "probability_out_of_range"

[[task.turn]]
user = "Set the probability of {@opportunity.rollout} to 125 percent."
decline = "No: a probability is from 1 to 99."

[[task.turn.call]]
tool = "modify_opportunity"
arguments = { opportunity_id = "@opportunity.rollout", probability = 125 }
refused = "probability_out_of_range"

[task.expect.refusal]
code = "probability_out_of_range"
field = "probability"
decline = [["probability"], ["99"]]
"#;

fn suite(tasks: &str, equivalent: &str) -> Arc<Suite> {
    let manifest = Path::new("tiny/suite.toml");
    let files: BTreeMap<PathBuf, String> = BTreeMap::from([
        (manifest.to_owned(), format!("{SUITE}{equivalent}")),
        ("tiny/tasks.toml".into(), tasks.to_owned()),
    ]);
    let data = BTreeMap::from([("canonical/data.toml".into(), DATA.to_owned())]);
    Arc::new(Suite::from_files(manifest, &files, &data).unwrap_or_else(|error| panic!("{error}")))
}

struct Plugins {
    policies: [Policy; 3],
    verifiers: [Verifier; 3],
}

/// Compiled once for all tests.
fn plugins() -> &'static Plugins {
    static PLUGINS: OnceLock<Plugins> = OnceLock::new();
    PLUGINS.get_or_init(|| {
        let host = Host::new(Limits::default(), None).unwrap();
        let load = |name: &str, grants: &[Grant]| {
            host.load(name, FirstParty::named(name).unwrap().wasm, grants)
                .unwrap()
        };
        let policy = |name, grants| host.policy(&load(name, grants)).unwrap();
        let verifier = |name| host.verifier(&load(name, &[])).unwrap();
        Plugins {
            policies: [
                policy("oracle", &[Grant::Gold]),
                policy("noop", &[]),
                policy("scripted", &[]),
            ],
            verifiers: [
                verifier("end-state"),
                verifier("refusal"),
                verifier("answer"),
            ],
        }
    })
}

fn report(tasks: &str, equivalent: &str, jobs: usize) -> LintReport {
    let [oracle, noop, scripted] = &plugins().policies;
    let [end_state, refusal, answer] = &plugins().verifiers;
    let tools = LintTools {
        oracle,
        noop,
        scripted,
        end_state,
        refusal,
        answer,
    };
    lint(&suite(tasks, equivalent), &tools, jobs, &mut |_| {}).unwrap()
}

/// Lints a suite and expects exactly these findings: rule and a part of the message each.
fn check(tasks: &str, equivalent: &str, expected: &[(Rule, &str)]) {
    let report = report(tasks, equivalent, 2);
    let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}\n{expected:#?}");
    for (finding, (rule, part)) in report.findings.iter().zip(expected) {
        let right = finding.rule == *rule && finding.message.contains(part);
        assert!(right, "expected {rule}: {part}\nfound {finding}");
    }
}

#[test]
fn right_tasks_have_no_findings_and_every_wrong_way_is_rejected() {
    let tasks = [UPDATE, TWO_TURNS, READ, NEGATIVE].concat();
    check(&tasks, EQUIVALENT, &[]);
    let report = report(&tasks, EQUIVALENT, 1);
    let all = report.all_mutants();
    assert_eq!(all.kill_rate(), Some(1.0), "{:?}", report.mutants);
    assert_eq!((all.equivalent, all.unproved), (1, 0));
    assert_eq!(report.equivalents[0].mutant, "duplicate:modify_quote@1.2");
    for kind in ["drop", "argument", "target", "duplicate", "collateral"] {
        assert!(report.mutants[kind].played > 0, "{kind}");
    }
    let of = &report.statistics;
    assert_eq!(
        (of.tasks, of.negative, of.multi_turn, of.read_only),
        (4, 1, 1, 1)
    );
    assert!(
        of.tools_unused.contains(&"cancel_quote") && !of.tools_unused.contains(&"create_quote")
    );
}

#[test]
fn the_report_does_not_depend_on_the_number_of_workers() {
    let tasks = [
        &UPDATE.replace("900 dollars", "{amount}"),
        TWO_TURNS,
        READ,
        NEGATIVE,
    ]
    .concat();
    let text = |jobs| serde_json::to_string(&report(&tasks, "", jobs)).unwrap();
    let one = text(1);
    assert!(one.contains("placeholder") && one.contains("mutant-survives"));
    assert_eq!(one, text(3));
}

#[test]
fn an_oracle_must_pass_and_be_refused_as_the_task_says() {
    let fails = UPDATE.replace(
        "amount = \"900.00\"",
        "amount = \"900.00\", version = \"2\"",
    );
    check(
        &fails.replace("at 900", "version 2, at 900"),
        "",
        &[(Rule::OracleFails, "version should be \"2\"")],
    );
    let refused = UPDATE.replace(
        "status = \"Sent\", amount = 900 }",
        "status = \"sent\", amount = 900 }",
    );
    check(
        &refused,
        "",
        &[
            (Rule::OracleFails, "ends as fail"),
            (Rule::OracleCall, "modify_quote is refused: choice_casing"),
        ],
    );
    let other = NEGATIVE.replace(
        "refused = \"probability_out_of_range\"",
        "refused = \"invalid_choice\"",
    );
    check(
        &other,
        "",
        &[(
            Rule::OracleCall,
            "must be refused with invalid_choice, but is with",
        )],
    );
    let field = NEGATIVE.replace("field = \"probability\"", "field = \"stage\"");
    check(
        &field,
        "",
        &[(Rule::OracleFails, "passes only by its words")],
    );
}

#[test]
fn nothing_may_be_left_unfilled() {
    for (right, wrong, part) in [
        (
            "the quote Alpha",
            "the {kind} quote Alpha",
            "user says `{kind}`",
        ),
        (
            "text = \"Done.\"",
            "text = \"Done, ${q.rows.7.name}.\"",
            "oracle says `${q.rows.7.name}`",
        ),
        (
            "text = \"Done.\"",
            "text = \"Dear <user name>, done.\"",
            "oracle says `<user name>`",
        ),
    ] {
        check(
            &UPDATE.replace(right, wrong),
            EQUIVALENT,
            &[(Rule::Placeholder, part)],
        );
    }
    let argument = UPDATE.replace(
        "name = \"Alpha Offer\" }",
        "name = \"Alpha Offer\", version = \"[NUMBER]\" }",
    );
    let report = report(&argument, "", 1);
    assert_eq!(
        report.count(Rule::Placeholder),
        2,
        "the search finds nothing then: {:?}",
        report.findings
    );
}

#[test]
fn the_refused_call_is_expected_as_any_agent_would_make_it() {
    let searched = NEGATIVE
        .replace("[[task.turn.call]]", "[[task.turn.call]]\nid = \"d\"\ntool = \"opportunity_search\"\narguments = { name = \"Rollout\" }\n\n[[task.turn.call]]")
        .replace("opportunity_id = \"@opportunity.rollout\"", "opportunity_id = \"${d.rows.0.opportunity_id}\"")
        .replace("[task.expect.refusal]", "[task.expect.refusal]\narguments = { opportunity_id = \"@opportunity.rollout\" }")
        .replace("{@opportunity.rollout}", "Rollout");
    let suite = suite(&searched, "");
    let expected = suite.tasks[0].gold.refusal.as_ref();
    let call = expected.and_then(|refusal| refusal.call.as_ref()).unwrap();
    let id = record_id(proctor_crm::Entity::Opportunity, "rollout").to_string();
    assert!(call.arguments.contains(&id), "{}", call.arguments);
    assert_eq!(report(&searched, "", 1).findings, []);
}

#[test]
fn everything_demanded_can_be_found() {
    check(
        &UPDATE.replace(", at 900 dollars", ", as agreed"),
        EQUIVALENT,
        &[
            (Rule::Underivable, "modify_quote updates.amount = 900"),
            (Rule::Underivable, "expected amount"),
        ],
    );
    let derived = "Set the quote Alpha Offer to Sent, at nine hundred.\"\nderived = [{ value = 900, from = \"nine hundred\" }]";
    let implied = UPDATE.replace(
        "Set the quote Alpha Offer to Sent, at 900 dollars.\"",
        derived,
    );
    check(&implied, EQUIVALENT, &[]);
    check(
        &UPDATE
            .replace("\"${q.rows.0.quote_id}\"", "\"@quote.alpha\"")
            .replace("name = \"Alpha Offer\" }", "status = \"Approved\" }"),
        EQUIVALENT,
        &[
            (Rule::Underivable, "quote_search status = \"Approved\""),
            (Rule::Underivable, "modify_quote quote_id"),
            (Rule::MutantSurvives, "drop:quote_search@1.1"),
            (Rule::MutantSurvives, "argument:quote_search:status@1.1"),
        ],
    );
    check(
        &READ
            .replace("facts = [", "facts = [{ text = \"Zebra\" }, ")
            .replace("at $", "for Zebra at $"),
        "",
        &[(Rule::Underivable, "must state the text \"Zebra\"")],
    );
}

#[test]
fn ids_that_are_said_are_of_records() {
    let user = "Set the quote Alpha Offer (not 7f4662ed-d548-4587-b9f9-944f9e3c073c)";
    check(
        &UPDATE.replace("Set the quote Alpha Offer", user),
        EQUIVALENT,
        &[(Rule::UnknownId, "the user says 7f4662ed")],
    );
}

#[test]
fn doing_nothing_must_not_pass() {
    let records = READ.replace(
        "records = [\"@quote.beta\"]\nfacts = [{ money = \"700.00\" }]\n",
        "",
    );
    check(
        &records,
        "",
        &[
            (
                Rule::NoopPasses,
                "doing nothing passes (read-only: The user only asks.)",
            ),
            (
                Rule::MutantSurvives,
                "drop:quote_search@1.1 passes, and does something else",
            ),
            (
                Rule::MutantSurvives,
                "argument:quote_search:name@1.1 passes, and does something else",
            ),
        ],
    );
    let declared = r#"
[[equivalent]]
mutant = "drop"
tools = ["quote_search"]
why = "It isn't."
"#;
    let found = report(&records, declared, 1);
    let says = |part: &str| {
        found
            .findings
            .iter()
            .any(|finding| finding.message.contains(part))
    };
    assert!(
        says("is declared equivalent, but does something else"),
        "{:?}",
        found.findings
    );
    assert!(says("no such mutant passes"));
}

#[test]
fn equivalence_is_declared_and_every_declaration_is_needed() {
    check(
        UPDATE,
        "",
        &[(
            Rule::MutantSurvives,
            "the suite declares no such equivalence",
        )],
    );
    let dead = EQUIVALENT.replace("[\"modify_quote\"]", "[\"modify_quote\", \"cancel_quote\"]");
    check(
        UPDATE,
        &dead,
        &[(Rule::DeadEquivalence, "`duplicate` of `cancel_quote`")],
    );
    let elsewhere = EQUIVALENT.replace("why", "tasks = [\"update\", \"gone\"]\nwhy");
    check(
        UPDATE,
        &elsewhere,
        &[(Rule::DeadEquivalence, "the task `gone`")],
    );
    let report = report(UPDATE, &dead, 1);
    assert_eq!(report.findings[0].source, "tiny/suite.toml");
}

#[test]
fn of_sealed_tasks_it_is_said_once_that_nothing_can_be_proved() {
    let sealed = |id: &str| {
        format!(
            "[[task]]\nid = \"{id}\"\nkind = \"modify_quote\"\nsplit = \"holdout\"\n\
             sealed = \"{}\"\n[[task.turn]]\nuser = \"Do it.\"\n",
            "0".repeat(64)
        )
    };
    // What only the sealed tasks may have needed isn't called dead.
    let unused = EQUIVALENT.replace("[\"modify_quote\"]", "[\"modify_quote\", \"cancel_quote\"]");
    check(
        &[UPDATE, &sealed("one"), &sealed("two")].concat(),
        &unused,
        &[(Rule::Sealed, "one and 1 more: sealed")],
    );
}
