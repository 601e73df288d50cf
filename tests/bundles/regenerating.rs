//! The regeneration guide in a bundle is followed word by word, by whoever has the bundle alone.

use std::collections::BTreeSet;
use std::fs;

use super::recorded::told;
use super::{BUNDLE, Place};
use crate::proctor::Ran;

/// Commands of a document: the lines of its blocks that begin with the program's name.
fn commands(text: &str, again_only: bool) -> Vec<String> {
    let mut asked = !again_only;
    let mut inside = false;
    let mut commands = Vec::new();
    for line in text.lines() {
        match line {
            "```" => inside = !inside,
            "Made by:" => asked = false,
            line if line.starts_with("Again, from here") || line.starts_with("## ") => asked = true,
            line if inside && asked => commands.push(line.to_owned()),
            _ => {}
        }
    }
    commands
}

/// Runs a line as a shell takes it, in an unpacked bundle.
fn shell(place: &Place, line: &str) -> Ran {
    let line = line.replacen("proctor ", "\"$PROCTOR\" ", 1);
    let mut command = place.sandbox.any_command("sh");
    command
        .args(["-c", &line])
        .env("PROCTOR", env!("CARGO_BIN_EXE_proctor"))
        .current_dir(place.sandbox.path("out"));
    place.sandbox.run(&mut command)
}

/// Follows the guide of a bundle; gives what differs between it and the one made anew.
fn regenerated(place: &Place, bundle: &str) -> BTreeSet<String> {
    place.on("extract", bundle, &["--out", "out"]).succeeded();
    // What is there from before may not help.
    for name in ["seeds", "runs"] {
        let _ = fs::remove_dir_all(place.sandbox.path(name));
    }
    let guide = place.sandbox.read("out/docs/regenerate.md");
    let mut commands = commands(&guide, true);
    let diff = commands.pop().unwrap();
    assert!(diff.starts_with("proctor bundle diff "), "{guide}");
    for line in commands {
        let ran = shell(place, &line);
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.page());
    }
    let ran = shell(place, &diff);
    assert_eq!(ran.code, Some(4), "{diff}: {}", ran.page());
    let first = |line: &str| line.split(' ').next().unwrap().to_owned();
    for line in ran.stdout.lines().filter(|line| line.starts_with("run ")) {
        assert!(
            line.ends_with("the telemetry is the same but for `wall`"),
            "{line}"
        );
    }
    let members = ran.stdout.lines().filter(|line| !line.starts_with("run "));
    members.map(first).collect()
}

/// What may differ: what times follow from, and what says by which command a run was made.
fn may_differ(path: &str) -> bool {
    path.ends_with("/telemetry.jsonl")
        || path.starts_with("tables/")
        || ["provenance.json", "docs/regenerate.md"].contains(&path)
}

#[test]
fn the_guide_makes_the_same_but_for_the_clock() {
    let place = Place::new();
    let differing = regenerated(&place, BUNDLE);
    assert!(!differing.is_empty());
    let beyond: Vec<&String> = differing.iter().filter(|path| !may_differ(path)).collect();
    assert!(beyond.is_empty(), "{beyond:?}");
}

#[test]
fn the_guide_makes_documents_and_recorded_models_again() {
    let place = told("told");
    place.sandbox.write("a note.md", "# A note\n");
    let seal = [
        "seal",
        "runs/told",
        "--title",
        "It's told",
        "--document",
        "a note.md",
    ];
    let out = ["--key", "ada.key", "--out", "told.bundle"];
    place.bundle(&[&seal[..], &out].concat()).succeeded();
    fs::remove_file(place.sandbox.path("a.cassette")).unwrap();
    let differing = regenerated(&place, "told.bundle");
    let beyond: Vec<&String> = differing.iter().filter(|path| !may_differ(path)).collect();
    assert!(beyond.is_empty(), "{beyond:?}");
}
