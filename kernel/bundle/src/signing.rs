//! Signatures in minisign's format: keys, signing, verifying.
//!
//! Whatever is signed here the stock `minisign` program verifies, and the other way round. Two
//! things are narrower than the format: a signature is of the prehashed kind, and its text has one
//! form only, so that no byte of it can be changed unseen. Signing is Ed25519 as RFC 8032 has it:
//! the same key, bytes and comment give the same signature, which a sealed bundle's own digest
//! needs. (The crate `minisign` mixes chance into each signature, so it verifies but doesn't sign.)

use std::fmt;
use std::io::Cursor;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use blake2::{Blake2b512, Digest};
use minisign::{SecretKeyBox, SignatureBox};
use ring::signature::Ed25519KeyPair;

/// Largest file of a public or secret key, in bytes.
pub const KEY_FILE_BYTES_MAX: usize = 2_048;
/// Largest signature file, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 2_048;
/// Longest trusted comment, in bytes.
pub const TRUSTED_COMMENT_BYTES_MAX: usize = 1_024;
/// Longest password, in bytes: stock minisign takes no more.
pub const PASSWORD_BYTES_MAX: usize = 1_024;

/// The one untrusted comment, which stock minisign writes, too. It isn't signed, so nothing else
/// may stand there.
const UNTRUSTED_COMMENT: &str = "signature from minisign secret key";
/// How the first line of every file begins.
const UNTRUSTED: &str = "untrusted comment: ";
/// How the third line of a signature begins.
const TRUSTED: &str = "trusted comment: ";
/// Marks Ed25519 keys.
const ALGORITHM: &[u8; 2] = b"Ed";
/// Marks Ed25519 signatures over a BLAKE2b-512 digest.
const PREHASHED: &[u8; 2] = b"ED";
/// Marks checksums of secret keys.
const CHECKSUM: &[u8; 2] = b"B2";
/// What stock minisign writes instead of the checksum of a key that it doesn't encrypt.
const NO_CHECKSUM: &[u8; 32] = &[0; 32];
/// Marks secret keys that a password encrypts, by scrypt.
const WITH_PASSWORD: &[u8; 2] = b"Sc";
/// Marks secret keys that nothing encrypts.
const WITHOUT_PASSWORD: &[u8; 2] = &[0, 0];
/// Where the seed lies in a secret key: after what is said of its encryption, and the key id.
const SEED: std::ops::Range<usize> = 62..94;
/// Letters of the first signature of a file: algorithm, key id, signature, in base64.
const SIGNATURE_LETTERS: usize = 100;
/// Letters of the signature over it and the trusted comment.
const GLOBAL_SIGNATURE_LETTERS: usize = 88;
/// Most work that opening a secret key may take: libsodium's `OPSLIMIT_SENSITIVE` for scrypt,
/// which stock minisign uses.
const SCRYPT_OPERATIONS_MAX: u64 = 33_554_432;
/// Most memory that opening a secret key may take, in bytes: libsodium's `MEMLIMIT_SENSITIVE`.
const SCRYPT_MEMORY_BYTES_MAX: u64 = 1 << 30;

