//! The program under test, run in a folder of the test's own.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Once, mpsc};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// Compiled components, shared by all tests: without optimisation, compiling one takes a second.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/end-to-end");

/// How long the program may take, on a machine that others use too.
const LONGEST: Duration = Duration::from_secs(120);

/// A folder in which the program runs, gone with the test.
pub struct Sandbox {
    folder: TempDir,
}

impl Sandbox {
    pub fn new() -> Self {
        static COMPILED: Once = Once::new();
        let sandbox = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        COMPILED.call_once(|| {
            let ran = sandbox.proctor(["plugin", "list"]);
            assert_eq!(ran.code, Some(0), "{}", ran.page());
        });
        sandbox
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders it lies in.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Names of what is in a folder.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into())
            .collect();
        names.sort();
        names
    }

    /// The program, to be started by the test itself.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = self.any_command(env!("CARGO_BIN_EXE_proctor"));
        command.args(arguments);
        command
    }

    /// Another program, in the same surroundings.
    pub fn any_command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .env("PROCTOR_CACHE_DIR", CACHE)
            .env("NO_COLOR", "1")
            .env("COLUMNS", "100")
            .env_remove("CLICOLOR_FORCE")
            .env_remove("DATABASE_URL")
            .env_remove("PGPASSWORD")
            .env_remove("PGSSLROOTCERT")
            .env_remove("PROCTOR_KEY_PASSWORD")
            .env_remove("SOURCE_DATE_EPOCH")
            .env_remove("RUST_BACKTRACE");
        command
    }

    /// Runs the program to its end.
    pub fn proctor<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Ran {
        self.run(&mut self.command(arguments))
    }

    /// Runs a command to its end.
    pub fn run(&self, command: &mut Command) -> Ran {
        self.end_of(command.spawn().unwrap())
    }

    /// Waits for the end of a program. One that hangs is a failure, not a test without end.
    pub fn end_of(&self, child: Child) -> Ran {
        let id = child.id();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || sender.send(child.wait_with_output()));
        match receiver.recv_timeout(LONGEST) {
            Ok(output) => self.ran(&output.unwrap()),
            Err(_) => {
                let _ = Command::new("kill").args(["-9", &id.to_string()]).status();
                panic!("process {id} was not over after {LONGEST:?}");
            }
        }
    }

    fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| self.without_its_place(std::str::from_utf8(bytes).unwrap());
        Ran {
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            code: output.status.code(),
        }
    }

    /// A text without what differs from machine to machine: the folder's own path.
    fn without_its_place(&self, text: &str) -> String {
        let folder = self.folder.path();
        let real = folder.canonicalize().unwrap();
        let replaced = text.replace(&*real.to_string_lossy(), "[FOLDER]");
        replaced.replace(&*folder.to_string_lossy(), "[FOLDER]")
    }
}

/// How a run of the program ended.
pub struct Ran {
    pub stdout: String,
    pub stderr: String,
    pub code: Option<i32>,
}

impl Ran {
    /// Everything that a caller sees, on one page: output, error output, exit code. Digests,
    /// which change with every build of a plugin, are left out.
    pub fn page(&self) -> String {
        let mut page = String::new();
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                page.push_str(&format!("── {name}\n{}", without_digests(text)));
            }
        }
        match self.code {
            Some(code) => page.push_str(&format!("── exit code {code}\n")),
            None => page.push_str("── killed\n"),
        }
        page
    }

    /// Standard output as JSON, of a command that succeeded.
    pub fn json(&self) -> serde_json::Value {
        assert_eq!(self.code, Some(0), "{}", self.page());
        serde_json::from_str(&self.stdout).unwrap()
    }

    pub fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.page());
        self
    }
}

/// A text with every SHA-256 in it (64 hexadecimal digits) left out.
fn without_digests(text: &str) -> String {
    let mut result = String::new();
    let mut digits = String::new();
    for character in text.chars().chain(['\0']) {
        if character.is_ascii_digit() || ('a'..='f').contains(&character) {
            digits.push(character);
            continue;
        }
        result.push_str(if digits.len() == 64 {
            "[sha256]"
        } else {
            &digits
        });
        digits.clear();
        result.push(character);
    }
    result.pop();
    result
}

/// A file of this repository.
pub fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// A file of the data to test on, which lies beside the repository; not everybody has it.
pub fn corpus(path: &str) -> Option<PathBuf> {
    let file = repository("../shared/corpora").join(path);
    if !file.exists() {
        eprintln!("skipped: {} is not there", file.display());
        return None;
    }
    Some(file)
}
