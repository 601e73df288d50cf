//! What operators do to a database as a whole, in the same words on every backend.

/// Versions of a schema before and after it was brought up to date; 0 is no schema at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// Version that was found.
    pub from: u32,
    /// Version that it has now.
    pub to: u32,
}

/// What to do with tables, views and the like that Proctor didn't make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strangers {
    /// Leave everything as it is and say which they are.
    Refuse,
    /// Drop them, with all that they hold.
    Drop,
}

/// What a rebuild found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilt {
    /// Whether the schema was not as the migrations make it.
    pub altered: bool,
    /// Names of the strangers that were dropped, in order.
    pub dropped: Vec<String>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What it is called.
    pub check: &'static str,
    /// What was seen, or what is wrong and what to do about it.
    pub result: Result<String, String>,
}
