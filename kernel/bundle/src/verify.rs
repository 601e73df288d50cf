//! Verifying a bundle without running anything in it: in one pass, member by member.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use proctor_episode::{
    Split, Suite, SuiteFiles, TelemetryLine, TelemetryReadError, TelemetryReader,
};
use proctor_host::Digest;
use proctor_store::Snapshot;
use serde_json::Value as Json;

use crate::bundle::{Bundle, BundleError, public_form};
use crate::lineage::{self, LineageError};
use crate::manifest::{Role, Run};
use crate::path::MemberPath;
use crate::signing::{Verified as VerifiedSignature, signature_key_id};
use crate::statement::{Provenance, Replay, Statement, StatementError};
use crate::trust::{Purpose, TrustError, TrustPolicy, Vouched};

/// A bundle that doesn't hold.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It cannot be read, or a member isn't what the manifest says.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// Nobody that counts has signed it, or a signature doesn't hold.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// A run's telemetry doesn't hold.
    #[error("{member}: {reason}")]
    Telemetry {
        /// The telemetry.
        member: MemberPath,
        /// What is wrong.
        reason: String,
    },
    /// A snapshot that is damaged or isn't the data of any run.
    #[error("{member}: {reason}")]
    Snapshot {
        /// The snapshot.
        member: MemberPath,
        /// What is wrong.
        reason: String,
    },
    /// This program's own schema of telemetry cannot be used.
    #[error("the schema of telemetry: {0}")]
    Schema(String),
    /// A run whose data isn't there as rows.
    #[error("the run {0}: the bundle has no snapshot of its data")]
    NoSnapshot(String),
    /// A statement that doesn't hold.
    #[error("{name}: {reason}")]
    Statement {
        /// The statement.
        name: String,
        /// What is wrong.
        reason: String,
    },
}

/// A run that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedRun {
    /// Its name in the bundle.
    pub name: String,
    /// Lines of telemetry; nothing where it is encrypted and there is no key.
    pub lines: Option<u64>,
    /// Episodes.
    pub episodes: u64,
}

/// An auditor's countersignature.
#[derive(Clone, Debug)]
pub struct Attestation {
    /// Who signed.
    pub by: VerifiedSignature,
    /// What they say.
    pub replay: Replay,
}

/// What becomes of the lines of telemetry while a bundle is verified.
pub enum Lines<'a> {
    /// Each is held to its chain and to the schema, and shown to this with its run, so that nobody
    /// has to read it a second time.
    Told(&'a mut dyn FnMut(&Run, &TelemetryLine) -> Result<(), String>),
    /// Only the first of each run is looked at: the others are compared, one by one, with those that
    /// a replay writes.
    Replayed,
}

/// What holds.
#[derive(Debug)]
pub struct Verified {
    /// Who sealed it and who countersigned, where somebody's keys count.
    pub vouched: Vec<Vouched>,
    /// What those who countersigned say.
    pub attestations: Vec<Attestation>,
    /// Numbers of keys that countersigned and that nobody knows.
    pub strangers: Vec<String>,
    /// The runs.
    pub runs: Vec<VerifiedRun>,
    /// Members whose digests were checked.
    pub members: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Encrypted members that could not be looked into.
    pub closed: Vec<MemberPath>,
    /// Members of roles that this version doesn't know: carried and checked, and nothing else.
    pub unknown: Vec<(MemberPath, String)>,
}

