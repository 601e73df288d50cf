//! The program in a bundle, so that a machine with nothing else runs it.

use std::fs;
use std::path::Path;

use proctor_bundle::{Manifest, Role};

use super::documents;
use super::seal::Sealing;
use crate::exit::Failure;

/// Where the program lies in a bundle.
pub const RUNNER: &str = "proctor";
/// Largest program, in bytes.
const RUNNER_BYTES_MAX: u64 = 512 << 20;

/// Adds a program, and says what it takes to run it.
pub fn add(sealing: &mut Sealing<'_>, path: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let wrong = |reason: String| Failure::input(format!("{}: {reason}", path.display()));
    let size = fs::metadata(path)
        .map_err(|error| wrong(error.to_string()))?
        .len();
    if size > RUNNER_BYTES_MAX {
        return Err(wrong(format!(
            "has {size} bytes; a runner has at most {RUNNER_BYTES_MAX}"
        )));
    }
    let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    let needs = Needs::of(&bytes).ok_or_else(|| {
        wrong("is no program of a kind that this version knows (ELF for 64 bits)".to_owned())
    })?;
    if !contains(&bytes, manifest.kernel.as_bytes()) {
        return Err(wrong(format!(
            "isn't proctor {}: a bundle is run again by the version that sealed it",
            manifest.kernel
        )));
    }
    sealing.add(RUNNER, Role::Runner, &bytes)?;
    documents::add_replay(sealing, manifest, Some(&needs))
}

fn contains(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// What a program needs of a machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Needs {
    /// Kind of processor.
    pub machine: &'static str,
    /// Shared libraries; none if it is statically linked.
    pub libraries: Vec<String>,
}

impl Needs {
    /// Reads a program's headers (ELF-64, little-endian: System V ABI, chapters 4 and 5). Nothing
    /// if it is none.
    fn of(bytes: &[u8]) -> Option<Self> {
        if bytes.get(..6)? != b"\x7fELF\x02\x01" {
            return None;
        }
        let machine = match number(bytes, 18, 2)? {
            62 => "x86-64",
            183 => "AArch64",
            _ => return None,
        };
        let (table, size, count) = (
            number(bytes, 32, 8)?,
            number(bytes, 54, 2)?,
            number(bytes, 56, 2)?,
        );
        let headers: Vec<usize> = (0..count).map(|at| table + at * size).collect();
        let mut libraries = Vec::new();
        for header in &headers {
            // PT_DYNAMIC: what is needed at run time.
            if number(bytes, *header, 4)? == 2 {
                libraries = needed(bytes, &headers, *header).unwrap_or_default();
            }
        }
        Some(Self { machine, libraries })
    }
}

/// Names of the libraries that a dynamic section asks for.
fn needed(bytes: &[u8], headers: &[usize], dynamic: usize) -> Option<Vec<String>> {
    let (start, size) = (number(bytes, dynamic + 8, 8)?, number(bytes, dynamic + 32, 8)?);
    let entries = (start..start.checked_add(size)?).step_by(16);
    let mut names = Vec::new();
    let mut strings = None;
    for entry in entries {
        match (number(bytes, entry, 8)?, number(bytes, entry + 8, 8)?) {
            (0, _) => break,
            // DT_NEEDED and DT_STRTAB.
            (1, name) => names.push(name),
            (5, address) => strings = in_file(bytes, headers, address),
            _ => {}
        }
    }
    let strings = strings?;
    names
        .into_iter()
        .map(|name| {
            let text = bytes.get(strings.checked_add(name)?..)?;
            let end = text.iter().take(256).position(|byte| *byte == 0)?;
            Some(String::from_utf8_lossy(text.get(..end)?).into_owned())
        })
        .collect()
}

/// Where an address of the running program lies in its file.
fn in_file(bytes: &[u8], headers: &[usize], address: usize) -> Option<usize> {
    headers.iter().find_map(|header| {
        let is_loaded = number(bytes, *header, 4)? == 1;
        let (offset, start) = (number(bytes, header + 8, 8)?, number(bytes, header + 16, 8)?);
        let size = number(bytes, header + 32, 8)?;
        let inside = is_loaded && address >= start && address - start < size;
        inside.then(|| offset.checked_add(address - start))?
    })
}

fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let mut number = [0; 8];
    number
        .get_mut(..size)?
        .copy_from_slice(bytes.get(at..at.checked_add(size)?)?);
    usize::try_from(u64::from_le_bytes(number)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_program_says_what_it_needs() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = Needs::of(&own).unwrap();
        assert!(["x86-64", "AArch64"].contains(&needs.machine));
        assert!(needs.libraries.iter().any(|name| name.starts_with("libc.so")));
    }

    #[test]
    fn what_is_no_program_or_is_cut_short_is_none() {
        let own = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert_eq!(Needs::of(b""), None);
        assert_eq!(Needs::of(b"#!/bin/sh\n"), None);
        for length in [6, 19, 40, 60] {
            assert_eq!(Needs::of(own.get(..length).unwrap()), None);
        }
    }
}
