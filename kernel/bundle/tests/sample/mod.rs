//! A small bundle to read, and to maim.
#![allow(dead_code, clippy::unwrap_used)]

pub(crate) mod raw;

use std::path::{Path, PathBuf};

use proctor_bundle::{
    Attachments, Countersignature, DosTime, Existing, FORMAT, Manifest, MemberPath, Packer, Plain,
    Role,
};
use proctor_host::Digest;

pub(crate) const KEY: &str = "0123456789ABCDEF";
pub(crate) const OTHER_KEY: &str = "FEDCBA9876543210";

pub(crate) fn path(text: &str) -> MemberPath {
    MemberPath::new(text).unwrap()
}

/// A manifest without runs and members.
pub(crate) fn manifest() -> Manifest {
    Manifest {
        format: FORMAT,
        kernel: "0.1.0".to_owned(),
        members: Vec::new(),
        name: "sample".to_owned(),
        runs: Vec::new(),
        title: "A bundle to read".to_owned(),
    }
}

/// Bytes that can't be compressed, the same each time.
pub(crate) fn noise(seed: u64, bytes: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// Path, role and content: compressed, empty, as they are, and one of a role nobody knows.
pub(crate) fn members() -> Vec<(&'static str, Role, Vec<u8>)> {
    vec![
        ("README.txt", Role::Document, b"Read me. ".repeat(12)),
        ("data/empty.toml", Role::Data, Vec::new()),
        ("data/noise.bin", Role::Data, noise(1, 40)),
        (
            "learned/memory.json",
            Role::Other("learned-memory".to_owned()),
            b"{}\n".to_vec(),
        ),
        ("proctor", Role::Runner, b"#!/bin/sh\n".repeat(6)),
    ]
}

/// What is encrypted in the sample, which in truth is only noise.
pub(crate) const SEALED: &str = "gold/secret.toml.age";

pub(crate) fn plain() -> Plain {
    Plain {
        sha256: Digest::of(b"the gold"),
        size: 8,
    }
}

pub(crate) fn signature(text: &str) -> Attachments {
    Attachments {
        signatures: [(KEY.to_owned(), text.to_owned())].into(),
        ..Attachments::default()
    }
}

pub(crate) fn attestation(key: &str) -> Attachments {
    let of = Countersignature {
        statement: b"{\"replayed\":true}".to_vec(),
        signature: "an auditor\n".to_owned(),
    };
    Attachments {
        attestations: [(key.to_owned(), of)].into(),
        ..Attachments::default()
    }
}

/// Packs the sample as `out`.
pub(crate) fn pack(out: &Path, attachments: &Attachments) -> Manifest {
    let mut packer = Packer::create(out, Existing::Kept, DosTime::default()).unwrap();
    for (name, role, content) in members() {
        packer.add(path(name), role, &*content).unwrap();
    }
    let sealed = noise(2, 50);
    packer
        .add_sealed(path(SEALED), Role::Suite, plain(), &*sealed)
        .unwrap();
    packer.finish(manifest(), attachments).unwrap()
}

/// The sample with a signature and a countersignature, as a file in a folder of its own.
pub(crate) fn bundle() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("sample.proctor.zip");
    let mut attachments = signature("sealed by me\n");
    attachments.attestations = attestation(OTHER_KEY).attestations;
    pack(&out, &attachments);
    (folder, out)
}

/// Its bytes.
pub(crate) fn bundle_bytes() -> Vec<u8> {
    let (_folder, out) = bundle();
    std::fs::read(out).unwrap()
}
