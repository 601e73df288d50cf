//! What a program asks of the machine that runs it, read from its headers (ELF for 64 bits,
//! little-endian: System V ABI, chapters 4 and 5; versions of libraries: Linux Standard Base, 10.7).

/// Longest name in a program, in bytes.
const NAME_BYTES_MAX: usize = 255;

// Types of segments.
const LOADED: usize = 1;
const DYNAMIC: usize = 2;
const LOADER: usize = 3;

// Tags of entries in the dynamic segment.
const END: usize = 0;
const NEEDED: usize = 1;
const NAMES: usize = 5;
const VERSIONS: usize = 0x6fff_fffe;

/// What a program needs of a machine.
#[derive(Debug, PartialEq, Eq)]
pub struct Needs {
    /// Kind of processor.
    pub machine: &'static str,
    /// Shared libraries by their names, and what loads them by its path; none if the program is
    /// statically linked.
    pub libraries: Vec<String>,
    /// Oldest version of glibc that will do, such as `2.34`, if it needs glibc.
    pub glibc: Option<String>,
}

impl Needs {
    /// Reads a program's headers. Nothing if it is no whole program for Linux on a processor that
    /// this version knows.
    pub fn of(bytes: &[u8]) -> Option<Self> {
        let (magic, system) = (bytes.get(..7)?, bytes.get(7)?);
        let kind = number(bytes, 16, 2)?;
        // Systems: any, and Linux. Kinds: at a fixed address, and at any.
        if magic != b"\x7fELF\x02\x01\x01" || ![0, 3].contains(system) || ![2, 3].contains(&kind) {
            return None;
        }
        let machine = match number(bytes, 18, 2)? {
            62 => "x86-64",
            183 => "AArch64",
            _ => return None,
        };
        let program = Program {
            bytes,
            segments: segments(bytes)?,
        };
        let entries = program.dynamic_entries()?;
        let mut libraries = program.libraries(&entries)?;
        if let Some(loader) = program.segment(LOADER) {
            let path = program.name(loader.offset)?;
            // The loader is looked for by its path, so its name alone would say too little.
            libraries.retain(|name| !path.ends_with(&format!("/{name}")));
            libraries.push(path);
        }
        Some(Self {
            machine,
            libraries,
            glibc: program.glibc(&entries)?,
        })
    }
}

/// A part of a program, as it lies in the file and in memory.
struct Segment {
    kind: usize,
    offset: usize,
    address: usize,
    size: usize,
}

fn segments(bytes: &[u8]) -> Option<Vec<Segment>> {
    let table = number(bytes, 32, 8)?;
    let (size, count) = (number(bytes, 54, 2)?, number(bytes, 56, 2)?);
    let headers = (0..count).map(|index| table.checked_add(index * size));
    headers
        .map(|header| {
            let field = |offset, size| number(bytes, header?.checked_add(offset)?, size);
            Some(Segment {
                kind: field(0, 4)?,
                offset: field(8, 8)?,
                address: field(16, 8)?,
                size: field(32, 8)?,
            })
        })
        .collect()
}

struct Program<'a> {
    bytes: &'a [u8],
    segments: Vec<Segment>,
}

