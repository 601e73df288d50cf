//! What a bundle says to people, and what every bundle carries whatever its runs are.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use proctor_bundle::{Manifest, MemberPath, PluginSeat, Role, Run};

use super::elf::Needs;
use super::runner::RUNNER;
use super::seal::Sealing;
use crate::examiners::Component;
use crate::exit::Failure;
use crate::inputs;

static MIGRATIONS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../migrations");
static CONTRACT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../wit");
const LICENCE: &str = include_str!("../../../../../LICENSE");
const TELEMETRY: &str = include_str!("../../../../../docs/telemetry.md");
const FORMAT: &str = include_str!("../../../../../docs/bundle-format.md");
/// Version of a text that was given as a file, as telemetry has it.
const GIVEN: &str = "file";
/// Largest document that is added, in bytes.
const DOCUMENT_BYTES_MAX: u64 = 16 << 20;

/// What is said of a bundle that not everybody can read whole.
const CLOSED: &str = "\
- encrypted, in age's format: what counts as done in held-out tasks, and all that would tell it,
  in files that end in `.age`. `--identity FILE` gives the key, without which `replay` has nothing
  to compare with, and `run` leaves held-out tasks without a score
";
/// What is said of a bundle with documents that were given.
const FURTHER: &str = "- further documents: `documents/`\n";

/// Adds what every bundle carries, what people read, and these documents.
pub fn add(
    sealing: &mut Sealing<'_>,
    manifest: &Manifest,
    documents: &[PathBuf],
) -> Result<(), Failure> {
    folder(sealing, "migrations", &MIGRATIONS, &Role::Migration)?;
    folder(sealing, "wit", &CONTRACT, &Role::Contract)?;
    let schema = format!("{:#}\n", proctor_episode::telemetry_schema());
    sealing.add(
        "docs/telemetry.schema.json",
        Role::Schema,
        schema.as_bytes(),
    )?;
    sealing.add("docs/telemetry.md", Role::Document, TELEMETRY.as_bytes())?;
    sealing.add("docs/bundle-format.md", Role::Document, FORMAT.as_bytes())?;
    sealing.add("licences/proctor.txt", Role::Licence, LICENCE.as_bytes())?;
    sealing.add("sbom.cdx.json", Role::Sbom, proctor_bundle::SBOM.as_bytes())?;
    let given: Vec<String> = documents.iter().map(|path| member_of(path)).collect();
    let regenerate = regenerate(manifest, &given);
    sealing.add("docs/regenerate.md", Role::Document, regenerate.as_bytes())?;
    let mut readme = readme(manifest);
    if sealing.is_closed() {
        readme.push_str(CLOSED);
    }
    if !documents.is_empty() {
        readme.push_str(FURTHER);
    }
    sealing.add("README.md", Role::Document, readme.as_bytes())?;
    for (path, member) in documents.iter().zip(&given) {
        let size = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        if size > DOCUMENT_BYTES_MAX {
            return Err(Failure::input(format!(
                "{}: has {size} bytes; a document has at most {DOCUMENT_BYTES_MAX}",
                path.display()
            )));
        }
        sealing.add_file(member, Role::Document, path)?;
    }
    Ok(())
}

/// Where a document that was given lies in the bundle.
fn member_of(document: &Path) -> String {
    let name = document.file_name().unwrap_or_default().to_string_lossy();
    format!("documents/{}", inputs::word(&name))
}

fn folder(sealing: &mut Sealing<'_>, to: &str, dir: &Dir<'_>, role: &Role) -> Result<(), Failure> {
    for file in dir.files() {
        let path = format!("{to}/{}", file.path().display());
        sealing.add(&path, role.clone(), file.contents())?;
    }
    dir.dirs()
        .try_for_each(|inner| folder(sealing, to, inner, role))
}

/// Adds what a component imports and exports, as WIT.
pub fn add_wit(sealing: &mut Sealing<'_>, path: &MemberPath, wasm: &[u8]) -> Result<(), Failure> {
    let stem = path.as_str().strip_suffix(".wasm").unwrap_or(path.as_str());
    // Only looked at, so a model may be granted.
    let plugin = Component::sealed(path.file_name(), path.as_str(), wasm.to_vec())
        .load(sealing.host(), true)?;
    let mut text = format!(
        "// What this {} imports and exports. The interfaces are declared in the folder `wit`.\n\
         package proctor:sealed;\n\nworld component {{\n",
        plugin.world
    );
    for (kind, names) in [("import", &plugin.imports), ("export", &plugin.exports)] {
        for name in names {
            let _ = writeln!(text, "    {kind} {name};");
        }
    }
    text.push_str("}\n");
    sealing.add(&format!("{stem}.wit"), Role::Contract, text.as_bytes())?;
    Ok(())
}

