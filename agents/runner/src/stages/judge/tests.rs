//! Verdicts over an environment whose infrastructure fails as a list says.

use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use env_core::{Dialect, Infra, InfraReason, Ready, TestLists};
use journal::Ending;

use crate::engine::{Events, Permits, PermitsConfig, Stage, WorkItem};

use super::*;

/// Gives the next of these for each evaluation.
struct Listed {
    instance: Instance,
    next: Mutex<Vec<Result<Verdict, EnvError>>>,
    /// What each evaluation without a patch gives in place of these, and how many there were.
    control: Option<(Failure, InfraReason)>,
    controls: AtomicUsize,
    judging: String,
    image: Option<&'static str>,
}

#[async_trait]
impl Environment for Listed {
    fn check_judging(&self, _: &Instance) -> Result<(), EnvError> {
        Ok(())
    }

    fn name(&self) -> &str {
        "listed"
    }

    fn instances(&self) -> &[Instance] {
        std::slice::from_ref(&self.instance)
    }

    async fn reset(&self, _: &Instance) -> Result<Ready, EnvError> {
        Err(EnvError::Leak("it has no sandbox".to_owned()))
    }

    async fn evaluate(&self, _: &Instance, _: &Patch) -> Result<Verdict, EnvError> {
        self.next.lock().unwrap().remove(0)
    }

    async fn run_tests(&self, _: &Instance, patch: &Patch) -> Result<Verdict, EnvError> {
        assert!(patch.is_empty(), "{patch:?} is no control");
        self.controls.fetch_add(1, Ordering::SeqCst);
        match self.control {
            Some((failure, reason)) => failed(failure, Some(reason)),
            None => Ok(Verdict::default()),
        }
    }

    fn lists(&self, _: &Instance) -> Result<(Dialect, TestLists), EnvError> {
        Ok((Dialect::SweBench5, TestLists::default()))
    }

    fn judging_key(&self, _: &Instance) -> String {
        self.judging.clone()
    }

    async fn image_digest(&self, _: &Instance) -> Option<String> {
        self.image.map(str::to_owned)
    }

    fn gold(&self, _: &Instance) -> Option<Patch> {
        None
    }
}

fn lost() -> Result<Verdict, EnvError> {
    Err(EnvError::Sandbox(SandboxError::Lost("the engine went away".to_owned())))
}

fn solved() -> Result<Verdict, EnvError> {
    Ok(Verdict { report: Report { resolved: true, ..Report::default() }, ..Verdict::default() })
}

fn failed(failure: Failure, reason: Option<InfraReason>) -> Result<Verdict, EnvError> {
    let infra = reason.map(|reason| Infra { reason, tier: reason.tier() });
    Ok(Verdict { failure: Some(failure), infra, ..Verdict::default() })
}

impl Listed {
    fn new(next: Vec<Result<Verdict, EnvError>>) -> Self {
        let instance = Instance {
            instance_id: "a__a-1".to_owned(),
            repo: "a/a".to_owned(),
            base_commit: String::new(),
            problem_statement: String::new(),
            hints_text: String::new(),
            version: String::new(),
        };
        let (next, controls) = (Mutex::new(next), AtomicUsize::new(0));
        Self { instance, next, control: None, controls, judging: "1".to_owned(), image: None }
    }

    /// Judges the patch `x` with two retries; returns how it ended, and how many evaluations are left.
    async fn judged(&self, folder: &Path) -> (Option<(Ending, bool)>, usize) {
        let config = EvaluationConfig { retries: 2, wait: 0.0, ..EvaluationConfig::default() };
        let (cell, instance_id) = ("cell".to_owned(), "a__a-1".to_owned());
        let item = WorkItem { cell, instance_id, sample: 0, stage: Stage::Judge };
        let worker = Worker::alone(item, Events::default(), Permits::new(&PermitsConfig::default(), 1, Path::new(".")));
        let judge = Judge { environment: self, config: &config, worker: &worker, runs: folder };
        let cell_dir = cell_dir(folder);
        let dir = cell_dir.episode("a__a-1").unwrap();
        let verdict = judge.verdict(&self.instance, Some(&Patch("x".to_owned())), (&cell_dir, &dir)).await;
        let left = self.next.lock().unwrap().len();
        (verdict.ok().map(|(verdict, was_kept)| (Ending::of(&verdict), was_kept)), left)
    }

