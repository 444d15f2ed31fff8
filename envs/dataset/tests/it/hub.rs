//! A hub on loopback: downloads, the cache, and every way to be refused.

use std::path::Path;

use dataset::{ColumnNames, DatasetError, HubSettings, Row, Source, load};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use crate::parquet_file;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Returns settings for a hub at `endpoint` with its cache in `folder`.
fn settings(endpoint: &str, folder: &Path) -> HubSettings {
    let (endpoint, home) = (endpoint.to_owned(), folder.display().to_string());
    HubSettings::from_vars(|name| match name {
        "HF_ENDPOINT" => Some(endpoint.clone()),
        "HF_HOME" => Some(home.clone()),
        "HF_TOKEN" => Some("hf_secret".to_owned()),
        _ => None,
    })
}

/// Plays a hub with these files at one commit, which `main` names.
async fn hub(files: &[(&str, Vec<u8>)]) -> MockServer {
    let server = MockServer::start().await;
    let siblings: Vec<_> = files.iter().map(|(name, _)| serde_json::json!({"rfilename": name})).collect();
    let info = serde_json::json!({"id": "some/data", "sha": COMMIT, "siblings": siblings});
    for revision in ["main", COMMIT] {
        let at = format!("/api/datasets/some/data/revision/{revision}");
        let answer = ResponseTemplate::new(200).set_body_json(&info);
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&server).await;
    }
    for (index, (name, bytes)) in files.iter().enumerate() {
        let at = format!("/datasets/some/data/resolve/{COMMIT}/{name}");
        let head = ResponseTemplate::new(200)
            .insert_header("etag", format!("\"etag{index}\""))
            .insert_header("x-repo-commit", COMMIT)
            .insert_header("x-linked-size", bytes.len().to_string());
        let body = head.clone().set_body_bytes(bytes.clone());
        Mock::given(method("HEAD")).and(path(at.clone())).respond_with(head).mount(&server).await;
        let given = Mock::given(method("GET")).and(path(at)).and(header("authorization", "Bearer hf_secret"));
        given.respond_with(body).mount(&server).await;
    }
    server
}

async fn load_from(name: &str, settings: &HubSettings) -> Result<Vec<Row>, DatasetError> {
    load(&Source::parse(name, &[])?, &ColumnNames::default(), settings).await
}

#[tokio::test]
async fn a_second_load_needs_no_server() {
    let shards = [
        ("data/test-00000-of-00002.parquet", parquet_file::bytes(&["a__b-1"])),
        ("data/test-00001-of-00002.parquet", parquet_file::bytes(&["a__b-2"])),
        ("data/dev-00000-of-00001.parquet", parquet_file::bytes(&["a__b-3"])),
        ("README.md", b"x".to_vec()),
    ];
    let server = hub(&shards).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut settings = settings(&server.uri(), folder.path());
    let rows = load_from("some/data:test", &settings).await.expect("it is there");
    assert_eq!(rows.iter().map(|row| row.instance_id.as_str()).collect::<Vec<_>>(), ["a__b-1", "a__b-2"]);
    let cache = folder.path().join("hub/datasets--some--data");
    assert_eq!(std::fs::read_to_string(cache.join("refs/spotter/main")).expect("recorded"), COMMIT);
    assert!(cache.join(format!("snapshots/{COMMIT}/data/test-00000-of-00002.parquet")).is_symlink());
    drop(server);
    for offline in [false, true] {
        settings.offline = offline;
        assert_eq!(load_from("some/data:test", &settings).await.expect("it is cached"), rows);
        assert_eq!(load_from(&format!("some/data:test@{COMMIT}"), &settings).await.expect("it is cached"), rows);
    }
    let err = load_from("some/data:dev", &settings).await.expect_err("it was not downloaded").to_string();
    let place = folder.path().join("hub");
    let expected = format!(
        "`some/data` at `main` is not in the cache `{}`\nhint: unset HF_HUB_OFFLINE to download it",
        place.display()
    );
    assert_eq!(err, expected);
    std::fs::remove_file(cache.join(format!("snapshots/{COMMIT}/data/test-00001-of-00002.parquet"))).expect("removed");
    load_from("some/data:test", &settings).await.expect_err("half of the shards is not enough");
}

#[tokio::test]
async fn a_branch_that_moved_on_is_not_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = hub(&[("train.jsonl", ROW.as_bytes().to_vec())]).await;
    let settings = settings(&server.uri(), folder.path());
    let rows = load_from("some/data", &settings).await.expect("it is there");
    std::fs::write(folder.path().join("hub/datasets--some--data/refs/main"), "f".repeat(40)).expect("written");
    assert_eq!(load_from("some/data", &settings).await.expect("it is cached"), rows);
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = hub(&[("train.jsonl", ROW.as_bytes().to_vec())]).await;
    let settings = settings(&server.uri(), folder.path());
    let said = |result: Result<Vec<Row>, DatasetError>| result.expect_err("it is not there");
    let err = said(load_from("some/data:test", &settings).await);
    assert!(
        matches!(&err, DatasetError::NotFound(text) if text == "`some/data` at `main` has no split `test`\nhint: there are `train`"),
        "{err}"
    );
    let err = said(load_from("some/data@v9", &settings).await);
    assert!(
        matches!(&err, DatasetError::NotFound(text) if text.ends_with("has no dataset `some/data` at revision `v9`")),
        "{err}"
    );
}

