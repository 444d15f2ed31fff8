//! What registries say, read, and a registry on loopback that wants a token.

use serde_json::json;
use wiremock::matchers::{header, method, path, query_param};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;

#[test]
fn the_size_of_a_layer_is_read_from_its_end() {
    const MB: u64 = 1 << 20;
    assert_eq!(unpacked(30 * MB, 10 * MB), Some(30 * MB));
    assert_eq!(unpacked(99_000, 100_000), Some(99_000), "what cannot be packed");
    assert_eq!(unpacked(10, 200), Some(10));
    assert_eq!(unpacked(1024 * MB, 2048 * MB), Some(6144 * MB), "5 GiB and more go round");
    assert_eq!(unpacked(5 * MB, 10 * MB), None, "the last of several parts");
    assert_eq!(unpacked(0, 10 * MB), None);
}

#[test]
fn challenges_and_limits_are_read() {
    let asked = parameters("realm=\"https://auth.docker.io/token\",service=\"registry.docker.io\", scope=\"a:b,c\"");
    assert_eq!(asked["realm"], "https://auth.docker.io/token");
    assert_eq!((asked["service"].as_str(), asked["scope"].as_str()), ("registry.docker.io", "a:b,c"));
    let mut headers = HeaderMap::new();
    assert!(!counts(&headers));
    headers.insert("ratelimit-limit", "100;w=21600".parse().unwrap());
    headers.insert("ratelimit-remaining", "0;w=21600".parse().unwrap());
    headers.insert(RETRY_AFTER, "7".parse().unwrap());
    assert!(counts(&headers));
    assert_eq!((remaining(&headers), asked_pause(&headers)), (Some(0), Some(Duration::from_secs(7))));
}

#[test]
fn the_manifest_of_the_platform_is_taken() {
    let of = |digest: &str, architecture: &str| OfPlatform {
        digest: digest.to_owned(),
        platform: Some(Platform { os: "linux".to_owned(), architecture: architecture.to_owned() }),
    };
    let list = [of("a", "arm64"), of("b", "amd64")];
    assert_eq!(pick(&list, Some("linux/amd64")), Some("b"));
    assert_eq!(pick(&list, Some("linux/arm64/v8")), Some("a"));
    assert_eq!(pick(&list, Some("linux/s390x")), None);
}

/// Starts a registry with an image of two layers, which wants a token; its answers have these headers.
async fn registry(headers: &[(&'static str, &str)]) -> MockServer {
    let server = MockServer::start().await;
    let given = |kind: &str, place: &str| Mock::given(method(kind)).and(path(place));
    let with_token = |kind: &str, place: &str| given(kind, place).and(header("authorization", "Bearer t0ken"));
    let layer = |digest: &str, size: u64| json!({ "digest": digest, "size": size, "mediaType": "x.tar+gzip" });
    let manifest =
        json!({ "config": { "digest": "sha256:c" }, "layers": [layer("sha256:1", 1000), layer("sha256:2", 50)] });
    let mut answer = ResponseTemplate::new(200).set_body_json(manifest);
    for (name, value) in headers {
        answer = answer.insert_header(*name, *value);
    }
    for kind in ["HEAD", "GET"] {
        with_token(kind, "/v2/a/b/manifests/1").respond_with(answer.clone()).mount(&server).await;
    }
    let config = json!({ "rootfs": { "diff_ids": ["sha256:d1", "sha256:d2"] } });
    let config = ResponseTemplate::new(200).set_body_json(config);
    with_token("GET", "/v2/a/b/blobs/sha256:c").respond_with(config).mount(&server).await;
    let end = |bytes: u32| ResponseTemplate::new(206).set_body_bytes(bytes.to_le_bytes());
    let last = with_token("GET", "/v2/a/b/blobs/sha256:1").and(header("range", "bytes=-4"));
    last.respond_with(end(3000)).mount(&server).await;
    // One that knows no ranges.
    let whole = ResponseTemplate::new(200).set_body_bytes([0; 50]);
    with_token("GET", "/v2/a/b/blobs/sha256:2").respond_with(whole).mount(&server).await;
    let token =
        given("GET", "/token").and(query_param("scope", "repository:a/b:pull")).and(query_param("service", "s"));
    token.respond_with(ResponseTemplate::new(200).set_body_json(json!({ "token": "t0ken" }))).mount(&server).await;
    let asks = format!("Bearer realm=\"{}/token\",service=\"s\"", server.uri());
    let refusal = ResponseTemplate::new(401).insert_header("www-authenticate", asks.as_str());
    Mock::given(wiremock::matchers::any()).respond_with(refusal).with_priority(9).mount(&server).await;
    server
}

fn client() -> Registry {
    Registry::new(Host { variables: std::collections::BTreeMap::new(), terminal: false }).unwrap()
}

#[tokio::test]
async fn layers_are_known_before_the_pull() {
    let server = registry(&[]).await;
    let name = format!("{}/a/b:1", server.address());
    let layers = client().layers(&name, Some("linux/amd64")).await.unwrap().unwrap();
    let keys = chain(&["sha256:d1".to_owned(), "sha256:d2".to_owned()]);
    let of = |place: usize, bytes, download| Layer { key: keys[place].clone(), bytes, download };
    assert_eq!(layers, [of(0, 3000, 1000), of(1, 200, 50)]);
}

#[tokio::test]
async fn a_registry_that_counts_is_asked_for_no_manifest() {
    let headers = [("ratelimit-limit", "100;w=21600"), ("ratelimit-remaining", "0;w=21600"), ("retry-after", "9")];
    let server = registry(&headers).await;
    let (name, client) = (format!("{}/a/b:1", server.address()), client());
    assert_eq!(client.layers(&name, None).await, Ok(None));
    assert!(client.is_counting(&name));
    assert_eq!(client.layers(&name, None).await, Ok(None));
    assert_eq!(client.pause(&name).await, Some(Duration::from_secs(9)));
    let asked = server.received_requests().await.unwrap();
    let manifests = asked.iter().filter(|request| request.method == "GET" && request.url.path() != "/token");
    assert_eq!(manifests.count(), 0);
}
