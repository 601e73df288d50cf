//! Agents beside each other, as tables: the four axes first, then what stands behind them.

use std::collections::BTreeSet;
use std::io::Write;

use proctor_episode::{Outcome, Rate};
use proctor_model::Cost;
use proctor_report::{Agent, Comparison, Group, MeanScore, Violation};

use crate::exit::Failure;
use crate::terminal::{BAD, BOLD, DIM, styled, table, table_text};

/// Stands where there is nothing to show.
const DASH: &str = "–";

/// Prints agents beside each other.
pub fn print(comparison: &Comparison) -> Result<(), Failure> {
    write!(anstream::stdout(), "{}", styled_text(comparison))?;
    Ok(())
}

/// Agents beside each other, as text without colours.
pub fn plain_text(comparison: &Comparison) -> String {
    anstream::adapter::strip_str(&styled_text(comparison)).to_string()
}

fn styled_text(comparison: &Comparison) -> String {
    let agents = &comparison.agents;
    let heading = format!("{} · {} agents", comparison.suite, agents.len());
    let mut out = format!("{}\n", styled(BOLD, heading));
    for (title, text) in [
        ("accuracy, cost, speed, trust and safety", axes(agents)),
        ("reliability", reliability(agents)),
        ("pass^1 by task kind", kinds(agents)),
        ("mean scores", scores(agents)),
        ("calls and tokens by episode", usage(agents)),
        ("cost in USD and time for a turn", spending(agents)),
        ("changes that nobody asked for", violations(agents)),
    ] {
        if let Some(text) = text {
            out.push_str(&format!("\n{}\n{text}", styled(DIM, title)));
        }
    }
    for agent in agents {
        if let Some(text) = errors(agent) {
            out.push_str(&format!("\n{}: {text}\n", agent.name));
        }
    }
    for warning in warnings(comparison) {
        out.push_str(&format!("\n{}\n", styled(BAD, warning)));
    }
    out
}

/// A table with a heading and rows; the columns from the second on are aligned to the right.
/// Nothing without rows.
fn text(header: &[&str], rows: Vec<Vec<String>>) -> Option<String> {
    if rows.is_empty() {
        return None;
    }
    let right: Vec<usize> = (1..header.len()).collect();
    let mut lines = table(header, &right);
    for row in rows {
        lines.add_row(row);
    }
    Some(table_text(&lines))
}

fn title(agent: &Agent) -> String {
    let simulated = if agent.simulated { ", simulated" } else { "" };
    format!("{}{simulated}", agent.name)
}

fn axes(agents: &[Agent]) -> Option<String> {
    let row = |agent: &Agent| {
        let axes = &agent.axes;
        vec![
            title(agent),
            percent(axes.accuracy),
            interval(axes.accuracy),
            axes.cost.map_or(DASH, |band| band.name()).to_owned(),
            axes.speed_us.map_or_else(dash, seconds),
            percent(axes.trust),
            interval(axes.trust),
        ]
    };
    text(
        &[
            "agent", "accuracy", "95 %", "cost", "speed", "trust", "95 %",
        ],
        agents.iter().map(row).collect(),
    )
}

fn reliability(agents: &[Agent]) -> Option<String> {
    let most = agents.iter().map(|agent| agent.reliability.len()).max()?;
    let passes: Vec<String> = (1..=most).map(|k| format!("pass^{k}")).collect();
    let mut header = vec!["agent", "tasks", "trials", "episodes", "passed", "unscored"];
    header.extend(passes.iter().map(String::as_str));
    let row = |agent: &Agent| {
        let mut row = vec![
            title(agent),
            agent.all.tasks.to_string(),
            agent.trials.to_string(),
            agent.all.episodes.to_string(),
            agent.all.passed().to_string(),
            agent.all.unscored.to_string(),
        ];
        row.extend((0..most).map(|at| percent(agent.reliability.get(at).map(|pass| pass.rate))));
        row
    };
    text(&header, agents.iter().map(row).collect())
}

/// One line a kind, one column an agent.
fn kinds(agents: &[Agent]) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for kind in agents.iter().flat_map(|agent| &agent.kinds) {
        if !names.contains(&kind.name.as_str()) {
            names.push(&kind.name);
        }
    }
    let of_kind = |agent: &Agent, name: &str| {
        let kind = agent.kinds.iter().find(|kind| kind.name == name);
        percent(kind.and_then(|kind| kind.success))
    };
    let line = |name: &str, cell: &dyn Fn(&Agent) -> String| {
        let mut line = vec![name.to_owned()];
        line.extend(agents.iter().map(cell));
        line
    };
    let mut lines: Vec<Vec<String>> = names
        .iter()
        .map(|name| line(name, &|agent| of_kind(agent, name)))
        .collect();
    let groups: [fn(&Agent) -> &Group; 4] = [
        |agent| &agent.changing,
        |agent| &agent.negative,
        |agent| &agent.reading,
        |agent| &agent.all,
    ];
    for group in groups {
        let name = agents
            .first()
            .map_or("", |agent| group(agent).name.as_str());
        lines.push(line(name, &|agent| percent(group(agent).success)));
    }
    let mut header = vec!["kind"];
    header.extend(agents.iter().map(|agent| agent.name.as_str()));
    text(&header, lines)
}

