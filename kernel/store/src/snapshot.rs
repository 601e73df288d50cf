//! All rows of a state, in canonical order and canonical bytes.

use proctor_crm::{Entity, Id, Row, RowError};
use sha2::{Digest, Sha256};

use crate::messagepack::{Reader, Writer};
use crate::portable;
use crate::{Fingerprint, RowDigest, Sum, Unportable};

/// Version of the rows' schema; goes up when a column comes, goes or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;
/// Longest snapshot, in bytes: 1 GiB, about four million rows of ordinary size.
pub const SNAPSHOT_BYTES_MAX: usize = 1 << 30;
/// Most rows of a snapshot.
pub const SNAPSHOT_ROWS_MAX: usize = 4_000_000;

const MAGIC: &str = "proctor-snapshot";
const FORMAT_VERSION: u32 = 1;

/// All rows of a state, in order of entity and key.
///
/// # Format
///
/// One MessagePack array of six, with everything in its shortest form:
///
/// | element | is |
/// |---|---|
/// | 0 | the string `proctor-snapshot` |
/// | 1 | the format's version, an integer: 1 |
/// | 2 | the schema's version, an integer: [`SCHEMA_VERSION`] |
/// | 3 | an array with `[table, columns, rows]` for each entity, in the order of [`Entity::ALL`]: the table's name, the names of its columns, and its rows in ascending order of key, each an array of values as in a row's digest |
/// | 4 | the fingerprint of the rows, 32 bytes |
/// | 5 | SHA-256 of every byte before these last 32 |
///
/// The same rows give the same bytes. The SHA-256 at the end finds damage; whoever wants to
/// know that a snapshot is the right one compares its digest with one from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    rows: Vec<Row>,
    sum: Sum,
}

/// Rows or bytes that are no snapshot. Offsets (`at`) count bytes from the start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// More bytes than a snapshot may have.
    #[error("the snapshot has {bytes} bytes, more than {SNAPSHOT_BYTES_MAX}")]
    TooLarge {
        /// How many.
        bytes: usize,
    },
    /// More rows than a snapshot may have.
    #[error("the snapshot has more than {SNAPSHOT_ROWS_MAX} rows")]
    TooManyRows,
    /// The bytes end before the snapshot does.
    #[error("the snapshot is cut off at byte {at}")]
    Truncated {
        /// Where the bytes end.
        at: usize,
    },
    /// Something else than belongs there, or not in its canonical spelling.
    #[error("byte {at} of the snapshot: expected {expected}")]
    Malformed {
        /// Where.
        at: usize,
        /// What belongs there.
        expected: &'static str,
    },
    /// A text that is longer than a cell may hold.
    #[error(
        "byte {at} of the snapshot: a text of {bytes} bytes is longer than {}",
        crate::TEXT_BYTES_MAX
    )]
    TextTooLong {
        /// Where.
        at: usize,
        /// How long.
        bytes: usize,
    },
    /// A format that this version can't read.
    #[error(
        "the snapshot has format version {found}; this version of Proctor reads {FORMAT_VERSION}"
    )]
    FormatVersion {
        /// Version of the snapshot.
        found: i64,
    },
    /// Rows of another schema.
    #[error(
        "the snapshot has schema version {found}; this version of Proctor reads {SCHEMA_VERSION}"
    )]
    SchemaVersion {
        /// Version of the snapshot.
        found: i64,
    },
    /// Values that don't make a row.
    #[error("byte {at} of the snapshot: row {index} of `{}`: {source}", entity.table())]
    Row {
        /// Where the row starts.
        at: usize,
        /// Entity of the row.
        entity: Entity,
        /// Its number within the table, from 0.
        index: usize,
        /// What is wrong.
        source: RowError,
    },
    /// A row whose key is not above the key of the row before.
    #[error("byte {at} of the snapshot: row {index} of `{}` is not in ascending order of key", entity.table())]
    Order {
        /// Where the row starts.
        at: usize,
        /// Entity of the row.
        entity: Entity,
        /// Its number within the table, from 0.
        index: usize,
    },
    /// Two rows with one key.
    #[error("two rows of `{}` have the id {id}", entity.table())]
    Duplicate {
        /// Entity of the rows.
        entity: Entity,
        /// Their key.
        id: Id,
    },
    /// A row given from memory that lacks a required value.
    #[error("{} {id}: {source}", entity.name())]
    Incomplete {
        /// Entity of the row.
        entity: Entity,
        /// Its key.
        id: Id,
        /// What is wrong.
        source: RowError,
    },
    /// A value that not every backend can hold.
    #[error(transparent)]
    Unportable(#[from] Unportable),
    /// The fingerprint inside is not that of the rows.
    #[error("the snapshot's fingerprint is not that of its rows")]
    Fingerprint,
    /// The digest at the end is not that of the bytes before it.
    #[error("the snapshot was altered: its SHA-256 does not match")]
    Digest,
    /// More bytes follow after the end.
    #[error("the snapshot ends at byte {at}, but more bytes follow")]
    Trailing {
        /// Where it ends.
        at: usize,
    },
}

