//! Pulling from a registry that is busy, limits the rate, fails, or refuses.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command as Program, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use docker::Images;
use tool_core::{Host, SandboxError};

use crate::images::Gone;
use crate::suite::fixture::host;

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// What a registry answers instead of an image.
#[derive(Clone, Copy)]
struct Refusal {
    status: &'static str,
    headers: &'static str,
    body: &'static str,
}

/// A registry on a loopback port, which the engine trusts without TLS, with one image of one small file.
pub(crate) struct Registry {
    pub(crate) address: String,
    /// How often the image was asked for, checks of a name left out.
    asked: Arc<AtomicUsize>,
}

/// What the registry holds: paths below `/v2/tiny/`, types and contents.
type Store = Vec<(String, &'static str, Vec<u8>)>;

impl Registry {
    /// Starts a registry that refuses for this long after it was asked first.
    fn start(refusal: Refusal, until: Duration) -> Self {
        Self::serving(refusal, until, None)
    }

    /// Starts a registry that answers only to who has the credentials, as a Docker configuration holds them.
    pub(crate) fn with_credentials(credentials: &'static str) -> Self {
        Self::serving(LIMIT, Duration::ZERO, Some(credentials))
    }

    fn serving(refusal: Refusal, until: Duration, credentials: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(AtomicUsize::new(0));
        let (store, count) = (Arc::new(store()), asked.clone());
        let first: Arc<Mutex<Option<Instant>>> = Arc::default();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (store, count, first) = (store.clone(), count.clone(), first.clone());
                let is_over = move || first.lock().unwrap().get_or_insert_with(Instant::now).elapsed() >= until;
                std::thread::spawn(move || serve(stream, &store, refusal, credentials, &count, &is_over));
            }
        });
        Self { address, asked }
    }

    pub(crate) fn image(&self) -> String {
        format!("{}/tiny:1", self.address)
    }
}

/// Answers the requests of one connection. A connection with TLS is none, and the engine tries again without.
fn serve(
    stream: TcpStream,
    store: &Store,
    refusal: Refusal,
    credentials: Option<&str>,
    asked: &AtomicUsize,
    is_over: &dyn Fn() -> bool,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut stream = stream;
    loop {
        let mut request = String::new();
        let mut line = String::new();
        while reader.read_line(&mut line).is_ok_and(|count| count > 2) {
            request.push_str(&std::mem::take(&mut line));
        }
        let mut words = request.split_whitespace();
        let (Some(method), Some(path)) = (words.next(), words.next()) else { return };
        let name = path.strip_prefix("/v2/tiny/");
        let is_tag = name == Some("manifests/1");
        if is_tag && method == "GET" {
            asked.fetch_add(1, Ordering::Relaxed);
        }
        let found = store.iter().find(|(place, ..)| Some(place.as_str()) == name);
        let knows = |credentials| request.lines().any(|line| line.ends_with(&format!(": Basic {credentials}")));
        let (status, headers, body) = match found {
            _ if credentials.is_some_and(|own| !knows(own)) => (
                "401 Unauthorized",
                "Content-Type: application/json\r\nWWW-Authenticate: Basic realm=\"test\"\r\n".to_owned(),
                br#"{"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}"#.as_slice(),
            ),
            _ if is_tag && !is_over() => (refusal.status, refusal.headers.to_owned(), refusal.body.as_bytes()),
            Some((_, kind, bytes)) => ("200 OK", format!("Content-Type: {kind}\r\n"), bytes.as_slice()),
            None if path == "/v2/" => ("200 OK", String::new(), b"{}".as_slice()),
            None => ("404 Not Found", String::new(), b"{}".as_slice()),
        };
        let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        let body = if method == "HEAD" { &[] } else { body };
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_err() {
            return;
        }
    }
}

fn store() -> Store {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    builder.append_data(&mut header, "file", b"tiny\n".as_slice()).unwrap();
    let layer = builder.into_inner().unwrap();
    let config = format!(
        r#"{{"architecture": "amd64", "os": "linux", "config": {{}}, "rootfs": {{"type": "layers", "diff_ids": ["{}"]}}}}"#,
        digest(&layer)
    );
    let manifest = format!(
        r#"{{"schemaVersion": 2, "mediaType": "{MANIFEST}",
            "config": {{"mediaType": "application/vnd.docker.container.image.v1+json", "size": {}, "digest": "{}"}},
            "layers": [{{"mediaType": "application/vnd.docker.image.rootfs.diff.tar", "size": {}, "digest": "{}"}}]}}"#,
        config.len(),
        digest(config.as_bytes()),
        layer.len(),
        digest(&layer)
    );
    let blob = |bytes: &[u8]| (format!("blobs/{}", digest(bytes)), "application/octet-stream", bytes.to_vec());
    vec![
        blob(&layer),
        blob(config.as_bytes()),
        (format!("manifests/{}", digest(manifest.as_bytes())), MANIFEST, manifest.clone().into_bytes()),
        ("manifests/1".to_owned(), MANIFEST, manifest.into_bytes()),
    ]
}

