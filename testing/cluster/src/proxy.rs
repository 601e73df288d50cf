//! A TCP proxy before a server: slow when wanted, and able to cut what it carries.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Cluster;

/// Most bytes that are carried at once.
const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// A TCP proxy on a free port of the loopback interface, before a server's Unix socket. Dropping it
/// cuts its connections.
pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Stands before a server, whether that runs or not: while it doesn't, connections are closed
    /// as soon as they are made.
    ///
    /// # Panics
    /// There is no free port.
    pub fn before(cluster: &Cluster) -> Self {
        match Self::listen(cluster.socket()) {
            Ok(proxy) => proxy,
            Err(error) => panic!("no proxy can listen on the loopback interface: {error}"),
        }
    }

    fn listen(server: PathBuf) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let proxy = Self {
            port,
            shared: Arc::clone(&shared),
        };
        thread::Builder::new()
            .name("proxy".into())
            .spawn(move || shared.accept_all(&listener, &server))?;
        Ok(proxy)
    }

    /// The port it listens on, at 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Address of a database through the proxy.
    pub fn address(&self, database: &str) -> String {
        format!("postgres://proctor@127.0.0.1:{}/{database}", self.port)
    }

    /// Everything read from now on, in either direction, arrives so much later. What is under way
    /// isn't overtaken.
    pub fn set_latency(&self, one_way: Duration) {
        self.shared.state().latency = one_way;
    }

    /// Closes all present connections at once. What was under way is lost.
    pub fn cut(&self) {
        self.shared.cut();
    }

    /// Lets so many more bytes go from clients to the server, over all connections together, then
    /// closes all that are there and drops the rest. Later connections live.
    pub fn cut_after(&self, bytes: u64) {
        self.shared.state().bytes_until_cut = Some(bytes);
    }

    /// From now on, new connections are closed at once, or no longer are.
    pub fn refuse(&self, refuse: bool) {
        self.shared.state().refusing = refuse;
    }

    /// Connections accepted so far. Those that were refused don't count.
    pub fn connections(&self) -> usize {
        self.shared.state().accepted
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.cut();
        // The listener waits in `accept`; a connection wakes it, and it sees that it is closed.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

/// What the proxy's threads know in common.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    latency: Duration,
    bytes_until_cut: Option<u64>,
    refusing: bool,
    closed: bool,
    accepted: usize,
    /// Both ends of each connection, by its number.
    present: BTreeMap<usize, (TcpStream, UnixStream)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// Bytes, and when they are to arrive.
type Chunk = (Instant, Vec<u8>);

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept_all(self: &Arc<Self>, listener: &TcpListener, server: &Path) {
        for client in listener.incoming() {
            if self.state().closed {
                return;
            }
            // A client that is gone already, or a server that is down, ends that connection only.
            let _ = client.and_then(|client| self.accept(client, server));
        }
    }

    fn accept(self: &Arc<Self>, client: TcpStream, server: &Path) -> io::Result<()> {
        let Some(number) = self.admit() else {
            return Ok(());
        };
        client.set_nodelay(true)?;
        let server = UnixStream::connect(server)?;
        let ends = (client.try_clone()?, server.try_clone()?);
        self.state().present.insert(number, ends);
        let (requests, replies) = (client.try_clone()?, server.try_clone()?);
        self.carry(number, Direction::ToServer, requests, server)?;
        self.carry(number, Direction::ToClient, replies, client)
    }

    /// The number of a new connection, unless it is refused.
    fn admit(&self) -> Option<usize> {
        let mut state = self.state();
        if state.refusing {
            return None;
        }
        state.accepted += 1;
        Some(state.accepted)
    }

    /// Carries one direction of a connection. Reading and writing are apart, so that what is
    /// under way doesn't keep the next bytes from setting out.
    fn carry(
        self: &Arc<Self>,
        number: usize,
        direction: Direction,
        from: impl Read + Send + 'static,
        to: impl Write + Send + 'static,
    ) -> io::Result<()> {
        let (departures, arrivals) = mpsc::channel();
        let (reading, writing) = (Arc::clone(self), Arc::clone(self));
        thread::Builder::new().spawn(move || reading.read(from, &departures))?;
        thread::Builder::new().spawn(move || {
            writing.write(direction, &arrivals, to);
            writing.close(number);
        })?;
        Ok(())
    }

    fn read(&self, mut from: impl Read, departures: &Sender<Chunk>) {
        let mut buffer = vec![0; CHUNK_BYTES_MAX];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let due = Instant::now() + self.state().latency;
            if departures.send((due, buffer[..count].to_vec())).is_err() {
                return;
            }
        }
    }

    fn write(&self, direction: Direction, arrivals: &Receiver<Chunk>, mut to: impl Write) {
        for (due, bytes) in arrivals {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let (allowed, cut) = match direction {
                Direction::ToServer => self.allowance(bytes.len()),
                Direction::ToClient => (bytes.len(), false),
            };
            let written = to.write_all(&bytes[..allowed]);
            if cut {
                self.cut();
            }
            if cut || written.is_err() {
                return;
            }
        }
    }

    /// How many of so many bytes may still go to the server, and whether to cut after them.
    fn allowance(&self, wanted: usize) -> (usize, bool) {
        let mut state = self.state();
        let Some(left) = state.bytes_until_cut else {
            return (wanted, false);
        };
        let after = left.checked_sub(wanted as u64).filter(|after| *after > 0);
        state.bytes_until_cut = after;
        match after {
            Some(_) => (wanted, false),
            // No more than `wanted`, so it fits.
            None => (left as usize, true),
        }
    }

    fn cut(&self) {
        for (_, ends) in std::mem::take(&mut self.state().present) {
            shut(&ends);
        }
    }

    fn close(&self, number: usize) {
        if let Some(ends) = self.state().present.remove(&number) {
            shut(&ends);
        }
    }
}

/// Ends a connection for whoever reads or writes it. It may have ended by itself.
fn shut((client, server): &(TcpStream, UnixStream)) {
    let _ = client.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    use super::Shared;

    #[test]
    fn the_cut_comes_after_exactly_so_many_bytes_and_once() {
        let shared = Shared::default();
        assert_eq!(shared.allowance(7), (7, false));
        shared.state().bytes_until_cut = Some(10);
        assert_eq!(shared.allowance(4), (4, false));
        assert_eq!(shared.allowance(6), (6, true));
        assert_eq!(shared.allowance(9), (9, false));
        shared.state().bytes_until_cut = Some(3);
        assert_eq!(shared.allowance(5), (3, true));
    }
}
