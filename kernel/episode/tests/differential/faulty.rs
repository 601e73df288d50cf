//! Stores that are wrong on purpose, in ways that real ones have been.

use proctor_crm::{Change, Condition, Entity, Found, Query, Row, Rows, Value};
use proctor_store::{Fingerprint, RowDigest, Snapshot, Sqlite, Store, StoreError, Sum};

/// What is wrong with a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Searches fold the case of ASCII letters only.
    FoldsOnlyAscii,
    /// Changes of contacts are lost, and nothing but a later call shows it.
    LosesChangesOfContacts,
    /// The total of a search counts the rows returned.
    CountsThePage,
    /// Batches are carried out as far as the first change.
    StopsAfterTheFirstChange,
}

impl Fault {
    pub(crate) const ALL: [Self; 4] = [
        Self::FoldsOnlyAscii,
        Self::LosesChangesOfContacts,
        Self::CountsThePage,
        Self::StopsAfterTheFirstChange,
    ];
}

/// SQLite with a fault.
pub(crate) struct Faulty {
    inner: Sqlite,
    fault: Fault,
    /// The rows as they would be without the fault, and at the mark.
    rows: (Rows, Sum),
    mark: (Rows, Sum),
}

impl Faulty {
    pub(crate) fn new(mut inner: Sqlite, fault: Fault) -> Result<Self, StoreError> {
        let rows = rows_of(&inner.snapshot()?);
        Ok(Self {
            inner,
            fault,
            mark: rows.clone(),
            rows,
        })
    }

    fn spoil(&self, query: &Query, found: &mut Found) {
        match self.fault {
            Fault::FoldsOnlyAscii => found.rows.retain(|row| is_found_in_ascii(query, row)),
            Fault::CountsThePage => found.total = found.total.map(|_| found.rows.len() as u64),
            Fault::LosesChangesOfContacts | Fault::StopsAfterTheFirstChange => {}
        }
    }

    fn is_lost(&self, at: usize, change: &Change) -> bool {
        match self.fault {
            Fault::LosesChangesOfContacts => {
                change.entity() == Entity::Contact && matches!(change, Change::Update { .. })
            }
            Fault::StopsAfterTheFirstChange => at > 0,
            Fault::FoldsOnlyAscii | Fault::CountsThePage => false,
        }
    }
}

fn rows_of(snapshot: &Snapshot) -> (Rows, Sum) {
    let rows = snapshot.rows();
    (rows.iter().cloned().collect(), rows.iter().collect())
}

fn is_found_in_ascii(query: &Query, row: &Row) -> bool {
    query.conditions.iter().all(|condition| match condition {
        Condition::Contains(column, part) => match row.get(column) {
            Value::Text(text) => text
                .to_ascii_lowercase()
                .contains(&part.to_ascii_lowercase()),
            _ => true,
        },
        _ => true,
    })
}

impl Store for Faulty {
    fn backend(&self) -> &'static str {
        "wrong"
    }

    fn read(&mut self, queries: &[Query]) -> Result<Vec<Found>, StoreError> {
        let mut all = self.inner.read(queries)?;
        for (query, found) in queries.iter().zip(&mut all) {
            self.spoil(query, found);
        }
        Ok(all)
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        for (at, change) in changes.iter().enumerate() {
            if !self.is_lost(at, change) {
                self.inner.apply(std::slice::from_ref(change))?;
            }
            if let Some(before) = change.before() {
                self.rows.1.remove(RowDigest::of(before));
            }
            if let Some(after) = change.after() {
                self.rows.1.add(RowDigest::of(after));
            }
        }
        self.rows.0.apply(changes);
        Ok(())
    }

    fn fingerprint(&self) -> Fingerprint {
        self.rows.1.fingerprint()
    }

    fn scan(&mut self) -> Result<Fingerprint, StoreError> {
        Ok(self.snapshot()?.fingerprint())
    }

    fn begin(&mut self) -> Result<(), StoreError> {
        self.mark = self.rows.clone();
        self.inner.begin()
    }

    fn reset(&mut self) -> Result<(), StoreError> {
        self.rows = self.mark.clone();
        self.inner.reset()
    }

    fn end(&mut self) -> Result<(), StoreError> {
        self.rows = self.mark.clone();
        self.inner.end()
    }

    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        match self.fault {
            Fault::LosesChangesOfContacts => {
                Ok(Snapshot::from_rows(self.rows.0.iter().cloned().collect())?)
            }
            _ => self.inner.snapshot(),
        }
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), StoreError> {
        self.rows = rows_of(snapshot);
        self.inner.restore(snapshot)
    }

    fn counts(&mut self) -> Result<Vec<(Entity, u64)>, StoreError> {
        self.inner.counts()
    }
}
