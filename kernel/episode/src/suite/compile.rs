//! From what a person wrote to what an episode needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use proctor_crm::{Code, Column, Entity, Kind, Money, Timestamp, Tool, Value};
use proctor_host::wire;
use proctor_host::{
    Choice, ExpectedAnswer, ExpectedCell, ExpectedChange, ExpectedDelete, ExpectedInsert,
    ExpectedRefusal, ExpectedUpdate, Fact, Gold, Pattern, ScriptedTurn, ToolCall, value_to_wire,
};

use super::file::{
    AnswerEntry, CallEntry, ExpectEntry, FactEntry, InsertEntry, RefusalEntry, TaskEntry, TurnEntry,
};
use super::{Derived, Task, Turn};
use crate::error::{Source, SuiteError};
use crate::records::{self, Names};
use crate::script;

/// Compiles the tasks of one file.
pub(super) struct Compiler<'a> {
    pub(super) source: Source<'a>,
    pub(super) names: &'a Names,
    pub(super) now: Timestamp,
}

/// Keys of the new records that a task expects, each with its entity.
type Created<'a> = BTreeMap<&'a str, Entity>;

impl Compiler<'_> {
    pub(super) fn task(&self, entry: &TaskEntry) -> Result<Task, SuiteError> {
        let at = entry.id.span().start;
        let id = entry.id.get_ref();
        let wrong = |message: String| self.source.error(at, format!("task `{id}`: {message}"));
        self.kind(entry)?;
        let mut names = self.names.clone();
        records::declare(self.source, &entry.setup, &mut names)?;
        let setup = records::rows(self.source, &entry.setup, &names)?;
        let inner = Compiler {
            names: &names,
            source: self.source,
            now: self.now,
        };
        if entry.turn.is_empty() {
            return Err(wrong("has no turn".into()));
        }
        let gold = match (&entry.sealed, entry.tells()) {
            (None, _) => inner.gold(entry)?,
            (Some(_), None) => Gold::default(),
            (Some(_), Some(key)) => {
                return Err(wrong(format!("is sealed, and says all the same `{key}`")));
            }
        };
        let turns = entry
            .turn
            .iter()
            .map(|turn| inner.turn(turn))
            .collect::<Result<_, _>>()?;
        let line = self.source.error(at, "").at.map_or(0, |(line, _)| line);
        Ok(Task {
            id: id.clone(),
            kind: entry.kind.get_ref().clone(),
            split: entry.split,
            negative: entry.negative.clone(),
            read_only: entry.read_only.clone(),
            setup,
            turns,
            sealed: entry.sealed.is_some(),
            gold: Arc::new(gold),
            digest: entry.digest(&self.source)?,
            source: format!("{}:{line}", self.source.path.display()),
        })
    }

    /// What counts as done, and the oracle.
    fn gold(&self, entry: &TaskEntry) -> Result<Gold, SuiteError> {
        let (at, id) = (entry.id.span().start, entry.id.get_ref());
        let wrong = |message: String| self.source.error(at, format!("task `{id}`: {message}"));
        if entry.negative.is_some() != entry.expect.refusal.is_some() {
            return Err(wrong(
                "`negative` and `expect.refusal` belong together".into(),
            ));
        }
        script::check_references(self.source, &entry.turn)?;
        let oracle = entry
            .turn
            .iter()
            .map(|turn| self.scripted(turn))
            .collect::<Result<Vec<ScriptedTurn>, _>>()?;
        let changes = self.changes(&entry.expect).map_err(&wrong)?;
        if changes.is_empty() && entry.negative.is_none() && entry.read_only.is_none() {
            return Err(wrong("expects no change: say why in `read_only`".into()));
        }
        let refusal = match &entry.expect.refusal {
            Some(refusal) => Some(self.refusal(refusal, entry)?),
            None => None,
        };
        let answers = entry
            .turn
            .iter()
            .enumerate()
            .filter_map(|(turn, of)| of.answer.as_ref().map(|answer| (turn, answer)))
            .filter(|(_, answer)| !answer.records.is_empty() || !answer.facts.is_empty())
            .map(|(turn, answer)| self.answer(turn, answer))
            .collect::<Result<_, _>>()?;
        Ok(Gold {
            changes,
            refusal,
            answers,
            oracle: oracle.into(),
        })
    }

    fn kind(&self, entry: &TaskEntry) -> Result<(), SuiteError> {
        let kind = entry.kind.get_ref();
        Tool::named(kind)
            .map(|_| ())
            .map_err(|refusal| self.source.error(entry.kind.span().start, refusal.message))
    }

    fn turn(&self, entry: &TurnEntry) -> Result<Turn, SuiteError> {
        let user = self.expand(&entry.user)?;
        let mut derived = Vec::new();
        for given in &entry.derived {
            if !user.contains(given.from.get_ref().as_str()) {
                let message = format!("the user doesn't say {:?}", given.from.get_ref());
                return Err(self.source.error(given.from.span().start, message));
            }
            let value = match &given.value {
                toml::Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            derived.push(Derived {
                value,
                from: given.from.get_ref().clone(),
            });
        }
        let refused = entry
            .call
            .iter()
            .map(|call| {
                call.refused
                    .as_ref()
                    .map(|code| self.code(code))
                    .transpose()
            })
            .collect::<Result<_, _>>()?;
        Ok(Turn {
            user,
            derived,
            refused,
        })
    }

    /// Replaces `{@entity.key}` by the record's id.
    fn expand(&self, text: &toml::Spanned<String>) -> Result<String, SuiteError> {
        let mut expanded = String::new();
        let mut rest = text.get_ref().as_str();
        while let Some(start) = rest.find("{@") {
            let Some(length) = rest[start..].find('}') else {
                break;
            };
            let reference = &rest[start + 1..start + length];
            let id = match self.names.resolve(reference) {
                Some(Ok((_, id))) => id,
                Some(Err(message)) => {
                    return Err(self.source.error(text.span().start, message));
                }
                None => {
                    let message = format!("`{reference}` is no reference to a record");
                    return Err(self.source.error(text.span().start, message));
                }
            };
            expanded.push_str(&rest[..start]);
            expanded.push_str(&id.to_string());
            rest = &rest[start + length + 1..];
        }
        expanded.push_str(rest);
        Ok(expanded)
    }

    fn code(&self, name: &toml::Spanned<String>) -> Result<Code, SuiteError> {
        Code::from_name(name.get_ref()).ok_or_else(|| {
            let known: Vec<&str> = Code::ALL.iter().map(|code| code.name()).collect();
            let message = format!(
                "`{}` is no refusal code; they are {}",
                name.get_ref(),
                known.join(", ")
            );
            self.source.error(name.span().start, message)
        })
    }

    fn scripted(&self, turn: &TurnEntry) -> Result<ScriptedTurn, SuiteError> {
        let calls = turn
            .call
            .iter()
            .map(|call| {
                Ok(proctor_host::ScriptedCall {
                    id: call.id.as_ref().map(|id| id.get_ref().clone()),
                    call: self.tool_call(call)?,
                })
            })
            .collect::<Result<_, SuiteError>>()?;
        let closing = match (&turn.answer, &turn.decline) {
            (Some(answer), None) => script::answer(answer.text.get_ref()),
            (None, Some(words)) => script::decline(words),
            _ => {
                let message = "a turn closes with either `answer` or `decline`";
                return Err(self.source.error(turn.user.span().start, message));
            }
        };
        Ok(ScriptedTurn { calls, closing })
    }

    fn tool_call(&self, call: &CallEntry) -> Result<ToolCall, SuiteError> {
        let at = call.tool.span().start;
        Tool::named(call.tool.get_ref())
            .map_err(|refusal| self.source.error(at, refusal.message))?;
        let arguments = script::arguments(&call.arguments, &|text| self.names.resolve(text))
            .map_err(|message| self.source.error(at, message))?;
        Ok(ToolCall {
            tool: call.tool.get_ref().clone(),
            arguments,
        })
    }

    fn changes(&self, expect: &ExpectEntry) -> Result<Vec<ExpectedChange>, String> {
        let mut created = Created::new();
        for insert in &expect.insert {
            let entity = entity(&insert.entity)?;
            if created.insert(insert.key.get_ref(), entity).is_some() {
                return Err(format!(
                    "two new records have the key `{}`",
                    insert.key.get_ref()
                ));
            }
        }
        let mut changes = Vec::new();
        for insert in &expect.insert {
            changes.push(ExpectedChange::Insert(self.insert(insert, &created)?));
        }
        for update in &expect.update {
            let (entity, id) = self.record(update.record.get_ref())?;
            let cells = self.cells(entity, &update.set, &created)?;
            let entity = wire_entity(entity);
            changes.push(ExpectedChange::Update(ExpectedUpdate { entity, id, cells }));
        }
        for delete in &expect.delete {
            let (entity, id) = self.record(delete.record.get_ref())?;
            let entity = wire_entity(entity);
            changes.push(ExpectedChange::Delete(ExpectedDelete { entity, id }));
        }
        // Parents before what refers to them, so that a verifier can follow `@new` as it goes.
        changes.sort_by_key(|change| match change {
            ExpectedChange::Insert(insert) => insert.entity as u8,
            _ => u8::MAX,
        });
        Ok(changes)
    }

    fn insert(&self, entry: &InsertEntry, created: &Created<'_>) -> Result<ExpectedInsert, String> {
        let of = entity(&entry.entity)?;
        let mut cells = self.cells(of, &entry.row, created)?;
        for column in of
            .columns()
            .iter()
            .filter(|column| column.kind == Kind::Timestamp)
        {
            if !entry.row.contains_key(column.name) {
                cells.push(ExpectedCell {
                    name: column.name.to_owned(),
                    pattern: Pattern::Exactly(value_to_wire(&Value::Timestamp(self.now))),
                });
            }
        }
        let missing = of.columns()[1..]
            .iter()
            .find(|column| column.required && !cells.iter().any(|cell| cell.name == column.name));
        if let Some(column) = missing {
            let key = entry.key.get_ref();
            return Err(format!(
                "the new {} `{key}` has no {}",
                of.name(),
                column.name
            ));
        }
        Ok(ExpectedInsert {
            key: entry.key.get_ref().clone(),
            entity: wire_entity(of),
            cells,
        })
    }

    fn cells(
        &self,
        of: Entity,
        table: &toml::Table,
        created: &Created<'_>,
    ) -> Result<Vec<ExpectedCell>, String> {
        table
            .iter()
            .map(|(name, value)| {
                let (_, column) = records::column(of, name)?;
                let pattern = self
                    .pattern(column, value, created)
                    .map_err(|message| format!("{name}: {message}"))?;
                Ok(ExpectedCell {
                    name: name.clone(),
                    pattern,
                })
            })
            .collect()
    }

    fn pattern(
        &self,
        column: &Column,
        value: &toml::Value,
        created: &Created<'_>,
    ) -> Result<Pattern, String> {
        match value {
            toml::Value::String(text) if text.starts_with("@new.") => {
                let key = &text["@new.".len()..];
                let of = created
                    .get(key)
                    .ok_or(format!("no new record has the key `{key}`"))?;
                match column.kind {
                    Kind::Subject => Ok(Pattern::Created(key.to_owned())),
                    Kind::Reference(wanted) if wanted == *of => {
                        Ok(Pattern::Created(key.to_owned()))
                    }
                    _ => Err(format!("cannot hold the id of a {}", of.name())),
                }
            }
            toml::Value::Table(table) => match (table.get("contains"), table.len()) {
                (Some(toml::Value::Array(parts)), 1) if column.kind.is_text() => {
                    let parts: Option<Vec<String>> = parts
                        .iter()
                        .map(|part| part.as_str().map(str::to_owned))
                        .collect();
                    let parts =
                        parts.filter(|parts| parts.iter().any(|part| !part.trim().is_empty()));
                    parts
                        .map(Pattern::Contains)
                        .ok_or("`contains` takes a list of texts".into())
                }
                _ => Err("expected a value, or { contains = [\"…\"] } for free text".into()),
            },
            // An expectation may say that a column is emptied.
            toml::Value::String(text) if text.is_empty() && !column.required => {
                Ok(Pattern::Exactly(wire::Value::Absent))
            }
            value => {
                let value = records::cell(column, value, self.names)?;
                Ok(Pattern::Exactly(value_to_wire(&value)))
            }
        }
    }

    fn record(&self, reference: &str) -> Result<(Entity, String), String> {
        match self.names.resolve(reference) {
            Some(found) => found.map(|(entity, id)| (entity, id.to_string())),
            None => Err(format!("`{reference}` is no reference to a record")),
        }
    }

    fn refusal(
        &self,
        entry: &RefusalEntry,
        task: &TaskEntry,
    ) -> Result<ExpectedRefusal, SuiteError> {
        let at = task.id.span().start;
        let code = entry
            .code
            .as_ref()
            .map(|code| self.code(code))
            .transpose()?;
        let refused = task
            .turn
            .iter()
            .flat_map(|turn| &turn.call)
            .find(|call| call.refused.is_some())
            .map(|call| self.refused_call(call, entry))
            .transpose()?;
        if code.is_some() != refused.is_some() {
            let message = "`expect.refusal.code` and a call that is `refused` belong together";
            return Err(self.source.error(at, message));
        }
        if entry.decline.iter().any(Vec::is_empty) || entry.decline.is_empty() {
            let message = "`expect.refusal.decline` says what an agent that declines must say";
            return Err(self.source.error(at, message));
        }
        Ok(ExpectedRefusal {
            code: code.map(|code| code.name().to_owned()),
            field: entry.field.clone(),
            call: refused,
            decline: entry.decline.clone(),
        })
    }

    /// The refused call as any agent would make it: with the ids themselves where the oracle
    /// refers to what it looked up.
    fn refused_call(&self, call: &CallEntry, entry: &RefusalEntry) -> Result<ToolCall, SuiteError> {
        let at = call.tool.span().start;
        let mut stands_for = entry.arguments.clone();
        let mut literal = call.arguments.clone();
        script::settle(&mut literal, &mut stands_for)
            .map_err(|message| self.source.error(at, message))?;
        if let Some((name, _)) = stands_for.iter().next() {
            let message = format!("`expect.refusal.arguments.{name}` stands for no reference");
            return Err(self.source.error(at, message));
        }
        let arguments = script::arguments(&literal, &|text| self.names.resolve(text))
            .map_err(|message| self.source.error(at, message))?;
        Ok(ToolCall {
            tool: call.tool.get_ref().clone(),
            arguments,
        })
    }

    fn answer(&self, turn: usize, entry: &AnswerEntry) -> Result<ExpectedAnswer, SuiteError> {
        let wrong = |message: String| self.source.error(entry.text.span().start, message);
        let ids = |records: &[String]| {
            records
                .iter()
                .map(|record| self.record(record).map(|(_, id)| id))
                .collect::<Result<Vec<_>, _>>()
        };
        let facts = |facts: &[FactEntry]| facts.iter().map(fact).collect::<Result<Vec<_>, _>>();
        Ok(ExpectedAnswer {
            turn: u32::try_from(turn).unwrap_or(u32::MAX),
            records: ids(&entry.records).map_err(wrong)?,
            facts: facts(&entry.facts).map_err(wrong)?,
            other_records: ids(&entry.may_mention.records).map_err(wrong)?,
            other_facts: facts(&entry.may_mention.facts).map_err(wrong)?,
        })
    }
}

