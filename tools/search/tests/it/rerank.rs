//! Searches whose order is mixed with that of vectors.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use search::{CodeIndex, Found, SearchConfig, SearchRequest};
use serde_json::json;
use tool_core::{Embed, EmbedError, Sandbox as _};

use crate::tools::Shop;

/// Files by how well words find them for `stock`, best first.
const FILES: [(&str, &str); 4] = [
    ("a.py", "def stock():\n    return stock, stock, stock\n"),
    ("b.py", "def second():\n    return stock, stock\n\n\ndef third():\n    return stock, 2, 3\n"),
    ("c.py", "def fourth():\n    return stock, 2, 3, 4, 5, 6, 7, 8\n"),
    ("d.py", "def fifth():\n    return stock, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16\n"),
];

/// Finds texts the more like any question the earlier they are in a list of words, and keeps what it was asked.
#[derive(Default)]
struct Likes {
    words: Vec<&'static str>,
    asked: Mutex<Vec<Vec<String>>>,
    fails: AtomicBool,
}

#[async_trait]
impl Embed for Likes {
    fn name(&self) -> &'static str {
        "likes"
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbedError> {
        self.asked.lock().unwrap().push(texts.to_vec());
        if self.fails.load(Ordering::Relaxed) {
            return Err(EmbedError("no server".to_owned()));
        }
        let vector = |text: &String| {
            let liked = self.words.iter().position(|word| text.contains(word));
            // A question has no path above it.
            let angle = if text.contains('\n') { 0.2 + liked.unwrap_or(self.words.len()) as f32 * 0.1 } else { 0.0 };
            vec![angle.cos() * 3.0, angle.sin() * 3.0]
        };
        Ok(texts.iter().map(vector).collect())
    }
}

impl Likes {
    fn new(words: &[&'static str]) -> Arc<Self> {
        Arc::new(Self { words: words.to_vec(), ..Self::default() })
    }

    fn asked(&self) -> Vec<Vec<String>> {
        self.asked.lock().unwrap().clone()
    }
}

async fn stock(config: SearchConfig, embedder: Option<&Arc<Likes>>) -> Shop {
    let files = FILES.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()));
    let shop = Shop::with(config, files.collect()).await;
    shop.checkout.rerank_with(embedder.map(|likes| likes.clone() as Arc<dyn Embed>));
    shop
}

/// Returns what is found, and what words alone find.
async fn found(shop: &Shop, request: &SearchRequest) -> (Found, Found) {
    let (index, found) = shop.checkout.search(&*shop.sandbox, request, &crate::texts()).await.unwrap();
    (found, CodeIndex::search(&index, request).unwrap())
}

fn spans(found: &Found) -> Vec<String> {
    let spans = found.files.iter().flat_map(|file| file.spans.iter().map(|span| span.span.id.clone()));
    spans.collect()
}

async fn order(shop: &Shop, query: &str) -> Vec<String> {
    spans(&found(shop, &SearchRequest::text(query)).await.0)
}

#[tokio::test]
async fn without_an_embedder_the_order_is_that_of_words() {
    let shop = stock(SearchConfig::default(), None).await;
    for request in [SearchRequest::text("stock"), SearchRequest { file_pattern: "*.py".into(), ..Default::default() }] {
        let (found, words) = found(&shop, &request).await;
        assert_eq!((found.files.len(), &found), (4, &words));
    }
    assert_eq!(order(&shop, "stock").await, ["stock", "second", "third", "fourth", "fifth"]);
}

#[tokio::test]
async fn vectors_turn_the_order_around() {
    let likes = Likes::new(&["fifth", "third", "second", "fourth", "stock"]);
    let shop = stock(SearchConfig::default(), Some(&likes)).await;
    // A file stands where its best span does; what is good by both comes first.
    assert_eq!(order(&shop, "stock").await, ["third", "second", "fifth", "stock", "fourth"]);
    let shown = shop.call("search_code", json!({ "query": "stock" })).await;
    assert!(shown.starts_with("b.py\n  span `third`"), "{shown}");
    let first = &likes.asked()[0];
    assert_eq!(first[..2], ["stock", "a.py\nstock\ndef stock():\n    return stock, stock, stock"]);
    let (found, words) = found(&shop, &SearchRequest::text("stock")).await;
    let score = |found: &Found| found.files.iter().map(|file| (file.path.clone(), file.score.to_bits())).collect();
    let (mut found, mut words): (Vec<_>, Vec<_>) = (score(&found), score(&words));
    found.sort();
    words.sort();
    assert_eq!(found, words, "the scores stay those of the words");
}

