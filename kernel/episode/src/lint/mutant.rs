//! Wrong ways to do a task: the oracle's script with one thing changed.
//!
//! A negative task can be passed in two ways, by meeting the refusal or by declining in words
//! that carry the reason. Each is judged with the other taken away: mutants of calls decline
//! without a word, and mutants of words don't make the call.

use std::sync::Arc;

use proctor_crm::{Entity, Timestamp, Tool};
use proctor_host::{Action, Fact, ScriptedCall, ScriptedTurn, ToolCall, WireAction};
use serde_json::{Value as Json, json};

use super::arguments::{Leaf, Role, leaves};
use super::catalog::Catalog;
use super::stage::Played;
use super::wrong_value::{wrong_text, wrong_value, wrong_whole};
use crate::canonical;
use crate::env::Step;
use crate::suite::{MutantKind, Task};

/// One wrong way to do a task.
pub(super) struct Mutant {
    /// Its name, unique within the task and the same in every run:
    /// `argument:create_quote:amount@1.2` is the second call of the first turn.
    pub(super) name: String,
    pub(super) kind: MutantKind,
    /// The tool whose call was changed; `answer` or `decline` where it was the closing words.
    pub(super) tool: String,
    pub(super) script: Script,
    /// Which script it is a mutant of.
    pub(super) of: Original,
}

/// A script, ready to be played.
pub(super) type Script = Arc<[ScriptedTurn]>;

/// The script that a mutant was made of, and is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Original {
    /// The oracle's, as it is.
    Oracle,
    /// The oracle's without the words in which it declines.
    Muted,
}

/// Makes the mutants of one task.
pub(super) struct Mutator<'a> {
    pub(super) task: &'a Task,
    pub(super) catalog: &'a Catalog<'a>,
    pub(super) now: Timestamp,
    /// The oracle's episode.
    pub(super) oracle: &'a Played,
}

/// A call of the oracle's, as written and as played.
struct Call<'a> {
    turn: usize,
    at: usize,
    written: &'a ScriptedCall,
    played: &'a ToolCall,
    step: &'a Step,
}

impl Call<'_> {
    fn tool(&self) -> &str {
        Tool::named(&self.played.tool).map_or(&self.played.tool, |tool| tool.name)
    }
}

