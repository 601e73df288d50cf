//! Sealing: a suite's files without what counts as done in the tasks of a split, so that agents
//! can be run on them by people who must not read it.
//!
//! What remains of a task is named one by one: whatever else a task says, now or later, goes.

use std::collections::BTreeSet;
use std::path::Path;

use proctor_host::Digest;
use serde::Serialize;

use super::file::{TaskEntry, TasksFile};
use super::load::Files;
use super::{Split, Suite};
use crate::canonical;
use crate::error::{Source, SuiteError};
use crate::records::Tables;

/// Name of the suite's own file, beside those of its tasks.
const MANIFEST: &str = "suite.toml";

impl Suite {
    /// The texts of a suite's files, `suite.toml` and those of its tasks, with the gold of the
    /// tasks of `split` taken out. The suite that they are the files of has the same digest, and
    /// an agent's episodes are the same step by step; but nobody can tell whether a sealed task
    /// was done.
    ///
    /// Files that hold such a task are written anew, without comments, and so is `suite.toml`,
    /// without the equivalences that name one. All others stay as they are.
    ///
    /// # Errors
    /// When a file says something that no file of a suite can.
    pub fn sealed_files(files: &Files, split: Split) -> Result<Files, SuiteError> {
        let mut sealed = files.clone();
        let mut ids = BTreeSet::new();
        for (path, text) in files.iter().filter(|(path, _)| !is_manifest(path)) {
            let source = Source { path, text };
            let file: TasksFile = source.parse()?;
            let chosen = file.task.iter().filter(|entry| entry.split == split);
            let before = ids.len();
            ids.extend(chosen.map(|entry| entry.id.get_ref().clone()));
            if ids.len() > before {
                sealed.insert(
                    path.clone(),
                    write(path, &sealed_file(&source, &file, split)?)?,
                );
            }
        }
        if !ids.is_empty() {
            for (path, text) in files.iter().filter(|(path, _)| is_manifest(path)) {
                let mut manifest: toml::Table = Source { path, text }.parse()?;
                drop_equivalences(&mut manifest, &ids);
                sealed.insert(path.clone(), write(path, &manifest)?);
            }
        }
        Ok(sealed)
    }
}

impl TaskEntry {
    /// Digest of everything the task says; of a sealed one, of what it said before.
    pub(super) fn digest(&self, source: &Source<'_>) -> Result<Digest, SuiteError> {
        let Some(sealed) = &self.sealed else {
            return Ok(Digest::of(canonical::to_string(self).as_bytes()));
        };
        sealed.get_ref().parse().map_err(|_| {
            let message = "`sealed` is the whole task's digest: 64 hexadecimal digits";
            source.error(sealed.span().start, message)
        })
    }

    /// The first key that tells what counts as done.
    pub(super) fn tells(&self) -> Option<&'static str> {
        let expect = &self.expect;
        let expects = !(expect.insert.is_empty()
            && expect.update.is_empty()
            && expect.delete.is_empty()
            && expect.refusal.is_none());
        let turns = || self.turn.iter();
        [
            ("negative", self.negative.is_some()),
            ("read_only", self.read_only.is_some()),
            ("expect", expects),
            ("derived", turns().any(|turn| !turn.derived.is_empty())),
            ("call", turns().any(|turn| !turn.call.is_empty())),
            ("answer", turns().any(|turn| turn.answer.is_some())),
            ("decline", turns().any(|turn| turn.decline.is_some())),
        ]
        .into_iter()
        .find_map(|(key, there)| there.then_some(key))
    }
}

#[derive(Serialize)]
struct File<'a> {
    task: Vec<Task<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Task<'a> {
    Sealed(Sealed<'a>),
    Whole(&'a TaskEntry),
}

/// All that remains of a sealed task.
#[derive(Serialize)]
struct Sealed<'a> {
    id: &'a str,
    kind: &'a str,
    split: Split,
    sealed: Digest,
    #[serde(skip_serializing_if = "Tables::is_empty")]
    setup: &'a Tables,
    turn: Vec<Turn<'a>>,
}

#[derive(Serialize)]
struct Turn<'a> {
    user: &'a str,
}

fn sealed_file<'a>(
    source: &Source<'_>,
    file: &'a TasksFile,
    split: Split,
) -> Result<File<'a>, SuiteError> {
    let task = file.task.iter().map(|entry| {
        Ok(match entry.split == split {
            true => Task::Sealed(sealed_task(source, entry)?),
            false => Task::Whole(entry),
        })
    });
    Ok(File {
        task: task.collect::<Result<_, SuiteError>>()?,
    })
}

fn sealed_task<'a>(source: &Source<'_>, entry: &'a TaskEntry) -> Result<Sealed<'a>, SuiteError> {
    let user = |turn: &'a super::file::TurnEntry| Turn {
        user: turn.user.get_ref(),
    };
    Ok(Sealed {
        id: entry.id.get_ref(),
        kind: entry.kind.get_ref(),
        split: entry.split,
        sealed: entry.digest(source)?,
        setup: &entry.setup,
        turn: entry.turn.iter().map(user).collect(),
    })
}

/// Leaves out what says of a sealed task which wrong ways to do it are right.
fn drop_equivalences(manifest: &mut toml::Table, sealed: &BTreeSet<String>) {
    if let Some(toml::Value::Array(entries)) = manifest.get_mut("equivalent") {
        entries.retain(|entry| {
            let tasks = entry.get("tasks").and_then(toml::Value::as_array);
            let mut ids = tasks.into_iter().flatten().filter_map(toml::Value::as_str);
            !ids.any(|id| sealed.contains(id))
        });
    }
}

fn is_manifest(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == MANIFEST)
}

fn write(path: &Path, file: &impl Serialize) -> Result<String, SuiteError> {
    toml::to_string(file).map_err(|error| SuiteError {
        path: path.to_owned(),
        at: None,
        message: format!("cannot be written anew: {error}"),
    })
}
