//! Files that are cut, altered, forged or of another kind.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::*;

/// A cassette with these frames, each with the right checks: as somebody writes it who knows the
/// format.
fn forged(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"PCASSET\x01".to_vec();
    let mut chain = Sha256::digest(&file);
    for payload in frames {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        let of_length = Sha256::new().chain_update(chain).chain_update(length);
        let next = of_length.clone().chain_update(payload).finalize();
        file.extend(length);
        file.extend(&of_length.finalize()[..4]);
        file.extend(&next[..8]);
        file.extend(payload);
        chain = next;
    }
    file
}

fn frame(entries: &impl Serialize) -> Vec<u8> {
    zstd::bulk::compress(&rmp_serde::to_vec_named(entries).unwrap(), 3).unwrap()
}

/// The payloads of a cassette.
fn payloads(file: &[u8]) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    let mut rest = &file[8..];
    while let Some((length, _)) = rest.split_first_chunk::<4>() {
        let end = 16 + u32::from_le_bytes(*length) as usize;
        payloads.push(rest[16..end].to_vec());
        rest = &rest[end..];
    }
    payloads
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Entry {
    Header(Header),
    Message(MessageWithMore),
}

#[derive(Serialize)]
struct MessageWithMore {
    speaker: Speaker,
    text: String,
    hidden: String,
}

#[test]
fn the_format_is_the_one_that_is_described() {
    let folder = Folder::new();
    let written = fs::read(folder.small()).unwrap();
    assert_eq!(forged(&payloads(&written)), written);
    let header = frame(&[Entry::Header(header())]);
    assert_eq!(payloads(&written)[0], header);
}

