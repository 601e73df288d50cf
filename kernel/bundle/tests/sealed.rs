//! Encryption to recipients: what the stock `age` program makes of what we seal, what we make of
//! what it seals, and what happens to what was damaged on the way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should panic"
)]

use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Output};

use proctor_bundle::sealed::{
    HEADER_BYTES_MAX, IDENTITY_FILE_BYTES_MAX, Identities, RECIPIENTS_MAX, Recipient, SealedError,
    generate, open, seal,
};
use tempfile::TempDir;

const PLAIN: &[u8] = b"gold = \"what counts as done\"\n";
const PLAIN_BYTES_MAX: u64 = 1 << 20;
/// Plain bytes in a chunk of age's format.
const CHUNK_BYTES: usize = 64 << 10;

fn key() -> (Identities, Recipient) {
    let (text, recipient) = generate();
    (Identities::parse(text.as_str()).unwrap(), recipient)
}

/// Runs a stock program in a folder.
fn run(program: &str, folder: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|_| {
            panic!("the program `{program}` is missing: install Debian's package age")
        })
}

#[track_caller]
fn succeeds(output: &Output) {
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_stock_program_opens_what_we_seal() {
    let folder = TempDir::new().unwrap();
    let (text, recipient) = generate();
    fs::write(folder.path().join("key"), text.as_str()).unwrap();
    for plain in [PLAIN.to_vec(), Vec::new(), vec![7; 3 * CHUNK_BYTES]] {
        let sealed = seal(&plain, std::slice::from_ref(&recipient)).unwrap();
        fs::write(folder.path().join("sealed.age"), sealed).unwrap();
        let opened = run("age", folder.path(), &["-d", "-i", "key", "sealed.age"]);
        succeeds(&opened);
        assert_eq!(opened.stdout, plain);
    }
    let named = run("age-keygen", folder.path(), &["-y", "key"]);
    assert_eq!(
        String::from_utf8_lossy(&named.stdout).trim(),
        recipient.to_string()
    );
}

#[test]
fn we_open_what_the_stock_program_seals_with_its_own_keys() {
    let folder = TempDir::new().unwrap();
    succeeds(&run("age-keygen", folder.path(), &["-o", "key"]));
    fs::write(folder.path().join("plain"), PLAIN).unwrap();
    let text = fs::read_to_string(folder.path().join("key")).unwrap();
    let named = run("age-keygen", folder.path(), &["-y", "key"]);
    let recipient = Recipient::parse(&String::from_utf8_lossy(&named.stdout)).unwrap();
    let to = recipient.to_string();
    succeeds(&run(
        "age",
        folder.path(),
        &["-r", &to, "-o", "sealed.age", "plain"],
    ));
    let sealed = fs::File::open(folder.path().join("sealed.age")).unwrap();
    let identities = Identities::parse(&text).unwrap();
    assert_eq!(open(sealed, &identities, PLAIN_BYTES_MAX).unwrap(), PLAIN);
}

#[test]
fn any_of_several_recipients_opens_it_and_nobody_else() {
    let (ada, to_ada) = key();
    let (bob, to_bob) = key();
    let (eve, _) = key();
    let sealed = seal(PLAIN, &[to_ada, to_bob]).unwrap();
    for identities in [&ada, &bob] {
        assert_eq!(
            open(&sealed[..], identities, PLAIN_BYTES_MAX).unwrap(),
            PLAIN
        );
    }
    let refused = open(&sealed[..], &eve, PLAIN_BYTES_MAX).unwrap_err();
    assert!(matches!(refused, SealedError::WrongKey), "{refused}");
}

#[test]
fn an_identity_file_may_hold_several_keys() {
    let (one, _) = generate();
    let (two, to_two) = generate();
    let text = format!("# mine\n{}\r\n\n{}", one.as_str(), two.as_str());
    let sealed = seal(PLAIN, &[to_two]).unwrap();
    let identities = Identities::parse(&text).unwrap();
    assert_eq!(
        open(&sealed[..], &identities, PLAIN_BYTES_MAX).unwrap(),
        PLAIN
    );
}

#[test]
fn every_flipped_byte_is_caught() {
    let (identities, recipient) = key();
    let sealed = seal(PLAIN, &[recipient]).unwrap();
    for at in 0..sealed.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut flipped = sealed.clone();
            flipped[at] ^= flip;
            assert!(
                open(&flipped[..], &identities, PLAIN_BYTES_MAX).is_err(),
                "byte {at} ^ {flip}"
            );
        }
    }
}