/// Adds `REPLAY.txt`, which says how to run the bundle with the program in it.
pub fn add_replay(
    sealing: &mut Sealing<'_>,
    manifest: &Manifest,
    needs: Option<&Needs>,
) -> Result<(), Failure> {
    let mut text = String::from(
        "This bundle holds the program that made it. Three commands run every episode again, and\n\
         need no network, no account, and nothing else on the machine:\n\n",
    );
    let file = format!("{}.bundle", manifest.name);
    let _ = write!(
        text,
        "  unzip {file} -d {0}\n  cd {0}\n  ./{RUNNER} bundle replay ../{file} --key KEY\n\n\
         KEY is the public key of whoever sealed it, as they gave it to you by another way than\n\
         this file; --anyone in its place replays without asking who it was.\n\n",
        manifest.name
    );
    if let Some(needs) = needs {
        let _ = writeln!(text, "The program is for Linux on {}.", needs.machine);
        text.push_str(&linked(needs));
    }
    sealing.add("REPLAY.txt", Role::Document, text.as_bytes())?;
    Ok(())
}

/// What a program takes of the machine's libraries.
fn linked(needs: &Needs) -> String {
    if needs.libraries.is_empty() {
        return "It is statically linked: it needs no library of the machine's.\n".to_owned();
    }
    let mut text = format!(
        "It is dynamically linked, and needs these of the machine:\n{}.\n",
        needs.libraries.join(", ")
    );
    if let Some(version) = &needs.glibc {
        let _ = writeln!(text, "The C library must be glibc {version} or newer.");
    }
    text
}

/// What whoever opens the bundle reads first.
fn readme(manifest: &Manifest) -> String {
    let mut text = format!("# {}\n\n{}\n\n", manifest.name, manifest.title);
    text.push_str(
        "A sealed bundle of runs by Proctor: agents worked on tasks in a CRM, verifiers marked\n\
         what they did, and everything that this depended on is in this file. `manifest.json` names\n\
         each file here with its size, its SHA-256 and what it is for; the signatures in\n\
         `signatures/` are over the manifest.\n\n## Runs\n\n\
         | run | agent's policy | episodes | asks a model | telemetry |\n|---|---|---|---|---|\n",
    );
    for run in &manifest.runs {
        let policy = &run.inputs.policy;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | `{}` |",
            run.name,
            policy.name,
            run.episodes,
            policy.model.as_deref().unwrap_or("no"),
            run.telemetry
        );
    }
    text.push_str(
        "\nWhat came of them is in `tables/`. A simulated agent is marked as such there.\n\n\
         ## Check it\n\n\
         With `proctor` of the version that the manifest names (if this bundle holds the program,\n\
         `REPLAY.txt` says how to use it), where KEY is the public key of whoever sealed it:\n\n",
    );
    let file = format!("{}.bundle", manifest.name);
    let _ = write!(
        text,
        "```\nproctor bundle verify {file} --key KEY   # who sealed it; every digest, chain and table\n\
         proctor bundle replay {file} --key KEY   # every episode again, offline, to the byte\n\
         proctor bundle run {file} --key KEY --policy my-agent.wasm   # another agent\n```\n\n\
         Without `proctor`, the signature can be checked after unpacking with minisign:\n\n\
         ```\nminisign -V -m manifest.json -x signatures/KEYID.minisig -P KEY\n```\n\n\
         and each file with `sha256sum` against the manifest.\n\n"
    );
    text.push_str(&checklist(manifest));
    text
}

/// What was to be handed over, and where it is.
fn checklist(manifest: &Manifest) -> String {
    let mut text = String::from("## Hand-off checklist\n\n");
    let cassettes = manifest.runs.iter().filter_map(|run| run.cassette.as_ref());
    let cassettes: Vec<String> = cassettes.map(|path| format!("`{path}`")).collect();
    for (what, place) in [
        (
            "database snapshot",
            "`snapshots/`, and the schema's steps in `migrations/`",
        ),
        ("telemetry, one file a run", "`runs/`"),
        (
            "telemetry's schema",
            "`docs/telemetry.schema.json`, explained in `docs/telemetry.md`",
        ),
        ("summary tables", "`tables/`"),
        (
            "suite and canonical data",
            "`suites/` and the folder of the data",
        ),
        (
            "plugins with their contract",
            "`plugins/`, and the whole contract in `wit/`",
        ),
        ("regeneration guide", "`docs/regenerate.md`"),
        ("format of this file", "`docs/bundle-format.md`"),
        ("how it came to be", "`provenance.json` (in-toto, SLSA)"),
        (
            "what the program consists of",
            "`sbom.cdx.json` (CycloneDX), licence in `licences/`",
        ),
    ] {
        let _ = writeln!(text, "- {what}: {place}");
    }
    let recorded = match cassettes.is_empty() {
        true => "no model was asked".to_owned(),
        false => cassettes.join(", "),
    };
    let _ = writeln!(text, "- what models said: {recorded}");
    text
}

