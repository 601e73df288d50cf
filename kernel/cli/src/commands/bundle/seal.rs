//! `proctor bundle seal`: runs, with all they depended on, into one file.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use proctor_bundle::sealed::{self, Recipient};
use proctor_bundle::statement::{Resource, provenance};
use proctor_bundle::{
    DosTime, Existing, FORMAT, Inputs, Manifest, MemberPath, Packer, Plain, Role, Run,
    check_lineage, public_form, read_telemetry, sealed_form,
};
use proctor_episode::{Split, Suite, SuiteFiles};
use proctor_host::{Digest, Host};
use serde_json::json;

use super::kept::{Kept, read_whole};
use super::{documents, keys, recipe, runner, tables};
use crate::args::SealOptions;
use crate::commands::cassette::keep_used;
use crate::environment;
use crate::examiners;
use crate::exit::Failure;
use crate::inputs;

/// Variable with the time that members bear, in seconds since 1970.
const EPOCH: &str = "SOURCE_DATE_EPOCH";

pub fn run(options: &SealOptions) -> Result<ExitCode, Failure> {
    // A recipe's runs may take hours: what would stop it after them is looked at before.
    keys::check_new(&options.out)?;
    let secret = options.sign.key.as_deref().map(keys::secret).transpose()?;
    let kept = tempfile::tempdir()
        .map_err(|error| Failure::input(format!("no temporary folder: {error}")))?;
    let mut request = Request::of(options)?;
    if let Some(path) = &options.recipe {
        let folder = options.runs_in.as_deref().unwrap_or(kept.path());
        recipe::make(path, options, folder, &mut request)?;
        request.name = options.name.clone().unwrap_or(request.name);
    }
    let manifest = write(&request, &options.out, secret.as_ref())?;
    let bytes = fs::metadata(&options.out)?.len();
    let mut out = std::io::stdout();
    if options.json {
        let value = json!({
            "bundle": options.out,
            "bytes": bytes,
            "digest": manifest.digest(),
            "key": secret.map(|secret| secret.public().key_id().to_string()),
            "members": manifest.members.len(),
            "name": manifest.name,
            "runs": manifest.runs.iter().map(|run| &run.name).collect::<Vec<_>>(),
        });
        writeln!(out, "{value:#}")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "{}: {bytes} bytes, {} members, {} runs, manifest {}",
        options.out.display(),
        manifest.members.len(),
        manifest.runs.len(),
        manifest.digest()
    )?;
    match secret {
        Some(secret) => writeln!(out, "sealed by key {}", secret.public().key_id())?,
        None => crate::terminal::note(
            "nobody has signed it: --key seals it (`proctor bundle keygen` makes one)",
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// What is to be sealed.
pub struct Request {
    pub name: String,
    pub title: Option<String>,
    /// Names and folders.
    pub runs: Vec<(String, PathBuf)>,
    /// Recordings by the names of their runs, where they aren't where they were.
    pub cassettes: BTreeMap<String, PathBuf>,
    pub documents: Vec<PathBuf>,
    pub runner: Option<PathBuf>,
    pub recipients: Vec<Recipient>,
}

impl Request {
    fn of(options: &SealOptions) -> Result<Self, Failure> {
        let pair = |text: &str, option: &str| -> Result<(String, PathBuf), Failure> {
            let (name, path) = text
                .split_once('=')
                .ok_or_else(|| Failure::input(format!("{option} {text}: expected RUN=FILE")))?;
            Ok((name.to_owned(), PathBuf::from(path)))
        };
        let named = |text: &String| match text.split_once('=') {
            Some((name, folder)) => (name.to_owned(), PathBuf::from(folder)),
            None => (folder_name(Path::new(text)), PathBuf::from(text)),
        };
        let stem = options.out.file_stem().unwrap_or_default();
        Ok(Self {
            name: match &options.name {
                Some(name) => name.clone(),
                None => inputs::word(&stem.to_string_lossy()),
            },
            title: options.title.clone(),
            runs: options.runs.iter().map(named).collect(),
            cassettes: options
                .cassettes
                .iter()
                .map(|text| pair(text, "--cassette"))
                .collect::<Result<_, _>>()?,
            documents: options.documents.clone(),
            runner: match &options.with_runner {
                None => None,
                Some(Some(path)) => Some(path.clone()),
                Some(None) => Some(std::env::current_exe()?),
            },
            recipients: options
                .gold_for
                .iter()
                .map(|text| Recipient::parse(text))
                .collect::<Result<_, _>>()
                .map_err(|error| Failure::input(format!("--gold-for: {error}")))?,
        })
    }
}

/// The name of a folder, whatever way it is written.
fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    inputs::word(&whole.file_name().unwrap_or_default().to_string_lossy())
}

/// Seals. Nothing is there if anything goes wrong.
pub fn write(
    request: &Request,
    out: &Path,
    secret: Option<&proctor_bundle::signing::SecretKey>,
) -> Result<Manifest, Failure> {
    let time =
        match environment::variable(EPOCH)? {
            None => DosTime::default(),
            Some(text) => DosTime::from_unix(text.parse().map_err(|_| {
                Failure::input(format!("{EPOCH} is no number of seconds since 1970"))
            })?),
        };
    let mut sealing = Sealing {
        packer: Packer::create(out, Existing::Kept, time).map_err(Failure::input)?,
        host: examiners::host()?,
        recipients: &request.recipients,
        dependencies: BTreeMap::new(),
        outputs: BTreeMap::new(),
        suites: Vec::new(),
    };
    let mut runs: Vec<Run> = Vec::new();
    for (name, folder) in &request.runs {
        if runs.iter().any(|run| run.name == *name) {
            return Err(Failure::input(format!("two runs are called {name}"))
                .hint("NAME=DIR gives a run another name in the bundle"));
        }
        let cassette = request.cassettes.get(name).map(PathBuf::as_path);
        runs.push(sealing.run(name, folder, cassette)?);
    }
    sealing.tables(&runs)?;
    let title = request.title.clone().unwrap_or_else(|| {
        let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
        format!("the runs {}", names.join(", "))
    });
    let mut manifest = Manifest {
        format: FORMAT,
        kernel: env!("CARGO_PKG_VERSION").to_owned(),
        members: Vec::new(),
        name: request.name.clone(),
        runs,
        title,
    };
    documents::add(&mut sealing, &manifest, &request.documents)?;
    if let Some(path) = &request.runner {
        runner::add(&mut sealing, path, &manifest)?;
    }
    sealing.provenance(&manifest)?;
    manifest = sealing.packer.complete(manifest).map_err(Failure::input)?;
    let attachments = keys::seal(&manifest, secret)?;
    sealing
        .packer
        .finish(manifest, &attachments)
        .map_err(Failure::input)
}

/// A bundle on its way.
pub struct Sealing<'a> {
    packer: Packer,
    host: Host,
    recipients: &'a [Recipient],
    /// What went into the runs.
    dependencies: BTreeMap<MemberPath, Digest>,
    /// What came out of them.
    outputs: BTreeMap<MemberPath, Digest>,
    suites: Vec<SuiteRuns>,
}

/// A suite, and telemetry of its runs.
struct SuiteRuns {
    member: MemberPath,
    suite: Suite,
    runs: Vec<(String, PathBuf)>,
}

impl Sealing<'_> {
    /// Loads components, to see what they import.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Whether gold, and all that tells it, is encrypted.
    pub fn is_closed(&self) -> bool {
        !self.recipients.is_empty()
    }

    /// Adds a member. The same one twice is one; two of one name aren't possible.
    pub fn add(&mut self, path: &str, role: Role, bytes: &[u8]) -> Result<MemberPath, Failure> {
        let path = MemberPath::new(path).map_err(Failure::input)?;
        if self.has(&path, &Digest::of(bytes), |member| member.sha256)? {
            return Ok(path);
        }
        self.packer
            .add(path.clone(), role, bytes)
            .map_err(Failure::input)?;
        Ok(path)
    }

    /// Adds a member from a file, however large.
    pub fn add_file(&mut self, path: &str, role: Role, file: &Path) -> Result<MemberPath, Failure> {
        let member = MemberPath::new(path).map_err(Failure::input)?;
        let opened = File::open(file)
            .map_err(|error| Failure::input(format!("{}: {error}", file.display())))?;
        self.packer
            .add(member.clone(), role, opened)
            .map_err(Failure::input)?;
        Ok(member)
    }

    /// Adds a member that only the recipients may read, if there are any; otherwise anyone.
    fn add_closed(
        &mut self,
        path: &MemberPath,
        role: Role,
        bytes: &[u8],
    ) -> Result<MemberPath, Failure> {
        if self.recipients.is_empty() {
            return self.add(path.as_str(), role, bytes);
        }
        let closed = sealed_form(path)
            .ok_or_else(|| Failure::input(format!("{path}: its name is too long")))?;
        let plain = Plain {
            sha256: Digest::of(bytes),
            size: bytes.len() as u64,
        };
        let same = |member: &proctor_bundle::Member| {
            let plain = member.plain.as_ref();
            plain.map_or(member.sha256, |plain| plain.sha256)
        };
        if self.has(&closed, &plain.sha256, same)? {
            return Ok(closed);
        }
        let sealed = sealed::seal(bytes, self.recipients).map_err(Failure::input)?;
        self.packer
            .add_sealed(closed.clone(), role, plain, Cursor::new(sealed))
            .map_err(Failure::input)?;
        Ok(closed)
    }

    /// Whether a member with this path and digest is there already.
    fn has(
        &self,
        path: &MemberPath,
        digest: &Digest,
        of: impl Fn(&proctor_bundle::Member) -> Digest,
    ) -> Result<bool, Failure> {
        match self.packer.members().find(|member| member.path == *path) {
            None => Ok(false),
            Some(there) if of(there) == *digest => Ok(true),
            Some(_) => Err(Failure::input(format!(
                "{path}: two runs depend on different files of this name"
            ))
            .hint("runs of different versions of a suite are sealed apart")),
        }
    }

    fn digest(&self, path: &MemberPath) -> Option<Digest> {
        let mut members = self.packer.members();
        members
            .find(|member| member.path == *path)
            .map(|member| member.sha256)
    }

    fn run(&mut self, name: &str, folder: &Path, cassette: Option<&Path>) -> Result<Run, Failure> {
        let wrong = |reason: String| Failure::input(format!("{}: {reason}", folder.display()));
        let kept = Kept::read(folder)?;
        let file = folder.join("telemetry.jsonl");
        let telemetry =
            File::open(&file).map_err(|error| wrong(format!("telemetry.jsonl: {error}")))?;
        let telemetry = read_telemetry(telemetry)
            .map_err(|reason| wrong(format!("telemetry.jsonl: {reason}")))?;
        let text = |field: &str| {
            telemetry.start[field]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let own = env!("CARGO_PKG_VERSION");
        if text("proctor") != own {
            return Err(wrong(format!(
                "the run was made by proctor {}, and this is {own}",
                text("proctor")
            ))
            .hint("seal a run with the program that made it, which can run it again"));
        }
        let files = kept.suite()?;
        let suite = files.compile().map_err(|error| wrong(error.to_string()))?;
        let mut run = Run {
            cassette: None,
            data_fingerprint: suite.data.fingerprint().to_string(),
            episodes: telemetry.episodes,
            inputs: kept.inputs.clone(),
            name: name.to_owned(),
            suite_digest: suite.digest,
            telemetry: MemberPath::new(&format!("runs/{name}/telemetry.jsonl"))
                .map_err(Failure::input)?,
        };
        check_lineage(&run, &telemetry.start, own, &kept)
            .map_err(|error| wrong(error.to_string()))?;
        self.inputs(&kept, &mut run.inputs)?;
        self.suite_files(&files, &mut run.inputs)?;
        let data = suite_data(&files)?;
        let fingerprint: String = run.data_fingerprint.chars().take(12).collect();
        let snapshot = format!("snapshots/{data}-{fingerprint}.snapshot");
        let snapshot = self.add(&snapshot, Role::Snapshot, &suite.data.to_bytes())?;
        self.depends_on(&snapshot);
        run.cassette = self.cassette(&kept, &run, folder, cassette)?;
        run.telemetry = if self.recipients.is_empty() {
            self.add_file(run.telemetry.as_str(), Role::Telemetry, &file)?
        } else {
            let bytes = read_whole(&file)?;
            self.add_closed(&run.telemetry, Role::Telemetry, &bytes)?
        };
        if let Some(digest) = self.digest(&run.telemetry) {
            self.outputs.insert(run.telemetry.clone(), digest);
        }
        self.belongs(&run, suite, file);
        Ok(run)
    }

    fn depends_on(&mut self, path: &MemberPath) {
        if let Some(digest) = self.digest(path) {
            self.dependencies.insert(path.clone(), digest);
        }
    }

    /// Adds what a run depended on, but for its suite.
    fn inputs(&mut self, kept: &Kept, inputs: &mut Inputs) -> Result<(), Failure> {
        let seats = inputs.judges.iter().chain(&inputs.verifiers);
        let named = seats
            .chain([&inputs.policy])
            .map(|seat| (seat.member.clone(), Role::Plugin))
            .chain(inputs.data.iter().map(|path| (path.clone(), Role::Data)))
            .chain(
                inputs
                    .models
                    .iter()
                    .map(|path| (path.clone(), Role::Models)),
            )
            .chain(
                inputs
                    .prices
                    .iter()
                    .map(|path| (path.clone(), Role::Prices)),
            )
            .chain(
                inputs
                    .prompts
                    .iter()
                    .map(|of| (of.member.clone(), Role::Prompt)),
            );
        for (path, role) in named.collect::<Vec<_>>() {
            let bytes = kept.bytes(&path)?;
            self.add(path.as_str(), role.clone(), &bytes)?;
            self.depends_on(&path);
            if role == Role::Plugin {
                documents::add_wit(self, &path, &bytes)?;
            }
        }
        // Given calls may well be the right ones.
        if let Some(path) = inputs.script.clone() {
            let bytes = kept.bytes(&path)?;
            let path = self.add_closed(&path, Role::Script, &bytes)?;
            self.depends_on(&path);
            inputs.script = Some(path);
        }
        Ok(())
    }

    /// Adds a suite's files: as they are, or with the gold of held-out tasks in files of their
    /// own that only the recipients may read.
    fn suite_files(&mut self, files: &SuiteFiles, inputs: &mut Inputs) -> Result<(), Failure> {
        let public = match self.recipients.is_empty() {
            true => files.suite.clone(),
            false => Suite::sealed_files(&files.suite, Split::Holdout)?,
        };
        let mut tasks = Vec::new();
        for (path, text) in &files.suite {
            let path = member_of(path)?;
            let public = public.get(Path::new(path.as_str()));
            let member = match public {
                Some(public) if public != text => {
                    let closed = self.add_closed(&path, Role::Suite, text.as_bytes())?;
                    let stand_in = public_form(&closed)
                        .ok_or_else(|| Failure::input(format!("{path}: its name is too long")))?;
                    self.add(stand_in.as_str(), Role::PublicSuite, public.as_bytes())?;
                    closed
                }
                _ => self.add(path.as_str(), Role::Suite, text.as_bytes())?,
            };
            self.depends_on(&member);
            if Path::new(path.as_str()) == files.manifest {
                inputs.suite = member;
            } else {
                tasks.push(member);
            }
        }
        inputs.tasks = tasks;
        Ok(())
    }

    /// Adds the exchanges with models that a run used.
    fn cassette(
        &mut self,
        kept: &Kept,
        run: &Run,
        folder: &Path,
        given: Option<&Path>,
    ) -> Result<Option<MemberPath>, Failure> {
        let inputs = &run.inputs;
        let asks =
            inputs.policy.model.is_some() || inputs.judges.iter().any(|seat| seat.model.is_some());
        if !asks {
            return Ok(None);
        }
        let Some(source) = given.map(Path::to_owned).or_else(|| kept.cassette.clone()) else {
            return Err(Failure::input(format!(
                "the run {} asked models, and what they said was not recorded",
                run.name
            ))
            .hint("a run that can be run again is made with --cassette"));
        };
        let pruned = tempfile::tempdir()
            .map_err(|error| Failure::input(format!("no temporary folder: {error}")))?;
        let out = pruned.path().join("cassette");
        keep_used(&source, &folder.join("telemetry.jsonl"), &out, false).map_err(|failure| {
            failure.hint(format!("--cassette {}=FILE says where it is now", run.name))
        })?;
        let path =
            MemberPath::new(&format!("runs/{0}/{0}.cassette", run.name)).map_err(Failure::input)?;
        let member = if self.recipients.is_empty() {
            self.add_file(path.as_str(), Role::Cassette, &out)?
        } else {
            let bytes = read_whole(&out)?;
            self.add_closed(&path, Role::Cassette, &bytes)?
        };
        self.depends_on(&member);
        Ok(Some(member))
    }

    fn belongs(&mut self, run: &Run, suite: Suite, telemetry: PathBuf) {
        let named = (run.name.clone(), telemetry);
        let of_suite = |known: &&mut SuiteRuns| known.member == run.inputs.suite;
        match self.suites.iter_mut().find(of_suite) {
            Some(known) => known.runs.push(named),
            None => self.suites.push(SuiteRuns {
                member: run.inputs.suite.clone(),
                suite,
                runs: vec![named],
            }),
        }
    }

    fn tables(&mut self, runs: &[Run]) -> Result<(), Failure> {
        if runs.is_empty() {
            return Err(Failure::input("there is no run to seal"));
        }
        for of in std::mem::take(&mut self.suites) {
            let mut agents = Vec::new();
            for (name, telemetry) in &of.runs {
                agents.push(tables::agent(name, File::open(telemetry)?)?);
            }
            for (path, text) in tables::of(&of.suite, &agents)? {
                self.add(path.as_str(), Role::Table, text.as_bytes())?;
                self.outputs
                    .insert(path.clone(), Digest::of(text.as_bytes()));
            }
        }
        Ok(())
    }

    fn provenance(&mut self, manifest: &Manifest) -> Result<(), Failure> {
        let resources = |of: &BTreeMap<MemberPath, Digest>| {
            of.iter()
                .map(|(path, digest)| Resource::new(path.as_str(), *digest))
                .collect()
        };
        let runs = manifest.runs.iter();
        let mut commands: Vec<String> =
            runs.clone().map(|run| run.inputs.command.clone()).collect();
        let names = runs.map(|run| run.name.as_str());
        commands.push(inputs::command(
            ["proctor", "bundle", "seal"].into_iter().chain(names),
        ));
        let statement = provenance(
            resources(&self.outputs),
            commands,
            resources(&self.dependencies),
            &manifest.kernel,
        );
        self.add("provenance.json", Role::Provenance, &statement.to_bytes())?;
        Ok(())
    }
}

fn member_of(path: &Path) -> Result<MemberPath, Failure> {
    MemberPath::new(&path.to_string_lossy()).map_err(Failure::input)
}

/// What the data of a suite is called.
fn suite_data(files: &SuiteFiles) -> Result<String, Failure> {
    Ok(inputs::word(&files.data_folder()?))
}
