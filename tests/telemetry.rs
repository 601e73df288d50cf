//! Telemetry as its readers take it: lines of JSON, and the part of them that must be the same
//! whenever the run is.

use serde_json::Value;

use crate::proctor::Sandbox;

/// A telemetry file's text without what results don't depend on, such as the wall clock's facts,
/// which are never the same twice.
pub fn outside_wall(text: &str) -> String {
    let mut result = String::new();
    for line in text.lines() {
        match line.rfind(",\"wall\":{") {
            Some(at) => {
                assert!(line.ends_with("}}"), "`wall` isn't last: {line}");
                result.push_str(&line[..at]);
                result.push_str("}\n");
            }
            None => {
                result.push_str(line);
                result.push('\n');
            }
        }
    }
    result
}

impl Sandbox {
    pub fn telemetry(&self, run: &str) -> String {
        self.read(&format!("{run}/telemetry.jsonl"))
    }

    /// All lines of a run's telemetry.
    pub fn lines(&self, run: &str) -> Vec<Value> {
        self.telemetry(run)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// The fields of a run's events of one sort.
    pub fn events(&self, run: &str, event: &str) -> Vec<Value> {
        self.lines(run)
            .into_iter()
            .filter(|line| line["event"] == event)
            .map(|line| line["fields"].clone())
            .collect()
    }

    /// The run's episodes, in order, as `TASK#TRIAL outcome`.
    pub fn outcomes(&self, run: &str) -> Vec<String> {
        self.events(run, "episode.end")
            .iter()
            .map(|end| {
                let text = |name: &str| end[name].as_str().unwrap().to_owned();
                format!("{} {}", text("gen_ai.conversation.id"), text("outcome"))
            })
            .collect()
    }
}
