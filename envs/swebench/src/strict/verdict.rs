//! Judges a patch so that it cannot bring about its own verdict.

use std::sync::Arc;

use env_core::{Distrust, EnvError, Failure, Judging, Patch, Sign, StatusMap, Trust, Verdict};
use grading::TestSpec;
use repo::capture::capture;
use repo::history::prepare;
use repo::{apply, write_scratch};
use tool_core::{Image, Sandbox, SandboxError, SandboxProvider};

use super::compare::compare;
use super::control::{Controlled, Mode, Unchanged};
use super::screen::{Screened, new_words, screen};
use super::words::Word;
use crate::judge::{damaged, judge_with, not_applied, stop};

/// What a patch is judged with.
pub(crate) struct Strict<'a> {
    pub(crate) provider: &'a Arc<dyn SandboxProvider>,
    pub(crate) image: &'a Image,
    pub(crate) base_commit: &'a str,
    pub(crate) tests: &'a TestSpec,
    pub(crate) gold: Option<&'a Patch>,
}

/// Judges a patch, in fresh sandboxes: one in which it is only applied, one for its tests, and where these say anything in
/// its favour, one for the tests with failures in them.
///
/// # Errors
/// Only when a sandbox is broken through no fault of what ran in it.
pub(crate) async fn judge_strictly(strict: &Strict<'_>, patch: &Patch) -> Result<Verdict, EnvError> {
    let screened = match strict.screen(patch).await {
        Ok(Ok(screened)) => screened,
        Ok(Err(log)) => return Ok(with_trust(not_applied(log), Trust::default())),
        Err(EnvError::Sandbox(SandboxError::Damaged(how))) => {
            return Ok(with_trust(damaged(Vec::new(), patch, &how), Trust::default()));
        }
        Err(err) => return Err(err),
    };
    let canary = Controlled::new(&strict.tests.eval_script, Mode::Canary);
    let (mut verdict, distrust) = strict.run(canary.as_ref().ok(), &screened.kept, screened.words).await?;
    let mut trust = Trust { distrust, put_back: screened.put_back, ..Trust::default() };
    verdict.report.patch_exists = !patch.is_empty();
    let is_favourable = verdict.failure.is_none() && is_favourable(&verdict);
    if is_favourable {
        strict.check(canary.as_ref().map_err(|why| *why), &screened.kept, &verdict, &mut trust).await?;
    } else {
        trust.distrust.clear();
    }
    if let Ok(canary) = &canary {
        verdict.statuses = canary.without_canaries(&verdict.statuses);
    }
    Ok(with_trust(verdict, trust))
}

