//! Whose signatures count: the trust policy.
//!
//! A bundle says by itself only that somebody sealed it. Who that may be is for whoever opens it
//! to say, in a file of their own:
//!
//! ```toml
//! [[key]]
//! name = "Ada Lovelace, sales operations"
//! public = "RW..."            # the second line of her public key's file
//! may = ["seal", "attest"]
//!
//! [require]
//! seals = 1                   # how many different keys it takes
//! attestations = 0
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use crate::signing::{KeyId, PublicKey, SigningError, Verified, signature_key_id, verify};

/// Largest trust policy, in bytes.
pub const POLICY_BYTES_MAX: usize = 1 << 20;
/// Most keys of a trust policy.
pub const KEYS_MAX: usize = 1_000;
/// Longest name of a key's holder, in bytes.
const NAME_BYTES_MAX: usize = 200;

/// What a signature is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Says: this is what I hand over.
    Seal,
    /// Says: I ran it again, and it came out the same.
    Attest,
}

impl Purpose {
    /// Its name in a policy.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Seal => "seal",
            Self::Attest => "attest",
        }
    }

    /// What it gives, with its article.
    fn noun(self) -> &'static str {
        match self {
            Self::Seal => "a seal",
            Self::Attest => "an attestation",
        }
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a policy cannot be used, or what was signed doesn't satisfy it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// The policy's file is wrong.
    #[error("{}{}: {message}", .path.display(), Place(.at))]
    Policy {
        /// The file.
        path: PathBuf,
        /// Line and column, from 1, where they are known.
        at: Option<(usize, usize)>,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Nobody knows the key.
    #[error(
        "there is {} by the key {key_id}, which the trust policy doesn't know; if you trust it, give \
         its public key with --key or add it to the policy",
        .purpose.noun()
    )]
    UnknownKey {
        /// Number of the key.
        key_id: KeyId,
        /// What it signed.
        purpose: Purpose,
    },
    /// The key counts, but not for this.
    #[error(
        "the trust policy doesn't let {name} (key {key_id}) {purpose}; if they should, add \
         \"{purpose}\" to the key's `may`"
    )]
    NotAllowed {
        /// Who holds the key.
        name: String,
        /// Number of the key.
        key_id: KeyId,
        /// What it signed.
        purpose: Purpose,
    },
    /// Not enough different keys.
    #[error(
        "the trust policy requires {}, and there is {}; ask a holder of a key to {purpose}",
        wanted(*.purpose, *.required),
        if *.found == 0 { "none".to_owned() } else { format!("{found}") }
    )]
    TooFew {
        /// What is missing.
        purpose: Purpose,
        /// Different keys that signed.
        found: usize,
        /// Different keys that must.
        required: usize,
    },
    /// A signature doesn't hold.
    #[error(transparent)]
    Signature(#[from] SigningError),
}

/// What a policy requires, in words.
fn wanted(purpose: Purpose, keys: usize) -> String {
    let keys = match keys {
        1 => "1 key".to_owned(),
        more => format!("{more} keys"),
    };
    format!("{} by {keys}", purpose.noun())
}

/// Line and column after a file's name, if they are known.
struct Place<'a>(&'a Option<(usize, usize)>);

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some((line, column)) => write!(f, ":{line}:{column}"),
            None => Ok(()),
        }
    }
}

/// Somebody whose signature counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// Who it is, as the policy says.
    pub name: String,
    /// Number of their key.
    pub key_id: KeyId,
    /// What they signed for.
    pub purpose: Purpose,
}

/// A key that counts.
#[derive(Clone, Debug)]
struct TrustedKey {
    name: String,
    public: PublicKey,
    may: BTreeSet<Purpose>,
}

/// Whose keys count, and how many it takes.
#[derive(Clone, Debug)]
pub struct TrustPolicy {
    /// By their numbers, of which no two are the same.
    keys: BTreeMap<KeyId, TrustedKey>,
    seals: usize,
    attestations: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    #[serde(default)]
    key: Vec<Spanned<KeyEntry>>,
    #[serde(default)]
    require: Option<Spanned<Require>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyEntry {
    name: Spanned<String>,
    public: Spanned<String>,
    may: Spanned<BTreeSet<Purpose>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Require {
    #[serde(default = "one")]
    seals: usize,
    #[serde(default)]
    attestations: usize,
}

fn one() -> usize {
    1
}

impl TrustPolicy {
    /// Reads a policy. `path` is only for messages.
    ///
    /// # Errors
    /// Whatever in the file is wrong, or requires what its keys can never give: with file, line
    /// and column.
    pub fn parse(text: &str, path: &Path) -> Result<Self, TrustError> {
        let source = Source { path, text };
        if text.len() > POLICY_BYTES_MAX {
            let message = format!(
                "has {} bytes; at most {POLICY_BYTES_MAX} are read",
                text.len()
            );
            return Err(source.error(None, message));
        }
        let file: PolicyFile = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            source.error(
                Some(at),
                error.message().lines().collect::<Vec<_>>().join(" "),
            )
        })?;
        if file.key.len() > KEYS_MAX {
            let message = format!("has {} keys; at most {KEYS_MAX} are read", file.key.len());
            return Err(source.error(None, message));
        }
        let mut keys = BTreeMap::new();
        for entry in &file.key {
            let key = source.key(entry.get_ref())?;
            let at = entry.get_ref().public.span().start;
            if let Some(before) = keys.insert(key.public.key_id(), key) {
                let message = format!(
                    "key {} stands here twice, first as {}'s; leave one out",
                    before.public.key_id(),
                    before.name
                );
                return Err(source.error(Some(at), message));
            }
        }
        let (at, require) = match &file.require {
            Some(require) => (Some(require.span().start), require.get_ref()),
            None => (
                None,
                &Require {
                    seals: one(),
                    attestations: 0,
                },
            ),
        };
        let policy = Self {
            keys,
            seals: require.seals,
            attestations: require.attestations,
        };
        policy
            .check()
            .map_err(|message| source.error(at, message))?;
        Ok(policy)
    }

