//! `proctor db`: work on a CRM database.

mod diff;
mod doctor;
mod inspect;
mod place;
mod snapshot;
mod state;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use proctor_crm::Change;
use proctor_store::{
    Fingerprint, MigrationError, Postgres, Snapshot, Sqlite, Store as _, StoreError, Strangers,
};
use serde_json::Value as Json;

use crate::args::DbCommand;
use crate::exit::Failure;
use crate::terminal;
use place::Place;

pub fn run(command: &DbCommand) -> Result<ExitCode, Failure> {
    match command {
        DbCommand::Init { database, data } => {
            init(&Place::of(database)?, &state::data(data.data.as_deref())?)?;
        }
        DbCommand::Migrate { database } => migrate(&Place::of(database)?)?,
        DbCommand::Seed { database, data } => {
            seed(&Place::of(database)?, &state::data(data.data.as_deref())?)?;
        }
        DbCommand::Inspect { database, json } => {
            return inspect::run(&Place::of(database)?, *json);
        }
        DbCommand::Snapshot { database, snapshot } => {
            snapshot::take(&Place::of(database)?, snapshot)?;
        }
        DbCommand::Restore { database, snapshot } => {
            snapshot::restore(&Place::of(database)?, snapshot)?;
        }
        DbCommand::Reset {
            database,
            data,
            drop_unknown,
        } => {
            let strangers = if *drop_unknown {
                Strangers::Drop
            } else {
                Strangers::Refuse
            };
            let data = state::data(data.data.as_deref())?;
            reset(&Place::of(database)?, &data, strangers)?;
        }
        DbCommand::Diff { one, other, json } => return diff::run(one, other, *json),
        DbCommand::Fingerprint { state } => {
            let fingerprint = state::State::of(state)?.fingerprint()?;
            writeln!(std::io::stdout(), "{fingerprint}")?;
        }
        DbCommand::Doctor { database, json } => {
            return doctor::run(&Place::of(database)?, *json);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn init(place: &Place, data: &Snapshot) -> Result<(), Failure> {
    match place {
        Place::File(path) => init_file(place, path, data)?,
        Place::Server(address) => {
            match Postgres::open(address) {
                Err(StoreError::Migration(MigrationError::Older { found: 0, .. })) => {}
                Err(error) => return Err(place.failure(error)),
                Ok(_) => {
                    return Err(
                        Failure::input(format!("{place} has Proctor's tables already"))
                            .hint("`proctor db reset` takes it back to the canonical data"),
                    );
                }
            }
            Postgres::rebuild(address, data, Strangers::Refuse)
                .map_err(|error| place.failure(error))?;
        }
    }
    print_rows(data.fingerprint(), data)
}

fn init_file(place: &Place, path: &Path, data: &Snapshot) -> Result<(), Failure> {
    if path.exists() {
        return Err(Failure::input(format!("{place}: exists already")).hint(
            "`proctor db reset` takes it back to the canonical data, `proctor db restore` to a snapshot",
        ));
    }
    Sqlite::open(path)
        .and_then(|mut store| store.restore(data))
        .map_err(|error| {
            // Half a database would pass for a whole one.
            let _ = std::fs::remove_file(path);
            place.failure(error)
        })
}

fn migrate(place: &Place) -> Result<(), Failure> {
    let migrated = match place {
        Place::File(path) => Sqlite::migrate(path),
        Place::Server(address) => Postgres::migrate(address),
    }
    .map_err(|error| place.failure(error))?;
    let (from, to) = (migrated.from, migrated.to);
    let mut out = std::io::stdout();
    if from == to {
        writeln!(out, "{place}: schema version {to}, nothing to do")?;
    } else {
        writeln!(out, "{place}: from schema version {from} to {to}")?;
    }
    Ok(())
}

fn seed(place: &Place, data: &Snapshot) -> Result<(), Failure> {
    // To open a file for writing would migrate it, which is not what was asked for.
    drop(place.read()?);
    let mut store = place.open()?;
    let counts = store.counts().map_err(|error| place.failure(error))?;
    let rows: u64 = counts.iter().map(|(_, count)| count).sum();
    if rows > 0 {
        return Err(
            Failure::input(format!("{place}: holds {rows} rows already"))
                .hint("`proctor db reset` puts the canonical data in their place"),
        );
    }
    // Adds rows and replaces none, should somebody else be putting some there at this moment.
    let inserts: Vec<Change> = data.rows().iter().cloned().map(Change::Insert).collect();
    store
        .apply(&inserts)
        .map_err(|error| place.failure(error))?;
    print_rows(store.fingerprint(), data)
}

fn reset(place: &Place, data: &Snapshot, strangers: Strangers) -> Result<(), Failure> {
    let rebuilt = match place {
        Place::File(path) => Sqlite::rebuild(path, data, strangers),
        Place::Server(address) => Postgres::rebuild(address, data, strangers),
    }
    .map_err(|error| place.failure(error))?;
    if rebuilt.altered {
        terminal::note("the schema was not as the migrations make it, and was made anew");
    }
    if !rebuilt.dropped.is_empty() {
        let names = visible(&rebuilt.dropped.join(", "));
        terminal::note(format!("dropped: {names}"));
    }
    print_rows(data.fingerprint(), data)
}

fn print_rows(fingerprint: Fingerprint, rows: &Snapshot) -> Result<(), Failure> {
    let count = rows.rows().len();
    writeln!(std::io::stdout(), "{fingerprint}  {count} rows")?;
    Ok(())
}

/// A text of one line that can't drive a terminal, whoever wrote it.
fn visible(text: &str) -> String {
    escaped(text, is_hidden, |c| c.escape_default().to_string())
}

/// Prints JSON that can't drive a terminal either: of itself it leaves many such characters.
fn print_json(value: &Json) -> Result<(), Failure> {
    let text = escaped(
        &format!("{value:#}"),
        |c| is_hidden(c) && c != '\n',
        |c| format!("\\u{:04x}", u32::from(c)),
    );
    writeln!(std::io::stdout(), "{text}")?;
    Ok(())
}

fn escaped(text: &str, which: fn(char) -> bool, escape: fn(char) -> String) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if which(c) {
            shown.push_str(&escape(c));
        } else {
            shown.push(c);
        }
    }
    shown
}

/// Whether a character moves the cursor, changes colours or turns the direction of writing.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
