//! Sealing and verifying a bundle of some 64 MB against SHA-256 over the same bytes, in this
//! process and by `sha256sum`. Members are in memory or in the page cache in all of them.

use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use proctor_bundle::{
    Attachments, Bundle, DosTime, Existing, Lines, Manifest, MemberPath, Packer, Role,
    read_telemetry,
};
use sha2::{Digest as _, Sha256};

use crate::program::{Program, took};

/// Repetitions, of which the median counts.
const TIMES: usize = 5;
/// Episodes of each task: enough for 64 MB of telemetry.
const TRIALS: &str = "66";

/// A member in memory.
type Content = (MemberPath, Role, Vec<u8>);

pub(crate) fn run() {
    let program = Program::new();
    let student = ["run", "--policy", "student-sim", "--out", "student"];
    program.run(&[&student[..], &["--trials", TRIALS]].concat());
    program.seal(&["student"], "student.bundle");
    program.run(&[
        "bundle",
        "extract",
        "student.bundle",
        "--anyone",
        "--out",
        "members",
    ]);
    let path = program.path("student.bundle");
    let bundle = Bundle::open(&path, None).unwrap();
    let members = members(&bundle);
    let bytes: usize = members.iter().map(|(.., content)| content.len()).sum();
    println!(
        "  {} members, {:.1} MB, {:.1} MB packed, {} episodes",
        members.len(),
        bytes as f64 / 1e6,
        path.metadata().unwrap().len() as f64 / 1e6,
        bundle.manifest().runs[0].episodes
    );
    let here = median(|| {
        for (.., content) in &members {
            black_box(Sha256::digest(content));
        }
    });
    let stock = median(|| sha256sum(&program.path("members"), &members));
    println!(
        "  SHA-256 in this process: {} (the baseline); `sha256sum`: {}",
        millis(here),
        millis(stock)
    );
    let against = |name: &str, time: Duration| {
        println!(
            "  {name}: {}, {:.2} times SHA-256 in this process, {:.2} times `sha256sum`",
            millis(time),
            time.as_secs_f64() / here.as_secs_f64(),
            time.as_secs_f64() / stock.as_secs_f64()
        );
    };
    let out = program.path("again.bundle");
    against("seal", median(|| pack(&members, bundle.manifest(), &out)));
    against("verify", median(|| verify(&path)));
    let manifest = bundle.manifest();
    let check = || {
        for member in &manifest.members {
            bundle.archive().check_member(member).unwrap();
        }
    };
    against("… of it: inflating, checksums, digests", median(check));
    let of_run = &manifest.runs[0].telemetry;
    let telemetry = members.iter().find(|(path, ..)| path == of_run).unwrap();
    let chain = || {
        read_telemetry(telemetry.2.as_slice()).unwrap();
    };
    against("… of it: the telemetry's chain", median(chain));
}

fn members(bundle: &Bundle) -> Vec<Content> {
    let members = bundle.manifest().members.iter();
    members
        .map(|member| {
            let mut content = Vec::new();
            let mut reader = bundle.archive().reader(&member.path).unwrap();
            reader.read_to_end(&mut content).unwrap();
            (member.path.clone(), member.role.clone(), content)
        })
        .collect()
}

fn pack(members: &[Content], manifest: &Manifest, out: &Path) {
    let mut packer = Packer::create(out, Existing::Replaced, DosTime::default()).unwrap();
    for (path, role, content) in members {
        let added = packer.add(path.clone(), role.clone(), content.as_slice());
        added.unwrap();
    }
    let packed = packer.finish(manifest.clone(), &Attachments::default());
    // The same members give the same bundle, or something else was measured.
    assert_eq!(packed.unwrap().digest(), manifest.digest());
}

fn verify(path: &Path) {
    let bundle = Bundle::open(path, None).unwrap();
    let verified = bundle
        .verify(None, &mut |_| {}, Lines::Told(&mut |_, _| Ok(())))
        .unwrap();
    assert!(verified.runs.iter().all(|run| run.lines.is_some()));
}

fn sha256sum(folder: &Path, members: &[Content]) {
    let paths = members.iter().map(|(path, ..)| path.as_str());
    took(Command::new("sha256sum").args(paths).current_dir(folder));
}

fn median(mut measured: impl FnMut()) -> Duration {
    let mut times = [Duration::ZERO; TIMES];
    for time in &mut times {
        let began = Instant::now();
        measured();
        *time = began.elapsed();
    }
    times.sort_unstable();
    times[TIMES / 2]
}

fn millis(time: Duration) -> String {
    format!("{:.0} ms", time.as_secs_f64() * 1e3)
}
