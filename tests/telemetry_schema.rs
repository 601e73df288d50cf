//! The published JSON Schema and the lines that are written agree, down to the last key.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::proctor::{Sandbox, repository};
use crate::records::SMALL;

/// Runs whose telemetry has every sort of event: verdicts, refusals, faults, logs, answers.
fn runs(sandbox: &Sandbox) -> [&'static str; 3] {
    let verifier = repository("plugins/dist/refusal.wasm");
    sandbox.write("script.json", r#"{"turns": [{"decline": "No."}]}"#);
    let all: [(&str, &[&str]); 3] = [
        (
            "solved",
            &[
                "--suite",
                SMALL,
                "--policy",
                "oracle",
                "--verifier",
                verifier.to_str().unwrap(),
            ],
        ),
        (
            "declined",
            &[
                "--suite",
                SMALL,
                "--policy",
                "scripted",
                "--script",
                "script.json",
            ],
        ),
        (
            "built-in",
            &["--policy", "student-sim", "--param", "mistakes=0.5"],
        ),
    ];
    all.map(|(name, options)| {
        let ran = sandbox.proctor([&["run", "--out", name], options].concat());
        assert!(matches!(ran.code, Some(0 | 3)), "{}", ran.page());
        name
    })
}

#[test]
fn every_line_fits_the_published_schema() {
    let sandbox = Sandbox::with_small_suite();
    let schema = Schema(sandbox.proctor(["schema", "telemetry"]).json());
    let mut seen = BTreeSet::new();
    for run in runs(&sandbox) {
        for line in sandbox.lines(run) {
            seen.insert(line["event"].as_str().unwrap().to_owned());
            if let Err(reason) = schema.whole(&schema.0, &line) {
                panic!("{run}: {reason}\n{line:#}");
            }
        }
    }
    let known = [
        "episode.end",
        "episode.start",
        "fault",
        "run.end",
        "run.start",
        "step",
        "verdict",
    ];
    assert_eq!(seen, known.map(str::to_owned).into());
}

#[test]
fn the_schema_refuses_what_is_no_line() {
    let sandbox = Sandbox::with_small_suite();
    let schema = Schema(sandbox.proctor(["schema", "telemetry"]).json());
    sandbox
        .proctor(["run", "--suite", SMALL, "--policy", "noop", "--out", "out"])
        .succeeded();
    let line = sandbox.lines("out").swap_remove(1);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut changed = line.clone();
        change(&mut changed);
        schema.whole(&schema.0, &changed)
    };
    assert_eq!(with(&|_| {}), Ok(()));
    let wrong: [&dyn Fn(&mut Value); 5] = [
        &|line| line["event"] = "no.such.event".into(),
        &|line| line["fields"]["trial"] = "first".into(),
        &|line| line["fields"]["colour"] = "red".into(),
        &|line| line["colour"] = "red".into(),
        &|line| drop(line.as_object_mut().unwrap().remove("chain")),
    ];
    for change in wrong {
        assert!(with(change).is_err());
    }
}

#[test]
fn the_schema_knows_what_results_do_not_depend_on() {
    let sandbox = Sandbox::with_small_suite();
    let schema = Schema(sandbox.proctor(["schema", "telemetry"]).json());
    sandbox
        .proctor(["run", "--suite", SMALL, "--policy", "noop", "--out", "out"])
        .succeeded();
    let lines = sandbox.lines("out");
    let end = lines.iter().find(|line| line["event"] == "episode.end");
    let check = |wall: Value| {
        let mut line = end.unwrap().clone();
        line["wall"] = wall;
        schema.whole(&schema.0, &line)
    };
    let attempt = json!({ "duration_us": 7, "reason": "the server was restarted" });
    let right = [
        json!({ "duration_us": 8 }),
        json!({ "duration_us": 8, "interrupted": [attempt] }),
        json!({ "store": "sqlite" }),
        json!({ "isolation": "database", "store": "postgres" }),
    ];
    for wall in right {
        assert_eq!(check(wall.clone()), Ok(()), "{wall}");
    }
    let wrong = [
        json!(8),
        json!({ "interrupted": [attempt] }),
        json!({ "duration_us": 8, "interrupted": ["the server was restarted"] }),
        json!({ "duration_us": 8, "colour": "red" }),
        json!({ "isolation": "database" }),
    ];
    for wall in wrong {
        assert!(check(wall.clone()).is_err(), "{wall}");
    }
}

#[test]
fn every_line_is_canonical_json() {
    let sandbox = Sandbox::with_small_suite();
    for run in runs(&sandbox) {
        for line in sandbox.telemetry(run).lines() {
            let mut canonical = String::new();
            write_canonical(&serde_json::from_str(line).unwrap(), &mut canonical);
            assert_eq!(canonical, line, "{run}");
        }
    }
}

