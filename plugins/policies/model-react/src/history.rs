//! The conversation within a bound: a small model's context is soon full. When it grows beyond the
//! bound it is shortened to well below, so that the start of the conversation, which servers keep
//! in their cache, stays the same for some steps.

use proctor_sdk::model::{Message, Role};
use proctor_sdk::shortened;

/// What is left of a result that is shortened, in characters.
const OLD_RESULT_CHARS: usize = 120;

/// Something that happened: the user's words, or what the model said and what came of it.
struct Event {
    messages: Vec<Message>,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Words,
    /// A step; its last message is the result, once it is there.
    Step,
}

/// The conversation since the instructions.
pub(crate) struct History {
    events: Vec<Event>,
    chars_max: usize,
}

impl History {
    /// An empty one that never shows more than so many characters.
    pub(crate) fn new(chars_max: usize) -> Self {
        Self {
            events: Vec::new(),
            chars_max,
        }
    }

    /// The user speaks.
    pub(crate) fn words(&mut self, words: String) {
        self.push(Kind::Words, vec![Message::user(words)]);
    }

    /// The model took a step with these messages.
    pub(crate) fn step(&mut self, messages: Vec<Message>) {
        self.push(Kind::Step, messages);
    }

    /// What came of the last step.
    pub(crate) fn result(&mut self, result: &str) {
        if let Some(last) = self.events.last_mut() {
            last.messages
                .push(Message::user(format!("Result: {result}")));
        }
        self.bound();
    }

    /// All messages.
    pub(crate) fn messages(&self) -> impl Iterator<Item = &Message> {
        self.events.iter().flat_map(|event| &event.messages)
    }

    fn push(&mut self, kind: Kind, messages: Vec<Message>) {
        self.events.push(Event { messages, kind });
        self.bound();
    }

    fn chars(&self) -> usize {
        self.messages()
            .map(|message| message.text.chars().count())
            .sum()
    }

    fn bound(&mut self) {
        if self.chars() <= self.chars_max {
            return;
        }
        let target = self.chars_max / 4 * 3;
        self.shorten_old_results(target);
        self.drop_old_events(target);
        self.cut_evenly(target);
    }

    /// Shortens results, the oldest first, but not the newest.
    fn shorten_old_results(&mut self, target: usize) {
        for at in 0..self.events.len().saturating_sub(1) {
            if self.chars() <= target {
                return;
            }
            let result = self
                .events
                .get_mut(at)
                .filter(|event| event.kind == Kind::Step)
                .and_then(|event| event.messages.last_mut())
                .filter(|message| message.role == Role::User);
            if let Some(result) = result {
                result.text = shortened(&result.text, OLD_RESULT_CHARS);
            }
        }
    }

    /// Forgets events, the oldest first, but not the last one, nor what the turn is about.
    fn drop_old_events(&mut self, target: usize) {
        while self.chars() > target {
            let words = self
                .events
                .iter()
                .rposition(|event| event.kind == Kind::Words);
            let last = self.events.len().saturating_sub(1);
            let Some(oldest) = (0..last).find(|at| Some(*at) != words) else {
                return;
            };
            self.events.remove(oldest);
        }
    }

    /// Cuts what is long of what is left.
    fn cut_evenly(&mut self, target: usize) {
        if self.chars() <= target {
            return;
        }
        let messages = self.messages().count().max(1);
        for message in self.events.iter_mut().flat_map(|event| &mut event.messages) {
            message.text = shortened(&message.text, target / messages);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(history: &History) -> Vec<&str> {
        history
            .messages()
            .map(|message| message.text.as_str())
            .collect()
    }

    fn step(history: &mut History, said: &str, result: &str) {
        history.step(vec![Message::assistant(said)]);
        history.result(result);
    }

    #[test]
    fn what_fits_is_kept_as_it_is() {
        let mut history = History::new(1_000);
        history.words("List".into());
        step(&mut history, "a", "one");
        step(&mut history, "b", "two");
        assert_eq!(
            texts(&history),
            ["List", "a", "Result: one", "b", "Result: two"]
        );
    }

    #[test]
    fn the_oldest_results_are_shortened_first_and_the_newest_is_not() {
        let mut history = History::new(2_000);
        history.words("List".into());
        for said in ["a", "b", "c", "d"] {
            step(&mut history, said, &said.repeat(600));
        }
        let lengths: Vec<usize> = texts(&history)
            .iter()
            .map(|text| text.chars().count())
            .collect();
        assert_eq!(lengths, [4, 1, 120, 1, 120, 1, 608, 1, 608]);
    }

    #[test]
    fn the_turns_words_and_the_last_step_outlive_what_came_before() {
        let mut history = History::new(1_000);
        history.words("Old request".into());
        for n in 0..50 {
            step(&mut history, &format!("old {n}"), &"x".repeat(300));
        }
        history.words("New request".into());
        for n in 0..50 {
            step(&mut history, &format!("new {n}"), &"y".repeat(300));
        }
        let texts = texts(&history);
        assert!(texts.contains(&"New request"));
        assert!(!texts.contains(&"Old request"));
        assert_eq!(texts[texts.len() - 2], "new 49");
        assert!(texts.last().unwrap().ends_with(&"y".repeat(300)));
    }

    #[test]
    fn nothing_makes_it_longer_than_its_bound() {
        for length in [0, 10, 500, 5_000, 50_000] {
            let mut history = History::new(1_000);
            for _ in 0..10 {
                history.words("w".repeat(length));
                assert!(history.chars() <= 1_000);
                for _ in 0..3 {
                    history.step(vec![Message::assistant("s".repeat(length)); 3]);
                    assert!(history.chars() <= 1_000);
                    history.result(&"r".repeat(length));
                    assert!(history.chars() <= 1_000);
                }
            }
        }
    }

    #[test]
    fn once_shortened_its_start_stays_the_same_for_some_steps() {
        let mut history = History::new(4_000);
        history.words("List".into());
        let mut changes = 0;
        let mut before = String::new();
        for n in 0..40 {
            step(&mut history, &format!("{n}"), &"x".repeat(300));
            let now = texts(&history).concat();
            if !now.starts_with(&before) {
                changes += 1;
            }
            before = now;
        }
        assert!((1..=14).contains(&changes), "{changes}");
    }
}
