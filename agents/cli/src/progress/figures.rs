//! The progress figures as text.

use std::fmt::Write as _;
use std::time::Duration;

use runner::engine::Phase;
use serde_json::{Map, Value, json};

use crate::log::line::Line;

/// Letters of an item's name in a block.
const NAME: usize = 48;

/// The progress figures.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    pub(super) done: usize,
    pub(super) total: usize,
    /// Names of the endings with how often each was met.
    pub(super) counts: Vec<(String, usize)>,
    /// How often infrastructure broke for one that is worked on again.
    pub(super) retried: usize,
    /// How many cells have nothing left, and how many there are.
    pub(super) cells: (usize, usize),
    pub(super) under_way: usize,
    pub(super) elapsed: Duration,
    pub(super) left: Option<Duration>,
    pub(super) steps: u64,
    pub(super) steps_per_second: f64,
    pub(super) tokens: u64,
    pub(super) tokens_per_second: f64,
    pub(super) cost: Option<f64>,
    /// Answers of unknown price.
    pub(super) unpriced: u64,
    /// The items that have been under way for longest.
    pub(super) slowest: Vec<Slow>,
}

/// An item under way.
#[derive(Debug, Clone)]
pub(crate) struct Slow {
    pub(super) item: String,
    pub(super) phase: Option<Phase>,
    pub(super) step: u64,
    pub(super) age: Duration,
}

impl Figures {
    /// Returns how the items ended, and the time left.
    fn message(&self) -> String {
        let mut message = String::new();
        for (index, (ending, count)) in self.counts.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            let _ = write!(message, "{comma}{count} {}", ending.replace('_', " "));
        }
        if self.retried > 0 {
            let _ = write!(message, ", {} retried", self.retried);
        }
        if let Some(left) = self.left {
            let _ = write!(message, ", {} left", spell(left));
        }
        message
    }

    /// Returns what it takes, where a model is asked.
    fn taken(&self) -> Option<String> {
        if self.steps == 0 {
            return None;
        }
        let mut text = format!("{} steps ({:.1}/s)", self.steps, self.steps_per_second);
        if self.tokens > 0 {
            let _ = write!(text, ", {} tokens ({:.0}/s)", large(self.tokens), self.tokens_per_second);
        }
        match (self.cost, self.unpriced) {
            (Some(cost), 0) => write!(text, ", ${cost:.2}"),
            (Some(cost), _) => write!(text, ", ≥ ${cost:.2}"),
            (None, _) => write!(text, ", cost unknown"),
        }
        .unwrap_or_default();
        Some(text)
    }

    fn cells(&self) -> Option<String> {
        let (done, all) = self.cells;
        (all > 1).then(|| format!("{done} of {all} cells done"))
    }

    /// Returns the lines of a block on a terminal, below the bar.
    pub(super) fn block(&self) -> String {
        let parts: Vec<String> = self.cells().into_iter().chain([format!("{} under way", self.under_way)]).collect();
        let mut lines = vec![self.message(), parts.join(", ")];
        lines.extend(self.taken());
        // Lines that do not fit are wrapped by the terminal, which leaves litter when the block is redrawn.
        let short = |slow: &Slow| Slow { item: end_of(&slow.item), ..slow.clone() };
        lines.extend(self.slowest.iter().map(|slow| format!("  {}", short(slow))));
        lines.join("\n")
    }

    /// Returns all of it in one line.
    pub(super) fn line(&self) -> String {
        let first = format!("{}/{} in {}: {}", self.done, self.total, spell(self.elapsed), self.message());
        let parts = self.cells().into_iter().chain([format!("{} under way", self.under_way)]).chain(self.taken());
        let slowest = self.slowest.first().map(|slow| format!("slowest {slow}"));
        [first].into_iter().chain(parts).chain(slowest).collect::<Vec<_>>().join("; ")
    }

    /// Returns it as a line of the log.
    pub(super) fn as_json(&self) -> Line {
        let counts: Map<String, Value> = self.counts.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
        let slowest: Vec<Value> = self.slowest.iter().map(Slow::as_json).collect();
        Line::new("info", "progress", &self.line())
            .with("event", "progress")
            .with("done", self.done)
            .with("total", self.total)
            .with("endings", counts)
            .with("retried", self.retried)
            .with("cells_done", self.cells.0)
            .with("cells", self.cells.1)
            .with("under_way", self.under_way)
            .with("seconds", self.elapsed.as_secs_f64())
            .with("seconds_left", self.left.map(|left| left.as_secs_f64()))
            .with("steps", self.steps)
            .with("steps_per_second", self.steps_per_second)
            .with("tokens", self.tokens)
            .with("tokens_per_second", self.tokens_per_second)
            .with("cost", self.cost)
            .with("unpriced", self.unpriced)
            .with("slowest", slowest)
    }
}

impl Slow {
    fn as_json(&self) -> Value {
        let Self { item, phase, step, age } = self;
        json!({ "item": item, "phase": phase, "step": step, "seconds": age.as_secs_f64() })
    }
}

impl std::fmt::Display for Slow {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { item, phase, step, age } = self;
        write!(formatter, "{item}  ")?;
        match phase {
            Some(Phase::Sandbox) => write!(formatter, "sandbox")?,
            Some(Phase::Judging) => write!(formatter, "judging")?,
            Some(Phase::Episode) | None => write!(formatter, "step {step}")?,
        }
        write!(formatter, "  {}", spell(*age))
    }
}

/// Returns the end of a name that is too long for a line.
fn end_of(name: &str) -> String {
    let length = name.chars().count();
    if length <= NAME {
        return name.to_owned();
    }
    let rest = name.chars().skip(length + 1 - NAME);
    ['…'].into_iter().chain(rest).collect()
}

