//! Which models are asked, what they cost, how much may be spent, and from which recording.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use proctor_episode::{ModelPin, Suite};
use proctor_model::cassette::{Cassette, Header, Redactor};
use proctor_model::{
    Baseline, Budget, Catalog, Cost, Gateway, GatewayError, GatewayOptions, PriceList, Recording,
    Spent, must_be_priced, parse_catalog,
};

use crate::args::{Mode, ModelOptions, SpendingOptions};
use crate::environment;
use crate::exit::Failure;
use crate::prompts::GivenPrompt;
use crate::seeds;

/// Largest models file or price list, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Which models there are, what they cost, and how much may be spent.
#[derive(Clone, Default)]
pub struct Offer {
    pub catalog: Catalog,
    pub prices: PriceList,
    /// Texts of the models files, each beside or in place of those before.
    pub models_texts: Vec<String>,
    /// Texts of the price lists, in the same way.
    pub prices_texts: Vec<String>,
    pub unpriced: bool,
    pub budget_usd: Option<Cost>,
    pub budget_tokens: Option<u64>,
}

impl Offer {
    /// The built-in models and prices, with those of the files given; and the agents that are
    /// listed, of the file given or else the built-in one.
    pub fn of(options: &SpendingOptions) -> Result<(Self, Baseline), Failure> {
        let mut offer = Self::default();
        let mut agents =
            offer.add_models(seeds::text(seeds::MODELS), &seeds::place(seeds::MODELS))?;
        if let Some(path) = &options.models {
            agents = offer.add_models(&read(path)?, path)?;
        }
        offer.add_prices(seeds::text(seeds::PRICES), &seeds::place(seeds::PRICES))?;
        if let Some(path) = &options.prices {
            offer.add_prices(&read(path)?, path)?;
        }
        let budget_usd = match &options.budget_usd {
            None => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|error| Failure::input(format!("--budget-usd {text}: {error}")))?,
            ),
        };
        offer.unpriced = options.unpriced;
        offer.budget_usd = budget_usd;
        offer.budget_tokens = options.budget_tokens;
        Ok((offer, agents))
    }

    /// Takes over the models of a file, beside or in place of those there are; gives the agents
    /// that it lists.
    pub fn add_models(&mut self, text: &str, path: &Path) -> Result<Baseline, Failure> {
        let (catalog, agents) =
            parse_catalog(text, path, Some(&self.catalog)).map_err(Failure::input)?;
        self.catalog = catalog;
        self.models_texts.push(text.to_owned());
        Ok(agents)
    }

    /// Takes over the prices of a file, beside or in place of those there are.
    pub fn add_prices(&mut self, text: &str, path: &Path) -> Result<(), Failure> {
        let prices = PriceList::parse(text, path).map_err(Failure::input)?;
        self.prices = std::mem::take(&mut self.prices).overlaid(prices);
        self.prices_texts.push(text.to_owned());
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let wrong = |reason: String| Failure::input(format!("{}: {reason}", path.display()));
    let size = std::fs::metadata(path)
        .map_err(|error| wrong(error.to_string()))?
        .len();
    if size > FILE_BYTES_MAX {
        return Err(wrong(format!(
            "has {size} bytes; at most {FILE_BYTES_MAX} are read"
        )));
    }
    std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))
}

/// A judge, and whom it asks.
#[derive(Clone, Debug)]
pub struct JudgeRequest {
    /// Built-in name or component file.
    pub name: String,
    /// Model that it asks.
    pub model: Option<String>,
}

/// What one examination asks of models.
#[derive(Clone, Default)]
pub struct ModelRequest {
    pub offer: Offer,
    /// Model that the policy asks.
    pub model: Option<String>,
    pub judges: Vec<JudgeRequest>,
    pub prompts: Vec<GivenPrompt>,
    pub cassette: Option<PathBuf>,
    pub mode: Option<Mode>,
    /// What was spent of the budget by others.
    pub spent: Spent,
}

impl ModelRequest {
    /// What the command line asks for.
    pub fn of(options: &ModelOptions) -> Result<Self, Failure> {
        if options.cassette.is_none() && !matches!(options.mode, None | Some(Mode::Live)) {
            return Err(Failure::input("--mode: there is no recording")
                .hint("name its file with --cassette"));
        }
        let (offer, _) = Offer::of(&options.spending)?;
        Ok(Self {
            offer,
            model: options.model.clone(),
            judges: options
                .judge
                .iter()
                .map(|name| JudgeRequest {
                    name: name.clone(),
                    model: options.judge_model.clone(),
                })
                .collect(),
            prompts: options
                .prompts
                .iter()
                .map(|text| GivenPrompt::read(text))
                .collect::<Result<_, _>>()?,
            cassette: options.cassette.clone(),
            mode: options.mode,
            spent: Spent::default(),
        })
    }

