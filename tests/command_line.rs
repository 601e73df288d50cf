//! The command itself: help, the demo, and output that nobody reads to the end.

use std::io::{BufRead, BufReader};

use insta::assert_snapshot;

use crate::proctor::Sandbox;

#[test]
fn help_says_what_there_is() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.proctor(["--help"]).page(), @r#"
        ── stdout
        Examines AI agents that change state in a CRM

        Usage: proctor <COMMAND>

        Commands:
          demo      Examine three agents on the built-in suite and show what the records look like
          run       Examine an agent on a suite
          baseline  Examine a list of agents on a suite and compare reliability, tokens, cost and speed
          cassette  Look into recordings of models
          bundle    Seal runs into one file that is verified and run again offline
          suite     Look into suites and prove their tasks
          tools     List the tools that agents may call
          plugin    Look into plugins
          db        Work on a CRM database
          trace     Show one episode of a run as a person wants to read it, or replay recorded calls
          schema    Print a JSON Schema
          help      Print this message or the help of the given subcommand(s)

        Options:
          -h, --help     Print help
          -V, --version  Print version

        Exit codes:
          0    done
          1    something in the input or on the machine is wrong
          2    the command line is wrong
          3    some episodes have no score: infra, grader, or the budget is used up
          4    a check found something
          130  interrupted; `proctor run --resume` goes on

        Start with `proctor demo`.
        ── exit code 0
        "#);
    assert_snapshot!(sandbox.proctor(["run", "--help"]).page(), @r#"
        ── stdout
        Examine an agent on a suite

        Usage: proctor run [OPTIONS] --policy <NAME|FILE>

        Options:
              --suite <NAME|DIR>         Suite: the name of a built-in one, or a folder with suite.toml
                                         [default: crm-core]
              --policy <NAME|FILE>       Who is examined: the name of a built-in policy, or a component file
              --verifier <FILE>          A further verifier for every episode: a component file [repeatable]
              --out <DIR>                New folder for the telemetry; without it, only the summary is shown
              --resume                   Go on with the interrupted run in --out; finished episodes are not
                                         done again
              --trials <TRIALS>          Episodes of each task [default: 1]
              --seed <SEED>              Seed of the run; every id and all chance come from it [default: 1]
              --limit <N>                Only the first N tasks
              --filter <TEXT|KEY=VALUE>  Only tasks whose id contains TEXT, or kind=NAME, split=NAME,
                                         negative=KIND [repeatable: all must hold]
              --shard <K/N>              Only the K-th of N parts of the tasks: several machines can share a
                                         run, and `proctor bundle merge` makes one of its parts
              --jobs <N>                 Workers; results never depend on it [default: one a core]
              --param <NAME=VALUE>       A parameter for the policy [repeatable]
              --script <FILE>            Calls for the policy `scripted`: JSON, {"turns": [{"calls": [...],
                                         "answer": "..."}]}
              --store <STORE>            Where the rows live: `sqlite`, `postgres` for the database of
                                         DATABASE_URL, or an address postgres://... [default: the database
                                         of DATABASE_URL if that is set, here or in .env; else sqlite]
              --isolation <KIND>         With PostgreSQL: whether each episode is a transaction that is
                                         rolled back, or each worker has a database of its own, in which
                                         changes are committed [default: transaction] [possible values:
                                         transaction, database]
          -h, --help                     Print help

        Models:
              --model <NAME>                 Model that the policy asks, by its name in the models file
              --judge <NAME|FILE>            Judge for every episode: a built-in name or a component file
                                             [repeatable]
              --judge-model <NAME>           Model that the judges ask
              --prompt <[PLUGIN/]NAME=FILE>  A text for the policy, or for another plugin, in place of the
                                             built-in one [repeatable]
              --cassette <FILE>              Recording of what models say
              --mode <MODE>                  Record all in a new file, replay and never ask, or replay what
                                             there is and record the rest [default: auto with --cassette,
                                             else live] [possible values: live, record, replay, auto]
              --models <FILE>                Models file: providers and models beside the built-in ones, or
                                             in their place
              --prices <FILE>                Price list beside the built-in one, or in its place
              --unpriced                     Ask models that have no price, too
              --budget-usd <USD>             Most US dollars that the whole run may cost, what was spent
                                             before --resume included
              --budget-tokens <N>            Most tokens that the whole run may use
              --dry-run                      Show how many episodes, calls and tokens it would be and what
                                             it would cost; send nothing
              --json                         Print the summary as JSON

        Examples:
          proctor run --policy oracle --out runs/oracle
          proctor run --policy my-agent.wasm --filter 'kind=create_quote' --trials 4 --out runs/quotes
          proctor run --policy student-sim --param mistakes=0.5 --seed 7 --out runs/student
          proctor run --resume --policy student-sim --out runs/student
          proctor run --policy oracle --store postgres://ada@localhost/crm --isolation database
          proctor run --policy model-agent --model gpt-4.1 --dry-run
          proctor run --policy model-agent --model gpt-4.1 --budget-usd 5 --cassette gpt.cassette \
            --out runs/gpt
          proctor run --policy model-agent --model gpt-4.1 --cassette gpt.cassette --mode replay
        ── exit code 0
        "#);
    assert_snapshot!(sandbox.proctor(["trace", "--help"]).page(), @r#"
        ── stdout
        Show one episode of a run as a person wants to read it, or replay recorded calls

        Usage: proctor trace [--json] <DIR> [EPISODE]
               proctor trace replay-calls <FILE>

        Commands:
          replay-calls  Play recorded tool calls of any agent, each on the state it met, and compare what
                        the CRM says with what the record says
          verify        Check the hash chain of a run's telemetry
          help          Print this message or the help of the given subcommand(s)

        Arguments:
          <DIR>      Folder of a run
          [EPISODE]  Episode, as TASK#TRIAL or TASK; without it, the run's episodes are listed

        Options:
              --json  Print the episode's telemetry lines instead; without one, the last line of each
          -h, --help  Print help
        ── exit code 0
        "#);
}

#[test]
fn without_a_command_help_is_shown_and_nothing_done() {
    let sandbox = Sandbox::new();
    let ran = sandbox.proctor::<&str>([]);
    assert_eq!(ran.code, Some(2));
    assert_eq!(ran.stderr, sandbox.proctor(["--help"]).stdout);
    assert_snapshot!(sandbox.proctor(["rnu"]).page(), @r#"
        ── stderr
        error: unrecognized subcommand 'rnu'

        Usage: proctor <COMMAND>

        For more information, try '--help'.
        ── exit code 2
        "#);
}

#[test]
fn output_that_nobody_reads_to_the_end_is_no_error() {
    let sandbox = Sandbox::new();
    // More than a pipe holds, so that the program meets the closed end.
    for arguments in [
        &["tools", "--format", "mcp"][..],
        &["suite", "show", "--json"],
    ] {
        let mut child = sandbox.command(arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::with_capacity(16, child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ran = sandbox.end_of(child);
        assert!(!line.is_empty());
        assert_eq!(
            (ran.code, ran.stderr.as_str()),
            (Some(0), ""),
            "{arguments:?}"
        );
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
    let verified = sandbox
        .proctor(["trace", "verify", "demo/student-sim"])
        .succeeded();
    assert!(verified.stdout.ends_with("lines, chain unbroken\n"));
    assert!(
        sandbox
            .outcomes("demo/oracle")
            .iter()
            .all(|outcome| outcome.ends_with(" pass"))
    );
}
