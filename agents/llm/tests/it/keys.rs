//! Keys are shown to nobody.

use std::io::Write;
use std::sync::{Arc, Mutex};

use agent_core::Model;
use llm::{ModelConfig, Prices, Record, RetryConfig};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;
use wiremock::ResponseTemplate;

use crate::server::{KEY, config, hello, model, prompts, serve};

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl MakeWriter<'_> for Shared {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_key_that_the_server_echoes_is_shown_nowhere() {
    let log = Shared::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_max_level(tracing::Level::TRACE).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let echo = json!({ "error": { "message": format!("Incorrect API key provided: {KEY}.") } });
    let page = format!("<html>{KEY}</html>");
    let retry = RetryConfig { max_elapsed: 0.2, base: 0.001, cap: 0.05 };
    for stream in [false, true] {
        for answer in [
            ResponseTemplate::new(401).set_body_json(&echo),
            ResponseTemplate::new(500).set_body_json(&echo),
            ResponseTemplate::new(400).set_body_string(&page),
            ResponseTemplate::new(200).set_body_string(&page),
            ResponseTemplate::new(200).set_body_json(&echo),
            ResponseTemplate::new(200).set_body_raw(format!("data: {page}\n\n"), "text/event-stream"),
            ResponseTemplate::new(200).set_body_raw(format!("data: {echo}\n\n"), "text/event-stream"),
        ] {
            let server = serve(vec![answer]).await;
            let recording = Shared::default();
            let settings = ModelConfig { stream, retry, ..config(&server.uri()) };
            let model = Record::new(model(&settings), "/testbed", Box::new(recording.clone()));
            let err = model.complete(&hello()).await.unwrap_err();
            let sent = &server.received_requests().await.unwrap()[0];
            assert_eq!(sent.headers["authorization"], format!("Bearer {KEY}").as_str());
            for text in [format!("{err:?} {err}"), recording.text(), format!("{settings:?}")] {
                assert!(!text.contains(KEY), "{text}");
            }
            assert!(recording.text().ends_with('\n'));
        }
    }
    assert!(log.text().contains("attempt 1 failed"));
    assert!(!log.text().contains(KEY), "{}", log.text());
}

#[tokio::test]
async fn without_a_key_none_is_sent() {
    let server = serve(vec![ResponseTemplate::new(200).set_body_json(crate::server::answer("hi"))]).await;
    let config = config(&server.uri());
    let model = llm::connect_in(&config, &Prices::new(None).unwrap(), &prompts(), |_| None).unwrap();
    model.complete(&hello()).await.unwrap();
    assert!(!server.received_requests().await.unwrap()[0].headers.contains_key("authorization"));
}
