//! The records of a ZIP file (PKWARE's APPNOTE 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16), in the
//! one form that they have in a bundle.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::{ArchiveError, ENTRIES_MAX};
use crate::path::{MemberPath, PATH_BYTES_MAX};

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
/// Version 2.0 of ZIP, the one with deflate, is needed to read it.
const NEEDED: u16 = 20;
/// Written by version 2.0, on Unix (3): the attributes are a Unix mode.
const MADE_BY: u16 = 3 << 8 | NEEDED;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Modes of an ordinary file, and of one that can be run.
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;
/// What a value that stands elsewhere, in ZIP's 64-bit extension, is replaced by.
const ELSEWHERE: u32 = u32::MAX;

/// Length of the end record, in bytes.
pub(super) const END_BYTES: usize = 22;
/// Length of a central header without the name, in bytes.
const CENTRAL_BYTES: usize = 46;
/// Longest directory, in bytes.
pub(super) const DIRECTORY_BYTES_MAX: u64 = (ENTRIES_MAX * (CENTRAL_BYTES + PATH_BYTES_MAX)) as u64;

/// The time that every entry of a bundle bears: seconds are even, years 1980 to 2107, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DosTime(u32);

impl DosTime {
    /// 2107-12-31T23:59:58Z, in seconds since 1970.
    const LAST: u64 = 4_354_819_198;
    /// 1980-01-01T00:00:00Z, in seconds since 1970.
    const FIRST: u64 = 315_532_800;

    /// From seconds since 1970, as in `SOURCE_DATE_EPOCH`. What lies before 1980 or after 2107
    /// becomes the first or last time there is.
    #[must_use]
    pub fn from_unix(seconds: u64) -> Self {
        let seconds = seconds.clamp(Self::FIRST, Self::LAST);
        let time = Timestamp::from_second(seconds as i64)
            .unwrap_or_default()
            .to_zoned(TimeZone::UTC);
        let part = |value: i8| u32::from(value.unsigned_abs());
        let year = u32::from(time.year().unsigned_abs()).saturating_sub(1_980);
        let date = (year << 9) | (part(time.month()) << 5) | part(time.day());
        let time =
            (part(time.hour()) << 11) | (part(time.minute()) << 5) | (part(time.second()) / 2);
        // Neither has more than 16 bits within the bounds above.
        Self((date << 16) | time)
    }
}

impl Default for DosTime {
    /// 1980-01-01.
    fn default() -> Self {
        Self::from_unix(0)
    }
}

/// An entry of the ZIP: what its headers say but for its place and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) name: MemberPath,
    pub(super) deflated: bool,
    pub(super) crc: u32,
    pub(super) packed_size: u32,
    pub(super) size: u32,
    pub(super) executable: bool,
}

impl Entry {
    /// An entry that holds these few bytes as they are.
    pub(super) fn stored(name: MemberPath, bytes: &[u8]) -> Result<Self, ArchiveError> {
        let size = u32::try_from(bytes.len())
            .map_err(|_| ArchiveError::refused(&name, "is too large for a bundle"))?;
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        Ok(Self {
            name,
            deflated: false,
            crc: crc.sum(),
            packed_size: size,
            size,
            executable: false,
        })
    }

    /// The header before its bytes.
    pub(super) fn local(&self, time: DosTime) -> Vec<u8> {
        let mut bytes = LOCAL.to_le_bytes().to_vec();
        self.write_shared(time, &mut bytes);
        bytes.extend(self.name.as_str().as_bytes());
        bytes
    }

