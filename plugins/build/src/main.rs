//! Builds the first-party components and keeps their lock file.
//!
//! `cargo run -p build-plugins` builds every component from source into `dist/` and writes
//! `dist/plugins.lock`. `cargo run -p build-plugins -- --check --out DIR` builds them elsewhere and
//! compares: with the toolchain that the lock file names, every byte must be the same.

mod lock;
mod toolchain;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use lock::{Lock, Locked};
use toolchain::Toolchain;

/// The components that come with the kernel. Built one world after the other: a crate's features
/// are those of everything built with it, and a component must have one world alone.
const FIRST_PARTY: [&[&str]; 3] = [
    &["answer", "end-state", "refusal"],
    &["judge-answer"],
    &[
        "model-agent",
        "model-react",
        "noop",
        "oracle",
        "scripted",
        "student-sim",
    ],
];
/// The components that the kernel's own tests run; they come with nothing.
const TEST: [&[&str]; 3] = [
    &["misbehaving-verifier"],
    &["misbehaving-judge"],
    &["misbehaving-policy"],
];

/// Builds the first-party components from source.
#[derive(Parser)]
struct Options {
    /// Folder for the components.
    #[arg(long, default_value = "dist")]
    out: PathBuf,
    /// Compare with dist/plugins.lock instead of writing it. Exit code 0: the same bytes;
    /// 2: another toolchain, so bytes need not be the same; 1: anything else.
    #[arg(long)]
    check: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<ExitCode, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()?;
    let toolchain = Toolchain::find()?;
    println!("toolchain: {}", toolchain.version);
    let out = root.join(&options.out);
    let lock = Lock {
        plugin: build(&toolchain, &root, FIRST_PARTY, &out)?,
        test: build(&toolchain, &root, TEST, &out.join("test"))?,
        toolchain: toolchain.version.clone(),
        source: lock::source_digest(&root)?,
    };
    let path = root.join("dist/plugins.lock");
    if options.check {
        return compare(&Lock::read(&path)?, &lock);
    }
    lock.write(&path)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds components, each world on its own, into a folder.
fn build(
    toolchain: &Toolchain,
    root: &Path,
    worlds: [&[&str]; 3],
    out: &Path,
) -> Result<Vec<Locked>, Box<dyn Error>> {
    fs::create_dir_all(out)?;
    let mut built = Vec::new();
    for plugins in worlds {
        toolchain.build(root, plugins)?;
        for name in plugins {
            let core = fs::read(toolchain.artifact(root, name))?;
            let component = wit_component::ComponentEncoder::default()
                .module(&core)
                .and_then(|encoder| encoder.validate(true).encode())
                .map_err(|error| format!("{name}: {error:#}"))?;
            fs::write(out.join(format!("{name}.wasm")), &component)?;
            println!("{name}: {} bytes", component.len());
            built.push(Locked::new(name, &component));
        }
    }
    Ok(built)
}

fn compare(locked: &Lock, built: &Lock) -> Result<ExitCode, Box<dyn Error>> {
    if locked.source != built.source {
        return Err(
            "dist/ was built from other sources: run `cargo run -p build-plugins` in plugins/ \
                    and commit dist/"
                .into(),
        );
    }
    if locked.toolchain != built.toolchain {
        println!(
            "dist/ was built with another toolchain: {}",
            locked.toolchain
        );
        return Ok(ExitCode::from(2));
    }
    if locked.components().ne(built.components()) {
        for (was, is) in locked
            .components()
            .zip(built.components())
            .filter(|(was, is)| was != is)
        {
            eprintln!("{}: dist has {}, built {}", was.name, was.sha256, is.sha256);
        }
        return Err("the same sources and toolchain gave other bytes".into());
    }
    println!("dist/ is what the sources give, byte for byte");
    Ok(ExitCode::SUCCESS)
}
