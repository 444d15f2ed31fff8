//! What killed processes left behind.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use bollard::query_parameters::ListContainersOptionsBuilder;
use tool_core::SandboxError;

use crate::docker;
use crate::host::Owner;
use crate::local;
use crate::{Config, Host, Kind};

/// After it, a folder without an owner gets none any more.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What [`clean`] removed, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removed {
    /// Containers.
    pub containers: Vec<String>,
    /// Temporary folders.
    pub folders: Vec<String>,
}

/// Removes containers and temporary folders whose process on this machine has ended without removing them.
///
/// With `all`, containers that processes on other machines made are removed as well; those of a living process of this
/// machine never are. Where the configured provider is not Docker, an engine that cannot be reached is no error.
///
/// # Errors
/// When the engine cannot be reached, or when something cannot be removed.
pub async fn clean(config: &Config, host: &Host, all: bool) -> Result<Removed, SandboxError> {
    let temporary = host.temporary();
    let folders = local::blocking(move || clean_folders(&temporary)).await?;
    let containers = match docker::connect(host).await {
        Ok(client) => clean_containers(&client, all).await?,
        Err(_) if config.provider != Kind::Docker => Vec::new(),
        Err(err) => return Err(err),
    };
    Ok(Removed { containers, folders })
}

async fn clean_containers(client: &bollard::Docker, all: bool) -> Result<Vec<String>, SandboxError> {
    let filter = [("label".to_owned(), vec![docker::OWNER.to_owned()])];
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filter.into()).build();
    let list = client.list_containers(Some(options)).await;
    let list = list.map_err(|err| SandboxError::Unavailable(format!("cannot list the containers: {err}")))?;
    let mut removed = Vec::new();
    for container in list {
        let labels = container.labels.unwrap_or_default();
        // Empty in what is started from an image that was built here.
        let Some(text) = labels.get(docker::OWNER).filter(|text| !text.is_empty()) else { continue };
        let owner = Owner::parse(text);
        let left = owner.map_or(all, |owner| if owner.is_here() { !owner.is_alive() } else { all });
        let Some(id) = container.id.filter(|_| left) else { continue };
        docker::force_remove(client, &id)
            .await
            .map_err(|err| SandboxError::Lost(format!("cannot remove the container `{id}`: {err}")))?;
        let name = container.names.unwrap_or_default().into_iter().next();
        removed.push(name.map_or(id, |name| name.trim_start_matches('/').to_owned()));
    }
    removed.sort();
    Ok(removed)
}

fn clean_folders(temporary: &Path) -> Result<Vec<String>, SandboxError> {
    let mut removed = Vec::new();
    for entry in fs::read_dir(temporary).into_iter().flatten().flatten() {
        let path = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(local::PREFIX) {
            continue;
        }
        let owner = fs::read_to_string(path.join(local::OWNER)).ok().and_then(|text| Owner::parse(&text));
        if owner.map_or_else(|| is_stale(&path), |owner| owner.is_here() && !owner.is_alive()) {
            local::remove_leftover(&path)
                .map_err(|err| SandboxError::Lost(format!("cannot remove `{}`: {err}", path.display())))?;
            removed.push(path.to_string_lossy().into_owned());
        }
    }
    removed.sort();
    Ok(removed)
}

/// Returns whether a folder of this user has no owner although it is old: its process ended before it could write one.
fn is_stale(path: &Path) -> bool {
    let Ok(metadata) = fs::symlink_metadata(path) else { return false };
    let is_old = metadata.modified().ok().and_then(|time| time.elapsed().ok()).is_some_and(|age| age > DAY);
    metadata.is_dir()
        && is_old
        && metadata.uid() == rustix::process::geteuid().as_raw()
        && !path.join(local::OWNER).exists()
}
