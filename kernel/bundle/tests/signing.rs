//! Signatures: what the stock `minisign` program makes of ours, what we make of its, and that no
//! byte of one can be changed.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should panic"
)]

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proctor_bundle::signing::{
    KEY_FILE_BYTES_MAX, KeyPair, PASSWORD_BYTES_MAX, PublicKey, SIGNATURE_BYTES_MAX, SecretKey,
    SecretKeyText, SigningError, TRUSTED_COMMENT_BYTES_MAX, sign, signature_key_id, verify,
};
use tempfile::TempDir;

const CONTENT: &[u8] = b"{\"format\":1}\n";
const COMMENT: &str = "proctor:seal/v1 of a manifest";

/// A new key, not encrypted.
fn key() -> SecretKey {
    KeyPair::generate(None).unwrap().secret.open(None).unwrap()
}

/// Runs the stock program in a folder, and types what it asks for.
fn minisign<S: AsRef<OsStr>>(folder: &Path, arguments: &[S], typed: &str) -> Output {
    let mut child = Command::new("minisign")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program `minisign` is missing: install Debian's package minisign");
    // The program may end without reading.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    child.wait_with_output().unwrap()
}

#[track_caller]
fn succeeds(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A folder with the content to be signed.
fn folder() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("content"), CONTENT).unwrap();
    folder
}

fn read(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap()
}

#[test]
fn the_stock_program_accepts_what_we_sign() {
    let folder = folder();
    let key = key();
    let text = sign(&key, CONTENT, COMMENT).unwrap();
    fs::write(folder.path().join("content.minisig"), text).unwrap();
    fs::write(folder.path().join("key.pub"), key.public().to_file()).unwrap();
    let letters = key.public().to_string();
    for by in [["-p", "key.pub"], ["-P", &letters]] {
        let verified = minisign(
            folder.path(),
            &["-V", "-H", "-m", "content", by[0], by[1]],
            "",
        );
        assert!(succeeds(&verified).contains(COMMENT), "{verified:?}");
    }
    fs::write(folder.path().join("content"), "something else").unwrap();
    let refused = minisign(folder.path(), &["-V", "-m", "content", "-p", "key.pub"], "");
    assert!(!refused.status.success());
}

#[test]
fn the_stock_program_signs_with_keys_that_we_make() {
    for password in [None, Some("correct horse")] {
        let folder = folder();
        let pair = KeyPair::generate(password).unwrap();
        assert_eq!(pair.secret.is_encrypted(), password.is_some());
        fs::write(folder.path().join("key"), pair.secret.as_str()).unwrap();
        let typed = password.map_or(String::new(), |password| format!("{password}\n"));
        let arguments = ["-S", "-m", "content", "-s", "key"];
        succeeds(&minisign(folder.path(), &arguments, &typed));
        let signature = read(&folder, "content.minisig");
        let verified = verify(&pair.public, &signature, CONTENT).unwrap();
        assert_eq!(verified.key, pair.public);
        assert!(verified.trusted_comment.contains("file:content"));
    }
}

#[test]
fn what_we_sign_and_what_the_stock_program_signs_is_the_same_text() {
    let folder = folder();
    let pair = KeyPair::generate(None).unwrap();
    fs::write(folder.path().join("key"), pair.secret.as_str()).unwrap();
    let arguments = ["-S", "-m", "content", "-s", "key", "-t", COMMENT];
    succeeds(&minisign(folder.path(), &arguments, ""));
    let ours = sign(&pair.secret.open(None).unwrap(), CONTENT, COMMENT).unwrap();
    assert_eq!(ours, read(&folder, "content.minisig"));
}

#[test]
fn keys_of_the_stock_program_work() {
    let folder = folder();
    let make = ["-G", "-W", "-p", "open.pub", "-s", "open"];
    succeeds(&minisign(folder.path(), &make, ""));
    let public = PublicKey::parse(&read(&folder, "open.pub")).unwrap();
    let secret = SecretKeyText::parse(&read(&folder, "open")).unwrap();
    let signature = sign(&secret.open(None).unwrap(), CONTENT, COMMENT).unwrap();
    verify(&public, &signature, CONTENT).unwrap();
    let file = read(&folder, "open.pub");
    let (comment, letters) = file.trim_end().split_once('\n').unwrap();
    assert_eq!(public.to_string(), letters);
    // It leaves out leading zeros.
    let printed = comment.rsplit(' ').next().unwrap();
    assert_eq!(public.key_id().to_string(), format!("{printed:0>16}"));
}

