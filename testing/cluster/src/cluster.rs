//! A throw-away server, from its making to its end.

use std::env;
use std::fs;
use std::io::{self, Seek, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::account::{Account, give};
use crate::binaries;
use crate::error::Error;
use crate::supervisor::Supervisor;

/// With `1` in this environment variable, a machine without a server fails the tests.
const REQUIRE_VARIABLE: &str = "PROCTOR_REQUIRE_POSTGRES";
/// Longest path of a server's folder, in bytes: a socket's path must stay below 104.
const FOLDER_BYTES_MAX: usize = 80;
/// How often `reload` looks whether the server has read its files, and how long it waits between.
const RELOAD_TRIES: u32 = 1000;
const RELOAD_PAUSE: Duration = Duration::from_millis(10);

/// Durability costs time, and nobody will miss these files.
const SETTINGS: [&str; 6] = [
    "listen_addresses=",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "max_connections=100",
    "shared_buffers=64MB",
];

/// Who may connect and how. TCP is for the tests that turn it on, with `listen_addresses`.
const RULES: &str = "\
local all guarded scram-sha-256
local all all trust
host all guarded 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
";

/// A throw-away server. Dropping it stops it and removes its files.
///
/// Its superuser is `proctor`, who needs no password and has a database of the same name. A role
/// called `guarded` needs one; whoever wants the role creates it.
pub struct Cluster {
    folder: PathBuf,
    binaries: PathBuf,
    account: Option<Account>,
    port: u16,
    supervisor: Mutex<Supervisor>,
    /// Databases made so far, by which the next one is named.
    databases: AtomicU32,
}

impl Cluster {
    /// The server that all tests of this process share.
    ///
    /// `None` where no server is installed: then it has said on standard error which test, by the
    /// thread's name, is left out and why.
    ///
    /// # Panics
    /// There is a server but it fails; or there is none, and `PROCTOR_REQUIRE_POSTGRES` is `1`.
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Result<Cluster, Error>> = OnceLock::new();
        match SHARED.get_or_init(|| Self::create(&[])) {
            Ok(cluster) => Some(cluster),
            Err(error) => leave_out(error),
        }
    }

    /// A server of one's own, for tests that stop or kill it. `None` as in [`Cluster::shared`].
    ///
    /// # Panics
    /// As [`Cluster::shared`].
    pub fn own() -> Option<Self> {
        Self::with_settings(&[])
    }

    /// A server of one's own with further settings, each `name=value`. `None` as in
    /// [`Cluster::shared`].
    ///
    /// # Panics
    /// As [`Cluster::shared`].
    pub fn with_settings(settings: &[&str]) -> Option<Self> {
        match Self::create(settings) {
            Ok(cluster) => Some(cluster),
            Err(error) => leave_out(&error),
        }
    }

    fn create(settings: &[&str]) -> Result<Self, Error> {
        let binaries = binaries::find()?;
        let folder = new_folder()?;
        let account = Account::for_maker_of(folder.path())?;
        give(folder.path(), account)?;
        let options = options(folder.path(), settings);
        let supervisor = Supervisor::spawn(folder.path(), &binaries, account, &options)?;
        let cluster = Self {
            // From here on the supervisor removes it.
            folder: folder.keep(),
            binaries,
            account,
            port: port(settings),
            supervisor: Mutex::new(supervisor),
            databases: AtomicU32::new(0),
        };
        cluster.carry_out("init")?;
        cluster.write("pg_hba.conf", RULES)?;
        cluster.carry_out("start")?;
        cluster.create_database("proctor")?;
        Ok(cluster)
    }

    /// Address of a database, over the server's Unix socket.
    pub fn address(&self, database: &str) -> String {
        let host = percent_encoded(&self.folder.to_string_lossy());
        let database = percent_encoded(database);
        // The port stands with the host: in a parameter, some clients take it for a second one.
        format!("postgres://proctor@{host}:{}/{database}", self.port)
    }

    /// Makes an empty database that nobody else has, and returns its name.
    ///
    /// # Panics
    /// The server refuses, or doesn't run.
    pub fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("proctor_{number}");
        demand(self.create_database(&name));
        name
    }

    fn create_database(&self, name: &str) -> Result<(), Error> {
        let sql = format!("CREATE DATABASE \"{name}\"");
        match self.sql("postgres", &sql) {
            Ok(_) => Ok(()),
            Err(said) => Err(Error::Refused { sql, said }),
        }
    }

    /// Runs SQL with psql in a database, up to the first statement that fails. Rows come one a
    /// line, columns with `|` between them, without the last line's end.
    ///
    /// # Errors
    /// What psql said when a statement failed or the server couldn't be reached.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String, String> {
        self.sql_at(&self.address(database), sql)
    }

    /// As [`Cluster::sql`], at any address: that of a proxy, or one with another role.
    ///
    /// # Errors
    /// As [`Cluster::sql`].
    pub fn sql_at(&self, address: &str, sql: &str) -> Result<String, String> {
        let output = self.psql(address, sql).map_err(|error| error.to_string())?;
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        match output.status.success() {
            true => {
                let rows = String::from_utf8_lossy(&output.stdout);
                Ok(rows.strip_suffix('\n').unwrap_or(&rows).to_owned())
            }
            false => Err(said(&output.stderr)),
        }
    }

    fn psql(&self, address: &str, sql: &str) -> io::Result<std::process::Output> {
        // A file instead of a pipe: psql may answer before it has read everything.
        let mut input = tempfile::tempfile()?;
        input.write_all(sql.as_bytes())?;
        input.rewind()?;
        Command::new(self.binaries.join("psql"))
            .args(["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1"])
            .args(["-d", address])
            .env_clear()
            .env("LC_ALL", "C")
            .stdin(Stdio::from(input))
            .output()
    }

    /// Path of the server's socket. It is there while the server runs.
    pub fn socket(&self) -> PathBuf {
        self.folder.join(format!(".s.PGSQL.{}", self.port))
    }

    /// Shuts the server down, breaking off what runs. Its files stay.
    ///
    /// # Panics
    /// The supervisor is gone; so with the methods below.
    pub fn stop(&self) {
        demand(self.carry_out("stop"));
    }

    /// Kills all of the server's processes. What was committed within the last second may be lost,
    /// since `synchronous_commit` is off: a test that counts on it turns it on, or sends a
    /// `CHECKPOINT`.
    pub fn kill(&self) {
        demand(self.carry_out("kill"));
    }

    /// Starts the server again after [`Cluster::stop`] or [`Cluster::kill`]. Returns when it takes
    /// connections.
    pub fn start(&self) {
        demand(self.carry_out("start"));
    }

    /// Suspends all of the server's processes: it keeps its connections and says nothing.
    pub fn freeze(&self) {
        demand(self.carry_out("freeze"));
    }

    /// Lets a frozen server go on.
    pub fn thaw(&self) {
        demand(self.carry_out("thaw"));
    }

    /// Has the server read its configuration files again. Returns when new connections see that.
    pub fn reload(&self) {
        let loaded = || self.sql("postgres", "SELECT pg_conf_load_time()");
        let before = loaded();
        demand(self.carry_out("reload"));
        for _ in 0..RELOAD_TRIES {
            // The new files may also be such that psql isn't let in any more.
            if loaded() != before {
                return;
            }
            thread::sleep(RELOAD_PAUSE);
        }
    }

    /// Writes a file into the server's data folder that nobody but the server may read.
    ///
    /// # Panics
    /// It can't be written.
    pub fn write_file(&self, name: &str, text: &str) {
        demand(self.write(name, text));
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        let path = self.folder.join("data").join(name);
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&path).map_err(Error::at(&path))?;
        file.write_all(text.as_bytes()).map_err(Error::at(&path))?;
        give(&path, self.account)
    }

    fn carry_out(&self, command: &'static str) -> Result<(), Error> {
        let mut supervisor = self
            .supervisor
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        supervisor.carry_out(command)
    }
}

