//! The suite lint: proves of every task, before it may be used, that it can be passed, that it
//! cannot be passed by doing nothing or the wrong thing, and that nothing is asked that nobody
//! could know.
//!
//! For each task the oracle is played and held against what the task says; then every mutant of
//! it, a script with one thing changed, which the verifiers must reject. A mutant that passes is
//! a hole in the examination, unless it does the same as the oracle and the suite file says why.

mod arguments;
mod catalog;
mod equivalence;
mod knowledge;
mod mention;
mod mutant;
mod placeholder;
mod proof;
mod report;
mod stage;
mod wrong_value;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;

use proctor_crm::Tool;
use proctor_store::{Image, Sqlite, StoreError};

pub(crate) use placeholder::placeholder_in_braces;
pub use report::{EquivalentMutant, Finding, LintReport, MutantTally, Rule, Statistics};

use crate::outcome::Outcome;
use crate::runner::{PolicySource, Verify};
use crate::suite::{MutantKind, Suite, Task};
use catalog::Catalog;
use equivalence::{Place, Upshot, dead, declared};
use mutant::{Mutant, Mutator, Original};
use proof::Proof;
use stage::{Played, Stage};

/// Who plays and who marks.
pub struct LintTools<'a> {
    /// Plays the task's oracle.
    pub oracle: &'a dyn PolicySource,
    /// Does nothing.
    pub noop: &'a dyn PolicySource,
    /// Plays the script it is given.
    pub scripted: &'a dyn PolicySource,
    /// Marks every episode.
    pub end_state: &'a dyn Verify,
    /// Marks episodes with an expected refusal.
    pub refusal: &'a dyn Verify,
    /// Marks episodes with expected answers.
    pub answer: &'a dyn Verify,
}

/// How far the lint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LintProgress {
    /// Tasks done.
    pub done: usize,
    /// All tasks.
    pub total: usize,
}

/// The lint could not go on; says nothing of the suite.
#[derive(Debug, thiserror::Error)]
pub enum LintError {
    /// A worker could not get a store with the suite's data.
    #[error("cannot open a store with the suite's data: {0}")]
    Store(#[from] StoreError),
}

/// Proves a suite on `jobs` workers, each with a store of its own in memory. The report does not
/// depend on their number.
///
/// # Errors
/// When a store cannot be opened. Whatever is wrong with the suite is in the report.
pub fn lint(
    suite: &Arc<Suite>,
    tools: &LintTools<'_>,
    jobs: usize,
    progress: &mut dyn FnMut(LintProgress),
) -> Result<LintReport, LintError> {
    let image = Image::of(&suite.data)?;
    let total = suite.tasks.len();
    let mut proved: Vec<Option<Proved>> = Vec::new();
    proved.resize_with(total, || None);
    let (next, halted) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (sender, receiver) = mpsc::channel();
    let result = thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, total.max(1)) {
            let sender = sender.clone();
            let (next, halted, image) = (&next, &halted, &image);
            scope.spawn(move || {
                let stage = match Sqlite::from_image(image) {
                    Ok(store) => Stage::new(Box::new(store), suite, tools),
                    Err(error) => {
                        halted.store(true, Ordering::Relaxed);
                        let _ = sender.send(Err(error));
                        return;
                    }
                };
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(task) = suite.tasks.get(at) else {
                        break;
                    };
                    if halted.load(Ordering::Relaxed) {
                        break;
                    }
                    let prover = Prover {
                        suite,
                        tools,
                        stage: &stage,
                        at,
                        task,
                    };
                    if sender.send(Ok((at, prover.prove()))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut result = Ok(());
        for (done, finished) in receiver.into_iter().enumerate() {
            match finished {
                Ok((at, of_task)) => proved[at] = Some(of_task),
                Err(error) => result = Err(error),
            }
            progress(LintProgress {
                done: done + 1,
                total,
            });
        }
        result
    });
    result?;
    Ok(report(suite, proved.into_iter().flatten()))
}

fn report(suite: &Suite, proved: impl Iterator<Item = Proved>) -> LintReport {
    let mut report = LintReport {
        suite: suite.name.clone(),
        statistics: statistics(suite),
        ..LintReport::default()
    };
    let mut used = BTreeSet::new();
    for of_task in proved {
        report.findings.extend(of_task.findings);
        report.equivalents.extend(of_task.equivalents);
        used.extend(of_task.used);
        for (kind, tally) in of_task.mutants {
            report.mutants.entry(kind.name()).or_default().add(tally);
        }
    }
    let source = manifest(suite);
    let of_suite = |(rule, message)| Finding {
        task: None,
        source: source.clone(),
        rule,
        message,
    };
    let whole = match sealed(suite) {
        Some(message) => vec![(Rule::Sealed, message)],
        // With sealed tasks, what their mutants would use isn't known.
        None => dead(suite, &used),
    };
    report.findings.extend(whole.into_iter().map(of_suite));
    report
}

/// Why the suite can't be proved as a whole, if tasks of it are sealed.
fn sealed(suite: &Suite) -> Option<String> {
    let mut tasks = suite.tasks.iter().filter(|task| task.sealed);
    let first = &tasks.next()?.id;
    let others = match tasks.count() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{first}{others}: sealed, and nothing can be proved of them without their gold; lint the \
         unsealed suite"
    ))
}

