//! Copies of a database in memory, for workers that each need their own.

use std::sync::Arc;

use rusqlite::{Connection, MAIN_DB};

use super::connection::configure_memory;
use super::{Sqlite, backend};
use crate::{Fingerprint, Snapshot, Store as _, StoreError, Sum};

/// A database as SQLite's pages: a copy is opened by copying them, without reading a row.
///
/// Stays within the process: unlike a [`Snapshot`] it is neither canonical nor checked.
#[derive(Clone)]
pub struct Image {
    pages: Arc<[u8]>,
    sum: Sum,
}

impl Image {
    /// Size, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.pages.len()
    }

    /// The fingerprint of its rows.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.sum.fingerprint()
    }

    /// The image of a database that holds the rows of a snapshot.
    ///
    /// # Errors
    /// When a constraint forbids a row, or SQLite fails.
    pub fn of(snapshot: &Snapshot) -> Result<Self, StoreError> {
        let mut store = Sqlite::in_memory()?;
        store.restore(snapshot)?;
        store.image()
    }
}

impl Sqlite {
    /// The database as an image.
    ///
    /// # Errors
    /// Inside an episode, since an image would hold changes that the episode takes back, or when
    /// SQLite fails.
    pub fn image(&mut self) -> Result<Image, StoreError> {
        // Where the header of a database file says who may read and write it: 2 is "with a
        // write-ahead log", which a database in memory can't have; 1 is "with a journal".
        const JOURNAL_VERSIONS: std::ops::Range<usize> = 18..20;
        self.usable()?;
        if self.mark.is_some() {
            return Err(StoreError::Misuse(
                "no image can be taken inside an episode",
            ));
        }
        let mut pages = self.in_one_view(|store| {
            store.notice_others()?;
            let pages = store.connection.serialize(MAIN_DB).map_err(backend)?;
            Ok(pages.to_vec())
        })?;
        if let Some(versions) = pages.get_mut(JOURNAL_VERSIONS) {
            versions.fill(1);
        }
        Ok(Image {
            pages: pages.into(),
            sum: self.sum,
        })
    }

    /// A database in memory that starts as an image.
    ///
    /// # Errors
    /// When SQLite fails, such as for want of memory.
    pub fn from_image(image: &Image) -> Result<Self, StoreError> {
        let mut connection = Connection::open_in_memory().map_err(backend)?;
        connection
            .deserialize_read_exact(MAIN_DB, &*image.pages, image.pages.len(), false)
            .map_err(backend)?;
        configure_memory(&connection)?;
        Self::over(connection, false, image.sum)
    }
}