#[test]
fn encrypted_keys_of_the_stock_program_open_with_their_password_alone() {
    let folder = folder();
    let make = ["-G", "-p", "key.pub", "-s", "key"];
    succeeds(&minisign(
        folder.path(),
        &make,
        "correct horse\ncorrect horse\n",
    ));
    let public = PublicKey::parse(&read(&folder, "key.pub")).unwrap();
    let secret = SecretKeyText::parse(&read(&folder, "key")).unwrap();
    assert!(secret.is_encrypted());
    assert_eq!(
        secret.open(None).unwrap_err(),
        SigningError::PasswordMissing
    );
    let opened = secret.open(Some("correct horse")).unwrap();
    assert_eq!(opened.public(), public);
}

#[test]
fn another_password_opens_nothing_and_says_so() {
    let pair = KeyPair::generate(Some("one")).unwrap();
    assert_eq!(
        pair.secret.open(Some("other")).unwrap_err(),
        SigningError::Password
    );
    assert_eq!(
        pair.secret.open(None).unwrap_err(),
        SigningError::PasswordMissing
    );
    assert_eq!(pair.secret.open(Some("one")).unwrap().public(), pair.public);
}

#[test]
fn the_same_key_content_and_comment_give_the_same_signature() {
    let pair = KeyPair::generate(None).unwrap();
    let once = sign(&pair.secret.open(None).unwrap(), CONTENT, COMMENT).unwrap();
    let again = sign(&pair.secret.open(None).unwrap(), CONTENT, COMMENT).unwrap();
    assert_eq!(once, again);
    let commented = sign(&pair.secret.open(None).unwrap(), CONTENT, "other").unwrap();
    assert_ne!(once, commented);
}

#[test]
fn a_signature_says_which_key_made_it_and_what_it_says_besides() {
    let key = key();
    let text = sign(&key, CONTENT, COMMENT).unwrap();
    assert_eq!(signature_key_id(&text).unwrap(), key.public().key_id());
    let verified = verify(&key.public(), &text, CONTENT).unwrap();
    assert_eq!(verified.key_id(), key.public().key_id());
    assert_eq!(verified.trusted_comment, COMMENT);
}

#[test]
fn another_key_is_refused_by_its_number() {
    let (one, other) = (key(), key());
    let text = sign(&one, CONTENT, COMMENT).unwrap();
    assert_eq!(
        verify(&other.public(), &text, CONTENT).unwrap_err(),
        SigningError::OtherKey {
            expected: other.public().key_id(),
            found: one.public().key_id(),
        }
    );
}

#[test]
fn an_old_signature_on_new_content_is_refused() {
    let key = key();
    let text = sign(&key, CONTENT, COMMENT).unwrap();
    let refused = verify(&key.public(), &text, b"{\"format\":2}\n").unwrap_err();
    assert_eq!(refused, SigningError::Mismatch(key.public().key_id()));
}

