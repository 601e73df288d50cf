//! `proctor bundle verify`: who sealed it, and whether everything in it holds.

use std::io::Write;
use std::process::ExitCode;

use proctor_bundle::trust::{TrustPolicy, Vouched};
use proctor_bundle::{Bundle, Lines, Run, Verified};
use proctor_host::Host;
use serde_json::json;

use super::opening::{self, Opened};
use super::tables;
use crate::args::VerifyOptions;
use crate::examiners;
use crate::exit::Failure;
use crate::terminal::{BAD, GOOD, progress_bytes, styled};

pub fn run(options: &VerifyOptions) -> Result<ExitCode, Failure> {
    let Opened { bundle, trust } = opening::open(&options.open)?;
    let verified = whole(&bundle, trust.as_ref())?;
    if options.json {
        writeln!(std::io::stdout(), "{:#}", as_value(&bundle, &verified))?;
    } else {
        print(&bundle, &verified)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Verifies all that can be verified without running an episode.
pub fn whole(bundle: &Bundle, trust: Option<&TrustPolicy>) -> Result<Verified, Failure> {
    let mut readings = tables::Readings::new(bundle);
    let verified = verify(
        bundle,
        trust,
        Lines::Told(&mut |run, line| readings.line(run, line)),
    )?;
    let host = examiners::host()?;
    for run in &bundle.manifest().runs {
        load(bundle, run, &host)?;
    }
    readings.check_tables(bundle)?;
    Ok(verified)
}

/// Verifies what a replay of everything doesn't find out by itself: it loads the plugins, and
/// compares telemetry and tables with its own.
pub fn before_replay(bundle: &Bundle, trust: Option<&TrustPolicy>) -> Result<(), Failure> {
    verify(bundle, trust, Lines::Replayed).map(|_| ())
}

fn verify(
    bundle: &Bundle,
    trust: Option<&TrustPolicy>,
    lines: Lines<'_>,
) -> Result<Verified, Failure> {
    let bytes = bundle.manifest().members.iter().map(|member| member.size);
    let bar = progress_bytes(bytes.sum(), "verifying");
    let verified = bundle.verify(trust, &mut |read| bar.inc(read), lines);
    bar.finish_and_clear();
    verified.map_err(Failure::input)
}

/// Whether every plugin of a run loads with what it is granted, and with nothing else.
fn load(bundle: &Bundle, run: &Run, host: &Host) -> Result<(), Failure> {
    let seats = opening::seats(bundle, run)?;
    let asked = opening::models(bundle, run, None)?;
    seats.link(host, &asked)?;
    Ok(())
}

fn print(bundle: &Bundle, verified: &Verified) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    writeln!(
        out,
        "{} {}: {} members, {} bytes, manifest {}",
        styled(GOOD, "whole"),
        bundle.manifest().name,
        verified.members,
        verified.bytes,
        bundle.manifest().digest()
    )?;
    for run in &verified.runs {
        let lines = match run.lines {
            Some(lines) => format!("{lines} lines of telemetry, an unbroken chain"),
            None => "telemetry encrypted, not looked into".to_owned(),
        };
        writeln!(out, "run {}: {} episodes, {lines}", run.name, run.episodes)?;
    }
    for (path, role) in &verified.unknown {
        writeln!(
            out,
            "{path}: of the role {role}, which this version doesn't know; only its digest was checked"
        )?;
    }
    if !verified.closed.is_empty() {
        writeln!(
            out,
            "{} encrypted members: only their digests were checked (--identity opens them)",
            verified.closed.len()
        )?;
    }
    if verified.vouched.is_empty() {
        writeln!(
            out,
            "{}",
            styled(BAD, "nobody's seal was asked for (--anyone)")
        )?;
    }
    for vouched in &verified.vouched {
        writeln!(out, "{}", by(vouched))?;
    }
    for attestation in &verified.attestations {
        let whole = if attestation.replay.is_whole() {
            "all of it"
        } else {
            "a sample"
        };
        let note = attestation.replay.note.as_ref();
        let note = note.map_or(String::new(), |note| format!(": {note}"));
        writeln!(
            out,
            "key {} replayed {whole} on {} and got the same{note}",
            attestation.by.key_id(),
            attestation.replay.store
        )?;
    }
    for key in &verified.strangers {
        writeln!(
            out,
            "countersigned by the key {key} too, which isn't known here: it doesn't count"
        )?;
    }
    Ok(())
}

fn by(vouched: &Vouched) -> String {
    let what = match vouched.purpose {
        proctor_bundle::trust::Purpose::Seal => "sealed by",
        proctor_bundle::trust::Purpose::Attest => "countersigned by",
    };
    let key = vouched.key_id.to_string();
    // Who is known by the key alone is called by it.
    match vouched.name.contains(&key) {
        true => format!("{what} {}", vouched.name),
        false => format!("{what} {} (key {key})", vouched.name),
    }
}

/// What was verified, for a script.
pub fn as_value(bundle: &Bundle, verified: &Verified) -> serde_json::Value {
    let manifest = bundle.manifest();
    json!({
        "name": manifest.name,
        "digest": manifest.digest(),
        "members": verified.members,
        "bytes": verified.bytes,
        "runs": verified.runs.iter().map(|run| json!({
            "name": run.name,
            "episodes": run.episodes,
            "lines": run.lines,
        })).collect::<Vec<_>>(),
        "closed": verified.closed,
        "unknown": verified.unknown,
        "vouched": verified.vouched.iter().map(|vouched| json!({
            "name": vouched.name,
            "key": vouched.key_id.to_string(),
            "for": vouched.purpose.name(),
        })).collect::<Vec<_>>(),
        "strangers": verified.strangers,
        "attestations": verified.attestations.iter().map(|one| json!({
            "key": one.by.key_id().to_string(),
            "replay": one.replay,
        })).collect::<Vec<_>>(),
    })
}