/// Path of the suite's own file, beside those of its tasks.
fn manifest(suite: &Suite) -> String {
    let file = suite.tasks.first().map(|task| task.source.as_str());
    let folder = file.and_then(|file| Path::new(file).parent());
    folder
        .unwrap_or(Path::new(""))
        .join("suite.toml")
        .display()
        .to_string()
}

fn statistics(suite: &Suite) -> Statistics {
    let mut all = Statistics {
        tasks: suite.tasks.len(),
        ..Statistics::default()
    };
    for task in &suite.tasks {
        all.negative += usize::from(task.negative.is_some());
        all.multi_turn += usize::from(task.turns.len() > 1);
        all.read_only += usize::from(task.negative.is_none() && task.changes_nothing());
        all.turns += task.turns.len();
        *all.by_split.entry(task.split).or_default() += 1;
        *all.by_kind.entry(task.kind.clone()).or_default() += 1;
        for call in task.gold.oracle.iter().flat_map(|turn| &turn.calls) {
            all.calls += 1;
            if let Ok(tool) = Tool::named(&call.call.tool) {
                *all.calls_by_tool.entry(tool.name).or_default() += 1;
            }
        }
    }
    let names = Tool::all().iter().map(|tool| tool.name);
    all.tools_unused = names
        .filter(|name| !all.calls_by_tool.contains_key(name))
        .collect();
    all
}

/// What was proved of one task.
#[derive(Default)]
struct Proved {
    findings: Vec<Finding>,
    mutants: Vec<(MutantKind, MutantTally)>,
    equivalents: Vec<EquivalentMutant>,
    used: BTreeSet<Place>,
}

/// Proves one task.
struct Prover<'a> {
    suite: &'a Suite,
    tools: &'a LintTools<'a>,
    stage: &'a Stage<'a>,
    at: usize,
    task: &'a Task,
}

