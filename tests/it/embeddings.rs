//! Episodes in which vectors have a say in what is found.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use moatless::{Config, FlowKind, Moatless};
use serde_json::json;
use tool_core::{Embed, EmbedError};

use crate::case::{Case, Ran};
use crate::scripted::{call, say};

/// Finds `lru/memo.py` most like any question, and keeps what it was asked.
#[derive(Default)]
struct Memo(Mutex<Vec<Vec<String>>>);

#[async_trait]
impl Embed for Memo {
    fn name(&self) -> &'static str {
        "memo"
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.0.lock().unwrap().push(texts.to_vec());
        let is_like = |text: &&String| text.starts_with("lru/memo.py") || !text.starts_with("lru/");
        Ok(texts.iter().map(|text| if is_like(&text) { vec![1.0, 0.0] } else { vec![0.0, 1.0] }).collect())
    }
}

async fn run(config: Config, turns: Vec<serde_json::Value>, embedder: Option<Arc<Memo>>) -> Ran {
    let embedder = embedder.map(|memo| memo as Arc<dyn Embed>);
    Case::<Moatless> { turns, config, embedder, ..Case::default() }.run().await
}

/// Returns which of the two files the text names first.
fn first(text: &str) -> &'static str {
    let at = |name: &str| text.find(name).unwrap_or(usize::MAX);
    if at("lru/memo.py") < at("lru/cache.py") { "memo" } else { "cache" }
}

#[tokio::test]
async fn moatless_searches_by_words_and_vectors() {
    let turns = || vec![call("search", json!({ "search_requests": [{ "query": "calls of the cache" }] })), say("x")];
    let memo = Arc::new(Memo::default());
    for (embedder, found) in [(None, "cache"), (Some(memo.clone()), "memo")] {
        let ran = run(Config::default(), turns(), embedder).await;
        let identify = &ran.requests[1].messages;
        assert_eq!(first(&identify.last().unwrap().content), found, "{identify:?}");
    }
    let asked = memo.0.lock().unwrap();
    assert_eq!(asked.len(), 2, "the issue's own words, and the query: {asked:?}");
    assert_eq!(asked[1][0], "calls of the cache");
}

#[tokio::test]
async fn the_actions_of_moatless_search_by_words_and_vectors() {
    let config = Config { flow: FlowKind::Actions, ..Config::default() };
    let turns = vec![
        call("search_code", json!({ "query": "calls of the cache" })),
        call("find_class", json!({ "class_name": "Cache" })),
        call("finish", json!({})),
    ];
    let memo = Arc::new(Memo::default());
    let told = run(config, turns, Some(memo.clone())).await.told();
    assert!(told.iter().any(|text| text.starts_with("lru/memo.py")), "{told:?}");
    assert_eq!(memo.0.lock().unwrap().len(), 1, "a name alone is not compared");
}
