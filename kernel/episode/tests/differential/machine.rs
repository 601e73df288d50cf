//! Plays one sequence on the model and on every store at once, and holds what they say against
//! each other after each call.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proctor_crm::{Change, Code, Context, Outcome, Refusal, Row, Tool};
use proctor_episode::execute;
use proctor_host::ToolCall;
use proctor_store::{Fingerprint, Snapshot, Store, StoreError};

use crate::call::{Extra, Sequence};
use crate::model::Model;

/// The clock of every episode, as the built-in suite has it.
const NOW: &str = "2026-01-15T09:00:00Z";

/// Most characters of a call or a line that a report shows.
const SHOWN_CHARS_MAX: usize = 2_000;

/// Stores by what a report calls them.
pub(crate) type Stores = Vec<(&'static str, Box<dyn Store>)>;

/// The model and the stores, each with one episode open on the same rows.
pub(crate) struct Machine {
    model: Model,
    stores: Stores,
    pub(crate) tally: Tally,
}

/// What the model said how often.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Number of calls accepted and refused, by tool.
    pub(crate) tools: BTreeMap<&'static str, (u64, u64)>,
    /// Number of refusals.
    pub(crate) codes: BTreeMap<Code, u64>,
}

impl Machine {
    /// A machine over stores that hold the rows of `snapshot`.
    pub(crate) fn new(snapshot: &Snapshot, mut stores: Stores) -> Result<Self, StoreError> {
        for (_, store) in &mut stores {
            store.begin()?;
        }
        Ok(Self {
            model: Model::of(snapshot),
            stores,
            tally: Tally::default(),
        })
    }

    /// Plays a sequence, from a reset on.
    ///
    /// # Errors
    /// With the calls made and the first difference, backend by backend.
    pub(crate) fn play(&mut self, sequence: &Sequence) -> Result<(), String> {
        self.reset()
            .map_err(|difference| format!("After the reset:\n{difference}"))?;
        let mut made = String::new();
        self.put_in(&sequence.extra, &mut made)
            .map_err(|difference| format!("{made}After the last of these:\n{difference}"))?;
        for (step, call) in sequence.calls.iter().enumerate() {
            let call = call.now(&self.model);
            let _ = writeln!(made, "Call {step}: {}", shown(&call));
            self.call(&call, &context(step))
                .map_err(|difference| format!("{made}After call {step}:\n{difference}"))?;
        }
        self.compare_all()
            .map_err(|difference| format!("{made}When all rows are read:\n{difference}"))
    }

    fn reset(&mut self) -> Result<(), String> {
        self.model.reset();
        let expected = Said::<()>::of(Ok(()), self.model.sum().fingerprint());
        compare(
            expected,
            self.stores.iter_mut().map(|(name, store)| {
                let reset = store.reset();
                (*name, Said::of(reset, store.fingerprint()))
            }),
        )
    }

    fn put_in(&mut self, extra: &[Extra], made: &mut String) -> Result<(), String> {
        // Other keys than those of any call.
        let context = context(usize::MAX);
        for (ordinal, extra) in (0..).zip(extra) {
            let insertion = self.model.insertion(extra, &context, ordinal);
            let Some(insertion) = insertion.map_err(|error| error.to_string())? else {
                continue;
            };
            let _ = writeln!(made, "Put in first: {}", told_change(&insertion));
            let changes = [insertion];
            self.model.apply(&changes);
            let expected = Said::<()>::of(Ok(()), self.model.sum().fingerprint());
            compare(
                expected,
                self.stores.iter_mut().map(|(name, store)| {
                    let applied = store.apply(&changes);
                    (*name, Said::of(applied, store.fingerprint()))
                }),
            )?;
        }
        Ok(())
    }

    fn call(&mut self, call: &ToolCall, context: &Context) -> Result<(), String> {
        let answer = self.model.answer(call, context);
        self.tally.count(call, &answer);
        let expected = Said::of(Ok(answer), self.model.sum().fingerprint());
        compare(
            expected,
            self.stores.iter_mut().map(|(name, store)| {
                let answer = execute(&mut **store, call, context);
                (*name, Said::of(answer, store.fingerprint()))
            }),
        )
    }

    /// Compares the fingerprints of full scans and the bytes of snapshots.
    fn compare_all(&mut self) -> Result<(), String> {
        let rows = self.model.rows().iter().cloned().collect();
        let snapshot = Snapshot::from_rows(rows).map_err(|error| error.to_string())?;
        let scanned = snapshot.fingerprint();
        compare(
            Said::of(Ok(All::of(snapshot)), scanned),
            self.stores.iter_mut().map(|(name, store)| {
                let snapshot = store.snapshot().map(All::of);
                let said = match store.scan() {
                    Ok(scanned) => Said::of(snapshot, scanned),
                    Err(error) => Said::of(Err(error), store.fingerprint()),
                };
                (*name, said)
            }),
        )
    }
}

