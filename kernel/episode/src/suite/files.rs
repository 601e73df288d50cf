//! The texts that a suite is compiled from.

use std::path::{Path, PathBuf};

use super::Suite;
use super::file::SuiteFile;
use super::load::{Files, toml_files};
use crate::error::{Source, SuiteError};

/// A suite's files and those of its data, by path, as read or embedded.
#[derive(Clone, Debug, Default)]
pub struct SuiteFiles {
    /// Path of `suite.toml`.
    pub manifest: PathBuf,
    /// The suite's files, `suite.toml` among them.
    pub suite: Files,
    /// Files of the canonical data.
    pub data: Files,
}

impl SuiteFiles {
    /// Reads the files of the suite in a folder; its data lies in `../../<data>` from there.
    ///
    /// # Errors
    /// When a file cannot be read, or `suite.toml` says nothing of the data.
    pub fn read(folder: &Path) -> Result<Self, SuiteError> {
        let mut files = Self {
            manifest: folder.join("suite.toml"),
            suite: toml_files(folder)?,
            data: Files::new(),
        };
        let head = files.head(folder)?;
        let data = folder.join("..").join("..").join(head.data.get_ref());
        let data = data.canonicalize().unwrap_or(data);
        files.data = toml_files(&data).map_err(|error| {
            files
                .source()
                .error(head.data.span().start, format!("`data`: {error}"))
        })?;
        Ok(files)
    }

    /// What `suite.toml` calls the folder of the data.
    ///
    /// # Errors
    /// When there is no such file, or it is no suite's.
    pub fn data_folder(&self) -> Result<String, SuiteError> {
        let folder = self.manifest.parent().unwrap_or(Path::new(""));
        Ok(self.head(folder)?.data.into_inner())
    }

    /// Compiles them.
    ///
    /// # Errors
    /// When a file says something that no suite can.
    pub fn compile(&self) -> Result<Suite, SuiteError> {
        Suite::from_files(&self.manifest, &self.suite, &self.data)
    }

    fn source(&self) -> Source<'_> {
        Source {
            path: &self.manifest,
            text: self
                .suite
                .get(&self.manifest)
                .map(String::as_str)
                .unwrap_or_default(),
        }
    }

    fn head(&self, folder: &Path) -> Result<SuiteFile, SuiteError> {
        if !self.suite.contains_key(&self.manifest) {
            return Err(SuiteError {
                path: folder.to_owned(),
                at: None,
                message: "is no suite: it has no suite.toml".into(),
            });
        }
        self.source().parse()
    }
}
