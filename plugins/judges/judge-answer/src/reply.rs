//! The form of the model's reply, and how it is read.

use proctor_sdk::json;
use proctor_sdk::judge::{Judgment, Rating};
use serde_json::{Map, Value as Json};

/// What is rated. Each must be, once.
pub(crate) const CRITERIA: [&str; 3] = ["faithfulness", "completeness", "clarity"];

/// JSON Schema of a reply. Written by hand, since the order of its members is that in which a
/// model writes them: its own summary after the ratings.
pub(crate) fn schema() -> String {
    let criteria = Json::from(CRITERIA.as_slice());
    let share = r#"{"type":"number","minimum":0,"maximum":1}"#;
    let words = r#"{"type":"string"}"#;
    let rating = format!(
        r#"{{"type":"object","properties":{{"criterion":{{"type":"string","enum":{criteria}}},"score":{share},"rationale":{words}}},"required":["criterion","score","rationale"],"additionalProperties":false}}"#
    );
    let count = CRITERIA.len();
    format!(
        r#"{{"type":"object","properties":{{"ratings":{{"type":"array","items":{rating},"minItems":{count},"maxItems":{count}}},"score":{share},"confidence":{share},"rationale":{words}}},"required":["ratings","score","confidence","rationale"],"additionalProperties":false}}"#
    )
}

/// Reads a reply. The score is the lowest rating, whatever the model says it is.
///
/// # Errors
/// When it isn't a judgment: what is wrong with it, to be told to the model.
pub(crate) fn read(text: &str) -> Result<Judgment, String> {
    let reply = json::first_object(text)?;
    let given = reply
        .get("ratings")
        .and_then(Json::as_array)
        .ok_or(r#""ratings" must be a list"#)?;
    if given.len() != CRITERIA.len() {
        return Err(format!(
            "there are {} ratings: rate {}, each once",
            given.len(),
            CRITERIA.join(", ")
        ));
    }
    let ratings = CRITERIA
        .iter()
        .map(|criterion| rating(given, criterion))
        .collect::<Result<Vec<_>, _>>()?;
    share(&reply, "score")?;
    Ok(Judgment {
        score: ratings.iter().map(|one| one.score).fold(1.0, f64::min),
        confidence: share(&reply, "confidence")?,
        ratings,
        rationale: words(&reply, "rationale")?,
    })
}

fn rating(given: &[Json], criterion: &str) -> Result<Rating, String> {
    let rating = given
        .iter()
        .filter_map(Json::as_object)
        .find(|one| one.get("criterion").and_then(Json::as_str) == Some(criterion))
        .ok_or_else(|| format!("there is no rating of {criterion}"))?;
    let of = |wrong| format!("in the rating of {criterion}, {wrong}");
    Ok(Rating {
        criterion: criterion.to_owned(),
        score: share(rating, "score").map_err(of)?,
        rationale: words(rating, "rationale").map_err(of)?,
    })
}

fn share(object: &Map<String, Json>, name: &str) -> Result<f64, String> {
    object
        .get(name)
        .and_then(Json::as_f64)
        .filter(|share| (0.0..=1.0).contains(share))
        // Zero has no sign.
        .map(|share| share + 0.0)
        .ok_or_else(|| format!("{name:?} must be a number from 0 to 1"))
}

fn words(object: &Map<String, Json>, name: &str) -> Result<String, String> {
    object
        .get(name)
        .and_then(Json::as_str)
        .map(str::to_owned)
        .ok_or_else(|| format!("{name:?} must be a text"))
}
