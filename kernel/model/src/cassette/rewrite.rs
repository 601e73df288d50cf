//! A cassette made of another, and what a cassette has in it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::state::Asked;
use super::{Cassette, CassetteError, Exchange, Header, Redactor};
use crate::chat::{Role, Tools, Usage};

/// What became of the exchanges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RewriteCount {
    /// Those kept, changed or not.
    pub kept: u64,
    /// Those left out.
    pub dropped: u64,
}

/// Makes a new cassette of what `keep` gives back for each exchange, in the same order. It is
/// written beside the target under another name and renamed when it is whole.
///
/// An exchange keeps the digest of the request that it had, also if its texts are changed: that
/// digest is what it is found by. [`verify`] counts such exchanges.
///
/// # Errors
/// When the target exists, either file can't be read or written, or two exchanges get one key.
pub fn rewrite(
    source: &Cassette,
    target: impl AsRef<Path>,
    header: &Header,
    keep: &mut dyn FnMut(Exchange) -> Option<Exchange>,
) -> Result<RewriteCount, CassetteError> {
    whole(target.as_ref(), header, &mut |made| {
        copy(source, made, keep)
    })
}

/// Makes a new cassette of all exchanges of others, one after the other.
///
/// # Errors
/// When the target exists, a file can't be read or written, or two exchanges get one key.
pub fn join(
    sources: &[Cassette],
    target: impl AsRef<Path>,
    header: &Header,
) -> Result<RewriteCount, CassetteError> {
    whole(target.as_ref(), header, &mut |made| {
        let mut all = RewriteCount::default();
        for source in sources {
            all.kept += copy(source, made, &mut Some)?.kept;
        }
        Ok(all)
    })
}

/// Writes a cassette beside its place, and gives it its name when it is whole.
fn whole(
    target: &Path,
    header: &Header,
    write: &mut dyn FnMut(&Cassette) -> Result<RewriteCount, CassetteError>,
) -> Result<RewriteCount, CassetteError> {
    if target.exists() {
        return Err(CassetteError::Exists {
            path: target.to_owned(),
        });
    }
    let partial = beside(target);
    // What was recorded went through a redactor then; what is kept stays as it is.
    let made = Cassette::create(&partial, header, Redactor::none())?;
    let written = write(&made).and_then(|count| made.finish().map(|()| count));
    let ours = made.lock().has_file();
    drop(made);
    let count = written.and_then(|count| {
        fs::rename(&partial, target).map_err(CassetteError::io(target, "rename"))?;
        Ok(count)
    });
    // What another run is writing there is its own, and so is what it left when it was killed.
    if count.is_err() && ours {
        // The first error is the one to tell.
        let _ = fs::remove_file(&partial);
    }
    count
}

fn beside(target: &Path) -> PathBuf {
    let mut name = OsString::from(target);
    name.push(".partial");
    name.into()
}

fn copy(
    source: &Cassette,
    target: &Cassette,
    keep: &mut dyn FnMut(Exchange) -> Option<Exchange>,
) -> Result<RewriteCount, CassetteError> {
    let mut count = RewriteCount::default();
    for exchange in source.exchanges() {
        match keep(exchange?) {
            Some(kept) => {
                target.put(&kept)?;
                count.kept += 1;
            }
            None => count.dropped += 1,
        }
    }
    Ok(count)
}

impl Cassette {
    /// Records an exchange under the key that it has.
    fn put(&self, exchange: &Exchange) -> Result<(), CassetteError> {
        let asked = Asked {
            tools: &Tools::new(exchange.tools.clone()),
            terms: &exchange.terms,
            messages: &exchange.messages,
        };
        let place = exchange.place();
        let retained = &exchange.retained;
        self.lock()
            .record(&self.path, &self.redactor, &place, &asked, retained)
    }
}

/// What a cassette has in it, when all of it is whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// What it is a recording of.
    pub header: Header,
    /// Number of exchanges.
    pub exchanges: u64,
    /// Number of messages, each counted once however many requests carry it.
    pub messages: u64,
    /// Number of lists of tools, likewise.
    pub tools: u64,
    /// Size of the file, in bytes.
    pub bytes: u64,
    /// Exchanges whose request no longer has the digest that it is found by, since it was
    /// redacted.
    pub redacted: u64,
    /// Exchanges and tokens by role.
    pub roles: BTreeMap<Role, RoleCount>,
}

/// Exchanges of one role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RoleCount {
    /// How many.
    pub exchanges: u64,
    /// How many of them ended in a provider's failure.
    pub failed: u64,
    /// Tokens, as the providers counted them.
    pub usage: Usage,
}

/// Checks all of a cassette, and counts.
///
/// # Errors
/// As [`Cassette::open`], or when an exchange can't be put together.
pub fn verify(path: impl AsRef<Path>) -> Result<Verified, CassetteError> {
    let path = path.as_ref();
    let cassette = Cassette::open(path, None)?;
    let mut redacted = 0;
    let mut roles: BTreeMap<Role, RoleCount> = BTreeMap::new();
    for exchange in cassette.exchanges() {
        let exchange = exchange?;
        redacted += u64::from(!exchange.is_as_sent());
        let count = roles.entry(exchange.role).or_default();
        count.exchanges += 1;
        match &exchange.retained.result {
            Ok(reply) => count.usage += reply.usage,
            Err(_) => count.failed += 1,
        }
    }
    let bytes = fs::metadata(path).map_err(CassetteError::io(path, "read"))?;
    let state = cassette.lock();
    Ok(Verified {
        header: cassette.header.clone(),
        exchanges: state.index.len() as u64,
        messages: state.index.messages.len() as u64,
        tools: state.index.tools.len() as u64,
        bytes: bytes.len(),
        redacted,
        roles,
    })
}
