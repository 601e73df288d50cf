//! Snapshots: one form for one state, and no other form is taken.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod world;

use proctor_crm::{Entity, Id, Row, Value};
use proctor_store::{Fingerprint, RowDigest, Snapshot, SnapshotError, Sum};
use proptest::prelude::*;
use proptest::sample::Index;
use sha2::{Digest, Sha256};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_same_rows_give_the_same_bytes(rows in world::world().prop_shuffle_rows()) {
        let (rows, shuffled) = rows;
        let snapshot = Snapshot::from_rows(rows).unwrap();
        let bytes = snapshot.to_bytes();
        let other = Snapshot::from_rows(shuffled).unwrap();
        prop_assert_eq!(&other.to_bytes(), &bytes);
        prop_assert_eq!(other.fingerprint(), snapshot.fingerprint());
        prop_assert_eq!(Snapshot::from_bytes(&bytes).unwrap(), snapshot);
    }

    #[test]
    fn a_flipped_bit_a_cut_or_an_addition_is_refused(rows in world::world(), at in any::<Index>(), bit in 0..8u32) {
        let bytes = Snapshot::from_rows(rows).unwrap().to_bytes();
        let at = at.index(bytes.len());
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        prop_assert!(Snapshot::from_bytes(&flipped).is_err());
        let cut = Snapshot::from_bytes(&bytes[..at]).unwrap_err();
        prop_assert_eq!(cut, SnapshotError::Truncated { at });
        let longer = [&bytes[..], &[0]].concat();
        prop_assert_eq!(Snapshot::from_bytes(&longer), Err(SnapshotError::Trailing { at: bytes.len() }));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), rows in world::world(), at in any::<Index>()) {
        let _ = Snapshot::from_bytes(&bytes);
        // The same within what is a snapshot otherwise, its digest made right again.
        let mut whole = Snapshot::from_rows(rows).unwrap().to_bytes();
        let at = at.index(whole.len());
        let to = (at + bytes.len()).min(whole.len());
        whole[at..to].copy_from_slice(&bytes[..to - at]);
        let _ = Snapshot::from_bytes(&sealed(whole));
    }

    #[test]
    fn anyone_can_recompute_a_fingerprint(rows in world::world()) {
        let mut sum = [0u8; 32];
        for row in &rows {
            let digest = Sha256::digest(rmp_serde::to_vec(&(row.entity().name(), Cells(row))).unwrap());
            let row_digest = RowDigest::of(row);
            prop_assert_eq!(&row_digest.as_bytes()[..], &digest[..]);
            let mut carry = 0;
            for (byte, other) in sum.iter_mut().zip(digest).rev() {
                let total = u16::from(*byte) + u16::from(other) + carry;
                *byte = total as u8;
                carry = total >> 8;
            }
        }
        let fingerprint = Sha256::new()
            .chain_update("proctor-fingerprint-1")
            .chain_update(sum)
            .chain_update((rows.len() as u64).to_be_bytes())
            .finalize();
        let kept = rows.iter().collect::<Sum>().fingerprint();
        prop_assert_eq!(&kept.as_bytes()[..], &fingerprint[..]);
    }

    #[test]
    fn rows_come_and_go(rows in world::world(), others in world::world()) {
        let mut sum: Sum = rows.iter().chain(&others).collect();
        others.iter().for_each(|row| sum.remove(RowDigest::of(row)));
        prop_assert_eq!(sum, rows.iter().rev().collect());
        prop_assert_eq!(sum.rows(), rows.len() as u64);
    }
}

/// A row's values, written by somebody else's MessagePack.
struct Cells<'a>(&'a Row);

impl serde::Serialize for Cells<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.values().iter().map(Cell))
    }
}

struct Cell<'a>(&'a Value);

impl serde::Serialize for Cell<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::Integer(number) => serializer.serialize_i64(*number),
            Value::Money(amount) => serializer.serialize_i64(amount.cents()),
            Value::Id(id) => serializer.serialize_bytes(id.as_bytes()),
            Value::Texts(texts) => serializer.collect_seq(texts),
            other => serializer.serialize_str(&other.to_string()),
        }
    }
}

