//! The first-party policies and verifiers as code of this process: the baseline that the
//! WebAssembly components are measured against. The code is the components' own; only the
//! sandbox is missing.

use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;

use proctor_crm as crm;
use proctor_episode::{PolicySource, SessionSource, Suite, Verify};
use proctor_host as host;
use proctor_script::Player;
use proctor_sdk as sdk;
use proctor_sdk::verifier as sdkv;

/// The suite that is measured: `crm-core`, from the repository.
///
/// # Panics
/// When it cannot be read.
#[must_use]
#[allow(
    clippy::panic,
    reason = "a bench without its suite has nothing to measure"
)]
pub fn suite() -> Arc<Suite> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../seeds/suites/crm-core");
    match Suite::load(&folder) {
        Ok(suite) => Arc::new(suite),
        Err(error) => panic!("{error}"),
    }
}

/// The oracle, without a sandbox.
pub struct NativeOracle;

struct NativeSession(Player);

impl PolicySource for NativeOracle {
    fn open(&self, setting: host::Setting) -> Result<Box<dyn SessionSource + '_>, host::Fault> {
        let turns = setting.oracle.iter().map(turn).collect();
        Ok(Box::new(NativeSession(Player::new(turns))))
    }
}

impl SessionSource for NativeSession {
    fn next(&mut self, observation: &host::Observation) -> Result<host::Action, host::Fault> {
        let seen = match observation {
            host::Observation::Message(text) => sdk::Observation::Message(text.clone()),
            host::Observation::Accepted(result) => sdk::Observation::Accepted(tool_result(result)),
            host::Observation::Refused(refused) => sdk::Observation::Refused(refusal(refused)),
        };
        match self.0.next(seen) {
            Ok(sdk::Action::Call(call)) => Ok(host::Action::Call(host::ToolCall {
                tool: call.tool,
                arguments: call.arguments,
            })),
            Ok(sdk::Action::Answer(text)) => Ok(host::Action::Answer(text)),
            Ok(sdk::Action::Decline(text)) => Ok(host::Action::Decline(text)),
            Err(failure) => Err(fault(failure)),
        }
    }

    fn log(&mut self) -> Vec<host::LogLine> {
        Vec::new()
    }

    fn fuel(&self) -> u64 {
        0
    }
}

/// A verifier, without a sandbox.
pub struct NativeVerifier {
    name: &'static str,
    verify: fn(&dyn sdkv::Episode, &dyn sdkv::Gold) -> Result<sdk::Verdict, sdk::Failure>,
}

impl NativeVerifier {
    /// `end-state`.
    #[must_use]
    pub fn end_state() -> Self {
        Self {
            name: "end-state",
            verify: <end_state::EndState as sdkv::Verifier>::verify,
        }
    }

    /// `refusal`.
    #[must_use]
    pub fn refusal() -> Self {
        Self {
            name: "refusal",
            verify: <refusal::Refusal as sdkv::Verifier>::verify,
        }
    }

    /// `answer`.
    #[must_use]
    pub fn answer() -> Self {
        Self {
            name: "answer",
            verify: <answer::Answer as sdkv::Verifier>::verify,
        }
    }
}

impl Verify for NativeVerifier {
    fn name(&self) -> &str {
        self.name
    }

    fn digest(&self) -> host::Digest {
        host::Digest::of(self.name.as_bytes())
    }

    fn verify(
        &self,
        episode: &Rc<RefCell<dyn host::EpisodeRead>>,
        gold: &Arc<host::Gold>,
    ) -> host::Examined {
        let verdict = (self.verify)(&Episode(Rc::clone(episode)), &Gold(Arc::clone(gold)))
            .map(|verdict| host::Verdict {
                pass: verdict.pass,
                score: verdict.score,
                checks: verdict
                    .checks
                    .into_iter()
                    .map(|check| host::Check {
                        name: check.name,
                        pass: check.pass,
                        detail: check.detail,
                    })
                    .collect(),
                rationale: verdict.rationale,
            })
            .map_err(fault);
        host::Examined {
            verdict,
            log: Vec::new(),
            fuel: 0,
        }
    }
}