    /// Models that will be asked, each once, with the role.
    pub fn models(&self) -> Vec<(&'static str, &str)> {
        let student = self.model.as_deref().map(|model| ("student", model));
        let judges = self
            .judges
            .iter()
            .filter_map(|judge| Some(("judge", judge.model.as_deref()?)));
        let mut all = Vec::new();
        for asked in student.into_iter().chain(judges) {
            if !all.contains(&asked) {
                all.push(asked);
            }
        }
        all
    }

    /// What the telemetry says of the models.
    pub fn pins(&self) -> Result<Vec<ModelPin>, Failure> {
        let pin = |(role, name): (&str, &str)| {
            let (model, provider) = self
                .offer
                .catalog
                .model(name)
                .map_err(|error| gateway_failure(GatewayError::UnknownModel(error)))?;
            Ok(ModelPin::of(role, model, provider))
        };
        self.models().into_iter().map(pin).collect()
    }

    /// Refuses a model without a price, unless such may be asked.
    pub fn all_priced(&self) -> Result<(), Failure> {
        let Offer {
            prices, unpriced, ..
        } = &self.offer;
        self.models()
            .into_iter()
            .try_for_each(|(_, model)| must_be_priced(prices, model, *unpriced))
            .map_err(gateway_failure)
    }

    /// Digest of the price list, if any model is asked.
    pub fn prices_digest(&self) -> Option<String> {
        let asked = !self.models().is_empty();
        asked.then(|| self.offer.prices.digest().to_string())
    }

    /// What is done with recordings, if any model is asked.
    pub fn recording(&self) -> Option<String> {
        let asked = !self.models().is_empty();
        asked.then(|| mode_name(self.mode()).to_owned())
    }

    fn mode(&self) -> Mode {
        match (self.mode, &self.cassette) {
            (Some(mode), _) => mode,
            (None, Some(_)) => Mode::Auto,
            (None, None) => Mode::Live,
        }
    }

    /// The gateway to the models; nothing if none is asked.
    pub fn gateway(&self, suite: &Suite, resume: bool) -> Result<Option<Arc<Gateway>>, Failure> {
        let models: Vec<&str> = self.models().into_iter().map(|(_, model)| model).collect();
        if models.is_empty() {
            return Ok(None);
        }
        let redactor = self.redactor(&models)?;
        let options = GatewayOptions {
            models: &models,
            catalog: &self.offer.catalog,
            prices: self.offer.prices.clone(),
            unpriced: self.offer.unpriced,
            budget: Budget::new(self.offer.budget_usd, self.offer.budget_tokens, self.spent),
            recording: self.open(suite, resume, &redactor)?,
            key: &|variable| environment::variable(variable).ok().flatten(),
            redactor,
        };
        Ok(Some(Arc::new(
            Gateway::new(options).map_err(gateway_failure)?,
        )))
    }

    /// Takes out the keys of all providers that are asked, and what looks like a key.
    fn redactor(&self, models: &[&str]) -> Result<Redactor, Failure> {
        let mut secrets = Vec::new();
        for name in models {
            let Ok((_, provider)) = self.offer.catalog.model(name) else {
                continue;
            };
            if let Some(variable) = &provider.key_env {
                secrets.extend(environment::variable(variable)?);
            }
        }
        Ok(Redactor::new(&secrets))
    }

    fn open(&self, suite: &Suite, resume: bool, redactor: &Redactor) -> Result<Recording, Failure> {
        let Some(path) = &self.cassette else {
            return Ok(Recording::Live);
        };
        let header = Header {
            suite: suite.name.clone(),
            suite_digest: suite.digest.to_string(),
            proctor: env!("CARGO_PKG_VERSION").to_owned(),
            note: None,
        };
        let there = path.exists();
        let redactor = redactor.clone();
        let opened = match self.mode() {
            Mode::Live => return Ok(Recording::Live),
            Mode::Replay => Cassette::open(path, Some(&header.suite_digest)).map(Recording::Replay),
            Mode::Record if resume && there => {
                Cassette::extend(path, &header, redactor).map(Recording::Record)
            }
            Mode::Record => Cassette::create(path, &header, redactor).map(Recording::Record),
            Mode::Auto if there => Cassette::extend(path, &header, redactor).map(Recording::Auto),
            Mode::Auto => Cassette::create(path, &header, redactor).map(Recording::Auto),
        };
        opened.map_err(Failure::input)
    }
}

fn mode_name(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "live",
        Mode::Record => "record",
        Mode::Replay => "replay",
        Mode::Auto => "auto",
    }
}

fn gateway_failure(error: GatewayError) -> Failure {
    let hint = match &error {
        GatewayError::MissingKey { variable, .. } => Some(format!(
            "{variable}=… in the environment or in {}; or replay a recording with --mode replay",
            environment::FILE
        )),
        GatewayError::NoPrice { model } => Some(format!(
            "give its price with --prices: [price.\"{model}\"] input = …, output = …; or say \
             --unpriced"
        )),
        _ => None,
    };
    let failure = Failure::input(error);
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
