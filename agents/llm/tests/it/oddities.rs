//! What servers do that the interface does not say: one file a case in `tests/cases`, each over real HTTP.
//!
//! A case holds what the server sends in turn (`server`), what it must be sent (`requests`, by JSON pointer), what comes of
//! it (`answers`, `error`) and what the user must see (`told`). After each answer its calls are answered, or the user says
//! "go on", until the server has no more to send.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use agent_core::{Completion, FinishReason, Message, ModelError, Request, ToolSpec};
use llm::ModelConfig;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use wiremock::ResponseTemplate;

use crate::server::{bash, config, model, serve};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    /// What the server does, and what must come of it.
    about: String,
    /// Settings of the model.
    #[serde(default)]
    config: Map<String, Value>,
    server: Vec<Sent>,
    /// For each request in turn, what must stand where; `null` means that nothing does.
    #[serde(default)]
    requests: Vec<BTreeMap<String, Value>>,
    /// How many requests there must be, where it is not as many as the server has answers.
    count: Option<usize>,
    #[serde(default)]
    answers: Vec<Wanted>,
    error: Option<WantedError>,
    /// Pieces of text that the user must see.
    #[serde(default)]
    told: Vec<String>,
    /// Pieces of text that the user must not see.
    #[serde(default)]
    not_told: Vec<String>,
}

/// One answer of the server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sent {
    #[serde(default = "ok")]
    status: u16,
    /// The whole body as JSON.
    json: Option<Value>,
    /// The message of an ordinary answer.
    message: Option<Value>,
    /// Its finish reason.
    #[serde(default)]
    finish: Value,
    /// Deltas of a stream, or whole pieces of one that have `choices`.
    deltas: Option<Vec<Value>>,
    /// The body as text.
    raw: Option<String>,
    /// The content type.
    kind: Option<String>,
}

/// What must come of an answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    content: Option<String>,
    /// Each as `name arguments`.
    calls: Option<Vec<String>>,
    /// What the model must be told.
    malformed: Option<String>,
    /// The reason for stopping.
    finish: Option<FinishReason>,
    /// What must stand where in what is kept of the server's answer.
    #[serde(default)]
    served: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WantedError {
    /// `transient`, `context_length` or `permanent`.
    kind: String,
    #[serde(default)]
    says: Vec<String>,
}

fn ok() -> u16 {
    200
}

impl Sent {
    fn template(&self) -> ResponseTemplate {
        let (body, kind) = self.body();
        let kind = self.kind.as_deref().unwrap_or(kind);
        ResponseTemplate::new(self.status).set_body_raw(body, kind)
    }

    fn body(&self) -> (String, &'static str) {
        if let Some(raw) = &self.raw {
            return (raw.clone(), "text/event-stream");
        }
        if let Some(deltas) = &self.deltas {
            let piece = |delta: &Value| match delta.get("choices") {
                Some(_) => format!("data: {delta}\n\n"),
                None => format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": delta }] })),
            };
            let end = json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] });
            let pieces: String = deltas.iter().map(piece).collect();
            return (format!("{pieces}data: {end}\n\ndata: [DONE]\n\n"), "text/event-stream");
        }
        let body = match (&self.json, &self.message) {
            (Some(json), _) => json.clone(),
            (None, Some(message)) => crate::server::body(message.clone(), self.finish.clone()),
            (None, None) => json!({}),
        };
        (body.to_string(), "application/json")
    }
}

/// Takes what a subscriber writes.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn tools() -> Vec<ToolSpec> {
    let finish = ToolSpec {
        name: "finish".to_owned(),
        description: "Ends.".to_owned(),
        parameters: json!({ "type": "object", "properties": {} }),
    };
    vec![ToolSpec { name: "bash".to_owned(), ..bash() }, finish]
}

