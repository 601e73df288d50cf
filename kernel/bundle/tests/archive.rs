//! Bundles that are written, read, taken apart and signed as they should be.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod sample;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::process::Command;

use proctor_bundle::{
    Archive, Attachments, DosTime, Existing, Member, Packer, Role, with_attachments,
};
use proptest::prelude::*;
use sample::{KEY, OTHER_KEY, SEALED, manifest, path};

/// Packs these into bytes.
fn packed(members: &[(&str, Role, Vec<u8>)], time: DosTime) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("b.zip");
    let mut packer = Packer::create(&out, Existing::Kept, time).unwrap();
    for (name, role, content) in members {
        packer.add(path(name), role.clone(), &**content).unwrap();
    }
    packer.finish(manifest(), &Attachments::default()).unwrap();
    fs::read(out).unwrap()
}

/// Gives one byte at a time.
struct Dripping<'a>(&'a [u8]);

impl Read for Dripping<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(1);
        self.0.read(&mut buffer[..wanted])
    }
}

#[test]
fn the_same_members_give_the_same_bytes_in_whatever_order_they_come() {
    let mut members = sample::members();
    let first = packed(&members, DosTime::default());
    members.reverse();
    assert_eq!(packed(&members, DosTime::default()), first);
}

#[test]
fn the_same_members_give_the_same_bytes_in_whatever_portions_they_come() {
    let content: Vec<u8> = (0..40_000_u32)
        .flat_map(|number| (number / 7 % 251).to_le_bytes())
        .collect();
    let whole = packed(&[("a", Role::Data, content.clone())], DosTime::default());
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("b.zip");
    let mut packer = Packer::create(&out, Existing::Kept, DosTime::default()).unwrap();
    packer
        .add(path("a"), Role::Data, Dripping(&content))
        .unwrap();
    packer.finish(manifest(), &Attachments::default()).unwrap();
    assert_eq!(fs::read(&out).unwrap(), whole);
}

#[test]
fn another_time_changes_the_file_but_not_what_is_signed() {
    let members = sample::members();
    let first = packed(&members, DosTime::default());
    let second = packed(&members, DosTime::from_unix(1_700_000_000));
    assert_ne!(first, second);
    let manifest_of = |bytes| Archive::read_from(Cursor::new(bytes)).unwrap();
    assert_eq!(
        manifest_of(first).manifest_bytes(),
        manifest_of(second).manifest_bytes()
    );
}

#[test]
fn what_is_packed_is_what_is_read() {
    let (_folder, bundle) = sample::bundle();
    let archive = Archive::open(&bundle).unwrap();
    for (name, role, content) in sample::members() {
        let member = archive.manifest().member(&path(name)).unwrap();
        assert_eq!(member.role, role);
        assert_eq!(archive.read(&path(name), 1_000).unwrap(), content);
    }
    archive.check_members().unwrap();
    let roles = archive.manifest().members.iter().map(|member| &member.role);
    let unknown: Vec<&Role> = roles
        .filter(|role| matches!(role, Role::Other(_)))
        .collect();
    assert_eq!(unknown, [&Role::Other("learned-memory".to_owned())]);
}

#[test]
fn what_compresses_is_compressed_and_nothing_else() {
    let (_folder, bundle) = sample::bundle();
    let archive = Archive::open(&bundle).unwrap();
    let is_packed = |name: &str| {
        let member: &Member = archive.manifest().member(&path(name)).unwrap();
        member.packed.is_some()
    };
    assert!(is_packed("README.txt"));
    assert!(is_packed("proctor"));
    for name in [
        "data/empty.toml",
        "data/noise.bin",
        "learned/memory.json",
        SEALED,
    ] {
        assert!(!is_packed(name), "{name}");
    }
}

#[test]
fn several_threads_read_one_archive() {
    let (_folder, bundle) = sample::bundle();
    let archive = Archive::open(&bundle).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..20).for_each(|_| archive.check_members().unwrap()));
        }
    });
}

