//! Somebody else's connection to a server, which lasts as long as its value.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;

use proctor_cluster::Cluster;

/// Version 3.0 of the protocol, as a client asks for it.
const PROTOCOL: i32 = 3 << 16;

/// Speaks just enough of the protocol to run SQL without results. The server notices at once when
/// it is dropped, and gives up its transaction and locks.
pub struct Outsider(UnixStream);

impl Outsider {
    /// Connects.
    ///
    /// # Errors
    /// What the server said instead of letting it in.
    pub fn connect(cluster: &Cluster, database: &str) -> Result<Self, String> {
        let mut outsider = Self(UnixStream::connect(cluster.socket()).unwrap());
        let parameters = format!("user\0proctor\0database\0{database}\0\0");
        let opening = [&PROTOCOL.to_be_bytes()[..], parameters.as_bytes()].concat();
        outsider.send(&opening).unwrap();
        outsider.until_ready().map(|()| outsider)
    }

    /// Runs statements.
    ///
    /// # Errors
    /// What the server said no with.
    pub fn run(&mut self, sql: &str) -> Result<(), String> {
        self.0.write_all(b"Q").unwrap();
        self.send(format!("{sql}\0").as_bytes()).unwrap();
        self.until_ready()
    }

    /// Sends a message's length, which counts itself, and the message.
    fn send(&mut self, message: &[u8]) -> io::Result<()> {
        let length = i32::try_from(message.len() + 4).unwrap();
        self.0.write_all(&length.to_be_bytes())?;
        self.0.write_all(message)
    }

    /// Reads messages until the server waits for the next, or says no.
    fn until_ready(&mut self) -> Result<(), String> {
        loop {
            let mut head = [0; 5];
            self.0.read_exact(&mut head).unwrap();
            let [kind, length @ ..] = head;
            let mut message = vec![0; i32::from_be_bytes(length) as usize - 4];
            self.0.read_exact(&mut message).unwrap();
            match kind {
                b'Z' => return Ok(()),
                b'E' => return Err(String::from_utf8_lossy(&message).replace('\0', " ")),
                _ => {}
            }
        }
    }
}
