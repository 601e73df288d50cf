//! What the compiler doesn't check: where which call may stand, which crate may know which, that
//! the papers say what is true, and that nothing of anybody's machine is written down.
//!
//! Each test names every breach with its place and what to do instead.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should panic"
)]

mod code;
mod crates;
mod environment;
mod papers;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};

/// A file of the project.
struct Source {
    /// From the root, with `/`.
    path: String,
    bytes: Vec<u8>,
}

impl Source {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).unwrap_or_default()
    }

    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_markdown(&self) -> bool {
        self.path.ends_with(".md")
    }

    fn is_manifest(&self) -> bool {
        self.path == "Cargo.toml" || self.path.ends_with("/Cargo.toml")
    }

    fn toml(&self) -> toml::Table {
        self.text()
            .parse()
            .unwrap_or_else(|error| panic!("{}: {error}", self.path))
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// Every file of the project, in order of path; what is built or ignored is none of it.
fn sources() -> Vec<Source> {
    let root = root();
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        // Cargo marks its build folders so.
        if folder.join("CACHEDIR.TAG").exists() {
            continue;
        }
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                if name != ".git" && name != "node_modules" {
                    folders.push(path);
                }
            } else if name != ".env" && !name.ends_with(".tmp") {
                let relative = path.strip_prefix(&root).unwrap().to_string_lossy();
                // A file that somebody removes meanwhile is none.
                if let Ok(bytes) = fs::read(&path) {
                    let path = relative.replace('\\', "/");
                    found.push(Source { path, bytes });
                }
            }
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    found
}

fn source(path: &str) -> Source {
    let bytes = fs::read(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    Source {
        path: path.to_owned(),
        bytes,
    }
}

#[track_caller]
fn assert_none(breaches: &[String]) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}
