//! The files of a suite, as people write them. The published JSON Schemas are made from these
//! types.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::{MutantKind, Split};
use crate::records::Tables;

/// `suite.toml`: what the suite is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuiteFile {
    /// Name of the suite: that of its folder.
    #[schemars(with = "String")]
    pub(crate) name: Spanned<String>,
    /// Raised whenever a task changes.
    pub(crate) version: u32,
    /// What the suite examines, for people.
    pub(crate) description: String,
    /// Folder under `seeds/` with the canonical data.
    #[schemars(with = "String")]
    pub(crate) data: Spanned<String>,
    /// The episodes' clock, RFC 3339 in UTC.
    #[schemars(with = "String")]
    pub(crate) now: Spanned<String>,
    /// How often each task kind occurs at the customer's; the weights of the report.
    #[serde(default)]
    pub(crate) frequency: BTreeMap<String, u64>,
    /// Mutants of oracles that no verifier can or should reject.
    #[serde(default)]
    pub(crate) equivalent: Vec<EquivalentEntry>,
}

/// Mutants that do the same as the oracle, and why.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EquivalentEntry {
    /// Kind of mutant.
    pub(crate) mutant: MutantKind,
    /// Tools whose calls it applies to.
    pub(crate) tools: Vec<String>,
    /// Tasks it applies to; all, if none is named.
    #[serde(default)]
    pub(crate) tasks: Vec<String>,
    /// Why the mutant is right too.
    pub(crate) why: String,
}

/// Any other file of a suite: tasks.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TasksFile {
    /// The tasks.
    pub(crate) task: Vec<TaskEntry>,
}

/// One task.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskEntry {
    /// Unique in the suite; a-z, 0-9 and hyphen.
    #[schemars(with = "String")]
    pub(crate) id: Spanned<String>,
    /// Task kind, by tool name.
    #[schemars(with = "String")]
    pub(crate) kind: Spanned<String>,
    /// What the task may be used for.
    pub(crate) split: Split,
    /// The whole task's digest, where what counts as done was taken out of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) sealed: Option<Spanned<String>>,
    /// The kind of failure, where the right act is a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) negative: Option<String>,
    /// Why nothing changes, where nothing must and the task isn't negative.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) read_only: Option<String>,
    /// Records beyond the canonical data, by entity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(with = "BTreeMap<String, Vec<BTreeMap<String, serde_json::Value>>>")]
    pub(crate) setup: Tables,
    /// What the user says, and what to do then.
    pub(crate) turn: Vec<TurnEntry>,
    /// What counts as done.
    #[serde(default)]
    pub(crate) expect: ExpectEntry,
}

/// One turn of the user's.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TurnEntry {
    /// What the user says. `{@entity.key}` in it is the id of that record.
    #[schemars(with = "String")]
    pub(crate) user: Spanned<String>,
    /// Values that the words imply without saying them literally.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) derived: Vec<DerivedEntry>,
    /// The oracle's calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) call: Vec<CallEntry>,
    /// The oracle's closing words, and what any right answer must carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<AnswerEntry>,
    /// Or the oracle's words where the right act is to decline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) decline: Option<String>,
}

/// A value that words imply.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DerivedEntry {
    /// The value, as the CRM holds it.
    #[schemars(with = "serde_json::Value")]
    pub(crate) value: toml::Value,
    /// The words, as the user says them.
    #[schemars(with = "String")]
    pub(crate) from: Spanned<String>,
}

/// One call of the oracle.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallEntry {
    /// Name of the call, to refer to its result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) id: Option<Spanned<String>>,
    /// The tool.
    #[schemars(with = "String")]
    pub(crate) tool: Spanned<String>,
    /// Its arguments.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(crate) arguments: toml::Table,
    /// The code with which the CRM must refuse it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) refused: Option<Spanned<String>>,
}

/// An answer.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerEntry {
    /// The oracle's words.
    #[schemars(with = "String")]
    pub(crate) text: Spanned<String>,
    /// Records that any right answer names by id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) records: Vec<String>,
    /// Facts that any right answer states.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) facts: Vec<FactEntry>,
    /// True things that are no contradiction.
    #[serde(default)]
    pub(crate) may_mention: MayMention,
}

/// True things that an honest answer may carry too.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MayMention {
    /// Records.
    #[serde(default)]
    pub(crate) records: Vec<String>,
    /// Facts.
    #[serde(default)]
    pub(crate) facts: Vec<FactEntry>,
}

/// A fact: exactly one of the first five keys.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactEntry {
    /// An amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) money: Option<String>,
    /// A whole number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<i64>,
    /// A date, YYYY-MM-DD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) date: Option<String>,
    /// A value of an enumerated column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) choice: Option<String>,
    /// Words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// The column of a `choice`, as in `Opportunity.stage`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<String>,
}

/// What counts as done.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectEntry {
    /// New records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) insert: Vec<InsertEntry>,
    /// Changed records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) update: Vec<UpdateEntry>,
    /// Records that are gone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) delete: Vec<DeleteEntry>,
    /// How a negative task is passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refusal: Option<RefusalEntry>,
}

/// A new record.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InsertEntry {
    /// Name for it in other expectations: `@new.key`.
    #[schemars(with = "String")]
    pub(crate) key: Spanned<String>,
    /// Its entity, as in `Client`.
    pub(crate) entity: String,
    /// Its columns; those not named are empty, time stamps the episode's clock.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(crate) row: toml::Table,
}

/// A changed record.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UpdateEntry {
    /// Which, as `@entity.key`.
    #[schemars(with = "String")]
    pub(crate) record: Spanned<String>,
    /// The columns that change.
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(crate) set: toml::Table,
}

/// A record that is gone.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeleteEntry {
    /// Which, as `@entity.key`.
    #[schemars(with = "String")]
    pub(crate) record: Spanned<String>,
}

/// How a negative task is passed.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefusalEntry {
    /// The code of the CRM's refusal; absent where no call could even be tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub(crate) code: Option<Spanned<String>>,
    /// The argument it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<String>,
    /// What the references in the refused call's arguments stand for, by argument: `@entity.key`.
    #[serde(default, skip_serializing_if = "toml::Table::is_empty")]
    #[schemars(with = "BTreeMap<String, serde_json::Value>")]
    pub(crate) arguments: toml::Table,
    /// What an agent that declines must say: one of each group.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) decline: Vec<Vec<String>>,
}

/// JSON Schema of `suite.toml`.
#[must_use]
pub fn suite_schema() -> serde_json::Value {
    schemars::schema_for!(SuiteFile).to_value()
}

/// JSON Schema of a file of tasks.
#[must_use]
pub fn tasks_schema() -> serde_json::Value {
    schemars::schema_for!(TasksFile).to_value()
}
