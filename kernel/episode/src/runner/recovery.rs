//! Episodes outlive the store they run on: one that failed is opened anew, and an episode that
//! was interrupted is begun anew, once.

use std::thread;
use std::time::{Duration, Instant};

use proctor_store::{Store, StoreError};

use super::queue::Queue;
use super::worker::Worker;
use super::{EpisodeRecord, Examination, RunError};
use crate::outcome::Interruption;

/// How long it is usually tried to open a store anew: a server takes this long to restart.
pub const REOPEN_TIME_MAX: Duration = Duration::from_secs(20);

/// Pause before a store is tried again for the first time; doubles from then on.
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How often someone who waits looks whether the run is over.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Where workers get their stores.
pub struct Stores<'a> {
    /// Opens one that holds the suite's canonical data.
    pub open: &'a (dyn Fn() -> Result<Box<dyn Store>, StoreError> + Sync),
    /// Longest time for which a worker whose store failed tries to open it anew, before the run
    /// halts.
    pub reopen_time_max: Duration,
}

impl<'a> Stores<'a> {
    /// Stores that `open` makes, waited for as long as is usual.
    #[must_use]
    pub fn new(open: &'a (dyn Fn() -> Result<Box<dyn Store>, StoreError> + Sync)) -> Self {
        Self {
            open,
            reopen_time_max: REOPEN_TIME_MAX,
        }
    }
}

/// Why a worker stops before everything is done.
pub(super) enum Halt {
    /// The run is over: it was told to stop, or another worker halted it.
    Stopped,
    /// The worker cannot go on, and the run neither.
    Failed(RunError),
}

/// A worker that gets a new store when its own fails.
pub(super) struct Recovering<'a> {
    examination: &'a Examination<'a>,
    stores: &'a Stores<'a>,
    queue: &'a Queue<'a>,
    /// None after a failure: the broken store is closed before another is opened.
    worker: Option<Worker<'a>>,
}

impl<'a> Recovering<'a> {
    /// A worker with a first store, for which nobody waits: what can't be opened now is more
    /// likely a mistake in its address than an interruption.
    pub(super) fn open(
        examination: &'a Examination<'a>,
        stores: &'a Stores<'a>,
        queue: &'a Queue<'a>,
    ) -> Result<Self, Halt> {
        let mut recovering = Self {
            examination,
            stores,
            queue,
            worker: None,
        };
        recovering.worker = Some(recovering.open_store().map_err(Halt::Failed)?);
        Ok(recovering)
    }

    /// Runs the run's `index`-th episode, a second time if the first was interrupted; nothing if
    /// there is no such episode.
    pub(super) fn run(&mut self, index: usize) -> Result<Option<EpisodeRecord>, Halt> {
        let mut interrupted = Vec::new();
        loop {
            let worker = match self.worker.take() {
                Some(worker) => worker,
                None => self.open_anew()?,
            };
            let Some(mut record) = worker.run(index).map_err(Halt::Failed)? else {
                return Ok(None);
            };
            match worker.take_failure() {
                // The episode is done: a store that fails only now is opened anew for the next.
                None => self.worker = worker.release().then_some(worker),
                Some(failure) if failure.may_pass && interrupted.is_empty() => {
                    interrupted.push(Interruption {
                        duration_us: record.duration_us,
                        reason: failure.reason,
                    });
                    continue;
                }
                Some(_) => {}
            }
            record.interrupted = interrupted;
            return Ok(Some(record));
        }
    }

