//! `--dry-run`: how many episodes, calls and tokens a run would be, and what it would cost.
//!
//! Nothing is sent, so nobody knows; what is shown is a range. Its lower end is an agent that
//! makes exactly the calls of each task's solution, its upper end one that needs three times as
//! many. ASSUMPTION: the tokens that a step adds, and those that a reply has, stand below; they
//! are guesses from how long the CRM's records are.

use std::io::Write;
use std::process::ExitCode;

use proctor_crm::Tool;
use proctor_episode::{STEPS_MAX, Suite, Task};
use proctor_model::{Cost, PriceList, Usage};
use serde::Serialize;

use crate::exit::Failure;
use crate::models::{JudgeRequest, ModelRequest};
use crate::prompts::Prompts;
use crate::terminal::{DIM, styled, table, table_text};

/// English text and JSON have about four bytes a token.
const BYTES_PER_TOKEN: usize = 4;
/// Tokens that a judge reads of an episode, for each of its steps.
const JUDGE_TOKENS_PER_STEP: u64 = 200;

/// How an agent may go about it.
struct Manner {
    /// Calls, in tenths of those of the solution.
    calls_tenths: u64,
    /// Tokens that a step adds to the conversation.
    step_tokens: u64,
    /// Tokens of a reply.
    reply_tokens: u64,
}

const MANNERS: [Manner; 3] = [
    Manner {
        calls_tenths: 10,
        step_tokens: 120,
        reply_tokens: 30,
    },
    Manner {
        calls_tenths: 14,
        step_tokens: 250,
        reply_tokens: 80,
    },
    Manner {
        calls_tenths: 30,
        step_tokens: 600,
        reply_tokens: 300,
    },
];

impl Manner {
    /// Steps that it takes to do a task: the calls, and the closing words of each turn.
    fn steps(&self, task: &Task) -> u64 {
        let solution: usize = task.gold.oracle.iter().map(|turn| turn.calls.len()).sum();
        let turns = task.turns.len() as u64;
        (solution as u64 * self.calls_tenths / 10 + turns).min(STEPS_MAX as u64)
    }
}

/// What one model would be asked in one role: the least, what is likely, the most.
#[derive(Serialize)]
pub struct Estimate {
    pub role: &'static str,
    pub model: String,
    pub episodes: u64,
    pub calls: [u64; 3],
    pub input_tokens: [u64; 3],
    pub output_tokens: [u64; 3],
    /// Nothing where the model has no price.
    pub cost_usd: Option<[Cost; 3]>,
}

/// What a run would come to, model by model.
pub fn of(
    suite: &Suite,
    tasks: &[usize],
    trials: u32,
    policy: &str,
    asked: &ModelRequest,
) -> Result<Vec<Estimate>, Failure> {
    // Whoever would be refused is refused now.
    asked.pins()?;
    asked.all_priced()?;
    let judges = asked.judges.iter().map(|judge| judge.name.as_str());
    let plugins: Vec<&str> = std::iter::once(policy).chain(judges).collect();
    let prompts = Prompts::of(&plugins, &asked.prompts)?;
    let tasks: Vec<&Task> = tasks.iter().filter_map(|at| suite.tasks.get(*at)).collect();
    let estimates = asked.models().into_iter().map(|(role, model)| {
        let asker = Asker::of(role, model, policy, &asked.judges, &prompts);
        asker.estimate(model, &tasks, trials, &asked.offer.prices)
    });
    Ok(estimates.collect())
}

/// Who asks a model, and the tokens that are there before anything is said.
enum Asker {
    /// The policy: a call for each step, with tools and texts.
    Student { start: u64 },
    /// Judges: a call each for each episode, with their texts.
    Judges { texts: Vec<u64> },
}

impl Asker {
    fn of(
        role: &str,
        model: &str,
        policy: &str,
        judges: &[JudgeRequest],
        prompts: &Prompts,
    ) -> Self {
        if role != "judge" {
            let start = tool_tokens() + text_tokens(prompts, policy);
            return Self::Student { start };
        }
        let judges = judges
            .iter()
            .filter(|judge| judge.model.as_deref() == Some(model));
        Self::Judges {
            texts: judges
                .map(|judge| text_tokens(prompts, &judge.name))
                .collect(),
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Student { .. } => "student",
            Self::Judges { .. } => "judge",
        }
    }

