//! Opening a bundle for a command: its file, whose seal counts, and who takes part in its runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proctor_bundle::trust::TrustPolicy;
use proctor_bundle::{Bundle, Inputs, OpenSuite, PluginSeat, Run};
use proctor_model::Spent;

use super::keys;
use crate::args::{Mode, OpenOptions};
use crate::examiners::{Component, Seats};
use crate::exit::Failure;
use crate::models::{JudgeRequest, ModelRequest, Offer};
use crate::prompts::Prompts;

/// A bundle, and whose signatures count.
pub struct Opened {
    pub bundle: Bundle,
    pub trust: Option<TrustPolicy>,
}

/// Opens a bundle of which somebody that counts must have sealed the manifest.
pub fn open(options: &OpenOptions) -> Result<Opened, Failure> {
    let trust = keys::trust(&options.trust)?;
    let opened = Opened {
        bundle: read(&options.bundle, options.identity.as_deref())?,
        trust,
    };
    if let Some(trust) = &opened.trust {
        opened.bundle.vouched(trust).map_err(Failure::input)?;
    }
    Ok(opened)
}

/// Opens a bundle, whoever sealed it.
pub fn read(path: &Path, identity: Option<&Path>) -> Result<Bundle, Failure> {
    let identities = keys::identities(identity)?;
    Bundle::open(path, identities).map_err(|error| {
        let (place, error) = (path.display().to_string(), error.to_string());
        match error.starts_with(&place) {
            true => Failure::input(error),
            false => Failure::input(format!("{place}: {error}")),
        }
    })
}

/// The suite of a run.
pub fn suite(bundle: &Bundle, run: &Run) -> Result<Arc<OpenSuite>, Failure> {
    bundle.suite(run).map_err(Failure::input)
}

/// Who takes part in a run, as sealed.
pub fn seats(bundle: &Bundle, run: &Run) -> Result<Seats, Failure> {
    let inputs = &run.inputs;
    let script = match &inputs.script {
        Some(path) => {
            let texts = bundle.texts(std::slice::from_ref(path));
            texts.map_err(Failure::input)?.into_iter().next()
        }
        None => None,
    };
    let components = |seats: &[PluginSeat]| {
        seats
            .iter()
            .map(|seat| component(bundle, seat))
            .collect::<Result<Vec<_>, _>>()
    };
    let mut prompts = Prompts::default();
    for prompt in &inputs.prompts {
        let texts = bundle.texts(std::slice::from_ref(&prompt.member));
        for text in texts.map_err(Failure::input)? {
            prompts.add(&prompt.plugin, &prompt.name, &prompt.version, text);
        }
    }
    Ok(Seats {
        policy: component(bundle, &inputs.policy)?,
        verifiers: components(&inputs.verifiers)?,
        judges: components(&inputs.judges)?,
        prompts,
        script,
    })
}

/// A component of a bundle, granted no more than this program would grant it by itself.
fn component(bundle: &Bundle, seat: &PluginSeat) -> Result<Component, Failure> {
    let wasm = bundle.read(&seat.member).map_err(Failure::input)?;
    let component = Component::sealed(&seat.name, seat.member.as_str(), wasm);
    let granted: Vec<String> = component.grant_names(seat.model.is_some());
    if let Some(more) = seat.grants.iter().find(|grant| !granted.contains(grant)) {
        return Err(Failure::input(format!(
            "{}: the bundle grants it `{more}`, which this program doesn't",
            seat.member
        ))
        .hint("gold is granted to this program's own oracle alone, and a model to a plugin that one is named for"));
    }
    Ok(component)
}

/// What a run asks of models, from its recording and from nowhere else. `cassette` is the file
/// that the recording was written to.
pub fn models(
    bundle: &Bundle,
    run: &Run,
    cassette: Option<PathBuf>,
) -> Result<ModelRequest, Failure> {
    let inputs = &run.inputs;
    let judges = inputs.judges.iter().map(|seat| JudgeRequest {
        name: seat.name.clone(),
        model: seat.model.clone(),
    });
    Ok(ModelRequest {
        offer: offer(bundle, inputs)?,
        model: inputs.policy.model.clone(),
        judges: judges.collect(),
        prompts: Vec::new(),
        cassette,
        mode: Some(Mode::Replay),
        spent: Spent::default(),
    })
}

/// The models and prices of a run. A replay needs no price: what it costs is recorded.
fn offer(bundle: &Bundle, inputs: &Inputs) -> Result<Offer, Failure> {
    let mut offer = Offer {
        unpriced: true,
        ..Offer::default()
    };
    let texts = |paths| bundle.texts(paths).map_err(Failure::input);
    for (path, text) in inputs.models.iter().zip(texts(&inputs.models)?) {
        offer.add_models(&text, Path::new(path.as_str()))?;
    }
    for (path, text) in inputs.prices.iter().zip(texts(&inputs.prices)?) {
        offer.add_prices(&text, Path::new(path.as_str()))?;
    }
    Ok(offer)
}
