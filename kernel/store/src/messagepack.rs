//! The part of MessagePack that the canonical form is made of: `nil`, integers, strings, bytes
//! and arrays, each in its shortest spelling and no other.
//!
//! Written out here rather than taken from a library because of what a digest needs: writing
//! cannot fail, reading refuses a second spelling of the same thing, says at which byte, and
//! never makes room for more than is really there. Tests read it with `rmp-serde`.

use std::fmt::Write as _;

use proctor_crm::{Entity, Id, Kind, Row, Value};
use serde::Deserialize;
use serde::de::value::{BytesDeserializer, Error as DeserializeError};

use crate::TEXT_BYTES_MAX;
use crate::snapshot::SnapshotError;

/// Writes canonical MessagePack.
#[derive(Default)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    text: String,
}

impl Writer {
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    pub(crate) fn nil(&mut self) {
        self.bytes.push(0xc0);
    }

    pub(crate) fn int(&mut self, number: i64) {
        // The casts keep the value: each arm's range is its type's.
        match number {
            0..=0x7f => self.bytes.push(number as u8),
            0x80..=0xff => self.head(0xcc, &[number as u8]),
            0x100..=0xffff => self.head(0xcd, &(number as u16).to_be_bytes()),
            0x1_0000..=0xffff_ffff => self.head(0xce, &(number as u32).to_be_bytes()),
            0x1_0000_0000.. => self.head(0xcf, &number.to_be_bytes()),
            -0x20..=-1 => self.bytes.push(number as u8),
            -0x80..=-0x21 => self.head(0xd0, &[number as u8]),
            -0x8000..=-0x81 => self.head(0xd1, &(number as u16).to_be_bytes()),
            -0x8000_0000..=-0x8001 => self.head(0xd2, &(number as u32).to_be_bytes()),
            i64::MIN..=-0x8000_0001 => self.head(0xd3, &number.to_be_bytes()),
        }
    }

    pub(crate) fn str(&mut self, text: &str) {
        match text.len() {
            length @ ..0x20 => self.bytes.push(0xa0 | length as u8),
            length @ 0x20..0x100 => self.head(0xd9, &[length as u8]),
            length @ 0x100..0x1_0000 => self.head(0xda, &(length as u16).to_be_bytes()),
            length => self.head(0xdb, &(length as u32).to_be_bytes()),
        }
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Bytes: an id or a digest, so never many.
    pub(crate) fn bin<const N: usize>(&mut self, bytes: &[u8; N]) {
        self.bin_head::<N>();
        self.bytes.extend_from_slice(bytes);
    }

    /// The head of `N` bytes that the caller appends.
    pub(crate) fn bin_head<const N: usize>(&mut self) {
        const { assert!(N < 0x100, "longer bytes have another head") };
        self.head(0xc4, &[N as u8]);
    }

    pub(crate) fn array(&mut self, length: usize) {
        match length {
            ..0x10 => self.bytes.push(0x90 | length as u8),
            0x10..0x1_0000 => self.head(0xdc, &(length as u16).to_be_bytes()),
            _ => self.head(0xdd, &(length as u32).to_be_bytes()),
        }
    }

    /// The values of a row, in declared order.
    pub(crate) fn values(&mut self, row: &Row) {
        self.array(row.values().len());
        for value in row.values() {
            match value {
                Value::Null => self.nil(),
                Value::Text(text) => self.str(text),
                Value::Integer(number) => self.int(*number),
                Value::Money(amount) => self.int(amount.cents()),
                Value::Id(id) => self.bin(id.as_bytes()),
                Value::Texts(texts) => {
                    self.array(texts.len());
                    texts.iter().for_each(|text| self.str(text));
                }
                Value::Date(_) | Value::Timestamp(_) => {
                    let mut text = std::mem::take(&mut self.text);
                    text.clear();
                    // A `String` takes all that is written to it.
                    let _ = write!(text, "{value}");
                    self.str(&text);
                    self.text = text;
                }
            }
        }
    }

    fn head(&mut self, marker: u8, rest: &[u8]) {
        self.bytes.push(marker);
        self.bytes.extend_from_slice(rest);
    }
}

/// Reads canonical MessagePack, and nothing else, from bytes that nobody vouches for.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Offset of the next byte.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// An integer.
    pub(crate) fn int(&mut self, expected: &'static str) -> Result<i64, SnapshotError> {
        let at = self.at;
        let [marker] = self.take()?;
        let (number, canonical) = match marker {
            0x00..=0x7f => (i64::from(marker), true),
            0xe0..=0xff => (i64::from(marker.cast_signed()), true),
            0xcc => self.wide(|b: [u8; 1]| i64::from(b[0]), |n| n > 0x7f)?,
            0xcd => self.wide(|b| i64::from(u16::from_be_bytes(b)), |n| n > 0xff)?,
            0xce => self.wide(|b| i64::from(u32::from_be_bytes(b)), |n| n > 0xffff)?,
            // Above the largest signed number it comes out negative, which isn't canonical.
            0xcf => self.wide(i64::from_be_bytes, |n| n > 0xffff_ffff)?,
            0xd0 => self.wide(|b| i64::from(i8::from_be_bytes(b)), |n| n < -0x20)?,
            0xd1 => self.wide(|b| i64::from(i16::from_be_bytes(b)), |n| n < -0x80)?,
            0xd2 => self.wide(|b| i64::from(i32::from_be_bytes(b)), |n| n < -0x8000)?,
            0xd3 => self.wide(i64::from_be_bytes, |n| n < -0x8000_0000)?,
            _ => (0, false),
        };
        if canonical {
            Ok(number)
        } else {
            Err(SnapshotError::Malformed { at, expected })
        }
    }

