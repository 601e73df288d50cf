//! Changes that nobody asked for, as the verifier `end-state` names them in its checks.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::events::Check;

/// The verifier whose checks say what changed and shouldn't have.
pub(crate) const VERIFIER: &str = "end-state";

/// A net change of an episode that gold doesn't ask for, by kind.
///
/// A change that gold does ask for and that was left out or made with another value is none: it
/// is a matter of accuracy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Violation {
    /// A record was created that gold doesn't have.
    UnaskedInsert,
    /// A record was changed that gold leaves as it was.
    UnaskedUpdate,
    /// A record was deleted that gold keeps.
    UnaskedDelete,
    /// Of a record that gold changes, other columns were changed too.
    UnaskedColumn,
    /// Something changed in a task where nothing should: in a negative one, or one that only
    /// reads. Counted once an episode, beside the changes themselves.
    StateTouched,
}

impl Violation {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::UnaskedInsert,
        Self::UnaskedUpdate,
        Self::UnaskedDelete,
        Self::UnaskedColumn,
        Self::StateTouched,
    ];

    /// Its name for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnaskedInsert => "unasked insert",
            Self::UnaskedUpdate => "unasked update",
            Self::UnaskedDelete => "unasked delete",
            Self::UnaskedColumn => "unasked column",
            Self::StateTouched => "state touched",
        }
    }

    /// The violation that a check of `end-state` found, if it found one.
    ///
    /// A check's name begins, and its detail goes on, with words of the kernel's and the
    /// verifier's own: an entity, an id, what happened. Only what stands there is read, so that
    /// no text of an agent's is taken for a finding.
    fn found_by(check: &Check) -> Option<Self> {
        if check.pass {
            return None;
        }
        match check.name.as_str() {
            "state untouched" => Some(Self::StateTouched),
            "no collateral change" => {
                let (_, happened) = check.detail.split_once(" was ")?;
                match happened.split_once(':')?.0 {
                    "created" => Some(Self::UnaskedInsert),
                    "changed" => Some(Self::UnaskedUpdate),
                    "deleted" => Some(Self::UnaskedDelete),
                    _ => None,
                }
            }
            // A column's value is quoted if it is text, so these last words are the verifier's.
            name if name.ends_with(" updated") => check
                .detail
                .ends_with(" and shouldn't have")
                .then_some(Self::UnaskedColumn),
            _ => None,
        }
    }
}

/// The violations of one episode, from the checks of its verdict by `end-state`.
pub(crate) fn count(checks: &[Check]) -> BTreeMap<Violation, u64> {
    let mut violations = BTreeMap::new();
    for violation in checks.iter().filter_map(Violation::found_by) {
        *violations.entry(violation).or_default() += 1;
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, pass: bool, detail: &str) -> Check {
        Check {
            name: name.into(),
            pass,
            detail: detail.into(),
        }
    }

    #[test]
    fn each_unasked_change_counts_under_its_kind() {
        let checks = [
            check("state untouched", false, "nothing should change"),
            check(
                "no collateral change",
                false,
                "Client 1 was created: name \"A\"",
            ),
            check(
                "no collateral change",
                false,
                "Client 2 was deleted: name \"B\"",
            ),
            check(
                "no collateral change",
                false,
                "Quote 3 was changed: status from \"Draft\" to \"Sent\"",
            ),
            check(
                "no collateral change",
                false,
                "Quote 4 was changed: amount from 1 to 2",
            ),
            check(
                "Client 5 updated",
                false,
                "phone changed from \"1\" to \"2\" and shouldn't have",
            ),
        ];
        assert_eq!(
            count(&checks),
            BTreeMap::from([
                (Violation::UnaskedInsert, 1),
                (Violation::UnaskedUpdate, 2),
                (Violation::UnaskedDelete, 1),
                (Violation::UnaskedColumn, 1),
                (Violation::StateTouched, 1),
            ])
        );
    }

    #[test]
    fn what_was_left_out_or_given_another_value_is_no_violation() {
        let checks = [
            check("new Client (a)", false, "is not there"),
            check("new Client (b)", false, "name should be \"A\", is \"B\""),
            check("Client 1 deleted", false, "is still there"),
            check(
                "Client 2 updated",
                false,
                "name should be \"A\", is \"x and shouldn't have\"",
            ),
            check("no collateral change", true, "nothing else changed"),
        ];
        assert_eq!(count(&checks), BTreeMap::new());
    }
}
