//! Recordings of what models were asked and what they replied, so that a run can be run again
//! without them.
//!
//! A [`Cassette`] is one file that only grows. It finds a recording by the episode, the role, the
//! digest of the request and its occurrence ([`Place`]); a request without a recording is a
//! [`Miss`], which knows the nearest one. Whatever is written goes through a [`Redactor`] first.
//!
//! ```no_run
//! use proctor_model::cassette::{Cassette, CassetteError, Header, Redactor};
//!
//! # fn main() -> Result<(), CassetteError> {
//! let header = Header {
//!     suite: "crm-core".into(),
//!     suite_digest: "5f0c…".into(),
//!     proctor: "0.1.0".into(),
//!     note: None,
//! };
//! let cassette = Cassette::create("baseline.cassette", &header, Redactor::default())?;
//! // … record …
//! cassette.finish()?;
//! for exchange in cassette.exchanges() {
//!     let _of = exchange?.episode;
//! }
//! # Ok(())
//! # }
//! ```

mod error;
mod frame;
mod index;
mod miss;
mod reading;
mod redact;
mod rewrite;
mod spelling;
mod state;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

pub use error::CassetteError;
pub use frame::{FRAME_BYTES_MAX, UNPACKED_BYTES_MAX};
pub use miss::{Miss, Nearest};
pub use reading::{CONVERSATION_BYTES_MAX, Exchanges};
pub use redact::{REDACTED, Redactor, RedactorError, SECRET_BYTES_MIN};
pub use rewrite::{RewriteCount, RoleCount, Verified, join, rewrite, verify};

use crate::chat::{ChatReply, ChatRequest, Digest, Message, Role, Terms, Tool, Tools};
use reading::Reading;
use state::{Asked, State};

/// What a recording is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Name of the suite.
    pub suite: String,
    /// Digest of the suite, as in telemetry.
    pub suite_digest: String,
    /// Version of the Proctor that made it.
    pub proctor: String,
    /// A note for people, such as the licence of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Where a call belongs. Episode, role, request and occurrence are the key of its recording; the
/// step is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The episode, as `TASK#TRIAL`.
    pub episode: &'a str,
    /// On whose behalf the model is asked.
    pub role: Role,
    /// Number of steps taken before.
    pub step: u32,
    /// Digest of the request.
    pub request: Digest,
    /// How many calls of this episode, role and request came before.
    pub occurrence: u32,
}

/// A provider's final failure: recorded like a reply, so that a run that met one replays to the
/// byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Its kind, as in telemetry.
    pub kind: String,
    /// Name of the provider.
    pub provider: String,
    /// What happened.
    pub message: String,
}

/// What a call came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retained {
    /// The reply, or the failure after all attempts.
    pub result: Result<ChatReply, Failed>,
    /// Attempts that it took.
    pub attempts: u32,
    /// Time from the request to the reply, in microseconds.
    pub latency_us: u64,
}

/// A recording with all that was asked.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exchange {
    /// The episode, as `TASK#TRIAL`.
    pub episode: String,
    /// Number of steps taken before.
    pub step: u32,
    /// On whose behalf the model was asked.
    pub role: Role,
    /// How many calls of this episode, role and request came before.
    pub occurrence: u32,
    /// Digest of the request as it was sent: where texts were redacted since, it isn't the digest
    /// of what stands here, see [`is_as_sent`](Self::is_as_sent).
    pub request: Digest,
    /// The request without tools and messages.
    pub terms: Terms,
    /// Its tools.
    pub tools: Vec<Tool>,
    /// Its messages.
    pub messages: Vec<Message>,
    /// What it came to.
    pub retained: Retained,
}

impl Exchange {
    /// Where it belongs.
    #[must_use]
    pub fn place(&self) -> Place<'_> {
        Place {
            episode: &self.episode,
            role: self.role,
            step: self.step,
            request: self.request,
            occurrence: self.occurrence,
        }
    }

    /// What was asked.
    #[must_use]
    pub fn asked(&self) -> ChatRequest {
        let Terms {
            model,
            tools: _,
            own_tools,
            tool_choice,
            output_schema,
            sampling,
            tokens_max,
        } = self.terms.clone();
        ChatRequest {
            model,
            messages: self.messages.clone(),
            tools: Tools::new(self.tools.clone()),
            own_tools,
            tool_choice,
            output_schema,
            sampling,
            tokens_max,
        }
    }

    /// Whether the request stands here as it was sent: whether it still has its digest.
    #[must_use]
    pub fn is_as_sent(&self) -> bool {
        self.asked().digest() == self.request
    }
}

/// A file with the exchanges of a run. Threads may share it.
///
/// Replies aren't kept in memory: what is, is where each exchange stands.
pub struct Cassette {
    path: PathBuf,
    header: Header,
    redactor: Redactor,
    state: Mutex<State>,
}

