//! The trust policy: what it says, and what it makes of signatures.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on should panic"
)]

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Digest};
use proctor_bundle::signing::{
    KeyPair, PublicKey, SecretKey, SecretKeyText, Verified, sign, verify,
};
use proctor_bundle::trust::{KEYS_MAX, POLICY_BYTES_MAX, Purpose, TrustError, TrustPolicy};

const CONTENT: &[u8] = b"a manifest";

fn key() -> SecretKey {
    KeyPair::generate(None).unwrap().secret.open(None).unwrap()
}

fn signed(key: &SecretKey) -> Verified {
    let text = sign(key, CONTENT, "").unwrap();
    verify(&key.public(), &text, CONTENT).unwrap()
}

fn entry(name: &str, public: PublicKey, may: &str) -> String {
    format!("[[key]]\nname = \"{name}\"\npublic = \"{public}\"\nmay = [{may}]\n")
}

fn parse(text: &str) -> Result<TrustPolicy, TrustError> {
    TrustPolicy::parse(text, Path::new("trust.toml"))
}

#[track_caller]
fn refused(text: &str) -> String {
    let message = parse(text).unwrap_err().to_string();
    assert!(!message.contains('\n'), "{message}");
    message
}

#[test]
fn those_who_signed_are_named_each_once() {
    let (ada, bob) = (key(), key());
    let policy = parse(&format!(
        "{}{}[require]\nseals = 1\nattestations = 1\n",
        entry("Ada", ada.public(), "\"seal\""),
        entry("Bob", bob.public(), "\"seal\", \"attest\""),
    ))
    .unwrap();
    let seals = [signed(&ada), signed(&ada), signed(&bob)];
    let vouched = policy.judge(&seals, &[signed(&bob)]).unwrap();
    let named: Vec<_> = vouched
        .iter()
        .map(|one| (one.name.as_str(), one.key_id, one.purpose))
        .collect();
    assert_eq!(
        named,
        [
            ("Ada", ada.public().key_id(), Purpose::Seal),
            ("Bob", bob.public().key_id(), Purpose::Seal),
            ("Bob", bob.public().key_id(), Purpose::Attest),
        ]
    );
}

#[test]
fn the_same_key_twice_counts_once() {
    let (ada, bob) = (key(), key());
    let policy = parse(&format!(
        "{}{}[require]\nseals = 2\n",
        entry("Ada", ada.public(), "\"seal\""),
        entry("Bob", bob.public(), "\"seal\""),
    ))
    .unwrap();
    let refused = policy.judge(&[signed(&ada), signed(&ada)], &[]);
    assert_eq!(
        refused.unwrap_err(),
        TrustError::TooFew {
            purpose: Purpose::Seal,
            found: 1,
            required: 2,
        }
    );
    policy.judge(&[signed(&ada), signed(&bob)], &[]).unwrap();
}

#[test]
fn an_unknown_key_is_refused_whatever_else_is_there() {
    let (ada, eve) = (key(), key());
    let policy = TrustPolicy::of_keys(&[ada.public()]);
    let unknown = |purpose| TrustError::UnknownKey {
        key_id: eve.public().key_id(),
        purpose,
    };
    let refused = policy.judge(&[signed(&ada), signed(&eve)], &[]);
    assert_eq!(refused.unwrap_err(), unknown(Purpose::Seal));
    let refused = policy.judge(&[signed(&ada)], &[signed(&eve)]);
    assert_eq!(refused.unwrap_err(), unknown(Purpose::Attest));
    let text = sign(&eve, CONTENT, "").unwrap();
    let refused = policy.verify(Purpose::Seal, &text, CONTENT).unwrap_err();
    assert_eq!(refused, unknown(Purpose::Seal));
    assert!(refused.to_string().contains("--key"), "{refused}");
}

#[test]
fn a_key_with_the_number_of_a_trusted_one_is_not_that_one() {
    let ada = key();
    let eve = key_with_number_of(&ada);
    let policy = TrustPolicy::of_keys(&[ada.public()]);
    let forged = signed(&eve);
    assert_eq!(forged.key_id(), ada.public().key_id());
    assert!(matches!(
        policy.judge(&[forged], &[]),
        Err(TrustError::UnknownKey { .. })
    ));
    let text = sign(&eve, CONTENT, "").unwrap();
    assert!(matches!(
        policy.verify(Purpose::Seal, &text, CONTENT),
        Err(TrustError::Signature(_))
    ));
}

