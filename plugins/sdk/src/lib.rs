//! For authors of Proctor plugins in Rust: the types of `wit/`, traits to implement, macros that
//! export them, and fixtures to test them natively.
//!
//! A plugin names one feature, the world it belongs to: `verifier`, `judge` or `policy`. What of a
//! world it doesn't use, its component doesn't import.

#[allow(missing_docs, clippy::all)]
mod wire {
    wit_bindgen::generate!({
        path: "../../wit/0.1.1",
        inline: "
            package proctor:sdk;
            world types {
                import proctor:plugin/about@0.1.1;
                import proctor:plugin/data@0.1.1;
                import proctor:plugin/trajectory@0.1.1;
                import proctor:plugin/failures@0.1.1;
                import proctor:plugin/verdicts@0.1.1;
                import proctor:plugin/log@0.1.1;
                import proctor:plugin/episode@0.1.1;
                import proctor:plugin/prompts@0.1.1;
                import proctor:plugin/model@0.1.1;
            }
        ",
        world: "proctor:sdk/types",
        additional_derives: [PartialEq],
        generate_all,
    });
}

#[cfg(any(feature = "verifier", feature = "judge"))]
pub mod episode;
#[cfg(any(feature = "policy", feature = "judge"))]
pub mod json;
#[cfg(feature = "judge")]
pub mod judge;
mod log;
#[cfg(any(feature = "policy", feature = "judge"))]
pub mod model;
#[cfg(feature = "policy")]
pub mod policy;
#[cfg(any(feature = "policy", feature = "judge"))]
pub mod prompts;
mod text;
#[cfg(feature = "verifier")]
pub mod verifier;

pub use log::{debug, info, report_panics, warn};
pub use text::{folded, shortened};
pub use wire::proctor::plugin::about::Description;
pub use wire::proctor::plugin::data::{Cell, Change, ColumnChange, Entity, Row, Update, Value};
pub use wire::proctor::plugin::failures::Failure;
pub use wire::proctor::plugin::trajectory::{
    Action, Observation, Refusal, ScriptedCall, ScriptedTurn, ToolCall, ToolResult,
};
pub use wire::proctor::plugin::verdicts::{Check, Verdict};

/// Who a plugin says it is.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its name, as in `end-state`.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    /// One sentence for people.
    pub summary: &'static str,
    /// Whether it only imitates a real agent, judge or teacher.
    pub simulated: bool,
}

impl From<About> for Description {
    fn from(about: About) -> Self {
        Self {
            name: about.name.into(),
            version: about.version.into(),
            summary: about.summary.into(),
            simulated: about.simulated,
        }
    }
}

impl Failure {
    /// With this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
        }
    }
}

impl Entity {
    /// Name in the singular, as the CRM writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "Client",
            Self::Company => "Company",
            Self::Contact => "Contact",
            Self::Opportunity => "Opportunity",
            Self::Quote => "Quote",
            Self::Contract => "Contract",
            Self::Document => "Document",
            Self::Note => "Note",
        }
    }

    /// What the tools call the key of its records.
    pub fn key(self) -> &'static str {
        match self {
            Self::Client => "client_id",
            Self::Company => "company_id",
            Self::Contact => "contact_id",
            Self::Opportunity => "opportunity_id",
            Self::Quote => "quote_id",
            Self::Contract => "contract_id",
            Self::Document => "document_id",
            Self::Note => "note_id",
        }
    }
}

impl Row {
    /// The value of a column; [`Value::Absent`] where nothing is recorded.
    pub fn get(&self, column: &str) -> &Value {
        find(&self.cells, column)
    }
}

impl ToolResult {
    /// A fact by its name; [`Value::Absent`] if there is none.
    pub fn fact(&self, name: &str) -> &Value {
        find(&self.facts, name)
    }
}

fn find<'a>(cells: &'a [Cell], name: &str) -> &'a Value {
    cells
        .iter()
        .find(|cell| cell.name == name)
        .map_or(&Value::Absent, |cell| &cell.value)
}

/// The text form, as in messages: amounts with two decimal places, texts joined by commas.
impl core::fmt::Display for Value {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Absent => f.write_str("nothing"),
            Self::Text(text) | Self::Date(text) | Self::Timestamp(text) | Self::Id(text) => {
                f.write_str(text)
            }
            Self::Integer(number) => number.fmt(f),
            Self::Money(cents) => {
                let sign = if *cents < 0 { "-" } else { "" };
                let cents = cents.unsigned_abs();
                write!(f, "{sign}{}.{:02}", cents / 100, cents % 100)
            }
            Self::Texts(texts) => f.write_str(&texts.join(", ")),
        }
    }
}
