//! Reading a suite's files: from a folder, or from those embedded in the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use proctor_crm::{Row, Timestamp};
use proctor_host::Digest;
use proctor_store::{Snapshot, Sqlite, Store, StoreError};

use super::compile::Compiler;
use super::file::{SuiteFile, TasksFile};
use super::files::SuiteFiles;
use super::{Equivalent, Suite};
use crate::canonical;
use crate::error::{Source, SuiteError, read};
use crate::records::{self, Names, Tables};

/// Files by path, as read or embedded.
pub(crate) type Files = BTreeMap<PathBuf, String>;

impl Suite {
    /// Reads the suite in a folder; its data lies in `../../<data>` from there.
    ///
    /// # Errors
    /// When a file cannot be read or says something that no suite can.
    pub fn load(folder: &Path) -> Result<Self, SuiteError> {
        let files = SuiteFiles::read(folder)?;
        let suite = files.compile()?;
        prove(&suite.data, &files.data)?;
        Ok(suite)
    }

    /// Compiles a suite from the texts of its files and its data's.
    ///
    /// # Errors
    /// As [`Suite::load`].
    pub fn from_files(
        manifest: &Path,
        files: &Files,
        data_files: &Files,
    ) -> Result<Self, SuiteError> {
        let text = files.get(manifest).map(String::as_str).unwrap_or_default();
        let source = Source {
            path: manifest,
            text,
        };
        let head: SuiteFile = source.parse()?;
        let now: Timestamp = head
            .now
            .get_ref()
            .parse()
            .map_err(|_| source.error(head.now.span().start, "`now` is no RFC 3339 time"))?;
        let mut names = Names::default();
        let data = read_data(data_files, &mut names)?;
        let mut tasks = Vec::new();
        let mut digests = String::new();
        for (path, text) in files.iter().filter(|(path, _)| *path != manifest) {
            let source = Source { path, text };
            let file: TasksFile = source.parse()?;
            for entry in &file.task {
                tasks.push(
                    Compiler {
                        source,
                        names: &names,
                        now,
                    }
                    .task(entry)?,
                );
            }
        }
        tasks.sort_by(|one: &super::Task, other| one.id.cmp(&other.id));
        if let Some(twice) = tasks.windows(2).find(|pair| pair[0].id == pair[1].id) {
            let message = format!(
                "the task `{}` is there twice: {} and {}",
                twice[0].id, twice[0].source, twice[1].source
            );
            return Err(SuiteError {
                path: manifest.to_owned(),
                at: None,
                message,
            });
        }
        for task in &tasks {
            digests.push_str(&task.digest.to_string());
        }
        digests.push_str(&data.fingerprint().to_string());
        digests.push_str(&canonical::to_string(&head.frequency));
        Ok(Self {
            name: head.name.get_ref().clone(),
            version: head.version,
            description: head.description,
            now,
            data,
            tasks,
            frequency: head.frequency,
            equivalent: head
                .equivalent
                .into_iter()
                .map(|entry| Equivalent {
                    mutant: entry.mutant,
                    tools: entry.tools,
                    tasks: entry.tasks,
                    why: entry.why,
                })
                .collect(),
            digest: Digest::of(format!("{}\n{now}\n{digests}", head.version).as_bytes()),
        })
    }

    /// Compiles canonical data from the texts of its files.
    ///
    /// # Errors
    /// As [`Suite::load`].
    pub fn data_from_files(files: &Files) -> Result<Snapshot, SuiteError> {
        read_data(files, &mut Names::default())
    }

    /// Reads canonical data alone.
    ///
    /// # Errors
    /// As [`Suite::load`].
    pub fn load_data(folder: &Path) -> Result<Snapshot, SuiteError> {
        let files = toml_files(folder)?;
        let data = read_data(&files, &mut Names::default())?;
        prove(&data, &files)?;
        Ok(data)
    }
}

fn read_data(files: &Files, names: &mut Names) -> Result<Snapshot, SuiteError> {
    let mut tables: Vec<(Source<'_>, Tables)> = Vec::new();
    for (path, text) in files {
        let source = Source { path, text };
        let parsed: Tables = source.parse()?;
        records::declare(source, &parsed, names)?;
        tables.push((source, parsed));
    }
    let mut rows: Vec<Row> = Vec::new();
    for (source, parsed) in &tables {
        rows.extend(records::rows(*source, parsed, names)?);
    }
    Snapshot::from_rows(rows).map_err(|error| SuiteError {
        path: files.keys().next().cloned().unwrap_or_default(),
        at: None,
        message: error.to_string(),
    })
}

/// Sees to it that a database takes the rows; says where the one is written that it doesn't.
fn prove(data: &Snapshot, files: &Files) -> Result<(), SuiteError> {
    let restored = Sqlite::in_memory().and_then(|mut store| store.restore(data));
    let Err(error) = restored else { return Ok(()) };
    if let StoreError::Constraint {
        entity,
        id,
        message,
        ..
    } = &error
    {
        for (path, text) in files {
            let source = Source { path, text };
            if let Some((at, key)) = records::find(source, *entity, *id)? {
                return Err(source.error(at, format!("{} `{key}`: {message}", entity.name())));
            }
        }
    }
    let path = files.keys().next().cloned().unwrap_or_default();
    Err(SuiteError {
        path,
        at: None,
        message: error.to_string(),
    })
}

pub(super) fn toml_files(folder: &Path) -> Result<Files, SuiteError> {
    let wrong = |message: String| SuiteError {
        path: folder.to_owned(),
        at: None,
        message,
    };
    let mut files = Files::new();
    for entry in std::fs::read_dir(folder).map_err(|error| wrong(error.to_string()))? {
        let path = entry.map_err(|error| wrong(error.to_string()))?.path();
        if path.extension().is_some_and(|kind| kind == "toml") {
            let text = read(&path)?;
            files.insert(path, text);
        }
    }
    if files.is_empty() {
        return Err(wrong("holds no .toml files".into()));
    }
    Ok(files)
}
