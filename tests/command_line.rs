//! The command itself: help, the demo, and output that nobody reads to the end.

use std::io::{BufRead, BufReader};

use insta::assert_snapshot;

use crate::proctor::Sandbox;

#[test]
fn help_says_what_there_is() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.proctor(["--help"]).page(), @"");
    assert_snapshot!(sandbox.proctor(["run", "--help"]).page(), @"");
    assert_snapshot!(sandbox.proctor(["trace", "--help"]).page(), @"");
}

#[test]
fn without_a_command_help_is_shown_and_nothing_done() {
    let sandbox = Sandbox::new();
    let ran = sandbox.proctor::<&str>([]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(ran.stderr, sandbox.proctor(["--help"]).stdout);
    assert_snapshot!(sandbox.proctor(["rnu"]).page(), @"");
}

#[test]
fn output_that_nobody_reads_to_the_end_is_no_error() {
    let sandbox = Sandbox::new();
    // More than a pipe holds, so that the program meets the closed end.
    for arguments in [&["tools", "--format", "mcp"][..], &["suite", "show", "--json"]] {
        let mut child = sandbox.command(arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ran = sandbox.end_of(child);
        assert!(!line.is_empty());
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn nothing_is_coloured_unless_a_terminal_asks() {
    let sandbox = Sandbox::with_small_suite();
    let arguments = ["suite", "show", "seeds/suites/small"];
    let mut plain = sandbox.command(arguments);
    let plain = sandbox.run(plain.env_remove("NO_COLOR"));
    assert!(!plain.stdout.contains('\x1b'), "{}", plain.stdout);
    let mut coloured = sandbox.command(arguments);
    coloured.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1");
    assert!(sandbox.run(&mut coloured).stdout.contains('\x1b'));
}

#[test]
fn the_demo_runs_to_its_end_and_again() {
    let sandbox = Sandbox::new();
    for time in ["first", "second"] {
        let ran = sandbox.proctor(["demo", "--out", "demo"]).succeeded();
        assert_eq!(ran.stderr, "", "{time}");
        for words in [
            "Three agents sit the suite crm-core",
            "crm-core · oracle\n",
            "crm-core · noop\n",
            "crm-core · student-sim, simulated\n",
            "An episode that failed, as `proctor trace` shows it:",
            "outcome   fail",
            "The records are in demo\n",
        ] {
            assert!(ran.stdout.contains(words), "{words:?}\n{}", ran.stdout);
        }
    }
    assert_eq!(sandbox.names("demo"), ["noop", "oracle", "student-sim"]);
    let verified = sandbox.proctor(["trace", "verify", "demo/student-sim"]).succeeded();
    assert!(verified.stdout.ends_with("lines, chain unbroken\n"));
    assert!(sandbox.outcomes("demo/oracle").iter().all(|outcome| outcome.ends_with(" pass")));
}
