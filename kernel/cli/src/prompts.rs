//! Texts that plugins are given: the built-in ones, or files in their place.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proctor_episode::PromptPin;
use proctor_host::Digest;

use crate::exit::Failure;
use crate::models::JudgeRequest;
use crate::seeds;

/// Largest text, in bytes.
const PROMPT_BYTES_MAX: u64 = 256 << 10;

/// A file that the operator gives in place of a built-in text.
#[derive(Clone, Debug)]
pub struct GivenPrompt {
    /// Plugin that it is for; the policy where none is named.
    pub plugin: Option<String>,
    /// Name that the plugin asks for.
    pub name: String,
    /// The text.
    pub text: String,
}

impl GivenPrompt {
    /// Reads `[PLUGIN/]NAME=FILE`.
    pub fn read(option: &str) -> Result<Self, Failure> {
        let (place, file) = option.split_once('=').ok_or_else(|| {
            Failure::input(format!("--prompt {option}: expected [PLUGIN/]NAME=FILE"))
        })?;
        let (plugin, name) = match place.split_once('/') {
            Some((plugin, name)) => (Some(plugin.to_owned()), name),
            None => (None, place),
        };
        let wrong = |reason: String| Failure::input(format!("--prompt: {file}: {reason}"));
        let size = std::fs::metadata(file)
            .map_err(|error| wrong(error.to_string()))?
            .len();
        if size > PROMPT_BYTES_MAX {
            return Err(wrong(format!(
                "has {size} bytes; at most {PROMPT_BYTES_MAX} are read"
            )));
        }
        Ok(Self {
            plugin,
            name: name.to_owned(),
            text: std::fs::read_to_string(Path::new(file))
                .map_err(|error| wrong(error.to_string()))?,
        })
    }
}

/// The texts of everyone who takes part in an examination.
pub struct Prompts {
    of_plugins: BTreeMap<String, Texts>,
}

#[derive(Default)]
struct Texts {
    texts: Arc<BTreeMap<String, String>>,
    versions: BTreeMap<String, String>,
}

impl Prompts {
    /// The built-in texts of the policy and the judges, with those given in their place.
    pub fn of(
        policy: &str,
        judges: &[JudgeRequest],
        given: &[GivenPrompt],
    ) -> Result<Self, Failure> {
        let plugins: Vec<&str> = std::iter::once(policy)
            .chain(judges.iter().map(|judge| judge.name.as_str()))
            .collect();
        for prompt in given {
            let named = prompt.plugin.as_deref().unwrap_or(policy);
            if !plugins.contains(&named) {
                return Err(Failure::input(format!(
                    "--prompt {named}/{}: no such plugin takes part",
                    prompt.name
                ))
                .hint(format!("those who do: {}", plugins.join(", "))));
            }
        }
        let texts = |plugin: &str| {
            let (version, mut texts) = seeds::prompts(plugin);
            let mut versions: BTreeMap<String, String> = texts
                .keys()
                .map(|name| (name.clone(), version.clone()))
                .collect();
            for prompt in given {
                if prompt.plugin.as_deref().unwrap_or(policy) == plugin {
                    texts.insert(prompt.name.clone(), prompt.text.clone());
                    versions.insert(prompt.name.clone(), "file".to_owned());
                }
            }
            Texts {
                texts: Arc::new(texts),
                versions,
            }
        };
        Ok(Self {
            of_plugins: plugins
                .iter()
                .map(|plugin| ((*plugin).to_owned(), texts(plugin)))
                .collect(),
        })
    }

    /// The texts of one plugin.
    pub fn texts(&self, plugin: &str) -> Arc<BTreeMap<String, String>> {
        self.of_plugins
            .get(plugin)
            .map(|texts| Arc::clone(&texts.texts))
            .unwrap_or_default()
    }

    /// What the telemetry says of them.
    pub fn pins(&self) -> Vec<PromptPin> {
        let mut pins = Vec::new();
        for (plugin, of) in &self.of_plugins {
            for (name, text) in of.texts.iter() {
                pins.push(PromptPin {
                    digest: Digest::of(text.as_bytes()).to_string(),
                    name: name.clone(),
                    plugin: plugin.clone(),
                    version: of.versions.get(name).cloned().unwrap_or_default(),
                });
            }
        }
        pins
    }
}
