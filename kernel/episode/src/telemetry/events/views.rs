//! Rows, results, changes and log lines as telemetry shows them.

use std::collections::BTreeMap;

use proctor_crm::{Change, Row, ToolResult};
use proctor_host::{Level, LogLine};
use schemars::JsonSchema;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// A row as agents see it, without columns where nothing is recorded.
pub(super) struct RowView<'a>(&'a Row);

impl Serialize for RowView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut cells: Vec<_> = self
            .0
            .cells()
            .filter(|(_, value)| !value.is_null())
            .collect();
        cells.sort_unstable_by_key(|(column, _)| column.name);
        let mut map = serializer.serialize_map(Some(cells.len()))?;
        for (column, value) in cells {
            map.serialize_entry(column.name, &value.to_json())?;
        }
        map.end()
    }
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ResultView<'a> {
    /// Facts beside rows, such as totals.
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    #[serde(skip_serializing_if = "Facts::is_empty")]
    facts: Facts<'a>,
    #[schemars(with = "Vec<BTreeMap<String, serde_json::Value>>")]
    rows: Vec<RowView<'a>>,
}

/// Facts beside rows, such as totals.
struct Facts<'a>(&'a ToolResult);

impl Facts<'_> {
    fn is_empty(&self) -> bool {
        self.0.facts.is_empty()
    }
}

impl Serialize for Facts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let sorted: BTreeMap<&str, serde_json::Value> = self
            .0
            .facts
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_json()))
            .collect();
        sorted.serialize(serializer)
    }
}

impl<'a> ResultView<'a> {
    pub(super) fn of(result: &'a ToolResult) -> Self {
        Self {
            facts: Facts(result),
            rows: result.rows.iter().map(RowView).collect(),
        }
    }
}

/// What happened to one row: `after` alone for a new one, `before` alone for one that is gone;
/// of an update the columns that differ.
#[derive(Serialize, JsonSchema)]
pub(super) struct ChangeView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    after: Option<Cells<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<BTreeMap<String, serde_json::Value>>")]
    before: Option<Cells<'a>>,
    entity: &'static str,
    id: String,
}

enum Cells<'a> {
    Row(RowView<'a>),
    Columns(BTreeMap<&'static str, serde_json::Value>),
}

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Row(row) => row.serialize(serializer),
            Self::Columns(columns) => columns.serialize(serializer),
        }
    }
}

pub(super) fn change_view(change: &Change) -> ChangeView<'_> {
    let (before, after) = match change {
        Change::Insert(row) => (None, Some(Cells::Row(RowView(row)))),
        Change::Delete(row) => (Some(Cells::Row(RowView(row))), None),
        Change::Update { .. } => {
            let columns = change.columns();
            let before = columns
                .iter()
                .map(|of| (of.column, of.before.to_json()))
                .collect();
            let after = columns
                .iter()
                .map(|of| (of.column, of.after.to_json()))
                .collect();
            (Some(Cells::Columns(before)), Some(Cells::Columns(after)))
        }
    };
    ChangeView {
        after,
        before,
        entity: change.entity().name(),
        id: change.id().to_string(),
    }
}

#[derive(Serialize, JsonSchema)]
pub(super) struct LogView<'a> {
    level: &'static str,
    line: &'a str,
}

pub(super) fn log_view(log: &[LogLine]) -> Vec<LogView<'_>> {
    log.iter()
        .map(|line| LogView {
            level: match line.level {
                Level::Debug => "debug",
                Level::Info => "info",
                Level::Warn => "warn",
            },
            line: &line.text,
        })
        .collect()
}
