//! `proctor bundle diff`: what two bundles hold differently.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use proctor_bundle::{Bundle, Member, MemberPath, Role};
use proctor_episode::first_difference;
use serde_json::{Value as Json, json};

use super::opening;
use crate::args::DiffOptions;
use crate::exit::{Exit, Failure};
use crate::terminal::{BAD, DIM, GOOD, styled};

/// One way in which two bundles differ.
struct Finding {
    /// What differs: a path, or the name of a run.
    what: String,
    /// How.
    how: String,
}

pub fn run(options: &DiffOptions) -> Result<ExitCode, Failure> {
    let identity = options.identity.as_deref();
    let one = opening::read(&options.one, identity)?;
    let other = opening::read(&options.other, identity)?;
    let mut findings = members(&one, &other);
    findings.extend(runs(&one, &other)?);
    let mut out = anstream::stdout();
    if options.json {
        let listed: Vec<Json> = findings
            .iter()
            .map(|finding| json!({"what": finding.what, "how": finding.how}))
            .collect();
        writeln!(out, "{:#}", Json::from(listed))?;
    } else if findings.is_empty() {
        writeln!(out, "{}", styled(GOOD, "both hold the same"))?;
    }
    if findings.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    if !options.json {
        for finding in &findings {
            let what = styled(BAD, &finding.what);
            writeln!(out, "{what} {}", styled(DIM, &finding.how))?;
        }
    }
    Ok(Exit::Findings.into())
}

fn members(one: &Bundle, other: &Bundle) -> Vec<Finding> {
    let listed = |bundle: &Bundle| -> BTreeMap<MemberPath, Member> {
        let members = &bundle.manifest().members;
        members
            .iter()
            .map(|member| (member.path.clone(), member.clone()))
            .collect()
    };
    let (ours, theirs) = (listed(one), listed(other));
    let mut findings = Vec::new();
    let mut find = |path: &MemberPath, how: String| {
        findings.push(Finding {
            what: path.to_string(),
            how,
        });
    };
    for (path, member) in &ours {
        match theirs.get(path) {
            None => find(path, format!("only in the first ({})", member.role)),
            Some(same) if same.sha256 == member.sha256 && same.role == member.role => {}
            Some(changed) => find(
                path,
                format!(
                    "{} of {} bytes, and {} of {} bytes",
                    member.role, member.size, changed.role, changed.size
                ),
            ),
        }
    }
    for (path, member) in theirs.iter().filter(|(path, _)| !ours.contains_key(path)) {
        find(path, format!("only in the second ({})", member.role));
    }
    findings
}

/// Where the telemetry of runs that both have begins to differ.
fn runs(one: &Bundle, other: &Bundle) -> Result<Vec<Finding>, Failure> {
    let mut findings = Vec::new();
    for run in &one.manifest().runs {
        let Ok(same) = other.run(&run.name) else {
            continue;
        };
        let closed = !one.can_read(&run.telemetry) || !other.can_read(&same.telemetry);
        let digest = |bundle: &Bundle, path| {
            let member = bundle.manifest().member(path);
            member
                .filter(|member| member.role == Role::Telemetry)
                .map(|member| member.sha256)
        };
        if closed || digest(one, &run.telemetry) == digest(other, &same.telemetry) {
            continue;
        }
        let compared = first_difference(
            one.reader(&run.telemetry).map_err(Failure::input)?,
            other.reader(&same.telemetry).map_err(Failure::input)?,
        )
        .map_err(Failure::input)?;
        let how = match compared.difference {
            Some(difference) => difference.to_string(),
            None => "the telemetry is the same but for `wall`".to_owned(),
        };
        findings.push(Finding {
            what: format!("run {}", run.name),
            how,
        });
    }
    Ok(findings)
}
