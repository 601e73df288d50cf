//! What every store is held against: the rules, and rows in memory.

use proctor_crm::{
    Change, Code, Context, Entity, Found, Id, Kind, Outcome, Refusal, Row, RowError, Rows, Tool,
    Value,
};
use proctor_host::ToolCall;
use proctor_store::{RowDigest, Snapshot, Sum};
use serde_json::{Map, Value as Json};

use crate::call::Extra;

/// Longest JSON text of a call's arguments, in bytes.
const ARGUMENTS_BYTES_MAX: usize = 64 << 10;

/// Rows in memory, and what an episode has done to them so far.
pub(crate) struct Model {
    mark: (Rows, Sum),
    rows: Rows,
    sum: Sum,
    touched: Vec<(Entity, Id)>,
    deleted: Vec<(Entity, Id)>,
}

impl Model {
    pub(crate) fn of(snapshot: &Snapshot) -> Self {
        let rows: Rows = snapshot.rows().iter().cloned().collect();
        let sum = rows.iter().collect();
        Self {
            mark: (rows.clone(), sum),
            rows,
            sum,
            touched: Vec::new(),
            deleted: Vec::new(),
        }
    }

    pub(crate) fn reset(&mut self) {
        (self.rows, self.sum) = self.mark.clone();
        self.touched.clear();
        self.deleted.clear();
    }

    /// Answers a call by the rules alone.
    pub(crate) fn answer(
        &mut self,
        call: &ToolCall,
        context: &Context,
    ) -> Result<Outcome, Refusal> {
        let plan = Tool::named(&call.tool)?.plan(&arguments(call)?, context)?;
        let found: Vec<Found> = plan
            .queries()
            .iter()
            .map(|query| self.rows.find(query))
            .collect();
        let outcome = plan.apply(found)?;
        self.apply(&outcome.changes);
        Ok(outcome)
    }

    pub(crate) fn apply(&mut self, changes: &[Change]) {
        for change in changes {
            let key = (change.entity(), change.id());
            // Its own rows count, whatever the change says was there.
            if let Some(before) = self.rows.get(key.0, key.1) {
                self.sum.remove(RowDigest::of(before));
            }
            self.rows.apply(std::slice::from_ref(change));
            self.touched.retain(|touched| *touched != key);
            match self.rows.get(key.0, key.1) {
                Some(after) => {
                    self.sum.add(RowDigest::of(after));
                    self.touched.push(key);
                }
                None => self.deleted.push(key),
            }
        }
    }

    /// The insertion of a record like one that is there, under the `ordinal`-th key of `context`.
    pub(crate) fn insertion(
        &self,
        extra: &Extra,
        context: &Context,
        ordinal: u32,
    ) -> Result<Option<Change>, RowError> {
        let like: Vec<&Row> = self.rows_of(extra.like).collect();
        if like.is_empty() {
            return Ok(None);
        }
        let mut row = Row::new(extra.like, context.id(ordinal));
        for (column, value) in extra.at.get(&like).cells().skip(1) {
            let value = match value {
                // No two clients share an address.
                Value::Text(_) if column.name == "email" => Value::Null,
                Value::Text(_) if matches!(column.kind, Kind::Line | Kind::Prose) => {
                    Value::Text(extra.text.into())
                }
                Value::Texts(texts) => {
                    let first = std::iter::once(extra.text.to_owned());
                    Value::Texts(first.chain(texts.iter().skip(1).cloned()).collect())
                }
                same => same.clone(),
            };
            row.set(column.name, value)?;
        }
        Ok(Some(Change::Insert(row)))
    }

    pub(crate) fn rows(&self) -> &Rows {
        &self.rows
    }

    pub(crate) fn rows_of(&self, entity: Entity) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.entity() == entity)
    }

    pub(crate) fn sum(&self) -> Sum {
        self.sum
    }

    /// Keys of records that were made or changed and are still there, the last one last.
    pub(crate) fn touched(&self) -> &[(Entity, Id)] {
        &self.touched
    }

    /// Keys of records that were deleted.
    pub(crate) fn deleted(&self) -> &[(Entity, Id)] {
        &self.deleted
    }
}

/// The arguments of a call that is for a tool that exists.
fn arguments(call: &ToolCall) -> Result<Map<String, Json>, Refusal> {
    let length = call.arguments.len();
    if length > ARGUMENTS_BYTES_MAX {
        let message = format!(
            "The arguments are {length} bytes of JSON; at most {ARGUMENTS_BYTES_MAX} are read."
        );
        return Err(Refusal::new(Code::TooMany, "", message));
    }
    serde_json::from_str(&call.arguments).map_err(|error| {
        let message = format!("The arguments must be one JSON object: {error}.");
        Refusal::new(Code::WrongType, "", message)
    })
}
