//! Any bytes are refused as a manifest, or are the one form of the manifest that they are read as.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proctor_bundle::Manifest;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(manifest) = Manifest::parse(bytes) {
        assert_eq!(manifest.to_bytes(), bytes);
    }
});
