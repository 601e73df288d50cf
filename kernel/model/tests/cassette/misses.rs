//! What is said of a call without a recording.

use crate::*;

#[test]
fn a_miss_names_episode_and_step_and_shows_the_changed_word() {
    let folder = Folder::new();
    let path = folder.small();
    let cassette = Cassette::open(&path, None).unwrap();
    let mut asked = conversation("two#0", 3).remove(2);
    asked.messages[3].text = "two#0: outcome 0".into();
    asked.sampling.temperature = Some(0.7);
    let miss = cassette.miss(&place("two#0", 2, &asked), &asked);
    let nearest = miss.nearest.clone().unwrap();
    assert_eq!((nearest.episode.as_str(), nearest.step), ("two#0", 2));
    let text = miss.to_string();
    for part in [
        "episode two#0, step 2, role student",
        "gpt-4.1 with 6 messages, the last of them Tool: two#0: result 1",
        "the nearest recording is of episode two#0, step 2",
        "temperature: [-0.0-]{+0.7+}",
        "message 3, the first that differs: Tool: two#0: [-result-]{+outcome+} 0",
    ] {
        assert!(text.contains(part), "{part}\nis not in\n{text}");
    }
}

#[test]
fn of_another_episode_the_most_alike_is_shown_and_of_the_same_request_its_occurrence() {
    let folder = Folder::new();
    let path = folder.small();
    let cassette = Cassette::open(&path, None).unwrap();
    let asked = conversation("two#0", 3).remove(2);
    let again = Place {
        occurrence: 1,
        ..place("two#0", 2, &asked)
    };
    let text = cassette.miss(&again, &asked).to_string();
    assert!(
        text.contains("recorded with occurrence 0; this is occurrence 1"),
        "{text}"
    );
    let mut elsewhere = asked.clone();
    elsewhere.tokens_max = 100;
    let miss = cassette.miss(&place("three#0", 7, &elsewhere), &elsewhere);
    let nearest = miss.nearest.unwrap();
    assert_eq!((nearest.episode.as_str(), nearest.step), ("two#0", 2));
    assert_eq!(nearest.diff.trim(), "tokens at most: [-512-]{+100+}");
    let empty = folder.create("empty.cassette");
    let text = empty.miss(&place("one#0", 0, &asked), &asked).to_string();
    assert!(text.contains("the cassette is empty"), "{text}");
}

#[test]
fn a_miss_of_a_long_conversation_is_still_short() {
    let folder = Folder::new();
    let cassette = folder.create("long.cassette");
    let text = |seed: usize| -> String { (0..60_000).map(|n| format!("w{} ", n * seed)).collect() };
    let asked = |seed| request(vec![message(Speaker::User, &text(seed))]);
    let recorded = asked(1);
    cassette
        .record(&place("one#0", 0, &recorded), &recorded, &retained("ok"))
        .unwrap();
    let other = asked(7);
    let miss = cassette
        .miss(&place("one#0", 0, &other), &other)
        .to_string();
    assert!(miss.chars().count() <= 4_000);
    assert!(miss.contains("w0 [-w1"), "{miss}");
}
