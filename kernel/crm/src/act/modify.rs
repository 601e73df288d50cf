//! Changing fields of a record, all of them or none.

use super::create::stamp;
use super::reference::References;
use super::{Action, Answers, Outcome, Plan, ToolResult, required};
use crate::arguments::Arguments;
use crate::field::Fields;
use crate::{Change, Code, Condition, Context, Entity, Id, Query, Refusal, Row, Value};

const CLOSED_STAGES: [&str; 2] = ["Closed-Won", "Closed-Lost"];

/// What no longer changes once an opportunity is closed.
const SETTLED: [&str; 4] = ["stage", "amount", "probability", "close_date"];

/// Fields of a record to change.
#[derive(Debug)]
struct Modify {
    entity: Entity,
    id: Id,
    context: Context,
    fields: Fields,
    references: References,
}

pub(super) fn modify(arguments: &Arguments) -> Result<Plan, Refusal> {
    let entity = arguments.tool.entity;
    let fields = arguments.updates()?;
    let id = arguments.key()?;
    let references = References::of(entity, &fields, Some(id));
    let mut queries = vec![Query::by_id(entity, id)];
    queries.extend(references.queries());
    if moves_opportunity(entity, &fields) {
        queries.push(contracts_of(id));
    }
    let context = *arguments.context;
    Ok(Plan::new(
        queries,
        Modify {
            entity,
            id,
            context,
            fields,
            references,
        },
    ))
}

impl Action for Modify {
    fn apply(self: Box<Self>, mut answers: Answers) -> Result<Outcome, Refusal> {
        let before = required(answers.row(), self.entity, self.id)?;
        self.references.check(&mut answers)?;
        let moves = moves_opportunity(self.entity, &self.fields);
        let contracts = if moves { answers.rows() } else { Vec::new() };
        let values = self.fields.into_values()?;
        check_open(&before, values.iter().map(|(column, _)| column.name))?;
        let mut after = before.clone();
        for (column, value) in values {
            after.record(column.name, value);
        }
        check_contracts(&after, &contracts)?;
        let trace = cancellation_trace(&before, &after, &self.context);
        Ok(updated(before, after, trace))
    }
}

fn moves_opportunity(entity: Entity, fields: &Fields) -> bool {
    entity == Entity::Opportunity && fields.has("client_id")
}

fn contracts_of(opportunity: Id) -> Query {
    let of = Condition::Equals("opportunity_id", Value::Id(opportunity));
    Query::all(Entity::Contract, vec![of])
}

fn check_open<'a>(before: &Row, mut columns: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
    let stage = before.get("stage").as_text().unwrap_or_default();
    if before.entity() != Entity::Opportunity || !CLOSED_STAGES.contains(&stage) {
        return Ok(());
    }
    match columns.find(|name| SETTLED.contains(name)) {
        None => Ok(()),
        Some(field) => {
            let message = format!(
                "The opportunity is {stage}, so its `{field}` cannot change; for new business create or clone an opportunity."
            );
            Err(Refusal::new(Code::ClosedOpportunity, field, message))
        }
    }
}

/// An opportunity cannot leave for another client while this one's contracts refer to it.
fn check_contracts(after: &Row, contracts: &[Row]) -> Result<(), Refusal> {
    let client = after.get("client_id");
    match contracts
        .iter()
        .find(|contract| contract.get("client_id") != client)
    {
        None => Ok(()),
        Some(contract) => {
            let message = format!(
                "The contract {} of the client {} refers to this opportunity, so it cannot become another client's.",
                contract.id(),
                contract.get("client_id"),
            );
            Err(Refusal::new(Code::ClientMismatch, "client_id", message))
        }
    }
}

/// A note on a quote that was approved and is now canceled, so that it does not go unseen.
fn cancellation_trace(before: &Row, after: &Row, context: &Context) -> Option<Row> {
    let status = |row: &Row, status| row.get("status").as_text() == Some(status);
    let lost =
        before.entity() == Entity::Quote && status(before, "Approved") && status(after, "Canceled");
    lost.then(|| {
        let mut note = Row::new(Entity::Note, context.id(0));
        note.record("entity_type", Value::Text(Entity::Quote.name().into()));
        note.record("entity_id", Value::Id(before.id()));
        note.record(
            "content",
            Value::Text("Quote canceled; it was Approved.".into()),
        );
        note.record("created_by", Value::Text("system".into()));
        note.record("created_at", Value::Timestamp(stamp(context)));
        note
    })
}

/// The record as it is now, the note if there is one, and which fields changed.
fn updated(before: Row, after: Row, note: Option<Row>) -> Outcome {
    let mut rows = vec![after.clone()];
    let update = Change::Update { before, after };
    let changed: Vec<_> = update
        .columns()
        .iter()
        .map(|one| one.column.to_owned())
        .collect();
    let mut changes = Vec::new();
    if !changed.is_empty() {
        changes.push(update);
    }
    if let Some(note) = note {
        rows.push(note.clone());
        changes.push(Change::Insert(note));
    }
    let facts = vec![("changed".into(), Value::Texts(changed))];
    Outcome {
        changes,
        result: ToolResult { rows, facts },
    }
}

/// A quote to cancel.
#[derive(Debug)]
struct Cancel {
    id: Id,
    context: Context,
}

pub(super) fn cancel(arguments: &Arguments) -> Result<Plan, Refusal> {
    let id = arguments.key()?;
    let context = *arguments.context;
    Ok(Plan::new(
        vec![Query::by_id(Entity::Quote, id)],
        Cancel { id, context },
    ))
}

impl Action for Cancel {
    fn apply(self: Box<Self>, mut answers: Answers) -> Result<Outcome, Refusal> {
        let before = required(answers.row(), Entity::Quote, self.id)?;
        if before.get("status").as_text() == Some("Canceled") {
            let message = format!("The quote {} is canceled already.", self.id);
            return Err(Refusal::new(Code::AlreadyCanceled, "quote_id", message));
        }
        let mut after = before.clone();
        after.record("status", Value::Text("Canceled".into()));
        let trace = cancellation_trace(&before, &after, &self.context);
        Ok(updated(before, after, trace))
    }
}
