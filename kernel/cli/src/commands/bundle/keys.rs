//! Keys: made, read from files, and used to sign.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use proctor_bundle::sealed::{self, Identities};
use proctor_bundle::signing::{self, KeyPair, PublicKey, SecretKey, SecretKeyText};
use proctor_bundle::trust::TrustPolicy;
use proctor_bundle::{Attachments, Manifest};

use crate::args::{KeygenOptions, TrustOptions};
use crate::environment;
use crate::exit::Failure;

/// Variable with the password of a secret key.
const PASSWORD: &str = "PROCTOR_KEY_PASSWORD";
/// Largest file with keys, or policy file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// `proctor bundle keygen`.
pub fn keygen(options: &KeygenOptions) -> Result<ExitCode, Failure> {
    let name = |ending: &str| -> PathBuf {
        let mut name = options.out.clone().into_os_string();
        name.push(ending);
        name.into()
    };
    let (secret, public) = (name(".key"), name(".pub"));
    for path in [&secret, &public] {
        if path.exists() {
            return Err(Failure::input(format!("{} exists already", path.display()))
                .hint("a key is never overwritten: give another name with --out"));
        }
    }
    let mut out = std::io::stdout();
    if options.gold {
        let (identity, recipient) = sealed::generate();
        write_new(&secret, identity.as_str(), true)?;
        write_new(&public, &format!("{recipient}\n"), false)?;
        writeln!(out, "{recipient}")?;
        made(
            &secret,
            "reads what is encrypted",
            &public,
            "for those who seal",
        );
        return Ok(ExitCode::SUCCESS);
    }
    let password = environment::variable(PASSWORD)?;
    let pair = KeyPair::generate(password.as_deref()).map_err(Failure::input)?;
    write_new(&secret, pair.secret.as_str(), true)?;
    write_new(&public, &pair.public.to_file(), false)?;
    writeln!(out, "{}", pair.public)?;
    made(
        &secret,
        "seals in your name",
        &public,
        "for those who check it",
    );
    if password.is_none() {
        crate::terminal::note(format!(
            "{} has no password: whoever reads it can seal ({PASSWORD} sets one)",
            secret.display()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what the two files of a key are for.
fn made(secret: &Path, does: &str, public: &Path, whose: &str) {
    let (secret, public) = (secret.display(), public.display());
    crate::terminal::note(format!(
        "{secret} {does}: keep it to yourself; {public} is {whose}: give it away"
    ));
}

/// Writes a file that wasn't there; a secret one for its owner alone.
fn write_new(path: &Path, text: &str, secret: bool) -> Result<(), Failure> {
    let wrong = |error| Failure::input(format!("{}: {error}", path.display()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(if secret { 0o600 } else { 0o644 });
    }
    #[cfg(not(unix))]
    let _ = secret;
    let mut file = options.open(path).map_err(wrong)?;
    file.write_all(text.as_bytes()).map_err(wrong)
}

/// Whether a bundle can be written there, before the work that goes into it.
pub fn check_new(out: &Path) -> Result<(), Failure> {
    match out.exists() {
        true => Err(Failure::input(format!("{} exists already", out.display()))
            .hint("a bundle is never overwritten: give another name with --out")),
        false => Ok(()),
    }
}

/// A small text file.
pub fn read(path: &Path) -> Result<String, Failure> {
    let wrong = |reason: String| Failure::input(format!("{}: {reason}", path.display()));
    let size = fs::metadata(path)
        .map_err(|error| wrong(error.to_string()))?
        .len();
    if size > FILE_BYTES_MAX {
        return Err(wrong(format!(
            "has {size} bytes; at most {FILE_BYTES_MAX} are read"
        )));
    }
    fs::read_to_string(path).map_err(|error| wrong(error.to_string()))
}

/// A secret key, opened with the password that the environment has for it.
pub fn secret(path: &Path) -> Result<SecretKey, Failure> {
    let wrong = |error| Failure::input(format!("{}: {error}", path.display()));
    let text = SecretKeyText::parse(&read(path)?).map_err(wrong)?;
    let password = match text.is_encrypted() {
        true => environment::variable(PASSWORD)?,
        false => None,
    };
    text.open(password.as_deref()).map_err(|error| {
        wrong(error).hint(format!(
            "{PASSWORD}=… in the environment or in {}",
            environment::FILE
        ))
    })
}

/// A public key: a file, or the key itself.
pub fn public(text: &str) -> Result<PublicKey, Failure> {
    if let Ok(key) = PublicKey::parse(text) {
        return Ok(key);
    }
    PublicKey::parse(&read(Path::new(text))?).map_err(|error| {
        let failure = Failure::input(format!("{text}: {error}"));
        match text.strip_suffix(".key") {
            Some(stem) => failure.hint(format!("the public half of a key is {stem}.pub")),
            None => failure,
        }
    })
}

/// Whose signatures count; nothing if anyone's do.
pub fn trust(options: &TrustOptions) -> Result<Option<TrustPolicy>, Failure> {
    if options.anyone {
        return Ok(None);
    }
    if let Some(path) = &options.trust {
        return TrustPolicy::parse(&read(path)?, path)
            .map(Some)
            .map_err(Failure::input);
    }
    if options.key.is_empty() {
        return Err(Failure::input("whose seal counts isn't said").hint(
            "--key FILE for the public key of who sealed it, --trust FILE for a policy, or \
             --anyone to check only that the bundle is whole",
        ));
    }
    let keys = options.key.iter().map(|text| public(text));
    Ok(Some(TrustPolicy::of_keys(
        &keys.collect::<Result<Vec<_>, _>>()?,
    )))
}

/// The keys to what is encrypted.
pub fn identities(path: Option<&Path>) -> Result<Option<Identities>, Failure> {
    let Some(path) = path else { return Ok(None) };
    Identities::parse(&read(path)?)
        .map(Some)
        .map_err(|error| Failure::input(format!("{}: {error}", path.display())))
}

/// The seal of a manifest.
pub fn seal(manifest: &Manifest, secret: Option<&SecretKey>) -> Result<Attachments, Failure> {
    let mut attachments = Attachments::default();
    if let Some(secret) = secret {
        let comment = format!("proctor bundle {} {}", manifest.name, manifest.digest());
        let signature =
            signing::sign(secret, &manifest.to_bytes(), &comment).map_err(Failure::input)?;
        attachments
            .signatures
            .insert(secret.public().key_id().to_string(), signature);
    }
    Ok(attachments)
}