/// How to make the bundle again from what is in it, such as the documents that were given.
fn regenerate(manifest: &Manifest, documents: &[String]) -> String {
    let mut text = String::from(
        "# Making this bundle again\n\n\
         Everything below works without a network, in the folder that the bundle was unpacked into\n\
         (`proctor bundle extract`, or `unzip`), with `proctor` of the version that `manifest.json`\n\
         names. Each run is made from the files here; its telemetry must come out the same but for\n\
         `wall`, which `proctor bundle replay` compares line by line.\n\n",
    );
    for run in &manifest.runs {
        let _ = write!(
            text,
            "## {}\n\nMade by:\n\n```\n{}\n```\n\nAgain, from here:\n\n```\n{}\n```\n\n",
            run.name,
            run.inputs.command,
            again(&manifest.name, run)
        );
    }
    let _ = write!(
        text,
        "## The bundle\n\n```\n{}\nproctor bundle diff ../{}.bundle ../again.bundle\n```\n\n\
         The telemetry's `wall` (times, and where rows lived) differs from one making to the next,\n\
         and with it the digests of telemetry, tables that show times, and the manifest; so does\n\
         what says by which command a run was made.\n",
        seal_again(manifest, documents),
        manifest.name
    );
    text
}

/// The command that seals the runs that were made again.
fn seal_again(manifest: &Manifest, documents: &[String]) -> String {
    let runs = manifest.runs.iter();
    let runs: Vec<String> = runs.map(|run| format!("../again/{}", run.name)).collect();
    let documents = documents.iter().flat_map(|path| ["--document", path]);
    let named = ["--name", &manifest.name, "--title", &manifest.title];
    let words = ["proctor", "bundle", "seal"]
        .into_iter()
        .chain(runs.iter().map(String::as_str))
        .chain(named)
        .chain(documents)
        .chain(["--out", "../again.bundle"]);
    inputs::command(words)
}

/// The command that makes a run again in the unpacked bundle.
fn again(bundle: &str, run: &Run) -> String {
    let inputs = &run.inputs;
    if inputs.options.is_empty() {
        // A run that was merged of parts that no one command makes.
        let bundle = format!("../{bundle}.bundle");
        return inputs::command([
            "proctor", "bundle", "replay", &bundle, "--anyone", "--run", &run.name,
        ]);
    }
    let suite = inputs.suite.as_str();
    let folder = suite.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let mut words = vec!["proctor".to_owned(), "run".to_owned()];
    let mut add = |option: &str, value: &str| words.extend([option.to_owned(), value.to_owned()]);
    add("--suite", folder);
    add("--policy", named(&inputs.policy));
    // The first three mark every examination.
    for verifier in inputs.verifiers.iter().skip(3) {
        add("--verifier", verifier.member.as_str());
    }
    for judge in &inputs.judges {
        add("--judge", named(judge));
    }
    if let Some(script) = &inputs.script {
        add("--script", script.as_str());
    }
    for prompt in inputs
        .prompts
        .iter()
        .filter(|prompt| prompt.version == GIVEN)
    {
        let place = format!("{}/{}={}", prompt.plugin, prompt.name, prompt.member);
        add("--prompt", &place);
    }
    let judges = inputs.judges.iter().find_map(|judge| judge.model.as_ref());
    for (option, model) in [
        ("--model", inputs.policy.model.as_ref()),
        ("--judge-model", judges),
    ] {
        if let Some(model) = model {
            add(option, model);
        }
    }
    // The first of each is built in.
    for (option, files) in [("--models", &inputs.models), ("--prices", &inputs.prices)] {
        if let Some(file) = files.iter().skip(1).next_back() {
            add(option, file.as_str());
        }
    }
    if let Some(cassette) = &run.cassette {
        add("--cassette", cassette.as_str());
        add("--mode", "replay");
    }
    words.extend(inputs.options.iter().cloned());
    add_out(&mut words, &run.name);
    inputs::command(words.iter().map(String::as_str))
}

fn add_out(words: &mut Vec<String>, run: &str) {
    words.extend(["--out".to_owned(), format!("../again/{run}")]);
}

/// How a plugin is named to `proctor run`: those that come with the program by their names, since
/// they have their texts and grants by these.
fn named(seat: &PluginSeat) -> &str {
    match proctor_host::FirstParty::named(&seat.name) {
        Some(_) => &seat.name,
        None => seat.member.as_str(),
    }
}
