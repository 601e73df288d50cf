//! `proctor db snapshot` and `restore`: all rows, to a file and back.

use std::fs;
use std::path::Path;

use super::place::Place;
use super::{print_rows, state};
use crate::exit::Failure;

pub fn take(place: &Place, file: &Path) -> Result<(), Failure> {
    state::require_file(file)?;
    let rows = place.read()?.snapshot();
    let rows = rows.map_err(|error| place.failure(error))?;
    if file.exists() {
        return Err(state::about(file, "exists already"));
    }
    write_whole(file, &rows.to_bytes())?;
    print_rows(rows.fingerprint(), &rows)
}

/// Writes a file that is there whole or not at all.
fn write_whole(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let temporary = file.with_extension("tmp");
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, file))
        .map_err(|error| {
            let _ = fs::remove_file(&temporary);
            state::about(file, error)
        })
}

pub fn restore(place: &Place, file: &Path) -> Result<(), Failure> {
    let rows = state::read(file)?;
    let mut store = place.open()?;
    store.restore(&rows).map_err(|error| place.failure(error))?;
    print_rows(store.fingerprint(), &rows)
}
