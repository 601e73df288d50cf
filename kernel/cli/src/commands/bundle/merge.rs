//! `proctor bundle merge`: one bundle of several that each hold some tasks of the same runs.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use proctor_bundle::trust::TrustPolicy;
use proctor_bundle::{Bundle, Inputs, KeptRun, Run};
use proctor_episode::merge;
use proctor_model::cassette::{Cassette, join};

use super::opening;
use super::seal::{self, Request};
use super::{keys, verify};
use crate::args::MergeOptions;
use crate::exit::Failure;
use crate::inputs;

pub fn run(options: &MergeOptions) -> Result<ExitCode, Failure> {
    let secret = options.sign.key.as_deref().map(keys::secret).transpose()?;
    let trust = trust(options)?;
    let mut bundles = Vec::new();
    for path in &options.bundles {
        let bundle = opening::read(path, None)?;
        verify::whole(&bundle, trust.as_ref()).map_err(|failure| {
            Failure::input(format!("{}: {}", path.display(), failure.message()))
        })?;
        bundles.push(bundle);
    }
    let folder = tempfile::tempdir()
        .map_err(|error| Failure::input(format!("no temporary folder: {error}")))?;
    let Some((first, others)) = bundles.split_first() else {
        return Err(Failure::input("there is no bundle to merge"));
    };
    let mut runs = Vec::new();
    for run in &first.manifest().runs {
        let out = folder.path().join(&run.name);
        one_run(run, first, others, &out)?;
        runs.push((run.name.clone(), out));
    }
    let manifest = first.manifest();
    let request = Request {
        name: manifest.name.clone(),
        title: Some(manifest.title.clone()),
        runs,
        cassettes: Default::default(),
        documents: Vec::new(),
        runner: None,
        recipients: Vec::new(),
    };
    let merged = seal::write(&request, &options.out, secret.as_ref())?;
    let mut out = io::stdout();
    for run in &merged.runs {
        writeln!(out, "{}: {} episodes", run.name, run.episodes)?;
    }
    writeln!(
        out,
        "{}: manifest {}",
        options.out.display(),
        merged.digest()
    )?;
    Ok(ExitCode::SUCCESS)
}

fn trust(options: &MergeOptions) -> Result<Option<TrustPolicy>, Failure> {
    if options.anyone {
        return Ok(None);
    }
    if options.sealed_by.is_empty() {
        return Err(Failure::input("whose seal counts isn't said")
            .hint("--sealed-by FILE for the public key of who sealed the bundles, or --anyone"));
    }
    let keys = options.sealed_by.iter().map(|text| keys::public(text));
    Ok(Some(TrustPolicy::of_keys(
        &keys.collect::<Result<Vec<_>, _>>()?,
    )))
}

/// Makes the folder of one run out of the parts that the bundles hold.
fn one_run(run: &Run, first: &Bundle, others: &[Bundle], out: &Path) -> Result<(), Failure> {
    fs::create_dir_all(out)?;
    let mut parts = vec![(first, run)];
    for bundle in others {
        let same = bundle.run(&run.name).map_err(|error| {
            Failure::input(format!("{}: {error}", bundle.manifest().name)).hint(
                "parts of one run have its name in each bundle: `bundle seal NAME=DIR` gives it",
            )
        })?;
        if shared(&same.inputs) != shared(&run.inputs) {
            return Err(Failure::input(format!(
                "the run {} of {} depends on other files than that of {}",
                run.name,
                bundle.manifest().name,
                first.manifest().name
            ))
            .hint("only parts of one run can be merged: `proctor run --shard K/N` makes them"));
        }
        parts.push((bundle, same));
    }
    let mut telemetry = Vec::new();
    let mut cassettes = Vec::new();
    for (at, (bundle, part)) in parts.iter().enumerate() {
        let path = out.join(format!("{at}.jsonl"));
        copy(bundle, &part.telemetry, &path)?;
        telemetry.push(path);
        if let Some(member) = &part.cassette {
            let path = out.join(format!("{at}.cassette"));
            copy(bundle, member, &path)?;
            cassettes.push(Cassette::open(&path, None)?);
        }
    }
    let suite = opening::suite(first, run)?;
    let whole = BufWriter::new(File::create_new(out.join("telemetry.jsonl"))?);
    merge(&telemetry, &suite.suite, whole).map_err(|error| {
        // The files lie where nobody looks: they are called by their bundles' places.
        let said = telemetry
            .iter()
            .enumerate()
            .fold(error.to_string(), |said, (at, path)| {
                said.replace(&path.display().to_string(), &format!("part {}", at + 1))
            });
        Failure::input(format!("run {}: {said}", run.name))
    })?;
    let mut kept = KeptRun {
        cassette: None,
        inputs: run.inputs.clone(),
    };
    if let Some(cassette) = cassettes.first() {
        let path = out.join("whole.cassette");
        join(&cassettes, &path, cassette.header())?;
        kept.cassette = Some(path.to_string_lossy().into_owned());
    }
    let options = parts
        .iter()
        .map(|(_, part)| inputs::without(&part.inputs.options, "--shard"));
    let options: Vec<Vec<String>> = options.collect();
    let same = options.iter().all(|of| Some(of) == options.first());
    kept.inputs.options = options
        .into_iter()
        .next()
        .filter(|_| same)
        .unwrap_or_default();
    let commands = parts.iter().map(|(_, part)| part.inputs.command.as_str());
    kept.inputs.command = commands.collect::<Vec<_>>().join(" && ");
    write_inputs(first, &kept, &out.join(inputs::FOLDER))
}

/// What parts of one run have in common.
fn shared(inputs: &Inputs) -> Inputs {
    Inputs {
        command: String::new(),
        options: Vec::new(),
        ..inputs.clone()
    }
}

fn copy(
    bundle: &Bundle,
    member: &proctor_bundle::MemberPath,
    path: &PathBuf,
) -> Result<(), Failure> {
    let mut reader = bundle.reader(member).map_err(Failure::input)?;
    let mut file = File::create_new(path)?;
    io::copy(&mut reader, &mut file)
        .map_err(|error| Failure::input(format!("{member}: {error}")))?;
    Ok(())
}

fn write_inputs(bundle: &Bundle, kept: &KeptRun, folder: &Path) -> Result<(), Failure> {
    for member in kept.inputs.members() {
        let path = folder.join(member.as_str());
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, bundle.read(member).map_err(Failure::input)?)?;
    }
    fs::write(folder.join(inputs::FILE), kept.to_bytes())?;
    Ok(())
}
