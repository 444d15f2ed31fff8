//! From what a file asks for to what starts the processes.

use std::sync::Arc;

use anyhow::bail;

use super::hyperqueue::HyperQueue;
use super::launcher::Launcher;
use super::ray::Ray;
use super::slurm::Slurm;
use crate::file::{EngineKind, EngineSpec};

/// Returns the engine that a file asks for, in the environment that `variable` looks up.
///
/// # Errors
/// When it is not available.
pub fn open(engine: &EngineSpec, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Arc<dyn Launcher>> {
    Ok(match engine.kind {
        EngineKind::Local => bail!("the engine `local` starts no processes"),
        EngineKind::Slurm => Arc::new(Slurm),
        EngineKind::Ray => Arc::new(Ray::new(engine, variable)?),
        EngineKind::Hyperqueue => Arc::new(HyperQueue),
        #[cfg(feature = "kubernetes")]
        EngineKind::Kubernetes => Arc::new(super::kubernetes::Kubernetes::new(engine)),
        #[cfg(not(feature = "kubernetes"))]
        EngineKind::Kubernetes => {
            bail!(
                "this program was built without Kubernetes\nhint: `spotter` has it; another one is built with `--features cli/kubernetes`"
            )
        }
    })
}