impl fmt::Debug for Cassette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cassette")
            .field("path", &self.path)
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Cassette {
    /// Begins a recording in a new file. It is made with the first recording or when the cassette
    /// is finished, and folders above it with it; until then nothing is on the disk.
    ///
    /// # Errors
    /// When the file exists.
    pub fn create(
        path: impl AsRef<Path>,
        header: &Header,
        redactor: Redactor,
    ) -> Result<Self, CassetteError> {
        let path = path.as_ref();
        let header = redactor.header(header);
        let state = State::create(path, &header)?;
        Ok(Self::new(path, header, redactor, state))
    }

    /// Opens a recording to read it. All of it is checked: each frame, and that none is missing.
    ///
    /// # Errors
    /// When it is no cassette, of another version, cut short, not finished, damaged, or, if a
    /// digest of a suite is given, of another suite.
    pub fn open(path: impl AsRef<Path>, suite_digest: Option<&str>) -> Result<Self, CassetteError> {
        let path = path.as_ref();
        let (header, state) = State::open(path)?;
        if let Some(wanted) = suite_digest {
            of_suite(path, &header, wanted, wanted)?;
        }
        Ok(Self::new(path, header, Redactor::default(), state))
    }

    /// Goes on with a recording, or begins one if there is no such file. A frame that was cut off
    /// at its end, and the mark that it was finished, are written over by the next recording. It
    /// keeps the header that it has.
    ///
    /// # Errors
    /// When another run is recording on it, or the file is no cassette, of another version,
    /// damaged before its end, or of another suite.
    pub fn extend(
        path: impl AsRef<Path>,
        header: &Header,
        redactor: Redactor,
    ) -> Result<Self, CassetteError> {
        let path = path.as_ref();
        let header = redactor.header(header);
        let (found, state) = State::extend(path, &header)?;
        let wanted = format!("{}, {}", header.suite, header.suite_digest);
        of_suite(path, &found, &header.suite_digest, &wanted)?;
        Ok(Self::new(path, found, redactor, state))
    }

    fn new(path: &Path, header: Header, redactor: Redactor, state: State) -> Self {
        Self {
            path: path.to_owned(),
            header,
            redactor,
            state: Mutex::new(state),
        }
    }

    /// What it is a recording of.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What everything that is written goes through. A run must go on with what
    /// [`Redactor::retained`] makes of a reply, since that is what a replay will see.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// Number of exchanges.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().index.len()
    }

    /// Whether nothing is recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was recorded for this call, if anything was.
    ///
    /// # Errors
    /// When the file can't be read, or isn't what it was when it was opened.
    pub fn find(&self, place: &Place<'_>) -> Result<Option<Retained>, CassetteError> {
        let spot = self.lock().index.find(place).map(|slot| slot.spot);
        let mut reading = Reading::new(self);
        spot.map(|spot| {
            reading
                .exchange_at(spot)
                .map(|found| found.retained.clone())
        })
        .transpose()
    }

    /// Makes the file, if it isn't there yet: for whoever is about to pay for what will be recorded.
    ///
    /// # Errors
    /// When the file can't be made or written.
    pub fn start(&self) -> Result<(), CassetteError> {
        self.lock().start(&self.path)
    }

    /// Records a call, redacted, with one write of what isn't on the cassette yet. After an error
    /// the cassette is as it was.
    ///
    /// # Errors
    /// When the cassette was opened to be read, this call is recorded already, there is more than
    /// a frame or a conversation can hold, or the file can't be made or written.
    pub fn record(
        &self,
        place: &Place<'_>,
        request: &ChatRequest,
        retained: &Retained,
    ) -> Result<(), CassetteError> {
        let asked = Asked {
            tools: &request.tools,
            terms: &request.terms(),
            messages: &request.messages,
        };
        self.lock()
            .record(&self.path, &self.redactor, place, &asked, retained)
    }

    /// Says on the file that the recording is whole, and waits until it is on the disk. Whoever
    /// records more finishes again; otherwise nothing happens.
    ///
    /// # Errors
    /// When the file can't be made or written.
    pub fn finish(&self) -> Result<(), CassetteError> {
        self.lock().finish(&self.path)
    }

    /// All exchanges, in the order in which they were recorded.
    #[must_use]
    pub fn exchanges(&self) -> Exchanges<'_> {
        Exchanges::new(self)
    }

    /// What to say of a call that has no recording.
    #[must_use]
    pub fn miss(&self, place: &Place<'_>, request: &ChatRequest) -> Miss {
        Miss::new(self, place, &self.redactor.request(request))
    }

    /// A panic while the lock was held leaves nothing half done: the index changes only after the
    /// file did.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn of_suite(path: &Path, header: &Header, digest: &str, wanted: &str) -> Result<(), CassetteError> {
    if header.suite_digest == digest {
        return Ok(());
    }
    Err(CassetteError::OtherSuite {
        path: path.to_owned(),
        found: format!("{}, {}", header.suite, header.suite_digest),
        wanted: wanted.to_owned(),
    })
}