/// Why something could not be signed, or a signature doesn't hold. Never repeats a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SigningError {
    /// Something is longer than it may be.
    #[error("{what} has {bytes} bytes; at most {bytes_max} are read")]
    TooLong {
        /// What it is.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// The most that is read.
        bytes_max: usize,
    },
    /// No public key.
    #[error(
        "this is no public key of minisign's: give its file, or the 56 letters that begin with RW"
    )]
    PublicKey,
    /// No secret key, or a damaged one.
    #[error(
        "this is no secret key of minisign's, or it is damaged: give a file that `minisign -G` or \
         `proctor bundle keygen` wrote"
    )]
    SecretKey,
    /// The secret key is encrypted.
    #[error("the secret key is encrypted: give its password")]
    PasswordMissing,
    /// The secret key is encrypted by another password.
    #[error("the password isn't this secret key's, or its file is damaged")]
    Password,
    /// No trusted comment.
    #[error(
        "a trusted comment is one line of up to {TRUSTED_COMMENT_BYTES_MAX} bytes without control \
         characters, and doesn't begin or end with a space"
    )]
    Comment,
    /// The machine gives no random numbers, or refuses the memory.
    #[error("no key could be made: {0}")]
    Generate(String),
    /// No signature.
    #[error(
        "this is no signature of minisign's: it has four lines, of which the first and third are \
         comments"
    )]
    Signature,
    /// A signature of the old kind.
    #[error("the signature is of minisign's old kind, which isn't prehashed: sign anew")]
    NotPrehashed,
    /// A signature in another form than the one that is accepted.
    #[error(
        "the signature isn't in its one form (first line `{UNTRUSTED}{UNTRUSTED_COMMENT}`, line \
         feeds, nothing after the fourth line): it was edited, or written with `minisign -c`; sign \
         anew without it"
    )]
    NotCanonical,
    /// A signature by another key.
    #[error("the signature is by the key {found}, not by {expected}: verify it with that key")]
    OtherKey {
        /// The key that was to verify it.
        expected: KeyId,
        /// The key that it says made it.
        found: KeyId,
    },
    /// The signature doesn't hold.
    #[error(
        "the signature by the key {0} doesn't hold: what was signed, or the signature, was changed"
    )]
    Mismatch(KeyId),
}

/// Number of a key: 16 hexadecimal digits, as minisign prints it but for leading zeros, which it
/// leaves out. Chosen by whoever made the key, so it finds a key but
/// doesn't prove one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016X}", u64::from_le_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A public key. Shown as the 56 letters that minisign takes with `-P`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    point: [u8; 32],
}

impl PublicKey {
    /// Reads a public key: minisign's file, or its second line alone.
    ///
    /// # Errors
    /// When it is neither.
    pub fn parse(text: &str) -> Result<Self, SigningError> {
        within("the public key", text.len(), KEY_FILE_BYTES_MAX)?;
        let letters = body(text).unwrap_or_else(|| text.trim());
        let bytes = BASE64_STANDARD.decode(letters).unwrap_or_default();
        Self::of_bytes(&bytes).ok_or(SigningError::PublicKey)
    }

    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (id, point) = bytes.strip_prefix(ALGORITHM)?.split_first_chunk()?;
        Some(Self {
            id: KeyId(*id),
            point: point.try_into().ok()?,
        })
    }

    fn to_bytes(self) -> Vec<u8> {
        [ALGORITHM.as_slice(), &self.id.0, &self.point].concat()
    }

    /// Its number.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// Its file, as minisign writes it.
    #[must_use]
    pub fn to_file(&self) -> String {
        format!("{UNTRUSTED}minisign public key {}\n{self}\n", self.id)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The file of a secret key, whether a password encrypts it or not.
#[derive(Clone)]
pub struct SecretKeyText {
    text: String,
    bytes: Vec<u8>,
    encrypted: bool,
}

impl SecretKeyText {
    /// Reads the file of a secret key.
    ///
    /// # Errors
    /// When it is none, or opening it would take more time or memory than minisign's own keys do.
    pub fn parse(text: &str) -> Result<Self, SigningError> {
        within("the secret key", text.len(), KEY_FILE_BYTES_MAX)?;
        let letters = body(text).ok_or(SigningError::SecretKey)?;
        let bytes = BASE64_STANDARD.decode(letters).unwrap_or_default();
        Ok(Self {
            text: text.to_owned(),
            encrypted: is_encrypted(&bytes).ok_or(SigningError::SecretKey)?,
            bytes,
        })
    }

    /// The file's text: a secret.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it takes a password to open it.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The key, to sign with. A password that isn't needed is not looked at.
    ///
    /// # Errors
    /// When the password is missing or another, or the file is damaged.
    pub fn open(&self, password: Option<&str>) -> Result<SecretKey, SigningError> {
        let stored = SecretKeyBox::from(self.text.clone());
        if !self.encrypted {
            let key = if self.bytes.ends_with(NO_CHECKSUM) {
                minisign::SecretKey::from_bytes(&self.bytes)
            } else {
                stored.into_unencrypted_secret_key()
            };
            return SecretKey::of(&key.map_err(|_| SigningError::SecretKey)?);
        }
        let password = password.ok_or(SigningError::PasswordMissing)?;
        within("the password", password.len(), PASSWORD_BYTES_MAX)?;
        // Without a password the crate would ask the terminal for one.
        let key = stored.into_secret_key(Some(password.to_owned()));
        SecretKey::of(&key.map_err(|_| SigningError::Password)?)
    }
}

impl fmt::Debug for SecretKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKeyText")
    }
}

