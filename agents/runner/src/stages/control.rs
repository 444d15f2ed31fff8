//! Control runs: the tests of an instance without any patch, for when the run of a patch seems to show a broken
//! environment.
//!
//! A log is written by what the patch put there, so it cannot say that the environment broke. Only the same instance
//! without the patch can. Such a run takes as long as a judging, so there is one only when it is needed, and its result
//! is kept beside the runs for all of them.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use env_core::{Failure, Infra, Tier, Verdict};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use journal::{Lease, read_text, word, write_whole};

/// What a run of the tests without a patch showed, as its file holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Control {
    /// The instance.
    instance_id: String,
    /// The sign of a broken environment that it showed; `None` when its tests ran.
    pub(crate) sign: Option<String>,
    /// When that was, in seconds since 1970.
    at: u64,
}

/// For how many seconds a broken environment is taken to be still broken: what broke it may have passed.
const BROKEN_FOR: u64 = 3600;

/// Where the control runs of one instance under one way of judging are kept.
pub(crate) struct ControlFile {
    path: PathBuf,
}

impl ControlFile {
    /// Returns the file in the folder of all runs for a way of judging and an image.
    pub(crate) fn new(runs: &Path, judging: &str, image: Option<&str>) -> Self {
        let digest = Sha256::digest(format!("{judging}\0{}", image.unwrap_or_default()));
        let name: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { path: runs.join("control").join(format!("{name}.json")) }
    }

    /// Returns what is kept, while it can be relied on.
    fn read(&self) -> Option<Control> {
        let control: Control = serde_json::from_str(&read_text(&self.path).ok()??).ok()?;
        let is_old = now().saturating_sub(control.at) > BROKEN_FOR;
        (control.sign.is_none() || !is_old).then_some(control)
    }

    /// Returns what is kept, or else what `run` shows, which no other worker and no other process runs meanwhile.
    pub(crate) async fn get(
        &self,
        instance_id: &str,
        run: impl Future<Output = anyhow::Result<Verdict>>,
    ) -> anyhow::Result<Control> {
        if let Some(control) = self.read() {
            return Ok(control);
        }
        let _lease = Lease::wait(&self.path.with_extension("lease"), tokio::time::sleep).await?;
        if let Some(control) = self.read() {
            return Ok(control);
        }
        let verdict = run.await?;
        let control = Control { instance_id: instance_id.to_owned(), sign: sign(&verdict), at: now() };
        write_whole(&self.path.with_extension("log"), &verdict.test_output)?;
        write_whole(&self.path, &serde_json::to_vec_pretty(&control)?)?;
        Ok(control)
    }
}

/// Returns the sign of a broken environment in a run whose tests gave no result of use: what its log says, or what the
/// engine says.
pub(crate) fn sign(verdict: &Verdict) -> Option<String> {
    match verdict.failure? {
        Failure::SandboxDamaged => Some("sandbox_damaged".to_owned()),
        Failure::TestsErrored | Failure::LogContradicted => match verdict.infra {
            Some(Infra { reason, tier: Tier::Environment }) => Some(word(reason)),
            _ => verdict.out_of_memory.then(|| "out_of_memory".to_owned()),
        },
        Failure::EmptyPatch | Failure::PatchNotApplied | Failure::TestsTimedOut | Failure::Distrusted => None,
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
