//! Texts that plugins are given: the built-in ones, or files in their place.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use proctor_episode::PromptPin;
use proctor_host::Digest;

use crate::exit::Failure;
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
#[derive(Default)]
pub struct Prompts {
    of_plugins: BTreeMap<String, Texts>,
}

#[derive(Default)]
struct Texts {
    texts: Arc<BTreeMap<String, String>>,
    versions: BTreeMap<String, String>,
}

impl Prompts {
    /// The built-in texts of these plugins, the policy first, with those given in their place.
    pub fn of(plugins: &[&str], given: &[GivenPrompt]) -> Result<Self, Failure> {
        let policy = plugins.first().copied().unwrap_or_default();
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

    /// Adds a text, in place of one with the same name.
    pub fn add(&mut self, plugin: &str, name: &str, version: &str, text: String) {
        let of = self.of_plugins.entry(plugin.to_owned()).or_default();
        Arc::make_mut(&mut of.texts).insert(name.to_owned(), text);
        of.versions.insert(name.to_owned(), version.to_owned());
    }

    /// All texts: plugin, name, version, text.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str, &str, &str)> {
        self.of_plugins.iter().flat_map(|(plugin, of)| {
            of.texts.iter().map(move |(name, text)| {
                let version = of.versions.get(name).map_or("", String::as_str);
                (plugin.as_str(), name.as_str(), version, text.as_str())
            })
        })
    }

    /// What the telemetry says of them.
    pub fn pins(&self) -> Vec<PromptPin> {
        let pin = |(plugin, name, version, text): (&str, &str, &str, &str)| PromptPin {
            digest: Digest::of(text.as_bytes()).to_string(),
            name: name.to_owned(),
            plugin: plugin.to_owned(),
            version: version.to_owned(),
        };
        self.all().map(pin).collect()
    }
}
