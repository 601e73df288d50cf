//! Any bytes are refused as a bundle or read to the end, and never more than the manifest says.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use proctor_bundle::Archive;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(archive) = Archive::read_from(Cursor::new(bytes.to_vec())) {
        let _ = archive.check_members();
    }
});