impl Program<'_> {
    fn segment(&self, kind: usize) -> Option<&Segment> {
        self.segments.iter().find(|segment| segment.kind == kind)
    }

    /// Tags and values of the dynamic segment; none if there is no such segment.
    fn dynamic_entries(&self) -> Option<Vec<(usize, usize)>> {
        let Some(dynamic) = self.segment(DYNAMIC) else {
            return Some(Vec::new());
        };
        let end = dynamic.offset.checked_add(dynamic.size)?;
        let entries = self.bytes.get(dynamic.offset..end)?.chunks_exact(16);
        entries
            .map(|entry| Some((number(entry, 0, 8)?, number(entry, 8, 8)?)))
            .take_while(|entry| entry.is_none_or(|(tag, _)| tag != END))
            .collect()
    }

    fn libraries(&self, entries: &[(usize, usize)]) -> Option<Vec<String>> {
        let needed = entries.iter().filter(|(tag, _)| *tag == NEEDED);
        needed.map(|(_, name)| self.named(entries, *name)).collect()
    }

    /// The newest version of glibc that any symbol asks for. Nothing inside if none does, nothing
    /// outside if the versions can't be read.
    fn glibc(&self, entries: &[(usize, usize)]) -> Option<Option<String>> {
        let Some(versions) = value(entries, VERSIONS) else {
            return Some(None);
        };
        let mut newest: Option<Vec<u32>> = None;
        // A library's entry says where its first version is, and each where the next one is: a
        // number of bytes further on, or 0.
        let mut library = self.in_file(versions)?;
        loop {
            let mut version = library.checked_add(self.number(library, 8, 4)?)?;
            loop {
                let name = self.named(entries, self.number(version, 8, 4)?)?;
                newest = newest.max(name.strip_prefix("GLIBC_").and_then(numbers));
                match self.number(version, 12, 4)? {
                    0 => break,
                    next => version = version.checked_add(next)?,
                }
            }
            match self.number(library, 12, 4)? {
                0 => break,
                next => library = library.checked_add(next)?,
            }
        }
        let text = |version: Vec<u32>| {
            let parts: Vec<String> = version.iter().map(u32::to_string).collect();
            parts.join(".")
        };
        Some(newest.map(text))
    }

    /// A name in the dynamic segment's table of names.
    fn named(&self, entries: &[(usize, usize)], offset: usize) -> Option<String> {
        let names = self.in_file(value(entries, NAMES)?)?;
        self.name(names.checked_add(offset)?)
    }

    /// A name that ends with a zero. People will read it, so it has only letters and the like.
    fn name(&self, at: usize) -> Option<String> {
        let text = self.bytes.get(at..)?;
        let end = text
            .iter()
            .take(NAME_BYTES_MAX + 1)
            .position(|byte| *byte == 0)?;
        let name = text.get(..end)?;
        let printable = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        printable.then(|| String::from_utf8_lossy(name).into_owned())
    }

    /// Where an address of the running program lies in its file.
    fn in_file(&self, address: usize) -> Option<usize> {
        let loaded = self
            .segments
            .iter()
            .filter(|segment| segment.kind == LOADED);
        let mut places = loaded.filter_map(|segment| {
            let inside = address.checked_sub(segment.address)?;
            (inside < segment.size).then(|| segment.offset.checked_add(inside))?
        });
        places.next()
    }

    fn number(&self, base: usize, offset: usize, size: usize) -> Option<usize> {
        number(self.bytes, base.checked_add(offset)?, size)
    }
}

fn value(entries: &[(usize, usize)], wanted: usize) -> Option<usize> {
    let entry = entries.iter().find(|(tag, _)| *tag == wanted);
    entry.map(|(_, value)| *value)
}

/// `2.34` as numbers, which unlike texts have the order of versions.
fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|part| part.parse().ok()).collect()
}

