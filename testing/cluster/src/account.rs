//! As whom a server runs: as oneself, or for root as somebody with fewer rights.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use crate::error::Error;

/// Somebody other than the user who runs the tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Account {
    /// The account for whoever made this folder: `None` is oneself.
    ///
    /// # Errors
    /// Root made it, and there is nobody else.
    pub(crate) fn for_maker_of(folder: &Path) -> Result<Option<Self>, Error> {
        let made = fs::metadata(folder).map_err(Error::at(folder))?;
        if made.uid() != 0 {
            return Ok(None);
        }
        let users = fs::read_to_string("/etc/passwd").map_err(Error::at("/etc/passwd"))?;
        let account = ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::named(name, &users));
        account.map(Some).ok_or(Error::NoAccount)
    }

    /// An account in the text of /etc/passwd.
    fn named(name: &str, users: &str) -> Option<Self> {
        let mut fields = users
            .lines()
            .map(|line| line.split(':'))
            .find_map(|mut fields| (fields.next() == Some(name)).then_some(fields))?;
        Some(Self {
            user: fields.nth(1)?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
        })
    }
}

/// Gives a file or folder to an account, if it isn't to stay one's own.
///
/// # Errors
/// The system refuses.
pub(crate) fn give(path: &Path, account: Option<Account>) -> Result<(), Error> {
    let Some(account) = account else {
        return Ok(());
    };
    chown(path, Some(account.user), Some(account.group)).map_err(Error::at(path))
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let users = "root:x:0:0::/root:/bin/sh\nnobody2:x:7:8::/:/bin/sh\nnobody:x:9:10::/:/bin/sh";
        let found = Account { user: 9, group: 10 };
        assert_eq!(Account::named("nobody", users), Some(found));
        assert_eq!(Account::named("postgres", users), None);
    }
}