impl Mutator<'_> {
    /// All mutants, in a fixed order.
    pub(super) fn all(&self) -> Vec<Mutant> {
        let calls = self.calls();
        let mut mutants = Vec::new();
        mutants.extend(calls.iter().map(|call| self.without(call)));
        for call in &calls {
            self.with_wrong_arguments(call, &mut mutants);
        }
        // A call that changes nothing is no write.
        let writes = calls.iter().filter(|call| !call.step.changes.is_empty());
        mutants.extend(writes.map(|call| self.twice(call)));
        for turn in 0..self.task.gold.oracle.len() {
            self.with_collateral(turn, &mut mutants);
        }
        self.with_wrong_words(&mut mutants);
        mutants
    }

    /// The script that mutants of calls are made of.
    pub(super) fn original(&self) -> (Original, Vec<ScriptedTurn>) {
        let mut script = self.task.gold.oracle.to_vec();
        let refused = self
            .task
            .gold
            .refusal
            .as_ref()
            .is_some_and(|refusal| refusal.code.is_some());
        if !refused {
            return (Original::Oracle, script);
        }
        for turn in &mut script {
            if let WireAction::Decline(words) = &mut turn.closing {
                words.clear();
            }
        }
        (Original::Muted, script)
    }

    fn calls(&self) -> Vec<Call<'_>> {
        let mut calls = Vec::new();
        for (turn, scripted) in self.task.gold.oracle.iter().enumerate() {
            let of_turn = self
                .oracle
                .steps
                .iter()
                .filter(|step| step.turn as usize == turn);
            let played = of_turn.filter_map(|step| match &step.action {
                Action::Call(call) => Some((call, step)),
                _ => None,
            });
            let both = scripted.calls.iter().zip(played).enumerate();
            calls.extend(both.map(|(at, (written, (played, step)))| Call {
                turn,
                at,
                written,
                played,
                step,
            }));
        }
        calls
    }

    /// A mutant of a call's: `change` is what makes it wrong.
    fn mutant(
        &self,
        kind: MutantKind,
        call: &Call<'_>,
        what: &str,
        change: impl FnOnce(&mut Vec<ScriptedCall>),
    ) -> Mutant {
        let (of, mut script) = self.original();
        if let Some(turn) = script.get_mut(call.turn) {
            change(&mut turn.calls);
        }
        let (tool, turn, at) = (call.tool(), call.turn + 1, call.at + 1);
        let name = format!("{}:{tool}{what}@{turn}.{at}", kind.name());
        Mutant {
            name,
            kind,
            tool: tool.to_owned(),
            script: script.into(),
            of,
        }
    }

    fn without(&self, call: &Call<'_>) -> Mutant {
        self.mutant(MutantKind::Drop, call, "", |calls| {
            calls.remove(call.at);
        })
    }

    fn twice(&self, call: &Call<'_>) -> Mutant {
        self.mutant(MutantKind::Duplicate, call, "", |calls| {
            // Without the name, so that later references still mean the first result.
            let again = ScriptedCall {
                id: None,
                call: call.written.call.clone(),
            };
            calls.insert(call.at + 1, again);
        })
    }

    fn with_wrong_arguments(&self, call: &Call<'_>, mutants: &mut Vec<Mutant>) {
        let parsed = |call: &ToolCall| serde_json::from_str::<Json>(&call.arguments);
        let (Ok(tool), Ok(written), Ok(played)) = (
            Tool::named(&call.played.tool),
            parsed(&call.written.call),
            parsed(call.played),
        ) else {
            return;
        };
        for leaf in leaves(tool, &played) {
            let Some((kind, wrong)) = self.wrong(&leaf, &played) else {
                continue;
            };
            let mut arguments = written.clone();
            match arguments.pointer_mut(&leaf.pointer) {
                Some(place) => *place = wrong,
                // A reference that stands for a list as a whole has no such place.
                None => continue,
            }
            mutants.push(
                self.mutant(kind, call, &format!(":{}", leaf.path), |calls| {
                    if let Some(changed) = calls.get_mut(call.at) {
                        changed.call.arguments = canonical::to_string(&arguments);
                    }
                }),
            );
        }
    }

    fn wrong(&self, leaf: &Leaf, arguments: &Json) -> Option<(MutantKind, Json)> {
        let argument = |value| Some((MutantKind::Argument, value));
        match leaf.role {
            Role::Key(entity) => self.other_record(entity, &leaf.value),
            Role::Column(column) if column.kind == proctor_crm::Kind::Subject => {
                let beside = arguments.get("entity_type").and_then(Json::as_str);
                let entity = leaf.value.as_str().and_then(|id| self.catalog.row(id));
                let entity = entity
                    .map(|row| row.entity())
                    .or_else(|| Entity::from_name(beside?));
                self.other_record(entity?, &leaf.value)
            }
            Role::Column(column) => argument(wrong_value(column, &leaf.value, self.now)),
            Role::Whole(_) => argument(wrong_whole(&leaf.value)),
            Role::Unknown => argument(wrong_text()),
        }
    }

    /// Another record of the entity: preferably one that the agent has seen, since that is the
    /// one it might mistake for the right one.
    fn other_record(&self, entity: Entity, right: &Json) -> Option<(MutantKind, Json)> {
        let right = right.as_str().unwrap_or_default();
        let rows = self
            .oracle
            .steps
            .iter()
            .filter_map(|step| match &step.observation {
                Some(proctor_host::Observation::Accepted(result)) => Some(&result.rows),
                _ => None,
            });
        let seen = rows
            .flatten()
            .filter(|row| row.entity() == entity)
            .map(|row| row.id().to_string())
            .find(|id| id != right && self.catalog.has(id));
        let other = seen.or_else(|| Some(self.catalog.next(entity, right)?.to_string()))?;
        Some((MutantKind::Target, json!(other)))
    }

    /// Writes that nobody asked for, right before the closing words of a turn.
    fn with_collateral(&self, turn: usize, mutants: &mut Vec<Mutant>) {
        let touched = |id: &str| {
            self.oracle.changes.iter().any(|change| {
                let row = change.after().or(change.before());
                row.is_some_and(|row| row.values().iter().any(|value| value.to_string() == id))
            })
        };
        let untouched = |entity| {
            let mut ids = self
                .catalog
                .of_entity(entity)
                .map(|row| row.id().to_string());
            ids.find(|id| !touched(id))
        };
        let mut writes = vec![(
            "create_new_client",
            json!({
                "name": "Nobody Asked For Ltd", "email": "nobody@asked-for.example",
                "status": "Prospect",
            }),
        )];
        if let Some(id) = untouched(Entity::Client) {
            let content = "Nobody asked for this.";
            writes.push((
                "add_note",
                json!({ "entity_type": "Client", "entity_id": id, "content": content }),
            ));
        }
        if let Some(id) = untouched(Entity::Contact) {
            let title = "Nobody Asked For This";
            writes.push((
                "modify_contact",
                json!({ "contact_id": id, "title": title }),
            ));
        }
        if let Some(id) = untouched(Entity::Quote) {
            writes.push(("delete_quote", json!({ "quote_id": id })));
        }
        for (tool, arguments) in writes {
            let kind = MutantKind::Collateral;
            let name = format!("{}:{tool}@{}", kind.name(), turn + 1);
            let mut script = self.task.gold.oracle.to_vec();
            if let Some(turn) = script.get_mut(turn) {
                let arguments = canonical::to_string(&arguments);
                let call = ToolCall {
                    tool: tool.into(),
                    arguments,
                };
                turn.calls.push(ScriptedCall { id: None, call });
            }
            let (tool, of) = (tool.to_owned(), Original::Oracle);
            mutants.push(Mutant {
                name,
                kind,
                tool,
                script: script.into(),
                of,
            });
        }
    }

    /// Closing words that say nothing, or something wrong, where something right is demanded.
    fn with_wrong_words(&self, mutants: &mut Vec<Mutant>) {
        let gold = &self.task.gold;
        for expected in &gold.answers {
            let turn = expected.turn as usize;
            let Some(words) = self.words(turn) else {
                continue;
            };
            let mut say = |what: String, words: String| {
                mutants.push(self.saying(turn, "answer", &what, WireAction::Answer(words)));
            };
            say(String::new(), String::new());
            for id in &expected.records {
                let entity = self.catalog.row(id).map(|row| row.entity());
                let other = entity.and_then(|entity| self.other_record(entity, &json!(id)));
                if let Some((_, Json::String(other))) = other
                    && words.contains(id.as_str())
                {
                    say(format!(":{id}"), words.replace(id.as_str(), &other));
                }
            }
            for (at, fact) in expected.facts.iter().enumerate() {
                let (right, wrong) = contradicted(fact);
                let changed = replace_word(&words, &right, &wrong);
                if changed != words {
                    say(format!(":fact {}", at + 1), changed);
                }
            }
        }
        if gold.refusal.is_some() {
            let declines = |turn: &ScriptedTurn| matches!(turn.closing, WireAction::Decline(_));
            for turn in (0..gold.oracle.len()).filter(|turn| declines(&gold.oracle[*turn])) {
                let silent = WireAction::Decline(String::new());
                mutants.push(self.saying(turn, "decline", "", silent));
                let words = self.words(turn).unwrap_or_default();
                let said = WireAction::Answer(words);
                mutants.push(self.saying(turn, "decline", ":as answer", said));
            }
        }
    }

    /// What the oracle said in the end of a turn.
    fn words(&self, turn: usize) -> Option<String> {
        let mut of_turn = self
            .oracle
            .steps
            .iter()
            .filter(|step| step.turn as usize == turn);
        of_turn.find_map(|step| match &step.action {
            Action::Answer(words) | Action::Decline(words) => Some(words.clone()),
            Action::Call(_) => None,
        })
    }

    fn saying(&self, turn: usize, tool: &str, what: &str, closing: WireAction) -> Mutant {
        let kind = MutantKind::Drop;
        let mut script = self.task.gold.oracle.to_vec();
        if tool == "decline" {
            for (turn, told) in script.iter_mut().zip(&self.task.turns) {
                let mut refused = told.refused.iter();
                turn.calls
                    .retain(|_| refused.next().is_none_or(Option::is_none));
            }
        }
        if let Some(turn) = script.get_mut(turn) {
            turn.closing = closing;
        }
        Mutant {
            name: format!("{}:{tool}{what}@{}", kind.name(), turn + 1),
            kind,
            tool: tool.to_owned(),
            script: script.into(),
            of: Original::Oracle,
        }
    }
}

