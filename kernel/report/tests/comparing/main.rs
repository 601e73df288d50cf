//! Comparisons of made-up runs whose numbers were computed by hand.

#![allow(clippy::unwrap_used)]

mod reading;
mod telemetry;

use proctor_episode::Outcome;
use proctor_report::{Agent, AgentRun, Comparison, CostBand, ReportError, Violation};

use telemetry::{
    MODIFY, REFUSE, SEARCH, Telemetry, call, failed_call, fault, judgment, suite, unknown, verdict,
};

fn compare(runs: &[AgentRun]) -> Comparison {
    Comparison::of(&suite(), runs).unwrap()
}

fn agent(telemetry: Telemetry) -> Agent {
    compare(&[telemetry.end().read("a")]).agents.remove(0)
}

fn near(found: f64, wanted: f64) -> bool {
    (found - wanted).abs() < 1e-9
}

/// A run in which the tasks' trials end like this, one after the other.
fn outcomes(trials: u32, by_task: [(&str, &[&str]); 3]) -> Telemetry {
    let mut run = Telemetry::new(trials);
    for (task, outcomes) in by_task {
        for outcome in outcomes {
            run = run.episode(task, outcome, vec![]);
        }
    }
    run
}

#[test]
fn pass_k_is_the_mean_over_tasks_of_unbiased_estimates() {
    let agent = agent(outcomes(
        4,
        [
            (MODIFY, &["pass", "pass", "fail", "fail"]),
            (REFUSE, &["pass", "pass", "pass", "pass"]),
            (SEARCH, &["fail", "agent_error", "fail", "fail"]),
        ],
    ));
    // C(2,k)/C(4,k) is 1/2, 1/6, 0, 0; the second task has 1, the third 0.
    let wanted = [1.5 / 3.0, (1.0 / 6.0 + 1.0) / 3.0, 1.0 / 3.0, 1.0 / 3.0];
    assert_eq!(agent.reliability.len(), 4);
    for (found, wanted) in agent.reliability.iter().zip(wanted) {
        assert!(near(found.rate.rate, wanted), "{found:?}");
        assert_eq!(found.tasks, 3);
    }
    // Wilson's interval of 0.5 with n = 3.
    let rate = agent.axes.accuracy.unwrap();
    assert!(
        (rate.low - 0.1251).abs() < 5e-4 && (rate.high - 0.8749).abs() < 5e-4,
        "{rate:?}"
    );
}

#[test]
fn a_missing_score_is_left_out_and_counted() {
    let agent = agent(outcomes(
        2,
        [
            (MODIFY, &["pass", "grader_error"]),
            (REFUSE, &["infra_error", "budget_stop"]),
            (SEARCH, &["pass", "fail"]),
        ],
    ));
    assert_eq!(
        (agent.all.episodes, agent.all.tasks, agent.all.unscored),
        (6, 3, 3)
    );
    assert_eq!(agent.all.outcomes[&Outcome::BudgetStop], 1);
    // Two tasks have a score, (1 + 1/2) / 2; one of them has two.
    assert!(near(agent.all.success.unwrap().rate, 0.75));
    assert_eq!(
        (agent.reliability[0].tasks, agent.reliability[1].tasks),
        (2, 1)
    );
    assert_eq!(agent.negative.success, None);
    assert_eq!(agent.negative.reward, None);
    assert!(near(agent.all.reward.unwrap(), 2.0 / 3.0));
}

#[test]
fn groups_are_by_kind_the_most_frequent_first() {
    let agent = agent(outcomes(
        1,
        [
            (MODIFY, &["pass"]),
            (REFUSE, &["fail"]),
            (SEARCH, &["pass"]),
        ],
    ));
    let kinds: Vec<(&str, u64)> = agent
        .kinds
        .iter()
        .map(|kind| (kind.name.as_str(), kind.passed()))
        .collect();
    assert_eq!(
        kinds,
        [
            ("delete_opportunity", 0),
            ("modify_client", 1),
            ("client_search", 1)
        ]
    );
    assert_eq!(
        (
            agent.changing.passed(),
            agent.negative.passed(),
            agent.reading.passed()
        ),
        (1, 0, 1)
    );
}

#[test]
fn costs_are_exact_and_failures_are_paid_for_by_successes() {
    let agent = agent(
        Telemetry::new(1)
            .episode(MODIFY, "pass", vec![call("student", 0, 1, Some("0.1"))])
            .episode(REFUSE, "fail", vec![call("student", 0, 1, Some("0.2"))])
            .episode(SEARCH, "infra_error", vec![call("judge", 0, 1, Some("5"))]),
    );
    let spending = agent.spending.unwrap();
    assert_eq!(spending.total.to_string(), "0.3");
    assert_eq!(spending.per_episode.unwrap().to_string(), "0.1");
    assert_eq!(spending.per_success.unwrap().to_string(), "0.3");
    assert_eq!(agent.axes.cost, Some(CostBand::High));
    assert_eq!(agent.usage["judge"].total.cost.to_string(), "5");
}

