//! One call of a provider over HTTP: slots, pace, attempts, and what became of them.
//!
//! An attempt takes a slot, waits for its turn if requests a minute are limited, sends, and reads
//! to the last byte. What may pass is tried again after a pause that doubles, with jitter, and is
//! never shorter than the provider asks for; nobody holds a slot during a pause. Each attempt
//! counts against the limits anew.
//!
//! A reply that arrives whole but isn't what the wire says is never asked for again: the provider
//! has most likely charged for it, and its next reply would hide that it is broken.

mod client;
mod failure;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable as _};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, Response, Url};
use rustls::RootCertStore;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::chat::{ChatReply, ChatRequest};
use crate::error::{ProviderError, ProviderFailure};
use crate::settings::{ModelSettings, ProviderSettings};
use crate::wire::{self, WireError};

pub(crate) use client::ProviderSetupError;
use client::Secret;
use failure::Failed;

/// Most bytes of a reply that are read: a hundred times what the longest replies take.
pub(crate) const REPLY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Most bytes of an error's body that are read.
const ERROR_BYTES_MAX: usize = 64 * 1024;
/// Pause after the first attempt, before jitter, unless the longest pause is shorter.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// What requests a minute are counted over.
const MINUTE: Duration = Duration::from_secs(60);

/// A provider that can be asked.
pub(crate) struct Provider {
    settings: ProviderSettings,
    endpoint: Url,
    client: Client,
    /// What no message may contain.
    secret: Option<Secret>,
    /// One for each request that may be under way.
    slots: Semaphore,
    /// When the next request may be sent: they are spread evenly, since a burst at the beginning
    /// would be more than the limit within that minute.
    pace: Option<DefaultDirectRateLimiter>,
}

/// A reply and what it took.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delivered {
    /// The reply.
    pub(crate) reply: ChatReply,
    /// Attempts made, the last of which succeeded.
    pub(crate) attempts: u32,
    /// Time of that attempt, from sending to the last byte.
    pub(crate) latency: Duration,
}

impl Provider {
    /// Prepares to ask a provider; nothing is sent yet.
    ///
    /// # Errors
    /// The key is missing or can't be sent, or there is no encryption to be had.
    pub(crate) fn new(
        settings: &ProviderSettings,
        key: Option<String>,
    ) -> Result<Self, ProviderSetupError> {
        Self::trusting(settings, key, client::authorities(settings)?)
    }

    /// The same with these authorities, to one of which a server must prove who it is.
    fn trusting(
        settings: &ProviderSettings,
        key: Option<String>,
        authorities: RootCertStore,
    ) -> Result<Self, ProviderSetupError> {
        let secret = client::secret(settings, key)?;
        let period = settings
            .requests_per_minute_max
            .and_then(|requests| MINUTE.checked_div(requests));
        Ok(Self {
            endpoint: wire::endpoint(settings),
            client: client::build(settings, secret.as_ref(), authorities)?,
            secret,
            slots: Semaphore::new(settings.concurrency_max.clamp(1, Semaphore::MAX_PERMITS)),
            pace: period.and_then(Quota::with_period).map(RateLimiter::direct),
            settings: settings.clone(),
        })
    }

    /// A request as the provider wants it.
    ///
    /// # Errors
    /// When the wire has no words for it.
    pub(crate) fn body(
        &self,
        request: &ChatRequest,
        model: &ModelSettings,
    ) -> Result<String, WireError> {
        wire::body(self.settings.wire, request, model)
    }

    /// Asks a model with the [`body`](Self::body) of a request, as often as the settings allow.
    ///
    /// # Errors
    /// Why the last attempt failed.
    pub(crate) async fn chat(
        &self,
        body: &str,
        request: &ChatRequest,
        model: &ModelSettings,
    ) -> Result<Delivered, ProviderError> {
        let attempts = AtomicU32::new(0);
        let pause_max = self.settings.pause_max;
        let outcome = (|| {
            attempts.fetch_add(1, Ordering::Relaxed);
            self.attempt(body, request, model)
        })
        .retry(self.pauses())
        .when(|failed: &Failed| failed.again)
        .adjust(|failed, pause| pause.map(|pause| pause.max(failed.pause).min(pause_max)))
        .await;
        let attempts = attempts.into_inner();
        let (reply, latency) = outcome.map_err(|failed| self.error(failed, attempts))?;
        Ok(Delivered {
            reply,
            attempts,
            latency,
        })
    }