#[test]
fn every_flipped_bit_of_a_signature_is_caught() {
    let key = key();
    let text = sign(&key, CONTENT, COMMENT).unwrap().into_bytes();
    for at in 0..text.len() {
        for bit in 0..8 {
            let mut flipped = text.clone();
            flipped[at] ^= 1 << bit;
            let accepted = String::from_utf8(flipped)
                .is_ok_and(|flipped| verify(&key.public(), &flipped, CONTENT).is_ok());
            assert!(!accepted, "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn every_cut_and_every_addition_is_caught() {
    let key = key();
    let text = sign(&key, CONTENT, COMMENT).unwrap();
    for end in 0..text.len() {
        assert!(
            verify(&key.public(), &text[..end], CONTENT).is_err(),
            "{end}"
        );
    }
    let edited = [
        format!("{text}\n"),
        format!("{text}x"),
        format!("\n{text}"),
        text.replace('\n', "\r\n"),
        text.replacen(" key\n", " key \n", 1),
        text.replacen("manifest\n", "manifest \n", 1),
        text.replacen("from minisign", "by minisign", 1),
    ];
    for edited in edited {
        assert_ne!(edited, text);
        assert!(
            verify(&key.public(), &edited, CONTENT).is_err(),
            "{edited:?}"
        );
    }
}

#[test]
fn a_signature_of_the_old_kind_is_refused() {
    let folder = folder();
    let pair = KeyPair::generate(None).unwrap();
    fs::write(folder.path().join("key"), pair.secret.as_str()).unwrap();
    succeeds(&minisign(
        folder.path(),
        &["-S", "-l", "-m", "content", "-s", "key"],
        "",
    ));
    let refused = verify(&pair.public, &read(&folder, "content.minisig"), CONTENT);
    assert_eq!(refused.unwrap_err(), SigningError::NotPrehashed);
}

#[test]
fn a_public_key_is_read_from_its_file_or_its_letters() {
    let public = key().public();
    assert_eq!(PublicKey::parse(&public.to_file()).unwrap(), public);
    assert_eq!(PublicKey::parse(&format!(" {public}\n")).unwrap(), public);
    let letters = public.to_string();
    assert!(
        letters.starts_with("RW") && letters.len() == 56,
        "{letters}"
    );
    let wrong = [
        String::new(),
        letters[..55].to_owned(),
        format!("{letters}A"),
        format!("QQ{}", &letters[2..]),
        format!("{letters}\n{letters}"),
        format!("{}{letters}\n", public.to_file()),
    ];
    for wrong in wrong {
        assert_eq!(
            PublicKey::parse(&wrong).unwrap_err(),
            SigningError::PublicKey,
            "{wrong:?}"
        );
    }
}

#[test]
fn a_damaged_secret_key_is_refused() {
    let pair = KeyPair::generate(None).unwrap();
    let text = pair.secret.as_str();
    assert!(matches!(
        SecretKeyText::parse(&pair.public.to_file()),
        Err(SigningError::SecretKey)
    ));
    let key_from = text.find('\n').unwrap() + 1;
    // Past what is said of an encryption that isn't there.
    for at in key_from + 80..text.len() - 1 {
        let other = if text.as_bytes()[at] == b'A' {
            "B"
        } else {
            "A"
        };
        let damaged = format!("{}{other}{}", &text[..at], &text[at + 1..]);
        let opened = SecretKeyText::parse(&damaged).and_then(|secret| secret.open(None));
        assert!(opened.is_err(), "letter {at}");
    }
}

#[test]
fn texts_beyond_their_limits_are_refused() {
    let key = key();
    let long = |bytes: usize| "a".repeat(bytes + 1);
    let too_long =
        |result: Result<(), SigningError>| matches!(result, Err(SigningError::TooLong { .. }));
    assert!(too_long(
        PublicKey::parse(&long(KEY_FILE_BYTES_MAX)).map(drop)
    ));
    assert!(too_long(
        SecretKeyText::parse(&long(KEY_FILE_BYTES_MAX)).map(drop)
    ));
    assert!(too_long(
        signature_key_id(&long(SIGNATURE_BYTES_MAX)).map(drop)
    ));
    assert!(too_long(
        KeyPair::generate(Some(&long(PASSWORD_BYTES_MAX))).map(drop)
    ));
    let comments = [
        long(TRUSTED_COMMENT_BYTES_MAX),
        "a\nb".to_owned(),
        " a".to_owned(),
    ];
    for comment in comments {
        assert_eq!(
            sign(&key, CONTENT, &comment).unwrap_err(),
            SigningError::Comment
        );
    }
    sign(&key, CONTENT, &"a".repeat(TRUSTED_COMMENT_BYTES_MAX)).unwrap();
}

#[test]
fn a_secret_key_that_would_take_too_much_work_to_open_is_refused() {
    let pair = KeyPair::generate(Some("one")).unwrap();
    let (comment, key) = pair.secret.as_str().split_once('\n').unwrap();
    // The highest bytes of the numbers of operations and of bytes of memory.
    for at in [45, 53] {
        let mut bytes = BASE64_STANDARD.decode(key.trim()).unwrap();
        bytes[at] = 1;
        let file = format!("{comment}\n{}\n", BASE64_STANDARD.encode(bytes));
        assert!(matches!(
            SecretKeyText::parse(&file),
            Err(SigningError::SecretKey)
        ));
    }
}

#[test]
fn nothing_that_is_shown_holds_a_secret() {
    let pair = KeyPair::generate(None).unwrap();
    let opened = pair.secret.open(None).unwrap();
    let secret = pair.secret.as_str().lines().nth(1).unwrap();
    let shown = format!("{pair:?} {:?} {opened:?}", pair.secret);
    assert!(!shown.contains(&secret[40..80]), "{shown}");
    assert_eq!(
        format!("{opened:?}"),
        format!("SecretKey({})", pair.public.key_id())
    );
}
