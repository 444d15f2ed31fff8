//! Credentials of a registry, as the Docker client keeps them.
//!
//! Not by the crate `docker_credential`: it waits for a helper without a limit, takes one that knows nothing for a
//! failure and prints what that wrote, which may hold a secret, and finds its file by the environment of the process.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bollard::auth::DockerCredentials;
use serde::Deserialize;
use tokio::io::AsyncWriteExt;
use tool_core::Host;

const TIMEOUT: Duration = Duration::from_secs(30);
/// What a helper gives as the name of the user when the secret is a token.
const TOKEN: &str = "<token>";
/// The name under which the credentials of the default registry are stored.
const HUB: &str = "https://index.docker.io/v1/";
/// Takes what has no padding as well, as other clients write it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The parts of `config.json` that we read.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct ClientConfig {
    auths: BTreeMap<String, Entry>,
    creds_store: Option<String>,
    cred_helpers: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: Option<String>,
    identitytoken: Option<String>,
}

/// What a credential helper prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Helped {
    username: String,
    secret: String,
}

/// Credentials for a registry; they print no secret.
pub struct Login(DockerCredentials);

impl Login {
    /// Returns the credentials for a registry, by its host, if there are any.
    ///
    /// # Errors
    /// When the configuration of the Docker client cannot be read; the message names the file and holds no secret.
    pub async fn find(registry: &str, host: &Host) -> Result<Option<Self>, String> {
        Ok(find(registry, host).await?.map(Self))
    }

    /// Returns the header of authorization with a name and a password.
    pub fn basic(&self) -> Option<String> {
        let (name, password) = (self.0.username.as_ref()?, self.0.password.as_ref()?);
        Some(format!("Basic {}", BASE64.encode(format!("{name}:{password}"))))
    }

    /// Returns the token that stands for an identity.
    pub fn identity(&self) -> Option<&str> {
        self.0.identitytoken.as_deref()
    }
}

/// Returns the credentials for a registry, if there are any.
///
/// # Errors
/// When the configuration cannot be read; the message names the file and holds no secret.
pub(crate) async fn find(registry: &str, host: &Host) -> Result<Option<DockerCredentials>, String> {
    let Some(folder) = folder(host) else { return Ok(None) };
    let path = folder.join("config.json");
    let text = match tokio::fs::read_to_string(&path).await {
        Ok(text) => text,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(err) => return Err(format!("cannot read `{}`: {err}", path.display())),
    };
    let config: ClientConfig = serde_json::from_str(&text)
        .map_err(|err| format!("cannot read `{}`: line {} is not what Docker writes", path.display(), err.line()))?;
    let server = if registry == "docker.io" { HUB } else { registry };
    let helper =
        config.cred_helpers.get(registry).or_else(|| config.cred_helpers.get(server)).or(config.creds_store.as_ref());
    if let Some(helper) = helper
        && let Some(found) = ask_helper(helper, server, host).await?
    {
        return Ok(Some(found));
    }
    let names =
        [server.to_owned(), registry.to_owned(), format!("https://{registry}"), format!("https://{registry}/v1/")];
    let entry = names.iter().find_map(|name| config.auths.get(name));
    entry.map_or(Ok(None), |entry| decode(entry, server).map_err(|reason| format!("`{}`: {reason}", path.display())))
}

fn folder(host: &Host) -> Option<PathBuf> {
    let named = host.variable("DOCKER_CONFIG").map(PathBuf::from);
    named.or_else(|| host.variable("HOME").map(|home| PathBuf::from(home).join(".docker")))
}

fn decode(entry: &Entry, server: &str) -> Result<Option<DockerCredentials>, String> {
    let mut credentials = DockerCredentials { serveraddress: Some(server.to_owned()), ..Default::default() };
    if let Some(token) = entry.identitytoken.clone().filter(|token| !token.is_empty()) {
        credentials.identitytoken = Some(token);
        return Ok(Some(credentials));
    }
    let Some(auth) = entry.auth.as_deref().filter(|auth| !auth.is_empty()) else { return Ok(None) };
    let wrong = || format!("the entry of `{server}` is not valid");
    let text = BASE64.decode(auth).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(wrong)?;
    let (user, password) = text.split_once(':').ok_or_else(wrong)?;
    credentials.username = Some(user.to_owned());
    credentials.password = Some(password.trim_end_matches('\0').to_owned());
    Ok(Some(credentials))
}

