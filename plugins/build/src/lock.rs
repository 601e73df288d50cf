//! `dist/plugins.lock`: what was built, from what, with what.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The lock file.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    /// The compiler that built them, as it names itself.
    pub toolchain: String,
    /// Digest of everything they are built from.
    pub source: String,
    /// The components that come with the kernel.
    pub plugin: Vec<Locked>,
    /// The components that its tests run.
    pub test: Vec<Locked>,
}

/// One component.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// SHA-256 of its file.
    pub sha256: String,
    /// Size of its file.
    pub bytes: usize,
}

impl Locked {
    /// What to remember of a component.
    pub fn new(name: &str, component: &[u8]) -> Self {
        Self {
            name: name.into(),
            sha256: hex(&Sha256::digest(component)),
            bytes: component.len(),
        }
    }
}

impl Lock {
    /// All components.
    pub fn components(&self) -> impl Iterator<Item = &Locked> {
        self.plugin.iter().chain(&self.test)
    }

    /// Reads a lock file.
    pub fn read(path: &Path) -> Result<Self, Box<dyn Error>> {
        let text =
            fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(toml::from_str(&text)?)
    }

    /// Writes it.
    pub fn write(&self, path: &Path) -> Result<(), Box<dyn Error>> {
        let text = toml::to_string(self)?;
        Ok(fs::write(
            path,
            format!("# Written by `cargo run -p build-plugins`.\n{text}"),
        )?)
    }
}

/// SHA-256 over path and contents of every file that a component is made of: the contract, the
/// guest crates, and their lock file.
pub fn source_digest(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in [
        "../wit",
        "sdk",
        "verifiers",
        "judges",
        "policies",
        "examples",
    ] {
        collect(&root.join(folder), &mut files)?;
    }
    files.push(root.join("Cargo.toml"));
    files.push(root.join("Cargo.lock"));
    files.sort();
    let mut digest = Sha256::new();
    let top = root.parent().ok_or("no parent folder")?.canonicalize()?;
    for file in files {
        let path = file.canonicalize()?;
        let name = path.strip_prefix(&top)?.to_string_lossy().into_owned();
        let contents = fs::read(&path)?;
        digest.update((name.len() as u64).to_be_bytes());
        digest.update(name);
        digest.update((contents.len() as u64).to_be_bytes());
        digest.update(contents);
    }
    Ok(hex(&digest.finalize()))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path
            .extension()
            .is_some_and(|kind| kind == "rs" || kind == "toml" || kind == "wit")
        {
            files.push(path);
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
