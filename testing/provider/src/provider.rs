//! The server: its thread, and what it keeps of what it was asked.

use std::collections::VecDeque;
use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::answer::{Answer, Usage};
use crate::asked::Asked;
use crate::connection::{Door, Scissors};
use crate::http;

/// Most requests that are kept: the last ones. All are counted.
const REQUESTS_KEPT_MAX: usize = 10_000;

/// A model provider on a free port of the loopback interface, with a thread and a runtime of its
/// own. Dropping it closes its connections and its port.
pub struct Provider {
    port: u16,
    ledger: Arc<Ledger>,
    /// Stops the server when it is dropped.
    life: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Provider {
    /// A provider that answers as the brain decides. The brain must not block: all requests are
    /// served by one thread.
    ///
    /// # Panics
    /// There is no free port, or no thread to be had.
    pub fn start(brain: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        match Self::serve(Arc::new(brain)) {
            Ok(provider) => provider,
            Err(error) => panic!("no provider can listen on the loopback interface: {error}"),
        }
    }

    fn serve(brain: Brain) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let port = listener.local_addr()?.port();
        let ledger = Arc::new(Ledger::default());
        let desk = Desk {
            brain,
            ledger: Arc::clone(&ledger),
        };
        let (life, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("provider".into())
            .spawn(move || run(runtime, listener, desk, ended))?;
        Ok(Self {
            port,
            ledger,
            life: Some(life),
            thread: Some(thread),
        })
    }

    /// Where it is: `http://127.0.0.1:PORT`, without a path. Every path that ends like one of the
    /// wires' is served.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What it was asked, in order of arrival: the last 10,000 requests.
    #[must_use]
    pub fn requests(&self) -> Vec<Asked> {
        self.ledger.page().requests.iter().cloned().collect()
    }

    /// How often it was asked.
    #[must_use]
    pub fn request_count(&self) -> u64 {
        self.ledger.page().request_count
    }

    /// Most requests that were under way at the same time. One is under way from its last byte
    /// to the answer's last; the end of one that the client gave up may be noticed a little later.
    #[must_use]
    pub fn most_at_once(&self) -> usize {
        self.ledger.page().most_at_once
    }

    /// All tokens that its replies spoke of, those left out that no client can read.
    #[must_use]
    pub fn accounted(&self) -> Usage {
        self.ledger.page().accounted
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.life = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// Serves until the other end of `ended` is dropped.
fn run(runtime: Runtime, listener: TcpListener, desk: Desk, ended: oneshot::Receiver<()>) {
    let service = Router::new()
        .fallback(http::answer)
        // A client may send what it likes.
        .layer(DefaultBodyLimit::disable())
        .with_state(desk)
        .into_make_service_with_connect_info::<Scissors>();
    runtime.spawn(async move { axum::serve(Door(listener), service).await });
    let _ = runtime.block_on(ended);
    // With the runtime goes all that it serves.
}

/// Decides what is answered.
pub(crate) type Brain = Arc<dyn Fn(&Asked) -> Answer + Send + Sync>;

/// What whoever answers a request has at hand.
#[derive(Clone)]
pub(crate) struct Desk {
    pub(crate) brain: Brain,
    pub(crate) ledger: Arc<Ledger>,
}

/// What was asked and answered.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Page>);

#[derive(Default)]
struct Page {
    requests: VecDeque<Asked>,
    request_count: u64,
    under_way: usize,
    most_at_once: usize,
    accounted: Usage,
}

impl Ledger {
    fn page(&self) -> MutexGuard<'_, Page> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a request, which gets its number, and is under way until the entry is dropped.
    pub(crate) fn enter(self: &Arc<Self>, mut asked: Asked) -> (Asked, UnderWay) {
        let mut page = self.page();
        asked.number = page.request_count;
        page.request_count += 1;
        page.under_way += 1;
        page.most_at_once = page.most_at_once.max(page.under_way);
        if page.requests.len() == REQUESTS_KEPT_MAX {
            page.requests.pop_front();
        }
        page.requests.push_back(asked.clone());
        (asked, UnderWay(Arc::clone(self)))
    }
}

/// A request that isn't answered yet.
pub(crate) struct UnderWay(Arc<Ledger>);

impl UnderWay {
    /// It is answered with a reply that speaks of these tokens.
    pub(crate) fn replied(self, usage: Usage) {
        self.0.page().accounted += usage;
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.page().under_way -= 1;
    }
}