    /// The policy that one seal by any of these keys is enough, and that each may attest.
    #[must_use]
    pub fn of_keys(keys: &[PublicKey]) -> Self {
        let trusted = |public: &PublicKey| TrustedKey {
            name: format!("the holder of key {}", public.key_id()),
            public: *public,
            may: BTreeSet::from([Purpose::Seal, Purpose::Attest]),
        };
        Self {
            keys: keys
                .iter()
                .map(|key| (key.key_id(), trusted(key)))
                .collect(),
            seals: 1,
            attestations: 0,
        }
    }

    /// Verifies a signature by the key of this policy that it says made it.
    ///
    /// # Errors
    /// When the policy doesn't know the key, or the signature doesn't hold.
    pub fn verify(
        &self,
        purpose: Purpose,
        signature_text: &str,
        bytes: &[u8],
    ) -> Result<Verified, TrustError> {
        let key_id = signature_key_id(signature_text)?;
        let Some(key) = self.keys.get(&key_id) else {
            return Err(TrustError::UnknownKey { key_id, purpose });
        };
        Ok(verify(&key.public, signature_text, bytes)?)
    }

    /// Whether these signatures are enough: those who made them, each key once for each purpose,
    /// seals first, in the order given.
    ///
    /// # Errors
    /// When a key is unknown or may not do what it did, or too few different keys signed.
    pub fn judge(
        &self,
        seals: &[Verified],
        attestations: &[Verified],
    ) -> Result<Vec<Vouched>, TrustError> {
        let mut vouched = self.vouched(Purpose::Seal, seals, self.seals)?;
        vouched.extend(self.vouched(Purpose::Attest, attestations, self.attestations)?);
        Ok(vouched)
    }

    fn vouched(
        &self,
        purpose: Purpose,
        signatures: &[Verified],
        required: usize,
    ) -> Result<Vec<Vouched>, TrustError> {
        let mut seen = BTreeSet::new();
        let mut vouched = Vec::new();
        for signature in signatures {
            let key = self.holder(purpose, signature)?;
            let key_id = signature.key_id();
            if seen.insert(key_id) {
                vouched.push(Vouched {
                    name: key.name.clone(),
                    key_id,
                    purpose,
                });
            }
        }
        if vouched.len() < required {
            return Err(TrustError::TooFew {
                purpose,
                found: vouched.len(),
                required,
            });
        }
        Ok(vouched)
    }

    /// The key that made a signature, if it counts for that. Numbers of keys are chosen by those
    /// who make them, so the whole key is compared.
    fn holder(&self, purpose: Purpose, signature: &Verified) -> Result<&TrustedKey, TrustError> {
        let key_id = signature.key_id();
        let known = self.keys.get(&key_id);
        let Some(key) = known.filter(|key| key.public == signature.key) else {
            return Err(TrustError::UnknownKey { key_id, purpose });
        };
        if !key.may.contains(&purpose) {
            return Err(TrustError::NotAllowed {
                name: key.name.clone(),
                key_id,
                purpose,
            });
        }
        Ok(key)
    }

    /// Whether the keys can ever satisfy it, and it asks for anything.
    fn check(&self) -> Result<(), String> {
        if self.seals == 0 && self.attestations == 0 {
            return Err(
                "requires no signature at all; ask for a seal or an attestation".to_owned(),
            );
        }
        let rules = [
            (Purpose::Seal, self.seals),
            (Purpose::Attest, self.attestations),
        ];
        for (purpose, required) in rules {
            let able = self.keys.values().filter(|key| key.may.contains(&purpose));
            let able = able.count();
            if able < required {
                return Err(format!(
                    "requires {}, and {able} may {purpose}; add a [[key]], or require fewer",
                    wanted(purpose, required)
                ));
            }
        }
        Ok(())
    }
}

/// A policy being read, to say where in it something is wrong.
#[derive(Clone, Copy)]
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl Source<'_> {
    /// An error at a byte of the file, or in all of it.
    fn error(&self, at: Option<usize>, message: impl Into<String>) -> TrustError {
        let place = at.map(|at| {
            let before = self.text.get(..at).unwrap_or(self.text);
            let of_line = before.rsplit('\n').next().unwrap_or_default();
            (
                before.matches('\n').count() + 1,
                of_line.chars().count() + 1,
            )
        });
        TrustError::Policy {
            path: self.path.to_owned(),
            at: place,
            message: message.into(),
        }
    }

    fn key(&self, entry: &KeyEntry) -> Result<TrustedKey, TrustError> {
        let name = entry.name.get_ref();
        if name.trim().is_empty() || name.len() > NAME_BYTES_MAX || name.contains(char::is_control)
        {
            let message = format!(
                "`name` says who holds the key, in one line of 1 to {NAME_BYTES_MAX} bytes"
            );
            return Err(self.error(Some(entry.name.span().start), message));
        }
        if entry.may.get_ref().is_empty() {
            let message = "`may` is empty; a key may \"seal\", \"attest\", or both";
            return Err(self.error(Some(entry.may.span().start), message));
        }
        let public = PublicKey::parse(entry.public.get_ref())
            .map_err(|error| self.error(Some(entry.public.span().start), error.to_string()))?;
        Ok(TrustedKey {
            name: name.clone(),
            public,
            may: entry.may.get_ref().clone(),
        })
    }
}
