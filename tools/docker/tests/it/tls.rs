//! An engine that is reached over TLS with certificates on both sides.

use std::io::BufRead;
use std::path::Path;
use std::process::{Command as Program, Stdio};

use tool_core::{Host, Image, SandboxError, Source};

use crate::provider::{PLUG, test_image};
use crate::suite::fixture::{config, ok};

/// Makes an authority and certificates for both sides, as the engine's manual says.
const CERTIFICATES: &str = r"set -e
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.pem -days 2 -subj /CN=authority
for side in server client; do
  openssl req -newkey rsa:2048 -nodes -keyout $side-key.pem -out $side.csr -subj /CN=$side
  printf 'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=%sAuth\n' $side >$side.cnf
  openssl x509 -req -in $side.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 -extfile $side.cnf -out $side.pem
done
mkdir client && cp ca.pem client/ca.pem && cp client.pem client/cert.pem && cp client-key.pem client/key.pem";

/// Takes TLS off connections and passes them on to the engine.
const PROXY: &str = r"
import socket, ssl, threading
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain('server.pem', 'server-key.pem')
context.load_verify_locations('ca.pem')
context.verify_mode = ssl.CERT_REQUIRED
listener = socket.create_server(('127.0.0.1', 0))
print(listener.getsockname()[1], flush=True)

def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass

def serve(plain):
    try:
        near = context.wrap_socket(plain, server_side=True)
    except (ssl.SSLError, OSError):
        return
    far = socket.socket(socket.AF_UNIX)
    far.connect('/var/run/docker.sock')
    threading.Thread(target=copy, args=(near, far), daemon=True).start()
    copy(far, near)
    near.close()

while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
";

fn host(address: &str, certificates: Option<&Path>) -> Host {
    let mut variables = vec![("DOCKER_HOST", address.to_owned()), ("DOCKER_TLS_VERIFY", "1".to_owned())];
    let folder = certificates.unwrap_or(Path::new("/nowhere")).to_string_lossy().into_owned();
    variables.push(("DOCKER_CERT_PATH", folder));
    Host { variables: variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(), terminal: false }
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn the_engine_is_reached_over_tls() {
    let name = test_image();
    let folder = tempfile::tempdir().unwrap();
    let mut make = Program::new("bash");
    make.args(["-c", CERTIFICATES]).current_dir(folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
    assert!(make.status().unwrap().success(), "needs openssl");
    assert!(Path::new("/var/run/docker.sock").exists(), "needs Docker at its usual place");
    let mut proxy = Program::new("python3");
    proxy.args(["-c", PROXY]).current_dir(folder.path()).stdout(Stdio::piped());
    let mut proxy = proxy.spawn().unwrap_or_else(|err| panic!("needs python3: {err}"));
    let mut port = String::new();
    std::io::BufReader::new(proxy.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let address = format!("tcp://127.0.0.1:{}", port.trim());
    let refused = PLUG.connect(&config(), &host(&address, None), "tls").await.map(drop);
    assert!(matches!(refused, Err(SandboxError::Unavailable(_))), "{refused:?}");
    let certificates = folder.path().join("client");
    let provider = PLUG.connect(&config(), &host(&address, Some(&certificates)), "tls").await.unwrap();
    let source = Source::Container { name, platform: None };
    let image = Image { source, root: "/testbed".to_owned(), startup: String::new() };
    let sandbox = provider.start(&image).await.unwrap();
    assert_eq!(ok(&*sandbox, "echo over tls").await, "over tls\n");
    sandbox.stop().await.unwrap();
    proxy.kill().unwrap();
    proxy.wait().unwrap();
}
