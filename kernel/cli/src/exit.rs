//! How the command ends.

use std::fmt;
use std::process::ExitCode;

/// Exit codes, as `proctor --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Something in the input, or the machine, is wrong.
    Input = 1,
    /// A run is complete, but some episodes have no score.
    Unscored = 3,
    /// A check found something.
    Findings = 4,
    /// Interrupted; `--resume` goes on.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command could not do its work.
#[derive(Debug)]
pub struct Failure {
    message: String,
    hint: Option<String>,
    quiet: bool,
}

impl Failure {
    /// What is wrong.
    pub fn input(message: impl fmt::Display) -> Self {
        Self {
            message: message.to_string(),
            hint: None,
            quiet: false,
        }
    }

    /// Nobody reads our output any more.
    pub fn pipe() -> Self {
        Self {
            message: String::new(),
            hint: None,
            quiet: true,
        }
    }

    /// What to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What is wrong, in one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do about it, if that is known.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Whether there is nobody to tell.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// The code to exit with.
    pub fn code(&self) -> ExitCode {
        if self.quiet {
            ExitCode::SUCCESS
        } else {
            Exit::Input.into()
        }
    }
}

impl From<proctor_episode::SuiteError> for Failure {
    fn from(error: proctor_episode::SuiteError) -> Self {
        Self::input(error)
    }
}

impl From<proctor_host::LoadError> for Failure {
    fn from(error: proctor_host::LoadError) -> Self {
        Self::input(error)
    }
}

impl From<proctor_store::StoreError> for Failure {
    fn from(error: proctor_store::StoreError) -> Self {
        Self::input(error)
    }
}

impl From<proctor_model::cassette::CassetteError> for Failure {
    fn from(error: proctor_model::cassette::CassetteError) -> Self {
        Self::input(error)
    }
}

impl From<proctor_episode::TelemetryError> for Failure {
    fn from(error: proctor_episode::TelemetryError) -> Self {
        Self::input(error)
    }
}
