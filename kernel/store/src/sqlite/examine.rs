//! Looks at a file from outside to inside and says what it sees.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::connection::{configure, open_file};
use super::migrate::{self, MIGRATIONS};
use super::{Sqlite, backend};
use crate::{Finding, Store as _, StoreError};

impl Sqlite {
    /// Looks at a file that may be anything. What can't be looked at is a finding too; what lies
    /// behind it is left out then.
    #[must_use]
    pub fn examine(path: impl AsRef<Path>) -> Vec<Finding> {
        let mut findings = Vec::new();
        look_through(path.as_ref(), &mut findings);
        findings
    }
}

/// Goes on as long as what was seen lets it.
fn look_through(path: &Path, findings: &mut Vec<Finding>) -> Option<()> {
    let mut note = |check, seen: Result<String, StoreError>, advice: &str| {
        let result = seen.map_err(|error| format!("{error}; {advice}"));
        let sound = result.is_ok().then_some(());
        findings.push(Finding { check, result });
        sound
    };
    let (file, connection) = match open(path) {
        Ok((connection, bytes)) => (Ok(format!("a database of {bytes} bytes")), Some(connection)),
        Err(error) => (Err(error), None),
    };
    note(
        "file",
        file,
        "`proctor db init` makes one where there is none",
    );
    let connection = connection?;
    note(
        "writable",
        take_lock(path).map(|()| "yes".to_owned()),
        "see who may write to the file and its folder, and who else does so now",
    );
    note(
        "schema version",
        migrate::require_latest(&connection, MIGRATIONS)
            .map(|()| format!("version {}, the latest", MIGRATIONS.len())),
        "`proctor db migrate` brings an older database up to date, `proctor db reset` makes a changed one anew",
    )?;
    note(
        "schema",
        migrate::verify_schema(&connection).map(|()| "as the migrations make it".to_owned()),
        "`proctor db reset` makes it anew",
    )?;
    let repair = "`proctor db reset` and `proctor db restore` replace all rows";
    note("rows", rows(path), repair)?;
    note("constraints", constraints(path), repair)
}

/// Opens a file and asks for its size, in bytes; to open it alone would prove nothing.
fn open(path: &Path) -> Result<(Connection, i64), StoreError> {
    let connection = open_file(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    configure(&connection)?;
    let bytes = connection
        .query_row(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size, \
             (SELECT count(*) FROM sqlite_schema)",
            [],
            |row| row.get(0),
        )
        .map_err(backend)?;
    Ok((connection, bytes))
}

/// Becomes the one that writes, for a moment.
fn take_lock(path: &Path) -> Result<(), StoreError> {
    open_file(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?
        .execute_batch("BEGIN IMMEDIATE; ROLLBACK")
        .map_err(backend)
}

fn rows(path: &Path) -> Result<String, StoreError> {
    let mut store = Sqlite::open_read_only(path)?;
    let count: u64 = store.counts()?.iter().map(|(_, count)| count).sum();
    Ok(format!("{count}, fingerprint {}", store.scan()?))
}

fn constraints(path: &Path) -> Result<String, StoreError> {
    Sqlite::open_read_only(path)?.check_constraints()?;
    Ok("hold".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// The names of what was looked at, those that are wrong with a `!`.
    fn examined(make: impl FnOnce(&Path)) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("crm.db");
        make(&path);
        let findings = Sqlite::examine(&path);
        let names = findings.iter().map(|finding| match &finding.result {
            Ok(_) => finding.check.to_owned(),
            Err(_) => format!("{}!", finding.check),
        });
        names.collect::<Vec<_>>().join(" ")
    }

    fn meddled(sql: &str) -> String {
        examined(|path| {
            drop(Sqlite::open(path).unwrap());
            Connection::open(path).unwrap().execute_batch(sql).unwrap();
        })
    }

    #[test]
    fn whatever_is_wrong_is_found() {
        assert_eq!(
            meddled(""),
            "file writable schema version schema rows constraints"
        );
        assert_eq!(
            meddled("PRAGMA user_version = 7"),
            "file writable schema version!"
        );
        assert_eq!(
            meddled("CREATE TABLE extra (x)"),
            "file writable schema version schema!"
        );
        assert_eq!(
            meddled(
                "PRAGMA ignore_check_constraints = ON; \
                 INSERT INTO companies (company_id, name) VALUES ('no key', 'X')"
            ),
            "file writable schema version schema rows!"
        );
        assert_eq!(
            meddled(
                "PRAGMA ignore_check_constraints = ON; INSERT INTO companies (company_id, name, type) \
                 VALUES ('00000000-0000-4000-8000-000000000001', 'X', 'Friend')"
            ),
            "file writable schema version schema rows constraints!"
        );
    }

    #[test]
    fn what_is_no_database_is_a_finding() {
        assert_eq!(examined(|_| ()), "file!");
        let letter = "Dear all, this is no database. ".repeat(100);
        assert_eq!(
            examined(|path| std::fs::write(path, letter).unwrap()),
            "file!"
        );
        assert_eq!(
            examined(|path| std::fs::write(path, "").unwrap()),
            "file writable schema version!"
        );
        assert_eq!(examined(|path| std::fs::create_dir(path).unwrap()), "file!");
    }
}
