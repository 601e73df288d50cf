//! Where models are asked: the cassette first, then the provider within the budget; every call
//! accounted for.

mod episode;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sha2::{Digest as _, Sha256};
use tokio::runtime::{Builder, Runtime};

use self::episode::Pending;
pub use self::episode::{Ask, EpisodeCalls, Replied};
use crate::account::Origin;
use crate::budget::{Budget, Spent, upper_bound};
use crate::cassette::{Cassette, CassetteError, Failed, Place, Redactor, Retained};
use crate::catalog::UnknownModel;
use crate::chat::{ChatReply, ChatRequest, Usage};
use crate::error::{ChatError, ProviderError, ProviderFailure};
use crate::price::{Cost, PriceList};
use crate::settings::{Catalog, ModelSettings, ProviderSettings};
use crate::transport::Provider;

/// What is done with recordings.
pub enum Recording {
    /// Every request is sent, and nothing is recorded.
    Live,
    /// Every request is sent and recorded. What this cassette has already is of the same run,
    /// which was interrupted, and isn't asked again.
    Record(Cassette),
    /// Only recordings: a request without one is an error, and no socket is opened.
    Replay(Cassette),
    /// Recordings where there are any; everything else is sent and recorded.
    Auto(Cassette),
}

impl Recording {
    /// Its name, as on the command line.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Record(_) => "record",
            Self::Replay(_) => "replay",
            Self::Auto(_) => "auto",
        }
    }

    fn cassette(&self) -> Option<&Cassette> {
        match self {
            Self::Live => None,
            Self::Record(cassette) | Self::Replay(cassette) | Self::Auto(cassette) => {
                Some(cassette)
            }
        }
    }
}

/// A gateway that could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum GatewayError {
    /// No such model.
    #[error(transparent)]
    UnknownModel(#[from] UnknownModel),
    /// The variable with the provider's key isn't set.
    #[error(
        "model {model}: the key of provider {provider} is missing: set the environment variable \
         {variable}"
    )]
    MissingKey {
        /// The model asked for.
        model: String,
        /// Its provider.
        provider: String,
        /// The variable.
        variable: String,
    },
    /// What the model costs isn't known, so no budget could hold.
    #[error("model {model} has no price in the price list")]
    NoPrice {
        /// The model asked for.
        model: String,
    },
    /// The client could not be made.
    #[error("provider {provider}: {reason}")]
    Provider {
        /// The provider.
        provider: String,
        /// What is wrong.
        reason: String,
    },
    /// The cassette could not be read.
    #[error(transparent)]
    Cassette(#[from] CassetteError),
    /// No threads or no event queue to be had.
    #[error("the machine gives no runtime: {0}")]
    Runtime(std::io::Error),
}

/// What a gateway is made of.
pub struct GatewayOptions<'a> {
    /// Models that will be asked.
    pub models: &'a [&'a str],
    /// All models and providers that are known.
    pub catalog: &'a Catalog,
    /// What they cost.
    pub prices: PriceList,
    /// Whether models without a price may be asked.
    pub unpriced: bool,
    /// Most that may be spent.
    pub budget: Budget,
    /// What is done with recordings.
    pub recording: Recording,
    /// The value of a key's environment variable.
    pub key: &'a dyn Fn(&str) -> Option<String>,
    /// Takes secrets out of replies before anybody sees them.
    pub redactor: Redactor,
}

/// Asks models on behalf of episodes. Shared by all workers.
pub struct Gateway {
    models: BTreeMap<String, Arc<Known>>,
    prices: PriceList,
    budget: Budget,
    recording: Recording,
    redactor: Redactor,
    /// None in replay: without it nothing here can open a socket.
    runtime: Option<Runtime>,
}

/// A model with what it takes to ask it.
struct Known {
    model: ModelSettings,
    provider: ProviderSettings,
    /// Where it is asked; or the variable whose key is missing.
    access: Access,
}

enum Access {
    /// Nothing is sent.
    Closed,
    /// Through this client, which models of one provider share.
    Open(Arc<Provider>),
    /// It could be sent, if this variable were set.
    Keyless(String),
}

/// What came of one call.
struct Called {
    result: Result<ChatReply, ChatError>,
    attempts: u32,
    /// Of the attempt that succeeded, when it was live.
    latency_us: u64,
    /// Time that really passed.
    elapsed: Duration,
    origin: Origin,
}