/// A key with the number of another, which anybody can give their key.
fn key_with_number_of(other: &SecretKey) -> SecretKey {
    let pair = KeyPair::generate(None).unwrap();
    let mut bytes = BASE64_STANDARD
        .decode(pair.secret.as_str().lines().nth(1).unwrap())
        .unwrap();
    let public = BASE64_STANDARD.decode(other.public().to_string()).unwrap();
    bytes[54..62].copy_from_slice(&public[2..10]);
    let checked = [&bytes[..2], &bytes[54..126]].concat();
    let checksum = Blake2b::<U32>::digest(checked);
    bytes[126..].copy_from_slice(&checksum);
    let file = format!(
        "untrusted comment: a key\n{}\n",
        BASE64_STANDARD.encode(bytes)
    );
    SecretKeyText::parse(&file).unwrap().open(None).unwrap()
}

#[test]
fn a_key_does_only_what_it_may() {
    let (ada, bob) = (key(), key());
    let policy = parse(&format!(
        "{}{}",
        entry("Ada", ada.public(), "\"seal\""),
        entry("Bob the auditor", bob.public(), "\"attest\""),
    ))
    .unwrap();
    let refused = policy.judge(&[signed(&bob)], &[]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "the trust policy doesn't let Bob the auditor (key {}) seal; if they should, add \
             \"seal\" to the key's `may`",
            bob.public().key_id()
        )
    );
}

#[test]
fn no_signature_at_all_is_too_few() {
    let policy = TrustPolicy::of_keys(&[key().public()]);
    let refused = policy.judge(&[], &[]).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the trust policy requires a seal by 1 key, and there is none; ask a holder of a key to \
         seal"
    );
}

#[test]
fn a_signature_is_verified_by_the_key_that_made_it() {
    let (ada, bob) = (key(), key());
    let policy = TrustPolicy::of_keys(&[ada.public(), bob.public()]);
    let text = sign(&bob, CONTENT, "hello").unwrap();
    let verified = policy.verify(Purpose::Seal, &text, CONTENT).unwrap();
    assert_eq!(verified.key, bob.public());
    assert!(matches!(
        policy.verify(Purpose::Seal, &text, b"another manifest"),
        Err(TrustError::Signature(_))
    ));
}

#[test]
fn what_is_wrong_with_a_policy_is_said_with_its_place() {
    let ada = entry("Ada", key().public(), "\"seal\"");
    let cases = [
        (
            ada.replace("[\"seal\"]", "[]"),
            "trust.toml:4:7: `may` is empty",
        ),
        (
            ada.replace("\"seal\"", "\"sign\""),
            "trust.toml:4:8: unknown variant `sign`",
        ),
        (
            ada.replace("\"Ada\"", "\"\""),
            "trust.toml:2:8: `name` says who",
        ),
        (
            ada.replace("\"RW", "\"RX"),
            "trust.toml:3:10: this is no public key",
        ),
        (
            format!("{ada}since = 2026\n"),
            "trust.toml:5:1: unknown field `since`",
        ),
        (format!("{ada}{ada}"), "trust.toml:7:10: key "),
        (
            format!("{ada}[require]\nseals = 2\n"),
            "trust.toml:5:1: requires a seal by 2 keys",
        ),
        (
            format!("{ada}[require]\nseals = 1\nattestations = 1\n"),
            "trust.toml:5:1: requires an attestation by 1 key, and 0 may attest",
        ),
        (
            format!("{ada}[require]\nseals = 0\n"),
            "trust.toml:5:1: requires no signature at all",
        ),
        (
            format!("{ada}[require]\nseals = -1\n"),
            "trust.toml:6:9: invalid value",
        ),
        (
            String::new(),
            "trust.toml: requires a seal by 1 key, and 0 may seal",
        ),
        ("[[key]\n".to_owned(), "trust.toml:1:"),
    ];
    for (text, expected) in cases {
        let message = refused(&text);
        assert!(
            message.starts_with(expected),
            "{message}\nexpected {expected}"
        );
    }
}

#[test]
fn policies_beyond_their_limits_are_refused() {
    let long = "#".repeat(POLICY_BYTES_MAX + 1);
    assert!(refused(&long).contains("bytes; at most"));
    let ada = entry("Ada", key().public(), "\"seal\"");
    let many = ada.repeat(KEYS_MAX + 1);
    assert!(refused(&many).contains("keys; at most"));
}
