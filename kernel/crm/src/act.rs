//! How a call is answered: first a plan that names the rows to read, then changes and a result.

mod create;
mod delete;
mod modify;
mod read;
mod reference;
mod summary;

use std::fmt::Debug;

use serde_json::{Map, json};

use crate::arguments::Arguments;
use crate::field::not_found;
use crate::tool::Verb;
use crate::{Change, Condition, Context, Entity, Found, Id, Query, Refusal, Row, Tool, Value};

/// A call whose arguments have been read, waiting for the rows it asked for.
#[derive(Debug)]
pub struct Plan {
    queries: Vec<Query>,
    action: Box<dyn Action>,
}

/// What an accepted call does and says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Changes to make, in an order that never breaks a reference.
    pub changes: Vec<Change>,
    /// What the agent sees.
    pub result: ToolResult,
}

/// What an agent sees of an accepted call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolResult {
    /// Records, in an order that the tool decides.
    pub rows: Vec<Row>,
    /// What the tool worked out, by name.
    pub facts: Vec<(String, Value)>,
}

/// The second half of a call. Given the answers to the plan's queries, in their order.
pub(crate) trait Action: Debug + Send + Sync {
    fn apply(self: Box<Self>, answers: Answers) -> Result<Outcome, Refusal>;
}

/// Answers to a plan's queries, taken one by one in the order of asking.
#[derive(Debug)]
pub(crate) struct Answers(std::vec::IntoIter<Found>);

impl Answers {
    pub(crate) fn next(&mut self) -> Found {
        self.0.next().unwrap_or_default()
    }

    pub(crate) fn rows(&mut self) -> Vec<Row> {
        self.next().rows
    }

    /// The only row of an answer to a question by key.
    pub(crate) fn row(&mut self) -> Option<Row> {
        self.rows().into_iter().next()
    }
}

impl Plan {
    pub(crate) fn new(queries: Vec<Query>, action: impl Action + 'static) -> Self {
        Self {
            queries,
            action: Box::new(action),
        }
    }

    /// The reads that the call needs; they do not depend on each other.
    #[must_use]
    pub fn queries(&self) -> &[Query] {
        &self.queries
    }

    /// Answers the call, from the answers to [`Plan::queries`] in the same order.
    ///
    /// # Errors
    /// When the rules forbid the call; nothing is to be changed then.
    pub fn apply(self, found: Vec<Found>) -> Result<Outcome, Refusal> {
        self.action.apply(Answers(found.into_iter()))
    }
}

impl ToolResult {
    /// The form that agents see: `{"rows": [{…}], "facts": {…}}`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let rows: Vec<_> = self.rows.iter().map(Row::to_json).collect();
        let facts: Map<_, _> = self
            .facts
            .iter()
            .map(|(name, value)| (name.clone(), value.to_json()))
            .collect();
        json!({ "rows": rows, "facts": facts })
    }
}

/// Reads a call's arguments, in the way of its tool's verb.
pub(crate) fn plan(
    tool: &Tool,
    arguments: &Map<String, serde_json::Value>,
    context: &Context,
) -> Result<Plan, Refusal> {
    let arguments = &Arguments::new(tool, arguments, context)?;
    match tool.verb {
        Verb::Create(_) => Ok(create::create(arguments)),
        Verb::Modify => modify::modify(arguments),
        Verb::Delete => delete::delete(arguments),
        Verb::Cancel => modify::cancel(arguments),
        Verb::Clone => create::copy(arguments),
        Verb::Details => read::details(arguments),
        Verb::Compare(comparison) => read::compare(arguments, comparison),
        Verb::Search => read::search(arguments),
        Verb::Summarize => summary::summarize(arguments),
        Verb::Prefixes => Ok(summary::prefixes()),
    }
}

/// The row that a call is about, which must exist.
fn required(row: Option<Row>, entity: Entity, id: Id) -> Result<Row, Refusal> {
    row.ok_or_else(|| not_found(entity.key(), &id.to_string(), Some(entity)))
}

/// Rows with a column that refers to a record.
fn referring(entity: Entity, column: &'static str, id: Id) -> Query {
    Query::all(entity, vec![Condition::Equals(column, Value::Id(id))])
}

/// Documents or notes on a record.
fn attached(what: Entity, to: Entity, id: Id) -> Query {
    let kind = Condition::Equals("entity_type", Value::Text(to.name().into()));
    Query::all(
        what,
        vec![kind, Condition::Equals("entity_id", Value::Id(id))],
    )
}

fn count(number: usize) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}