#[test]
fn a_file_that_is_there_stays_unless_it_is_to_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("b.zip");
    let begin = |existing| Packer::create(&out, existing, DosTime::default());
    let mut early = begin(Existing::Kept).unwrap();
    early.add(path("a"), Role::Data, &b"early"[..]).unwrap();
    fs::write(&out, "mine").unwrap();
    // Both the one that began before the file was there and the one that begins now.
    let late = early
        .finish(manifest(), &Attachments::default())
        .unwrap_err();
    assert!(late.to_string().contains("exists already"), "{late}");
    let refused = begin(Existing::Kept).err().unwrap();
    assert!(refused.to_string().contains("exists already"), "{refused}");
    assert_eq!(fs::read(&out).unwrap(), b"mine");
    let packer = begin(Existing::Replaced).unwrap();
    packer.finish(manifest(), &Attachments::default()).unwrap();
    Archive::open(&out).unwrap();
    let names = fs::read_dir(folder.path()).unwrap();
    assert_eq!(names.count(), 1, "something else was left in the folder");
}

#[test]
fn nothing_is_packed_that_could_not_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("b.zip");
    let packer = || Packer::create(&out, Existing::Kept, DosTime::default()).unwrap();
    let finish = |packer: Packer| {
        let refused = packer.finish(manifest(), &Attachments::default());
        assert!(!out.exists());
        refused.unwrap_err().to_string()
    };
    let mut twice = packer();
    twice.add(path("a"), Role::Data, &b""[..]).unwrap();
    let error = twice.add(path("a"), Role::Data, &b""[..]).unwrap_err();
    assert_eq!(error.to_string(), "a: is added twice; add it once");
    let mut clash = packer();
    clash.add(path("a"), Role::Data, &b""[..]).unwrap();
    clash.add(path("A"), Role::Data, &b""[..]).unwrap();
    assert!(finish(clash).contains("differ in case alone"));
    let mut sealed = packer();
    sealed.add(path("a.age"), Role::Data, &b""[..]).unwrap();
    assert!(finish(sealed).contains("ends in .age"));
    let mut role = packer();
    let other = Role::Other("No Role".to_owned());
    role.add(path("a"), other, &b""[..]).unwrap();
    assert!(finish(role).contains("a role is a word"));
}

#[test]
fn a_reader_that_fails_fails_the_packing() {
    struct Failing;
    impl Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the disk is gone"))
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("b.zip");
    let mut packer = Packer::create(&out, Existing::Kept, DosTime::default()).unwrap();
    let error = packer.add(path("a"), Role::Data, Failing).unwrap_err();
    assert_eq!(error.to_string(), "a: the disk is gone");
    // What failed has left nothing behind, and others can be added.
    packer.add(path("b"), Role::Data, &b"bytes"[..]).unwrap();
    packer.finish(manifest(), &Attachments::default()).unwrap();
    let archive = Archive::open(&out).unwrap();
    archive.check_members().unwrap();
    assert_eq!(archive.manifest().members.len(), 1);
}

#[test]
fn the_manifest_to_sign_is_the_one_that_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("b.zip");
    let mut packer = Packer::create(&out, Existing::Kept, DosTime::default()).unwrap();
    packer.add(path("a"), Role::Data, &b"bytes"[..]).unwrap();
    let to_sign = packer.complete(manifest()).unwrap();
    let written = packer.finish(manifest(), &sample::signature("s")).unwrap();
    assert_eq!(written, to_sign);
    let archive = Archive::open(&out).unwrap();
    assert_eq!(archive.manifest_bytes(), to_sign.to_bytes());
    assert_eq!(archive.signatures().collect::<Vec<_>>(), [(KEY, "s")]);
}

