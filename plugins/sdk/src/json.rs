//! JSON as language models read and write it: rows and results in as few characters as say it,
//! amounts exact, and the objects that a model's reply holds.

use serde_json::{Map, Value as Json};

use crate::{Cell, Change, Refusal, Row, ToolResult, Value, shortened};

/// Longest text of a cell in a result that had to be shortened, in characters.
const LONG_TEXT_CHARS_MAX: usize = 300;
/// Most places in a text where an object is looked for.
const STARTS_MAX: usize = 32;

/// A text as a JSON string.
pub fn text(text: &str) -> String {
    Json::from(text).to_string()
}

/// A cell's value: amounts as numbers with two decimal places, dates and ids as strings.
pub fn value(of: &Value) -> String {
    value_within(of, usize::MAX)
}

/// A record: its entity, its id under the name that the tools have for it, and its cells.
pub fn row(row: &Row) -> String {
    row_within(row, usize::MAX)
}

/// What a call reports, in at most so many characters: where that isn't enough, long texts are cut
/// and then rows left out, and the result says how many.
pub fn result(result: &ToolResult, chars_max: usize) -> String {
    let whole = result_within(result, usize::MAX, usize::MAX);
    if whole.chars().count() <= chars_max {
        return whole;
    }
    result_within(result, chars_max, LONG_TEXT_CHARS_MAX)
}

/// Why a call was rejected.
pub fn refusal(refusal: &Refusal) -> String {
    let mut members = vec![("refused", text(&refusal.code))];
    if !refusal.field.is_empty() {
        members.push(("field", text(&refusal.field)));
    }
    members.push(("message", text(&refusal.message)));
    object_of(members)
}

/// What happened to a row.
pub fn change(change: &Change) -> String {
    match change {
        Change::Insert(new) => object_of([("added", row(new))]),
        Change::Delete(old) => object_of([("deleted", row(old))]),
        Change::Update(update) => {
            let columns = update.columns.iter().map(|column| {
                let before = value(&column.before);
                let after = value(&column.after);
                let both = object_of([("before", before), ("after", after)]);
                (column.name.as_str(), both)
            });
            object_of([
                ("changed", text(update.entity.name())),
                (update.entity.key(), text(&update.id)),
                ("columns", object_of(columns)),
            ])
        }
    }
}

/// The one JSON object that a text is.
///
/// # Errors
/// When it is anything else: says what is wrong and where.
pub fn object(text: &str) -> Result<Map<String, Json>, String> {
    serde_json::from_str(text).map_err(|error| format!("not one JSON object: {error}"))
}

/// The first JSON object in a text that may have words or a code fence around it.
///
/// # Errors
/// When there is none, or it is cut off: says which.
pub fn first_object(text: &str) -> Result<Map<String, Json>, String> {
    let mut wrong = "there is no JSON object in it".to_owned();
    for (start, _) in text.match_indices('{').take(STARTS_MAX) {
        let rest = text.get(start..).unwrap_or_default();
        let mut objects = serde_json::Deserializer::from_str(rest).into_iter();
        match objects.next() {
            Some(Ok(object)) => return Ok(object),
            // What stands inside an object that is cut off isn't what was meant.
            Some(Err(error)) if error.is_eof() => {
                return Err(format!("its JSON object is cut off: {error}"));
            }
            Some(Err(error)) => wrong = format!("its JSON is wrong: {error}"),
            None => {}
        }
    }
    Err(wrong)
}

fn value_within(of: &Value, chars_max: usize) -> String {
    match of {
        Value::Absent => "null".to_owned(),
        Value::Text(long) => text(&shortened(long, chars_max)),
        Value::Date(short) | Value::Timestamp(short) | Value::Id(short) => text(short),
        Value::Integer(_) | Value::Money(_) => of.to_string(),
        Value::Texts(texts) => {
            let texts: Vec<String> = texts.iter().map(|one| text(one)).collect();
            format!("[{}]", texts.join(","))
        }
    }
}

fn row_within(row: &Row, text_chars_max: usize) -> String {
    let head = [
        ("entity", text(row.entity.name())),
        (row.entity.key(), text(&row.id)),
    ];
    object_of(head.into_iter().chain(members(&row.cells, text_chars_max)))
}

fn members(cells: &[Cell], text_chars_max: usize) -> impl Iterator<Item = (&str, String)> {
    cells.iter().map(move |cell| {
        let value = value_within(&cell.value, text_chars_max);
        (cell.name.as_str(), value)
    })
}

