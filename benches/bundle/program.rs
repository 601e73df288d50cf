//! The program as a child, in a folder of its own: what it wrote, the processor time that it took,
//! and the memory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Pause between two looks at a child's memory.
const LOOK: Duration = Duration::from_millis(1);

/// The program, with a folder for runs and bundles.
pub(crate) struct Program {
    program: PathBuf,
    folder: TempDir,
}

/// What a child took.
#[derive(Clone, Copy)]
pub(crate) struct Took {
    /// Processor time of all its threads, in user mode and in the kernel.
    pub(crate) cpu: Duration,
    /// By the clock.
    pub(crate) wall: Duration,
}

impl Program {
    /// The program of this build.
    pub(crate) fn new() -> Self {
        // Cargo puts benches in a folder beside the program.
        let bench = std::env::current_exe().unwrap();
        let program = bench.ancestors().nth(2).unwrap().join("proctor");
        assert!(
            program.exists(),
            "{} is not there: cargo build --release -p proctor",
            program.display()
        );
        Self {
            program,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// A file of the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A child that takes nothing from its surroundings but the time and the machine; compiled
    /// components are kept from one to the next.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_clear()
            .env("PROCTOR_CACHE_DIR", self.path("cache"))
            .current_dir(self.folder.path())
            .stdin(Stdio::null());
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Took {
        took(&mut self.command(arguments))
    }

    /// Runs it to its end, and gives the peak of its resident memory in KiB: the last that was
    /// seen, up to a millisecond before its end.
    pub(crate) fn peak_kib(&self, arguments: &[&str]) -> u64 {
        let mut child = self
            .command(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let status = PathBuf::from(format!("/proc/{}/status", child.id()));
        let mut peak = 0;
        loop {
            peak = peak.max(high_water_kib(&status));
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "{arguments:?}: {status}");
                return peak;
            }
            std::thread::sleep(LOOK);
        }
    }

    /// Seals runs of the folder.
    pub(crate) fn seal(&self, runs: &[&str], bundle: &str) -> Took {
        let seal = ["bundle", "seal", "--out", bundle];
        self.run(&[&seal, runs].concat())
    }
}

/// Runs a command to its end.
pub(crate) fn took(command: &mut Command) -> Took {
    let (began, before) = (Instant::now(), children_cpu());
    let output = command.output().unwrap();
    let (wall, cpu) = (began.elapsed(), children_cpu() - before);
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Took { cpu, wall }
}

/// Peak resident memory of a process, as Linux tells it; nothing when it has ended.
fn high_water_kib(status: &Path) -> u64 {
    let status = std::fs::read_to_string(status).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse().ok())
        .unwrap_or(0)
}

/// Processor time of all children that have ended.
fn children_cpu() -> Duration {
    // Linux counts in hundredths of a second here, on every machine.
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // The program's name may have spaces; the rest begins with the third field.
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let [user, system] = [fields[13], fields[14]].map(|ticks| ticks.parse::<u32>().unwrap());
    TICK * (user + system)
}