#[test]
fn every_cut_and_every_addition_is_caught() {
    let (identities, recipient) = key();
    for plain in [
        PLAIN.to_vec(),
        vec![7; CHUNK_BYTES],
        vec![7; CHUNK_BYTES + 1],
    ] {
        let sealed = seal(&plain, std::slice::from_ref(&recipient)).unwrap();
        assert_eq!(
            open(&sealed[..], &identities, PLAIN_BYTES_MAX).unwrap(),
            plain
        );
        let step = sealed.len() / 300 + 1;
        let near_chunk = sealed.len().saturating_sub(CHUNK_BYTES + 100)..sealed.len();
        let cuts = (0..sealed.len())
            .step_by(step)
            .chain(near_chunk.rev().take(60));
        for end in cuts {
            let refused = open(&sealed[..end], &identities, PLAIN_BYTES_MAX).unwrap_err();
            assert!(
                matches!(refused, SealedError::Form | SealedError::Damaged),
                "{end}: {refused}"
            );
        }
        let longer = [&sealed[..], b"x"].concat();
        let refused = open(&longer[..], &identities, PLAIN_BYTES_MAX).unwrap_err();
        assert!(matches!(refused, SealedError::Damaged), "{refused}");
    }
}

#[test]
fn a_cut_payload_is_said_to_be_damaged() {
    let (identities, recipient) = key();
    let sealed = seal(PLAIN, &[recipient]).unwrap();
    let refused = open(&sealed[..sealed.len() - 1], &identities, PLAIN_BYTES_MAX).unwrap_err();
    assert!(matches!(refused, SealedError::Damaged), "{refused}");
    let refused = open(&b"PK\x03\x04 a zip file"[..], &identities, PLAIN_BYTES_MAX).unwrap_err();
    assert!(matches!(refused, SealedError::Form), "{refused}");
}

#[test]
fn more_than_it_may_hold_is_refused() {
    let (identities, recipient) = key();
    let sealed = seal(PLAIN, &[recipient]).unwrap();
    let size = PLAIN.len() as u64;
    assert_eq!(open(&sealed[..], &identities, size).unwrap(), PLAIN);
    let refused = open(&sealed[..], &identities, size - 1).unwrap_err();
    assert!(
        matches!(refused, SealedError::TooLarge { plain_bytes_max } if plain_bytes_max == size - 1)
    );
}

#[test]
fn a_header_without_end_is_refused_at_its_limit() {
    struct Endless(u64);
    impl io::Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0 += into.len() as u64;
            assert!(self.0 < 10 * HEADER_BYTES_MAX, "reads on");
            for (byte, from) in into.iter_mut().zip(b"-> a\n\n".iter().cycle()) {
                *byte = *from;
            }
            Ok(into.len())
        }
    }
    let (identities, _) = key();
    let refused = open(Endless(0), &identities, PLAIN_BYTES_MAX).unwrap_err();
    assert!(matches!(refused, SealedError::Form), "{refused}");
}

#[test]
fn as_many_recipients_as_may_be_fit_into_the_header() {
    let (identities, recipient) = key();
    let many = vec![recipient; RECIPIENTS_MAX];
    let sealed = seal(PLAIN, &many).unwrap();
    assert_eq!(
        open(&sealed[..], &identities, PLAIN_BYTES_MAX).unwrap(),
        PLAIN
    );
    let too_many = [&many[..], &many[..1]].concat();
    assert!(matches!(
        seal(PLAIN, &too_many),
        Err(SealedError::Recipients(65))
    ));
    assert!(matches!(seal(PLAIN, &[]), Err(SealedError::Recipients(0))));
}

#[test]
fn what_is_no_key_is_refused_without_repeating_it() {
    let (text, recipient) = generate();
    let secret = text.as_str().lines().last().unwrap();
    let cut = &secret[..secret.len() - 1];
    let refused = Identities::parse(&format!("# mine\n\n{cut}\n")).unwrap_err();
    assert!(matches!(refused, SealedError::Identity(3)), "{refused}");
    assert!(!refused.to_string().contains(&secret[20..40]));
    assert!(matches!(
        Identities::parse("# none\n"),
        Err(SealedError::NoIdentity)
    ));
    let long = "#".repeat(IDENTITY_FILE_BYTES_MAX + 1);
    assert!(matches!(
        Identities::parse(&long),
        Err(SealedError::IdentityFile { .. })
    ));
    for wrong in ["", secret, "age1", &recipient.to_string()[..40]] {
        assert!(
            matches!(Recipient::parse(wrong), Err(SealedError::Recipient)),
            "{wrong}"
        );
    }
    let identities = Identities::parse(text.as_str()).unwrap();
    let shown = format!("{text:?} {identities:?}");
    assert!(!shown.contains(&secret[20..40]), "{shown}");
}
