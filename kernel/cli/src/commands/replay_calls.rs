//! `proctor trace replay-calls`.

use std::path::Path;
use std::process::ExitCode;

use crate::exit::Failure;

pub fn run(_: &Path, _: bool, _: bool) -> Result<ExitCode, Failure> {
    Err(Failure::input("being written"))
}