fn result_within(result: &ToolResult, chars_max: usize, text_chars_max: usize) -> String {
    // What the notes on what was left out may need.
    const NOTES_CHARS: usize = 160;
    let mut room = chars_max.saturating_sub(NOTES_CHARS);
    let mut take = |piece: &String| {
        let length = piece.chars().count() + 1;
        let fits = length <= room;
        room = if fits { room - length } else { 0 };
        fits
    };
    let mut parts = Vec::new();
    if !result.facts.is_empty() {
        let facts = object_of(members(&result.facts, text_chars_max));
        let shown = take(&facts);
        parts.push(match shown {
            true => ("facts", facts),
            false => ("facts_left_out", result.facts.len().to_string()),
        });
    }
    let rows: Vec<String> = result
        .rows
        .iter()
        .map(|row| row_within(row, text_chars_max))
        .take_while(|row| take(row))
        .collect();
    let left_out = result.rows.len() - rows.len();
    parts.push(("rows", format!("[{}]", rows.join(","))));
    if left_out > 0 {
        parts.push(("rows_left_out", left_out.to_string()));
        parts.push(("note", text("Too long to show. Narrow the search.")));
    }
    object_of(parts)
}

/// An object of members whose values are JSON already, in this order.
fn object_of<'a>(members: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let members: Vec<String> = members
        .into_iter()
        .map(|(name, value)| format!("{}:{value}", text(name)))
        .collect();
    format!("{{{}}}", members.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entity;

    fn quote(id: &str, name: &str) -> Row {
        let cell = |name: &str, value| Cell {
            name: name.to_owned(),
            value,
        };
        Row {
            entity: Entity::Quote,
            id: id.to_owned(),
            cells: vec![
                cell("name", Value::Text(name.to_owned())),
                cell("amount", Value::Money(-123_450)),
                cell("version", Value::Absent),
            ],
        }
    }

    fn quotes(count: usize, name: &str) -> ToolResult {
        ToolResult {
            rows: (0..count).map(|n| quote(&format!("q{n}"), name)).collect(),
            facts: vec![Cell {
                name: "total".to_owned(),
                value: Value::Integer(count as i64),
            }],
        }
    }

    #[test]
    fn a_row_has_its_key_under_the_tools_name_and_amounts_to_the_cent() {
        assert_eq!(
            row(&quote("q1", "The \"big\" one")),
            r#"{"entity":"Quote","quote_id":"q1","name":"The \"big\" one","amount":-1234.50,"version":null}"#
        );
    }

    #[test]
    fn a_long_result_says_how_many_rows_it_leaves_out() {
        let shown = result(&quotes(100, "Renewal"), 2_000);
        assert!(shown.chars().count() <= 2_000);
        let parsed = object(&shown).unwrap();
        let rows = parsed["rows"].as_array().unwrap().len() as u64;
        assert!(rows > 5);
        assert_eq!(parsed["rows_left_out"].as_u64().unwrap() + rows, 100);
        assert_eq!(parsed["facts"]["total"], 100);
    }

    #[test]
    fn long_texts_are_cut_before_rows_are_left_out() {
        let shown = result(&quotes(2, &"long ".repeat(1_000)), 2_000);
        let parsed = object(&shown).unwrap();
        assert_eq!(parsed["rows"].as_array().unwrap().len(), 2);
        assert!(!parsed.contains_key("rows_left_out"));
        assert!(shown.contains("…(cut)"));
    }

    #[test]
    fn a_result_that_fits_is_whole() {
        let shown = result(&quotes(2, &"long ".repeat(100)), 12_000);
        assert!(!shown.contains("cut") && !shown.contains("left_out"));
    }

    #[test]
    fn an_object_is_found_behind_words_and_fences() {
        let found = |text: &str| first_object(text).map(|object| object["a"].clone());
        assert_eq!(found(r#"{"a":1}"#), Ok(Json::from(1)));
        assert_eq!(
            found("Sure {ok}:\n```json\n{\"a\": 2}\n```"),
            Ok(Json::from(2))
        );
        assert_eq!(found(r#"{"a":3} {"a":4}"#), Ok(Json::from(3)));
    }

    #[test]
    fn what_stands_inside_an_object_that_is_cut_off_is_not_taken() {
        let wrong = first_object(r#"{"tool":"x","arguments":{"a":1},"te"#).unwrap_err();
        assert!(wrong.contains("cut off"), "{wrong}");
    }

    #[test]
    fn hostile_braces_end_in_an_error() {
        assert!(first_object(&"{".repeat(100_000)).is_err());
        assert!(first_object(&"{\"a\":".repeat(10_000)).is_err());
        assert!(first_object("no").unwrap_err().contains("no JSON object"));
    }
}
