//! Where two runs begin to differ.

use proctor_episode::{Difference, DifferenceError, first_difference, first_difference_in_sample};

use super::stage::{Clerk, Run, examination, suite};

const ALL: [usize; 5] = [0, 1, 2, 3, 4];

fn run(clerk: &Clerk) -> Vec<u8> {
    Run::over(ALL.to_vec(), clerk).bytes()
}

fn saying(name: &'static str, words: &str) -> Clerk {
    Clerk {
        says: Some((name, words.to_owned())),
    }
}

fn difference(recorded: &[u8], replayed: &[u8]) -> Difference {
    let compared = first_difference(recorded, replayed).unwrap();
    compared.difference.unwrap()
}

#[test]
fn the_same_run_again_is_the_same_whatever_stands_in_wall() {
    let (one, other) = (run(&Clerk::default()), run(&Clerk::default()));
    assert_ne!(one, other, "no two runs take the same time");
    let compared = first_difference(&*one, &*other).unwrap();
    assert_eq!(compared.difference, None);
    assert_eq!(compared.episodes, 10);
    let lines = one.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(compared.lines, lines as u64);
}

#[test]
fn the_first_step_that_differs_is_named_with_what_differs() {
    let one = run(&Clerk::default());
    let other = run(&saying("cedar", "cedar was there"));
    let found = difference(&one, &other);
    assert_eq!(found.episode.as_deref(), Some("cedar#0"));
    assert_eq!((found.step, found.event.as_str()), (Some(1), "step"));
    assert_eq!(found.recorded_line, found.replayed_line);
    assert_eq!(
        found.to_string().lines().skip(1).collect::<Vec<_>>(),
        [
            "  fields.gen_ai.output.text",
            "    recorded \"cedar is there\"",
            "    replayed \"cedar was there\"",
        ]
    );
    let compared = first_difference(&*one, &*other).unwrap();
    assert_eq!(compared.episodes, 4, "those of ash and birch");
}

#[test]
fn of_long_texts_the_place_where_they_part_is_shown() {
    let long = "x".repeat(5_000);
    let one = run(&saying("ash", &format!("{long} yes {long}")));
    let other = run(&saying("ash", &format!("{long} no {long}")));
    let field = difference(&one, &other).fields.remove(0);
    for (shown, word) in [(&field.recorded, " yes "), (&field.replayed, " no ")] {
        assert!(shown.contains(word), "{shown}");
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        assert!(shown.chars().count() <= 302, "{shown}");
    }
}

#[test]
fn a_run_that_ends_before_the_other_differs_there() {
    let all = run(&Clerk::default());
    let policy = Clerk::default();
    let some = Run::of(&examination(&suite(), ALL.to_vec(), &policy), 3).bytes();
    let found = difference(&all, &some);
    assert_eq!(found.episode.as_deref(), Some("birch#1"));
    assert_eq!(found.replayed_line, None);
    assert!(
        found
            .to_string()
            .ends_with("the replayed run ends before it")
    );
    let found = difference(&some, &all);
    assert_eq!((found.recorded_line, found.fields.len()), (None, 0));
}

#[test]
fn a_side_that_was_tampered_with_is_named() {
    let whole = run(&Clerk::default());
    let cut = &whole[..whole.len() - 3];
    let error = first_difference(&*whole, cut).unwrap_err();
    assert!(matches!(error, DifferenceError::Replayed(_)), "{error}");
    let error = first_difference(cut, &*whole).unwrap_err();
    assert!(matches!(error, DifferenceError::Recorded(_)), "{error}");
}

#[test]
fn a_sample_is_held_to_its_own_episodes() {
    let whole = run(&Clerk::default());
    for tasks in [vec![1, 3], vec![4], ALL.to_vec()] {
        let episodes = tasks.len() as u64 * 2;
        let sample = Run::over(tasks, &Clerk::default()).bytes();
        let compared = first_difference_in_sample(&*whole, &*sample).unwrap();
        assert_eq!((compared.difference, compared.episodes), (None, episodes));
    }
    let sample = Run::over(vec![1, 3], &saying("doug", "no")).bytes();
    let compared = first_difference_in_sample(&*whole, &*sample).unwrap();
    let found = compared.difference.unwrap();
    assert_eq!(found.episode.as_deref(), Some("doug#0"));
    assert_eq!(found.fields.len(), 1);
    assert!(found.recorded_line > found.replayed_line);
}

#[test]
fn a_sample_that_is_none_is_told_by_its_header_or_its_episodes() {
    let policy = Clerk::default();
    let some = Run::over(vec![0, 1], &policy).bytes();
    let other = Run::over(vec![1, 2], &policy).bytes();
    let compared = first_difference_in_sample(&*some, &*other).unwrap();
    let found = compared.difference.unwrap();
    assert_eq!(found.event, "run.start");
    assert!(
        found
            .fields
            .iter()
            .any(|field| field.path.starts_with("fields.tasks"))
    );

    let mut seeded = examination(&suite(), vec![1], &policy);
    seeded.seed = 43;
    let compared = first_difference_in_sample(&*some, &*Run::of(&seeded, 9).bytes()).unwrap();
    let found = compared.difference.unwrap();
    assert_eq!(found.fields[0].path, "fields.seed");

    let unfinished = Run::of(&examination(&suite(), vec![0, 1], &policy), 3).bytes();
    let compared = first_difference_in_sample(&*some, &*unfinished).unwrap();
    let found = compared.difference.unwrap();
    assert_eq!(found.episode.as_deref(), Some("birch#1"));
}

#[test]
fn lines_that_say_nothing_of_a_run_are_compared_and_do_no_harm() {
    // A chain that holds, over fields that are no table.
    let body = r#""event":"run.start","fields":7,"seq":0"#;
    let chain = proctor_host::Digest::of(format!("{{{body}}}").as_bytes());
    let odd = format!("{{\"chain\":\"{chain}\",{body}}}\n");
    let whole = run(&Clerk::default());
    for compared in [
        first_difference_in_sample(odd.as_bytes(), &*whole),
        first_difference_in_sample(&*whole, odd.as_bytes()),
        first_difference(odd.as_bytes(), &*whole),
        first_difference_in_sample(&b""[..], &*whole),
    ] {
        assert!(compared.unwrap().difference.is_some());
    }
}
