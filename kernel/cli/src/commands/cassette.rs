//! `proctor cassette`: looks into recordings of models.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use proctor_episode::{TelemetryReadError, TelemetryReader};
use proctor_model::cassette::{self, Cassette, CassetteError, Exchange, Redactor, RewriteCount};
use proctor_model::{Role, Speaker, Usage};

use crate::args::CassetteCommand;
use crate::environment;
use crate::exit::{Exit, Failure};
use crate::terminal::{BOLD, DIM, styled, table, table_text};

pub fn run(command: &CassetteCommand) -> Result<ExitCode, Failure> {
    match command {
        CassetteCommand::List { cassette, json } => list(cassette, *json),
        CassetteCommand::Show {
            cassette,
            episode,
            step,
            json,
        } => show(cassette, episode, *step, *json),
        CassetteCommand::Diff { one, other } => diff(one, other),
        CassetteCommand::Verify { cassette, json } => verify(cassette, *json),
        CassetteCommand::Prune {
            cassette,
            run,
            out,
            failures,
        } => prune(cassette, run, out, *failures),
        CassetteCommand::Redact {
            cassette,
            out,
            secret_env,
            pattern,
        } => redact(cassette, out, secret_env, pattern),
    }
}

fn open(path: &Path) -> Result<Cassette, Failure> {
    Cassette::open(path, None).map_err(Failure::input)
}

