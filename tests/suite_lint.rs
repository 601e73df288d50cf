//! `proctor suite lint` and `import`: tasks proved before anyone is examined with them.

use insta::assert_snapshot;

use crate::proctor::{Sandbox, corpus};
use crate::records::{CHANGE, CREATE, FIND, REFUSE, SMALL};

#[test]
fn lint_proves_a_suite_or_says_what_is_wrong() {
    let sandbox = Sandbox::with_small_suite();
    assert_snapshot!(sandbox.proctor(["suite", "lint", SMALL]).page(), @r#"
        ── stdout
        small  4 tasks (1 negative, 1 multi-turn, 1 read-only), 5 turns, 5 oracle calls
        2 train, 1 eval, 1 holdout; 4 kinds; tools not used: create_new_client, create_new_contact, create_quote, create_contract, upload_document, add_note, modify_contact, modify_quote, delete_opportunity, delete_quote, cancel_quote, clone_opportunity, view_opportunity_details, quote_details, compare_quotes, compare_quote_details, contact_search, quote_search, contract_search, company_search, summarize_opportunities, quote_prefixes
         mutants     played  killed  equivalent  survived  kill rate
         argument         8       8           0         0   100.00 %
         collateral      15      15           0         0   100.00 %
         drop            12      12           0         0   100.00 %
         duplicate        2       1           1         0   100.00 %
         target           3       3           0         0   100.00 %
         all             40      39           1         0   100.00 %
        1 equivalent: The same update twice leaves the record as one update does.
        0 findings
        ── exit code 0
        "#);
    // A stage that the CRM refuses: the file is in order, the task is not.
    let wrong = CREATE.replacen("stage = \"Prospecting\" }", "stage = \"prospecting\" }", 1);
    sandbox.write(
        "seeds/suites/small/tasks.toml",
        [FIND, REFUSE, CHANGE, &wrong].join("\n"),
    );
    assert_snapshot!(sandbox.proctor(["suite", "lint", SMALL]).page(), @r#"
        ── stdout
        seeds/suites/small/tasks.toml:72: oracle-fails: deal-create: ends as fail: end-state: new Opportunity (deal): is not there
        seeds/suites/small/tasks.toml:72: oracle-call: deal-create: turn 1: create_new_opportunity is refused: choice_casing (stage): `stage` is "prospecting"; upper and lower case count: write `Prospecting`.
        small  4 tasks (1 negative, 1 multi-turn, 1 read-only), 5 turns, 5 oracle calls
        2 train, 1 eval, 1 holdout; 4 kinds; tools not used: create_new_client, create_new_contact, create_quote, create_contract, upload_document, add_note, modify_contact, modify_quote, delete_opportunity, delete_quote, cancel_quote, clone_opportunity, view_opportunity_details, quote_details, compare_quotes, compare_quote_details, contact_search, quote_search, contract_search, company_search, summarize_opportunities, quote_prefixes
         mutants     played  killed  equivalent  survived  kill rate
         argument         5       5           0         0   100.00 %
         collateral      12      12           0         0   100.00 %
         drop            11      11           0         0   100.00 %
         duplicate        1       0           1         0          –
         target           2       2           0         0   100.00 %
         all             31      30           1         0   100.00 %
        1 equivalent: The same update twice leaves the record as one update does.
        2 findings
        ── exit code 4
        "#);
    let as_json = sandbox.proctor(["suite", "lint", SMALL, "--json"]);
    assert_eq!(as_json.code, Some(4), "{}", as_json.page());
    let report: serde_json::Value = serde_json::from_str(&as_json.stdout).unwrap();
    assert!(report.to_string().contains("deal-create"), "{report:#}");
}

#[test]
fn the_built_in_suite_is_proved() {
    let ran = Sandbox::new().proctor(["suite", "lint"]).succeeded();
    let all = ran
        .stdout
        .lines()
        .find(|line| line.starts_with(" all "))
        .unwrap();
    let [played, killed, equivalent, survived] = [1, 2, 3, 4].map(|at| {
        all.split_whitespace()
            .nth(at)
            .unwrap()
            .parse::<u32>()
            .unwrap()
    });
    assert_eq!((killed + equivalent, survived), (played, 0), "{all}");
    assert!(all.ends_with(" 100.00 %"), "{all}");
    assert!(ran.stdout.ends_with("\n0 findings\n"), "{}", ran.stdout);
}

/// What another benchmark published: 673 turns with unresolved placeholders, 416 that ask for
/// values stated nowhere, 400 empty end states.
#[test]
fn import_finds_what_is_wrong_with_another_benchmark() {
    let Some(file) = corpus("clbench/evaluation_400.jsonl") else {
        return;
    };
    let sandbox = Sandbox::new();
    let ran = sandbox.proctor(["suite", "import", "clbench", file.to_str().unwrap()]);
    assert_eq!(ran.code, Some(4), "{}", ran.page());
    for found in [
        "placeholder  673\n",
        "unstated-value  416\n",
        "empty-end-state  400\n",
    ] {
        assert!(ran.stdout.contains(found), "{}", ran.page());
    }
    assert!(
        ran.stdout.contains("400 conversations, 1487 turns"),
        "{}",
        ran.page()
    );
}