/// RFC 8785, written anew from the RFC: the kernel's own writer is what is tested here.
fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            // UTF-16 order, which for the keys here is that of their bytes.
            let sorted: std::collections::BTreeMap<_, _> = map.iter().collect();
            out.push('{');
            for (at, (key, value)) in sorted.into_iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                out.push_str(&serde_json::to_string(key).unwrap());
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        Value::Array(entries) => {
            out.push('[');
            for (at, value) in entries.iter().enumerate() {
                out.push_str(if at == 0 { "" } else { "," });
                write_canonical(value, out);
            }
            out.push(']');
        }
        // A whole number is written without a fraction.
        Value::Number(number)
            if number
                .as_f64()
                .is_some_and(|it| it.fract() == 0.0 && it.abs() < 1e15) =>
        {
            out.push_str(&format!("{:.0}", number.as_f64().unwrap()));
        }
        other => out.push_str(&serde_json::to_string(other).unwrap()),
    }
}

/// So much of JSON Schema as the telemetry's uses, and stricter in one point: a key that no
/// schema names is an error. A keyword that isn't known here is an error too.
struct Schema(Value);

impl Schema {
    /// Checks a value, and that each of its keys is declared.
    fn whole(&self, schema: &Value, value: &Value) -> Result<(), String> {
        let declared = self.check(schema, value)?;
        match (value.as_object(), declared) {
            (Some(map), Some(keys)) => match map.keys().find(|key| !keys.contains(*key)) {
                Some(key) => Err(format!("the schema doesn't know the key `{key}`")),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Checks a value; of an object says which keys are declared, or nothing if any may be there.
    fn check(&self, schema: &Value, value: &Value) -> Result<Option<BTreeSet<String>>, String> {
        let Some(schema) = schema.as_object() else {
            return if schema == true {
                Ok(None)
            } else {
                Err("nothing is allowed here".into())
            };
        };
        let mut declared = Some(BTreeSet::new());
        for (keyword, rule) in schema {
            let further = match keyword.as_str() {
                "$schema" | "$comment" | "$defs" | "title" | "description" | "format" => continue,
                "$ref" => self.check(self.definition(rule)?, value)?,
                "type" => of_type(rule, value).map(|()| Some(BTreeSet::new()))?,
                "const" if rule == value => continue,
                "enum" if rule.as_array().is_some_and(|all| all.contains(value)) => continue,
                "minimum" if value.as_f64() >= rule.as_f64() => continue,
                "required" => required(rule, value).map(|()| Some(BTreeSet::new()))?,
                "properties" => Some(self.properties(rule, value)?),
                "additionalProperties" => self.additional(schema, rule, value)?,
                "items" => self.items(rule, value).map(|()| Some(BTreeSet::new()))?,
                "oneOf" | "anyOf" => self.one_of(rule, value)?,
                _ => return Err(format!("{value} is not as `{keyword}`: {rule} says")),
            };
            declared = declared
                .zip(further)
                .map(|(all, more)| all.into_iter().chain(more).collect());
        }
        Ok(declared)
    }

    fn definition(&self, reference: &Value) -> Result<&Value, String> {
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
        pointer
            .and_then(|at| self.0.pointer(at))
            .ok_or(format!("{reference} leads nowhere"))
    }

    fn properties(&self, rule: &Value, value: &Value) -> Result<BTreeSet<String>, String> {
        let known = rule.as_object().ok_or("`properties` is no object")?;
        for (key, value) in value.as_object().into_iter().flatten() {
            if let Some(schema) = known.get(key) {
                self.whole(schema, value)
                    .map_err(|reason| format!("{key}: {reason}"))?;
            }
        }
        Ok(known.keys().cloned().collect())
    }

    fn additional(
        &self,
        schema: &Map<String, Value>,
        rule: &Value,
        value: &Value,
    ) -> Result<Option<BTreeSet<String>>, String> {
        let known = schema.get("properties").and_then(Value::as_object);
        for (key, value) in value.as_object().into_iter().flatten() {
            if known.is_none_or(|known| !known.contains_key(key)) {
                self.whole(rule, value)
                    .map_err(|reason| format!("{key}: {reason}"))?;
            }
        }
        Ok(None)
    }

    fn items(&self, rule: &Value, value: &Value) -> Result<(), String> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .try_for_each(|entry| self.whole(rule, entry))
    }

    fn one_of(&self, rule: &Value, value: &Value) -> Result<Option<BTreeSet<String>>, String> {
        let choices = rule.as_array().ok_or("no list of schemas")?;
        let mut reasons = Vec::new();
        for choice in choices {
            match self.check(choice, value) {
                Ok(declared) => return Ok(declared),
                Err(reason) => reasons.push(reason),
            }
        }
        Err(format!("fits none of: {}", reasons.join("; ")))
    }
}

fn of_type(rule: &Value, value: &Value) -> Result<(), String> {
    let fits = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("boolean") => value.is_boolean(),
        Some("null") => value.is_null(),
        Some("number") => value.is_number(),
        Some("integer") => value.is_i64() || value.is_u64(),
        _ => false,
    };
    let fitting = rule
        .as_array()
        .map_or_else(|| fits(rule), |all| all.iter().any(fits));
    if fitting {
        Ok(())
    } else {
        Err(format!("{value} is no {rule}"))
    }
}

fn required(rule: &Value, value: &Value) -> Result<(), String> {
    let Some(map) = value.as_object() else {
        return Ok(());
    };
    let mut names = rule
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    match names.find(|name| !map.contains_key(*name)) {
        Some(missing) => Err(format!("`{missing}` is missing")),
        None => Ok(()),
    }
}