    fn pauses(&self) -> ExponentialBuilder {
        let retries = self.settings.attempts_max.saturating_sub(1);
        ExponentialBuilder::new()
            .with_min_delay(FIRST_PAUSE.min(self.settings.pause_max))
            .with_max_delay(self.settings.pause_max)
            .with_max_times(usize::try_from(retries).unwrap_or(usize::MAX))
            .with_jitter()
    }

    async fn attempt(
        &self,
        body: &str,
        request: &ChatRequest,
        model: &ModelSettings,
    ) -> Result<(ChatReply, Duration), Failed> {
        let (bytes, latency) = self.exchange(body).await?;
        let reply = wire::reply(self.settings.wire, &bytes, request, model)
            .map_err(|wrong| Failed::new(ProviderFailure::Reply, wrong.to_string()))?;
        Ok((reply, latency))
    }

    /// Sends a body and reads what comes back, in a slot and at the provider's pace.
    async fn exchange(&self, body: &str) -> Result<(Vec<u8>, Duration), Failed> {
        // Nobody ever closes the semaphore, which is the only way not to get a slot.
        let _slot = self.slots.acquire().await.ok();
        if let Some(pace) = &self.pace {
            pace.until_ready().await;
        }
        let sent = Instant::now();
        let time_max = self.settings.call_time_max;
        let bytes = timeout(time_max, self.send(body))
            .await
            .map_err(|_| Failed::late(time_max))??;
        Ok((bytes, sent.elapsed()))
    }

    async fn send(&self, body: &str) -> Result<Vec<u8>, Failed> {
        let request = self.client.post(self.endpoint.clone());
        let response = request
            .body(body.to_owned())
            .send()
            .await
            .map_err(Failed::broken)?;
        if response.status().is_success() {
            read_reply(response).await
        } else {
            Err(self.refused(response).await)
        }
    }

    /// What an answer that is none means.
    async fn refused(&self, mut response: Response) -> Failed {
        // Whatever can't be read of the explanation: the status says enough.
        let (body, _) = read(&mut response, ERROR_BYTES_MAX)
            .await
            .unwrap_or_default();
        // Hidden before anything is cut off, so that no half of a key is left.
        let body = self.hide_key(&String::from_utf8_lossy(&body));
        let said = wire::error_text(self.settings.wire, body.as_bytes()).unwrap_or(body);
        let status = response.status().as_u16();
        Failed::refused(&self.settings, status, response.headers(), &said)
    }

    fn error(&self, failed: Failed, attempts: u32) -> ProviderError {
        ProviderError {
            provider: self.settings.name.clone(),
            kind: failed.kind,
            message: self.hide_key(&failed.message),
            attempts,
        }
    }

    fn hide_key(&self, text: &str) -> String {
        match &self.secret {
            Some(secret) => secret.hide(text),
            None => text.to_owned(),
        }
    }
}

/// Reads a reply, if it is JSON by its own account and not too large.
async fn read_reply(mut response: Response) -> Result<Vec<u8>, Failed> {
    // Some small servers don't say what they send; then it is for the wire to find out.
    if let Some(kind) = response.headers().get(CONTENT_TYPE) {
        let kind = String::from_utf8_lossy(kind.as_bytes());
        let essence = kind.split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(Failed::not_json(essence));
        }
    }
    match read(&mut response, REPLY_BYTES_MAX).await {
        Ok((bytes, true)) => Ok(bytes),
        Ok((_, false)) => Err(Failed::too_large(REPLY_BYTES_MAX)),
        Err(error) => Err(Failed::broken(error)),
    }
}

/// The beginning of a body, and whether it is all of it.
async fn read(
    response: &mut Response,
    bytes_max: usize,
) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        let room = bytes_max.saturating_sub(bytes.len());
        if let Some(beginning) = chunk.get(..room).filter(|_| chunk.len() > room) {
            bytes.extend_from_slice(beginning);
            return Ok((bytes, false));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes, true))
}
