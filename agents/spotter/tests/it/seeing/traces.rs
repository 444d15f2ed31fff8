//! Traces as a collector on loopback gets them.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use super::{COMMAND, SAID, Server, sweep};
use crate::program::{Program, Ran};

/// How many episodes the sweep has.
const EPISODES: usize = 8;

fn collector() -> Server {
    Server::start("/v1/traces", ResponseTemplate::new(200).set_body_json(json!({})))
}

fn ran(mut command: Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs the sweep with its traces sent to an address.
fn traced(program: &Program, endpoint: &str, more: &[(&str, &str)]) -> Ran {
    let mut command = program.command(&["sweep", "seen.yaml"]);
    command.env("OPENAI_API_KEY", "k-1234567890").env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint);
    command.envs(more.iter().copied());
    ran(command)
}

/// A span as the collector got it.
#[derive(Debug)]
struct Span {
    name: String,
    trace: String,
    id: String,
    parent: String,
    begun: u64,
    ended: u64,
    is_error: bool,
    attributes: BTreeMap<String, Value>,
}

impl Span {
    fn parse(span: &Value) -> Self {
        let text = |key: &str| span[key].as_str().unwrap_or_default().to_owned();
        let time = |key: &str| text(key).parse().unwrap();
        let attributes = span["attributes"].as_array().unwrap().iter();
        let attributes = attributes.map(|one| (one["key"].as_str().unwrap().to_owned(), value(&one["value"])));
        Self {
            name: text("name"),
            trace: text("traceId"),
            id: text("spanId"),
            parent: text("parentSpanId"),
            begun: time("startTimeUnixNano"),
            ended: time("endTimeUnixNano"),
            is_error: span["status"]["code"] == 2,
            attributes: attributes.collect(),
        }
    }

    fn number(&self, key: &str) -> u64 {
        self.attributes[key].as_u64().unwrap_or_else(|| panic!("`{key}` of {self:?}"))
    }
}

/// Returns a value without the name of its type; numbers of 64 bits are texts in JSON.
fn value(value: &Value) -> Value {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "intValue" => value.as_str().map_or_else(|| value.clone(), |text| json!(text.parse::<i64>().unwrap())),
        "arrayValue" => value["values"].as_array().unwrap().iter().map(self::value).collect(),
        _ => value.clone(),
    }
}

