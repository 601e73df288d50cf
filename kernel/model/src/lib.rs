//! Language models: asked over HTTP, recorded, replayed, accounted for, within a budget.
//!
//! A [`Gateway`] holds providers, prices, the budget and, unless it is live, a cassette. An
//! episode asks through [`EpisodeCalls`], which counts what has been asked before, so that a
//! request and its occurrence name one recording. In replay nothing here opens a socket.

mod account;
mod budget;
pub mod cassette;
mod catalog;
mod chat;
mod error;
mod gateway;
mod price;
mod settings;
mod transport;
mod wire;

pub use account::{CallRecord, Origin};
pub use budget::{Budget, Spent};
pub use catalog::{
    Agent, Baseline, CatalogError, UnknownModel, models_schema, parse as parse_catalog,
};
pub use chat::{
    ChatReply, ChatRequest, Digest, Finish, Message, Role, Sampling, Speaker, Terms, Tool,
    ToolCall, ToolChoice, Tools, Usage,
};
pub use error::{ChatError, ProviderError, ProviderFailure};
pub use gateway::{
    Ask, EpisodeCalls, Gateway, GatewayError, GatewayOptions, Recording, Replied, must_be_priced,
};
pub use price::{Cost, Price, PriceError, PriceList};
pub use settings::{Auth, Catalog, ModelSettings, ProviderSettings, Structured, Wire};
