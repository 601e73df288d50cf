//! Databases of one's own, for episodes whose changes are really committed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::address::Address;
use super::session::{Session, Work};
use super::{APPLICATION, Postgres, migrate};
use crate::{StoreError, Sum};

/// The database that a server always has, from which others are made and dropped.
const MAINTENANCE: &str = "postgres";
/// What the names of all databases begin with that are made here.
const STEM: &str = "proctor_clone_";

/// A copy of a database, from which each worker gets databases of its own.
///
/// What is committed there is seen by whoever looks, and deferred constraints and triggers act as
/// in production. All copies are dropped when they are no longer needed; those that a killed
/// process left behind are dropped by the next.
#[derive(Clone)]
pub struct Template {
    keeper: Arc<Keeper>,
}

/// Makes and drops databases.
struct Keeper {
    address: Address,
    /// What the names of this process's copies begin with.
    stem: String,
    sum: Sum,
    work: Mutex<Keeping>,
}

struct Keeping {
    /// Connections that nobody uses at the moment: as many are made as work at once.
    idle: Vec<Session>,
    /// Copies so far.
    made: u64,
}

/// A worker's own database.
pub(super) struct OwnDatabase {
    keeper: Arc<Keeper>,
    name: String,
    /// A copy of the state to go back to, where it isn't the template's.
    mark: Option<Arc<Mark>>,
}

/// A copy that is dropped with the last database that may be made from it.
struct Mark {
    keeper: Arc<Keeper>,
    name: String,
}

impl Template {
    /// A copy of a migrated database, which nobody may be connected to while it is made.
    ///
    /// # Errors
    /// When somebody is connected to it, when the user may not create databases, or when it
    /// isn't one that this version can work with.
    pub fn of(address: &Address) -> Result<Self, StoreError> {
        migrate::require_latest(&mut Session::connect(address, APPLICATION)?)?;
        let mut session = Session::connect(&address.of_database(MAINTENANCE), APPLICATION)?;
        // A process number alone comes again.
        let stem: String = session.value(&format!(
            "SELECT '{STEM}' || pid || '_' || extract(epoch FROM backend_start)::bigint
             FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        ))?;
        session.run(&format!("SET application_name TO '{stem}'"))?;
        sweep(&mut session)?;
        let mut keeper = Keeper {
            address: address.clone(),
            sum: Sum::default(),
            work: Mutex::new(Keeping {
                idle: vec![session],
                made: 0,
            }),
            stem,
        };
        let template = keeper.template();
        keeper.copy(address.database(), &template)?;
        // Of the copy: somebody may have written to the other meanwhile.
        keeper.sum = Postgres::open(&address.of_database(&template))?.sum;
        Ok(Self {
            keeper: Arc::new(keeper),
        })
    }

    /// A store on a database of its own.
    ///
    /// # Errors
    /// When the server fails or lets nobody in.
    pub fn open(&self) -> Result<Postgres, StoreError> {
        let own = OwnDatabase::new(&self.keeper, None)?;
        let session = own.connect()?;
        Ok(Postgres::over(session, Some(own), self.keeper.sum))
    }
}

impl Keeper {
    fn template(&self) -> String {
        format!("{}_template", self.stem)
    }

    /// A name that no copy had yet.
    fn name(&self) -> String {
        let mut keeping = self.lock();
        keeping.made += 1;
        format!("{}_{}", self.stem, keeping.made)
    }

    fn lock(&self) -> MutexGuard<'_, Keeping> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connect(&self) -> Result<Session, StoreError> {
        Session::connect(&self.address.of_database(MAINTENANCE), &self.stem)
    }

    /// Carries out a statement, while others carry out theirs.
    fn run(&self, sql: &str) -> Result<(), StoreError> {
        let idle = self.lock().idle.pop();
        let mut session = match idle.filter(|session| !session.is_broken()) {
            Some(session) => session,
            None => self.connect()?,
        };
        let done = session.wait(Work::Whole, async |client| client.batch_execute(sql).await);
        self.lock().idle.push(session);
        done
    }

    fn copy(&self, from: &str, to: &str) -> Result<(), StoreError> {
        self.run(&format!(
            "CREATE DATABASE {} TEMPLATE {}",
            quoted(to),
            quoted(from)
        ))
    }

    fn drop_database(&self, name: &str) -> Result<(), StoreError> {
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", quoted(name));
        // A connection may have ended while nobody used it.
        self.run(&sql).or_else(|_| self.run(&sql))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        // Whoever comes next finds it if this fails.
        let _ = self.drop_database(&self.template());
    }
}

impl OwnDatabase {
    fn new(keeper: &Arc<Keeper>, mark: Option<Arc<Mark>>) -> Result<Self, StoreError> {
        let name = keeper.name();
        let from = mark
            .as_ref()
            .map_or_else(|| keeper.template(), |mark| mark.name.clone());
        keeper.copy(&from, &name)?;
        Ok(Self {
            keeper: Arc::clone(keeper),
            name,
            mark,
        })
    }

    fn connect(&self) -> Result<Session, StoreError> {
        Session::connect(&self.keeper.address.of_database(&self.name), APPLICATION)
    }
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        let _ = self.keeper.drop_database(&self.name);
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        let _ = self.keeper.drop_database(&self.name);
    }
}

impl Postgres {
    /// Name of the database that this store works on, where it has one of its own.
    #[must_use]
    pub fn own_database(&self) -> Option<&str> {
        self.own.as_ref().map(|own| own.name.as_str())
    }

    /// Goes on with a new copy of the state at the mark; the old one is dropped.
    pub(super) fn copy_anew(&mut self) -> Result<(), StoreError> {
        if let Some(old) = &self.own {
            let new = OwnDatabase::new(&old.keeper, old.mark.clone())?;
            self.session = new.connect()?;
            self.own = Some(new);
        }
        Ok(())
    }

    /// Keeps a copy of the state as it is, for resets to go back to.
    pub(super) fn mark_here(&mut self) -> Result<(), StoreError> {
        if let Some(own) = &mut self.own {
            // Nobody may be connected to what is copied.
            self.session = own.keeper.connect()?;
            let name = own.keeper.name();
            own.keeper.copy(&own.name, &name)?;
            own.mark = Some(Arc::new(Mark {
                keeper: Arc::clone(&own.keeper),
                name,
            }));
            self.session = own.connect()?;
        }
        Ok(())
    }
}

/// Drops the copies of processes that are gone.
fn sweep(session: &mut Session) -> Result<(), StoreError> {
    for name in leftovers(session)? {
        session.run(&format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            quoted(&name)
        ))?;
    }
    Ok(())
}

/// Copies whose process isn't connected any more.
pub(super) fn leftovers(session: &mut Session) -> Result<Vec<String>, StoreError> {
    let names: Option<Vec<String>> = session.value(&format!(
        "SELECT array_agg(copy.datname::text ORDER BY copy.datname) FROM pg_database AS copy
         WHERE starts_with(copy.datname, '{STEM}')
           AND pg_get_userbyid(copy.datdba) = current_user
           AND NOT EXISTS (SELECT FROM pg_stat_activity AS owner
             WHERE starts_with(owner.application_name, '{STEM}')
               AND starts_with(copy.datname, owner.application_name || '_'))"
    ))?;
    Ok(names.unwrap_or_default())
}

/// A name as SQL writes it.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
