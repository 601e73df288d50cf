//! What a run's folder keeps of what the run depended on.

use proctor_episode::canonical;
use serde::{Deserialize, Serialize};

use crate::manifest::{Inputs, MANIFEST_BYTES_MAX, ManifestError};

/// The file `inputs/run.json` of a run's folder. The members' paths are relative to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptRun {
    /// Absolute path of the recorded exchanges with models, if there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cassette: Option<String>,
    /// What the run depended on.
    pub inputs: Inputs,
}

impl KeptRun {
    /// Reads the file.
    ///
    /// # Errors
    /// When it isn't in the form of one.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() as u64 > MANIFEST_BYTES_MAX {
            return Err(ManifestError::Form("is too large".to_owned()));
        }
        serde_json::from_slice(bytes).map_err(|error| ManifestError::Form(error.to_string()))
    }

    /// The file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = canonical::to_string(self).into_bytes();
        bytes.push(b'\n');
        bytes
    }
}
