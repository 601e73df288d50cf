//! Where PostgreSQL's programs lie on this machine.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// Environment variable with the folder of the programs. It wins over the search.
pub(crate) const FOLDER_VARIABLE: &str = "PROCTOR_POSTGRES_BIN";
/// What a folder must have.
const PROGRAMS: [&str; 3] = ["initdb", "postgres", "psql"];
/// Where packages put a folder `bin` for each version: parent, and how the version's folder starts.
const INSTALLED: [(&str, &str); 5] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql"),
    ("/usr/local", "pgsql"),
    ("/usr/local/opt", "postgresql"),
    ("/opt/homebrew/opt", "postgresql"),
];

/// The folder of `initdb`, `postgres` and `psql`, all of one version: the one named in the
/// environment, or else that of the search path, or else the newest installed.
///
/// # Errors
/// There is none.
pub(crate) fn find() -> Result<PathBuf, Error> {
    if let Some(named) = env::var_os(FOLDER_VARIABLE) {
        let named = PathBuf::from(named);
        return match is_complete(&named) {
            true => Ok(named),
            false => Err(Error::NoServer {
                missing: format!(
                    "{} doesn't have all of {}",
                    named.display(),
                    PROGRAMS.join(", ")
                ),
            }),
        };
    }
    let found = configured().into_iter().chain(on_path()).chain(installed());
    found
        .into_iter()
        .find(|folder| is_complete(folder))
        .ok_or_else(|| Error::NoServer {
            missing: format!(
                "no folder with {} is on the search path or where packages put them",
                PROGRAMS.join(", ")
            ),
        })
}

fn is_complete(folder: &Path) -> bool {
    PROGRAMS
        .iter()
        .all(|program| folder.join(program).is_file())
}

/// What PostgreSQL's own `pg_config` says.
fn configured() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let folder = String::from_utf8(output.stdout).ok()?;
    Some(PathBuf::from(folder.trim()))
}

/// Folders of the `initdb`s on the search path. Links lead to where the other programs are.
fn on_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .filter_map(|folder| fs::canonicalize(folder.join("initdb")).ok())
        .filter_map(|program| Some(program.parent()?.to_owned()))
        .collect()
}

/// Folders that packages made, the newest version first.
fn installed() -> Vec<PathBuf> {
    let mut found: Vec<(u32, PathBuf)> = INSTALLED
        .iter()
        .filter_map(|(parent, start)| Some((fs::read_dir(parent).ok()?, start)))
        .flat_map(|(entries, start)| {
            entries.filter_map(|entry| {
                let entry = entry.ok()?;
                let version = version(&entry.file_name(), start)?;
                Some((version, entry.path().join("bin")))
            })
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, folder)| folder).collect()
}

/// Major version in a folder's name that starts so: 16 in `postgresql@16`, 0 where none is named.
fn version(name: &OsStr, start: &str) -> Option<u32> {
    let rest = name.to_str()?.strip_prefix(start)?;
    let digits = rest.trim_start_matches(|found: char| !found.is_ascii_digit());
    let end = digits
        .find(|found: char| !found.is_ascii_digit())
        .unwrap_or(digits.len());
    Some(digits[..end].parse().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_compared_as_numbers() {
        let of = |name: &str, start| version(name.as_ref(), start);
        assert_eq!(of("9.6", ""), Some(9));
        assert_eq!(of("15", ""), Some(15));
        assert_eq!(of("pgsql-16", "pgsql"), Some(16));
        assert_eq!(of("postgresql@17", "postgresql"), Some(17));
        assert_eq!(of("pgsql", "pgsql"), Some(0));
        assert_eq!(of("share", "pgsql"), None);
    }
}
