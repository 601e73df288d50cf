//! SQL as PostgreSQL spells it. Parameters and results are of types that the client knows, so
//! that it never has to ask what an enumeration is.

use std::fmt::Write as _;

use proctor_crm::{Column, Kind, Value};

use crate::dialect::Dialect;
use crate::search::{Parameter, Parameters};

/// PostgreSQL's way of putting things.
pub(super) enum PostgresDialect {}

impl Dialect for PostgresDialect {
    fn select(sql: &mut String, column: &Column) {
        // A `String` takes all that is written to it, here and below.
        let _ = match column.kind {
            // Exact: the column has two places.
            Kind::Money => write!(sql, "({} * 100)::int8", column.name),
            Kind::Percent => write!(sql, "{}::int8", column.name),
            Kind::Choice(_) => write!(sql, "{}::text", column.name),
            _ => write!(sql, "{}", column.name),
        };
    }

    fn place(sql: &mut String, number: usize, kind: Kind) {
        let _ = match kind {
            Kind::Money => write!(sql, "(${number}::int8 * 0.01)"),
            Kind::Percent => write!(sql, "${number}::int8"),
            Kind::Choice(choice) => write!(sql, "${number}::text::{}", enumeration(choice)),
            Kind::Texts => write!(sql, "${number}::text[]"),
            Kind::Id | Kind::Reference(_) | Kind::Subject => write!(sql, "${number}::uuid"),
            Kind::Date => write!(sql, "${number}::date"),
            Kind::Timestamp => write!(sql, "${number}::timestamptz"),
            _ => write!(sql, "${number}::text"),
        };
    }

    fn equals_ignoring_case(sql: &mut String, column: &Column, number: usize) {
        let _ = write!(sql, "lower({} COLLATE \"C\")", text(column));
        let _ = write!(sql, " = lower(${number}::text COLLATE \"C\")");
    }

    fn contains(sql: &mut String, column: &Column, number: usize) {
        let _ = match column.kind {
            Kind::Texts => write!(sql, "any_fold_contains({}, ${number}::text)", column.name),
            _ => write!(sql, "strpos(fold({}), ${number}::text) > 0", text(column)),
        };
    }

    fn one_of<'q>(
        sql: &mut String,
        parameters: &mut Parameters<'q>,
        column: &Column,
        values: Vec<&'q Value>,
    ) {
        if matches!(column.kind, Kind::Texts) {
            // An array of arrays would be one array, and a rectangular one.
            for (at, value) in values.into_iter().enumerate() {
                parameters.push(Parameter::Value(value));
                sql.push_str(if at == 0 { "" } else { " OR " });
                let _ = write!(sql, "{} = ${}::text[]", column.name, parameters.len());
            }
            return;
        }
        parameters.push(Parameter::Owned(array(&values)));
        let (name, number) = (text(column), parameters.len());
        let of = match column.kind {
            Kind::Money => "numeric",
            Kind::Percent => "int8",
            Kind::Id | Kind::Reference(_) | Kind::Subject => "uuid",
            Kind::Date => "date",
            Kind::Timestamp => "timestamptz",
            _ => "text",
        };
        let _ = write!(sql, "{name} = ANY (${number}::text::{of}[])");
    }
}

/// A column, as text where it is an enumeration.
fn text(column: &Column) -> String {
    match column.kind {
        Kind::Choice(_) => format!("{}::text", column.name),
        _ => column.name.to_owned(),
    }
}

/// Name of the type that holds one of these values, as the migrations create it.
fn enumeration(choice: proctor_crm::Choice) -> &'static str {
    use proctor_crm::Entity;
    let is = |entity: Entity, name: &str| {
        let column = entity.column(name).map(|(_, column)| column.kind);
        column == Some(Kind::Choice(choice))
    };
    match () {
        () if is(Entity::Client, "status") => "client_status",
        () if is(Entity::Opportunity, "stage") => "opportunity_stage",
        () if is(Entity::Quote, "status") => "quote_status",
        () if is(Entity::Contract, "status") => "contract_status",
        () if is(Entity::Company, "type") => "company_type",
        () if is(Entity::Document, "entity_type") => "document_subject",
        () if is(Entity::Note, "entity_type") => "note_subject",
        () => "text",
    }
}

/// Values as the text of an array.
fn array(values: &[&Value]) -> String {
    let mut text = String::from("{");
    for (at, value) in values.iter().enumerate() {
        text.push_str(if at == 0 { "\"" } else { ",\"" });
        for letter in value.to_string().chars() {
            if matches!(letter, '"' | '\\') {
                text.push('\\');
            }
            text.push(letter);
        }
        text.push('"');
    }
    text.push('}');
    text
}