    /// The header in the directory, for an entry whose local header begins at `offset`.
    pub(super) fn central(&self, time: DosTime, offset: u32) -> Vec<u8> {
        let mode = if self.executable { PROGRAM } else { FILE };
        let mut bytes = CENTRAL.to_le_bytes().to_vec();
        bytes.extend(MADE_BY.to_le_bytes());
        self.write_shared(time, &mut bytes);
        // No comment, on the first disk, no internal attributes.
        bytes.extend([0; 6]);
        bytes.extend((mode << 16).to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.extend(self.name.as_str().as_bytes());
        bytes
    }

    /// What both headers say in the same words, from the version to the length of extra fields.
    fn write_shared(&self, time: DosTime, bytes: &mut Vec<u8>) {
        let method = if self.deflated { DEFLATED } else { STORED };
        // A path has at most `PATH_BYTES_MAX` bytes.
        let name_bytes = self.name.as_str().len() as u16;
        bytes.extend(NEEDED.to_le_bytes());
        bytes.extend(0_u16.to_le_bytes());
        bytes.extend(method.to_le_bytes());
        bytes.extend(time.0.to_le_bytes());
        bytes.extend(self.crc.to_le_bytes());
        bytes.extend(self.packed_size.to_le_bytes());
        bytes.extend(self.size.to_le_bytes());
        bytes.extend(name_bytes.to_le_bytes());
        bytes.extend(0_u16.to_le_bytes());
    }

    /// Reads the first header of a directory, whose entry should begin at `offset`. Gives the
    /// entry, its time, and what comes after the header.
    pub(super) fn parse(
        directory: &[u8],
        offset: u32,
    ) -> Result<(Self, DosTime, &[u8]), ArchiveError> {
        let broken = || ArchiveError::container("its list of entries is broken");
        let fields = Fields::read(directory).ok_or_else(broken)?;
        let name = std::str::from_utf8(fields.name).map_err(|_| broken())?;
        let name =
            MemberPath::new(name).map_err(|error| ArchiveError::container(error.to_string()))?;
        if let Some(reason) = fields.unwanted(offset) {
            return Err(ArchiveError::member(name, reason));
        }
        let time = DosTime(fields.time);
        let entry = Self {
            name,
            deflated: fields.method == DEFLATED,
            crc: fields.crc,
            packed_size: fields.packed_size,
            size: fields.size,
            executable: fields.attributes == PROGRAM << 16,
        };
        // Whatever wasn't asked about one by one.
        let rest = directory
            .strip_prefix(entry.central(time, offset).as_slice())
            .ok_or_else(|| {
                let reason = "its entry in the list isn't in the form of a bundle";
                ArchiveError::member(&entry.name, reason)
            })?;
        Ok((entry, time, rest))
    }
}

/// What a central header says.
struct Fields<'a> {
    flags: u16,
    method: u16,
    time: u32,
    crc: u32,
    packed_size: u32,
    size: u32,
    extra_bytes: u16,
    comment_bytes: u16,
    attributes: u32,
    offset: u32,
    name: &'a [u8],
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let at = &mut &*bytes;
        if u32_of(at)? != CENTRAL {
            return None;
        }
        let (_made_by, _needed) = (u16_of(at)?, u16_of(at)?);
        let (flags, method, time) = (u16_of(at)?, u16_of(at)?, u32_of(at)?);
        let (crc, packed_size, size) = (u32_of(at)?, u32_of(at)?, u32_of(at)?);
        let (name_bytes, extra_bytes, comment_bytes) = (u16_of(at)?, u16_of(at)?, u16_of(at)?);
        let (_disk, _internal, attributes) = (u16_of(at)?, u16_of(at)?, u32_of(at)?);
        let offset = u32_of(at)?;
        Some(Self {
            flags,
            method,
            time,
            crc,
            packed_size,
            size,
            extra_bytes,
            comment_bytes,
            attributes,
            offset,
            name: at.get(..usize::from(name_bytes))?,
        })
    }

    /// What a bundle never has, if there is such a thing.
    fn unwanted(&self, offset: u32) -> Option<&'static str> {
        let kind = self.attributes >> 16 & 0o170_000;
        let elsewhere = [self.size, self.packed_size, self.offset].contains(&ELSEWHERE);
        let rules = [
            (
                self.flags & 1 != 0,
                "is encrypted in ZIP's own way, which no bundle uses",
            ),
            (
                self.flags & 8 != 0,
                "its sizes stand behind it (a data descriptor), which no bundle uses",
            ),
            (
                ![STORED, DEFLATED].contains(&self.method),
                "is compressed by another method than deflate",
            ),
            (
                elsewhere,
                "its sizes are in ZIP's 64-bit form, which no bundle uses",
            ),
            (
                self.extra_bytes != 0,
                "has an extra field, which no bundle uses",
            ),
            (
                self.comment_bytes != 0,
                "has a comment, which no bundle uses",
            ),
            (kind == 0o120_000, "is a link"),
            (kind == 0o040_000, "is a folder"),
            (
                self.attributes != FILE << 16 && self.attributes != PROGRAM << 16,
                "has other attributes than a file of a bundle",
            ),
            (
                self.offset != offset,
                "doesn't lie right behind what comes before it in the list",
            ),
            (
                self.method == STORED && self.size != self.packed_size,
                "is stored as it is, but has two sizes",
            ),
        ];
        rules
            .into_iter()
            .find_map(|(found, reason)| found.then_some(reason))
    }
}

/// The end record: how many entries, and where their directory lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) entries: u16,
    pub(super) directory_bytes: u32,
    pub(super) directory_offset: u32,
}

impl End {
    pub(super) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = END.to_le_bytes().to_vec();
        // On the first disk, which is the only one.
        bytes.extend([0; 4]);
        bytes.extend(self.entries.to_le_bytes());
        bytes.extend(self.entries.to_le_bytes());
        bytes.extend(self.directory_bytes.to_le_bytes());
        bytes.extend(self.directory_offset.to_le_bytes());
        // No comment.
        bytes.extend([0; 2]);
        bytes
    }

    /// Reads the last bytes of a file.
    pub(super) fn parse(bytes: &[u8; END_BYTES]) -> Result<Self, ArchiveError> {
        let found = Self::fields(bytes).filter(|end| end.to_bytes() == bytes);
        found.ok_or_else(|| {
            ArchiveError::container(
                "it doesn't end as a bundle does (it was cut short, or something was added at its \
                 end)",
            )
        })
    }

    fn fields(bytes: &[u8]) -> Option<Self> {
        let at = &mut &*bytes;
        let (_signature, _disks, _entries) = (u32_of(at)?, u32_of(at)?, u16_of(at)?);
        Some(Self {
            entries: u16_of(at)?,
            directory_bytes: u32_of(at)?,
            directory_offset: u32_of(at)?,
        })
    }
}

fn u16_of(bytes: &mut &[u8]) -> Option<u16> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u16::from_le_bytes(*first))
}

fn u32_of(bytes: &mut &[u8]) -> Option<u32> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u32::from_le_bytes(*first))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As people write it.
    fn shown(time: DosTime) -> String {
        let (date, of_day) = (time.0 >> 16, time.0 & 0xffff);
        format!(
            "{}-{:02}-{:02} {:02}:{:02}:{:02}",
            1_980 + (date >> 9),
            date >> 5 & 15,
            date & 31,
            of_day >> 11,
            of_day >> 5 & 63,
            (of_day & 31) * 2
        )
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (seconds, expected) in [
            (0, "1980-01-01 00:00:00"),
            (315_532_801, "1980-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:58"),
            (951_782_400, "2000-02-29 00:00:00"),
            (1_767_225_599, "2025-12-31 23:59:58"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (u64::MAX, "2107-12-31 23:59:58"),
        ] {
            assert_eq!(shown(DosTime::from_unix(seconds)), expected, "{seconds}");
        }
    }
}
