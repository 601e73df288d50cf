//! The oracle's episode, held against what the task says and what an agent can know.

use std::collections::BTreeSet;

use proctor_crm::{Entity, Tool};
use proctor_host::{
    Action, ExpectedChange, Fact, Observation, Pattern, ToolCall, entity_from_wire, value_to_wire,
    wire,
};
use serde_json::Value as Json;

use super::arguments::{Role, leaves};
use super::catalog::Catalog;
use super::knowledge::Knowledge;
use super::mention::{Mentions, is_uuid};
use super::placeholder::placeholder;
use super::report::Rule;
use super::stage::Played;
use crate::env::Step;
use crate::suite::{Suite, Task};

/// What is being proved, and what was found wrong.
pub(super) struct Proof<'a> {
    pub(super) suite: &'a Suite,
    pub(super) task: &'a Task,
    pub(super) catalog: &'a Catalog<'a>,
    pub(super) found: Vec<(Rule, String)>,
}

impl Proof<'_> {
    fn wrong(&mut self, rule: Rule, message: impl Into<String>) {
        let finding = (rule, message.into());
        // The same value is often demanded twice, such as by an argument of two calls.
        if !self.found.contains(&finding) {
            self.found.push(finding);
        }
    }

    /// The oracle passes, and each call is accepted or refused as the task says.
    pub(super) fn oracle_does_it(&mut self, oracle: &Played) {
        if !oracle.passes() {
            let outcome = oracle.outcome.name();
            self.wrong(
                Rule::OracleFails,
                format!("ends as {outcome}: {}", oracle.why),
            );
        }
        let task = self.task;
        for (at, turn) in task.turns.iter().enumerate() {
            let calls = oracle.steps.iter().filter(|step| step.turn as usize == at);
            let calls = calls.filter_map(|step| match &step.action {
                Action::Call(call) => Some((call, &step.observation)),
                _ => None,
            });
            for ((call, seen), wanted) in calls.zip(&turn.refused) {
                let place = format!("turn {}: {}", at + 1, call.tool);
                match (seen, wanted) {
                    (Some(Observation::Refused(refusal)), None) => {
                        self.wrong(Rule::OracleCall, format!("{place} is refused: {refusal}"));
                    }
                    (Some(Observation::Refused(refusal)), Some(code)) if refusal.code != *code => {
                        let message =
                            format!("{place} must be refused with {code}, but is with {refusal}");
                        self.wrong(Rule::OracleCall, message);
                    }
                    (Some(Observation::Accepted(_)), Some(code)) => {
                        let message =
                            format!("{place} must be refused with {code}, but is accepted");
                        self.wrong(Rule::OracleCall, message);
                    }
                    _ => {}
                }
            }
        }
        if task.gold.changes.is_empty() && !oracle.changes.is_empty() {
            let count = oracle.changes.len();
            let message = format!("the oracle changes {count} records where nothing may change");
            self.wrong(Rule::OracleFails, message);
        }
    }

    /// Nothing was left unfilled: not in what anybody says, does or expects.
    pub(super) fn nothing_is_left_open(&mut self, oracle: &Played) {
        let task = self.task;
        for (at, turn) in task.turns.iter().enumerate() {
            self.filled(&format!("turn {}: the user says", at + 1), &turn.user);
            for derived in &turn.derived {
                self.filled(&format!("turn {}: derived", at + 1), &derived.value);
            }
        }
        for step in &oracle.steps {
            let turn = format!("turn {}", step.turn + 1);
            match &step.action {
                Action::Answer(words) | Action::Decline(words) => {
                    self.filled(&format!("{turn}: the oracle says"), words);
                }
                Action::Call(call) => {
                    for (path, value) in texts(call) {
                        self.filled(&format!("{turn}: {} {path} is", call.tool), &value);
                    }
                }
            }
        }
        for change in &task.gold.changes {
            for (name, pattern) in cells(change) {
                let parts = match pattern {
                    Pattern::Exactly(wire::Value::Text(text)) => std::slice::from_ref(text),
                    Pattern::Exactly(wire::Value::Texts(parts)) | Pattern::Contains(parts) => parts,
                    _ => continue,
                };
                parts
                    .iter()
                    .for_each(|part| self.filled(&format!("expected {name} is"), part));
            }
        }
        for answer in &task.gold.answers {
            for fact in answer.facts.iter().chain(&answer.other_facts) {
                if let Fact::Text(text) = fact {
                    self.filled(&format!("turn {}: expected fact", answer.turn + 1), text);
                }
            }
        }
        if let Some(refusal) = &task.gold.refusal {
            for part in refusal.decline.iter().flatten() {
                self.filled("expected words", part);
            }
            // No agent can make a call with a reference in it.
            for (path, value) in refusal.call.iter().flat_map(texts) {
                self.filled(&format!("expected to be refused: {path} is"), &value);
            }
        }
    }

    fn filled(&mut self, what: &str, text: &str) {
        if let Some(found) = placeholder(text) {
            self.wrong(Rule::Placeholder, format!("{what} `{found}`"));
        }
    }

    /// Every id that the task writes down is a record's, except where the point is that it isn't.
    pub(super) fn ids_exist(&mut self) {
        let task = self.task;
        if task.negative.is_none() {
            for (at, turn) in task.turns.iter().enumerate() {
                for id in Mentions::in_text(&turn.user).ids {
                    self.exists(&format!("turn {}: the user says", at + 1), &id, None);
                }
            }
        }
        for (scripted, turn) in task.gold.oracle.iter().zip(&task.turns) {
            for (call, refused) in scripted.calls.iter().zip(&turn.refused) {
                let ids = texts(&call.call)
                    .into_iter()
                    .filter(|(_, value)| is_uuid(value));
                for (path, id) in ids.filter(|_| refused.is_none()) {
                    self.exists(&format!("{} {path} is", call.call.tool), &id, None);
                }
            }
        }
        for change in &task.gold.changes {
            match change {
                ExpectedChange::Insert(_) => {}
                ExpectedChange::Update(update) => {
                    let entity = entity_from_wire(update.entity);
                    self.exists("expected update of", &update.id, Some(entity));
                }
                ExpectedChange::Delete(delete) => {
                    let entity = entity_from_wire(delete.entity);
                    self.exists("expected deletion of", &delete.id, Some(entity));
                }
            }
            for (name, pattern) in cells(change) {
                if let Pattern::Exactly(wire::Value::Id(id)) = pattern {
                    self.exists(&format!("expected {name} is"), id, None);
                }
            }
        }
        for answer in &task.gold.answers {
            for id in answer.records.iter().chain(&answer.other_records) {
                self.exists(
                    &format!("turn {}: the answer names", answer.turn + 1),
                    id,
                    None,
                );
            }
        }
    }

    fn exists(&mut self, what: &str, id: &str, entity: Option<Entity>) {
        let found = self.catalog.row(id);
        if found.is_none_or(|row| entity.is_some_and(|entity| row.entity() != entity)) {
            let kind = entity.map_or("record", Entity::name);
            self.wrong(
                Rule::UnknownId,
                format!("{what} {id}, and no {kind} has that id"),
            );
        }
    }

    /// Every value that is demanded was said by the user or shown by a result in time.
    pub(super) fn everything_is_derivable(&mut self, oracle: &Played) {
        let task = self.task;
        let mut known = Knowledge::default();
        let mut turns = task.turns.iter();
        turns.next().into_iter().for_each(|turn| known.hear(turn));
        for step in &oracle.steps {
            match &step.action {
                Action::Call(call) => {
                    let own = self.arguments_are_known(&known, step, call);
                    if let Some(seen) = &step.observation {
                        known.see(seen, &own);
                    }
                }
                Action::Answer(_) | Action::Decline(_) => {
                    self.answer_is_known(&known, step.turn);
                    turns.next().into_iter().for_each(|turn| known.hear(turn));
                }
            }
        }
        self.changes_are_known(&known, oracle);
    }

    /// Checks the arguments of a call; returns the columns that it gives itself to be written.
    fn arguments_are_known(
        &mut self,
        known: &Knowledge,
        step: &Step,
        call: &ToolCall,
    ) -> BTreeSet<String> {
        let mut own = BTreeSet::new();
        let (Ok(tool), Ok(arguments)) = (
            Tool::named(&call.tool),
            serde_json::from_str::<Json>(&call.arguments),
        ) else {
            return own;
        };
        for leaf in leaves(tool, &arguments) {
            let default = matches!(leaf.role, Role::Whole(default) if leaf.value == default);
            if !default && !known.has_json(&leaf.value) {
                let message = format!(
                    "turn {}: {} {} = {}: neither said by the user nor shown by an earlier result",
                    step.turn + 1,
                    call.tool,
                    leaf.path,
                    leaf.value
                );
                self.wrong(Rule::Underivable, message);
            }
            if !tool.annotations.read_only {
                own.extend(
                    leaf.path
                        .rsplit('.')
                        .find(|name| name.parse::<u32>().is_err())
                        .map(Into::into),
                );
            }
        }
        own
    }

    fn answer_is_known(&mut self, known: &Knowledge, turn: u32) {
        let task = self.task;
        for answer in task
            .gold
            .answers
            .iter()
            .filter(|answer| answer.turn == turn)
        {
            let place = format!("turn {}: the answer", turn + 1);
            for id in answer.records.iter().filter(|id| !known.has_shown(id)) {
                let message = format!("{place} must name {id}, which no result showed");
                self.wrong(Rule::Underivable, message);
            }
            for fact in answer.facts.iter().filter(|fact| !known.has_fact(fact)) {
                let message = format!("{place} must state {}, which nothing showed", shown(fact));
                self.wrong(Rule::Underivable, message);
            }
        }
    }

    fn changes_are_known(&mut self, known: &Knowledge, oracle: &Played) {
        let task = self.task;
        let clock = value_to_wire(&proctor_crm::Value::Timestamp(self.suite.now));
        let known_id = |id: &String| known.has_value(&wire::Value::Id(id.clone()));
        for change in &task.gold.changes {
            match change {
                ExpectedChange::Update(update) if !known_id(&update.id) => {
                    let message = format!(
                        "expected update of {}, an id that nothing showed",
                        update.id
                    );
                    self.wrong(Rule::Underivable, message);
                }
                ExpectedChange::Delete(delete)
                    if !known_id(&delete.id) && !follows(oracle, &delete.id) =>
                {
                    let message = format!(
                        "expected deletion of {}, an id that nothing showed",
                        delete.id
                    );
                    self.wrong(Rule::Underivable, message);
                }
                _ => {}
            }
            for (name, pattern) in cells(change) {
                let is_known = match pattern {
                    Pattern::Created(_) => true,
                    Pattern::Contains(parts) => parts.iter().all(|part| known.has_text(part)),
                    Pattern::Exactly(value) => *value == clock || known.has_value(value),
                };
                if !is_known {
                    let message = format!("expected {name} {pattern:?}: neither said nor shown");
                    self.wrong(Rule::Underivable, message);
                }
            }
        }
    }
}