impl Bundle {
    /// Who sealed it and who countersigned, by the keys that count. Countersignatures by keys that
    /// nobody knows don't count, and do no harm.
    ///
    /// # Errors
    /// When a signature doesn't hold or is by a key that doesn't count, or there are too few.
    pub fn vouched(
        &self,
        trust: &TrustPolicy,
    ) -> Result<(Vec<Vouched>, Vec<Attestation>), VerifyError> {
        let bytes = self.archive().manifest_bytes();
        let mut seals = Vec::new();
        let attachments = self.archive().attachments();
        for (key_id, signature) in &attachments.signatures {
            named(key_id, signature)?;
            seals.push(trust.verify(Purpose::Seal, signature, bytes)?);
        }
        let mut attestations = Vec::new();
        for (key_id, of) in &attachments.attestations {
            named(key_id, &of.signature)?;
            let replay = self.attested(key_id, &of.statement)?;
            match trust.verify(Purpose::Attest, &of.signature, &of.statement) {
                Ok(by) => attestations.push(Attestation { by, replay }),
                // Anybody may countersign, and that takes nothing from those who count.
                Err(TrustError::UnknownKey { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let signers: Vec<_> = attestations.iter().map(|one| one.by.clone()).collect();
        Ok((trust.judge(&seals, &signers)?, attestations))
    }

    /// A countersignature's statement, which must be about this bundle.
    ///
    /// # Errors
    /// When it isn't, or is no such statement.
    pub fn attested(&self, name: &str, statement: &[u8]) -> Result<Replay, VerifyError> {
        let wrong = |reason: String| VerifyError::Statement {
            name: format!("attestations/{name}.json"),
            reason,
        };
        let read = Statement::<Replay>::parse(statement)
            .map_err(|error: StatementError| wrong(error.to_string()))?;
        let digest = Digest::of(self.archive().manifest_bytes());
        let about = |subject: &crate::statement::Resource| subject.digest.sha256 == digest;
        if !read.subject.iter().all(about) {
            return Err(wrong("it is about another bundle".to_owned()));
        }
        Ok(read.predicate)
    }

    /// Verifies everything that can be verified without running anything: who signed, every
    /// member's size and digest, the telemetry's chains, that each run was made from the members
    /// that it names, the snapshots, and the statement of provenance. `progress` is told the
    /// bytes that were read. Memory is flat, however large the bundle is, but for encrypted
    /// members.
    ///
    /// Without a policy nobody's signature counts.
    ///
    /// # Errors
    /// At the first thing that doesn't hold.
    pub fn verify(
        &self,
        trust: Option<&TrustPolicy>,
        progress: &mut dyn FnMut(u64),
        mut lines: Lines<'_>,
    ) -> Result<Verified, VerifyError> {
        let schema = match lines {
            Lines::Told(_) => Some(Schema::of_lines()?),
            Lines::Replayed => None,
        };
        let (vouched, attestations) = match trust {
            Some(trust) => self.vouched(trust)?,
            None => (Vec::new(), Vec::new()),
        };
        let known: BTreeSet<String> = attestations
            .iter()
            .map(|of| of.by.key_id().to_string())
            .collect();
        let signers = self.archive().attestations().map(|(key, _, _)| key);
        let manifest = self.manifest();
        let mut verified = Verified {
            strangers: signers
                .filter(|key| !known.contains(*key))
                .map(str::to_owned)
                .collect(),
            vouched,
            attestations,
            runs: Vec::new(),
            members: manifest.members.len(),
            bytes: 0,
            closed: Vec::new(),
            unknown: Vec::new(),
        };
        for member in &manifest.members {
            // Telemetry is read along its chain below; to its end, and so checked, too.
            let of_run = member.role == Role::Telemetry
                && matches!(lines, Lines::Told(_))
                && manifest.runs.iter().any(|run| run.telemetry == member.path);
            let is_open = self.can_read(&member.path);
            if !of_run || !is_open || member.plain.is_some() {
                self.archive()
                    .check_member(member)
                    .map_err(BundleError::from)?;
                progress(member.size);
            }
            verified.bytes += member.size;
            if !is_open {
                verified.closed.push(member.path.clone());
            }
            if let Role::Other(role) = &member.role {
                verified.unknown.push((member.path.clone(), role.clone()));
            }
        }
        for run in &manifest.runs {
            verified
                .runs
                .push(self.verify_run(run, schema.as_ref(), progress, &mut lines)?);
        }
        self.verify_snapshots()?;
        self.verify_provenance()?;
        Ok(verified)
    }

    fn verify_run(
        &self,
        run: &Run,
        schema: Option<&Schema>,
        progress: &mut dyn FnMut(u64),
        lines: &mut Lines<'_>,
    ) -> Result<VerifiedRun, VerifyError> {
        let opened = self.suite(run)?;
        let suite = &opened.suite;
        self.verify_stand_ins(run, &opened.files)?;
        let mut verified = VerifiedRun {
            name: run.name.clone(),
            lines: None,
            episodes: run.episodes,
        };
        if !self.can_read(&run.telemetry) {
            return Ok(verified);
        }
        let (Lines::Told(told), Some(schema)) = (lines, schema) else {
            self.verify_start(run, &self.first_line(run)?, suite)?;
            return Ok(verified);
        };
        let counted = Counting {
            inner: self.reader(&run.telemetry)?,
            progress,
        };
        let mut seen = |line: TelemetryLine| {
            told(run, &line)?;
            schema.check(line)
        };
        let telemetry =
            read_lines(counted, &mut seen).map_err(|reason| VerifyError::Telemetry {
                member: run.telemetry.clone(),
                reason,
            })?;
        self.verify_start(run, &telemetry.start, suite)?;
        if telemetry.episodes != run.episodes {
            return Err(VerifyError::Telemetry {
                member: run.telemetry.clone(),
                reason: format!(
                    "it has {} episodes, and the manifest says {}",
                    telemetry.episodes, run.episodes
                ),
            });
        }
        verified.lines = Some(telemetry.lines);
        Ok(verified)
    }

    /// Fields of the first line of a run's telemetry: what the run is.
    ///
    /// # Errors
    /// When it cannot be read, or isn't how a run begins.
    pub fn first_line(&self, run: &Run) -> Result<Json, VerifyError> {
        let wrong = |reason: String| VerifyError::Telemetry {
            member: run.telemetry.clone(),
            reason,
        };
        let mut reader = TelemetryReader::new(self.reader(&run.telemetry)?);
        match reader.next_line() {
            Ok(Some(line)) if line.event == "run.start" => Ok(line.fields),
            Ok(_) => Err(wrong("it doesn't begin with run.start".to_owned())),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// The first line of a run's telemetry speaks of the members, and of tasks that there are.
    fn verify_start(&self, run: &Run, start: &Json, suite: &Suite) -> Result<(), VerifyError> {
        lineage::check(run, start, &self.manifest().kernel, self).map_err(BundleError::from)?;
        let known = |task: &Json| task.as_str().is_some_and(|id| suite.task(id).is_some());
        if !start["tasks"]
            .as_array()
            .is_some_and(|tasks| tasks.iter().all(known))
        {
            let other = LineageError::Other {
                run: run.name.clone(),
                field: "tasks",
                recorded: "another list".to_owned(),
                found: format!("a suite of {} tasks", suite.tasks.len()),
            };
            return Err(BundleError::from(other).into());
        }
        Ok(())
    }

    /// With a key: what stands in for encrypted files of a suite is what these make it, so that
    /// whoever has no key is examined on the same tasks.
    fn verify_stand_ins(&self, run: &Run, files: &SuiteFiles) -> Result<(), VerifyError> {
        let paths = run.inputs.tasks.iter().chain([&run.inputs.suite]);
        let closed = paths.filter_map(|path| Some((path, public_form(path)?)));
        let closed: Vec<_> = closed.filter(|(path, _)| self.can_read(path)).collect();
        if closed.is_empty() {
            return Ok(());
        }
        let made = Suite::sealed_files(&files.suite, Split::Holdout)
            .map_err(|error| BundleError::from(LineageError::Suite(error)))?;
        for (_, public) in closed {
            let plain = public.as_str().strip_prefix("public/").unwrap_or_default();
            let text = made.get(Path::new(plain)).map(String::as_bytes);
            if text != Some(self.read(&public)?.as_slice()) {
                return Err(BundleError::OtherPlain(public).into());
            }
        }
        Ok(())
    }

    fn verify_snapshots(&self) -> Result<(), VerifyError> {
        let manifest = self.manifest();
        let mut found = BTreeSet::new();
        for member in manifest
            .members
            .iter()
            .filter(|member| member.role == Role::Snapshot)
        {
            let wrong = |reason: String| VerifyError::Snapshot {
                member: member.path.clone(),
                reason,
            };
            if !self.can_read(&member.path) {
                continue;
            }
            let snapshot = Snapshot::from_bytes(&self.read(&member.path)?)
                .map_err(|error| wrong(error.to_string()))?;
            let fingerprint = snapshot.fingerprint().to_string();
            if !manifest
                .runs
                .iter()
                .any(|run| run.data_fingerprint == fingerprint)
            {
                return Err(wrong(
                    "it isn't the data of any run of the bundle".to_owned(),
                ));
            }
            found.insert(fingerprint);
        }
        let bare = |run: &&Run| !found.contains(&run.data_fingerprint);
        match manifest.runs.iter().find(bare) {
            Some(run) => Err(VerifyError::NoSnapshot(run.name.clone())),
            None => Ok(()),
        }
    }

    /// Everything that the statement of provenance says of members is so.
    fn verify_provenance(&self) -> Result<(), VerifyError> {
        let manifest = self.manifest();
        for member in manifest
            .members
            .iter()
            .filter(|member| member.role == Role::Provenance)
        {
            let wrong = |reason: String| VerifyError::Statement {
                name: member.path.to_string(),
                reason,
            };
            let statement = Statement::<Provenance>::parse(&self.read(&member.path)?)
                .map_err(|error| wrong(error.to_string()))?;
            let build = &statement.predicate.build_definition;
            for resource in statement.subject.iter().chain(&build.resolved_dependencies) {
                let path = MemberPath::new(&resource.name).ok();
                let digest = path
                    .and_then(|path| manifest.member(&path))
                    .map(|member| member.sha256);
                if digest != Some(resource.digest.sha256) {
                    return Err(wrong(format!(
                        "{} isn't a member of this bundle with the digest that it says",
                        resource.name
                    )));
                }
            }
        }
        Ok(())
    }
}

/// A signature lies under the number of the key that it says made it.
fn named(key_id: &str, signature: &str) -> Result<(), VerifyError> {
    let made_by = signature_key_id(signature).map_err(TrustError::from)?;
    if made_by.to_string() == key_id {
        return Ok(());
    }
    Err(VerifyError::Statement {
        name: format!("{key_id}.minisig"),
        reason: format!("it is by the key {made_by}"),
    })
}

/// What a run's telemetry comes to.
pub struct Telemetry {
    /// Fields of its first line.
    pub start: Json,
    /// Its lines.
    pub lines: u64,
    /// Episodes that ended.
    pub episodes: u64,
}

/// Reads the telemetry of a complete run along its chain, in flat memory.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read_telemetry(source: impl Read) -> Result<Telemetry, String> {
    read_lines(source, &mut |_| Ok(()))
}

/// The same, with each line given to `seen`.
fn read_lines(
    source: impl Read,
    seen: &mut dyn FnMut(TelemetryLine) -> Result<(), String>,
) -> Result<Telemetry, String> {
    let words = |error: TelemetryReadError| error.to_string();
    let mut reader = TelemetryReader::new(source);
    let first = reader.next_line().map_err(words)?;
    let start = match first {
        Some(line) if line.event == "run.start" => {
            let start = line.fields.clone();
            seen(line)?;
            start
        }
        _ => return Err("it doesn't begin with run.start".to_owned()),
    };
    let (mut episodes, mut ended) = (0, false);
    while let Some(line) = reader.next_line().map_err(words)? {
        let number = line.seq + 1;
        if ended {
            return Err(format!("line {number} comes after run.end"));
        }
        episodes += u64::from(line.event == "episode.end");
        ended = line.event == "run.end";
        seen(line).map_err(|reason| format!("line {number}: {reason}"))?;
    }
    if !ended {
        return Err("the run isn't complete: it has no run.end".to_owned());
    }
    Ok(Telemetry {
        start,
        lines: reader.lines(),
        episodes,
    })
}

/// The published schema of a line of telemetry.
struct Schema(jsonschema::Validator);

impl Schema {
    fn of_lines() -> Result<Self, VerifyError> {
        let schema = proctor_episode::telemetry_schema();
        jsonschema::validator_for(&schema)
            .map(Self)
            .map_err(|error| VerifyError::Schema(error.to_string()))
    }

    fn check(&self, line: TelemetryLine) -> Result<(), String> {
        let line = line.into_value();
        if self.0.is_valid(&line) {
            return Ok(());
        }
        let error = self.0.validate(&line).err();
        let (place, reason) = error.map_or_else(Default::default, |error| {
            let reason: String = error.to_string().chars().take(200).collect();
            (error.instance_path().to_string(), reason)
        });
        Err(format!(
            "it doesn't fit the schema of telemetry: {place} {reason}"
        ))
    }
}

/// Tells how much was read.
struct Counting<'a, R> {
    inner: R,
    progress: &'a mut dyn FnMut(u64),
}

impl<R: Read> Read for Counting<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        (self.progress)(read as u64);
        Ok(read)
    }
}
