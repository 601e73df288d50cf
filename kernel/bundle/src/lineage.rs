//! Whether a run's telemetry was made from the members that the manifest names: every digest that
//! the telemetry's first line states is that of what is in the bundle.

use std::collections::BTreeSet;
use std::path::Path;

use proctor_episode::{ModelPin, Suite, SuiteError, canonical};
use proctor_host::Digest;
use proctor_model::{Catalog, PriceList, parse_catalog};
use serde_json::{Value as Json, json};

use crate::manifest::{Inputs, PluginSeat, Run};
use crate::path::MemberPath;

/// A run that was not made from what the bundle holds.
#[derive(Debug, thiserror::Error)]
pub enum LineageError {
    /// The telemetry says otherwise than the members.
    #[error(
        "the run {run} was not made from what is in the bundle: its telemetry says {field} is {recorded}, and the members make it {found}"
    )]
    Other {
        /// The run.
        run: String,
        /// Field of `run.start`.
        field: &'static str,
        /// What the telemetry says.
        recorded: String,
        /// What the members come to.
        found: String,
    },
    /// A suite that cannot be used.
    #[error(transparent)]
    Suite(SuiteError),
    /// A file that is no text.
    #[error("{0} is not in UTF-8")]
    NoText(MemberPath),
    /// A member cannot be read.
    #[error("{0}")]
    Member(String),
    /// A models file or a price list that cannot be used.
    #[error("the run {run}: {reason}")]
    Models {
        /// The run.
        run: String,
        /// What is wrong.
        reason: String,
    },
}

/// Why a member cannot be read.
#[derive(Debug)]
pub enum ReadError {
    /// It is encrypted, and there is no key.
    Sealed,
    /// Something is wrong.
    Failed(String),
}

/// Where members are read from.
pub trait Members {
    /// What a member holds.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, path: &MemberPath) -> Result<Vec<u8>, ReadError>;
}

impl LineageError {
    /// Holds a suite against what the manifest says of it.
    ///
    /// # Errors
    /// When it is another.
    pub fn check_suite(run: &Run, suite: &Suite) -> Result<(), Self> {
        let pairs = [
            (
                "suite_digest",
                run.suite_digest.to_string(),
                suite.digest.to_string(),
            ),
            (
                "data_fingerprint",
                run.data_fingerprint.clone(),
                suite.data.fingerprint().to_string(),
            ),
        ];
        for (field, recorded, found) in pairs {
            if recorded != found {
                return Err(Self::Other {
                    run: run.name.clone(),
                    field,
                    recorded,
                    found,
                });
            }
        }
        Ok(())
    }
}

/// Holds the first line of a run's telemetry against the members, by the version of the kernel
/// that sealed them. What is encrypted, without a key, is left out.
///
/// # Errors
/// At the first thing that differs, and when a member cannot be read.
pub fn check(
    run: &Run,
    start: &Json,
    kernel: &str,
    members: &dyn Members,
) -> Result<(), LineageError> {
    let of = Lineage {
        run,
        start,
        members,
    };
    let inputs = &run.inputs;
    of.same("proctor", &json!(kernel))?;
    of.same("suite_digest", &json!(run.suite_digest))?;
    of.same("data_fingerprint", &json!(run.data_fingerprint))?;
    of.same("episodes", &json!(run.episodes))?;
    of.plugins("policy", std::slice::from_ref(&inputs.policy), true)?;
    of.plugins("verifiers", &inputs.verifiers, false)?;
    of.plugins("judges", &inputs.judges, false)?;
    of.prompts()?;
    of.script()?;
    of.models()
}

struct Lineage<'a> {
    run: &'a Run,
    start: &'a Json,
    members: &'a dyn Members,
}