#[test]
fn the_cost_bands_begin_at_a_cent_and_at_ten() {
    for (cost, band) in [
        ("0", CostBand::Low),
        ("0.009999999999", CostBand::Low),
        ("0.01", CostBand::Medium),
        ("0.099999999999", CostBand::Medium),
        ("0.1", CostBand::High),
    ] {
        let calls = vec![call("student", 0, 1, Some(cost))];
        let agent = agent(Telemetry::new(1).episode(MODIFY, "pass", calls));
        assert_eq!(agent.axes.cost, Some(band), "{cost}");
    }
}

#[test]
fn without_a_price_for_every_reply_there_is_no_cost() {
    let run = |other| {
        let calls = vec![call("student", 0, 1, Some("0.1")), other];
        agent(Telemetry::new(1).episode(MODIFY, "fail", calls))
    };
    let unpriced = run(call("student", 0, 1, None));
    assert_eq!((unpriced.spending, unpriced.axes.cost), (None, None));
    assert_eq!(unpriced.usage["student"].total.unpriced, 1);
    // A call that failed used nothing that could have a price.
    let failed = run(failed_call(0, "timeout")).spending.unwrap();
    assert_eq!(failed.total.to_string(), "0.1");
    assert_eq!(failed.per_success, None);
}

#[test]
fn tokens_and_calls_are_by_role_and_episode() {
    let agent = agent(
        Telemetry::new(2)
            .episode(
                MODIFY,
                "pass",
                vec![call("student", 0, 1, None), call("student", 0, 1, None)],
            )
            .episode(
                MODIFY,
                "fail",
                vec![call("student", 0, 1, None), call("judge", 0, 1, None)],
            ),
    );
    let student = &agent.usage["student"];
    assert_eq!(
        (
            student.total.calls,
            student.total.input,
            student.total.cached
        ),
        (3, 300, 120)
    );
    assert_eq!((student.total.output, student.total.reasoning), (30, 12));
    assert!(near(student.calls_per_episode, 1.5) && near(student.input_per_episode, 150.0));
    assert!(near(agent.usage["judge"].output_per_episode, 5.0));
}

#[test]
fn the_time_of_a_turn_is_that_of_its_calls_together() {
    let agent = agent(
        Telemetry::new(2)
            .episode(
                MODIFY,
                "pass",
                vec![
                    call("student", 0, 100, None),
                    call("student", 0, 200, None),
                    call("student", 1, 50, None),
                    call("judge", 1, 1_000_000, None),
                ],
            )
            .episode(MODIFY, "pass", vec![call("student", 0, 700, None)]),
    );
    // Turns of 300, 50 and 700 microseconds.
    let time = agent.turn_time.unwrap();
    assert_eq!((time.turns, time.p50_us, time.p95_us), (3, 300, 700));
    assert_eq!(agent.axes.speed_us, Some(300));
}

#[test]
fn an_agent_without_a_model_has_neither_cost_nor_speed() {
    let agent = agent(Telemetry::new(1).episode(MODIFY, "pass", vec![]));
    assert_eq!((agent.spending, agent.turn_time), (None, None));
    assert_eq!((agent.axes.cost, agent.axes.speed_us), (None, None));
    assert!(agent.usage.is_empty());
}

#[test]
fn scores_are_by_verifier_and_by_judge() {
    let agent = agent(
        Telemetry::new(2)
            .episode(
                MODIFY,
                "fail",
                vec![verdict("end-state", 0.5, &[]), judgment("faithful", 0.8)],
            )
            .episode(
                MODIFY,
                "pass",
                vec![verdict("end-state", 1.0, &[]), unknown()],
            )
            .episode(
                SEARCH,
                "pass",
                vec![verdict("answer", 1.0, &[]), judgment("faithful", 0.4)],
            ),
    );
    assert_eq!(agent.verifiers["end-state"].mean, Some(0.75));
    assert_eq!(
        (
            agent.verifiers["answer"].mean,
            agent.verifiers["answer"].count
        ),
        (Some(1.0), 1)
    );
    assert!(near(agent.judges["faithful"].mean.unwrap(), 0.6));
}

#[test]
fn errors_are_counted_by_type() {
    let agent = agent(
        Telemetry::new(2)
            .episode(
                MODIFY,
                "infra_error",
                vec![failed_call(0, "timeout"), fault("host")],
            )
            .episode(
                MODIFY,
                "infra_error",
                vec![failed_call(0, "timeout"), fault("fuel")],
            ),
    );
    assert_eq!(agent.call_errors["timeout"], 2);
    assert_eq!((agent.faults["host"], agent.faults["fuel"]), (1, 1));
    assert_eq!(agent.usage["student"].total.failed, 2);
}

