//! `proctor schema`: JSON Schemas, from the types that read and write the files.

use std::io::Write;
use std::process::ExitCode;

use crate::args::{SchemaName, SchemaOptions};
use crate::exit::Failure;

pub fn run(options: &SchemaOptions) -> Result<ExitCode, Failure> {
    let schema = match options.schema {
        SchemaName::Telemetry => proctor_episode::telemetry_schema(),
        SchemaName::Suite => proctor_episode::suite_schema(),
        SchemaName::Tasks => proctor_episode::tasks_schema(),
        SchemaName::Models => proctor_model::models_schema(),
    };
    writeln!(std::io::stdout(), "{schema:#}")?;
    Ok(ExitCode::SUCCESS)
}
