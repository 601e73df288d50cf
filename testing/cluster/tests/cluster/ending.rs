//! Servers are gone with the process that made them, however it ended.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, exit};
use std::thread::{park, sleep};
use std::time::{Duration, Instant};

use proctor_cluster::Cluster;
use tempfile::TempDir;

use crate::child::{self, signal};

/// How long anything here may take on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Has two servers, one of which is dropped by nobody, and a child of its own. Then ends as told.
#[test]
#[ignore = "run by the tests below"]
#[allow(clippy::zombie_processes, reason = "the child is meant to outlive it")]
fn owner() {
    let shared = Cluster::shared().unwrap();
    let own = Cluster::own().unwrap();
    // Whatever a test starts must not keep the servers alive.
    let mut bystander = Command::new("sleep");
    let bystander = bystander.arg("600").process_group(0).stdout(Stdio::null());
    let bystander = bystander.stderr(Stdio::null()).spawn().unwrap();
    eprintln!("bystander {}", bystander.id());
    for cluster in [shared, &own] {
        eprintln!("socket {}", cluster.socket().display());
    }
    match std::env::var("END").unwrap().as_str() {
        "exit" => exit(3),
        "panic" => panic!("as told"),
        "frozen" => own.freeze(),
        _ => (),
    }
    eprintln!("ready");
    loop {
        park();
    }
}

/// The test above in its own process, and the folder where all its files are.
struct Owner {
    process: Child,
    files: TempDir,
}

impl Owner {
    fn start(end: &str) -> Self {
        let files = tempfile::Builder::new()
            .prefix("t")
            .tempdir_in("/tmp")
            .unwrap();
        fs::set_permissions(files.path(), Permissions::from_mode(0o777)).unwrap();
        let process = child::running("ending::owner")
            .arg("--nocapture")
            .env("TMPDIR", files.path())
            .env("END", end)
            .process_group(0)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { process, files }
    }

    /// What it says until it is ready or has ended: the bystander's number and the sockets.
    fn said(&mut self) -> (String, Vec<PathBuf>) {
        let mut bystander = String::new();
        let mut sockets = Vec::new();
        let lines = BufReader::new(self.process.stderr.take().unwrap()).lines();
        for line in lines.map(Result::unwrap).take_while(|line| line != "ready") {
            match line.split_once(' ') {
                Some(("bystander", number)) => bystander = number.to_owned(),
                Some(("socket", path)) => sockets.push(PathBuf::from(path)),
                _ => (),
            }
        }
        (bystander, sockets)
    }

    /// Waits until none of its files is there.
    fn await_no_files(&self) {
        eventually("the files are gone", || {
            fs::read_dir(self.files.path()).unwrap().next().is_none()
        });
    }
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "never came true: {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Number of the server's first process.
fn server(socket: &Path) -> String {
    let file = socket.with_file_name("data").join("postmaster.pid");
    let text = fs::read_to_string(file).unwrap();
    text.lines().next().unwrap().to_owned()
}

/// Lets an owner of servers run until it is ready, ends it, and waits for all traces to vanish.
fn vanishes_after(end: &str, ended_by: impl FnOnce(&Child)) {
    if Cluster::shared().is_none() {
        return;
    }
    let mut owner = Owner::start(end);
    let (bystander, sockets) = owner.said();
    assert_eq!(sockets.len(), 2);
    let servers: Vec<String> = sockets.iter().map(|socket| server(socket)).collect();
    for server in &servers {
        assert!(signal("0", server), "{server} doesn't run");
    }

    ended_by(&owner.process);
    owner.process.wait().unwrap();
    owner.await_no_files();
    for server in &servers {
        eventually("the server is gone", || !signal("0", server));
    }
    assert!(
        signal("KILL", &bystander),
        "the bystander was meant to outlive its parent"
    );
}

#[test]
fn a_killed_process_leaves_no_server() {
    vanishes_after("never", |owner| {
        assert!(signal("KILL", &owner.id().to_string()));
    });
}

#[test]
fn a_frozen_server_goes_too() {
    vanishes_after("frozen", |owner| {
        assert!(signal("KILL", &owner.id().to_string()));
    });
}

#[test]
fn an_interrupt_at_the_terminal_leaves_no_server() {
    vanishes_after("never", |owner| {
        assert!(signal("INT", &format!("-{}", owner.id())));
    });
}

/// Ends by itself in a way, so that only its files can be looked for.
fn leaves_nothing(end: &str) {
    if Cluster::shared().is_none() {
        return;
    }
    let mut owner = Owner::start(end);
    let (bystander, sockets) = owner.said();
    assert_eq!(sockets.len(), 2);
    assert!(!owner.process.wait().unwrap().success());
    owner.await_no_files();
    assert!(signal("KILL", &bystander));
}

#[test]
fn a_process_that_exits_leaves_no_server() {
    leaves_nothing("exit");
}

#[test]
fn a_test_that_panics_leaves_no_server() {
    leaves_nothing("panic");
}

#[test]
fn a_process_killed_while_its_server_is_made_leaves_nothing() {
    if Cluster::shared().is_none() {
        return;
    }
    let mut owner = Owner::start("never");
    eventually("files are being made", || {
        let mut folders = fs::read_dir(owner.files.path()).unwrap();
        folders.any(|folder| folder.unwrap().path().join("data").exists())
    });
    owner.process.kill().unwrap();
    owner.process.wait().unwrap();
    owner.await_no_files();
}

#[test]
fn a_dropped_server_is_gone_at_once() {
    let Some(cluster) = Cluster::own() else {
        return;
    };
    let socket = cluster.socket();
    let server = server(&socket);
    drop(cluster);
    assert!(!socket.parent().unwrap().exists());
    assert!(!signal("0", &server));
}