#[test]
fn signatures_and_countersignatures_join_in_any_order_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    sample::pack(&at("bare"), &Attachments::default());
    let join = |from: &str, to: &str, more: &Attachments| {
        with_attachments(&at(from), &at(to), Existing::Kept, more).unwrap();
    };
    join("bare", "one", &sample::signature("s\n"));
    join("one", "two", &sample::attestation(OTHER_KEY));
    join("two", "three", &sample::attestation(KEY));
    join("bare", "uno", &sample::attestation(KEY));
    join("uno", "due", &sample::signature("s\n"));
    join("due", "tre", &sample::attestation(OTHER_KEY));
    assert_eq!(fs::read(at("three")).unwrap(), fs::read(at("tre")).unwrap());
    let archive = Archive::open(&at("three")).unwrap();
    archive.check_members().unwrap();
    assert_eq!(archive.signatures().count(), 1);
    let keys: Vec<&str> = archive.attestations().map(|(key, ..)| key).collect();
    assert_eq!(keys, [KEY, OTHER_KEY]);
}

#[test]
fn a_signature_is_never_replaced_and_the_bundle_may_be() {
    let (_folder, bundle) = sample::bundle();
    let before = fs::read(&bundle).unwrap();
    let again = sample::signature("another\n");
    let error = with_attachments(&bundle, &bundle, Existing::Replaced, &again).unwrap_err();
    assert!(error.to_string().contains("has signed already"), "{error}");
    let kept = with_attachments(&bundle, &bundle, Existing::Kept, &Attachments::default());
    assert!(kept.unwrap_err().to_string().contains("exists already"));
    assert_eq!(fs::read(&bundle).unwrap(), before);
    let more = sample::attestation(KEY);
    with_attachments(&bundle, &bundle, Existing::Replaced, &more).unwrap();
    assert_eq!(Archive::open(&bundle).unwrap().attestations().count(), 2);
}

#[test]
fn attachments_of_another_form_are_refused() {
    let (folder, bundle) = sample::bundle();
    let out = folder.path().join("out");
    let mut key = Attachments::default();
    key.signatures.insert("../up".to_owned(), String::new());
    let long = Attachments {
        signatures: [("A".repeat(16), "s".repeat(16_385))].into(),
        ..Attachments::default()
    };
    let many = Attachments {
        signatures: (0..65)
            .map(|n| (format!("{n:016}"), String::new()))
            .collect(),
        ..Attachments::default()
    };
    for (more, expected) in [
        (key, "16 upper-case hexadecimal digits"),
        (long, "at most 16384 are kept"),
        (many, "at most 64 signatures"),
    ] {
        let error = with_attachments(&bundle, &out, Existing::Kept, &more).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!out.exists());
    }
}

#[test]
fn extracting_gives_all_files_and_the_runner_can_be_run() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, bundle) = sample::bundle();
    let target = folder.path().join("out");
    let archive = Archive::open(&bundle).unwrap();
    archive.extract(&target).unwrap();
    for (name, _, content) in sample::members() {
        assert_eq!(fs::read(target.join(name)).unwrap(), content, "{name}");
    }
    for name in [
        "manifest.json",
        SEALED,
        "signatures/0123456789ABCDEF.minisig",
        "attestations/FEDCBA9876543210.json",
        "attestations/FEDCBA9876543210.minisig",
    ] {
        assert!(target.join(name).is_file(), "{name}");
    }
    let mode = |name: &str| {
        fs::metadata(target.join(name))
            .unwrap()
            .permissions()
            .mode()
    };
    assert_eq!(mode("proctor") & 0o100, 0o100);
    assert_eq!(mode("README.txt") & 0o111, 0);
}

#[test]
fn a_folder_that_holds_something_or_is_a_link_is_left_alone() {
    let (folder, bundle) = sample::bundle();
    let archive = Archive::open(&bundle).unwrap();
    let full = folder.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("mine"), "").unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&empty, &link).unwrap();
    let refused = |target: &Path| archive.extract(target).unwrap_err().to_string();
    assert!(refused(&full).contains("isn't empty"));
    assert!(refused(&link).contains("is no folder"));
    assert!(refused(&bundle).contains("is no folder"));
    assert_eq!(fs::read_dir(&full).unwrap().count(), 1);
    assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
    archive.extract(&empty).unwrap();
}

