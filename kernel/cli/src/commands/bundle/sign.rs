//! `proctor bundle sign`: one more seal on what others sealed.

use std::io::Write;
use std::process::ExitCode;

use proctor_bundle::{Existing, with_attachments};

use super::opening::{self, Opened};
use super::{keys, verify};
use crate::args::SignBundleOptions;
use crate::exit::Failure;

pub fn run(options: &SignBundleOptions) -> Result<ExitCode, Failure> {
    keys::check_new(&options.out)?;
    let secret = keys::secret(&options.sign_with)?;
    let Opened { bundle, trust } = opening::open(&options.open)?;
    // Nobody seals what doesn't hold.
    verify::whole(&bundle, trust.as_ref())?;
    let seal = keys::seal(bundle.manifest(), Some(&secret))?;
    with_attachments(&options.open.bundle, &options.out, Existing::Kept, &seal)
        .map_err(Failure::input)?;
    writeln!(
        std::io::stdout(),
        "{}: sealed by key {} too",
        options.out.display(),
        secret.public().key_id()
    )?;
    Ok(ExitCode::SUCCESS)
}
