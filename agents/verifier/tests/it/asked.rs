//! Scorers that ask a model.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use agent_core::{Completion, FinishReason, Message, Model, ModelError, Record, Request, Served, Trajectory, Usage};
use async_trait::async_trait;
use env_core::Patch;
use prompts::Prompts;
use serde_json::{Map, Value, json};
use verifier::conversation::{Log, Question, Rated};
use verifier::{Asked, Asking, Candidate, Candidates, Kept, Scorer, TooLong, probability, rating};

fn choices(choices: &[(&str, f64)]) -> Value {
    let choice = |(token, share): &(&str, f64)| json!({ "token": token, "logprob": share.ln() });
    choices.iter().map(choice).collect()
}

/// Returns the log probabilities of an answer, in its tokens; the first of the choices of each is the one that was drawn.
fn logprobs(tokens: &[&[(&str, f64)]]) -> Value {
    let token =
        |all: &&[(&str, f64)]| json!({ "token": all[0].0, "logprob": all[0].1.ln(), "top_logprobs": choices(all) });
    json!({ "content": tokens.iter().map(token).collect::<Vec<_>>() })
}

#[test]
fn all_spellings_count_and_what_is_not_named_has_no_more_than_the_rest() {
    let tag: &[(&str, f64)] = &[("<judgement>", 1.0)];
    let end: &[(&str, f64)] = &[("</judgement>", 1.0)];
    for (tokens, begun, expected) in [
        (vec![tag, &[("YES", 0.5), (" yes", 0.1), ("No", 0.1), ("\nNO", 0.1), ("maybe", 0.2)], end], false, 0.75),
        (vec![&[("<judge", 1.0)], &[("ment>", 1.0)], &[("N", 0.6), ("Y", 0.2)], &[("O", 1.0)]], false, 0.25),
        // The word begins in the token that ends the tag.
        (vec![&[("<judgement", 1.0)], &[(">YES</", 0.8), (">NO", 0.2)]], false, 0.8),
        (vec![&[("ĠNO", 0.9), ("▁YES", 0.1)]], true, 0.1),
        (vec![&[(" ", 1.0)], &[("Yes", 0.6), ("no", 0.4)]], false, 0.6),
        // The last judgement counts, not what is thought before.
        (vec![tag, &[("YES", 1.0)], end, tag, &[("NO", 0.7), ("YES", 0.3)]], false, 0.3),
        (vec![tag, &[("YES", 0.98), ("maybe", 0.01)]], false, 0.98 / 0.99),
        (vec![tag, &[("NO", 0.9)]], false, 0.1),
    ] {
        let found = probability(&logprobs(&tokens), begun).unwrap();
        assert!((found - expected).abs() < 1e-9, "{tokens:?}: {found}");
    }
    for (answer, expected) in [
        (logprobs(&[&[("I", 1.0)], &[(" think", 1.0)]]), "the answer judges nothing"),
        (logprobs(&[tag, &[("maybe", 1.0)]]), "neither YES nor NO is likely where the answer judges"),
        (json!({ "content": [] }), "the answer has no log probabilities"),
        (Value::Null, "the answer has no log probabilities"),
    ] {
        assert_eq!(probability(&answer, false), Err(expected));
    }
}

#[test]
fn a_rating_is_a_whole_number_at_the_end() {
    for (answer, expected) in [
        ("It works.\n<rating>7</rating>\n", Some(0.7)),
        ("<rating>3</rating> no, <rating> 10 </rating>", Some(1.0)),
        ("<rating>0</rating>", Some(0.0)),
        ("<rating>11</rating>", None),
        ("<rating>7.5</rating>", None),
        ("<rating>-1</rating>", None),
        ("<rating>7</rating> or so", None),
        ("7", None),
    ] {
        assert_eq!(rating(answer), expected, "{answer}");
    }
}

fn completion(text: &str, logprobs: Option<Value>) -> Completion {
    let served = Served { logprobs, ..Served::default() };
    Completion {
        message: Message::assistant(text, Vec::new()),
        finish_reason: FinishReason::Stop,
        usage: Usage::default(),
        cost: None,
        malformed: None,
        served: Some(Box::new(served)),
    }
}