trait ShuffleRows: Strategy<Value = Vec<Row>> + Sized {
    fn prop_shuffle_rows(self) -> impl Strategy<Value = (Vec<Row>, Vec<Row>)> {
        self.prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle()))
    }
}

impl<S: Strategy<Value = Vec<Row>>> ShuffleRows for S {}

/// The bytes with the digest at the end made right.
fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.len() - 32;
    let digest = Sha256::digest(&bytes[..end]);
    bytes[end..].copy_from_slice(&digest);
    bytes
}

fn company(number: u8, name: &str) -> Row {
    let mut row = Row::new(Entity::Company, Id::from_digest([number; 16]));
    row.set("name", Value::Text(name.into())).unwrap();
    row
}

fn replaced(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = bytes
        .windows(old.len())
        .position(|window| window == old)
        .unwrap();
    sealed([&bytes[..at], new, &bytes[at + old.len()..]].concat())
}

#[test]
fn whatever_is_wrong_is_named_and_placed() {
    let id = |number: u8| *Id::from_digest([number; 16]).as_bytes();
    let bytes = Snapshot::from_rows(vec![company(1, "Acme"), company(2, "Beta")])
        .unwrap()
        .to_bytes();
    let says = |bytes: &[u8]| Snapshot::from_bytes(bytes).unwrap_err().to_string();

    assert_eq!(says(b""), "the snapshot is cut off at byte 0");
    assert_eq!(
        says(b"not this"),
        "byte 0 of the snapshot: expected an array of six: this is no snapshot"
    );
    let newer = replaced(&bytes, b"proctor-snapshot\x01", b"proctor-snapshot\x02");
    assert_eq!(
        says(&newer),
        "the snapshot has format version 2; this version of Proctor reads 1"
    );
    let schema = replaced(
        &bytes,
        b"proctor-snapshot\x01\x01",
        b"proctor-snapshot\x01\x07",
    );
    assert_eq!(
        says(&schema),
        "the snapshot has schema version 7; this version of Proctor reads 1"
    );
    let column = replaced(&bytes, b"\xa8industry", b"\xa8indu$try");
    assert!(
        says(&column).ends_with("expected the name of the next column"),
        "{}",
        says(&column)
    );

    let twice = replaced(&bytes, &id(2), &id(1));
    assert!(
        says(&twice).starts_with("two rows of `companies` have the id 01010101-"),
        "{}",
        says(&twice)
    );
    let order = replaced(&bytes, &id(1), &id(3));
    assert!(says(&order).ends_with("row 1 of `companies` is not in ascending order of key"));
    let kind = replaced(&bytes, b"\xa4Acme", b"\x01");
    assert!(
        says(&kind).ends_with("expected a string"),
        "{}",
        says(&kind)
    );
    let missing = replaced(&bytes, b"\xa4Acme", b"\xc0");
    assert!(
        says(&missing).contains("row 0 of `companies`: column `name`"),
        "{}",
        says(&missing)
    );
    let longer_form = replaced(&bytes, b"\xa4Acme", b"\xd9\x04Acme");
    assert!(
        says(&longer_form).ends_with("expected a string"),
        "{}",
        says(&longer_form)
    );
    let utf8 = replaced(&bytes, b"\xa4Acme", b"\xa4Ac\xffe");
    assert!(says(&utf8).ends_with("expected a string"));
    let nul = replaced(&bytes, b"\xa4Acme", b"\xa4Ac\0e");
    assert!(
        says(&nul).ends_with("column `name` holds a NUL character"),
        "{}",
        says(&nul)
    );
    let huge = replaced(&bytes, b"\xa4Acme", b"\xdb\xff\xff\xff\xff");
    assert!(
        says(&huge).contains("a text of 4294967295 bytes is longer than 65536"),
        "{}",
        says(&huge)
    );
    let other = replaced(&bytes, b"\xa4Acme", b"\xa4Bcme");
    assert_eq!(
        says(&other),
        "the snapshot's fingerprint is not that of its rows"
    );
    let mut altered = bytes.clone();
    let at = bytes.len() - 40;
    altered[at] ^= 1;
    assert_eq!(
        says(&altered),
        "the snapshot was altered: its SHA-256 does not match"
    );
}