fn number(bytes: &[u8], at: usize, size: usize) -> Option<usize> {
    let mut number = [0; 8];
    number
        .get_mut(..size)?
        .copy_from_slice(bytes.get(at..at.checked_add(size)?)?);
    usize::try_from(u64::from_le_bytes(number)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use super::*;

    const NAMES_AT: usize = 0x200;
    const VERSIONS_AT: usize = 0x280;
    const DYNAMIC_AT: usize = 0x300;
    const ADDRESS: usize = 0x40_0000;

    /// A program of headers only, whose file is loaded as one piece at `ADDRESS`.
    fn program(segments: &[[usize; 4]], dynamic: &[[usize; 2]]) -> Vec<u8> {
        let mut bytes = vec![0; 0x400];
        let mut put = |at: usize, number: usize, size: usize| {
            bytes[at..at + size].copy_from_slice(&number.to_le_bytes()[..size]);
        };
        for (at, number, size) in [(16, 3, 2), (18, 62, 2), (32, 64, 8), (54, 56, 2)] {
            put(at, number, size);
        }
        put(56, segments.len(), 2);
        for (index, [kind, offset, address, size]) in segments.iter().enumerate() {
            let header = 64 + index * 56;
            put(header, *kind, 4);
            put(header + 8, *offset, 8);
            put(header + 16, *address, 8);
            put(header + 32, *size, 8);
        }
        for (index, [tag, value]) in dynamic.iter().enumerate() {
            put(DYNAMIC_AT + index * 16, *tag, 8);
            put(DYNAMIC_AT + index * 16 + 8, *value, 8);
        }
        // One library with two versions.
        for (at, number) in [(8, 16), (12, 0), (16 + 8, 24), (16 + 12, 16), (32 + 8, 34)] {
            put(VERSIONS_AT + at, number, 4);
        }
        bytes[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        let names = b"/lib/ld.so.1\0libc.so.6\0\0GLIBC_2.9\0GLIBC_2.34\0ld.so.1\0";
        bytes[NAMES_AT..NAMES_AT + names.len()].copy_from_slice(names);
        bytes
    }

    const WHOLE: [usize; 4] = [LOADED, 0, ADDRESS, 0x400];
    const WITH_DYNAMIC: [usize; 4] = [DYNAMIC, DYNAMIC_AT, ADDRESS + DYNAMIC_AT, 96];
    const WITH_LOADER: [usize; 4] = [LOADER, NAMES_AT, ADDRESS + NAMES_AT, 13];

    fn dynamic() -> Vec<u8> {
        program(
            &[WHOLE, WITH_DYNAMIC, WITH_LOADER],
            &[
                [NEEDED, 13],
                [NEEDED, 45],
                [NAMES, ADDRESS + NAMES_AT],
                [VERSIONS, ADDRESS + VERSIONS_AT],
                [END, 0],
                [NEEDED, 0xffff],
            ],
        )
    }

    fn needs(libraries: &[&str], glibc: Option<&str>) -> Option<Needs> {
        Some(Needs {
            machine: "x86-64",
            libraries: libraries.iter().map(ToString::to_string).collect(),
            glibc: glibc.map(str::to_owned),
        })
    }

    #[test]
    fn a_dynamic_program_says_its_libraries_its_loader_and_the_newest_version_it_asks_for() {
        let expected = needs(&["libc.so.6", "/lib/ld.so.1"], Some("2.34"));
        assert_eq!(Needs::of(&dynamic()), expected);
    }

    #[test]
    fn a_static_program_needs_nothing_whether_it_moves_itself_or_not() {
        let fixed = program(&[WHOLE], &[]);
        assert_eq!(Needs::of(&fixed), needs(&[], None));
        let moving = program(
            &[WHOLE, WITH_DYNAMIC],
            &[[NAMES, ADDRESS + NAMES_AT], [END, 0]],
        );
        assert_eq!(Needs::of(&moving), needs(&[], None));
    }

    #[test]
    fn this_very_program_says_what_it_needs() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = Needs::of(&own).unwrap();
        assert!(["x86-64", "AArch64"].contains(&needs.machine));
        assert!(needs.libraries.iter().any(|name| name.starts_with("libc.")));
        assert!(needs.libraries.last().unwrap().starts_with("/lib"));
    }

    #[test]
    fn what_is_no_program_for_linux_is_none() {
        assert_eq!(Needs::of(b""), None);
        assert_eq!(Needs::of(b"#!/bin/sh\n"), None);
        // 32 bits, another byte order, another system, an object file, another processor.
        for (at, byte) in [(4, 1), (5, 2), (7, 9), (16, 1), (18, 3)] {
            let mut bytes = dynamic();
            bytes[at] = byte;
            assert_eq!(Needs::of(&bytes), None, "byte {at}");
        }
    }

    #[test]
    fn a_program_whose_needs_cannot_be_read_is_none_and_not_a_static_one() {
        let whole = dynamic();
        for length in 0..DYNAMIC_AT + 96 {
            assert_eq!(Needs::of(&whole[..length]), None, "{length} bytes");
        }
        let nameless = program(&[WHOLE, WITH_DYNAMIC], &[[NEEDED, 13], [END, 0]]);
        assert_eq!(Needs::of(&nameless), None);
        let unprintable = program(&[WHOLE, [LOADER, 0, ADDRESS, 8]], &[]);
        assert_eq!(Needs::of(&unprintable), None);
    }

    #[test]
    fn no_byte_of_the_headers_can_end_the_process() {
        for at in 0..0x400 {
            for byte in [0x01, 0x7f, 0x80, 0xff] {
                let mut bytes = dynamic();
                bytes[at] = byte;
                let _ = Needs::of(&bytes);
            }
        }
        for at in (0..0x400).step_by(8) {
            let mut bytes = dynamic();
            bytes[at..at + 8].fill(0xff);
            let _ = Needs::of(&bytes);
        }
    }
}
