//! What both databases are asked, and how they answer.

use std::collections::BTreeSet;

use crate::cases::Literal;

/// What a constraint is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    Check,
    NotNull,
    Unique,
    Reference,
    /// The column's type doesn't have every value.
    Type,
}

/// A rule and where it stands: the name of a CHECK, else `table.column`.
pub(crate) type Constraint = (Rule, String);

/// A statement wasn't carried out.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) rule: Rule,
    /// Nothing if the database doesn't say.
    pub(crate) place: Option<String>,
}

/// A database with one legal row in each table, and no store in front of it.
pub(crate) trait Database {
    /// How it writes a value; nothing where the case says nothing about it.
    fn literal<'l>(&self, literal: &'l Literal) -> Option<&'l str>;

    /// Runs statements up to the first that is refused, then undoes them all.
    fn attempt(&self, statements: &[String]) -> Result<(), Refusal>;

    /// Every constraint that its own catalogue lists.
    fn constraints(&self) -> BTreeSet<Constraint>;
}
