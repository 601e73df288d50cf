//! Tests of this binary run in a process of their own, which may be killed or set up otherwise.

use std::process::{Command, Stdio};

/// A command that runs one ignored test and nothing else. It captures what the test says and may go
/// without a server, whatever holds for this process.
pub(crate) fn running(test: &str) -> Command {
    // Whoever runs the tests in the background may have them ignore an interrupt, and a child would
    // inherit that.
    let mut command = Command::new("env");
    command.arg("--default-signal=INT");
    command.arg(std::env::current_exe().unwrap());
    // With a single thread the harness runs a test on its main thread, which has another name.
    command
        .args(["--ignored", "--exact", test, "--test-threads=2"])
        .env_remove("PROCTOR_REQUIRE_POSTGRES")
        .env_remove("RUST_TEST_NOCAPTURE")
        .stdin(Stdio::null());
    command
}

/// Sends a signal to a process, or with a minus before the number to a group of them. Says whether
/// there was one; the signal `0` only asks.
pub(crate) fn signal(name: &str, process: &str) -> bool {
    Command::new("sh")
        .args(["-c", "kill -s \"$0\" -- \"$1\"", name, process])
        .stderr(Stdio::null())
        .status()
        .unwrap()
        .success()
}
