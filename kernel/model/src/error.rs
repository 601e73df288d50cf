//! What can go wrong with a call, and whose fault it is.

use crate::cassette::Miss;

/// A call that gave no reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ChatError {
    /// The budget of the run doesn't allow it.
    #[error("the run's budget is used up: {0}")]
    Budget(String),
    /// The episode used up its own allowance of calls or time.
    #[error("the episode's allowance is used up: {0}")]
    Allowance(String),
    /// The provider failed, after all attempts.
    #[error("{0}")]
    Provider(ProviderError),
    /// The cassette has no recording of this request.
    #[error("{0}")]
    Unrecorded(Box<Miss>),
    /// The recording could not be written or read.
    #[error("the cassette failed: {0}")]
    Cassette(String),
    /// The model can't be asked: nothing may be sent, or its key is missing.
    #[error("the model can't be asked: {0}")]
    Closed(String),
    /// The request itself is wrong, whoever it is sent to.
    #[error("the request is wrong: {0}")]
    Invalid(String),
}

impl ChatError {
    /// Its kind, as in telemetry.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Budget(_) => "budget",
            Self::Allowance(_) => "allowance",
            Self::Provider(error) => error.kind.name(),
            Self::Unrecorded(_) => "unrecorded",
            Self::Cassette(_) => "cassette",
            Self::Closed(_) => "closed",
            Self::Invalid(_) => "invalid",
        }
    }
}

/// A provider that gave no usable reply.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("provider {provider}: {message}")]
pub struct ProviderError {
    /// Its name in the models file.
    pub provider: String,
    /// Kind of failure.
    pub kind: ProviderFailure,
    /// What happened, without any key or header; at most 1,000 characters of a provider's text.
    pub message: String,
    /// Attempts made.
    pub attempts: u32,
}

/// How a provider failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderFailure {
    /// No connection, or it broke off.
    Connection,
    /// No reply in time.
    TimeOut,
    /// It is overloaded or limits our rate: 429, 529.
    RateLimited,
    /// It failed by its own account: 408, 409, 5xx.
    Server,
    /// The key is missing or wrong, or may not do this: 401, 403.
    Key,
    /// It doesn't know the model or the address: 404.
    Unknown,
    /// It takes the request for wrong: any other 4xx.
    Rejected,
    /// It sends us elsewhere, which is never followed: a key would go along.
    Redirect,
    /// The reply isn't what its wire says: not JSON, no choices, an unknown shape.
    Reply,
    /// The reply is larger than is read.
    TooLarge,
}

impl ProviderFailure {
    /// Its name, as in telemetry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::TimeOut => "time_out",
            Self::RateLimited => "rate_limited",
            Self::Server => "server",
            Self::Key => "key",
            Self::Unknown => "unknown",
            Self::Rejected => "rejected",
            Self::Redirect => "redirect",
            Self::Reply => "reply",
            Self::TooLarge => "too_large",
        }
    }

    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Connection,
        Self::TimeOut,
        Self::RateLimited,
        Self::Server,
        Self::Key,
        Self::Unknown,
        Self::Rejected,
        Self::Redirect,
        Self::Reply,
        Self::TooLarge,
    ];

    /// The kind with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether another attempt may succeed.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        matches!(
            self,
            Self::Connection | Self::TimeOut | Self::RateLimited | Self::Server
        )
    }
}
