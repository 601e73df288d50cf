//! Files whose list of entries, or manifest, isn't that of a bundle.

use std::path::Path;

use proctor_bundle::Archive;
use proctor_host::Digest;

use crate::sample::path;
use crate::sample::raw::{Entry, Zip};
use crate::{
    SIGNATURE, STATEMENT, STATEMENT_SIGNATURE, assert_change_refused, assert_refused,
    change_manifest, examine, refusal, sample, zip,
};

#[test]
fn names_that_lead_elsewhere_are_refused_in_the_list_and_in_the_manifest() {
    for (name, expected) in [
        ("../up.txt", "begins or ends with a dot"),
        ("a/../../up.txt", "begins or ends with a dot"),
        ("/etc/passwd", "a part of it is empty"),
        ("C:/up.txt", "only letters, digits"),
        ("..\\up.txt", "only letters, digits"),
        ("nul.txt", "the name of a device"),
        ("a\u{202e}txt", "only letters, digits"),
        ("", "a part of it is empty"),
    ] {
        let rename = |zip: &mut Zip| zip.entry("README.txt").name = name.to_owned();
        assert_change_refused(rename, expected);
        let in_json = name.replace('\\', "\\\\");
        let named = |zip: &mut Zip| zip.edit_manifest("README.txt", &in_json);
        assert_change_refused(named, "manifest.json: ");
        let both = |zip: &mut Zip| {
            zip.edit_manifest("README.txt", &in_json);
            zip.entry("README.txt").name = name.to_owned();
        };
        assert_change_refused(both, expected);
    }
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    for name in [
        "README.txt",
        "manifest.json",
        "proctor",
        SIGNATURE,
        STATEMENT,
    ] {
        let mut twice = zip();
        let entry = twice.entry(name).clone();
        let at = twice.entries.iter().position(|other| other.name == name);
        twice.entries.insert(at.unwrap() + 1, entry.clone());
        assert_refused(&twice, "stands twice in the file, or not in its order");
        let mut at_end = zip();
        at_end.entries.push(entry);
        assert_refused(&at_end, "stands twice in the file, or not in its order");
    }
    let in_manifest = |zip: &mut Zip| {
        change_manifest(zip, |manifest| {
            let first = manifest.members[0].clone();
            manifest.members.insert(0, first);
        });
    };
    assert_change_refused(
        in_manifest,
        "the members aren't sorted, or one stands twice",
    );
}

/// Adds a member that the manifest knows.
fn add_member(zip: &mut Zip, name: &str) {
    let content = b"more";
    let entry = Entry::stored(name, content);
    let at = zip.entries[1..7].partition_point(|other| *other.name < *name);
    zip.entries.insert(1 + at, entry);
    change_manifest(zip, |manifest| {
        let mut member = manifest.member(&path("data/noise.bin")).unwrap().clone();
        member.path = path(name);
        member.sha256 = Digest::of(content);
        member.size = content.len() as u64;
        let at = manifest
            .members
            .partition_point(|other| other.path < member.path);
        manifest.members.insert(at, member);
    });
}

#[test]
fn a_member_that_the_manifest_knows_is_taken_if_its_name_is_right() {
    let mut zip = zip();
    add_member(&mut zip, "docs/more.txt");
    examine(zip.to_bytes()).unwrap();
}

#[test]
fn names_that_clash_on_some_systems_are_refused() {
    let case = |zip: &mut Zip| add_member(zip, "ReadMe.txt");
    assert_change_refused(case, "differ in case alone");
    let folder = |zip: &mut Zip| add_member(zip, "README.txt/more");
    assert_change_refused(folder, "is a file and a folder");
    let folded = |zip: &mut Zip| add_member(zip, "Readme.TXT/more");
    assert_change_refused(folded, "is a file and a folder");
    let taken = |zip: &mut Zip| add_member(zip, "signatures/more");
    assert_change_refused(taken, "a member may not be called so");
}

#[test]
fn more_signatures_than_are_read_are_refused() {
    let many = |zip: &mut Zip| {
        let tail = zip.entries.split_off(8);
        for number in 0..70 {
            let name = format!(
                "signatures/{:016X}.minisig",
                0x0123_4567_89AB_CDF0_u64 + number
            );
            zip.entries.push(Entry::stored(&name, b"x"));
        }
        zip.entries.extend(tail);
    };
    assert_change_refused(many, "at most 64 signatures");
    let hundreds = |zip: &mut Zip| {
        for number in 0..200 {
            let name = format!("signatures/{number:016X}.minisig");
            zip.entries.push(Entry::stored(&name, b"x"));
        }
    };
    assert_change_refused(hundreds, "at most 64 signatures");
}

type Change = fn(&mut Entry);

