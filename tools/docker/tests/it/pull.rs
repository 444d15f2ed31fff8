//! Pulling an image from a registry that asks for a password.

use std::fs;
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command as Program, Stdio};
use std::time::Duration;

use tool_core::{Image, SandboxError, Source};

use crate::provider::{PLUG, test_image};
use crate::suite::fixture::{config, host};

/// `user` with the password `secret`, in bcrypt, the only kind that the registry takes.
const USERS: &str = "user:$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";
/// The same in the words of a Docker configuration.
const AUTH: &str = "dXNlcjpzZWNyZXQ=";

struct Registry {
    process: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// Starts Debian's `docker-registry` on a loopback port, which the engine trusts without TLS.
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let path = folder.path().display();
        let text = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {path}/data}}}}\n\
             http: {{addr: \"{address}\"}}\nauth: {{htpasswd: {{realm: test, path: {path}/users}}}}\n"
        );
        fs::write(folder.path().join("config.yml"), text).unwrap();
        fs::write(folder.path().join("users"), USERS).unwrap();
        let mut program = Program::new("docker-registry");
        program.arg("serve").arg(folder.path().join("config.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(process) = program.spawn() else {
            eprintln!("skipped: no docker-registry");
            return None;
        };
        let registry = Self { process, address, folder };
        for _ in 0..200 {
            if TcpStream::connect(&registry.address).is_ok() {
                return Some(registry);
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        panic!("the registry does not start");
    }

    /// Writes a Docker configuration that knows the password, and returns its folder.
    fn login(&self) -> String {
        let folder = self.folder.path().join("login");
        fs::create_dir_all(&folder).unwrap();
        let text = format!(r#"{{"auths": {{"{}": {{"auth": "{AUTH}"}}}}}}"#, self.address);
        fs::write(folder.join("config.json"), text).unwrap();
        folder.to_string_lossy().into_owned()
    }

    /// Pushes an image of one small file, and removes it from the engine.
    fn push(&self) -> String {
        let name = format!("{}/spotter/tiny:1", self.address);
        let mut import = docker(&["import", "-", &name]);
        let mut import = import.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_size(5);
        header.set_mode(0o644);
        builder.append_data(&mut header, "file", b"tiny\n".as_slice()).unwrap();
        import.stdin.take().unwrap().write_all(&builder.into_inner().unwrap()).unwrap();
        assert!(import.wait().unwrap().success());
        assert!(
            docker(&["--config", &self.login(), "push", "-q", &name]).stdout(Stdio::null()).status().unwrap().success()
        );
        remove(&name);
        name
    }
}

fn docker(arguments: &[&str]) -> Program {
    let mut program = Program::new("docker");
    program.args(arguments);
    program
}

fn remove(name: &str) {
    assert!(docker(&["rmi", name]).stdout(Stdio::null()).status().unwrap().success());
}

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
async fn a_registry_is_given_the_credentials_of_the_client() {
    if test_image().is_none() {
        return;
    }
    let Some(registry) = Registry::start() else { return };
    let name = registry.push();
    let refused = start(&name, registry.folder.path()).await;
    assert!(refused.contains(&format!("no image `{name}`")) && refused.contains("the pull failed"), "{refused}");
    assert!(!refused.contains("secret"));
    let pulled = start(&name, Path::new(&registry.login())).await;
    assert!(pulled.contains("the image has no bash"), "{pulled}");
    remove(&name);
}
