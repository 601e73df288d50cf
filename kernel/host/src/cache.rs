//! Compiled components kept on disk, so that the CLI starts in milliseconds.
//!
//! Native code is loaded only if this machine wrote it: its file name is derived from the
//! component's digest and the engine's settings, and its bytes must match a digest that was
//! written beside it when it was compiled. The folder belongs to the user alone (mode 0700); who
//! can write to it can already run code as that user.

use std::fs;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

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
            .map_err(|source| CacheError { path: folder.to_owned(), source })?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The compiled component, if this machine compiled it before with this engine.
    pub(crate) fn load(&self, engine: &Engine, wasm: Digest) -> Option<Component> {
        let path = self.path(engine, wasm);
        let compiled = fs::read(&path).ok()?;
        let (code, seal) = compiled.split_at_checked(compiled.len().checked_sub(32)?)?;
        if Sha256::digest(code).as_slice() != seal {
            return None;
        }
        deserialize(engine, code)
    }

    /// Keeps a compiled component; another process doing the same is harmless, since a file
    /// appears whole or not at all.
    pub(crate) fn store(
        &self,
        engine: &Engine,
        wasm: Digest,
        component: &Component,
    ) -> Result<(), CacheError> {
        let path = self.path(engine, wasm);
        let code = component.serialize().map_err(|error| CacheError {
            path: path.clone(),
            source: io::Error::other(error.to_string()),
        })?;
        let temporary = path.with_extension(format!("{}.tmp", std::process::id()));
        let written = fs::File::create(&temporary).and_then(|mut file| {
            file.write_all(&code)?;
            file.write_all(&Sha256::digest(&code))?;
            fs::rename(&temporary, &path)
        });
        written.map_err(|source| {
            let _ = fs::remove_file(&temporary);
            CacheError { path, source }
        })
    }

    fn path(&self, engine: &Engine, wasm: Digest) -> PathBuf {
        let mut settings = Sha256Hasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut settings);
        settings.0.update(wasm.to_string());
        let key: [u8; 32] = settings.0.finalize().into();
        let name: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name).with_extension("cwasm")
    }
}

/// Native code from bytes whose seal was just checked.
#[allow(unsafe_code)]
fn deserialize(engine: &Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `Component::deserialize` asks that the bytes come unaltered from
    // `Component::serialize`. They were written by `Cache::store` on this machine, in a folder
    // that only this user can write, under a name derived from this engine's settings, and
    // `Cache::load` has just compared their SHA-256 with the one stored with them.
    unsafe { Component::deserialize(engine, code) }.ok()
}

#[cfg(unix)]
fn create_private(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    if !folder.is_dir() {
        if let Some(parent) = folder.parent() {
            fs::create_dir_all(parent)?;
        }
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    let metadata = fs::metadata(folder)?;
    if metadata.permissions().mode() & 0o022 != 0 {
        return Err(io::Error::other(format!(
            "others may write to it (mode {:o}); native code is loaded from there",
            metadata.mode() & 0o777
        )));
    }
    Ok(())
}

#[cfg(not(unix))]
fn create_private(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
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
