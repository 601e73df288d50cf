//! Arguments for each kind of column: mostly ones that fit, some at the limits, a few that don't.

use proctor_crm::{Column, Entity, Kind};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::awkward;
use crate::call::{Among, Argument, Letters, Place, Spelling};

/// Something to record in a column.
pub(crate) fn to_record(column: &'static Column) -> BoxedStrategy<Argument> {
    prop_oneof![
        29 => fitting(column),
        1 => anything(),
    ]
    .boxed()
}

/// Something to find the records of an entity by.
pub(crate) fn to_find(entity: Entity, column: &'static Column) -> BoxedStrategy<Argument> {
    let there = place(entity, column.name);
    let likely = if column.kind.is_text() || column.kind == Kind::Texts {
        prop_oneof![
            1 => there.prop_map(Argument::Cell),
            6 => part(entity, column.name),
            2 => texts(awkward::LINES),
            1 => texts(awkward::NO_LINES),
        ]
        .boxed()
    } else {
        prop_oneof![
            4 => there.prop_map(Argument::Cell),
            1 => fitting(column),
        ]
        .boxed()
    };
    prop_oneof![29 => likely, 1 => anything()].boxed()
}

/// A part of a text that is there, in this or another spelling.
fn part(entity: Entity, column: &'static str) -> impl Strategy<Value = Argument> {
    let spelling = prop_oneof![
        4 => Just(Spelling::Same),
        3 => Just(Spelling::Lower),
        3 => Just(Spelling::Upper),
        1 => select(&["%", "_", "*", "\\", "'", " "][..]).prop_map(Spelling::Between),
    ];
    let within = (any::<Index>(), any::<Index>());
    (place(entity, column), within, spelling)
        .prop_map(|(place, within, spelling)| Argument::Part(place, Some(within), spelling))
}

pub(crate) fn place(entity: Entity, column: &'static str) -> impl Strategy<Value = Place> {
    let letters = prop_oneof![2 => Just(Letters::Any), 1 => Just(Letters::Foreign)];
    (any::<Index>(), letters).prop_map(move |(at, letters)| Place {
        entity,
        column,
        at,
        letters,
    })
}

/// The key of a record of this entity, as a rule.
pub(crate) fn key(entity: Entity) -> BoxedStrategy<Argument> {
    let of = |entity: Entity, among: Among| {
        any::<Index>().prop_map(move |at| Argument::Key(entity, among, at))
    };
    let another = (select(&Entity::ALL[..]), any::<Index>())
        .prop_map(|(entity, at)| Argument::Key(entity, Among::All, at));
    prop_oneof![
        60 => of(entity, Among::All),
        32 => of(entity, Among::Touched),
        3 => of(entity, Among::Deleted),
        2 => another,
        2 => texts(awkward::KEYS),
        1 => anything(),
    ]
    .boxed()
}

/// A list of keys.
pub(crate) fn keys(entity: Entity) -> BoxedStrategy<Argument> {
    let some = |count| prop::collection::vec(key(entity), count).prop_map(Argument::List);
    prop_oneof![
        12 => some(2..=4),
        2 => some(5..=11),
        1 => some(0..=1),
        1 => key(entity).prop_map(|same| Argument::List(vec![same.clone(), same])),
        1 => anything(),
    ]
    .boxed()
}