impl Prover<'_> {
    fn prove(&self) -> Proved {
        let (suite, task) = (self.suite, self.task);
        if task.sealed {
            return Proved::default();
        }
        let catalog = &Catalog::of(suite, task);
        let oracle = self.stage.play(self.at, self.tools.oracle, Arc::from([]));
        let mut proof = Proof {
            suite,
            task,
            catalog,
            found: Vec::new(),
        };
        proof.oracle_does_it(&oracle);
        proof.nothing_is_left_open(&oracle);
        proof.ids_exist();
        proof.everything_is_derivable(&oracle);
        let mut proved = Proved::default();
        for (rule, message) in proof.found {
            self.find(&mut proved, rule, message);
        }
        self.nothing_fails(&mut proved);
        // What a mutant of a wrong oracle comes to says nothing.
        if oracle.passes() {
            self.mutants_fail(&oracle, catalog, &mut proved);
        }
        proved.findings.sort_by_key(|finding| finding.rule);
        proved
    }

    fn find(&self, proved: &mut Proved, rule: Rule, message: String) {
        let (task, source) = (Some(self.task.id.clone()), self.task.source.clone());
        proved.findings.push(Finding {
            task,
            source,
            rule,
            message,
        });
    }

    fn nothing_fails(&self, proved: &mut Proved) {
        let nothing = self.stage.play(self.at, self.tools.noop, Arc::from([]));
        match nothing.outcome {
            Outcome::Pass => {
                let reason = self.task.read_only.as_deref();
                let reason = reason.map_or_else(String::new, |why| format!(" (read-only: {why})"));
                let message = format!("doing nothing passes{reason}");
                self.find(proved, Rule::NoopPasses, message);
            }
            Outcome::Fail | Outcome::AgentError => {}
            other => {
                let message = format!("doing nothing ends as {}: {}", other.name(), nothing.why);
                self.find(proved, Rule::Fault, message);
            }
        }
    }

    fn mutants_fail(&self, oracle: &Played, catalog: &Catalog<'_>, proved: &mut Proved) {
        let (suite, task) = (self.suite, self.task);
        let mutator = Mutator {
            task,
            catalog,
            now: suite.now,
            oracle,
        };
        let right = Upshot::of(oracle, catalog);
        let mut muted = None;
        if let (Original::Muted, script) = mutator.original() {
            let played = self.stage.play(self.at, self.tools.scripted, script.into());
            let expected = task
                .gold
                .refusal
                .as_ref()
                .and_then(|refusal| refusal.call.as_ref());
            let unfilled = expected.is_some_and(|call| call.arguments.contains("${"));
            // An expected call with a reference in it is a finding of its own.
            if !played.passes() && !unfilled {
                let message = format!(
                    "passes only by its words, not by the refusal that it meets: {}",
                    played.why
                );
                self.find(proved, Rule::OracleFails, message);
            }
            muted = played.passes().then(|| Upshot::of(&played, catalog));
        }
        for mutant in mutator.all() {
            let right = match mutant.of {
                Original::Oracle => Some(&right),
                Original::Muted => muted.as_ref(),
            };
            // A mutant of what doesn't pass itself would be rejected whatever it does.
            let Some(right) = right else { continue };
            let script = Arc::clone(&mutant.script);
            let played = self.stage.play(self.at, self.tools.scripted, script);
            let tally = self.judge(&mutant, &played, right, catalog, proved);
            proved.mutants.push((mutant.kind, tally));
        }
    }

    fn judge(
        &self,
        mutant: &Mutant,
        played: &Played,
        right: &Upshot,
        catalog: &Catalog<'_>,
        proved: &mut Proved,
    ) -> MutantTally {
        let tally = MutantTally {
            played: 1,
            ..MutantTally::default()
        };
        let name = &mutant.name;
        match played.outcome {
            Outcome::Fail | Outcome::AgentError => return MutantTally { killed: 1, ..tally },
            Outcome::Pass => {}
            other => {
                let message = format!("{name} ends as {}: {}", other.name(), played.why);
                self.find(proved, Rule::Fault, message);
                return MutantTally {
                    unproved: 1,
                    ..tally
                };
            }
        }
        let same = Upshot::of(played, catalog) == *right;
        let message = match (same, declared(self.suite, &self.task.id, mutant)) {
            (true, Some((place, entry))) => {
                proved.used.insert(place);
                proved.equivalents.push(EquivalentMutant {
                    task: self.task.id.clone(),
                    mutant: name.clone(),
                    kind: mutant.kind,
                    why: entry.why.clone(),
                });
                return MutantTally {
                    equivalent: 1,
                    ..tally
                };
            }
            (true, None) => {
                "passes: it does the same as the oracle, and the suite declares no such equivalence"
            }
            (false, Some(_)) => {
                "passes and is declared equivalent, but does something else than the oracle"
            }
            (false, None) => "passes, and does something else than the oracle",
        };
        self.find(proved, Rule::MutantSurvives, format!("{name} {message}"));
        MutantTally {
            unproved: 1,
            ..tally
        }
    }
}

#[cfg(test)]
mod tests;
