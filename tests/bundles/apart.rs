//! A bundle taken apart and put together again: how somebody works who knows the format, and
//! makes every digest fit what they changed.

use std::collections::BTreeMap;

use proctor_bundle::{Attachments, Bundle, DosTime, Existing, Manifest, MemberPath, Packer, Role};
use proctor_host::Digest;
use serde_json::Value;

use super::{BUNDLE, Place};

const PROVENANCE: &str = "provenance.json";

pub struct Apart {
    pub manifest: Manifest,
    pub attachments: Attachments,
    members: BTreeMap<MemberPath, (Role, Vec<u8>)>,
}

impl Apart {
    pub fn of(place: &Place, bundle: &str) -> Self {
        let bundle = Bundle::open(&place.sandbox.path(bundle), None).unwrap();
        let manifest = bundle.manifest().clone();
        let members = manifest.members.iter().map(|member| {
            // As it lies there: what is encrypted stays so.
            let bytes = bundle.archive().read(&member.path, u64::MAX).unwrap();
            (member.path.clone(), (member.role.clone(), bytes))
        });
        Self {
            members: members.collect(),
            attachments: bundle.archive().attachments().clone(),
            manifest,
        }
    }

    /// The only member that is called so, however its folders are.
    #[track_caller]
    pub fn named(&self, ending: &str) -> MemberPath {
        let mut found = self
            .members
            .keys()
            .filter(|path| path.as_str().ends_with(ending));
        let path = found.next().unwrap().clone();
        assert_eq!(found.next(), None, "{ending}");
        path
    }

    /// The last member of a role, by path.
    pub fn last_of(&self, role: &Role) -> MemberPath {
        let mut of_role = self.members.iter().filter(|(_, (of, _))| of == role);
        of_role.next_back().unwrap().0.clone()
    }

    pub fn read(&self, path: &MemberPath) -> &[u8] {
        &self.members[path].1
    }

    pub fn text(&self, path: &MemberPath) -> String {
        String::from_utf8(self.read(path).to_vec()).unwrap()
    }

    pub fn add(&mut self, path: &str, role: Role, bytes: &[u8]) {
        let path = path.parse().unwrap();
        self.members.insert(path, (role, bytes.to_vec()));
    }

    /// Leaves a member out.
    pub fn remove(&mut self, path: &MemberPath) {
        self.members.remove(path);
    }

    /// Puts other bytes into a member, which the statement of provenance then speaks of.
    pub fn replace(&mut self, path: &MemberPath, bytes: impl Into<Vec<u8>>) {
        let bytes = bytes.into();
        let digest = |bytes: &[u8]| Digest::of(bytes).to_string();
        let (before, after) = (digest(self.read(path)), digest(&bytes));
        assert_ne!(before, after, "{path} is as before");
        self.members.get_mut(path).unwrap().1 = bytes;
        if path.as_str() != PROVENANCE {
            let provenance = &mut self
                .members
                .get_mut(&PROVENANCE.parse().unwrap())
                .unwrap()
                .1;
            let text = String::from_utf8(provenance.clone()).unwrap();
            *provenance = text.replace(&before, &after).into_bytes();
        }
    }

    /// Changes a member's text.
    #[track_caller]
    pub fn edit(&mut self, path: &MemberPath, old: &str, new: &str) {
        let text = self.text(path);
        assert!(text.contains(old), "{path} has no {old:?}");
        self.replace(path, text.replacen(old, new, 1));
    }

    /// Changes lines of a run's telemetry, and does all chains after them anew.
    pub fn edit_telemetry(&mut self, run: &str, change: impl Fn(&Value) -> Option<[String; 2]>) {
        let path: MemberPath = format!("runs/{run}/telemetry.jsonl").parse().unwrap();
        let mut lines: Vec<String> = self.text(&path).lines().map(str::to_owned).collect();
        for line in &mut lines {
            let read: Value = serde_json::from_str(line).unwrap();
            if let Some([old, new]) = change(&read) {
                assert!(line.contains(&old), "{line} has no {old}");
                *line = line.replacen(&old, &new, 1);
            }
        }
        self.replace(&path, chained(&lines));
    }

    /// Writes it. Nobody signs it, but for what is attached.
    pub fn pack(&self, place: &Place, name: &str) {
        let out = place.sandbox.path(name);
        let mut packer = Packer::create(&out, Existing::Kept, DosTime::default()).unwrap();
        for (path, (role, bytes)) in &self.members {
            let (path, role, bytes) = (path.clone(), role.clone(), bytes.as_slice());
            let plain = self.manifest.member(&path).and_then(|of| of.plain.clone());
            match plain {
                Some(plain) => packer.add_sealed(path, role, plain, bytes).map(|_| ()),
                None => packer.add(path, role, bytes).map(|_| ()),
            }
            .unwrap();
        }
        packer
            .finish(self.manifest.clone(), &self.attachments)
            .unwrap();
    }
}

/// The shared bundle with something changed, and no seal, as `changed.bundle`.
pub fn changed(place: &Place, change: impl FnOnce(&mut Apart)) {
    let mut apart = Apart::of(place, BUNDLE);
    apart.attachments = Attachments::default();
    change(&mut apart);
    apart.pack(place, "changed.bundle");
}

/// Lines of telemetry along a chain that fits them (docs/telemetry.md).
fn chained(lines: &[String]) -> String {
    let mut text = String::new();
    let mut chain = String::new();
    for (seq, line) in lines.iter().enumerate() {
        let (_, rest) = line.split_once("\",").unwrap();
        let mark = format!(",\"seq\":{seq}");
        let at = rest.rfind(&mark).unwrap();
        let body = &rest[..at];
        chain = Digest::of(format!("{chain}{{{body}{mark}}}").as_bytes()).to_string();
        text.push_str(&format!("{{\"chain\":\"{chain}\",{rest}\n"));
    }
    text
}
