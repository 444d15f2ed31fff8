//! Containers that killed processes left behind.

use bollard::Docker as Client;
use bollard::query_parameters::ListContainersOptionsBuilder;
use shell::Owner;
use tool_core::SandboxError;

use crate::engine::force_remove;
use crate::labels::OWNER;

/// Removes containers whose process on this machine has ended without removing them, with `all` those of other machines
/// too, and returns their names.
pub(crate) async fn clean(client: &Client, all: bool) -> Result<Vec<String>, SandboxError> {
    let filter = [("label".to_owned(), vec![OWNER.to_owned()])];
    let options = ListContainersOptionsBuilder::new().all(true).filters(&filter.into()).build();
    let list = client.list_containers(Some(options)).await;
    let list = list.map_err(|err| SandboxError::Unavailable(format!("cannot list the containers: {err}")))?;
    let mut removed = Vec::new();
    for container in list {
        let labels = container.labels.unwrap_or_default();
        // Empty in what is started from an image that was built here.
        let Some(text) = labels.get(OWNER).filter(|text| !text.is_empty()) else { continue };
        let owner = Owner::parse(text);
        let left = owner.map_or(all, |owner| if owner.is_here() { !owner.is_alive() } else { all });
        let Some(id) = container.id.filter(|_| left) else { continue };
        force_remove(client, &id)
            .await
            .map_err(|err| SandboxError::Lost(format!("cannot remove the container `{id}`: {err}")))?;
        let name = container.names.unwrap_or_default().into_iter().next();
        removed.push(name.map_or(id, |name| name.trim_start_matches('/').to_owned()));
    }
    removed.sort();
    Ok(removed)
}
