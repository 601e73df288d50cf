//! Where a tool call's time and ids come from.

use sha2::{Digest, Sha256};

use crate::{Date, Id, Timestamp};

/// The circumstances of one tool call, all of them given: the episode's clock and the material
/// that new ids are made of.
#[derive(Clone, Copy, Debug)]
pub struct Context {
    /// The episode's clock.
    pub now: Timestamp,
    /// The episode's seed.
    pub seed: [u8; 32],
    /// Number of the step within the episode, from 0.
    pub step: u32,
}

impl Context {
    /// The episode's calendar day, in UTC.
    #[must_use]
    pub fn today(&self) -> Date {
        self.now.to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    /// The `ordinal`-th new id of this call: the first 16 bytes of
    /// SHA-256(seed ‖ step ‖ ordinal), numbers as 4 bytes, most significant first.
    #[must_use]
    pub fn id(&self, ordinal: u32) -> Id {
        let digest = Sha256::new()
            .chain_update(self.seed)
            .chain_update(self.step.to_be_bytes())
            .chain_update(ordinal.to_be_bytes())
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Id::from_digest(bytes)
    }
}