impl Tally {
    fn count(&mut self, call: &ToolCall, answer: &Result<Outcome, Refusal>) {
        if let Err(refusal) = answer {
            *self.codes.entry(refusal.code).or_default() += 1;
        }
        let Ok(tool) = Tool::named(&call.tool) else {
            return;
        };
        let (accepted, refused) = self.tools.entry(tool.name).or_default();
        *(if answer.is_ok() { accepted } else { refused }) += 1;
    }
}

/// What a backend says to something, and its fingerprint then.
#[derive(PartialEq)]
struct Said<T> {
    /// The error is in the store's own words.
    answer: Result<T, String>,
    fingerprint: Fingerprint,
}

impl<T> Said<T> {
    fn of(answer: Result<T, StoreError>, fingerprint: Fingerprint) -> Self {
        Self {
            answer: answer.map_err(|error| error.to_string()),
            fingerprint,
        }
    }
}

/// All rows, and the bytes that stand for them.
#[derive(PartialEq)]
struct All {
    snapshot: Snapshot,
    bytes: Vec<u8>,
}

impl All {
    fn of(snapshot: Snapshot) -> Self {
        let bytes = snapshot.to_bytes();
        Self { snapshot, bytes }
    }
}

/// What can be told line by line, so that the first line that differs can be found.
trait Lines {
    fn lines(&self) -> Vec<String>;
}

impl Lines for () {
    fn lines(&self) -> Vec<String> {
        vec!["done".into()]
    }
}

impl Lines for Result<Outcome, Refusal> {
    fn lines(&self) -> Vec<String> {
        let outcome = match self {
            Ok(outcome) => outcome,
            Err(refusal) => return vec![format!("refused: {refusal}")],
        };
        let rows = outcome.result.rows.iter().map(|row| told("row", row));
        let facts = &outcome.result.facts;
        let facts = facts
            .iter()
            .map(|(name, value)| format!("fact {name}: {value:?}"));
        let changes = outcome.changes.iter().map(told_change);
        std::iter::once("accepted".to_owned())
            .chain(rows)
            .chain(facts)
            .chain(changes)
            .collect()
    }
}

impl Lines for All {
    fn lines(&self) -> Vec<String> {
        let rows = self.snapshot.rows().iter().map(|row| told("row", row));
        rows.chain([format!("{:02x?}", self.bytes)]).collect()
    }
}

impl<T: Lines> Lines for Said<T> {
    fn lines(&self) -> Vec<String> {
        let mut lines = match &self.answer {
            Ok(answer) => answer.lines(),
            Err(error) => vec![format!("failed: {error}")],
        };
        lines.push(format!("fingerprint {}", self.fingerprint));
        lines
    }
}

fn told(what: &str, row: &Row) -> String {
    format!("{what} {} {:?}", row.entity().name(), row.values())
}

fn told_change(change: &Change) -> String {
    match change {
        Change::Insert(row) => told("insert", row),
        Change::Update { .. } => format!("update {}: {:?}", change.id(), change.columns()),
        Change::Delete(row) => told("delete", row),
    }
}

/// Holds what every store says against what the model does.
fn compare<T: Lines + PartialEq>(
    expected: Said<T>,
    stores: impl Iterator<Item = (&'static str, Said<T>)>,
) -> Result<(), String> {
    let said: Vec<_> = std::iter::once(("model", expected)).chain(stores).collect();
    if said.iter().all(|(_, one)| *one == said[0].1) {
        return Ok(());
    }
    let said: Vec<(&str, Vec<String>)> = said
        .into_iter()
        .map(|(name, one)| (name, one.lines()))
        .collect();
    let line = |(_, lines): &(&str, Vec<String>), at: usize| {
        lines
            .get(at)
            .map_or("nothing more".to_owned(), |line| cut(line))
    };
    let longest = said.iter().map(|(_, lines)| lines.len()).max();
    let differs = |at: &usize| {
        said.iter()
            .any(|(_, lines)| lines.get(*at) != said[0].1.get(*at))
    };
    let first = (0..longest.unwrap_or_default()).find(differs);
    let told = said
        .iter()
        .map(|one| format!("  {:<10} {}", one.0, line(one, first.unwrap_or_default())));
    Err(told.collect::<Vec<_>>().join("\n"))
}

fn shown(call: &ToolCall) -> String {
    cut(&format!(
        "{{\"tool\":{:?},\"arguments\":{}}}",
        call.tool, call.arguments
    ))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((at, _)) => format!("{}… ({} bytes)", &text[..at], text.len()),
        None => text.to_owned(),
    }
}

fn context(step: usize) -> Context {
    Context {
        now: NOW.parse().unwrap(),
        seed: [7; 32],
        step: u32::try_from(step).unwrap_or(u32::MAX),
    }
}
