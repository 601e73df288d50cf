//! Encryption to recipients, in age's format: what only holders of a key may read.
//!
//! The stock `age` program opens what is sealed here, and the other way round. Recipients are of
//! age's usual kind (X25519, `age1…`); their keys lie in identity files as `age-keygen` writes
//! them. Sealing the same bytes twice gives different ones, since each seal has a fresh key: that
//! is age's design, so a bundle with sealed members has another digest each time.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read, Write};

use age::secrecy::ExposeSecret;
use age::x25519;
use age::{DecryptError, Decryptor, EncryptError, Encryptor};

/// Most recipients of one seal.
pub const RECIPIENTS_MAX: usize = 64;
/// Largest identity file, in bytes.
pub const IDENTITY_FILE_BYTES_MAX: usize = 64 << 10;
/// Largest header of a sealed file, in bytes: some 160 recipients. Reading one takes time that
/// grows with its square.
pub const HEADER_BYTES_MAX: u64 = 16 << 10;

/// How the last line of a header begins.
const HEADER_END: &[u8] = b"---";

/// Why something could not be sealed or opened. Never repeats a secret.
#[derive(Debug, thiserror::Error)]
pub enum SealedError {
    /// No recipient, or too many.
    #[error("{0} recipients; seal to 1 to {RECIPIENTS_MAX}")]
    Recipients(usize),
    /// Not a recipient's name.
    #[error(
        "this is no recipient of age's: give the line that begins with age1 and that `age-keygen` \
         or `proctor bundle keygen` prints as the public key"
    )]
    Recipient,
    /// A line of an identity file is no secret key.
    #[error(
        "line {0} of the identity file is no secret key of age's: each begins with \
         AGE-SECRET-KEY-1; other lines are empty or begin with #"
    )]
    Identity(usize),
    /// The identity file is too large.
    #[error("the identity file has {bytes} bytes; at most {IDENTITY_FILE_BYTES_MAX} are read")]
    IdentityFile {
        /// Its size.
        bytes: usize,
    },
    /// The identity file has no key.
    #[error("the identity file has no secret key: give one that `age-keygen` wrote")]
    NoIdentity,
    /// Not in age's format.
    #[error("this isn't in age's format, or its beginning was changed: get it again")]
    Form,
    /// Sealed to others.
    #[error(
        "it isn't sealed to any of these keys: open it with the secret key of one whom it was \
         sealed to"
    )]
    WrongKey,
    /// Changed or cut short.
    #[error("it was changed or cut short after it was sealed: get it again")]
    Damaged,
    /// More than the caller takes.
    #[error("it holds more than {plain_bytes_max} bytes, the most that it may")]
    TooLarge {
        /// The most that it may hold.
        plain_bytes_max: u64,
    },
    /// It could not be read or written.
    #[error("cannot be read: {0}")]
    Io(io::Error),
}

impl From<DecryptError> for SealedError {
    fn from(error: DecryptError) -> Self {
        match error {
            DecryptError::NoMatchingKeys => Self::WrongKey,
            DecryptError::Io(error) => error.into(),
            DecryptError::InvalidMac
            | DecryptError::DecryptionFailed
            | DecryptError::KeyDecryptionFailed => Self::Damaged,
            _ => Self::Form,
        }
    }
}

impl From<io::Error> for SealedError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // How the crate says that a chunk doesn't decrypt, or is missing.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => Self::Damaged,
            _ => Self::Io(error),
        }
    }
}

/// Somebody who will be able to open what is sealed. Shown as `age1…`.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipient(x25519::Recipient);

impl Recipient {
    /// Reads a recipient: `age1…`.
    ///
    /// # Errors
    /// When it is none of that kind.
    pub fn parse(text: &str) -> Result<Self, SealedError> {
        let read = text.trim().parse().map_err(|_| SealedError::Recipient)?;
        Ok(Self(read))
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Secret keys that open what is sealed to them.
pub struct Identities(Vec<x25519::Identity>);

impl Identities {
    /// Reads an identity file: a secret key a line, empty lines, and comments after `#`.
    ///
    /// # Errors
    /// When it holds anything else, or no key.
    pub fn parse(text: &str) -> Result<Self, SealedError> {
        if text.len() > IDENTITY_FILE_BYTES_MAX {
            return Err(SealedError::IdentityFile { bytes: text.len() });
        }
        let lines = text.lines().map(str::trim).enumerate();
        let keys = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let keys: Result<Vec<_>, SealedError> = keys
            .map(|(at, line)| line.parse().map_err(|_| SealedError::Identity(at + 1)))
            .collect();
        match keys? {
            keys if keys.is_empty() => Err(SealedError::NoIdentity),
            keys => Ok(Self(keys)),
        }
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identities({})", self.0.len())
    }
}

/// The text of an identity file: a secret.
pub struct IdentityText(String);

impl IdentityText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IdentityText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdentityText")
    }
}

/// Makes a key at random: the identity file to be kept, and the recipient to be given to those
/// who seal.
#[must_use]
pub fn generate() -> (IdentityText, Recipient) {
    let identity = x25519::Identity::generate();
    let recipient = Recipient(identity.to_public());
    let secret = identity.to_string();
    let text = format!("# public key: {recipient}\n{}\n", secret.expose_secret());
    (IdentityText(text), recipient)
}

/// Encrypts to recipients, of whom any can open it.
///
/// # Errors
/// When there are none or too many.
pub fn seal(plain: &[u8], recipients: &[Recipient]) -> Result<Vec<u8>, SealedError> {
    let number = SealedError::Recipients(recipients.len());
    if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
        return Err(number);
    }
    let each = recipients.iter().map(|to| &to.0 as &dyn age::Recipient);
    let encryptor = Encryptor::with_recipients(each).map_err(|error| match error {
        EncryptError::Io(error) => SealedError::Io(error),
        _ => number,
    })?;
    let mut writer = encryptor.wrap_output(Vec::with_capacity(plain.len()))?;
    writer.write_all(plain)?;
    Ok(writer.finish()?)
}

/// Decrypts, and checks that all of it is there and unchanged.
///
/// # Errors
/// When none of the keys opens it, it was changed or cut short, or holds more than
/// `plain_bytes_max` bytes.
pub fn open(
    sealed: impl Read,
    identities: &Identities,
    plain_bytes_max: u64,
) -> Result<Vec<u8>, SealedError> {
    let mut sealed = BufReader::new(sealed);
    let header = read_header(&mut sealed)?;
    let whole = BufReader::new(header.as_slice().chain(sealed));
    let keys = identities.0.iter().map(|key| key as &dyn age::Identity);
    let reader = Decryptor::new_buffered(whole)?.decrypt(keys)?;
    let mut plain = Vec::new();
    // One more, to see that there is no more, and so that the end is checked in any case.
    reader
        .take(plain_bytes_max.saturating_add(1))
        .read_to_end(&mut plain)?;
    if plain.len() as u64 > plain_bytes_max {
        return Err(SealedError::TooLarge { plain_bytes_max });
    }
    Ok(plain)
}

/// Reads up to the end of the header.
fn read_header(sealed: &mut impl BufRead) -> Result<Vec<u8>, SealedError> {
    let mut header = Vec::new();
    let mut sealed = sealed.take(HEADER_BYTES_MAX);
    loop {
        let line_start = header.len();
        let read = sealed.read_until(b'\n', &mut header)?;
        let line = header.get(line_start..).unwrap_or_default();
        if !line.ends_with(b"\n") || read == 0 {
            return Err(SealedError::Form);
        }
        if line.starts_with(HEADER_END) {
            return Ok(header);
        }
    }
}