#[test]
fn a_collector_sees_each_episode_with_its_model_calls_and_tools() {
    let (model, collector) = (Server::model(Duration::ZERO), collector());
    let program = sweep(&model);
    let of_user = [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-team=blue"),
        ("OTEL_SERVICE_NAME", "nightly"),
        ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=lab"),
    ];
    let ran = traced(&program, &collector.server.uri(), &of_user);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(!ran.stderr.contains("warning"), "{ran:?}");
    let mut spans = Vec::new();
    for request in collector.requests() {
        assert_eq!(request.headers["x-team"], "blue");
        let text = String::from_utf8(request.body).unwrap();
        for secret in [SAID, COMMAND, "k-1234567890", "/no/such/file"] {
            assert!(!text.contains(secret), "`{secret}` is in a trace: {text}");
        }
        let body: Value = serde_json::from_str(&text).unwrap();
        for resource in body["resourceSpans"].as_array().unwrap() {
            let told: Vec<_> = resource["resource"]["attributes"].as_array().unwrap().iter().collect();
            let has =
                |key: &str, is: &str| told.iter().any(|one| one["key"] == key && one["value"]["stringValue"] == is);
            assert!(has("service.name", "nightly") && has("deployment.environment.name", "lab"), "{told:?}");
            for scope in resource["scopeSpans"].as_array().unwrap() {
                spans.extend(scope["spans"].as_array().unwrap().iter().map(Span::parse));
            }
        }
    }
    let episodes: Vec<&Span> = spans.iter().filter(|span| span.name == "invoke_agent codeact").collect();
    assert_eq!(episodes.len(), EPISODES, "{spans:?}");
    episodes.iter().for_each(|episode| check_episode(episode, &spans));
    assert_eq!(spans.len(), EPISODES * 7, "{:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>());
    let report = program.run(&["report", "seen", "--format", "json"]);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    for (ours, theirs) in [("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens")] {
        let key = format!("gen_ai.usage.{ours}");
        let sum = |name: &str| -> u64 {
            spans.iter().filter(|span| span.name.starts_with(name)).map(|span| span.number(&key)).sum()
        };
        let rows = report["rows"].as_array().unwrap().iter().map(|row| &row["figures"][theirs]);
        let reported: f64 = rows.map(|mean| mean["mean"].as_f64().unwrap() * mean["of"].as_f64().unwrap()).sum();
        assert_eq!((sum("chat"), sum("invoke_agent")), (reported.round() as u64, reported.round() as u64), "{report}");
    }
}

/// Checks an episode and what is below it.
fn check_episode(episode: &Span, spans: &[Span]) {
    assert_eq!(episode.parent, "", "{episode:?}");
    for (key, expected) in [
        ("gen_ai.operation.name", json!("invoke_agent")),
        ("gen_ai.agent.name", json!("codeact")),
        ("gen_ai.request.model", json!("gpt-4o")),
        ("gen_ai.provider.name", json!("openai")),
        ("spotter.ending", json!("unsolved")),
        ("spotter.exit_status", json!("submitted")),
    ] {
        assert_eq!(episode.attributes[key], expected, "{episode:?}");
    }
    let mut below: Vec<&Span> = spans.iter().filter(|span| span.parent == episode.id).collect();
    below.sort_by_key(|span| span.begun);
    let names: Vec<&str> = below.iter().map(|span| span.name.as_str()).collect();
    let chat = "chat gpt-4o";
    let (bash, edit) = ("execute_tool bash", "execute_tool str_replace_editor");
    // A patch that is empty is judged without any test.
    assert_eq!(names, [chat, bash, chat, edit, chat, "execute_tool finish"], "{below:?}");
    for (number, span) in below.iter().enumerate() {
        assert_eq!(span.trace, episode.trace);
        assert!(episode.begun <= span.begun && span.begun <= span.ended && span.ended <= episode.ended, "{span:?}");
        assert_eq!(span.number("spotter.step"), number as u64 / 2 + 1);
    }
    let (chat, tool, refused) = (below[0], below[1], below[3]);
    assert_eq!(chat.attributes["gen_ai.response.finish_reasons"], json!(["tool_calls"]));
    assert_eq!(chat.attributes["gen_ai.response.model"], "gpt-4o-2024-08-06");
    assert_eq!(chat.attributes["gen_ai.response.id"], "answer-0");
    assert_eq!(chat.number("gen_ai.usage.input_tokens"), 1000);
    assert_eq!(tool.attributes["gen_ai.tool.name"], "bash");
    assert_eq!(tool.attributes["gen_ai.tool.call.id"], "call-0");
    assert_eq!((tool.number("process.exit.code"), tool.is_error), (0, false));
    assert!(refused.is_error && refused.attributes["error.type"] == "refused", "{refused:?}");
}

#[test]
fn spans_are_sent_as_protobuf_by_default_and_not_at_all_where_that_is_asked_for() {
    let (model, collector) = (Server::model(Duration::ZERO), collector());
    let ran = traced(&sweep(&model), &collector.server.uri(), &[]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let requests = collector.requests();
    assert!(!requests.is_empty());
    assert!(requests.iter().all(|request| request.headers["content-type"] == "application/x-protobuf"));
    let all: Vec<u8> = requests.iter().flat_map(|request| request.body.clone()).collect();
    let has = |text: &str| all.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has("chat gpt-4o") && has("invoke_agent codeact") && has("spotter") && !has(SAID));
    let ran = traced(&sweep(&model), &collector.server.uri(), &[("OTEL_SDK_DISABLED", "true")]);
    assert_eq!((ran.code, collector.requests().len()), (Some(0), requests.len()), "{ran:?}");
    let ran = traced(&sweep(&model), &collector.server.uri(), &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    assert_eq!((ran.code, collector.requests().len()), (Some(0), requests.len()), "{ran:?}");
    assert!(ran.stderr.contains("the protocol `grpc` is not built in"), "{ran:?}");
}

#[test]
fn a_model_that_gives_no_answer_is_an_error_of_its_span_and_of_its_episode() {
    let model = Server::start("/v1/chat/completions", ResponseTemplate::new(400).set_body_string("no"));
    let collector = collector();
    let program = sweep(&model);
    let mut command = program.command(&["solve", "demo__lru-1", "--model", "gpt-4o"]);
    command.env("OPENAI_BASE_URL", format!("{}/v1", model.server.uri())).env("OPENAI_API_KEY", "k-1234567890");
    command.env("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", format!("{}/v1/traces", collector.server.uri()));
    let ran = {
        command.env("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json").args(["-c", "sandbox.provider=local"]);
        ran(command)
    };
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let bodies = collector.requests().into_iter().map(|request| serde_json::from_slice(&request.body).unwrap());
    let bodies: Vec<Value> = bodies.collect();
    let spans = bodies.iter().flat_map(|body| body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap());
    let failed: Vec<(String, Value)> = spans
        .map(Span::parse)
        .filter(|span| span.is_error)
        .map(|span| (span.name, span.attributes["error.type"].clone()))
        .collect();
    let expected = [("chat gpt-4o", "permanent"), ("invoke_agent codeact", "model_failed")];
    assert_eq!(failed, expected.map(|(name, error)| (name.to_owned(), json!(error))), "{bodies:?}");
}

#[test]
fn a_collector_that_is_down_or_says_nothing_costs_one_warning_and_a_moment() {
    let model = Server::model(Duration::ZERO);
    let timed = |endpoint: &str| {
        let begun = Instant::now();
        let ran = traced(&sweep(&model), endpoint, &[("OTEL_BSP_SCHEDULE_DELAY", "100")]);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        (begun.elapsed(), ran)
    };
    let (usual, ran) = timed("");
    assert!(!ran.stderr.contains("warning"), "{ran:?}");
    // Connections to it are made and never answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [closed, silent.local_addr().unwrap()] {
        let (took, ran) = timed(&format!("http://{address}"));
        assert_eq!(ran.stderr.matches("warning").count(), 1, "{ran:?}");
        assert!(ran.stderr.contains("the trace collector accepts no spans"), "{ran:?}");
        assert!(took < usual * 2 + Duration::from_secs(6), "{took:?} instead of {usual:?}");
    }
}
