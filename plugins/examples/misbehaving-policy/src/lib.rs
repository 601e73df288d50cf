//! A policy that goes wrong in the way that the user's words name, and answers anything else. The
//! host's tests run it; nobody else should.

use core::hint::black_box;

use proctor_sdk::policy::{Policy, Setting, toolbox};
use proctor_sdk::{About, Action, Failure, Observation, ToolCall, info};

/// Answers, unless told otherwise.
pub struct Misbehaving {
    /// What the user said last.
    order: String,
}

impl Policy for Misbehaving {
    const ABOUT: About = About {
        name: "misbehaving-policy",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Goes wrong in the way that the user's words name.",
        simulated: false,
    };

    fn open(setting: Setting) -> Self {
        match setting.parameter("open") {
            Some("panic") => panic!("told to panic"),
            Some("loop") => run_for_ever(),
            Some("allocate") => allocate_for_ever(),
            _ => Self {
                order: String::new(),
            },
        }
    }

    fn next(&mut self, observation: Observation) -> Result<Action, Failure> {
        let again = match observation {
            Observation::Message(order) => {
                self.order = order;
                false
            }
            Observation::Accepted(_) | Observation::Refused(_) => true,
        };
        let (how, number) = self.order.split_once(' ').unwrap_or((&self.order, ""));
        let number = number.parse().unwrap_or(0);
        match how {
            "search" => Ok(call("client_search", r#"{"name": "Acme"}"#.into())),
            // What follows happens once a turn; seeing what came of it, the policy answers.
            _ if again => Ok(Action::Answer("done".into())),
            "loop" => run_for_ever(),
            "allocate" => allocate_for_ever(),
            "recurse" => Ok(Action::Answer(descend(0).to_string())),
            "panic" => panic!("told to panic"),
            "gigabyte" => Ok(call(
                "client_search",
                format!(r#"{{"name": "{}"}}"#, "x".repeat(number)),
            )),
            "json" => Ok(call("client_search", r#"{"name": "Acme""#.into())),
            "nested" => Ok(call("client_search", "[".repeat(number))),
            "list" => Ok(call("client_search", "[1]".into())),
            "nonsense" => Ok(call("abolish_clients", "{}".into())),
            "log" => Ok(logged(number)),
            "tools" => list_for_ever(),
            "fail" => Err(Failure {
                message: "told to fail".into(),
            }),
            _ => Ok(Action::Answer("done".into())),
        }
    }
}

fn call(tool: &str, arguments: String) -> Action {
    Action::Call(ToolCall {
        tool: tool.into(),
        arguments,
    })
}

fn run_for_ever() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

fn allocate_for_ever() -> ! {
    let mut blocks = Vec::new();
    loop {
        blocks.push(black_box(vec![1_u8; 1 << 20]));
    }
}

#[inline(never)]
fn descend(depth: u64) -> u64 {
    if black_box(depth) == u64::MAX {
        0
    } else {
        descend(depth + 1) + black_box(1)
    }
}

fn logged(lines: usize) -> Action {
    for line in 0..lines {
        info(&format!("line {line} of a flood"));
    }
    Action::Answer("done".into())
}

fn list_for_ever() -> ! {
    loop {
        black_box(toolbox::tools());
    }
}

proctor_sdk::export_policy!(Misbehaving);
