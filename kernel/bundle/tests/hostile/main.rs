//! Bundles that were damaged or made to do harm: each is refused with one clear line, and nothing
//! is written.
#![allow(clippy::unwrap_used)]

mod damage;
mod entries;
mod members;
#[path = "../sample/mod.rs"]
mod sample;

use std::fs;
use std::io::Cursor;

use proctor_bundle::{Archive, ArchiveError, Manifest};
use sample::raw::Zip;

const SIGNATURE: &str = "signatures/0123456789ABCDEF.minisig";
const STATEMENT: &str = "attestations/FEDCBA9876543210.json";
const STATEMENT_SIGNATURE: &str = "attestations/FEDCBA9876543210.minisig";

/// Opens a bundle and reads all of it.
fn examine(bytes: Vec<u8>) -> Result<Archive, ArchiveError> {
    let archive = Archive::read_from(Cursor::new(bytes))?;
    archive.check_members()?;
    Ok(archive)
}

fn zip() -> Zip {
    Zip::of(&sample::bundle_bytes())
}

/// The one line with which a bundle is refused, from memory and from a file, where it leaves
/// nothing in the folder that it was to be taken apart in.
fn refusal(bytes: Vec<u8>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in");
    fs::write(&file, &bytes).unwrap();
    let place = folder.path().join("place");
    fs::create_dir(&place).unwrap();
    let target = place.join("target");
    let extracted = Archive::open(&file).and_then(|archive| archive.extract(&target));
    let left: Vec<_> = fs::read_dir(&place).unwrap().collect();
    assert!(left.is_empty(), "{left:?} was written");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    let error = examine(bytes).err().unwrap().to_string();
    assert_eq!(extracted.unwrap_err().to_string(), error);
    assert!(!error.contains('\n'), "{error}");
    error
}

#[track_caller]
fn assert_refused(zip: &Zip, expected: &str) {
    let error = refusal(zip.to_bytes());
    assert!(error.contains(expected), "{error}");
}

/// A sample whose parts are as `change` makes them is refused.
#[track_caller]
fn assert_change_refused(change: impl FnOnce(&mut Zip), expected: &str) {
    let mut zip = zip();
    change(&mut zip);
    assert_refused(&zip, expected);
}

/// Changes the manifest as its author could: everything in it stays in its form.
fn change_manifest(zip: &mut Zip, change: impl FnOnce(&mut Manifest)) {
    let entry = zip.entry("manifest.json");
    let mut manifest: Manifest = serde_json::from_slice(&entry.content).unwrap();
    change(&mut manifest);
    entry.set_content(&manifest.to_bytes());
}

#[test]
fn the_sample_itself_is_taken_and_its_parts_give_it_again() {
    let bytes = sample::bundle_bytes();
    assert_eq!(Zip::of(&bytes).to_bytes(), bytes);
    examine(bytes).unwrap();
}
