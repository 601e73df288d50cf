//! A ZIP as its parts, each of which can be made wrong.

use flate2::Crc;

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// An entry: what its headers say, and what lies behind the local one.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) flags: u16,
    pub(crate) method: u16,
    pub(crate) time: u32,
    pub(crate) crc: u32,
    pub(crate) packed_size: u32,
    pub(crate) size: u32,
    pub(crate) mode: u32,
    pub(crate) local_extra: Vec<u8>,
    pub(crate) extra: Vec<u8>,
    pub(crate) comment: Vec<u8>,
    pub(crate) content: Vec<u8>,
}

impl Entry {
    /// An ordinary one.
    pub(crate) fn stored(name: &str, content: &[u8]) -> Self {
        let mut entry = Self {
            name: name.to_owned(),
            flags: 0,
            method: 0,
            time: 0x21_0000,
            crc: 0,
            packed_size: 0,
            size: 0,
            mode: 0o100_644,
            local_extra: Vec::new(),
            extra: Vec::new(),
            comment: Vec::new(),
            content: Vec::new(),
        };
        entry.set_content(content);
        entry
    }

    /// Puts content in, with sizes and a checksum to match.
    pub(crate) fn set_content(&mut self, content: &[u8]) {
        let mut crc = Crc::new();
        crc.update(content);
        self.crc = crc.sum();
        self.packed_size = content.len() as u32;
        self.size = content.len() as u32;
        self.content = content.to_vec();
    }

    fn shared(&self, extra: &[u8]) -> Vec<u8> {
        let mut bytes = 20_u16.to_le_bytes().to_vec();
        bytes.extend(self.flags.to_le_bytes());
        bytes.extend(self.method.to_le_bytes());
        for value in [self.time, self.crc, self.packed_size, self.size] {
            bytes.extend(value.to_le_bytes());
        }
        bytes.extend((self.name.len() as u16).to_le_bytes());
        bytes.extend((extra.len() as u16).to_le_bytes());
        bytes
    }

    pub(crate) fn local(&self) -> Vec<u8> {
        let shared = self.shared(&self.local_extra);
        let name = self.name.as_bytes();
        [b"PK\x03\x04", &*shared, name, &self.local_extra].concat()
    }

    pub(crate) fn central(&self, offset: u32) -> Vec<u8> {
        let mut bytes = b"PK\x01\x02".to_vec();
        bytes.extend((3_u16 << 8 | 20).to_le_bytes());
        bytes.extend(self.shared(&self.extra));
        bytes.extend((self.comment.len() as u16).to_le_bytes());
        bytes.extend([0; 4]);
        bytes.extend((self.mode << 16).to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        [&*bytes, self.name.as_bytes(), &self.extra, &self.comment].concat()
    }
}

/// A whole file.
#[derive(Clone, Default)]
pub(crate) struct Zip {
    pub(crate) entries: Vec<Entry>,
    /// What lies before the first entry, with all offsets moved by it.
    pub(crate) prefix: Vec<u8>,
    pub(crate) comment: Vec<u8>,
}

impl Zip {
    /// Takes a bundle apart.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let end = &bytes[bytes.len() - 22..];
        let mut at = u32_at(end, 16) as usize;
        let mut entries = Vec::new();
        for _ in 0..u16_at(end, 10) {
            let header = &bytes[at..];
            let name_bytes = usize::from(u16_at(header, 28));
            let packed_size = u32_at(header, 20);
            let content = u32_at(header, 42) as usize + 30 + name_bytes;
            entries.push(Entry {
                name: String::from_utf8(header[46..46 + name_bytes].to_vec()).unwrap(),
                flags: u16_at(header, 8),
                method: u16_at(header, 10),
                time: u32_at(header, 12),
                crc: u32_at(header, 16),
                packed_size,
                size: u32_at(header, 24),
                mode: u32_at(header, 38) >> 16,
                local_extra: Vec::new(),
                extra: Vec::new(),
                comment: Vec::new(),
                content: bytes[content..content + packed_size as usize].to_vec(),
            });
            at += 46 + name_bytes;
        }
        Self {
            entries,
            ..Self::default()
        }
    }

    pub(crate) fn entry(&mut self, name: &str) -> &mut Entry {
        let mut entries = self.entries.iter_mut();
        entries.find(|entry| entry.name == name).unwrap()
    }

    pub(crate) fn remove(&mut self, name: &str) -> Entry {
        let mut entries = self.entries.iter();
        let at = entries.position(|entry| entry.name == name).unwrap();
        self.entries.remove(at)
    }

    /// Changes the manifest's text, which must have `from` in it.
    pub(crate) fn edit_manifest(&mut self, from: &str, to: &str) {
        let entry = self.entry("manifest.json");
        let text = String::from_utf8(entry.content.clone()).unwrap();
        assert!(text.contains(from), "{from} isn't in {text}");
        entry.set_content(text.replace(from, to).as_bytes());
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.prefix.clone();
        let mut directory = Vec::new();
        for entry in &self.entries {
            directory.extend(entry.central(bytes.len() as u32));
            bytes.extend(entry.local());
            bytes.extend(&entry.content);
        }
        let offset = bytes.len() as u32;
        bytes.extend(&directory);
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        let count = (self.entries.len() as u16).to_le_bytes();
        bytes.extend([count, count].concat());
        bytes.extend((directory.len() as u32).to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes.extend((self.comment.len() as u16).to_le_bytes());
        bytes.extend(&self.comment);
        bytes
    }
}
