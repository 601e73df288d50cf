//! `proctor plugin`: what a plugin is and whether it behaves.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use proctor_host::{FIRST_PARTY, Host, Plugin, World};
use serde_json::json;

use super::conformance;
use crate::args::PluginCommand;
use crate::examiners;
use crate::exit::{Exit, Failure};
use crate::terminal::{BAD, BOLD, GOOD, styled, table, table_text};

pub fn run(command: &PluginCommand) -> Result<ExitCode, Failure> {
    let host = examiners::host()?;
    match command {
        PluginCommand::List { json } => list(&host, *json),
        PluginCommand::Inspect { plugin, json } => inspect(&host, plugin, *json),
        PluginCommand::Check { plugin, against } => check(&host, plugin, against.as_deref()),
    }
}

/// What a plugin says of itself.
fn describe(host: &Host, plugin: &Plugin) -> Result<proctor_host::Description, Failure> {
    let described = match plugin.world {
        World::Verifier => host.verifier(plugin)?.describe(),
        World::Policy => host.policy(plugin)?.describe(),
        World::Judge => host.judge(plugin)?.describe(),
        other => {
            return Err(Failure::input(format!("this version runs no {other} yet")));
        }
    };
    described.map_err(Failure::input)
}

fn list(host: &Host, as_json: bool) -> Result<ExitCode, Failure> {
    let mut rows = table(
        &["plugin", "world", "version", "digest", "what it does"],
        &[],
    );
    let mut all = Vec::new();
    for known in FIRST_PARTY {
        let plugin = examiners::plugin(host, known.name)?;
        let about = describe(host, &plugin)?;
        rows.add_row([
            known.name.to_owned(),
            plugin.world.to_string(),
            about.version.clone(),
            plugin.digest.short(),
            about.summary.clone(),
        ]);
        all.push(as_value(&plugin, &about));
    }
    let mut out = anstream::stdout();
    if as_json {
        writeln!(out, "{:#}", serde_json::Value::from(all))?;
    } else {
        write!(out, "{}", table_text(&rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn as_value(plugin: &Plugin, about: &proctor_host::Description) -> serde_json::Value {
    json!({
        "name": about.name,
        "version": about.version,
        "summary": about.summary,
        "simulated": about.simulated,
        "world": plugin.world,
        "digest": plugin.digest,
        "bytes": plugin.bytes,
        "imports": plugin.imports,
        "exports": plugin.exports,
        "grants": plugin.grants,
    })
}

fn inspect(host: &Host, name: &str, as_json: bool) -> Result<ExitCode, Failure> {
    let plugin = examiners::plugin(host, name)?;
    let about = describe(host, &plugin)?;
    let mut out = anstream::stdout();
    if as_json {
        writeln!(out, "{:#}", as_value(&plugin, &about))?;
        return Ok(ExitCode::SUCCESS);
    }
    let simulated = if about.simulated { " (simulated)" } else { "" };
    writeln!(
        out,
        "{} {}{simulated}",
        styled(BOLD, &about.name),
        about.version
    )?;
    writeln!(out, "{}", about.summary)?;
    writeln!(out, "world    {}", plugin.world)?;
    writeln!(out, "digest   {}", plugin.digest)?;
    writeln!(out, "size     {} bytes", plugin.bytes)?;
    writeln!(out, "exports  {}", plugin.exports.join("\n         "))?;
    let imports = if plugin.imports.is_empty() {
        "nothing".into()
    } else {
        plugin.imports.join("\n         ")
    };
    writeln!(out, "imports  {imports}")?;
    let limits = host.limits();
    writeln!(
        out,
        "limits   {} fuel a call, {} MiB memory, {} KiB output, {} s",
        limits.fuel_per_call,
        limits.memory_bytes_max >> 20,
        limits.output_bytes_max >> 10,
        limits.call_time_max.as_secs()
    )?;
    Ok(ExitCode::SUCCESS)
}

fn check(host: &Host, name: &str, against: Option<&Path>) -> Result<ExitCode, Failure> {
    let plugin = examiners::plugin(host, name)?;
    let other = against
        .map(|path| examiners::plugin(host, &path.to_string_lossy()))
        .transpose()?;
    let findings = conformance::check(host, &plugin, other.as_ref())?;
    let mut out = anstream::stdout();
    for finding in &findings.failed {
        writeln!(out, "{} {finding}", styled(BAD, "failed"))?;
    }
    let style = if findings.failed.is_empty() {
        GOOD
    } else {
        BAD
    };
    let text = format!("{} cases, {} failed", findings.cases, findings.failed.len());
    writeln!(out, "{}: {}", plugin.name, styled(style, text))?;
    Ok(if findings.failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        Exit::Findings.into()
    })
}