impl Gateway {
    /// Sets up what these models need.
    ///
    /// # Errors
    /// When a model is unknown or has no price, when a key is missing that will be needed, or
    /// when the machine gives no client.
    pub fn new(options: GatewayOptions<'_>) -> Result<Self, GatewayError> {
        let replay = matches!(options.recording, Recording::Replay(_));
        let mut clients = BTreeMap::new();
        let mut models = BTreeMap::new();
        for name in options.models {
            let (model, provider) = options.catalog.model(name)?;
            must_be_priced(&options.prices, &model.name, options.unpriced)?;
            let access = if replay {
                Access::Closed
            } else {
                access(&mut clients, provider, options.key)?
            };
            if let (Access::Keyless(variable), Recording::Live | Recording::Record(_)) =
                (&access, &options.recording)
            {
                return Err(GatewayError::MissingKey {
                    model: model.name.clone(),
                    provider: provider.name.clone(),
                    variable: variable.clone(),
                });
            }
            let known = Known {
                model: model.clone(),
                provider: provider.clone(),
                access,
            };
            models.insert((*name).to_owned(), Arc::new(known));
        }
        let runtime = if replay || models.is_empty() {
            None
        } else {
            let runtime = Builder::new_multi_thread()
                .worker_threads(1)
                .thread_name("proctor-model")
                .enable_all()
                .build()
                .map_err(GatewayError::Runtime)?;
            Some(runtime)
        };
        Ok(Self {
            models,
            prices: options.prices,
            budget: options.budget,
            recording: options.recording,
            redactor: options.redactor,
            runtime,
        })
    }

    /// What is done with recordings.
    #[must_use]
    pub fn recording(&self) -> &Recording {
        &self.recording
    }

    /// What was spent so far, with what was spent before.
    #[must_use]
    pub fn spent(&self) -> Spent {
        self.budget.spent()
    }

    /// Counts against the budget what this run spent before it was resumed: what its telemetry
    /// says was paid for or, where everything is recorded, what its cassette has.
    ///
    /// # Errors
    /// When the cassette cannot be read.
    pub fn count_before(&self, paid: Spent) -> Result<(), CassetteError> {
        let Recording::Record(cassette) = &self.recording else {
            self.budget.charge(paid);
            return Ok(());
        };
        for exchange in cassette.exchanges() {
            let exchange = exchange?;
            let Ok(reply) = exchange.retained.result else {
                continue;
            };
            let known = self
                .models
                .values()
                .find(|known| known.model.id == exchange.terms.model);
            let cost = known.and_then(|known| self.cost(known, &reply.usage));
            self.budget.charge(Spent {
                cost: cost.unwrap_or_default(),
                tokens: reply.usage.total(),
                calls: 1,
            });
        }
        Ok(())
    }

    /// The calls of one episode; `seed` is material for the seeds of models that take one.
    #[must_use]
    pub fn episode(self: &Arc<Self>, episode: &str, seed: u64) -> EpisodeCalls {
        EpisodeCalls::new(Arc::clone(self), episode, seed)
    }

    /// Runs something on the gateway's own runtime, if it has one: for those who ask many models
    /// at once.
    pub fn block_on<F: Future>(&self, future: F) -> Option<F::Output> {
        Some(self.runtime.as_ref()?.block_on(future))
    }

    /// Closes the recording: from now on it can be replayed.
    ///
    /// # Errors
    /// When the cassette cannot be written.
    pub fn finish(&self) -> Result<(), CassetteError> {
        match &self.recording {
            Recording::Record(cassette) | Recording::Auto(cassette) => cassette.finish(),
            Recording::Live | Recording::Replay(_) => Ok(()),
        }
    }

    /// What a call cost, by the price list.
    fn cost(&self, known: &Known, usage: &Usage) -> Option<Cost> {
        self.prices.cost(&known.model.name, usage)
    }

    /// The recording of a call, if there is one; in replay, an error if there is none.
    fn recorded(
        &self,
        place: &Place<'_>,
        request: &ChatRequest,
    ) -> Result<Option<Called>, ChatError> {
        let Some(cassette) = self.recording.cassette() else {
            return Ok(None);
        };
        let found = cassette
            .find(place)
            .map_err(|error| ChatError::Cassette(error.to_string()))?;
        match found {
            Some(retained) => Ok(Some(Called {
                result: retained.result.map_err(replayed),
                attempts: retained.attempts,
                latency_us: retained.latency_us,
                elapsed: Duration::ZERO,
                origin: Origin::Cassette,
            })),
            None if matches!(self.recording, Recording::Replay(_)) => {
                let miss = cassette.miss(place, request);
                Err(ChatError::Unrecorded(Box::new(miss)))
            }
            None => Ok(None),
        }
    }

