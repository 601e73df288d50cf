//! Compiled components kept on disk, so that the CLI starts in milliseconds.
//!
//! Native code is loaded only if this machine wrote it: its file name is derived from the
//! component's digest and the engine's settings, and its bytes and name must match a digest that
//! was written beside it when it was compiled. The folder belongs to the user, and nobody else may
//! write to it; who can write to it can already run code as that user.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use sha2::{Digest as _, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::plugin::Digest;

/// The cache folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("component cache {}: {source}", path.display())]
pub struct CacheError {
    /// File or folder in question.
    pub path: PathBuf,
    source: io::Error,
}

pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    pub(crate) fn open(folder: &Path) -> Result<Self, CacheError> {
        create_private(folder)
            .and_then(|()| check_private(folder))
            .map_err(|source| CacheError {
                path: folder.to_owned(),
                source,
            })?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    /// The compiled component, if this machine compiled it before with this engine.
    pub(crate) fn load(&self, engine: &Engine, wasm: Digest) -> Option<Component> {
        let key = key(engine, wasm);
        let compiled = fs::read(self.path(&key)).ok()?;
        let (code, found) = compiled.split_at_checked(compiled.len().checked_sub(32)?)?;
        if seal(&key, code) != found {
            return None;
        }
        deserialize(engine, code)
    }

    /// Keeps a compiled component; another thread or process doing the same is harmless, since a
    /// file appears whole or not at all.
    pub(crate) fn store(
        &self,
        engine: &Engine,
        wasm: Digest,
        component: &Component,
    ) -> Result<(), CacheError> {
        let key = key(engine, wasm);
        let path = self.path(&key);
        let code = component.serialize().map_err(|error| CacheError {
            path: path.clone(),
            source: io::Error::other(error.to_string()),
        })?;
        let written = Draft::new(&self.folder).and_then(|mut draft| {
            draft.file.write_all(&code)?;
            draft.file.write_all(&seal(&key, &code))?;
            fs::rename(&draft.path, &path)
        });
        written.map_err(|source| CacheError { path, source })
    }

    fn path(&self, key: &[u8; 32]) -> PathBuf {
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name).with_extension("cwasm")
    }
}

/// What a compiled component is found by: what it was compiled from, and how.
fn key(engine: &Engine, wasm: Digest) -> [u8; 32] {
    let mut settings = Sha256Hasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut settings);
    settings.0.update(wasm.to_string());
    settings.0.finalize().into()
}

/// Digest of code and key: one component's code is never taken for another's.
fn seal(key: &[u8; 32], code: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(key)
        .chain_update(code)
        .finalize()
        .into()
}

/// A file that only this thread of this process writes, gone when dropped unless it was renamed.
struct Draft {
    path: PathBuf,
    file: fs::File,
}

impl Draft {
    fn new(folder: &Path) -> io::Result<Self> {
        static DRAFTS: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = DRAFTS.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}.tmp", std::process::id()));
            match fs::File::create_new(&path) {
                Ok(file) => return Ok(Self { path, file }),
                // A killed process had the same number, or one in another container has.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Native code from bytes whose seal was just checked.
#[allow(unsafe_code)]
fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `Component::deserialize` asks that the bytes come unaltered from
    // `Component::serialize`. They were written by `Cache::store` on this machine, in a folder
    // that only this user can write, under a name derived from this engine's settings, and
    // `Cache::load` has just compared their seal with the one stored with them.
    unsafe { Component::deserialize(engine, code) }.ok()
}

#[cfg(unix)]
fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    match fs::DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Refuses a folder that others may write to, or that we may not. Its owner may always write to
/// it: that must be who our own files belong to.
#[cfg(unix)]
fn check_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let metadata = fs::metadata(folder)?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o022 != 0 {
        return Err(io::Error::other(format!(
            "others may write to it (mode {mode:o}); native code is loaded from there"
        )));
    }
    let ours = Draft::new(folder)?.file.metadata()?.uid();
    if metadata.uid() != ours {
        return Err(io::Error::other(format!(
            "it belongs to another user ({}, not {ours}); native code is loaded from there",
            metadata.uid()
        )));
    }
    Ok(())
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn check_private(folder: &Path) -> io::Result<()> {
    Draft::new(folder).map(drop)
}

/// Feeds SHA-256 with what the engine hashes about its settings: the standard hasher has too few
/// bits for a key that decides whether native code fits.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// A component with nothing in it.
    const EMPTY: &[u8] = b"\0asm\x0d\0\x01\0";

    fn stage() -> (tempfile::TempDir, Cache, Engine, Component) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        let engine = Engine::default();
        let component = Component::from_binary(&engine, EMPTY).unwrap();
        (folder, cache, engine, component)
    }

    #[test]
    fn whoever_stores_at_once_succeeds_and_what_is_found_is_whole() {
        let (_folder, cache, engine, component) = stage();
        let wasm = Digest::of(EMPTY);
        cache.store(&engine, wasm, &component).unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        cache.store(&engine, wasm, &component).unwrap();
                        assert!(cache.load(&engine, wasm).is_some());
                    }
                });
            }
        });
    }

    #[test]
    fn another_process_draft_is_left_alone() {
        let (folder, cache, engine, component) = stage();
        let drafts: Vec<PathBuf> = (0..5_000)
            .map(|number| {
                let name = format!("{}-{number}.tmp", std::process::id());
                folder.path().join(name)
            })
            .collect();
        for draft in &drafts {
            fs::write(draft, "of another").unwrap();
        }
        let wasm = Digest::of(EMPTY);
        cache.store(&engine, wasm, &component).unwrap();
        assert!(cache.load(&engine, wasm).is_some());
        for draft in &drafts {
            assert_eq!(fs::read(draft).unwrap(), b"of another");
        }
    }
}