struct Episode(Rc<RefCell<dyn host::EpisodeRead>>);

impl sdkv::Episode for Episode {
    fn turns(&self) -> Vec<String> {
        self.0.borrow().turns()
    }
    fn now(&self) -> String {
        self.0.borrow().now()
    }
    fn step_count(&self) -> u32 {
        self.0.borrow().step_count()
    }
    fn turn_of(&self, step: u32) -> Option<u32> {
        self.0.borrow().turn_of(step)
    }
    fn action(&self, step: u32) -> Option<sdk::Action> {
        self.0.borrow().action(step).map(|action| match action {
            host::Action::Call(call) => sdk::Action::Call(sdk::ToolCall {
                tool: call.tool,
                arguments: call.arguments,
            }),
            host::Action::Answer(text) => sdk::Action::Answer(text),
            host::Action::Decline(text) => sdk::Action::Decline(text),
        })
    }
    fn observation(&self, step: u32) -> Option<sdk::Observation> {
        self.0.borrow().observation(step).map(|seen| match seen {
            host::Observation::Message(text) => sdk::Observation::Message(text),
            host::Observation::Accepted(result) => sdk::Observation::Accepted(tool_result(&result)),
            host::Observation::Refused(refused) => sdk::Observation::Refused(refusal(&refused)),
        })
    }
    fn refusal(&self, step: u32) -> Option<sdk::Refusal> {
        self.0.borrow().refusal(step).as_ref().map(refusal)
    }
    fn seen(&self, id: &str) -> bool {
        self.0.borrow().seen(id)
    }
    fn diff(&self) -> Vec<sdk::Change> {
        self.0.borrow().diff().iter().map(change).collect()
    }
    fn row(&self, at: sdkv::Moment, of: sdk::Entity, id: &str) -> Option<sdk::Row> {
        let found = self.0.borrow_mut().row(moment(at), entity_back(of), id);
        found.ok().flatten().as_ref().map(row)
    }
    fn rows(&self, at: sdkv::Moment, of: sdk::Entity, _: &[(&str, sdk::Value)]) -> Vec<sdk::Row> {
        let found = self
            .0
            .borrow_mut()
            .rows(moment(at), entity_back(of), &[], 1_000);
        found.unwrap_or_default().iter().map(row).collect()
    }
}

struct Gold(Arc<host::Gold>);

impl sdkv::Gold for Gold {
    fn changes(&self) -> Vec<sdkv::ExpectedChange> {
        self.0.changes.iter().map(expected_change).collect()
    }
    fn refusal(&self) -> Option<sdkv::ExpectedRefusal> {
        self.0
            .refusal
            .as_ref()
            .map(|refusal| sdkv::ExpectedRefusal {
                code: refusal.code.clone(),
                field: refusal.field.clone(),
                call: refusal.call.as_ref().map(|call| sdk::ToolCall {
                    tool: call.tool.clone(),
                    arguments: call.arguments.clone(),
                }),
                decline: refusal.decline.clone(),
            })
    }
    fn answers(&self) -> Vec<sdkv::ExpectedAnswer> {
        self.0
            .answers
            .iter()
            .map(|answer| sdkv::ExpectedAnswer {
                turn: answer.turn,
                records: answer.records.clone(),
                facts: answer.facts.iter().map(fact).collect(),
                other_records: answer.other_records.clone(),
                other_facts: answer.other_facts.iter().map(fact).collect(),
            })
            .collect()
    }
}

fn fault(failure: sdk::Failure) -> host::Fault {
    host::Fault {
        plugin: "native".into(),
        digest: host::Digest::of(b"native"),
        function: "native".into(),
        kind: host::FaultKind::Declared,
        message: failure.message,
        backtrace: Vec::new(),
    }
}