    /// Sends a request, within the budget and the time the episode has left, and records what
    /// comes of it.
    async fn send(&self, pending: &Pending, time_left: Duration) -> Result<Called, ChatError> {
        let started = Instant::now();
        let (known, request) = (&pending.known, &pending.request);
        let client = match &known.access {
            Access::Open(client) => client,
            Access::Keyless(variable) => {
                return Err(ChatError::Closed(format!(
                    "there is no recording, and the key of provider {} is missing: set the \
                     environment variable {variable}",
                    known.provider.name
                )));
            }
            Access::Closed => {
                return Err(ChatError::Closed("nothing is sent in replay".into()));
            }
        };
        let body = client
            .body(request, &known.model)
            .map_err(|error| ChatError::Invalid(error.to_string()))?;
        let price = self.prices.price(&known.model.name);
        let reservation = self
            .budget
            .reserve(upper_bound(body.len(), request.tokens_max, price))
            .await
            .map_err(|error| ChatError::Budget(error.to_string()))?;
        // What couldn't be recorded isn't paid for.
        if let Some(cassette) = self.recording.cassette() {
            cassette
                .start()
                .map_err(|error| ChatError::Cassette(error.to_string()))?;
        }
        let delivered =
            tokio::time::timeout(time_left, client.chat(&body, request, &known.model)).await;
        let (result, attempts, latency) = match delivered {
            Ok(Ok(delivered)) => (
                Ok(self.redactor.reply(delivered.reply)),
                delivered.attempts,
                delivered.latency,
            ),
            Ok(Err(error)) => {
                let error = ProviderError {
                    message: self.redactor.text(&error.message).into_owned(),
                    ..error
                };
                let attempts = error.attempts;
                (Err(ChatError::Provider(error)), attempts, Duration::ZERO)
            }
            Err(_) => {
                let most = known.model.episode_time_max.as_secs();
                let error = format!("it waited for models for {most} s");
                (Err(ChatError::Allowance(error)), 1, time_left)
            }
        };
        let usage = result.as_ref().map(|reply| reply.usage).unwrap_or_default();
        reservation.settle(Spent {
            cost: self.cost(known, &usage).unwrap_or_default(),
            tokens: usage.total(),
            calls: 1,
        });
        let called = Called {
            result,
            attempts,
            latency_us: u64::try_from(latency.as_micros()).unwrap_or(u64::MAX),
            elapsed: started.elapsed(),
            origin: Origin::Live,
        };
        self.record(&pending.place(), request, &called)?;
        Ok(called)
    }

    fn record(
        &self,
        place: &Place<'_>,
        request: &ChatRequest,
        called: &Called,
    ) -> Result<(), ChatError> {
        let Some(cassette) = self.recording.cassette() else {
            return Ok(());
        };
        let retained = Retained {
            result: called.result.clone().map_err(|error| Failed {
                kind: error.kind().to_owned(),
                provider: match &error {
                    ChatError::Provider(error) => error.provider.clone(),
                    _ => String::new(),
                },
                message: match error {
                    ChatError::Provider(error) => error.message,
                    ChatError::Allowance(message) => message,
                    other => other.to_string(),
                },
            }),
            attempts: called.attempts,
            latency_us: called.latency_us,
        };
        cassette
            .record(place, request, &retained)
            .map_err(|error| ChatError::Cassette(error.to_string()))
    }
}

/// A failure as it was recorded.
fn replayed(failed: Failed) -> ChatError {
    match ProviderFailure::from_name(&failed.kind) {
        Some(kind) => ChatError::Provider(ProviderError {
            provider: failed.provider,
            kind,
            message: failed.message,
            attempts: 0,
        }),
        None => ChatError::Allowance(failed.message),
    }
}

/// Holds that a model has a price, unless those without one may be asked (`unpriced`).
///
/// # Errors
/// [`GatewayError::NoPrice`] when it has none and must.
pub fn must_be_priced(prices: &PriceList, model: &str, unpriced: bool) -> Result<(), GatewayError> {
    if unpriced || prices.price(model).is_some() {
        return Ok(());
    }
    Err(GatewayError::NoPrice {
        model: model.to_owned(),
    })
}

fn access(
    clients: &mut BTreeMap<String, Arc<Provider>>,
    provider: &ProviderSettings,
    key: &dyn Fn(&str) -> Option<String>,
) -> Result<Access, GatewayError> {
    if let Some(client) = clients.get(&provider.name) {
        return Ok(Access::Open(Arc::clone(client)));
    }
    let value = match &provider.key_env {
        None => None,
        Some(variable) => match key(variable) {
            Some(value) => Some(value),
            None => return Ok(Access::Keyless(variable.clone())),
        },
    };
    let client = Provider::new(provider, value).map_err(|error| GatewayError::Provider {
        provider: provider.name.clone(),
        reason: error.to_string(),
    })?;
    let client = Arc::new(client);
    clients.insert(provider.name.clone(), Arc::clone(&client));
    Ok(Access::Open(client))
}

/// Seed of a call: from the episode's seed, the role and the number of the call, in 31 bits, since
/// some servers read a signed number.
fn call_seed(seed: u64, role: &str, number: u32) -> u64 {
    let digest = Sha256::new()
        .chain_update(b"proctor-model-1")
        .chain_update(seed.to_be_bytes())
        .chain_update(role)
        .chain_update(number.to_be_bytes())
        .finalize();
    let value = digest
        .iter()
        .take(4)
        .fold(0, |seed, byte| (seed << 8) | u64::from(*byte));
    value & 0x7fff_ffff
}