/// Returns a time in its two largest units.
fn spell(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m {seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h {minutes:02}m"),
    }
}

/// Returns a large number in short.
fn large(count: u64) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..10_000_000 => format!("{:.1}k", count as f64 / 1e3),
        _ => format!("{:.1}M", count as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use agent_core::{Completion, FinishReason, Message, Record, Usage};
    use expect_test::{Expect, expect};
    use runner::engine::{Event, INFRASTRUCTURE, Stage, WorkItem};

    use super::super::board::Board;
    use super::*;

    const ENDINGS: [&str; 3] = ["solved", "unsolved", INFRASTRUCTURE];

    fn item(cell: &str, number: usize) -> WorkItem {
        WorkItem { cell: cell.to_owned(), instance_id: format!("i-{number}"), sample: 0, stage: Stage::Solve }
    }

    fn answer(step: u64, restored: bool) -> Record {
        let completion = Completion {
            message: Message::assistant(String::new(), Vec::new()),
            finish_reason: FinishReason::Stop,
            usage: Usage { prompt_tokens: 900, completion_tokens: 100, cached_tokens: 0 },
            cost: Some(0.25),
            malformed: None,
            served: None,
        };
        Record::Completion { step, request: String::new(), completion, seconds: 1.0, view: None, restored }
    }

    fn check_left(total: usize, workers: usize, done: &[(&'static str, Option<u64>)], expected: &Expect) {
        let now = Instant::now();
        let mut board = Board::new(now);
        board.hear(&Event::Queued { items: total, workers, endings: &ENDINGS }, now);
        for (number, (ending, took)) in done.iter().enumerate() {
            let (item, took) = (item("c", number), took.map(Duration::from_secs));
            board.hear(&Event::Ended { item: &item, ending, took, line: "" }, now);
        }
        expected.assert_eq(&board.figures(now).message());
    }

    #[test]
    fn the_time_left_goes_by_what_was_really_run() {
        check_left(9, 1, &[("solved", None), ("solved", None)], &expect!["2 solved, 0 unsolved, 0 infrastructure"]);
        check_left(
            10,
            2,
            &[("solved", None), ("solved", Some(30)), ("unsolved", Some(90)), ("infrastructure", None)],
            &expect!["2 solved, 1 unsolved, 1 infrastructure, 3m 00s left"],
        );
        check_left(1000, 1, &[("unsolved", Some(20))], &expect!["0 solved, 1 unsolved, 0 infrastructure, 5h 33m left"]);
        check_left(1, 4, &[("solved", Some(20))], &expect!["1 solved, 0 unsolved, 0 infrastructure, 0s left"]);
    }

    #[test]
    fn of_a_long_name_the_end_is_shown() {
        assert_eq!(end_of("codeact/i/0"), "codeact/i/0");
        let long = end_of(&format!("codeact+model.temperature=0.5{}/sphinx-doc__sphinx-10325/15", "+a=b".repeat(9)));
        assert_eq!((long.chars().count(), long.as_str()), (NAME, "…a=b+a=b+a=b+a=b+a=b/sphinx-doc__sphinx-10325/15"));
    }

    #[test]
    fn the_figures_are_of_what_this_process_has_asked_for_and_name_the_slowest() {
        let begun = Instant::now();
        let at = |seconds: u64| begun + Duration::from_secs(seconds);
        let mut board = Board::new(begun);
        let cells = [("a".to_owned(), 4), ("b".to_owned(), 1)];
        board.hear(&Event::Planned { cells: &cells }, begun);
        board.hear(&Event::Queued { items: 5, workers: 8, endings: &ENDINGS }, begun);
        let items: Vec<WorkItem> = (0..4).map(|number| item("a", number)).chain([item("b", 4)]).collect();
        for (item, second) in items.iter().zip([10, 4, 8, 2, 6]) {
            board.hear(&Event::Started { item }, at(second));
            board.hear(&Event::Entered { item, phase: Phase::Episode }, at(second));
        }
        for (step, restored) in [(1, true), (2, true), (3, false)] {
            let record = answer(step, restored);
            board.hear(&Event::Recorded { item: &items[1], record: &record }, at(20));
        }
        board.hear(&Event::Entered { item: &items[2], phase: Phase::Judging }, at(20));
        board.hear(&Event::Released { item: &items[3] }, at(20));
        let took = Some(Duration::from_secs(15));
        board.hear(&Event::Ended { item: &items[4], ending: "solved", took, line: "" }, at(20));
        board.hear(&Event::Skipped { item: &items[3] }, at(20));
        board.hear(&Event::Retried { item: &items[3], line: "" }, at(20));
        expect![[r#"
            1 solved, 0 unsolved, 0 infrastructure, 1 retried, 15s left
            1 of 2 cells done, 3 under way
            1 steps (0.1/s), 1000 tokens (50/s), $0.25
              a/i-1/0  step 3  16s
              a/i-2/0  judging  12s
              a/i-0/0  step 0  10s"#]]
        .assert_eq(&board.figures(at(20)).block());
        // The speed is that of the last minute.
        let _ = board.figures(at(60));
        board.hear(&Event::Recorded { item: &items[1], record: &answer(4, false) }, at(90));
        expect!["1/4 in 1m 30s: 1 solved, 0 unsolved, 0 infrastructure, 1 retried, 15s left; 1 of 2 cells done; 3 under way; 2 steps (0.0/s), 2000 tokens (33/s), $0.50; slowest a/i-1/0  step 4  1m 26s"]
            .assert_eq(&board.figures(at(90)).line());
    }
}