#[tokio::test]
async fn only_the_best_are_put_in_a_new_order() {
    let likes = Likes::new(&["fifth", "second", "stock"]);
    let shop = stock(SearchConfig { rerank: 2, ..SearchConfig::default() }, Some(&likes)).await;
    assert_eq!(order(&shop, "stock").await, ["second", "third", "stock", "fourth", "fifth"]);
    assert_eq!(likes.asked()[0].len(), 3);
}

#[tokio::test]
async fn nothing_is_embedded_where_there_is_nothing_to_compare() {
    let likes = Likes::new(&["fifth"]);
    let shop = stock(SearchConfig::default(), Some(&likes)).await;
    for request in [
        SearchRequest { function_names: vec!["second".into(), "fifth".into()], ..Default::default() },
        SearchRequest { file_pattern: "*.py".into(), ..Default::default() },
        SearchRequest { query: "stock".into(), file_pattern: "a.py".into(), ..Default::default() },
        SearchRequest::text("nowhere"),
    ] {
        let (found, words) = found(&shop, &request).await;
        assert_eq!(found, words);
    }
    let off = stock(SearchConfig { rerank: 0, ..SearchConfig::default() }, Some(&likes)).await;
    assert_eq!(order(&off, "stock").await[0], "stock");
    assert!(likes.asked().is_empty());
}

#[tokio::test]
async fn named_spans_are_ordered_by_the_query_as_well() {
    let likes = Likes::new(&["fifth", "second"]);
    let shop = stock(SearchConfig::default(), Some(&likes)).await;
    let names = ["second", "fourth", "fifth"].map(str::to_owned).to_vec();
    let request = SearchRequest { query: "stock".into(), function_names: names, ..Default::default() };
    assert_eq!(spans(&found(&shop, &request).await.0), ["second", "fifth", "fourth"]);
}

#[tokio::test]
async fn a_second_query_embeds_only_what_is_new_also_in_another_episode() {
    let likes = Likes::new(&["fifth"]);
    let config = SearchConfig::default();
    let shop = stock(config.clone(), Some(&likes)).await;
    order(&shop, "stock").await;
    order(&shop, "stock").await;
    order(&shop, "the stock").await;
    let other = stock(config, Some(&likes)).await;
    order(&other, "stock").await;
    let path = format!("{}/d.py", other.sandbox.info().root);
    other.sandbox.write_file(&path, b"def fifth():\n    return stock, 'new'\n", None).await.unwrap();
    order(&other, "stock").await;
    let asked = likes.asked();
    assert_eq!(asked.iter().map(Vec::len).collect::<Vec<_>>(), [6, 1, 1], "{asked:?}");
    assert_eq!(asked[1], ["the stock"]);
    assert!(asked[2][0].contains("'new'"), "{asked:?}");
}

#[tokio::test]
async fn an_embedder_that_fails_leaves_the_order_of_words_and_is_left_alone_in_the_end() {
    let likes = Likes::new(&["second"]);
    let shop = stock(SearchConfig::default(), Some(&likes)).await;
    let failing = async |fails: bool| {
        likes.fails.store(fails, Ordering::Relaxed);
        (order(&shop, "stock").await[0].clone(), likes.asked().len())
    };
    assert_eq!(failing(true).await, ("stock".to_owned(), 1));
    assert_eq!(failing(true).await, ("stock".to_owned(), 2));
    // One that comes back is heard, and may fail again.
    assert_eq!(failing(false).await, ("second".to_owned(), 3));
    for asked in [4, 5, 6, 6, 6] {
        likes.fails.store(true, Ordering::Relaxed);
        assert_eq!(order(&shop, &format!("stock {asked}")).await[0], "stock");
        assert!(likes.asked().len() <= asked);
    }
    assert_eq!(failing(false).await, ("stock".to_owned(), 6));
}