fn entity(name: &str) -> Result<Entity, String> {
    Entity::from_name(name).ok_or_else(|| {
        let legal: Vec<&str> = Entity::ALL.iter().map(|entity| entity.name()).collect();
        format!("`{name}` is no entity; they are {}", legal.join(", "))
    })
}

fn wire_entity(entity: Entity) -> wire::Entity {
    proctor_host::entity_to_wire(entity)
}

fn fact(entry: &FactEntry) -> Result<Fact, String> {
    let given = [
        entry.money.is_some(),
        entry.count.is_some(),
        entry.date.is_some(),
        entry.choice.is_some(),
        entry.text.is_some(),
    ];
    if given.iter().filter(|given| **given).count() != 1 {
        return Err("a fact has exactly one of money, count, date, choice and text".into());
    }
    if let Some(amount) = &entry.money {
        let amount: Money = amount.parse().map_err(|error| format!("money: {error}"))?;
        return Ok(Fact::Money(amount.cents()));
    }
    if let Some(count) = entry.count {
        return Ok(Fact::Count(count));
    }
    if let Some(date) = &entry.date {
        let date = Value::parse(Kind::Date, date).map_err(|error| format!("date: {error}"))?;
        return Ok(Fact::Date(date.to_string()));
    }
    if let Some(text) = &entry.text {
        return Ok(Fact::Text(text.clone()));
    }
    let value = entry.choice.clone().unwrap_or_default();
    let legal = entry
        .column
        .as_deref()
        .and_then(choice_column)
        .ok_or("a choice names its `column`, as in \"Opportunity.stage\"")?;
    if !legal.contains(&value.as_str()) {
        return Err(format!("{value:?} is none of {}", legal.join(", ")));
    }
    let legal = legal.iter().map(|value| (*value).to_owned()).collect();
    Ok(Fact::Choice(Choice { value, legal }))
}

fn choice_column(name: &str) -> Option<&'static [&'static str]> {
    let (of, column) = name.split_once('.')?;
    match Entity::from_name(of)?.column(column)?.1.kind {
        Kind::Choice(legal) => Some(legal),
        _ => None,
    }
}