fn trajectory(words: &[&str]) -> Trajectory {
    let mut records = vec![
        Record::Message { step: 0, message: Message::system("rules"), extra: Map::new(), restored: false },
        Record::Message { step: 0, message: Message::user("the task"), extra: Map::new(), restored: false },
    ];
    for word in words {
        let (request, completion) = (String::new(), completion(word, None));
        records.push(Record::Completion { step: 1, request, completion, seconds: 0.0, view: None, restored: false });
        let message = Message::user(format!("on {word}"));
        records.push(Record::Message { step: 1, message, extra: Map::new(), restored: false });
    }
    Trajectory { records, torn: false }
}

fn candidates(words: &[&str]) -> Candidates {
    let one = |(place, word): (usize, &&str)| Candidate {
        patch: Patch(String::new()),
        trajectory: Some(trajectory(&[word])),
        place,
    };
    Candidates { instance_id: "a__b-1".to_owned(), candidates: words.iter().enumerate().map(one).collect() }
}

fn prompts() -> Prompts {
    Prompts::new(BTreeMap::new()).unwrap()
}

/// Answers by the last word of the log.
#[derive(Default)]
struct Scripted {
    asked: AtomicUsize,
    shown: Mutex<Vec<String>>,
}

#[async_trait]
impl Model for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    async fn complete(&self, request: &Request) -> Result<Completion, ModelError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let shown = request.messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>().join("\n");
        self.shown.lock().unwrap().push(shown.clone());
        let has = |word: &str| shown.contains(word);
        match () {
            () if has("on long") => Err(ModelError::ContextLength("too long".to_owned())),
            () if has("on broken") => Err(ModelError::Transient { message: "500".to_owned(), retry_after: None }),
            () if has("on odd") && request.messages.len() == 2 => Ok(completion("good, I suppose", None)),
            () => {
                let good = if has("on good") || has("on odd") { 0.9 } else { 0.2 };
                let answer = logprobs(&[&[("<judgement>", 1.0)], &[("YES", good), ("NO", 1.0 - good)]]);
                Ok(completion(&format!("<rating>{}</rating>", good * 10.0), Some(answer)))
            }
        }
    }
}

fn asking(model: &Arc<Scripted>, kept: &Path) -> Asking {
    let model = model.clone();
    Asking {
        model: Box::new(move |_| Ok(model.clone())),
        settings: "scripted".to_owned(),
        prompts: prompts(),
        kept: Arc::new(Kept::open(kept).unwrap()),
        votes: 1,
        workers: 1,
        begun: false,
        most: None,
        measure: Box::new(|messages| Ok(messages.iter().map(|message| message.content.len()).sum())),
    }
}

#[tokio::test]
async fn what_fails_is_missing_and_only_what_may_come_is_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, model) = (folder.path().join("asked.jsonl"), Arc::new(Scripted::default()));
    let candidates = candidates(&["good", "bad", "long", "broken"]);
    let asked = Asked::probability(asking(&model, &path));
    let scores = asked.rate(&candidates).await.unwrap();
    assert!(scores[0].unwrap() > 0.89 && scores[1].unwrap() < 0.21 && scores[2..] == [None, None], "{scores:?}");
    let told = [
        "without a score, episodes: 1: it is longer than the model's context",
        "without a score, episodes: 1: the model's server gave no answer",
    ];
    assert_eq!(asked.remarks(), told);
    assert_eq!(model.asked.load(Ordering::SeqCst), 4);
    drop(asked);
    // A line that a killed process left torn is asked for again.
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), 3);
    std::fs::write(&path, format!("{text}{{\"key\": \"0")).unwrap();
    assert_eq!(Asked::probability(asking(&model, &path)).rate(&candidates).await.unwrap(), scores);
    assert_eq!(model.asked.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn a_server_that_is_not_there_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(Scripted::default());
    let asked = Asked::probability(asking(&model, &folder.path().join("a")));
    let err = format!("{:#}", asked.rate(&candidates(&["broken"])).await.unwrap_err());
    assert!(err.contains("0 answers are kept") && err.contains("500"), "{err}");
    let asked = Asked::probability(asking(&model, &folder.path().join("b")));
    let broken = candidates(&["good", "broken", "broken", "broken", "broken", "broken"]);
    assert!(asked.rate(&broken).await.is_err());
}

