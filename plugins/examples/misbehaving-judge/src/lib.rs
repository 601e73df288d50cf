//! A judge that goes wrong in the way that the user's words name, and is content with anything
//! else. The host's tests run it; nobody else should.

use core::hint::black_box;

use proctor_sdk::judge::{Episode, Judge, Judgment, Opinion, Rating};
use proctor_sdk::model::{ChatRequest, HostModel, Message, Model};
use proctor_sdk::{About, Failure, Verdict, prompts};

/// Content, unless told otherwise.
pub struct Misbehaving;

impl Judge for Misbehaving {
    const ABOUT: About = About {
        name: "misbehaving-judge",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Goes wrong in the way that the user's words name.",
        simulated: false,
    };

    fn judge(episode: &dyn Episode, verdicts: &[Verdict]) -> Result<Judgment, Failure> {
        let order = episode.turns().into_iter().next().unwrap_or_default();
        let (how, rest) = order.split_once(' ').unwrap_or((&order, ""));
        let number: usize = rest.parse().unwrap_or(0);
        match how {
            "panic" => panic!("told to panic"),
            "fail" => Err(Failure::new("told to fail")),
            "loop" => run_for_ever(),
            "score" => Ok(judgment(rest.parse().unwrap_or(f64::NAN), "")),
            "confidence" => Ok(Judgment {
                confidence: rest.parse().unwrap_or(f64::NAN),
                ..judgment(1.0, "")
            }),
            "ratings" => Ok(Judgment {
                ratings: vec![rating(); number],
                ..judgment(1.0, "")
            }),
            "rationale" => Ok(judgment(1.0, &"x".repeat(number))),
            "verdicts" => Ok(judgment(1.0, &verdicts.len().to_string())),
            // Says the text of this name.
            "prompt" => Ok(judgment(1.0, &prompts::text(rest).unwrap_or_default())),
            // Asks the model so many times, and says what it said last.
            "chat" => ask(number, 1),
            // Asks once, with so many characters.
            "shout" => ask(1, number),
            _ => Ok(judgment(1.0, "")),
        }
    }

    fn arbitrate(_: &dyn Episode, opinions: &[Opinion]) -> Result<Judgment, Failure> {
        let first = opinions.first().map(|opinion| opinion.judgment.clone());
        first.ok_or_else(|| Failure::new("there is no opinion"))
    }
}

fn ask(times: usize, chars: usize) -> Result<Judgment, Failure> {
    let mut said = String::new();
    for _ in 0..times {
        let words = Message::user("x".repeat(chars));
        said = HostModel.chat(ChatRequest::of(vec![words]))?.text;
    }
    Ok(judgment(1.0, &said))
}

fn judgment(score: f64, rationale: &str) -> Judgment {
    Judgment {
        score,
        confidence: 1.0,
        ratings: Vec::new(),
        rationale: rationale.to_owned(),
    }
}

fn rating() -> Rating {
    Rating {
        criterion: "content".to_owned(),
        score: 1.0,
        rationale: String::new(),
    }
}

fn run_for_ever() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

proctor_sdk::export_judge!(Misbehaving);
