//! `proctor bundle`: one file that a customer verifies and runs again, offline, to the byte.

mod diff;
mod documents;
mod elf;
mod extract;
mod inspect;
mod kept;
mod keys;
mod merge;
mod opening;
mod recipe;
mod replay;
mod run;
mod runner;
mod seal;
mod sign;
mod tables;
mod verify;

use std::process::ExitCode;

use crate::args::BundleCommand;
use crate::exit::Failure;

pub fn run(command: &BundleCommand) -> Result<ExitCode, Failure> {
    match command {
        BundleCommand::Seal(options) => seal::run(options),
        BundleCommand::Inspect(options) => inspect::run(options),
        BundleCommand::Verify(options) => verify::run(options),
        BundleCommand::Replay(options) => replay::run(options),
        BundleCommand::Extract(options) => extract::run(options),
        BundleCommand::Diff(options) => diff::run(options),
        BundleCommand::Merge(options) => merge::run(options),
        BundleCommand::Keygen(options) => keys::keygen(options),
        BundleCommand::Sign(options) => sign::run(options),
        BundleCommand::Attest(options) => replay::attest(options),
        BundleCommand::Run(options) => run::run(options),
    }
}
