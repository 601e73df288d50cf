//! Damage anywhere: what is cut off, flipped, added or changed by chance.

use std::io::{Cursor, Write};

use proctor_bundle::Manifest;

use crate::sample::{KEY, OTHER_KEY};
use crate::{
    SIGNATURE, STATEMENT, STATEMENT_SIGNATURE, assert_refused, examine, refusal, sample, zip,
};

#[test]
fn a_member_that_a_stock_tool_added_is_refused() {
    let mut file = Cursor::new(sample::bundle_bytes());
    let mut writer = zip::ZipWriter::new_append(&mut file).unwrap();
    let options = zip::write::SimpleFileOptions::default();
    writer.start_file("added.txt", options).unwrap();
    writer.write_all(b"added").unwrap();
    writer.finish().unwrap();
    let error = refusal(file.into_inner());
    assert!(error.contains("was damaged or altered"), "{error}");
}

#[test]
fn a_bundle_that_was_cut_short_anywhere_is_refused() {
    let bytes = sample::bundle_bytes();
    for length in 0..bytes.len() {
        let error = examine(bytes[..length].to_vec()).err().unwrap().to_string();
        assert!(
            error.starts_with("not a sealed bundle: "),
            "{length}: {error}"
        );
    }
}

#[test]
fn every_bit_that_is_flipped_is_seen() {
    let bytes = sample::bundle_bytes();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            assert!(examine(flipped).is_err(), "bit {bit} of byte {at}");
        }
    }
}

/// What the container leaves to keys: whoever changes a signature or a statement and its checksum
/// with it isn't refused here, and what they wrote is what the signatures' check gets to see.
#[test]
fn signatures_that_are_changed_with_their_checksum_come_out_changed() {
    for (name, expected) in [
        (SIGNATURE, (KEY, "Sealed by me\n")),
        (STATEMENT_SIGNATURE, (OTHER_KEY, "An auditor\n")),
    ] {
        let mut zip = zip();
        let entry = zip.entry(name);
        let mut text = entry.content.clone();
        text[0] ^= 0x20;
        entry.set_content(&text);
        let archive = examine(zip.to_bytes()).unwrap();
        let found = archive.signatures();
        let found = found.chain(archive.attestations().map(|(key, _, text)| (key, text)));
        assert!(found.into_iter().any(|found| found == expected), "{name}");
    }
    let mut zip = zip();
    zip.entry(STATEMENT).set_content(b"{\"replayed\":false}");
    let archive = examine(zip.to_bytes()).unwrap();
    let (_, statement, _) = archive.attestations().next().unwrap();
    assert_eq!(statement, b"{\"replayed\":false}");
}

#[test]
fn a_signature_that_is_no_text_is_refused() {
    let mut zip = zip();
    zip.entry(SIGNATURE).set_content(b"\xff\xfe");
    assert_refused(&zip, "0123456789ABCDEF.minisig: isn't text in UTF-8");
}

/// Numbers that look like chance, the same each time.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }

    /// Changes one thing about some bytes.
    fn mutate(&mut self, bytes: &mut Vec<u8>) {
        const VALUES: [u8; 7] = [0, 1, 8, 0x50, 0x7f, 0x80, 0xff];
        let at = self.below(bytes.len());
        let to = (at + 1 + self.below(24)).min(bytes.len());
        match self.below(6) {
            0 => drop(bytes.drain(at..to)),
            1 => {
                let copied = bytes[at..to].to_vec();
                let place = self.below(bytes.len());
                bytes.splice(place..place, copied);
            }
            2 => {
                let copied = bytes[at..to].to_vec();
                let place = self.below(bytes.len() - copied.len() + 1);
                bytes.splice(place..place + copied.len(), copied);
            }
            3 => bytes.truncate(to),
            4 => bytes[at] = VALUES[self.below(VALUES.len())],
            _ => bytes[at] ^= 1 << self.below(8),
        }
    }
}

/// What the fuzz targets do, on mutations that are the same each time.
#[test]
fn mutations_of_a_bundle_are_refused_or_change_nothing() {
    let bytes = sample::bundle_bytes();
    let mut chance = Chance(0x5eed);
    for _ in 0..6_000 {
        let mut mutated = bytes.clone();
        for _ in 0..=chance.below(3) {
            chance.mutate(&mut mutated);
            if mutated.is_empty() {
                break;
            }
        }
        let is_same = mutated == bytes;
        assert_eq!(examine(mutated).is_ok(), is_same);
    }
}

#[test]
fn mutations_of_a_manifest_are_refused_or_read_as_they_stand() {
    let bytes = zip().entry("manifest.json").content.clone();
    let mut chance = Chance(0xfeed);
    let mut taken = 0;
    for _ in 0..6_000 {
        let mut mutated = bytes.clone();
        chance.mutate(&mut mutated);
        if let Ok(manifest) = Manifest::parse(&mutated) {
            assert_eq!(manifest.to_bytes(), mutated);
            taken += 1;
        }
    }
    assert!(taken > 0, "none was taken, so nothing was tested");
}
