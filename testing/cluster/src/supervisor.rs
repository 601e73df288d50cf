//! The shell that runs a server and outlives the test process by as long as cleaning up takes.
//!
//! It is told what to do through a pipe. A pipe ends when the process that holds it does, whether
//! that returned, panicked, exited or was killed, so nothing needs to be done for cleaning up.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::account::Account;
use crate::error::Error;

const SCRIPT: &str = include_str!("supervisor.sh");
/// So much of the server's log is quoted when something fails.
const LOG_LINES_MAX: usize = 20;

pub(crate) struct Supervisor {
    shell: Child,
    replies: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Supervisor {
    /// Starts the shell in the server's folder, as the account that may run servers.
    ///
    /// # Errors
    /// The shell doesn't start.
    pub(crate) fn spawn(
        folder: &Path,
        binaries: &Path,
        account: Option<Account>,
        options: &[String],
    ) -> Result<Self, Error> {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "proctor-cluster"])
            .args(options)
            .current_dir(folder)
            // Neither the caller's PG* variables nor its time zone or language reach the server.
            .env_clear()
            .env("PATH", path_with(binaries))
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A Ctrl-C at the terminal is for the tests.
            .process_group(0);
        if let Some(account) = account {
            command.uid(account.user).gid(account.group);
        }
        let mut shell = command.spawn().map_err(Error::at("/bin/sh"))?;
        let replies = shell.stdout.take().ok_or(Error::Failed {
            command: "spawn",
            log: String::new(),
        })?;
        Ok(Self {
            shell,
            replies: BufReader::new(replies),
            folder: folder.to_owned(),
        })
    }

    /// Has a command of the script carried out, and waits until it is.
    ///
    /// # Errors
    /// The command fails, or the shell is gone.
    pub(crate) fn carry_out(&mut self, command: &'static str) -> Result<(), Error> {
        match self.ask(command).as_deref() {
            Some("0\n") => Ok(()),
            _ => Err(Error::Failed {
                command,
                log: self.end_of_log(),
            }),
        }
    }

    /// The shell's reply, unless the shell is gone.
    fn ask(&mut self, command: &str) -> Option<String> {
        let commands = self.shell.stdin.as_mut()?;
        writeln!(commands, "{command}").ok()?;
        let mut reply = String::new();
        self.replies.read_line(&mut reply).ok()?;
        Some(reply)
    }

    fn end_of_log(&self) -> String {
        let log = fs::read(self.folder.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_MAX)..].join("\n")
    }
}

impl Drop for Supervisor {
    /// Closes the pipe, by which the shell knows that it is time to clean up, and waits for that.
    fn drop(&mut self) {
        // Nothing could be done about a shell that can't be waited for.
        let _ = self.shell.wait();
    }
}

/// The search path with PostgreSQL's programs before all others.
fn path_with(binaries: &Path) -> OsString {
    let mut path = binaries.as_os_str().to_owned();
    path.push(":");
    path.push(env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into()));
    path
}