    /// Returns what the patch `x` is judged as.
    async fn subject(&self) -> Subject {
        Subject::new(&Patch("x".to_owned()), self, &self.instance).with_image(self, &self.instance).await
    }
}

fn cell_dir(folder: &Path) -> CellDir {
    CellDir::create(folder, "run", "cell").unwrap()
}

#[tokio::test]
async fn only_infrastructure_is_tried_again_and_only_so_often() {
    let oom = Some(InfraReason::OutOfMemory);
    for (next, expected) in [
        (vec![lost(), lost(), solved(), lost()], (Some((Ending::Solved, false)), 1)),
        (vec![lost(), lost(), lost(), solved()], (None, 1)),
        // What the patch itself does wrong, whatever its log says.
        (vec![failed(Failure::TestsErrored, oom), solved()], (Some((Ending::Errored, false)), 1)),
        (vec![failed(Failure::LogContradicted, oom), solved()], (Some((Ending::Errored, false)), 1)),
        (vec![failed(Failure::SandboxDamaged, None), solved()], (Some((Ending::Errored, false)), 1)),
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
        assert_eq!(Listed::new(next).judged(folder.path()).await, expected, "{shown}");
    }
}

#[tokio::test]
async fn a_sign_of_a_broken_environment_counts_only_when_the_tests_show_one_without_the_patch_too() {
    use Failure::{LogContradicted, PatchNotApplied, SandboxDamaged, TestsErrored, TestsTimedOut};
    let (network, memory, module) =
        (InfraReason::NetworkUnreachable, InfraReason::OutOfMemory, InfraReason::MissingModule);
    for (patch, control, expected, controls) in [
        ((TestsErrored, Some(network)), None, Ending::Errored, 1),
        ((TestsErrored, Some(network)), Some((TestsErrored, network)), Ending::Infrastructure, 1),
        ((LogContradicted, Some(network)), Some((TestsErrored, memory)), Ending::Infrastructure, 1),
        ((SandboxDamaged, None), None, Ending::Errored, 1),
        ((SandboxDamaged, None), Some((SandboxDamaged, network)), Ending::Infrastructure, 1),
        // That the tests cannot be collected without the fix is no sign of anything.
        ((TestsErrored, Some(network)), Some((TestsErrored, module)), Ending::Errored, 1),
        ((TestsErrored, Some(network)), Some((TestsTimedOut, network)), Ending::Errored, 1),
        // There is no need to know.
        ((TestsErrored, Some(module)), Some((TestsErrored, network)), Ending::Errored, 0),
        ((TestsErrored, None), Some((TestsErrored, network)), Ending::Errored, 0),
        ((TestsTimedOut, Some(network)), Some((TestsErrored, network)), Ending::TimedOut, 0),
        ((PatchNotApplied, None), Some((TestsErrored, network)), Ending::NotApplied, 0),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let shown = format!("{patch:?} {control:?}");
        let evaluations = || vec![failed(patch.0, patch.1)];
        let listed = Listed { control, ..Listed::new(evaluations()) };
        assert_eq!(listed.judged(folder.path()).await, (Some((expected, false)), 0), "{shown}");
        assert_eq!(listed.controls.load(Ordering::SeqCst), controls, "{shown}");
        let Found::Verdict(kept) = cell_dir(folder.path()).find(&listed.subject().await, "a__a-1") else {
            panic!("{shown}: nothing is kept");
        };
        assert_eq!(Ending::of(&kept), expected, "{shown}");
        // Another patch of the instance needs no other control, in another run of the same folder of runs.
        fs::remove_dir_all(folder.path().join("run")).unwrap();
        let listed = Listed { control, ..Listed::new(evaluations()) };
        assert_eq!(listed.judged(folder.path()).await, (Some((expected, false)), 0), "{shown}");
        assert_eq!(listed.controls.load(Ordering::SeqCst), 0, "{shown}");
    }
}

