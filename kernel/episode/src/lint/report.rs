//! What the lint says of a suite.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::suite::{MutantKind, Split};

/// A kind of thing that can be wrong with a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The oracle's episode doesn't pass.
    OracleFails,
    /// A call of the oracle's is refused or accepted otherwise than the task says.
    OracleCall,
    /// Doing nothing passes.
    NoopPasses,
    /// Something was left unfilled.
    Placeholder,
    /// A value that is demanded can be found nowhere.
    Underivable,
    /// An id names no record.
    UnknownId,
    /// A wrong way to do the task passes.
    MutantSurvives,
    /// A mutant is declared to be right too, and there is none such.
    DeadEquivalence,
    /// A plugin or the kernel failed, so that nothing is proved.
    Fault,
    /// What counts as done was taken out of tasks, so that nothing can be proved of them.
    Sealed,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 10] = [
        Self::OracleFails,
        Self::OracleCall,
        Self::NoopPasses,
        Self::Placeholder,
        Self::Underivable,
        Self::UnknownId,
        Self::MutantSurvives,
        Self::DeadEquivalence,
        Self::Fault,
        Self::Sealed,
    ];

    /// Its name, as in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OracleFails => "oracle-fails",
            Self::OracleCall => "oracle-call",
            Self::NoopPasses => "noop-passes",
            Self::Placeholder => "placeholder",
            Self::Underivable => "underivable",
            Self::UnknownId => "unknown-id",
            Self::MutantSurvives => "mutant-survives",
            Self::DeadEquivalence => "dead-equivalence",
            Self::Fault => "fault",
            Self::Sealed => "sealed",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The task; nothing if it is about the suite as a whole.
    pub task: Option<String>,
    /// Where it is written, as `file:line`, or just the file.
    pub source: String,
    /// The rule.
    pub rule: Rule,
    /// What exactly.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: ", self.source, self.rule)?;
        if let Some(task) = &self.task {
            write!(f, "{task}: ")?;
        }
        f.write_str(&self.message)
    }
}

/// What became of mutants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MutantTally {
    /// Mutants played.
    pub played: usize,
    /// Rejected by a verifier.
    pub killed: usize,
    /// Passed; does the same as the oracle, and the suite says why.
    pub equivalent: usize,
    /// Passed, and should not have; or came to no verdict.
    pub unproved: usize,
}

impl MutantTally {
    /// Share of the mutants that ought to be rejected and are; nothing without such a mutant.
    #[must_use]
    pub fn kill_rate(&self) -> Option<f64> {
        let wrong = self.played - self.equivalent;
        (wrong > 0).then(|| self.killed as f64 / wrong as f64)
    }

    pub(super) fn add(&mut self, other: Self) {
        self.played += other.played;
        self.killed += other.killed;
        self.equivalent += other.equivalent;
        self.unproved += other.unproved;
    }
}

/// A mutant that passes and may: it does the same as the oracle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EquivalentMutant {
    /// The task.
    pub task: String,
    /// Name of the mutant.
    pub mutant: String,
    /// Kind of the mutant.
    #[serde(serialize_with = "kind_name")]
    pub kind: MutantKind,
    /// Why it is right too, in the suite's words.
    pub why: String,
}

fn kind_name<S: serde::Serializer>(kind: &MutantKind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.name())
}

/// What a suite consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Statistics {
    /// Tasks.
    pub tasks: usize,
    /// Tasks whose right end is a refusal.
    pub negative: usize,
    /// Tasks of more than one turn.
    pub multi_turn: usize,
    /// Tasks in which nothing must change, other than negative ones.
    pub read_only: usize,
    /// Turns of all tasks.
    pub turns: usize,
    /// Calls of all oracles.
    pub calls: usize,
    /// Tasks by what they may be used for.
    pub by_split: BTreeMap<Split, usize>,
    /// Tasks by kind.
    pub by_kind: BTreeMap<String, usize>,
    /// Calls of the oracles by tool.
    pub calls_by_tool: BTreeMap<&'static str, usize>,
    /// Tools that no oracle calls.
    pub tools_unused: Vec<&'static str>,
}

/// What the lint made of a suite.
#[derive(Clone, Debug, Default, Serialize)]
pub struct LintReport {
    /// Name of the suite.
    pub suite: String,
    /// What is wrong, in order of task and rule; of the suite as a whole, last.
    pub findings: Vec<Finding>,
    /// What the suite consists of.
    pub statistics: Statistics,
    /// What became of the mutants, by kind.
    pub mutants: BTreeMap<&'static str, MutantTally>,
    /// Mutants that pass and may.
    pub equivalents: Vec<EquivalentMutant>,
}

impl LintReport {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// What became of all mutants together.
    #[must_use]
    pub fn all_mutants(&self) -> MutantTally {
        let mut all = MutantTally::default();
        self.mutants.values().for_each(|tally| all.add(*tally));
        all
    }

    /// Number of findings of a rule.
    #[must_use]
    pub fn count(&self, rule: Rule) -> usize {
        self.findings
            .iter()
            .filter(|finding| finding.rule == rule)
            .count()
    }
}
