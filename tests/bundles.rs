//! Sealed bundles, end to end: what is sealed comes out again, to the byte, and what was meddled
//! with doesn't pass.
//!
//! Three runs of the small suite are made and sealed once; each test has them in a folder of its
//! own.

mod apart;
mod examining;
mod gold;
mod parts;
mod reading;
mod recipes;
mod recorded;
mod refused;
mod regenerating;
mod replaying;
mod runner;
mod sealing;
mod tampered;
mod trust;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use crate::proctor::{Ran, Sandbox};
use crate::records::SMALL;

/// The bundle that most tests begin with: the runs `noop`, `oracle` and `student-sim`.
const BUNDLE: &str = "small.bundle";
const AGENTS: [&str; 3] = ["noop", "oracle", "student-sim"];

/// Files by their paths in a sandbox.
type Files = BTreeMap<String, Vec<u8>>;

/// A sandbox with the small suite, three runs of it in `runs`, the signing keys `ada` and `bob`,
/// and the runs in a bundle that Ada sealed.
struct Place {
    sandbox: Sandbox,
}

impl Place {
    fn new() -> Self {
        static MADE: OnceLock<Files> = OnceLock::new();
        let sandbox = Sandbox::new();
        for (path, bytes) in MADE.get_or_init(made) {
            sandbox.write(path, bytes);
        }
        Self { sandbox }
    }

    fn proctor(&self, arguments: &[&str]) -> Ran {
        self.sandbox.proctor(arguments)
    }

    /// A bundle's command.
    fn bundle(&self, arguments: &[&str]) -> Ran {
        self.proctor(&[&["bundle"], arguments].concat())
    }

    /// A bundle's command on a file that Ada sealed.
    fn on(&self, command: &str, bundle: &str, options: &[&str]) -> Ran {
        self.bundle(&[&[command, bundle, "--key", "ada.pub"], options].concat())
    }

    /// A bundle's command on a file, whoever sealed it.
    fn on_anyones(&self, command: &str, bundle: &str) -> Ran {
        self.bundle(&[command, bundle, "--anyone"])
    }

    fn exists(&self, name: &str) -> bool {
        self.sandbox.path(name).exists()
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.sandbox.path(name)).unwrap()
    }

    /// Changes a text file.
    #[track_caller]
    fn edit(&self, name: &str, old: &str, new: &str) {
        let text = self.sandbox.read(name);
        assert!(text.contains(old), "{name} has no {old:?}");
        self.sandbox.write(name, text.replace(old, new));
    }

    /// The first file in a folder of a run's inputs.
    fn input(&self, run: &str, folder: &str, name: &str) -> String {
        let folder = format!("runs/{run}/inputs/{folder}");
        let mut paths = Files::new();
        collect(&self.sandbox.path(&folder), &folder, &mut paths);
        let found = paths.into_keys().find(|path| path.ends_with(name));
        found.unwrap()
    }
}

/// Makes what all tests begin with.
fn made() -> Files {
    let sandbox = Sandbox::with_small_suite();
    for agent in AGENTS {
        let out = format!("runs/{agent}");
        let mut run = vec!["run", "--suite", SMALL, "--policy", agent, "--out", &out];
        if agent == "student-sim" {
            run.extend(["--param", "mistakes=0.5", "--trials", "2"]);
        }
        sandbox.proctor(run).succeeded();
    }
    for name in ["ada", "bob"] {
        let keygen = ["bundle", "keygen", "--out", name];
        sandbox.proctor(keygen).succeeded();
    }
    sandbox.proctor(SEAL).succeeded();
    let mut files = Files::new();
    for name in [
        "seeds", "runs", "ada.key", "ada.pub", "bob.key", "bob.pub", BUNDLE,
    ] {
        collect(&sandbox.path(name), name, &mut files);
    }
    files
}

/// The command that seals the three runs.
const SEAL: [&str; 11] = [
    "bundle",
    "seal",
    "runs/noop",
    "runs/oracle",
    "runs/student-sim",
    "--title",
    "Three agents on four tasks",
    "--key",
    "ada.key",
    "--out",
    BUNDLE,
];

/// Adds a file, or all files in a folder.
fn collect(path: &Path, name: &str, files: &mut Files) {
    if !path.is_dir() {
        files.insert(name.to_owned(), fs::read(path).unwrap());
        return;
    }
    for entry in fs::read_dir(path).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{name}/{}", entry.file_name().to_str().unwrap());
        collect(&entry.path(), &name, files);
    }
}

/// What a command says that was refused: one line, and what to do about it if there is anything.
#[track_caller]
fn refused(ran: &Ran) -> String {
    assert_eq!(ran.code, Some(1), "{}", ran.page());
    assert_eq!(ran.stdout, "", "{}", ran.page());
    // What it was doing may have been said before.
    let lines = ran.stderr.lines();
    let said: Vec<&str> = lines
        .skip_while(|line| line.starts_with("replaying "))
        .collect();
    match said.as_slice() {
        [error] => assert!(error.starts_with("error: "), "{}", ran.page()),
        [error, hint] => {
            assert!(error.starts_with("error: "), "{}", ran.page());
            assert!(hint.starts_with("hint: "), "{}", ran.page());
        }
        _ => panic!("not one line: {}", ran.page()),
    }
    assert!(ran.stderr.len() < 1_500, "{}", ran.page());
    ran.stderr.clone()
}

/// A command was refused, and says this.
#[track_caller]
fn refused_for(ran: &Ran, reason: &str) {
    let said = refused(ran);
    assert!(said.contains(reason), "{said:?} has no {reason:?}");
}

/// A text without what another build, another key or another data set changes: keys, digests,
/// numbers of three digits and more, and how wide that makes a column.
fn masked(text: &str) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let mut masked = String::new();
        let mut word = String::new();
        for letter in line.chars().chain(['\0']) {
            if letter.is_ascii_alphanumeric() {
                word.push(letter);
                continue;
            }
            masked.push_str(mask(&word));
            word.clear();
            masked.push(letter);
        }
        masked.pop();
        let words: Vec<&str> = masked.split(' ').filter(|word| !word.is_empty()).collect();
        lines.push_str(words.join(" ").trim_end());
        lines.push('\n');
    }
    lines.replace(env!("CARGO_PKG_VERSION"), "[VERSION]")
}

fn mask(word: &str) -> &str {
    let lower = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let upper = |byte: u8| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte);
    match word.len() {
        64 if word.bytes().all(lower) => "[SHA-256]",
        16 if word.bytes().all(upper) => "[KEY]",
        12 if word.bytes().all(lower) => "[SHORT]",
        // The name of a digest is no number.
        3 if word == "256" => word,
        3.. if word.bytes().all(|byte| byte.is_ascii_digit()) => "[N]",
        _ => word,
    }
}