#[tokio::test]
async fn many_workers_share_one_control_run_and_an_old_finding_of_a_broken_environment_is_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    let listed = Listed { control: Some((Failure::TestsErrored, InfraReason::OutOfMemory)), ..Listed::new(Vec::new()) };
    let run = async || {
        let evaluated = || async { Ok(listed.run_tests(&listed.instance, &Patch::default()).await?) };
        ControlFile::new(folder.path(), "1", Some("sha256:0")).get("a__a-1", evaluated()).await.unwrap()
    };
    let (first, second, third) = tokio::join!(run(), run(), run());
    assert_eq!((first.sign.as_deref(), &first), (Some("out_of_memory"), &second));
    assert_eq!((first, listed.controls.load(Ordering::SeqCst)), (third, 1));
    let other = async { Ok(Verdict::default()) };
    assert_eq!(ControlFile::new(folder.path(), "1", Some("sha256:1")).get("a__a-1", other).await.unwrap().sign, None);
    for file in fs::read_dir(folder.path().join("control")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let mut kept: serde_json::Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            kept["at"] = 1.into();
            fs::write(path, kept.to_string()).unwrap();
        }
    }
    run().await;
    assert_eq!(listed.controls.load(Ordering::SeqCst), 2);
    let unasked = async { panic!("a healthy environment stays one") };
    assert_eq!(ControlFile::new(folder.path(), "1", Some("sha256:1")).get("a__a-1", unasked).await.unwrap().sign, None);
}

#[tokio::test]
async fn a_verdict_is_kept_and_a_failure_of_infrastructure_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let found = |subject: &Subject| cell_dir(folder.path()).find(subject, "a__a-1");
    let listed = Listed::new(vec![lost(), lost(), lost()]);
    assert_eq!(listed.judged(folder.path()).await, (None, 0));
    let subject = listed.subject().await;
    assert!(matches!(found(&subject), Found::Infrastructure));

    assert_eq!(Listed::new(vec![solved()]).judged(folder.path()).await, (Some((Ending::Solved, false)), 0));
    assert!(!folder.path().join("run/cell/a__a-1/failed.json").exists());
    assert_eq!(Listed::new(vec![lost()]).judged(folder.path()).await, (Some((Ending::Solved, true)), 1));
    // Another way of judging has a verdict of its own.
    let other = Listed { judging: "2".to_owned(), ..Listed::new(vec![failed(Failure::TestsTimedOut, None)]) };
    assert_eq!(other.judged(folder.path()).await, (Some((Ending::TimedOut, false)), 0));
    assert!(matches!(found(&subject), Found::Nothing));
}

#[tokio::test]
async fn another_image_under_the_same_name_is_judged_again() {
    let folder = tempfile::tempdir().unwrap();
    let of = |image, next| Listed { image, ..Listed::new(next) };
    let first = of(Some("sha256:a"), vec![solved()]);
    assert_eq!(first.judged(folder.path()).await, (Some((Ending::Solved, false)), 0));
    assert_eq!(of(Some("sha256:a"), Vec::new()).judged(folder.path()).await, (Some((Ending::Solved, true)), 0));
    // It is not here any more.
    assert_eq!(of(None, Vec::new()).judged(folder.path()).await, (Some((Ending::Solved, true)), 0));
    let second = of(Some("sha256:b"), vec![failed(Failure::TestsTimedOut, None)]);
    assert_eq!(second.judged(folder.path()).await, (Some((Ending::TimedOut, false)), 0));
}
