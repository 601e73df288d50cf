//! What can go wrong in a store.

use std::error::Error;

use proctor_crm::{Entity, Id};

use crate::{MigrationError, SnapshotError, Unportable};

/// Which sort of constraint forbids a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// A value outside of what its column, or a pair of columns, allows.
    Check,
    /// A key or unique value that another row has.
    Unique,
    /// Nothing recorded in a required column.
    Required,
    /// A reference to a row that doesn't exist, or a row that others still refer to.
    Reference,
    /// A value of another type than the column's.
    Type,
}

/// A store that can't do what it was asked; the state is as it was.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database's constraints forbid a change.
    #[error("{} {id} breaks a constraint of the database: {message}", entity.name())]
    Constraint {
        /// Entity of the row that the change is about.
        entity: Entity,
        /// Its key.
        id: Id,
        /// Sort of constraint.
        kind: ConstraintKind,
        /// The database's own words, which name the constraint where it has a name.
        message: String,
    },
    /// The row is not in the database as the change says it was, or the change isn't one.
    #[error("{} {id} cannot be changed: {reason}", entity.name())]
    Conflict {
        /// Entity of the row that the change is about.
        entity: Entity,
        /// Its key.
        id: Id,
        /// What doesn't fit.
        reason: &'static str,
    },
    /// A value that not every backend can hold.
    #[error(transparent)]
    Unportable(#[from] Unportable),
    /// A cell in the database that is not a value of its column.
    #[error("{table} {id}: column `{column}` is corrupt: {reason}")]
    Corrupt {
        /// Table of the row.
        table: &'static str,
        /// Its key as the database has it; may be no legal key itself.
        id: String,
        /// Column of the cell.
        column: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A query or change that its table can't answer.
    #[error("`{}` has no column `{column}`", entity.table())]
    NoSuchColumn {
        /// Entity asked for.
        entity: Entity,
        /// Name that no column has.
        column: String,
    },
    /// A method called at the wrong time; says what was asked and why it is refused.
    #[error("{0}")]
    Misuse(&'static str),
    /// The database is not one that this version can work with.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The database holds what Proctor didn't make, and was to be left alone then.
    #[error("the database holds tables that Proctor doesn't know: {}", objects.join(", "))]
    Strangers {
        /// Names of the tables, views and the like, in order.
        objects: Vec<String>,
    },
    /// Something in another schema hangs on what was to be dropped.
    #[error("{} would go with Proctor's tables, but stands in another schema: drop it first", objects.join(", "))]
    Entangled {
        /// What, in the database's own words.
        objects: Vec<String>,
    },
    /// The rows are no snapshot.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The database contradicts its own constraints or structure.
    #[error("the database is damaged: {}", findings.join("; "))]
    Damaged {
        /// What the database's own checks found, at most a hundred of them.
        findings: Vec<String>,
    },
    /// The database lost the episode's transaction, so that there is no state to go on from.
    #[error("the store is out of use since an earlier failure lost its episode; open it anew")]
    Lost,
    /// No connection to the server, or none of use.
    #[error("cannot work with {address}: {reason}")]
    Unreachable {
        /// Where, without the password.
        address: String,
        /// Why not.
        reason: String,
        /// Whether it may be otherwise in a while.
        may_pass: bool,
    },
    /// The database could not do it this time: the connection broke, the server is shutting down
    /// or lets nobody in, or two transactions stood in each other's way.
    #[error("{backend} was interrupted: {reason}")]
    Interrupted {
        /// Name of the backend.
        backend: &'static str,
        /// What happened.
        reason: String,
    },
    /// The database failed.
    #[error("{backend} failed: {source}")]
    Backend {
        /// Name of the backend.
        backend: &'static str,
        /// Its error.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the same work, begun anew on a store that is opened anew, may well succeed.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::Interrupted { .. } | Self::Unreachable { may_pass: true, .. }
        )
    }
}
