//! A bundle with the program in it: unzip, run, done.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use insta::assert_snapshot;

use super::{Place, refused};

/// The program without what only a debugger reads, which is most of it in a test.
fn runner(place: &Place) {
    let copy = place.sandbox.path("runner");
    fs::copy(env!("CARGO_BIN_EXE_proctor"), &copy).unwrap();
    // Without it, the bundle is larger.
    let _ = Command::new("strip").arg(&copy).status();
}

#[test]
fn the_three_commands_of_the_replay_note_work_as_they_stand() {
    let place = Place::new();
    runner(&place);
    let seal = [
        "seal",
        "runs/noop",
        "--with-runner",
        "runner",
        "--key",
        "ada.key",
        "--out",
    ];
    place
        .bundle(&[&seal[..], &["handed.bundle"]].concat())
        .succeeded();

    place
        .on("extract", "handed.bundle", &["--out", "out"])
        .succeeded();
    let program = place.sandbox.path("out/proctor");
    assert_eq!(
        program.metadata().unwrap().permissions().mode() & 0o111,
        0o111
    );
    let version = |program: &str| {
        let mut command = place.sandbox.any_command(program);
        place
            .sandbox
            .run(command.arg("--version"))
            .succeeded()
            .stdout
    };
    assert_eq!(
        version(program.to_str().unwrap()),
        version(env!("CARGO_BIN_EXE_proctor"))
    );

    let note = place.sandbox.read("out/REPLAY.txt");
    let commands: Vec<&str> = note.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(commands.len(), 3, "{note}");
    // What follows is about this machine's libraries.
    let (instructions, needs) = note.split_once("The program is ").unwrap();
    assert!(needs.starts_with("for Linux on "), "{note}");
    assert_snapshot!(instructions, @r"
    This bundle holds the program that made it. Three commands run every episode again, and
    need no network, no account, and nothing else on the machine:

      unzip handed.bundle -d handed
      cd handed
      ./proctor bundle replay ../handed.bundle --key KEY

    KEY is the public key of whoever sealed it, as they gave it to you by another way than
    this file; --anyone in its place replays without asking who it was.
    ");
    let script = commands.join("\n").replace("KEY", "../ada.pub");
    let mut shell = place.sandbox.any_command("sh");
    let ran = place.sandbox.run(shell.args(["-ec", &script])).succeeded();
    assert!(
        ran.stdout.contains("same noop: 4 of 4 episodes"),
        "{}",
        ran.page()
    );
}

#[test]
fn a_program_that_is_none_of_this_version_is_not_taken_along() {
    let place = Place::new();
    let shell = fs::canonicalize("/bin/sh").unwrap();
    let shell = shell.to_str().unwrap();
    let seal = [
        "seal",
        "runs/noop",
        "--with-runner",
        shell,
        "--out",
        "out.bundle",
    ];
    let said = refused(&place.bundle(&seal));
    assert!(said.contains("isn't proctor "), "{said}");
    assert!(!place.exists("out.bundle"));
}
