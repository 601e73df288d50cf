//! Marks what the agent says: the record ids and facts that were asked for are there, and
//! nothing contradicts them.

mod mentions;

use mentions::{Mentions, has_word};
use proctor_sdk::verifier::{Episode, ExpectedAnswer, Fact, Gold, Report, Verifier};
use proctor_sdk::{About, Action, Failure, Verdict, folded};

/// Marks the words that close each turn.
pub struct Answer;

impl Verifier for Answer {
    const ABOUT: About = About {
        name: "answer",
        version: env!("CARGO_PKG_VERSION"),
        summary: "Marks what the agent says: facts and ids asked for are there, nothing contradicts.",
        simulated: false,
    };

    fn verify(episode: &dyn Episode, gold: &dyn Gold) -> Result<Verdict, Failure> {
        let mut report = Report::default();
        for expected in gold.answers() {
            let turn = format!("turn {}", expected.turn + 1);
            match closing(episode, expected.turn) {
                Some(Action::Answer(words)) => mark(&mut report, episode, &expected, &turn, &words),
                Some(_) => report.check(turn, false, "the agent declined to answer"),
                None => report.check(turn, false, "the agent gave no answer"),
            }
        }
        Ok(report.verdict())
    }
}

proctor_sdk::export_verifier!(Answer);

fn closing(episode: &dyn Episode, turn: u32) -> Option<Action> {
    (0..episode.step_count())
        .rev()
        .filter(|step| episode.turn_of(*step) == Some(turn))
        .find_map(|step| {
            episode
                .action(step)
                .filter(|action| !matches!(action, Action::Call(_)))
        })
}

fn mark(
    report: &mut Report,
    episode: &dyn Episode,
    expected: &ExpectedAnswer,
    turn: &str,
    words: &str,
) {
    let looked_up = (0..episode.step_count()).any(|step| {
        matches!(episode.action(step), Some(Action::Call(_))) && episode.refusal(step).is_none()
    });
    report.check(
        format!("{turn}: looked it up"),
        looked_up,
        "some call was carried out",
    );
    let found = Mentions::in_text(&without_known_texts(expected, words));
    for id in &expected.records {
        let named = found.ids.contains(id);
        let seen = episode.seen(id);
        let detail = match (named, seen) {
            (true, true) => "named, and seen in a result",
            (true, false) => "named, but never seen in a result: a guess",
            (false, _) => "not named",
        };
        report.check(format!("{turn}: record {id}"), named && seen, detail);
    }
    for fact in &expected.facts {
        let said = is_said(fact, &found, words);
        let detail = if said { "said" } else { "not said" };
        report.check(format!("{turn}: {}", name(fact)), said, detail);
    }
    let contradictions = contradictions(expected, &found, words);
    let detail = if contradictions.is_empty() {
        "none".into()
    } else {
        contradictions.join("; ")
    };
    report.check(
        format!("{turn}: no contradiction"),
        contradictions.is_empty(),
        detail,
    );
}

fn is_said(fact: &Fact, found: &Mentions, words: &str) -> bool {
    match fact {
        Fact::Money(cents) => found.numbers.contains(cents),
        Fact::Count(count) => count
            .checked_mul(100)
            .is_some_and(|as_cents| found.counts.contains(&as_cents)),
        Fact::Date(date) => found.dates.contains(date),
        Fact::Choice(choice) => has_word(words, &choice.value),
        Fact::Text(text) => folded(words).contains(&folded(text)),
    }
}

fn name(fact: &Fact) -> String {
    match fact {
        Fact::Money(cents) => format!("amount {}.{:02}", cents / 100, (cents % 100).abs()),
        Fact::Count(count) => format!("number {count}"),
        Fact::Date(date) => format!("date {date}"),
        Fact::Choice(choice) => format!("value {}", choice.value),
        Fact::Text(text) => format!("text {text:?}"),
    }
}

/// The words without the texts that belong in them: a name such as "Phase 2" must not be taken
/// for a number.
fn without_known_texts(expected: &ExpectedAnswer, words: &str) -> String {
    let mut rest = words.to_owned();
    for fact in expected.facts.iter().chain(&expected.other_facts) {
        if let Fact::Text(text) = fact {
            rest = rest.replace(text.as_str(), " … ");
        }
    }
    rest
}

/// What is said that cannot be true beside what was asked for. Each kind of thing counts only
/// where it was asked for: who asks for an amount must not get two.
fn contradictions(expected: &ExpectedAnswer, found: &Mentions, words: &str) -> Vec<String> {
    let allowed: Vec<&Fact> = expected.facts.iter().chain(&expected.other_facts).collect();
    let mut wrong = Vec::new();
    for id in &found.ids {
        if !expected.records.contains(id) && !expected.other_records.contains(id) {
            wrong.push(format!("names the record {id}"));
        }
    }
    if expected
        .facts
        .iter()
        .any(|fact| matches!(fact, Fact::Money(_)))
    {
        for cents in &found.amounts {
            if !allowed
                .iter()
                .any(|fact| matches!(fact, Fact::Money(known) if known == cents))
            {
                wrong.push(format!(
                    "says the amount {}.{:02}",
                    cents / 100,
                    (cents % 100).abs()
                ));
            }
        }
    }
    if expected
        .facts
        .iter()
        .any(|fact| matches!(fact, Fact::Date(_)))
    {
        for date in &found.dates {
            if !allowed
                .iter()
                .any(|fact| matches!(fact, Fact::Date(known) if known == date))
            {
                wrong.push(format!("says the date {date}"));
            }
        }
    }
    if expected
        .facts
        .iter()
        .any(|fact| matches!(fact, Fact::Count(_)))
    {
        for cents in &found.counts {
            let count = cents / 100;
            let known = allowed.iter().any(|fact| match fact {
                Fact::Count(known) => *known == count,
                Fact::Money(known) => known == cents,
                _ => false,
            });
            if !known {
                wrong.push(format!("says the number {count}"));
            }
        }
    }
    let rest = without_known_texts(expected, words);
    for fact in &expected.facts {
        let Fact::Choice(choice) = fact else { continue };
        for other in choice.legal.iter().filter(|other| **other != choice.value) {
            let known = allowed
                .iter()
                .any(|fact| matches!(fact, Fact::Choice(known) if known.value == *other));
            if !known && has_word(&rest, other) {
                wrong.push(format!("says {other}"));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests;
