//! Peak memory of `bundle verify` at 1,000 and at 100,000 episodes: it must not grow with their
//! number.

use crate::program::Program;

/// Episodes of each of the 195 tasks of `crm-core`.
const TRIALS: [u32; 2] = [6, 513];

pub(crate) fn run() {
    let program = Program::new();
    let [few, many] = TRIALS.map(|trials| peak_kib(&program, trials));
    println!("  ratio: {:.2}", many as f64 / few as f64);
}

fn peak_kib(program: &Program, trials: u32) -> u64 {
    let name = format!("noop-{trials}");
    let bundle = format!("{name}.bundle");
    let run = ["run", "--policy", "noop", "--store", "sqlite", "--trials"];
    program.run(&[&run[..], &[&trials.to_string(), "--out", &name]].concat());
    program.seal(&[&name], &bundle);
    let telemetry = program.path(&name).join("telemetry.jsonl");
    let bytes = telemetry.metadata().unwrap().len();
    let verify = ["bundle", "verify", &bundle, "--anyone"];
    // The first one may compile a component.
    let took = program.run(&verify);
    let peak = program.peak_kib(&verify);
    println!(
        "  {} episodes, {:.1} MB of telemetry, {:.1} MB packed: peak memory {peak} KiB in {:.2} s",
        trials * 195,
        bytes as f64 / 1e6,
        program.path(&bundle).metadata().unwrap().len() as f64 / 1e6,
        took.wall.as_secs_f64()
    );
    std::fs::remove_dir_all(program.path(&name)).unwrap();
    peak
}
