//! The record of an episode as the model sees it: one JSON object a line, between two tags that
//! nothing in it can imitate.

use proctor_sdk::judge::Episode;
use proctor_sdk::{Action, Observation, json, shortened};

/// Longest record, in characters, as long as shortening what stands in it helps.
const RECORD_CHARS_MAX: usize = 60_000;
/// Longest result, arguments and change, in characters: the first that makes the record short
/// enough, or else the last.
const PIECE_CHARS_MAX: [usize; 4] = [4_000, 1_500, 500, 150];
/// Longest words of the user or the agent, in characters.
const WORDS_CHARS_MAX: usize = 8_000;
/// Most changes that are shown.
const CHANGES_MAX: usize = 200;

/// The record of this episode.
pub(crate) fn of(episode: &dyn Episode) -> String {
    let mut lines = Vec::new();
    for piece_chars_max in PIECE_CHARS_MAX {
        lines = steps(episode, piece_chars_max);
        lines.extend(changes(episode, piece_chars_max));
        let chars: usize = lines.iter().map(|line| line.chars().count()).sum();
        if chars <= RECORD_CHARS_MAX {
            break;
        }
    }
    // In JSON these two stand within strings alone, where they can be written otherwise; so nobody
    // who is quoted can close the record.
    let inside = lines
        .join("\n")
        .replace('<', "\\u003c")
        .replace('>', "\\u003e");
    format!(
        "The episode took place at {}. Its record:\n<episode>\n{inside}\n</episode>\n\
         Judge the words that close its turns.",
        episode.now()
    )
}

/// What was said and done, turn by turn.
fn steps(episode: &dyn Episode, piece_chars_max: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut step = 0;
    for (turn, words) in (0_u32..).zip(episode.turns()) {
        // A turn that was never reached isn't the agent's to close.
        if turn > 0 && step >= episode.step_count() {
            break;
        }
        lines.push(words_line("user", &words));
        while episode.turn_of(step) == Some(turn) {
            lines.extend(step_line(episode, step, piece_chars_max));
            step += 1;
        }
    }
    lines
}

fn step_line(episode: &dyn Episode, step: u32, piece_chars_max: usize) -> Option<String> {
    Some(match episode.action(step)? {
        Action::Answer(words) => words_line("answer", &words),
        Action::Decline(words) => words_line("decline", &words),
        Action::Call(call) => {
            let outcome = match episode.observation(step) {
                Some(Observation::Accepted(result)) => {
                    format!(r#","result":{}"#, json::result(&result, piece_chars_max))
                }
                Some(Observation::Refused(refusal)) => {
                    format!(r#","refused":{}"#, json::refusal(&refusal))
                }
                Some(Observation::Message(_)) | None => String::new(),
            };
            format!(
                r#"{{"call":{},"arguments":{}{outcome}}}"#,
                json::text(&shortened(&call.tool, piece_chars_max)),
                json::text(&shortened(&call.arguments, piece_chars_max))
            )
        }
    })
}

/// What is different after the episode.
fn changes(episode: &dyn Episode, piece_chars_max: usize) -> Vec<String> {
    let changes = episode.diff();
    let mut lines: Vec<String> = changes
        .iter()
        .take(CHANGES_MAX)
        .map(|change| fitting(json::change(change), piece_chars_max))
        .collect();
    let left_out = changes.len().saturating_sub(CHANGES_MAX);
    if left_out > 0 {
        lines.push(format!(r#"{{"changes_left_out":{left_out}}}"#));
    }
    lines
}

/// A line of JSON; one that is too long, as the text of its start.
fn fitting(line: String, chars_max: usize) -> String {
    if line.chars().count() <= chars_max {
        return line;
    }
    format!(
        r#"{{"change":{}}}"#,
        json::text(&shortened(&line, chars_max))
    )
}

fn words_line(kind: &str, words: &str) -> String {
    format!(
        r#"{{"{kind}":{}}}"#,
        json::text(&shortened(words, WORDS_CHARS_MAX))
    )
}