/// An object of fields.
pub(crate) fn fields(
    fields: Vec<(&'static Column, BoxedStrategy<Argument>)>,
) -> BoxedStrategy<Argument> {
    let one = fields
        .into_iter()
        .map(|(column, value)| value.prop_map(|value| (column.name.to_owned(), value)));
    let one = prop::strategy::Union::new(one.map(Strategy::boxed));
    let stray = (select(awkward::NAMES), anything())
        .prop_map(|(name, value)| Argument::Object(vec![(name.to_owned(), value)]));
    prop_oneof![
        36 => prop::collection::vec(one, 1..=3).prop_map(Argument::Object),
        1 => Just(Argument::Object(Vec::new())),
        1 => stray,
        1 => anything(),
    ]
    .boxed()
}

/// How many records to return or to pass over.
pub(crate) fn count(entity: Entity) -> BoxedStrategy<Argument> {
    prop_oneof![
        4 => (0..30_u32).prop_map(|count| Argument::Verbatim(count.to_string())),
        3 => (-2..=2_i64).prop_map(move |more| Argument::Count(entity, more)),
        2 => verbatim(awkward::COUNTS),
        1 => anything(),
    ]
    .boxed()
}

/// Anything at all.
pub(crate) fn anything() -> impl Strategy<Value = Argument> {
    let lengths = select(awkward::LENGTHS);
    prop_oneof![
        8 => verbatim(awkward::VALUES),
        1 => texts(awkward::LINES),
        1 => texts(awkward::NO_LINES),
        1 => lengths.prop_map(|(text, times)| Argument::Repeated(text, times)),
        1 => select(awkward::monsters()),
        1 => many(),
    ]
}

/// Something that a column of this kind takes, or nearly.
fn fitting(column: &'static Column) -> BoxedStrategy<Argument> {
    match column.kind {
        Kind::Id | Kind::Subject => select(&Entity::ALL[..]).prop_flat_map(key).boxed(),
        Kind::Reference(entity) => key(entity),
        Kind::Line => line().boxed(),
        Kind::Prose => prose().boxed(),
        Kind::Email => email().boxed(),
        Kind::Url => or(numbered("https://files.example/", ".pdf"), awkward::URLS),
        Kind::FileName => or(numbered("file-", ".pdf"), awkward::FILES),
        Kind::Choice(legal) => choice(legal).boxed(),
        Kind::Money => amount().boxed(),
        Kind::Percent => prop_oneof![
            3 => (1..=99_u32).prop_map(|percent| Argument::Verbatim(percent.to_string())),
            2 => verbatim(awkward::PERCENTAGES),
        ]
        .boxed(),
        Kind::Date => or(day(), awkward::DATES),
        Kind::Timestamp => or(instant(), awkward::INSTANTS),
        Kind::Texts => many().boxed(),
    }
}

fn line() -> impl Strategy<Value = Argument> {
    let lengths = select(awkward::LENGTHS);
    prop_oneof![
        10 => texts(awkward::LINES),
        4 => "[A-Za-z%_ ]{0,6}[a-z]".prop_map(Argument::Text),
        2 => "\\PC{1,12}".prop_map(Argument::Text),
        1 => texts(awkward::NO_LINES),
        1 => lengths.prop_map(|(text, times)| Argument::Repeated(text, times)),
    ]
}

fn prose() -> impl Strategy<Value = Argument> {
    let lines = prop::collection::vec(select(awkward::LINES), 1..4);
    let lengths = select(awkward::LENGTHS);
    prop_oneof![
        6 => lines.prop_map(|lines| Argument::Text(lines.join("\n\t"))),
        1 => texts(awkward::NO_LINES),
        2 => lengths.prop_map(|(text, times)| Argument::Repeated(text, times)),
    ]
}

/// An address, of somebody else's now and then.
fn email() -> impl Strategy<Value = Argument> {
    let mine = (0..1_000_u32).prop_map(|n| Argument::Text(format!("Mail-{n}@Mail.example")));
    let spelling = prop_oneof![Just(Spelling::Same), Just(Spelling::Upper)];
    let taken = (place(Entity::Client, "email"), spelling)
        .prop_map(|(place, spelling)| Argument::Part(place, None, spelling));
    prop_oneof![12 => mine, 1 => taken, 2 => texts(awkward::EMAILS)]
}

fn choice(legal: &'static [&'static str]) -> impl Strategy<Value = Argument> {
    let right = || select(legal);
    prop_oneof![
        40 => right().prop_map(|text| Argument::Text(text.into())),
        1 => right().prop_map(|text| Argument::Text(text.to_lowercase())),
        1 => right().prop_map(|text| Argument::Text(format!("{text} "))),
        1 => right().prop_map(|text| Argument::Text(format!("{text}s"))),
        1 => texts(awkward::LINES),
    ]
}

fn amount() -> impl Strategy<Value = Argument> {
    let cents = 1..=1_000_000_000_u32;
    let written = |cents: u32| format!("{}.{:02}", cents / 100, cents % 100);
    prop_oneof![
        3 => cents.prop_map(move |cents| Argument::Verbatim(written(cents))),
        1 => verbatim(awkward::AMOUNTS),
    ]
}

fn day() -> impl Strategy<Value = Argument> {
    let date = (2026..2031_u32, 1..=12_u32, 1..=28_u32);
    date.prop_map(|(year, month, day)| Argument::Text(format!("{year}-{month:02}-{day:02}")))
}

fn instant() -> impl Strategy<Value = Argument> {
    let time = (1..=12_u32, 0..24_u32, 0..1_000_000_u32);
    time.prop_map(|(month, hour, micros)| {
        Argument::Text(format!("2025-{month:02}-09T{hour:02}:30:00.{micros:06}Z"))
    })
}

/// Lists of lines, up to the longest and one longer.
fn many() -> impl Strategy<Value = Argument> {
    let count = prop_oneof![3 => 0..4_usize, 1 => 100..=101_usize];
    (texts(awkward::LINES), count).prop_map(|(text, count)| Argument::List(vec![text; count]))
}

fn or(
    likely: impl Strategy<Value = Argument> + 'static,
    odd: &'static [&'static str],
) -> BoxedStrategy<Argument> {
    prop_oneof![3 => likely, 1 => texts(odd)].boxed()
}

fn numbered(before: &'static str, after: &'static str) -> impl Strategy<Value = Argument> {
    (0..1_000_u32).prop_map(move |n| Argument::Text(format!("{before}{n}{after}")))
}

pub(crate) fn texts(all: &'static [&'static str]) -> impl Strategy<Value = Argument> + Clone {
    select(all).prop_map(|text| Argument::Text(text.to_owned()))
}

pub(crate) fn verbatim(all: &'static [&'static str]) -> impl Strategy<Value = Argument> {
    select(all).prop_map(|text| Argument::Verbatim(text.to_owned()))
}