#[test]
fn a_length_is_not_believed() {
    // Four thousand million rows, announced in five bytes.
    let bytes = Snapshot::from_rows(vec![]).unwrap().to_bytes();
    let columns = b"\xa5owner\x90";
    let at = bytes
        .windows(columns.len())
        .position(|window| window == columns)
        .unwrap()
        + 6;
    let liar = [&bytes[..at], b"\xdd\xff\xff\xff\xff", &bytes[at + 1..]].concat();
    assert!(Snapshot::from_bytes(&sealed(liar)).is_err());
}

#[test]
fn rows_that_are_no_state_are_refused() {
    let twice = Snapshot::from_rows(vec![company(1, "Acme"), company(1, "Beta")]);
    assert!(matches!(
        twice,
        Err(SnapshotError::Duplicate {
            entity: Entity::Company,
            ..
        })
    ));
    let incomplete = Snapshot::from_rows(vec![Row::new(Entity::Company, Id::from_digest([1; 16]))]);
    assert!(matches!(incomplete, Err(SnapshotError::Incomplete { .. })));
    for (name, contacts) in [
        ("a\0b", vec![]),
        ("a", vec!["\0".to_owned()]),
        ("a", vec![String::new(); 101]),
    ] {
        let mut row = company(1, name);
        row.set("contacts", Value::Texts(contacts)).unwrap();
        assert!(matches!(
            Snapshot::from_rows(vec![row]),
            Err(SnapshotError::Unportable(_))
        ));
    }
    for time in [
        "2025-01-01T00:00:00.0000001Z",
        "0000-12-31T23:59:59.999999Z",
        "-000044-03-15T12:00:00Z",
    ] {
        let mut row = Row::new(Entity::Client, Id::from_digest([1; 16]));
        row.set("name", Value::Text("Acme".into())).unwrap();
        row.set("status", Value::Text("Active".into())).unwrap();
        row.set(
            "created_date",
            Value::parse(proctor_crm::Kind::Timestamp, time).unwrap(),
        )
        .unwrap();
        assert!(
            matches!(
                Snapshot::from_rows(vec![row]),
                Err(SnapshotError::Unportable(_))
            ),
            "{time}"
        );
    }
}

#[test]
fn a_fingerprint_has_one_spelling() {
    let fingerprint = Sum::default().fingerprint();
    let text = fingerprint.to_string();
    assert_eq!(text.len(), 64);
    assert_eq!(text.parse::<Fingerprint>(), Ok(fingerprint));
    assert_eq!(
        serde_json::to_string(&fingerprint).unwrap(),
        format!("\"{text}\"")
    );
    assert_eq!(
        serde_json::from_str::<Fingerprint>(&format!("\"{text}\"")).unwrap(),
        fingerprint
    );
    for wrong in [
        text.to_uppercase(),
        text[1..].to_owned(),
        format!("{text}0"),
        "é".repeat(32),
    ] {
        assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
    }
}

#[test]
fn the_empty_state_has_the_fingerprint_it_always_had() {
    // Pinned: a change of format must be meant, and then the domain's number goes up.
    let empty = Sum::default().fingerprint().to_string();
    let one: Sum = [company(1, "Acme")].iter().collect();
    assert_eq!(
        empty,
        "343bdd9c45b9a4eec818f312403ed60c2de601212e2191bcc36c5ebe2c5c710c"
    );
    assert_eq!(
        one.fingerprint().to_string(),
        "639180ffc1b82c2684f470a44c9184f39ed8c1e02ef2f2298363c6d8590797df"
    );
}
