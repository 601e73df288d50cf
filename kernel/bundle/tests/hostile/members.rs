//! Members that aren't what the manifest says, or say what no member may.

use std::fs;
use std::io::{Cursor, Read, Write};

use flate2::Compression;
use flate2::write::DeflateEncoder;
use proctor_bundle::{Archive, Packed, Role};
use proctor_host::Digest;

use crate::sample::raw::Zip;
use crate::sample::{SEALED, noise, path};
use crate::{
    SIGNATURE, STATEMENT, assert_change_refused, change_manifest, examine, refusal, sample, zip,
};

/// Puts other packed bytes in, with everything said of them, but not of their content, to match.
fn set_packed(zip: &mut Zip, name: &str, packed: &[u8], size: u32) {
    let entry = zip.entry(name);
    entry.content = packed.to_vec();
    entry.packed_size = packed.len() as u32;
    entry.size = size;
    change_manifest(zip, |manifest| {
        let mut members = manifest.members.iter_mut();
        let member = members.find(|member| member.path.as_str() == name).unwrap();
        member.size = u64::from(size);
        member.packed = Some(Packed {
            sha256: Digest::of(packed),
            size: packed.len() as u64,
        });
    });
}

fn deflated(content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn what_is_no_ordinary_file_is_refused() {
    for (mode, expected) in [
        (0o120_777, "README.txt: is a link"),
        (0o040_755, "README.txt: is a folder"),
        (0o020_644, "README.txt: has other attributes"),
        (0o104_755, "README.txt: has other attributes"),
        (0o100_666, "README.txt: has other attributes"),
        (0, "README.txt: has other attributes"),
        (0o100_755, "README.txt: may be run if its role is runner"),
    ] {
        assert_change_refused(|zip| zip.entry("README.txt").mode = mode, expected);
    }
    let tame = |zip: &mut Zip| zip.entry("proctor").mode = 0o100_644;
    assert_change_refused(tame, "proctor: may be run if its role is runner");
    let wild = |zip: &mut Zip| zip.entry(SIGNATURE).mode = 0o100_755;
    assert_change_refused(wild, "is always stored as it is, with the mode 0644");
}

#[test]
fn a_bomb_gives_no_more_than_the_manifest_says() {
    let bomb = deflated(&vec![0; 10 << 20]);
    let mut zip = zip();
    set_packed(&mut zip, "README.txt", &bomb, 100_000);
    let bytes = zip.to_bytes();
    let archive = Archive::read_from(Cursor::new(bytes.clone())).unwrap();
    let mut given = Vec::new();
    let mut reader = archive.reader(&path("README.txt")).unwrap();
    let error = reader.read_to_end(&mut given).unwrap_err().to_string();
    assert!(
        error.contains("README.txt: is longer than the 100000 bytes"),
        "{error}"
    );
    assert!(given.len() < 100_000, "the last bytes were given");
    assert!(refusal(bytes).contains("README.txt: is longer than the 100000 bytes"));
}

#[test]
fn a_reader_that_found_something_wrong_never_says_otherwise() {
    let mut zip = zip();
    set_packed(&mut zip, "README.txt", &deflated(&[0; 500]), 400);
    let archive = Archive::read_from(Cursor::new(zip.to_bytes())).unwrap();
    let mut reader = archive.reader(&path("README.txt")).unwrap();
    let mut buffer = [0; 4096];
    assert!(reader.read(&mut buffer).is_err());
    assert!(reader.read(&mut buffer).is_err());
}

#[test]
fn what_says_that_it_is_too_large_is_refused_before_it_is_read() {
    let manifest = |zip: &mut Zip| {
        let entry = zip.entry("manifest.json");
        entry.set_content(&vec![b' '; (8 << 20) + 1]);
    };
    assert_change_refused(
        manifest,
        "manifest.json: has 8388609 bytes; at most 8388608 are read",
    );
    for (name, bytes) in [(SIGNATURE, 16_385), (STATEMENT, (1 << 20) + 1)] {
        let grow = |zip: &mut Zip| zip.entry(name).set_content(&vec![b'x'; bytes]);
        assert_change_refused(grow, &format!("{name}: has {bytes} bytes; at most"));
    }
    let lie = |zip: &mut Zip| {
        change_manifest(zip, |manifest| manifest.members[0].size = 1 << 40);
    };
    assert_change_refused(lie, "README.txt: has 108 bytes");
    let claim = |zip: &mut Zip| zip.entry("data/noise.bin").size = u32::MAX - 1;
    assert_change_refused(
        claim,
        "data/noise.bin: is stored as it is, but has two sizes",
    );
    let (_folder, bundle) = sample::bundle();
    let archive = Archive::open(&bundle).unwrap();
    let error = archive.read(&path("README.txt"), 107).unwrap_err();
    assert_eq!(
        error.to_string(),
        "README.txt: has 108 bytes; at most 107 are read of its kind"
    );
}

#[test]
fn sizes_and_digests_are_held_to_what_was_read() {
    let size = |zip: &mut Zip| {
        change_manifest(zip, |manifest| manifest.members[2].size += 1);
    };
    assert_change_refused(
        size,
        "data/noise.bin: has 40 bytes (40 in the file), the manifest says 41",
    );
    let digest = |zip: &mut Zip| {
        change_manifest(zip, |manifest| {
            manifest.members[2].sha256 = Digest::of(b"other")
        });
    };
    assert_change_refused(digest, "data/noise.bin: its SHA-256 is ");
    let content = |zip: &mut Zip| zip.entry("data/noise.bin").set_content(&noise(9, 40));
    assert_change_refused(content, "data/noise.bin: its SHA-256 is ");
    let checksum = |zip: &mut Zip| zip.entry("data/noise.bin").crc ^= 1;
    assert_change_refused(checksum, "data/noise.bin: its checksum in the ZIP");
    for name in [SIGNATURE, STATEMENT, "manifest.json"] {
        let checksum = |zip: &mut Zip| zip.entry(name).crc ^= 1;
        assert_change_refused(checksum, "its checksum isn't that of its bytes");
    }
}

#[test]
fn compressed_bytes_are_held_to_their_own_digest() {
    let text = b"Read me. ".repeat(12);
    let size = text.len() as u32;
    let other = |zip: &mut Zip| {
        change_manifest(zip, |manifest| {
            let packed = manifest.members[0].packed.as_mut().unwrap();
            packed.sha256 = Digest::of(b"other");
        });
    };
    assert_change_refused(
        other,
        "README.txt: its compressed bytes aren't those of the manifest",
    );
    let trailing = |zip: &mut Zip| {
        let hidden = [&*deflated(&text), b"hidden"].concat();
        set_packed(zip, "README.txt", &hidden, size);
    };
    assert_change_refused(
        trailing,
        "README.txt: something follows its compressed bytes",
    );
    let unfinished = |zip: &mut Zip| {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(6));
        encoder.write_all(&text).unwrap();
        encoder.flush().unwrap();
        set_packed(zip, "README.txt", encoder.get_ref(), size);
    };
    assert_change_refused(unfinished, "README.txt: can't be decompressed");
    let short = |zip: &mut Zip| set_packed(zip, "README.txt", &deflated(&text[..50]), size);
    assert_change_refused(
        short,
        "README.txt: is 58 bytes shorter than the manifest says",
    );
    let broken = |zip: &mut Zip| set_packed(zip, "README.txt", &[0xff; 20], size);
    assert_change_refused(broken, "README.txt: can't be decompressed");
}