    /// A string of at most [`TEXT_BYTES_MAX`].
    pub(crate) fn str(&mut self, expected: &'static str) -> Result<&'a str, SnapshotError> {
        let at = self.at;
        let malformed = || SnapshotError::Malformed { at, expected };
        let [marker] = self.take()?;
        let length = match marker {
            0xa0..=0xbf => usize::from(marker & 0x1f),
            0xd9 => self.length(|b: [u8; 1]| u32::from(b[0]), 0x20, malformed())?,
            0xda => self.length(|b| u32::from(u16::from_be_bytes(b)), 0x100, malformed())?,
            0xdb => self.length(u32::from_be_bytes, 0x1_0000, malformed())?,
            _ => return Err(malformed()),
        };
        if length > TEXT_BYTES_MAX {
            return Err(SnapshotError::TextTooLong { at, bytes: length });
        }
        str::from_utf8(self.slice(length)?).map_err(|_| malformed())
    }

    /// Exactly `N` bytes, fewer than 256.
    pub(crate) fn bin<const N: usize>(
        &mut self,
        expected: &'static str,
    ) -> Result<[u8; N], SnapshotError> {
        let at = self.at;
        match self.take()? {
            [0xc4, length] if usize::from(length) == N => self.take(),
            _ => Err(SnapshotError::Malformed { at, expected }),
        }
    }

    /// The head of an array.
    pub(crate) fn array(&mut self, expected: &'static str) -> Result<usize, SnapshotError> {
        let at = self.at;
        let malformed = || SnapshotError::Malformed { at, expected };
        let [marker] = self.take()?;
        match marker {
            0x90..=0x9f => Ok(usize::from(marker & 0x0f)),
            0xdc => self.length(|b| u32::from(u16::from_be_bytes(b)), 0x10, malformed()),
            0xdd => self.length(u32::from_be_bytes, 0x1_0000, malformed()),
            _ => Err(malformed()),
        }
    }

    /// The head of an array of just this length.
    pub(crate) fn array_of(
        &mut self,
        length: usize,
        expected: &'static str,
    ) -> Result<(), SnapshotError> {
        let at = self.at;
        if self.array(expected)? == length {
            Ok(())
        } else {
            Err(SnapshotError::Malformed { at, expected })
        }
    }

    /// A string that must be this one.
    pub(crate) fn word(&mut self, word: &str, expected: &'static str) -> Result<(), SnapshotError> {
        let at = self.at;
        if self.str(expected)? == word {
            Ok(())
        } else {
            Err(SnapshotError::Malformed { at, expected })
        }
    }

    /// The values of a row of `entity`, in declared order.
    pub(crate) fn values(&mut self, entity: Entity) -> Result<Vec<Value>, SnapshotError> {
        let columns = entity.columns();
        self.array_of(columns.len(), "an array with a value for each column")?;
        let mut values = Vec::with_capacity(columns.len());
        for column in columns {
            values.push(self.value(column.kind)?);
        }
        Ok(values)
    }

    fn value(&mut self, kind: Kind) -> Result<Value, SnapshotError> {
        let at = self.at;
        if self.bytes.get(at) == Some(&0xc0) {
            self.at += 1;
            return Ok(Value::Null);
        }
        match kind {
            Kind::Id | Kind::Reference(_) | Kind::Subject => {
                let bytes: [u8; 16] = self.bin("an id of 16 bytes")?;
                Id::deserialize(BytesDeserializer::<DeserializeError>::new(&bytes))
                    .map(Value::Id)
                    .map_err(|_| SnapshotError::Malformed {
                        at,
                        expected: "an id of 16 bytes",
                    })
            }
            Kind::Money => {
                let expected = "an amount in cents";
                proctor_crm::Money::from_cents(self.int(expected)?)
                    .map(Value::Money)
                    .ok_or(SnapshotError::Malformed { at, expected })
            }
            Kind::Percent => self.int("a percentage").map(Value::Integer),
            Kind::Date => self.exact(kind, "a date"),
            Kind::Timestamp => self.exact(kind, "an instant"),
            Kind::Texts => {
                let length = self.array("an array of strings")?;
                if length > Kind::TEXTS_MAX {
                    return Err(SnapshotError::Malformed {
                        at,
                        expected: "an array of at most 100 strings",
                    });
                }
                (0..length)
                    .map(|_| self.str("a string").map(str::to_owned))
                    .collect::<Result<_, _>>()
                    .map(Value::Texts)
            }
            Kind::Line
            | Kind::Prose
            | Kind::Email
            | Kind::Url
            | Kind::FileName
            | Kind::Choice(_) => self
                .str("a string")
                .map(|text| Value::Text(text.to_owned())),
        }
    }

    fn exact(&mut self, kind: Kind, expected: &'static str) -> Result<Value, SnapshotError> {
        let at = self.at;
        crate::portable::parse_exact(kind, self.str(expected)?)
            .ok_or(SnapshotError::Malformed { at, expected })
    }

    fn wide<const N: usize>(
        &mut self,
        number: impl Fn([u8; N]) -> i64,
        canonical: impl Fn(i64) -> bool,
    ) -> Result<(i64, bool), SnapshotError> {
        let number = number(self.take()?);
        Ok((number, canonical(number)))
    }

    /// A length that is at least `least`, or it would have had a shorter form.
    fn length<const N: usize>(
        &mut self,
        number: impl Fn([u8; N]) -> u32,
        least: u32,
        malformed: SnapshotError,
    ) -> Result<usize, SnapshotError> {
        let number = number(self.take()?);
        if number >= least {
            Ok(number as usize)
        } else {
            Err(malformed)
        }
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], SnapshotError> {
        let mut array = [0; N];
        array.copy_from_slice(self.slice(N)?);
        Ok(array)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], SnapshotError> {
        let rest = &self.bytes[self.at..];
        let Some(slice) = rest.get(..length) else {
            return Err(SnapshotError::Truncated {
                at: self.bytes.len(),
            });
        };
        self.at += length;
        Ok(slice)
    }
}
