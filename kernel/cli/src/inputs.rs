//! What a run depended on, kept beside its telemetry, so that it can be sealed and run again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use proctor_bundle::{Inputs, KeptRun, MemberPath, PluginSeat, PromptText};
use proctor_host::Digest;

use crate::examiners::Component;
use crate::examining::Request;
use crate::exit::Failure;

/// Name of the folder in a run's folder.
pub const FOLDER: &str = "inputs";
/// Name of the file in it that says what the others are.
pub const FILE: &str = "run.json";

/// Writes what a run depends on into its folder. What is there already was written before the run
/// was interrupted.
pub fn keep(run: &Path, request: &Request<'_>) -> Result<(), Failure> {
    let folder = run.join(FOLDER);
    let kept = folder.join(FILE);
    if kept.exists() {
        return Ok(());
    }
    let mut keeping = Keeping::default();
    let inputs = keeping.inputs(request)?;
    for (path, bytes) in &keeping.files {
        write(&folder.join(path.as_str()), bytes)?;
    }
    let cassette = request
        .asked
        .cassette
        .as_deref()
        .map(absolute)
        .transpose()?;
    // Last: who finds it finds the rest.
    write(&kept, &KeptRun { cassette, inputs }.to_bytes())
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = file.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, bytes))
        .map_err(|error| Failure::input(format!("{}: {error}", file.display())))
}

fn absolute(path: &Path) -> Result<String, Failure> {
    let path = std::path::absolute(path)?;
    path.to_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure::input(format!("{}: its path is not in UTF-8", path.display())))
}

/// Files on their way into the folder.
#[derive(Default)]
struct Keeping<'a> {
    files: BTreeMap<MemberPath, &'a [u8]>,
}

impl<'a> Keeping<'a> {
    fn inputs(&mut self, request: &'a Request<'_>) -> Result<Inputs, Failure> {
        let (seats, asked, files) = (request.seats, request.asked, request.files);
        let suite_folder = format!("suites/{}", word(&request.suite.name));
        let data_folder = data_folder(&files.data_folder()?);
        let mut suite = None;
        let mut tasks = Vec::new();
        for (path, text) in &files.suite {
            let member = self.file(&suite_folder, path, text)?;
            if *path == files.manifest {
                suite = Some(member);
            } else {
                tasks.push(member);
            }
        }
        let suite = suite.ok_or_else(|| Failure::input("the suite has no suite.toml"))?;
        let mut data = Vec::new();
        for (path, text) in &files.data {
            data.push(self.file(&data_folder, path, text)?);
        }
        let mut prompts = Vec::new();
        for (plugin, name, version, text) in seats.prompts.all() {
            let stem = format!("prompts/{}/{}", word(plugin), word(name));
            prompts.push(PromptText {
                member: self.named(&stem, "md", text.as_bytes())?,
                name: name.to_owned(),
                plugin: plugin.to_owned(),
                version: version.to_owned(),
            });
        }
        let (mut models, mut prices) = (Vec::new(), Vec::new());
        if !asked.models().is_empty() {
            for text in &asked.offer.models_texts {
                models.push(self.named("models/models", "toml", text.as_bytes())?);
            }
            for text in &asked.offer.prices_texts {
                prices.push(self.named("models/prices", "toml", text.as_bytes())?);
            }
        }
        let script = match &seats.script {
            Some(text) => Some(self.named("scripts/script", "json", text.as_bytes())?),
            None => None,
        };
        let judges = seats.judges.iter().zip(&asked.judges);
        Ok(Inputs {
            command: request.command.clone(),
            data,
            judges: judges
                .map(|(judge, asked)| self.seat(judge, asked.model.as_deref()))
                .collect::<Result<_, _>>()?,
            models,
            options: request.options.clone(),
            policy: self.seat(&seats.policy, asked.model.as_deref())?,
            prices,
            prompts,
            script,
            suite,
            tasks,
            verifiers: seats
                .verifiers
                .iter()
                .map(|verifier| self.seat(verifier, None))
                .collect::<Result<_, _>>()?,
        })
    }

    fn seat(
        &mut self,
        component: &'a Component,
        model: Option<&str>,
    ) -> Result<PluginSeat, Failure> {
        // The name of the file is the name under which it takes part.
        let digest = Digest::of(&component.wasm).short();
        let path = format!("plugins/{digest}/{}.wasm", word(&component.name));
        let member = member(&path)?;
        self.files.insert(member.clone(), &component.wasm);
        Ok(PluginSeat {
            grants: component.grant_names(model.is_some()),
            member,
            model: model.map(str::to_owned),
            name: component.name.clone(),
        })
    }

    /// A file that keeps its name.
    fn file(&mut self, folder: &str, path: &Path, text: &'a str) -> Result<MemberPath, Failure> {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let member = member(&format!("{folder}/{}.toml", word(&stem)))?;
        if self.files.insert(member.clone(), text.as_bytes()).is_some() {
            return Err(Failure::input(format!(
                "{}: another file of the suite has the same name but for characters that a \
                 bundle cannot hold",
                path.display()
            ))
            .hint("use letters, digits, `.`, `-` and `_` in names of files"));
        }
        Ok(member)
    }

    /// A file that is called by what it holds, so that runs can share it.
    fn named(&mut self, stem: &str, kind: &str, bytes: &'a [u8]) -> Result<MemberPath, Failure> {
        let digest = Digest::of(bytes).short();
        let member = member(&format!("{stem}-{digest}.{kind}"))?;
        self.files.insert(member.clone(), bytes);
        Ok(member)
    }
}

fn member(path: &str) -> Result<MemberPath, Failure> {
    MemberPath::new(path).map_err(Failure::input)
}

/// Where the data lies: where `suite.toml` says, if that is a plain name, so that the suite can
/// be used from there.
fn data_folder(said: &str) -> String {
    match MemberPath::new(said) {
        Ok(_) => said.to_owned(),
        Err(_) => "data".to_owned(),
    }
}

/// A name in the letters that a member's path may have.
pub fn word(name: &str) -> String {
    let known = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let text: String = name
        .chars()
        .map(|letter| if known(letter) { letter } else { '-' })
        .take(60)
        .collect();
    let trimmed = text.trim_matches('.');
    if trimmed.is_empty() {
        "unnamed".to_owned()
    } else {
        trimmed.to_owned()
    }
}

/// The text of a command in which no word is taken apart by a shell.
pub fn command<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,@+%".contains(letter);
    let quoted = |word: &str| {
        if !word.is_empty() && word.chars().all(plain) {
            word.to_owned()
        } else {
            format!("'{}'", word.replace('\'', r"'\''"))
        }
    };
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

/// Options, each with its value, without one of them.
pub fn without(options: &[String], option: &str) -> Vec<String> {
    let mut words = options.iter();
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        if word == option {
            words.next();
        } else {
            kept.push(word.clone());
        }
    }
    kept
}