/// Whether a record changed because of a call about another one, such as what hangs on a record
/// that is deleted: nobody needs to know its id.
fn follows(oracle: &Played, id: &str) -> bool {
    oracle.steps.iter().any(|step| match &step.action {
        Action::Call(call) => {
            !call.arguments.contains(id)
                && step
                    .changes
                    .iter()
                    .any(|change| change.id().to_string() == id)
        }
        _ => false,
    })
}

fn cells(change: &ExpectedChange) -> impl Iterator<Item = (&str, &Pattern)> {
    let cells = match change {
        ExpectedChange::Insert(insert) => insert.cells.as_slice(),
        ExpectedChange::Update(update) => update.cells.as_slice(),
        ExpectedChange::Delete(_) => &[],
    };
    cells.iter().map(|cell| (cell.name.as_str(), &cell.pattern))
}

/// Every text within a call's arguments, with the way to it.
fn texts(call: &ToolCall) -> Vec<(String, String)> {
    let (Ok(tool), Ok(arguments)) = (
        Tool::named(&call.tool),
        serde_json::from_str::<Json>(&call.arguments),
    ) else {
        return Vec::new();
    };
    let text = |json: &Json| json.as_str().map(str::to_owned);
    leaves(tool, &arguments)
        .into_iter()
        .filter_map(|leaf| Some((leaf.path, text(&leaf.value)?)))
        .collect()
}

fn shown(fact: &Fact) -> String {
    match fact {
        Fact::Money(cents) => format!("the amount {}.{:02}", cents / 100, (cents % 100).abs()),
        Fact::Count(count) => format!("the number {count}"),
        Fact::Date(date) => format!("the date {date}"),
        Fact::Choice(choice) => format!("the value {}", choice.value),
        Fact::Text(text) => format!("the text {text:?}"),
    }
}
