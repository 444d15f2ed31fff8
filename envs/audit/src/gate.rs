//! The check at each episode's start.

use std::collections::BTreeMap;

use env_core::{AuditResult, Audited, EnvError, Instance, OnLeak, Patch};
use sha2::{Digest, Sha256};
use tool_core::{Command, Image, Sandbox, SandboxProvider, Source, shell_quote};

use crate::certificate::{Certificate, Finding};
use crate::certificates::Certificates;

/// Checks at each episode's start what the certificate of its image says.
#[derive(Debug, Clone)]
pub struct Gate {
    certificates: Certificates,
    on_leak: OnLeak,
}

/// On what terms an episode may start.
#[derive(Debug, Clone)]
pub struct Admission {
    /// What is recorded of it.
    pub audited: Audited,
    /// Where the certificate has the repository.
    root: String,
}

impl Gate {
    /// Returns a check against these certificates.
    pub fn new(certificates: Certificates, on_leak: OnLeak) -> Self {
        Self { certificates, on_leak }
    }

    /// Returns on what terms an episode on an instance may start from an image; `None` where the image is not here yet.
    ///
    /// # Errors
    /// [`EnvError::LeakyImage`] when it must not; [`EnvError::Broken`] when there is a certificate that cannot be read.
    pub async fn admit(
        &self,
        provider: &dyn SandboxProvider,
        image: &Image,
        (instance, gold): (&Instance, Option<&Patch>),
    ) -> Result<Option<Admission>, EnvError> {
        let Some(digest) = digest_of(provider, image).await else { return Ok(None) };
        let gold = gold.map(Patch::digest);
        let Instance { instance_id, base_commit, .. } = instance;
        let found = self.certificates.find(&digest, (instance_id, base_commit, &image.root), gold.as_deref());
        let found = found.map_err(|err| {
            EnvError::Broken(format!("{err}\nhint: `spotter images audit {instance_id} --force` makes another one"))
        })?;
        let root = image.root.clone();
        let Some((certificate, own)) = found else {
            return Ok(Some(Admission { audited: Audited::default(), root }));
        };
        let alarms: Vec<&Finding> = certificate.alarms().collect();
        let result = if alarms.is_empty() { AuditResult::Clean } else { AuditResult::Leaks };
        let mut audited = Audited { result, certificate: Some(own), alarms: alarms.len(), ..Audited::default() };
        match self.on_leak {
            _ if alarms.is_empty() => {}
            OnLeak::Warn => tracing::warn!("{}", told(&certificate, &alarms)),
            OnLeak::Refuse => {
                let hint = format!(
                    "hint: `spotter images audit {instance_id}` lists them; `-c env.on_leak=remove` removes them before \
                     each episode, and `warn` starts all the same"
                );
                return Err(EnvError::LeakyImage(format!("{}\n{hint}", told(&certificate, &alarms))));
            }
            OnLeak::Remove => {
                let fixed: Vec<&Finding> = alarms.iter().copied().filter(|finding| !may_go(finding)).collect();
                if !fixed.is_empty() {
                    let hint = "hint: these cannot be removed safely; `-c env.on_leak=warn` starts all the same";
                    return Err(EnvError::LeakyImage(format!("{}\n{hint}", told(&certificate, &fixed))));
                }
                audited.removed = alarms.iter().map(|finding| finding.path.clone()).collect();
            }
        }
        Ok(Some(Admission { audited, root }))
    }
}

impl Admission {
    /// Removes from a sandbox, in which nothing of the episode has run yet, what has to go.
    ///
    /// # Errors
    /// [`EnvError::LeakyImage`] when something stays.
    pub async fn clear(&self, sandbox: &dyn Sandbox) -> Result<(), EnvError> {
        if self.audited.removed.is_empty() {
            return Ok(());
        }
        let info = sandbox.info();
        let mut words = Vec::new();
        for path in &self.audited.removed {
            let own = path.strip_prefix(self.root.trim_end_matches('/')).filter(|rest| rest.starts_with('/'));
            let path = match own {
                Some(rest) => format!("{}{rest}", info.root.trim_end_matches('/')),
                None if info.isolated => path.clone(),
                // It is a path of this machine.
                None => continue,
            };
            words.push(shell_quote(&path));
        }
        let script = format!(
            "for path in {}; do rm -rf -- \"$path\"; if [ -e \"$path\" ] || [ -L \"$path\" ]; then echo \"$path\"; fi; done",
            words.join(" ")
        );
        let output = sandbox.exec(Command::fresh(script)).await?;
        let left = output.output.trim();
        if output.success() && left.is_empty() {
            return Ok(());
        }
        Err(EnvError::LeakyImage(format!("what would tell a solver the answer could not be removed: {left}")))
    }
}

/// Returns what tells an image from any other that may come to have its name; `None` where it is not here.
async fn digest_of(provider: &dyn SandboxProvider, image: &Image) -> Option<String> {
    match &image.source {
        Source::Files(files) => Some(digest_of_files(files)),
        _ => provider.image_digest(image).await,
    }
}

/// Returns what tells files from any others.
pub fn digest_of_files(files: &BTreeMap<String, Vec<u8>>) -> String {
    let mut digest = Sha256::new();
    for (path, contents) in files {
        digest.update(path.len().to_le_bytes());
        digest.update(path);
        digest.update(contents.len().to_le_bytes());
        digest.update(contents);
    }
    let hex: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("files:{hex}")
}

/// Returns whether a finding may be removed. A certificate is a file, in which anything may stand: it cannot lead out of
/// the folder that it names, nor to a root.
fn may_go(finding: &Finding) -> bool {
    let is_plain = |path: &str| path.split('/').all(|part| !matches!(part, "" | "." | ".."));
    finding.removable && finding.kind.is_removable() && finding.path.strip_prefix('/').is_some_and(is_plain)
}

/// Says what was found, without a word of the gold patch.
fn told(certificate: &Certificate, findings: &[&Finding]) -> String {
    /// How many are named.
    const NAMED: usize = 3;
    let named: Vec<String> =
        findings.iter().take(NAMED).map(|finding| format!("{} `{}`", finding.kind, finding.path)).collect();
    let more = findings.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    let Certificate { image, instance_id, .. } = certificate;
    format!("the image `{image}` holds what would tell the answer of `{instance_id}`: {}{more}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    #[test]
    fn only_plain_paths_are_removed() {
        let may = |path: &str, kind| {
            let (path, evidence) = (path.to_owned(), Vec::new());
            may_go(&Finding { kind, path, evidence, alarm: true, excused: None, removable: true })
        };
        assert!(may("/home/dev/fix.patch", Kind::PatchFile));
        for path in ["/", "", "home/a", "/testbed/../etc", "/a//b", "/a/./b", "/a/"] {
            assert!(!may(path, Kind::PatchFile), "{path}");
        }
        assert!(!may("/usr/lib/a", Kind::InstalledCopy));
    }
}