fn turn(turn: &host::ScriptedTurn) -> sdk::ScriptedTurn {
    sdk::ScriptedTurn {
        calls: turn
            .calls
            .iter()
            .map(|scripted| sdk::ScriptedCall {
                id: scripted.id.clone(),
                call: sdk::ToolCall {
                    tool: scripted.call.tool.clone(),
                    arguments: scripted.call.arguments.clone(),
                },
            })
            .collect(),
        closing: match &turn.closing {
            host::WireAction::Answer(text) => sdk::Action::Answer(text.clone()),
            host::WireAction::Decline(text) => sdk::Action::Decline(text.clone()),
            host::WireAction::Call(call) => sdk::Action::Call(sdk::ToolCall {
                tool: call.tool.clone(),
                arguments: call.arguments.clone(),
            }),
        },
    }
}

fn moment(at: sdkv::Moment) -> host::Moment {
    match at {
        sdkv::Moment::Start => host::Moment::Start,
        sdkv::Moment::End => host::Moment::End,
    }
}

fn entity(of: crm::Entity) -> sdk::Entity {
    match of {
        crm::Entity::Client => sdk::Entity::Client,
        crm::Entity::Company => sdk::Entity::Company,
        crm::Entity::Contact => sdk::Entity::Contact,
        crm::Entity::Opportunity => sdk::Entity::Opportunity,
        crm::Entity::Quote => sdk::Entity::Quote,
        crm::Entity::Contract => sdk::Entity::Contract,
        crm::Entity::Document => sdk::Entity::Document,
        crm::Entity::Note => sdk::Entity::Note,
    }
}

fn wire_entity(of: host::wire::Entity) -> sdk::Entity {
    entity(host::entity_from_wire(of))
}

fn entity_back(of: sdk::Entity) -> crm::Entity {
    let found = crm::Entity::ALL
        .into_iter()
        .find(|known| entity(*known) == of);
    found.unwrap_or(crm::Entity::Client)
}

fn value(value: &crm::Value) -> sdk::Value {
    wire_value(&host::value_to_wire(value))
}

fn wire_value(value: &host::wire::Value) -> sdk::Value {
    match value {
        host::wire::Value::Absent => sdk::Value::Absent,
        host::wire::Value::Text(text) => sdk::Value::Text(text.clone()),
        host::wire::Value::Integer(number) => sdk::Value::Integer(*number),
        host::wire::Value::Money(cents) => sdk::Value::Money(*cents),
        host::wire::Value::Date(date) => sdk::Value::Date(date.clone()),
        host::wire::Value::Timestamp(instant) => sdk::Value::Timestamp(instant.clone()),
        host::wire::Value::Id(id) => sdk::Value::Id(id.clone()),
        host::wire::Value::Texts(texts) => sdk::Value::Texts(texts.clone()),
    }
}

fn row(row: &crm::Row) -> sdk::Row {
    sdk::Row {
        entity: entity(row.entity()),
        id: row.id().to_string(),
        cells: row
            .cells()
            .skip(1)
            .filter(|(_, of)| !of.is_null())
            .map(|(column, of)| sdk::Cell {
                name: column.name.into(),
                value: value(of),
            })
            .collect(),
    }
}

fn refusal(refusal: &crm::Refusal) -> sdk::Refusal {
    sdk::Refusal {
        code: refusal.code.name().into(),
        field: refusal.field.clone(),
        message: refusal.message.clone(),
    }
}

fn tool_result(result: &crm::ToolResult) -> sdk::ToolResult {
    sdk::ToolResult {
        rows: result.rows.iter().map(row).collect(),
        facts: result
            .facts
            .iter()
            .map(|(name, of)| sdk::Cell {
                name: name.clone(),
                value: value(of),
            })
            .collect(),
    }
}

