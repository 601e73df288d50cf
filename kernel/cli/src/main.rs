//! The `proctor` command: examines agents on CRM tasks.
#![allow(
    unreachable_pub,
    reason = "a program exports nothing: `pub` is what a module offers the others"
)]

mod args;
mod commands;
mod environment;
mod examiners;
mod examining;
mod exit;
mod inputs;
mod models;
mod prompts;
mod seeds;
mod store;
mod terminal;
mod workers;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ContextValue;

use args::{Arguments, Command};
use exit::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::try_parse().unwrap_or_else(|error| without_addresses(error).exit());
    let result = match &arguments.command {
        Command::Demo(options) => commands::demo::run(options),
        Command::Run(options) => commands::run::run(options),
        Command::Baseline(options) => commands::baseline::run(options),
        Command::Cassette(command) => commands::cassette::run(command),
        Command::Bundle(command) => commands::bundle::run(command),
        Command::Suite(command) => commands::suite::run(command),
        Command::Tools(options) => commands::tools::run(options),
        Command::Plugin(command) => commands::plugin::run(command),
        Command::Db(command) => commands::db::run(command),
        Command::Trace(options) => commands::trace::run(options),
        Command::Schema(options) => commands::schema::run(options),
    };
    match result {
        Ok(code) => code,
        Err(failure) => {
            terminal::error(&failure);
            failure.code()
        }
    }
}

/// An error about the command line that repeats no address, since one may hold a password.
fn without_addresses(mut error: clap::Error) -> clap::Error {
    let is_address =
        |value: &ContextValue| matches!(value, ContextValue::String(text) if text.contains("://"));
    let telling: Vec<_> = error
        .context()
        .filter(|(_, value)| is_address(value))
        .map(|(kind, _)| kind)
        .collect();
    for kind in telling {
        error.insert(kind, ContextValue::String("(an address)".into()));
    }
    error
}

/// Whether an error is only that nobody reads our output any more, as with `proctor … | head`.
fn is_broken_pipe(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::BrokenPipe
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if is_broken_pipe(&error) {
            Self::pipe()
        } else {
            Self::input(error.to_string())
        }
    }
}