/// Whether this secret key is encrypted; none if it is no secret key.
fn is_encrypted(bytes: &[u8]) -> Option<bool> {
    let (derivation, rest) = bytes.strip_prefix(ALGORITHM)?.split_first_chunk()?;
    let (_salt, rest) = rest.strip_prefix(CHECKSUM)?.split_first_chunk::<32>()?;
    let (operations, rest) = rest.split_first_chunk()?;
    let (memory, key) = rest.split_first_chunk()?;
    let bearable = u64::from_le_bytes(*operations) <= SCRYPT_OPERATIONS_MAX
        && u64::from_le_bytes(*memory) <= SCRYPT_MEMORY_BYTES_MAX;
    // Key id, seed, public key, checksum.
    let complete = key.len() == 8 + 32 + 32 + 32;
    match derivation {
        WITHOUT_PASSWORD if complete => Some(false),
        WITH_PASSWORD if complete && bearable => Some(true),
        _ => None,
    }
}

/// A secret key that is ready to sign.
pub struct SecretKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SecretKey {
    fn of(key: &minisign::SecretKey) -> Result<Self, SigningError> {
        let public = minisign::PublicKey::from_secret_key(key)
            .ok()
            .and_then(|public| PublicKey::of_bytes(&public.to_bytes()))
            .ok_or(SigningError::SecretKey)?;
        let bytes = key.to_bytes();
        let seed = bytes.get(SEED).unwrap_or_default();
        let pair = Ed25519KeyPair::from_seed_and_public_key(seed, &public.point)
            .map_err(|_| SigningError::SecretKey)?;
        Ok(Self { pair, public })
    }

    /// The public key that verifies what this one signs.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public.id)
    }
}

/// A new key.
#[derive(Debug)]
pub struct KeyPair {
    /// To be kept.
    pub secret: SecretKeyText,
    /// To be given to those who verify.
    pub public: PublicKey,
}

impl KeyPair {
    /// Makes a key at random, its secret half encrypted if there is a password.
    ///
    /// # Errors
    /// When the password is too long, or the machine gives no random numbers.
    pub fn generate(password: Option<&str>) -> Result<Self, SigningError> {
        let length = password.map_or(0, str::len);
        within("the password", length, PASSWORD_BYTES_MAX)?;
        let failed = |error: minisign::PError| SigningError::Generate(error.to_string());
        let (pair, comment) = match password {
            None => (
                minisign::KeyPair::generate_unencrypted_keypair(),
                "minisign secret key, not encrypted",
            ),
            Some(password) => (
                minisign::KeyPair::generate_encrypted_keypair(Some(password.to_owned())),
                "minisign encrypted secret key",
            ),
        };
        let pair = pair.map_err(failed)?;
        let file = pair.sk.to_box(Some(comment)).map_err(failed)?;
        let public = PublicKey::of_bytes(&pair.pk.to_bytes()).ok_or(SigningError::PublicKey)?;
        Ok(Self {
            secret: SecretKeyText::parse(&file.into_string())?,
            public,
        })
    }
}

/// A signature that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// The key that made it.
    pub key: PublicKey,
    /// What the signature says besides, and is signed with it.
    pub trusted_comment: String,
}

impl Verified {
    /// Number of the key that made it.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key.id
    }
}