#[tokio::test]
async fn a_rating_is_asked_for_twice_and_votes_are_asked_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(Scripted::default());
    let asked = Asked::rating(asking(&model, &folder.path().join("a")));
    assert_eq!(asked.rate(&candidates(&["odd", "bad"])).await.unwrap(), [Some(0.9), Some(0.2)]);
    assert_eq!(model.asked.load(Ordering::SeqCst), 3);
    drop(asked);
    // What was answered without a rating is not asked for again where the second answer did not come.
    let kept = folder.path().join("a");
    let text = std::fs::read_to_string(&kept).unwrap();
    let first: Vec<&str> = text.lines().filter(|line| line.contains("unrated")).collect();
    std::fs::write(&kept, format!("{}\n", first.join("\n"))).unwrap();
    let asked = Asked::rating(asking(&model, &kept));
    assert_eq!(asked.rate(&candidates(&["odd"])).await.unwrap(), [Some(0.9)]);
    assert_eq!((first.len(), model.asked.swap(3, Ordering::SeqCst)), (1, 4));
    let asked = Asked::rating(Asking { votes: 3, ..asking(&model, &folder.path().join("b")) });
    asked.rate(&candidates(&["bad"])).await.unwrap();
    assert_eq!(model.asked.load(Ordering::SeqCst), 6);
}

#[tokio::test]
async fn what_is_too_long_is_missing_or_loses_its_middle() {
    let folder = tempfile::tempdir().unwrap();
    let model = Arc::new(Scripted::default());
    let words = "x".repeat(4000);
    let record = trajectory(&["first", &words, "good"]);
    let one = Candidate { trajectory: Some(record), ..Candidate::default() };
    let candidates = Candidates { instance_id: "a__b-1".to_owned(), candidates: vec![one] };
    let with =
        |too_long, name: &str| Asking { most: Some((4000, too_long)), ..asking(&model, &folder.path().join(name)) };
    let asked = Asked::probability(with(TooLong::Missing, "a"));
    assert_eq!(asked.rate(&candidates).await.unwrap(), [None]);
    assert_eq!(model.asked.load(Ordering::SeqCst), 0);
    let asked = Asked::probability(with(TooLong::Cut, "b"));
    assert!(asked.rate(&candidates).await.unwrap()[0].is_some());
    let shown = model.shown.lock().unwrap().remove(0);
    assert!(shown.contains("the task") && shown.contains("on good") && !shown.contains(&words), "{shown}");
    assert!(shown.contains("messages in the middle are not shown"), "{shown}");
    assert_eq!(asked.remarks(), ["cut in their middle to fit, logs: 1"]);
}

#[test]
fn the_log_has_the_form_of_the_published_data() {
    let log = Log::of(&trajectory(&["one", "two"]), &prompts()).unwrap().unwrap();
    let rule = "-".repeat(100);
    let expected = format!(
        "*** SYSTEM ***\nrules\n{rule}\n*** Turn 1 - USER ***\nthe task\n{rule}\n*** Turn 1 - ASSISTANT ***\none\n{rule}\n\
         *** Turn 2 - USER ***\non one\n{rule}\n*** Turn 2 - ASSISTANT ***\ntwo\n{rule}\n*** Turn 3 - USER ***\non two\n{rule}"
    );
    assert_eq!(log.render(&prompts()).unwrap(), expected);
    let messages = Question::YesNo.messages(Rated { log: &log, patch: &Patch(String::new()) }, &prompts()).unwrap();
    assert!(messages[1].content.contains(&format!("=== INTERACTION LOG ===\n{expected}\n=== END INTERACTION ===")));
}