#[test]
fn forms_of_zip_that_no_bundle_uses_are_refused() {
    let of_readme: [(Change, &str); 8] = [
        (|entry| entry.flags = 1, "is encrypted in ZIP's own way"),
        (
            |entry| entry.flags = 8,
            "its sizes stand behind it (a data descriptor)",
        ),
        (
            |entry| entry.flags = 0x800,
            "its entry in the list isn't in the form of a bundle",
        ),
        (
            |entry| entry.method = 12,
            "is compressed by another method than deflate",
        ),
        (
            |entry| entry.extra = vec![0xfe, 0xca, 0, 0],
            "has an extra field",
        ),
        (|entry| entry.comment = b"hi".to_vec(), "has a comment"),
        (
            |entry| entry.local_extra = vec![0xfe, 0xca, 0, 0],
            "the header before it isn't what the list of entries asks for",
        ),
        (
            |entry| {
                entry.packed_size = u32::MAX;
                entry.size = u32::MAX;
                entry.extra = [&[1, 0, 16, 0][..], &[0; 16]].concat();
            },
            "its sizes are in ZIP's 64-bit form",
        ),
    ];
    for (change, expected) in of_readme {
        let expected = format!("README.txt: {expected}");
        assert_change_refused(|zip| change(zip.entry("README.txt")), &expected);
    }
    let comment = |zip: &mut Zip| zip.comment = b"hello".to_vec();
    assert_change_refused(comment, "it doesn't end as a bundle does");
    let time = |zip: &mut Zip| zip.entry("proctor").time += 1;
    assert_change_refused(time, "proctor: the header before it");
}

#[test]
fn what_lies_before_the_first_entry_or_after_the_end_is_refused() {
    let prefix = |zip: &mut Zip| zip.prefix = b"#!/bin/sh\nrm -rf ~\n".to_vec();
    assert_change_refused(prefix, "manifest.json: doesn't lie right behind");
    let bytes = sample::bundle_bytes();
    let unmoved = [b"#!/bin/sh\n".to_vec(), bytes.clone()].concat();
    assert!(refusal(unmoved).contains("its list of entries isn't where it says"));
    let after = [bytes.clone(), vec![0]].concat();
    assert!(refusal(after).contains("it doesn't end as a bundle does"));
    // Two bundles, one behind the other: stock tools see the second alone.
    let two = [bytes.clone(), bytes].concat();
    assert!(refusal(two).contains("its list of entries isn't where it says"));
}

#[test]
fn what_lies_between_entries_is_refused() {
    let gap = |zip: &mut Zip| zip.entry("README.txt").content.push(0);
    assert_change_refused(gap, "data/empty.toml: doesn't lie right behind");
    let last = |zip: &mut Zip| zip.entry(STATEMENT_SIGNATURE).content.push(0);
    assert_change_refused(last, "something between its last entry and the list");
}

#[test]
fn members_that_were_added_left_out_or_moved_are_refused() {
    let added = |zip: &mut Zip| zip.entries.push(Entry::stored("zz.txt", b"added"));
    assert_change_refused(
        added,
        "zz.txt: is in the file, but not in the manifest: it was added",
    );
    let among = |zip: &mut Zip| zip.entries.insert(2, Entry::stored("a.txt", b"added"));
    assert_change_refused(
        among,
        "a.txt: is in the file, but not in the manifest: it was added",
    );
    for (name, expected) in [
        (
            "data/noise.bin",
            "data/noise.bin: is in the manifest, but not in the file",
        ),
        (
            "proctor",
            "proctor: is in the manifest, but not in the file",
        ),
        (
            STATEMENT,
            "FEDCBA9876543210.minisig: there is no statement before it",
        ),
        (
            STATEMENT_SIGNATURE,
            "FEDCBA9876543210.minisig: is missing beside its statement",
        ),
        ("manifest.json", "its first entry isn't manifest.json"),
    ] {
        let left_out = |zip: &mut Zip| drop(zip.remove(name));
        assert_change_refused(left_out, expected);
    }
    for (first, second) in [(2, 3), (1, 6), (6, 7), (7, 8)] {
        let moved = |zip: &mut Zip| zip.entries.swap(first, second);
        assert_change_refused(moved, "not in its order");
    }
    assert_change_refused(
        |zip| zip.entries.swap(0, 1),
        "its first entry isn't manifest.json",
    );
    assert_change_refused(
        |zip| zip.entries.clear(),
        "its first entry isn't manifest.json",
    );
}

#[test]
fn a_bundle_of_another_version_says_so() {
    let mut zip = zip();
    zip.edit_manifest("\"format\":1", "\"format\":2");
    assert_refused(
        &zip,
        "the bundle has format 2, and this program reads format 1",
    );
}

#[test]
fn a_manifest_in_another_form_is_refused() {
    let spaced = |zip: &mut Zip| zip.edit_manifest("\"format\":1", "\"format\": 1");
    assert_change_refused(spaced, "isn't in canonical form");
    let unknown = |zip: &mut Zip| zip.edit_manifest("\"format\":1", "\"extra\":1,\"format\":1");
    assert_change_refused(unknown, "unknown field `extra`");
    let broken = |zip: &mut Zip| zip.entry("manifest.json").set_content(b"{");
    assert_change_refused(broken, "manifest.json: EOF while parsing");
}

#[test]
fn what_is_no_bundle_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let of = |path: &Path| Archive::open(path).err().unwrap().to_string();
    assert!(of(folder.path()).contains("is no file"));
    assert!(of(&folder.path().join("none")).contains("none: "));
    for bytes in [
        vec![],
        vec![0; 22],
        b"PK\x05\x06".to_vec(),
        vec![b'x'; 100_000],
    ] {
        assert!(refusal(bytes).starts_with("not a sealed bundle: "));
    }
    // The end record of an empty ZIP, and one that lists more than there is.
    let empty = [b"PK\x05\x06".to_vec(), vec![0; 18]].concat();
    assert!(refusal(empty.clone()).contains("its first entry isn't manifest.json"));
    let mut many = empty;
    many[8..12].copy_from_slice(&[0xff; 4]);
    assert!(refusal(many).contains("it lists 65535 entries"));
}
