//! Where an episode's ids and luck come from.

use std::fmt;

use sha2::{Digest, Sha256};

/// The seed of one episode: SHA-256 over the run's seed, the task's id and the trial's number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct EpisodeSeed([u8; 32]);

impl EpisodeSeed {
    /// The seed of a task's `trial`-th episode (from 0) in a run.
    #[must_use]
    pub fn derive(run: u64, task: &str, trial: u32) -> Self {
        let digest = Sha256::new()
            .chain_update(b"proctor-episode-1")
            .chain_update(run.to_be_bytes())
            .chain_update((task.len() as u64).to_be_bytes())
            .chain_update(task)
            .chain_update(trial.to_be_bytes())
            .finalize();
        Self(digest.into())
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> [u8; 32] {
        self.0
    }

    /// What the policy gets: another digest, so that it tells nothing of the ids to come.
    #[must_use]
    pub fn for_policy(&self) -> u64 {
        let digest = Sha256::new()
            .chain_update(b"proctor-policy-1")
            .chain_update(self.0)
            .finalize();
        digest
            .iter()
            .take(8)
            .fold(0, |seed, byte| (seed << 8) | u64::from(*byte))
    }
}

impl fmt::Display for EpisodeSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for EpisodeSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