#[test]
fn pythons_zipfile_opens_tests_and_reads_it() {
    let (_folder, bundle) = sample::bundle();
    let script = "import sys, zipfile\n\
                  z = zipfile.ZipFile(sys.argv[1])\n\
                  assert z.testzip() is None\n\
                  assert z.read('README.txt') == b'Read me. ' * 12\n\
                  for i in z.infolist():\n    \
                  print(oct(i.external_attr >> 16), i.date_time[0], i.compress_type, i.filename)\n";
    let python = Command::new("python3")
        .args(["-c", script])
        .arg(&bundle)
        .output()
        .expect("this test needs python3: install it");
    let errors = String::from_utf8_lossy(&python.stderr);
    assert!(python.status.success(), "{errors}");
    assert_eq!(
        String::from_utf8(python.stdout).unwrap(),
        "0o100644 1980 0 manifest.json\n\
         0o100644 1980 8 README.txt\n\
         0o100644 1980 0 data/empty.toml\n\
         0o100644 1980 0 data/noise.bin\n\
         0o100644 1980 0 gold/secret.toml.age\n\
         0o100644 1980 0 learned/memory.json\n\
         0o100755 1980 8 proctor\n\
         0o100644 1980 0 signatures/0123456789ABCDEF.minisig\n\
         0o100644 1980 0 attestations/FEDCBA9876543210.json\n\
         0o100644 1980 0 attestations/FEDCBA9876543210.minisig\n"
    );
}

#[test]
fn the_zip_crate_reads_every_entry() {
    let mut zip = zip::ZipArchive::new(Cursor::new(sample::bundle_bytes())).unwrap();
    for at in 0..zip.len() {
        let mut entry = zip.by_index(at).unwrap();
        io::copy(&mut entry, &mut io::sink()).unwrap();
    }
    assert_eq!(zip.len(), 10);
}

/// Noise without end.
struct Noise(u64);

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for bytes in buffer.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            bytes.copy_from_slice(&self.0.to_le_bytes()[..bytes.len()]);
        }
        Ok(buffer.len())
    }
}

/// The most memory that this process has had, in KiB.
#[cfg(target_os = "linux")]
fn memory_kib_peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = line.unwrap().trim().trim_end_matches(" kB");
    digits.parse().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn memory_is_flat_however_large_members_are() {
    const BYTES: u64 = 200 << 20;
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("b.zip");
    let before = memory_kib_peak();
    let mut packer = Packer::create(&out, Existing::Kept, DosTime::default()).unwrap();
    packer
        .add(path("zeros"), Role::Data, io::repeat(0).take(BYTES))
        .unwrap();
    packer
        .add(path("noise"), Role::Data, Noise(7).take(BYTES))
        .unwrap();
    packer.finish(manifest(), &Attachments::default()).unwrap();
    let archive = Archive::open(&out).unwrap();
    archive.check_members().unwrap();
    let grown = memory_kib_peak() - before;
    assert!(grown < 40 << 10, "{grown} KiB more");
    let size = |name: &str| {
        let member = archive.manifest().member(&path(name)).unwrap();
        member.packed.as_ref().map(|packed| packed.size)
    };
    assert!(size("zeros").unwrap() < 300 << 10);
    assert_eq!(size("noise"), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_members_come_back_as_they_were(
        members in prop::collection::btree_map(
            "d[0-3]/f[0-9]{1,2}(\\.txt)?",
            (prop::collection::vec(any::<u8>(), 0..60), 1_usize..80),
            0..12,
        ),
    ) {
        let members: BTreeMap<String, Vec<u8>> = members
            .into_iter()
            .map(|(name, (bytes, times))| (name, bytes.repeat(times)))
            .collect();
        let given: Vec<_> = members
            .iter()
            .map(|(name, content)| (name.as_str(), Role::Data, content.clone()))
            .collect();
        let bytes = packed(&given, DosTime::default());
        let archive = Archive::read_from(Cursor::new(bytes)).unwrap();
        prop_assert_eq!(archive.manifest().members.len(), members.len());
        for (name, content) in &members {
            prop_assert_eq!(&archive.read(&path(name), 1 << 20).unwrap(), content);
        }
    }
}
