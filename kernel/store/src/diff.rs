//! The difference between two states.

use std::cmp::Ordering;

use proctor_crm::{Change, Entity, Id, Row};

use crate::Snapshot;

impl Snapshot {
    /// The changes that would turn this state into the other, in order of entity and key.
    #[must_use]
    pub fn changes_to(&self, other: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        let (mut old, mut new) = (self.rows(), other.rows());
        loop {
            match (old, new) {
                ([before, olds @ ..], [after, news @ ..]) => match key(before).cmp(&key(after)) {
                    Ordering::Less => {
                        changes.push(Change::Delete(before.clone()));
                        old = olds;
                    }
                    Ordering::Greater => {
                        changes.push(Change::Insert(after.clone()));
                        new = news;
                    }
                    Ordering::Equal => {
                        if before != after {
                            let (before, after) = (before.clone(), after.clone());
                            changes.push(Change::Update { before, after });
                        }
                        (old, new) = (olds, news);
                    }
                },
                (gone, added) => {
                    changes.extend(gone.iter().cloned().map(Change::Delete));
                    changes.extend(added.iter().cloned().map(Change::Insert));
                    return changes;
                }
            }
        }
    }
}

fn key(row: &Row) -> (Entity, Id) {
    (row.entity(), row.id())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use std::collections::BTreeMap;

    use proctor_crm::Value;
    use proptest::prelude::*;

    use super::*;

    /// Companies by a number that becomes their key, each with one of a few names, and clients
    /// with the same keys.
    fn states() -> impl Strategy<Value = BTreeMap<(bool, u8), u8>> {
        prop::collection::btree_map((any::<bool>(), 0..8u8), 0..3u8, 0..12)
    }

    fn snapshot(state: &BTreeMap<(bool, u8), u8>) -> Snapshot {
        let rows = state.iter().map(|((client, key), name)| {
            let entity = if *client {
                Entity::Client
            } else {
                Entity::Company
            };
            let id: Id = format!("00000000-0000-4000-8000-0000000000{key:02}")
                .parse()
                .unwrap();
            let mut row = Row::new(entity, id);
            row.set("name", Value::Text(format!("name {name}")))
                .unwrap();
            if *client {
                row.set("status", Value::Text("Active".into())).unwrap();
            }
            row
        });
        Snapshot::from_rows(rows.collect()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn the_changes_lead_from_one_state_to_the_other(one in states(), other in states()) {
            let (one, other) = (snapshot(&one), snapshot(&other));
            let changes = one.changes_to(&other);
            let mut rows: BTreeMap<_, Row> = one.rows().iter().map(|row| (key(row), row.clone())).collect();
            for change in &changes {
                let at = (change.entity(), change.id());
                prop_assert_eq!(rows.get(&at), change.before());
                match change.after() {
                    Some(after) => rows.insert(at, after.clone()),
                    None => rows.remove(&at),
                };
            }
            prop_assert_eq!(Snapshot::from_rows(rows.into_values().collect()).unwrap(), other.clone());
            let keys: Vec<_> = changes.iter().map(|change| (change.entity(), change.id())).collect();
            prop_assert!(keys.is_sorted_by(|one, next| one < next), "{keys:?}");
            prop_assert_eq!(changes.is_empty(), one == other);
        }
    }
}
