//! Sequences of calls to every tool, drawn at random.

use proctor_crm::{Argument as Declared, ArgumentKind, Entity, Kind, Tool};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::Union;

use crate::arguments::{anything, count, fields, key, keys, to_find, to_record, verbatim};
use crate::awkward;
use crate::call::{Among, Argument, Arguments, Call, Extra, Letters, Place, Sequence};
use crate::dispensable::dispensable;

/// Calls of a sequence.
const CALLS: usize = 20;
/// Most records that a sequence starts with beyond the canonical ones.
const EXTRA_MAX: usize = 5;

type Named = (String, Argument);

/// A sequence: some start with a few records more than others.
pub(crate) fn sequence() -> impl Strategy<Value = Sequence> {
    let extra = prop::collection::vec(dispensable(0.1, extra()), EXTRA_MAX);
    let calls = prop::collection::vec(dispensable(1.0, call()), CALLS);
    (extra, calls).prop_map(|(extra, calls)| Sequence {
        extra: extra.into_iter().flatten().collect(),
        calls: calls.into_iter().flatten().collect(),
    })
}

fn extra() -> impl Strategy<Value = Extra> {
    (
        select(&Entity::ALL[..]),
        any::<Index>(),
        select(awkward::LINES),
    )
        .prop_map(|(like, at, text)| Extra { like, at, text })
}

fn call() -> impl Strategy<Value = Call> {
    Union::new(Tool::all().iter().map(call_to))
}

fn call_to(tool: &'static Tool) -> BoxedStrategy<Call> {
    let names: Vec<&str> = std::iter::once(tool.name)
        .chain(tool.aliases.iter().copied())
        .collect();
    let name = prop_oneof![99 => select(names), 1 => select(awkward::TOOLS)];
    let bare = prop_oneof![
        4 => verbatim(awkward::BARE),
        1 => anything(),
    ];
    let arguments = prop_oneof![
        39 => named(tool).prop_map(Arguments::Named),
        1 => bare.prop_map(Arguments::Bare),
    ];
    (name, arguments)
        .prop_map(|(tool, arguments)| Call {
            tool: tool.to_owned(),
            arguments,
        })
        .boxed()
}

/// Arguments by name: what the tool takes, and now and then one that it doesn't or a name twice.
fn named(tool: &'static Tool) -> impl Strategy<Value = Vec<Named>> {
    let declared = tool.arguments();
    let entity = entity_of(&declared);
    let each: Vec<_> = declared.iter().map(|one| argument(one, entity)).collect();
    let known = declared.iter().map(|one| one.name);
    let stray: Vec<&str> = awkward::NAMES.iter().copied().chain(known).collect();
    let stray = (select(stray), anything()).prop_map(|(name, value)| (name.to_owned(), value));
    let stray = dispensable(0.06, stray);
    (each, matching(&declared), stray).prop_map(|(each, matching, stray)| {
        let mut named: Vec<Named> = each.into_iter().flatten().collect();
        named.retain(|(name, _)| matching.iter().all(|(other, _)| other != name));
        named.extend(matching);
        named.extend(stray);
        named
    })
}

/// The entity that a tool searches, changes or compares; any for those that do neither.
fn entity_of(declared: &[Declared]) -> Entity {
    let of = |one: &Declared| match one.kind {
        ArgumentKind::Ids(entity)
        | ArgumentKind::Updates(entity)
        | ArgumentKind::Criteria(entity) => Some(entity),
        _ => None,
    };
    let keyed = |one: &Declared| {
        Entity::ALL
            .into_iter()
            .find(|entity| entity.key() == one.name)
    };
    declared
        .iter()
        .find_map(of)
        .or_else(|| declared.first().and_then(keyed))
        .unwrap_or(Entity::Client)
}

/// An argument that is there as often as it helps the call to be accepted.
fn argument(declared: &Declared, entity: Entity) -> BoxedStrategy<Option<Named>> {
    let name = declared.name;
    let (share, value) = match declared.kind {
        ArgumentKind::Column(column) if column.kind == Kind::Id => (0.98, key(entity)),
        ArgumentKind::Column(column) if declared.required => (0.98, to_record(column)),
        ArgumentKind::Column(column) => (0.3, to_record(column)),
        ArgumentKind::Update(column) => (0.12, update(column)),
        ArgumentKind::Filter(column) => (0.1, to_find(entity, column)),
        ArgumentKind::Ids(entity) => (0.98, keys(entity)),
        ArgumentKind::Updates(entity) => (0.6, updates(entity)),
        ArgumentKind::Criteria(entity) => (0.3, criteria(entity)),
        ArgumentKind::Whole { .. } => (0.3, count(entity)),
    };
    dispensable(share, value.prop_map(move |value| (name.to_owned(), value))).boxed()
}

fn update(column: &'static proctor_crm::Column) -> BoxedStrategy<Argument> {
    prop_oneof![
        8 => to_record(column),
        1 => Just(Argument::Verbatim("null".into())),
    ]
    .boxed()
}

fn updates(entity: Entity) -> BoxedStrategy<Argument> {
    let updatable = |kind: Kind| !matches!(kind, Kind::Id | Kind::Timestamp);
    let columns = entity.columns().iter();
    let columns = columns.filter(|column| updatable(column.kind));
    fields(columns.map(|column| (column, update(column))).collect())
}

fn criteria(entity: Entity) -> BoxedStrategy<Argument> {
    let columns = entity.columns().iter();
    fields(
        columns
            .map(|column| (column, to_find(entity, column)))
            .collect(),
    )
}

/// Arguments that must match for the call to be accepted, and hardly would by chance.
fn matching(declared: &[Declared]) -> BoxedStrategy<Vec<Named>> {
    let column = |name: &str| {
        declared.iter().find_map(|one| match one.kind {
            ArgumentKind::Column(column) if column.name == name => Some(column.kind),
            _ => None,
        })
    };
    let matching = match (
        column("entity_type"),
        column("client_id"),
        column("opportunity_id"),
    ) {
        (Some(Kind::Choice(legal)), ..) => subject(legal),
        (_, Some(_), Some(_)) => opportunity_with_client(),
        _ => return Just(Vec::new()).boxed(),
    };
    prop_oneof![1 => Just(Vec::new()), 4 => matching].boxed()
}

/// A record, and of which entity it is.
fn subject(legal: &'static [&'static str]) -> BoxedStrategy<Vec<Named>> {
    let entities: Vec<Entity> = legal
        .iter()
        .filter_map(|name| Entity::from_name(name))
        .collect();
    let among = prop_oneof![Just(Among::All), Just(Among::Touched)];
    (select(entities), among, any::<Index>())
        .prop_map(|(entity, among, at)| {
            vec![
                ("entity_type".into(), Argument::Text(entity.name().into())),
                ("entity_id".into(), Argument::Key(entity, among, at)),
            ]
        })
        .boxed()
}

/// An opportunity, and whose it is.
fn opportunity_with_client() -> BoxedStrategy<Vec<Named>> {
    any::<Index>()
        .prop_map(|at| {
            let client = Place {
                entity: Entity::Opportunity,
                column: "client_id",
                at,
                letters: Letters::Any,
            };
            let opportunity = Argument::Key(Entity::Opportunity, Among::All, at);
            vec![
                ("client_id".into(), Argument::Cell(client)),
                ("opportunity_id".into(), opportunity),
            ]
        })
        .boxed()
}
