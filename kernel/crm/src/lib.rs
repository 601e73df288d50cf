//! What a CRM is: entities, values, rows, tools, rules and refusals.
//!
//! Everything here is a pure function over rows. There is no I/O, no clock and no randomness:
//! time and ids come from the caller's [`Context`], rows from whoever holds them. A tool call
//! is answered in two phases, so that a store needs at most two round trips:
//!
//! 1. [`Tool::plan`] reads the call's arguments and names the rows it needs ([`Query`]);
//! 2. [`Plan::apply`] gets those rows and answers with changes and a result, or a [`Refusal`].

#![cfg_attr(
    test,
    allow(clippy::unwrap_used, reason = "a test that cannot go on should panic")
)]

mod act;
mod arguments;
mod catalog;
mod context;
mod entity;
mod field;
mod memory;
mod query;
mod refusal;
mod row;
mod schema;
mod spelling;
mod tool;
mod value;

pub use act::{Outcome, Plan, ToolResult};
pub use context::Context;
pub use entity::{Choice, Column, Entity, Kind};
pub use memory::Rows;
pub use query::{Condition, Found, Query};
pub use refusal::{Code, Refusal};
pub use row::{Change, ColumnChange, Diff, Row, RowError};
pub use schema::{ExportFormat, export};
pub use tool::{Annotations, Argument, ArgumentKind, Tool};
pub use value::{Id, Money, Value, ValueError};

/// Calendar date without time or zone, as in `close_date`.
pub type Date = jiff::civil::Date;
/// Instant in UTC, as in `created_date`; whole microseconds, which every backend can hold.
pub type Timestamp = jiff::Timestamp;