impl Lineage<'_> {
    fn same(&self, field: &'static str, found: &Json) -> Result<(), LineageError> {
        let recorded = self.start.get(field).unwrap_or(&Json::Null);
        if recorded == found {
            return Ok(());
        }
        let shown = |value: &Json| match value {
            Json::Null => "not there".to_owned(),
            Json::String(text) => text.chars().take(200).collect(),
            other => canonical::to_string(other).chars().take(200).collect(),
        };
        Err(LineageError::Other {
            run: self.run.name.clone(),
            field,
            recorded: shown(recorded),
            found: shown(found),
        })
    }

    fn read(&self, path: &MemberPath) -> Result<Option<Vec<u8>>, LineageError> {
        match self.members.read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(ReadError::Sealed) => Ok(None),
            Err(ReadError::Failed(reason)) => Err(LineageError::Member(reason)),
        }
    }

    fn texts(&self, paths: &[MemberPath]) -> Result<Option<Vec<String>>, LineageError> {
        let mut texts = Vec::new();
        for path in paths {
            let Some(bytes) = self.read(path)? else {
                return Ok(None);
            };
            let text = String::from_utf8(bytes).map_err(|_| LineageError::NoText(path.clone()))?;
            texts.push(text);
        }
        Ok(Some(texts))
    }

    /// Names and digests of components are those that the telemetry pins.
    fn plugins(
        &self,
        field: &'static str,
        seats: &[PluginSeat],
        single: bool,
    ) -> Result<(), LineageError> {
        let recorded = self.start.get(field).cloned().unwrap_or(json!([]));
        let pins = if single { json!([recorded]) } else { recorded };
        let pinned: Vec<[&Json; 2]> = pins
            .as_array()
            .into_iter()
            .flatten()
            .map(|pin| [&pin["digest"], &pin["name"]])
            .collect();
        let mut found = Vec::new();
        for seat in seats {
            let Some(bytes) = self.read(&seat.member)? else {
                return Ok(());
            };
            found.push([json!(Digest::of(&bytes)), json!(seat.name)]);
        }
        let same = pinned.len() == found.len()
            && pinned
                .iter()
                .zip(&found)
                .all(|(one, other)| *one[0] == other[0] && *one[1] == other[1]);
        if same {
            return Ok(());
        }
        Err(LineageError::Other {
            run: self.run.name.clone(),
            field,
            recorded: canonical::to_string(&pinned),
            found: canonical::to_string(&found),
        })
    }

    fn prompts(&self) -> Result<(), LineageError> {
        let mut found = Vec::new();
        for prompt in &self.run.inputs.prompts {
            let Some(bytes) = self.read(&prompt.member)? else {
                return Ok(());
            };
            found.push(json!({
                "digest": Digest::of(&bytes),
                "name": prompt.name,
                "plugin": prompt.plugin,
                "version": prompt.version,
            }));
        }
        if found.is_empty() && self.start.get("prompts").is_none() {
            return Ok(());
        }
        self.same("prompts", &Json::from(found))
    }

    fn script(&self) -> Result<(), LineageError> {
        let found = match &self.run.inputs.script {
            None => Json::Null,
            Some(path) => match self.read(path)? {
                Some(bytes) => json!(Digest::of(&bytes)),
                None => return Ok(()),
            },
        };
        self.same("script_digest", &found)
    }

    /// The models' settings and the prices, as the files make them.
    fn models(&self) -> Result<(), LineageError> {
        let inputs = &self.run.inputs;
        let asked = asked(inputs);
        if asked.is_empty() {
            self.same("prices_digest", &Json::Null)?;
            return self.same("models", &Json::Null);
        }
        let (Some(models), Some(prices)) =
            (self.texts(&inputs.models)?, self.texts(&inputs.prices)?)
        else {
            return Ok(());
        };
        let wrong = |reason: String| LineageError::Models {
            run: self.run.name.clone(),
            reason,
        };
        let mut catalog = Catalog::default();
        for (path, text) in inputs.models.iter().zip(&models) {
            (catalog, _) = parse_catalog(text, Path::new(path.as_str()), Some(&catalog))
                .map_err(|error| wrong(error.to_string()))?;
        }
        let mut list = PriceList::default();
        for (path, text) in inputs.prices.iter().zip(&prices) {
            let prices = PriceList::parse(text, Path::new(path.as_str()))
                .map_err(|error| wrong(error.to_string()))?;
            list = list.overlaid(prices);
        }
        let mut pins = Vec::new();
        for (role, name) in asked {
            let (model, provider) = catalog
                .model(name)
                .map_err(|error| wrong(error.to_string()))?;
            // By way of its text, which is how the telemetry's numbers were read.
            let pin = canonical::to_string(&ModelPin::of(role, model, provider));
            pins.push(serde_json::from_str(&pin).unwrap_or(Json::Null));
        }
        self.same("prices_digest", &json!(list.digest().to_string()))?;
        self.same("models", &Json::from(pins))
    }
}

/// Models that are asked, each once with its role, the policy's first.
fn asked(inputs: &Inputs) -> Vec<(&'static str, &str)> {
    let student = inputs.policy.model.as_deref().map(|name| ("student", name));
    let judges = inputs.judges.iter();
    let judges = judges.filter_map(|seat| Some(("judge", seat.model.as_deref()?)));
    let mut seen = BTreeSet::new();
    student
        .into_iter()
        .chain(judges)
        .filter(|asked| seen.insert(*asked))
        .collect()
}