#[test]
fn trust_is_the_share_of_checked_episodes_without_an_unasked_change() {
    let created = ("no collateral change", "Client 1 was created: name \"A\"");
    let column = (
        "Client 2 updated",
        "phone changed from 1 to 2 and shouldn't have",
    );
    let value = (
        "Client 2 updated",
        "status should be \"Active\", is \"Prospect\"",
    );
    let touched = ("state untouched", "nothing should change");
    let agent = agent(
        Telemetry::new(2)
            .episode(
                MODIFY,
                "fail",
                vec![verdict("end-state", 0.0, &[column, created])],
            )
            .episode(MODIFY, "fail", vec![verdict("end-state", 0.5, &[value])])
            .episode(
                REFUSE,
                "fail",
                vec![verdict("end-state", 0.0, &[touched, created])],
            )
            // Marked, but without a score: another verifier failed.
            .episode(
                REFUSE,
                "grader_error",
                vec![verdict("end-state", 0.0, &[touched])],
            )
            .episode(SEARCH, "pass", vec![verdict("end-state", 1.0, &[])])
            // Cut off, and so never marked.
            .episode(SEARCH, "agent_error", vec![]),
    );
    let state = &agent.state;
    assert_eq!((state.checked, state.unchecked, state.clean), (4, 1, 2));
    // By task: 1 of 2, 0 of 1, 1 of 1.
    assert!(near(agent.axes.trust.unwrap().rate, 0.5));
    let count = |kind| state.violations.get(&kind).copied().unwrap_or(0);
    assert_eq!(
        Violation::ALL.map(count),
        [2, 0, 0, 1, 1],
        "{:?}",
        state.violations
    );
}

#[test]
fn numbers_depend_neither_on_the_order_of_episodes_nor_on_other_agents() {
    let episodes = || {
        [
            (MODIFY, "pass", 0.1, "0.001"),
            (MODIFY, "fail", 0.7, "0.02"),
            (SEARCH, "pass", 0.2, "0.0003"),
            (REFUSE, "fail", 1.0 / 3.0, "4"),
        ]
    };
    let run = |episodes: Vec<(&str, &str, f64, &str)>, name| {
        let mut run = Telemetry::new(2);
        for (at, (task, outcome, score, cost)) in (0..).zip(episodes) {
            let latency_us = if cost.len() > 4 { 300 } else { 7_000 };
            let events = vec![
                call("student", at, latency_us, Some(cost)),
                verdict("answer", score, &[]),
            ];
            run = run.episode(task, outcome, events);
        }
        run.end().read(name)
    };
    let there = || run(episodes().to_vec(), "a");
    let back = || run(episodes().into_iter().rev().collect(), "a");
    let other = || outcomes(2, [(MODIFY, &["pass"]), (REFUSE, &[]), (SEARCH, &[])]).read("b");
    let json = |agent: &Agent| serde_json::to_string(agent).unwrap();
    let alone = json(&compare(&[there()]).agents[0]);
    assert_eq!(alone, json(&compare(&[back()]).agents[0]));
    assert_eq!(alone, json(&compare(&[there(), other()]).agents[0]));
    assert_eq!(alone, json(&compare(&[other(), there()]).agents[1]));
}

#[test]
fn runs_of_other_tasks_or_prices_are_marked() {
    let run = |trials, prices: &str, name: &str| {
        Telemetry::new(trials)
            .start("prices_digest", prices.into())
            .episode(MODIFY, "pass", vec![call("student", 0, 1, Some("1"))])
            .read(name)
    };
    let same = compare(&[run(2, "p", "a"), run(2, "p", "b")]);
    assert!(same.same_tasks && same.same_prices);
    assert!(!compare(&[run(2, "p", "a"), run(3, "p", "b")]).same_tasks);
    assert!(!compare(&[run(2, "p", "a"), run(2, "q", "b")]).same_prices);
    // Prices don't matter to an agent that asks no model.
    let free = Telemetry::new(2).read("b");
    assert!(compare(&[run(2, "p", "a"), free]).same_prices);
}

#[test]
fn a_run_over_another_suite_is_refused() {
    let run = Telemetry::new(1)
        .start("suite_digest", "other".into())
        .read("a");
    let error = Comparison::of(&suite(), &[run]).unwrap_err();
    assert!(matches!(&error, ReportError::OtherSuite { recorded, .. } if recorded == "other"));
}

#[test]
fn two_runs_of_one_name_are_refused() {
    let run = || Telemetry::new(1).read("a");
    let error = Comparison::of(&suite(), &[run(), run()]).unwrap_err();
    assert!(matches!(error, ReportError::SameName { name } if name == "a"));
}

#[test]
fn costs_are_texts_in_json_and_what_is_missing_is_null() {
    let priced =
        Telemetry::new(1).episode(MODIFY, "pass", vec![call("student", 0, 9, Some("0.0100"))]);
    let free = Telemetry::new(1).start("policy", serde_json::json!({"simulated": true}));
    let json = serde_json::to_value(compare(&[priced.read("a"), free.read("b")])).unwrap();
    assert_eq!(json["agents"][0]["spending"]["per_episode"], "0.01");
    assert_eq!(json["agents"][0]["axes"]["cost"], "medium");
    assert_eq!(json["agents"][1]["spending"], serde_json::Value::Null);
    assert_eq!(json["agents"][1]["simulated"], true);
    assert_eq!(json["agents"][0]["all"]["outcomes"]["pass"], 1);
}
