//! Connects to a Docker engine.

use std::io;
use std::path::Path;
use std::time::Duration;

use bollard::errors::Error;
use bollard::query_parameters::RemoveContainerOptionsBuilder;
use bollard::{API_DEFAULT_VERSION, Docker as Client};
use tool_core::{Host, SandboxError};

/// Seconds after which a request to the engine is given up.
const TIMEOUT: u64 = 120;

/// Connects to the engine that the environment names, or to the first socket found, with the newest version of the API
/// that both sides know.
pub(crate) async fn connect(host: &Host) -> Result<Client, SandboxError> {
    // A process has one crypto provider; an earlier call has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (address, client) = match host.variable("DOCKER_HOST") {
        Some(address) => (address.to_owned(), open(address, host)),
        None => {
            let sockets = sockets(host);
            let found = sockets.iter().find(|path| Path::new(path).exists());
            let Some(path) = found else {
                return Err(unavailable(
                    &format!("there is no Docker engine at {}", sockets.join(", ")),
                    "there is no such socket",
                ));
            };
            (path.clone(), open(path, host))
        }
    };
    let client = client.map_err(|reason| unavailable(&format!("there is no Docker engine at `{address}`"), &reason))?;
    let negotiated = client.negotiate_version().await;
    negotiated.map_err(|err| unavailable(&format!("no Docker engine answers at `{address}`"), &err.to_string()))
}

fn unavailable(what: &str, reason: &str) -> SandboxError {
    SandboxError::Unavailable(format!(
        "{what}: {reason}\nhint: start Docker or set DOCKER_HOST; `-c sandbox.provider=local` works without Docker, \
        but without isolation"
    ))
}

/// Returns where engines listen, the system's first, then rootless ones.
fn sockets(host: &Host) -> Vec<String> {
    let mut sockets = vec!["/var/run/docker.sock".to_owned()];
    if let Some(folder) = host.variable("XDG_RUNTIME_DIR") {
        sockets.push(format!("{folder}/docker.sock"));
        sockets.push(format!("{folder}/podman/podman.sock"));
    }
    if let Some(home) = host.variable("HOME") {
        sockets.push(format!("{home}/.docker/run/docker.sock"));
    }
    sockets.push("/run/podman/podman.sock".to_owned());
    sockets
}

fn open(address: &str, host: &Host) -> Result<Client, String> {
    let result = if address.starts_with('/') || address.starts_with("unix://") {
        Client::connect_with_unix(address, TIMEOUT, API_DEFAULT_VERSION)
    } else if host.variable("DOCKER_TLS_VERIFY").is_some() || address.starts_with("https://") {
        let default = format!("{}/.docker", host.variable("HOME").unwrap_or_default());
        let folder = Path::new(host.variable("DOCKER_CERT_PATH").unwrap_or(&default)).to_owned();
        let (key, cert, ca) = (folder.join("key.pem"), folder.join("cert.pem"), folder.join("ca.pem"));
        Client::connect_with_ssl(address, &key, &cert, &ca, TIMEOUT, API_DEFAULT_VERSION)
    } else if address.starts_with("tcp://") || address.starts_with("http://") {
        Client::connect_with_http(address, TIMEOUT, API_DEFAULT_VERSION)
    } else {
        return Err("the address must begin with unix://, tcp://, http:// or https://".to_owned());
    };
    result.map_err(|err| err.to_string())
}

/// Removes a container, running or not; one that is gone already is fine.
pub(crate) async fn force_remove(client: &Client, id: &str) -> io::Result<()> {
    let options = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    match client.remove_container(id, Some(options)).await {
        // 404: gone. 409: the engine is removing it already.
        Ok(()) | Err(Error::DockerResponseServerError { status_code: 404 | 409, .. }) => wait_gone(client, id).await,
        Err(err) => Err(io::Error::other(err)),
    }
}

async fn wait_gone(client: &Client, id: &str) -> io::Result<()> {
    for pause in [1, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 4000] {
        match client.inspect_container(id, None).await {
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => return Ok(()),
            _ => tokio::time::sleep(Duration::from_millis(pause)).await,
        }
    }
    Err(io::Error::other("the engine does not remove it"))
}
