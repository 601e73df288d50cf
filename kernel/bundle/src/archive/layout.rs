//! Where the entries of a bundle lie, checked byte by byte but for what they hold.

use std::io::{Read, Seek, SeekFrom};

use super::header::{DIRECTORY_BYTES_MAX, DosTime, END_BYTES, End, Entry};
use super::{ARCHIVE_BYTES_MAX, ArchiveError, ENTRIES_MAX};

/// An entry, and where its bytes begin.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) entry: Entry,
    pub(super) start: u64,
}

/// All entries of a file.
pub(super) struct Layout {
    pub(super) entries: Vec<Placed>,
    pub(super) time: DosTime,
}

impl Layout {
    /// Reads the directory and all headers. Each byte of the file that isn't an entry's content
    /// is as a packer writes it for these entries.
    pub(super) fn read(source: &mut (impl Read + Seek)) -> Result<Self, ArchiveError> {
        let length = source.seek(SeekFrom::End(0)).map_err(unread)?;
        if length > ARCHIVE_BYTES_MAX {
            return Err(ArchiveError::container(format!(
                "it has {length} bytes; at most {ARCHIVE_BYTES_MAX} are read"
            )));
        }
        let end = read_end(source, length)?;
        let directory = bytes_at(
            source,
            u64::from(end.directory_offset),
            u64::from(end.directory_bytes),
        )?;
        let mut layout = Self {
            entries: Vec::new(),
            time: DosTime::default(),
        };
        let directory_offset = layout.read_entries(source, &directory, end.entries)?;
        if directory_offset != u64::from(end.directory_offset) {
            return Err(ArchiveError::container(
                "there is something between its last entry and the list of them",
            ));
        }
        Ok(layout)
    }

    /// Reads the headers in the directory and those before the entries. Gives the place where
    /// the last entry ends.
    fn read_entries(
        &mut self,
        source: &mut (impl Read + Seek),
        directory: &[u8],
        entries: u16,
    ) -> Result<u64, ArchiveError> {
        let (mut rest, mut at) = (directory, 0_u64);
        for _ in 0..entries {
            let offset = u32::try_from(at)
                .map_err(|_| ArchiveError::container("its entries reach beyond its end"))?;
            let (entry, time, after) = Entry::parse(rest, offset)?;
            if self.entries.is_empty() {
                self.time = time;
            }
            let header = entry.local(self.time);
            let same = time == self.time && bytes_at(source, at, header.len() as u64)? == header;
            if !same {
                let reason = "the header before it isn't what the list of entries asks for";
                return Err(ArchiveError::member(entry.name, reason));
            }
            let start = at + header.len() as u64;
            at = start + u64::from(entry.packed_size);
            self.entries.push(Placed { entry, start });
            rest = after;
        }
        if rest.is_empty() {
            Ok(at)
        } else {
            Err(ArchiveError::container(
                "its list of entries has another length than it says",
            ))
        }
    }
}

/// Reads the end record, and sees that the directory lies right before it.
fn read_end(source: &mut (impl Read + Seek), length: u64) -> Result<End, ArchiveError> {
    let too_short = || ArchiveError::container("it is too short to be one");
    let end_offset = length.checked_sub(END_BYTES as u64).ok_or_else(too_short)?;
    let bytes = bytes_at(source, end_offset, END_BYTES as u64)?;
    let bytes: &[u8; END_BYTES] = bytes.as_slice().try_into().map_err(|_| too_short())?;
    let end = End::parse(bytes)?;
    let (offset, size) = (
        u64::from(end.directory_offset),
        u64::from(end.directory_bytes),
    );
    if usize::from(end.entries) > ENTRIES_MAX || size > DIRECTORY_BYTES_MAX {
        return Err(ArchiveError::container(format!(
            "it lists {} entries in {size} bytes; at most {ENTRIES_MAX} in {DIRECTORY_BYTES_MAX} \
             are read",
            end.entries
        )));
    }
    if offset + size != end_offset {
        return Err(ArchiveError::container(
            "its list of entries isn't where it says (it was cut short, or something was put in \
             front of it or into it)",
        ));
    }
    Ok(end)
}

/// Reads bytes whose number was checked.
pub(super) fn bytes_at(
    source: &mut (impl Read + Seek),
    offset: u64,
    bytes: u64,
) -> Result<Vec<u8>, ArchiveError> {
    let mut found = Vec::new();
    source.seek(SeekFrom::Start(offset)).map_err(unread)?;
    source.take(bytes).read_to_end(&mut found).map_err(unread)?;
    if found.len() as u64 == bytes {
        Ok(found)
    } else {
        Err(ArchiveError::container("it ends before its entries do"))
    }
}

fn unread(source: std::io::Error) -> ArchiveError {
    ArchiveError::io("the bundle can't be read")(source)
}