fn digest(bytes: &[u8]) -> String {
    let mut program = Program::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    program.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = String::from_utf8(program.wait_with_output().unwrap().stdout).unwrap();
    format!("sha256:{}", output.split(' ').next().unwrap())
}

async fn engine() -> Images {
    let images = Images::connect(&Host { terminal: false, ..host() }).await;
    images.unwrap_or_else(|err| panic!("needs Docker: {err}"))
}

/// Pulls, trying three times; returns what came of it and what was said meanwhile.
async fn pull(images: &Images, name: &str, pause: Duration) -> (Result<(), SandboxError>, Vec<String>) {
    let said = Mutex::new(Vec::new());
    let pulled = images.pull(name, None, 3, pause, &|line| said.lock().unwrap().push(line.to_owned())).await;
    (pulled, said.into_inner().unwrap())
}

fn error(pulled: Result<(), SandboxError>) -> String {
    match pulled {
        Err(SandboxError::Image(message)) => message,
        other => panic!("{other:?}"),
    }
}

const LIMIT: Refusal = Refusal {
    status: "429 Too Many Requests",
    headers: "Retry-After: 1\r\nContent-Type: application/json\r\n",
    body: r#"{"errors": [{"code": "TOOMANYREQUESTS", "message": "the limit of your plan is reached"}]}"#,
};

#[tokio::test]
#[ignore = "needs Docker"]
async fn a_limit_on_the_rate_is_waited_for() {
    let images = engine().await;
    let registry = Registry::start(LIMIT, Duration::from_millis(500));
    let name = registry.image();
    let _gone = Gone(name.clone());
    let (pulled, said) = pull(&images, &name, Duration::from_millis(600)).await;
    pulled.unwrap();
    let line =
        format!("{name}: the pull failed: toomanyrequests: the limit of your plan is reached; attempt 2 of 3 in 1 s");
    // Once in vain, and once for the image.
    assert_eq!((said, registry.asked.load(Ordering::Relaxed)), (vec![line], 2));
    assert!(images.find(&name).await.unwrap().unwrap().names.contains(&name));
    images.remove(&name).await.unwrap();
    assert_eq!(images.find(&name).await.unwrap(), None);
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn a_registry_that_stays_busy_or_broken_is_given_up_after_some_attempts() {
    let images = engine().await;
    let of = |status, body| Refusal { status, headers: "", body };
    let cases = [
        (LIMIT, "toomanyrequests: the limit of your plan is reached"),
        (of("429 Too Many Requests", ""), "429"),
        (of("429 Too Many Requests", "<html>slow down</html>"), "slow down"),
        (of("500 Internal Server Error", ""), "500 Internal Server Error"),
        (of("502 Bad Gateway", "<html>"), "502 Bad Gateway"),
        (of("503 Service Unavailable", ""), "503 Service Unavailable"),
        (of("504 Gateway Timeout", ""), "504 Gateway Timeout"),
    ];
    for (refusal, reason) in cases {
        let registry = Registry::start(refusal, Duration::MAX);
        let (pulled, said) = pull(&images, &registry.image(), Duration::from_millis(1)).await;
        let message = error(pulled);
        let begin = format!("no image `{}` after 3 attempts: the pull failed: ", registry.image());
        assert!(message.starts_with(&begin) && message.contains(reason), "{message}");
        let attempts: Vec<bool> = said.iter().map(|line| line.contains(reason)).collect();
        assert_eq!((attempts, registry.asked.load(Ordering::Relaxed)), (vec![true, true], 3), "{message}");
    }
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn a_registry_that_is_not_there_is_given_up_after_some_attempts() {
    let images = engine().await;
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (pulled, said) = pull(&images, &format!("{free}/tiny:1"), Duration::from_millis(1)).await;
    let message = error(pulled);
    assert!(message.contains("after 3 attempts") && message.contains("connection refused"), "{message}");
    assert_eq!(said.len(), 2);
}

#[tokio::test]
#[ignore = "needs Docker"]
async fn no_patience_for_what_does_not_pass() {
    let images = engine().await;
    let of = |status, body| Refusal { status, headers: "Content-Type: application/json\r\n", body };
    let cases = [
        (of("401 Unauthorized", r#"{"errors": [{"code": "UNAUTHORIZED", "message": "who?"}]}"#), "unauthorized"),
        (of("403 Forbidden", r#"{"errors": [{"code": "DENIED", "message": "not you"}]}"#), "not you"),
        (of("404 Not Found", r#"{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "what?"}]}"#), "not found"),
        (of("200 OK", "{}"), "missing signature key"),
    ];
    for (refusal, reason) in cases {
        let registry = Registry::start(refusal, Duration::MAX);
        let (pulled, said) = pull(&images, &registry.image(), Duration::from_secs(60)).await;
        let message = error(pulled);
        let begin = format!("no image `{}`: the pull failed: ", registry.image());
        assert!(message.starts_with(&begin) && message.contains(reason), "{message}");
        assert_eq!((said, registry.asked.load(Ordering::Relaxed)), (Vec::<String>::new(), 1), "{message}");
    }
}
