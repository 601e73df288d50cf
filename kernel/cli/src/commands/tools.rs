//! `proctor tools`: the tools that agents may call.

use std::io::Write;
use std::process::ExitCode;

use proctor_crm::{ExportFormat, Tool, export};

use crate::args::{ToolFormat, ToolsOptions};
use crate::exit::Failure;
use crate::terminal::{BOLD, DIM, styled, table, table_text};

pub fn run(options: &ToolsOptions) -> Result<ExitCode, Failure> {
    let mut out = anstream::stdout();
    if let Some(format) = options.format {
        let format = match format {
            ToolFormat::OpenAi => ExportFormat::OpenAi,
            ToolFormat::Anthropic => ExportFormat::Anthropic,
            ToolFormat::Mcp => ExportFormat::Mcp,
            ToolFormat::JsonSchema => ExportFormat::JsonSchema,
        };
        writeln!(out, "{:#}", export(format))?;
        return Ok(ExitCode::SUCCESS);
    }
    match &options.tool {
        Some(name) => {
            let tool = Tool::named(name).map_err(|refusal| Failure::input(refusal.message))?;
            write!(out, "{}", one(tool))?;
        }
        None => {
            let mut rows = table(&["tool", "", "what it does"], &[]);
            for tool in Tool::all() {
                rows.add_row([tool.name, effect(tool), tool.description]);
            }
            write!(out, "{}", table_text(&rows))?;
            let hint = "`proctor tools NAME` shows a tool's arguments; --format exports them all.";
            writeln!(out, "{}", styled(DIM, hint))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn effect(tool: &Tool) -> &'static str {
    match (tool.annotations.read_only, tool.annotations.destructive) {
        (true, _) => "reads",
        (false, true) => "overwrites",
        (false, false) => "adds",
    }
}

fn one(tool: &Tool) -> String {
    let mut text = format!("{}  {}\n", styled(BOLD, tool.name), tool.description);
    if !tool.aliases.is_empty() {
        text.push_str(&format!("also known as {}\n", tool.aliases.join(", ")));
    }
    let mut rows = table(&["argument", "", "what it is"], &[]);
    for argument in tool.arguments() {
        let required = if argument.required { "required" } else { "" };
        rows.add_row([argument.name, required, argument.doc]);
    }
    text.push_str(&table_text(&rows));
    text
}