/// Asks `docker-credential-NAME`; one that knows nothing is no error.
async fn ask_helper(name: &str, server: &str, host: &Host) -> Result<Option<DockerCredentials>, String> {
    let program = format!("docker-credential-{name}");
    let failed = |reason: String| format!("`{program}` failed: {reason}");
    let mut command = tokio::process::Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    if let Some(path) = host.variable("PATH") {
        command.env("PATH", path);
    }
    let mut child = command.spawn().map_err(|err| failed(err.to_string()))?;
    if let Some(mut input) = child.stdin.take() {
        // A helper that does not read has its reasons, which its exit code tells.
        let _ = input.write_all(server.as_bytes()).await;
    }
    let output = tokio::time::timeout(TIMEOUT, child.wait_with_output()).await;
    let output = output.map_err(|_| failed("it does not answer".to_owned()))?.map_err(|err| failed(err.to_string()))?;
    if !output.status.success() {
        return Ok(None);
    }
    let helped: Helped = serde_json::from_slice(&output.stdout)
        .map_err(|_| failed("its answer is not what Docker expects".to_owned()))?;
    let mut credentials = DockerCredentials { serveraddress: Some(server.to_owned()), ..Default::default() };
    if helped.username == TOKEN {
        credentials.identitytoken = Some(helped.secret);
    } else {
        credentials.username = Some(helped.username);
        credentials.password = Some(helped.secret);
    }
    Ok(Some(credentials))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn host(folder: &std::path::Path, path: &str) -> Host {
        let variables = [("DOCKER_CONFIG", folder.to_string_lossy().into_owned()), ("PATH", path.to_owned())];
        Host { variables: variables.map(|(name, value)| (name.to_owned(), value)).into(), terminal: false }
    }

    #[tokio::test]
    async fn passwords_and_tokens_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let host = host(folder.path(), "/bin");
        assert_eq!(find("docker.io", &host).await, Ok(None));
        let text = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "bWU6c2U6Y3JldA=="},
            "plain.io": {"auth": "dTpw"}, "short.io": {"auth": "dTpwdw"}, "wrong.io": {"auth": "d*"},
            "ghcr.io": {"identitytoken": "tok"},
            "quay.io": {}
        }}"#;
        std::fs::write(folder.path().join("config.json"), text).unwrap();
        let hub = find("docker.io", &host).await.unwrap().unwrap();
        assert_eq!((hub.username.as_deref(), hub.password.as_deref()), (Some("me"), Some("se:cret")));
        assert_eq!(find("ghcr.io", &host).await.unwrap().unwrap().identitytoken.as_deref(), Some("tok"));
        assert_eq!(find("quay.io", &host).await, Ok(None));
        for (registry, password) in [("plain.io", "p"), ("short.io", "pw")] {
            assert_eq!(find(registry, &host).await.unwrap().unwrap().password.as_deref(), Some(password));
        }
        assert!(find("wrong.io", &host).await.unwrap_err().contains("`wrong.io` is not valid"));
        std::fs::write(folder.path().join("config.json"), "{\"auths\": {\"a\": \"s3cret\"}}").unwrap();
        assert!(!find("a", &host).await.unwrap_err().contains("s3cret"));
    }

    #[tokio::test]
    async fn helpers_are_asked() {
        let folder = tempfile::tempdir().unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let host = host(folder.path(), &path);
        let helper = folder.path().join("docker-credential-fake");
        let script = "#!/bin/sh\nread -r server; case $server in known.io) echo '{\"Username\":\"u\",\"Secret\":\"p\"}';; \
                      *) exit 1;; esac\n";
        std::fs::write(&helper, script).unwrap();
        std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::write(folder.path().join("config.json"), r#"{"credsStore": "fake"}"#).unwrap();
        let known = find("known.io", &host).await.unwrap().unwrap();
        assert_eq!((known.username.as_deref(), known.password.as_deref()), (Some("u"), Some("p")));
        assert_eq!(find("other.io", &host).await, Ok(None));
    }
}