#[tokio::test]
async fn a_refusal_says_to_set_a_token() {
    for status in [401, 403] {
        let server = MockServer::start().await;
        Mock::given(method("GET")).respond_with(ResponseTemplate::new(status)).mount(&server).await;
        let folder = tempfile::tempdir().expect("a folder");
        let err = load_from("some/data", &settings(&server.uri(), folder.path())).await.expect_err("it is refused");
        assert!(matches!(err, DatasetError::Unauthorized(_)), "{err}");
        let text = err.to_string();
        assert!(
            text.contains("refuses `some/data`: it is private, gated or misspelt\nhint: set HF_TOKEN to"),
            "{text}"
        );
        assert!(!text.contains("hf_secret"), "{text}");
    }
}

#[tokio::test]
async fn a_body_that_is_not_the_file_is_not_kept() {
    let whole = parquet_file::bytes(&["a__b-1"]);
    let name = "data/test-00000-of-00001.parquet";
    let page = b"<html>try later</html>".to_vec();
    for body in [whole[..whole.len() / 2].to_vec(), page, Vec::new()] {
        let folder = tempfile::tempdir().expect("a folder");
        let server = hub(&[(name, body)]).await;
        let err = load_from("some/data", &settings(&server.uri(), folder.path())).await.expect_err("it is not whole");
        assert!(matches!(err, DatasetError::Unavailable(_)), "{err}");
        drop(server);
        let server = hub(&[(name, whole.clone())]).await;
        let rows = load_from("some/data", &settings(&server.uri(), folder.path())).await.expect("a second try");
        assert_eq!(rows.len(), 1);
    }
}

#[tokio::test]
async fn a_connection_that_breaks_off_is_said_and_not_kept() {
    let name = "data/test-00000-of-00001.parquet";
    let whole = parquet_file::bytes(&["a__b-1"]);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    let half = whole.clone();
    let server = tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = stream.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            let info = format!(
                "{{\"id\": \"some/data\", \"sha\": \"{COMMIT}\", \"siblings\": [{{\"rfilename\": \"{name}\"}}]}}"
            );
            let common = format!("etag: \"x\"\r\nx-repo-commit: {COMMIT}\r\nconnection: close\r\n");
            let start = |length: usize| format!("HTTP/1.1 200 OK\r\n{common}content-length: {length}\r\n\r\n");
            let answer = if request.contains("/api/") {
                [start(info.len()).into_bytes(), info.into_bytes()].concat()
            } else if request.starts_with("HEAD") {
                start(half.len()).into_bytes()
            } else {
                [start(half.len()).into_bytes(), half[..half.len() / 2].to_vec()].concat()
            };
            drop(stream.write_all(&answer).await);
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let err = load_from("some/data", &settings(&endpoint, folder.path())).await.expect_err("it breaks off");
    assert!(
        matches!(&err, DatasetError::Unavailable(text) if text.starts_with("cannot get `some/data` from")),
        "{err}"
    );
    server.abort();
    let server = hub(&[(name, whole)]).await;
    load_from("some/data", &settings(&server.uri(), folder.path())).await.expect("a second try");
}

#[tokio::test]
async fn two_clients_download_a_file_once() {
    let server = hub(&[("data/test-00000-of-00001.parquet", parquet_file::bytes(&["a__b-1"]))]).await;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = settings(&server.uri(), folder.path());
    let loads = (0..4).map(|_| load_from("some/data", &settings));
    for rows in futures_util::future::join_all(loads).await {
        assert_eq!(rows.expect("it is there").len(), 1);
    }
    let requests = server.received_requests().await.expect("they are kept");
    let of = |method: &str| {
        let files = requests.iter().filter(|request| request.url.path().contains("/resolve/"));
        files.filter(|request| request.method.as_str() == method).count()
    };
    assert!(of("HEAD") > 1, "they came one after the other");
    assert_eq!(of("GET"), 1);
}

#[tokio::test]
async fn a_hub_that_cannot_be_reached_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let err = load_from("SWE-Gym/SWE-Gym-Lite", &settings("http://127.0.0.1:1", folder.path()))
        .await
        .expect_err("nobody listens");
    let text = err.to_string();
    assert!(text.starts_with("cannot get `SWE-Gym/SWE-Gym-Lite` from `http://127.0.0.1:1`: "), "{text}");
}

#[test]
fn the_cache_is_where_the_python_library_has_it() {
    let from = |vars: &'static [(&str, &str)]| {
        let var = |name: &str| vars.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        HubSettings::from_vars(var)
    };
    let cache = |vars| from(vars).cache.display().to_string();
    assert_eq!(cache(&[("HOME", "/h")]), "/h/.cache/huggingface/hub");
    assert_eq!(cache(&[("HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), "/x/huggingface/hub");
    assert_eq!(cache(&[("HF_HOME", "/f"), ("XDG_CACHE_HOME", "/x")]), "/f/hub");
    assert_eq!(cache(&[("HF_HOME", "/f"), ("HF_HUB_CACHE", "/c")]), "/c");
    let settings = from(&[("HF_TOKEN", "hf_secret"), ("HF_HUB_OFFLINE", "yes"), ("HF_ENDPOINT", "")]);
    assert!(settings.offline && settings.endpoint == "https://huggingface.co");
    assert!(!format!("{settings:?}").contains("hf_secret"));
}

const ROW: &str = r#"{"instance_id": "a__b-1", "repo": "a/b", "base_commit": "c0", "patch": "p", "test_patch": "t", "problem_statement": "s"}"#;