#[test]
fn what_is_forged_is_refused_though_its_checks_are_right() {
    let folder = Folder::new();
    let whole = payloads(&fs::read(folder.small()).unwrap());
    let (end, rest) = whole.split_last().unwrap();
    let hidden = MessageWithMore {
        speaker: Speaker::User,
        text: "hello".into(),
        hidden: "what no reader would see".into(),
    };
    let bomb = zstd::bulk::compress(&vec![0; 100 << 20], 3).unwrap();
    let cases: [(&str, Vec<Vec<u8>>, &str); 8] = [
        ("no header", rest[1..].to_vec(), "it isn't the header"),
        (
            "two headers",
            vec![rest[0].clone(), rest[0].clone()],
            "its one exchange",
        ),
        (
            "an end of something else",
            vec![rest[0].clone(), end.clone()],
            "something else",
        ),
        (
            "an exchange before its messages",
            vec![rest[0].clone(), rest[2].clone()],
            "aren't there",
        ),
        (
            "an exchange twice",
            vec![rest[0].clone(), rest[1].clone(), rest[1].clone()],
            "twice",
        ),
        (
            "a field that nobody knows",
            vec![rest[0].clone(), frame(&[Entry::Message(hidden)])],
            "canonically",
        ),
        ("a bomb", vec![bomb], "when decompressed"),
        ("no compression", vec![b"plain".to_vec()], "decompressed"),
    ];
    for (name, frames, reason) in cases {
        let path = folder.file("forged.cassette");
        fs::write(&path, forged(&frames)).unwrap();
        let error = open_error(&path);
        assert!(
            matches!(error, CassetteError::Damaged { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(reason), "{name}: {error}");
    }
}

#[test]
fn every_flipped_bit_is_noticed() {
    let folder = Folder::new();
    let path = folder.file("tiny.cassette");
    let cassette = folder.create("tiny.cassette");
    record_all(&cassette, "one#0", 1);
    cassette.finish().unwrap();
    drop(cassette);
    let bytes = fs::read(&path).unwrap();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            fs::write(&path, &flipped).unwrap();
            assert!(Cassette::open(&path, None).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn cut_anywhere_it_is_refused_and_extending_it_keeps_every_whole_exchange() {
    let folder = Folder::new();
    let path = folder.file("growing.cassette");
    let cassette = folder.create("growing.cassette");
    let mut ends = Vec::new();
    for (step, request) in (0..).zip(conversation("one#0", 4)) {
        let said = retained(&format!("one#0: step {step}"));
        cassette
            .record(&place("one#0", step, &request), &request, &said)
            .unwrap();
        ends.push(fs::metadata(&path).unwrap().len());
    }
    cassette.finish().unwrap();
    drop(cassette);
    let whole = fs::read(&path).unwrap();
    // The file is made with the first recording: its header ends where that begins.
    ends.insert(0, 8 + 16 + payloads(&whole)[0].len() as u64);
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = open_error(&path);
        let interrupted = matches!(
            error,
            CassetteError::CutShort { .. } | CassetteError::Unfinished { .. }
        );
        assert!(interrupted, "cut at {length}: {error}");
        assert!(error.to_string().contains("`record` or `auto`"), "{error}");
        let left = ends.iter().filter(|end| **end <= length as u64).count();
        let left = left.saturating_sub(1);
        let extended = extend(&path).unwrap();
        assert_eq!(extended.len(), left, "cut at {length}");
        if length % 20 != 0 && !ends.contains(&(length as u64)) {
            continue;
        }
        for (step, request) in (0..).zip(conversation("one#0", 4)).skip(left) {
            let said = retained(&format!("one#0: step {step}"));
            extended
                .record(&place("one#0", step, &request), &request, &said)
                .unwrap();
        }
        extended.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole, "cut at {length}");
    }
}

#[test]
fn damage_before_the_end_is_not_taken_for_a_cut() {
    let folder = Folder::new();
    let path = folder.small();
    let bytes = fs::read(&path).unwrap();
    // In the header's length: it claims more than the file has.
    let mut longer = bytes.clone();
    longer[8 + 2] ^= 1;
    let mut altered = bytes.clone();
    altered[bytes.len() / 2] ^= 1;
    for damaged in [longer, altered] {
        fs::write(&path, &damaged).unwrap();
        let error = extend(&path).unwrap_err();
        assert!(matches!(error, CassetteError::Damaged { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), damaged, "it is left as it was");
    }
    let mut longer = bytes.clone();
    longer.extend(b"more");
    fs::write(&path, &longer).unwrap();
    assert!(matches!(open_error(&path), CassetteError::Damaged { .. }));
}

#[test]
fn a_length_is_not_believed_before_the_bytes_are_there() {
    let folder = Folder::new();
    let path = folder.file("hostile.cassette");
    let mut bytes = b"PCASSET\x01".to_vec();
    bytes.extend([0xff; 64]);
    fs::write(&path, &bytes).unwrap();
    assert!(matches!(
        open_error(&path),
        CassetteError::Damaged { at: 8, .. }
    ));
}

#[test]
fn files_of_another_kind_or_version_or_suite_are_refused_with_the_reason() {
    let folder = Folder::new();
    let path = folder.small();
    let other = Cassette::open(&path, Some("digest-of-another")).unwrap_err();
    assert!(matches!(other, CassetteError::OtherSuite { .. }));
    let text = other.to_string();
    assert!(text.contains("crm-core, digest-of-crm-core"), "{text}");
    assert!(text.contains("digest-of-another"), "{text}");
    let another = Header {
        suite: "crm-hard".into(),
        suite_digest: "digest-of-crm-hard".into(),
        ..header()
    };
    let error = Cassette::extend(&path, &another, Redactor::default()).unwrap_err();
    assert!(
        error.to_string().contains("crm-hard, digest-of-crm-hard"),
        "{error}"
    );

    let mut bytes = fs::read(&path).unwrap();
    bytes[7] = 2;
    fs::write(&path, &bytes).unwrap();
    let version = open_error(&path);
    assert!(
        matches!(
            version,
            CassetteError::OtherVersion {
                found: 2,
                wanted: 1,
                ..
            }
        ),
        "{version}"
    );
    fs::write(&path, "{\"event\":\"run.start\"}").unwrap();
    assert!(matches!(
        open_error(&path),
        CassetteError::NotACassette { .. }
    ));
    let missing = open_error(&folder.file("missing.cassette"));
    assert!(
        missing.to_string().contains("missing.cassette"),
        "{missing}"
    );
}