/// A fact as the oracle is likely to have said it, and another in its place.
fn contradicted(fact: &Fact) -> (String, String) {
    let money = |cents: i64| format!("{}.{:02}", cents / 100, (cents % 100).abs());
    match fact {
        Fact::Money(cents) => (money(*cents), money(cents + 100)),
        Fact::Count(count) => (count.to_string(), (count + 1).to_string()),
        Fact::Date(date) => {
            let next: Option<proctor_crm::Date> = date.parse().ok();
            let next = next.and_then(|date| date.tomorrow().ok());
            (
                date.clone(),
                next.map_or_else(|| "2031-01-31".into(), |date| date.to_string()),
            )
        }
        Fact::Choice(choice) => {
            let other = choice.legal.iter().find(|legal| **legal != choice.value);
            (choice.value.clone(), other.cloned().unwrap_or_default())
        }
        Fact::Text(text) => (text.clone(), "something else".into()),
    }
}

/// Replaces words that don't stand within longer ones.
fn replace_word(text: &str, right: &str, wrong: &str) -> String {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '-');
    let mut changed = String::with_capacity(text.len());
    let mut done = 0;
    for (at, found) in text.match_indices(right).filter(|_| !right.is_empty()) {
        let end = at + found.len();
        let before = text[..at].chars().next_back();
        if is_part(before) || is_part(text[end..].chars().next()) {
            continue;
        }
        changed.push_str(&text[done..at]);
        changed.push_str(wrong);
        done = end;
    }
    changed.push_str(&text[done..]);
    changed
}
