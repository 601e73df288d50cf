//! What holds for any call, however odd.

use proctor_crm::{ArgumentKind, Entity, Kind, Tool};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value as Json, json};

use crate::world::{
    ACME, APPROVED, BOREALIS, CANCELED, CONTACT, CONTRACT, DRAFT, LOST, NOBODY, RENEWAL, WON, call,
    check_whole, context, least, world,
};

fn anything() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        any::<f64>().prop_map(|number| json!(number)),
        (-200_i64..200).prop_map(|number| json!(number as f64 / 8.0)),
        any::<String>().prop_map(Json::from),
        "[ -~]{0,12}".prop_map(Json::from),
        "[0-9]{4}-[01][0-9]-[0-3][0-9](T[0-2][0-9]:[0-5][0-9]:00Z)?".prop_map(Json::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec(("[a-z_]{1,8}", inner), 0..5)
                .prop_map(|entries| Json::Object(entries.into_iter().collect())),
        ]
    })
}

fn id_text() -> impl Strategy<Value = Json> {
    let known = vec![
        ACME, BOREALIS, CONTACT, RENEWAL, WON, LOST, DRAFT, APPROVED, CANCELED, CONTRACT, NOBODY,
        "OPP-1",
    ];
    select(known).prop_map(Json::from)
}

/// A value that a column of this kind may well take.
fn plausible(kind: Kind) -> BoxedStrategy<Json> {
    match kind {
        Kind::Id | Kind::Reference(_) | Kind::Subject => id_text().boxed(),
        Kind::Choice(legal) => select(legal).prop_map(Json::from).boxed(),
        Kind::Money => (0_u32..1_100_000_000)
            .prop_map(|cents| json!(f64::from(cents) / 100.0))
            .boxed(),
        Kind::Percent => (0..=100).prop_map(Json::from).boxed(),
        Kind::Date => select(vec!["2024-02-29", "2025-10-29", "2026-01-01"])
            .prop_map(Json::from)
            .boxed(),
        Kind::Timestamp => "2025-10-2[0-9]T12:00:00(\\.[0-9]{1,7})?Z"
            .prop_map(Json::from)
            .boxed(),
        Kind::Email => "[a-z]{1,3}@[a-z]{1,3}\\.example"
            .prop_map(Json::from)
            .boxed(),
        Kind::Url => "https?://[a-z]{1,4}\\.example/[a-z?#]{0,4}"
            .prop_map(Json::from)
            .boxed(),
        Kind::FileName => "[a-z.]{1,4}\\.(pdf|TXT|exe)".prop_map(Json::from).boxed(),
        _ => prop_oneof!["[ -~\\n]{0,20}", ".{0,20}"]
            .prop_map(Json::from)
            .boxed(),
    }
}

fn value(kind: ArgumentKind) -> BoxedStrategy<Json> {
    let members = |entity: Entity| {
        let column = select(entity.columns())
            .prop_flat_map(|column| (Just(column.name.to_owned()), plausible(column.kind)));
        prop::collection::vec(column, 0..4)
            .prop_map(|entries| Json::Object(entries.into_iter().collect()))
    };
    let likely = match kind {
        ArgumentKind::Column(column)
        | ArgumentKind::Update(column)
        | ArgumentKind::Filter(column) => plausible(column.kind),
        ArgumentKind::Ids(_) => prop::collection::vec(id_text(), 0..12)
            .prop_map(Json::from)
            .boxed(),
        ArgumentKind::Updates(entity) | ArgumentKind::Criteria(entity) => members(entity).boxed(),
        ArgumentKind::Whole { .. } => (0..250).prop_map(Json::from).boxed(),
    };
    prop_oneof![9 => likely, 1 => anything()].boxed()
}

/// A tool with its least call, changed here and there.
fn some_call() -> impl Strategy<Value = (&'static str, Json)> {
    select(Tool::all()).prop_flat_map(|tool| {
        let arguments = tool.arguments();
        let some = if arguments.is_empty() {
            Just(Map::new()).boxed()
        } else {
            let one =
                select(arguments).prop_flat_map(|one| (Just(one.name.to_owned()), value(one.kind)));
            prop::collection::vec(one, 0..4)
                .prop_map(|entries| entries.into_iter().collect())
                .boxed()
        };
        some.prop_map(move |changes: Map<String, Json>| {
            let mut arguments = least(tool.name);
            arguments.extend(changes);
            (tool.name, Json::Object(arguments))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn nothing_makes_a_tool_panic(tool in select(Tool::all()), arguments in anything(), name in any::<String>()) {
        let arguments = match arguments {
            Json::Object(arguments) => arguments,
            other => tool.arguments().iter().map(|one| (one.name.to_owned(), other.clone())).collect(),
        };
        let _ = call(&world(), &context(), tool.name, &Json::Object(arguments));
        let _ = Tool::named(&name);
    }

    #[test]
    fn whatever_is_accepted_leaves_the_crm_whole((tool, arguments) in some_call()) {
        let mut rows = world();
        let before = rows.clone();
        let context = context();
        match call(&rows, &context, tool, &arguments) {
            Err(refusal) => {
                prop_assert!(!refusal.message.is_empty());
                prop_assert!(refusal.message.len() < 2_000, "{}", refusal);
            }
            Ok(outcome) => {
                for change in &outcome.changes {
                    // What a change says was there is what was there.
                    let was = before.get(change.entity(), change.id());
                    prop_assert_eq!(change.before(), was);
                    prop_assert_ne!(change.before(), change.after());
                }
                prop_assert!(outcome.changes.is_empty() || !Tool::named(tool).unwrap().annotations.read_only);
                rows.apply(&outcome.changes);
                check_whole(&rows);
                let again = call(&before, &context, tool, &arguments);
                prop_assert_eq!(again, Ok(outcome));
            }
        }
    }
}
