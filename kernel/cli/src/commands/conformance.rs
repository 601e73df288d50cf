//! The conformance cases of plugins: the episodes of the built-in suite, as played by the oracle
//! and by agents that get it wrong. A plugin must answer each within its limits, and twice the
//! same; another build of it must answer the same too.

use std::sync::Arc;

use proctor_episode::{Asking, EpisodeRecord, Examination, PolicySource, Suite, Verify};
use proctor_host::{Host, Plugin, Policy, Verifier, World};
use proctor_store::{Image, Sqlite};

use crate::examiners::{self, Verifiers};
use crate::exit::Failure;
use crate::seeds;

/// What came of checking a plugin.
pub struct Findings {
    /// Number of cases.
    pub cases: usize,
    /// What failed, a line each.
    pub failed: Vec<String>,
}

/// Tries a plugin on every case.
pub fn check(host: &Host, plugin: &Plugin, other: Option<&Plugin>) -> Result<Findings, Failure> {
    match plugin.world {
        World::Verifier => verifier(host, plugin, other),
        World::Policy => policy(host, plugin, other),
        world => Err(Failure::input(format!("this version runs no {world} yet"))),
    }
}

struct Cases {
    suite: Arc<Suite>,
    image: Image,
    verifiers: Verifiers,
}

impl Cases {
    fn new(host: &Host) -> Result<Self, Failure> {
        let suite = Arc::new(seeds::suite("crm-core")?);
        let image = Image::of(&suite.data)?;
        Ok(Self {
            verifiers: Verifiers::own(host)?,
            suite,
            image,
        })
    }

    /// Plays every task once.
    fn play<'a>(
        &'a self,
        policy: &'a dyn PolicySource,
        verifiers: Vec<&'a dyn Verify>,
        own: bool,
    ) -> Result<Vec<EpisodeRecord>, Failure> {
        let examination = Examination {
            suite: Arc::clone(&self.suite),
            tasks: (0..self.suite.tasks.len()).collect(),
            trials: 1,
            seed: 1,
            policy,
            verifiers,
            refusal: own.then_some(&self.verifiers.refusal as &dyn Verify),
            answer: own.then_some(&self.verifiers.answer as &dyn Verify),
            judges: Vec::new(),
            asking: Asking::default(),
            parameters: Vec::new(),
            script: Arc::from([]),
        };
        let mut records = Vec::new();
        let store = Box::new(Sqlite::from_image(&self.image)?);
        examination.run_all(store, &mut |record| records.push(record));
        Ok(records)
    }

    fn name(&self, record: &EpisodeRecord) -> &str {
        self.suite
            .tasks
            .get(record.task)
            .map_or("", |task| task.id.as_str())
    }
}

fn verifier(host: &Host, plugin: &Plugin, other: Option<&Plugin>) -> Result<Findings, Failure> {
    let cases = Cases::new(host)?;
    let one = host.verifier(plugin)?;
    let two = host.verifier(other.unwrap_or(plugin))?;
    let mut findings = Findings {
        cases: 0,
        failed: Vec::new(),
    };
    for agent in ["oracle", "noop", "student-sim"] {
        let policy = examiners::policy(host, agent, true)?;
        let verifiers: Vec<&dyn Verify> = vec![&one as &Verifier, &two];
        for record in cases.play(&policy, verifiers, false)? {
            // Each verifier says which tasks it can mark: a declared failure is an answer.
            let [first, second] = &record.marks[..] else {
                continue;
            };
            findings.cases += 1;
            let case = format!("{} by {agent}", cases.name(&record));
            match (&first.verdict, &second.verdict) {
                (Ok(one), Ok(two)) if one == two => {}
                (Err(one), Err(two)) if one.kind == two.kind && one.message == two.message => {
                    if one.kind != proctor_host::FaultKind::Declared {
                        findings.failed.push(format!("{case}: {one}"));
                    }
                }
                (one, two) => findings
                    .failed
                    .push(format!("{case}: {one:?} is not {two:?}")),
            }
        }
    }
    Ok(findings)
}

fn policy(host: &Host, plugin: &Plugin, other: Option<&Plugin>) -> Result<Findings, Failure> {
    let cases = Cases::new(host)?;
    let play = |plugin: &Plugin| -> Result<Vec<EpisodeRecord>, Failure> {
        let policy: Policy = host.policy(plugin)?;
        cases.play(&policy, cases.verifiers.every_episode(), true)
    };
    let once = play(plugin)?;
    let again = play(other.unwrap_or(plugin))?;
    let mut findings = Findings {
        cases: once.len(),
        failed: Vec::new(),
    };
    for (one, two) in once.iter().zip(&again) {
        if let Some(fault) = &one.fault {
            findings
                .failed
                .push(format!("{}: {fault}", cases.name(one)));
        } else if one.steps != two.steps || one.outcome != two.outcome {
            findings.failed.push(format!(
                "{}: acts differently the second time",
                cases.name(one)
            ));
        }
    }
    Ok(findings)
}
