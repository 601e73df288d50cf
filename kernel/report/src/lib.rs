//! What runs come to beside each other, computed from their telemetry alone.
//!
//! [`AgentRun::read`] reads one run line by line and keeps tallies whose size is that of the
//! suite, however many episodes there are. [`Comparison::of`] sets several beside each other.
//! Every number follows from what is recorded, so that a replayed run gives the same bytes.

mod comparison;
mod error;
mod events;
mod rate;
mod run;
mod tally;
mod violation;

pub use comparison::{
    Agent, Axes, COST_HIGH_FROM, COST_MEDIUM_FROM, Comparison, CostBand, Group, MeanScore,
    PASS_K_MAX, PassK, Spending, StateCheck, TurnTime, Usage,
};
pub use error::ReportError;
pub use events::Model;
pub use run::{AgentRun, RunReading};
pub use tally::{NAMES_MAX, RoleUse};
pub use violation::Violation;