impl Strict<'_> {
    /// Applies the patch where nothing of it runs, takes it out again in git's own form, and looks through it. Returns the
    /// log where it does not apply.
    async fn screen(&self, patch: &Patch) -> Result<Result<Screened, Vec<u8>>, EnvError> {
        if patch.is_empty() {
            return Ok(Ok(Screened::default()));
        }
        let sandbox = self.provider.start(self.image).await?;
        let screened = self.screen_in(&*sandbox, patch).await;
        stop(&*sandbox).await;
        screened
    }

    async fn screen_in(&self, sandbox: &dyn Sandbox, patch: &Patch) -> Result<Result<Screened, Vec<u8>>, EnvError> {
        if patch.0.len() as u64 > sandbox.info().max_file {
            return Ok(Err(format!("the patch has more than {} bytes\n", sandbox.info().max_file).into_bytes()));
        }
        let root = sandbox.info().root.clone();
        let baseline = prepare(sandbox, &root, self.base_commit, true).await?;
        let applied = apply(sandbox, self.tests.grading.dialect, patch).await?;
        if !applied.success {
            return Ok(Err(applied.log.into_bytes()));
        }
        match capture(sandbox, &baseline).await {
            Ok(captured) => Ok(Ok(screen(&captured.patch, self.gold, &self.tests.eval_script))),
            Err(EnvError::Patch(why)) => Ok(Err(format!("{}\n{why}\n", applied.log).into_bytes())),
            Err(err) => Err(err),
        }
    }

    /// Runs the tests on a patch in a fresh sandbox, with what is put into them, and returns which of the words its files
    /// did not have before.
    async fn run(
        &self,
        with: Option<&Controlled>,
        patch: &Patch,
        words: Vec<Word>,
    ) -> Result<(Verdict, Vec<Distrust>), EnvError> {
        let sandbox = self.provider.start(self.image).await?;
        let script = with.map_or(&self.tests.eval_script, |with| &with.script);
        let ran = async {
            let found = new_words(&*sandbox, words).await?;
            for (name, text) in with.iter().flat_map(|with| &with.files) {
                write_scratch(&*sandbox, name, text.as_bytes()).await?;
            }
            Ok((judge_with(&*sandbox, (self.tests, script), patch).await?, found))
        }
        .await;
        stop(&*sandbox).await;
        ran
    }

    /// Adds to `trust` what the tests that must fail show, and where nothing speaks against the verdict, what those with a
    /// failure in each do.
    async fn check(
        &self,
        canary: Result<&Controlled, &'static str>,
        patch: &Patch,
        real: &Verdict,
        trust: &mut Trust,
    ) -> Result<(), EnvError> {
        let canary = match canary {
            Ok(canary) => canary,
            Err(why) => {
                trust.unchecked.push(why.to_owned());
                return Ok(());
            }
        };
        let put = match canary.put(&real.test_output) {
            Ok(put) if put.files.is_empty() => {
                trust
                    .unchecked
                    .push("no test in the files of the test patch: no failure could be put into them".to_owned());
                return Ok(());
            }
            Ok(put) => put,
            Err(Unchanged::NotApplied) => {
                trust.distrust.push(broken("the test patch did not apply"));
                return Ok(());
            }
            Err(Unchanged::OldPython | Unchanged::Broken) => {
                trust.distrust.push(broken("the tests that must fail could not be added"));
                return Ok(());
            }
        };
        trust.distrust.extend(canary.canaries(&self.tests.grading, &put, &real.statuses));
        if trust.distrust.is_empty() {
            self.control(patch, (&canary.without_canaries(&real.statuses), put.is_new_python), trust).await?;
        }
        Ok(())
    }

    /// Runs the tests with a failure in each, and adds to `trust` what that shows against `real`, the statuses without.
    async fn control(
        &self,
        patch: &Patch,
        (real, is_new_python): (&StatusMap, bool),
        trust: &mut Trust,
    ) -> Result<(), EnvError> {
        let Ok(control) = Controlled::new(&self.tests.eval_script, Mode::Control) else { return Ok(()) };
        let (ran, _) = self.run(Some(&control), patch, Vec::new()).await?;
        let put = match control.put(&ran.test_output) {
            Ok(put) => put,
            Err(Unchanged::OldPython) if !is_new_python => {
                trust.unchecked.push("no Python from 3.9 on: no failure could be put into the tests".to_owned());
                return Ok(());
            }
            Err(_) => {
                trust.distrust.push(broken("no failure could be put into the tests"));
                return Ok(());
            }
        };
        if let Some(failure) = ran.failure {
            trust.distrust.push(broken(&failure.to_string()));
            return Ok(());
        }
        trust.distrust.extend(control.canaries(&self.tests.grading, &put, &ran.statuses));
        let (distrust, unchecked) = compare(&self.tests.grading, real, &ran.statuses, &put.changed);
        trust.distrust.extend(distrust);
        trust.unchecked.extend(unchecked);
        Ok(())
    }
}

fn broken(why: &str) -> Distrust {
    Distrust { sign: Sign::ControlBroken, evidence: why.to_owned() }
}

/// Returns whether a verdict says anything in favour of the patch.
fn is_favourable(verdict: &Verdict) -> bool {
    let turned = verdict.report.tests_status.as_ref().map(|status| !status.fail_to_pass.success.is_empty());
    verdict.report.resolved || turned.unwrap_or(false)
}

/// Returns a verdict with what it is worth: one that is not to be trusted is none in favour of the patch.
fn with_trust(mut verdict: Verdict, trust: Trust) -> Verdict {
    if !trust.distrust.is_empty() {
        verdict.report.resolved = false;
        verdict.failure = Some(Failure::Distrusted);
    }
    verdict.trust = Trust { judging: Judging::Strict, ..trust };
    verdict
}
