//! What every call came to.

use serde::{Deserialize, Serialize};

use crate::chat::{Digest, Finish, Role, Usage};
use crate::price::Cost;

/// Where a reply came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The provider.
    Live,
    /// The cassette.
    Cassette,
}

/// One call of a model, accounted for.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    /// On whose behalf.
    pub role: Role,
    /// The model's name in the models file.
    pub model: String,
    /// The provider's name in the models file.
    pub provider: String,
    /// What the provider says the model is; nothing if there was no reply, or it names none.
    pub reply_model: Option<String>,
    /// Step of the episode before which the model was asked: the number of steps taken.
    pub step: u32,
    /// Digest of the request.
    pub request: Digest,
    /// How many calls of this episode, role and request came before.
    pub occurrence: u32,
    /// Why the reply ends; nothing if there was none.
    pub finish: Option<Finish>,
    /// Tokens, as the provider counted them.
    pub usage: Usage,
    /// What it cost by the price list; nothing if the model has no price.
    pub cost: Option<Cost>,
    /// Kind of the error, if there was no reply.
    pub error: Option<&'static str>,
    /// What the error says.
    pub message: Option<String>,
    /// Attempts that it took, when it was live. Covered by no hash.
    pub attempts: u32,
    /// Time from the request to the reply when it was live, in microseconds; a replayed call has
    /// the recorded one. Covered by no hash.
    pub latency_us: u64,
    /// Where the reply came from. Covered by no hash.
    pub origin: Origin,
}
