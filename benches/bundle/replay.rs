//! The processor time of `bundle replay` against that of the run that it repeats, both by the
//! program on one worker. What the replay does beside running the episodes is verifying the
//! bundle, comparing the telemetry, and computing the tables. Where models are asked, the run
//! that is compared with has its replies from a recording, too: no time of theirs is in it.

use std::path::Path;
use std::time::Duration;

use crate::program::{Program, Took};

/// Repetitions, all of which count.
const TIMES: u32 = 5;

/// A run to be repeated.
struct Case {
    name: &'static str,
    options: Vec<String>,
}

pub(crate) fn run() {
    let program = Program::new();
    for case in cases() {
        measure(&program, &case);
    }
}

fn cases() -> [Case; 3] {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let cassette = root.join("models/local/cassettes/smollm2-135m.cassette");
    let cassette = cassette.canonicalize().unwrap();
    let recorded = format!("--cassette {}", cassette.display());
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
    [
        Case {
            name: "student-sim, 20 trials",
            options: words("--policy student-sim --trials 20"),
        },
        Case {
            name: "oracle, 20 trials",
            options: words("--policy oracle --trials 20"),
        },
        Case {
            name: "model-react, a recorded model",
            options: words(&format!(
                "--policy model-react --model smollm2-135m --filter split=holdout {recorded} \
                 --mode replay --param protocol=two --param calls_per_turn_max=3 \
                 --param tokens_max=96"
            )),
        },
    ]
}

fn measure(program: &Program, case: &Case) {
    let options: Vec<&str> = case.options.iter().map(String::as_str).collect();
    let run = |out: &str| {
        let run = ["run", "--store", "sqlite", "--jobs", "1", "--out", out];
        program.run(&[&run[..], &options].concat())
    };
    let again = |bundle: &str, what: &[&str]| program.run(&[&["bundle"], what, &[bundle]].concat());
    let verify = ["verify", "--anyone"];
    let replay = ["replay", "--anyone", "--jobs", "1"];

    // The first one compiles the components.
    run("first");
    program.seal(&["first"], "replay.bundle");
    let (mut recorded, mut verified, mut replayed) = <(Vec<_>, Vec<_>, Vec<_>)>::default();
    for _ in 0..TIMES {
        recorded.push(run("run"));
        verified.push(again("replay.bundle", &verify));
        replayed.push(again("replay.bundle", &replay));
        std::fs::remove_dir_all(program.path("run")).unwrap();
    }
    std::fs::remove_dir_all(program.path("first")).unwrap();
    std::fs::remove_file(program.path("replay.bundle")).unwrap();
    let [recorded, verified, replayed] = [recorded, verified, replayed].map(|of| mean(&of));
    println!(
        "  {}: run {}; replay {}, {:.2} times; of it as much as `bundle verify` takes: {}",
        case.name,
        millis(recorded),
        millis(replayed),
        replayed.as_secs_f64() / recorded.as_secs_f64(),
        millis(verified)
    );
}

/// Mean processor time.
fn mean(of: &[Took]) -> Duration {
    of.iter().map(|took| took.cpu).sum::<Duration>() / TIMES
}

fn millis(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
