//! Where the CRM's rows live.
//!
//! A [`Store`] reads rows, applies batches of changes and takes its whole state back to a mark.
//! Three things are the same on every backend, so that a run on one can be checked on another:
//!
//! - the [`Fingerprint`], a digest of all rows, kept up with every change;
//! - the [`Snapshot`], all rows in canonical order and in canonical bytes;
//! - what a query finds, and in which order.
//!
//! The database's own constraints stand behind the rules of `proctor_crm`: whatever a rule lets
//! through by mistake, the schema in `migrations/` refuses.

mod dialect;
mod diff;
mod error;
mod fingerprint;
mod messagepack;
mod portable;
mod postgres;
mod search;
mod snapshot;
mod sqlite;
mod upkeep;
mod wording;

pub use error::{ConstraintKind, StoreError};
pub use fingerprint::{Fingerprint, FingerprintError, RowDigest, Sum};
pub use portable::{TEXT_BYTES_MAX, Unportable};
pub use postgres::{Address, AddressError, Postgres, Template};
pub use snapshot::{
    SCHEMA_VERSION, SNAPSHOT_BYTES_MAX, SNAPSHOT_ROWS_MAX, Snapshot, SnapshotError,
};
pub use sqlite::{Image, MigrationError, Sqlite};
pub use upkeep::{Finding, Migrated, Rebuilt, Strangers};

use proctor_crm::{Change, Entity, Found, Query};

/// Where rows live.
///
/// Synchronous on purpose: a worker is a thread with a store of its own. On a server, `read`,
/// `apply` and `reset` within an episode are at most one round trip each, once the statements are
/// prepared.
///
/// An *episode* is the stretch from [`begin`](Store::begin) to [`end`](Store::end). Whatever
/// happens in it is undone by `reset` and `end`; outside of one, [`apply`](Store::apply) is
/// permanent.
pub trait Store {
    /// Name of the backend, as in telemetry: `sqlite`, `postgres`.
    fn backend(&self) -> &'static str;

    /// Answers each query, in order.
    ///
    /// # Errors
    /// When a query names what its table doesn't have, or the database fails or is corrupt.
    fn read(&mut self, queries: &[Query]) -> Result<Vec<Found>, StoreError>;

    /// Makes all of the changes, in order, or none: after an error both the rows and the
    /// fingerprint are as before.
    ///
    /// # Errors
    /// When a row to change is not as the change says it was, when a constraint forbids the
    /// result, or the database fails.
    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError>;

    /// Digest of all rows, kept up with every change in O(changed rows).
    fn fingerprint(&self) -> Fingerprint;

    /// The same digest, by reading every row.
    ///
    /// # Errors
    /// When the database fails or is corrupt.
    fn scan(&mut self) -> Result<Fingerprint, StoreError>;

    /// Opens an episode: the state as it is now is the mark.
    ///
    /// # Errors
    /// When an episode is open already, or the database fails.
    fn begin(&mut self) -> Result<(), StoreError>;

    /// Goes back to the mark, which stays; costs what changed since, not what the database holds.
    ///
    /// # Errors
    /// When no episode is open, or the database fails.
    fn reset(&mut self) -> Result<(), StoreError>;

    /// Goes back to the mark and closes the episode.
    ///
    /// # Errors
    /// When no episode is open, or the database fails.
    fn end(&mut self) -> Result<(), StoreError>;

    /// All rows.
    ///
    /// # Errors
    /// When the database fails, is corrupt, or holds more than a snapshot does.
    fn snapshot(&mut self) -> Result<Snapshot, StoreError>;

    /// Puts the rows of a snapshot in the place of all there are, or leaves everything as it was.
    ///
    /// # Errors
    /// Inside an episode, when a constraint forbids a row, or when the database fails.
    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), StoreError>;

    /// How many rows each entity has.
    ///
    /// # Errors
    /// When the database fails.
    fn counts(&mut self) -> Result<Vec<(Entity, u64)>, StoreError>;
}
