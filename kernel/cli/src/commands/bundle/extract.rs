//! `proctor bundle extract`: the members as files.

use std::io::Write;
use std::process::ExitCode;

use super::opening::{self, Opened};
use crate::args::ExtractOptions;
use crate::exit::Failure;

pub fn run(options: &ExtractOptions) -> Result<ExitCode, Failure> {
    let Opened { bundle, .. } = opening::open(&options.open)?;
    bundle
        .archive()
        .extract(&options.out)
        .map_err(Failure::input)?;
    let members = bundle.manifest().members.len();
    writeln!(
        std::io::stdout(),
        "{members} members are in {}",
        options.out.display()
    )?;
    Ok(ExitCode::SUCCESS)
}