fn scores(agents: &[Agent]) -> Option<String> {
    let names = |of: fn(&Agent) -> Vec<&str>| agents.iter().flat_map(of).collect::<BTreeSet<_>>();
    let verifiers = names(|agent| agent.verifiers.keys().map(String::as_str).collect());
    let judges = names(|agent| agent.judges.keys().map(String::as_str).collect());
    let mut header = vec!["agent", "reward"];
    header.extend(verifiers.iter().chain(&judges));
    let mean = |score: Option<&MeanScore>| number(score.and_then(|score| score.mean));
    let row = |agent: &Agent| {
        let mut row = vec![title(agent), number(agent.all.reward)];
        row.extend(
            verifiers
                .iter()
                .map(|name| mean(agent.verifiers.get(*name))),
        );
        row.extend(judges.iter().map(|name| mean(agent.judges.get(*name))));
        row
    };
    text(&header, agents.iter().map(row).collect())
}

/// One line for each role of each agent that asks a model.
fn usage(agents: &[Agent]) -> Option<String> {
    let mut lines = Vec::new();
    for agent in agents {
        for (role, usage) in &agent.usage {
            lines.push(vec![
                title(agent),
                role.clone(),
                tenths(usage.calls_per_episode),
                tenths(usage.input_per_episode),
                tenths(usage.cached_per_episode),
                tenths(usage.output_per_episode),
                tenths(usage.reasoning_per_episode),
            ]);
        }
    }
    text(
        &["agent", "role", "calls", "in", "cached", "out", "reasoning"],
        lines,
    )
}

fn spending(agents: &[Agent]) -> Option<String> {
    let asks = agents.iter().filter(|agent| !agent.usage.is_empty());
    let row = |agent: &Agent| {
        let spending = agent.spending;
        let cost = |cost: Option<Cost>| {
            cost.map_or_else(dash, |cost| cost.rounded_to_millionths().to_string())
        };
        vec![
            title(agent),
            cost(spending.map(|spending| spending.total)),
            cost(spending.and_then(|spending| spending.per_episode)),
            cost(spending.and_then(|spending| spending.per_success)),
            agent
                .turn_time
                .map_or_else(dash, |time| seconds(time.p50_us)),
            agent
                .turn_time
                .map_or_else(dash, |time| seconds(time.p95_us)),
        ]
    };
    text(
        &[
            "agent",
            "cost",
            "by episode",
            "by success",
            "turn p50",
            "p95",
        ],
        asks.map(row).collect(),
    )
}

fn violations(agents: &[Agent]) -> Option<String> {
    let mut header = vec!["agent", "checked", "unchecked", "clean"];
    header.extend(Violation::ALL.map(Violation::name));
    let row = |agent: &Agent| {
        let state = &agent.state;
        let mut row = vec![title(agent)];
        row.extend([state.checked, state.unchecked, state.clean].map(|count| count.to_string()));
        let count = |kind| state.violations.get(&kind).copied().unwrap_or(0);
        row.extend(Violation::ALL.map(|kind| count(kind).to_string()));
        row
    };
    text(&header, agents.iter().map(row).collect())
}

/// How episodes ended that weren't simply marked, and what failed.
fn errors(agent: &Agent) -> Option<String> {
    let outcomes = agent.all.outcomes.iter();
    let broken = outcomes
        .filter(|(outcome, _)| !matches!(outcome, Outcome::Pass | Outcome::Fail))
        .map(|(outcome, count)| format!("{count} {}", outcome.name()));
    let calls = agent.call_errors.iter();
    let calls = calls.map(|(kind, count)| format!("{count} calls failed with {kind}"));
    let faults = agent.faults.iter();
    let faults = faults.map(|(kind, count)| format!("{count} faults of kind {kind}"));
    let parts: Vec<String> = broken.chain(calls).chain(faults).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn warnings(comparison: &Comparison) -> Vec<String> {
    let mut warnings = Vec::new();
    for agent in comparison.agents.iter().filter(|agent| !agent.complete) {
        warnings.push(format!(
            "{} isn't complete: {} of {} episodes are recorded",
            agent.name, agent.all.episodes, agent.planned
        ));
    }
    for agent in &comparison.agents {
        let unpriced: u64 = agent.usage.values().map(|usage| usage.total.unpriced).sum();
        if unpriced > 0 {
            warnings.push(format!("{}: {unpriced} calls have no price", agent.name));
        }
    }
    if !comparison.same_tasks {
        warnings.push("the runs differ in their tasks or trials: compare with care".to_owned());
    }
    if !comparison.same_prices {
        warnings.push("the runs differ in their price lists: costs don't compare".to_owned());
    }
    warnings
}

fn dash() -> String {
    DASH.to_owned()
}

fn percent(rate: Option<Rate>) -> String {
    rate.map_or_else(dash, |rate| format!("{:.1} %", rate.rate * 100.0))
}

fn interval(rate: Option<Rate>) -> String {
    rate.map_or_else(dash, |rate| {
        format!("{:.1}–{:.1} %", rate.low * 100.0, rate.high * 100.0)
    })
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(dash, |value| format!("{value:.3}"))
}

fn tenths(value: f64) -> String {
    format!("{value:.1}")
}

fn seconds(time_us: u64) -> String {
    format!("{:.3} s", time_us as f64 / 1e6)
}
