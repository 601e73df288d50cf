//! Calls recorded from the customer's sandbox: what it rightly accepted and refused, we do too.

use std::fs;
use std::path::Path;

use proctor_crm::{Context, Entity, Rows};
use serde_json::Value as Json;

use crate::world::{call, check_whole, row};

fn state(json: &Json) -> Rows {
    let tables = json.as_object().unwrap().iter();
    let of = |(table, rows): (&String, &Json)| {
        let entity = Entity::from_table(table).unwrap();
        rows.as_array()
            .unwrap()
            .iter()
            .map(|one| row(entity, one))
            .collect::<Vec<_>>()
    };
    tables.flat_map(of).collect()
}

#[test]
fn recorded_calls_end_as_they_did() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpora/clbench/recorded_calls.jsonl");
    let Ok(lines) = fs::read_to_string(&path) else {
        println!("skipped: no recorded calls at {}", path.display());
        return;
    };
    let mut differing = Vec::new();
    let mut count = 0;
    for line in lines.lines() {
        let record: Json = serde_json::from_str(line).unwrap();
        let mut rows = state(&record["state"]);
        let now = record["now"].as_str().unwrap().parse().unwrap();
        let context = Context {
            now,
            seed: [1; 32],
            step: 0,
        };
        let tool = record["call"]["tool"].as_str().unwrap();
        let answer = call(&rows, &context, tool, &record["call"]["arguments"]);
        if answer.is_ok() != (record["upstream"]["outcome"] == "accepted") {
            differing.push(format!("{}: {answer:?}", record["id"]));
        }
        if let Ok(outcome) = answer {
            rows.apply(&outcome.changes);
            check_whole(&rows);
        }
        count += 1;
    }
    assert_eq!(count, 102);
    assert!(differing.is_empty(), "{differing:#?}");
}