fn change(change: &crm::Change) -> sdk::Change {
    match change {
        crm::Change::Insert(after) => sdk::Change::Insert(row(after)),
        crm::Change::Delete(before) => sdk::Change::Delete(row(before)),
        crm::Change::Update { after, .. } => sdk::Change::Update(sdk::Update {
            entity: entity(after.entity()),
            id: after.id().to_string(),
            columns: change
                .columns()
                .iter()
                .map(|column| sdk::ColumnChange {
                    name: column.column.into(),
                    before: value(column.before),
                    after: value(column.after),
                })
                .collect(),
        }),
    }
}

fn expected_change(change: &host::ExpectedChange) -> sdkv::ExpectedChange {
    let cells = |cells: &[host::ExpectedCell]| {
        cells
            .iter()
            .map(|cell| sdkv::ExpectedCell {
                name: cell.name.clone(),
                pattern: match &cell.pattern {
                    host::Pattern::Exactly(of) => sdkv::Pattern::Exactly(wire_value(of)),
                    host::Pattern::Contains(parts) => sdkv::Pattern::Contains(parts.clone()),
                    host::Pattern::Created(key) => sdkv::Pattern::Created(key.clone()),
                },
            })
            .collect()
    };
    match change {
        host::ExpectedChange::Insert(insert) => {
            sdkv::ExpectedChange::Insert(sdkv::ExpectedInsert {
                key: insert.key.clone(),
                entity: wire_entity(insert.entity),
                cells: cells(&insert.cells),
            })
        }
        host::ExpectedChange::Update(update) => {
            sdkv::ExpectedChange::Update(sdkv::ExpectedUpdate {
                entity: wire_entity(update.entity),
                id: update.id.clone(),
                cells: cells(&update.cells),
            })
        }
        host::ExpectedChange::Delete(delete) => {
            sdkv::ExpectedChange::Delete(sdkv::ExpectedDelete {
                entity: wire_entity(delete.entity),
                id: delete.id.clone(),
            })
        }
    }
}

fn fact(fact: &host::Fact) -> sdkv::Fact {
    match fact {
        host::Fact::Money(cents) => sdkv::Fact::Money(*cents),
        host::Fact::Count(count) => sdkv::Fact::Count(*count),
        host::Fact::Date(date) => sdkv::Fact::Date(date.clone()),
        host::Fact::Text(text) => sdkv::Fact::Text(text.clone()),
        host::Fact::Choice(choice) => sdkv::Fact::Choice(sdkv::Choice {
            value: choice.value.clone(),
            legal: choice.legal.clone(),
        }),
    }
}

/// Canonical data of about `rows` rows: clients, each with opportunities.
///
/// # Panics
/// When the rows are not what a snapshot holds.
#[must_use]
#[allow(
    clippy::unwrap_used,
    reason = "a bench without its data has nothing to measure"
)]
pub fn customers(rows: usize) -> proctor_store::Snapshot {
    const OPPORTUNITIES: usize = 4;
    let mut all = Vec::with_capacity(rows);
    for number in 0..rows / (OPPORTUNITIES + 1) {
        let key = format!("client-{number}");
        let client = proctor_episode::record_id(crm::Entity::Client, &key);
        let mut row = crm::Row::new(crm::Entity::Client, client);
        let text = |text: String| crm::Value::Text(text);
        row.set("name", text(format!("Client {number}"))).unwrap();
        row.set("email", text(format!("client{number}@bench.example")))
            .unwrap();
        row.set("status", text("Active".into())).unwrap();
        row.set("industry", text("Transport".into())).unwrap();
        all.push(row);
        for deal in 0..OPPORTUNITIES {
            let key = format!("{key}-{deal}");
            let id = proctor_episode::record_id(crm::Entity::Opportunity, &key);
            let mut row = crm::Row::new(crm::Entity::Opportunity, id);
            row.set("name", text(format!("Deal {number}-{deal}")))
                .unwrap();
            row.set("client_id", crm::Value::Id(client)).unwrap();
            row.set("stage", text("Proposal".into())).unwrap();
            row.set("amount", crm::Value::Money(crm::Money::from_units(50_000)))
                .unwrap();
            all.push(row);
        }
    }
    proctor_store::Snapshot::from_rows(all).unwrap()
}