    fn estimate(&self, model: &str, tasks: &[&Task], trials: u32, prices: &PriceList) -> Estimate {
        let trials = u64::from(trials);
        let sums = MANNERS.map(|manner| {
            let mut sum = (0, Usage::default());
            for task in tasks {
                let (calls, input) = self.episode(manner.steps(task), &manner);
                sum.0 += calls * trials;
                sum.1.input += input * trials;
                sum.1.output += calls * manner.reply_tokens * trials;
            }
            sum
        });
        let costs = sums.map(|(_, usage)| prices.cost(model, &usage));
        Estimate {
            role: self.name(),
            model: model.to_owned(),
            episodes: tasks.len() as u64 * trials,
            calls: sums.map(|(calls, _)| calls),
            input_tokens: sums.map(|(_, usage)| usage.input),
            output_tokens: sums.map(|(_, usage)| usage.output),
            cost_usd: match costs {
                [Some(low), Some(likely), Some(high)] => Some([low, likely, high]),
                _ => None,
            },
        }
    }

    /// Calls in an episode of so many steps, and the tokens of all their requests.
    fn episode(&self, steps: u64, manner: &Manner) -> (u64, u64) {
        match self {
            Self::Student { start } => {
                // Each call carries the whole conversation so far.
                let grown = manner.step_tokens * steps * steps.saturating_sub(1) / 2;
                (steps, steps * start + grown)
            }
            Self::Judges { texts } => {
                let calls = texts.len() as u64;
                let read = calls * steps * JUDGE_TOKENS_PER_STEP;
                (calls, texts.iter().sum::<u64>() + read)
            }
        }
    }
}

fn tool_tokens() -> u64 {
    let bytes: usize = Tool::all()
        .iter()
        .map(|tool| {
            tool.name.len() + tool.description.len() + tool.input_schema().to_string().len()
        })
        .sum();
    (bytes / BYTES_PER_TOKEN) as u64
}

fn text_tokens(prompts: &Prompts, plugin: &str) -> u64 {
    let texts = prompts.texts(plugin);
    let bytes: usize = texts.values().map(String::len).sum();
    (bytes / BYTES_PER_TOKEN) as u64
}

/// Shows what a run would come to; sends nothing.
pub fn run(
    suite: &Suite,
    tasks: &[usize],
    trials: u32,
    policy: &str,
    asked: &ModelRequest,
    as_json: bool,
) -> Result<ExitCode, Failure> {
    let estimates = of(suite, tasks, trials, policy, asked)?;
    if as_json {
        let text = serde_json::to_string_pretty(&estimates).map_err(Failure::input)?;
        writeln!(std::io::stdout(), "{text}")?;
    } else {
        let episodes = tasks.len() as u64 * u64::from(trials);
        print(episodes, &[(policy.to_owned(), estimates)])?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what agents would ask.
pub fn print(episodes: u64, agents: &[(String, Vec<Estimate>)]) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    writeln!(
        out,
        "dry run: nothing is sent. {episodes} episodes an agent."
    )?;
    if agents.iter().all(|(_, estimates)| estimates.is_empty()) {
        writeln!(out, "no model is asked: it costs nothing.")?;
        return Ok(());
    }
    let mut rows = table(
        &[
            "agent",
            "role",
            "model",
            "calls",
            "tokens in",
            "tokens out",
            "USD",
            "range",
        ],
        &[3, 4, 5, 6, 7],
    );
    for (agent, estimates) in agents {
        for estimate in estimates {
            rows.add_row(row(agent, estimate));
        }
    }
    write!(out, "{}", table_text(&rows))?;
    let likely = |of: &Estimate| of.cost_usd.map_or(Cost::default(), |[_, likely, _]| likely);
    let all: Vec<&Estimate> = agents.iter().flat_map(|(_, all)| all).collect();
    let total: Cost = all.iter().copied().map(likely).sum();
    let but = if all.iter().any(|estimate| estimate.cost_usd.is_none()) {
        ", without the models that have no price"
    } else {
        ""
    };
    writeln!(out, "likely cost, all agents: {} USD{but}", cents(total))?;
    let note = "the range is from an agent that makes only the calls of each task's solution to \
                one that makes three times as many";
    writeln!(out, "{}", styled(DIM, note))?;
    Ok(())
}

fn row(agent: &str, of: &Estimate) -> Vec<String> {
    let (likely, range) = match of.cost_usd {
        Some([low, likely, high]) => (cents(likely), format!("{}–{}", cents(low), cents(high))),
        None => ("no price".to_owned(), String::new()),
    };
    vec![
        agent.to_owned(),
        of.role.to_owned(),
        of.model.clone(),
        of.calls[1].to_string(),
        of.input_tokens[1].to_string(),
        of.output_tokens[1].to_string(),
        likely,
        range,
    ]
}

/// To the cent, rounded up: an estimate has no more digits than that.
fn cents(cost: Cost) -> String {
    cost.rounded_up_to_cents()
}