#[test]
fn what_should_be_stored_as_it_is_may_not_be_compressed() {
    let grown = |zip: &mut Zip| {
        let content = noise(1, 40);
        zip.entry("data/noise.bin").method = 8;
        set_packed(zip, "data/noise.bin", &deflated(&content), 40);
    };
    assert_change_refused(grown, "data/noise.bin: is compressed, but should be stored");
    let encrypted = |zip: &mut Zip| {
        zip.entry(SEALED).method = 8;
        set_packed(zip, SEALED, &deflated(&[0; 50]), 50);
    };
    assert_change_refused(
        encrypted,
        "secret.toml.age: is compressed, but should be stored",
    );
    let statement = |zip: &mut Zip| {
        let entry = zip.entry(STATEMENT);
        entry.method = 8;
        entry.content = deflated(&[b' '; 500]);
        entry.packed_size = entry.content.len() as u32;
        entry.size = 500;
    };
    assert_change_refused(
        statement,
        "FEDCBA9876543210.json: is always stored as it is",
    );
    let unsaid = |zip: &mut Zip| zip.entry("data/noise.bin").method = 8;
    assert_change_refused(
        unsaid,
        "data/noise.bin: is compressed and the manifest says it isn't",
    );
}

#[test]
fn what_was_written_before_a_wrong_member_is_removed_again() {
    let mut zip = zip();
    zip.entry("proctor").crc ^= 1;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("in");
    fs::write(&file, zip.to_bytes()).unwrap();
    let target = folder.path().join("target");
    fs::create_dir(&target).unwrap();
    let error = Archive::open(&file).unwrap().extract(&target).unwrap_err();
    assert!(error.to_string().starts_with("proctor: "), "{error}");
    assert_eq!(fs::read_dir(&target).unwrap().count(), 0);
}

#[test]
fn a_role_that_nobody_knows_is_carried() {
    let archive = examine(sample::bundle_bytes()).unwrap();
    let member = archive.manifest().member(&path("learned/memory.json"));
    assert_eq!(
        member.unwrap().role,
        Role::Other("learned-memory".to_owned())
    );
}