    fn open_store(&self) -> Result<Worker<'a>, RunError> {
        let store = (self.stores.open)()?;
        let (found, expected) = (
            store.fingerprint(),
            self.examination.suite.data.fingerprint(),
        );
        if found != expected {
            return Err(RunError::OtherData { found, expected });
        }
        Ok(Worker::new(self.examination, store))
    }

    /// Opens a store after a failure: the server may be restarting, so it is tried for a while.
    fn open_anew(&self) -> Result<Worker<'a>, Halt> {
        let began = Instant::now();
        let mut pause = PAUSE_MIN;
        loop {
            let error = match self.open_store() {
                Ok(worker) => return Ok(worker),
                Err(error) => error,
            };
            let left = self.stores.reopen_time_max.saturating_sub(began.elapsed());
            let may_pass = matches!(&error, RunError::Store(store) if store.may_pass());
            if !may_pass || left.is_zero() {
                return Err(Halt::Failed(error));
            }
            self.wait(pause.min(left))?;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// Waits, unless the run is over.
    fn wait(&self, pause: Duration) -> Result<(), Halt> {
        let began = Instant::now();
        loop {
            if self.queue.over() {
                return Err(Halt::Stopped);
            }
            let left = pause.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(LOOK_EVERY));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use proctor_host::{Fault, Setting};
    use proctor_store::{Image, Sqlite};

    use super::*;
    use crate::runner::{Asking, PolicySource, SessionSource};
    use crate::suite::Suite;

    /// No episode is run here.
    struct Nobody;

    impl PolicySource for Nobody {
        fn open(&self, _: Setting) -> Result<Box<dyn SessionSource + '_>, Fault> {
            unreachable!("no episode is run")
        }
    }

    fn examination() -> Examination<'static> {
        let manifest = Path::new("suites/one/suite.toml");
        let suite = "name = \"one\"\nversion = 1\ndescription = \"\"\ndata = \"canonical\"\n\
                     now = \"2026-01-15T09:00:00Z\"\n[frequency]\nclient_search = 1\n";
        let task = "[[task]]\nid = \"a\"\nkind = \"client_search\"\nsplit = \"train\"\n\
                    read_only = \"words\"\n[[task.turn]]\nuser = \"Hello.\"\n\
                    answer = { text = \"Hello.\" }\n";
        let files = BTreeMap::from([
            (manifest.to_owned(), suite.to_owned()),
            (PathBuf::from("suites/one/tasks.toml"), task.to_owned()),
        ]);
        let clients = "[[client]]\nkey = \"acme\"\nname = \"Acme\"\n\
                       email = \"hello@acme.example\"\nstatus = \"Active\"\n";
        let data = PathBuf::from("canonical/clients.toml");
        let data = BTreeMap::from([(data, clients.to_owned())]);
        Examination {
            suite: Arc::new(Suite::from_files(manifest, &files, &data).unwrap()),
            tasks: vec![0],
            trials: 1,
            seed: 1,
            policy: &Nobody,
            verifiers: Vec::new(),
            refusal: None,
            answer: None,
            judges: Vec::new(),
            asking: Asking::default(),
            parameters: Vec::new(),
            script: Arc::from([]),
        }
    }

    /// What came of opening a store anew, how often that was tried, and how long it took.
    struct Opened {
        outcome: Result<(), Halt>,
        tries: usize,
        took: Duration,
    }

    /// Opens a store anew; `failure` says how each try fails, counted from 0, if it does.
    fn open_anew(
        time_max: Duration,
        stop: &AtomicBool,
        failure: &(dyn Fn(usize) -> Option<StoreError> + Sync),
    ) -> Opened {
        let examination = examination();
        let image = Image::of(&examination.suite.data).unwrap();
        let tries = AtomicUsize::new(0);
        let open = || match failure(tries.fetch_add(1, Ordering::SeqCst)) {
            Some(error) => Err(error),
            None => Ok(Box::new(Sqlite::from_image(&image)?) as Box<dyn Store>),
        };
        let recovering = Recovering {
            examination: &examination,
            stores: &Stores {
                open: &open,
                reopen_time_max: time_max,
            },
            queue: &Queue::new(1, &|_| true, stop),
            worker: None,
        };
        let began = Instant::now();
        let outcome = recovering.open_anew().map(drop);
        let took = began.elapsed();
        Opened {
            outcome,
            tries: tries.load(Ordering::SeqCst),
            took,
        }
    }

    fn interrupted() -> StoreError {
        StoreError::Interrupted {
            backend: "sqlite",
            reason: "it is starting up".into(),
        }
    }

    const AN_HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_store_is_tried_again_with_growing_pauses() {
        let opened = open_anew(AN_HOUR, &AtomicBool::new(false), &|at| {
            (at < 3).then(interrupted)
        });
        assert!(opened.outcome.is_ok());
        assert_eq!(opened.tries, 4);
        assert!(opened.took >= Duration::from_millis(100 + 200 + 400));
    }

    #[test]
    fn a_store_that_stays_away_is_given_up() {
        let time_max = Duration::from_millis(150);
        let opened = open_anew(time_max, &AtomicBool::new(false), &|_| Some(interrupted()));
        assert!(matches!(
            opened.outcome,
            Err(Halt::Failed(RunError::Store(
                StoreError::Interrupted { .. }
            )))
        ));
        assert!(opened.took >= time_max);
    }

    #[test]
    fn what_does_not_pass_is_not_tried_again() {
        let opened = open_anew(AN_HOUR, &AtomicBool::new(false), &|_| {
            Some(StoreError::Misuse("no such server"))
        });
        assert!(matches!(
            opened.outcome,
            Err(Halt::Failed(RunError::Store(StoreError::Misuse(_))))
        ));
        assert_eq!(opened.tries, 1);
    }

    #[test]
    fn whoever_waits_stops_when_the_run_does() {
        let stop = AtomicBool::new(false);
        let opened = open_anew(AN_HOUR, &stop, &|at| {
            stop.store(at == 1, Ordering::SeqCst);
            Some(interrupted())
        });
        assert!(matches!(opened.outcome, Err(Halt::Stopped)));
        assert_eq!(opened.tries, 2);
        assert!(opened.took < Duration::from_secs(600));
    }

    #[test]
    fn a_first_store_is_not_waited_for() {
        let (examination, never) = (examination(), AtomicBool::new(false));
        let tries = AtomicUsize::new(0);
        let opened = Recovering::open(
            &examination,
            &Stores::new(&|| {
                tries.fetch_add(1, Ordering::SeqCst);
                Err(interrupted())
            }),
            &Queue::new(1, &|_| true, &never),
        )
        .map(drop);
        assert!(matches!(opened, Err(Halt::Failed(RunError::Store(_)))));
        assert_eq!(tries.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_store_with_other_data_is_refused_whenever_it_is_opened() {
        let (examination, never) = (examination(), AtomicBool::new(false));
        let open = || Ok(Box::new(Sqlite::in_memory()?) as Box<dyn Store>);
        let (stores, all) = (Stores::new(&open), |_| true);
        let queue = Queue::new(1, &all, &never);
        let again = Recovering {
            examination: &examination,
            stores: &stores,
            queue: &queue,
            worker: None,
        };
        let expected = examination.suite.data.fingerprint();
        let found = Sqlite::in_memory().unwrap().fingerprint();
        let both = [
            Recovering::open(&examination, &stores, &queue).map(drop),
            again.open_anew().map(drop),
        ];
        for opened in both {
            let Err(Halt::Failed(error)) = opened else {
                panic!("it was opened");
            };
            assert_eq!(
                error.to_string(),
                format!(
                    "the store holds other data than the suite's: \
                     fingerprint {found} instead of {expected}"
                )
            );
        }
    }
}
