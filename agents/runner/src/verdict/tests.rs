//! Verdicts over an environment whose infrastructure fails as a list says.

use std::path::Path;
use std::sync::Mutex;

use async_trait::async_trait;
use env_core::{Dialect, Ready, TestLists};

use super::*;
use crate::run_dir::RunDir;

/// Gives the next of these for each evaluation.
struct Listed {
    instance: Instance,
    next: Mutex<Vec<Result<Evaluation, EnvError>>>,
    judging: String,
}

#[async_trait]
impl Environment for Listed {
    fn name(&self) -> &str {
        "listed"
    }

    fn instances(&self) -> &[Instance] {
        std::slice::from_ref(&self.instance)
    }

    async fn reset(&self, _: &Instance) -> Result<Ready, EnvError> {
        Err(EnvError::Leak("it has no sandbox".to_owned()))
    }

    async fn evaluate(&self, _: &Instance, _: &Patch) -> Result<Evaluation, EnvError> {
        self.next.lock().unwrap().remove(0)
    }

    async fn run_tests(&self, instance: &Instance, patch: &Patch) -> Result<Evaluation, EnvError> {
        self.evaluate(instance, patch).await
    }

    fn lists(&self, _: &Instance) -> Result<(Dialect, TestLists), EnvError> {
        Ok((Dialect::SweBench5, TestLists::default()))
    }

    fn judging_key(&self, _: &Instance) -> String {
        self.judging.clone()
    }

    fn gold(&self, _: &Instance) -> Option<Patch> {
        None
    }
}

fn lost() -> Result<Evaluation, EnvError> {
    Err(EnvError::Sandbox(SandboxError::Lost("the engine went away".to_owned())))
}

fn solved() -> Result<Evaluation, EnvError> {
    Ok(Evaluation { report: Report { resolved: true, ..Report::default() }, ..Evaluation::default() })
}

fn failed(failure: Failure, reason: Option<InfraReason>) -> Result<Evaluation, EnvError> {
    let infra = reason.map(|reason| Infra { reason, tier: reason.tier() });
    Ok(Evaluation { failure: Some(failure), infra, ..Evaluation::default() })
}

/// Judges a patch over these evaluations with two retries; returns how it ended, and how many evaluations are left.
async fn judged(
    folder: &Path,
    next: Vec<Result<Evaluation, EnvError>>,
    judging: &str,
) -> (Option<(Ending, bool)>, usize) {
    let instance = Instance {
        instance_id: "a__a-1".to_owned(),
        repo: "a/a".to_owned(),
        base_commit: String::new(),
        problem_statement: String::new(),
        hints_text: String::new(),
        version: String::new(),
    };
    let environment = Listed { instance, next: Mutex::new(next), judging: judging.to_owned() };
    let config = EvaluationConfig { retries: 2, wait: 0.0, ..EvaluationConfig::default() };
    let judge = Judge { environment: &environment, config: &config, console: &Console::default() };
    let dir = RunDir::create(folder, "run", "cell").unwrap().instance("a__a-1").unwrap();
    let verdict = judge.verdict(&environment.instance, Some(&Patch("x".to_owned())), &dir).await;
    let left = environment.next.lock().unwrap().len();
    (verdict.ok().map(|(verdict, was_kept)| (verdict.ending(), was_kept)), left)
}

#[tokio::test]
async fn only_infrastructure_is_tried_again_and_only_so_often() {
    let oom = Some(InfraReason::OutOfMemory);
    for (next, expected) in [
        (vec![lost(), lost(), solved(), lost()], (Some((Ending::Solved, false)), 1)),
        (vec![lost(), lost(), lost(), solved()], (None, 1)),
        (vec![failed(Failure::TestsErrored, oom), solved(), lost()], (Some((Ending::Solved, false)), 1)),
        (
            vec![failed(Failure::LogContradicted, oom), lost(), failed(Failure::TestsErrored, oom), solved()],
            (Some((Ending::Infrastructure, false)), 1),
        ),
        // What the patch itself does wrong.
        (vec![failed(Failure::TestsErrored, None), solved()], (Some((Ending::Errored, false)), 1)),
        (
            vec![failed(Failure::TestsErrored, Some(InfraReason::MissingModule)), solved()],
            (Some((Ending::Errored, false)), 1),
        ),
        (vec![failed(Failure::TestsTimedOut, oom), solved()], (Some((Ending::TimedOut, false)), 1)),
        (vec![failed(Failure::PatchNotApplied, None), solved()], (Some((Ending::NotApplied, false)), 1)),
        // What no second attempt mends.
        (vec![Err(EnvError::Sandbox(SandboxError::Unsupported("no".to_owned()))), solved()], (None, 1)),
        (vec![Err(EnvError::Leak("no".to_owned())), solved()], (None, 1)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let shown = format!("{next:?}");
        assert_eq!(judged(folder.path(), next, "1").await, expected, "{shown}");
    }
}

#[tokio::test]
async fn a_verdict_is_kept_and_a_failure_of_infrastructure_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let oom = Some(InfraReason::OutOfMemory);
    let subject = Subject { patch: Patch("x".to_owned()).digest(), judging: "1".to_owned() };
    let place = folder.path().join("run/cell/a__a-1");

    assert_eq!(judged(folder.path(), vec![lost(), lost(), lost()], "1").await, (None, 0));
    assert!(matches!(subject.find(&place, "a__a-1"), Found::Infrastructure));
    let broken = vec![failed(Failure::TestsErrored, oom), failed(Failure::TestsErrored, oom), lost()];
    assert_eq!(judged(folder.path(), broken, "1").await, (None, 0));
    let broken = (0..3).map(|_| failed(Failure::TestsErrored, oom)).collect();
    assert_eq!(judged(folder.path(), broken, "1").await, (Some((Ending::Infrastructure, false)), 0));
    assert!(!place.join(FAILED).exists());

    assert_eq!(judged(folder.path(), vec![solved()], "1").await, (Some((Ending::Solved, false)), 0));
    assert_eq!(judged(folder.path(), vec![lost()], "1").await, (Some((Ending::Solved, true)), 1));
    // Another way of judging has a verdict of its own.
    assert_eq!(
        judged(folder.path(), vec![failed(Failure::TestsTimedOut, None)], "2").await,
        (Some((Ending::TimedOut, false)), 0)
    );
    assert!(matches!(subject.find(&place, "a__a-1"), Found::Nothing));
}
