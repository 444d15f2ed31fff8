//! Finds and pulls container images.

use bollard::Docker as Client;
use bollard::errors::Error;
use bollard::models::ImageInspect;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures_util::StreamExt;
use tool_core::{Host, Pull, SandboxError};

use crate::credentials;
use crate::progress::Progress;
use crate::reference::Reference;

/// Returns what the engine knows of an image, after pulling it where `pull` says so.
pub(crate) async fn ensure(
    client: &Client,
    name: &str,
    platform: Option<&str>,
    pull: Pull,
    host: &Host,
) -> Result<ImageInspect, SandboxError> {
    if pull != Pull::Always {
        match client.inspect_image(name).await {
            Ok(image) => return Ok(image),
            Err(Error::DockerResponseServerError { status_code: 404, .. }) => {}
            Err(err) => return Err(SandboxError::Unavailable(format!("cannot look for the image `{name}`: {err}"))),
        }
        if pull == Pull::Never {
            return Err(missing(name, "it may not be pulled (`sandbox.pull=never`)"));
        }
    }
    fetch(client, name, platform, host).await.map_err(|reason| missing(name, &reason))?;
    client.inspect_image(name).await.map_err(|err| missing(name, &err.to_string()))
}

fn missing(name: &str, reason: &str) -> SandboxError {
    SandboxError::Image(format!(
        "no image `{name}`: the engine does not have it, and {reason}\nhint: `docker pull {name}`, after `docker login` \
         where the registry asks for it\nhint: or build it under that name; the README says how the images of each \
         environment are built"
    ))
}

/// Pulls an image.
pub(crate) async fn fetch(client: &Client, name: &str, platform: Option<&str>, host: &Host) -> Result<(), String> {
    let reference = Reference::parse(name);
    let full = if reference.has_version { name.to_owned() } else { format!("{name}:latest") };
    let mut options = CreateImageOptionsBuilder::new().from_image(&full);
    if let Some(platform) = platform {
        options = options.platform(platform);
    }
    let credentials = credentials::find(&reference.registry, host).await?;
    let mut events = client.create_image(Some(options.build()), None, credentials);
    let mut progress = Progress::new(name, host.terminal);
    while let Some(event) = events.next().await {
        let event = event.map_err(|err| format!("the pull failed: {}", said(err)))?;
        if let Some(err) = event.error_detail.as_ref().and_then(|detail| detail.message.as_ref()) {
            return Err(format!("the pull failed: {err}"));
        }
        progress.update(&event);
    }
    progress.finish();
    Ok(())
}

/// Returns what the engine says, without the status that it gives to whatever a registry answers.
fn said(err: Error) -> String {
    match err {
        Error::DockerResponseServerError { message, .. } => message,
        err => err.to_string(),
    }
}

/// Returns whether a pull failed for a reason that may pass: the registry is busy or fails, or the network does.
pub(crate) fn is_transient(reason: &str) -> bool {
    const SIGNS: [&str; 15] = [
        "toomanyrequests",
        "too many requests",
        "http 429",
        "unexpected http status: 5",
        "500 internal server error",
        "502 bad gateway",
        "503 service unavailable",
        "504 gateway time",
        "timeout",
        "deadline exceeded",
        "connection re",
        "unexpected eof",
        ": eof",
        "temporary failure",
        "server misbehaving",
    ];
    let reason = reason.to_lowercase();
    SIGNS.iter().any(|sign| reason.contains(sign))
}
