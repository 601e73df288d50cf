//! Taking a bundle apart into a folder. Either everything is there and right, or nothing is.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::{Archive, ArchiveError};
use crate::manifest::{MANIFEST, Role};

impl Archive {
    /// Writes the manifest, all members, signatures and countersignatures into `target`, which
    /// is empty or isn't there yet (its parent is). Each member is checked as it is written.
    ///
    /// # Errors
    /// When a member is wrong, the folder holds something, or it can't be written. Then everything
    /// that was made is removed again.
    pub fn extract(&self, target: &Path) -> Result<(), ArchiveError> {
        let mut made = Made::new(target)?;
        self.write_all(&mut made)?;
        made.keep();
        Ok(())
    }

    fn write_all(&self, made: &mut Made<'_>) -> Result<(), ArchiveError> {
        made.file(MANIFEST, false, &mut self.manifest_bytes())?;
        for member in &self.manifest().members {
            let mut reader = self.reader(&member.path)?;
            let executable = member.role == Role::Runner;
            made.file(member.path.as_str(), executable, &mut reader)?;
        }
        for (_, name, mut bytes) in self.attachments().files() {
            made.file(&name, false, &mut bytes)?;
        }
        Ok(())
    }
}

/// Files and folders that were made, removed again unless they are kept.
struct Made<'a> {
    target: &'a Path,
    /// Whether the target itself was made.
    new: bool,
    files: Vec<PathBuf>,
    folders: BTreeSet<PathBuf>,
}

impl<'a> Made<'a> {
    fn new(target: &'a Path) -> Result<Self, ArchiveError> {
        let new = match fs::create_dir(target) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                check_empty(target)?;
                false
            }
            Err(error) => return Err(ArchiveError::path(target)(error)),
        };
        Ok(Self {
            target,
            new,
            files: Vec::new(),
            folders: BTreeSet::new(),
        })
    }

    /// Makes a file with this relative path, and the folders that it lies in. Nothing is made
    /// that is there already, so no link can be followed.
    fn file(
        &mut self,
        name: &str,
        executable: bool,
        content: &mut impl Read,
    ) -> Result<(), ArchiveError> {
        for (end, _) in name.match_indices('/') {
            let folder = self.target.join(name.get(..end).unwrap_or_default());
            if !self.folders.contains(&folder) {
                fs::create_dir(&folder).map_err(ArchiveError::path(&folder))?;
                self.folders.insert(folder);
            }
        }
        let path = self.target.join(name);
        let mut file = create(&path, executable).map_err(ArchiveError::path(&path))?;
        self.files.push(path);
        io::copy(content, &mut file)
            .and_then(|_| file.flush())
            .map_err(ArchiveError::io(name))
    }

    fn keep(mut self) {
        self.new = false;
        self.files.clear();
        self.folders.clear();
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        // Whatever can't be removed stays; the error that led here is the one to tell.
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        // A folder comes after the one that it lies in.
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
        if self.new {
            let _ = fs::remove_dir(self.target);
        }
    }
}

fn check_empty(target: &Path) -> Result<(), ArchiveError> {
    let refuse = |reason| Err(ArchiveError::refused(target.display(), reason));
    let metadata = fs::symlink_metadata(target).map_err(ArchiveError::path(target))?;
    if !metadata.is_dir() {
        return refuse("is no folder; name a new or an empty one");
    }
    let mut entries = fs::read_dir(target).map_err(ArchiveError::path(target))?;
    if entries.next().is_some() {
        return refuse("isn't empty; name a new or an empty folder");
    }
    Ok(())
}

fn create(path: &Path, executable: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(if executable { 0o755 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = executable;
    options.open(path)
}