fn list(path: &Path, json: bool) -> Result<ExitCode, Failure> {
    let cassette = open(path)?;
    let mut out = anstream::stdout();
    let mut rows = table(
        &[
            "episode",
            "step",
            "role",
            "model",
            "request",
            "reply",
            "tokens in",
            "out",
            "ms",
        ],
        &[1, 6, 7, 8],
    );
    for exchange in cassette.exchanges() {
        let exchange = exchange.map_err(Failure::input)?;
        if json {
            let mut line = serde_json::to_value(&exchange).map_err(Failure::input)?;
            for bulky in ["messages", "tools", "terms"] {
                if let Some(fields) = line.as_object_mut() {
                    fields.remove(bulky);
                }
            }
            writeln!(out, "{line}")?;
        } else {
            rows.add_row(row(&exchange));
        }
    }
    if !json {
        let header = cassette.header();
        let text = format!("{} · {} calls", header.suite, cassette.len());
        writeln!(out, "{}", styled(BOLD, text))?;
        if let Some(note) = &header.note {
            writeln!(out, "{note}")?;
        }
        write!(out, "{}", table_text(&rows))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(exchange: &Exchange) -> Vec<String> {
    let (reply, usage) = match &exchange.retained.result {
        Ok(reply) => (reply.finish.name().to_owned(), reply.usage),
        Err(failed) => (failed.kind.clone(), Usage::default()),
    };
    vec![
        exchange.episode.clone(),
        exchange.step.to_string(),
        exchange.role.name().to_owned(),
        exchange.terms.model.clone(),
        exchange.request.short(),
        reply,
        usage.input.to_string(),
        usage.output.to_string(),
        (exchange.retained.latency_us / 1_000).to_string(),
    ]
}

fn show(path: &Path, episode: &str, step: Option<u32>, json: bool) -> Result<ExitCode, Failure> {
    let cassette = open(path)?;
    let mut out = anstream::stdout();
    let mut shown = 0;
    let mut episodes = BTreeSet::new();
    for exchange in cassette.exchanges() {
        let exchange = exchange.map_err(Failure::input)?;
        if exchange.episode != episode || step.is_some_and(|step| step != exchange.step) {
            if episodes.len() < 5 {
                episodes.insert(exchange.episode);
            }
            continue;
        }
        if json {
            let line = serde_json::to_value(&exchange).map_err(Failure::input)?;
            writeln!(out, "{line}")?;
        } else {
            print(&mut out, &exchange, shown == 0)?;
        }
        shown += 1;
    }
    if shown == 0 {
        let some: Vec<String> = episodes.into_iter().collect();
        return Err(
            Failure::input(format!("{}: no call of {episode}", path.display()))
                .hint(format!("some of its episodes: {}", some.join(", "))),
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// One call as a person wants to read it. All of the conversation stands before the first;
/// after that, only what is new: what came since the model last spoke.
fn print(out: &mut impl Write, exchange: &Exchange, all: bool) -> Result<(), Failure> {
    let heading = format!(
        "before step {}, {} asks {} ({}, occurrence {})",
        exchange.step,
        exchange.role.name(),
        exchange.terms.model,
        exchange.request.short(),
        exchange.occurrence
    );
    writeln!(out, "{}", styled(BOLD, heading))?;
    let spoken = exchange
        .messages
        .iter()
        .rposition(|message| message.speaker == Speaker::Assistant);
    let from = if all {
        0
    } else {
        spoken.map_or(0, |at| at + 1)
    };
    for message in exchange.messages.iter().skip(from) {
        let speaker = format!("{:?}", message.speaker).to_lowercase();
        writeln!(out, "  {} {}", styled(DIM, speaker), message.text)?;
        for call in &message.calls {
            writeln!(out, "    {} {}", call.tool, call.arguments)?;
        }
    }
    match &exchange.retained.result {
        Ok(reply) => {
            writeln!(out, "  {} {}", styled(DIM, reply.finish.name()), reply.text)?;
            for call in &reply.calls {
                writeln!(out, "    {} {}", call.tool, call.arguments)?;
            }
        }
        Err(failed) => writeln!(out, "  {} {}", styled(DIM, &failed.kind), failed.message)?,
    }
    Ok(())
}

/// What names a recording.
type Key = (String, Role, String, u32);

fn key(exchange: &Exchange) -> Key {
    (
        exchange.episode.clone(),
        exchange.role,
        exchange.request.to_string(),
        exchange.occurrence,
    )
}

fn diff(one: &Path, other: &Path) -> Result<ExitCode, Failure> {
    let keyed = |path: &Path| {
        open(path)?
            .exchanges()
            .map(|exchange| {
                let exchange = exchange.map_err(Failure::input)?;
                Ok((key(&exchange), exchange.retained.result))
            })
            .collect::<Result<std::collections::BTreeMap<_, _>, Failure>>()
    };
    let (one, other) = (keyed(one)?, keyed(other)?);
    let mut out = anstream::stdout();
    let mut differences = 0_u64;
    let mut say = |sign: char, (episode, role, request, occurrence): &Key| {
        differences += 1;
        let request: String = request.chars().take(12).collect();
        writeln!(
            out,
            "{sign} {episode} {} {request} occurrence {occurrence}",
            role.name()
        )
    };
    for (key, result) in &one {
        match other.get(key) {
            None => say('-', key)?,
            Some(found) if found != result => say('~', key)?,
            Some(_) => {}
        }
    }
    for key in other.keys().filter(|key| !one.contains_key(*key)) {
        say('+', key)?;
    }
    if differences == 0 {
        writeln!(anstream::stdout(), "no difference in {} calls", one.len())?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(Exit::Findings.into())
}

fn verify(path: &Path, json: bool) -> Result<ExitCode, Failure> {
    let verified = cassette::verify(path).map_err(Failure::input)?;
    let mut out = anstream::stdout();
    if json {
        let text = serde_json::to_string_pretty(&verified).map_err(Failure::input)?;
        writeln!(out, "{text}")?;
    } else {
        writeln!(
            out,
            "whole: {} calls, {} messages, {} bytes",
            verified.exchanges, verified.messages, verified.bytes
        )?;
        if verified.redacted > 0 {
            writeln!(
                out,
                "{} requests were redacted: what they hold doesn't give the digest that they are \
                 found by",
                verified.redacted
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn prune(path: &Path, run: &Path, out: &Path, failures: bool) -> Result<ExitCode, Failure> {
    let count = keep_used(path, &run.join("telemetry.jsonl"), out, failures)?;
    writeln!(
        anstream::stdout(),
        "{}: {} calls kept, {} left out",
        out.display(),
        count.kept,
        count.dropped
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a cassette with only the calls that a run's telemetry names; without those that gave
/// no reply, if that is wanted.
pub fn keep_used(
    path: &Path,
    telemetry: &Path,
    out: &Path,
    no_failures: bool,
) -> Result<RewriteCount, Failure> {
    let used = used(telemetry)?;
    let source = open(path)?;
    cassette::rewrite(&source, out, source.header(), &mut |exchange| {
        let wanted = used.contains(&key(&exchange));
        let replied = exchange.retained.result.is_ok();
        (wanted && (replied || !no_failures)).then_some(exchange)
    })
    .map_err(Failure::input)
}

/// The calls that a run's telemetry names.
fn used(path: &Path) -> Result<BTreeSet<Key>, Failure> {
    let wrong = |error: TelemetryReadError| Failure::from(error.at(path));
    let file = File::open(path).map_err(|error| wrong(error.into()))?;
    let mut lines = TelemetryReader::new(file);
    let mut used = BTreeSet::new();
    while let Some(line) = lines.next_line().map_err(wrong)? {
        if line.event == "model.call" {
            used.extend(key_of(&line.fields));
        }
    }
    Ok(used)
}

fn key_of(fields: &serde_json::Value) -> Option<Key> {
    let role = fields["role"].as_str()?;
    Some((
        fields["gen_ai.conversation.id"].as_str()?.to_owned(),
        Role::ALL.into_iter().find(|known| known.name() == role)?,
        fields["request_digest"].as_str()?.to_owned(),
        u32::try_from(fields["occurrence"].as_u64()?).ok()?,
    ))
}

fn redact(
    path: &Path,
    out: &Path,
    secret_env: &[String],
    patterns: &[String],
) -> Result<ExitCode, Failure> {
    let mut secrets = Vec::new();
    for name in secret_env {
        let value = environment::variable(name)?.ok_or_else(|| {
            Failure::input(format!("--secret-env {name}: the variable isn't set"))
        })?;
        secrets.push(value);
    }
    let mut redactor = Redactor::default();
    for secret in &secrets {
        redactor = redactor.with_secret(secret).map_err(Failure::input)?;
    }
    for pattern in patterns {
        redactor = redactor
            .with_pattern(pattern)
            .map_err(|error| Failure::input(format!("--pattern: {error}")))?;
    }
    let source = open(path)?;
    let mut changed = 0_u64;
    let header = redactor.header(source.header());
    let count = cassette::rewrite(&source, out, &header, &mut |exchange| {
        let redacted = redactor.exchange(exchange.clone());
        changed += u64::from(redacted != exchange);
        Some(redacted)
    })
    .map_err(|error: CassetteError| Failure::input(error))?;
    writeln!(
        anstream::stdout(),
        "{}: {} calls, {changed} of them redacted",
        out.display(),
        count.kept
    )?;
    Ok(ExitCode::SUCCESS)
}
