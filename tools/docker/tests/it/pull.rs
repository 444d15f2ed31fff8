//! Pulling an image from a registry that asks for a password.

use std::fs;
use std::path::Path;

use tool_core::{Image, SandboxError, Source};

use crate::images::Gone;
use crate::provider::PLUG;
use crate::registry::Registry;
use crate::suite::fixture::{config, host};

/// `user` with the password `secret`, in the words of a Docker configuration.
const AUTH: &str = "dXNlcjpzZWNyZXQ=";

async fn start(name: &str, docker_config: &Path) -> String {
    let mut host = host();
    host.variables.insert("DOCKER_CONFIG".to_owned(), docker_config.to_string_lossy().into_owned());
    let provider = PLUG.connect(&config(), &host, "pull").await.unwrap();
    let source = Source::Container { name: name.to_owned(), platform: None };
    let image = Image { source, root: "/testbed".to_owned(), startup: String::new() };
    match provider.start(&image).await {
        Err(SandboxError::Image(message)) => message,
        other => panic!("{:?}", other.map(drop)),
    }
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn a_registry_is_given_the_credentials_of_the_client() {
    let registry = Registry::with_credentials(AUTH);
    let name = registry.image();
    let _gone = Gone(name.clone());
    let folder = tempfile::tempdir().unwrap();
    let refused = start(&name, folder.path()).await;
    assert!(refused.contains(&format!("no image `{name}`")) && refused.contains("the pull failed"), "{refused}");
    assert!(!refused.contains("secret") && !refused.contains(AUTH), "{refused}");
    let known = format!(r#"{{"auths": {{"{}": {{"auth": "{AUTH}"}}}}}}"#, registry.address);
    fs::write(folder.path().join("config.json"), known).unwrap();
    let pulled = start(&name, folder.path()).await;
    assert!(pulled.contains("the image has no bash"), "{pulled}");
}
