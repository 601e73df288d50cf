//! The `proctor` command: examines agents on CRM tasks.
#![allow(
    unreachable_pub,
    reason = "a program exports nothing: `pub` is what a module offers the others"
)]

mod args;
mod commands;
mod examiners;
mod exit;
mod seeds;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use args::{Arguments, Command};
use exit::Failure;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Command::Demo(options) => commands::demo::run(options),
        Command::Run(options) => commands::run::run(options),
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
