//! `proctor demo`: three agents examined, and one episode to read.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::run::jobs;
use super::{summary, trace};
use crate::args::DemoOptions;
use crate::examiners::{self, Seats};
use crate::examining::{Request, examine};
use crate::exit::{Exit, Failure};
use crate::inputs;
use crate::models::ModelRequest;
use crate::seeds;
use crate::terminal::{BOLD, DIM, styled};
use crate::workers::Source;

const AGENTS: [&str; 3] = ["oracle", "noop", "student-sim"];

pub fn run(options: &DemoOptions) -> Result<ExitCode, Failure> {
    let mut out = anstream::stdout();
    let files = seeds::suite_files("crm-core")?;
    let suite = Arc::new(files.compile()?);
    let host = examiners::host()?;
    let folder = folder(options)?;
    writeln!(
        out,
        "Three agents sit the suite {} ({} tasks): `oracle` plays each task's own solution, \
         `noop` does nothing, `student-sim` is a simulated student that makes the mistakes real \
         models make. Each runs as a WebAssembly component, and so do the verifiers.\n",
        suite.name,
        suite.tasks.len()
    )?;
    let source = Source::of(&options.store, options.isolation, &suite.data)?;
    let mut complete = true;
    for agent in AGENTS {
        let out_dir = folder.join(agent);
        clear(&out_dir)?;
        let asked = ModelRequest::default();
        let request = Request {
            command: inputs::command(["proctor", "run", "--policy", agent]),
            options: ["--trials", "1", "--seed", "1"].map(str::to_owned).to_vec(),
            files: &files,
            seats: &Seats::named(agent, &[], &asked, None)?,
            suite: Arc::clone(&suite),
            tasks: (0..suite.tasks.len()).collect(),
            out: Some(&out_dir),
            resume: false,
            trials: 1,
            seed: 1,
            jobs: jobs(None),
            parameters: Vec::new(),
            source: &source,
            asked: &asked,
        };
        let finish = examine(&host, &request)?;
        complete &= finish.complete;
        summary::print(&suite, agent, &finish)?;
        writeln!(out)?;
        if !complete {
            return Ok(Exit::Interrupted.into());
        }
    }
    let student = folder.join("student-sim");
    if let Some(episode) = trace::first_failed(&student)? {
        writeln!(
            out,
            "{}\n",
            styled(BOLD, "An episode that failed, as `proctor trace` shows it:")
        )?;
        trace::print(&student, &episode)?;
    }
    writeln!(out, "\nThe records are in {}", folder.display())?;
    writeln!(
        out,
        "{}",
        styled(
            DIM,
            "Next: proctor trace DIR, proctor run --help, proctor suite lint"
        )
    )?;
    Ok(ExitCode::SUCCESS)
}

fn folder(options: &DemoOptions) -> Result<PathBuf, Failure> {
    match &options.out {
        Some(folder) => Ok(folder.clone()),
        None => examiners::cache_folder()
            .map(|cache| cache.join("demo"))
            .ok_or_else(|| {
                Failure::input("this user has no home directory").hint("give a folder with --out")
            }),
    }
}

/// Removes an earlier demo's records; refuses a folder that holds anything else.
fn clear(folder: &Path) -> Result<(), Failure> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(());
    };
    for entry in entries {
        let path = entry?.path();
        let ours = path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| {
                ["telemetry.jsonl", "pending.jsonl", inputs::FOLDER].contains(&name)
            });
        if !ours {
            return Err(
                Failure::input(format!("{} is not an earlier demo's", path.display()))
                    .hint("give another folder with --out"),
            );
        }
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}
