//! The shape of a call: which arguments there are, before anything is said about their values.

use std::io;

use serde_json::{Map, Value as Json};

use crate::field::{self, Field, Fields, Purpose, wrong_type};
use crate::tool::is_updatable;
use crate::{Code, Column, Context, Kind, Refusal, Tool, spelling};

/// Largest call, as JSON: the longest text there is, in the longest encoding, fits with room.
const BYTES_MAX: usize = 64 * 1024;

/// The arguments of a call to a tool, all of them known and none missing.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a> {
    pub(crate) tool: &'a Tool,
    pub(crate) context: &'a Context,
    given: &'a Map<String, Json>,
}

impl<'a> Arguments<'a> {
    /// Checks that the call has every argument it must have and none that the tool lacks.
    pub(crate) fn new(
        tool: &'a Tool,
        given: &'a Map<String, Json>,
        context: &'a Context,
    ) -> Result<Self, Refusal> {
        check_size(given)?;
        let arguments = tool.arguments();
        let legal: Vec<_> = arguments.iter().map(|one| one.name).collect();
        if let Some(unknown) = given.keys().find(|name| !legal.contains(&name.as_str())) {
            return Err(unknown_name(tool, unknown, &legal));
        }
        let missing: Vec<_> = arguments
            .iter()
            .filter(|one| one.required && given.get(one.name).is_none_or(Json::is_null))
            .map(|one| one.name)
            .collect();
        if let Some(first) = missing.first() {
            let message = format!(
                "{} needs {}.",
                tool.name,
                spelling::listed(missing.iter().copied())
            );
            return Err(Refusal::new(Code::MissingArgument, *first, message));
        }
        Ok(Self {
            tool,
            context,
            given,
        })
    }

    /// An argument, unless it is missing or null.
    pub(crate) fn get(&self, name: &str) -> Option<&'a Json> {
        self.given.get(name).filter(|json| !json.is_null())
    }

    /// The key of the record that the call is about.
    pub(crate) fn key(&self) -> Result<crate::Id, Refusal> {
        let entity = self.tool.entity;
        field::read_id(
            entity.key(),
            self.get(entity.key()).unwrap_or(&Json::Null),
            Some(entity),
        )
    }

    /// The fields of a record to create: null is as good as nothing.
    pub(crate) fn new_record(&self) -> Fields {
        let columns = self.tool.entity.columns().iter();
        let given = columns.filter_map(|column| Some((column, self.get(column.name)?)));
        Fields::new(
            given
                .map(|(column, json)| self.read(column, json, Purpose::Create))
                .collect(),
        )
    }

    /// The fields to change: flat, in `updates`, or both; null clears.
    pub(crate) fn updates(&self) -> Result<Fields, Refusal> {
        let legal: Vec<_> = self
            .tool
            .entity
            .columns()
            .iter()
            .filter(|column| is_updatable(column))
            .collect();
        let nested = self.nested("updates", &legal)?;
        let fields = self.merged(&legal, nested, Purpose::Update)?;
        if fields.is_empty() {
            let names = spelling::listed(legal.iter().map(|column| column.name));
            let message = format!("There is nothing to change; give one or more of {names}.");
            return Err(Refusal::new(Code::NothingToUpdate, "updates", message));
        }
        Ok(fields)
    }

    /// The fields to search by: flat, in `criteria`, or both; null is as good as nothing.
    pub(crate) fn criteria(&self) -> Result<Fields, Refusal> {
        let legal: Vec<_> = self.tool.entity.columns().iter().collect();
        let nested = self.nested("criteria", &legal)?;
        self.merged(&legal, nested, Purpose::Search)
    }

    fn read(&self, column: &'static Column, json: &Json, purpose: Purpose) -> Field {
        let value = match json {
            Json::Null => Ok(crate::Value::Null),
            json => field::read(column, json, purpose, self.context),
        };
        Field { column, value }
    }

    /// An object of fields within the arguments, with known names only.
    fn nested(
        &self,
        name: &str,
        legal: &[&'static Column],
    ) -> Result<Option<&'a Map<String, Json>>, Refusal> {
        let object = match self.get(name) {
            None => return Ok(None),
            Some(Json::Object(object)) => object,
            Some(other) => return Err(wrong_type(name, other, "an object of fields and values")),
        };
        let names: Vec<_> = legal.iter().map(|column| column.name).collect();
        match object.keys().find(|given| !names.contains(&given.as_str())) {
            Some(unknown) => Err(unknown_name(self.tool, unknown, &names)),
            None => Ok(Some(object)),
        }
    }

    fn merged(
        &self,
        legal: &[&'static Column],
        nested: Option<&Map<String, Json>>,
        purpose: Purpose,
    ) -> Result<Fields, Refusal> {
        let counts = |json: &&Json| purpose == Purpose::Update || !json.is_null();
        let mut fields = Vec::new();
        for column in legal.iter().copied() {
            let flat = self.given.get(column.name).filter(counts);
            let inner = nested
                .and_then(|nested| nested.get(column.name))
                .filter(counts);
            let Some(json) = flat.or(inner) else {
                continue;
            };
            let field = self.read(column, json, purpose);
            if let (Some(_), Some(inner)) = (flat, inner)
                && self.read(column, inner, purpose) != field
            {
                let message = format!("`{}` is given twice, with different values.", column.name);
                return Err(Refusal::new(
                    Code::ConflictingArgument,
                    column.name,
                    message,
                ));
            }
            if json.is_null() && column.required {
                let message = format!("`{}` cannot be empty; give it a value.", column.name);
                return Err(Refusal::new(Code::MissingArgument, column.name, message));
            }
            fields.push(field);
        }
        Ok(Fields::new(fields))
    }
}

fn unknown_name(tool: &Tool, given: &str, legal: &[&str]) -> Refusal {
    let shown = spelling::quoted(given);
    let fixed = |column: &Column| matches!(column.kind, Kind::Id | Kind::Timestamp);
    let why = match tool.entity.column(given) {
        Some((_, column)) if fixed(column) => {
            format!("{shown} cannot be changed or chosen: the CRM sets it.")
        }
        _ => match spelling::meant(given, legal) {
            Some(nearest) => format!(
                "{} has no field {shown}; did you mean `{nearest}`?",
                tool.name
            ),
            None => format!("{} has no field {shown}.", tool.name),
        },
    };
    let takes = match legal {
        [] => "It takes no arguments.".to_owned(),
        names => format!("It takes {}.", spelling::listed(names.iter().copied())),
    };
    Refusal::new(
        Code::UnknownArgument,
        spelling::cut(given),
        format!("{why} {takes}"),
    )
}

fn check_size(given: &Map<String, Json>) -> Result<(), Refusal> {
    match serde_json::to_writer(Allowance(BYTES_MAX), given) {
        Ok(()) => Ok(()),
        Err(_) => {
            let message = format!("The arguments are more than {BYTES_MAX} bytes of JSON.");
            Err(Refusal::new(Code::TooMany, "", message))
        }
    }
}

/// A writer that keeps nothing and fails once it has been given more than its allowance.
struct Allowance(usize);

impl io::Write for Allowance {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_sub(bytes.len())
            .ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