/// Signs: the text of a signature file.
///
/// # Errors
/// When the comment isn't one line that reads the same everywhere.
pub fn sign(
    secret: &SecretKey,
    bytes: &[u8],
    trusted_comment: &str,
) -> Result<String, SigningError> {
    if !is_comment(trusted_comment) {
        return Err(SigningError::Comment);
    }
    let signature = secret.pair.sign(&Blake2b512::digest(bytes));
    let global = [signature.as_ref(), trusted_comment.as_bytes()].concat();
    let global = secret.pair.sign(&global);
    let signature = [
        PREHASHED.as_slice(),
        &secret.public.id.0,
        signature.as_ref(),
    ]
    .concat();
    let text = format!(
        "{UNTRUSTED}{UNTRUSTED_COMMENT}\n{}\n{TRUSTED}{trusted_comment}\n{}\n",
        BASE64_STANDARD.encode(signature),
        BASE64_STANDARD.encode(global),
    );
    // By other code than made it.
    verify(&secret.public, &text, bytes)?;
    Ok(text)
}

/// Checks that a signature is of these bytes and by this key.
///
/// # Errors
/// When it isn't, or isn't in its one form.
pub fn verify(
    public: &PublicKey,
    signature_text: &str,
    bytes: &[u8],
) -> Result<Verified, SigningError> {
    let (signature, made_by) = read_signature(signature_text)?;
    if made_by != public.id {
        return Err(SigningError::OtherKey {
            expected: public.id,
            found: made_by,
        });
    }
    let key = minisign::PublicKey::from_bytes(&public.to_bytes());
    let key = key.map_err(|_| SigningError::PublicKey)?;
    minisign::verify(&key, &signature, Cursor::new(bytes), true, false, false)
        .map_err(|_| SigningError::Mismatch(public.id))?;
    let trusted_comment = signature.trusted_comment();
    Ok(Verified {
        key: *public,
        trusted_comment: trusted_comment.map_err(|_| SigningError::Signature)?,
    })
}

/// Number of the key that a signature says made it. Nothing is verified by that.
///
/// # Errors
/// When it is no signature, or isn't in its one form.
pub fn signature_key_id(signature_text: &str) -> Result<KeyId, SigningError> {
    read_signature(signature_text).map(|(_, made_by)| made_by)
}

/// Reads a signature in its one form.
fn read_signature(text: &str) -> Result<(SignatureBox, KeyId), SigningError> {
    within("the signature", text.len(), SIGNATURE_BYTES_MAX)?;
    let lines: Vec<&str> = text.lines().collect();
    // The crate takes the lengths for granted.
    let [_, signature, trusted, global, ..] = lines.as_slice() else {
        return Err(SigningError::Signature);
    };
    if signature.len() != SIGNATURE_LETTERS || global.len() != GLOBAL_SIGNATURE_LETTERS {
        return Err(SigningError::Signature);
    }
    let read = SignatureBox::from_string(text).map_err(|_| SigningError::Signature)?;
    if !read.is_prehashed() {
        return Err(SigningError::NotPrehashed);
    }
    let one_form = read
        .untrusted_comment()
        .is_ok_and(|comment| comment == UNTRUSTED_COMMENT)
        && read.to_string() == text;
    if !one_form {
        return Err(SigningError::NotCanonical);
    }
    if !trusted.strip_prefix(TRUSTED).is_some_and(is_comment) {
        return Err(SigningError::Comment);
    }
    let made_by = read.keynum().try_into().map(KeyId);
    Ok((read, made_by.map_err(|_| SigningError::Signature)?))
}

/// Whether a text can be a trusted comment. Stock minisign puts tabs into its own.
fn is_comment(text: &str) -> bool {
    text.len() <= TRUSTED_COMMENT_BYTES_MAX
        && text.trim() == text
        && !text
            .chars()
            .any(|letter| letter.is_control() && letter != '\t')
}

/// The second line of a file that begins with a comment and has nothing after it.
fn body(file: &str) -> Option<&str> {
    let (comment, rest) = file.split_once('\n')?;
    comment.starts_with(UNTRUSTED).then(|| rest.trim_end())
}

fn within(what: &'static str, bytes: usize, bytes_max: usize) -> Result<(), SigningError> {
    if bytes > bytes_max {
        return Err(SigningError::TooLong {
            what,
            bytes,
            bytes_max,
        });
    }
    Ok(())
}
