//! Which tasks of a suite are meant.

use proctor_episode::{Split, Suite, Task};

use crate::args::Shard;
use crate::exit::Failure;

/// Indices of the tasks that all filters let through.
pub fn select(
    suite: &Suite,
    filters: &[String],
    limit: Option<usize>,
) -> Result<Vec<usize>, Failure> {
    let filters = filters
        .iter()
        .map(|text| Filter::parse(suite, text))
        .collect::<Result<Vec<_>, _>>()?;
    let tasks: Vec<usize> = suite
        .tasks
        .iter()
        .enumerate()
        .filter(|(_, task)| filters.iter().all(|filter| filter.lets_through(task)))
        .map(|(at, _)| at)
        .take(limit.unwrap_or(usize::MAX))
        .collect();
    if tasks.is_empty() {
        return Err(
            Failure::input("no task is left: the filters let none through")
                .hint("`proctor suite show` lists the tasks with their kinds and splits"),
        );
    }
    Ok(tasks)
}

impl Shard {
    /// The tasks of this part: every so many, so that parts are alike.
    pub fn of(&self, tasks: &[usize]) -> Result<Vec<usize>, Failure> {
        let of_part = tasks.iter().skip(self.part - 1).step_by(self.parts);
        let of_part: Vec<usize> = of_part.copied().collect();
        if of_part.is_empty() {
            return Err(Failure::input(format!(
                "--shard {self}: there are only {} tasks",
                tasks.len()
            )));
        }
        Ok(of_part)
    }
}

enum Filter {
    Text(String),
    Kind(String),
    Split(Split),
    Negative(String),
}

impl Filter {
    fn parse(suite: &Suite, text: &str) -> Result<Self, Failure> {
        match text.split_once('=') {
            None => Ok(Self::Text(text.to_owned())),
            Some(("kind", kind)) => {
                if suite.tasks.iter().any(|task| task.kind == kind) {
                    return Ok(Self::Kind(kind.to_owned()));
                }
                Err(Failure::input(format!(
                    "--filter {text}: no task is of this kind"
                )))
            }
            Some(("negative", kind)) => Ok(Self::Negative(kind.to_owned())),
            Some(("split", name)) => [Split::Train, Split::Eval, Split::Holdout]
                .into_iter()
                .find(|split| split.name() == name)
                .map(Self::Split)
                .ok_or_else(|| {
                    Failure::input(format!("--filter {text}: splits are train, eval, holdout"))
                }),
            Some((key, _)) => Err(Failure::input(format!(
                "--filter {text}: no filter `{key}`; they are kind, split, negative"
            ))),
        }
    }

    fn lets_through(&self, task: &Task) -> bool {
        match self {
            Self::Text(text) => task.id.contains(text),
            Self::Kind(kind) => task.kind == *kind,
            Self::Split(split) => task.split == *split,
            Self::Negative(kind) => task.negative.as_ref() == Some(kind),
        }
    }
}
