//! `proctor db`: work on a CRM database.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use proctor_episode::Suite;
use proctor_store::{Fingerprint, Snapshot, Sqlite, Store};
use serde_json::json;

use crate::args::DbCommand;
use crate::exit::{Exit, Failure};
use crate::seeds;
use crate::terminal::{BAD, GOOD, styled, table, table_text};

pub fn run(command: &DbCommand) -> Result<ExitCode, Failure> {
    match command {
        DbCommand::Init { database, data } => init(database, data.as_deref()),
        DbCommand::Inspect { database, json } => inspect(database, *json),
        DbCommand::Snapshot { database, snapshot } => take(database, snapshot),
        DbCommand::Restore { database, snapshot } => restore(database, snapshot),
        DbCommand::Fingerprint { file } => fingerprint(file),
    }
}

fn named(path: &Path, error: impl std::fmt::Display) -> Failure {
    Failure::input(format!("{}: {error}", path.display()))
}

fn init(database: &Path, data: Option<&Path>) -> Result<ExitCode, Failure> {
    if database.exists() {
        return Err(
            named(database, "exists already").hint("`proctor db restore` replaces its rows")
        );
    }
    let snapshot = match data {
        None => seeds::canonical()?,
        Some(folder) if folder.is_dir() => Suite::load_data(folder)?,
        Some(file) => read_snapshot(file)?,
    };
    let result = Sqlite::open(database).and_then(|mut store| {
        store.restore(&snapshot)?;
        Ok(store.fingerprint())
    });
    match result {
        Ok(fingerprint) => {
            writeln!(
                std::io::stdout(),
                "{fingerprint}  {} rows",
                snapshot.rows().len()
            )?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            // Half a database would pass for a whole one.
            let _ = fs::remove_file(database);
            Err(named(database, error))
        }
    }
}

fn inspect(database: &Path, as_json: bool) -> Result<ExitCode, Failure> {
    let mut store = Sqlite::open_read_only(database).map_err(|error| named(database, error))?;
    let counts = store.counts().map_err(|error| named(database, error))?;
    let fingerprint = store.scan().map_err(|error| named(database, error))?;
    let sound = store.check_constraints();
    let mut out = anstream::stdout();
    if as_json {
        let rows: serde_json::Map<String, serde_json::Value> = counts
            .iter()
            .map(|(entity, count)| (entity.table().into(), json!(count)))
            .collect();
        let constraints = sound
            .as_ref()
            .map_or_else(|error| json!(error.to_string()), |()| json!(null));
        let value = json!({
            "backend": store.backend(),
            "fingerprint": fingerprint.to_string(),
            "rows": rows,
            "broken_constraint": constraints,
        });
        writeln!(out, "{value:#}")?;
    } else {
        let mut rows = table(&["table", "rows"], &[1]);
        for (entity, count) in &counts {
            rows.add_row([entity.table().to_owned(), count.to_string()]);
        }
        write!(out, "{}", table_text(&rows))?;
        writeln!(out, "backend      {}", store.backend())?;
        writeln!(out, "fingerprint  {fingerprint}")?;
        let constraints = match &sound {
            Ok(()) => styled(GOOD, "hold"),
            Err(error) => styled(BAD, error),
        };
        writeln!(out, "constraints  {constraints}")?;
    }
    Ok(if sound.is_ok() {
        ExitCode::SUCCESS
    } else {
        Exit::Findings.into()
    })
}

fn take(database: &Path, file: &Path) -> Result<ExitCode, Failure> {
    let mut store = Sqlite::open_read_only(database).map_err(|error| named(database, error))?;
    let snapshot = store.snapshot().map_err(|error| named(database, error))?;
    if file.exists() {
        return Err(named(file, "exists already"));
    }
    write_whole(file, &snapshot.to_bytes())?;
    writeln!(
        std::io::stdout(),
        "{}  {} rows",
        snapshot.fingerprint(),
        snapshot.rows().len()
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that is there whole or not at all.
fn write_whole(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let temporary = file.with_extension("tmp");
    fs::write(&temporary, bytes)
        .and_then(|()| fs::rename(&temporary, file))
        .map_err(|error| {
            let _ = fs::remove_file(&temporary);
            named(file, error)
        })
}

fn restore(database: &Path, file: &Path) -> Result<ExitCode, Failure> {
    let snapshot = read_snapshot(file)?;
    let mut store = Sqlite::open_existing(database)
        .map_err(|error| named(database, error).hint("`proctor db init` creates a database"))?;
    store
        .restore(&snapshot)
        .map_err(|error| named(database, error))?;
    writeln!(
        std::io::stdout(),
        "{}  {} rows",
        store.fingerprint(),
        snapshot.rows().len()
    )?;
    Ok(ExitCode::SUCCESS)
}

fn read_snapshot(file: &Path) -> Result<Snapshot, Failure> {
    let size = fs::metadata(file)
        .map_err(|error| named(file, error))?
        .len();
    if size > proctor_store::SNAPSHOT_BYTES_MAX as u64 {
        let limit = proctor_store::SNAPSHOT_BYTES_MAX;
        return Err(named(
            file,
            format!("has {size} bytes; a snapshot has at most {limit}"),
        ));
    }
    let bytes = fs::read(file).map_err(|error| named(file, error))?;
    Snapshot::from_bytes(&bytes).map_err(|error| named(file, error))
}

fn fingerprint(file: &Path) -> Result<ExitCode, Failure> {
    let mut start = [0; 16];
    let read = fs::File::open(file)
        .and_then(|mut opened| std::io::Read::read(&mut opened, &mut start))
        .map_err(|error| named(file, error))?;
    let fingerprint: Fingerprint = if start[..read].starts_with(b"SQLite format 3") {
        let mut store = Sqlite::open_read_only(file).map_err(|error| named(file, error))?;
        store.scan().map_err(|error| named(file, error))?
    } else {
        read_snapshot(file)?.fingerprint()
    };
    writeln!(std::io::stdout(), "{fingerprint}")?;
    Ok(ExitCode::SUCCESS)
}
