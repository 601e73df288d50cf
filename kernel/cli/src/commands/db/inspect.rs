//! `proctor db inspect`: what a database holds and whether it is sound.

use std::io::Write;
use std::process::ExitCode;

use proctor_crm::Entity;
use proctor_store::{Fingerprint, Postgres, Sqlite, Store, StoreError};
use serde_json::{Map, Value as Json, json};

use super::place::Place;
use super::{print_json, visible};
use crate::exit::{Exit, Failure};
use crate::terminal::{BAD, GOOD, styled, table, table_text};

/// What was seen.
struct Contents {
    backend: &'static str,
    counts: Vec<(Entity, u64)>,
    fingerprint: Fingerprint,
    /// What the rows break, in words.
    broken: Option<String>,
}

pub fn run(place: &Place, as_json: bool) -> Result<ExitCode, Failure> {
    let contents = match place {
        Place::File(path) => look(
            place,
            Sqlite::open_read_only(path),
            Sqlite::check_constraints,
        ),
        Place::Server(address) => look(place, Postgres::open(address), Postgres::check_constraints),
    }?;
    if as_json {
        print_json(&json(&contents))?;
    } else {
        print(&contents)?;
    }
    Ok(if contents.broken.is_none() {
        ExitCode::SUCCESS
    } else {
        Exit::Findings.into()
    })
}

fn look<S: Store>(
    place: &Place,
    store: Result<S, StoreError>,
    check: fn(&mut S) -> Result<(), StoreError>,
) -> Result<Contents, Failure> {
    let mut store = store.map_err(|error| place.unopened(error))?;
    let failed = |error| place.failure(error);
    Ok(Contents {
        backend: store.backend(),
        counts: store.counts().map_err(failed)?,
        fingerprint: store.scan().map_err(failed)?,
        broken: check(&mut store).err().map(|error| error.to_string()),
    })
}

fn print(contents: &Contents) -> Result<(), Failure> {
    let mut out = anstream::stdout();
    let mut rows = table(&["table", "rows"], &[1]);
    for (entity, count) in &contents.counts {
        rows.add_row([entity.table().to_owned(), count.to_string()]);
    }
    write!(out, "{}", table_text(&rows))?;
    writeln!(out, "backend      {}", contents.backend)?;
    writeln!(out, "fingerprint  {}", contents.fingerprint)?;
    let constraints = match &contents.broken {
        None => styled(GOOD, "hold"),
        Some(broken) => styled(BAD, visible(broken)),
    };
    writeln!(out, "constraints  {constraints}")?;
    Ok(())
}

fn json(contents: &Contents) -> Json {
    let rows: Map<String, Json> = contents
        .counts
        .iter()
        .map(|(entity, count)| (entity.table().into(), json!(count)))
        .collect();
    json!({
        "backend": contents.backend,
        "fingerprint": contents.fingerprint.to_string(),
        "rows": rows,
        "broken_constraint": contents.broken,
    })
}
