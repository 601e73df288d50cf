//! `proctor bundle inspect`: what is in a bundle, and who signed it.

use std::io::Write;
use std::process::ExitCode;

use proctor_bundle::trust::TrustPolicy;
use proctor_bundle::{Bundle, PluginSeat};
use serde_json::{Value as Json, json};

use super::{keys, opening};
use crate::args::{InspectOptions, TrustOptions};
use crate::exit::Failure;
use crate::terminal::{BAD, BOLD, DIM, GOOD, styled, table, table_text};

pub fn run(options: &InspectOptions) -> Result<ExitCode, Failure> {
    let open = &options.open;
    let bundle = opening::read(&open.bundle, open.identity.as_deref())?;
    let trust = match asked(&open.trust) {
        true => keys::trust(&open.trust)?,
        false => None,
    };
    let signers = signers(&bundle, trust.as_ref());
    if options.json {
        let manifest = serde_json::to_value(bundle.manifest()).map_err(Failure::input)?;
        let signers: Vec<Json> = signers
            .iter()
            .map(|signer| json!({"key": signer.key, "as": signer.what, "is": signer.said}))
            .collect();
        let value = json!({
            "digest": bundle.manifest().digest(),
            "manifest": manifest,
            "signatures": signers,
        });
        writeln!(std::io::stdout(), "{value:#}")?;
    } else {
        print(&bundle, &signers, options.members)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn asked(options: &TrustOptions) -> bool {
    options.trust.is_some() || !options.key.is_empty()
}

struct Signer {
    key: String,
    what: &'static str,
    good: bool,
    said: String,
}

/// Who signed, and what is to be said of it.
fn signers(bundle: &Bundle, trust: Option<&TrustPolicy>) -> Vec<Signer> {
    use proctor_bundle::trust::Purpose;
    let attachments = bundle.archive().attachments();
    let judged = |purpose, signature: &str, bytes: &[u8]| match trust {
        None => (
            false,
            "not checked: no key was given (--key, --trust)".to_owned(),
        ),
        Some(trust) => match trust.verify(purpose, signature, bytes) {
            Ok(_) => (true, "it holds".to_owned()),
            Err(error) => (false, error.to_string()),
        },
    };
    let mut signers = Vec::new();
    for (key, signature) in &attachments.signatures {
        let (good, said) = judged(Purpose::Seal, signature, bundle.archive().manifest_bytes());
        signers.push(Signer {
            key: key.clone(),
            what: "seal",
            good,
            said,
        });
    }
    for (key, of) in &attachments.attestations {
        let (good, said) = match bundle.attested(key, &of.statement) {
            Ok(_) => judged(Purpose::Attest, &of.signature, &of.statement),
            Err(error) => (false, error.to_string()),
        };
        signers.push(Signer {
            key: key.clone(),
            what: "countersignature",
            good,
            said,
        });
    }
    signers
}

fn print(bundle: &Bundle, signers: &[Signer], members: bool) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    let manifest = bundle.manifest();
    writeln!(
        out,
        "{}",
        styled(BOLD, format!("{}: {}", manifest.name, manifest.title))
    )?;
    writeln!(
        out,
        "format {}, sealed by proctor {}, manifest {}",
        manifest.format,
        manifest.kernel,
        manifest.digest()
    )?;
    for signer in signers {
        let style = if signer.good { GOOD } else { BAD };
        writeln!(
            out,
            "{} by key {}: {}",
            signer.what,
            signer.key,
            styled(style, &signer.said)
        )?;
    }
    if signers.is_empty() {
        writeln!(out, "{}", styled(BAD, "nobody has sealed it"))?;
    }
    let mut rows = table(
        &["run", "episodes", "policy", "grants", "model", "command"],
        &[1],
    );
    for run in &manifest.runs {
        let policy = &run.inputs.policy;
        rows.add_row([
            run.name.clone(),
            run.episodes.to_string(),
            policy.name.clone(),
            grants(policy),
            policy.model.clone().unwrap_or_else(|| "–".to_owned()),
            run.inputs.command.clone(),
        ]);
    }
    writeln!(out, "\n{}", styled(DIM, "runs"))?;
    write!(out, "{}", table_text(&rows))?;
    writeln!(out, "\n{}", styled(DIM, "members by role"))?;
    let mut rows = table(&["role", "members", "bytes"], &[1, 2]);
    for (role, (number, bytes)) in bundle.roles() {
        rows.add_row([role, number.to_string(), bytes.to_string()]);
    }
    write!(out, "{}", table_text(&rows))?;
    if members {
        writeln!(out, "\n{}", styled(DIM, "members"))?;
        let mut rows = table(
            &["path", "role", "bytes", "in the file", "SHA-256"],
            &[2, 3],
        );
        for member in &manifest.members {
            let packed = member
                .packed
                .as_ref()
                .map_or(member.size, |packed| packed.size);
            let sealed = if member.plain.is_some() {
                ", encrypted"
            } else {
                ""
            };
            rows.add_row([
                member.path.to_string(),
                format!("{}{sealed}", member.role),
                member.size.to_string(),
                packed.to_string(),
                member.sha256.to_string(),
            ]);
        }
        write!(out, "{}", table_text(&rows))?;
    }
    Ok(())
}

fn grants(seat: &PluginSeat) -> String {
    match seat.grants.is_empty() {
        true => "–".to_owned(),
        false => seat.grants.join(", "),
    }
}
