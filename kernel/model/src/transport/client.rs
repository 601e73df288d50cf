//! The HTTP client of one provider: encryption, headers, and the key.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, redirect};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};

use crate::settings::{Auth, ProviderSettings, Wire};

/// Longest time until there is a connection, unless a whole attempt may only take less.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// The version of Anthropic's wire that is spoken.
const ANTHROPIC_VERSION: HeaderValue = HeaderValue::from_static("2023-06-01");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// What stands in a message where the key stood.
const HIDDEN: &str = "[key]";

/// A provider can't be asked at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProviderSetupError {
    /// There is no key.
    #[error(
        "provider {provider}: the environment variable {variable} isn't set, and it must hold the \
         provider's key"
    )]
    NoKey {
        /// The provider's name in the models file.
        provider: String,
        /// Where the key should be.
        variable: String,
    },
    /// The key can't be one.
    #[error(
        "provider {provider}: what the environment variable {variable} holds can't be a key; a \
         key is printable ASCII without a space or an end of line"
    )]
    BadKey {
        /// The provider's name in the models file.
        provider: String,
        /// Where the key is.
        variable: String,
    },
    /// No server could prove who it is.
    #[error(
        "provider {provider}: this machine trusts no certificate authority, so that no https \
         server can prove who it is; install the system's package of CA certificates"
    )]
    NoAuthorities {
        /// The provider's name in the models file.
        provider: String,
    },
    /// Encryption or the client refused its settings.
    #[error("provider {provider}: no HTTP client can be made: {message}")]
    Client {
        /// The provider's name in the models file.
        provider: String,
        /// What was wrong.
        message: String,
    },
}

/// A key. It is shown nowhere, not even by `Debug`.
pub(super) struct Secret(String);

impl Secret {
    /// The text without the key.
    pub(super) fn hide(&self, text: &str) -> String {
        text.replace(&self.0, HIDDEN)
    }
}

/// The key, if the provider wants one.
pub(super) fn secret(
    settings: &ProviderSettings,
    key: Option<String>,
) -> Result<Option<Secret>, ProviderSetupError> {
    let Some(variable) = &settings.key_env else {
        return Ok(None);
    };
    if settings.auth == Auth::None {
        return Ok(None);
    }
    let (provider, variable) = (settings.name.clone(), variable.clone());
    match key {
        None => Err(ProviderSetupError::NoKey { provider, variable }),
        Some(key) if key.is_empty() => Err(ProviderSetupError::NoKey { provider, variable }),
        Some(key) if key.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(Secret(key))),
        Some(_) => Err(ProviderSetupError::BadKey { provider, variable }),
    }
}

/// Whom a server must prove to who it is. Reading them takes time, so that it is left out where
/// nothing is encrypted.
pub(super) fn authorities(
    settings: &ProviderSettings,
) -> Result<RootCertStore, ProviderSetupError> {
    let mut authorities = RootCertStore::empty();
    if settings.base_url.scheme() == "https" {
        // Those that can't be read are as good as absent.
        let found = rustls_native_certs::load_native_certs().certs;
        authorities.add_parsable_certificates(found);
        if authorities.is_empty() {
            return Err(ProviderSetupError::NoAuthorities {
                provider: settings.name.clone(),
            });
        }
    }
    Ok(authorities)
}

/// A client that goes where the settings say and nowhere else: it follows no redirect, asks no
/// proxy, keeps no cookie, unpacks nothing and repeats nothing by itself.
pub(super) fn build(
    settings: &ProviderSettings,
    secret: Option<&Secret>,
    authorities: RootCertStore,
) -> Result<Client, ProviderSetupError> {
    let failed = |message: String| ProviderSetupError::Client {
        provider: settings.name.clone(),
        message,
    };
    let encryption = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(authorities)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(encryption)
        .default_headers(headers(settings, secret).map_err(|error| failed(error.to_string()))?)
        .user_agent(concat!("proctor/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .referer(false)
        .http1_only()
        .connect_timeout(CONNECT_TIME_MAX.min(settings.call_time_max))
        .pool_max_idle_per_host(settings.concurrency_max)
        .build()
        .map_err(|error| failed(error.without_url().to_string()))
}

/// The headers of every request. Only here is the key ever sent.
fn headers(
    settings: &ProviderSettings,
    secret: Option<&Secret>,
) -> Result<HeaderMap, reqwest::header::InvalidHeaderValue> {
    let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, JSON), (ACCEPT, JSON)]);
    if settings.wire == Wire::Anthropic {
        headers.insert("anthropic-version", ANTHROPIC_VERSION);
    }
    let Some(Secret(key)) = secret else {
        return Ok(headers);
    };
    let (name, value) = match settings.auth {
        Auth::Bearer => (
            AUTHORIZATION,
            HeaderValue::try_from(format!("Bearer {key}"))?,
        ),
        Auth::ApiKey => (
            HeaderName::from_static("api-key"),
            HeaderValue::from_str(key)?,
        ),
        Auth::XApiKey => (
            HeaderName::from_static("x-api-key"),
            HeaderValue::from_str(key)?,
        ),
        Auth::None => return Ok(headers),
    };
    let mut value = value;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(headers)
}
