//! Judges a patch once, and keeps the verdict with what it is on.

use anyhow::Context;
use env_core::{Environment, Evaluation, Failure, Instance, Patch, Report, TestGroup};
use serde::{Deserialize, Serialize};

use crate::run_dir::InstanceDir;

/// The verdict on a patch.
#[derive(Debug, Clone)]
pub(crate) struct Verdict {
    /// The official part.
    pub(crate) report: Report,
    /// Why it is not an ordinary one, when it is not.
    pub(crate) failure: Option<Failure>,
}

/// `judged.json`: what the `report.json` beside it is the verdict on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Judged {
    /// Digest of the patch.
    pub(crate) patch: String,
    /// How it was judged.
    pub(crate) judging: String,
    /// Why the verdict is not an ordinary one, when it is not.
    pub(crate) failure: Option<Failure>,
}

/// Judges a patch, or returns the verdict that an earlier process reached on the same patch in the same way.
pub(crate) async fn judge(
    environment: &dyn Environment,
    instance: &Instance,
    patch: &Patch,
    dir: &InstanceDir,
) -> anyhow::Result<Verdict> {
    let id = instance.instance_id.as_str();
    let judging = environment.judging_key(instance);
    let kept = dir.read(JUDGED)?.and_then(|text| serde_json::from_str::<Judged>(&text).ok());
    if let Some(kept) = kept.filter(|kept| kept.patch == patch.digest() && kept.judging == judging)
        && let Some(report) = dir.read(REPORT)?.and_then(|text| Report::from_file(&text, id).ok())
    {
        return Ok(Verdict { report, failure: kept.failure });
    }
    // `judged.json` goes first and comes back last: a process killed between leaves no verdict on another patch.
    dir.remove(JUDGED)?;
    dir.remove(REPORT)?;
    let evaluation = if patch.is_empty() {
        Evaluation { failure: Some(Failure::EmptyPatch), ..Evaluation::default() }
    } else {
        environment.evaluate(instance, patch).await.context("no verdict could be had")?
    };
    let Evaluation { report, failure, test_output, .. } = evaluation;
    dir.write("test_output.txt", &test_output)?;
    dir.write(REPORT, report.to_file(id).as_bytes())?;
    dir.write(JUDGED, &serde_json::to_vec_pretty(&Judged { patch: patch.digest(), judging, failure })?)?;
    Ok(Verdict { report, failure })
}

pub(crate) const JUDGED: &str = "judged.json";
pub(crate) const REPORT: &str = "report.json";

impl Verdict {
    /// Returns the verdict in a few words.
    pub(crate) fn line(&self) -> String {
        let why = match self.failure {
            None => self.counts(),
            Some(Failure::EmptyPatch) => String::new(),
            Some(Failure::PatchNotApplied) => " (the patch did not apply)".to_owned(),
            Some(Failure::TestsTimedOut) => " (the tests ran into the time limit)".to_owned(),
            Some(Failure::TestsErrored) => " (the tests did not run; see test_output.txt)".to_owned(),
            Some(Failure::LogContradicted) => " (the exit code contradicts the log; see test_output.txt)".to_owned(),
        };
        format!("resolved: {}{why}", self.report.resolved)
    }

    /// Returns the counts of passed tests, as in ` (FAIL_TO_PASS 1/1, PASS_TO_PASS 12/12)`.
    fn counts(&self) -> String {
        let Some(status) = &self.report.tests_status else { return String::new() };
        let count = |group: &TestGroup| {
            let passed = group.success.len();
            format!("{passed}/{}", passed + group.failure.len())
        };
        format!(" (FAIL_TO_PASS {}, PASS_TO_PASS {})", count(&status.fail_to_pass), count(&status.pass_to_pass))
    }
}
