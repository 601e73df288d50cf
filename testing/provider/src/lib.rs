//! A model provider for tests: an HTTP server on loopback that speaks both wires, OpenAI's chat
//! completions and Anthropic's messages, and misbehaves on demand.
//!
//! A [`Provider`] is given a brain, a function from what it is [asked](Asked) to its [`Answer`]:
//! a [`Reply`], which is put into the wire of the request, or a [`Fault`]. It keeps what it was
//! asked, how many requests were under way at once and how many tokens its replies spoke of, so
//! that a test can hold a client to it.
//!
//! ```
//! use proctor_provider::{Provider, Reply, Usage, by_last_message};
//!
//! let provider = Provider::start(by_last_message(|text| {
//!     Reply::text(text.to_uppercase())
//!         .costing(Usage { input: 12, output: 3, ..Usage::default() })
//!         .into()
//! }));
//! let base_url = format!("{}/v1", provider.url());
//! // … ask it, then look at what it saw:
//! assert_eq!(provider.requests().len(), 0);
//! ```
//!
//! This crate is for tests: what a test can't go on without, panics.

mod answer;
mod asked;
mod connection;
mod http;
mod provider;
mod render;

pub use answer::{Answer, Ending, Fault, Reply, Usage, always, by_last_message, script};
pub use asked::{Asked, Wire};
pub use provider::Provider;