impl Snapshot {
    /// A snapshot of these rows, given in any order. References are left to the database that
    /// the snapshot goes into.
    ///
    /// # Errors
    /// When two rows of an entity have one key, a row lacks a required value or has one that not
    /// every backend can hold, or there are too many.
    pub fn from_rows(mut rows: Vec<Row>) -> Result<Self, SnapshotError> {
        if rows.len() > SNAPSHOT_ROWS_MAX {
            return Err(SnapshotError::TooManyRows);
        }
        rows.sort_by_key(|row| (row.entity(), row.id()));
        for pair in rows.windows(2) {
            let (entity, id) = (pair[0].entity(), pair[0].id());
            if (entity, id) == (pair[1].entity(), pair[1].id()) {
                return Err(SnapshotError::Duplicate { entity, id });
            }
        }
        for row in &rows {
            let (entity, id) = (row.entity(), row.id());
            if let Some((column, _)) = row
                .cells()
                .find(|(column, value)| column.required && value.is_null())
            {
                let found = "nothing".to_owned();
                let source = RowError::Value {
                    entity,
                    column: column.name,
                    found,
                };
                return Err(SnapshotError::Incomplete { entity, id, source });
            }
            portable::check(row)?;
        }
        let sum = rows.iter().collect();
        Ok(Self { rows, sum })
    }

    /// The rows, in order of entity and key.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The fingerprint of a store that holds just these rows.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.sum.fingerprint()
    }

    pub(crate) fn sum(&self) -> Sum {
        self.sum
    }

    /// The rows of one entity, in order of key.
    #[must_use]
    pub fn rows_of(&self, entity: Entity) -> &[Row] {
        let from = self.rows.partition_point(|row| row.entity() < entity);
        let to = self.rows.partition_point(|row| row.entity() <= entity);
        &self.rows[from..to]
    }

    /// The canonical bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.array(6);
        out.str(MAGIC);
        out.int(i64::from(FORMAT_VERSION));
        out.int(i64::from(SCHEMA_VERSION));
        out.array(Entity::ALL.len());
        for entity in Entity::ALL {
            out.array(3);
            out.str(entity.table());
            out.array(entity.columns().len());
            entity
                .columns()
                .iter()
                .for_each(|column| out.str(column.name));
            let rows = self.rows_of(entity);
            out.array(rows.len());
            rows.iter().for_each(|row| out.values(row));
        }
        out.bin(self.fingerprint().as_bytes());
        out.bin_head::<32>();
        let digest = Sha256::digest(out.bytes());
        let mut bytes = out.into_bytes();
        bytes.extend_from_slice(&digest);
        bytes
    }

    /// Reads canonical bytes; nothing about them is taken on trust.
    ///
    /// # Errors
    /// When they are anything else than what [`to_bytes`](Self::to_bytes) writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        if bytes.len() > SNAPSHOT_BYTES_MAX {
            return Err(SnapshotError::TooLarge { bytes: bytes.len() });
        }
        let mut input = Reader::new(bytes);
        input.array_of(6, "an array of six: this is no snapshot")?;
        input.word(MAGIC, "the word `proctor-snapshot`: this is no snapshot")?;
        let found = input.int("the format's version")?;
        if found != i64::from(FORMAT_VERSION) {
            return Err(SnapshotError::FormatVersion { found });
        }
        let found = input.int("the schema's version")?;
        if found != i64::from(SCHEMA_VERSION) {
            return Err(SnapshotError::SchemaVersion { found });
        }
        input.array_of(Entity::ALL.len(), "an array with each of the tables")?;
        let mut rows = Vec::new();
        let mut sum = Sum::default();
        let mut buffer = Writer::default();
        for entity in Entity::ALL {
            read_table(&mut input, entity, &mut |row| {
                if rows.len() == SNAPSHOT_ROWS_MAX {
                    return Err(SnapshotError::TooManyRows);
                }
                sum.add(RowDigest::with(&row, &mut buffer));
                rows.push(row);
                Ok(())
            })?;
        }
        let fingerprint = input.bin::<32>("the fingerprint, of 32 bytes")?;
        let digest = input.bin::<32>("the SHA-256, of 32 bytes")?;
        let end = input.at();
        if end < bytes.len() {
            return Err(SnapshotError::Trailing { at: end });
        }
        if Sha256::digest(&bytes[..end - 32])[..] != digest {
            return Err(SnapshotError::Digest);
        }
        if sum.fingerprint().as_bytes() != &fingerprint {
            return Err(SnapshotError::Fingerprint);
        }
        Ok(Self { rows, sum })
    }
}

fn read_table(
    input: &mut Reader<'_>,
    entity: Entity,
    take: &mut dyn FnMut(Row) -> Result<(), SnapshotError>,
) -> Result<(), SnapshotError> {
    input.array_of(3, "an array of a table's name, columns and rows")?;
    input.word(entity.table(), "the name of the next table")?;
    input.array_of(
        entity.columns().len(),
        "an array with each of the table's columns",
    )?;
    for column in entity.columns() {
        input.word(column.name, "the name of the next column")?;
    }
    let mut previous = None;
    for index in 0..input.array("an array of rows")? {
        let at = input.at();
        let row = Row::from_values(entity, input.values(entity)?).map_err(|source| {
            SnapshotError::Row {
                at,
                entity,
                index,
                source,
            }
        })?;
        let id = row.id();
        if previous == Some(id) {
            return Err(SnapshotError::Duplicate { entity, id });
        }
        if previous > Some(id) {
            return Err(SnapshotError::Order { at, entity, index });
        }
        previous = Some(id);
        portable::check(&row)?;
        take(row)?;
    }
    Ok(())
}