/// Says that the test goes without a server, if it may.
fn leave_out<T>(error: &Error) -> Option<T> {
    let required = env::var_os(REQUIRE_VARIABLE).is_some_and(|value| value == "1");
    if required || !matches!(error, Error::NoServer { .. }) {
        panic!("{error}");
    }
    let thread = thread::current();
    let test = thread.name().unwrap_or("without a name");
    // Written directly, past the test harness, which would keep it to itself. It is only a notice.
    let _ = writeln!(io::stderr(), "test {test} is left out: {error}.");
    None
}

/// What the test can't go on without.
#[track_caller]
fn demand<T>(result: Result<T, Error>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// A folder for a server, where its account can get and the socket's path isn't too long.
fn new_folder() -> Result<TempDir, Error> {
    let chosen = env::temp_dir();
    let parent = match is_open_to_all(&chosen) {
        true => chosen,
        false => PathBuf::from("/tmp"),
    };
    let made = |parent: &Path| {
        let made = tempfile::Builder::new()
            .prefix("proctor-")
            .tempdir_in(parent);
        made.map_err(Error::at(parent))
    };
    let folder = made(&parent)?;
    match folder.path().as_os_str().len() > FOLDER_BYTES_MAX {
        true => made(Path::new("/tmp")),
        false => Ok(folder),
    }
}

/// Whether every account may enter a folder and make and remove files there.
fn is_open_to_all(folder: &Path) -> bool {
    let lets = |folder: &Path, bits| {
        fs::metadata(folder).is_ok_and(|found| found.permissions().mode() & bits == bits)
    };
    lets(folder, 0o003) && folder.ancestors().all(|ancestor| lets(ancestor, 0o001))
}

/// What the server is started with.
fn options(folder: &Path, settings: &[&str]) -> Vec<String> {
    let folder = folder.to_string_lossy();
    let own = [format!("-D{folder}/data"), format!("-k{folder}")];
    let settings = SETTINGS.iter().chain(settings);
    own.into_iter()
        .chain(settings.map(|setting| format!("-c{setting}")))
        .collect()
}

/// The port that the settings name, or PostgreSQL's usual one: it is only part of the socket's
/// name, unless a test turns TCP on.
fn port(settings: &[&str]) -> u16 {
    let named = settings
        .iter()
        .rev()
        .find_map(|setting| setting.strip_prefix("port="));
    named.and_then(|port| port.parse().ok()).unwrap_or(5432)
}

/// Text as part of an address.
fn percent_encoded(text: &str) -> String {
    let encoded = text.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    });
    encoded.collect()
}
