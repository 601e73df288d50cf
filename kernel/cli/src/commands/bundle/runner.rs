//! The program in a bundle, so that a machine with nothing else runs it.

use std::fs;
use std::path::Path;

use proctor_bundle::{Manifest, Role};

use super::documents;
use super::elf::Needs;
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
        wrong("is no whole program for Linux on x86-64 or AArch64 (ELF for 64 bits)".to_owned())
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
