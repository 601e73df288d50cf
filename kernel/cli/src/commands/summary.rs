//! The table at the end of a run.

use std::io::Write;

use proctor_episode::{Asked, Group, Outcome, Rate, Suite};

use crate::examining::{Finish, count};
use crate::exit::Failure;
use crate::terminal::{BAD, BOLD, DIM, GOOD, styled, table, table_text};

/// Prints what a run came to.
pub fn print(suite: &Suite, policy: &str, finish: &Finish) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    let summary = &finish.summary;
    let simulated = if finish.simulated { ", simulated" } else { "" };
    writeln!(
        out,
        "{}",
        styled(BOLD, format!("{} · {policy}{simulated}", suite.name))
    )?;
    let mut rows = table(
        &[
            "kind", "tasks", "episodes", "passed", "success", "95 %", "reward", "share",
        ],
        &[1, 2, 3, 4, 6, 7],
    );
    let total: u64 = suite.frequency.values().sum();
    for kind in &summary.kinds {
        let frequency = suite.frequency.get(&kind.name).copied().unwrap_or(0);
        let share = format!("{:.1} %", 100.0 * frequency as f64 / total.max(1) as f64);
        rows.add_row(row(kind, share));
    }
    for group in [
        &summary.changing,
        &summary.negative,
        &summary.reading,
        &summary.all,
    ] {
        rows.add_row(row(group, String::new()));
    }
    write!(out, "{}", table_text(&rows))?;
    if let Some(rate) = summary.weighted {
        let text = format!("weighted by the customer's frequencies: {}", interval(rate));
        writeln!(out, "{}", styled(BOLD, text))?;
    }
    let outcomes: Vec<String> = Outcome::ALL
        .into_iter()
        .filter(|outcome| count(&summary.all.outcomes, *outcome) > 0)
        .map(|outcome| {
            let text = format!(
                "{} {}",
                count(&summary.all.outcomes, outcome),
                outcome.name()
            );
            let style = match outcome {
                Outcome::Pass => GOOD,
                Outcome::Fail | Outcome::AgentError => DIM,
                _ => BAD,
            };
            styled(style, text)
        })
        .collect();
    writeln!(out, "outcomes: {}", outcomes.join(", "))?;
    for (role, asked) in &summary.models {
        writeln!(out, "{}", spending(role, asked))?;
    }
    if let Some(reason) = &finish.budget_stop {
        let text = format!("stopped: {reason} (--resume)");
        writeln!(out, "{}", styled(BAD, text))?;
    } else if !finish.complete {
        writeln!(
            out,
            "{}",
            styled(BAD, "interrupted: --resume goes on with the run")
        )?;
    }
    Ok(())
}

fn spending(role: &str, asked: &Asked) -> String {
    let usage = asked.usage;
    let mut text = format!(
        "model calls, {role}: {}, {} tokens in ({} cached), {} out, {} USD",
        asked.calls, usage.input, usage.cached, usage.output, asked.cost
    );
    if asked.failed > 0 {
        text.push_str(&format!(", {} gave no reply", asked.failed));
    }
    if asked.unpriced > 0 {
        text.push_str(&format!(", {} without a price", asked.unpriced));
    }
    text
}

fn row(group: &Group, share: String) -> Vec<String> {
    let episodes: u64 = group.outcomes.values().sum();
    let dash = || "–".to_owned();
    vec![
        group.name.clone(),
        group.tasks.to_string(),
        episodes.to_string(),
        count(&group.outcomes, Outcome::Pass).to_string(),
        group.success.map_or_else(dash, |rate| percent(rate.rate)),
        group.success.map_or_else(dash, |rate| {
            format!("{}–{}", percent_number(rate.low), percent(rate.high))
        }),
        group
            .reward
            .map_or_else(dash, |reward| format!("{reward:.3}")),
        share,
    ]
}

fn interval(rate: Rate) -> String {
    format!(
        "{} ({}–{})",
        percent(rate.rate),
        percent_number(rate.low),
        percent(rate.high)
    )
}

fn percent(rate: f64) -> String {
    format!("{} %", percent_number(rate))
}

fn percent_number(rate: f64) -> String {
    format!("{:.1}", rate * 100.0)
}

/// What a run came to, as JSON.
pub fn json(finish: &Finish) -> Result<String, Failure> {
    let mut value = serde_json::to_value(&finish.summary).map_err(Failure::input)?;
    value["complete"] = finish.complete.into();
    if let Some(reason) = &finish.budget_stop {
        value["budget_stop"] = reason.as_str().into();
    }
    value["simulated"] = finish.simulated.into();
    serde_json::to_string_pretty(&value).map_err(Failure::input)
}
