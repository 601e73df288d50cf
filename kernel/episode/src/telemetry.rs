//! Telemetry: append-only JSON Lines, one event a line, hash-chained.
//!
//! A line is `{"chain", "event", "fields", "seq", "wall"}`. `chain` is SHA-256 over the chain of
//! the line before (64 hexadecimal digits; of nothing for the first) followed by the canonical
//! JSON of `{"event", "fields", "seq"}`: what results don't depend on, such as how long something
//! took and where the rows lived, is in `wall` alone, and no hash covers it. Field names follow OpenTelemetry's GenAI conventions where one exists.

mod chain;
mod difference;
mod error;
mod events;
mod merge;
mod writer;

pub use chain::{TelemetryLine, TelemetryLink, TelemetryReadError, TelemetryReader, verify_chain};
pub use difference::{
    Comparison, Difference, DifferenceError, FieldDifference, first_difference,
    first_difference_in_sample,
};
pub use error::{ResumeError, TelemetryError};
pub use events::{ModelPin, PluginPin, PromptPin, TELEMETRY_VERSION, telemetry_schema};
pub use merge::{MergeError, Merged, SHARDS_MAX, merge};
pub use writer::{Recorded, RunHeader, TelemetryWriter};
