//! One digest for a whole state, the same on every backend, kept up row by row.

use std::fmt;
use std::str::FromStr;

use proctor_crm::Row;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

use crate::messagepack::Writer;

const DOMAIN: &[u8] = b"proctor-fingerprint-1";

/// Digest of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowDigest([u8; 32]);

impl RowDigest {
    /// The digest of a row.
    #[must_use]
    pub fn of(row: &Row) -> Self {
        Self::with(row, &mut Writer::default())
    }

    /// The same, in a buffer that the caller keeps.
    pub(crate) fn with(row: &Row, buffer: &mut Writer) -> Self {
        buffer.clear();
        buffer.array(2);
        buffer.str(row.entity().name());
        buffer.values(row);
        Self(Sha256::digest(buffer.bytes()).into())
    }

    /// Its 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Sum of the digests of a set of rows, and their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    // Least significant first.
    limbs: [u64; 4],
    rows: u64,
}

impl Sum {
    /// Takes a row in.
    pub fn add(&mut self, row: RowDigest) {
        let mut carry = false;
        for (limb, other) in self.limbs.iter_mut().zip(limbs(row)) {
            (*limb, carry) = limb.carrying_add(other, carry);
        }
        self.rows = self.rows.wrapping_add(1);
    }

    /// Takes a row out that was taken in before.
    pub fn remove(&mut self, row: RowDigest) {
        let mut borrow = false;
        for (limb, other) in self.limbs.iter_mut().zip(limbs(row)) {
            (*limb, borrow) = limb.borrowing_sub(other, borrow);
        }
        self.rows = self.rows.wrapping_sub(1);
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The fingerprint of the rows.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut hasher = Sha256::new_with_prefix(DOMAIN);
        for limb in self.limbs.iter().rev() {
            hasher.update(limb.to_be_bytes());
        }
        hasher.update(self.rows.to_be_bytes());
        Fingerprint(hasher.finalize().into())
    }
}

impl<'a> FromIterator<&'a Row> for Sum {
    fn from_iter<I: IntoIterator<Item = &'a Row>>(rows: I) -> Self {
        let mut sum = Self::default();
        let mut buffer = Writer::default();
        for row in rows {
            sum.add(RowDigest::with(row, &mut buffer));
        }
        sum
    }
}

fn limbs(digest: RowDigest) -> impl Iterator<Item = u64> {
    let [a, b, c, d] = [0, 8, 16, 24].map(|from| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest.0[from..from + 8]);
        u64::from_be_bytes(bytes)
    });
    [d, c, b, a].into_iter()
}

/// Digest of a whole state, the same on every backend.
///
/// # Format, for whoever recomputes it
///
/// 1. *Row bytes*: the MessagePack array `[entity, values]`. `entity` is the entity's singular
///    name as a string (`"Client"`); `values` is an array with one element a column, in declared
///    order. Nothing recorded is `nil`; keys and references are 16 bytes (`bin`), the UUID's,
///    most significant first; amounts are integers, in cents; percentages are integers; dates
///    are strings `YYYY-MM-DD`; instants are strings in RFC 3339 with `T` and `Z` in capitals
///    and the fraction of a second, up to six digits, without trailing zeros and left out if it
///    is zero; lists of texts are arrays of strings; all else is a string in UTF-8. Lengths and
///    integers take the shortest form MessagePack has for them, non-negative integers an
///    unsigned one.
/// 2. *Row digest*: SHA-256 of the row bytes, read as a number, most significant byte first.
/// 3. *Sum*: the sum of all row digests modulo 2^256, and the number of rows.
/// 4. *Fingerprint*: SHA-256 of the ASCII text `proctor-fingerprint-1`, the sum (32 bytes, most
///    significant first) and the number of rows (8 bytes, most significant first).
///
/// Row bytes are injective: the entity's name and the position tell what each value is, and two
/// different values of one column have different bytes. Addition makes the digest independent
/// of order, and adding or taking away one row is O(1).
///
/// # What it is and isn't
///
/// A set hash by addition finds every accidental difference. It isn't collision resistant
/// against someone who can choose thousands of rows: the generalised birthday problem (Wagner,
/// 2002) gives other rows with the same sum. Against forgery stands the SHA-256 over a
/// snapshot's bytes, which covers the rows themselves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// A fingerprint from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 lower-case hexadecimal digits.
impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a fingerprint is 64 lower-case hexadecimal digits")]
pub struct FingerprintError;

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    /// Lower case only, so that a fingerprint has one spelling.
    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(FingerprintError),
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(FingerprintError);
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}
