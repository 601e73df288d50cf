//! Making records, by hand or by copying one.

use super::reference::{References, Referred};
use super::{Action, Answers, Outcome, Plan, ToolResult, required};
use crate::arguments::Arguments;
use crate::field::Fields;
use crate::{
    Change, Code, Column, Context, Entity, Id, Kind, Query, Refusal, Row, Timestamp, Value,
};

/// A record to make from the fields of a call.
#[derive(Debug)]
struct Create {
    entity: Entity,
    context: Context,
    fields: Fields,
    references: References,
}

pub(super) fn create(arguments: &Arguments) -> Plan {
    let entity = arguments.tool.entity;
    let fields = arguments.new_record();
    let references = References::of(entity, &fields, None);
    let queries = references.queries();
    Plan::new(
        queries,
        Create {
            entity,
            context: *arguments.context,
            fields,
            references,
        },
    )
}

impl Action for Create {
    fn apply(self: Box<Self>, mut answers: Answers) -> Result<Outcome, Refusal> {
        let referred = self.references.check(&mut answers)?;
        let values = self.fields.into_values()?;
        let row = new_row(self.entity, &self.context, values, &referred);
        check_contract(&row, &referred)?;
        Ok(inserted(row, Vec::new()))
    }
}

fn new_row(
    entity: Entity,
    context: &Context,
    values: Vec<(&'static Column, Value)>,
    referred: &Referred,
) -> Row {
    let mut row = Row::new(entity, context.id(0));
    for (column, value) in values {
        row.record(column.name, value);
    }
    for column in entity.columns() {
        if row.get(column.name).is_null()
            && let Some(value) = default(entity, column, context, referred)
        {
            row.record(column.name, value);
        }
    }
    row
}

/// What a column holds when the call does not say.
fn default(
    entity: Entity,
    column: &Column,
    context: &Context,
    referred: &Referred,
) -> Option<Value> {
    match (entity, column.name) {
        (Entity::Quote, "name") => Some(referred.get("opportunity_id")?.get("name").clone()),
        (Entity::Contract, "status") => Some(Value::Text("Pending".into())),
        _ if column.kind == Kind::Timestamp => Some(Value::Timestamp(stamp(context))),
        _ => None,
    }
}

/// The episode's clock, in the whole microseconds that every backend holds.
pub(super) fn stamp(context: &Context) -> Timestamp {
    Timestamp::from_microsecond(context.now.as_microsecond()).unwrap_or(context.now)
}

fn check_contract(row: &Row, referred: &Referred) -> Result<(), Refusal> {
    if row.entity() != Entity::Contract {
        return Ok(());
    }
    if let Some(opportunity) = referred.get("opportunity_id")
        && opportunity.get("client_id") != row.get("client_id")
    {
        let message = format!(
            "The opportunity {} is of the client {}, not of {}; name that client or another opportunity.",
            opportunity.id(),
            opportunity.get("client_id"),
            row.get("client_id"),
        );
        return Err(Refusal::new(
            Code::ClientMismatch,
            "opportunity_id",
            message,
        ));
    }
    if let (Value::Date(start), Value::Date(end)) = (row.get("start_date"), row.get("end_date"))
        && end < start
    {
        let message = format!("`end_date` is {end}, before `start_date`, {start}.");
        return Err(Refusal::new(Code::DateOrder, "end_date", message));
    }
    Ok(())
}

fn inserted(row: Row, facts: Vec<(String, Value)>) -> Outcome {
    let result = ToolResult {
        rows: vec![row.clone()],
        facts,
    };
    Outcome {
        changes: vec![Change::Insert(row)],
        result,
    }
}

/// A copy to make of an opportunity.
#[derive(Debug)]
struct Copy {
    id: Id,
    context: Context,
}

/// What marks a copy's name.
const COPY_MARK: &str = " (Clone)";

pub(super) fn copy(arguments: &Arguments) -> Result<Plan, Refusal> {
    let id = arguments.key()?;
    let query = Query::by_id(Entity::Opportunity, id);
    Ok(Plan::new(
        vec![query],
        Copy {
            id,
            context: *arguments.context,
        },
    ))
}

impl Action for Copy {
    fn apply(self: Box<Self>, mut answers: Answers) -> Result<Outcome, Refusal> {
        let original = required(answers.row(), Entity::Opportunity, self.id)?;
        let mut row = Row::new(Entity::Opportunity, self.context.id(0));
        for (column, value) in original.cells().skip(1) {
            row.record(column.name, value.clone());
        }
        let name = original.get("name").as_text().unwrap_or_default();
        row.record("name", Value::Text(marked(name)));
        Ok(inserted(
            row,
            vec![("cloned_from".into(), Value::Id(self.id))],
        ))
    }
}

/// The name with the mark; a long one gives way to it.
fn marked(name: &str) -> String {
    let most = Kind::LINE_CHARS_MAX - COPY_MARK.len();
    let kept: String = name.chars().take(most).collect();
    format!("{}{COPY_MARK}", kept.trim_end())
}
