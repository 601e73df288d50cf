//! Where the lint plays tasks: one environment, any policy, the suite's verifiers.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use proctor_crm::Change;
use proctor_host::{EpisodeRead, Fault, ScriptedTurn, Setting};
use proctor_store::Store;

use super::LintTools;
use crate::env::{CrmEnv, EnvError, Step};
use crate::outcome::Outcome;
use crate::runner::PolicySource;
use crate::seed::EpisodeSeed;
use crate::suite::Suite;

/// One worker's environment.
pub(super) struct Stage<'a> {
    env: Rc<RefCell<CrmEnv>>,
    suite: &'a Arc<Suite>,
    tools: &'a LintTools<'a>,
}

/// An episode, played and marked.
pub(super) struct Played {
    pub(super) steps: Vec<Step>,
    /// The net change.
    pub(super) changes: Vec<Change>,
    pub(super) outcome: Outcome,
    /// What the verifiers found wrong, or why there is no verdict.
    pub(super) why: String,
}

impl Played {
    pub(super) fn passes(&self) -> bool {
        self.outcome == Outcome::Pass
    }
}

impl<'a> Stage<'a> {
    pub(super) fn new(
        store: Box<dyn Store>,
        suite: &'a Arc<Suite>,
        tools: &'a LintTools<'a>,
    ) -> Self {
        let env = Rc::new(RefCell::new(CrmEnv::new(store, Arc::clone(suite))));
        Self { env, suite, tools }
    }

    /// Plays one task; the seed is always that of the task's first trial.
    pub(super) fn play(
        &self,
        task: usize,
        policy: &dyn PolicySource,
        script: Arc<[ScriptedTurn]>,
    ) -> Played {
        let acted = self.act(task, policy, script);
        let env = self.env.borrow();
        let (steps, changes) = (env.steps().to_vec(), env.net_changes());
        let truncated = env.truncated();
        drop(env);
        let (outcome, why) = match acted {
            Err(why) => (Outcome::InfraError, why),
            Ok(()) if truncated => (Outcome::AgentError, "too many steps".into()),
            Ok(()) => self.mark(task),
        };
        Played {
            steps,
            changes,
            outcome,
            why,
        }
    }

    fn act(
        &self,
        task: usize,
        policy: &dyn PolicySource,
        script: Arc<[ScriptedTurn]>,
    ) -> Result<(), String> {
        let of_env = |error: EnvError| error.to_string();
        let of_policy = |fault: Fault| fault.to_string();
        let id = self.suite.tasks.get(task).map_or("", |task| &task.id);
        let seed = EpisodeSeed::derive(0, id, 0);
        let first = self.env.borrow_mut().reset(task, seed).map_err(of_env)?;
        let oracle = self
            .suite
            .tasks
            .get(task)
            .map(|task| Arc::clone(&task.gold.oracle));
        let mut session = policy
            .open(Setting {
                seed: seed.for_policy(),
                now: self.suite.now.to_string(),
                parameters: Vec::new(),
                script,
                // Scripts don't choose, so they need not be shown what there is.
                tools: Arc::from([]),
                memory: Arc::from([]),
                prompts: Default::default(),
                model: None,
                oracle: oracle.unwrap_or_else(|| Arc::from([])),
            })
            .map_err(of_policy)?;
        let mut observation = Some(first);
        while let Some(seen) = observation {
            let action = session.next(&seen).map_err(of_policy)?;
            let mut env = self.env.borrow_mut();
            observation = env.step(action).map_err(of_env)?.observation.clone();
            if env.over() {
                break;
            }
        }
        Ok(())
    }

    fn mark(&self, task: usize) -> (Outcome, String) {
        let Some(task) = self.suite.tasks.get(task) else {
            return (Outcome::InfraError, "there is no such task".into());
        };
        let episode: Rc<RefCell<dyn EpisodeRead>> = Rc::clone(&self.env) as _;
        let refusal = task.gold.refusal.as_ref().map(|_| self.tools.refusal);
        let answer = (!task.gold.answers.is_empty()).then_some(self.tools.answer);
        let mut outcome = Outcome::Pass;
        let mut why = Vec::new();
        for verifier in [Some(self.tools.end_state), refusal, answer]
            .into_iter()
            .flatten()
        {
            match verifier.verify(&episode, &task.gold).verdict {
                Err(fault) => return (Outcome::GraderError, fault.to_string()),
                Ok(verdict) if verdict.pass => {}
                Ok(verdict) => {
                    outcome = Outcome::Fail;
                    let failed = verdict.checks.iter().filter(|check| !check.pass);
                    why.extend(failed.map(|check| {
                        format!("{}: {}: {}", verifier.name(), check.name, check.detail)
                    }));
                }
            }
        }
        (outcome, why.join("; "))
    }
}
