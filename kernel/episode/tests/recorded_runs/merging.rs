//! Runs of some tasks each, made into the one run that was never split.

use std::path::PathBuf;

use proctor_episode::{Examination, MergeError, Merged, Suite, merge};
use proptest::prelude::*;

use super::stage::{Clerk, Run, examination, outside_wall, suite};

fn merged(shards: &[Run]) -> Result<(Merged, Vec<u8>), MergeError> {
    merged_of(&suite(), shards)
}

fn merged_of(suite: &Suite, shards: &[Run]) -> Result<(Merged, Vec<u8>), MergeError> {
    let paths: Vec<PathBuf> = shards.iter().map(|shard| shard.path.clone()).collect();
    let mut out = Vec::new();
    Ok((merge(&paths, suite, &mut out)?, out))
}

/// What is said of shards that can't be merged.
fn refused(shards: &[Run]) -> String {
    merged(shards)
        .map(|(merged, _)| merged)
        .unwrap_err()
        .to_string()
}

fn changed(tasks: Vec<usize>, change: impl Fn(&mut Examination<'_>)) -> Run {
    let (suite, clerk) = (suite(), Clerk::default());
    let mut examination = examination(&suite, tasks, &clerk);
    change(&mut examination);
    Run::of(&examination, usize::MAX)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn shards_come_to_the_run_that_was_never_split(
        shard_of in prop::collection::vec(0_usize..3, 5),
        order in Just(vec![0_usize, 1, 2]).prop_shuffle(),
    ) {
        let of = |shard: usize| (0..5).filter(|task| shard_of[*task] == shard).collect();
        let shards: Vec<Run> = order
            .iter()
            .map(|shard| of(*shard))
            .filter(|tasks: &Vec<usize>| !tasks.is_empty())
            .map(|tasks| Run::over(tasks, &Clerk::default()))
            .collect();
        let whole = Run::over((0..5).collect(), &Clerk::default()).bytes();
        let (merged, bytes) = merged(&shards).unwrap();
        prop_assert_eq!(outside_wall(&bytes), outside_wall(&whole));
        prop_assert_eq!((merged.tasks, merged.episodes), (5, 10));
        prop_assert_eq!(merged.lines as usize, outside_wall(&whole).len());
    }
}

#[test]
fn what_was_merged_can_be_merged_again() {
    let clerk = Clerk::default();
    let (_, mut some) = merged(&[Run::over(vec![3], &clerk), Run::over(vec![0], &clerk)]).unwrap();
    let first = Run::over(vec![0, 3], &clerk);
    std::fs::write(&first.path, &some).unwrap();
    (_, some) = merged(&[first, Run::over(vec![1, 2, 4], &clerk)]).unwrap();
    let whole = Run::over((0..5).collect(), &clerk);
    assert_eq!(outside_wall(&some), outside_wall(&whole.bytes()));
}

#[test]
fn each_line_keeps_what_the_clock_said_of_it() {
    let shards = [vec![4], vec![0, 1, 2, 3]].map(|tasks| Run::over(tasks, &Clerk::default()));
    let (_, bytes) = merged(&shards).unwrap();
    let walls = |telemetry: &[u8]| -> Vec<String> {
        let lines = std::str::from_utf8(telemetry).unwrap().lines();
        lines
            .filter(|line| !line.contains("\"event\":\"run.start\""))
            .filter_map(|line| Some(line.split_once("\"wall\":")?.1.to_owned()))
            .collect()
    };
    let expected = [walls(&shards[1].bytes()), walls(&shards[0].bytes())].concat();
    assert_eq!(walls(&bytes), expected);
    let start = std::str::from_utf8(&bytes).unwrap().lines().next().unwrap();
    assert!(start.contains("store of 1"), "the first shard's: {start}");
}

#[test]
fn runs_that_are_not_parts_of_one_are_refused_by_name() {
    let clerk = Clerk::default();
    let over = |tasks: &[usize]| Run::over(tasks.to_vec(), &clerk);
    assert!(refused(&[]).contains("between 1 and 256"));

    let twice = refused(&[over(&[0, 1]), over(&[1, 2])]);
    assert!(
        twice.contains("examines the task birch, and so does"),
        "{twice}"
    );

    let other = changed(vec![1], |examination| examination.seed = 43);
    let path = other.path.display().to_string();
    let seeded = refused(&[over(&[0]), other]);
    assert!(seeded.starts_with(&path), "{seeded}");
    assert!(seeded.contains("its seed is 43, not 42"), "{seeded}");

    let trials = changed(vec![1], |examination| examination.trials = 1);
    let trials = refused(&[over(&[0]), trials]);
    assert!(trials.contains("its trials is 1, not 2"), "{trials}");

    let mut newer = Suite::clone(&suite());
    newer.digest = proctor_host::Digest::of(b"newer");
    let error = merged_of(&newer, &[over(&[0])]).unwrap_err().to_string();
    assert!(error.contains("is over a suite with digest"), "{error}");
}

#[test]
fn a_shard_that_is_not_complete_is_refused() {
    let (suite, clerk) = (suite(), Clerk::default());
    let unfinished = Run::of(&examination(&suite, vec![0, 1], &clerk), 3);
    let error = refused(&[unfinished]);
    assert!(error.contains("ends here without run.end"), "{error}");

    let cut = Run::over(vec![0], &clerk);
    let mut bytes = cut.bytes();
    bytes.truncate(bytes.len() - 5);
    std::fs::write(&cut.path, bytes).unwrap();
    let error = refused(&[cut]);
    assert!(error.contains("it is cut short"), "{error}");

    let empty = Run::over(vec![0], &clerk);
    std::fs::write(&empty.path, "").unwrap();
    let error = refused(&[empty]);
    assert!(error.contains("a run begins with run.start"), "{error}");
}