/// Plays a case; returns what came of it, what the server was sent, and what the user was told.
async fn play(case: &Case) -> (Vec<Completion>, Option<ModelError>, Vec<Value>, String) {
    let server = serve(case.server.iter().map(Sent::template).collect()).await;
    let base = config(&server.uri());
    let retry = llm::RetryConfig { max_elapsed: 0.0, ..base.retry };
    let mut settings = serde_json::to_value(ModelConfig { retry, ..base }).unwrap();
    settings.as_object_mut().unwrap().extend(case.config.clone());
    let model = model(&serde_json::from_value(settings).unwrap());
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut request = Request { messages: vec![Message::system("be good"), Message::user("hello")], tools: tools() };
    let (mut answers, mut error) = (Vec::new(), None);
    loop {
        match model.complete(&request).await {
            Ok(completion) => answers.push(completion),
            Err(err) => {
                error = Some(err);
                break;
            }
        }
        let sent = server.received_requests().await.unwrap().len();
        if sent >= case.server.len() {
            break;
        }
        // As in a record that is read back.
        let kept = serde_json::to_string(answers.last().unwrap()).unwrap();
        let message = serde_json::from_str::<Completion>(&kept).unwrap().message;
        let results: Vec<Message> = message.tool_calls.iter().map(|call| Message::tool(call, "done")).collect();
        let go_on = results.is_empty().then(|| Message::user("go on"));
        request.messages.extend([message].into_iter().chain(results).chain(go_on));
    }
    let requests = server.received_requests().await.unwrap();
    let requests = requests.iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    let told = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (answers, error, requests, told)
}

/// Returns everything about a case that is not as it must be.
async fn check(case: &Case) -> Vec<String> {
    let (answers, error, requests, told) = play(case).await;
    let mut wrong = Vec::new();
    let mut expect = |holds: bool, what: String| {
        if !holds {
            wrong.push(what);
        }
    };
    let count = case.count.unwrap_or(case.server.len());
    expect(requests.len() == count, format!("{} requests, not {count}", requests.len()));
    for (index, (places, request)) in case.requests.iter().zip(&requests).enumerate() {
        for (place, value) in places {
            let found = request.pointer(place).unwrap_or(&Value::Null);
            expect(found == value, format!("request {index} has {found} at {place}, not {value}"));
        }
    }
    expect(case.requests.len() <= requests.len(), "requests are missing".to_owned());
    expect(case.answers.len() <= answers.len(), format!("answers are missing: {answers:?}"));
    for (wanted, answer) in case.answers.iter().zip(&answers) {
        let message = &answer.message;
        let calls: Vec<String> =
            message.tool_calls.iter().map(|call| format!("{} {}", call.name, call.arguments)).collect();
        expect(
            wanted.content.as_ref().is_none_or(|text| *text == message.content),
            format!("says {:?}", message.content),
        );
        expect(wanted.calls.as_ref().is_none_or(|wanted| *wanted == calls), format!("calls {calls:?}"));
        let malformed = answer.malformed.clone().unwrap_or_default();
        expect(
            wanted.malformed.as_ref().is_none_or(|text| malformed.contains(text)),
            format!("malformed {malformed:?}"),
        );
        let finish = &answer.finish_reason;
        expect(wanted.finish.as_ref().is_none_or(|wanted| wanted == finish), format!("ended by {finish:?}"));
        let served = serde_json::to_value(&answer.served).unwrap();
        for (place, value) in &wanted.served {
            let found = served.pointer(place).unwrap_or(&Value::Null);
            expect(found == value, format!("kept {found} at {place}, not {value}"));
        }
    }
    match (&case.error, &error) {
        (None, None) => {}
        (Some(wanted), Some(err)) => {
            let kind = match err {
                ModelError::Transient { .. } => "transient",
                ModelError::ContextLength(_) => "context_length",
                ModelError::Permanent(_) | ModelError::Budget(_) => "permanent",
            };
            expect(wanted.kind == kind, format!("the error is {kind}: {err}"));
            wanted
                .says
                .iter()
                .for_each(|text| expect(err.to_string().contains(text), format!("no `{text}` in: {err}")));
        }
        (wanted, found) => expect(false, format!("the error is {found:?}, not {wanted:?}")),
    }
    case.told.iter().for_each(|text| expect(told.contains(text), format!("not told `{text}`: {told}")));
    case.not_told.iter().for_each(|text| expect(!told.contains(text), format!("told `{text}`: {told}")));
    wrong
}

#[tokio::test]
async fn every_oddity_of_servers_is_met() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 120, "{} cases", paths.len());
    let mut wrong = Vec::new();
    for path in &paths {
        let name = path.file_stem().unwrap().to_string_lossy();
        let text = std::fs::read_to_string(path).unwrap();
        let case: Case = serde_yaml::from_str(&text).unwrap_or_else(|err| panic!("{name}: {err}"));
        let found = check(&case).await;
        wrong.extend(found.iter().map(|what| format!("{name} ({}): {what}", case.about)));
    }
    assert!(wrong.is_empty(), "{} cases\n{}", paths.len(), wrong.join("\n"));
}
