//! The engine over work of a few milliseconds.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;

/// Counts how many are under way, in all and in the bounded part.
#[derive(Default)]
struct Counted {
    now: AtomicUsize,
    most: AtomicUsize,
    judging: AtomicUsize,
    most_judging: AtomicUsize,
}

fn up(now: &AtomicUsize, most: &AtomicUsize) {
    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
}

impl Work for Counted {
    type Input = usize;
    type Output = usize;

    fn endings(&self) -> &'static [&'static str] {
        &["even", "odd", INFRASTRUCTURE]
    }

    fn item(&self, input: &usize) -> WorkItem {
        WorkItem { cell: "c".to_owned(), instance_id: format!("i-{input}"), sample: 0, stage: Stage::Judge }
    }

    async fn work(&self, input: usize, worker: &Worker) -> usize {
        assert_ne!(input, DEADLY, "this one dies");
        up(&self.now, &self.most);
        tokio::time::sleep(Duration::from_millis(3)).await;
        let permit = worker.permits.judging().await;
        up(&self.judging, &self.most_judging);
        tokio::time::sleep(Duration::from_millis(3)).await;
        self.judging.fetch_sub(1, Ordering::SeqCst);
        drop(permit);
        self.now.fetch_sub(1, Ordering::SeqCst);
        input * 10
    }

    fn ending(&self, output: &usize) -> Ending {
        let word = if (output / 10).is_multiple_of(2) { "even" } else { "odd" };
        Ending { word, was_kept: *output == 0, line: output.to_string() }
    }
}

/// The input whose work panics.
const DEADLY: usize = 99;

/// Keeps events as text.
#[derive(Default)]
struct Heard(Mutex<Vec<String>>);

impl Listener for Heard {
    fn hear(&self, event: &Event<'_>) {
        let value = serde_json::to_value(event).unwrap();
        let field = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let id = value["item"]["instance_id"].as_str().unwrap_or_default().to_owned();
        let kept = if value["took"].is_null() && field("type") == "ended" { " kept" } else { "" };
        self.0.lock().unwrap().push(format!("{} {id} {}{kept}", field("type"), field("ending")));
    }
}

fn engine(workers: usize, config: &PermitsConfig, heard: &Arc<Heard>) -> Engine {
    Engine {
        events: Events::new([heard.clone() as Arc<dyn Listener>]),
        permits: Permits::new(config, workers, std::path::Path::new(".")),
        workers,
        spare: 0,
        tasks: TaskTracker::new(),
        drain: CancellationToken::new(),
    }
}

#[tokio::test]
async fn items_run_side_by_side_within_their_bounds_and_come_back_in_order() {
    let (work, heard) = (Arc::new(Counted::default()), Arc::new(Heard::default()));
    let config = PermitsConfig { judging: Some(2), ..PermitsConfig::default() };
    let mut told = Vec::new();
    let run = engine(5, &config, &heard);
    let ended = run.run(&work, (0..20).collect(), |output| {
        told.push(*output);
        Ok(())
    });
    assert_eq!(ended.await.unwrap(), (0..20).map(|input| input * 10).collect::<Vec<_>>());
    assert_eq!(told.len(), 20);
    assert_eq!(work.most.load(Ordering::SeqCst), 5);
    assert_eq!(work.most_judging.load(Ordering::SeqCst), 2);
    let heard = heard.0.lock().unwrap();
    assert_eq!(heard[0], "queued  ");
    assert_eq!(heard[1], "started i-0 ");
    assert!(heard.contains(&"ended i-0 even kept".to_owned()) && heard.contains(&"ended i-7 odd".to_owned()));
    assert_eq!((heard.len(), heard[41].as_str()), (42, "finished  "));
}

#[tokio::test]
async fn a_run_that_is_to_drain_starts_no_more() {
    let (work, heard) = (Arc::new(Counted::default()), Arc::new(Heard::default()));
    let run = engine(2, &PermitsConfig::default(), &heard);
    let drain = run.drain.clone();
    let ended = run.run(&work, (1..=20).collect(), |output| {
        if *output == 10 {
            drain.cancel();
        }
        Ok(())
    });
    let ended = ended.await.unwrap();
    assert!(ended.len() < 5 && ended.contains(&10), "{ended:?}");
    assert_eq!(work.now.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn work_that_panics_takes_no_other_with_it() {
    let (work, heard) = (Arc::new(Counted::default()), Arc::new(Heard::default()));
    let mut told = Vec::new();
    let run = engine(2, &PermitsConfig::default(), &heard);
    let ended = run.run(&work, vec![1, DEADLY, 2, 3], |output| {
        told.push(*output);
        Ok(())
    });
    let err = ended.await.unwrap_err().to_string();
    assert!(err.starts_with("the work on 1 of 4 items died: "), "{err}");
    told.sort_unstable();
    assert_eq!(told, [10, 20, 30]);
}
